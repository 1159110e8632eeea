"""The index beside the days of telemetry: each terminal's latest, what devices sent, who is quarantined.

It is trusted for speed alone and may be lost: what is missing from it is read from the days again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from openleo.control.driver import Driver
from openleo.fleet.batches import plain
from openleo.fleet.dayfile import Sent
from openleo.fleet.sample import Sample
from openleo.fleet.storage import connect, telling, writing

KEPT_NS: Final = 15 * 60 * 10**9  # so long a batch that comes again is known at once; later its samples are

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS latest (terminal TEXT, source TEXT, time_ns INTEGER NOT NULL,"
    " device TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (terminal, source)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS seen (day TEXT PRIMARY KEY, n INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS batches (device TEXT, boot TEXT, first INTEGER, last INTEGER,"
    " digest BLOB NOT NULL, at_ns INTEGER NOT NULL, PRIMARY KEY (device, boot, first, last)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS came ON batches (at_ns)",
    "CREATE TABLE IF NOT EXISTS quarantined (device TEXT, since_ns INTEGER, until_ns INTEGER NOT NULL,"
    " PRIMARY KEY (device, since_ns)) WITHOUT ROWID",
)
_LATEST: Final = (
    "INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT (terminal, source) DO UPDATE SET"
    " time_ns = excluded.time_ns, device = excluded.device, body = excluded.body"
    " WHERE excluded.time_ns >= latest.time_ns"
)
_DECODER: Final = msgspec.json.Decoder(Sample)
FOREVER_NS: Final = 2**63 - 1


class Index:
    """The open index; used by one thread at a time."""

    def __init__(self, path: Path, driver: Driver) -> None:
        self.path, self._driver = path, driver
        try:
            self._open()
        except driver.module.Error as error:
            if "malformed" not in str(error) and "not a database" not in str(error):
                with telling(driver):
                    raise
            for end in ("", "-wal", "-shm"):  # it may be lost
                path.with_name(path.name + end).unlink(missing_ok=True)
            with telling(driver):
                self._open()

    def _open(self) -> None:
        self._conn = connect(self._driver, self.path, _SCHEMA, synchronous="NORMAL")

    def close(self) -> None:
        """Close it."""
        with suppress(self._driver.module.Error):
            self._conn.close()

    def note(
        self,
        sent: Iterable[Sent],
        seen: dict[str, int],
        batches: Iterable[tuple[str, str, int, int, bytes]] = (),
        *,
        at_ns: int = 0,
    ) -> None:
        """Note samples that are durable, up to which row of which days that is, and the batches they came in.

        A batch is (device, boot, first, last, digest).
        """
        newest: dict[tuple[str, str], Sent] = {}
        for device, sample in sent:
            key = (sample.terminal, sample.source)
            if key not in newest or newest[key][1].time_ns <= sample.time_ns:
                newest[key] = (device, sample)
        rows = [
            (t, source, s.time_ns, device, msgspec.json.encode(plain(s)))
            for (t, source), (device, s) in newest.items()
        ]
        with writing(self._driver, self._conn):
            cursor = self._conn.cursor()
            cursor.executemany(_LATEST, rows)
            cursor.executemany(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET n = max(n, excluded.n)",
                list(seen.items()),
            )
            cursor.executemany(
                "INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?)", [(*b, at_ns) for b in batches]
            )

    def seen(self) -> dict[str, int]:
        """Return up to which row of each day it knows."""
        return dict(self._rows("SELECT day, n FROM seen"))

    def forget_day(self, day: str) -> None:
        """Forget a day whose file was removed, or begun anew."""
        with writing(self._driver, self._conn):
            self._conn.execute("DELETE FROM seen WHERE day = ?", (day,))

    def prune(self, now_ns: int) -> None:
        """Forget batches that came long ago: their samples are known all the same."""
        with writing(self._driver, self._conn):
            self._conn.execute("DELETE FROM batches WHERE at_ns < ?", (now_ns - KEPT_NS,))

    def has_batch(self, device: str, boot: str, first: int, last: int, digest: bytes) -> bool:
        """Tell whether just this batch was kept."""
        query = "SELECT digest FROM batches WHERE device = ? AND boot = ? AND first = ? AND last = ?"
        rows = self._rows(query, (device, boot, first, last))
        return bool(rows) and bytes(rows[0][0]) == digest

    def latest(self, terminal: str | None = None) -> list[Sent]:
        """Return the newest sample of each terminal and source, with who sent it."""
        where, values = ("", ()) if terminal is None else (" WHERE terminal = ?", (terminal,))
        rows = self._rows(f"SELECT device, body FROM latest{where} ORDER BY terminal, source", values)
        return [(device, _DECODER.decode(body)) for device, body in rows]

    def forget_latest(self, device: str, since_ns: int) -> list[str]:
        """Forget what a device last said since a time; return the terminals it was about."""
        query = "SELECT terminal FROM latest WHERE device = ? AND time_ns >= ?"
        found = [row[0] for row in self._rows(query, (device, since_ns))]
        with writing(self._driver, self._conn):
            self._conn.execute("DELETE FROM latest WHERE device = ? AND time_ns >= ?", (device, since_ns))
        return found

    def quarantine(self, device: str, since_ns: int, until_ns: int = FOREVER_NS) -> bool:
        """Note that what a device said of a time is not to be believed; tell whether that is new."""
        if (device, since_ns, until_ns) in self.quarantined():
            return False
        with writing(self._driver, self._conn):
            self._conn.execute(
                "INSERT OR REPLACE INTO quarantined VALUES (?, ?, ?)", (device, since_ns, until_ns)
            )
        return True

    def quarantined(self) -> set[tuple[str, int, int]]:
        """Return (device, since, until) of what is not to be believed."""
        return {(d, s, u) for d, s, u in self._rows("SELECT device, since_ns, until_ns FROM quarantined")}

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with telling(self._driver):
            return list(self._conn.execute(query, tuple(values)).fetchall())


def digest_of(body: bytes) -> bytes:
    """Return what the index keeps of a batch's bytes."""
    return hashlib.sha256(body).digest()
