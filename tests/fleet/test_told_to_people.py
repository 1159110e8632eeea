"""What people with a dozen kits are told: whom to call, what changes, what is no dish, what was not read."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from dish_fleet import dish_fleet, dish_name
from openleo.base.errors import BadInput
from openleo.cli._fleet_changes import Changes
from openleo.cli._main import exit_code_of
from openleo.fleet.books import FleetBook
from openleo.fleet.collect import Collector
from openleo.fleet.kit_file import nearest, read_kits
from openleo.fleet.kits import Kit
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.why import State, course_of
from openleo.snapshot.causes import Cause

S = 10**9
PLACE = (48.4, 32.9)
Capture = pytest.CaptureFixture[str]
OBSTRUCTED = Told(since_s=600, fields={"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)})


def run(capsys: Capture, *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A clinic with an obstructed kit, and one without trouble."""
    now_ns = time.time_ns() // S * S
    kits = [
        Kit(id="K-1", kit="K-1", terminal="ut-a", site="clinic", holder="Petro", account="ACC-771",
            life_critical=True),
        Kit(id="K-2", kit="K-2", terminal="ut-b", site="depot", holder="Olha"),
    ]  # fmt: skip
    write_fleet(
        tmp_path, kits, [*samples_of("ut-a", PLACE, now_ns, OBSTRUCTED), *samples_of("ut-b", PLACE, now_ns)]
    )
    return tmp_path


def test_the_person_to_call_is_named_in_the_list_the_answer_and_the_report(
    data: Path, capsys: Capture
) -> None:
    assert "call: Petro (holder), account ACC-771\n" in run(capsys, "--data", data)
    told = run(capsys, "why", "K-1", "--data", data)
    assert "call: Petro (holder), account ACC-771\n" in told
    assert told.index("call:") < told.index("evidence"), "lives depend on it: the call comes first"
    calls = run(capsys, "report", "--data", data).split("## To call")[1]
    assert "- **LIFE-CRITICAL** Petro (holder), account ACC-771\n" in calls
    assert "  - **LIFE-CRITICAL** clinic, kit K-1: obstructed" in calls
    assert "Say: what stands between the dish and the sky?" in calls


def test_a_kit_that_is_well_tells_how_it_fares(data: Path, capsys: Capture) -> None:
    told = run(capsys, "why", "K-2", "--data", data)
    for words in ("latency", "of pings lost", "obstructed 0.1%", "up 10 d", "last restart", "software 2026",
                  "alerts: none", "watch out for: nothing"):  # fmt: skip
        assert words in told, words


# Headings of a list of kits.


@pytest.mark.parametrize("heading", ["Person responsible", "responsible", "Responsible person", "Keeper"])
def test_who_keeps_a_kit_is_understood(heading: str) -> None:
    [kit] = read_kits(f"kit,{heading}\nK1,Petro\n".encode(), "kits.csv").kits.values()
    assert kit.holder == "Petro"


def test_a_heading_that_means_nothing_is_warned_of_with_the_nearest_and_what_will_be_missing(
    tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "kits.csv").write_text("kit,site,Holdder\nK1,clinic,Petro\n")
    told = run(capsys, "import", tmp_path / "kits.csv", "--data", tmp_path)
    assert "WARNING: the heading 'Holdder' means nothing here and is not read: did you mean holder?" in told
    assert "WARNING: no column holder: nobody can be called" in told
    assert nearest("Weather") == ""


def test_a_row_with_too_many_cells_and_a_file_that_is_no_text_are_named() -> None:
    read = read_kits(b"kit,site\nK1,Lviv, depot\nK2,Kyiv,\n", "kits.csv")
    assert [kit.kit for kit in read.kits.values()] == ["K2"]
    assert "3 cells, and there are 2 headings" in str(read.bad[0])
    with pytest.raises(BadInput, match="no CSV file"):
        read_kits(bytes(range(256)) * 20, "photo.csv")


# What changes while dishes are watched.


def test_each_change_of_a_kit_is_a_line_with_its_site_cause_and_whether_lives_depend_on_it(
    tmp_path: Path, capsys: Capture
) -> None:
    kit = Kit(id="K-1", kit="K-1", terminal=dish_name(0), site="clinic", life_critical=True)
    with dish_fleet() as fleet, FleetBook(tmp_path / "fleet") as book:
        book.register.put_kits([kit])
        book.register.put_dish(DishEntry(address=fleet.address()))
        fleet.advance(60)

        async def watch() -> None:
            pace = Pace(steady_s=0.05, quick_s=0.05, history_s=600.0)
            collector, stop = Collector(book, pace=pace), asyncio.Event()
            Changes(collector, book.register)
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: collector.counts()["online"] == 1)
            await asyncio.to_thread(fleet.advance, 30, cause=Cause.CELL_IS_DISABLED)
            await until(lambda: collector.counts()["dark"] == 1)
            stop.set()
            await running

        asyncio.run(watch())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, "that it is online when first asked is no change"
    assert "LIFE-CRITICAL  clinic, kit K-1: online -> dark, switched-off-by-area" in lines[0]


async def until(holds: object) -> None:
    for _ in range(600):
        if holds():  # type: ignore[operator]
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


def test_a_watch_says_how_many_dishes_there_are_and_its_changes_go_to_standard_output(tmp_path: Path) -> None:
    with dish_fleet() as fleet, Register(tmp_path / "fleet") as register:
        fleet.advance(60, cause=Cause.OBSTRUCTED)
        register.put_dish(DishEntry(address=fleet.address()))
        register.put_dish(DishEntry(address="127.0.0.1:1"))
        code = "from openleo.cli import main; main()"
        command = [sys.executable, "-c", code, "fleet", "watch", "--data", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline(), process.stdout.readline()]
            process.terminate()
            _, err = process.communicate(timeout=30)
    assert any("unknown -> dark, obstructed (OBSTRUCTED)" in line for line in lines)
    assert any("unknown -> silent, does not answer" in line for line in lines)
    assert err.startswith("watching 2 dishes;")
    assert "grpc" not in err.lower()


# The last word, and since when.


def test_the_last_word_is_the_terminals_own_and_our_asking_is_told_apart(
    tmp_path: Path, capsys: Capture
) -> None:
    now_ns = time.time_ns() // S * S
    unanswered = Told(since_s=600, fields={"reachable": False})
    write_fleet(tmp_path, [], samples_of("ut-a", PLACE, now_ns, unanswered))
    spoke, asked = (time.strftime("%H:%M:%SZ", time.gmtime(now_ns // S - ago)) for ago in (615, 0))
    told = run(capsys, "why", "ut-a", "--data", tmp_path)
    assert f"last word at {spoke}, last asked at {asked}" in told
    plain = json.loads(run(capsys, "why", "ut-a", "--data", tmp_path, "--json"))
    assert plain["last_seen"].endswith(spoke)
    assert plain["last_asked"].endswith(asked)


def test_it_is_not_dark_since_before_its_last_good_second() -> None:
    """Its own word puts the start of the outage five minutes before it was last well."""
    now_ns = 1_795_000_000 * S
    told = Told(since_s=600, fields={"outage": "NO_SATS", "outage_since_ns": now_ns - 900 * S})
    course = course_of(list(samples_of("ut-a", PLACE, now_ns, told)), now_ns)
    assert course.state is State.DARK
    assert course.onset_ns == course.dark_since_ns == now_ns - 615 * S


def test_one_that_was_badly_served_first_is_dark_since_it_went_dark() -> None:
    now_ns = 1_795_000_000 * S
    poor = Told(since_s=1_200, fields={"ping_drop": 0.2})
    dark = Told(since_s=300, fields={"outage": "NO_SATS"})
    course = course_of(list(samples_of("ut-a", PLACE, now_ns, poor, dark)), now_ns)
    assert course.onset_ns == now_ns - 1_215 * S
    assert course.dark_since_ns == now_ns - 315 * S


# Nothing there.


@pytest.mark.parametrize("command", ["once", "watch"])
def test_where_there_is_nothing_to_ask_the_next_command_keeps_the_data_and_no_folder_is_made(
    command: str, tmp_path: Path, capsys: Capture
) -> None:
    mistyped = tmp_path / "dta"
    assert f"openleo fleet add 192.168.100.1 --data {mistyped}" in run(
        capsys, command, "--data", mistyped, code=1
    )
    assert not mistyped.exists()


@pytest.mark.parametrize(
    "command", [["report"], ["latest"], ["list"], ["export", "x.csv"], ["query", "SELECT 1"], ["remove", "x"]]
)
def test_reading_where_there_is_no_fleet_is_an_error_and_makes_no_folder(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    mistyped = tmp_path / "dta"
    assert "there is no fleet in" in run(capsys, *command, "--data", mistyped, code=1)
    assert not mistyped.exists()


def test_a_report_without_telemetry_does_not_say_that_all_is_well(tmp_path: Path, capsys: Capture) -> None:
    write_fleet(tmp_path, [Kit(id="K-1", kit="K-1", terminal="ut-a", site="clinic")], [])
    told = run(capsys, "report", "--data", tmp_path)
    assert "no telemetry has ever come" in told
    assert "is online" not in told


@contextmanager
def web_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_dishes_that_are_none_and_those_that_never_answered_are_told(tmp_path: Path, capsys: Capture) -> None:
    with web_server() as address:
        with Register(tmp_path / "fleet") as register:
            register.put_dish(DishEntry(address=address, name="web"))
            register.put_dish(DishEntry(address="127.0.0.1:1", name="nobody"))
        run(capsys, "once", "--data", tmp_path)
        capsys.readouterr()
    told = run(capsys, "--data", tmp_path)
    assert "dish web is no dish" in told
    assert "dish nobody has never answered: 127.0.0.1:1 cannot be reached" in told
    assert len(json.loads(run(capsys, "--data", tmp_path, "--format", "json"))["no_dishes"]) == 2


def test_samples_of_one_that_never_answered_have_no_invented_beginning(
    tmp_path: Path, capsys: Capture
) -> None:
    now_ns = time.time_ns() // S * S
    asked = [
        Sample(terminal="ut-a", time_ns=now_ns - n * 15 * S, source="dish", reachable=False) for n in range(9)
    ]
    write_fleet(tmp_path, [Kit(id="K-1", kit="K-1", terminal="ut-a", site="clinic")], asked)
    told = run(capsys, "why", "K-1", "--data", tmp_path)
    assert "it never answered, last asked at" in told
    assert "dark since" not in told


def test_agents_are_listed_with_when_they_were_heard_and_samples_with_who_brought_them(
    tmp_path: Path, capsys: Capture
) -> None:
    now_ns = time.time_ns() // S * S
    run(capsys, "agent", "add", "ag-1", "--data", tmp_path)
    run(capsys, "agent", "add", "ag-2", "--data", tmp_path)
    with TelemetryStore(tmp_path / "fleet") as store:
        store.add(list(samples_of("ut-a", PLACE, now_ns, minutes=1)), device="ag-1")
        store.add(list(samples_of("ut-b", PLACE, now_ns, minutes=1)))
    listed = run(capsys, "agent", "list", "--data", tmp_path)
    heard = time.strftime("%H:%M:%SZ", time.gmtime(now_ns // S))
    assert re.search(rf"ag-1 .*{heard} +1 +5", listed)
    assert re.search(r"ag-2 .*never", listed)
    latest = run(capsys, "latest", "--data", tmp_path)
    assert re.search(r"ut-a .* ag-1", latest)
    assert re.search(r"ut-b .* this machine", latest)


def test_the_table_tells_when_a_terminal_itself_was_last_seen(tmp_path: Path, capsys: Capture) -> None:
    now_ns = time.time_ns() // S * S
    write_fleet(
        tmp_path, [], samples_of("ut-a", PLACE, now_ns, Told(since_s=600, fields={"reachable": False}))
    )
    [row] = json.loads(run(capsys, "table", "--data", tmp_path, "--format", "json"))["terminals"]
    assert row["last_seen"].endswith(time.strftime("%H:%M:%SZ", time.gmtime(now_ns // S - 615)))


def test_the_next_command_is_about_the_same_data(data: Path, capsys: Capture) -> None:
    assert f"openleo fleet why TERMINAL --data {data}" in run(capsys, "--data", data)
