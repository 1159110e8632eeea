"""Whether the server lives, whether it can take decisions, and its numbers."""

import shutil

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import select

from openleo.api.calls import Public, Reads, Services
from openleo.api.routes import On, opens, reads
from openleo.base.errors import Refused
from openleo.control.schema import meta

router = APIRouter(tags=["health"])
LEAST_FREE_BYTES = 64 * 1024 * 1024


class NotReady(Refused):
    """The server cannot take decisions now."""

    code = "not-ready"


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class Ready(BaseModel):
    """Decisions can be taken."""

    ready: bool = True


@router.get("/health", response_model=Alive, **opens())
async def health() -> Alive:
    """Say that the process answers."""
    return Alive()


@router.get("/ready", response_model=Ready, **opens())
async def ready(at: Public) -> Ready:
    """Say that decisions can be taken: the store is open, its guard is held, the disk has room."""
    await at.aside(lambda: _need_ready(at))
    return Ready()


@router.get("/metrics", response_class=Response, **reads("log.read", On.NETWORK))
async def metrics(call: Reads) -> Response:
    """The numbers for Prometheus, which tell how many decisions of which kind there were."""

    def found() -> bytes:
        call.services.plane.read(call.actor, lambda tx: tx.require("log.read"))
        return call.services.metrics.text()

    content = await call.services.aside(found)
    return Response(content, media_type="text/plain; version=0.0.4")


def _need_ready(at: Services) -> None:
    store = at.plane.store
    if at.plane.broken:
        raise NotReady("storage failed: nothing more is written", "restart the server")
    if not store.holds_guard and not store.claim():  # the one that held it may have ended since
        raise NotReady("another process holds the guard of this store", "stop it, or wait for it")
    free = shutil.disk_usage(store.folder).free
    if free < LEAST_FREE_BYTES:
        raise NotReady(f"the disk has {free} bytes left, less than {LEAST_FREE_BYTES}", "make room on it")
    with store.reading() as conn:
        conn.execute(select(meta.c.name).limit(1)).all()
