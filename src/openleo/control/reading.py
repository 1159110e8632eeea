"""What people are shown: how areas stand, requests and what was said of them, and the entries of the log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, false, select, true

from openleo.base.clock import slot_at, to_datetime64
from openleo.base.errors import did_you_mean
from openleo.control import authorize
from openleo.control.areas import NotFound
from openleo.control.facts import Fact, read_facts
from openleo.control.network import NetworkKind
from openleo.control.plane import Tx
from openleo.control.request import Request
from openleo.control.schema import entries, entry_fields, people, talk
from openleo.control.switching import find_request, list_requests

REQUEST_KINDS = "request."  # steps of requests: for those who may read requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an area stands now.

    ``own`` is its own switch; ``acts`` what holds in its cells, empty where nothing was said, by the switch
    of area ``via``.  ``next`` and ``next_slot`` are a switch that was decided and does not act yet.
    ``vendor`` says for an advisory area how far its vendor has come with ``wanted``, which acts only once it
    is observed.
    """

    own: str
    acts: str
    via: str | None
    next: str | None = None
    next_slot: int | None = None
    wanted: str | None = None
    vendor: str | None = None
    outside_time: bool = False

    @property
    def text(self) -> str:
        """Return it in a few words: "off", "on (by ukraine)", "not switched"."""
        text = self.acts or "not switched"
        if self.acts and self.via and self.own == "inherit":
            text += f" (by {self.via})"
        if self.outside_time:
            text += ", outside its time"
        if self.vendor is not None and self.vendor != "observed":
            text += f"; {self.wanted} {_VENDOR[self.vendor]}"
        return text


_VENDOR = {
    "decided": "decided, not sent to the vendor yet",
    "sent": "sent to the vendor, not acknowledged yet",
    "acknowledged": "acknowledged by the vendor, not observed yet",
    "observed": "observed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that was said of a request."""

    by: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the log, as those see it who may read it."""

    index: int
    kind: str
    area_id: str | None
    account_id: str | None
    by: str | None
    decided_at: datetime
    embargo_until: datetime | None


def may(tx: Tx, action: str, area_id: str | None) -> bool:
    """Tell whether the actor may do something there."""
    return authorize.authorize(tx.conn, tx.actor.id, action, area_id).allowed


def read_request(tx: Tx, request_id: str) -> Request:
    """Return a request that is the actor's own or that the actor may read; to others it is not there."""
    found = {request.id: request for request in list_requests(tx)}
    if request_id not in found:
        raise NotFound(f"there is no request {request_id!r}", did_you_mean(request_id, found))
    return find_request(tx, request_id)


def talk_of(tx: Tx, request: Request) -> list[Remark]:
    """Return what reviewers said of a request: nothing to those who may not read it."""
    if not may(tx, "request.read", request.area_id):
        return []
    rows = tx.conn.execute(select(talk).where(talk.c.request_id == request.id).order_by(talk.c.n))
    return [Remark(by=row.by, at=row.at, text=row.text) for row in rows]


def approvers(tx: Tx, request: Request) -> list[str]:
    """Return who could be the second person: those with the right who are neither who asked nor proposed."""
    first = {p.human for p in (request.asked_by, request.proposed_by) if p is not None}
    humans = {row.id: row.human for row in tx.conn.execute(select(people.c.id, people.c.human))}
    able = authorize.who_can(tx.conn, "decide.approve", request.area_id)
    return [name for name, _ in able if humans[name] not in first]


def list_entries(
    tx: Tx,
    *,
    area_id: str | None = None,
    kind: str = "",
    limit: int | None = None,
    decisions_only: bool = False,
    before: int | None = None,
) -> list[Entry]:
    """Return the entries that the actor may read, newest first; steps of requests only to their readers.

    ``area_id``: of that area alone.  ``kind``: those that begin so.  ``before``: those with a lower index.
    """
    query = select(entries).where(_readable(tx)).order_by(entries.c.index.desc())
    if area_id is not None:
        query = query.where(entries.c.area_id == area_id)
    if kind:
        query = query.where(entries.c.kind.startswith(kind, autoescape=True))
    if before is not None:
        query = query.where(entries.c.index < before)
    if decisions_only:
        query = query.where(~entries.c.kind.startswith(REQUEST_KINDS, autoescape=True))
    return [_entry(row) for row in tx.conn.execute(query.limit(limit))]


def read_entry(tx: Tx, index: int) -> tuple[Entry, dict[str, Any]]:
    """Return an entry and its fields, without those that are absent or erased; raises NotFound."""
    row = tx.conn.execute(select(entries).where(entries.c.index == index, _readable(tx))).one_or_none()
    if row is None:
        raise NotFound(f"there is no entry {index} that you may read", "see `openleo log list`")
    found = tx.conn.execute(
        select(entry_fields.c.name, entry_fields.c.value).where(entry_fields.c.index == index)
    )
    values = {row.name: row.value for row in found if row.value is not None}
    return _entry(row), {
        name: value if name == "embargo" else json.loads(value) for name, value in values.items()
    }


def standings(tx: Tx, rows: Sequence[Row[Any]]) -> dict[str, Standing]:
    """Return how areas stand in the present slot; in a simulated network, by the last decision."""
    slot = None
    if not tx.network.timeless:
        slot = slot_at(to_datetime64(tx.network.time(tx.now)))
    state: dict[str, dict[str, Any]] = {}
    coming: dict[str, Fact] = {}
    for _, fact in read_facts(tx.conn, ["area"]):
        if slot is None or fact.slot is None or fact.slot <= slot:
            state.setdefault(fact.id, {}).update(fact.changes)
        elif "switch" in fact.changes:
            coming[fact.id] = fact
    return {row.id: _standing(row, state, coming.get(row.id), slot) for row in rows}


def tree_of(rows: Sequence[Row[Any]]) -> list[tuple[int, Row[Any]]]:
    """Return areas as a tree, each with its depth; an area whose parent is not among them is a root."""
    here = {row.id for row in rows}
    children: dict[str | None, list[Row[Any]]] = {}
    for row in rows:
        children.setdefault(row.parent_id if row.parent_id in here else None, []).append(row)
    out: list[tuple[int, Row[Any]]] = []
    waiting = [(0, row) for row in reversed(children.get(None, []))]
    while waiting:
        depth, row = waiting.pop()
        out.append((depth, row))
        waiting += [(depth + 1, child) for child in reversed(children.get(row.id, []))]
    return out


def open_requests(tx: Tx, area_id: str) -> list[Request]:
    """Return the open requests about an area that the actor may read."""
    return list_requests(tx, open_only=True, area_id=area_id)


def _standing(
    row: Row[Any], state: Mapping[str, Mapping[str, Any]], coming: Fact | None, slot: int | None
) -> Standing:
    own = state.get(row.id, {})
    via: str | None = row.id
    seen: set[str] = set()
    while via is not None and state.get(via, {}).get("switch", "inherit") == "inherit" and via not in seen:
        seen.add(via)
        via = state.get(via, {}).get("parent_id")
    first, end = own.get("valid_from_slot"), own.get("valid_until_slot")
    outside = slot is not None and ((first is not None and slot < first) or (end is not None and slot >= end))
    advisory = row.kind == NetworkKind.ADVISORY
    return Standing(
        own=own.get("switch", "inherit"), via=via,
        acts="" if via is None or outside else str(state.get(via, {}).get("switch", "")),
        next=None if coming is None else coming.changes["switch"],
        next_slot=None if coming is None else coming.slot, outside_time=outside,
        wanted=row.wanted if advisory else None, vendor=row.vendor if advisory else None,
    )  # fmt: skip


def _readable(tx: Tx) -> ColumnElement[bool]:
    steps = entries.c.kind.startswith(REQUEST_KINDS, autoescape=True)
    return _within(tx, "log.read") & (~steps | _within(tx, "request.read"))


def _within(tx: Tx, action: str) -> ColumnElement[bool]:
    """Return the condition that an entry's area is one where the actor may do this."""
    held = authorize.scope(tx.conn, tx.actor.id, action)
    if held is None:
        return true()
    return entries.c.area_id.in_(held) if held else false()


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        index=row._mapping["index"], kind=row.kind, area_id=row.area_id, account_id=row.account_id,
        by=row.person_id, decided_at=row.decided_at, embargo_until=row.embargo_until,
    )  # fmt: skip
