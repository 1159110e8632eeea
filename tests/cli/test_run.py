"""`openleo run`."""

import json
import re
import sys
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.results.run import open_run

TOML = """
schema = 1
name = "tiny"
start = 2022-10-07T00:00:00Z
end = 2022-10-07T00:03:00Z
chunk_slots = 4
[constellation]
use = "starlink-2022-10"
[gateways]
include = ["Wola Krobowska", { name = "Muallim", assumption = "muallim" }]
[[terminals]]
name = "fixed"
count = 5
country = "UA"
[[assumptions]]
id = "muallim"
text = "the gateway at Muallim is live"
source = "assumed"
confidence = "low"
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A scenario of five terminals and twelve slots, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TOML, encoding="utf-8")
    return "tiny.toml"


def test_a_run_tells_what_it_is_where_it_is_and_what_to_type(
    tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["run", tiny]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("SIMULATION: ")
    assert "12 slots of 15 s" in captured.out
    folder = re.search(r"^run folder  (runs/tiny-[0-9a-f]{8})$", captured.out, re.MULTILINE)
    assert folder
    assert open_run(folder[1]).is_complete
    progress = captured.err.splitlines()
    assert progress[-1].startswith("tiny: 12 of 12 slots, ")
    assert 2 <= len(progress) <= 11, "a line for every tenth where standard error is no terminal"
    command = captured.out.splitlines()[-2].split("next")[1].split()
    assert exit_code_of(command[1:]) == 0
    assert capsys.readouterr().out.startswith("SIMULATION: ")


def test_running_again_says_that_it_is_complete(tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["run", tiny, "--out", "here", "--quiet"]) == 0
    first = capsys.readouterr()
    assert (first.out, first.err) == ("here\n", "")
    assert exit_code_of(["run", tiny, "--out", "here"]) == 0
    again = capsys.readouterr()
    assert "here is complete: nothing was computed" in again.err
    assert again.out.startswith("SIMULATION: ")


def test_options_change_the_scenario(tiny: str) -> None:
    options = ["--seed", "5", "--preference", "stay", "--start", "2022-10-07T12:00:00Z", "--for", "1m"]
    options += ["--without", "muallim", "--set", "network.beams=8", "--set", "title=a try"]
    options += ["--detail", "cells", "--chunk-slots", "2", "--workers", "1", "--elements", "starlink-2026"]
    assert exit_code_of(["run", tiny, "--out", "other", "--quiet", *options]) == 0
    scenario = json.loads(Path("other/scenario.json").read_text())
    assert scenario["seed"] == 5
    assert scenario["network"]["preference"] == "stay"
    assert (scenario["start"], scenario["end"]) == ("2022-10-07T12:00:00Z", "2022-10-07T12:01:00Z")
    assert scenario["assumptions"][0]["enabled"] is False
    assert scenario["network"]["beams"] == 8
    assert scenario["title"] == "a try"
    assert scenario["constellation"]["use"] == "starlink-2026"
    run = open_run("other")
    assert run.manifest["detail"] == "cells"
    assert [until - first for first, until in run.chunks] == [2, 2]
    assert run.gateways["name"].to_list() == ["Wola Krobowska"]


def test_at_epoch_moves_the_scenario_to_its_elements(tiny: str, test_data: Path) -> None:
    elements = next(path for path in sorted((test_data / "orbits").rglob("starlink*2026*")) if path.is_file())
    assert (
        exit_code_of(["run", tiny, "--out", "now", "--elements", str(elements), "--at-epoch", "--quiet"]) == 0
    )
    assert open_run("now").manifest["start"].startswith("2026-")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--for", "soon"], 2, "is not a duration"),
        (["--for", "0s"], 2, "is not between"),
        (["--for", "1m", "--end", "2022-10-07T00:01:00Z"], 2, "--end and --for"),
        (["--start", "noon"], 1, "'noon' is not a time"),
        (["--set", "beams"], 2, "is not KEY=VALUE"),
        (["--set", "network.beans=8"], 1, "network.beans is not a key"),
        (["--set", "network.beams=many"], 1, "network.beams"),
        (["--without", "nothing"], 1, "no assumption 'nothing'"),
        (["--resume", "--out", "nowhere"], 1, "no run to go on with in nowhere"),
        (["--elements", "starlink-2062"], 1, "starlink-2062"),
        (["--workers", "0"], 2, "--workers"),
    ],
)
def test_a_wrong_option_says_so(
    tiny: str, options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["run", tiny, *options]) == code
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.splitlines()[-1].startswith("hint: ")
    assert captured.out == ""
    assert not Path("runs").exists()


def test_another_scenario_in_the_folder_is_an_error_with_a_hint(
    tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["run", tiny, "--out", "here", "--quiet"]) == 0
    assert exit_code_of(["run", tiny, "--out", "here", "--seed", "9"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: here holds a run of tiny with hash ")
    assert "--out" in hint


def test_a_bar_is_drawn_on_a_terminal(
    tiny: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert exit_code_of(["run", tiny, "--out", "here"]) == 0
    assert "12/12" in capsys.readouterr().err


def test_warnings_come_before_the_run_and_faults_left_out_in_one_line(
    tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = '[[faults]]\nname = "{}"\nkind = "core"\nfrom = 2022-10-07T00:0{}:00Z\n{}'
    faults = [fault.format("late", 2, ""), fault.format("later", 2, "until = 2022-10-07T00:02:30Z\n")]
    Path(tiny).write_text(TOML + "".join(faults), encoding="utf-8")
    assert exit_code_of(["run", tiny, "--out", "short", "--for", "1m"]) == 0
    captured = capsys.readouterr()
    warning, hint, *progress = captured.err.splitlines()
    assert warning == "warning: 2 faults lie outside the run's span and do nothing in it: late, later"
    assert hint.startswith("hint: ")
    assert progress[-1].startswith("tiny: 4 of 4 slots")
    assert "warning" not in captured.out
    assert [w["detail"] for w in open_run("short").manifest["warnings"]] == [warning[9:]]


@pytest.mark.parametrize(
    ("out", "says", "hints"),
    [
        ("tiny.toml", "tiny.toml is a file, and a run is a folder", "give --out a folder"),
        ("tiny.toml/x", "cannot be written", "where you may write"),
    ],
)
def test_an_out_that_cannot_be_a_folder_says_so(
    tiny: str, out: str, says: str, hints: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["run", tiny, "--out", out, "--quiet"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert says in error
    assert hints in hint


def test_an_interrupt_before_the_first_slot_says_what_is_there(
    tiny: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openleo.engine.prepare", interrupted)
    assert exit_code_of(["run", tiny, "--out", "here"]) == 130
    assert "no run is in here; the same command begins again" in capsys.readouterr().err


def test_a_run_by_cells_says_what_can_be_asked(tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["run", tiny, "--out", "coarse", "--detail", "cells"]) == 0
    command = capsys.readouterr().out.splitlines()[-2].split("next")[1].split()
    assert command[:3] == ["openleo", "explain", "coarse"]
    assert exit_code_of(command[1:]) == 0
    assert exit_code_of([*command[1:], "--place", "Kyiv"]) == 0


@pytest.mark.parametrize(("slots_s", "says"), [(14.2, "14 a second"), (0.2, "12 a minute")])
def test_a_slow_pace_is_told_by_the_minute(slots_s: float, says: str) -> None:
    from openleo.cli.run import _pace

    assert _pace(slots_s) == says
