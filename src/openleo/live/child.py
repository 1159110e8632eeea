"""A process under the supervisor: it is told what to do on its standard input, and ends when that is closed.

The supervisor holds the other end for as long as it lives; so whatever happens to it, no child stays behind.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from openleo.base.errors import OpenleoError

TOLD = 78  # the exit status of a child that has said what is wrong: to start it again would not help
_GRACE_S = 10.0


def orders() -> dict[str, Any]:
    """Read the supervisor's line."""
    return dict(json.loads(sys.stdin.readline()))


def end_with_parent(stop: Callable[[], None]) -> None:
    """Call ``stop`` once the supervisor is gone, and end hard where that is not enough."""

    def watch() -> None:
        sys.stdin.read()
        stop()
        time.sleep(_GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="openleo-parent", daemon=True).start()


def on_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` on SIGTERM; Ctrl-C is the supervisor's to handle."""

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_told(work: Callable[[], None]) -> int:
    """Run a process's work; print an error that a person can mend, and return its exit status."""
    try:
        work()
    except OpenleoError as error:
        print(f"error: {error.detail}\nhint: {error.hint}", file=sys.stderr, flush=True)
        return TOLD
    return 0


def run_child(main: Callable[[dict[str, Any], threading.Event], None]) -> NoReturn:
    """Run a process of the supervisor's: ``main`` gets what it is told, and an event that asks it to end."""
    ending = threading.Event()
    on_signal(ending.set)
    told = orders()
    end_with_parent(ending.set)
    sys.exit(run_told(lambda: main(told, ending)))
