"""docs/threat-model.md names the test that holds each mitigation, and every test that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


def names_in(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and "test_" in node.name}


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_is_named_is_there(file: str) -> None:
    assert {name for of, name in NAMED if of == file} <= names_in(ROOT / file)


def test_every_threat_has_its_mitigation_and_a_test() -> None:
    _, *tables = TEXT.split("| threat | what stops it | test |\n| --- | --- | --- |\n")
    rows = [row for table in tables for row in table.split("\n\n")[0].splitlines()]
    assert len(rows) > 40
    for row in rows:
        _, threat, mitigation, tests, _ = (cell.strip() for cell in row.split("|"))
        assert threat
        assert mitigation, threat
        assert re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`(, `tests/[\w/]+\.py::test_\w+`)*", tests), threat


@pytest.mark.parametrize(
    "harm", ["false certainty", "lives depend", "positions", "seizure", "betrayal", "targeting", "stranding"]
)
def test_each_harm_that_we_design_against_is_there(harm: str) -> None:
    assert harm in TEXT.lower()
