"""Accounts: the customers."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from openleo.api.calls import Changes, Matches, Reads
from openleo.api.decided import Include, Why
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.routers.people import ToSign
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import (
    AccountId,
    Instant,
    Name,
    Names,
    Note,
    Sent,
    Title,
)
from openleo.control import accounts
from openleo.control.critical import Cut
from openleo.control.decided import find, listed
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1", tags=["accounts"])
Ended = Literal["disabled", "closed"]


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


def _account(row: Row[Any]) -> AccountOut:
    return AccountOut.model_validate(dict(row._mapping))


def _changed(found: accounts.Changed) -> StatusOut:
    return StatusOut(
        account=_account(found.account), version=found.account.version, effective_slot=found.effective_slot,
        spared=list(found.spared), index=found.log_index,
    )  # fmt: skip


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
