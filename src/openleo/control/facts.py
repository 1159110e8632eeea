"""Facts: what a decision changes, in the words of the decided tables.

A fact is (noun, id, changes, slot): "area kherson: switch off, from slot N".  Applying one writes its columns
into the row of that id, made where it is missing; folding all facts in the order of the log gives the tables
again, which is how `fsck` knows that nothing changed without a decision.  A fact with a slot is a rule's:
`control.rules` folds those that act by a slot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from openleo.base.instants import instant_text
from openleo.control.schema import DECIDED, facts

# Built once: each decision asks them, and building one takes longer than its answer.
_LAST_SLOT = (
    select(facts.c.slot)
    .where(
        facts.c.noun == bindparam("of_noun"), facts.c.subject == bindparam("of"), facts.c.slot.is_not(None)
    )
    .order_by(facts.c.slot.desc())
    .limit(1)
)
_NEW_FACTS = insert(facts)
_CHANGE = {noun: update(table).where(table.c.id == bindparam("of")) for noun, table in DECIDED.items()}
_MAKE = {noun: insert(table) for noun, table in DECIDED.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One change that a decision makes; ``slot`` is the first it acts in, None for what is no rule.

    ``changes`` are columns of the noun's table, as JSON holds them (instants become text).  ``new`` says that
    the row is not there yet.
    """

    noun: str
    id: str
    changes: Mapping[str, Any]
    slot: int | None = None
    new: bool = False

    def __post_init__(self) -> None:
        unknown = self.changes.keys() - DECIDED[self.noun].c.keys()
        assert not unknown - {"id"}, f"{self.noun} has no columns {unknown}"
        assert "id" not in self.changes, "an id never changes"

    def plain(self) -> dict[str, Any]:
        """Return the changes as JSON holds them."""
        return {k: instant_text(v) if isinstance(v, datetime) else v for k, v in self.changes.items()}


def apply_facts(conn: Connection, found: Sequence[Fact]) -> None:
    """Write facts into the decided tables, in order; runs of new rows of one shape go in one statement."""
    for (noun, new, _), run in groupby(found, key=lambda f: (f.noun, f.new, tuple(f.changes))):
        if new:
            conn.execute(_MAKE[noun], [{"id": f.id, **f.changes} for f in run])
            continue
        for fact in run:
            changed = conn.execute(_CHANGE[noun], {"of": fact.id, **fact.changes})
            assert changed.rowcount == 1, f"there is no {noun} {fact.id} to change"


def write_facts(conn: Connection, index: int, found: Sequence[Fact]) -> None:
    """Write facts beside the log entry ``index`` that decided them."""
    if found:
        conn.execute(
            _NEW_FACTS,
            [
                {
                    "index": index, "n": n, "noun": f.noun, "subject": f.id, "slot": f.slot,
                    "changes": f.plain(),
                }
                for n, f in enumerate(found)
            ],
        )  # fmt: skip


def read_facts(conn: Connection, nouns: Iterable[str] = ()) -> list[tuple[int, Fact]]:
    """Return (entry index, fact) of these nouns (default: all) in the order of the log."""
    query = select(facts).order_by(facts.c.index, facts.c.n)
    wanted = list(nouns)
    if wanted:
        query = query.where(facts.c.noun.in_(wanted))
    return [
        (row["index"], Fact(noun=row["noun"], id=row["subject"], changes=row["changes"], slot=row["slot"]))
        for row in conn.execute(query).mappings()
    ]


def fold(found: Iterable[Fact]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return noun -> id -> columns as these facts, in order, leave them."""
    state: dict[str, dict[str, dict[str, Any]]] = {noun: {} for noun in DECIDED}
    for fact in found:
        state[fact.noun].setdefault(fact.id, {}).update(fact.plain())
    return state


def last_slot(conn: Connection, noun: str, subject: str) -> int | None:
    """Return the latest slot at which a fact of this subject acts, or None."""
    found: int | None = conn.execute(_LAST_SLOT, {"of_noun": noun, "of": subject}).scalar()
    return found
