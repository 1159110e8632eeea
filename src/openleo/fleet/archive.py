"""The folders of the history: an hour of a table is a folder of Parquet files, and is whole or not there.

    history/raw/2026-11-28/13.g2/part-000.parquet       sorted by terminal and time
    history/minutes/2026-11-28/13.g2/part-000.parquet

An hour that is written again (samples came late) is a new generation beside the old one, put in place by one
rename once all of it is on the disk; readers take the highest, and the old one goes.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import polars as pl

from openleo.fleet.dayfile import DAY_NS, HOUR_NS
from openleo.fleet.store import day_ns, day_of

HISTORY: Final = "history"
RAW, MINUTE = "raw", "minutes"
_HOUR: Final = re.compile(r"(\d\d)\.g(\d+)")
_MAKING: Final = ".making-"
_GOING: Final = ".going-"

Fsync = Callable[[int], None]


class Archive:
    """The history's folders; ``path`` is the fleet's folder."""

    def __init__(self, path: Path, *, fsync: Fsync = os.fsync) -> None:
        self.path = path / HISTORY
        self._fsync = fsync

    def hours(self, table: str, since_ns: int, until_ns: int) -> dict[int, Path]:
        """Return the newest generation of each hour (Unix hours) that overlaps a time."""
        found: dict[int, tuple[int, Path]] = {}
        for day in self.days(table):
            start = day_ns(day)
            if start >= until_ns or start + DAY_NS <= since_ns:
                continue
            with suppress(FileNotFoundError):
                for path in (self.path / table / day).iterdir():
                    match = _HOUR.fullmatch(path.name)
                    if match is None:
                        continue
                    hour, generation = start // HOUR_NS + int(match[1]), int(match[2])
                    if generation > found.get(hour, (-1, path))[0]:
                        found[hour] = (generation, path)
        return {
            hour: path
            for hour, (_, path) in sorted(found.items())
            if hour * HOUR_NS < until_ns and (hour + 1) * HOUR_NS > since_ns
        }

    def files(self, table: str, since_ns: int, until_ns: int) -> list[Path]:
        """Return the Parquet files of a time."""
        return [file for path in self.hours(table, since_ns, until_ns).values() for file in parts(path)]

    def hour(self, table: str, hour: int) -> Path | None:
        """Return the newest generation of an hour, None where there is none."""
        return self.hours(table, hour * HOUR_NS, (hour + 1) * HOUR_NS).get(hour)

    def days(self, table: str) -> list[str]:
        """Return the days that a table has folders of."""
        folder = self.path / table
        if not folder.is_dir():
            return []
        return sorted(p.name for p in folder.iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d", p.name))

    def put(self, table: str, hour: int, frames: Iterator[pl.DataFrame], *, note: str = "") -> Path:
        """Write an hour as a new generation and take the old ones away; ``note`` is kept beside it."""
        day = day_of(hour * HOUR_NS)
        folder = self.path / table / day
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        old = self.hour(table, hour)
        generation = generation_of(old) + 1 if old is not None else 0
        making = folder / f"{_MAKING}{hour}-{os.getpid()}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        number = 0
        for frame in frames:
            if not frame.is_empty():
                self._write(frame, making / f"part-{number:03}.parquet")
                number += 1
        (making / "note").write_text(note, encoding="utf-8")
        self._flush(making / "note")
        self._flush(making)
        whole = folder / f"{hour % 24:02}.g{generation}"
        making.rename(whole)
        for above in (folder, folder.parent, folder.parent.parent, folder.parent.parent.parent):
            self._flush(above)
        if old is not None:
            self._remove(old)
        return whole

    def clean(self) -> None:
        """Remove what a process that was killed left behind: nobody reads it."""
        for table in (RAW, MINUTE):
            for day in self.days(table):
                for path in list((self.path / table / day).iterdir()):
                    if path.name.startswith((_MAKING, _GOING)):
                        shutil.rmtree(path, ignore_errors=True)
                newest = set(self.hours(table, day_ns(day), day_ns(day) + DAY_NS).values())
                for path in (self.path / table / day).iterdir():
                    if _HOUR.fullmatch(path.name) and path not in newest:
                        self._remove(path)

    def forget_before(self, table: str, time_ns: int) -> list[str]:
        """Remove the days of a table that ended before a time; return them."""
        gone = [day for day in self.days(table) if day_ns(day) + DAY_NS <= time_ns]
        for day in gone:
            self._remove(self.path / table / day)
        return gone

    def _write(self, frame: pl.DataFrame, path: Path) -> None:
        frame.write_parquet(path, compression="zstd", compression_level=3, row_group_size=50_000)
        self._flush(path)

    def _remove(self, path: Path) -> None:
        going = path.with_name(f"{_GOING}{path.name}-{os.getpid()}")
        shutil.rmtree(going, ignore_errors=True)
        with suppress(FileNotFoundError):
            path.rename(going)
            shutil.rmtree(going, ignore_errors=True)

    def _flush(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            self._fsync(handle)
        finally:
            os.close(handle)


def parts(hour: Path) -> list[Path]:
    """Return the Parquet files of an hour's folder."""
    return sorted(hour.glob("part-*.parquet"))


def note_of(hour: Path) -> str:
    """Return the note that was put beside an hour."""
    path = hour / "note"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def generation_of(hour: Path) -> int:
    """Return the generation of an hour's folder."""
    return int(hour.name.partition(".g")[2])
