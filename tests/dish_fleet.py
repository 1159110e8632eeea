"""Served dishes for tests: real servers on free ports of this machine, in a thread, driven by the test.

with dish_fleet(2, firmwares=["2024.12.04.mr46620"]) as fleet:
    fleet.advance(60, cause=Cause.NO_SATS)
    ask(fleet.address(0))
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.dish.firmware import NEWEST
from openleo.dish.inputs import Command, Identity, Seconds
from openleo.dish.serving import Served, serve
from openleo.dish.terminal import Dishes

START_S = 1_790_000_000  # 2026-09-21T13:33:20Z


def dish_name(row: int) -> str:
    """Return the id of a dish."""
    return f"ut01000000-00000000-{row:08x}"


class Fleet:
    """Dishes, where they are served, and what they were told to do."""

    def __init__(self, dishes: Dishes, served: Served, loop: asyncio.AbstractEventLoop) -> None:
        self.dishes = dishes
        self.commands: list[Command] = []
        dishes.on_command = self.commands.append
        self._served = served
        self._loop = loop

    def address(self, row: int = 0) -> str:
        """Return where a dish answers gRPC."""
        return self._served.address(row)

    def web_address(self, row: int = 0) -> str:
        """Return where a dish answers gRPC-Web."""
        return self._served.web_address(row)

    def web_port(self, row: int = 0) -> int:
        """Return its port alone."""
        return int(self.web_address(row).rpartition(":")[2])

    def advance(self, seconds: int = 1, **how: Any) -> None:
        """Let time pass for all dishes alike; see `Seconds.alike`."""
        self.live(Seconds.alike(self.dishes.now_s, dishes=len(self.dishes), seconds=seconds, **how))

    def live(self, seconds: Seconds) -> None:
        """Let these seconds pass."""

        async def on_loop() -> None:
            self.dishes.advance(seconds)
            await self._served.settle()

        self._run(on_loop())

    def set(self, **values: Any) -> None:
        """Set arrays of the dishes from outside, for all rows alike."""

        async def on_loop() -> None:
            for name, value in values.items():
                getattr(self.dishes, name)[:] = value
            self.dishes.touch()
            await self._served.settle()

        self._run(on_loop())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)


@contextmanager
def dish_fleet(
    count: int = 1,
    *,
    firmwares: Sequence[str] = (NEWEST,),
    horizon_rad: NDArray[np.float32] | None = None,
    hosts: Sequence[str] | None = None,
    seconds: int = 120,
    start_s: int = START_S,
    **identity: Any,
) -> Iterator[Fleet]:
    """Serve dishes that were in service for two minutes; their firmwares take turns."""
    dishes = Dishes(
        [
            Identity(id=dish_name(row), software=firmwares[row % len(firmwares)], **identity)
            for row in range(count)
        ],
        start_s=start_s,
        horizon_rad=horizon_rad,
    )
    ready, done = threading.Event(), asyncio.Event()
    made: list[Fleet] = []
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()

    async def work() -> None:
        async with serve(dishes, hosts=hosts or ["127.0.0.1"] * count, port=0, web_port=0) as served:
            made.append(Fleet(dishes, served, loop))
            ready.set()
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(work())
        except BaseException as error:
            failed.append(error)
            ready.set()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=run, name="dishes")
    thread.start()
    ready.wait(60)
    try:
        if failed:
            raise failed[0]
        if seconds:
            made[0].advance(seconds, downlink_bps=2e6, uplink_bps=3e5)
        yield made[0]
    finally:
        if not failed:
            loop.call_soon_threadsafe(done.set)
        thread.join(60)
