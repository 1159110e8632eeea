"""A real server that is killed again and again while clients activate terminals, each until it is answered.

python tests/control/kills.py serve FOLDER PORT      the server; it ends when its standard input does
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from openleo.control.credential import Credential
from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.fsck import check_store
from openleo.control.ledger import Decision, body_of, node_at, root_at, size_of
from openleo.control.log import consistency_proof, open_checkpoint, verify_consistency
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Plane, Tx
from openleo.control.schema import entries

NETWORK = Network(name="killed", kind=NetworkKind.ENFORCED, origin="openleo.killed/log")
HOST = "127.0.0.1"
CLIENTS = 8
BATCH = 1_000
START_LIMIT_S, RUN_LIMIT_S, ANSWER_LIMIT_S = 60.0, 600.0, 20.0


def serve(folder: Path, port: int) -> None:
    """Serve the API of the network in a folder, nobody limited, until standard input ends."""
    import uvicorn

    from openleo.api.app import create_app
    from openleo.api.limits import DEFAULT_RATES, Limits, Rate

    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    plenty = {name: Rate(per_s=1e6, burst=10**6, closed=rate.closed) for name, rate in DEFAULT_RATES.items()}
    with Plane.open(folder, grouped=True) as plane:
        app = create_app(plane, limits=Limits(rates=plenty), on_broken=lambda: os._exit(3))
        uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)


def found(folder: Path, terminals: int) -> Credential:
    """Found a network that has so many terminals received; return an owner's credential."""
    credential = found_network(folder, NETWORK, {"amina": "amina", "jonas": "jonas"})["amina"]
    with Plane.open(folder) as plane:
        made = {"status": "active", "cut_terminals": []}
        plane.act(SYSTEM, _record(Fact(noun="account", id="a-1", changes=made, slot=0, new=True)))
        for first in range(0, terminals, BATCH):
            plane.act(SYSTEM, _record(*map(_terminal, range(first, min(first + BATCH, terminals)))))
    return credential


def _terminal(n: int) -> Fact:
    columns = {
        "serial": f"s-{n}", "kind": "standard", "account_id": "a-1", "state": "received",
        "life_critical": False, "holder": "", "name": "", "version": 1,
    }  # fmt: skip
    return Fact(noun="terminal", id=f"ut-{n}", changes=columns, slot=0, new=True)


def _record(*facts: Fact) -> Callable[[Tx], int]:
    decision = Decision(kind="test.made", reason="for the test", facts=facts)
    return lambda tx: tx.record(decision)


@dataclass
class Hammer:
    """Clients, the server they ask, and what they were told."""

    folder: Path
    credential: Credential
    terminals: int
    port: int = 0
    acked: dict[str, int] = field(default_factory=dict)  # key -> the entry that it was told
    replays: int = 0
    checkpoints: set[bytes] = field(default_factory=set)
    ready_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    next: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    server: "subprocess.Popen[bytes] | None" = None

    def run(self, kills: int, *, least: int, seed: int = 0) -> None:
        """Kill the server so many times at random points, in the course of ``least`` activations."""
        self.port = _free_port()
        chance = random.Random(seed)
        threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        threads.append(threading.Thread(target=self._watch_checkpoints))
        for thread in threads:
            thread.start()
        until = time.monotonic() + RUN_LIMIT_S
        try:
            self._start()
            for n in range(kills):
                share = least * (n + chance.random()) / kills
                while len(self.acked) < share and time.monotonic() < until:
                    time.sleep(0.002)
                time.sleep(chance.random() * 0.05)
                self._kill()
                self.ready_s.append(self._start())
            while len(self.acked) < least and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            self.done.set()
            for thread in threads:
                thread.join()
            self._kill()

    def _start(self) -> float:
        """Start the server; return the seconds until it takes decisions."""
        began = time.monotonic()
        command = [sys.executable, __file__, "serve", str(self.folder), str(self.port)]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE)
        while time.monotonic() < began + START_LIMIT_S:
            try:
                asking = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_LIMIT_S)
                asking.request("GET", "/ready")
                if asking.getresponse().status == 200:
                    return time.monotonic() - began
            except (OSError, http.client.HTTPException):
                pass
            finally:
                asking.close()
            time.sleep(0.01)
        raise AssertionError(f"the server was not ready within {START_LIMIT_S:g} s")

    def _kill(self) -> None:
        if self.server is None:
            return
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server = None

    def _client(self) -> None:
        http_: http.client.HTTPConnection | None = None
        while not self.done.is_set():
            with self.lock:
                n, self.next = self.next, self.next + 1
            if n >= self.terminals:
                return
            answered = False
            while not answered:  # a promise to oneself: it is asked until it is answered
                http_ = http_ or http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_LIMIT_S)
                try:
                    answered = self._ask(http_, n)
                except (OSError, http.client.HTTPException):
                    http_.close()
                    http_ = None
                if not answered:
                    if self.done.is_set():
                        return
                    time.sleep(0.02)
        if http_ is not None:
            http_.close()

    def _ask(self, asking: http.client.HTTPConnection, n: int) -> bool:
        key = f"activate-terminal-{n:06}"
        headers = {
            "Authorization": f"Bearer {self.credential.token}", "Idempotency-Key": key, "If-Match": "*",
            "Content-Type": "application/json",
        }  # fmt: skip
        asking.request("POST", f"/v1/terminals/ut-{n}/activate", json.dumps({"reason": key}), headers)
        answer = asking.getresponse()
        body = answer.read()
        if answer.status == 503:
            return False
        if answer.status != 200:
            self.wrong.append(f"{key}: {answer.status} {body.decode()}")
            return True
        with self.lock:
            self.acked[key] = json.loads(body)["index"]
            self.replays += answer.headers.get("Idempotent-Replay") == "true"
        return True

    def _watch_checkpoints(self) -> None:
        while not self.done.is_set():
            asking = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_LIMIT_S)
            try:
                asking.request("GET", "/v1/log/checkpoint")
                answer = asking.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.checkpoints.add(content)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                asking.close()
            time.sleep(0.02)

    # What is left ---------------------------------------------------------------------------------------

    def check(self) -> dict[str, int]:
        """Hold the log against what clients were told; return how much is lost, doubled, or wrong."""
        with Plane.open(self.folder) as plane:
            failures = check_store(plane.store).failures
            with plane.store.reading() as conn:
                activated = select(entries.c.index).where(entries.c.kind == "terminal.activated")
                made = conn.execute(activated).scalars().all()
                found = [(body_of(conn, index)["reason"], index) for index in made]
                size = size_of(conn)
                root = root_at(conn, size)
                inconsistent = 0
                for signed in self.checkpoints:
                    seen = open_checkpoint(signed, [plane.store.vkey])
                    proof = consistency_proof(lambda level, at: node_at(conn, level, at), seen.size, size)
                    inconsistent += not verify_consistency(
                        old=seen.size, new=size, old_root=seen.root, new_root=root, proof=proof
                    )
        times, at = Counter(key for key, _ in found), dict(found)
        return {
            "lost": sum(at.get(key) != index for key, index in self.acked.items()),
            "doubled": sum(n > 1 for n in times.values()),
            "inconsistent checkpoints": inconsistent,
            "wrong in the store": len(failures),
            "wrong answers": len(self.wrong),
        }


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


if __name__ == "__main__" and sys.argv[1:2] == ["serve"]:
    serve(Path(sys.argv[2]), int(sys.argv[3]))
