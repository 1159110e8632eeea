"""Putting the app together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

import openleo
from openleo.api import health, page, problems, stream
from openleo.api.calls import CSV_PATHS, Services, json_only
from openleo.api.edge import Edge
from openleo.api.fleet_shown import FleetShown
from openleo.api.limits import Limits
from openleo.api.metrics import Metrics
from openleo.api.other_runs import OtherRuns
from openleo.api.routers import (
    accounts,
    agents,
    amending,
    areas,
    claims,
    decisions,
    fleet,
    fleet_jobs,
    lines,
    lists,
    log,
    network,
    network_cells,
    network_terminals,
    network_things,
    people,
    requests,
    session,
    terminals,
)
from openleo.api.routers.terminals import Rows
from openleo.api.routes import opens, operation_id
from openleo.api.stream import Stream
from openleo.api.watching import Watching
from openleo.control.plane import SYSTEM, Plane
from openleo.control.store import StoreBroken
from openleo.control.switching import is_due, sweep

SWEEP_S = 1.0
NETWORK = (
    network.router, network_cells.router, network_terminals.router, network_things.router, stream.router,
)  # fmt: skip
FLEET = (fleet.router, fleet_jobs.router)
_log = logging.getLogger("openleo.api")


def create_app(
    plane: Plane,
    *,
    limits: Limits | None = None,
    on_broken: Callable[[], None] = lambda: None,
    watching: Watching | None = None,
    shown: FleetShown | None = None,
) -> FastAPI:
    """Return the control plane's HTTP API; its docs are at /openapi.json.

    ``plane`` is open, and grouped where there is load.  ``on_broken`` is called when storage failed: the
    process should end then.  ``watching`` is the network that it decides about, where that is served too, and
    ``shown`` a real fleet.
    """
    limits = limits or Limits()
    metrics = Metrics(plane, limits)
    held = Services(plane=plane, limits=limits, metrics=metrics, on_broken=on_broken)
    app = FastAPI(
        title="openleo control plane", version=openleo.__version__, docs_url=None, redoc_url=None,
        lifespan=_lifespan, dependencies=[Depends(json_only)], generate_unique_id_function=operation_id,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.services = held
    for module in (
        health,
        session,
        areas,
        requests,
        decisions,
        claims,
        terminals,
        agents,
        amending,
        accounts,
        lines,
        lists,
        people,
        log,
    ):
        app.include_router(module.router)
    _add_shown(app, watching, shown)
    app.add_middleware(Edge, metrics=metrics, bulk=CSV_PATHS)
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def create_network_app(
    watching: Watching | None, *, limits: Limits | None = None, shown: FleetShown | None = None,
    others: bool = True,
) -> FastAPI:  # fmt: skip
    """Return the API of a network or fleet without a control plane: anybody reads it, and nobody decides.

    ``others``: the runs near it are shown beside it.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="openleo network" if watching else "openleo fleet", version=openleo.__version__, docs_url=None,
        redoc_url=None,
        lifespan=_watching_only, dependencies=[Depends(json_only)], generate_unique_id_function=operation_id,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.limits = limits
    app.add_api_route("/health", health.health, response_model=health.Alive, tags=["health"], **opens())
    _add_shown(app, watching, shown)
    app.add_middleware(Edge, metrics=Metrics(None, limits), bulk=frozenset())
    if others and watching is not None and watching.runs:
        app.add_middleware(
            OtherRuns,
            watching=watching,
            make=lambda other: create_network_app(other, limits=limits, others=False),
        )
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_shown(app: FastAPI, watching: Watching | None, shown: FleetShown | None) -> None:
    """Add the page, and the routes of the network and of the fleet that are shown."""
    if watching is None and shown is None:
        return
    page.install(app)
    if watching is not None:
        app.state.watching = watching
        for router in NETWORK:
            app.include_router(router)
    if shown is not None:
        app.state.fleet = shown
        for router in FLEET:
            app.include_router(router)


@asynccontextmanager
async def _watching_only(app: FastAPI) -> AsyncIterator[None]:
    async with _streaming(app):
        yield


@asynccontextmanager
async def _streaming(app: FastAPI) -> AsyncIterator[None]:
    """Keep looking at the network, and send it to those who watch, where there is one."""
    watching: Watching | None = getattr(app.state, "watching", None)
    if watching is None:
        yield
        return
    app.state.stream = sent = Stream(watching=watching)
    watching.on_slot.append(sent.tell)
    making = asyncio.create_task(sent.keep_making())
    try:
        async with watching.watched():
            yield
    finally:
        making.cancel()
        with suppress(asyncio.CancelledError):
            await making


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    held: Services = app.state.services
    sweeping = asyncio.create_task(_keep_sweeping(held))
    async with _streaming(app):
        yield
    sweeping.cancel()
    with suppress(asyncio.CancelledError):
        await sweeping
    held.readers.shutdown(wait=True)
    held.slow.shutdown(wait=True)


async def _keep_sweeping(held: Services) -> None:
    """Write down, each second, what time alone has done."""
    while not held.plane.broken:
        try:
            if await held.read(SYSTEM, is_due):
                await held.act(SYSTEM, sweep)
        except StoreBroken:
            held.on_broken()
            return
        except Exception as error:  # the queue or the disk is full, or worse: the next second may do
            _log.warning("what time has done waits to be written down: %s", error)
        await asyncio.sleep(SWEEP_S)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, with the shapes that FastAPI does not find by itself."""
    if app.openapi_schema is None:
        about = _ABOUT if hasattr(app.state, "services") else _ABOUT_NETWORK
        found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=about)
        shapes = found["components"]["schemas"]
        shapes["Problem"] = problems.SCHEMA
        if not hasattr(app.state, "services"):
            app.openapi_schema = found
            return found
        rows = Rows.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes |= rows.pop("$defs")
        shapes["Rows"] = rows
        app.openapi_schema = found
    return app.openapi_schema


_ABOUT_NETWORK = """A network of satellites as it runs, slot by slot; nothing can be decided here.

docs/api-live.md says how the parts fit, and how frames are laid out.  Every error is
`application/problem+json` with a code that stays, a detail and a hint."""

_ABOUT = """People's decisions about who may be served where, with a log that anyone can check.

Each change takes an `Idempotency-Key`; a retry with the same key gets the same answer, with the header
`Idempotent-Replay: true`.  Every resource has a `version`, which is its `ETag`.  Every error is
`application/problem+json` with a code that stays, a detail and a hint."""
