"""The tables' part of docs/telemetry.md, written from the registry."""

from collections.abc import Iterator

from openleo.fleet.sample import ALERTS, ENTERPRISE
from openleo.snapshot.tables import Table
from openleo.snapshot.telemetry import MINUTES, TELEMETRY, TELEMETRY_VERSION

MARK = "<!-- From here on written by docs/write_telemetry.py. -->\n"


def page(written: str) -> str:
    """Return the page with its part after `MARK` written anew; what stands before stays."""
    assert MARK in written, f"docs/telemetry.md must hold the line {MARK}"
    return written.partition(MARK)[0] + MARK + "\n" + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "## Tables"
    yield ""
    yield f"Schema version {TELEMETRY_VERSION}. What a source does not tell is null."
    yield ""
    yield from _table(TELEMETRY, "`history/raw/DAY/HOUR.gN/`")
    yield from _table(MINUTES, "`history/minutes/DAY/HOUR.gN/`")
    yield "## Codes of alerts"
    yield ""
    yield "| code | name |"
    yield "| --- | --- |"
    for code, name in ALERTS.items():
        yield f"| {code} | {name} |"


def _table(table: Table, where: str) -> Iterator[str]:
    vendor = table is TELEMETRY
    yield f"### {table.name}"
    yield ""
    yield f"A row is {table.row}. {where}, sorted by {', '.join(f'`{name}`' for name in table.sort)}."
    yield ""
    yield "| column | type | unit | " + ("the vendor's name | " if vendor else "") + "meaning |"
    yield "| --- | --- | --- | " + ("--- | " if vendor else "") + "--- |"
    for column in table.columns:
        theirs = f"{ENTERPRISE.get(column.name, '')} | " if vendor else ""
        yield f"| `{column.name}` | {column.dtype} | {column.unit} | {theirs}{column.meaning} |"
    yield ""
