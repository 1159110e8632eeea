"""The tables' part of docs/results.md, written from the registry of tables."""

from collections.abc import Iterator

from openleo.snapshot.causes import MEANING, Cause
from openleo.snapshot.tables import SCHEMA_VERSION, TABLES, Column, Table

MARK = "<!-- From here on written by docs/write_results.py. -->\n"


def _column(column: Column) -> str:
    cells = (f"`{column.name}`", column.dtype, column.unit, column.meaning)
    return "| " + " | ".join(cells) + " |"


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}"
    yield ""
    where = f"`{table.name}/SLOT.parquet`" if table.chunked else f"`{table.name}.parquet`"
    text = f"A row is {table.row}. {where}"
    if table.sort:
        text += f", sorted by {', '.join(f'`{name}`' for name in table.sort)}"
    yield text + (" (*full*)." if "cells" not in table.detail else ".")
    yield ""
    yield "| column | type | unit | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from map(_column, table.columns)
    yield ""


def page(written: str) -> str:
    """Return the page with its part after `MARK` written anew; what stands before stays."""
    assert MARK in written, f"docs/results.md must hold the line {MARK}"
    return written.partition(MARK)[0] + MARK + "\n" + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "## Tables"
    yield ""
    yield f"Schema version {SCHEMA_VERSION}."
    yield ""
    for table in TABLES.values():
        yield from _table(table)
    yield "## Causes"
    yield ""
    yield "From 100 on: 100 and the disablement code of the terminal's API."
    yield ""
    yield "| cause | name | meaning |"
    yield "| --- | --- | --- |"
    for cause in Cause:
        yield f"| {int(cause)} | {cause.name} | {MEANING[cause]} |"
