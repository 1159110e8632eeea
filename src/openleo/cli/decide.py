"""`openleo decide`: propose, approve, refuse and confirm what was asked, each signed with your key."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from openleo.cli._control import Desk, Where, control_options, show
from openleo.cli._deciding import (
    ask_first,
    at,
    at_slot,
    preview_lines,
    reason_option,
    request_json,
    request_lines,
    tell,
    try_preview,
    yes_option,
)
from openleo.cli._group import Group

if TYPE_CHECKING:
    from openleo.control.plane import Tx
    from openleo.control.request import Party, Request

_REQUEST = click.argument("request_id", metavar="REQUEST")
_INCLUDE = click.option(
    "--include",
    multiple=True,
    metavar="TERMINAL",
    help="A life-critical terminal that is to be cut too: both people name it; may come again.",
)


@click.group("decide", cls=Group)
def command() -> None:
    """Propose, approve, refuse and confirm what was asked, each signed with your key."""


@command.command("propose")
@_REQUEST
@_INCLUDE
@yes_option
@control_options
def propose(where: Where, request_id: str, include: tuple[str, ...], yes: bool) -> None:
    """Propose to grant a request: the first of two people."""
    from openleo.control.reading import approvers
    from openleo.control.switching import find_request, new_proposal
    from openleo.control.switching import propose as propose_it

    def verb(tx: "Tx") -> "tuple[Request, int, list[str], Party | None]":
        signature = desk.credential.sign("propose", new_proposal(tx, request_id, include=include))
        before = find_request(tx, request_id).proposed_by
        proposed = propose_it(tx, request_id, signature=signature, include=include)
        return proposed, _last_entry(tx), approvers(tx, proposed), before

    with where.desk() as desk:
        _look_first(where, desk, request_id, include, f"propose to grant {request_id}?", yes)
        request, index, able, before = desk.act(verb)
    replaced = [f"it takes the place of {before.id}'s proposal"] if before is not None else []
    lines = [
        f"a second person must approve it within a day: {', '.join(able)}",
        f"`openleo decide approve {request.id}{_named(include)}`",
    ]
    if not able:
        who = " and ".join(dict.fromkeys(p.id for p in (request.asked_by, request.proposed_by) if p))
        lines = [
            f"nobody can approve it: who asked and who proposed may not ({who}), and no third can",
            f"give a third person the role: `openleo person grant NAME approver --area {request.area_id}`",
        ]
    show(
        where,
        {"request": request_json(request), "entry": index, "can_approve": able},
        [
            f"{request.id} is proposed, and nothing has changed yet; log entry {index}",
            *replaced,
            *lines,
        ],
    )


@command.command("approve")
@_REQUEST
@_INCLUDE
@yes_option
@control_options
def approve(where: Where, request_id: str, include: tuple[str, ...], yes: bool) -> None:
    """Grant a request, as the second of two people: the area is switched."""
    from openleo.control.areas import find_area
    from openleo.control.switching import approve as approve_it
    from openleo.control.switching import to_sign

    def verb(tx: "Tx") -> "tuple[Request, int, Any]":
        signature = desk.credential.sign("approve", to_sign(tx, request_id))
        granted, index = approve_it(tx, request_id, signature=signature, include=include)
        return granted, index, find_area(tx.conn, granted.area_id)

    with where.desk() as desk:
        _look_first(where, desk, request_id, None, f"approve {request_id}?", yes)
        request, index, area = desk.act(verb)
    show(
        where,
        {"request": request_json(request), "entry": index},
        [
            f"{request.id} is granted; log entry {index}",
            *_granted(request, area),
        ],
    )


@command.command("refuse")
@_REQUEST
@reason_option("Why not.")
@control_options
def refuse(where: Where, request_id: str, reason: str) -> None:
    """Refuse a request, and say why."""
    from openleo.control.reading import read_request
    from openleo.control.switching import refuse as refuse_it

    def verb(tx: "Tx") -> "tuple[Request, int]":
        read_request(tx, request_id)
        return refuse_it(tx, request_id, reason=reason), _last_entry(tx)

    with where.desk() as desk:
        request, index = desk.act(verb)
    show(
        where,
        {"request": request_json(request), "entry": index},
        [f"{request.id} is refused: {reason}; log entry {index}"],
    )


@command.command("confirm")
@_REQUEST
@yes_option
@control_options
def confirm(where: Where, request_id: str, yes: bool) -> None:
    """Let an emergency off stand, as the second person, within the hour."""
    from openleo.control.switching import confirm as confirm_it
    from openleo.control.switching import to_sign

    def verb(tx: "Tx") -> "tuple[Request, int]":
        return confirm_it(tx, request_id, signature=desk.credential.sign("confirm", to_sign(tx, request_id)))

    with where.desk() as desk:
        _look_first(where, desk, request_id, None, f"confirm that {request_id} stands?", yes)
        request, index = desk.act(verb)
    show(
        where,
        {"request": request_json(request), "entry": index},
        [
            f"{request.id} is confirmed: area {request.area_id} stays off; log entry {index}",
            f"off since {at_slot(request.effective_slot)}",
        ],
    )


def _look_first(
    where: Where, desk: Desk, request_id: str, include: Sequence[str] | None, question: str, yes: bool
) -> None:
    """Show the request and what it changes, and ask."""
    from openleo.control.reading import read_request

    request = desk.read(lambda tx: read_request(tx, request_id))
    preview: Callable[[Tx], Any] = lambda tx: try_preview(tx, request, include)  # noqa: E731
    tell(where, [*request_lines(request), "", *preview_lines(desk.read(preview)), ""])
    ask_first(where, yes, question)


def _last_entry(tx: "Tx") -> int:
    from openleo.control.ledger import size_of

    return size_of(tx.conn) - 1


def _granted(request: "Request", area: Any) -> list[str]:
    if area.kind == "advisory" and request.switch != "as-is":
        return [
            f"it is decided that area {area.id} is {request.switch}; its vendor must do so, and until "
            "that is observed it counts as before",
            f"tell the vendor, then: `openleo area observe {area.id} sent --note '...'`",
        ]
    done = "has its new definition" if request.switch == "as-is" else f"is {request.switch}"
    return [f"area {area.id} {done} from {at_slot(request.effective_slot)}, decided {at(request.closed_at)}"]


def _named(include: Sequence[str]) -> str:
    return "".join(f" --include {name}" for name in include)
