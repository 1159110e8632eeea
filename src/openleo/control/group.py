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
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="openleo-control-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], Any]) -> "Future[Any]":
        """Queue a work; raises Busy at once where the queue is full, or closed."""
        future: Future[Any] = Future()
        with self._door:  # nothing gets in behind what ends the thread, to wait for ever
            if self._closed:
                raise Busy("this control plane is closing", "try again once it has started anew")
            try:
                self._queue.put_nowait((work, future))
            except queue.Full:
                raise Busy(
                    f"{MOST_QUEUED} decisions wait to be written", "try again in some seconds"
                ) from None
        return future

    @property
    def queued(self) -> int:
        """How many works wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Run what is queued and end the thread."""
        with self._door:
            already, self._closed = self._closed, True
        if not already:
            self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather([first])
            try:
                self._run(group)
            except BaseException as error:  # the thread outlives whatever goes wrong in a work
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
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
