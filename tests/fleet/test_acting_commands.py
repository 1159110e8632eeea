"""`openleo fleet allow, do, jobs` as a person meets them."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from acting_runs import Site, site

import openleo
from dish_fleet import dish_name
from openleo.cli._main import cli, exit_code_of
from openleo.fleet import agent_home
from openleo.fleet.acting.choosing import Asked
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Settings
from openleo.fleet.acting.through import Contact, Orders
from openleo.fleet.agent_orders import Kept, OrderBook
from openleo.fleet.kits import Kit
from openleo.fleet.register import Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.where import MEANS, WORDS

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out + err


def test_a_reboot_from_the_first_refusal_to_the_record_of_it(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1) as here:
        at = ("--data", tmp_path)
        off = run(capsys, "do", "reboot", "--where", "all", *at)
        assert "would tell 1 terminal" in off, "a plan can be shown to the sites before it is allowed"
        assert "reboot is off for this fleet" in off
        assert "openleo fleet allow reboot" in off
        assert "--go is refused until it is allowed" in off
        assert "no terminal is so" in run(capsys, "do", "reboot", "--site", "Liv", *at, code=1)
        refused = run(capsys, "do", "reboot", "--where", "all", "--go", "--reason", "r", *at, code=1)
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
        assert "no terminal, kit, site or dish is called" in run(
            capsys, "do", "unstow", "--terminal", "ut-x", *at, code=1
        )
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


def stowed(here: Site, row: int, stowed: bool = True) -> None:
    """Let telemetry say now whether a dish is stowed."""
    with TelemetryStore(here.folder) as store:
        outage = "STOWED" if stowed else ""
        store.add(
            [
                Sample(
                    terminal=dish_name(row),
                    time_ns=time.time_ns(),
                    source="dish",
                    outage=outage,
                    stowed=stowed,
                )
            ]
        )


KITS = [Kit(id=f"K{n}", kit=f"KIT-0{n}", terminal=dish_name(n), site="Bravo") for n in range(4)]


def preview(capsys: Capture, *args: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(capsys, "do", *args, "--format", "json"))
    return found


def test_no_more_of_a_site_is_stowed_than_its_share_and_the_preview_says_whom_that_leaves_out(
    tmp_path: Path, capsys: Capture
) -> None:
    with site(tmp_path, 4, kits=KITS) as here:
        at = ("--site", "Bravo", "--data", tmp_path)
        here.allow("stow")
        half = preview(capsys, "stow", *at)
        assert half["terminals"] == 2
        assert [one["why"] for one in half["left_out"]] == ["site-share", "site-share"]
        text = run(capsys, "do", "stow", *at)
        assert "would tell 2 terminals" in text
        assert "at most 2 of the 4 of site Bravo may be away at once" in text
        assert "to tell it all the same: --site-percent 100" in text
        assert preview(capsys, "stow", "--site-percent", 100, *at)["terminals"] == 4
        stowed(here, 3)
        one_is_away = preview(capsys, "stow", *at)
        assert (one_is_away["terminals"], one_is_away["chosen"]) == (1, [dish_name(0)])
        assert {o["terminal"]: o["why"] for o in one_is_away["left_out"]} == {
            dish_name(1): "site-share", dish_name(2): "site-share", dish_name(3): "already",
        }  # fmt: skip
        stowed(here, 2)
        none = run(capsys, "do", "stow", *at)
        assert "would tell 0 terminals" in none
        assert "and 2 are dark already" in none
        assert "--go would do nothing" in none
        assert '--go --reason "' not in none


def test_what_is_as_wanted_already_is_left_out_and_named_so(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 3, kits=KITS[:3]) as here:
        at = ("--site", "Bravo", "--site-percent", 100, "--data", tmp_path)
        here.allow("stow", "sleep")
        stowed(here, 0)
        stowed(here, 1, False)
        stow = preview(capsys, "stow", *at)
        assert stow["chosen"] == [dish_name(1), dish_name(2)]
        assert "already stowed: it said so at" in stow["left_out"][0]["says"]
        unstow = preview(capsys, "unstow", *at)
        assert unstow["chosen"] == [dish_name(0), dish_name(2)]
        assert "already not stowed" in unstow["left_out"][0]["says"]
        fast = Settings(canary_count=0, watch_minutes=1, per_minute=600, site_percent=100)
        sleep = Order(action="sleep", start_min=60, minutes=30)
        assert here.run(here.add(Asked(order=sleep, settings=fast, terminals=["KIT-02"]))).state == "done"
        night = ("sleep", "--from", "01:00", "--for", "30m", *at)
        again = preview(capsys, *night)
        assert dish_name(2) not in again["chosen"]
        assert "already set: job" in again["left_out"][-1]["says"]
        other = preview(capsys, "sleep", "--from", "02:00", "--for", "30m", *at)
        assert dish_name(2) in other["chosen"], "another schedule is none that it has"


def test_a_dish_on_our_own_path_or_dark_already_is_no_canary_and_is_marked(
    tmp_path: Path, capsys: Capture
) -> None:
    with site(tmp_path, 4, kits=KITS) as here:
        at = ("--site", "Bravo", "--site-percent", 100, "--data", tmp_path)
        here.allow("reboot")
        stowed(here, 0)
        made = preview(capsys, "reboot", *at)
        assert made["canary"] == [dish_name(1)]
        assert made["away"] == [dish_name(0)]
        assert made["chosen"][-1] == dish_name(0)
        text = run(capsys, "do", "reboot", *at)
        assert "dark already" in text
        assert "KIT-01" in text


def test_a_terminal_is_named_by_its_kit_wherever_one_is_named(tmp_path: Path, capsys: Capture) -> None:
    kits = [replace(KITS[0], life_critical=True), *KITS[1:3], replace(KITS[3], kit="OTHER-7")]
    with site(tmp_path, 4, kits=kits) as here:
        at = ("--site-percent", 100, "--data", tmp_path)
        here.allow("reboot")
        both = ("--terminal", "kit-00", "--terminal", "KIT-02")
        made = preview(capsys, "reboot", *both, "--include", "KIT-00", "--not-our-path", "KIT-02", *at)
        assert sorted(made["chosen"]) == [dish_name(0), dish_name(2)]
        assert made["kits"][dish_name(2)] == "KIT-02"
        assert preview(capsys, "reboot", "--terminal", "OTHER", *at)["chosen"] == [dish_name(3)]
        assert "is 4 terminals" in run(capsys, "do", "reboot", "--terminal", "Bravo", *at, code=1)
        part = run(capsys, "do", "reboot", *both, "--include", "KIT-0", *at, code=1)
        assert "KIT-0 is not among those" in part, "a part of a name waives no safeguard"
        now = ("--watch", "1s", "--go", "--reason", "r", "--canary", 0)
        done = run(capsys, "do", "unstow", "--terminal", "KIT-00", "--include", "kit-00", *now, *at)
        assert "done" in done
        assert here.told("unstow") == [0]
        listed = run(capsys, "table", "--site", "Bravo", "--data", tmp_path)
        assert "KIT-02" in listed
        assert "no terminal is so" in run(capsys, "table", "--site", "Alpha", "--data", tmp_path)


def test_what_is_out_of_range_is_said_so_with_its_range(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1):
        at = ("--where", "all", "--data", tmp_path)
        soon = run(capsys, "do", "stow", "--revert-after", "1m", *at, code=1)
        assert "to have an agent undo an order after 1 min is out of range" in soon
        assert "3 minutes (3m) to a day (24h)" in soon
        long = run(capsys, "do", "sleep", "--from", "22:30", "--for", "25h", *at, code=1)
        assert "a daily sleep of 25 h from 22:30 UTC cannot be" in long


def test_what_the_words_of_filters_mean_is_told(tmp_path: Path, capsys: Capture) -> None:
    with site(tmp_path, 1):
        told = run(capsys, "filters", "--data", tmp_path)
    assert set(MEANS) == set(WORDS)
    assert f"by-us         {MEANS['by-us']}" in told


def watched_by_an_agent(tmp_path: Path, *allows: str) -> None:
    """Make a fleet of three kits, none of them polled from here, of which an agent has just told."""
    folder = tmp_path / "fleet"
    with Register(folder) as register:
        register.put_kits([replace(KITS[0], note="roof; our_path = true"), *KITS[1:3]])
    with Orders.of(folder) as orders:
        orders.note(
            Contact(agent="alpha-1", at_ns=time.time_ns(), can=frozenset(allows), reverts=True, version="1",
                    sees=frozenset(kit.terminal for kit in KITS[:3]))
        )  # fmt: skip


def test_what_the_register_notes_to_be_our_path_goes_last_through_an_agent_too(
    tmp_path: Path, capsys: Capture
) -> None:
    watched_by_an_agent(tmp_path, "stow")
    at = ("--site", "Bravo", "--site-percent", 100, "--data", tmp_path)
    made = preview(capsys, "stow", *at)
    assert made["canary"] == [dish_name(1)]
    assert made["chosen"][-1] == dish_name(0)
    assert made["our_path"] == [dish_name(0)]
    text = run(capsys, "do", "stow", *at)
    assert "OUR OWN PATH" in text
    assert f"our own way out goes over {dish_name(0)}, or may: told last" in text


def test_a_preview_names_the_agent_whose_site_does_not_allow_it(tmp_path: Path, capsys: Capture) -> None:
    watched_by_an_agent(tmp_path)
    told = run(capsys, "do", "stow", "--site", "Bravo", "--data", tmp_path)
    assert (
        "agent alpha-1 watches it, and its site does not allow stow: there `openleo agent allow stow`" in told
    )
    assert "nobody here can tell" not in told
    assert f"{dish_name(1)} (KIT-01) Bravo" in told
    assert "--go would do nothing" in told


def test_an_agent_says_when_it_undoes_what_is_not_confirmed(tmp_path: Path, capsys: Capture) -> None:
    home = tmp_path / "agent"
    agent_home.write_settings(home, agent_home.Settings(device="a-1", server="http://127.0.0.1:9", dishes=()))
    agent_home.own_key(home, make=True)
    with OrderBook(home) as book:
        book.begin(
            Kept(id="o-1", terminal="t", address="127.0.0.1", source="", order={"action": "stow"},
                 undo={"action": "unstow"}, revert_after_s=600, told_ns=1_772_366_400 * 10**9)
        )  # fmt: skip
    assert exit_code_of(["agent", "status", "--data", str(tmp_path)]) == 0
    assert "stow is undone at 2026-03-01T12:10:00Z unless it is confirmed" in capsys.readouterr().out


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
