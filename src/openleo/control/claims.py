"""Claims: what outsiders say, with who said it and where.  They stand beside decisions and are none.

A claim changes nothing, is in no log, and is shown under its own heading wherever decisions are shown.  What
becomes of it (denied, corroborated by telemetry) is written in turns, each with who changed it and a source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from openleo.base.errors import BadInput, did_you_mean
from openleo.control import authorize
from openleo.control.areas import NotFound, find_area, need_version
from openleo.control.plane import Tx
from openleo.control.schema import claim_turns, claims, entries

HEADING = "Claims by others (these are not decisions)"


class Status(StrEnum):
    """What is held of a claim so far."""

    ASSERTED = "asserted"
    DENIED = "denied"
    CORROBORATED = "corroborated"

    @property
    def label(self) -> str:
        """The status as people read it."""
        return "corroborated by telemetry" if self is Status.CORROBORATED else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClaim:
    """What somebody outside said.  ``about_entry`` is the log's entry that it contradicts."""

    said_by: str
    text: str
    source: str
    said_on: date
    area_id: str | None = None
    about_entry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of a claim's status: whose, when, why, and by what source."""

    status: Status
    by: str
    at: datetime
    note: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim as it stands, with its turns, oldest first."""

    id: str
    said_by: str
    text: str
    source: str
    said_on: date
    status: Status
    area_id: str | None
    about_entry: int | None
    recorded_by: str
    recorded_at: datetime
    version: int
    turns: Sequence[Turn] = ()


def record_claim(tx: Tx, new: NewClaim) -> Claim:
    """Write down what somebody outside said; one about an entry is about that entry's area too."""
    area_id = _area_of(tx, new)
    tx.require("claim.write", area_id)
    for name, value in (("who said it", new.said_by), ("text", new.text), ("source", new.source)):
        if not value.strip():
            raise BadInput(f"a claim without {name}", "say who said what, and where it can be found")
    if new.said_on > tx.now.date():
        raise BadInput(
            f"the claim is of {new.said_on}, which is after today, {tx.now.date()}", "mend the date"
        )
    number = tx.conn.execute(select(func.count()).select_from(claims)).scalar_one() + 1
    tx.conn.execute(
        insert(claims).values(
            id=f"c-{number}", said_by=new.said_by, text=new.text, source=new.source,
            said_on=new.said_on.isoformat(), status=Status.ASSERTED.value, area_id=area_id,
            about_entry=new.about_entry, recorded_by=tx.actor.id, recorded_at=tx.now, version=1,
        )
    )  # fmt: skip
    return _load(tx, f"c-{number}")


def turn_claim(
    tx: Tx, claim_id: str, status: Status, *, note: str, source: str, version: int | None = None
) -> Claim:
    """Write down what became of a claim: who denies it, or what telemetry shows it to be so."""
    row = _row(tx, claim_id, action="claim.write")
    need_version("claim", row, version)
    if not note.strip() or not source.strip():
        raise BadInput(
            f"{claim_id} cannot become {status.label} without a note and a source",
            "say why with --note and by what with --source (a URL, a citation, a run)",
        )
    n = tx.conn.execute(
        select(func.count()).select_from(claim_turns).where(claim_turns.c.claim_id == claim_id)
    ).scalar_one()
    tx.conn.execute(
        insert(claim_turns).values(
            claim_id=claim_id, n=n, status=status.value, by=tx.actor.id, at=tx.now, note=note, source=source
        )
    )
    tx.conn.execute(
        update(claims)
        .where(claims.c.id == claim_id, claims.c.version == row.version)
        .values(status=status.value, version=row.version + 1)
    )
    return _load(tx, claim_id)


def find_claim(tx: Tx, claim_id: str) -> Claim:
    """Return a claim that the actor may read; raises NotFound."""
    _row(tx, claim_id, action="claim.read")
    return _load(tx, claim_id)


def list_claims(
    tx: Tx, *, area_id: str | None = None, about_entry: int | None = None, status: Status | None = None
) -> list[Claim]:
    """Return the claims that the actor may read, newest first; one about no area takes the whole network.

    With ``area_id`` those about that area alone.
    """
    query = select(claims).order_by(claims.c.said_on.desc(), claims.c.recorded_at.desc(), claims.c.id)
    for column, wanted in (
        (claims.c.area_id, area_id), (claims.c.about_entry, about_entry), (claims.c.status, status),
    ):  # fmt: skip
        if wanted is not None:
            query = query.where(column == wanted)
    within = authorize.scope(tx.conn, tx.actor.id, "claim.read")
    if within is not None:
        query = query.where(claims.c.area_id.in_(within))
    found = tx.conn.execute(query).all()
    turns = _turns(tx, [row.id for row in found])
    return [_claim(row, turns.get(row.id, [])) for row in found]


def _area_of(tx: Tx, new: NewClaim) -> str | None:
    if new.area_id is not None:
        find_area(tx.conn, new.area_id)
    if new.about_entry is None:
        return new.area_id
    row = tx.conn.execute(select(entries.c.area_id).where(entries.c.index == new.about_entry)).one_or_none()
    if row is None:
        raise NotFound(f"the log has no entry {new.about_entry}", "see `openleo log list`")
    if None not in (new.area_id, row.area_id) and new.area_id != row.area_id:
        raise BadInput(
            f"entry {new.about_entry} is about area {row.area_id}, and the claim is about {new.area_id}",
            "leave --area out, or name the entry that the claim contradicts",
        )
    found: str | None = new.area_id or row.area_id
    return found


def _row(tx: Tx, claim_id: str, *, action: str) -> Row[Any]:
    """Return a claim's row; to those who may not read it, it is not there."""
    row = tx.conn.execute(select(claims).where(claims.c.id == claim_id)).one_or_none()
    may_read = row is not None and any(
        authorize.authorize(tx.conn, tx.actor.id, one, row.area_id).allowed
        for one in ("claim.read", "claim.write")
    )
    if row is None or not may_read:
        known = [claim.id for claim in list_claims(tx)]
        raise NotFound(f"there is no claim {claim_id!r}", did_you_mean(claim_id, known))
    tx.require(action, row.area_id)
    return row


def _load(tx: Tx, claim_id: str) -> Claim:
    row = tx.conn.execute(select(claims).where(claims.c.id == claim_id)).one()
    return _claim(row, _turns(tx, [claim_id]).get(claim_id, []))


def _turns(tx: Tx, claim_ids: Sequence[str]) -> dict[str, list[Turn]]:
    found: dict[str, list[Turn]] = {}
    query = (
        select(claim_turns)
        .where(claim_turns.c.claim_id.in_(claim_ids))
        .order_by(claim_turns.c.claim_id, claim_turns.c.n)
    )
    for row in tx.conn.execute(query):
        turn = Turn(status=Status(row.status), by=row.by, at=row.at, note=row.note, source=row.source)
        found.setdefault(row.claim_id, []).append(turn)
    return found


def _claim(row: Row[Any], turns: Sequence[Turn]) -> Claim:
    return Claim(
        id=row.id, said_by=row.said_by, text=row.text, source=row.source,
        said_on=date.fromisoformat(row.said_on), status=Status(row.status), area_id=row.area_id,
        about_entry=row.about_entry, recorded_by=row.recorded_by, recorded_at=row.recorded_at,
        version=row.version, turns=tuple(turns),
    )  # fmt: skip
