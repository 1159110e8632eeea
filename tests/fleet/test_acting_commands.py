"""`openleo fleet allow, do, jobs` as a person meets them."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from acting_runs import site

import openleo
from dish_fleet import dish_name
from openleo.cli._main import cli, exit_code_of
from openleo.fleet.acting.choosing import Asked
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Settings

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


@pytest.mark.parametrize(
    ("sent", "says"), [(signal.SIGINT, "stopped by Ctrl-C"), (signal.SIGTERM, "stopped by SIGTERM")]
)
def test_ctrl_c_stops_a_job_which_goes_on_when_it_is_resumed(
    tmp_path: Path, capsys: Capture, sent: signal.Signals, says: str
) -> None:
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
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert says in out
        assert "hint: go on: openleo fleet jobs resume" in err
        assert len(here.told("unstow")) == 1
        at = ("--data", tmp_path)
        (job,) = json.loads(run(capsys, "jobs", "--format", "json", *at))
        assert job["state"] == "stopped"
        assert "after the subcommand" in run(capsys, "jobs", *at, "list", code=2)
        assert "done" in run(capsys, "jobs", "resume", job["id"], "--reason", "go on", *at)
        assert sorted(here.told("unstow")) == [0, 1]


def test_a_job_that_is_handed_over_is_seen_and_stopped_by_the_commands_that_are_told(
    tmp_path: Path, capsys: Capture
) -> None:
    with site(tmp_path, 1) as here, here.runner().at_work():
        at = ("--data", tmp_path)
        said = run(capsys, "do", "unstow", "--where", "all", "--go", "--reason", "r", *at)
        assert "Ctrl-C" not in said
        assert "is handed to the openleo that does this fleet's jobs" in said
        see, stop = (line.partition(": ")[2] for line in said.splitlines() if line.startswith("to "))
        assert dish_name(0) in run(capsys, *shlex.split(see)[2:])
        assert "stopped" in run(capsys, *shlex.split(stop)[2:])
        again = run(capsys, *shlex.split(stop)[2:], code=1)
        (hint,) = re.findall(r"see it with: openleo fleet (.*)", again)
        assert "stopped" in run(capsys, *hint.split(), *at)


SOURCES = [
    Path(openleo.__file__).parent / name
    for name in ("fleet/acting", "cli/_fleet_acting.py", "cli/_fleet_jobs.py", "api/routers/fleet_jobs.py",
                 "api/fleet_shown.py", "api/agent_orders.py")
]  # fmt: skip


@pytest.mark.parametrize(
    "file",
    [f for one in SOURCES for f in (one.glob("*.py") if one.is_dir() else [one])],
    ids=lambda f: f.name,
)
def test_every_command_that_is_suggested_is_there(file: Path) -> None:
    """Words after openleo are commands, until one takes no more: what follows is an argument."""
    for words in re.findall(r"openleo((?: [a-z][a-z-]*)+(?: \{[a-z.]+\})?)", file.read_text()):
        found: click.Command = cli
        context = click.Context(cli)
        for word in words.split():
            if not isinstance(found, click.Group):
                break
            known = found.get_command(context, word)
            if known is None and found is cli:
                break  # openleo in a sentence
            assert known is not None, f"{file.name} suggests openleo{words}"
            found = known


def test_a_list_says_until_when_the_canary_is_watched(tmp_path: Path, capsys: Capture) -> None:
    import asyncio

    with site(tmp_path, 2) as here:
        settings = Settings(canary_count=1, watch_minutes=60)
        name = here.add(Asked(order=Order(action="unstow"), settings=settings, where="all"))

        async def work() -> str:
            stop = asyncio.Event()
            with here.runner().at_work() as runner:
                doing = asyncio.create_task(runner.run(name, stop))
                async with asyncio.timeout(30):
                    while "canary" not in runner.jobs.need(name).says:
                        await asyncio.sleep(0.02)
                    while "to be well" in runner.jobs.need(name).says:
                        await asyncio.sleep(0.02)
                stop.set()
                await doing
                return runner.jobs.need(name).says

        assert re.fullmatch(r"watches the canary until [0-9-]+ [0-9:]+Z", asyncio.run(work()))
