"""Deciding: proposals, approvals, refusals, emergencies, and what a vendor did."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openleo.api.calls import Changes, Matches, Reads
from openleo.api.routers.areas import AreaOut, area_out
from openleo.api.routers.requests import Include, RequestOut, matched, request_out
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import AreaId, Instant, Names, Note, Reason, RequestId, Sent, Signature
from openleo.control import switching
from openleo.control.areas import find_area
from openleo.control.plane import Tx
from openleo.control.request import Request
from openleo.control.whatif import Preview, affected_by

router = APIRouter(prefix="/v1", tags=["decisions"])


class Signed(Sent):
    """A signature over what is to be decided."""

    signature: Signature
    include: Names = Field([], description="life-critical terminals that are to be cut too")


class Confirmation(Sent):
    """A signature over an emergency that is to stand."""

    signature: Signature


class Refusal(Sent):
    """Why not."""

    reason: Reason


class Emergency(Sent):
    """An area that one person switches off, for an hour."""

    reason: Reason
    signature: Signature
    effective: Instant | None = None


class VendorStep(Sent):
    """What a vendor did about the last decision."""

    step: Literal["sent", "acknowledged", "observed"]
    note: Note = ""
    at: Instant | None = None


class Decided(BaseModel):
    """A decision, and where the log has it."""

    request: RequestOut
    index: int = Field(description="fetch /v1/log/proof/{index} to check that it was recorded")


class ToSign(BaseModel):
    """What is signed."""

    request: str = Field(description="the id that the emergency will have")
    to_sign: str = Field(description="sign `emergency\\n` and this")


def _decided(found: tuple[Request, int]) -> Decided:
    request, index = found
    return Decided(request=request_out(request), index=index)


@router.post(
    "/requests/{request_id}/proposal", status_code=201, response_model=RequestOut,
    **changes("decide.propose", On.REQUEST),
)  # fmt: skip
async def propose(call: Changes, request_id: RequestId, body: Signed) -> Response:
    """Propose to grant a request, as the first of two people."""

    def done(tx: Tx) -> RequestOut:
        matched(call, tx, request_id, "decide.propose")
        return request_out(switching.propose(tx, request_id, signature=body.signature, include=body.include))

    return await call.act(done, status=201)


@router.post(
    "/requests/{request_id}/approval", status_code=201, response_model=Decided,
    **changes("decide.approve", On.REQUEST),
)  # fmt: skip
async def approve(call: Changes, request_id: RequestId, body: Signed) -> Response:
    """Grant a request, as the second person; 201 once it is durable."""

    def done(tx: Tx) -> Decided:
        matched(call, tx, request_id, "decide.approve")
        return _decided(switching.approve(tx, request_id, signature=body.signature, include=body.include))

    return await call.act(done, status=201)


@router.post(
    "/requests/{request_id}/refusal", status_code=201, response_model=RequestOut,
    **changes("decide.refuse", On.REQUEST),
)  # fmt: skip
async def refuse(call: Changes, request_id: RequestId, body: Refusal) -> Response:
    """Refuse a request, and say why."""

    def done(tx: Tx) -> RequestOut:
        matched(call, tx, request_id, "decide.refuse")
        return request_out(switching.refuse(tx, request_id, reason=body.reason))

    return await call.act(done, status=201)


@router.post(
    "/requests/{request_id}/confirmation", status_code=201, response_model=Decided,
    **changes("decide.approve", On.REQUEST),
)  # fmt: skip
async def confirm(call: Changes, request_id: RequestId, body: Confirmation) -> Response:
    """Let an emergency off stand, as the second person."""

    def done(tx: Tx) -> Decided:
        matched(call, tx, request_id, "decide.approve")
        return _decided(switching.confirm(tx, request_id, signature=body.signature))

    return await call.act(done, status=201)


@router.get("/areas/{area_id}/effect", response_model=Preview, **reads("request.read", On.AREA))
async def effect(
    call: Reads, area_id: AreaId, switch: Literal["on", "off"], include: Include = [],  # noqa: B006
    effective: Annotated[Instant | None, Query(description="default: as soon as may be")] = None,
) -> Response:  # fmt: skip
    """Say what a switch would change that nobody has asked for yet; it leaves no trace."""
    return await call.read(lambda tx: affected_by(tx, area_id, switch, include=include, effective=effective))


@router.get("/areas/{area_id}/emergency-off", response_model=ToSign, **reads("area.emergency", On.AREA))
async def emergency_text(
    call: Reads, area_id: AreaId, reason: Annotated[str, Query(min_length=1, max_length=4_000)]
) -> Response:
    """Return what is signed to switch an area off alone."""

    def found(tx: Tx) -> ToSign:
        tx.require("area.emergency", area_id)
        request, text = switching.emergency_text(tx, area_id, reason=reason)
        return ToSign(request=request, to_sign=text)

    return await call.read(found)


@router.post(
    "/areas/{area_id}/emergency-off", status_code=201, response_model=Decided,
    **changes("area.emergency", On.AREA),
)  # fmt: skip
async def emergency_off(call: Changes, area_id: AreaId, body: Emergency) -> Response:
    """Switch an area off alone, for an hour; life-critical terminals are spared."""

    def done(tx: Tx) -> Decided:
        tx.require("area.emergency", area_id)
        call.need_match("area", find_area(tx.conn, area_id))
        return _decided(
            switching.emergency_off(
                tx, area_id, reason=body.reason, signature=body.signature, effective=body.effective
            )
        )

    return await call.act(done, status=201)


@router.post(
    "/areas/{area_id}/vendor", response_model=AreaOut, **changes("decide.observe", On.AREA, matched=True)
)
async def vendor(call: Matches, area_id: AreaId, body: VendorStep) -> Response:
    """Say what the vendor of an advisory area did about the last decision."""

    def done(tx: Tx) -> Any:
        tx.require("decide.observe", area_id)
        call.need_match("area", find_area(tx.conn, area_id))
        return area_out(switching.observe(tx, area_id, body.step, note=body.note, at=body.at))

    return await call.act(done)
