"""The vendor's telemetry endpoints (v2), served from the fleet's store, so that its collectors read it too.

A token is asked for with a service account's name and secret and lasts 15 minutes; the stream goes on where
the service account stopped reading, and is at most once, as the vendor's is.
"""

import asyncio
import base64
import binascii
import json
import secrets
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openleo.api.edge import read_body
from openleo.api.limits import TooMany
from openleo.base.errors import BadInput
from openleo.fleet.enterprise import RETENTION_NS, query_answer, stream_answer
from openleo.fleet.sample import Sample
from openleo.fleet.services import Service

if TYPE_CHECKING:
    from openleo.api.ingest import Ingest

TOKEN_S: Final = 900
MOST_TOKENS: Final = 10_000
MOST_BATCH, MOST_LINGER_MS = 65_000, 65_000
_LOOK_S: Final = 0.25
_BODY_BYTES: Final = 1024 * 1024


class BadRequest(BadInput):
    """A body that does not fit."""

    code = "malformed"


class StreamAsked(msgspec.Struct, forbid_unknown_fields=True):
    """What the stream is asked."""

    batchSize: int = 1_000  # noqa: N815
    maxLingerMs: int = 15_000  # noqa: N815


class QueryAsked(msgspec.Struct, forbid_unknown_fields=True):
    """What the query is asked."""

    includeUserTerminals: bool | None = None  # noqa: N815
    userTerminalIds: list[str] | None = None  # noqa: N815
    includeRouters: bool | None = None  # noqa: N815
    routerIds: list[str] | None = None  # noqa: N815


class Tokens:
    """Tokens that were given out, in memory: after a restart their holders ask for new ones."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Service, float]] = {}

    def give(self, service: Service) -> str:
        """Return a new token."""
        now = time.monotonic()
        if len(self._held) >= MOST_TOKENS:
            self._held = {t: held for t, held in self._held.items() if held[1] > now}
            while len(self._held) >= MOST_TOKENS:
                del self._held[next(iter(self._held))]
        token = secrets.token_urlsafe(32)
        self._held[token] = (service, now + TOKEN_S)
        return token

    def of(self, token: str) -> Service | None:
        """Return whose a token is, None where it is none (any more)."""
        service, until = self._held.get(token, (None, 0.0))
        return service if time.monotonic() < until else None


def routes(at: "Ingest") -> list[Route]:
    """Return the endpoints, under both paths that collectors use."""
    tokens = Tokens()
    reading: dict[str, asyncio.Lock] = {}

    async def token(request: Request) -> Response:
        return await _token(at, tokens, request)

    async def stream(request: Request) -> Response:
        service = _service(at, tokens, request)
        if isinstance(service, Response):
            return service
        async with reading.setdefault(service.id, asyncio.Lock()):
            return await _stream(at, service, request)

    async def query(request: Request) -> Response:
        service = _service(at, tokens, request)
        return service if isinstance(service, Response) else await _query(at, service, request)

    found = [Route("/api/auth/connect/token", token, methods=["POST"])]
    for prefix in ("/api/public/v2", "/public/v2"):
        found.append(Route(f"{prefix}/telemetry/stream", stream, methods=["POST"]))
        found.append(Route(f"{prefix}/telemetry/query", query, methods=["POST"]))
    return found


def service_of(at: "Ingest", request: Request) -> Service | None:
    """Return the service account whose name and secret a request carries (HTTP Basic), or None."""
    name, secret = _basic(request.headers.get("authorization", ""))
    return at.services.check(name, secret) if name else None


async def _token(at: "Ingest", tokens: Tokens, request: Request) -> Response:
    client = request.client
    try:
        at.limits.take("service-token", client.host if client else "local")
    except TooMany as error:
        return _error(429, "too many requests", {"Retry-After": str(max(1, round(error.wait_s)))})
    body = await read_body(request.scope, request.receive, 16_384)
    form = parse_qs((body or b"").decode("latin-1"))
    name, secret = (form.get(field, [""])[0] for field in ("client_id", "client_secret"))
    if not name:
        name, secret = _basic(request.headers.get("authorization", ""))
    if form.get("grant_type") != ["client_credentials"]:
        return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
    service = await asyncio.to_thread(at.services.check, name, secret)
    if service is None:
        return JSONResponse({"error": "invalid_client"}, status_code=401)
    answer = {"access_token": tokens.give(service), "token_type": "Bearer", "expires_in": TOKEN_S}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _stream(at: "Ingest", service: Service, request: Request) -> Response:
    """Answer as soon as there is as much as is asked for, or the time to linger is over."""
    asked = await _asked(request, StreamAsked)
    if not (1 <= asked.batchSize <= MOST_BATCH and 0 <= asked.maxLingerMs <= MOST_LINGER_MS):
        raise BadRequest(
            f"batchSize {asked.batchSize} or maxLingerMs {asked.maxLingerMs} is out of bounds",
            f"at most {MOST_BATCH} and {MOST_LINGER_MS}",
        )
    until = time.monotonic() + asked.maxLingerMs / 1e3
    reader = f"service:{service.id}"
    position = await asyncio.to_thread(at.services.position, reader) or {}
    found: list[Sample] = []
    while True:
        more, position = await asyncio.to_thread(_look, at, service, position, asked.batchSize - len(found))
        found += more
        left = until - time.monotonic()
        if len(found) >= asked.batchSize or left <= 0:
            break
        if not more:
            await asyncio.sleep(min(_LOOK_S, left))
    await asyncio.to_thread(at.services.note_position, reader, position)
    body = await asyncio.to_thread(lambda: msgspec.json.encode(stream_answer(found)))
    return Response(body, media_type="application/json")


def _look(
    at: "Ingest", service: Service, position: dict[str, int], most: int
) -> tuple[list[Sample], dict[str, int]]:
    oldest = max(0, at.clock_ns() - RETENTION_NS)
    samples, after = at.intake.store.arrived(position, most=most, oldest_ns=oldest)
    mine = _mine(at, service)
    return [one for one in samples if one.reachable and (mine is None or one.terminal in mine)], after


async def _query(at: "Ingest", service: Service, request: Request) -> Response:
    asked = await _asked(request, QueryAsked)

    def find() -> bytes:
        wanted: set[str] | None = None if asked.userTerminalIds is None else set(asked.userTerminalIds)
        mine = _mine(at, service)
        if mine is not None:
            wanted = set(mine) if wanted is None else wanted & set(mine)
        terminals, routers = asked.includeUserTerminals is not False, asked.includeRouters is not False
        latest = at.intake.store.latest()
        return msgspec.json.encode(query_answer(latest, wanted, terminals=terminals, routers=routers))

    return Response(await asyncio.to_thread(find), media_type="application/json")


def _mine(at: "Ingest", service: Service) -> Collection[str] | None:
    """Return the terminals of a service account's customer, None for all."""
    if not service.account:
        return None
    return {terminal for terminal, account in at.tags.of("account").items() if account == service.account}


def _service(at: "Ingest", tokens: Tokens, request: Request) -> Service | Response:
    """Return who asks, or the answer where that is nobody, or asks too often."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    service = tokens.of(token.strip()) if scheme.lower() == "bearer" else None
    if service is None:
        return _error(401, "unauthorized", {"WWW-Authenticate": "Bearer"})
    try:
        at.limits.take(
            "service", f"account:{service.account}" if service.account else f"service:{service.id}"
        )
    except TooMany as error:
        return _error(429, "too many requests", {"Retry-After": str(max(1, round(error.wait_s)))})
    return service


async def _asked(request: Request, kind: type[Any]) -> Any:
    body = await read_body(request.scope, request.receive, _BODY_BYTES)
    if body is None:
        raise BadRequest(f"the body has more than {_BODY_BYTES} bytes", "ask for less")
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is wrong: {error}", "docs/telemetry.md tells what it holds") from None


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _error(status: int, text: str, headers: dict[str, str]) -> Response:
    body = json.dumps({"errors": [{"errorMessage": text}], "isValid": False})
    return Response(body, status_code=status, headers=headers, media_type="application/json")
