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

from openleo.base.errors import BadInput, OpenleoError
from openleo.fleet.agent_acting import POLL_S, OrderTaker
from openleo.fleet.agent_home import Settings, public_key
from openleo.fleet.agent_orders import OrderBook
from openleo.fleet.agent_ring import MOST_BYTES, Cut, Ring
from openleo.fleet.batches import BACKFILL, LANE, PATH, BatchTooLarge, sign_again, sign_batch
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
UNREACHABLE, REFUSED, TURNED_AWAY, SET_ASIDE = "unreachable", "refused", "turned-away", "set-aside"
HERE: Final = "here"  # trouble of our own, such as a full disk
_CLOCK_OFF: Final = 409
_POST_S: Final = 30.0
_SMALL_REPLY: Final = 64 * 1024


class Sender:
    """Sends what a ring holds, until the server has it.

    What is fresh is due every `SEND_S`; in between what is older goes, a batch each `BACKFILL_S`.  A server
    that turns away what is older, for want of room say, gets what is fresh all the same.
    """

    def __init__(self, ring: Ring, settings: Settings, key: Ed25519PrivateKey) -> None:
        self.ring = ring
        self.device = settings.device
        self.server = settings.to_server(timeout_s=_POST_S)
        self.server.parts()
        self.sent = 0  # Samples that the server has acknowledged
        self.trouble = ""
        self.refused_s: float | None = None  # when the server last refused this agent, monotonic, if it does
        self.unreachable = False
        self.on_first: Callable[[], None] = lambda: None  # called when the server first has something
        self.on_trouble: Callable[[str], None] = lambda text: None  # when trouble begins, and, with "", ends
        self._key = key
        self._kind = ""  # of the trouble
        self._late_is_trouble = False  # the trouble is with what is older alone
        self._failures = self._late_failures = 0
        self._fresh_s = self._late_s = 0.0  # what is fresh, and what is older, is not sent before, monotonic
        self._most = MOST_IN_BATCH
        with contextlib.suppress(BadInput):  # a full disk: what was signed before is refused, and kept
            ring.signed_anew(f"{self.device} {public_key(key)}", self._sign_again)

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
                return await asyncio.to_thread(self._pause) if self.sent else _SOON_S
            answer = await asyncio.to_thread(self.server.post, PATH, cut.body, cut.headers, most=_SMALL_REPLY)
            return await asyncio.to_thread(self._answered, cut, answer)
        except WebError as error:
            return await asyncio.to_thread(self._failed, UNREACHABLE, error.detail)
        except OpenleoError as error:
            return await asyncio.to_thread(self._failed, HERE, f"{error.detail}; {error.hint}")

    def _next(self) -> Cut | None:
        """Return the batch to send now: of what is fresh where that is due, else the newest that is older.

        While nothing arrives a few fresh samples are: what is cut is sent as it is, and cannot be thinned.
        """
        now_s, fresh_ns = time.monotonic(), time.time_ns() - FRESH_NS
        pending = self.ring.pending()
        if pending is not None and pending.newest_ns >= fresh_ns and LANE not in pending.headers:
            return pending
        most = _PROBE if self._failures else self._most
        if self._failures or now_s >= self._fresh_s:
            fresh = self._cut(most, since_ns=fresh_ns)
            if fresh is not None or self.sent:
                # A full batch may not be all: then the next one is due at once.
                all_of_it = fresh is None or fresh.last_seq - fresh.first_seq + 1 < most
                self._fresh_s = now_s + SEND_S if all_of_it else now_s
            if fresh is not None:
                return fresh
        if now_s < self._late_s:
            return None
        return pending or self._cut(most, before_ns=fresh_ns)

    def _cut(self, most: int, *, since_ns: int = 0, before_ns: int | None = None) -> Cut | None:
        while True:
            try:
                cut = self.ring.cut(
                    min(most, self._most), self._sign, since_ns=since_ns, before_ns=before_ns,
                    backfill=before_ns is not None,
                )  # fmt: skip
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

    def _sign_again(self, cut: Cut) -> dict[str, str]:
        return sign_again(self._key, self.device, cut.headers, cut.body)

    def _answered(self, cut: Cut, answer: Answer) -> float:
        late = LANE in cut.headers
        if answer.is_ok:
            self.ring.acknowledge(cut)
            if not self.sent:
                self.on_first()
            self.sent += cut.last_seq - cut.first_seq + 1
            self._failures = 0
            if late:
                self._late_failures = 0
            if late or not self._late_is_trouble:
                self._tell("")
            return self._pause()
        said = answer.said()
        barred = answer.status in (401, 403)
        if not barred and answer.status in (400, 409, 413, 415, 422):
            return self._rejected(cut, answer.status, said)
        kind = REFUSED if barred else TURNED_AWAY
        detail = f"the server does not take what this agent sends: {said}" if barred else said
        if late and not self._failures:
            self._late_failures += 1
            self._tell(kind, detail, late=True)
            self._late_s = time.monotonic() + self._wait_s(answer, self._late_failures)
            return self._pause()
        self._failed(kind, detail)
        return self._wait_s(answer, self._failures)

    def _wait_s(self, answer: Answer, failures: int) -> float:
        """Return the pause after an answer that was no, seconds: what it asks for, or ever more."""
        if answer.status in (401, 403):
            return backoff_s(failures, first_s=60.0, most_s=_BARRED_S, roll=random.random())
        pause_s = backoff_s(failures, first_s=_FIRST_S, most_s=_MOST_S, roll=random.random())
        return answer.wait_s(pause_s) if answer.status in (429, 503, 507) else pause_s

    def _rejected(self, cut: Cut, status: int, said: str) -> float:
        """Send it once more as old, where it is too old to be fresh; else keep it for people."""
        if status == _CLOCK_OFF and LANE not in cut.headers:
            self.ring.relabel(cut, {**cut.headers, LANE: BACKFILL})  # the lane is not signed
            return BACKFILL_S
        self.ring.set_aside(cut, said)
        self._tell(SET_ASIDE, f"the server will not take a batch, and it is set aside: {said}")
        return BACKFILL_S

    def _pause(self) -> float:
        """Return the pause before the next batch while all is well, seconds."""
        now_s = time.monotonic()
        if now_s >= self._fresh_s:
            return BACKFILL_S
        if not self.ring.holds_before(time.time_ns() - FRESH_NS):
            return SEND_S
        return min(max(self._late_s - now_s, BACKFILL_S), SEND_S)

    def _failed(self, kind: str, detail: str) -> float:
        self._failures += 1
        self._fresh_s = 0.0  # the newest goes first once it can
        self._tell(kind, detail)
        return backoff_s(self._failures, first_s=_FIRST_S, most_s=_MOST_S, roll=random.random())

    def _tell(self, kind: str, detail: str = "", *, late: bool = False) -> None:
        """Take note of what is wrong now, or with "" that nothing is, and tell those who asked to be told."""
        before, self._kind, self.trouble, self._late_is_trouble = self._kind, kind, detail, late
        self.refused_s = time.monotonic() if kind == REFUSED else None
        self.unreachable = kind == UNREACHABLE
        with contextlib.suppress(
            BadInput
        ):  # it cannot be kept where the disk is full, and is told all the same
            self.ring.note_trouble(kind, detail)
        if kind != before:
            self.on_trouble(detail)


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

    def troubles(self) -> list[str]:
        """Return what is wrong, the server's word once: of two that it said, the newer one."""
        sender, taker = self.sender, self.taker
        sending, taking = sender.trouble, taker.trouble
        if sender.refused_s is not None and taker.refused_s is not None:
            if taker.refused_s > sender.refused_s:
                sending = ""
            else:
                taking = ""
        elif sender.unreachable and taker.unreachable:
            taking = ""
        return [one for one in (sending, self.collector.trouble, taking) if one]

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
