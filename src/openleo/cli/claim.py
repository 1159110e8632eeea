"""`openleo claim`: what outsiders say, kept beside decisions and never as one."""

from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import at
from openleo.cli._group import Group

if TYPE_CHECKING:
    from openleo.control.claims import Claim

_STATUSES = ("asserted", "denied", "corroborated")
_CLAIM = click.argument("claim_id", metavar="CLAIM")
_SOURCE = click.option("--source", required=True, metavar="TEXT", help="A URL, a citation, or a run.")
_NOTE = click.option("--note", required=True, metavar="TEXT", help="What it says.")


@click.group("claim", cls=Group)
def command() -> None:
    """Keep what outsiders say beside decisions, never as one."""


@command.command("new")
@click.argument("text")
@click.option("--by", "said_by", required=True, metavar="WHO", help="Who said it.")
@_SOURCE
@click.option(
    "--on",
    "said_on",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day it was said.",
)
@click.option("--area", metavar="AREA", help="The area that it is about.")
@click.option("--contradicts", type=int, metavar="N", help="The entry of the log that it contradicts.")
@control_options
def new(
    where: Where,
    *,
    text: str,
    said_by: str,
    source: str,
    said_on: datetime,
    area: str | None,
    contradicts: int | None,
) -> None:
    """Write down what somebody outside said."""
    from openleo.control.claims import NewClaim, record_claim

    claim = NewClaim(
        said_by=said_by, text=text, source=source, said_on=said_on.date(), area_id=area,
        about_entry=contradicts,
    )  # fmt: skip
    with where.desk() as desk:
        _show(where, desk.act(lambda tx: record_claim(tx, claim)))


@command.command("list")
@click.option("--area", metavar="AREA", help="Only those about an area.")
@click.option("--entry", type=int, metavar="N", help="Only those that contradict an entry of the log.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those of a status.")
@control_options
def list_(where: Where, area: str | None, entry: int | None, status: str | None) -> None:
    """List the claims that you may read, newest first."""
    from openleo.control.claims import HEADING, Status, list_claims

    wanted = None if status is None else Status(status)
    with where.desk() as desk:
        found = desk.read(lambda tx: list_claims(tx, area_id=area, about_entry=entry, status=wanted))
    rows = [(c.id, c.said_on, c.status.label, c.said_by, c.area_id, c.about_entry, c.text) for c in found]
    header = ("", "said on", "status", "by", "area", "contradicts", "text")
    lines = table(header, rows, none="there are no claims")
    show(where, found, [f"{HEADING}:", *lines] if found else lines)


@command.command("show")
@_CLAIM
@control_options
def show_(where: Where, claim_id: str) -> None:
    """Show a claim, and what became of it."""
    from openleo.control.claims import find_claim

    with where.desk() as desk:
        _show(where, desk.read(lambda tx: find_claim(tx, claim_id)))


@command.command("deny")
@_CLAIM
@_NOTE
@_SOURCE
@control_options
def deny(where: Where, claim_id: str, note: str, source: str) -> None:
    """Write down that a claim is denied, by whom and where."""
    _turn(where, claim_id, "denied", note, source)


@command.command("corroborate")
@_CLAIM
@_NOTE
@_SOURCE
@control_options
def corroborate(where: Where, claim_id: str, note: str, source: str) -> None:
    """Write down that telemetry shows a claim to be so."""
    _turn(where, claim_id, "corroborated", note, source)


def _turn(where: Where, claim_id: str, status: str, note: str, source: str) -> None:
    from openleo.control.claims import Status, turn_claim

    with where.desk() as desk:
        _show(where, desk.act(lambda tx: turn_claim(tx, claim_id, Status(status), note=note, source=source)))


def _show(where: Where, claim: "Claim") -> None:
    today = date.isoformat(claim.said_on)
    lines = [
        f"{claim.id}: a claim, not a decision; {claim.status.label}",
        f"{claim.said_by} on {today}: {claim.text}",
        f"source: {claim.source}",
    ]
    if claim.area_id is not None:
        lines.append(f"about area {claim.area_id}")
    if claim.about_entry is not None:
        lines.append(f"contradicts entry {claim.about_entry} of the log")
    lines.append(f"recorded by {claim.recorded_by} at {at(claim.recorded_at)}")
    lines += [
        f"{turn.status.label} at {at(turn.at)} by {turn.by}: {turn.note} ({turn.source})"
        for turn in claim.turns
    ]
    show(where, claim, lines)
