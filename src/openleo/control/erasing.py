"""Erasing what an entry of the log holds: its values and salts are destroyed, and proofs still hold.

A commitment without its salt tells nothing.  The ``body`` repeats every other field, so it goes with any of
them; the free text in the entry's facts goes too, here and in the tables.  What was erased is itself a
decision, ``log.erased``, which names the fields and not their values.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.control.areas import NotFound
from openleo.control.facts import read_facts
from openleo.control.ledger import Decision
from openleo.control.log import FIELDS_V1
from openleo.control.plane import Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import DECIDED, entries, entry_fields, facts

ERASED = "[erased]"
KIND = "log.erased"
# Free text that people write; everything else in facts is what service follows from, and stays.
FREE_TEXT: Mapping[str, frozenset[str]] = {
    "account": frozenset({"title", "reason"}), "list": frozenset({"reason"}), "area": frozenset({"title"}),
    "plan": frozenset({"title"}), "request": frozenset({"reason", "answer"}),
    "terminal": frozenset({"holder", "name"}),
}  # fmt: skip


class NotErasable(Refused):
    """What says that something was erased stays."""

    code = "not-erasable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased of an entry; ``repeated_in`` are other entries that still hold the same free text."""

    index: int
    fields: Sequence[str]
    repeated_in: Sequence[int]
    log_index: int


def erase(tx: Tx, index: int, fields: Collection[str], *, reason: str) -> Erased:
    """Destroy chosen fields of an entry, with their salts, for good; the store's file forgets on `settle`."""
    tx.require("store.manage")
    if not reason.strip():
        raise NeedsReason("an erasure says why", f"openleo control erase {index} --reason '...'")
    unknown = sorted(set(fields) - set(FIELDS_V1))
    if unknown or not fields:
        raise BadInput(
            f"an entry has no field {unknown[0]!r}" if unknown else "it is not said what to erase",
            did_you_mean(unknown[0] if unknown else "", FIELDS_V1),
        )
    kind = tx.conn.execute(select(entries.c.kind).where(entries.c.index == index)).scalar()
    if kind is None:
        raise NotFound(f"the log has no entry {index}", "see `openleo log show`")
    if kind == KIND:
        raise NotErasable(f"entry {index} says what was erased, and stays", "leave it out")
    chosen = [name for name in FIELDS_V1 if name in fields or name == "body"]
    texts = _redact(tx.conn, index)
    here = (entry_fields.c.index == index) & entry_fields.c.name.in_(chosen)
    tx.conn.execute(update(entry_fields).where(here).values(salt=None, value=None))
    repeated = _repeated(tx.conn, index, texts)
    done = tx.record(
        Decision(kind=KIND, action="erased", reason=reason, facts=[], more={"entry": index, "fields": chosen})
    )
    return Erased(index=index, fields=chosen, repeated_in=repeated, log_index=done)


def erased_fields(conn: Connection) -> dict[int, set[str]]:
    """Return entry -> the fields that decisions say were erased."""
    query = (
        select(entry_fields.c.value)
        .join(entries, entries.c.index == entry_fields.c.index)
        .where(entries.c.kind == KIND, entry_fields.c.name == "body")
    )
    found: dict[int, set[str]] = {}
    for value in conn.execute(query).scalars():
        more = json.loads(value)["more"] if value else {}
        found.setdefault(int(more.get("entry", -1)), set()).update(more.get("fields", ()))
    return found


def _redact(conn: Connection, index: int) -> set[str]:
    """Take the free text out of an entry's facts, and out of rows that still show it; return that text."""
    texts: set[str] = set()
    rows = conn.execute(select(facts).where(facts.c.index == index).order_by(facts.c.n)).all()
    for row in rows:
        free = {k: v for k, v in row.changes.items() if k in FREE_TEXT.get(row.noun, ()) and v}
        if not free:
            continue
        texts.update(map(str, free.values()))
        changes = {**row.changes, **dict.fromkeys(free, ERASED)}
        place = (facts.c.index == index) & (facts.c.n == row.n)
        conn.execute(update(facts).where(place).values(changes=changes))
        _again(conn, row.noun, row.subject, free)
    return texts


def _again(conn: Connection, noun: str, subject: str, columns: Collection[str]) -> None:
    """Write columns of a row anew, as its facts now leave them."""
    left: dict[str, Any] = {}
    for _, fact in read_facts(conn, [noun]):
        if fact.id == subject:
            left.update({k: v for k, v in fact.changes.items() if k in columns})
    table = DECIDED[noun]
    conn.execute(update(table).where(table.c.id == subject).values(**left))


def _repeated(conn: Connection, index: int, texts: Collection[str]) -> list[int]:
    found: set[int] = set()
    for text in texts:
        written = json.dumps(text, ensure_ascii=False)[1:-1]
        holds = entry_fields.c.value.contains(written, autoescape=True)
        query = select(entry_fields.c.index).where(holds, entry_fields.c.index != index)
        found.update(conn.execute(query).scalars())
    return sorted(found)
