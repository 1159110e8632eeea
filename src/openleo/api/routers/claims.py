"""Claims: what outsiders say.  They stand beside decisions and are none."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openleo.api.calls import Changes, Reads
from openleo.api.pages import Page, Paged
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import Name, PlainId, Reason, Sent
from openleo.control import claims
from openleo.control.claims import Claim, Status
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1/claims", tags=["claims"])
Index = Annotated[int, Field(ge=0, le=2**53)]


class ClaimIn(Sent):
    """What somebody outside said."""

    said_by: Annotated[str, Field(min_length=1, max_length=400)]
    text: Reason
    source: Annotated[str, Field(min_length=1, max_length=2_000)]
    said_on: date
    area: Name | None = None
    about_entry: Index | None = None


class TurnIn(Sent):
    """What became of a claim."""

    status: Status
    note: Reason
    source: Annotated[str, Field(min_length=1, max_length=2_000)]


class TurnOut(BaseModel):
    """A change of a claim's status."""

    status: Status
    by: str
    at: datetime
    note: str
    source: str


class ClaimOut(BaseModel):
    """A claim, with its turns, oldest first."""

    id: str
    version: int
    said_by: str
    text: str
    source: str
    said_on: date
    status: Status
    area: str | None
    about_entry: int | None
    recorded_by: str
    recorded_at: datetime
    turns: list[TurnOut]


def _out(claim: Claim) -> ClaimOut:
    turns = [TurnOut(status=t.status, by=t.by, at=t.at, note=t.note, source=t.source) for t in claim.turns]
    return ClaimOut(
        id=claim.id, version=claim.version, said_by=claim.said_by, text=claim.text, source=claim.source,
        said_on=claim.said_on, status=claim.status, area=claim.area_id, about_entry=claim.about_entry,
        recorded_by=claim.recorded_by, recorded_at=claim.recorded_at, turns=turns,
    )  # fmt: skip


def _number(claim: Claim) -> str:
    return f"{int(claim.id.removeprefix('c-')):012d}"


@router.get("", response_model=Page[ClaimOut], **reads("claim.read", On.LISTED))
async def list_(
    call: Reads,
    window: Paged,
    area: Annotated[str | None, Query(max_length=64)] = None,
    about_entry: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    status: Status | None = None,
) -> Response:
    """List the claims that you may read, the latest recorded first."""

    def found(tx: Tx) -> Page[ClaimOut]:
        rows = claims.list_claims(tx, area_id=area, about_entry=about_entry, status=status)
        return window.page(sorted(rows, key=_number, reverse=True), _out, key=_number, descending=True)

    return await call.read(found)


@router.post("", status_code=201, response_model=ClaimOut, **changes("claim.write", On.AREA))
async def record(call: Changes, body: ClaimIn) -> Response:
    """Write down what somebody outside said."""
    new = claims.NewClaim(
        said_by=body.said_by, text=body.text, source=body.source, said_on=body.said_on, area_id=body.area,
        about_entry=body.about_entry,
    )  # fmt: skip

    def done(tx: Tx) -> ClaimOut:
        if body.about_entry is None:
            tx.require("claim.write", body.area)
        return _out(claims.record_claim(tx, new))

    return await call.act(done, status=201)


@router.get("/{claim}", response_model=ClaimOut, **reads("claim.read", On.CLAIM))
async def show(call: Reads, claim: PlainId) -> Response:
    """Show a claim."""
    return await call.read(lambda tx: _out(claims.find_claim(tx, claim)))


@router.post("/{claim}/turns", status_code=201, response_model=ClaimOut, **changes("claim.write", On.CLAIM))
async def turn(call: Changes, claim: PlainId, body: TurnIn) -> Response:
    """Write down what became of a claim."""

    def done(tx: Tx) -> ClaimOut:
        found = claims.find_claim(tx, claim)
        tx.require("claim.write", found.area_id)
        version = call.need_match("claim", found)
        return _out(
            claims.turn_claim(tx, claim, body.status, note=body.note, source=body.source, version=version)
        )

    return await call.act(done, status=201)
