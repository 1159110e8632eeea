"""What accounts, plans, service lines and lists share: finding a row, making one, changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from openleo.base.errors import BadInput, did_you_mean
from openleo.control.areas import Exists, NotFound, check_name
from openleo.control.facts import Fact
from openleo.control.ledger import Decision
from openleo.control.plane import Tx
from openleo.control.schema import DECIDED
from openleo.ground.countries import country_hint, iso_code

_CALLED = {"line": "service line"}
_ARTICLE = {"account": "an"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is written beside a change: its kind, why, when it is to act, and what was signed for it."""

    kind: str
    reason: str = ""
    effective: datetime | None = None
    account: str | None = None
    cut: Sequence[str] = ()
    text: str = ""
    signatures: Mapping[str, str] = field(default_factory=dict)


def find(conn: Connection, noun: str, name: str) -> Row[Any]:
    """Return a row; raises NotFound with the nearest names."""
    table = DECIDED[noun]
    row = conn.execute(select(table).where(table.c.id == name)).one_or_none()
    if row is None:
        known = conn.execute(select(table.c.id)).scalars().all()
        raise NotFound(f"there is no {_CALLED.get(noun, noun)} {name!r}", did_you_mean(name, known))
    return row


def listed(tx: Tx, noun: str) -> Sequence[Row[Any]]:
    """Return all accounts, plans, lines or lists, by name."""
    tx.require("account.read")
    table = DECIDED[noun]
    return tx.conn.execute(select(table).order_by(table.c.id)).all()


def make(tx: Tx, noun: str, name: str, columns: Mapping[str, Any], note: Note) -> int:
    """Write a new row by a decision, and return the slot from which it acts.

    In a simulated network, whose time is not ours, that is the first slot unless another is named.
    """
    one = f"{_ARTICLE.get(noun, 'a')} {_CALLED.get(noun, noun)}"
    check_name(one, name)
    table = DECIDED[noun]
    if tx.conn.execute(select(table.c.id).where(table.c.id == name)).first():
        raise Exists(f"there is {one} {name} already", "take another name, or change it")
    slot = tx.effective_slot(note.effective, noun, name)
    if note.effective is None and tx.network.timeless:
        slot = 0
    _record(tx, Fact(noun=noun, id=name, changes={**columns, "version": 1}, slot=slot, new=True), note)
    return slot


def change(tx: Tx, noun: str, row: Row[Any], changes: Mapping[str, Any], note: Note) -> tuple[int, int]:
    """Change a row by a decision; return the slot from which that acts, and the log's entry."""
    slot = tx.effective_slot(note.effective, noun, row.id)
    fact = Fact(noun=noun, id=row.id, changes={**changes, "version": row.version + 1}, slot=slot)
    return slot, _record(tx, fact, note)


def check_country(code: str) -> str:
    """Return a country's code in capitals; raises BadInput where it is none."""
    if iso_code(code) != code.upper():
        raise BadInput(f"{code!r} is no country code", country_hint(code))
    return code.upper()


def check_positive(name: str, value: float | None) -> None:
    """Raise BadInput for a limit that is not above zero."""
    if value is not None and not 0 < value < 1e6:
        raise BadInput(f"{name} {value:g} is not between 0 and 1,000,000", "give a number above zero")


def _record(tx: Tx, fact: Fact, note: Note) -> int:
    also = sorted({signed.partition(" ")[2] for signed in note.signatures} - {tx.actor.id})
    return tx.record(
        Decision(
            kind=note.kind, action=note.kind.partition(".")[2], account=note.account, reason=note.reason,
            facts=[fact], effective_slot=fact.slot, terminals=sorted(note.cut), signed=note.text,
            signatures=note.signatures, also_by=also,
        )
    )  # fmt: skip
