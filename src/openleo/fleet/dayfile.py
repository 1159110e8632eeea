"""One day of telemetry: an SQLite file that takes samples in the order in which they come.

A sample is there once: it is known by (terminal, boot, counter) where the dish counts, else by (terminal,
time, source).  Rows are numbered as they come, which is what those who follow the stream go by.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from openleo.base.errors import Refused
from openleo.control.driver import Driver
from openleo.fleet.sample import Sample
from openleo.fleet.storage import connect, telling, writing

NS: Final = 10**9
HOUR_NS: Final = 3_600 * NS
DAY_NS: Final = 24 * HOUR_NS
FIELDS: Final = tuple(f.name for f in fields(Sample))
Sent = tuple[str, Sample]  # by which device

_KINDS: Final = {
    "terminal": "TEXT NOT NULL", "time_ns": "INTEGER NOT NULL", "period_s": "INTEGER NOT NULL",
    "source": "TEXT NOT NULL", "country": "TEXT", "software": "TEXT", "alerts": "TEXT NOT NULL",
    "outage": "TEXT", "disablement": "TEXT", "downlink_mbps": "REAL", "uplink_mbps": "REAL",
    "ping_drop": "REAL", "ping_latency_ms": "REAL", "obstructed": "REAL", "signal_quality": "REAL",
    "power_w": "REAL", "latitude_deg": "REAL", "longitude_deg": "REAL",
}  # fmt: skip
_BOOLS: Final = {"reachable", "gps_valid", "stowed"}
_COLUMNS: Final = ", ".join(f"{name} {_KINDS.get(name, 'INTEGER')}" for name in FIELDS)
_COUNTS: Final = "(boot IS NOT NULL AND counter IS NOT NULL)"
_SCHEMA: Final = (
    f"CREATE TABLE IF NOT EXISTS samples (n INTEGER PRIMARY KEY, device TEXT NOT NULL, {_COLUMNS})",
    "CREATE UNIQUE INDEX IF NOT EXISTS once ON samples (terminal,"
    f" CASE WHEN {_COUNTS} THEN boot ELSE -1 END,"
    f" CASE WHEN {_COUNTS} THEN counter ELSE time_ns END,"
    f" CASE WHEN {_COUNTS} THEN '' ELSE source END)",
    "CREATE INDEX IF NOT EXISTS at ON samples (terminal, time_ns)",
    "CREATE TABLE IF NOT EXISTS hours (hour INTEGER PRIMARY KEY, arrived INTEGER NOT NULL,"
    " kept INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS ended (at INTEGER)",
)
_INSERT: Final = (
    f"INSERT OR IGNORE INTO samples (device, {', '.join(FIELDS)}) "
    f"VALUES ({', '.join('?' * (len(FIELDS) + 1))})"
)
SELECT: Final = f"SELECT n, device, {', '.join(FIELDS)} FROM samples"
_ALERTS: Final = FIELDS.index("alerts")


class DayEnded(Refused):
    """This file is about to be removed, all of it being in the history: open a new one."""

    code = "day-ended"


def row_of(device: str, sample: Sample) -> tuple[Any, ...]:
    """Return a sample as the table's columns hold it."""
    values = [getattr(sample, name) for name in FIELDS]
    values[_ALERTS] = ",".join(map(str, sample.alerts))
    return (device, *values)


def sample_of(values: Sequence[Any]) -> Sample:
    """Return the sample of a row's columns, which are in the order of its fields."""
    found: dict[str, Any] = dict(zip(FIELDS, values, strict=True))
    found["alerts"] = codes_of(found["alerts"])
    for name in _BOOLS:
        if found[name] is not None:
            found[name] = bool(found[name])
    return Sample(**found)


def codes_of(text: str) -> tuple[int, ...]:
    """Return codes of alerts from their text."""
    return tuple(map(int, text.split(","))) if text else ()


class DayFile:
    """An open day; used by one thread at a time."""

    def __init__(self, path: Path, driver: Driver) -> None:
        self.path, self.driver = path, driver
        with telling(driver):
            self._conn = connect(driver, path, _SCHEMA)

    def close(self) -> None:
        """Close it."""
        with suppress(self.driver.module.Error):
            self._conn.close()

    def add(self, sent: Iterable[Sent]) -> int:
        """Keep samples; return how many were new.  They are durable on return.

        Raises StoreFull and its like, with nothing kept, StoreBroken, and DayEnded.
        """
        by_hour = sorted(sent, key=lambda one: one[1].time_ns // HOUR_NS)
        new = 0
        with writing(self.driver, self._conn):
            if self._one("SELECT count(*) FROM ended"):
                raise DayEnded(f"{self.path.name} is being removed", "open it anew")
            cursor = self._conn.cursor()
            for hour, group in groupby(by_hour, key=lambda one: one[1].time_ns // HOUR_NS):
                before = self._one("SELECT total_changes()")
                cursor.executemany(_INSERT, [row_of(device, sample) for device, sample in group])
                added = self._one("SELECT total_changes()") - before
                new += added
                if added:
                    self._conn.execute(
                        "INSERT INTO hours (hour, arrived) VALUES (?, ?) "
                        "ON CONFLICT (hour) DO UPDATE SET arrived = arrived + excluded.arrived",
                        (hour, added),
                    )
        return new

    def last(self) -> int:
        """Return the number of the last row, 0 if there is none."""
        return self._one("SELECT ifnull(max(n), 0) FROM samples")

    def rows(self, where: str, values: Sequence[Any] = (), *, most: int = -1) -> list[tuple[Any, ...]]:
        """Return (n, device, fields...) of the rows that a clause (WHERE and ORDER BY) finds."""
        with telling(self.driver):
            return list(self._conn.execute(f"{SELECT} {where} LIMIT ?", (*values, most)).fetchall())

    def brought(self, most: int) -> list[tuple[str, str, int, int]]:
        """Return (device, terminal, newest time, how many) of the ``most`` newest samples."""
        query = (
            "SELECT device, terminal, max(time_ns), count(*) FROM samples"
            " WHERE n > (SELECT ifnull(max(n), 0) FROM samples) - ? GROUP BY device, terminal"
        )
        with telling(self.driver):
            return [(str(d), str(t), int(at), int(n)) for d, t, at, n in self._conn.execute(query, (most,))]

    def terminals(self) -> list[str]:
        """Return the terminals that it tells of, without reading each row."""
        names: list[str] = []
        last = ""
        with telling(self.driver):
            while True:
                found = self._conn.execute(
                    "SELECT terminal FROM samples WHERE terminal > ? ORDER BY terminal LIMIT 1", (last,)
                ).fetchall()
                if not found:
                    return names
                last = found[0][0]
                names.append(last)

    def hours(self) -> dict[int, tuple[int, int]]:
        """Return of each hour how many samples arrived, and how many of them the history holds."""
        with telling(self.driver):
            return {h: (a, k) for h, a, k in self._conn.execute("SELECT hour, arrived, kept FROM hours")}

    def note_kept(self, hour: int, arrived: int) -> None:
        """Note that the history holds the first so many that arrived of an hour."""
        with writing(self.driver, self._conn):
            self._conn.execute("UPDATE hours SET kept = max(kept, ?) WHERE hour = ?", (arrived, hour))

    def remove_if_kept(self) -> bool:
        """Remove the file where the history holds all of it and nobody else has it open; tell whether.

        While it is marked as ended, whoever would still write to it is turned away.
        """
        try:
            with writing(self.driver, self._conn):
                if self._one("SELECT count(*) FROM hours WHERE kept < arrived"):
                    return False
                self._conn.execute("DELETE FROM ended")
                self._conn.execute("INSERT INTO ended VALUES (1)")
            mode = self._conn.execute("PRAGMA journal_mode = DELETE").fetchall()[0][0]
        except (Refused, self.driver.module.Error):
            mode = "wal"  # another has it open
        if mode != "delete":
            with suppress(Refused), writing(self.driver, self._conn):
                self._conn.execute("DELETE FROM ended")
            return False
        self.close()
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        return True

    def _one(self, statement: str) -> int:
        return int(self._conn.execute(statement).fetchall()[0][0])


def open_day(path: Path, driver: Driver) -> "closing[DayFile]":
    """Return a day for a ``with`` block."""
    return closing(DayFile(path, driver))
