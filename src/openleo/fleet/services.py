"""Who reads telemetry by machine: service accounts with a secret, and how far each reader has read.

A secret is 256 random bits, of which the database keeps a hash.  A reader's position is kept here, as the
vendor keeps it: who asks again gets what came since.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.fleet.database import FleetDatabase

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS services (id TEXT PRIMARY KEY, hash TEXT NOT NULL, account TEXT NOT NULL,"
    " made_ns INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS readers (name TEXT PRIMARY KEY, position TEXT NOT NULL)",
)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class ServiceExists(Refused):
    """There is a service account of that name."""

    code = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service account; ``account`` is whose terminals it reads, "" for all."""

    id: str
    account: str


class Services:
    """The service accounts in an open fleet database."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    def add(self, name: str, *, now_ns: int, account: str = "") -> str:
        """Add a service account; return its secret, which is kept nowhere."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no name of a service account", "1 to 64 of A-Z, a-z, 0-9, and . _ -")
        secret = secrets.token_urlsafe(32)
        with self._db.changing() as conn:
            if conn.execute("SELECT 1 FROM services WHERE id = ?", (name,)).fetchall():
                raise ServiceExists(f"there is a service account {name} already", "take another name")
            conn.execute("INSERT INTO services VALUES (?, ?, ?, ?)", (name, _hash(secret), account, now_ns))
        return secret

    def remove(self, name: str) -> None:
        """Remove one, and how far it has read."""
        if self.find(name) is None:
            raise BadInput(
                f"there is no service account {name!r}", did_you_mean(name, [s.id for s in self.all()])
            )
        with self._db.changing() as conn:
            conn.execute("DELETE FROM services WHERE id = ?", (name,))
            conn.execute("DELETE FROM readers WHERE name = ?", (f"service:{name}",))

    def check(self, name: str, secret: str) -> Service | None:
        """Return the service account of a name and its secret; None where they do not fit."""
        rows = self._db.rows("SELECT hash, account FROM services WHERE id = ?", (name,))
        known = rows[0][0] if rows else _hash("")
        fits = hmac.compare_digest(known, _hash(secret))
        return Service(id=name, account=rows[0][1]) if rows and fits else None

    def find(self, name: str) -> Service | None:
        """Return one, or None."""
        rows = self._db.rows("SELECT account FROM services WHERE id = ?", (name,))
        return Service(id=name, account=rows[0][0]) if rows else None

    def all(self) -> list[Service]:
        """Return them all, by name."""
        return [
            Service(id=i, account=a) for i, a in self._db.rows("SELECT id, account FROM services ORDER BY id")
        ]

    def position(self, reader: str) -> dict[str, int] | None:
        """Return how far a reader has read; None for one that never has."""
        rows = self._db.rows("SELECT position FROM readers WHERE name = ?", (reader,))
        return msgspec.json.decode(rows[0][0], type=dict[str, int]) if rows else None

    def note_position(self, reader: str, position: Mapping[str, int]) -> None:
        """Note how far a reader has read."""
        with self._db.changing() as conn:
            conn.execute(
                "INSERT OR REPLACE INTO readers VALUES (?, ?)",
                (reader, msgspec.json.encode(dict(position)).decode()),
            )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
