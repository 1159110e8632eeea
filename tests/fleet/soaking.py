"""Devices that send telemetry to a server that is killed, and what is in its store afterwards.

Each device sends a batch each ``batch`` seconds and keeps it until it is acknowledged, as an agent does.
"""

import asyncio
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.control.keys import public_of
from openleo.fleet.agents import Agents
from openleo.fleet.batches import PATH, sign_batch
from openleo.fleet.database import FleetDatabase
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

HOST = "127.0.0.1"
START_LIMIT_S = 60.0
NS = 10**9


def seed_of(number: int) -> bytes:
    """Return the secret of a device's key."""
    return random.Random(number).randbytes(32)


def register(folder: Path, devices: int) -> None:
    """Write devices into the register, with their keys, as if each had enrolled."""
    with FleetDatabase(folder) as database:
        Agents(database)
        rows = [(f"ag-{n}", public_of(seed_of(n))) for n in range(devices)]
        with database.changing() as conn:
            conn.executemany(
                "INSERT INTO agents (id, site, account, state, public_key, made_ns)"
                " VALUES (?, '', '', 'active', ?, 0)",
                rows,
            )


def sample(device: int, counter: int, time_ns: int) -> Sample:
    """Return a second of a device's terminal."""
    return Sample(
        terminal=f"ut{device:06}", time_ns=time_ns, period_s=1, source="dish", boot=1, counter=counter,
        downlink_mbps=counter % 97 + device % 7, uplink_mbps=2.5, ping_drop=0.0,
        ping_latency_ms=30.0 + counter % 11, obstructed=0.01, uptime_s=counter, signal_quality=0.9,
        cell=0x851E4C83FFFFFFF, country="UA",
        software="2026.11.0", outage="", disablement="OKAY", power_w=61.5, gps_valid=True, gps_satellites=14,
    )  # fmt: skip


@dataclass
class Server:
    """The ingest process, which may be killed and started again at the same port."""

    folder: Path
    core: int | None = None
    nice: int = 0
    room: dict[str, float] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    port: int = 0

    def __post_init__(self) -> None:
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind((HOST, 0))
        self._listening.listen(2_048)
        self.port = self._listening.getsockname()[1]

    def start(self) -> float:
        """Start it; return the seconds until it answers."""
        began = time.monotonic()
        told = {
            "fleet": str(self.folder),
            "fd": self._listening.fileno(),
            "nice": self.nice,
            "room": self.room,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openleo.api.ingest_process"], stdin=subprocess.PIPE,
            pass_fds=(self._listening.fileno(),),
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()
        if self.core is not None:
            os.sched_setaffinity(self.process.pid, {self.core})
        while time.monotonic() < began + START_LIMIT_S:
            asking = http.client.HTTPConnection(HOST, self.port, timeout=5)
            try:
                asking.request("GET", "/health")
                if asking.getresponse().status == 200:
                    return time.monotonic() - began
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
            finally:
                asking.close()
        raise AssertionError(f"the server did not answer within {START_LIMIT_S:g} s")

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as the supervisor does."""
        self._end(signal.SIGTERM)
        self._listening.close()

    def rss_mib(self) -> float:
        """Return how much memory it holds."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def processor_s(self) -> float:
        """Return how much processor time it has taken."""
        assert self.process is not None
        told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def _end(self, by: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(by)
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process = None


@dataclass
class Soak:
    """Devices and what they were told."""

    server: Server
    devices: int
    batch: int = 15  # samples
    connections: int = 256
    pack: bool = True
    acked: dict[int, int] = field(
        default_factory=Counter
    )  # device -> its samples below this are acknowledged
    sent: dict[int, int] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)  # from when it was due
    answers_s: list[float] = field(default_factory=list)  # from when it was sent, as the device saw it
    answers: "Counter[int]" = field(default_factory=Counter)
    rss_mib: list[tuple[float, float]] = field(default_factory=list)
    ready_s: list[float] = field(default_factory=list)
    _signed: dict[tuple[int, int], bytes] = field(
        default_factory=dict
    )  # beforehand, by device and first sample

    def __post_init__(self) -> None:
        self._keys = {n: Ed25519PrivateKey.from_private_bytes(seed_of(n)) for n in range(self.devices)}

    def sign(self, batches: int) -> None:
        """Sign the next batches now: whoever sends many cannot sign them meanwhile."""
        for n in range(batches):
            device = n % self.devices
            first = self.sent[device] + n // self.devices * self.batch
            self._signed[device, first] = self._request(device, first)

    def _request(self, device: int, first: int) -> bytes:
        now = time.time_ns()
        samples = [sample(device, first + n, now + (n - self.batch) * NS) for n in range(self.batch)]
        headers, body = sign_batch(self._keys[device], f"ag-{device}", "b", first, samples, pack=self.pack)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return (
            f"POST {PATH} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body
        )

    async def run(self, seconds: float, rate: float, *, kill_each_s: float | None = None) -> None:
        """Send ``rate`` batches a second for so long, then until everything is acknowledged."""
        self._queue: asyncio.Queue[tuple[float, int, int] | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work()) for _ in range(self.connections)]
        watching = asyncio.create_task(self._watch(kill_each_s))
        begin = time.monotonic()
        for n in range(int(seconds * rate)):
            due = begin + n / rate
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            device = n % self.devices
            self._queue.put_nowait((due, device, self.sent[device]))
            self.sent[device] += self.batch
        await self._queue.join()
        watching.cancel()
        for _ in workers:
            self._queue.put_nowait(None)
        await asyncio.gather(*workers)

    async def _watch(self, kill_each_s: float | None) -> None:
        began = killed = time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            self.rss_mib.append((now - began, self.server.rss_mib()))
            if kill_each_s is not None and now - killed >= kill_each_s:
                killed = now
                self.server.kill()
                self.ready_s.append(await asyncio.to_thread(self.server.start))

    async def _work(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while (job := await self._queue.get()) is not None:
            due, device, first = job
            text = self._signed.pop((device, first), None) or self._request(device, first)
            while True:
                try:
                    if connection is None:
                        connection = await asyncio.open_connection(HOST, self.server.port)
                    sent = time.monotonic()
                    status = await asyncio.wait_for(ask(connection, text), 30)
                except (OSError, asyncio.IncompleteReadError, TimeoutError):
                    if connection is not None:
                        connection[1].close()
                    connection = None
                    await asyncio.sleep(0.05)
                    continue
                self.answers[status] += 1
                if status == 204:
                    self.answers_s.append(time.monotonic() - sent)
                    break
                await asyncio.sleep(0.2)
            self.waits_s.append(time.monotonic() - due)
            self.acked[device] += self.batch
            self._queue.task_done()
        if connection is not None:
            connection[1].close()

    def check(self) -> dict[str, int]:
        """Return how many acknowledged samples are lost, and how many are there more than once."""
        there: Counter[str] = Counter()
        distinct: Counter[str] = Counter()
        with TelemetryStore(self.server.folder) as store:
            for day in store.days():
                with store.day(day) as file:
                    rows = file._conn.execute(
                        "SELECT terminal, count(*), count(DISTINCT counter) FROM samples GROUP BY terminal"
                    ).fetchall()
                for terminal, count, single in rows:
                    there[terminal] += count
                    distinct[terminal] += single
        lost = sum(max(0, self.acked[n] - distinct[f"ut{n:06}"]) for n in range(self.devices))
        return {"lost": lost, "doubled": sum(there.values()) - sum(distinct.values())}


async def ask(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes) -> int:
    """Send a request and return its status."""
    reader, writer = connection
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = next(
        (int(o.split(b":")[1]) for o in head.split(b"\r\n") if o.lower().startswith(b"content-length:")), 0
    )
    if length:
        await reader.readexactly(length)
    if b"connection: close" in head.lower():
        writer.close()
        raise ConnectionResetError("the server closes") if status != 204 else ConnectionResetError
    return status
