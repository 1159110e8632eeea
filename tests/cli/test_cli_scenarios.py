"""`openleo scenarios`."""

import tomllib

import pytest

from openleo.cli._main import exit_code_of
from openleo.scenario import builtin_names, load_scenario


def test_scenarios_lists_each_built_in_with_its_title_and_how_to_run_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code_of(["scenarios"]) == 0
    out = capsys.readouterr().out
    for name in builtin_names():
        assert f"{name}  {load_scenario(name).title}" in out
        assert f"  openleo run {name}\n" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert exit_code_of(["scenarios", "list"]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("name", builtin_names())
def test_a_shown_scenario_is_a_file_that_loads(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["scenarios", "show", name]) == 0
    assert tomllib.loads(capsys.readouterr().out)["name"] == name


def test_an_unknown_scenario_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["scenarios", "show", "ukraine-2002"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no built-in scenario 'ukraine-2002'",
        "hint: did you mean ukraine-2022?",
    ]
