"""The network as a whole: its clock, its frames, the tables that stay, and its slots over time."""

import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from openleo.api.columns import Columns
from openleo.api.routes import On, reads
from openleo.api.stream import left_out, rules_version
from openleo.api.viewing import Viewing, Views, json_of
from openleo.api.watching import Watching
from openleo.base.clock import format_utc, slot_start
from openleo.live.history import start_ms
from openleo.live.looking import group_of
from openleo.live.looking import tables as shown
from openleo.live.views import view_at
from openleo.snapshot.causes import Cause
from openleo.snapshot.stream import Stamp, encode, snapshot_parts

router = APIRouter(prefix="/v1/network", tags=["network"])
HOUR_SLOTS = 240
MOST_ROWS = 5_000
Slot = Annotated[
    int | None, Query(ge=0, le=2**31 - 1, description="the slot that is asked about; default: the newest")
]
From = Annotated[
    int | None, Query(alias="from", ge=0, le=2**31 - 1, description="first slot; default: an hour back")
]
Until = Annotated[
    int | None, Query(ge=0, le=2**31 - 1, description="the slot after the last; default: all that have begun")
]
Table = Literal["cells", "terminals", "satellites", "gateways", "pops", "causes", "rules", "faults", "areas"]


class ClockOut(BaseModel):
    """The network's time."""

    state: Literal["starting", "live", "behind", "ended", "replay"]
    now: str
    speed: float
    slot_s: int
    slot: int = Field(description="the newest slot that has begun, -1 before the first")
    first_slot: int
    last_slot: int
    until_slot: int = Field(description="the slot at which the network ends")
    start: str | None
    end: str | None
    cut_off_s: float = Field(description="of the network: so long before a slot its rules freeze")


class Counts(BaseModel):
    """How many there are."""

    terminals: int
    cells: int
    satellites: int
    gateways: int
    pops: int


class NetworkOut(BaseModel):
    """The network, and its clock."""

    name: str
    title: str
    kind: Literal["simulated", "advisory", "enforced"]
    banner: str
    mode: Literal["live", "replay"]
    login: bool = Field(description="whether there is a control plane: people log in, and decide")
    network: str | None = Field(description="the control plane's name of it")
    run: str
    schema_version: int
    seed: int
    detail: str
    clock: ClockOut
    counts: Counts | None
    rules_version: int
    bounds: list[float] | None = Field(description="west, south, east, north of the cells with terminals")


class TableOut(BaseModel):
    """A table by columns."""

    name: str
    rows: int
    columns: Columns


class SlotsOut(BaseModel):
    """Slots over time, by columns."""

    first: int = Field(alias="from")
    until: int
    step: int
    columns: dict[str, list[Any]]


class CauseOut(BaseModel):
    """Terminals that are dark for the whole slot for one cause."""

    cause: int
    name: str
    meaning: str
    group: str
    terminals: int


class CausesOut(BaseModel):
    """Why terminals are dark in a slot, most first."""

    slot: int
    start: str
    terminals: int
    online: int
    causes: list[CauseOut]


class CausesOverTime(BaseModel):
    """Terminals dark by cause, slot by slot."""

    first: int = Field(alias="from")
    until: int
    step: int
    slots: list[int]
    causes: dict[str, list[int]]


def span(watching: Watching, first: int | None, until: int | None) -> tuple[int, int]:
    """Return the slots [first, until) that are asked about, by default the last hour."""
    after = watching.slot(None) + 1
    until = min(after if until is None else until, after)
    begin = watching.archive.first_slot
    first = max(begin, until - HOUR_SLOTS) if first is None else max(begin, first)
    return min(first, until), until


@router.get("", response_model=NetworkOut, **reads("network.read", On.NETWORK))
async def network(call: Views) -> Response:
    """Say which network this is, and what time it is there; also while it is starting."""
    at = call.watching

    def made() -> dict[str, Any]:
        manifest = {} if at.found is None else at.found.manifest
        ready = at.found is not None and at.shown >= 0
        return {
            "name": manifest.get("name", ""),
            "title": manifest.get("title", ""),
            "kind": at.kind,
            "banner": manifest.get("banner", ""),
            "mode": "live" if at.live else "replay",
            "login": at.login,
            "network": at.network,
            "run": run_id(at) if manifest else "",
            "schema_version": manifest.get("schema", 0),
            "seed": manifest.get("seed", 0),
            "detail": manifest.get("detail", ""),
            "clock": at.clock_told(),
            "counts": shown.counts(at.archive) if ready else None,
            "rules_version": rules_version(at) if ready else 0,
            "bounds": shown.bounds(at.archive) if ready else None,
        }

    return await call.show(made)


def run_id(watching: Watching) -> str:
    """Return a name for the run, which is another for another run."""
    manifest = watching.archive.manifest if watching.found is None else watching.found.manifest
    key = f"{manifest['name']} {manifest['seed']} {manifest['first_slot']} {watching.folder.path.resolve()}"
    return f"{manifest['name']}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


@router.get(
    "/frames/{slot}",
    response_class=Response,
    **reads("network.read", On.NETWORK),
)
async def frame(
    call: Views,
    slot: Annotated[str, Path(pattern=r"^(latest|[0-9]{1,10})$", description="a slot, or latest")],
) -> Response:
    """Return the whole network in one slot, as a snapshot frame (docs/api-live.md)."""
    at = call.watching
    number = at.slot(None if slot == "latest" else int(slot))

    def made() -> bytes:
        view = view_at(at.archive, number)
        speed = 0.0 if at.clock is None else at.clock.speed
        stamp = Stamp(number, start_ms(number), start_ms(number), speed, rules_version(at))
        return encode(snapshot_parts(view), stamp, leave_out=left_out(at))

    content = await at.aside(made)
    headers = {} if slot == "latest" else {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/tables/{name}", response_model=TableOut, **reads("network.read", On.NETWORK))
async def table(call: Views, request: Request, name: Table) -> Response:
    """Return a table that stays for the whole run, by columns; rules alone grow."""
    at = call.watching

    def made() -> tuple[bytes, str]:
        key = (name, str(at.archive.manifest["files"].get("rules.parquet")) if name == "rules" else "")
        if key not in at.kept:
            places = at.places() if name == "cells" else []
            columns = shown.table(at.archive, name, positions=at.positions, places=places)
            rows = len(next(iter(columns.values()), []))
            content = json_of({"name": name, "rows": rows, "columns": columns})
            at.kept[key] = (content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        found: tuple[bytes, str] = at.kept[key]
        return found

    content, etag = await at.aside(made)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@router.get("/slots", response_model=SlotsOut, **reads("network.read", On.NETWORK))
async def slots(
    call: Views, first: From = None, until: Until = None, step: Annotated[int, Query(ge=1, le=5760)] = 1
) -> Response:
    """Tell how the whole network fared slot by slot; ``step`` is raised where it must be."""
    begin, end = span(call.watching, first, until)
    step = max(step, -(-(end - begin) // MOST_ROWS))
    return await call.show(
        lambda: {
            "from": begin,
            "until": end,
            "step": step,
            "columns": shown.slots(call.watching.history(begin, end), begin, end, step),
        }
    )


@router.get("/causes", response_model=CausesOut, **reads("network.read", On.NETWORK))
async def causes(call: Views, slot: Slot = None) -> Response:
    """Count the terminals that are dark for the whole slot, by cause."""
    return await call.show(lambda: _causes(call, call.watching.slot(slot)))


def _causes(call: Viewing, slot: int) -> dict[str, Any]:
    summary, rows = shown.causes(call.watching.history(slot, slot + 1), slot)
    return {
        "slot": slot,
        "start": format_utc(slot_start(slot)),
        "terminals": summary["terminals"],
        "online": summary["online"],
        "causes": [
            {
                "cause": c,
                "name": Cause(c).name,
                "meaning": shown.meaning(c),
                "group": group_of(c),
                "terminals": n,
            }
            for c, n in rows
        ],
    }


@router.get("/causes/history", response_model=CausesOverTime, **reads("network.read", On.NETWORK))
async def causes_over_time(
    call: Views, first: From = None, until: Until = None, step: Annotated[int, Query(ge=1, le=5760)] = 1
) -> Response:
    """Count the terminals that are dark by cause, slot by slot."""
    begin, end = span(call.watching, first, until)
    step = max(step, -(-(end - begin) // MOST_ROWS))

    def made() -> dict[str, Any]:
        wanted = np.arange(begin, end, step)
        counts = shown.causes_over_time(call.watching.history(begin, end), wanted)
        return {
            "from": begin, "until": end, "step": step, "slots": wanted.tolist(),
            "causes": {Cause(c).name: values for c, values in counts.items()},
        }  # fmt: skip

    return await call.show(made)
