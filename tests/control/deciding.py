"""The steps by which a test has an area made and switched, each signed by who takes it."""

from collections.abc import Sequence
from typing import Any

from openleo.control.areas import NewArea, define_area
from openleo.control.onboarding import cells_at
from openleo.control.request import Request
from openleo.control.switching import (
    approve,
    ask,
    confirm,
    emergency_off,
    emergency_text,
    new_proposal,
    propose,
    to_sign,
)
from openleo.ground.cells import cell_centre_deg, cells_in_circle

KHERSON = cells_in_circle(46.6, 32.6, 40e3)


def define(world: Any, name: str, cells: Any = KHERSON, **more: Any) -> Any:
    """Have amina make an area."""
    new = NewArea(id=name, cells=cells, parent_id=more.pop("parent", None), **more)
    return world.act("amina", lambda tx: define_area(tx, new))


def asked(world: Any, area: str, switch: str, *, by: str = "amina", **more: Any) -> Request:
    """Ask for an area to be switched."""
    reason = more.pop("reason", f"that {area} is {switch}")
    return world.act(by, lambda tx: ask(tx, area, switch, reason=reason, **more))


def proposed(world: Any, request: str, *, by: str = "amina", include: Sequence[str] = ()) -> Request:
    """Propose to grant a request."""

    def verb(tx: Any) -> Request:
        text = new_proposal(tx, request, include=include)
        return propose(tx, request, signature=world.credentials[by].sign("propose", text), include=include)

    return world.act(by, verb)


def approved(
    world: Any, request: str, *, by: str = "jonas", include: Sequence[str] = ()
) -> tuple[Request, int]:
    """Approve what was proposed."""

    def verb(tx: Any) -> tuple[Request, int]:
        signature = world.credentials[by].sign("approve", to_sign(tx, request))
        return approve(tx, request, signature=signature, include=include)

    return world.act(by, verb)


def confirmed(world: Any, request: str, *, by: str = "jonas") -> tuple[Request, int]:
    """Let an emergency stand."""

    def verb(tx: Any) -> tuple[Request, int]:
        return confirm(tx, request, signature=world.credentials[by].sign("confirm", to_sign(tx, request)))

    return world.act(by, verb)


def emergency(world: Any, area: str, *, by: str = "amina", reason: str = "captured") -> tuple[Request, int]:
    """Switch an area off alone."""

    def verb(tx: Any) -> tuple[Request, int]:
        _, text = emergency_text(tx, area, reason=reason)
        signature = world.credentials[by].sign("emergency", text)
        return emergency_off(tx, area, reason=reason, signature=signature)

    return world.act(by, verb)


def switched(
    world: Any, area: str, switch: str, *, include: Sequence[str] = (), **more: Any
) -> tuple[Request, int]:
    """Have an area switched by amina and jonas, and wait until that acts."""
    request = asked(world, area, switch, **more)
    proposed(world, request.id, include=include)
    done = approved(world, request.id, include=include)
    world.clock.turn(minutes=1)
    return done


def add_terminal(world: Any, id: str, cell: int, account: str = "ngo", **more: Any) -> None:
    """Add an active terminal in the middle of a cell of resolution 5."""
    latitude, longitude = cell_centre_deg(cell)
    columns = {"serial": f"S{id}", "kind": "standard", "account_id": account, "state": "active"}
    world.add("terminal", id, **columns, **cells_at(latitude, longitude), **more)


def add_account(world: Any, name: str) -> None:
    """Add an active account."""
    world.add("account", name, status="active", cut_terminals=[])
