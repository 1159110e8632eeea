"""Telemetry from 10,000 terminals: what is acknowledged, how soon, also when killed; and what decisions feel.

    python benchmarks/ingest_soak.py [SECONDS [BATCHES_A_SECOND]]

Each terminal sends 15 samples of a second each 15 s, signed: 667 batches a second.  Where this machine cannot
take as many, six tenths of what it can are sent, and the names of the figures say how many that is.  The
server has one core, and the devices have the others.  Beside it, what the disk and SQLite do alone is said.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "fleet"), str(ROOT / "benchmarks")]

import decisions  # noqa: E402
from soaking import Server, Soak, register  # noqa: E402

from openleo.control.founding import found_network  # noqa: E402
from openleo.control.plane import Plane  # noqa: E402

TERMINALS, BATCH, RATE = 10_000, 15, 667.0
SECONDS, KILL_EACH_S, PEAK_S = 60.0, 15.0, 10.0
ACK_GOAL_MS, DECISION_GOAL_MS, RSS_GOAL_MIB = 500.0, 250.0, 1_024.0
DECISIONS_A_SECOND = 20.0


def capacity(folder: Path) -> float:
    """Return how many batches a second are taken at most."""
    soak = begun(folder, 2_000)
    start = time.monotonic()
    asyncio.run(soak.run(2_000 / 1e6, 1e6))
    taken = time.monotonic() - start
    soak.server.stop()
    return 2_000 / taken


def begun(folder: Path, devices: int = TERMINALS) -> Soak:
    """Return devices and their server, which is ready."""
    if folder.exists():
        shutil.rmtree(folder)
    register(folder, devices)
    server = Server(folder, core=0)
    server.start()
    return Soak(server, devices, batch=BATCH)


def soaked(folder: Path, seconds: float, rate: float, kill_each_s: float | None = None) -> dict[str, float]:
    """Send for so long; return the figures."""
    soak = begun(folder)
    start = time.monotonic()
    asyncio.run(soak.run(seconds, rate, kill_each_s=kill_each_s))
    taken = time.monotonic() - start
    soak.server.stop()
    left = soak.check()
    rss = [mib for _, mib in soak.rss_mib]
    half = rss[len(rss) // 2 :]
    flat = max(abs(mib / statistics.mean(half) - 1) for mib in half)
    return {
        "acked": float(sum(soak.acked.values())), "wrong": float(left["lost"] + left["doubled"]),
        "p50_ms": statistics.median(soak.waits_s) * 1e3, "p99_ms": soak.p99_ms(), "taken_s": taken,
        "rss_mib": max(rss), "rss_share": flat, "kills": float(len(soak.ready_s)),
        "ready_s": statistics.median(soak.ready_s) if soak.ready_s else 0.0,
        "other_answers": float(sum(n for status, n in soak.answers.items() if status != 204)),
    }  # fmt: skip


def decided(folder: Path, seconds: float, most: float) -> dict[str, float]:
    """Decide while as much telemetry is sent as can be, for five times what is taken; return the figures."""
    soak = begun(folder / "fleet", 2_000)
    found_network(folder / "control", decisions.NETWORK, {"amina": "amina", "jonas": "jonas"})
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import ingest_soak as i; "
        "i.blast(int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))"
    )
    import subprocess

    here = [str(ROOT / "benchmarks"), str(ROOT / "tests" / "fleet")]
    command = [sys.executable, "-c", code, *here, str(soak.server.port), str(seconds + 4), str(5 * most)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sending:
        time.sleep(3.0)
        with Plane.open(folder / "control", grouped=True) as plane:
            plane.act(decisions.ACTOR, decisions.stock)
            load = decisions.Load(plane, 0, DECISIONS_A_SECOND, seconds)
            load.run()
        sent = json.loads(sending.communicate()[0].splitlines()[-1])
    soak.server.stop()
    return {
        "p99_ms": decisions.p99_ms(load.waits_s),
        "offered": sent["offered"],
        "kept": sent.get("204", 0) / (seconds + 4),
    }


def blast(port: int, seconds: float, rate: float) -> None:
    """Send batches at a rate without waiting for what becomes of them; print how many that was."""
    from collections import Counter

    from soaking import HOST, _ask, sample, seed_of

    from openleo.fleet.batches import PATH, sign_batch

    requests = []
    for device in range(2_000):
        now = time.time_ns()
        samples = [sample(device, n, now + n * 10**9) for n in range(BATCH)]
        headers, body = sign_batch(seed_of(device), f"ag-{device}", "b", 0, samples)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        text = f"POST {PATH} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(body)}\r\n\r\n"
        requests.append(text.encode() + body)
    answers: Counter[int] = Counter()
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        connection = None
        while time.monotonic() < until:
            try:
                connection = connection or await asyncio.open_connection(HOST, port)
                answers[await _ask(connection, requests[number % len(requests)])] += 1
            except (OSError, asyncio.IncompleteReadError):
                connection = None
            number += 400
        if connection is not None:
            connection[1].close()

    async def all_() -> None:
        await asyncio.gather(*(one(n) for n in range(400)))

    asyncio.run(all_())
    print(json.dumps({"offered": sum(answers.values()) / seconds, **{str(k): v for k, v in answers.items()}}))


def measure(seconds: float = SECONDS, rate: float | None = None) -> dict[str, dict[str, float]]:
    """Run all of it and return the figures."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flush = decisions.flush_s(folder)
        os.sched_setaffinity(0, cores - {0} or cores)
        most = capacity(folder / "fleet")
        sent = rate or min(RATE, 0.6 * most)
        steady = soaked(folder / "fleet", seconds, sent)
        killed = soaked(folder / "fleet", seconds, sent, kill_each_s=KILL_EACH_S)
        os.sched_setaffinity(0, cores)
        deciding = decided(folder / "deciding", 15.0, most)
    machine = {"flush_p50_ms": flush * 1e3, "capacity": most, "rate": sent, "load": os.getloadavg()[0]}
    return {"machine": machine, "steady": steady, "killed": killed, "deciding": deciding}


def main() -> None:
    """Measure, and print what it is."""
    given = [float(text) for text in sys.argv[1:]]
    got = measure(*given)
    machine, steady, killed, deciding = got["machine"], got["steady"], got["killed"], got["deciding"]
    print(json.dumps(got, indent=1))
    scale = f"{machine['rate']:.0f} batches/s of {BATCH} (of {RATE:.0f}: {machine['rate'] / RATE:.0%})"
    rows: list[tuple[str, float, str, float]] = [
        (f"telemetry, {scale}, samples lost or doubled", steady["wrong"], "samples", 0),
        (f"telemetry, {scale}, acknowledged after, p99", steady["p99_ms"], "ms", ACK_GOAL_MS),
        ("telemetry, memory of the server", steady["rss_mib"], "MiB", RSS_GOAL_MIB),
        ("telemetry, its change over the second half", 100 * steady["rss_share"], "%", 5.0),
        (f"telemetry, killed {killed['kills']:.0f} times, lost or doubled", killed["wrong"], "samples", 0),
        ("decisions under telemetry at what is offered, p99", deciding["p99_ms"], "ms", DECISION_GOAL_MS),
    ]  # fmt: skip
    for name, value, unit, goal in rows:
        print(
            json.dumps(
                {
                    "name": name,
                    "value": round(value, 1),
                    "unit": unit,
                    "goal": f"<= {goal:g}",
                    "met": value <= goal,
                }
            )
        )


if __name__ == "__main__":
    main()
