"""Telemetry over HTTP: batches come in by a plain ASGI route, and the fleet goes out to those who read it.

It is an app of its own, for a process of its own: however much telemetry comes, decisions do not wait for it.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openleo.api import agent_orders, enterprise
from openleo.api.edge import read_body
from openleo.api.limits import Limits, Rate
from openleo.api.problems import RETRY_S, TooLarge, of_error, of_fault, problem
from openleo.base.errors import OpenleoError, Refused
from openleo.control.driver import StoreBroken
from openleo.fleet.acting.through import Orders
from openleo.fleet.agents import Agents
from openleo.fleet.batches import MOST_BYTES, PATH, BadBatch, NotSigned
from openleo.fleet.database import FleetDatabase
from openleo.fleet.intake import Intake
from openleo.fleet.prometheus import CONTENT_TYPE, fleet_metrics
from openleo.fleet.services import Services
from openleo.fleet.tags import Tags

RATES: Final = {
    "telemetry": Rate(per_s=2, burst=20),  # of a device
    "telemetry-unsigned": Rate(per_s=1, burst=100),  # of an address: batches that nobody known signed
    "orders": Rate(per_s=1, burst=20),  # of an agent
    "claim-code": Rate(per_s=1 / 12, burst=5, closed=True),
    "claim-address": Rate(per_s=1, burst=20, closed=True),
    "service-token": Rate(per_s=1_000 / 900, burst=1_000, closed=True),  # of an address
    "service": Rate(per_s=250 / 60, burst=250),  # of a service account's customer
}
REFRESH_S: Final = 1.0
_SLOW_RETRY_S: Final = 60  # a full disk is not emptied in a moment


class NeedsService(Refused):
    """Only a service account may read this."""

    code = "unauthenticated"


@dataclass(kw_only=True)
class Ingest:
    """What the app works with.

    ``open_metrics`` lets anybody who reaches the port read the metrics: only where that is this machine.
    """

    intake: Intake
    agents: Agents
    services: Services
    tags: Tags
    orders: Orders
    limits: Limits = field(default_factory=lambda: Limits(rates=RATES))
    open_metrics: bool = True
    on_broken: Callable[[], None] = lambda: None
    clock_ns: Callable[[], int] = time.time_ns

    @classmethod
    def of(cls, intake: Intake, database: FleetDatabase, **more: Any) -> "Ingest":
        """Return one on a fleet database."""
        return cls(
            intake=intake, agents=Agents(database), services=Services(database), tags=Tags(database),
            orders=Orders.of(database.path.parent), **more,
        )  # fmt: skip


def create_ingest_app(at: Ingest) -> ASGIApp:
    """Return the app; what is not telemetry coming in goes through Starlette's routes."""
    registry = CollectorRegistry()
    registry.register(_OfTheIntake(at))

    async def metrics(request: Request) -> Response:
        if not at.open_metrics:
            await _need_service(at, request)
        text = await asyncio.to_thread(lambda: fleet_metrics(at.intake.store.latest(), at.clock_ns()))
        return Response(generate_latest(registry) + text.encode(), media_type=CONTENT_TYPE)

    async def enrol(request: Request) -> Response:
        return await _enrol(at, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"alive": True})

    rest = Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", metrics),
            Route(f"{PATH}/enrol", enrol, methods=["POST"]),
            *agent_orders.routes(at),
            *enterprise.routes(at),
        ],
        exception_handlers={OpenleoError: _domain, Exception: _fault, StoreBroken: _Broken(at)},
        lifespan=lambda app: _lifespan(at),
    )
    rest.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await _telemetry(at, scope, receive, send)
        else:
            await rest(scope, receive, send)

    return app


async def _telemetry(at: Ingest, scope: Scope, receive: Receive, send: Send) -> None:
    """Take one batch: 204 when it is durable, else why not and whether to send it again."""
    request_id = secrets.token_hex(8)
    try:
        answer = await _take(at, scope, receive, request_id)
    except OpenleoError as error:
        answer = of_error(PATH, request_id, _limited(at, scope, error))
        if answer.status_code == 507:
            answer.headers["Retry-After"] = str(_SLOW_RETRY_S)
    except StoreBroken as error:
        answer = _told_broken(at, PATH, request_id, error)
    except Exception as error:
        answer = of_fault(PATH, request_id, error)
    await answer(scope, receive, send)


async def _take(at: Ingest, scope: Scope, receive: Receive, request_id: str) -> "Response | _NoContent":
    if scope["method"] != "POST":
        return problem(
            PATH, request_id, "method-not-allowed", f"{scope['method']} is not done here", "POST a batch",
            headers={"Allow": "POST"},
        )  # fmt: skip
    body = await read_body(scope, receive, MOST_BYTES)
    if body is None:
        raise TooLarge(f"the batch has more than {MOST_BYTES:,} bytes", "send it in several batches")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    outcome = await asyncio.wrap_future(at.intake.take(headers, body))
    return _NoContent(again=outcome == "again")


class _NoContent:
    """An empty answer, without what Starlette spends on one."""

    status_code = 204

    def __init__(self, *, again: bool) -> None:
        self.headers: dict[str, str] = {}
        self._again = again

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = [(b"idempotent-replay", b"true")] if self._again else []
        start: Message = {"type": "http.response.start", "status": 204, "headers": told}
        await send(start)
        await send({"type": "http.response.body", "body": b""})


def _limited(at: Ingest, scope: Scope, error: OpenleoError) -> OpenleoError:
    """Count what nobody known signed against where it came from; return what to say of it."""
    if isinstance(error, NotSigned):
        try:
            at.limits.take("telemetry-unsigned", _address(scope))
        except OpenleoError as limited:
            return limited
    return error


async def _enrol(at: Ingest, request: Request) -> Response:
    """Take an agent's key under its code."""
    at.limits.take("claim-address", _address(request.scope))
    body = await read_body(request.scope, request.receive, 4_096)
    try:
        found = json.loads(body or b"")
        code, key, proof = (str(found[name]) for name in ("code", "public_key", "proof"))
    except (ValueError, KeyError, TypeError):
        raise BadBatch(
            "this is no enrolment", 'send {"code": ..., "public_key": ..., "proof": ...}, each a text'
        ) from None
    at.limits.take("claim-code", code[:64])
    device = await asyncio.to_thread(
        lambda: at.agents.enrol(code, public_key=key, proof=proof, now_ns=at.clock_ns())
    )
    return JSONResponse({"device": device}, headers={"Cache-Control": "no-store"})


async def _need_service(at: Ingest, request: Request) -> None:
    """Raise NeedsService unless the request carries a service account's name and secret, or its token."""
    service = await asyncio.to_thread(enterprise.service_of, at, request)
    if service is None:
        raise NeedsService(
            "a service account is needed here",
            "make one with `openleo fleet service add`, and send its name and secret (HTTP Basic)",
        )


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "local"


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, OpenleoError)
    return of_error(request.url.path, secrets.token_hex(8), error)


async def _fault(request: Request, error: Exception) -> Response:
    return of_fault(request.url.path, secrets.token_hex(8), error)


class _Broken:
    def __init__(self, at: Ingest) -> None:
        self._at = at

    async def __call__(self, request: Request, error: Exception) -> Response:
        return _told_broken(self._at, request.url.path, secrets.token_hex(8), error)


def _told_broken(at: Ingest, path: str, request_id: str, error: Exception) -> Response:
    at.on_broken()
    return problem(
        path, request_id, "store-broken", f"{error}; nothing more is written",
        "send it again: the process is started anew, and finds what was acknowledged",
        headers={"Retry-After": str(RETRY_S)},
    )  # fmt: skip


@asynccontextmanager
async def _lifespan(at: Ingest) -> AsyncIterator[None]:
    refreshing = asyncio.create_task(_keep_refreshing(at))
    yield
    refreshing.cancel()
    with suppress(asyncio.CancelledError):
        await refreshing
    at.orders.close()


async def _keep_refreshing(at: Ingest) -> None:
    """Hold back, within a second, what devices said since they fell into wrong hands."""
    while True:
        try:
            at.intake.refresh()
        except StoreBroken:
            at.on_broken()
            return
        except (OpenleoError, OSError):
            pass  # the disk is full, or the control database is locked: the next second may do
        await asyncio.sleep(REFRESH_S)


class _OfTheIntake(Collector):
    """What the intake counts."""

    def __init__(self, at: Ingest) -> None:
        self._at = at

    def describe(self) -> list[Metric]:
        """Say nothing ahead."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the counts."""
        intake = self._at.intake
        counts = dict(intake.counts)
        samples = CounterMetricFamily("openleo_ingest_samples", "samples taken", labels=["kind"])
        samples.add_metric(["new"], counts.pop("samples", 0) - counts.get("doubles", 0))
        samples.add_metric(["double"], counts.pop("doubles", 0))
        yield samples
        batches = CounterMetricFamily(
            "openleo_ingest_batches", "batches by what became of them", labels=["outcome"]
        )
        for name, value in sorted(counts.items()):
            batches.add_metric([name], value)
        yield batches
        yield GaugeMetricFamily("openleo_ingest_pending_bytes", "waits to be written", intake.pending_bytes)
        yield GaugeMetricFamily("openleo_ingest_pending_batches", "wait to be written", intake.pending)
        yield GaugeMetricFamily(
            "openleo_ingest_clones", "devices of which two seem to have one key", len(intake.clones.found)
        )
