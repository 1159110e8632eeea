"""`openleo request`: ask for an area to be switched, and see what was asked."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import (
    at,
    preview_lines,
    reason_option,
    request_json,
    request_lines,
    try_preview,
)
from openleo.cli._definition import Definition, definition_options
from openleo.cli._group import Group
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from openleo.control.plane import Tx


@click.group("request", cls=Group)
def command() -> None:
    """Ask for an area to be switched, and see what was asked."""


@command.command("new")
@click.argument("area")
@click.argument("switch", type=click.Choice(["on", "off", "as-is"]))
@reason_option("Why.")
@click.option("--evidence", multiple=True, metavar="TEXT", help="What speaks for it; may come again.")
@click.option("--effective", type=Instant(), help="When (default: as soon as it can be once granted).")
@definition_options
@control_options
def new(
    where: Where,
    *,
    area: str,
    switch: str,
    reason: str,
    evidence: tuple[str, ...],
    effective: datetime | None,
    definition: Definition,
) -> None:
    """Ask for an area to be on or off, or (as-is) for another definition of it."""
    from openleo.control.switching import ask

    with where.desk() as desk:
        request = desk.act(
            lambda tx: ask(
                tx, area, switch, reason=reason, changes=definition.changes(tx), evidence=evidence,
                effective=effective,
            )
        )  # fmt: skip
    show(
        where,
        request_json(request),
        [
            f"{request.id}: area {area}, {switch}, is asked for; nothing has changed yet",
            f"next: `openleo decide propose {request.id}`, or `openleo decide refuse {request.id}`",
        ],
    )


@command.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that wait for a decision.")
@click.option("--area", metavar="AREA", help="Only those about an area.")
@control_options
def list_(where: Where, open_only: bool, area: str | None) -> None:
    """List the requests that you may read, and your own, newest first."""
    from openleo.control.switching import list_requests

    with where.desk() as desk:
        found = desk.read(lambda tx: list_requests(tx, open_only=open_only, area_id=area))
    rows = [(r.id, r.area_id, r.switch, r.state, r.asked_by.id, at(r.asked_at), r.reason) for r in found]
    header = ("", "area", "switch", "state", "asked by", "asked", "reason")
    show(where, [request_json(r) for r in found], table(header, rows, none="there are no requests"))


@command.command("show")
@click.argument("request_id", metavar="REQUEST")
@control_options
def show_(where: Where, request_id: str) -> None:
    """Show a request: what was said of it, what it would change, and the text to sign."""
    from openleo.control.reading import approvers, read_request, talk_of
    from openleo.control.request import OPEN
    from openleo.control.switching import to_sign

    def verb(tx: "Tx") -> dict[str, Any]:
        request = read_request(tx, request_id)
        is_open = request.state in OPEN
        return {
            "request": request, "talk": talk_of(tx, request), "whatif": try_preview(tx, request),
            "to_sign": to_sign(tx, request_id) if is_open else None,
            "can_approve": approvers(tx, request) if is_open else [],
        }  # fmt: skip

    with where.desk() as desk:
        value = desk.read(verb)
    request = value["request"]
    lines = request_lines(request, value["talk"])
    if value["can_approve"]:
        lines += ["", f"can approve it: {', '.join(value['can_approve'])}"]
    if value["whatif"] is not None:
        lines += ["", *preview_lines(value["whatif"])]
    if value["to_sign"] is not None:
        lines += ["", "to sign:", *(f"  {line}" for line in value["to_sign"].splitlines())]
    show(where, {**value, "request": request_json(request)}, lines)


@command.command("withdraw")
@click.argument("request_id", metavar="REQUEST")
@reason_option("Why.", required=False)
@control_options
def withdraw(where: Where, request_id: str, reason: str) -> None:
    """Take your own request back."""
    from openleo.control.reading import read_request
    from openleo.control.switching import withdraw as withdraw_it

    with where.desk() as desk:
        request = desk.act(
            lambda tx: read_request(tx, request_id) and withdraw_it(tx, request_id, reason=reason)
        )
    show(where, request_json(request), [f"{request.id} is withdrawn"])


@command.command("remark")
@click.argument("request_id", metavar="REQUEST")
@click.argument("text")
@control_options
def remark(where: Where, request_id: str, text: str) -> None:
    """Say something about a request, for those who decide."""
    from openleo.control.reading import read_request
    from openleo.control.switching import remark as remark_on

    def verb(tx: "Tx") -> None:
        read_request(tx, request_id)
        remark_on(tx, request_id, text)

    with where.desk() as desk:
        desk.act(verb)
    show(where, {"request": request_id, "text": text}, [f"said of {request_id}"])
