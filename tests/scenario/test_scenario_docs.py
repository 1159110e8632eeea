"""Every key of a scenario is in docs/scenarios.md, in the table of its own section."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from openleo.scenario import Scenario, builtin_names, scenario_from
from openleo.scenario.blocks import FAULT_KINDS, PREFERENCES
from openleo.scenario.load import _parse
from openleo.scenario.problems import keys_at

DOCS = Path(__file__).parents[2] / "docs" / "scenarios.md"
TEXT = DOCS.read_text(encoding="utf-8")
SECTIONS = {m[1].strip("[] "): m[2] for m in re.finditer(r"^## (.+?)$(.*?)(?=^## |\Z)", TEXT, re.M | re.S)}
TABLES = [f.alias or n for n, f in Scenario.model_fields.items() if keys_at(Scenario, (f.alias or n,))]


@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_a_table_is_documented(table):
    for key in keys_at(Scenario, (table,)):
        assert f"`{key}`" in SECTIONS[table], f"{table}.{key} is not in docs/scenarios.md"


def test_every_key_of_the_top_level_is_documented():
    for name, field in Scenario.model_fields.items():
        key = field.alias or name
        assert key in SECTIONS or f"`{key}`" in SECTIONS["Top level"], key


@pytest.mark.parametrize("path", [("gateways", "extra"), ("areas", "circle"), ("terminals", "tracks")])
def test_every_key_of_an_inner_table_is_documented(path):
    for key in keys_at(Scenario, path):
        assert f"`{key}`" in SECTIONS[path[0]], key


def test_no_key_is_documented_that_does_not_exist():
    for table in TABLES:
        for row in re.findall(r"^\| (`.+?) \|", SECTIONS[table], re.M):
            for key in re.findall(r"`(\w+)`", row):
                assert key in keys_at(Scenario, (table,)), f"{table}.{key}"


def test_every_choice_is_documented():
    for choice in (*FAULT_KINDS, *PREFERENCES):
        assert f'"{choice}"' in TEXT, choice


def test_the_example_and_the_list_of_built_ins_are_right():
    example = re.search(r"```toml\n(.*?)```", TEXT, re.S)
    assert example is not None
    assert scenario_from(_parse(example[1], "docs"), origin="docs").name == "my-region"
    for name in builtin_names():
        assert f"`{name}`" in SECTIONS["Built-in scenarios"]


def test_defaults_in_the_docs_are_those_of_the_model():
    from openleo.scenario.blocks import ConstellationBlock, NetworkBlock

    checked = 0
    for table, model in (("network", NetworkBlock), ("constellation", ConstellationBlock)):
        for key, default in re.findall(r"^\| `(\w+)` \| ([-\w.\"]+) \|", SECTIONS[table], re.M):
            field = model.model_fields[key]
            if not field.is_required():
                expected = field.default
                said = default.strip('"')
                same = (
                    str(expected).lower() == said
                    if not isinstance(expected, float)
                    else expected == float(said)
                )
                assert same, f"{table}.{key}"
                checked += 1
    assert checked > 12
    assert issubclass(NetworkBlock, BaseModel)
