"""Plans, and the service lines that have them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from openleo.api.calls import Changes, Matches, Reads
from openleo.api.decided import Include, Why, matched_row, read_row
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.routers.people import ToSign
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import (
    Country,
    Instant,
    Latitude,
    Longitude,
    Name,
    Names,
    Note,
    PlainId,
    Sent,
    Title,
)
from openleo.control import lines, plans
from openleo.control.critical import Cut
from openleo.control.decided import listed
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1", tags=["accounts"])
LineStatus = Literal["active", "paused", "overage", "closed"]
Kmh = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]


class PlanIn(Sent):
    """What a plan allows; null is no limit.  ``roaming``: null is anywhere, [] only the line's country."""

    title: Title = ""
    max_speed_kmh: Kmh | None = None
    ocean: bool = True
    roaming: Annotated[list[Country], Field(max_length=300)] | None = None
    flyover_kmh: Kmh | None = None
    flyover_countries: Annotated[list[Country], Field(max_length=300)] = Field(default_factory=list)
    max_distance_km: Kmh | None = None
    reason: Note = ""
    effective: Instant | None = None


class PlanOut(BaseModel):
    """A plan."""

    id: str
    version: int
    title: str
    max_speed_kmh: float | None
    ocean: bool
    roaming: list[str] | None
    flyover_kmh: float | None
    flyover_countries: list[str] | None
    max_distance_km: float | None
    active: bool


class LineTerms(Sent):
    """A line's plan and address."""

    account: Name
    plan: Name | None = None
    country: Country | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    effective: Instant | None = None


class LineIn(LineTerms):
    """A new line."""

    id: Name


class LineChange(LineTerms):
    """A line as it is to be; it stays with its account."""

    reason: Note = ""


class LineStatusIn(Sent):
    """What a line is to be."""

    status: LineStatus
    reason: Note = ""
    effective: Instant | None = None
    include: Names = Field(default_factory=list)
    pair: PairIn | None = None


class LineOut(BaseModel):
    """A service line."""

    id: str
    version: int
    account_id: str
    plan_id: str | None
    country: str | None
    latitude_deg: float | None
    longitude_deg: float | None
    status: str


def _plan(row: Row[Any]) -> PlanOut:
    return PlanOut.model_validate(dict(row._mapping))


def _line(row: Row[Any]) -> LineOut:
    return LineOut.model_validate(dict(row._mapping))


@router.get("/plans", response_model=Page[PlanOut], **reads("account.read", On.NETWORK))
async def list_plans(call: Reads, window: Paged) -> Response:
    """List plans."""
    return await call.read(lambda tx: window.page(listed(tx, "plan"), _plan, key=lambda row: row.id))


@router.get("/plans/{plan}", response_model=PlanOut, **reads("account.read", On.NETWORK))
async def show_plan(call: Reads, plan: PlainId) -> Response:
    """Show a plan."""
    return await call.read(lambda tx: _plan(read_row(tx, "plan", plan)))


@router.put("/plans/{plan}", response_model=PlanOut, **changes("account.write", On.NETWORK, matched=True))
async def set_plan(call: Changes, plan: PlainId, body: PlanIn) -> Response:
    """Make a plan, or give one new terms (then with If-Match)."""
    terms = plans.Terms(**body.model_dump(exclude={"reason", "effective"}))

    def done(tx: Tx) -> PlanOut:
        tx.require("account.write")
        version = matched_row(call, tx, "plan", plan, or_new=True)
        return _plan(
            plans.set_plan(tx, plan, terms, reason=body.reason, effective=body.effective, version=version)
        )

    return await call.act(done)


@router.get("/lines", response_model=Page[LineOut], **reads("account.read", On.NETWORK))
async def list_lines(
    call: Reads, window: Paged, account: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """List service lines."""
    return await call.read(
        lambda tx: window.page(
            (row for row in listed(tx, "line") if account in (None, row.account_id)), _line,
            key=lambda row: row.id,
        )
    )  # fmt: skip


@router.get("/lines/{line}", response_model=LineOut, **reads("account.read", On.NETWORK))
async def show_line(call: Reads, line: PlainId) -> Response:
    """Show a service line."""
    return await call.read(lambda tx: _line(read_row(tx, "line", line)))


@router.post("/lines", status_code=201, response_model=LineOut, **changes("account.write", On.NETWORK))
async def add_line(call: Changes, body: LineIn) -> Response:
    """Add a service line to an account."""
    new = lines.NewLine(**body.model_dump(exclude={"effective"}))
    return await call.act(lambda tx: _line(lines.add_line(tx, new, effective=body.effective)), status=201)


@router.put("/lines/{line}", response_model=LineOut, **changes("account.write", On.NETWORK, matched=True))
async def move_line(call: Matches, line: PlainId, body: LineChange) -> Response:
    """Give a line another plan, country or address."""
    new = lines.NewLine(id=line, **body.model_dump(exclude={"reason", "effective"}))

    def done(tx: Tx) -> LineOut:
        tx.require("account.write")
        version = matched_row(call, tx, "line", line)
        return _line(lines.move_line(tx, new, reason=body.reason, effective=body.effective, version=version))

    return await call.act(done)


@router.get("/lines/{line}/status/to-sign", response_model=ToSign, **reads("account.write", On.NETWORK))
async def line_text(
    call: Reads,
    line: PlainId,
    status: LineStatus,
    reason: Why = "",
    include: Include = [],  # noqa: B006
) -> Response:
    """Return what two people sign where a line's new status cuts what lives depend on."""

    def found(tx: Tx) -> ToSign:
        tx.require("account.write")
        return ToSign(to_sign=lines.line_text(tx, line, status, reason=reason, include=include))

    return await call.read(found)


@router.put(
    "/lines/{line}/status", response_model=LineOut, **changes("account.write", On.NETWORK, matched=True)
)
async def line_status(call: Matches, line: PlainId, body: LineStatusIn) -> Response:
    """Pause, resume or close a line, or say that its data is used up."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> LineOut:
        tx.require("account.write")
        version = matched_row(call, tx, "line", line)
        return _line(
            lines.set_line(
                tx, line, body.status, reason=body.reason, effective=body.effective,
                cut=Cut(include=body.include, pair=pair), version=version,
            )
        )  # fmt: skip

    return await call.act(done)
