"""`openleo serve` as people run it: processes that die and come back, a clock that goes on, a clean end."""

import itertools
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from live_world import Served, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from openleo.base.clock import parse_utc, slot_at
from openleo.control.credential import Credential
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind
from openleo.control.sealing import make_key_file, new_slot
from openleo.snapshot.causes import Cause
from openleo.snapshot.stream import Frame, Kind, View, apply_delta, decode

_keys = itertools.count(1)


@contextmanager
def watch(served: Served, since: int | None = None, token: str | None = None) -> Iterator[ClientConnection]:
    """Open the stream as the page does."""
    address = served.stream + ("" if since is None else f"?from={since}")
    protocols = ["openleo.stream.v1", *([] if token is None else [f"bearer.{token}"])]
    with connect(address, subprotocols=protocols, max_size=None, compression=None) as socket:  # type: ignore[arg-type]
        yield socket


class Viewer:
    """One who watches, and comes back when the line is cut, with what it still holds."""

    def __init__(self, served: Served, token: str | None = None) -> None:
        self.served, self.token = served, token
        self.view: View | None = None
        self.frames: list[Frame] = []
        self.cuts = 0

    @property
    def slot(self) -> int | None:
        return self.frames[-1].stamp.slot if self.frames else None

    def watch_until(self, slot: int, wait_s: float = 60.0) -> None:
        until = time.monotonic() + wait_s
        while self.slot is None or self.slot < slot:
            assert time.monotonic() < until, (self.slot, slot, "".join(self.served.errors))
            try:
                with watch(self.served, self.slot, self.token) as socket:
                    while self.slot is None or self.slot < slot:
                        self.take(socket.recv(timeout=max(0.1, until - time.monotonic())))
            except (ConnectionError, EOFError, TimeoutError, WebSocketException):
                self.cuts += 1
                time.sleep(0.1)

    def take(self, content: Any) -> None:
        frame = decode(content)
        if frame.kind is Kind.SNAPSHOT:
            self.view = {name: dict(part) for name, part in frame.parts.items()}
        else:
            assert self.view is not None
            assert frame.base == self.slot, "a delta begins where the viewer is"
            self.view = apply_delta(self.view, frame)
        assert self.slot is None or frame.stamp.slot > self.slot, "time does not go back"
        self.frames.append(frame)


@pytest.mark.slow
def test_viewers_come_back_and_time_goes_on_whichever_process_is_killed(
    small_file: Path, tmp_path: Path
) -> None:
    with serve(str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path)) as served:
        clock = served.wait_for(lambda n: n["clock"]["state"] == "live")["clock"]
        viewer = Viewer(served)
        viewer.watch_until(clock["slot"] + 4)
        for name in ("engine_process", "live_process", "engine_process"):
            pid, killed_at = served.children()[name], viewer.slot
            assert killed_at is not None
            kill = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
            kill.start()  # while the viewer watches
            viewer.watch_until(killed_at + 60)
            kill.join()
            assert served.children()[name] != pid
        now = served.wait_for(lambda n: n["clock"]["state"] == "live")["clock"]
        passed = now["slot"] - clock["slot"]
        assert viewer.cuts >= 1, "the API was killed"
        columns = served.get(f"/v1/network/slots?from={clock['first_slot']}")["columns"]
        assert columns["slot"] == list(range(clock["first_slot"], columns["slot"][-1] + 1)), (
            "no slot is missing"
        )
        assert passed >= 120
        assert served.stop() == 0


def test_the_view_that_deltas_lead_to_is_the_one_that_a_frame_of_the_slot_holds(
    small_file: Path, tmp_path: Path
) -> None:
    with serve(str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path)) as served:
        clock = served.wait_for(lambda n: n["clock"]["state"] == "live")["clock"]
        viewer = Viewer(served)
        viewer.watch_until(clock["slot"] + 24)
        assert {frame.kind for frame in viewer.frames[1:]} == {Kind.DELTA}
        with urllib.request.urlopen(f"{served.address}/v1/network/frames/{viewer.slot}") as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            whole = decode(answer.read())
        assert viewer.view is not None
        for name, part in whole.parts.items():
            for column, values in part.items():
                assert values.tobytes() == viewer.view[name][column].tobytes(), f"{name}.{column}"


def test_one_who_comes_back_gets_a_delta_from_what_they_hold(small_file: Path, tmp_path: Path) -> None:
    with serve(str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path)) as served:
        clock = served.wait_for(lambda n: n["clock"]["slot"] > n["clock"]["first_slot"] + 8)["clock"]
        for since, kind in (
            (clock["slot"] - 6, Kind.DELTA),
            (5, Kind.SNAPSHOT),
            (2_000_000_000, Kind.SNAPSHOT),
        ):
            with watch(served, since) as socket:
                frame = decode(socket.recv(timeout=20))
            assert frame.kind is kind
            assert kind is Kind.SNAPSHOT or frame.base == since
        with connect(served.stream + "?from=x", subprotocols=["openleo.stream.v1"]) as socket:  # type: ignore[list-item]
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4400


@pytest.mark.slow
def test_pages_of_other_sites_may_not_watch(small_file: Path, tmp_path: Path) -> None:
    with serve(str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path)) as served:
        served.wait_for(lambda n: n["clock"]["state"] == "live")
        with connect(served.stream, origin="http://evil.example", compression=None) as socket:  # type: ignore[arg-type]
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403


@pytest.mark.slow
def test_a_network_that_is_served_again_goes_on_where_it_was(small_file: Path, tmp_path: Path) -> None:
    """Stopped by Ctrl-C, and killed with all that it started: its time does not go back, nor on meanwhile."""
    arguments = (str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path))
    slots = []
    for ending in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        with serve(*arguments) as served:
            clock = served.wait_for(
                lambda n: n["clock"]["state"] == "live" and n["clock"]["slot"] > max(slots, default=0) + 8
            )["clock"]
            slots.append(clock["slot"])
            children = served.children().values()
            assert served.stop(ending) in (0, -ending)
            until = time.monotonic() + 20
            while any(Path(f"/proc/{pid}").exists() for pid in children):
                assert time.monotonic() < until, "a process stayed behind"
                time.sleep(0.05)
        time.sleep(1.5)  # 90 s of the network's, if its time went on
    saved = json.loads(next(tmp_path.glob("live/*/clock.json")).read_text())["now"]
    assert slots == sorted(slots)
    first = clock["first_slot"]
    assert slots[-1] - first < 6 * 240
    assert saved > "2022-10-07T00:05"


@pytest.mark.slow
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_what_was_decided_acts_though_processes_are_killed(
    small_file: Path, tmp_path: Path, sealed: bool
) -> None:
    network = Network(name="test", kind=NetworkKind.SIMULATED, origin="openleo.test/log")
    control, key_file = tmp_path / "control", tmp_path / "network.key"
    control.mkdir()
    key = new_slot(control, make_key_file(key_file)) if sealed else None
    people = found_network(control, network, {"amina": "amina", "jonas": "jonas"}, key=key)
    how = ("--key-file", str(key_file)) if sealed else ()
    with serve(str(small_file), "--speed", "60", "--for", "6h", "--data", str(tmp_path), *how) as served:
        token = people["amina"].token
        headers = {"Authorization": f"Bearer {token}"}
        until = time.monotonic() + 60
        while True:
            try:
                found = served.get("/v1/network", **headers)
                if found["clock"]["state"] == "live":
                    break
            except OSError:
                pass
            assert time.monotonic() < until, "".join(served.errors)
            time.sleep(0.1)
        assert (found["login"], found["network"], found["kind"]) == (True, "test", "simulated")
        with pytest.raises(urllib.error.HTTPError) as unknown:
            served.get("/v1/network")
        assert unknown.value.code == 401
        cells = served.get("/v1/network/tables/cells", **headers)["columns"]["h3"]
        area = {"id": "all", "title": "all", "cells": cells, "reason": "to begin with"}
        send(served, people["amina"], "/v1/areas", area)
        slot = switched(served, people, "off")
        os.kill(served.children()["live_process"], signal.SIGKILL)
        os.kill(served.children()["engine_process"], signal.SIGKILL)
        viewer = Viewer(served, token)
        viewer.watch_until(slot + 2)
        counts = {}
        for at in (slot - 1, slot):
            found = served.get(f"/v1/network/causes?slot={at}", **headers)
            counts[at] = {c["name"]: c["terminals"] for c in found["causes"]}.get("CELL_IS_DISABLED", 0)
        assert counts[slot - 1] == 0
        assert counts[slot] >= 42
        dark = served.get("/v1/network/terminals?dark=true&cause=CELL_IS_DISABLED&limit=1", **headers)
        why = served.get(f"/v1/network/terminals/{dark['items'][0]['id']}/explain", **headers)
        assert why["verdict"]["cause"] == "CELL_IS_DISABLED"
        assert why["policy"]["rule"] == "area/all"
        assert viewer.view is not None
        assert Cause.CELL_IS_DISABLED in viewer.view["dark"]["cause"]
        with watch(served) as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def send(served: Served, who: Credential, path: str, body: Any, match: str = "*") -> Any:
    request = urllib.request.Request(
        served.address + path, data=json.dumps(body).encode(), method="POST",
        headers={
            "Authorization": f"Bearer {who.token}", "Content-Type": "application/json",
            "Idempotency-Key": f"test-key-{next(_keys):012d}", "If-Match": match,
        },
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def switched(served: Served, people: dict[str, Credential], to: str) -> int:
    """Have two people switch the area; return the slot that they were told."""
    request = send(served, people["amina"], "/v1/requests", {"area": "all", "switch": to, "reason": "test"})
    path = f"/v1/requests/{request['id']}"
    headers = {"Authorization": f"Bearer {people['amina'].token}"}
    text = served.get(path, **headers)["to_propose"]
    signature = people["amina"].sign("propose", text)
    send(served, people["amina"], f"{path}/proposal", {"signature": signature})
    signature = people["jonas"].sign("approve", text)
    granted = send(served, people["jonas"], f"{path}/approval", {"signature": signature})
    return slot_at(parse_utc(granted["request"]["effective"]))
