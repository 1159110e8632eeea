"""How many decisions a second the control plane takes, and how long each waits until it is durable.

Clients on threads each decide, wait for the answer and go on, at 200 a second together; then as fast as it
goes.  The peer, in the same run, is SQLite alone, write-ahead log and FULL, one row a commit, and the disk
itself, which sets the least that any commit can take.
"""

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.once import once
from openleo.control.plane import Actor, Plane, Tx

CLIENTS = 32
RATE_GOAL, P99_GOAL_MS = 200.0, 100.0
TERMINALS = 2_000
NETWORK = Network(name="bench", kind=NetworkKind.ENFORCED, origin="openleo.bench/log")
ACTOR = Actor(id="amina", human="amina")


def activation(n: int) -> Callable[[Tx], str]:
    """Return what a person's retrying client asks for: activate or suspend a terminal, once for its key."""
    name = f"ut-{n % TERMINALS}"

    def decide(tx: Tx) -> tuple[int, str]:
        tx.require("terminal.activate")
        state = "active" if n // TERMINALS % 2 == 0 else "suspended"
        slot = tx.effective_slot(None, "terminal", name)
        fact = Fact(noun="terminal", id=name, changes={"state": state}, slot=slot)
        made = Decision(
            kind="terminal.activated", reason="asked for", facts=[fact], terminals=[name], effective_slot=slot
        )
        return 200, str(tx.record(made))

    return lambda tx: once(tx, f"key-{n}", f"digest-{n}", decide).body


def stock(tx: Tx) -> None:
    """Have terminals to decide about."""
    columns = {"kind": "standard", "state": "received", "life_critical": False, "holder": "", "name": ""}
    found = [
        Fact(noun="terminal", id=f"ut-{n}", changes={"serial": f"s-{n}", **columns}, slot=0, new=True)
        for n in range(TERMINALS)
    ]
    tx.record(Decision(kind="terminal.stocked", reason="for the benchmark", facts=found))


@dataclass
class Load:
    """Clients that decide together at a rate (None: as fast as they are answered)."""

    plane: Plane
    first: int
    rate: float | None
    until: float
    waits_s: list[float] = field(default_factory=list)
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> float:
        """Return the decisions a second, all of them durable."""
        start = time.perf_counter()
        clients = [threading.Thread(target=self._client, args=(start,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return len(self.waits_s) / (time.perf_counter() - start)

    def _client(self, start: float) -> None:
        waits = []
        while True:
            with self.lock:
                n, self.count = self.count, self.count + 1
            due = 0.0 if self.rate is None else start + n / self.rate
            if max(due, time.perf_counter()) > start + self.until:
                break
            if due > time.perf_counter():
                time.sleep(due - time.perf_counter())
            asked = due or time.perf_counter()  # from when it was due: a queue before us counts too
            self.plane.act(ACTOR, activation(self.first + n))
            waits.append(time.perf_counter() - asked)
        with self.lock:
            self.waits_s += waits


def plain_sqlite(folder: Path, for_s: float) -> list[float]:
    """Return the seconds of each commit of one row by SQLite alone."""
    taken = []
    with closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
        until = time.perf_counter() + for_s
        while (start := time.perf_counter()) < until:
            conn.execute("INSERT INTO rows (body) VALUES (?)", (bytes(1_000),))
            taken.append(time.perf_counter() - start)
    return taken


def flush_s(folder: Path) -> float:
    """Return the median seconds in which the disk keeps 4 KiB."""
    taken = []
    with (folder / "flushed").open("wb") as file:
        for _ in range(200):
            file.write(bytes(4_096))
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def p99_ms(taken: list[float]) -> float:
    """Return the 99th percentile in ms."""
    return statistics.quantiles(taken, n=100)[98] * 1e3


def measure(seconds: float) -> dict[str, float]:
    """Run all of it and return the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found_network(folder / "control", NETWORK, {"amina": "amina", "jonas": "jonas"})
        before = flush_s(folder)
        plain = plain_sqlite(folder, seconds / 4)
        with Plane.open(folder / "control", grouped=True) as plane:
            plane.act(ACTOR, stock)
            Load(plane, 0, RATE_GOAL, 1.0).run()  # caches
            steady = Load(plane, 100_000, RATE_GOAL * 1.05, seconds)
            rate = steady.run()
            full = Load(plane, 200_000, None, seconds / 4)
            most = full.run()
        flush = statistics.median([before, flush_s(folder)])
    return {
        "flush_p50_ms": flush * 1e3,
        "plain_rate": len(plain) / sum(plain),
        "plain_p99_ms": p99_ms(plain),
        "rate": rate,
        "p50_ms": statistics.median(steady.waits_s) * 1e3,
        "p99_ms": p99_ms(steady.waits_s),
        "decisions": float(len(steady.waits_s)),
        "most_rate": most,
        "most_p99_ms": p99_ms(full.waits_s),
    }


def report(name: str, value: float, unit: str, goal: str | None = None, met: bool | None = None) -> None:
    """Print one result as a JSON line."""
    record = {"name": f"decisions: {name}", "value": round(value, 1), "unit": unit}
    print(json.dumps(record | {"goal": goal, "met": met}))


def main(seconds: float) -> None:
    """Measure and print."""
    found = measure(seconds)
    report("disk flush p50", found["flush_p50_ms"], "ms")
    report("SQLite alone, one row a commit", found["plain_rate"], "1/s")
    report("SQLite alone, p99", found["plain_p99_ms"], "ms")
    report("as fast as it goes", found["most_rate"], "1/s")
    report("as fast as it goes, over SQLite alone", found["most_rate"] / found["plain_rate"], "ratio")
    report("as fast as it goes, p99", found["most_p99_ms"], "ms")
    report("sustained p50", found["p50_ms"], "ms")
    report("sustained", found["rate"], "1/s", f">= {RATE_GOAL:g}", found["rate"] >= RATE_GOAL)
    met = found["p99_ms"] <= P99_GOAL_MS
    report("sustained p99", found["p99_ms"], "ms", f"<= {P99_GOAL_MS:g}", met)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
