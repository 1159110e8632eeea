"""Terminals as the store has them: finding one, choosing many, and reading them without their positions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, select

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.control.areas import NotFound
from openleo.control.authorize import scope
from openleo.control.life import State
from openleo.control.plane import Tx
from openleo.control.schema import batches, facts, positions, terminals

T = TypeVar("T")
MOST_TERMINALS = 100_000  # in one decision
SHOWN = 8  # so many wrong ones are told; the rest are counted
_CHUNK = 2_000  # names in one statement

# All that a list tells of a terminal: no cell, and no position.
LISTED: Sequence[ColumnElement[Any]] = (
    terminals.c.id, terminals.c.serial, terminals.c.kind, terminals.c.account_id, terminals.c.line_id,
    terminals.c.area_id, terminals.c.batch, terminals.c.state, terminals.c.holder,
    terminals.c.life_critical, terminals.c.name, terminals.c.public_key, terminals.c.quarantined_since,
    terminals.c.version,
)  # fmt: skip


class WrongState(Refused):
    """What is asked cannot be done to terminals in that state."""

    code = "wrong-state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which terminals are meant: those named, or all to which everything given here applies."""

    ids: Sequence[str] = ()
    batch: str | None = None
    account: str | None = None
    area: str | None = None
    state: State | None = None
    life_critical: bool | None = None

    def where(self) -> list[ColumnElement[bool]]:
        """Return the conditions, without the names."""
        plain = (
            (terminals.c.batch, self.batch), (terminals.c.account_id, self.account),
            (terminals.c.area_id, self.area), (terminals.c.state, self.state and self.state.value),
            (terminals.c.life_critical, self.life_critical),
        )  # fmt: skip
        return [column == value for column, value in plain if value is not None]


def find_terminal(tx: Tx, terminal: str, action: str = "terminal.read") -> Row[Any]:
    """Return a terminal's row, without its cell; raises NotFound with the nearest names, and Forbidden."""
    row = tx.conn.execute(select(*LISTED).where(terminals.c.id == terminal)).one_or_none()
    if row is None:
        raise _unknown(tx, [terminal])
    tx.require(action, row.area_id)
    return row


def choose(tx: Tx, which: Selection, action: str) -> list[Row[Any]]:
    """Return the terminals that are meant, by name, all of which the actor may act on.

    Raises NotFound for a name that is none, BadInput where nothing or too much is meant, and Forbidden.
    """
    conditions = which.where()
    if not (which.ids or which.batch or which.account):
        raise BadInput("it is not said which terminals", "name them, or give --batch or --account")
    if which.batch is not None:
        find_batch(tx, which.batch)
    query = select(*LISTED).where(*conditions)
    rows = _named(tx, query, which) if which.ids else list(tx.conn.execute(query))
    if not rows:
        raise BadInput("there are no such terminals", "see `openleo terminal list` with the same options")
    if len(rows) > MOST_TERMINALS:
        raise BadInput(
            f"{len(rows):,} terminals are more than the {MOST_TERMINALS:,} of one decision",
            "take fewer at a time, for instance by --batch",
        )
    for area in sorted({row.area_id for row in rows}, key=lambda a: a or ""):
        tx.require(action, area)
    return sorted(rows, key=lambda row: str(row.id))


def _named(tx: Tx, query: Select[Any], which: Selection) -> list[Row[Any]]:
    """Return the rows of the names, all of which must be there and fit the other conditions."""
    wanted = sorted(set(which.ids))
    rows = [r for part in chunks(wanted) for r in tx.conn.execute(query.where(terminals.c.id.in_(part)))]
    missing = sorted(set(wanted) - {row.id for row in rows})
    if missing:
        raise _unknown(tx, missing)
    return rows


def _unknown(tx: Tx, missing: Sequence[str]) -> NotFound:
    near = (
        select(terminals.c.id).where(terminals.c.id.startswith(missing[0][:3], autoescape=True)).limit(2000)
    )
    hint = did_you_mean(missing[0], tx.conn.execute(near).scalars())
    if "known" in hint or "none" in hint:
        hint = "see `openleo terminal list`"
    if len(missing) == 1:
        return NotFound(f"there is no terminal {missing[0]!r} that this is about", hint)
    return NotFound(f"there are no terminals {told(missing)} that this is about", hint)


def list_terminals(
    tx: Tx, which: Selection, *, suspect: bool = False, limit: int = 1000, after: str = ""
) -> list[Row[Any]]:
    """Return the terminals that the actor may see, by name, past ``after``, and whose place is doubted."""
    doubted = func.coalesce(positions.c.state, "in_area").label("where")
    query = (
        select(*LISTED, doubted)
        .join_from(terminals, positions, positions.c.terminal_id == terminals.c.id, isouter=True)
        .where(*which.where(), *_seen_by(tx), terminals.c.id > after)
        .order_by(terminals.c.id)
        .limit(limit)
    )
    if suspect:
        query = query.where(positions.c.state == "suspect")
    if which.ids:
        query = query.where(terminals.c.id.in_(which.ids))
    return list(tx.conn.execute(query))


def count_by_state(tx: Tx, which: Selection) -> dict[str, int]:
    """Return how many terminals that the actor may see are in each state, in the order of their life."""
    query = (
        select(terminals.c.state, func.count())
        .where(*which.where(), *_seen_by(tx))
        .group_by(terminals.c.state)
    )
    found = {row[0]: int(row[1]) for row in tx.conn.execute(query)}
    return {state.value: found[state] for state in State if state in found}


def _seen_by(tx: Tx) -> list[ColumnElement[bool]]:
    within = scope(tx.conn, tx.actor.id, "terminal.read")
    return [] if within is None else [terminals.c.area_id.in_(within)]


def find_batch(tx: Tx, batch: str) -> Row[Any]:
    """Return a batch's row; raises NotFound with the nearest names."""
    row = tx.conn.execute(select(batches).where(batches.c.id == batch)).one_or_none()
    if row is None:
        known = tx.conn.execute(select(batches.c.id)).scalars()
        raise NotFound(f"there is no batch {batch!r}", did_you_mean(batch, known))
    return row


def chunks(names: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut names into parts that a statement can hold."""
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]


def told(names: Iterable[str]) -> str:
    """Return names in words: some of them, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def last_slots(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    """Return, for each terminal about which something acts from a slot, the latest such slot."""
    query = (
        select(facts.c.subject, func.max(facts.c.slot))
        .where(facts.c.noun == "terminal", facts.c.slot.is_not(None))
        .group_by(facts.c.subject)
    )
    found: dict[str, int] = {}
    for part in chunks(ids):
        for name, slot in tx.conn.execute(query.where(facts.c.subject.in_(part))):
            found[name] = slot
    return found


def slot_for(tx: Tx, ids: Sequence[str], asked: datetime | None) -> int:
    """Return the one slot from which a decision on all of these acts: the latest that any allows."""
    latest = max(last_slots(tx, ids).values(), default=None)
    return tx.network.effective_slot(asked, now=tx.now, after=latest)


def quiet_slot(tx: Tx, ids: Sequence[str]) -> int:
    """Return the slot of a change that serves or cuts off nobody, such as a shipment.

    In a simulated network, whose time is not ours, it stands where the last one did, so that an activation
    may still be at any time after that.
    """
    if tx.network.timeless:
        return max(last_slots(tx, ids).values(), default=0)
    return slot_for(tx, ids, None)
