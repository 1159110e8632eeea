"""`openleo serve --terminals`: other people's clients, unmodified, ask the terminals of a running network."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from live_world import Served, serve
from test_served import send, switched

from client_environments import LISTS, clean, python_of
from openleo.base.clock import slot_start
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind
from openleo.fleet.store import TelemetryStore, fleet_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="each terminal needs a loopback address of its own"),
]
FIRST = "127.70.0.1"


class Unavailable(Exception):
    """Nobody answers there."""


def dishes_of(data: Path) -> list[dict[str, str]]:
    """Wait until the terminals are served; return the list of them."""
    until = time.monotonic() + 120
    while True:
        found = list(data.glob("live/*/dishes/terminals.json"))
        if found:
            return list(json.loads(found[0].read_text())["terminals"])
        assert time.monotonic() < until, "no terminal was served"
        time.sleep(0.2)


def seen(address: str) -> dict[str, Any]:
    """Return what starlink-grpc-core sees of a dish."""
    command = [str(python_of("grpc-core-1.2.5")), "-I", str(LISTS / "use_core.py"), address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean(), check=False)
    if "StatusCode.UNAVAILABLE" in done.stderr:
        raise Unavailable(done.stderr[-300:])
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def until_seen(address: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask until an answer is what is wanted; meanwhile nobody need be there to answer."""
    until = time.monotonic() + 60
    told = "nothing"
    while time.monotonic() < until:
        try:
            found = seen(address)
            if wanted(found):
                return found
            told = str(found["status"])
        except Unavailable as error:
            told = str(error)
        time.sleep(0.2)
    raise AssertionError(told)


def test_an_area_that_is_switched_off_shows_in_an_unmodified_client_at_the_slot_that_was_told(
    small_file: Path, tmp_path: Path
) -> None:
    network = Network(name="test", kind=NetworkKind.SIMULATED, origin="openleo.test/log")
    people = found_network(tmp_path / "control", network, {"amina": "amina", "jonas": "jonas"})
    arguments = (
        "--speed",
        "10",
        "--for",
        "6h",
        "--terminals",
        "12",
        "--terminals-at",
        FIRST,
        "--data",
        str(tmp_path),
    )
    with serve(str(small_file), *arguments) as served:
        address = dishes_of(tmp_path)[0]["address"]
        assert address == f"{FIRST}:9200"
        assert until_seen(address, lambda one: one["status"]["state"] == "CONNECTED")
        headers = {"Authorization": f"Bearer {people['amina'].token}"}
        cells = served.get("/v1/network/tables/cells", **headers)["columns"]["h3"]
        send(
            served,
            people["amina"],
            "/v1/areas",
            {"id": "all", "title": "all", "cells": cells, "reason": "test"},
        )
        slot = switched(served, people, "off")
        dark = until_seen(address, lambda one: one["status"]["state"] != "CONNECTED")
        assert dark["status"]["state"] == "SEARCHING"  # its word for NO_SCHEDULE
        told = history_of(address)
        assert told["disablement"] == "CELL_IS_DISABLED"
        begun_s = int(slot_start(slot).astype("datetime64[s]").astype(int))
        assert told["since_s"] == begun_s, "in the very second in which the slot begins"
        os.kill(served.children()["terminals_process"], signal.SIGKILL)
        again = until_seen(address, lambda one: one["status"]["state"] == "SEARCHING")
        assert again["end_counter"] > dark["end_counter"], "its time goes on"


def history_of(address: str) -> dict[str, Any]:
    """Return the present outage and code of a dish, by our own reader."""
    import asyncio

    from openleo.dish.reading import Dish, disablement_name, unix_ns_of_gps_ns

    async def read() -> dict[str, Any]:
        async with Dish(address) as dish:
            status = await dish.status()
        start_ns = unix_ns_of_gps_ns(status.outage.start_timestamp_ns)
        return {"disablement": disablement_name(status), "since_s": start_ns // 10**9}

    return asyncio.run(read())


def test_what_a_client_tells_a_terminal_acts_in_the_network(small_file: Path, tmp_path: Path) -> None:
    arguments = ("--speed", "10", "--for", "6h", "--terminals", "12", "--terminals-at", FIRST, "--telemetry",
                 "--data", str(tmp_path))  # fmt: skip
    with serve(str(small_file), *arguments) as served:
        dish = dishes_of(tmp_path)[3]
        kept(tmp_path, dish["dish"], [""])
        tell(dish["address"], "stow")
        shown(served, dish["terminal"], "STOWED")
        assert seen(dish["address"])["status"]["state"] == "STOWED"
        kept(tmp_path, dish["dish"], ["", "STOWED"])
        tell(dish["address"], "unstow")
        shown(served, dish["terminal"], "ONLINE")
        kept(tmp_path, dish["dish"], ["", "STOWED", ""])
    with TelemetryStore(fleet_folder(next(tmp_path.glob("live/*/")))) as store:
        assert len(store.latest()) == 45


def kept(data: Path, dish: str, outages: list[str]) -> None:
    """Wait until the network's telemetry holds these outages of a dish, in this order."""
    until = time.monotonic() + 60
    told: list[str | None] = []
    while told != outages:
        assert time.monotonic() < until, told
        time.sleep(0.2)
        folder = next(data.glob("live/*/"))
        if (folder / "fleet").is_dir():
            with TelemetryStore(fleet_folder(folder)) as store:
                told = [outage for outage, _ in groupby(s.outage for s in store.samples(dish, 0, 2**62))]


def tell(address: str, act: str) -> None:
    import asyncio

    from openleo.dish.reading import Dish

    async def told() -> None:
        async with Dish(address) as dish:
            await getattr(dish, act)()

    asyncio.run(told())


def shown(served: Served, terminal: str, cause: str) -> None:
    """Wait until the network itself gives the terminal this cause."""
    until = time.monotonic() + 60
    while served.get(f"/v1/network/terminals/{terminal}")["cause"] != cause:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_addresses_that_this_machine_cannot_give_are_told(small_file: Path, tmp_path: Path) -> None:
    code = "import sys; from openleo.cli import main; sys.argv[0] = 'openleo'; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(small_file), "--terminals", "2",
         "--terminals-at", "10.0.0.1", "--data", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "127.64.0.0/10" in done.stderr
