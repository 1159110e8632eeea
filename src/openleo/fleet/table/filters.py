"""Saved filters of the fleet's table, kept in fleet.db, with who saved them."""

import re
from dataclasses import dataclass
from typing import Final

from openleo.base.errors import BadInput, did_you_mean
from openleo.fleet.database import FleetDatabase
from openleo.fleet.table.where import MOST_LETTERS, read_where

NAME: Final = r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"
MOST_FILTERS: Final = 500
TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS filters (name TEXT PRIMARY KEY, text TEXT NOT NULL, by TEXT NOT NULL,"
    " at_ns INTEGER NOT NULL)",
)
_NAME: Final = re.compile(NAME, re.ASCII)

__all__ = ["MOST_LETTERS", "NAME", "Filter", "NoSuchFilter", "SavedFilters"]


class NoSuchFilter(BadInput):
    """There is no filter of that name."""

    code = "not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A saved filter."""

    name: str
    where: str
    by: str
    at_ns: int


class SavedFilters:
    """The filters in an open fleet database."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    def all(self) -> list[Filter]:
        """Return them all, by name."""
        rows = self._db.rows("SELECT name, text, by, at_ns FROM filters ORDER BY name")
        return [Filter(name=r[0], where=r[1], by=r[2], at_ns=r[3]) for r in rows]

    def need(self, name: str) -> Filter:
        """Return one; raises NoSuchFilter."""
        found = {one.name: one for one in self.all()}
        if name not in found:
            raise NoSuchFilter(f"no filter is called {name!r}", did_you_mean(name, found))
        return found[name]

    def put(self, name: str, where: str, *, by: str, now_ns: int) -> Filter:
        """Save one, in place of one of that name; raises BadInput for what cannot be read."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} cannot name a filter", "1 to 64 of a-z, 0-9 and . _ -")
        read_where(where)
        with self._db.changing() as conn:
            count = conn.execute("SELECT count(*) FROM filters WHERE name <> ?", (name,)).fetchall()[0][0]
            if count >= MOST_FILTERS:
                raise BadInput(f"there are {count} filters already", "remove one that nobody uses")
            conn.execute("INSERT OR REPLACE INTO filters VALUES (?, ?, ?, ?)", (name, where, by, now_ns))
        return Filter(name=name, where=where, by=by, at_ns=now_ns)

    def remove(self, name: str) -> None:
        """Remove one; raises NoSuchFilter."""
        self.need(name)
        with self._db.changing() as conn:
            conn.execute("DELETE FROM filters WHERE name = ?", (name,))
