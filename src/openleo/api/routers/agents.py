"""Terminals' own agents: enrolling a key with a claim code, and checking in.  No person's token is asked for.

What people do about that stands here too: making codes, accepting keys, reading positions and incidents.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from openleo.api.calls import Changes, Key, Matches, Reads, address, services, told, written
from openleo.api.idempotency import Asked, digest_of, do_once
from openleo.api.pages import Page, Paged
from openleo.api.routers.people import Recorded
from openleo.api.routers.terminals import Which
from openleo.api.routes import Gate, On, changes, gate, reads
from openleo.api.shapes import (
    Instant,
    Latitude,
    Longitude,
    Name,
    PublicKey,
    Reason,
    Sent,
    Signature,
    TerminalId,
)
from openleo.control import check_ins, enrolment
from openleo.control.incidents import list_incidents
from openleo.control.inventory import find_terminal
from openleo.control.once import Done
from openleo.control.plane import SYSTEM, Tx
from openleo.control.positions import list_reads, read_position

router = APIRouter(prefix="/v1", tags=["agents"])
Code = Annotated[str, Field(min_length=20, max_length=60)]


class Enrolment(Sent):
    """A claim code, the key made on the device, and its signature over both."""

    code: Code
    public_key: PublicKey
    proof: Signature


class Enrolled(BaseModel):
    """The terminal whose key waits to be accepted."""

    terminal: str


class CheckInBody(Sent):
    """A terminal's word, signed with its key."""

    terminal: Name
    boot: Name
    seq: Annotated[int, Field(ge=0, le=2**53)]
    at: Instant
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    signature: Signature


class CodeOut(BaseModel):
    """A claim code, shown this once."""

    terminal: str
    code: str
    expires_at: datetime


class Codes(BaseModel):
    """New claim codes; older ones of the same terminals are good no more."""

    codes: list[CodeOut]


class Offered(BaseModel):
    """A key that waits to be accepted."""

    terminal: str
    key: str
    offered_at: datetime


class Acceptance(Sent):
    """The key that the operator saw on the device."""

    key: PublicKey


class PositionWhy(Sent):
    """Why an exact position is read."""

    why: Reason


class PositionOut(BaseModel):
    """Where a terminal says it is, and whether that is doubted."""

    terminal: str
    at: datetime
    latitude_deg: float
    longitude_deg: float
    state: str
    says: str | None = Field(description="what the network's own evidence says to it")


class ReadOut(BaseModel):
    """Who read an exact position, when and why."""

    n: int
    person_id: str
    terminal_id: str
    at: datetime
    why: str


class IncidentOut(BaseModel):
    """Something that is wrong with terminals."""

    id: str
    kind: str
    key: str
    from_at: datetime
    until_at: datetime
    details: dict[str, Any]


@router.post("/enrolments", status_code=201, response_model=Enrolled, **gate(Gate.AGENT, On.TERMINAL))
async def enrol(request: Request, key: Key, body: Enrolment) -> Response:
    """Offer a terminal's key under a claim code; it counts once an operator has accepted it."""
    at = services(request)
    letters = enrolment.read_code(body.code)
    at.limits.take("claim-address", address(request))
    at.limits.take("claim-code", letters[:8])
    digest = digest_of(request.method, request.url.path, await request.body())
    asked = Asked(key=f"enrol-{key}", digest=digest, token=letters)

    def work(tx: Tx) -> Done:
        return do_once(tx, asked, lambda tx: written(_enrolled(tx, body)), status=201)

    return told(await at.act(SYSTEM, work))


@router.post("/check-ins", response_model=check_ins.Heard, **gate(Gate.AGENT, On.TERMINAL))
async def check_in(request: Request, body: CheckInBody) -> check_ins.Heard:
    """Take a terminal's word; its number in its boot stands for an Idempotency-Key."""
    at = services(request)
    at.limits.take("check-in", body.terminal)
    position = None
    if body.latitude_deg is not None and body.longitude_deg is not None:
        position = (body.latitude_deg, body.longitude_deg)
    said = check_ins.CheckIn(
        terminal=body.terminal, boot=body.boot, seq=body.seq, at=body.at, position=position
    )
    return await at.act(SYSTEM, lambda tx: check_ins.check_in(tx, said, signature=body.signature))


@router.post(
    "/terminal-acts/claim-codes", status_code=201, response_model=Codes,
    **changes("terminal.onboard", On.TERMINAL),
)  # fmt: skip
async def claim_codes(call: Changes, which: Which) -> Response:
    """Make a claim code for each terminal, shown this once."""

    def done(tx: Tx) -> Codes:
        made = enrolment.make_claim_codes(tx, which.selection())
        return Codes(codes=[CodeOut(terminal=m.terminal, code=m.code, expires_at=m.expires_at) for m in made])

    return await call.act(done, status=201)


@router.get("/terminal-keys", response_model=Page[Offered], **reads("terminal.read", On.LISTED))
async def offered(call: Reads, window: Paged) -> Response:
    """List the keys that wait to be accepted."""

    def found(tx: Tx) -> Page[Offered]:
        rows = sorted(enrolment.offered_keys(tx), key=lambda row: (row.terminal_id, row.used_at))
        latest = {row.terminal_id: row for row in rows}
        return window.page(
            latest.values(),
            lambda row: Offered(terminal=row.terminal_id, key=row.offered_key, offered_at=row.used_at),
            key=lambda row: str(row.terminal_id),
        )

    return await call.read(found)


@router.post(
    "/terminals/{terminal}/key", response_model=Recorded,
    **changes("terminal.onboard", On.TERMINAL, matched=True),
)  # fmt: skip
async def accept(call: Matches, terminal: TerminalId, body: Acceptance) -> Response:
    """Accept the key that a device offered, having seen it on the device."""

    def done(tx: Tx) -> Recorded:
        call.need_match("terminal", find_terminal(tx, terminal, "terminal.onboard"))
        return Recorded(index=enrolment.accept_key(tx, terminal, key=body.key))

    return await call.act(done)


@router.post(
    "/terminals/{terminal}/position", response_model=PositionOut, **changes("terminal.position", On.TERMINAL)
)
async def position(call: Changes, terminal: TerminalId, body: PositionWhy) -> Response:
    """Read a terminal's exact position; who did, and why, is written down."""

    def done(tx: Tx) -> PositionOut:
        row = read_position(tx, terminal, why=body.why)
        return PositionOut(
            terminal=terminal, at=row.at, latitude_deg=row.latitude_deg, longitude_deg=row.longitude_deg,
            state=row.state, says=row.evidence.get("says"),
        )  # fmt: skip

    return await call.act(done)


@router.get("/position-reads", response_model=Page[ReadOut], **reads("log.read", On.TERMINAL))
async def position_reads(
    call: Reads, window: Paged, terminal: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """List who read exact positions, newest first: of a terminal, or of all."""
    return await call.read(
        lambda tx: window.page(
            list_reads(tx, terminal=terminal), lambda row: ReadOut.model_validate(dict(row._mapping)),
            key=lambda row: f"{row.n:012d}", descending=True,
        )
    )  # fmt: skip


@router.get("/incidents", response_model=Page[IncidentOut], **reads("incident.read", On.LISTED))
async def incidents(
    call: Reads,
    window: Paged,
    kind: Annotated[str | None, Query(max_length=24)] = None,
    doubts: bool = False,
) -> Response:
    """List the incidents that you may see."""

    def found(tx: Tx) -> Page[IncidentOut]:
        rows = sorted(list_incidents(tx, kind=kind, doubts=doubts), key=_number, reverse=True)
        return window.page(
            rows, lambda row: IncidentOut.model_validate(dict(row._mapping)), key=_number, descending=True
        )

    return await call.read(found)


def _enrolled(tx: Tx, body: Enrolment) -> Enrolled:
    return Enrolled(terminal=enrolment.enrol(tx, body.code, public_key=body.public_key, proof=body.proof))


def _number(row: Any) -> str:
    return f"{int(row.id.removeprefix('i-')):012d}"
