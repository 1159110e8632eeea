"""Collecting from dishes into the register and the store: commands, restarts, kills, full disks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import h3
import pytest
from fleet_books import MemoryBook, until
from hostile_dish import PlayedDish, harmful, in_thread, served, silence

from openleo.base.errors import BadInput
from openleo.cli._main import exit_code_of
from openleo.dish.inputs import Identity, LocationPolicy, Seconds
from openleo.dish.serving import serve
from openleo.dish.terminal import Dishes
from openleo.fleet.books import FleetBook
from openleo.fleet.collect import SITE, Collector
from openleo.fleet.look import Clocks
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.store import TelemetryStore
from openleo.snapshot.causes import Cause

Capture = pytest.CaptureFixture[str]
NS = 10**9
QUICK = Pace(steady_s=0.05, quick_s=0.05, most_s=0.2, timeout_s=2.0, history_s=0.2)
UTS = [f"ut01000000-00000000-0000000{n}" for n in range(4)]


def register(data: Path, *addresses: str) -> None:
    with Register(data / "fleet") as there:
        for address in addresses:
            there.put_dish(DishEntry(address=address))


def kept(data: Path, terminal: str = UTS[0]) -> list[Any]:
    with TelemetryStore(data / "fleet") as store:
        return store.samples(terminal, 0, 2**62)


def test_our_own_served_terminals_are_read_in_each_of_their_states(tmp_path: Path) -> None:
    async def play() -> None:
        start_s = int(time.time()) - 200
        dishes = Dishes(
            [Identity(id=ut, location_policy=LocationPolicy.ENABLED) for ut in UTS], start_s=start_s
        )
        dishes.latitude_deg[:], dishes.longitude_deg[:] = 48.5, 32.25
        dishes.advance(Seconds.alike(start_s, dishes=4, seconds=170, downlink_bps=4e6))
        last = Seconds.alike(dishes.now_s, dishes=4, seconds=30)
        last.cause[:, 1], last.cause[:, 2] = Cause.NO_BEAM, Cause.POWER_OFF
        last.cause[:, 3] = Cause.OBSTRUCTED
        dishes.advance(last)
        async with serve(dishes, hosts=["127.0.0.1"] * 4, port=0, web_port=None) as there:
            register(tmp_path, *(there.address(row) for row in (0, 1, 3)))
            with FleetBook(tmp_path / "fleet") as book:
                for _ in range(2):
                    found = await Collector(book).once()
                latest = book._open_store().latest()
        assert {seen.terminal: (seen.state, seen.detail) for seen, _ in found} == {
            UTS[0]: ("online", ""), UTS[1]: ("dark", "NO_SCHEDULE"), UTS[3]: ("dark", "OBSTRUCTED"),
        }  # fmt: skip
        assert (latest[UTS[0]].outage, latest[UTS[1]].outage) == ("", "NO_SCHEDULE")
        assert latest[UTS[1]].outage_since_ns == (start_s + 170) * NS
        assert latest[UTS[0]].gps_valid
        assert latest[UTS[0]].latitude_deg == pytest.approx(48.5, abs=0.01)
        assert latest[UTS[0]].cell == int(h3.latlng_to_cell(48.5, 32.25, 5), 16)

    asyncio.run(play())
    ring = [s for s in kept(tmp_path) if s.counter is not None]
    assert [s.counter for s in ring] == list(range(15, 200, 15))
    assert ring[0].downlink_mbps == pytest.approx(4.0)
    dark = [s.ping_drop for s in kept(tmp_path, UTS[1]) if s.counter is not None]
    assert dark[-1] == 1.0
    assert dark[0] == 0.0


def test_the_commands_add_and_once(tmp_path: Path, capsys: Capture) -> None:
    """Dishes are served by another thread, since each command runs a loop of its own."""
    data = ["--data", str(tmp_path)]
    with in_thread(PlayedDish(UTS[0]).lived(100)) as dish:
        assert exit_code_of(["fleet", "add", dish.address, "--name", "clinic", *data]) == 0
        told = capsys.readouterr().out
        assert UTS[0] in told
        assert "2026.06.12" in told
        assert "online" in told
        assert exit_code_of(["fleet", "add", "127.0.0.1:1", *data]) == 0
        told = capsys.readouterr().out
        assert "added" in told
        assert "does not answer now" in told
        assert exit_code_of(["fleet", "once", *data, "--format", "json"]) == 0
        states = {one["terminal"]: one["state"] for one in json.loads(capsys.readouterr().out)}
        assert states == {UTS[0]: "online", "": "silent"}
        assert exit_code_of(["fleet", "list", *data]) == 0
        assert "cannot be reached" in capsys.readouterr().out
    assert len(kept(tmp_path)) == 7


def test_several_are_added_at_once_and_a_silent_one_by_its_kit(tmp_path: Path, capsys: Capture) -> None:
    data = ["--data", str(tmp_path)]
    (tmp_path / "kits.csv").write_text(f"kit,terminal,site\nK-1,{UTS[0]},roof\nK-2,{UTS[1]},yard\n")
    assert exit_code_of(["fleet", "import", str(tmp_path / "kits.csv"), *data]) == 0
    with in_thread(PlayedDish(UTS[0]).lived(100)) as dish:
        assert exit_code_of(["fleet", "add", dish.address, "127.0.0.1:2", *data]) == 0
        assert capsys.readouterr().out.count("is added") == 2
        assert exit_code_of(["fleet", "add", dish.address, "--kit", "K-2", *data]) == 1
        assert f"is {UTS[0]}, not the kit's {UTS[1]}" in capsys.readouterr().err
    assert exit_code_of(["fleet", "add", "127.0.0.1:2", "--kit", "K-2", *data]) == 0
    assert "it is kit K-2 at yard" in capsys.readouterr().out
    assert exit_code_of(["fleet", "once", *data]) == 0
    with TelemetryStore(tmp_path / "fleet") as store:
        assert not store.latest()[UTS[1]].reachable
    assert exit_code_of(["fleet", "add", "a", "b", "--name", "x", *data]) == 2


@pytest.mark.parametrize("address", ["", "http://192.168.100.1", "a b", "host:0", "host:99999", "999.1.1.1"])
def test_what_is_no_address_is_refused(tmp_path: Path, capsys: Capture, address: str) -> None:
    assert exit_code_of(["fleet", "add", address, "--data", str(tmp_path)]) == 1
    assert "hint:" in capsys.readouterr().err


def test_there_must_be_something_to_ask(tmp_path: Path, capsys: Capture) -> None:
    for command in ("once", "watch"):
        assert exit_code_of(["fleet", command, "--data", str(tmp_path)]) == 1
        assert "openleo fleet add" in capsys.readouterr().err


def test_dishes_that_are_added_or_taken_out_meanwhile_are_followed() -> None:
    async def play() -> None:
        one, other = PlayedDish(UTS[0]).lived(60), PlayedDish(UTS[1]).lived(60)
        async with served(one, other):
            book = MemoryBook(one.address)
            collector = Collector(book, pace=QUICK)
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: bool(one.calls))
            book.entries = [DishEntry(address=other.address)]
            await collector._follow_the_book()
            await until(lambda: bool(other.calls))
            assert [seen.entry.address for seen in collector.seen()] == [other.address]
            asked = one.calls["get_status"]
            await asyncio.sleep(0.3)
            assert one.calls["get_status"] == asked
            stop.set()
            await running

    asyncio.run(play())


def test_a_full_disk_is_said_and_the_newest_is_kept_for_when_there_is_room_again() -> None:
    async def play() -> None:
        dish = PlayedDish(UTS[0]).lived(900)
        async with served(dish):
            book = MemoryBook(dish.address)
            book.fails = BadInput("the disk is full", "make room")
            collector = Collector(book, pace=QUICK, most_waiting=30)
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: "full" in collector.trouble)
            book.fails = None
            await until(lambda: bool(book.samples))
            assert collector.trouble == ""
            assert collector.dropped > 0
            assert book.samples[0].counter is None or book.samples[0].counter > 15
            stop.set()
            await running
        assert (SITE, "disk") not in book.remarks

    asyncio.run(play())


def test_our_clock_is_corrected_by_the_dishs_gps_and_that_is_said() -> None:
    async def play() -> None:
        dish = PlayedDish(UTS[0]).lived(60)
        dish.clock_s = time.time
        async with served(dish):
            book = MemoryBook(dish.address)
            a_day_ago = Clocks(wall_ns=lambda: time.time_ns() - 86_400 * NS)
            collector = Collector(book, pace=QUICK, clocks=a_day_ago)
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: (SITE, "clock") in book.remarks)
            await until(lambda: abs(book.samples[-1].time_ns - time.time_ns()) < 60 * NS)
            stop.set()
            await running
        assert "86,400 s behind GPS" in book.remarks[SITE, "clock"].detail

    asyncio.run(play())


def test_a_watch_that_is_killed_goes_on_where_it_was_and_keeps_nothing_twice(tmp_path: Path) -> None:
    with in_thread(PlayedDish(UTS[0]).lived(600)) as dish:
        register(tmp_path, dish.address)
        for _ in range(3):
            dish.lived(60)
            with watching(tmp_path) as process:
                had = dish.calls["get_status"]
                wait_for(lambda had=had: dish.calls["get_status"] >= had + 1 and len(kept(tmp_path)) > 0)
                process.kill()
        dish.lived(60)
        with watching(tmp_path) as process:
            wait_for(lambda: any(s.counter == 840 for s in kept(tmp_path)))
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert process.stderr is not None
            assert b"stopped" in process.stderr.read()
    counted = Counter(s.counter for s in kept(tmp_path) if s.counter is not None)
    assert counted == Counter(range(15, 841, 15))


def test_dishes_at_one_address_are_told_apart_by_where_they_are_asked_from(tmp_path: Path) -> None:
    """Here both ways lead to one dish, which is noticed."""

    async def play() -> None:
        dish = PlayedDish(UTS[0]).lived(60)
        async with served(dish):
            with Register(tmp_path / "fleet") as there:
                for source in ("127.0.0.2", "127.0.0.3"):
                    there.put_dish(DishEntry(address=dish.address, source=source))
            with FleetBook(tmp_path / "fleet") as book:
                found = await Collector(book).once()
        assert sorted(seen.state for seen, _ in found) == ["online", "wrong"]
        assert any("from 127.0.0." in look.remarks.get("same", "") for _, look in found)

    asyncio.run(play())


def test_a_status_with_what_is_new_is_kept_whole_for_each_software(tmp_path: Path) -> None:
    async def play() -> None:
        dish = PlayedDish(UTS[0]).lived(60)
        dish.status.MergeFromString(b"\xfa\xff\x03\x02hi")
        async with served(dish):
            register(tmp_path, dish.address)
            with FleetBook(tmp_path / "fleet") as book:
                await Collector(book).once()
                assert b"\xfa\xff\x03\x02hi" in book.register.examples()["2026.06.12.mr81164"]

    asyncio.run(play())


def test_what_was_wrong_before_a_restart_is_cleared_by_a_good_answer(tmp_path: Path) -> None:
    async def play() -> None:
        dish = await PlayedDish(UTS[0]).lived(60).start()
        register(tmp_path, dish.address)
        port = int(dish.address.rpartition(":")[2])
        await dish.stop()
        with FleetBook(tmp_path / "fleet") as book:
            await Collector(book).once()
            assert "unreachable" in {r.kind for r in book.register.remarks()}
            await dish.start(port)
            await Collector(book).once()
            assert "unreachable" not in {r.kind for r in book.register.remarks()}
        await dish.stop()

    asyncio.run(play())


def test_two_watches_of_one_folder_are_one_too_many(tmp_path: Path, capsys: Capture) -> None:
    register(tmp_path, "127.0.0.1:1")
    with watching(tmp_path) as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert exit_code_of(["fleet", "watch", "--data", str(tmp_path)]) == 1
        assert "runs already" in capsys.readouterr().err
        process.kill()


def test_ctrl_c_ends_a_watch_in_good_order_also_while_a_dish_says_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with harmful(silence) as address:
            register(tmp_path, address)
            process = await asyncio.to_thread(lambda: watching(tmp_path))
            with process:
                assert process.stderr is not None
                await asyncio.to_thread(process.stderr.readline)
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 20) == 0

    asyncio.run(play())


# Helpers: a watch in a process of its own, dishes in a thread of their own.


def watching(data: Path) -> "subprocess.Popen[bytes]":
    code = "from openleo.cli import main; main()"
    command = [sys.executable, "-c", code, "fleet", "watch", "--data", str(data)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=dict(os.environ))


def wait_for(holds: Any, *, seconds: float = 30.0) -> None:
    until_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until_s, "it did not come about"
        time.sleep(0.05)
