"""What the tests of people, accounts and the store's keeping share."""

from collections.abc import Callable

from control_world import World

from openleo.control import grants, people
from openleo.control.credential import Credential
from openleo.control.critical import Cut
from openleo.control.pairs import Pair, sign_together
from openleo.control.plane import Actor, Tx


def pair(world: World, first: str, second: str, text: Callable[[Tx], str]) -> Pair:
    """Return what two people sign."""
    signed = world.read(first, text)
    return sign_together(signed, world.credentials[first], world.credentials[second], world.people[second])


def join(world: World, name: str, *, human: str | None = None, by: str = "amina") -> Credential:
    """Add a person as people do, who may do nothing yet."""
    made = Credential.make(name, world.plane.network.origin)
    world.act(by, lambda tx: people.add_person(tx, name, human=human, public_key=made.public_key))
    world.credentials[name] = made
    world.people[name] = Actor(id=name, human=human or name)
    return made


def give(world: World, name: str, role: str, area: str | None = None, *, by: str = "amina",
         second: str | None = "jonas") -> str:  # fmt: skip
    """Give a role, and return the grant's id."""
    both = None
    if second is not None:
        both = pair(world, by, second, lambda tx: grants.grant_text(tx, name, role, area))
    made: str = world.act(by, lambda tx: grants.grant(tx, name, role, area, pair=both).id)
    return made


def cut(world: World, first: str, second: str, include: tuple[str, ...], text: Callable[[Tx], str]) -> Cut:
    """Return terminals that two people cut."""
    return Cut(include=include, pair=pair(world, first, second, text))


def area(world: World, name: str, parent: str | None = None, cell: int = 0x85283473FFFFFFF) -> None:
    """Make an area of one cell."""
    import numpy as np

    from openleo.control.areas import NewArea, define_area

    new = NewArea(id=name, cells=np.array([cell], np.uint64), parent_id=parent)
    world.act("amina", lambda tx: define_area(tx, new))


def terminal(world: World, name: str, account: str | None, *, critical: bool = False, line: str | None = None,
             state: str = "active") -> None:  # fmt: skip
    """Put a terminal in the inventory."""
    world.add("terminal", name, serial=f"s-{name}", kind="standard", account_id=account, line_id=line,
              state=state, life_critical=critical, holder="", name="a ward" if critical else "")  # fmt: skip
