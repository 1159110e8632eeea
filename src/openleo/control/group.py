"""One thread that writes, taking works in groups that share a commit."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection

from openleo.base.errors import Refused

MOST_IN_GROUP = 256
GATHER_S = 0.005
MOST_QUEUED = 4_096

Work = tuple[Callable[[Connection], Any], "Future[Any]"]


class Busy(Refused):
    """More is waiting to be written than is taken in."""

    code = "busy"


class Group:
    """A bounded queue of works and the thread that runs them, a group at a time."""

    def __init__(self, run: Callable[[list[Work]], None]) -> None:
        self._run = run
        self._queue: queue.Queue[Work | None] = queue.Queue(MOST_QUEUED)
        self._thread = threading.Thread(target=self._work, name="openleo-control-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], Any]) -> "Future[Any]":
        """Queue a work; raises Busy at once where the queue is full."""
        future: Future[Any] = Future()
        try:
            self._queue.put_nowait((work, future))
        except queue.Full:
            raise Busy(f"{MOST_QUEUED} decisions wait to be written", "try again in some seconds") from None
        return future

    def close(self) -> None:
        """Run what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather([first])
            self._run(group)
            if last:
                return

    def _gather(self, group: list[Work]) -> tuple[list[Work], bool]:
        until = time.monotonic() + GATHER_S
        while len(group) < MOST_IN_GROUP:
            try:
                more = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if more is None:
                return group, True
            group.append(more)
        return group, False
