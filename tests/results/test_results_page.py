"""docs/results.md keeps up with the registry of tables."""

from pathlib import Path

from openleo.results.page import MARK, page
from openleo.snapshot.causes import MEANING, Cause
from openleo.snapshot.tables import TABLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def test_the_page_is_what_the_registry_says() -> None:
    """`make docs`, or `python docs/write_results.py`, writes it again."""
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(written)


def test_the_page_names_every_table_column_and_cause() -> None:
    written = page(MARK)
    for table in TABLES.values():
        section = written.split(f"### {table.name}\n")[1].split("\n### ")[0]
        assert all(f"| `{column.name}` |" in section for column in table.columns)
    assert set(MEANING) == set(Cause)
