"""Accounts (customers), their plans and service lines, and who is on a list."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row, select

from openleo.api.calls import Changes, Changing, Matches, Reads
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.problems import IfMatchMissing
from openleo.api.routers.people import ToSign
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import (
    AccountId,
    Country,
    Instant,
    Latitude,
    Longitude,
    Name,
    Names,
    Note,
    PlainId,
    Reason,
    Sent,
    Title,
)
from openleo.control import accounts, lines, lists, plans
from openleo.control.critical import Cut
from openleo.control.decided import find, listed
from openleo.control.plane import Tx
from openleo.control.schema import DECIDED

router = APIRouter(prefix="/v1", tags=["accounts"])
Ended = Literal["disabled", "closed"]
LineStatus = Literal["active", "paused", "overage", "closed"]
Kmh = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
Include = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Query(max_length=100, description="life-critical terminals that are to be cut too"),
]
Why = Annotated[str, Query(max_length=4_000)]


class AccountIn(Sent):
    """A new customer."""

    id: Name
    title: Title = ""
    effective: Instant | None = None


class AccountOut(BaseModel):
    """A customer."""

    id: str
    version: int
    title: str
    status: str
    reason: str
    cut_terminals: list[str] = Field(description="life-critical ones that its end does not spare")


class StatusIn(Sent):
    """What an account is to be.  ``include``: life-critical terminals to cut, named by the pair."""

    status: Literal["active", "disabled", "closed"]
    reason: Note = ""
    effective: Instant | None = None
    include: Names = Field(default_factory=list)
    pair: PairIn | None = None


class StatusOut(BaseModel):
    """What became of an account, and what was spared."""

    account: AccountOut
    version: int
    effective_slot: int
    spared: list[str]
    index: int


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


class ListTerms(Sent):
    """Who is on a list: allow, those not on it are not served in the country; block, those on it."""

    kind: Literal["allow", "block"]
    country: Country | None = None
    accounts: Names = Field(default_factory=list)
    terminals: Names = Field(default_factory=list)
    reason: Reason
    include: Names = Field(default_factory=list)


class ListIn(ListTerms):
    """A list as it is to be."""

    effective: Instant | None = None
    pair: PairIn | None = None


class Lifting(Sent):
    """Taking a list back."""

    reason: Note = ""
    effective: Instant | None = None


class ListOut(BaseModel):
    """A list."""

    id: str
    version: int
    kind: str
    country: str | None
    accounts: list[str]
    terminals: list[str]
    reason: str
    active: bool


def _account(row: Row[Any]) -> AccountOut:
    return AccountOut.model_validate(dict(row._mapping))


def _plan(row: Row[Any]) -> PlanOut:
    return PlanOut.model_validate(dict(row._mapping))


def _line(row: Row[Any]) -> LineOut:
    return LineOut.model_validate(dict(row._mapping))


def _list(row: Row[Any]) -> ListOut:
    return ListOut.model_validate(dict(row._mapping))


def _changed(found: accounts.Changed) -> StatusOut:
    return StatusOut(
        account=_account(found.account), version=found.account.version, effective_slot=found.effective_slot,
        spared=list(found.spared), index=found.log_index,
    )  # fmt: skip


def _matched(call: Changing, tx: Tx, noun: str, name: str, *, or_new: bool = False) -> int | None:
    """Return the version that is to be changed, None where it is to be made."""
    if or_new and not _is_there(tx, noun, name):
        return None
    row = find(tx.conn, noun, name)
    if call.if_match is None:
        raise IfMatchMissing(
            f"{noun} {name} is there already, and the header If-Match is missing",
            "read it first, and send the ETag of what you read",
        )
    return call.need_match(noun, row)


def _is_there(tx: Tx, noun: str, name: str) -> bool:
    table = DECIDED[noun]
    return tx.conn.execute(select(table.c.id).where(table.c.id == name)).first() is not None


@router.get("/accounts", response_model=Page[AccountOut], **reads("account.read", On.NETWORK))
async def list_accounts(
    call: Reads, window: Paged, status: Literal["active", "disabled", "closed"] | None = None
) -> Response:
    """List accounts."""
    return await call.read(
        lambda tx: window.page(
            (row for row in listed(tx, "account") if status in (None, row.status)), _account,
            key=lambda row: row.id,
        )
    )  # fmt: skip


@router.post("/accounts", status_code=201, response_model=AccountOut, **changes("account.write", On.NETWORK))
async def add_account(call: Changes, body: AccountIn) -> Response:
    """Add an account, active."""
    return await call.act(
        lambda tx: _account(accounts.add_account(tx, body.id, title=body.title, effective=body.effective)),
        status=201,
    )


@router.get("/accounts/{account}", response_model=AccountOut, **reads("account.read", On.NETWORK))
async def show_account(call: Reads, account: AccountId) -> Response:
    """Show an account."""
    return await call.read(lambda tx: _account(accounts.find_account(tx, account)))


@router.get(
    "/accounts/{account}/status/to-sign", response_model=ToSign, **reads("account.status", On.NETWORK)
)
async def account_text(
    call: Reads,
    account: AccountId,
    status: Ended,
    reason: Why = "",
    include: Include = [],  # noqa: B006
) -> Response:
    """Return what two people sign where an account's end cuts what lives depend on."""

    def found(tx: Tx) -> ToSign:
        tx.require("account.status")
        return ToSign(to_sign=accounts.end_text(tx, account, status, reason=reason, include=include))

    return await call.read(found)


@router.put(
    "/accounts/{account}/status", response_model=StatusOut,
    **changes("account.status", On.NETWORK, matched=True),
)  # fmt: skip
async def account_status(call: Matches, account: AccountId, body: StatusIn) -> Response:
    """Disable, close or enable an account; life-critical terminals are spared unless two people name each."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> StatusOut:
        tx.require("account.status")
        version = call.need_match("account", find(tx.conn, "account", account))
        if body.status == "active":
            return _changed(
                accounts.enable(tx, account, reason=body.reason, effective=body.effective, version=version)
            )
        cut = Cut(include=body.include, pair=pair)
        return _changed(
            accounts.end(
                tx, account, body.status, reason=body.reason, effective=body.effective, cut=cut,
                version=version,
            )
        )  # fmt: skip

    return await call.act(done)


@router.get("/plans", response_model=Page[PlanOut], **reads("account.read", On.NETWORK))
async def list_plans(call: Reads, window: Paged) -> Response:
    """List plans."""
    return await call.read(lambda tx: window.page(listed(tx, "plan"), _plan, key=lambda row: row.id))


@router.get("/plans/{plan}", response_model=PlanOut, **reads("account.read", On.NETWORK))
async def show_plan(call: Reads, plan: PlainId) -> Response:
    """Show a plan."""
    return await call.read(lambda tx: _plan(_read(tx, "plan", plan)))


@router.put("/plans/{plan}", response_model=PlanOut, **changes("account.write", On.NETWORK, matched=True))
async def set_plan(call: Changes, plan: PlainId, body: PlanIn) -> Response:
    """Make a plan, or give one new terms (then with If-Match)."""
    terms = plans.Terms(**body.model_dump(exclude={"reason", "effective"}))

    def done(tx: Tx) -> PlanOut:
        tx.require("account.write")
        version = _matched(call, tx, "plan", plan, or_new=True)
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
    return await call.read(lambda tx: _line(_read(tx, "line", line)))


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
        version = _matched(call, tx, "line", line)
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
        version = _matched(call, tx, "line", line)
        return _line(
            lines.set_line(
                tx, line, body.status, reason=body.reason, effective=body.effective,
                cut=Cut(include=body.include, pair=pair), version=version,
            )
        )  # fmt: skip

    return await call.act(done)


@router.get("/lists", response_model=Page[ListOut], **reads("account.read", On.NETWORK))
async def list_lists(call: Reads, window: Paged) -> Response:
    """List the lists of those to allow or block."""
    return await call.read(lambda tx: window.page(listed(tx, "list"), _list, key=lambda row: row.id))


@router.get("/lists/{list}", response_model=ListOut, **reads("account.read", On.NETWORK))
async def show_list(call: Reads, list: PlainId) -> Response:
    """Show a list."""
    return await call.read(lambda tx: _list(_read(tx, "list", list)))


@router.post("/lists/{list}/to-sign", response_model=ToSign, **reads("account.status", On.NETWORK))
async def list_text(call: Reads, list: PlainId, body: ListTerms) -> Response:
    """Return what two people sign where a list cuts what lives depend on; it changes nothing."""

    def found(tx: Tx) -> ToSign:
        tx.require("account.status")
        return ToSign(to_sign=lists.list_text(tx, _new(list, body), reason=body.reason, include=body.include))

    return await call.read(found)


@router.put("/lists/{list}", response_model=ListOut, **changes("account.status", On.NETWORK, matched=True))
async def set_list(call: Changes, list: PlainId, body: ListIn) -> Response:
    """Make a list, or give one another content (then with If-Match)."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> ListOut:
        tx.require("account.status")
        version = _matched(call, tx, "list", list, or_new=True)
        return _list(
            lists.set_list(
                tx, _new(list, body), reason=body.reason, effective=body.effective,
                cut=Cut(include=body.include, pair=pair), version=version,
            )
        )  # fmt: skip

    return await call.act(done)


@router.post(
    "/lists/{list}/lifting", response_model=ListOut, **changes("account.status", On.NETWORK, matched=True)
)
async def lift(call: Matches, list: PlainId, body: Lifting) -> Response:
    """Take a list back."""

    def done(tx: Tx) -> ListOut:
        tx.require("account.status")
        version = _matched(call, tx, "list", list)
        return _list(lists.lift_list(tx, list, reason=body.reason, effective=body.effective, version=version))

    return await call.act(done)


def _new(name: str, body: ListTerms) -> lists.NewList:
    return lists.NewList(
        id=name, kind=body.kind, country=body.country, accounts=body.accounts, terminals=body.terminals
    )


def _read(tx: Tx, noun: str, name: str) -> Row[Any]:
    tx.require("account.read")
    return find(tx.conn, noun, name)
