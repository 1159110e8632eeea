"""Starts the processes of a network that is served, starts again those that die, and ends all of them.

It holds the listening socket, so that a browser that comes while the API is being started again waits instead
of being turned away; and the network's clock, which goes on whatever happens to the processes.
"""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from openleo.base.errors import Refused
from openleo.live.child import TOLD

_LOOKS_S = 0.1
_SAVES_S = 1.0
_SOON_S = 10.0  # a process that dies so soon after its start is started again more slowly
_SLOWEST_S = 5.0
_TRIES = 6  # of a process that never lives longer than that
_BEGINNING_S = 120.0  # a child that says so soon what is wrong is right: what it was told does not work
_PATIENCE_S = 12.0  # so long a process may take to end


@dataclass(slots=True, kw_only=True)
class Child:
    """A process to keep alive: its module, what it is told, file descriptors that it inherits."""

    name: str
    module: str
    told: Mapping[str, Any]
    passes: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    began_s: float = 0.0
    started_s: float = 0.0
    wait_s: float = field(default=0.1)
    again_at_s: float = 0.0
    starts: int = 0
    has_lived: bool = False

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            pass_fds=tuple(self.passes),
            start_new_session=True,  # Ctrl-C is for the supervisor alone
        )
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has died already; `look` will say so
            self.process.stdin.write(json.dumps(dict(self.told)).encode() + b"\n")
            self.process.stdin.flush()
        self.started_s = time.monotonic()
        self.began_s = self.began_s or self.started_s
        self.starts += 1

    def look(self) -> int | None:
        """Start it again where it has died; return its exit status where that would not help.

        One that says what is wrong later on (a full disk) is started again too: somebody may make room.
        """
        now = time.monotonic()
        if self.process is None:
            if now >= self.again_at_s:
                self.start()
            return None
        status = self.process.poll()
        if status is None:
            return None
        if status == TOLD and now - self.began_s < _BEGINNING_S:
            return status
        lived = now - self.started_s > _SOON_S
        self.has_lived |= lived
        if not self.has_lived and self.starts >= _TRIES:
            print(f"{self.name} ends as soon as it is started", file=sys.stderr, flush=True)
            return status
        self.wait_s = _SLOWEST_S if status == TOLD else 0.1 if lived else min(2 * self.wait_s, _SLOWEST_S)
        print(f"{self.name} ended ({_told(status)}); starting it again", file=sys.stderr, flush=True)
        self._close()
        self.process, self.again_at_s = None, now + self.wait_s
        return None

    def end(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, until_s: float) -> None:
        """Wait for its end, and end it hard where it takes too long."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def _told(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"


def supervise(
    children: Sequence[Child],
    *,
    save: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> int:
    """Keep the children alive until SIGINT, SIGTERM, or ``stop``; return the exit status.

    ``save`` is called each second, ``stopping`` once the end has begun.  It is 1 where a child has said
    what is wrong.
    """
    ending = stop or threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        ending.set()

    before = {one: signal.signal(one, handle) for one in (signal.SIGINT, signal.SIGTERM)}
    saved_s, status = 0.0, 0
    try:
        while not ending.wait(_LOOKS_S):
            if any(child.look() is not None for child in children):
                status = 1
                break
            if time.monotonic() - saved_s >= _SAVES_S:
                save()
                saved_s = time.monotonic()
    finally:
        stopping()
        for child in children:
            child.end()
        until_s = time.monotonic() + _PATIENCE_S
        for child in children:
            child.wait(until_s)
        save()
        for one, handler in before.items():
            signal.signal(one, handler)
    return status


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises Refused where another has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise Refused(
            f"{host}:{port} cannot be listened on: {error.strerror}",
            f"give another port, such as --port {port % 65_535 + 1}",
        ) from None
    found.listen(128)
    found.set_inheritable(True)
    return found
