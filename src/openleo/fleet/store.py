"""The store of telemetry: samples go in durably, and come out by terminal, by time, and as they arrived.

DATA/fleet/telemetry holds a file a day (the day of the samples, UTC), an index of what is newest, and what
quarantined devices sent.  Several processes may use it at once; each call is durable when it returns.
"""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from openleo.base.errors import Refused
from openleo.control.driver import Driver, StoreBroken, plain_driver
from openleo.fleet.batches import Head
from openleo.fleet.dayfile import DAY_NS, NS, DayEnded, DayFile, Sent, sample_of
from openleo.fleet.evidence import Evidence
from openleo.fleet.index import FOREVER_NS, Index, digest_of
from openleo.fleet.merging import merge, together
from openleo.fleet.sample import Sample

TELEMETRY: Final = "telemetry"
INDEX: Final = "index.db"
_LATEST_NS: Final = 90 * NS  # what is so much older than a terminal's newest word says nothing of now
_PATIENCE_S: Final = 5.0
_CHUNK: Final = 20_000

Position = Mapping[str, int]  # day -> number of the last row that was read


def fleet_folder(data: Path) -> Path:
    """Return where the fleet's things lie in the folder of the data."""
    return data / "fleet"


def day_of(time_ns: int) -> str:
    """Return the day, in UTC, as 2026-11-28."""
    return datetime.fromtimestamp(time_ns // DAY_NS * 86_400, UTC).strftime("%Y-%m-%d")


def day_ns(day: str) -> int:
    """Return the instant at which a day begins."""
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * NS


class TelemetryStore:
    """An open store; ``path`` is the fleet's folder (`fleet_folder`).  Threads may share it."""

    def __init__(self, path: Path, *, driver: Driver | None = None) -> None:
        self.path = path / TELEMETRY
        _make_folder(self.path)
        self.driver = driver or plain_driver()
        self._lock = threading.RLock()
        self._days: dict[str, DayFile] = {}
        self._broken: StoreBroken | None = None
        self._index = Index(self.path / INDEX, self.driver)
        try:
            self._catch_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "TelemetryStore":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for day in self._days.values():
                day.close()
            self._days.clear()
            self._index.close()

    # In -------------------------------------------------------------------------------------------------

    def add(self, samples: Sequence[Sample], *, device: str = "") -> int:
        """Keep samples; return how many were new.  They are durable on return.

        Raises StoreFull and its like where the disk takes nothing, and StoreBroken where it failed.
        """
        return self.add_sent([(device, sample) for sample in samples])

    def add_sent(
        self, sent: Sequence[Sent], batches: Sequence[tuple[Head, bytes]] = (), *, now_ns: int | None = None
    ) -> int:
        """Keep samples of devices, in one commit a day; ``batches`` are those in which all of them came."""
        by_day: dict[str, list[Sent]] = {}
        for one in sent:
            by_day.setdefault(day_of(one[1].time_ns), []).append(one)
        with self._lock:
            self._need_whole()
            try:
                new = sum(self._add_to(day, group) for day, group in sorted(by_day.items()))
                told = [(h.device, h.boot, h.first, h.last, digest) for h, digest in batches]
                seen = {day: self._day(day).last() for day in by_day}
                self._index.note(
                    self._believed(sent), seen, told, at_ns=time.time_ns() if now_ns is None else now_ns
                )
            except StoreBroken as error:
                self._broken = error
                raise
        return new

    def _add_to(self, day: str, sent: Sequence[Sent]) -> int:
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._day(day).add(sent)
            except DayEnded:  # it is being removed; or whoever began that was killed, and we finish it
                ended = self._days.pop(day)
                if ended.remove_if_kept():
                    self._index.forget_day(day)
                ended.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def has_batch(self, head: Head, body: bytes) -> bool:
        """Tell whether just these bytes were kept before."""
        with self._lock:
            return self._index.has_batch(head.device, head.boot, head.first, head.last, digest_of(body))

    # Quarantine -----------------------------------------------------------------------------------------

    def quarantine(self, device: str, since_ns: int, until_ns: int = FOREVER_NS) -> bool:
        """Hold back what a device said from a time on, also what was kept before; tell if that is new."""
        with self._lock:
            new = self._index.quarantine(device, since_ns, until_ns)
            if new:
                for terminal in self._index.forget_latest(device, since_ns):
                    rows = [
                        row for row in self._newest(terminal) if self._is_believed(row[0], row[1].time_ns)
                    ]
                    self._index.note(rows, {})
            return new

    def keep_evidence(self, head: Head, headers: Mapping[str, str], body: bytes, *, now_ns: int) -> None:
        """Keep what a quarantined device sent, byte by byte; durable on return."""
        with self._lock:
            self._need_whole()
            with closing(Evidence(self.path, self.driver)) as evidence:
                evidence.keep(head, headers, body, now_ns=now_ns)

    def quarantined(self) -> set[tuple[str, int, int]]:
        """Return (device, since, until) of what is held back."""
        with self._lock:
            return self._index.quarantined()

    def _is_believed(self, device: str, time_ns: int) -> bool:
        return not any(d == device and s <= time_ns < u for d, s, u in self._index.quarantined())

    def _believed(self, sent: Iterable[Sent]) -> Iterator[Sent]:
        held = self._index.quarantined()
        if not held:
            return iter(sent)
        return (
            (device, one)
            for device, one in sent
            if not any(d == device and s <= one.time_ns < u for d, s, u in held)
        )

    # Out ------------------------------------------------------------------------------------------------

    def latest(self) -> dict[str, Sample]:
        """Return each terminal's newest state, all sources together."""
        with self._lock:
            found = self._index.latest()
        by_terminal: dict[str, list[Sample]] = {}
        for _, one in found:
            by_terminal.setdefault(one.terminal, []).append(one)
        return {terminal: _now(samples) for terminal, samples in by_terminal.items()}

    def terminals(self) -> list[str]:
        """Return the terminals that ever said something, sorted."""
        with self._lock:
            return sorted({one.terminal for _, one in self._index.latest()})

    def samples(self, terminal: str, since_ns: int, until_ns: int, *, merged: bool = True) -> list[Sample]:
        """Return a terminal's samples with since <= time < until, by time, of the days not yet removed.

        Merged, what several sources said of one moment is one sample; else each is there as it came.
        `openleo.fleet.history` reaches further back.
        """
        where = "WHERE terminal = ? AND time_ns >= ? AND time_ns < ? ORDER BY time_ns, n"
        found: list[Sample] = []
        held = self.quarantined()
        for day in self.days(since_ns, until_ns):
            for _, device, *values in self.rows(day, where, (terminal, since_ns, until_ns)):
                if not any(d == device and s <= values[1] < u for d, s, u in held):
                    found.append(sample_of(values))
        return merge(found) if merged else found

    def arrived(
        self, since: Position, *, most: int, oldest_ns: int = 0
    ) -> tuple[list[Sample], dict[str, int]]:
        """Return at most so many samples in the order in which they came, and the position after them.

        Those of before ``oldest_ns`` are passed over.  An empty position is the beginning of all there is.
        """
        found: list[Sample] = []
        position = {day: n for day, n in since.items() if day in set(self.days())}
        held = self.quarantined()
        for day in self.days(oldest_ns, FOREVER_NS):
            if len(found) >= most:
                break
            where = "WHERE n > ? AND time_ns >= ? ORDER BY n"
            rows = self.rows(day, where, (position.get(day, 0), oldest_ns), most=most - len(found))
            for n, device, *values in rows:
                position[day] = n
                if not any(d == device and s <= values[1] < u for d, s, u in held):
                    found.append(sample_of(values))
        return found, position

    def end_position(self) -> dict[str, int]:
        """Return the position after all that has come."""
        with self._lock:
            return {day: self._day(day).last() for day in self.days()}

    def days(self, since_ns: int = 0, until_ns: int = FOREVER_NS) -> list[str]:
        """Return the days that overlap a time and have a file, oldest first."""
        names = sorted(path.stem for path in self.path.glob("????-??-??.db"))
        return [name for name in names if day_ns(name) < until_ns and day_ns(name) + DAY_NS > since_ns]

    def rows(
        self, day: str, where: str, values: Sequence[object] = (), *, most: int = -1
    ) -> list[tuple[Any, ...]]:
        """Return (n, device, fields...) of a day's rows; none where the day has no file (any more)."""
        if not self._path(day).exists():
            return []
        with self.day(day) as file:  # its own connection: who reads much keeps nobody from writing
            return file.rows(where, values, most=most)

    def day(self, day: str) -> "closing[DayFile]":
        """Return a day's file of its own for a ``with`` block; for what takes long."""
        return closing(DayFile(self._path(day), self.driver))

    def remove_day(self, day: str) -> bool:
        """Remove a day's file where the history holds all of it; tell whether it is gone."""
        with self._lock:
            held = self._days.pop(day, None)
            if held is not None:
                held.close()
            if not self._path(day).exists():
                return True
            with closing(DayFile(self._path(day), self.driver)) as file:
                gone = file.remove_if_kept()
            if gone:
                self._index.forget_day(day)
            return gone

    def tidy(self, now_ns: int) -> None:
        """Forget what is of no use any more, and let go of files that nobody asks for."""
        with self._lock:
            self._index.prune(now_ns)
            for day in [d for d in self._days if d != day_of(now_ns)]:
                self._days.pop(day).close()

    # Inside ---------------------------------------------------------------------------------------------

    def _path(self, day: str) -> Path:
        return self.path / f"{day}.db"

    def _day(self, day: str) -> DayFile:
        if day not in self._days:
            self._days[day] = DayFile(self._path(day), self.driver)
        return self._days[day]

    def _need_whole(self) -> None:
        if self._broken is not None:
            raise StoreBroken("storage failed before: nothing more is written") from self._broken

    def _catch_up(self) -> None:
        """Bring the index up to the days: it may have lost its last words, or all."""
        known = self._index.seen()
        for day in self.days():
            at = known.get(day, 0)
            with suppress(Refused), self.day(day) as file:
                if at > file.last():  # begun anew behind the index's back
                    at = 0
                while rows := file.rows("WHERE n > ? ORDER BY n", (at,), most=_CHUNK):
                    sent = [(str(device), sample_of(values)) for _, device, *values in rows]
                    at = rows[-1][0]
                    self._index.note(self._believed(sent), {day: at})

    def _newest(self, terminal: str) -> list[Sent]:
        """Return, of each source, what is newest of a terminal's samples that are believed."""
        newest: dict[str, Sent] = {}
        for day in reversed(self.days()):
            rows = self.rows(day, "WHERE terminal = ? ORDER BY time_ns DESC", (terminal,))
            for _, device, *values in rows:
                one = sample_of(values)
                if one.source not in newest and self._is_believed(str(device), one.time_ns):
                    newest[one.source] = (str(device), one)
            if newest:
                break
        return list(newest.values())


def _make_folder(path: Path) -> None:
    """Make a folder that is still there after a power cut."""
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for above in (path.parent, path.parent.parent):
        handle = os.open(above, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _now(samples: Sequence[Sample]) -> Sample:
    """Return the newest of a terminal's sources, with what others said shortly before."""
    newest = max(samples, key=lambda one: one.time_ns)
    near = [one for one in samples if newest.time_ns - one.time_ns <= _LATEST_NS]
    return newest if len(near) == 1 else together(near)
