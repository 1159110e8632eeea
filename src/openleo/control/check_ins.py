"""What a terminal says of itself, signed with its key: it is alive, and where.

A revoked terminal's next word is refused.  A captured one's is kept as evidence, and it is not served.  Two
devices with one key are found by their words: a device that began a new boot never speaks from an old one.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from openleo.base.errors import BadInput, Refused
from openleo.base.instants import instant_text
from openleo.control.areas import check_name
from openleo.control.canonical import canonical
from openleo.control.incidents import CAPTURED, CLONE, note_one
from openleo.control.inventory import LISTED
from openleo.control.keys import BadSignature, is_signed
from openleo.control.life import CODES, State
from openleo.control.moved import Evidence
from openleo.control.plane import Tx
from openleo.control.positions import note_position
from openleo.control.schema import check_ins, terminals

SKEW = timedelta(days=1)  # so far a terminal's clock may be off
KEPT = timedelta(days=30)  # boots that were silent for longer are forgotten
TURNS = 2  # so often two boots speak in turn before it is told: a clock that was set once does it once
MOST_SEQ = 2**63 - 1


class Revoked(Refused):
    """The terminal was revoked: it is not listened to."""

    code = "revoked"


class ClockOff(Refused):
    """The terminal's clock is more than a day off."""

    code = "clock-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """A word: the ``seq``-th of a boot, said ``at``, with a position in degrees where one is told."""

    terminal: str
    boot: str
    seq: int
    at: datetime
    position: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_name("a boot", self.boot)
        if not 0 <= self.seq <= MOST_SEQ:
            raise BadInput(f"{self.seq} numbers no word", "a boot's words are numbered from 0")
        if self.position is not None and not _is_place(*self.position):
            raise BadInput("this is no position", "latitudes are within 90 degrees, longitudes within 180")

    def to_sign(self) -> bytes:
        """Return the bytes that the terminal's key signs."""
        return b"openleo/check-in/v1\n" + canonical(
            {
                "terminal": self.terminal, "boot": self.boot, "seq": self.seq, "at": instant_text(self.at),
                "position": None if self.position is None else list(self.position),
            }
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The answer: whether it may be served (area and account allowing), and what its API shows if not.

    ``fresh`` is False where this word, or a later one of that boot, was heard before.
    """

    served: bool
    code: str
    fresh: bool
    quarantined: bool = False


def check_in(tx: Tx, said: CheckIn, *, signature: str, evidence: Evidence | None = None) -> Heard:
    """Take a terminal's word.  ``evidence`` is what the network saw of it, never the terminal's own word.

    Raises BadSignature (in the same words for a terminal that is not known), ClockOff and Revoked.  A
    captured terminal's word is kept as quarantined evidence and answered with ``served`` False.
    """
    row: Row[Any] | None = tx.conn.execute(
        select(*LISTED).where(terminals.c.id == said.terminal)
    ).one_or_none()
    if row is None or not is_signed(row.public_key, said.to_sign(), signature):
        raise BadSignature(
            "this is not the word of a terminal that is known here",
            "enrol its key with a claim code, and have an operator accept it",
        )
    state = State(row.state)
    if state is State.REVOKED:
        raise Revoked(f"{row.id} was revoked", "whoever runs the network can restore it")
    if abs(said.at - tx.now) > SKEW:
        raise ClockOff(
            f"{row.id} says it is {instant_text(said.at)}, and it is {instant_text(tx.now)}",
            "set its clock: more than a day off is not believed",
        )
    fresh = _heard_first(tx, row, said)
    at = min(said.at, tx.now)  # a clock that is ahead would have the last word for a day
    if state is State.CAPTURED:
        word = {"at": instant_text(said.at), "boot": said.boot, "seq": said.seq, "quarantined": True}
        if fresh:
            note_one(tx, CAPTURED, row, at, {**word, "position": said.position})
    elif fresh and said.position is not None:
        note_position(tx, row, at, said.position, evidence)
    return Heard(
        served=state is State.ACTIVE, code=CODES[state].name, fresh=fresh, quarantined=state is State.CAPTURED
    )


def _is_place(latitude_deg: float, longitude_deg: float) -> bool:
    finite = math.isfinite(latitude_deg) and math.isfinite(longitude_deg)
    return finite and abs(latitude_deg) <= 90.0 and abs(longitude_deg) <= 180.0


def _heard_first(tx: Tx, terminal: Row[Any], said: CheckIn) -> bool:
    """Keep a word as its boot's latest; tell whether it is, and find whether another device speaks too."""
    of_it = check_ins.c.terminal_id == terminal.id
    boots: dict[str, Row[Any]] = {row.boot: row for row in tx.conn.execute(select(check_ins).where(of_it))}
    old = boots.get(said.boot)
    if old is None:
        tx.conn.execute(delete(check_ins).where(of_it, check_ins.c.last_at < tx.now - KEPT))
        tx.conn.execute(
            insert(check_ins).values(
                terminal_id=terminal.id, boot=said.boot, seq=said.seq, first_at=said.at, last_at=said.at
            )
        )
        return True
    if said.at <= old.last_at and said.seq <= old.seq:
        return False  # said before, or overtaken on the way
    others = [row for name, row in boots.items() if name != said.boot]
    back = said.seq <= old.seq  # a number used twice, later: a clock that was set back does not do that
    in_turn = any(old.last_at < other.last_at < said.at for other in others)
    turns = old.interleaved + int(back or in_turn)
    tx.conn.execute(
        update(check_ins)
        .where(of_it, check_ins.c.boot == said.boot)
        .values(seq=max(said.seq, old.seq), last_at=max(said.at, old.last_at), interleaved=turns)
    )
    recent = [row.interleaved for row in others if row.last_at > said.at - SKEW]
    if (back or in_turn) and turns + sum(recent) >= TURNS:
        word = {"at": instant_text(said.at), "boots": sorted(boots), "boot": said.boot, "seq": said.seq}
        note_one(tx, CLONE, terminal, min(said.at, tx.now), word)
    return not back
