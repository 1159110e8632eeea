"""Putting the app together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

import openleo
from openleo.api import health, problems
from openleo.api.calls import CSV_PATHS, Services, json_only
from openleo.api.edge import Edge
from openleo.api.limits import Limits
from openleo.api.metrics import Metrics
from openleo.api.routers import (
    accounts,
    agents,
    amending,
    areas,
    claims,
    decisions,
    log,
    people,
    requests,
    session,
    terminals,
)
from openleo.api.routers.terminals import Rows
from openleo.api.routes import operation_id
from openleo.control.plane import SYSTEM, Plane
from openleo.control.store import StoreBroken
from openleo.control.switching import is_due, sweep

SWEEP_S = 1.0
_log = logging.getLogger("openleo.api")


def create_app(
    plane: Plane,
    *,
    limits: Limits | None = None,
    on_broken: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the control plane's HTTP API; its docs are at /openapi.json.

    ``plane`` is open, and grouped where there is load.  ``on_broken`` is called when storage failed: the
    process should end then.
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
        people,
        log,
    ):
        app.include_router(module.router)
    app.add_middleware(Edge, metrics=metrics, bulk=CSV_PATHS)
    problems.install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    held: Services = app.state.services
    sweeping = asyncio.create_task(_keep_sweeping(held))
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
        found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_ABOUT)
        shapes = found["components"]["schemas"]
        shapes["Problem"] = problems.SCHEMA
        rows = Rows.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes |= rows.pop("$defs")
        shapes["Rows"] = rows
        app.openapi_schema = found
    return app.openapi_schema


_ABOUT = """People's decisions about who may be served where, with a log that anyone can check.

Each change takes an `Idempotency-Key`; a retry with the same key gets the same answer, with the header
`Idempotent-Replay: true`.  Every resource has a `version`, which is its `ETag`.  Every error is
`application/problem+json` with a code that stays, a detail and a hint."""
