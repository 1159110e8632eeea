"""The orders that an agent was given, on its disk: each is begun once, and what must be undone is kept.

That a dish is about to be told is written, with what undoes it, before it is told.  So whoever starts after a
kill or a power cut knows which dishes may have been told, tells none of them again, and undoes what nobody
has confirmed.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openleo.base.errors import BadInput
from openleo.fleet.agent_request import ASKABLE, permission
from openleo.fleet.opening import WORN, open_database, transaction

NAME: Final = "orders.db"
KEPT_NS: Final = 30 * 86_400 * 10**9  # an order's name is remembered for so long; it can be told for minutes
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, terminal TEXT NOT NULL, address TEXT NOT NULL, source TEXT NOT NULL,
    order_ TEXT NOT NULL, undo TEXT, revert_after_s INTEGER, revert TEXT NOT NULL, state TEXT NOT NULL,
    told_ns INTEGER NOT NULL, answer TEXT NOT NULL, before TEXT, reported INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS allowed (action TEXT PRIMARY KEY) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One order: ``revert`` is "" (nothing to undo), armed, reverting, confirmed or reverted."""

    id: str
    terminal: str
    address: str
    source: str
    order: Mapping[str, Any]
    undo: Mapping[str, Any] | None
    revert_after_s: int | None
    told_ns: int
    revert: str = ""
    state: str = "acting"  # then: done, refused, unreachable, unknown, reverted
    answer: str = ""
    before: Mapping[str, Any] | None = None


class OrderBook:
    """The open book of an agent's folder.  Threads, and the command that allows, may share it."""

    def __init__(self, folder: Path) -> None:
        """Open, or make it; raises BadInput."""
        self.path = folder / NAME
        self._lock = threading.RLock()
        self._db = open_database(folder, _TABLES, name=NAME)
        self._db.execute("PRAGMA cache_size = -256")  # kB: agents are small

    def __enter__(self) -> "OrderBook":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._db.close()

    # What the site allows.

    def allowed(self) -> frozenset[str]:
        """Return what this site lets the server order."""
        return frozenset(row["action"] for row in self._rows("SELECT action FROM allowed"))

    def allow(self, action: str, *, allowed: bool) -> None:
        """Allow something, or forbid it; durable on return."""
        if action not in ASKABLE:
            raise BadInput(f"{action!r} is nothing that is allowed here", f"it is: {', '.join(ASKABLE)}")
        with self._changing() as db:
            if allowed:
                db.execute("INSERT OR IGNORE INTO allowed VALUES (?)", (action,))
            else:
                db.execute("DELETE FROM allowed WHERE action = ?", (action,))

    # Orders.

    def find(self, order: str) -> Kept | None:
        """Return an order that was begun, or None."""
        found = self._select("WHERE id = ?", order)
        return found[0] if found else None

    def begin(self, kept: Kept) -> bool:
        """Write down that a dish is about to be told; False, and nothing, where that was begun before."""
        row = (
            kept.id, kept.terminal, kept.address, kept.source, json.dumps(kept.order), _text(kept.undo),
            kept.revert_after_s, "armed" if kept.undo is not None else "", "acting", kept.told_ns, "",
            _text(kept.before), 0,
        )  # fmt: skip
        with self._changing() as db:
            db.execute("DELETE FROM orders WHERE reported = 1 AND revert NOT IN ('armed', 'reverting')"
                       " AND told_ns < ?", (kept.told_ns - KEPT_NS,))  # fmt: skip
            done = db.execute(f"INSERT OR IGNORE INTO orders VALUES ({', '.join('?' * len(row))})", row)
            return done.rowcount == 1

    def refuse(self, kept: Kept, state: str, answer: str) -> None:
        """Keep that an order was not carried out, and why."""
        if self.begin(kept):
            self.end(kept.id, state, answer)

    def end(self, order: str, state: str, answer: str) -> None:
        """Keep what became of an order; what did not reach the dish needs no undoing."""
        with self._changing() as db:
            db.execute(
                "UPDATE orders SET state = ?, answer = ?, reported = 0 WHERE id = ?", (state, answer, order)
            )
            if state in ("refused", "unreachable"):
                db.execute("UPDATE orders SET revert = '' WHERE id = ? AND revert = 'armed'", (order,))

    def recover(self) -> None:
        """After a start: nobody knows whether a dish that was being told got it."""
        with self._changing() as db:
            db.execute(
                "UPDATE orders SET state = 'unknown', reported = 0,"
                " answer = 'the agent was cut short while it told the dish' WHERE state = 'acting'"
            )

    def confirm(self, order: str) -> bool:
        """Leave an order as it is: nothing undoes it any more; False where it is being undone."""
        with self._changing() as db:
            done = db.execute(
                "UPDATE orders SET revert = 'confirmed' WHERE id = ? AND revert = 'armed'", (order,)
            )
            return done.rowcount == 1

    def undone_by_order(self, later: Kept) -> None:
        """Disarm what was armed for a dish and a later order has undone."""
        kind = permission(str(later.order["action"]))
        for kept in self.armed():
            if kept.terminal == later.terminal and kept.order["action"] == kind:
                self.confirm(kept.id)

    def armed(self) -> list[Kept]:
        """Return what is undone unless it is confirmed, and what is being undone."""
        return self._select("WHERE revert IN ('armed', 'reverting') ORDER BY told_ns, id")

    def start_reverting(self, order: str) -> bool:
        """Begin to undo an order, from where there is no way back; False where it was confirmed."""
        with self._changing() as db:
            done = db.execute(
                "UPDATE orders SET revert = 'reverting' WHERE id = ? AND revert IN ('armed', 'reverting')",
                (order,),
            )
            return done.rowcount == 1

    def reverted(self, order: str) -> None:
        """Keep that an order was undone."""
        with self._changing() as db:
            db.execute(
                "UPDATE orders SET revert = 'reverted', state = 'reverted', reported = 0,"
                " answer = 'undone by the agent: nobody confirmed it in time' WHERE id = ?", (order,),
            )  # fmt: skip

    def unreported(self) -> list[Kept]:
        """Return what the server does not know yet."""
        return self._select("WHERE reported = 0 AND state <> 'acting' ORDER BY told_ns, id LIMIT 20")

    def report_again(self, order: str) -> None:
        """Tell the server once more what became of an order: it asks."""
        with self._changing() as db:
            db.execute("UPDATE orders SET reported = 0 WHERE id = ?", (order,))

    def was_reported(self, kept: Kept) -> None:
        """Keep that the server knows what became of an order."""
        with self._changing() as db:
            db.execute("UPDATE orders SET reported = 1 WHERE id = ? AND state = ?", (kept.id, kept.state))

    # Inside.

    def _select(self, where: str, *values: Any) -> list[Kept]:
        return [_kept(row) for row in self._rows(f"SELECT * FROM orders {where}", *values)]

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._db, str(self.path), WORN) as db:
            yield db


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


def _kept(row: sqlite3.Row) -> Kept:
    read = {name: None if row[name] is None else json.loads(row[name]) for name in ("undo", "before")}
    return Kept(
        id=row["id"], terminal=row["terminal"], address=row["address"], source=row["source"],
        order=json.loads(row["order_"]), undo=read["undo"], revert_after_s=row["revert_after_s"],
        told_ns=row["told_ns"], revert=row["revert"], state=row["state"], answer=row["answer"],
        before=read["before"],
    )  # fmt: skip
