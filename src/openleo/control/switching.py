"""Switching areas: requests, proposals, approvals, refusals, emergencies, and what a vendor did."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.base.instants import instant_text
from openleo.control.areas import NotFound, checked_changes, find_area
from openleo.control.authorize import ancestors, descendants, require
from openleo.control.facts import Fact
from openleo.control.keys import need_signature
from openleo.control.ledger import Decision
from openleo.control.network import EMERGENCY_PAUSE, EMERGENCY_SLOTS, NetworkKind
from openleo.control.plane import SYSTEM, Tx
from openleo.control.request import OPEN, NeedsReason, Party, Request, State, proposal_text
from openleo.control.schema import areas, people, requests, talk, terminals

SWITCHES = ("on", "off", "as-is")
VENDOR_STEPS = ("decided", "sent", "acknowledged", "observed")


class AlreadySo(Refused):
    """The area is so already."""

    code = "already-so"


class EmergencyRepeated(Refused):
    """Nobody confirmed this human's last emergency there."""

    code = "emergency-repeated"


class EmergencyOpen(Refused):
    """An emergency on the area waits to be confirmed."""

    code = "emergency-open"


def ask(
    tx: Tx,
    area_id: str,
    switch: str,
    *,
    reason: str,
    changes: Mapping[str, Any] | None = None,
    evidence: Sequence[str] = (),
    effective: datetime | None = None,
) -> Request:
    """Ask for an area to be switched, or for its definition to change."""
    tx.require("request.new", area_id)
    area = find_area(tx.conn, area_id)
    if switch not in SWITCHES:
        raise BadInput(f"an area cannot be switched {switch!r}", did_you_mean(switch, SWITCHES))
    if not reason.strip():
        raise NeedsReason("a request says why", f"openleo request new {area_id} {switch} --reason '...'")
    checked = checked_changes(tx, area_id, changes or {})
    if switch == "as-is" and not checked:
        raise BadInput("nothing is asked for", "name on or off, or what is to change")
    _need_change(area, switch, checked)
    request = Request(
        id=_next_id(tx.conn), area_id=area_id, area_version=area.version, switch=switch, changes=checked,
        asked_by=_party(tx), asked_at=tx.now, reason=reason, evidence=tuple(evidence),
        effective_slot=None if effective is None else tx.effective_slot(effective, "area", area_id),
    )  # fmt: skip
    _record(tx, "request.asked", request, new=True)
    return request


def remark(tx: Tx, request_id: str, text: str) -> None:
    """Say something about a request: a review is a remark."""
    request = find_request(tx, request_id)
    tx.require("request.review", request.area_id)
    n = tx.conn.execute(select(func.count()).where(talk.c.request_id == request_id)).scalar_one()
    tx.conn.execute(insert(talk).values(request_id=request_id, n=n, by=tx.actor.id, at=tx.now, text=text))


def to_sign(tx: Tx, request_id: str, *, include: Sequence[str] = ()) -> str:
    """Return the bytes of a proposal: what is signed, after the verb and a line's end, by both people."""
    request = find_request(tx, request_id)
    if request.proposal is not None and request.state in {State.PROPOSED, State.EMERGENCY}:
        return request.proposal
    return _proposal(tx, request, find_area(tx.conn, request.area_id), include)


def new_proposal(tx: Tx, request_id: str, *, include: Sequence[str] = ()) -> str:
    """Return what `propose` takes a signature of, also where an earlier proposal is to be replaced."""
    request = find_request(tx, request_id)
    return _proposal(tx, request, find_area(tx.conn, request.area_id), include)


def propose(tx: Tx, request_id: str, *, signature: str, include: Sequence[str] = ()) -> Request:
    """Propose to grant a request: the first of two people signs what it will do."""
    request = find_request(tx, request_id)
    tx.require("decide.propose", request.area_id)
    area = find_area(tx.conn, request.area_id)
    _need_no_emergency(area)
    _check_life_critical(tx.conn, include)
    proposal = _proposal(tx, request, area, include)
    _need_signed(tx, "propose", proposal, signature)
    proposed = request.propose(
        proposal, by=_party(tx), at=tx.now, area_version=area.version, include=include, signature=signature
    )
    _record(tx, "request.proposed", proposed)
    return proposed


def approve(tx: Tx, request_id: str, *, signature: str, include: Sequence[str] = ()) -> tuple[Request, int]:
    """Grant a request as the second person; return it and the log's entry that switched the area."""
    request = find_request(tx, request_id)
    tx.require("decide.approve", request.area_id)
    area = find_area(tx.conn, request.area_id)
    _need_no_emergency(area)
    request.need_open(tx.now, State.PROPOSED)
    slot = _slot(tx, request)
    granted = request.approve(
        by=_party(tx), at=tx.now, area_version=area.version, include=include, slot=slot, signature=signature
    )
    _need_change(area, request.switch, request.changes)
    assert granted.proposal is not None
    assert granted.proposed_by is not None
    # Who proposed must still be one who may: half of a pair that has left is no half.
    require(tx.conn, granted.proposed_by.id, "decide.propose", request.area_id)
    _need_signed(tx, "approve", granted.proposal, signature)
    index = _record(tx, "area.switched", granted, area=_switched(area, granted, slot))
    return granted, index


def refuse(tx: Tx, request_id: str, *, reason: str) -> Request:
    """Refuse a request, with the reason."""
    request = find_request(tx, request_id)
    tx.require("decide.refuse", request.area_id)
    refused = request.refuse(by=_party(tx), at=tx.now, reason=reason)
    _record(tx, "request.refused", refused)
    return refused


def withdraw(tx: Tx, request_id: str, *, reason: str = "") -> Request:
    """Take one's own request back."""
    request = find_request(tx, request_id)
    tx.require("request.new", request.area_id)
    withdrawn = request.withdraw(by=_party(tx), at=tx.now, reason=reason)
    _record(tx, "request.withdrawn", withdrawn)
    return withdrawn


def emergency_text(tx: Tx, area_id: str, *, reason: str) -> tuple[str, str]:
    """Return the id that an emergency will have, and the bytes to sign for it."""
    request = _emergency(tx, area_id, reason)
    return request.id, _proposal(tx, request, find_area(tx.conn, area_id), ())


def emergency_off(
    tx: Tx, area_id: str, *, reason: str, signature: str, effective: datetime | None = None
) -> tuple[Request, int]:
    """Switch an area off alone, for an hour; life-critical terminals are spared."""
    tx.require("area.emergency", area_id)
    area = find_area(tx.conn, area_id)
    if not reason.strip():
        raise NeedsReason("an emergency says why", f"openleo area off {area_id} --emergency --reason '...'")
    _need_no_emergency(area)
    _need_no_repeat(tx, area_id)
    _need_change(area, "off", {})
    request = _emergency(tx, area_id, reason)
    proposal = _proposal(tx, request, area, ())
    _need_signed(tx, "emergency", proposal, signature)
    slot = tx.effective_slot(effective, "area", area_id)
    opened = request.next(
        proposal=proposal, proposed_by=_party(tx), proposed_at=tx.now, effective_slot=slot,
        signatures={f"emergency {tx.actor.id}": signature},
    )  # fmt: skip
    changes = {"switch": "off", "cut_terminals": [], "emergency": request.id, "version": area.version + 1}
    fact = Fact(noun="area", id=area_id, changes=changes, slot=slot)
    index = _record(tx, "area.emergency-off", opened, area=[fact], new=True)
    return opened, index


def confirm(tx: Tx, request_id: str, *, signature: str) -> tuple[Request, int]:
    """Let an emergency off stand, as the second person."""
    request = find_request(tx, request_id)
    tx.require("decide.approve", request.area_id)
    area = find_area(tx.conn, request.area_id)
    confirmed = request.confirm(
        by=_party(tx), at=tx.now, include=(), proposal=request.proposal or "", signature=signature
    )
    assert confirmed.proposal is not None
    _need_signed(tx, "confirm", confirmed.proposal, signature)
    fact = Fact(noun="area", id=area.id, changes={"emergency": None, "version": area.version + 1})
    return confirmed, _record(tx, "area.emergency-confirmed", confirmed, area=[fact])


def observe(tx: Tx, area_id: str, step: str, *, note: str, at: datetime | None = None) -> Row[Any]:
    """Say what the vendor of an advisory area did about the last decision; observed alone makes it so."""
    tx.require("decide.observe", area_id)
    area = find_area(tx.conn, area_id)
    if area.kind != NetworkKind.ADVISORY or area.vendor is None:
        raise BadInput(f"no decision about {area_id} waits for a vendor", "only advisory areas have one")
    if step not in VENDOR_STEPS[1:]:
        raise BadInput(f"a vendor does not {step!r}", did_you_mean(step, VENDOR_STEPS[1:]))
    if VENDOR_STEPS.index(step) <= VENDOR_STEPS.index(area.vendor):
        raise AlreadySo(f"{area_id} is {area.vendor} already", f"see `openleo area show {area_id}`")
    changes: dict[str, Any] = {"vendor": step, "version": area.version + 1}
    slot = None
    if step == "observed":
        changes["switch"] = area.wanted
        slot = tx.effective_slot(at, "area", area_id)
    fact = Fact(noun="area", id=area_id, changes=changes, slot=slot)
    tx.record(
        Decision(
            kind=f"vendor.{step}", action=step, area=area_id, reason=note, facts=[fact], effective_slot=slot
        )
    )
    return find_area(tx.conn, area_id)


def is_due(tx: Tx) -> bool:
    """Tell whether time alone has ended a request that is still written down as open."""
    return bool(_due(tx))


def _due(tx: Tx) -> list[Request]:
    return [r for r in map(_request, _open_rows(tx.conn)) if r.lapse(at=tx.now) is not r]


def sweep(tx: Tx) -> int:
    """Write down what time alone has done: requests that expired, emergencies that reverted."""
    due = _due(tx)
    system = Tx(conn=tx.conn, network=tx.network, actor=SYSTEM, now=tx.now)
    for request in due:
        lapsed = request.lapse(at=tx.now)
        found: list[Fact] = []
        if lapsed.state is State.REVERTED:
            area = find_area(tx.conn, request.area_id)
            assert request.effective_slot is not None
            slot = request.effective_slot + EMERGENCY_SLOTS
            if tx.network.running is not None:  # its time may have gone further than that in our hour
                slot = max(slot, tx.effective_slot(None, "area", area.id))
            changes = {"switch": "on", "emergency": None, "version": area.version + 1}
            found = [Fact(noun="area", id=area.id, changes=changes, slot=slot)]
        kind = "area.emergency-reverted" if found else "request.expired"
        _record(system, kind, lapsed, area=found)
    return len(due)


def find_request(tx: Tx, request_id: str) -> Request:
    """Return a request as it stands now; raises NotFound."""
    row = tx.conn.execute(select(requests).where(requests.c.id == request_id)).one_or_none()
    if row is None:
        known = tx.conn.execute(select(requests.c.id)).scalars().all()
        raise NotFound(f"there is no request {request_id!r}", did_you_mean(request_id, known))
    return _request(row)


def list_requests(tx: Tx, *, open_only: bool = False, area_id: str | None = None) -> list[Request]:
    """Return the requests that the actor may read, and those that are the actor's own, newest first."""
    from openleo.control.authorize import scope

    query = select(requests).order_by(requests.c.asked_at.desc(), requests.c.id.desc())
    if area_id is not None:
        query = query.where(requests.c.area_id == area_id)
    within = scope(tx.conn, tx.actor.id, "request.read")
    found = [_request(row) for row in tx.conn.execute(query)]
    return [
        r
        for r in found
        if (within is None or r.area_id in within or r.asked_by.id == tx.actor.id)
        and (not open_only or r.state in OPEN)
    ]


def _emergency(tx: Tx, area_id: str, reason: str) -> Request:
    return Request(
        id=_next_id(tx.conn), area_id=area_id, area_version=find_area(tx.conn, area_id).version, switch="off",
        asked_by=_party(tx), asked_at=tx.now, reason=reason, state=State.EMERGENCY, emergency=True,
    )  # fmt: skip


def _switched(area: Row[Any], granted: Request, slot: int) -> list[Fact]:
    """Return what a grant does to the area."""
    changes: dict[str, Any] = {**granted.changes, "version": area.version + 1}
    if granted.switch != "as-is":
        changes["cut_terminals"] = sorted(granted.include) if granted.switch == "off" else []
        if area.kind == NetworkKind.ADVISORY:
            changes |= {"wanted": granted.switch, "vendor": "decided"}
        else:
            changes["switch"] = granted.switch
    return [Fact(noun="area", id=area.id, changes=changes, slot=slot)]


def _slot(tx: Tx, request: Request) -> int:
    """Return when a grant takes effect: at the time that was asked for, or as soon as it can."""
    if request.effective_slot is None:
        return tx.effective_slot(None, "area", request.area_id)
    earliest = tx.effective_slot(None, "area", request.area_id)
    if tx.network.timeless:
        asked: datetime = slot_start(request.effective_slot).astype("datetime64[us]").astype(datetime)
        return tx.effective_slot(asked.replace(tzinfo=UTC), "area", request.area_id)
    return max(request.effective_slot, earliest)


def _proposal(tx: Tx, request: Request, area: Row[Any], include: Sequence[str]) -> str:
    effective = "the next slot that can be"
    if request.effective_slot is not None:
        effective = format_utc(slot_start(request.effective_slot))
    return proposal_text(
        tx.network.origin, request, area_version=area.version, include=include, effective=effective
    )


def _need_signed(tx: Tx, verb: str, proposal: str, signature: str) -> None:
    key = tx.conn.execute(select(people.c.public_key).where(people.c.id == tx.actor.id)).scalar()
    need_signature(tx.actor.id, key, f"{verb}\n{proposal}".encode(), signature)


def _need_no_emergency(area: Row[Any]) -> None:
    if area.emergency is not None:
        raise EmergencyOpen(
            f"an emergency on {area.id} waits to be confirmed or to revert ({area.emergency})",
            f"`openleo decide confirm {area.emergency}`, or wait for the hour to pass",
        )


def _need_no_repeat(tx: Tx, area_id: str) -> None:
    """Raise EmergencyRepeated where one person would keep an area off alone, hour by hour."""
    near = {*ancestors(tx.conn, area_id), *descendants(tx.conn, [area_id])}
    last = tx.conn.execute(
        select(requests.c.id, requests.c.area_id)
        .where(
            requests.c.emergency, requests.c.state == State.REVERTED.value,
            requests.c.proposed_human == tx.actor.human, requests.c.area_id.in_(near),
            requests.c.closed_at > instant_text(tx.now - EMERGENCY_PAUSE),
        )
        .limit(1)
    ).one_or_none()  # fmt: skip
    if last is not None:
        raise EmergencyRepeated(
            f"nobody confirmed {last.id}, your emergency on {last.area_id}, which reverted within a day",
            f"ask for it: `openleo request new {area_id} off --reason '...'`, which two people decide",
        )


def _need_change(area: Row[Any], switch: str, changes: Mapping[str, Any]) -> None:
    now = area.wanted if area.kind == NetworkKind.ADVISORY and area.wanted else area.switch
    if switch == now and not changes:
        raise AlreadySo(f"area {area.id} is {now} already", f"see `openleo area show {area.id}`")


def _check_life_critical(conn: Connection, include: Sequence[str]) -> None:
    for name in include:
        row = conn.execute(select(terminals.c.life_critical).where(terminals.c.id == name)).one_or_none()
        if row is None:
            raise NotFound(f"there is no terminal {name!r}", "see `openleo terminal list --life-critical`")
        if not row.life_critical:
            raise BadInput(
                f"{name} is not life-critical, so it need not be named", "leave it out of --include"
            )


def _party(tx: Tx) -> Party:
    return Party(id=tx.actor.id, human=tx.actor.human)


def _next_id(conn: Connection) -> str:
    count = conn.execute(select(func.count()).select_from(requests)).scalar_one()
    return f"r-{count + 1}"


def _open_rows(conn: Connection) -> Sequence[Row[Any]]:
    return conn.execute(select(requests).where(requests.c.state.in_([s.value for s in OPEN]))).all()


_PARTIES = ("asked_by", "proposed_by", "approved_by")
_PLAIN = tuple(f.name for f in fields(Request) if f.name not in {*_PARTIES, "id"})


def _columns(request: Request) -> dict[str, Any]:
    out: dict[str, Any] = {name: getattr(request, name) for name in _PLAIN}
    out["state"] = request.state.value
    out |= {key: list(out[key]) for key in ("evidence", "include")}
    out |= {key: dict(out[key]) for key in ("changes", "signatures")}
    for key in _PARTIES:
        party: Party | None = getattr(request, key)
        out[key] = None if party is None else party.id
        out[f"{key[:-3]}_human"] = None if party is None else party.human
    return out


def _request(row: Row[Any]) -> Request:
    found = row._mapping
    values: dict[str, Any] = {name: found[name] for name in _PLAIN}
    for key in _PARTIES:
        who = found[key]
        values[key] = None if who is None else Party(id=who, human=found[f"{key[:-3]}_human"])
    values["state"] = State(values["state"])
    return Request(id=row.id, **values)


def _record(tx: Tx, kind: str, request: Request, *, area: Sequence[Fact] = (), new: bool = False) -> int:
    """Write a step of a request, with what it does to the area."""
    step = Fact(noun="request", id=request.id, changes=_columns(request), new=new)
    signed = request.proposal or ""
    also = {p.id for p in (request.proposed_by, request.approved_by) if p is not None} - {tx.actor.id}
    return tx.record(
        Decision(
            kind=kind, action=request.switch, area=request.area_id, facts=[step, *area],
            reason=request.answer or request.reason, effective_slot=request.effective_slot,
            terminals=request.include, also_by=sorted(also), signed=signed, signatures=request.signatures,
            more={"request": request.id, "asked_by": request.asked_by.id, "asked": request.reason},
            counts={"cells": _cell_count(tx.conn, request.area_id)},
        )
    )  # fmt: skip


def _cell_count(conn: Connection, area_id: str) -> int:
    found: int = conn.execute(select(areas.c.cell_count).where(areas.c.id == area_id)).scalar_one()
    return found
