"""What dishes of this fleet may be told: kept in fleet.db, with who said so and why.

Nothing that takes the network away may be told until a person allows it, for the whole fleet.
"""

from dataclasses import dataclass
from typing import Final

from openleo.base.errors import BadInput, Refused
from openleo.fleet.acting.orders import ACTIONS, GUARDED, Order
from openleo.fleet.database import FleetDatabase

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS allowances (n INTEGER PRIMARY KEY, action TEXT NOT NULL,"
    " allowed INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL, at_ns INTEGER NOT NULL)",
)


class NotAllowed(Refused):
    """Dishes of this fleet may not be told that."""

    code = "not-allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Whether something may be told, who said so last, and why; ``at_ns`` None: nobody ever did."""

    action: str
    allowed: bool
    by: str = ""
    reason: str = ""
    at_ns: int | None = None


class Allowances:
    """The allowances in an open fleet database.  The caller passes the time, in Unix nanoseconds."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    def all(self) -> list[Allowance]:
        """Return what holds now of each action."""
        rows = self._db.rows("SELECT action, allowed, by, reason, at_ns FROM allowances ORDER BY n")
        newest = {
            row[0]: Allowance(action=row[0], allowed=bool(row[1]), by=row[2], reason=row[3], at_ns=row[4])
            for row in rows
        }
        return [newest.get(one) or Allowance(action=one, allowed=one not in GUARDED) for one in ACTIONS]

    def history(self) -> list[Allowance]:
        """Return all that was ever said, the latest first."""
        rows = self._db.rows("SELECT action, allowed, by, reason, at_ns FROM allowances ORDER BY n DESC")
        return [Allowance(action=r[0], allowed=bool(r[1]), by=r[2], reason=r[3], at_ns=r[4]) for r in rows]

    def say(self, action: str, *, allowed: bool, by: str, reason: str, now_ns: int) -> None:
        """Allow something, or forbid it; durable on return."""
        if action not in ACTIONS:
            raise BadInput(f"a dish cannot be told {action!r}", f"it can: {', '.join(ACTIONS)}")
        if not reason.strip():
            raise BadInput("a reason is missing", 'say why: --reason "power cuts at night"')
        with self._db.changing() as conn:
            conn.execute(
                "INSERT INTO allowances (action, allowed, by, reason, at_ns) VALUES (?, ?, ?, ?, ?)",
                (action, int(allowed), by, reason.strip(), now_ns),
            )

    def need(self, order: Order) -> None:
        """Raise NotAllowed unless it may be told."""
        found = next(one for one in self.all() if one.action == order.action)
        if found.allowed or not order.cuts:
            return
        if found.at_ns is not None:
            raise NotAllowed(
                f"{found.by} forbade {order.action} for this fleet: {found.reason}",
                f'once that is settled: openleo fleet allow {order.action} --reason "..."',
            )
        raise NotAllowed(
            f"{order.action} is off for this fleet: it takes the network away from who is behind a dish",
            f'allow it, once for the whole fleet: openleo fleet allow {order.action} --reason "..."',
        )
