"""Commands of `openleo terminal` about keys, positions, custody and incidents."""

from typing import Any

import click

from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import at
from openleo.cli._terminals import Which, which_options
from openleo.cli._text import counted


@click.command("claim-codes")
@which_options
@control_options
def claim_codes(where: Where, which: Which) -> None:
    """Make a one-time code for each terminal; they are printed once, and good for a day."""
    from openleo.control.enrolment import make_claim_codes

    with where.desk() as desk:
        codes = desk.act(lambda tx: make_claim_codes(tx, which()))
    rows = [(code.terminal, code.code, at(code.expires_at)) for code in codes]
    show(where, codes, table(("terminal", "code", "good until"), rows, none=""))


@click.command("accept-key")
@click.argument("terminal", required=False)
@click.option("--key", metavar="KEY", help="What the device shows: another is refused.")
@control_options
def accept_key(where: Where, terminal: str | None, key: str | None) -> None:
    """Take the key that a device offered with its claim code; without TERMINAL, list those that wait."""
    from openleo.control import enrolment

    with where.desk() as desk:
        if terminal is None:
            waiting = desk.read(enrolment.offered_keys)
            rows = [(row.terminal_id, row.offered_key, at(row.used_at)) for row in waiting]
            told = table(("terminal", "key", "offered"), rows, none="no key waits to be accepted")
            show(where, [dict(row._mapping) for row in waiting], told)
            return
        entry = desk.act(lambda tx: enrolment.accept_key(tx, terminal, key=key))
    show(
        where,
        {"terminal": terminal, "entry": entry},
        [f"{terminal}: key accepted (entry {entry} of the log)"],
    )


@click.command("position")
@click.argument("terminal", required=False)
@click.option("--why", default="", metavar="TEXT", help="Why you read it; it is written down.")
@click.option("--reads", is_flag=True, help="Who has read positions, instead.")
@control_options
def position(where: Where, terminal: str | None, why: str, reads: bool) -> None:
    """Read a terminal's last exact position; who read it, when and why is written down."""
    from openleo.control.positions import list_reads, read_position

    with where.desk() as desk:
        if reads:
            found = desk.read(lambda tx: list_reads(tx, terminal=terminal))
            rows = [(at(r.at), r.person_id, r.terminal_id, r.why) for r in found]
            told = table(("at", "who", "terminal", "why"), rows, none="no position was read")
            show(where, [dict(r._mapping) for r in found], told)
            return
        if terminal is None:
            raise click.UsageError("name a terminal, or ask for --reads")
        row = desk.act(lambda tx: read_position(tx, terminal, why=why))
    value: dict[str, Any] = {
        "terminal": row.terminal_id, "at": row.at, "latitude_deg": row.latitude_deg,
        "longitude_deg": row.longitude_deg, "state": row.state, "network_says": row.evidence["says"],
    }  # fmt: skip
    place = f"{row.latitude_deg:.5f}, {row.longitude_deg:.5f}"
    said = f"{row.state}; the network's evidence: {row.evidence['says']}"
    show(where, value, [f"{row.terminal_id}: {place} at {at(row.at)} ({said})"])


@click.command("locate")
@control_options
def locate(where: Where) -> None:
    """Write down the cells of about 5 km2 in which terminals credibly said they are."""
    from openleo.control import positions

    with where.desk() as desk:
        moved = desk.act(positions.locate)
    show(where, {"moved": moved}, [f"{counted(moved, 'terminal')} moved"])


@click.command("custody")
@click.argument("terminal")
@control_options
def custody_(where: Where, terminal: str) -> None:
    """Show a terminal's chain of custody, oldest first."""
    from openleo.control.custody import chain

    with where.desk() as desk:
        links = desk.read(lambda tx: chain(tx, terminal))
    rows = [(link.n, at(link.at), link.event, link.holder, link.by, link.note) for link in links]
    told = table(("n", "at", "event", "holder", "by", "note"), rows, none="nothing is written down")
    show(where, [dict(link._mapping) for link in links], told)


@click.command("incidents")
@click.option("--kind", metavar="KIND", help="clone, captured, gnss-spoofing or gnss-doubt.")
@click.option("--doubts", is_flag=True, help="Also single terminals whose position the network contradicts.")
@control_options
def incidents(where: Where, kind: str | None, doubts: bool) -> None:
    """List what is wrong with terminals' identities and positions; nobody is cut off by it."""
    from openleo.control.incidents import list_incidents

    with where.desk() as desk:
        found = desk.read(lambda tx: list_incidents(tx, kind=kind, doubts=doubts))
    rows = [
        (r.id, r.kind, at(r.from_at), at(r.until_at), r.details["terminals"], r.details.get("place", r.key))
        for r in found
    ]
    header = ("incident", "kind", "from", "until", "terminals", "what")
    show(where, [dict(r._mapping) for r in found], table(header, rows, none="there are no incidents"))


COMMANDS = (claim_codes, accept_key, position, locate, custody_, incidents)
