"""`make bench`: what it takes for a result, and how it ends."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
ALL = runpy.run_path(str(FOLDER / "_all.py"))
ONE = '{"name": "a", "value": 0.25, "unit": "s", "goal": "< 0.3", "met": true}'
TWO = '{"name": "b", "value": 7, "unit": "rows", "goal": null, "met": null}'


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (f"working\n{ONE}\n", ["a"]),
        (f"{ONE}\n{TWO}\n", ["a", "b"]),
        (f"{ONE}\nmore words\n{TWO}\n", ["b"]),
        ('working\n{"name": "c"}\n', []),
        (f"{ONE}\ndone\n", []),
        ("", []),
    ],
)
def test_results_are_the_json_objects_on_the_last_lines(output: str, names: list[str]) -> None:
    assert [r["name"] for r in ALL["results_in"](output)] == names


def test_the_table_says_which_goals_are_missed() -> None:
    missed = ONE.replace("true", "false")
    assert ALL["table"](ALL["results_in"](f"{ONE}\n{missed}\n{TWO}")).splitlines() == [
        "benchmark  value  unit  goal   met",
        "a          0.25   s     < 0.3  yes",
        "a          0.25   s     < 0.3  NO",
        "b          7      rows  -      -",
    ]


def test_a_benchmark_that_crashes_fails_and_a_missed_goal_does_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text(f"print('''{ONE.replace('true', 'false')}''')", encoding="utf-8")
    main = ALL["main"]
    monkeypatch.setitem(main.__globals__, "HERE", tmp_path)
    assert main([]) == 0
    (tmp_path / "broken.py").write_text("raise SystemExit(3)", encoding="utf-8")
    assert main([]) == 1
    assert "crashed: broken" in capfd.readouterr().err
    assert main(["slow"]) == 0


def test_an_unknown_benchmark_is_named_with_those_there_are() -> None:
    command = [sys.executable, str(FOLDER / "_all.py"), "nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no benchmark nosuch\nhint: there are ")
    assert "startup" in done.stderr
