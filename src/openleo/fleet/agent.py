"""The agent of a remote site: it watches the dish there and sends what it tells; it takes no connections.

While the server cannot be reached, which is when the dish is dark, what is told stays in the `Ring`.  When it
can again, the newest goes first, so that people see how the site stands, and then what is older.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.base.errors import OpenleoError
from openleo.fleet.agent_acting import POLL_S, OrderTaker
from openleo.fleet.agent_home import Settings
from openleo.fleet.agent_orders import OrderBook
from openleo.fleet.agent_ring import MOST_BYTES, Cut, Ring
from openleo.fleet.batches import BACKFILL, LANE, PATH, BatchTooLarge, sign_batch
from openleo.fleet.collect import Collector
from openleo.fleet.pace import Pace, backoff_s
from openleo.fleet.sample import Sample
from openleo.fleet.site_clock import NS
from openleo.fleet.web import Answer, WebError

FRESH_NS: Final = 600 * NS  # what is older is of an outage that is over
MOST_IN_BATCH: Final = 450
SEND_S: Final = 15.0
BACKFILL_S: Final = 1.0  # between batches of what is old: the server takes two a second
_SOON_S: Final = 2.0  # at the start, until something was told
_FIRST_S, _MOST_S, _BARRED_S = 5.0, 300.0, 3_600.0
_MOST_WAITING: Final = 2_000  # Samples in memory while the disk takes none
_PROBE: Final = 4
_CLOCK_OFF: Final = 409
_POST_S: Final = 30.0
_SMALL_REPLY: Final = 64 * 1024


class Sender:
    """Sends what a ring holds, until the server has it."""

    def __init__(self, ring: Ring, settings: Settings, key: Ed25519PrivateKey) -> None:
        self.ring = ring
        self.device = settings.device
        self.server = settings.to_server(timeout_s=_POST_S)
        self.server.parts()
        self.sent = 0  # Samples that the server has acknowledged
        self.trouble = ""
        self.on_first: Callable[[], None] = lambda: None  # called when the server first has something
        self._key = key
        self._failures = 0
        self._most = MOST_IN_BATCH

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop``."""
        while not stop.is_set():
            pause_s = await self.turn()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    async def turn(self) -> float:
        """Send one batch, if there is any; return the pause before the next, seconds."""
        try:
            cut = await asyncio.to_thread(self._next)
            if cut is None:
                return SEND_S if self.sent else _SOON_S
            answer = await asyncio.to_thread(self.server.post, PATH, cut.body, cut.headers, most=_SMALL_REPLY)
            return await asyncio.to_thread(self._answered, cut, answer)
        except WebError as error:
            return self._failed(error.detail)
        except OpenleoError as error:
            return self._failed(f"{error.detail}; {error.hint}")

    def _next(self) -> Cut | None:
        """Return the batch to send now: of what is fresh, else the newest that waits, else what is older.

        While nothing arrives a few fresh samples do: what is cut is sent as it is, and cannot be thinned.
        """
        fresh_ns = time.time_ns() - FRESH_NS
        pending = self.ring.pending()
        if pending is not None and pending.newest_ns >= fresh_ns:
            return pending
        most = _PROBE if self._failures else self._most
        return self._cut(fresh_ns, most, backfill=False) or pending or self._cut(0, most, backfill=True)

    def _cut(self, since_ns: int, most: int, *, backfill: bool) -> Cut | None:
        while True:
            try:
                cut = self.ring.cut(min(most, self._most), self._sign, since_ns=since_ns, backfill=backfill)
            except BatchTooLarge:
                if self._most == 1:
                    raise
                self._most = max(self._most // 2, 1)
                continue
            self._most = min(self._most * 2, MOST_IN_BATCH)
            return cut

    def _sign(
        self, boot: str, first: int, samples: Sequence[Sample], backfill: bool
    ) -> tuple[dict[str, str], bytes]:
        return sign_batch(self._key, self.device, boot, first, samples, backfill=backfill)

    def _answered(self, cut: Cut, answer: Answer) -> float:
        if answer.is_ok:
            self.ring.acknowledge(cut)
            if not self.sent:
                self.on_first()
            self.sent += cut.last_seq - cut.first_seq + 1
            self._failures, self.trouble = 0, ""
            return self._pause()
        said = answer.said()
        if answer.status in (401, 403):
            self._failures += 1
            self.trouble = f"the server does not take what this agent sends: {said}"
            return backoff_s(self._failures, first_s=60.0, most_s=_BARRED_S, roll=random.random())
        if answer.status in (400, 409, 413, 415, 422):
            return self._rejected(cut, answer.status, said)
        pause_s = self._failed(said)
        return answer.wait_s(pause_s) if answer.status in (429, 503, 507) else pause_s

    def _rejected(self, cut: Cut, status: int, said: str) -> float:
        """Send it once more as old, where it is too old to be fresh; else keep it for people."""
        if status == _CLOCK_OFF and LANE not in cut.headers:
            self.ring.relabel(cut, {**cut.headers, LANE: BACKFILL})  # the lane is not signed
            return BACKFILL_S
        self.ring.set_aside(cut, said)
        self.trouble = f"the server will not take a batch, and it is set aside: {said}"
        return BACKFILL_S

    def _pause(self) -> float:
        held = self.ring.held()
        return BACKFILL_S if held.batches or held.samples > self._most else SEND_S

    def _failed(self, detail: str) -> float:
        self._failures += 1
        self.trouble = detail
        return backoff_s(self._failures, first_s=_FIRST_S, most_s=_MOST_S, roll=random.random())


class Agent:
    """The agent of a folder: a collector whose book is the ring, a sender, and who carries out orders."""

    def __init__(
        self, folder: Path, settings: Settings, key: Ed25519PrivateKey, *, most_bytes: int = MOST_BYTES,
        pace: Pace | None = None, orders: bool = True, poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self.ring = Ring(folder, settings.dishes, most_bytes=most_bytes)
        self.collector = Collector(self.ring, pace=pace, most_waiting=_MOST_WAITING)
        self.sender = Sender(self.ring, settings, key)
        self.orders = OrderBook(folder)
        self.taker = OrderTaker(self.orders, settings, key, self.collector.seen, takes=orders, poll_s=poll_s)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch and send until ``stop``; what was told until then is on disk."""
        sending = asyncio.create_task(self.sender.run(stop))
        taking = asyncio.create_task(self.taker.run(stop))
        try:
            await self.collector.run(stop)
        finally:
            stop.set()
            await asyncio.gather(sending, taking, return_exceptions=True)
            self.orders.close()
            self.ring.close()
