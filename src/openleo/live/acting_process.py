"""`python -m openleo.live.acting_process`: does the jobs of a fleet, as the supervisor starts it.

It is told ``fleet``, the fleet's folder.  While another openleo does that fleet's jobs, such as
`openleo fleet do`, it waits.
"""

import asyncio
import contextlib
import sys
import threading
from pathlib import Path
from typing import Any, Final

from openleo.fleet.acting.runner import Runner
from openleo.fleet.durable import AlreadyRuns
from openleo.live.child import end_with_parent, on_signal, orders, run_told

_WAIT_S: Final = 1.0


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Do jobs until ``stop`` is set."""
    folder = Path(told["fleet"])
    while not stop.is_set():
        if not folder.is_dir():  # a live network's own telemetry has not begun
            stop.wait(_WAIT_S)
            continue
        try:
            with Runner(folder=folder, tells=_tell).at_work() as runner:
                runner.leave_old()
                asyncio.run(_work(runner, stop))
        except AlreadyRuns:
            stop.wait(_WAIT_S)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def _work(runner: Runner, stop: threading.Event) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        stop.wait()
        with contextlib.suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(ending.set)

    threading.Thread(target=wait, daemon=True).start()
    await runner.run_all(ending)


if __name__ == "__main__":
    done = threading.Event()
    found = orders()
    end_with_parent(done.set)
    on_signal(done.set)
    sys.exit(run_told(lambda: main(found, done)))
