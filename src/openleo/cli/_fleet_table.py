"""`openleo fleet table, versions, filters`: every terminal, what it runs and uses, who has it."""

import csv
import io
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import table as columns
from openleo.cli._durations import Duration
from openleo.cli._fleet import At, fleet_options, person_here, show
from openleo.cli._fleet_looking import looking, tell
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.fleet.table.rows import Row, Table

_SORTS = (
    "urgency", "terminal", "site", "account", "state", "since", "version", "last_seen", "down_gb",
)  # fmt: skip
_HEADS = ("terminal", "kit", "site", "health", "cause", "since", "version", "used", "holder", "seen")
_data = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)  # fmt: skip
_form = click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True,
    help="How to print.",
)  # fmt: skip
_where = click.option(
    "--where", metavar="WORDS",
    help="Those that are so, such as: dark and version=2026.11.* and not site=Lviv",
)  # fmt: skip
_filter = click.option("--filter", "saved", metavar="NAME", help="Those that a saved filter chooses.")


@click.command("table")
@_where
@_filter
@click.option("--site", metavar="NAME", help="Those of a site.")
@click.option("--account", metavar="NAME", help="Those of an account.")
@click.option("--save", metavar="NAME", help="Save --where under a name.")
@click.option("--sort", type=click.Choice(_SORTS), default="urgency", show_default=True, help="The order.")
@click.option("--usage", type=Duration(), metavar="DURATION",
              help="Estimate what each used over so long: 30d (from rates that telemetry told).")  # fmt: skip
@click.option("--by", type=click.Choice(["account", "line", "site"]),
              help="Sum what was used by account, service line or site.")  # fmt: skip
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many to show.")
@_form
@_data
def table(
    where: str | None, *, saved: str | None, site: str | None, account: str | None, save: str | None,
    sort: str, usage: timedelta | None, by: str | None, limit: int, form: str, data: Path | None,
) -> None:  # fmt: skip
    """Show every terminal: health, cause, since, version, data use, who has it, last seen.

    Filters have words (dark, silent, poor, online, never-seen, well, ill, critical, update-waits, by-us),
    fields with = != ~ < > (terminal, kit, name, site, account, line, holder, custody, note, state, cause,
    version, source, country, cell, people, latency, drop, down, up, ill-for, unseen-for, down-gb), and not,
    and, or, brackets.  * stands for anything, 2h for a length of time.
    """
    from openleo.fleet.table.rows import sorted_rows

    at = At(data, form == "json")
    if save is not None and where is None:
        raise click.UsageError("--save saves --where: give both")
    if by is not None and usage is None:
        usage = timedelta(days=30)
    made = read_table(at, usage)
    rows = sorted_rows(chosen(at, made, where, saved, words_of(site=site, account=account)), sort)
    if save is not None:
        _save(at, save, where or "")
    if by is not None:
        _print_use(rows, by, usage or timedelta(days=30), form)
    elif form == "text":
        tell(_text(made, rows, limit, usage))
    elif form == "csv":
        click.echo(_csv([flat(row) for row in rows]), nl=False)
    else:
        value = {"stale": list(made.stale), "remark": made.remark, "terminals": [flat(row) for row in rows]}
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def read_table(at: At, usage: timedelta | None = None) -> "Table":
    """Return the fleet's table as it is now."""
    from openleo.fleet.looking import many_objects
    from openleo.fleet.table.rows import table_of
    from openleo.fleet.table.usage import use_of

    with many_objects(), looking(at) as fleet:
        made = table_of(fleet, fleet.survey())
        if usage is None:
            return made
        days = usage.total_seconds() / 86_400
        return made.using(use_of(at.folder, fleet.store, days, time.time_ns()))


def words_of(**fields: str | None) -> list[str]:
    """Return options such as --site as filters have them; raises BadInput."""
    found = []
    for name, value in fields.items():
        if value is not None and '"' in value:
            raise BadInput(
                f"{value!r} has a quotation mark in it", "use --where with ~ and a part of the name"
            )
        if value is not None:
            found.append(f'{name}="{value}"')
    return found


def chosen(
    at: At, made: "Table", where: str | None, saved: str | None, more: Sequence[str] = ()
) -> "list[Row]":
    """Return the rows that a filter, a saved one and ``more`` choose; raises BadInput."""
    from openleo.fleet.table.where import read_where

    texts = [text for text in (where, None if saved is None else filter_text(at, saved)) if text is not None]
    texts += more
    tests = [read_where(text) for text in texts]
    return [row for row in made.rows if all(test(row, made.now_ns) for test in tests)]


def filter_text(at: At, name: str) -> str:
    """Return what a saved filter says; raises BadInput."""
    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.table.filters import SavedFilters

    with FleetDatabase(at.folder) as database:
        return SavedFilters(database).need(name).where


def _save(at: At, name: str, where: str) -> None:
    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.table.filters import SavedFilters

    with FleetDatabase(at.folder) as database:
        SavedFilters(database).put(name, where, by=person_here(), now_ns=time.time_ns())
    click.echo(f"saved: openleo fleet table --filter {name}", err=True)


def flat(row: "Row") -> dict[str, Any]:
    """Return a row for CSV and JSON."""
    from openleo.fleet.why.times import iso

    use, last = row.use, row.last
    return {
        "terminal": row.terminal, "kit": row.subject.kit, "name": row.subject.name, "site": row.site,
        "account": row.account, "line": row.line, "holder": row.holder, "custody": row.custody,
        "life_critical": "yes" if row.life_critical else "no", "people": row.subject.people,
        "state": row.state.value, "cause": row.cause, "since": iso(row.since_ns),
        "last_seen": iso(row.seen_ns),
        "source": None if last is None else last.source, "version": row.version,
        "update_waits": None if row.update_waits is None else ("yes" if row.update_waits else "no"),
        "latency_ms": None if last is None else last.ping_latency_ms,
        "ping_drop": None if last is None else last.ping_drop,
        "down_gb": None if use is None else round(use.down_bytes / 1e9, 3),
        "up_gb": None if use is None else round(use.up_bytes / 1e9, 3),
        "told_share": None if use is None else round(use.told_share, 4),
    }  # fmt: skip


def _text(made: "Table", rows: "Sequence[Row]", limit: int, usage: timedelta | None) -> list[str]:
    from openleo.fleet.table.usage import SAYS

    counts = ", ".join(f"{n:,} {state}" for state, n in made.counts.items() if n)
    lines = [f"{counted(len(made.rows), 'terminal')}: {counts or 'none'}", *made.stale]
    lines += [made.remark] if made.remark else []
    if len(rows) != len(made.rows):
        lines.append(f"{len(rows):,} of them are so")
    shown = [_cells(row, made.now_ns) for row in rows[:limit]]
    lines += ["", *columns(_HEADS, shown, none="no terminal is so")]
    if len(rows) > limit:
        lines.append(f"and {len(rows) - limit:,} more: --limit {len(rows)}, or --format csv")
    if usage is not None:
        lines += ["", f"used over {usage.total_seconds() / 86_400:g} days: {SAYS}"]
    return lines


def _cells(row: "Row", now_ns: int) -> tuple[str, ...]:
    from openleo.fleet.why.times import length, when

    health = row.state.value + (" LIFE-CRITICAL" if row.life_critical else "")
    since = "" if row.since_ns is None else length((now_ns - row.since_ns) / 1e9)
    used = "" if row.use is None else f"{(row.use.down_bytes + row.use.up_bytes) / 1e9:.1f} GB"
    if row.use is not None and row.use.told_share < 0.9:
        used += f" in {row.use.told_share:.0%} of it"
    version = (row.version or "") + (" +update" if row.update_waits else "")
    holder = " ".join(part for part in (row.holder, f"({row.custody})" if row.custody else "") if part)
    seen = "" if row.seen_ns is None else when(row.seen_ns, now_ns)
    return (
        row.terminal,
        row.subject.kit,
        row.site,
        health,
        row.cause or "",
        since,
        version,
        used,
        holder,
        seen,
    )


def _print_use(rows: "Sequence[Row]", by: str, usage: timedelta, form: str) -> None:
    from openleo.fleet.table.usage import SAYS, grouped

    found = [
        {
            by: group.name, "terminals": group.terminals, "down_gb": round(group.use.down_bytes / 1e9, 3),
            "up_gb": round(group.use.up_bytes / 1e9, 3), "told_share": round(group.use.told_share, 4),
        }
        for group in grouped(rows, by)
    ]  # fmt: skip
    if form == "csv":
        click.echo(_csv(found), nl=False)
    elif form == "json":
        click.echo(json.dumps({"says": SAYS, "used": found}, indent=2, ensure_ascii=False))
    else:
        shown = [
            (str(one[by]) or f"(no {by})", f"{one['terminals']:,}", f"{one['down_gb']:,.1f}",
             f"{one['up_gb']:,.1f}", f"{one['told_share']:.0%}")
            for one in found
        ]  # fmt: skip
        heads = (by, "terminals", "down GB", "up GB", "of the time told")
        tell(
            [
                *columns(heads, shown, none="nobody"),
                "",
                f"over {usage.total_seconds() / 86_400:g} days: {SAYS}",
            ]
        )


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(_safe(row) for row in rows)
    return out.getvalue()


def _safe(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of which no cell is a formula to a spreadsheet."""
    return {k: f"'{v}" if isinstance(v, str) and v[:1] in "=+-@\t\r" and v else v for k, v in row.items()}


@click.command("versions")
@_where
@_filter
@_form
@_data
def versions(where: str | None, saved: str | None, form: str, data: Path | None) -> None:
    """Say how far software was rolled out: terminals by version, which wait to update, the oldest."""
    from openleo.fleet.table.versions import roll_out
    from openleo.fleet.why.times import iso, when

    at = At(data, form == "json")
    made = read_table(at)
    found = roll_out(chosen(at, made, where, saved))
    flat_rows = [
        {
            "version": v.version, "terminals": v.terminals, "online": v.online, "not_well": v.not_well,
            "update_waits": v.update_waits, "newest_seen": iso(v.newest_ns),
        }
        for v in found.versions
    ]  # fmt: skip
    if form == "csv":
        click.echo(_csv(flat_rows), nl=False)
        return
    if form == "json":
        value = {
            "terminals": found.terminals, "unknown": found.unknown, "update_waits": found.update_waits,
            "oldest": found.oldest, "newest": found.newest, "versions": flat_rows,
        }  # fmt: skip
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    told = max(1, found.terminals - found.unknown)
    rows = [
        (v.version, f"{v.terminals:,}", f"{v.terminals / told:.0%}", f"{v.online:,}", f"{v.not_well:,}",
         f"{v.update_waits:,}", when(v.newest_ns, made.now_ns))
        for v in found.versions
    ]  # fmt: skip
    heads = ("version", "terminals", "share", "online", "not well", "wait to update", "last told")
    lines = [*made.stale, *columns(heads, rows, none="nobody told a version")]
    if found.oldest is not None:
        lines += ["", f"oldest {found.oldest}, newest {found.newest}"]
    if found.unknown:
        lines.append(f"{counted(found.unknown, 'terminal')} told no version")
    tell(lines)


@click.command("filters")
@click.option("--remove", metavar="NAME", help="Remove this one.")
@fleet_options
def filters(at: At, remove: str | None) -> None:
    """List saved filters, or remove one; and say what the words of filters mean."""
    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.table.filters import SavedFilters
    from openleo.fleet.table.where import MEANS

    if not at.folder.is_dir():
        raise BadInput(f"there is no fleet in {at.folder.parent}", "name another folder with --data")
    with FleetDatabase(at.folder) as database:
        saved = SavedFilters(database)
        if remove is not None:
            saved.remove(remove)
        found = saved.all()
    rows = [(one.name, one.where, one.by) for one in found]
    lines = columns(("name", "chooses", "saved by"), rows, none="no filter is saved")
    lines += ["", *columns(("word", "chooses what is"), list(MEANS.items()), none="")]
    show(at, found, [*lines, "fields with a value: openleo fleet table --help"])


COMMANDS: tuple[click.Command, ...] = (table, versions, filters)
