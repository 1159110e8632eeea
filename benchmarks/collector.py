"""How many dishes one core can watch, each asked every 15 s and its history read every 5 minutes.

Dishes are served by another process over real gRPC, and one in ten addresses takes connections and says
nothing.  Time is squeezed tenfold: each dish is asked every 1.5 s, its history read every 30 s, and it lives
10 s in each, so that a look costs what it does in its true proportion.  Samples go to the real store.  The
second figure is how late the looks at dishes that answer were.
"""

import asyncio
import itertools
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from openleo.fleet.books import FleetBook
from openleo.fleet.collect import Collector
from openleo.fleet.look import DishWatch, Look
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry

DISHES, SILENT, SQUEEZED, RUN_S = 400, 40, 10.0, 30.0
DISHES_GOAL, LATE_GOAL_S = 1_000, 1.0
PACE = Pace(steady_s=15 / SQUEEZED, quick_s=5 / SQUEEZED, settle_s=0.0, history_s=300 / SQUEEZED, most_s=12.0)


def serve_dishes(told: Any) -> None:
    """Serve dishes, a second at a time, until killed."""
    from openleo.dish.inputs import Identity, Seconds
    from openleo.dish.serving import serve
    from openleo.dish.terminal import Dishes

    async def work() -> None:
        start_s = int(time.time()) - 1_000
        dishes = Dishes([Identity(id=f"ut01000000-00000000-{n:08x}") for n in range(DISHES)], start_s=start_s)
        dishes.advance(Seconds.alike(start_s, dishes=DISHES, seconds=1_000, downlink_bps=8e6))
        async with serve(dishes, hosts=["127.0.0.1"] * DISHES, port=0, web_port=None) as served:
            told.send([served.address(row) for row in range(DISHES)])
            while True:
                lived = Seconds.alike(dishes.now_s, dishes=DISHES, seconds=10, downlink_bps=8e6)
                dishes.advance(lived)
                await asyncio.sleep(1)

    asyncio.run(work())


async def watch(folder: Path, addresses: list[str], silent: list[str]) -> tuple[float, list[float]]:
    """Return CPU seconds for each look, and by how much looks at dishes that answer were late, s."""
    looks: dict[str, list[float]] = {address: [] for address in addresses}
    with FleetBook(folder) as book:
        for address in [*addresses, *silent]:
            book.register.put_dish(DishEntry(address=address))
        collector = Collector(book, pace=PACE)
        take = collector._take

        def taken(of: DishWatch, look: Look) -> None:
            looks.get(of.entry.address, []).append(time.monotonic())
            take(of, look)

        collector._take = taken  # type: ignore[method-assign]
        stop = asyncio.Event()
        running = asyncio.create_task(collector.run(stop))
        await asyncio.sleep(10)  # connections are made, first histories read
        for times in looks.values():
            times.clear()
        cpu_s = time.process_time()
        await asyncio.sleep(RUN_S)
        cpu_s = time.process_time() - cpu_s
        stop.set()
        await running
    gaps = [b - a for times in looks.values() for a, b in itertools.pairwise(times)]
    count = sum(len(times) for times in looks.values())
    print(f"{count:,} looks at {DISHES} dishes, {collector.kept:,} samples kept, {cpu_s:.1f} s of CPU")
    return cpu_s / count, [gap - PACE.steady_s for gap in gaps]


def main() -> None:
    """Measure and print."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve_dishes, args=(theirs,), daemon=True)
    server.start()
    addresses = ours.recv()
    mute = [socket.create_server(("127.0.0.1", 0)) for _ in range(SILENT)]
    silent = [f"127.0.0.1:{one.getsockname()[1]}" for one in mute]
    with tempfile.TemporaryDirectory() as folder:
        cpu_s, late = asyncio.run(watch(Path(folder), addresses, silent))
    server.kill()
    dishes = int(15.0 / cpu_s)
    p99_s = statistics.quantiles(late, n=100)[98]
    print(f"a look costs {cpu_s * 1e3:.2f} ms; late by {statistics.median(late):.3f} s, p99 {p99_s:.3f} s")
    for name, value, unit, goal, met in (
        ("dishes that one core can watch", dishes, "dishes", f">= {DISHES_GOAL}", dishes >= DISHES_GOAL),
        (
            "looks late beside silent dishes, p99",
            round(p99_s, 3),
            "s",
            f"<= {LATE_GOAL_S}",
            p99_s <= LATE_GOAL_S,
        ),
    ):
        print(json.dumps({"name": name, "value": value, "unit": unit, "goal": goal, "met": met}))


if __name__ == "__main__":
    main()
