"""`openleo fleet allow, do, jobs` as a person meets them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from acting_runs import site

from dish_fleet import dish_name
from openleo.cli._main import exit_code_of

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out + err


def test_a_reboot_from_the_first_refusal_to_the_record_of_it(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1) as here:
        at = ("--data", tmp_path)
        refused = run(capsys, "do", "reboot", "--where", "all", *at, code=1)
        assert "hint: allow it" in refused
        assert "off" in run(capsys, "allow", *at)
        assert "allowed" in run(capsys, "allow", "reboot", "--reason", "night window", *at)
        preview = run(capsys, "do", "reboot", "--site", "Lviv", *at)
        assert "would tell 1 terminal" in preview
        assert "nothing was done" in preview
        assert here.told("reboot") == []
        missing = run(capsys, "do", "reboot", "--site", "Lviv", "--go", *at, code=1)
        assert "a reason is missing" in missing
        how = ("--watch", "1s", "--reason", "after the storm", "--go")
        done = run(capsys, "do", "unstow", "--site", "Lviv", *how, *at)
        assert "done" in done
        assert here.told("unstow") == [0]
        (job,) = json.loads(run(capsys, "jobs", "list", "--format", "json", *at))
        assert (job["state"], job["reason"], job["counts"]) == ("done", "after the storm", {"well": 1})
        assert dish_name(0) in run(capsys, "jobs", "show", job["id"], *at)
        assert "is done already" in run(capsys, "jobs", "stop", job["id"], "--reason", "x", *at, code=1)


def test_whom_it_is_about_must_be_said_and_be_there(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1):
        at = ("--data", tmp_path)
        assert "say whom" in run(capsys, "do", "unstow", *at, code=2)
        assert "no terminal is so" in run(capsys, "do", "unstow", "--where", "site=nowhere", *at, code=1)
        assert "has no terminal" in run(capsys, "do", "unstow", "--terminal", "ut-x", *at, code=1)
        names = tmp_path / "names.txt"
        names.write_text(f"# those of the depot\n{dish_name(0)}\n")
        assert "would tell 1 terminal" in run(capsys, "do", "unstow", "--terminals", names, *at)


def test_a_sleep_needs_its_times(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1) as here:
        here.allow("sleep")
        at = ("--where", "all", "--data", tmp_path)
        assert "needs --from" in run(capsys, "do", "sleep", *at, code=2)
        assert "22:30 UTC for 420 min" in run(capsys, "do", "sleep", "--from", "22:30", "--for", "7h", *at)
        assert "no time of the day" in run(
            capsys, "do", "sleep", "--from", "late", "--for", "7h", *at, code=1
        )


def test_ctrl_c_stops_a_job_which_goes_on_when_it_is_resumed(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 2) as here:
        code = "import sys; from openleo.cli import main; sys.argv[0] = 'openleo'; sys.exit(main())"
        how = [
            "--where",
            "all",
            "--canary",
            "0",
            "--per-minute",
            "3",
            "--watch",
            "1m",
            "--reason",
            "r",
            "--go",
        ]
        process = subprocess.Popen(
            [sys.executable, "-c", code, "fleet", "do", "unstow", *how, "--data", str(tmp_path)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until = time.monotonic() + 60
        while not here.told("unstow"):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "stopped by Ctrl-C" in out
        assert "hint: go on: openleo fleet jobs resume" in err
        assert len(here.told("unstow")) == 1
        at = ("--data", tmp_path)
        (job,) = json.loads(run(capsys, "jobs", "list", "--format", "json", *at))
        assert job["state"] == "stopped"
        assert "done" in run(capsys, "jobs", "resume", job["id"], "--reason", "go on", *at)
        assert sorted(here.told("unstow")) == [0, 1]
