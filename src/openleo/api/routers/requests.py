"""Requests to switch areas: asking, reading, remarking, withdrawing, and what granting one would do."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openleo.api.calls import Changes, Changing, Reads
from openleo.api.pages import Page, Paged
from openleo.api.routers.areas import AreaChange
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import Instant, Name, Note, Reason, RequestId, Sent, slot_instant
from openleo.control import switching
from openleo.control.plane import Tx
from openleo.control.reading import approvers, read_request, talk_of
from openleo.control.request import Request, State
from openleo.control.whatif import Preview, affected

router = APIRouter(prefix="/v1/requests", tags=["requests"])

Include = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Query(max_length=100, description="life-critical terminals that are to be cut too"),
]


class RequestIn(Sent):
    """A new request."""

    area: Name
    switch: Literal["on", "off", "as-is"]
    reason: Reason
    changes: AreaChange | None = None
    evidence: Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=50)] = Field(
        default_factory=list
    )
    effective: Instant | None = None


class Remark(BaseModel):
    """What somebody said about a request."""

    by: str
    at: datetime
    text: str


class RequestOut(BaseModel):
    """A request."""

    id: str
    version: int
    area: str
    area_version: int
    switch: str
    changes: dict[str, Any]
    state: State
    emergency: bool
    reason: str
    evidence: list[str]
    asked_by: str
    asked_at: datetime
    ends_at: datetime = Field(description="when it ends by itself")
    proposed_by: str | None
    proposed_at: datetime | None
    approved_by: str | None
    closed_at: datetime | None
    answer: str
    include: list[str]
    effective: datetime | None


class RequestWhole(RequestOut):
    """A request with what was said about it and the bytes that both people sign."""

    remarks: list[Remark]
    approvers: list[str] = Field(description="who could be the second person")
    to_propose: str | None = Field(description="sign `propose\\n` and this to propose it, or anew")
    to_sign: str | None = Field(
        description="sign `VERB\\n` and this, VERB being approve or confirm; null where it is closed"
    )


class RemarkIn(Sent):
    """A remark."""

    text: Reason


class Withdrawal(Sent):
    """Why it is taken back."""

    reason: Note = ""


def request_out(request: Request) -> RequestOut:
    """Return a request as it is shown."""
    return RequestOut(**_shown(request))


def _shown(request: Request) -> dict[str, Any]:
    def name(party: Any) -> str | None:
        return None if party is None else str(party.id)

    changed = {k: v for k, v in request.changes.items() if k != "cells"}
    return {
        "id": request.id, "version": request.version, "area": request.area_id,
        "area_version": request.area_version, "switch": request.switch, "changes": changed,
        "state": request.state, "emergency": request.emergency, "reason": request.reason,
        "evidence": list(request.evidence), "asked_by": request.asked_by.id, "asked_at": request.asked_at,
        "ends_at": request.deadline, "proposed_by": name(request.proposed_by),
        "proposed_at": request.proposed_at, "approved_by": name(request.approved_by),
        "closed_at": request.closed_at, "answer": request.answer, "include": list(request.include),
        "effective": slot_instant(request.effective_slot),
    }  # fmt: skip


def matched(call: Changing, tx: Tx, request_id: str, action: str) -> None:
    """Hold If-Match to a request; nobody is told which version there is before they may act on it."""
    request = switching.find_request(tx, request_id)
    tx.require(action, request.area_id)
    call.need_match("request", request)


@router.get("", response_model=Page[RequestOut], **reads("request.read", On.LISTED))
async def list_(
    call: Reads,
    window: Paged,
    area: Annotated[str | None, Query(max_length=64)] = None,
    open: Annotated[bool, Query(description="those that wait for somebody alone")] = False,
) -> Response:
    """List the requests that you may read, and your own, newest first."""
    return await call.read(
        lambda tx: window.page(
            switching.list_requests(tx, open_only=open, area_id=area), request_out, key=_number,
            descending=True,
        )
    )  # fmt: skip


@router.post("", status_code=201, response_model=RequestOut, **changes("request.new", On.AREA))
async def ask(call: Changes, body: RequestIn) -> Response:
    """Ask for an area to be switched, or for its definition to change."""
    given: dict[str, Any] = {}
    if body.changes is not None:
        given = body.changes.changes()
        wanted = await call.services.aside(body.changes.found)
        if wanted is not None:
            given["cells"] = wanted
    return await call.act(
        lambda tx: request_out(
            switching.ask(
                tx, body.area, body.switch, reason=body.reason, changes=given, evidence=body.evidence,
                effective=body.effective,
            )
        ),
        status=201,
    )  # fmt: skip


@router.get("/{request_id}", response_model=RequestWhole, **reads("request.read", On.REQUEST))
async def show(call: Reads, request_id: RequestId, include: Include = []) -> Response:  # noqa: B006
    """Show a request, what was said about it, and what both people sign."""

    def found(tx: Tx) -> RequestWhole:
        request = read_request(tx, request_id)
        remarks = [Remark(by=one.by, at=one.at, text=one.text) for one in talk_of(tx, request)]
        is_open = request.state in {State.ASKED, State.PROPOSED, State.EMERGENCY}
        to_sign = switching.to_sign(tx, request_id, include=include) if is_open else None
        to_propose = None
        if request.state in {State.ASKED, State.PROPOSED}:
            to_propose = switching.new_proposal(tx, request_id, include=include)
        able = approvers(tx, request) if is_open else []
        return RequestWhole(
            **_shown(request), remarks=remarks, to_sign=to_sign, to_propose=to_propose, approvers=able
        )

    return await call.read(found)


@router.get("/{request_id}/effect", response_model=Preview, **reads("request.read", On.REQUEST))
async def effect(call: Reads, request_id: RequestId, include: Include = []) -> Response:  # noqa: B006
    """Say what granting a request would change."""

    return await call.read(lambda tx: affected(tx, read_request(tx, request_id), include=include or None))


@router.post(
    "/{request_id}/remarks", status_code=201, response_model=Remark, **changes("request.review", On.REQUEST)
)
async def remark(call: Changes, request_id: RequestId, body: RemarkIn) -> Response:
    """Remark on a request."""

    def done(tx: Tx) -> Remark:
        switching.remark(tx, request_id, body.text)
        return Remark(by=tx.actor.id, at=tx.now, text=body.text)

    return await call.act(done, status=201)


@router.post("/{request_id}/withdrawal", response_model=RequestOut, **changes("request.new", On.REQUEST))
async def withdraw(call: Changes, request_id: RequestId, body: Withdrawal) -> Response:
    """Take your own request back."""

    def done(tx: Tx) -> RequestOut:
        matched(call, tx, request_id, "request.new")
        return request_out(switching.withdraw(tx, request_id, reason=body.reason))

    return await call.act(done)


def _number(request: Request) -> str:
    return f"{int(request.id.removeprefix('r-')):012d}"
