"""`python -m openleo.live.terminals_process`: the terminals' local API, as the supervisor starts it.

Each terminal answers at a loopback address of its own, as a dish on its holder's network does.  What it is
told acts there at once, and in the network from the next slot whose rules are not frozen yet.
"""

import asyncio
import gc
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np

from openleo.dish.inputs import LocationPolicy
from openleo.dish.serving import Served, loopback_address, serve
from openleo.live.child import run_child
from openleo.live.clock import Clock
from openleo.live.commanded import Spool
from openleo.live.dishes import NOTE, LiveDishes, addresses_json, live_dishes
from openleo.live.felt import Felt, start_s_of
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive, archive_once_begun
from openleo.results.store import held, write_whole

_LOOKS_S: Final = 0.1
_NOTES_S: Final = 60.0


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Serve the terminals until ``stop`` is set."""
    folder, clock = LiveFolder(Path(told["folder"])), Clock(**told["clock"])
    archive = archive_once_begun(folder.run, folder.segments, stop)
    if archive is None:
        return
    with ExitStack() as stack:
        folder.dishes.mkdir(exist_ok=True)
        stack.enter_context(held(folder.dishes))
        spool = Spool(folder.commands)
        stack.callback(spool.close)
        count = len(archive.statics["terminals"])
        felt = Felt(archive, np.arange(min(count, int(told["terminals"])), dtype=np.int64))
        live = live_dishes(
            felt, spool, now_s=_now_s(clock, archive), software=told["software"],
            location=LocationPolicy[told["location"]], note=folder.dishes / NOTE,
        )  # fmt: skip
        asyncio.run(_serve(live, folder, clock, int(told["first"]), stop))
        live.note(folder.dishes / NOTE)


def _now_s(clock: Clock, archive: Archive) -> int:
    return max(clock.now_ns() // 1_000_000_000, start_s_of(archive.first_slot))


async def _serve(
    live: LiveDishes, folder: LiveFolder, clock: Clock, first: int, stop: threading.Event
) -> None:
    """Bring the dishes along with the clock, and open and close their ports."""
    hosts = [loopback_address(first + n) for n in range(len(live.dishes))]
    async with serve(live.dishes, hosts=hosts) as served:
        write_whole(folder.addresses, addresses_json(live.felt, live.dishes, _addresses(served)))
        gc.freeze()  # searching through thousands of servers for garbage would stop the answers
        noted_s = time.monotonic()
        while not stop.is_set():
            live.advance_to(_now_s(clock, live.felt.archive))
            await served.settle()
            if time.monotonic() - noted_s > _NOTES_S:
                live.note(folder.dishes / NOTE)
                noted_s = time.monotonic()
            await asyncio.sleep(_LOOKS_S)


def _addresses(served: Served) -> list[str]:
    return [served.address(row) for row in range(len(served.dishes))]


if __name__ == "__main__":
    run_child(main)
