"""Serving 5,000 dishes from one process: how long until all answer, a poll of each every 15 s, memory.

The dishes are served as they are to users, gRPC and gRPC-Web on an address each, and live on a second every
second.  Another process polls their status as the collector does, spread over each 15 s, for two rounds; the
first opens the connections and is told apart.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles

from _runs import report

COUNT = int(os.environ.get("OPENLEO_BENCH_DISHES", "5000"))
PERIOD_S = 15.0
ROUNDS = 3


def resident_kb() -> int:
    """Return the memory of this process now."""
    text = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))


async def serve_them() -> None:
    """Serve, print what it took, and live on until the other side closes standard input."""
    from openleo.dish.inputs import Identity, Seconds
    from openleo.dish.serving import serve
    from openleo.dish.terminal import Dishes

    before_kb, begun = resident_kb(), time.monotonic()
    now = int(time.time())
    dishes = Dishes([Identity(id=f"ut01000000-00000000-{n:08x}") for n in range(COUNT)], start_s=now - 900)
    dishes.advance(Seconds.alike(now - 900, dishes=COUNT, seconds=900, downlink_bps=1e6))
    lived = time.monotonic()
    async with serve(dishes) as served:
        up = time.monotonic()
        gc.freeze()  # what lives as long as the process need not be looked through for garbage
        told = {"lived_s": lived - begun, "open_s": up - lived, "kb": resident_kb() - before_kb}
        print(json.dumps(told), flush=True)
        done = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        steps: list[float] = []
        while not done.done():
            at = time.monotonic()
            dishes.advance(Seconds.alike(dishes.now_s, dishes=COUNT, latency_ms=at % 50))
            await served.settle()
            steps.append(time.monotonic() - at)
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - at)))
        cpu = time.process_time()
        print(json.dumps({"step_ms": 1000 * sorted(steps)[len(steps) // 2], "cpu_s": cpu}), flush=True)
        print(json.dumps({"kb": resident_kb() - before_kb}), flush=True)


async def poll_them() -> None:
    """Ask every dish for its status in each round, and print how long each answer took."""
    from openleo.dish.reading import Dish
    from openleo.dish.serving import loopback_address, raise_file_limit

    raise_file_limit(2 * COUNT + 256, least=COUNT + 64)
    dishes = [Dish(loopback_address(row), timeout_s=10.0) for row in range(COUNT)]
    took: list[list[float]] = [[] for _ in range(ROUNDS)]
    gc.freeze()
    begun = time.monotonic()

    async def one(number: int, row: int) -> None:
        await asyncio.sleep(begun + PERIOD_S * (number + row / COUNT) - time.monotonic())
        at = time.monotonic()
        status = await dishes[row].status()
        took[number].append(time.monotonic() - at)
        assert status.device_info.id.endswith(f"{row:08x}")

    for number in range(ROUNDS):
        await asyncio.gather(*(one(number, row) for row in range(COUNT)))
    for dish in dishes:
        await dish.close()
    print(json.dumps(took))


def main() -> None:
    here = [sys.executable, __file__]
    server = subprocess.Popen([*here, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        started = json.loads(server.stdout.readline())
        polled = subprocess.run([*here, "poll"], stdout=subprocess.PIPE, text=True, check=True)
        out, _ = server.communicate("", timeout=120)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    step, after = (json.loads(line) for line in out.splitlines())
    rounds = json.loads(polled.stdout.splitlines()[-1])
    assert all(len(took) == COUNT for took in rounds)
    print(f"900 s lived in {started['lived_s']:.1f} s, all ports open in {started['open_s']:.1f} s")
    print(f"a second of all takes {step['step_ms']:.1f} ms; CPU {step['cpu_s']:.0f} s in {ROUNDS} rounds")
    first, later = rounds[0], [seconds for took in rounds[1:] for seconds in took]
    for name, took in (("first round, with connecting", first), ("later rounds", later)):
        parts = quantiles(took, n=100)
        middle, p99, worst = (1000 * x for x in (parts[49], parts[98], max(took)))
        print(f"{name}: median {middle:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms")
    if (pressure := Path("/proc/pressure/cpu")).exists():
        print(f"how much others wanted this machine: {pressure.read_text().splitlines()[0]}")
    report("dish_fleet_open", started["open_s"], "s", 5)
    report("dish_fleet_memory", after["kb"] / COUNT, "kB a dish", 100)
    report("dish_fleet_poll_p99", p99, "ms", 250)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve_them())
    elif sys.argv[1:] == ["poll"]:
        asyncio.run(poll_them())
    else:
        main()
