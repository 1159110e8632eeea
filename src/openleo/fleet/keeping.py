"""Keeping telemetry: closed hours become Parquet, then minutes, and what is old goes.

Each step is whole or not done: a keeper that is killed, or loses power, begins the hour again.  A day's file
goes only when the history holds all of it, on the disk.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from openleo.base.errors import BadInput, Refused
from openleo.fleet.archive import MINUTE, RAW, Archive, Fsync, generation_of, note_of, parts
from openleo.fleet.dayfile import DAY_NS, HOUR_NS, DayFile
from openleo.fleet.frames import believed, coarse, frame_of, minutes_of, once, schema_of
from openleo.fleet.store import TelemetryStore, day_ns, day_of
from openleo.snapshot.telemetry import TELEMETRY

GRACE_NS: Final = 10 * 60 * 10**9  # so long after its end an hour waits for what is late
PART_ROWS: Final = 200_000
_RENEWED: Final = 24  # hours of minutes in an older form that a round makes anew
_FORM: Final = 2  # of minutes: since 2 they tell how long rates were told


class KeeperRuns(Refused):
    """Another process keeps this history."""

    code = "keeper-runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept: exact samples as they came, samples as Parquet, minutes."""

    hot_days: int = 2
    raw_days: int = 30
    minute_days: int = 396  # 13 months

    def __post_init__(self) -> None:
        if not 1 <= self.hot_days <= self.raw_days <= self.minute_days:
            raise BadInput(
                f"{self.hot_days}, {self.raw_days} and {self.minute_days} days are no retention",
                "the hot store keeps at least a day, the samples as long, and the minutes longest",
            )


@dataclass(slots=True)
class Kept:
    """What a round did: hours that were written, and days that were let go."""

    hours: list[str] = field(default_factory=list)
    minutes: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Keeper:
    """Keeps the history of a store; one process at a time."""

    def __init__(
        self, store: TelemetryStore, *, retention: Retention | None = None, fsync: Fsync = os.fsync
    ) -> None:
        self.store = store
        self.retention = retention or Retention()
        self.archive = Archive(store.path.parent, fsync=fsync)

    def keep(self, now_ns: int, *, let_go: bool = True) -> Kept:
        """Do what is due, and let go of what is old; raises KeeperRuns where another process is at it."""
        kept = Kept()
        with _alone(self.archive.path):
            self.archive.clean()
            for day in self.store.days():
                self._keep_day(day, now_ns, kept)
            self._make_minutes(kept)
            if let_go:
                self._let_go(now_ns, kept)
        return kept

    def _keep_day(self, day: str, now_ns: int, kept: Kept) -> None:
        with self.store.day(day) as file:
            for hour, (arrived, known) in sorted(file.hours().items()):
                if arrived > known and (hour + 1) * HOUR_NS + GRACE_NS <= now_ns:
                    frames = hour_frames(file, hour, self.archive.hour(RAW, hour))
                    self.archive.put(RAW, hour, frames)
                    file.note_kept(hour, arrived)
                    kept.hours.append(name_of(hour))

    def _make_minutes(self, kept: Kept) -> None:
        """Make the minutes of each hour whose samples, or whose quarantine, have changed since.

        Those of an older form are made anew a few at a time, the latest first, as long as their samples are
        kept.
        """
        held, older = self.store.quarantined(), 0
        for hour, raw in sorted(self.archive.hours(RAW, 0, 2**63 - 1).items(), reverse=True):
            note = minutes_note(hour, raw, held)
            made = self.archive.hour(MINUTE, hour)
            known = None if made is None else note_of(made)
            if known is not None and known != note and same_samples(known, note):
                older += 1
                if older > _RENEWED:
                    continue
            if known != note:
                frames = (minutes_of(believed(pl.read_parquet(file), held)) for file in parts(raw))
                self.archive.put(MINUTE, hour, frames, note=note)
                kept.minutes.append(name_of(hour))

    def _let_go(self, now_ns: int, kept: Kept) -> None:
        for day in self.store.days():
            old = day_ns(day) + (1 + self.retention.hot_days) * DAY_NS <= now_ns
            if old and self.store.remove_day(day):
                kept.removed.append(day)
        self.archive.forget_before(RAW, now_ns - self.retention.raw_days * DAY_NS)
        self.archive.forget_before(MINUTE, now_ns - self.retention.minute_days * DAY_NS)
        self.store.tidy(now_ns)


def hour_frames(file: DayFile, hour: int, old: Path | None) -> Iterator[pl.DataFrame]:
    """Give an hour's samples, those that the history holds and those of the day's file, by terminal.

    A terminal is whole in one frame; a frame is of about `PART_ROWS` rows.
    """
    known = [] if old is None else [pl.scan_parquet(path) for path in parts(old)]
    rows: list[tuple[object, ...]] = []
    begins = ""
    names = file.terminals()
    for at, name in enumerate(names):
        rows += file.rows(
            "WHERE terminal = ? AND time_ns >= ? AND time_ns < ? ORDER BY n",
            (name, hour * HOUR_NS, (hour + 1) * HOUR_NS),
        )
        if len(rows) >= PART_ROWS and at + 1 < len(names):
            yield _whole(rows, known, begins, names[at + 1])
            rows, begins = [], names[at + 1]
    yield _whole(rows, known, begins, None)


def _whole(
    rows: list[tuple[object, ...]], known: list[pl.LazyFrame], begins: str, ends: str | None
) -> pl.DataFrame:
    """Return what is known and what is new of the terminals from one name to before another."""
    within = pl.col("terminal") >= begins
    if ends is not None:
        within &= pl.col("terminal") < ends
    frames = [frame.filter(within).collect() for frame in known]
    together = pl.concat([pl.DataFrame(schema=schema_of(TELEMETRY)), *frames, frame_of(rows)])
    return coarse(once(together))


def minutes_note(hour: int, raw: Path, held: Collection[tuple[str, int, int]]) -> str:
    """Return what an hour's minutes are made of: which generation of samples, without whose."""
    of_it = sorted(h for h in held if h[1] < (hour + 1) * HOUR_NS and h[2] > hour * HOUR_NS)
    return json.dumps({"raw": generation_of(raw), "held": of_it, "form": _FORM})


def same_samples(known: str, wanted: str) -> bool:
    """Tell whether minutes with a note are of the samples that are wanted, in this form or an older one."""
    return known in (wanted, wanted.replace(f', "form": {_FORM}}}', "}"))


def name_of(hour: int) -> str:
    """Return an hour's name, as 2026-11-28T13."""
    return f"{day_of(hour * HOUR_NS)}T{hour % 24:02}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the history for one keeper; a keeper that is killed lets it go."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KeeperRuns(f"another process keeps {folder}", "let that one do it, or end it") from None
        yield
