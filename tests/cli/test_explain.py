"""`openleo explain`."""

import json
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.results.run import open_run

TOML = """
schema = 1
name = "asked"
start = 2022-10-07T00:00:00Z
end = 2022-10-07T00:02:00Z
chunk_slots = 4
[constellation]
use = "starlink-2022-10"
[gateways]
include = ["Wola Krobowska"]
[[terminals]]
name = "fixed"
place = "points"
points = [[50.45, 30.52], [49.84, 24.03]]
"""
AT = ["--at", "2022-10-07T00:01:30Z"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of two terminals, in Kyiv and Lviv."""
    path = tmp_path_factory.mktemp("explain")
    (path / "asked.toml").write_text(TOML, encoding="utf-8")
    assert exit_code_of(["run", str(path / "asked.toml"), "--out", str(path / "run"), "--quiet"]) == 0
    return str(path / "run")


def test_a_terminal_is_explained(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = open_run(folder).terminals["id"][0]
    assert exit_code_of(["explain", folder, "--terminal", name, *AT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("SIMULATION: ")
    assert lines[1].startswith(f"{name} at 2022-10-07T00:01:27Z (slot ")
    labels = [line[:13].strip() for line in lines]
    for label in ("terminal", "policy", "power", "cell", "sky"):
        assert label in labels


def test_json_holds_the_same_with_units_in_its_names(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = open_run(folder).terminals["id"][1]
    assert exit_code_of(["explain", folder, "--terminal", name, *AT, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["simulated"] is True
    assert found["terminal"]["id"] == name
    assert found["terminal"]["latitude_deg"] == pytest.approx(49.84)
    assert set(found["candidates"][0]) >= {"elevation_deg", "azimuth_deg", "gso_separation_deg", "verdict"}


@pytest.mark.parametrize("where", [["--place", "Kyiv"], ["--place", "50.45,30.52"], ["--cell", "CELL"]])
def test_a_place_or_cell_is_explained(
    folder: str, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(folder)
    h3 = run.cell_index["h3"][int(run.terminals["cell"][0])]
    assert exit_code_of(["explain", folder, *[h3 if w == "CELL" else w for w in where], *AT]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"cell {h3} at ")


def test_a_place_without_terminals_says_what_policy_would(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["explain", folder, "--place", "Kherson", *AT]) == 0
    out = capsys.readouterr().out
    assert "the scenario has no terminals here" in out
    assert "no rule forbids service" in out


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--terminal", "ut-00000000-00000000", *AT], 1, "no terminal is called"),
        (["--place", "Khersonn", *AT], 1, "no place is called"),
        (["--cell", "8f", *AT], 1, "is not an H3 cell"),
        (
            ["--terminal", "ut", "--at", "2022-10-08T00:00:00Z"],
            1,
            "outside the run, which has 2022-10-07T00:00:12Z",
        ),
        (["--terminal", "ut", "--at", "later"], 1, "is not a time"),
        (["--terminal", "ut", "--format", "csv", *AT], 2, "csv lists dark terminals"),
        (["--terminal", "ut", "--place", "Kyiv", *AT], 2, "give one of"),
    ],
)
def test_what_is_not_there_is_said(
    folder: str, args: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["explain", folder, *args]) == code
    error, hint = capsys.readouterr().err.splitlines()
    assert says in error
    assert hint.startswith("hint: ")


def test_no_run_is_an_error_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["explain", str(tmp_path), "--terminal", "ut", *AT]) == 1
    assert "is no run folder" in capsys.readouterr().err


def test_without_a_target_all_that_is_dark_is_listed(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = open_run(folder)
    assert exit_code_of(["explain", folder, *AT]) == 0
    text = capsys.readouterr().out
    assert text.startswith("SIMULATION: ")
    assert "2022-10-07T00:01:30Z (slot " in text
    dark = run.dark(AT[1])
    said = f"{len(dark)} of 2 terminals are dark" if len(dark) else "all 2 terminals are online"
    assert said in text
    assert exit_code_of(["explain", folder, *AT, "--format", "csv"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "id,cause,rule,fault,online_seconds,cell,latitude_deg,longitude_deg,account,group"
    assert len(rows) == len(dark)
    assert exit_code_of(["explain", folder, *AT, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["dark"] == dark.to_dicts()


def test_a_file_or_no_folder_gets_the_runs_that_there_are(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong, says in (("asked.toml", "is a file, not a run folder"), ("nowhere", "there is no run folder")):
        assert exit_code_of(["explain", str(Path(folder).with_name(wrong)), *AT]) == 1
        error, hint = capsys.readouterr().err.splitlines()
        assert says in error
        assert folder in hint
