"""Watching many dishes at once, so that none slows another, and keeping what they tell.

Each dish has a task of its own.  Those that answer share one lane, those that do not another, so that any
number of silent or slow dishes leaves the others' pace as it is.  What is told goes to a `Book`, in batches,
durable before it counts as told; where that fails (a full disk), it is kept in memory, bounded, and said.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from openleo.base.errors import OpenleoError
from openleo.fleet.look import Clocks, DishWatch, Look, Progress
from openleo.fleet.pace import Pace, backoff_s
from openleo.fleet.register import DishEntry, Remark
from openleo.fleet.sample import Sample
from openleo.fleet.site_clock import NS, correction
from openleo.fleet.twins import Identities

LANE: Final = 128  # dishes that answer, asked at once
SLOW_LANE: Final = 32  # dishes that do not
MOST_WAITING: Final = 50_000  # Samples in memory while they cannot be written
_BATCH: Final = 2_000
_MOST_EXAMPLES: Final = 8  # replies with what is new, kept at once
_FLUSH_S: Final = 1.0
_RELOAD_S: Final = 15.0
_SPREAD_S: Final = 5.0  # the first looks at many dishes are spread over this
_JUMP_NS: Final = 2 * NS
SITE: Final = "this machine"  # subject of remarks on our own clock and disk


@dataclass(slots=True)
class Pages:
    """What is to be kept at once: Samples, how far dishes were read, remarks, and what holds no longer."""

    samples: list[Sample] = field(default_factory=list)
    progress: dict[str, tuple[DishEntry, dict[str, Any]]] = field(default_factory=dict)
    remarks: dict[tuple[str, str], Remark] = field(default_factory=dict)
    cleared: set[tuple[str, str]] = field(default_factory=set)
    examples: dict[str, bytes] = field(default_factory=dict)  # by software: a status with what is new

    def __bool__(self) -> bool:
        return bool(self.samples or self.progress or self.remarks or self.cleared or self.examples)

    def remark(self, subject: str, kind: str, detail: str, at_ns: int) -> None:
        """Add a remark; one that was there counts once more."""
        before = self.remarks.get((subject, kind))
        first = before.first_ns if before else at_ns
        times = before.times + 1 if before else 1
        self.remarks[subject, kind] = Remark(
            subject=subject, kind=kind, detail=detail, first_ns=first, last_ns=at_ns, times=times
        )

    def clear(self, subject: str, kind: str) -> None:
        """Say that a remark holds no longer."""
        self.remarks.pop((subject, kind), None)
        self.cleared.add((subject, kind))


class Book(Protocol):
    """Where what was collected is kept."""

    def dishes(self) -> Sequence[DishEntry]:
        """Return the dishes to watch, as they are now."""

    def progress(self, dish: DishEntry) -> dict[str, Any]:
        """Return how far a dish was read."""

    def write(self, pages: Pages) -> None:
        """Keep it; durable on return.  Raises OpenleoError or OSError where that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a dish stands."""

    entry: DishEntry
    terminal: str
    state: str  # unknown, online, dark, silent, wrong
    detail: str


class Collector:
    """Watches the dishes of a book."""

    def __init__(
        self,
        book: Book,
        *,
        pace: Pace | None = None,
        clocks: Clocks | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.book = book
        self.most_waiting = most_waiting
        self.pace = pace or Pace()
        self._ahead: dict[str, int] = {}
        self._ahead_ns = 0
        self.clocks = replace(clocks or Clocks(), ahead_ns=lambda: self._ahead_ns)
        self.kept = 0  # Samples written
        self.dropped = 0  # Samples that could not be written and had to give way
        self.trouble = ""  # why nothing can be written at present
        self.on_change: Callable[[Seen, Seen], None] | None = None  # told how a dish stood and stands
        self._ids = Identities()
        self._lane = asyncio.Semaphore(LANE)
        self._slow_lane = asyncio.Semaphore(SLOW_LANE)
        self._watches: dict[tuple[str, str], DishWatch] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._seen: dict[tuple[str, str], Seen] = {}
        self._pages = Pages()
        self._told: dict[tuple[str, str], str] = {}
        self._met: set[str] = set()
        self._full = asyncio.Event()
        self._writing = asyncio.Lock()
        self._clock_now: tuple[int, float] | None = None

    def seen(self) -> list[Seen]:
        """Return how each dish stands."""
        return list(self._seen.values())

    def counts(self) -> Counter[str]:
        """Return how many dishes are in each state."""
        return Counter(one.state for one in self._seen.values())

    async def once(self) -> list[tuple[Seen, Look]]:
        """Look at every dish once, keep what it tells, and return it."""
        watches = [await self._watch(dish) for dish in await asyncio.to_thread(self.book.dishes)]
        try:
            looks = await asyncio.gather(*(self._look(watch) for watch in watches))
        finally:
            for watch in watches:
                await watch.close()
        await self._flush(last=True)
        return [(self._seen[_key(w.entry)], look) for w, look in zip(watches, looks, strict=True)]

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop`` is set; what was told until then is kept before it returns."""
        flushing = asyncio.create_task(self._keep_flushing())
        try:
            while not stop.is_set():
                await self._follow_the_book()
                self._watch_our_clock()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _RELOAD_S)
        finally:
            tasks = [*self._tasks.values(), flushing]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for watch in self._watches.values():
                await watch.close()
            await self._flush(last=True)

    # Dishes.

    async def _follow_the_book(self) -> None:
        """Begin with dishes that are new in the book, and end with those that left it."""
        try:
            entries = {_key(dish): dish for dish in await asyncio.to_thread(self.book.dishes)}
        except (OpenleoError, OSError) as error:
            self._site("register", f"the list of dishes cannot be read: {error}")
            return
        for key in [k for k in self._tasks if k not in entries]:
            self._tasks.pop(key).cancel()
            await self._watches.pop(key).close()
            self._seen.pop(key, None)
        fresh = [dish for key, dish in entries.items() if key not in self._tasks]
        spread_s = min(_SPREAD_S, 0.02 * len(fresh))
        for number, dish in enumerate(fresh):
            watch = await self._watch(dish)
            first_s = spread_s * number / len(fresh)
            self._tasks[_key(dish)] = asyncio.create_task(self._keep_looking(watch, first_s))

    async def _watch(self, dish: DishEntry) -> DishWatch:
        progress = Progress.read(await asyncio.to_thread(self.book.progress, dish))
        watch = DishWatch(dish, progress, pace=self.pace, clocks=self.clocks, ids=self._ids)
        self._watches[_key(dish)] = watch
        self._seen[_key(dish)] = Seen(entry=dish, terminal=dish.terminal, state="unknown", detail="")
        return watch

    async def _keep_looking(self, watch: DishWatch, first_s: float) -> None:
        await asyncio.sleep(first_s)
        while True:
            look = await self._look(watch)
            await asyncio.sleep(look.delay_s)

    async def _look(self, watch: DishWatch) -> Look:
        async with self._slow_lane if watch.failures else self._lane:
            look = await watch.look()
        self._take(watch, look)
        return look

    def _take(self, watch: DishWatch, look: Look) -> None:
        """Put what a look gave on the pages, and remember how the dish stands."""
        entry, now_ns = watch.entry, self.clocks.now_ns()
        self._pages.samples += look.samples
        if watch.progress.terminal:
            known = replace(entry, terminal=watch.progress.terminal)
            self._pages.progress[entry.key] = (known, watch.progress.plain())
        first = entry.key not in self._met  # what was remarked before we began may hold no longer
        self._met.add(entry.key)
        for kind in look.cleared - set(look.remarks):
            if self._told.pop((entry.key, kind), None) is not None or first:
                self._pages.clear(entry.key, kind)
        if look.example is not None and len(self._pages.examples) < _MOST_EXAMPLES:
            self._pages.examples[look.example[0]] = look.example[1]
        for kind, detail in look.remarks.items():
            self._told[entry.key, kind] = detail
            self._pages.remark(entry.key, kind, detail, now_ns)
        before = self._seen.get(_key(entry))
        seen = Seen(entry=entry, terminal=watch.terminal, state=look.state, detail=look.detail)
        self._seen[_key(entry)] = seen
        if self.on_change is not None and before is not None and before.state != seen.state:
            self.on_change(before, seen)
        if look.clock_ahead_ns is not None and any(s.gps_valid for s in look.samples):
            self._ahead[entry.key] = look.clock_ahead_ns
            self._set_clock()
        elif look.state in ("silent", "wrong") and self._ahead.pop(entry.key, None) is not None:
            self._set_clock()
        if len(self._pages.samples) >= _BATCH:
            self._full.set()

    # Our own clock.

    def _set_clock(self) -> None:
        found = correction(self._ahead)
        self._ahead_ns = found.offset_ns
        if found.detail:
            self._site("clock", found.detail)
        else:
            self._site_clear("clock")

    def _watch_our_clock(self) -> None:
        """Say where our clock was set while we watched; the dishes' word on it is asked for anew."""
        now = (self.clocks.wall_ns(), self.clocks.steady_s())
        if self._clock_now is not None:
            moved_ns = now[0] - self._clock_now[0]
            jump_ns = moved_ns - round((now[1] - self._clock_now[1]) * NS)
            if abs(jump_ns) > _JUMP_NS:
                self._ahead.clear()
                self._ahead_ns = 0
                self._site(
                    "clock-set", f"our clock was set by {jump_ns / NS:+,.1f} s while dishes were watched"
                )
        self._clock_now = now

    def _site(self, kind: str, detail: str) -> None:
        self._told[SITE, kind] = detail
        self._pages.remark(SITE, kind, detail, self.clocks.now_ns())

    def _site_clear(self, kind: str) -> None:
        if self._told.pop((SITE, kind), None) is not None:
            self._pages.clear(SITE, kind)

    # Keeping.

    async def add(
        self, samples: Sequence[Sample], remarks: Sequence[Remark] = (), *, subject: str = "",
        cleared: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Keep Samples from elsewhere (a vendor's stream); durable on return, else it raises."""
        pages = Pages(
            samples=list(samples), remarks={(r.subject, r.kind): r for r in remarks},
            cleared={(subject, kind) for kind in cleared},
        )  # fmt: skip
        async with self._writing:
            await asyncio.to_thread(self.book.write, pages)
        self.kept += len(samples)

    async def _keep_flushing(self) -> None:
        failures = 0
        while True:
            pause_s = _FLUSH_S
            if failures:
                pause_s = backoff_s(failures, first_s=1.0, most_s=60.0, roll=self.clocks.roll())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), pause_s)
            self._full.clear()
            failures = 0 if await self._flush() else failures + 1
            if failures:
                await asyncio.sleep(pause_s)

    async def _flush(self, *, last: bool = False) -> bool:
        """Write the pages; where that fails they are kept for the next time, the newest of them."""
        pages, self._pages = self._pages, Pages()
        if not pages:
            return True
        try:
            async with self._writing:
                writing = asyncio.ensure_future(asyncio.to_thread(self.book.write, pages))
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await asyncio.wait({writing})  # it is written once, and not again by whoever stops us
                    if writing.exception() is not None:
                        self._pages = _joined(pages, self._pages)
                    raise
        except (OpenleoError, OSError) as error:
            self.trouble = f"what was told cannot be kept: {getattr(error, 'detail', error)}"
            self._pages = _joined(pages, self._pages)
            over = len(self._pages.samples) - self.most_waiting
            if over > 0:
                del self._pages.samples[:over]
                self.dropped += over
            self._site("disk", f"{self.trouble}; {self.dropped:,} samples had to give way")
            if last:
                raise
            return False
        self.kept += len(pages.samples)
        self.trouble = ""
        self._site_clear("disk")
        return True


def _joined(first: Pages, then: Pages) -> Pages:
    """Return the pages of both, in their order."""
    joined = Pages(
        samples=first.samples + then.samples, progress=first.progress | then.progress,
        remarks=dict(first.remarks), cleared=set(first.cleared), examples=first.examples | then.examples,
    )  # fmt: skip
    for subject, kind in then.cleared:
        joined.clear(subject, kind)
    joined.remarks |= then.remarks
    return joined


def _key(dish: DishEntry) -> tuple[str, str]:
    return dish.address, dish.source
