"""Who is on a list: to be allowed in a country, or blocked."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from openleo.api.calls import Changes, Matches, Reads
from openleo.api.decided import matched_row, read_row
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.routers.people import ToSign
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import (
    Country,
    Instant,
    Names,
    Note,
    PlainId,
    Reason,
    Sent,
)
from openleo.control import lists
from openleo.control.critical import Cut
from openleo.control.decided import listed
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1", tags=["accounts"])


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


def _list(row: Row[Any]) -> ListOut:
    return ListOut.model_validate(dict(row._mapping))


@router.get("/lists", response_model=Page[ListOut], **reads("account.read", On.NETWORK))
async def list_lists(call: Reads, window: Paged) -> Response:
    """List the lists of those to allow or block."""
    return await call.read(lambda tx: window.page(listed(tx, "list"), _list, key=lambda row: row.id))


@router.get("/lists/{list}", response_model=ListOut, **reads("account.read", On.NETWORK))
async def show_list(call: Reads, list: PlainId) -> Response:
    """Show a list."""
    return await call.read(lambda tx: _list(read_row(tx, "list", list)))


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
        version = matched_row(call, tx, "list", list, or_new=True)
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
        version = matched_row(call, tx, "list", list)
        return _list(lists.lift_list(tx, list, reason=body.reason, effective=body.effective, version=version))

    return await call.act(done)


def _new(name: str, body: ListTerms) -> lists.NewList:
    return lists.NewList(
        id=name, kind=body.kind, country=body.country, accounts=body.accounts, terminals=body.terminals
    )
