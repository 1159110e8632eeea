"""Satellites, gateways, points of presence; where satellites are; and runs."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from openleo.api.columns import GatewayColumns
from openleo.api.other_runs import listed
from openleo.api.routers.network import From, Slot, Until, run_id, span
from openleo.api.routers.network_cells import Cursor, Limit, page_link
from openleo.api.routes import On, reads
from openleo.api.shapes import Latitude, Longitude
from openleo.api.viewing import Views
from openleo.api.watching import NoSuchThing, Watching
from openleo.base.clock import slot_start
from openleo.base.digits import whole
from openleo.live import ephemeris
from openleo.live.looking import things
from openleo.live.looking.passes import passes_of
from openleo.live.views import view_at

router = APIRouter(prefix="/v1", tags=["network-things"])
Name = Annotated[str, Path(min_length=1, max_length=128)]


class GatewayOut(BaseModel):
    """A gateway in a slot."""

    row: int
    name: str
    country: str
    latitude_deg: float
    longitude_deg: float
    antennas: int
    in_use: int
    satellites: list[str]
    cells: int
    terminals: int
    faults: list[str]


class Gateways(BaseModel):
    """Every gateway."""

    slot: int
    items: list[GatewayOut]


class GatewayOverTime(BaseModel):
    """A gateway over slots, by columns."""

    gateway: str
    first: int = Field(alias="from")
    until: int
    step: int
    columns: GatewayColumns


class PopOut(BaseModel):
    """A point of presence in a slot, with the cells and terminals whose home it is."""

    row: int
    code: str
    name: str
    country: str
    latitude_deg: float
    longitude_deg: float
    cells: int
    cells_served: int
    terminals: int
    online: int
    faults: list[str]


class Pops(BaseModel):
    """Every point of presence."""

    slot: int
    items: list[PopOut]


class SatelliteOut(BaseModel):
    """A satellite in a slot."""

    row: int
    name: str
    catalogue_number: int
    shell: str
    plane: int
    plane_slot: int
    in_service: bool
    laser: bool
    generation: int
    serving_cells: int
    gateway: str | None


class CellOfSatellite(BaseModel):
    """A cell that a satellite gives units to."""

    row: int
    h3: str
    units: int


class OneSatellite(SatelliteOut):
    """A satellite in a slot, with its cells."""

    cells: list[CellOfSatellite]
    faults: list[str]


class Satellites(BaseModel):
    """Some satellites, and where there are more."""

    slot: int
    total: int
    items: list[SatelliteOut]
    next: str | None


class Pass(BaseModel):
    """A satellite over a place; no rise or set where it is under way at the begin or end."""

    rise: str | None
    highest: str
    set: str | None
    max_elevation_deg: float
    azimuth_deg: list[float]


class Passes(BaseModel):
    """A satellite's next passes over a place."""

    satellite: str
    start: str
    hours: float
    min_elevation_deg: float
    passes: list[Pass]


class EphemerisOut(BaseModel):
    """Which chunks of positions there are, and what one holds."""

    keyframe_s: int
    chunk_s: int
    keyframes: int
    satellites: int
    first: int
    last: int
    epoch: str


class RunOut(BaseModel):
    """A run folder."""

    id: str
    name: str
    title: str
    start: str
    end: str
    complete: bool
    terminals: int
    open: bool
    address: str | None = Field(
        description="where this server shows it, under its own address; null: nowhere"
    )


class Runs(BaseModel):
    """Run folders, the newest first."""

    items: list[RunOut]


@router.get("/network/gateways", response_model=Gateways, **reads("network.read", On.NETWORK))
async def list_gateways(call: Views, slot: Slot = None) -> Response:
    """List gateways, with the antennas in use and what they carry."""
    at, number = call.watching, call.watching.slot(slot)
    return await call.show(lambda: {"slot": number, "items": things.gateways(at.scene(number))})


_MOST_POINTS = 360


@router.get(
    "/network/gateways/{name}/history", response_model=GatewayOverTime, **reads("network.read", On.NETWORK)
)
async def gateway_over_time(
    call: Views, name: Name, first: From = None, until: Until = None,
    step: Annotated[int, Query(ge=1, le=5760)] = 1,
) -> Response:  # fmt: skip
    """Tell a gateway's antennas in use, cells and capacity; ``step`` is raised where it must be."""
    at = call.watching
    begin, end = span(at, first, until)
    step = max(step, -(-(end - begin) // _MOST_POINTS))

    def made() -> dict[str, Any]:
        row = _named(at.archive.statics["gateways"].to_dicts(), "gateway", "name", name)
        number = at.archive.statics["gateways"]["name"].to_list().index(row["name"])
        columns = things.gateway_history(at.history(begin, end), number, np.arange(begin, end, step))
        return {"gateway": name, "from": begin, "until": end, "step": step, "columns": columns}

    return await call.show(made)


@router.get("/network/gateways/{name}", response_model=GatewayOut, **reads("network.read", On.NETWORK))
async def show_gateway(call: Views, name: Name, slot: Slot = None) -> Response:
    """Show a gateway."""
    at, number = call.watching, call.watching.slot(slot)
    return await call.show(lambda: _named(things.gateways(at.scene(number)), "gateway", "name", name))


@router.get("/network/pops", response_model=Pops, **reads("network.read", On.NETWORK))
async def list_pops(call: Views, slot: Slot = None) -> Response:
    """List points of presence, with those whose home they are."""
    at, number = call.watching, call.watching.slot(slot)
    return await call.show(lambda: {"slot": number, "items": things.pops(at.scene(number))})


@router.get("/network/pops/{code}", response_model=PopOut, **reads("network.read", On.NETWORK))
async def show_pop(call: Views, code: Name, slot: Slot = None) -> Response:
    """Show a point of presence."""
    at, number = call.watching, call.watching.slot(slot)
    return await call.show(lambda: _named(things.pops(at.scene(number)), "point of presence", "code", code))


def _named(items: list[dict[str, Any]], what: str, key: str, name: str) -> dict[str, Any]:
    for item in items:
        if item[key] == name:
            return item
    raise NoSuchThing(
        f"there is no {what} {name!r}", f"there are {', '.join(str(i[key]) for i in items[:8])}"
    )


@router.get("/network/satellites", response_model=Satellites, **reads("network.read", On.NETWORK))
async def list_satellites(
    call: Views, request: Request, *, slot: Slot = None,
    q: Annotated[str, Query(max_length=100, description="part of a name, a number, or a shell")] = "",
    serving: bool | None = None, limit: Limit = 100, cursor: Cursor = 0,
) -> Response:  # fmt: skip
    """List satellites, and what they serve in a slot."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        scene, view = at.scene(number), view_at(at.archive, number)
        every = things.satellite_rows(scene, view, text=q, serving=serving)
        rows = every[every >= cursor][: limit + 1].tolist()
        return {
            "slot": number,
            "total": len(every),
            "items": [things.satellite(scene, view, row) for row in rows[:limit]],
            "next": page_link(request, rows[limit]) if len(rows) > limit else None,
        }

    return await call.show(made)


@router.get(
    "/network/satellites/{satellite:path}/passes", response_model=Passes, **reads("network.read", On.NETWORK)
)
async def passes(
    call: Views, *, satellite: Name, latitude_deg: Annotated[Latitude, Query()],
    longitude_deg: Annotated[Longitude, Query()], slot: Slot = None,
    hours: Annotated[float, Query(gt=0, le=48)] = 12.0,
) -> Response:  # fmt: skip
    """Say when a satellite next passes over a place, above the network's minimum elevation."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        from openleo.base.clock import format_utc

        row, least = _satellite_row(at, satellite), at.archive.network.world.network.min_elevation_deg
        start = slot_start(number)
        return {
            "satellite": at.archive.statics["satellites"]["name"][row],
            "start": format_utc(start),
            "hours": hours,
            "min_elevation_deg": least,
            "passes": passes_of(
                _propagator(at), row, start, latitude_deg=latitude_deg, longitude_deg=longitude_deg,
                hours=hours, min_elevation_deg=least,
            ),
        }  # fmt: skip

    return await call.explain(made)


@router.get(
    "/network/satellites/{satellite:path}", response_model=OneSatellite, **reads("network.read", On.NETWORK)
)
async def show_satellite(call: Views, satellite: Name, slot: Slot = None) -> Response:
    """Show a satellite, by row or name, and its cells in a slot."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        scene, row = at.scene(number), _satellite_row(at, satellite)
        return {
            **things.satellite(scene, view_at(at.archive, number), row),
            "cells": things.cells_of_satellite(scene, row),
            "faults": things.faults_of_satellite(scene, row),
        }

    return await call.show(made)


def _satellite_row(at: Watching, name: str) -> int:
    names = at.archive.statics["satellites"]["name"]
    number = whole(name)
    if number is not None and number < len(names):
        return number
    rows = (names == name).arg_true()
    if len(rows) == 0:
        raise NoSuchThing(f"there is no satellite {name!r}", "find one with /v1/network/satellites?q=")
    return int(rows[0])


def _propagator(at: Watching) -> Any:
    if "propagator" not in at.kept:
        at.kept["propagator"] = ephemeris.propagator_of(at.archive.network.world)
    return at.kept["propagator"]


@router.get("/ephemeris", response_model=EphemerisOut, **reads("network.read", On.NETWORK))
async def ephemeris_about(call: Views) -> Response:
    """Say which chunks of positions there are."""
    at = call.watching

    def made() -> dict[str, Any]:
        manifest = at.archive.manifest
        first, last = ephemeris.chunks_of(int(manifest["first_slot"]), int(manifest["last_slot"]))
        return {
            "keyframe_s": ephemeris.KEYFRAME_S,
            "chunk_s": ephemeris.CHUNK_S,
            "keyframes": ephemeris.KEYFRAMES,
            "satellites": len(at.archive.statics["satellites"]),
            "first": first,
            "last": last,
            "epoch": "1980-01-06T00:00:00Z",
        }

    return await call.show(made)


@router.get("/ephemeris/{chunk}", response_class=Response, **reads("network.read", On.NETWORK))
async def ephemeris_chunk(
    call: Views, request: Request, chunk: Annotated[int, Path(ge=0, le=2**31 - 1)],
    run: Annotated[str, Query(max_length=128, description="tells runs apart in caches; not read")] = "",
) -> Response:  # fmt: skip
    """Return positions and velocities of every satellite, Earth-fixed, in float32 (docs/api-live.md)."""
    at = call.watching
    manifest = at.archive.manifest
    first, last = ephemeris.chunks_of(int(manifest["first_slot"]), int(manifest["last_slot"]))
    if not first <= chunk <= last:
        raise NoSuchThing(f"there is no chunk {chunk}", f"chunks are {first} to {last}")
    etag = f'"{run_id(at)}-{chunk}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    content = await at.slowly(lambda: ephemeris.chunk_bytes(_propagator(at), chunk))
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/runs", response_model=Runs, **reads("network.read", On.NETWORK))
async def runs(call: Views) -> Response:
    """List run folders that are near; without a control plane each is shown under its address."""
    return await call.show(lambda: {"items": listed(call.watching)})
