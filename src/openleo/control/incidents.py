"""Incidents of trust: two devices with one identity, and many terminals drawn to one place they are not at.

They are records, not decisions: nobody is cut off by one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from openleo.base.errors import BadInput, did_you_mean
from openleo.control.authorize import scope
from openleo.control.moved import GAP, MANY, places_near
from openleo.control.plane import Tx
from openleo.control.schema import incidents

CLONE, CAPTURED, SPOOFING, DOUBT = "clone", "captured", "gnss-spoofing", "gnss-doubt"
KINDS = (CLONE, CAPTURED, SPOOFING, DOUBT)
_EXAMPLES = 20  # terminals named in an incident
_EVERY = timedelta(minutes=1)  # an end that moves by less is not written


def note_one(tx: Tx, kind: str, terminal: Row[Any], at: datetime, said: Mapping[str, Any]) -> str:
    """Open or go on with the one incident of a kind that a terminal has; ``said`` joins its latest words."""
    row = tx.conn.execute(
        select(incidents).where(incidents.c.kind == kind, incidents.c.key == terminal.id)
    ).one_or_none()
    if row is None:
        details = {"terminals": 1, "areas": [terminal.area_id], "times": 1, "latest": [dict(said)]}
        return _open(tx, kind, terminal.id, at, details)
    details = {
        **row.details, "times": row.details["times"] + 1,
        "latest": [*row.details["latest"], dict(said)][-_EXAMPLES:],
    }  # fmt: skip
    _go_on(tx, row, at, details=details)
    return str(row.id)


def drawn_to(tx: Tx, terminal: Row[Any], place: int, at: datetime, *, before: str | None) -> str:
    """Count a terminal that says it is at a place where the network knows it is not; return the incident.

    ``before`` is the incident in which it was counted last.  From `MANY` terminals on it is one of spoofing.
    """
    near = places_near(place)
    open_ones: list[Row[Any]] = list(
        tx.conn.execute(
            select(incidents)
            .where(incidents.c.kind.in_((SPOOFING, DOUBT)), incidents.c.until_at >= at - GAP)
            .order_by(incidents.c.from_at)
        )
    )
    row = next((r for r in open_ones if int(r.details["place"], 16) in near and r.from_at <= at + GAP), None)
    if row is None:
        details = {
            "terminals": 1, "areas": [terminal.area_id], "place": f"{place:x}", "examples": [terminal.id]
        }  # fmt: skip
        return _open(tx, DOUBT, f"{place:x} {at:%Y-%m-%dT%H:%M:%SZ}", at, details)
    if row.id == before:
        if at - row.until_at >= _EVERY:
            _go_on(tx, row, at)
        return str(row.id)
    old = row.details
    count: int = old["terminals"] + 1
    details = {
        **old, "terminals": count,
        "areas": sorted({*old["areas"], terminal.area_id}, key=lambda a: a or ""),
        "examples": [*old["examples"], terminal.id][:_EXAMPLES],
    }  # fmt: skip
    _go_on(tx, row, at, kind=SPOOFING if count >= MANY else row.kind, details=details)
    return str(row.id)


def _open(tx: Tx, kind: str, key: str, at: datetime, details: Mapping[str, Any]) -> str:
    count = tx.conn.execute(select(func.count()).select_from(incidents)).scalar_one()
    made = {"id": f"i-{count + 1}", "kind": kind, "key": key, "details": details}
    tx.conn.execute(insert(incidents).values(**made, from_at=at, until_at=at))
    return f"i-{count + 1}"


def _go_on(tx: Tx, row: Row[Any], at: datetime, **changes: Any) -> None:
    """Write what changed in an incident, and that it lasted until now at least."""
    ends = {"from_at": min(row.from_at, at), "until_at": max(row.until_at, at)}
    tx.conn.execute(update(incidents).where(incidents.c.id == row.id).values(**ends, **changes))


def list_incidents(tx: Tx, *, kind: str | None = None, doubts: bool = False) -> list[Row[Any]]:
    """Return the incidents all of whose areas the actor may see, newest first; doubts where asked for."""
    if kind is not None and kind not in KINDS:
        raise BadInput(f"there are no incidents of kind {kind!r}", did_you_mean(kind, KINDS))
    query = select(incidents).order_by(incidents.c.until_at.desc(), incidents.c.id)
    if kind is not None:
        query = query.where(incidents.c.kind == kind)
    elif not doubts:
        query = query.where(incidents.c.kind != DOUBT)
    within = scope(tx.conn, tx.actor.id, "incident.read")
    found: list[Row[Any]] = list(tx.conn.execute(query))
    return [row for row in found if within is None or set(row.details["areas"]) <= set(within)]
