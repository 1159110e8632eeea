"""What an agent recorded and its server has not acknowledged: on disk, bounded, oldest detail first to go.

Samples come in with how far the dish was read, in one transaction.  A batch is cut from the newest of them,
numbered, signed and written down before it is first sent, so that it is sent again byte by byte until it is
acknowledged: the server knows it by (device, boot, numbers).  ``boot`` is this file's own, made with it.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from openleo.base.errors import BadInput
from openleo.fleet.batches import plain
from openleo.fleet.collect import SITE, Pages
from openleo.fleet.opening import WORN, open_database, transaction
from openleo.fleet.register import DishEntry
from openleo.fleet.sample import Sample
from openleo.fleet.site_clock import NS

NAME: Final = "ring.db"
MOST_BYTES: Final = 64 * 1024 * 1024
LEAST_BYTES: Final = 256 * 1024
MOST_REFUSED: Final = 20
_ROW_BYTES: Final = 40  # what a row takes beside its body
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS samples (
    id INTEGER PRIMARY KEY AUTOINCREMENT, terminal TEXT NOT NULL, time_ns INTEGER NOT NULL,
    detail INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS samples_time ON samples (time_ns);
CREATE INDEX IF NOT EXISTS samples_detail ON samples (detail, time_ns);
CREATE TABLE IF NOT EXISTS outbox (
    first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, newest_ns INTEGER NOT NULL,
    headers TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
    first_seq INTEGER PRIMARY KEY, why TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
# Samples of one second, then of a quarter minute; thinned ones are numbered two more.
_MOMENT, _QUARTER, _THINNED = 0, 1, 2
_THIN_AT_ONCE: Final = 2_000
_WHOLE_NS: Final = 3_600 * NS  # what is newer than the newest less this is never thinned
_DROP_AT_ONCE: Final = 500
_REMARK: Final = "remark "
_NEVER_NS: Final = 2**63 - 1
_DECODER: Final = msgspec.json.Decoder(Sample)

Sign = Callable[[str, int, Sequence[Sample], bool], tuple[dict[str, str], bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A batch that is numbered and signed, and may have been sent before."""

    first_seq: int
    last_seq: int
    newest_ns: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How much is held, and what had to go."""

    samples: int
    batches: int
    bytes: int
    thinned: int
    dropped: int
    refused: int
    oldest_ns: int | None
    sent: int  # samples that the server has acknowledged
    acknowledged_ns: int | None  # the newest of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong between an agent and its server: ``kind`` is for programs, ``detail`` for reading."""

    kind: str
    detail: str
    since_ns: int


class Ring:
    """The open ring, which is also the book of the agent's collector.  Threads may share it."""

    def __init__(
        self, folder: Path, dishes: Sequence[DishEntry] = (), *, most_bytes: int = MOST_BYTES
    ) -> None:
        """Open, or make, the ring of an agent's folder; raises BadInput."""
        if most_bytes < LEAST_BYTES:
            raise BadInput(f"{most_bytes:,} bytes hold too little", f"give it {LEAST_BYTES:,} at least")
        self.folder = folder
        self.most_bytes = most_bytes
        self._dishes = tuple(dishes)
        self._lock = threading.RLock()
        self._db = open_database(folder, _TABLES, name=NAME)
        self._db.execute("PRAGMA cache_size = -1024")  # kB: agents are small
        self._db.execute("PRAGMA wal_autocheckpoint = 400")
        self._known: dict[str, str] = {
            row["name"]: row["value"] for row in self._db.execute("SELECT * FROM known")
        }
        if "boot" not in self._known:
            self._know(boot=f"{int(time.time()):x}-{secrets.token_hex(6)}", next_seq="0")
        self._bytes = self._counted_bytes()

    def __enter__(self) -> "Ring":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._db.close()

    @property
    def boot(self) -> str:
        """What batches of this ring are told apart by from those of one that was lost."""
        return self._known["boot"]

    # The collector's book.

    def dishes(self) -> Sequence[DishEntry]:
        """Return the agent's dishes."""
        return self._dishes

    def progress(self, dish: DishEntry) -> dict[str, Any]:
        """Return how far a dish was read."""
        found = json.loads(self._known.get(f"progress {dish.key}", "{}"))
        return found if isinstance(found, dict) else {}

    def write(self, pages: Pages) -> None:
        """Record samples, and how far they reach, as one; durable on return."""
        with self._lock:
            rows = [_row(sample) for sample in pages.samples]
            known = {f"progress {key}": json.dumps(done) for key, (_, done) in pages.progress.items()}
            known |= {f"{_REMARK}{r.subject} {r.kind}": r.detail for r in pages.remarks.values()}
            gone = [f"{_REMARK}{subject} {kind}" for subject, kind in pages.cleared]
            with self._changing() as db:
                db.executemany(
                    "INSERT INTO samples (terminal, time_ns, detail, body) VALUES (?, ?, ?, ?)", rows
                )
                db.executemany("DELETE FROM known WHERE name = ?", [(name,) for name in gone])
                db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", list(known.items()))
                added = sum(len(row[3]) + _ROW_BYTES for row in rows)
                freed = self._make_room(db, self._bytes + added - self.most_bytes)
            self._bytes += added - freed
            for name in gone:
                self._known.pop(name, None)
            self._known |= known

    def remarks(self) -> dict[tuple[str, str], str]:
        """Return what is remarked at present of this machine and its dishes, by subject and kind."""
        told = [(*_subject_and_kind(name), text) for name, text in sorted(self._known.items())]
        watched = {SITE, *(dish.key for dish in self._dishes)}  # not of those that it was enrolled for before
        return {(subject, kind): text for subject, kind, text in told if subject in watched}

    # Batches.

    def pending(self) -> Cut | None:
        """Return the newest batch that was cut and not acknowledged."""
        with self._lock:
            row = self._db.execute("SELECT * FROM outbox ORDER BY newest_ns DESC LIMIT 1").fetchone()
            return None if row is None else _cut(row)

    def cut(
        self, most: int, sign: Sign, *, since_ns: int = 0, before_ns: int | None = None,
        backfill: bool = False,
    ) -> Cut | None:  # fmt: skip
        """Cut a batch from the newest samples from ``since_ns`` to before ``before_ns``, and write it down.

        None if none are.
        Raises BatchTooLarge, with nothing changed, where it must hold fewer.
        """
        with self._lock:
            found = self._db.execute(
                "SELECT id, body FROM samples WHERE time_ns >= ? AND time_ns < ?"
                " ORDER BY time_ns DESC LIMIT ?",
                (since_ns, _NEVER_NS if before_ns is None else before_ns, most),
            ).fetchall()
            if not found:
                return None
            samples = [_DECODER.decode(row["body"]) for row in reversed(found)]
            first = int(self._known["next_seq"])
            headers, body = sign(self.boot, first, samples, backfill)
            last, newest_ns = first + len(samples) - 1, samples[-1].time_ns
            gone = sum(len(row["body"]) + _ROW_BYTES for row in found)
            with self._changing() as db:
                db.executemany("DELETE FROM samples WHERE id = ?", [(row["id"],) for row in found])
                db.execute(
                    "INSERT INTO outbox VALUES (?, ?, ?, ?, ?)",
                    (first, last, newest_ns, json.dumps(headers), body),
                )
                db.execute("INSERT OR REPLACE INTO known VALUES ('next_seq', ?)", (str(last + 1),))
            self._known["next_seq"] = str(last + 1)
            self._bytes += len(body) + _ROW_BYTES - gone
            return Cut(first_seq=first, last_seq=last, newest_ns=newest_ns, headers=headers, body=body)

    def acknowledge(self, cut: Cut) -> None:
        """Forget a batch that the server has, durably."""
        with self._lock:
            with self._changing() as db:
                db.execute("DELETE FROM outbox WHERE first_seq = ?", (cut.first_seq,))
                self._count(db, "sent", cut.last_seq - cut.first_seq + 1)
                newest = str(max(cut.newest_ns, int(self._known.get("acknowledged_ns", "0"))))
                db.execute("INSERT OR REPLACE INTO known VALUES ('acknowledged_ns', ?)", (newest,))
                self._known["acknowledged_ns"] = newest
            self._bytes -= len(cut.body) + _ROW_BYTES

    def relabel(self, cut: Cut, headers: dict[str, str]) -> None:
        """Send a batch with other headers from now on."""
        with self._changing() as db:
            db.execute(
                "UPDATE outbox SET headers = ? WHERE first_seq = ?", (json.dumps(headers), cut.first_seq)
            )

    def signed_anew(self, signer: str, sign: Callable[[Cut], dict[str, str]]) -> None:
        """Sign what was cut by another device, or with another key, as ``signer``: nobody else takes it.

        An agent that has enrolled anew so sends what it held, instead of being refused for it.
        """
        with self._lock:
            if self._known.get("signer") == signer:
                return
            cuts = [_cut(row) for row in self._db.execute("SELECT * FROM outbox")]
            with self._changing() as db:
                db.executemany(
                    "UPDATE outbox SET headers = ? WHERE first_seq = ?",
                    [(json.dumps(sign(cut)), cut.first_seq) for cut in cuts],
                )
                db.execute("INSERT OR REPLACE INTO known VALUES ('signer', ?)", (signer,))
            self._known["signer"] = signer

    def holds_before(self, time_ns: int) -> bool:
        """Tell whether something waits that is older, or was cut."""
        with self._lock:
            query = "SELECT EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM samples WHERE time_ns < ?)"
            return bool(self._db.execute(query, (time_ns,)).fetchone()[0])

    # What is wrong between the agent and its server, for those who ask at the site.

    def trouble(self) -> Trouble | None:
        """Return what is wrong, or was when an agent last ran; None where nothing is."""
        found = json.loads(self._known.get("trouble", "null"))
        return None if found is None else Trouble(**found)

    def note_trouble(self, kind: str, detail: str) -> None:
        """Keep what is wrong; of one kind it is since it first was.  ``kind`` "" says that nothing is."""
        with self._lock:
            was = self.trouble()
            if (was.kind, was.detail) == (kind, detail) if was else not kind:
                return
            since_ns = was.since_ns if was and was.kind == kind else time.time_ns()
            told = {"kind": kind, "detail": detail, "since_ns": since_ns} if kind else None
            self._know(trouble=json.dumps(told))

    def set_aside(self, cut: Cut, why: str) -> None:
        """Keep a batch that the server will never take apart, for people; the last few of them."""
        with self._lock:
            with self._changing() as db:
                db.execute("DELETE FROM outbox WHERE first_seq = ?", (cut.first_seq,))
                db.execute(
                    "INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)",
                    (cut.first_seq, why, json.dumps(cut.headers), cut.body),
                )
                db.execute(
                    "DELETE FROM refused WHERE first_seq NOT IN"
                    " (SELECT first_seq FROM refused ORDER BY first_seq DESC LIMIT ?)", (MOST_REFUSED,),
                )  # fmt: skip
                count = str(int(self._known.get("refused", "0")) + 1)
                db.execute("INSERT OR REPLACE INTO known VALUES ('refused', ?)", (count,))
            self._known["refused"] = count
            self._bytes -= len(cut.body) + _ROW_BYTES

    def held(self) -> Held:
        """Return how much is held."""
        with self._lock:
            samples, oldest = self._db.execute("SELECT count(*), min(time_ns) FROM samples").fetchone()
            batches = self._db.execute("SELECT count(*) FROM outbox").fetchone()[0]
            told = {
                name: int(self._known.get(name, "0")) for name in ("thinned", "dropped", "refused", "sent")
            }
            known = self._known.get("acknowledged_ns")
            return Held(
                samples=samples,
                batches=batches,
                bytes=self._bytes,
                oldest_ns=oldest,
                acknowledged_ns=None if known is None else int(known),
                **told,
            )

    # Room.

    def _make_room(self, db: sqlite3.Connection, over: int) -> int:
        """Drop what is least worth, oldest first, until ``over`` bytes are free; return how many are."""
        freed = 0
        if over <= 0:
            return 0
        over += self.most_bytes // 50  # so that not every write has to
        newest_ns = db.execute("SELECT max(time_ns) FROM samples").fetchone()[0] or 0
        while freed < over and (got := self._thin(db, newest_ns - _WHOLE_NS)) is not None:
            freed += got
        while freed < over and (got := self._drop(db)):
            freed += got
        return freed

    def _thin(self, db: sqlite3.Connection, before_ns: int) -> int | None:
        """Keep one sample a minute of the oldest that were not thinned yet; None where there are none."""
        oldest = db.execute(
            "SELECT detail FROM samples WHERE detail < ? AND time_ns < ? ORDER BY time_ns LIMIT 1",
            (_THINNED, before_ns),
        ).fetchone()
        if oldest is None:
            return None
        detail, most = oldest["detail"], max(100, min(_THIN_AT_ONCE, self.most_bytes >> 13))
        rows = db.execute(
            "SELECT id, length(body) AS size, row_number() OVER ("
            "  PARTITION BY terminal, time_ns / 60000000000 ORDER BY time_ns DESC) AS n"
            " FROM (SELECT * FROM samples WHERE detail = ? AND time_ns < ? ORDER BY time_ns LIMIT ?)",
            (detail, before_ns, most),
        ).fetchall()
        gone = [row for row in rows if row["n"] > 1]
        db.executemany("DELETE FROM samples WHERE id = ?", [(row["id"],) for row in gone])
        kept = [(detail + _THINNED, row["id"]) for row in rows if row["n"] == 1]
        db.executemany("UPDATE samples SET detail = ? WHERE id = ?", kept)
        self._count(db, "thinned", len(gone))
        return sum(int(row["size"]) + _ROW_BYTES for row in gone)

    def _drop(self, db: sqlite3.Connection) -> int:
        rows = db.execute(
            "SELECT id, length(body) AS size FROM samples ORDER BY time_ns LIMIT ?", (_DROP_AT_ONCE,)
        ).fetchall()
        if rows:
            db.executemany("DELETE FROM samples WHERE id = ?", [(row["id"],) for row in rows])
            self._count(db, "dropped", len(rows))
            return sum(row["size"] + _ROW_BYTES for row in rows)
        oldest = db.execute("SELECT * FROM outbox ORDER BY newest_ns LIMIT 1").fetchone()
        if oldest is None:
            return 0
        db.execute("DELETE FROM outbox WHERE first_seq = ?", (oldest["first_seq"],))
        self._count(db, "dropped", oldest["last_seq"] - oldest["first_seq"] + 1)
        return len(oldest["body"]) + _ROW_BYTES

    def _count(self, db: sqlite3.Connection, name: str, more: int) -> None:
        self._known[name] = str(int(self._known.get(name, "0")) + more)
        db.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (name, self._known[name]))

    # Inside.

    def _know(self, **values: str) -> None:
        with self._changing() as db:
            db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", list(values.items()))
        self._known |= values

    def _counted_bytes(self) -> int:
        total = 0
        for table in ("samples", "outbox"):
            size, rows = self._db.execute(f"SELECT total(length(body)), count(*) FROM {table}").fetchone()
            total += int(size) + _ROW_BYTES * rows
        return total

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._db, str(self.folder / NAME), WORN) as db:
            yield db


def _row(sample: Sample) -> tuple[str, int, int, bytes]:
    detail = _MOMENT if sample.period_s < 15 or not sample.reachable else _QUARTER
    return sample.terminal, sample.time_ns, detail, msgspec.json.encode(plain(sample))


def _subject_and_kind(name: str) -> tuple[str, str]:
    subject, _, kind = name.removeprefix(_REMARK).rpartition(" ")
    return (subject, kind) if name.startswith(_REMARK) else ("", "")


def _cut(row: sqlite3.Row) -> Cut:
    return Cut(
        first_seq=row["first_seq"], last_seq=row["last_seq"], newest_ns=row["newest_ns"],
        headers=json.loads(row["headers"]), body=row["body"],
    )  # fmt: skip
