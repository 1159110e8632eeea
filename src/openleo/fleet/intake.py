"""Taking batches in: who sent them, whether there is room, and one thread that commits them in groups.

A batch is answered when it is durable.  What is fresh goes before what is sent in later; where room or disk
gets short, what is late is turned away first.
"""

import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from openleo.base.errors import OpenleoError, Refused
from openleo.base.instants import instant_text
from openleo.control.check_ins import ClockOff, Revoked
from openleo.control.driver import StoreBroken, StoreFull
from openleo.control.group import Busy
from openleo.fleet.batches import (
    MOST_BYTES,
    BadBatch,
    BatchTooLarge,
    Head,
    NotSigned,
    need_signed,
    read_head,
    read_samples,
)
from openleo.fleet.dayfile import DAY_NS, NS
from openleo.fleet.index import digest_of
from openleo.fleet.keys import Keys, Standing
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

SKEW_NS: Final = DAY_NS  # so far a device's clock may be off
GATHER_S: Final = 0.01
MOST_IN_GROUP: Final = 512  # batches
_ROW_BYTES: Final = 200  # what a sample weighs while it waits, at least

Outcome = Literal["kept", "again", "quarantined"]


class NotYours(Refused):
    """A device tells of a terminal that it has nothing to do with."""

    code = "not-yours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much is taken."""

    pending_bytes: int = 8 * 1024 * 1024
    low_water: float = 0.10  # of the disk that is free; below, nothing is taken
    late_low_water: float = 0.12  # below, nothing late
    kept_days: int = 30  # what is older is not taken


@dataclass(slots=True, eq=False)
class _Job:
    head: Head
    headers: Mapping[str, str]
    body: bytes
    samples: list[Sample] | None  # None: of a quarantined device
    weight: int
    future: "Future[Outcome]" = field(default_factory=Future)


class Intake:
    """Takes batches for a store, until it is closed.

    ``count`` is called with a device's name for each of its batches, and may raise; ``on_broken`` is called
    where storage failed: the process should end then.
    """

    def __init__(
        self,
        store: TelemetryStore,
        keys: Keys,
        *,
        room: Room | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        count: Callable[[str], None] = lambda device: None,
        free_share: Callable[[], float] | None = None,
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        self.store, self._keys, self._room = store, keys, room or Room()
        self._clock_ns, self._count, self._on_broken = clock_ns, count, on_broken
        self._free_share = free_share or self._disk_free
        self._free: tuple[float, float] = (-1.0, 1.0)  # when it was looked at, and what there was
        self.counts: Counter[str] = Counter()
        self.clones = Clones()
        self._lanes: tuple[deque[_Job], deque[_Job]] = (deque(), deque())
        self._pending = 0
        self._held: set[tuple[str, int, int]] = set()
        self._wake = threading.Condition()
        self._closed = False
        self.refresh()
        self._thread = threading.Thread(target=self._work, name="openleo-telemetry-writer", daemon=True)
        self._thread.start()

    @property
    def pending_bytes(self) -> int:
        """How much waits to be written."""
        return self._pending

    @property
    def pending(self) -> int:
        """How many batches wait to be written."""
        return len(self._lanes[0]) + len(self._lanes[1])

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def refresh(self) -> None:
        """Hold back what devices said since they fell into wrong hands, also what was kept before."""
        for held in self._keys.held():
            if held not in self._held:
                self.store.quarantine(*held)
                self._held.add(held)

    def standing(self, device: str) -> Standing | None:
        """Return how a device stands now; for the thread that takes batches."""
        return self._keys.standing(device)

    def take(self, headers: Mapping[str, str], body: bytes) -> "Future[Outcome]":
        """Queue a batch (names of headers in lower case); its future is done when the batch is durable.

        Raises BadBatch, NotSigned, Revoked, NotYours, ClockOff, Busy, StoreFull, and what ``count`` raises;
        whether and when to send it again is theirs to say.
        """
        try:
            return self._take(headers, body)
        except OpenleoError as error:
            self.counts[error.code] += 1
            raise

    def _take(self, headers: Mapping[str, str], body: bytes) -> "Future[Outcome]":
        head = read_head(headers)
        if self._pending >= self._room.pending_bytes:  # looked at first: turning away must cost little
            raise Busy(f"{self._pending:,} bytes wait to be written", "try again in some seconds")
        if len(body) > MOST_BYTES:
            raise BatchTooLarge(f"the batch has more than {MOST_BYTES:,} bytes", "send it in several batches")
        standing = self._keys.standing(head.device)
        if standing is None:
            raise NotSigned(
                "this is not the batch of a device that is known here",
                "enrol its key, and sign the bytes as they are sent",
            )
        need_signed(head, body, standing.public_key)
        if standing.state == "revoked":
            raise Revoked(f"{head.device} was revoked", "whoever runs the network can restore it")
        self._count(head.device)
        if standing.state == "captured":
            self.refresh()
            return self._queue(_Job(head, headers, body, None, len(body)), late=False)
        self._need_room(late=head.backfill)
        samples = read_samples(head, body)
        self._check(head, samples, standing.terminals)
        weight = max(len(body), _ROW_BYTES * len(samples))
        return self._queue(_Job(head, headers, body, samples, weight), late=head.backfill)

    def _check(self, head: Head, samples: list[Sample], terminals: frozenset[str] | None) -> None:
        now = self._clock_ns()
        times = [one.time_ns for one in samples]
        newest, oldest = max(times), min(times)
        if newest > now + SKEW_NS or (newest < now - SKEW_NS and not head.backfill):
            raise ClockOff(
                f"{head.device} tells of {_text(newest)}, and it is {_text(now)}",
                "set its clock; what is of a past outage is sent with the header openleo-lane: backfill",
            )
        if oldest < now - self._room.kept_days * DAY_NS:
            raise BadBatch(
                f"{head.device} tells of {_text(oldest)}, and what is older than {self._room.kept_days} days "
                "is not kept",
                "drop it",
            )
        if terminals is not None:
            others = {one.terminal for one in samples} - terminals
            if others:
                raise NotYours(
                    f"{head.device} may not tell of {min(others)}", "have it listed as one of the agent's"
                )
        if not head.backfill and self.clones.heard(head, newest):
            self.counts["clone-suspected"] += 1

    def _need_room(self, *, late: bool) -> None:
        at = time.monotonic()
        if at - self._free[0] > 1.0:
            self._free = (at, self._free_share())
        least = self._room.late_low_water if late else self._room.low_water
        if self._free[1] < least:
            raise StoreFull(
                f"only {self._free[1]:.0%} of the disk is free, and {least:.0%} is kept free",
                "make room; the device keeps what it has, and sends it again",
            )

    def _queue(self, job: _Job, *, late: bool) -> "Future[Outcome]":
        most = self._room.pending_bytes // (2 if late else 1)
        with self._wake:
            if self._closed:
                raise Busy("the intake is closing", "try again once it has started anew")
            if self._pending + job.weight > most:
                raise Busy(
                    f"{self._pending:,} bytes wait to be written",
                    "try again in some seconds" + (", what is late last" if late else ""),
                )
            self._pending += job.weight
            self._lanes[late].append(job)
            self._wake.notify()
        return job.future

    # The thread that writes -----------------------------------------------------------------------------

    def _work(self) -> None:
        while group := self._gather():
            try:
                self._write(group)
            except BaseException as error:  # a bug in the work ends neither the thread nor the others' wait
                _answer(group, error)
            finally:
                with self._wake:
                    self._pending -= sum(job.weight for job in group)

    def _gather(self) -> list[_Job]:
        """Return the jobs of the next commit, the fresh first, of the late at least one; [] at the end."""
        with self._wake:
            while not any(self._lanes) and not self._closed:
                self._wake.wait()
        if not self._closed:
            time.sleep(GATHER_S)
        fresh, late = self._lanes
        with self._wake:
            group = [late.popleft()] if late else []
            while fresh and len(group) < MOST_IN_GROUP:
                group.append(fresh.popleft())
            while late and len(group) < MOST_IN_GROUP // 4:
                group.append(late.popleft())
        return group

    def _write(self, group: list[_Job]) -> None:
        now = self._clock_ns()
        for job in [job for job in group if job.samples is None]:
            try:
                self.store.keep_evidence(job.head, job.headers, job.body, now_ns=now)
            except BaseException as error:
                self._fail([job], error)
            else:
                self._done(job, "quarantined")
        jobs = [job for job in group if job.samples is not None]
        again = [job for job in jobs if self.store.has_batch(job.head, job.body)]
        for job in again:
            self._done(job, "again")
        fresh = [job for job in jobs if job not in again]
        if fresh:
            self._keep(fresh, now)

    def _keep(self, fresh: list[_Job], now: int) -> None:
        """Keep batches in one commit; where that fails for a reason of ours, one by one."""
        sent = [(job.head.device, one) for job in fresh for one in job.samples or ()]
        try:
            new = self.store.add_sent(sent, [(j.head, digest_of(j.body)) for j in fresh], now_ns=now)
        except (OpenleoError, StoreBroken) as error:
            self._fail(fresh, error)
            return
        except Exception as error:
            if len(fresh) == 1:
                self._fail(fresh, error)
            for job in fresh if len(fresh) > 1 else ():  # one that cannot be kept takes no other with it
                self._keep([job], now)
            return
        self.counts["samples"] += len(sent)
        self.counts["doubles"] += len(sent) - new
        for job in fresh:
            self._done(job, "kept")

    def _done(self, job: _Job, outcome: Outcome) -> None:
        self.counts[outcome] += 1
        job.future.set_result(outcome)

    def _fail(self, jobs: list[_Job], error: BaseException) -> None:
        broken = "store-broken" if isinstance(error, StoreBroken) else "internal"
        self.counts[getattr(error, "code", broken)] += len(jobs)
        _answer(jobs, error)
        if isinstance(error, StoreBroken):
            self._on_broken()

    def _disk_free(self) -> float:
        usage = shutil.disk_usage(self.store.path)
        return usage.free / usage.total


class Clones:
    """Finds two devices with one key: their boots speak in turn, each of what is newer than the other's.

    A device that began a new boot never tells of fresh moments from an old one.
    """

    MOST = 100_000
    TURNS = 2

    def __init__(self) -> None:
        self._boots: dict[str, dict[str, int]] = {}  # device -> boot -> the newest moment it told of
        self._turns: Counter[str] = Counter()
        self.found: set[str] = set()

    def heard(self, head: Head, newest_ns: int) -> bool:
        """Note what a boot tells of; tell whether its device is found to be two, by this word."""
        if len(self._boots) > self.MOST:
            self._boots.clear()
            self._turns.clear()
        boots = self._boots.setdefault(head.device, {})
        mine = boots.pop(head.boot, None)
        others = list(boots.values())
        boots[head.boot] = newest_ns if mine is None else max(mine, newest_ns)
        while len(boots) > 8:
            del boots[next(iter(boots))]
        if mine is None or not any(mine < other < newest_ns for other in others):
            return False
        self._turns[head.device] += 1
        if self._turns[head.device] < self.TURNS or head.device in self.found:
            return False
        self.found.add(head.device)
        return True


def _answer(jobs: list[_Job], error: BaseException) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)


def _text(time_ns: int) -> str:
    try:
        return instant_text(datetime.fromtimestamp(time_ns // NS, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"
