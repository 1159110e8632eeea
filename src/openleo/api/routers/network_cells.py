"""Cells: how they fare in a slot, and why; places and whatever else is looked for by name."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from openleo.api.evidence import Evidence
from openleo.api.pages import MOST
from openleo.api.routers.network import Slot
from openleo.api.routes import On, reads
from openleo.api.shapes import one_of
from openleo.api.shown_areas import areas_found
from openleo.api.viewing import Views
from openleo.api.watching import NoSuchThing, Watching
from openleo.base.errors import BadInput
from openleo.ground.cells import cell_name, cell_of, cells_from_names
from openleo.live.looking.scene import Scene
from openleo.live.looking.towns import places_beginning
from openleo.results.evidence import explain_cell, explain_elsewhere
from openleo.snapshot.causes import Cause

router = APIRouter(prefix="/v1/network", tags=["network-cells"])
CauseName = Annotated[str, one_of(c.name for c in Cause)]
MaybeCause = Annotated[CauseName | None, Query(description="only these")]
H3 = Annotated[str, Path(pattern=r"^[0-9a-f]{1,16}$", description="H3 index of resolution 5")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="how many items at most")]
Cursor = Annotated[int, Query(ge=0, le=2**31, description="from `next`")]


class CellOut(BaseModel):
    """A cell in a slot; rows number cells as frames do."""

    row: int
    h3: str
    latitude_deg: float
    longitude_deg: float
    country: str
    place: str
    cause: str
    reason: str | None
    fault: str | None
    asking: int
    seen: int
    outside_gso: int
    in_view: int
    with_route: int
    satellite: str | None
    gateway: str | None
    satellites: int
    units: int
    handover: bool
    rtt_ms: float | None
    rate_mbps: float | None


class BeamOut(BaseModel):
    """One satellite's units for a cell."""

    satellite: str | None
    gateway: str | None
    units: int
    user_ms: float | None
    feeder_ms: float | None
    fibre_ms: float | None
    rate_mbps: float | None


class OneCell(CellOut):
    """A cell in a slot, with its beams."""

    home_pop: str | None
    terminals: int
    beams: list[BeamOut]


class Cells(BaseModel):
    """Some cells, and where there are more."""

    slot: int
    total: int
    items: list[CellOut]
    next: str | None


class TownOut(BaseModel):
    """A town."""

    name: str
    country: str
    latitude_deg: float
    longitude_deg: float
    population: int


class Towns(BaseModel):
    """The towns by which cells are called, the most populous first."""

    items: list[TownOut]


class PlaceOut(TownOut):
    """A town; ``row`` is that of its cell in frames, null where the network has no terminals."""

    h3: str
    row: int | None
    near: str = Field(description="how far from which city; empty of a city that no larger one adjoins")


class Places(BaseModel):
    """Towns, the most populous first."""

    items: list[PlaceOut]


class FoundOut(BaseModel):
    """Something that was looked for."""

    kind: Literal["terminal", "cell", "place", "satellite", "gateway", "pop", "area"]
    id: str
    title: str
    latitude_deg: float | None
    longitude_deg: float | None
    row: int | None
    note: str = Field(description="what tells it from others of its name: of a place, people and where it is")


class FoundAll(BaseModel):
    """What was found, a few of each kind."""

    items: list[FoundOut]


def page_link(request: Request, after: int) -> str:
    """Return the address of the page that begins after a row."""
    url = request.url.include_query_params(cursor=after)
    return f"{url.path}?{url.query}"


def cell_row(watching: Watching, h3: str) -> int:
    """Return the row of a cell in frames; raises NoSuchThing."""
    if "cell_rows" not in watching.kept:
        names = watching.archive.statics["cell_index"]["h3"].gather(watching.archive.tracked).to_list()
        watching.kept["cell_rows"] = {name: row for row, name in enumerate(names)}
    row = watching.kept["cell_rows"].get(h3)
    if row is None:
        raise NoSuchThing(
            f"the network has no terminals in cell {h3}", "list its cells with /v1/network/cells"
        )
    return int(row)


@router.get("/cells", response_model=Cells, **reads("network.read", On.NETWORK))
async def list_(
    call: Views, request: Request, *, slot: Slot = None, cause: MaybeCause = None, limit: Limit = 100,
    cursor: Cursor = 0,
) -> Response:  # fmt: skip
    """List cells with terminals of the scenario, and how they fare in a slot."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        scene = at.scene(number)
        chosen = np.arange(len(scene.cells))
        if cause is not None:
            chosen = np.flatnonzero(scene.cells["cause"].to_numpy() == Cause[cause])
        rows = chosen[chosen >= cursor][: limit + 1].tolist()
        places = at.places()
        return {
            "slot": number,
            "total": len(chosen),
            "items": [scene.cell(row, places[row]) for row in rows[:limit]],
            "next": page_link(request, rows[limit]) if len(rows) > limit else None,
        }

    return await call.show(made)


def one_cell(watching: Watching, scene: Scene, row: int) -> dict[str, Any]:
    """Return a cell with its beams."""
    return {
        **scene.cell(row, watching.places()[row]),
        "home_pop": scene.name("pops", int(scene.info["home_pop"][row])),
        "terminals": int((scene.cell_of == row).sum()),
        "beams": scene.beams_of(row),
    }


@router.get("/cells/{h3}", response_model=OneCell, **reads("network.read", On.NETWORK))
async def show(call: Views, h3: H3, slot: Slot = None) -> Response:
    """Show a cell in a slot, with its beams."""
    at, number = call.watching, call.watching.slot(slot)
    return await call.show(lambda: one_cell(at, at.scene(number), cell_row(at, h3)))


@router.get("/cells/{h3}/explain", response_model=Evidence, **reads("network.read", On.NETWORK))
async def explain(call: Views, h3: H3, slot: Slot = None) -> Response:
    """Say why a cell was served or not in a slot, with every candidate and the test that it failed."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        run = at.history(number, number + 1)
        try:
            row = int(at.archive.tracked[cell_row(at, h3)])
        except NoSuchThing:
            found = cells_from_names([h3])
            if len(found) != 1:
                raise BadInput(f"{h3} is no cell of resolution 5", "give one of /v1/network/cells") from None
            return explain_elsewhere(run, int(found[0]), number)
        return explain_cell(run, row, number)

    return await call.explain(made)


@router.get("/towns", response_model=Towns, **reads("network.read", On.NETWORK))
async def towns(
    call: Views, limit: Annotated[int, Query(ge=1, le=5_000, description="how many at most")] = 2_000
) -> Response:
    """List the towns near which the network has terminals."""
    return await call.show(lambda: {"items": call.watching.towns(limit)})


@router.get("/places", response_model=Places, **reads("network.read", On.NETWORK))
async def places(
    call: Views,
    q: Annotated[str, Query(min_length=1, max_length=100, description="the beginning of a name")],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Find towns by the beginning of their name."""
    return await call.show(lambda: {"items": _places(call.watching, q, limit)})


def _places(at: Watching, text: str, limit: int) -> list[dict[str, Any]]:
    found = []
    for place in places_beginning(text, limit=limit):
        h3 = cell_name(int(cell_of(place["latitude_deg"], place["longitude_deg"])))
        try:
            row = cell_row(at, h3)
        except NoSuchThing:
            row = None
        found.append({**place, "h3": h3, "row": row})
    return found


@router.get("/search", response_model=FoundAll, **reads("network.read", On.NETWORK))
async def search(
    call: Views, q: Annotated[str, Query(min_length=1, max_length=100, description="part of a name")]
) -> Response:
    """Find terminals, cells, towns, satellites, gateways and areas by name, a few of each."""
    decided = await areas_found(call, q.strip(), _EACH)
    return await call.show(lambda: {"items": _found(call.watching, q.strip(), decided)})


_EACH = 5


def _found(at: Watching, text: str, decided: list[tuple[str, str]] | None) -> list[dict[str, Any]]:
    """Return what is found; ``decided`` are the control plane's areas, in whose stead the scenario's go."""
    wanted, archive = text.lower(), at.archive
    found = []
    for kind, table, column in (
        ("gateway", "gateways", "name"), ("pop", "pops", "name"), ("satellite", "satellites", "name"),
        ("terminal", "terminals", "id"),
    ):  # fmt: skip
        frame = archive.statics[table]
        hits = frame[column].str.to_lowercase().str.contains(wanted, literal=True).arg_true()[:_EACH]
        for row in hits.to_list():
            info = frame.row(row, named=True)
            told = kind != "satellite" and (kind != "terminal" or at.positions)
            found.append(
                {
                    "kind": kind,
                    "id": info["code"] if kind == "pop" else info[column],
                    "title": info[column],
                    "latitude_deg": round(info["latitude_deg"], 5) if told else None,
                    "longitude_deg": round(info["longitude_deg"], 5) if told else None,
                    "row": row,
                    "note": "",
                }
            )
    cells = archive.statics["cell_index"][archive.tracked]
    for row in cells["h3"].str.starts_with(wanted).arg_true()[:_EACH].to_list():
        h3, latitude, longitude = cells.select("h3", "latitude_deg", "longitude_deg").row(row)
        found.append(_thing("cell", h3, f"cell near {at.places()[row]}", latitude, longitude, row))
    for place in _places(at, text, _EACH):
        title = f"{place['name']}, {place['country']}"
        found.append(
            {
                **_thing("place", title, title, place["latitude_deg"], place["longitude_deg"], place["row"]),
                "note": ", ".join(filter(None, (_people(place["population"]), place["near"]))),
            }
        )
    areas = [(n, n) for n in _areas(at) if wanted in n.lower()][:_EACH] if decided is None else decided
    return found + [
        {
            "kind": "area",
            "id": id,
            "title": title or id,
            "latitude_deg": None,
            "longitude_deg": None,
            "row": None,
            "note": "",
        }
        for id, title in areas
    ]


def _areas(at: Watching) -> list[str]:
    """Return the names of the scenario's areas, without waiting for the network to be compiled."""
    import json

    from openleo.results.folder import SCENARIO

    document = json.loads((at.folder.path / SCENARIO).read_bytes())
    return [str(area["name"]) for area in document.get("areas", [])]


def _thing(
    kind: str, name: str, title: str, latitude: float, longitude: float, row: int | None
) -> dict[str, Any]:
    return {
        "kind": kind, "id": name, "title": title, "latitude_deg": round(latitude, 5),
        "longitude_deg": round(longitude, 5), "row": row, "note": "",
    }  # fmt: skip


def _people(population: int) -> str:
    """Return a population as far as the gazetteer is to be trusted: three digits."""
    if not population:
        return ""
    step = 10 ** max(0, len(str(population)) - 3)
    return f"{round(population / step) * step:,} people"
