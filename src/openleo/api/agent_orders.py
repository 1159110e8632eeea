"""Agents fetch orders to the dishes at their sites, and tell what became of them: routes of the ingest."""

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openleo.api.edge import read_body
from openleo.api.problems import TooLarge
from openleo.base.errors import BadInput, Refused
from openleo.control.check_ins import ClockOff, Revoked
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.acting.through import Contact, Sent
from openleo.fleet.agent_request import (
    MOST_SAID,
    PATH,
    TIME,
    Asked,
    need_signed,
    not_known,
    read_asked,
    result_path,
)
from openleo.fleet.batches import SIGNATURE, BadBatch, NotSigned

if TYPE_CHECKING:
    from openleo.api.ingest import Ingest

_FRESH: Final = {"Cache-Control": "no-store"}


def routes(at: "Ingest") -> list[Route]:
    """Return the routes."""

    async def orders(request: Request) -> Response:
        return await _told(at, request, _orders)

    async def result(request: Request) -> Response:
        return await _told(at, request, _result)

    return [Route(PATH, orders, methods=["GET"]), Route(result_path("{order}"), result, methods=["POST"])]


async def _told(at: "Ingest", request: Request, work: Any) -> Response:
    """Answer whoever signed a request; tell one whose clock is off what time it is."""
    body = await read_body(request.scope, request.receive, MOST_SAID)
    if body is None:
        raise TooLarge(f"the body has more than {MOST_SAID:,} bytes", "say it in fewer")
    now_ns = at.clock_ns()
    try:
        asked, terminals = _signed(at, request, body)
    except NotSigned:
        client = request.scope.get("client")
        at.limits.take("telemetry-unsigned", str(client[0]) if client else "local")
        raise
    at.limits.take("orders", asked.device)
    try:
        await asyncio.to_thread(at.orders.hear, asked, now_ns=now_ns)
        found = await asyncio.to_thread(work, at, request, asked, terminals, now_ns)
    except ClockOff as error:
        return JSONResponse(
            {"detail": error.detail, "hint": error.hint, "status": 409}, 409,
            headers={TIME: str(now_ns), **_FRESH}, media_type="application/problem+json",
        )  # fmt: skip
    return JSONResponse(found, headers=_FRESH)


def _signed(at: "Ingest", request: Request, body: bytes) -> tuple[Asked, frozenset[str] | None]:
    """Return a request and of which terminals its agent may tell; raises NotSigned and Revoked."""
    asked = read_asked(request.method, request.url.path, request.headers, body)
    standing = at.intake.standing(asked.device)
    if standing is None:
        raise not_known()
    need_signed(asked, request.headers[SIGNATURE], standing.public_key)
    if standing.state != "active":  # one in wrong hands is told what a revoked one is
        raise Revoked(f"{asked.device} was revoked", "whoever runs the network can restore it")
    return asked, standing.terminals


def _orders(
    at: "Ingest", request: Request, asked: Asked, terminals: frozenset[str] | None, now_ns: int
) -> dict[str, Any]:
    contact = _contact(asked, terminals, now_ns)
    at.orders.note(contact)
    sent = at.orders.next_of(asked.device, contact.sees, may=lambda one: _why_not(at, one), now_ns=now_ns)
    return {
        "time_ns": now_ns,
        "confirmed": at.orders.confirmed_of(asked.device, now_ns=now_ns),
        "order": None if sent is None else _plain(sent, now_ns),
    }


def _result(
    at: "Ingest", request: Request, asked: Asked, terminals: frozenset[str] | None, now_ns: int
) -> dict[str, Any]:
    new = at.orders.take_result(
        request.path_params["order"], asked.device, _object(asked.told), now_ns=now_ns
    )
    return {"kept": new}


def _contact(asked: Asked, terminals: frozenset[str] | None, now_ns: int) -> Contact:
    found = _object(asked.told)
    can, sees = ([str(one)[:64] for one in _list(found.get(name))] for name in ("can", "sees"))
    return Contact(
        agent=asked.device, at_ns=now_ns, can=frozenset(can),
        sees=frozenset(sees) if terminals is None else frozenset(sees) & terminals,
        reverts=found.get("reverts") is True, version=str(found.get("version", "")),
    )  # fmt: skip


def _why_not(at: "Ingest", sent: Sent) -> str:
    """Say why an order may not be given any more: its job ended, or somebody forbade it."""
    try:
        Allowances(at.agents.database).need(sent.order)
    except Refused as error:
        return error.detail
    job = Jobs(at.agents.database).find(sent.job)
    return "" if job is not None and job.state == "running" else "its job does not run any more"


def _plain(sent: Sent, now_ns: int) -> dict[str, Any]:
    return {
        "id": sent.id, "device": sent.agent, "terminal": sent.terminal, "order": sent.order.plain(),
        "expires_in_s": (sent.expires_ns - now_ns) / 1e9, "revert_after_s": sent.revert_after_s,
    }  # fmt: skip


def _object(told: bytes) -> dict[str, Any]:
    try:
        found = json.loads(told or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadBatch("what is told is no JSON object", "docs/fleet-operations.md tells what it holds")
    return found


def _list(found: object) -> list[Any]:
    if not isinstance(found, list) or len(found) > 1_000:
        raise BadInput("can and sees are lists", "of at most 1000 texts")
    return found
