"""`openleo terminal`: take terminals in, lead them through their life, and find who has which."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import at, reason_option
from openleo.cli._group import Group
from openleo.cli._instants import Instant
from openleo.cli._people import pair_of as signed_by_two
from openleo.cli._terminal_trust import COMMANDS
from openleo.cli._terminals import (
    Which,
    described,
    pair_of,
    second_option,
    states_line,
    tell_done,
    which_options,
    yes_no,
)
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.plane import Tx

_effective = click.option(
    "--effective", type=Instant(), metavar="TIME", help="From then on (default: the next slot that can be)."
)
_note = click.option("--note", default="", metavar="TEXT", help="For the chain of custody.")
_to = click.option("--to", required=True, metavar="HOLDER", help="Who has them from now on.")


@click.group("terminal", cls=Group)
def command() -> None:
    """Take terminals in, activate, suspend and revoke them, and see who has which."""


@command.command("onboard")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--account", default="", metavar="ACCOUNT", help="For rows that name none.")
@click.option(
    "--area", default="", metavar="AREA", help="For rows that name none: whose people may act on it."
)
@click.option("--holder", default="", metavar="HOLDER", help="For rows that name none: who has it.")
@click.option(
    "--plan", default="", metavar="PLAN", help="For rows that name none, and no line that is there."
)
@click.option("--country", default="", metavar="CC", help="For new lines of rows that name none.")
@click.option("--batch", default="", metavar="BATCH", help="The batch's name (default: the next b-N).")
@reason_option("Why, for the log.", required=False)
@control_options
def onboard(where: Where, file: Path, plan: str, country: str, **how: str) -> None:
    """Add the terminals of a CSV file: all of them, or none where a row is wrong.

    Its first line names the columns: id and kind, and as wanted serial, account, area, holder, line (a
    service line that is there) or plan, country, latitude_deg and longitude_deg (a new one), life_critical
    (yes or no) and name (who depends on it).  The same file can place the terminals of a scenario.
    """
    from openleo.control import onboarding

    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}", "name a CSV file of terminals") from error
    with where.desk() as desk:
        source = onboarding.Source.of(data, file.name, plan=plan, country=country)
        done = desk.act(lambda tx: onboarding.onboard(tx, source, **how))
        batch = desk.read(lambda tx: _batch_of(tx, done.ids[0]))
    tell_done(
        where, done, f"stocked as batch {batch}", hint=f"next: openleo terminal ship --batch {batch} --to ..."
    )


def _batch_of(tx: "Tx", terminal: str) -> str:
    from openleo.control.inventory import find_terminal

    return str(find_terminal(tx, terminal).batch)


@command.command("list")
@which_options
@click.option("--suspect", is_flag=True, help="Only those whose place is doubted.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, help="At most so many (default: 200).")
@control_options
def list_(where: Where, which: Which, suspect: bool, limit: int) -> None:
    """List terminals; never where they are."""
    from openleo.control.inventory import count_by_state, list_terminals

    with where.desk() as desk:
        rows = desk.read(lambda tx: list_terminals(tx, which(), suspect=suspect, limit=limit))
        counts = desk.read(lambda tx: count_by_state(tx, which()))
    header = ("terminal", "kind", "state", "account", "area", "batch", "holder", "life-critical", "where")
    lines = [
        (
            r.id, r.kind, r.state, r.account_id, r.area_id, r.batch, r.holder,
            r.name if r.life_critical else "", "suspect" if r.where == "suspect" else "",
        )
        for r in rows
    ]  # fmt: skip
    told = table(header, lines, none="there are no such terminals")
    if rows and not suspect:
        total = sum(counts.values())
        more = f"; {len(rows):,} are shown, --limit shows more" if len(rows) < total else ""
        told += ["", f"{counted(total, 'terminal')}: {states_line(counts)}{more}"]
    show(where, [dict(r._mapping) for r in rows], told)


@command.command("show")
@click.argument("terminal")
@control_options
def show_(where: Where, terminal: str) -> None:
    """Show a terminal, without its position."""
    from openleo.control.custody import chain
    from openleo.control.inventory import find_terminal
    from openleo.control.positions import doubt

    with where.desk() as desk:
        row = desk.read(lambda tx: find_terminal(tx, terminal))
        links = desk.read(lambda tx: chain(tx, terminal))
        says = desk.read(lambda tx: doubt(tx, terminal))
    lines = described(
        [
            ("terminal", row.id), ("serial", row.serial), ("kind", row.kind), ("state", row.state),
            ("account", row.account_id), ("service line", row.line_id), ("area", row.area_id),
            ("batch", row.batch), ("holder", row.holder), ("life-critical", yes_no(row.life_critical)),
            ("who depends on it", row.name), ("key", row.public_key),
            ("quarantined since", at(row.quarantined_since)), ("network says of its position", says),
            ("version", row.version), ("chain of custody", f"{counted(len(links), 'link')}"),
        ]
    )  # fmt: skip
    show(where, {**row._mapping, "network_says": says}, lines)


@command.command("change")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--life-critical/--not-life-critical", default=None, help="Whether lives depend on it.")
@click.option("--name", metavar="TEXT", help="Who depends on it.")
@click.option("--account", metavar="ACCOUNT", help="Whose it is.")
@click.option("--line", metavar="LINE", help="Its service line, which is the account's; or none.")
@click.option("--area", metavar="AREA", help="The area whose people may act on it; or none.")
@_effective
@second_option
@reason_option("Why, for the log.")
@control_options
def change(
    where: Where, ids: tuple[str, ...], effective: datetime | None, second: Path | None, reason: str,
    **wanted: Any,
) -> None:  # fmt: skip
    """Change what terminals are: one decision for all that are named.

    What is life-critical ceases to be so, or gets another account or line, by two people alone.
    """
    from openleo.control.amending import Amendment, amend, amend_text
    from openleo.control.inventory import Selection

    which, to = Selection(ids=ids), Amendment(**wanted)
    with where.desk() as desk:
        pair = signed_by_two(
            desk, second, lambda tx: amend_text(tx, which, to, reason=reason, effective=effective)
        )
        done = desk.act(lambda tx: amend(tx, which, to, reason=reason, effective=effective, pair=pair))
    tell_done(where, done, "changed")


@command.command("ship")
@which_options
@_to
@_note
@control_options
def ship(where: Where, which: Which, to: str, note: str) -> None:
    """Send terminals to someone."""
    from openleo.control import custody

    with where.desk() as desk:
        done = desk.act(lambda tx: custody.ship(tx, which(), to=to, note=note))
    tell_done(where, done, f"shipped to {to}")


@command.command("receive")
@which_options
@click.option("--holder", metavar="HOLDER", help="Who has them now (default: to whom they were shipped).")
@_note
@control_options
def receive(where: Where, which: Which, holder: str | None, note: str) -> None:
    """Say that shipped terminals have arrived."""
    from openleo.control import custody

    with where.desk() as desk:
        done = desk.act(lambda tx: custody.receive(tx, which(), holder=holder, note=note))
    tell_done(where, done, "received")


@command.command("hand")
@which_options
@click.option("--to", metavar="HOLDER", help="Who has them from now on.")
@click.option("--lost", is_flag=True, help="They are lost; their service goes on until you end it.")
@click.option("--found", is_flag=True, help="They were lost, and HOLDER has them.")
@_note
@control_options
def hand(where: Where, *, which: Which, to: str | None, lost: bool, found: bool, note: str) -> None:
    """Hand terminals to someone in person, or say that they are lost or found."""
    from openleo.control import custody

    if lost == bool(to) or (lost and found):
        raise click.UsageError("say who has them (--to HOLDER, with --found where they were lost), or --lost")
    with where.desk() as desk:
        if lost:
            done, what = desk.act(lambda tx: custody.lose(tx, which(), note=note)), "lost"
        elif found:
            done, what = desk.act(lambda tx: custody.find(tx, which(), holder=to or "", note=note)), "found"
        else:
            done = desk.act(lambda tx: custody.hand(tx, which(), to=to or "", note=note))
            what = f"handed to {to}"
    tell_done(where, done, what)


@command.command("activate")
@which_options
@_effective
@reason_option("Why, for the log.", required=False)
@control_options
def activate(where: Where, which: Which, effective: datetime | None, reason: str) -> None:
    """Let received terminals be served."""
    from openleo.control import custody

    with where.desk() as desk:
        done = desk.act(lambda tx: custody.activate(tx, which(), reason=reason, effective=effective))
    tell_done(where, done, "active")


@command.command("suspend")
@which_options
@_effective
@second_option
@reason_option("Why, for the log.")
@control_options
def suspend(where: Where, which: Which, effective: datetime | None, second: Path | None, reason: str) -> None:
    """Stop serving terminals for a time."""
    from openleo.control import custody

    with where.desk() as desk:
        pair = pair_of(desk, second, "suspend", which(), reason=reason, effective=effective)
        done = desk.act(
            lambda tx: custody.suspend(tx, which(), reason=reason, effective=effective, pair=pair)
        )
    tell_done(where, done, "suspended")


@command.command("resume")
@which_options
@_effective
@reason_option("Why, for the log.", required=False)
@control_options
def resume(where: Where, which: Which, effective: datetime | None, reason: str) -> None:
    """Serve suspended terminals again."""
    from openleo.control import custody

    with where.desk() as desk:
        done = desk.act(lambda tx: custody.resume(tx, which(), reason=reason, effective=effective))
    tell_done(where, done, "active")


@command.command("hold")
@which_options
@second_option
@reason_option("Why, for the log and for whoever appeals.")
@control_options
def hold(where: Where, which: Which, second: Path | None, reason: str) -> None:
    """Stop serving terminals that seem to be where they may not, until that is cleared up."""
    from openleo.control import custody

    with where.desk() as desk:
        pair = pair_of(desk, second, "hold", which(), reason=reason)
        done = desk.act(lambda tx: custody.hold(tx, which(), reason=reason, pair=pair))
    tell_done(where, done, "held", hint="`openleo terminal release` ends a hold")


@command.command("release")
@which_options
@_effective
@reason_option("Why, for the log.")
@control_options
def release(where: Where, which: Which, effective: datetime | None, reason: str) -> None:
    """End a hold."""
    from openleo.control import custody

    with where.desk() as desk:
        done = desk.act(lambda tx: custody.release(tx, which(), reason=reason, effective=effective))
    tell_done(where, done, "active")


@command.command("revoke")
@which_options
@_effective
@second_option
@reason_option("Why, for the log.")
@control_options
def revoke(where: Where, which: Which, effective: datetime | None, second: Path | None, reason: str) -> None:
    """Refuse terminals from the next slot on, and their next word."""
    from openleo.control import revocation

    with where.desk() as desk:
        pair = pair_of(desk, second, "revoke", which(), reason=reason, effective=effective)
        done = desk.act(
            lambda tx: revocation.revoke(tx, which(), reason=reason, effective=effective, pair=pair)
        )
    tell_done(where, done, "revoked")


@command.command("captured")
@which_options
@click.option(
    "--since", type=Instant(), required=True, metavar="TIME", help="When they fell into wrong hands."
)
@_effective
@second_option
@reason_option("Why, for the log.")
@control_options
def captured(
    where: Where,
    *,
    which: Which,
    since: datetime,
    effective: datetime | None,
    second: Path | None,
    reason: str,
) -> None:
    """Say that terminals are in wrong hands: refused, and what they sent since then is quarantined."""
    from openleo.control import revocation

    with where.desk() as desk:
        pair = pair_of(desk, second, "capture", which(), reason=reason, since=since, effective=effective)
        done = desk.act(
            lambda tx: revocation.capture(
                tx, which(), since=since, reason=reason, effective=effective, pair=pair
            )
        )
    hint = f"quarantined since {at(since)}: nothing that was sent from then on counts"
    tell_done(where, done, "captured", hint=hint)


@command.command("restore")
@which_options
@click.option("--holder", metavar="HOLDER", help="Who has them now.")
@_effective
@reason_option("Why, for the log.")
@control_options
def restore(where: Where, which: Which, holder: str | None, effective: datetime | None, reason: str) -> None:
    """Undo a revocation or a capture; a captured one enrols a new key, and each is activated anew."""
    from openleo.control import revocation

    with where.desk() as desk:
        done = desk.act(
            lambda tx: revocation.restore(tx, which(), reason=reason, holder=holder, effective=effective)
        )
    tell_done(where, done, "restored", hint="it is not served until `openleo terminal activate`")


for _one in COMMANDS:
    command.add_command(_one)
