"""`openleo log`: read the decision log, prove and publish it, and check a copy of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._checking import check_folder, check_proof
from openleo.cli._control import Where, control_options, show, table
from openleo.cli._deciding import at, at_slot, claim_lines, reason_option
from openleo.cli._group import Group
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from openleo.control.plane import Tx

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("log", cls=Group)
def command() -> None:
    """Read the decision log, prove and publish it, and check a copy of it."""


@command.command("list")
@click.option("--area", metavar="AREA", help="Only entries about an area.")
@click.option("--kind", default="", metavar="KIND", help="Only those whose kind begins so: area., grant.")
@click.option("--last", type=click.IntRange(1), default=50, help="How many (default: 50).")
@control_options
def list_(where: Where, area: str | None, kind: str, last: int) -> None:
    """List the entries that you may read, newest first."""
    from openleo.control.reading import list_entries

    with where.desk() as desk:
        found = desk.read(lambda tx: list_entries(tx, area_id=area, kind=kind, limit=last))
    rows = [
        (one.index, at(one.decided_at), one.kind, one.area_id, one.account_id, one.by, at(one.embargo_until))
        for one in found
    ]
    header = ("entry", "decided", "what", "area", "account", "by", "not shown before")
    show(where, found, table(header, rows, none="there is no entry that you may read"))


@command.command("show")
@click.argument("index", type=click.IntRange(0), metavar="ENTRY")
@control_options
def show_(where: Where, index: int) -> None:
    """Show an entry whole, and the claims that contradict it, which are no part of it."""
    from openleo.control.claims import list_claims
    from openleo.control.reading import read_entry

    def verb(tx: "Tx") -> tuple[Any, dict[str, Any], Any]:
        entry, fields = read_entry(tx, index)
        return entry, fields, list_claims(tx, about_entry=index)

    with where.desk() as desk:
        entry, fields, claims = desk.read(verb)
    fields = {name: value for name, value in fields.items() if name not in {"body", "embargo"}}
    lines = [f"entry {index}: {entry.kind}", f"not shown to outsiders before {at(entry.embargo_until)}"]
    lines += [f"{name}: {_plain(name, value)}" for name, value in fields.items() if name != "kind"]
    value = {"entry": entry, "fields": fields, "claims": claims}
    show(where, value, [*lines, *claim_lines(claims)])


def _plain(name: str, value: object) -> str:
    if name == "effective" and isinstance(value, int):
        return f"{at_slot(value)} (slot {value})"
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@command.command("key")
@control_options
def key(where: Where) -> None:
    """Print the public key with which anyone checks this log."""
    with where.plane() as plane:
        text = plane.store.vkey.text()
    show(where, {"vkey": text}, [text])


@command.command("checkpoint")
@control_options
def checkpoint(where: Where) -> None:
    """Print the newest signed checkpoint: keep one, and the log can never deny what it held."""
    with where.plane() as plane:
        text = plane.store.checkpoint().decode()
    show(where, {"checkpoint": text}, text.splitlines())


@command.command("proof")
@click.argument("index", type=click.IntRange(0), metavar="ENTRY")
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="Where to write it: 12.tlog-proof.")
@control_options
def proof(where: Where, index: int, out: Path) -> None:
    """Write a file that proves an entry to be in the log, and tells nothing of it."""
    from openleo.control.publish import proof_of
    from openleo.control.reading import read_entry

    with where.desk() as desk:
        desk.read(lambda tx: read_entry(tx, index))
        content = proof_of(desk.plane, index)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}", "name another file") from error
    show(
        where,
        {"entry": index, "file": str(out)},
        [f"{out}: proves entry {index}; check it with `openleo log verify {out} --key VKEY`"],
    )


@command.command("publish")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@control_options
def publish(where: Where, folder: Path) -> None:
    """Write the log, which outsiders can check and not read, to a folder; or bring it up to date."""
    from openleo.control.publish import publish as publish_to

    with where.desk() as desk:
        done = publish_to(desk.plane, folder, actor=desk.actor)
    value = {"folder": str(folder), "entries": done.size, "new": done.added, "vkey": done.vkey}
    show(
        where,
        value,
        [
            f"{folder}: the log to entry {done.size - 1:,}, {done.added:,} of its entries new",
            f"anyone checks it with `openleo log verify {folder} --key '{done.vkey}'`",
        ],
    )


@command.command("disclose")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--entries", metavar="N,N", help="Which entries.")
@click.option("--area", metavar="AREA", help="Instead: all of an area that may be shown.")
@click.option(
    "--fields",
    required=True,
    metavar="NAME,NAME",
    help="What to show: kind, area, action, counts, reason, account, terminals, time, by, ...",
)
@click.option("--to", required=True, metavar="WHOM", help="Who gets it, for the log.")
@reason_option("Why.")
@control_options
def disclose(
    where: Where, *, folder: Path, entries: str | None, area: str | None, fields: str, to: str, reason: str
) -> None:  # fmt: skip
    """Write a package for somebody: chosen fields of entries whose embargo is over.

    It is the published log and a file for each entry; whoever has it can check every word without us.
    """
    from openleo.control.publish import disclose as disclose_to

    with where.desk() as desk:
        done = disclose_to(
            desk.plane, desk.actor, folder, indices=_numbers(entries), area_id=area,
            fields=[name.strip() for name in fields.split(",") if name.strip()], to=to, reason=reason,
        )  # fmt: skip
    value = {
        "folder": str(folder), "shown": done.shown, "fields": done.fields, "withheld": done.withheld,
        "entry": done.entry, "vkey": done.published.vkey,
    }  # fmt: skip
    lines = [
        f"{folder}: shows {', '.join(done.fields)} of entries {', '.join(map(str, done.shown))}",
        f"that it was disclosed to {to} is log entry {done.entry}",
        f"whoever has it checks it with `openleo log verify {folder} --key '{done.published.vkey}'`",
    ]
    if done.withheld:
        lines.insert(1, f"not shown (under embargo, or requests): {', '.join(map(str, done.withheld))}")
    show(where, value, lines)


def _numbers(text: str | None) -> list[int]:
    if text is None:
        return []
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInput(f"{text!r} are no entries", "write their numbers: --entries 3,5") from None


@command.command("embargo")
@click.argument("index", type=click.IntRange(0), metavar="[ENTRY]", required=False)
@click.option("--until", type=Instant(), help="Before when nothing of the entry is shown.")
@click.option("--days", type=float, help="Instead of an entry: for how many days of all entries to come.")
@reason_option("Why.")
@control_options
def embargo(where: Where, index: int | None, until: datetime | None, days: float | None, reason: str) -> None:
    """Decide before when nothing is shown of an entry, or of all that will be."""
    from openleo.control.publish import embargo as embargo_entry
    from openleo.control.publish import set_embargo_days

    with where.desk() as desk:
        if days is not None and index is None and until is None:
            recorded = desk.act(lambda tx: set_embargo_days(tx, days, reason=reason))
            said = f"of entries to come nothing is shown for {days:g} days"
        elif days is None and index is not None and until is not None:
            recorded = desk.act(lambda tx: embargo_entry(tx, index, until, reason=reason))
            said = f"nothing of entry {index} is shown before {at(until)}"
        else:
            raise BadInput("it is not clear what to embargo", "name ENTRY and --until TIME, or --days alone")
    show(where, {"index": index, "until": until, "days": days, "entry": recorded},
         [f"{said}; log entry {recorded}"])  # fmt: skip


@command.command("verify")
@click.argument("what", type=click.Path(path_type=Path), metavar="DIR|FILE")
@click.option(
    "--key",
    "vkey",
    required=True,
    metavar="VKEY",
    help="The log's public key, or a file that holds it; not the one in the folder.",
)
@click.option(
    "--older",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="A checkpoint that you kept: the log must extend it; may come again.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print (default: text).",
)
@click.pass_context
def verify(ctx: click.Context, what: Path, vkey: str, older: tuple[Path, ...], form: str) -> None:
    """Check a copy of a log, a package of disclosures, or a .tlog-proof.

    This needs no control database and no credential, and asks nobody.  Take the key from somewhere else than
    the folder.  Exits 1 where anything at all is wrong.
    """
    where = Where(None, None, None, form == "json")
    if what.is_dir():
        ok = check_folder(where, what, _key(vkey), older, now=datetime.now(UTC))
    else:
        if older:
            raise BadInput("a proof has no earlier checkpoints", "leave --older out, or name a folder")
        ok = check_proof(where, what, _key(vkey))
    if not ok:
        ctx.exit(1)


def _key(text: str) -> str:
    """Return the key itself, or what is in the file that is named."""
    if "+" in text:
        return text
    try:
        return Path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"{text!r} is neither a log's public key nor a file with one",
            "a key reads NAME+8hexdigits+base64",
        ) from None
