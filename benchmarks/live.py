"""The live network: what a slot costs, what a viewer's stream takes, what twenty viewers cost, and memory.

The first two are of 10,131 satellites with lasers, 100,000 cells and 25,000 terminals, on one thread at x1.
The others are of `ukraine-2022` at x60, served as people serve it: an hour of the network is a minute.
"""

import itertools
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from _runs import OPENLEO, report
from websockets.sync.client import connect

from openleo.base.clock import slot_start
from openleo.live.begin import begin, live_scenario
from openleo.live.clock import begin_at, ns_of
from openleo.live.engine import Engine
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.live.segment import slots_in
from openleo.live.views import view_at
from openleo.results.inputs import scenario_of
from openleo.scenario.load import load_scenario
from openleo.scenario.world import slots_of
from openleo.snapshot.stream import Stamp, delta_parts, encode, snapshot_parts

COUNTRIES = json.dumps(load_scenario("planet").terminals[0].countries)
LARGE = f"""
schema = 1
name = "large"
start = 2026-08-22T00:00:00Z
end = 2026-08-22T01:00:00Z
seed = 20260822
[constellation]
use = "starlink-2026"
isl = "grid"
[network]
active_share = 0.02
[gateways]
include = "live"
[[terminals]]
name = "subscribers"
place = "land"
count = 25_000
cells = 25_000
countries = {COUNTRIES}
[[background]]
countries = {COUNTRIES}
terminals = 1_000_000
cells = 140_000
[[background]]
countries = ["AO", "BO", "DZ", "EG", "ET", "IN", "KZ", "LY", "ML", "NE", "SA", "SD", "TD", "TZ", "ZA",
  "CD", "CN", "NG", "RU", "TR"]
terminals = 300_000
cells = 60_000
"""
SLOTS = 16
QUARTER_S, STREAM_KB_S, VIEWERS, MINUTE_S = 3.75, 200.0, 20, 60.0
WARM_S = 40.0


def large() -> None:
    """Step the large network; report a slot's work, and the size of its stream."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.toml"
        path.write_text(LARGE)
        live = LiveFolder(Path(folder) / "live")
        scenario = load_scenario(path)
        begin(live, live_scenario(scenario, start=None, length=scenario.end - scenario.start))
        first = slots_of(scenario)[0]
        late = begin_at(ns_of(slot_start(first + 1000)), 1.0)  # every slot is due
        spent: list[float] = []
        engine = Engine(
            live, scenario_of(live.path, live.config()["inputs"]), late,
            told=lambda text: spent.append(time.process_time()), stop=lambda: len(spent) > SLOTS,
        )  # fmt: skip
        engine.run()
        work = sorted(b - a for a, b in itertools.pairwise(spent))
        print(
            f"{engine.net.cell_count:,} cells, {len(engine.net.tracked):,} of them with terminals;", end=" "
        )
        print(f"CPU seconds a slot from {work[0]:.2f} to {work[-1]:.2f}")
        report("live: a slot's CPU", 1e3 * work[len(work) // 2], "ms", 1e3 * QUARTER_S)
        sizes(live)


def sizes(live: LiveFolder) -> None:
    archive = Archive(live.run, live.segments)
    slots = slots_in(live.segments)
    views = {slot: view_at(archive, slot) for slot in slots}
    stamp = Stamp(0, 0.0, 0.0)
    deltas = [
        len(encode(delta_parts(views[a], views[b]), stamp, base=a)) for a, b in itertools.pairwise(slots)
    ]
    began = time.perf_counter()
    whole = len(encode(snapshot_parts(views[slots[-1]]), stamp))
    took_ms = 1e3 * (time.perf_counter() - began)
    print(f"a snapshot has {whole / 1e3:.0f} kB and takes {took_ms:.1f} ms to encode")
    report("live: a viewer's stream at x1", max(deltas) / 1e3 / 15.0, "kB/s", STREAM_KB_S)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Return the memory that is the process's own: mapped segments are the page cache's."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) / 1024.0  # type: ignore[union-attr]


def children(parent: int) -> dict[str, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                words = (stat.parent / "cmdline").read_bytes().decode().split("\0")
                found[words[words.index("-m") + 1].rpartition(".")[2]] = int(stat.parent.name)
        except (OSError, ValueError):
            continue
    return found


def served() -> None:
    """Serve a country at x60; report what twenty viewers cost, and how memory grows in an hour of it."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [str(OPENLEO), "serve", "ukraine-2022", "--speed", "60", "--data", folder, "--port", "0"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline()).group()  # type: ignore[union-attr]
        try:
            wait(address)
            time.sleep(WARM_S)
            pids = children(process.pid)
            before = {name: memory_mib(pid) for name, pid in pids.items()}
            idle = spent(pids["live_process"], MINUTE_S / 3)
            stop = threading.Event()
            viewers = [threading.Thread(target=view, args=(address, stop)) for _ in range(VIEWERS)]
            for viewer in viewers:
                viewer.start()
            time.sleep(2.0)
            busy = spent(pids["live_process"], MINUTE_S * 2 / 3)
            stop.set()
            for viewer in viewers:
                viewer.join()
            after = {name: memory_mib(pid) for name, pid in pids.items()}
        finally:
            process.terminate()
            process.wait()
        print(f"MiB before {before}, after {after}; share of a core {idle:.3f} alone, {busy:.3f} watched")
        report("live: 20 viewers at x60", 100.0 * (busy - idle), "% of a core", 50.0)
        growth = max(after[name] - before[name] for name in before)
        report("live: memory over an hour at x60", growth, "MiB", 48.0)
        report("live: memory of all", sum(after.values()), "MiB", 1536.0)


def spent(pid: int, wall_s: float) -> float:
    """Return the share of a core that a process takes over some time."""
    began = cpu_s(pid)
    time.sleep(wall_s)
    return (cpu_s(pid) - began) / wall_s


def wait(address: str) -> None:
    until = time.monotonic() + 180.0
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/v1/network", timeout=30) as answer:
                if json.loads(answer.read())["clock"]["state"] == "live":
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the network did not come up")


def view(address: str, stop: threading.Event) -> None:
    with connect(address.replace("http", "ws") + "/v1/stream", max_size=None, compression=None) as socket:
        while not stop.is_set():
            socket.recv(timeout=30)


if __name__ == "__main__":
    served()
    large()
