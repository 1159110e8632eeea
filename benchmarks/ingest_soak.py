"""Telemetry from 10,000 terminals: what is acknowledged, how soon, also when killed; and what decisions feel.

    python benchmarks/ingest_soak.py [SECONDS [BATCHES_A_SECOND]]

Each terminal sends 15 samples of a second each 15 s, signed: 667 batches a second.  Without a rate, four
tenths of what this machine takes in a burst are sent if that is less; the figures' names say how many it was.
The server has one core, and the devices have the others.  The goals are of 600 s at 667.

1. So long at the rate.  2. As long, killed each minute (of a short run: each 10 s).  3. A minute at three
times the rate, then until all of it is acknowledged.  4. Decisions while 10,000 devices want to send five
times what is taken: each of 2,000 connections always has a batch to send.
"""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "fleet"), str(ROOT / "benchmarks")]

import decisions  # noqa: E402
from soaking import HOST, Server, Soak, ask, register, sample, seed_of  # noqa: E402

from openleo.api.ingest_process import NICE  # noqa: E402
from openleo.control.founding import found_network  # noqa: E402
from openleo.control.plane import Plane  # noqa: E402
from openleo.fleet.batches import PATH, sign_batch  # noqa: E402

TERMINALS, BATCH, RATE = 10_000, 15, 667.0
SECONDS = 30.0
KILL_EACH_S, KILL_EACH_OF_SHORT_S = 60.0, 10.0
PEAK, PEAK_S = 3.0, 60.0
OVERLOAD = 5.0
SHARE = 0.4  # of what is taken in a burst: others use these cores too
ACK_GOAL_MS, DECISION_GOAL_MS, RSS_GOAL_MIB, RECOVERY_GOAL_S = 500.0, 250.0, 1_024.0, 180.0
DECISIONS_A_SECOND = 20.0
BURST = 4_000  # batches, by which the most that is taken is measured
CONNECTIONS = 2_000  # where more is sent than is taken


def capacity(folder: Path) -> float:
    """Return how many batches a second are taken at most."""
    soak = begun(folder)
    requests = [request(n, 0) for n in range(BURST)]
    start = time.monotonic()
    answers = asyncio.run(sent_all(requests, soak.server.port, 60.0, connections=400))
    taken = time.monotonic() - start
    soak.server.stop()
    return answers[204] / taken


def begun(folder: Path, *, nice: int = 0, connections: int = 256) -> Soak:
    """Return devices and their server, which is ready."""
    if folder.exists():
        shutil.rmtree(folder)
    register(folder, TERMINALS)
    server = Server(folder, core=0, nice=nice)
    server.start()
    return Soak(server, TERMINALS, batch=BATCH, connections=connections)


def soaked(folder: Path, seconds: float, rate: float, kill_each_s: float | None = None) -> dict[str, float]:
    """Send for so long; return the figures."""
    soak = begun(folder)
    start = time.monotonic()
    asyncio.run(soak.run(seconds, rate, kill_each_s=kill_each_s))
    taken, processor_s = time.monotonic() - start, soak.server.processor_s()
    soak.server.stop()
    left = soak.check()
    rss = [mib for _, mib in soak.rss_mib]
    half = rss[len(rss) // 2 :]
    flat = max(abs(mib / statistics.mean(half) - 1) for mib in half)
    return {
        "acked": float(sum(soak.acked.values())), "wrong": float(left["lost"] + left["doubled"]),
        "p50_ms": statistics.median(soak.waits_s) * 1e3, "p99_ms": decisions.p99_ms(soak.waits_s),
        "taken_s": taken,
        "answer_p50_ms": statistics.median(soak.answers_s) * 1e3,
        "answer_p99_ms": decisions.p99_ms(soak.answers_s),
        "processor_ms": processor_s / len(soak.waits_s) * 1e3,
        "rss_mib": max(rss), "rss_share": flat, "kills": float(len(soak.ready_s)),
        "ready_s": statistics.median(soak.ready_s) if soak.ready_s else 0.0,
        "other_answers": float(sum(n for status, n in soak.answers.items() if status != 204)),
    }  # fmt: skip


def peak(folder: Path, rate: float) -> dict[str, float]:
    """Send more than is taken for a minute, then until all of it is acknowledged; return the figures."""
    soak = begun(folder, connections=CONNECTIONS)
    soak.sign(int(PEAK_S * rate))
    start = time.monotonic()
    asyncio.run(soak.run(PEAK_S, rate))
    taken = time.monotonic() - start
    rss = soak.server.rss_mib()
    soak.server.stop()
    left = soak.check()
    return {
        "rate": rate, "recovery_s": taken - PEAK_S, "kept": float(soak.answers[204]), "rss_mib": rss,
        "turned_away": float(soak.answers[503] + soak.answers[429]),
        "other_answers": float(sum(n for status, n in soak.answers.items() if status not in {204, 429, 503})),
        "wrong": float(left["lost"] + left["doubled"]),
    }  # fmt: skip


def decided(folder: Path, seconds: float, most: float) -> dict[str, float]:
    """Decide while devices want to send five times what is taken."""
    soak = begun(folder / "fleet", nice=NICE)  # as it is where it runs beside others
    found_network(folder / "control", decisions.NETWORK, {"amina": "amina", "jonas": "jonas"})
    code = (
        "import sys; sys.path[:0] = sys.argv[1:2]; import ingest_soak; "
        "ingest_soak.blast(*map(float, sys.argv[2:]))"
    )
    sending_s, wanted = seconds + 3, OVERLOAD * most
    given = [str(ROOT / "benchmarks"), str(soak.server.port), str(sending_s), str(wanted)]
    command, piped = [sys.executable, "-c", code, *given], subprocess.PIPE
    with subprocess.Popen(command, stdin=piped, stdout=piped, text=True) as sending:
        assert sending.stdout is not None
        assert sending.stdin is not None
        with Plane.open(folder / "control", grouped=True) as plane:
            plane.act(decisions.ACTOR, decisions.stock)
            sending.stdout.readline()  # it has signed what it will send
            alone = decisions.Load(plane, 100_000, DECISIONS_A_SECOND, seconds)
            alone.run()
            sending.stdin.write("go\n")
            sending.stdin.flush()
            load = decisions.Load(plane, 0, DECISIONS_A_SECOND, seconds)
            load.run()
        answers = json.loads(sending.stdout.readline())
    soak.server.stop()
    return {
        "p50_ms": statistics.median(load.waits_s) * 1e3, "p99_ms": decisions.p99_ms(load.waits_s),
        "alone_p99_ms": decisions.p99_ms(alone.waits_s),
        "wanted": wanted, "answered": sum(answers.values()) / sending_s,
        "kept": answers.get("204", 0) / sending_s,
        "turned_away": sum(n for status, n in answers.items() if status in {"429", "503"}) / sending_s,
    }  # fmt: skip


def blast(port: float, seconds: float, rate: float) -> None:
    """Send batches at a rate, or as many of them as are answered; print what became of them."""
    os.nice(NICE)  # devices have processors of their own: here they must not take the decider's
    requests = [request(n % TERMINALS, n // TERMINALS * BATCH) for n in range(int(seconds * rate))]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(sent_all(requests, int(port), seconds, rate=rate))))


async def sent_all(
    requests: list[bytes],
    port: int,
    seconds: float,
    *,
    connections: int = CONNECTIONS,
    rate: float | None = None,
) -> Counter[int]:
    """Send requests over connections for so long, or until all are sent; return what was answered.

    At a rate each waits until it is due; where answers come too slowly for it, every connection is busy.
    """
    answers: Counter[int] = Counter()
    begin = time.monotonic()
    waiting = iter(enumerate(requests))

    async def one() -> None:
        connection = None
        while time.monotonic() < begin + seconds and (job := next(waiting, None)) is not None:
            early = begin + job[0] / rate - time.monotonic() if rate else 0.0
            if early > 0:
                await asyncio.sleep(early)
            try:
                connection = connection or await asyncio.open_connection(HOST, port)
                answers[await ask(connection, job[1])] += 1
            except (OSError, asyncio.IncompleteReadError):
                connection = None
        if connection is not None:
            connection[1].close()

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # who has no answer by then had none in time
            await asyncio.gather(*(one() for _ in range(connections)))
    return answers


def request(device: int, first: int) -> bytes:
    """Return a batch of a device as it travels."""
    now = time.time_ns()
    samples = [sample(device, first + n, now + n * 10**9) for n in range(BATCH)]
    headers, body = sign_batch(seed_of(device), f"ag-{device}", "b", first, samples, pack=False)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {PATH} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def measure(seconds: float = SECONDS, rate: float | None = None) -> dict[str, dict[str, float]]:
    """Run all of it and return the figures."""
    cores = os.sched_getaffinity(0)
    kill_each_s = KILL_EACH_S if seconds > KILL_EACH_S else KILL_EACH_OF_SHORT_S
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flush = decisions.flush_s(folder)
        os.sched_setaffinity(0, cores - {0} or cores)
        most = capacity(folder / "fleet")
        sent = rate or min(RATE, SHARE * most)
        steady = soaked(folder / "fleet", seconds, sent)
        killed = soaked(folder / "fleet", seconds, sent, kill_each_s=kill_each_s)
        peaked = peak(folder / "fleet", PEAK * sent)
        os.sched_setaffinity(0, cores)
        deciding = decided(folder / "deciding", 15.0, most)
    machine = {
        "flush_p50_ms": flush * 1e3, "capacity": most, "rate": sent, "seconds": seconds,
        "load": os.getloadavg()[0],
    }  # fmt: skip
    return {"machine": machine, "steady": steady, "killed": killed, "peak": peaked, "deciding": deciding}


def main() -> None:
    """Measure, and print what it is."""
    given = [float(text) for text in sys.argv[1:]]
    got = measure(*given)
    machine, steady, killed, deciding = got["machine"], got["steady"], got["killed"], got["deciding"]
    peaked = got["peak"]
    print(json.dumps(got, indent=1))
    scale = f"{machine['rate']:.0f} batches/s of {BATCH} (of {RATE:.0f}: {machine['rate'] / RATE:.0%})"
    scale += f" for {machine['seconds']:.0f} s"
    rows: list[tuple[str, float, str, float]] = [
        (f"telemetry, {scale}, samples lost or doubled", steady["wrong"], "samples", 0),
        (f"telemetry, {scale}, acknowledged after it was sent, p99", steady["answer_p99_ms"], "ms",
         ACK_GOAL_MS),
        ("telemetry, processor time of the server a batch", steady["processor_ms"], "ms", 1e3 / RATE),
        ("telemetry, memory of the server", steady["rss_mib"], "MiB", RSS_GOAL_MIB),
        ("telemetry, its change over the second half", 100 * steady["rss_share"], "%", 5.0),
        (f"telemetry, killed {killed['kills']:.0f} times, lost or doubled", killed["wrong"], "samples", 0),
        (f"telemetry, a minute at {PEAK:g} times the rate, answers but 204, 429 and 503",
         peaked["other_answers"], "answers", 0),
        ("telemetry, until such a minute is made up for", peaked["recovery_s"], "s", RECOVERY_GOAL_S),
        (f"decisions while devices want to send {OVERLOAD:g} times what is taken, p99",
         deciding["p99_ms"], "ms", DECISION_GOAL_MS),
    ]  # fmt: skip
    for name, value, unit, goal in rows:
        told = {"name": name, "value": round(value, 1), "unit": unit, "goal": f"<= {goal:g}"}
        print(json.dumps({**told, "met": value <= goal}))


if __name__ == "__main__":
    main()
