"""Areas: listing, reading, making and changing them, their cells and history."""

from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Row, select

from openleo.api.calls import Changes, Matches, Reads
from openleo.api.pages import Page, Paged
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import AreaId, Country, Instant, Name, Names, Note, Sent, Title, slot_instant
from openleo.base.errors import BadInput
from openleo.control.areas import (
    NewArea,
    cells_of_area,
    define_area,
    find_area,
    list_areas,
    redefine_area,
)
from openleo.control.authorize import authorize
from openleo.control.network import NetworkKind
from openleo.control.plane import Tx
from openleo.control.reading import Standing, standings
from openleo.control.schema import entries, facts
from openleo.ground.cells import cell_name, cells_from_names, cells_in_polygon
from openleo.ground.land import land_table

router = APIRouter(prefix="/v1/areas", tags=["areas"])
MOST_CELLS = 300_000
_CELL_KM2 = 200.0  # smaller than any cell, but for those at pentagons

Corner = Annotated[list[float], Field(min_length=2, max_length=2)]
Rings = Annotated[list[Annotated[list[Corner], Field(min_length=3, max_length=2_000)]], Field(max_length=50)]
CellNames = Annotated[
    list[Annotated[str, Field(min_length=15, max_length=15, pattern="^[0-9a-f]{15}$")]],
    Field(min_length=1, max_length=5_000),
]


class Ground(Sent):
    """Which cells: named, or those whose centre lies in a polygon, or all of a country."""

    cells: CellNames | None = Field(None, description="H3 cells of resolution 5, or coarser ones for theirs")
    polygon: Rings | None = Field(None, description="rings of [longitude, latitude] in degrees, holes last")
    all_of: Country | None = Field(None, description="a country's ISO code")

    @model_validator(mode="after")
    def _at_most_one(self) -> "Ground":
        if sum(part is not None for part in (self.cells, self.polygon, self.all_of)) > 1:
            raise ValueError("give one of cells, polygon and all_of")
        return self

    def found(self) -> np.ndarray[Any, np.dtype[np.uint64]] | None:
        """Return the sorted cells, None where none of the three is given; raises BadInput."""
        if self.cells is not None:
            _need_few(sum(7 ** max(0, 5 - int(name[1], 16)) for name in self.cells))
            return cells_from_names(self.cells)
        if self.polygon is not None:
            _need_few(_cells_in_box(self.polygon))
            return cells_in_polygon(self.polygon)
        return None if self.all_of is None else land_table().cells_of(self.all_of)


class AreaIn(Ground):
    """A new area."""

    id: Name
    kind: NetworkKind | None = None
    parent: Name | None = None
    title: Title = ""
    country: Country | None = None
    except_accounts: Names = Field(default_factory=list)
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    reason: Note = ""


class AreaChange(Ground):
    """What is to change of an area: what is not named stays."""

    parent: Name | None = None
    title: Title | None = None
    country: Country | None = None
    except_accounts: Names | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None

    def changes(self) -> dict[str, Any]:
        """Return the changes as the domain names them."""
        given = self.model_dump(exclude_unset=True, exclude={"cells", "polygon", "all_of", "reason"})
        if "parent" in given:
            given["parent_id"] = given.pop("parent")
        for name in ("title", "except_accounts"):
            if name in given and given[name] is None:
                raise BadInput(f"{name} cannot be null", "leave it out to keep it")
        return given


class AreaChangeIn(AreaChange):
    """A change of an area, and why."""

    reason: Note = ""


class AreaOut(BaseModel):
    """An area."""

    id: str
    version: int
    parent: str | None
    kind: NetworkKind
    title: str
    switch: str = Field(description="on, off, or inherit: as the area around it")
    cell_count: int
    country: str | None
    except_accounts: list[str]
    cut_terminals: list[str] = Field(description="life-critical ones that an off does not spare")
    valid_from: datetime | None
    valid_until: datetime | None
    vendor: str | None = Field(description="advisory areas: decided, sent, acknowledged or observed")
    wanted: str | None = Field(description="advisory areas: the switch that was decided")
    emergency: str | None = Field(description="the request whose off waits to be confirmed")


class AreaNow(AreaOut):
    """An area, and how it stands: what acts in its cells in the present slot."""

    acts: str = Field(description="on, off, or empty where nothing was said")
    via: str | None = Field(description="the area whose switch acts")
    next: str | None = Field(description="a switch that was decided and does not act yet")
    next_from: datetime | None
    stands: str = Field(description="the same in words")


class CellsOut(BaseModel):
    """An area's cells."""

    id: str
    version: int
    cells: list[str]


class Happened(BaseModel):
    """One decision about an area; who and why for those who may read the log there."""

    index: int = Field(description="the entry in the log")
    kind: str
    decided_at: datetime
    effective: datetime | None
    changed: list[str]
    switch: str | None
    by: str | None


def area_out(row: Row[Any]) -> AreaOut:
    """Return an area as it is shown."""
    return AreaOut(
        id=row.id, version=row.version, parent=row.parent_id, kind=row.kind, title=row.title,
        switch=row.switch, cell_count=row.cell_count, country=row.country,
        except_accounts=row.except_accounts, cut_terminals=row.cut_terminals,
        valid_from=slot_instant(row.valid_from_slot), valid_until=slot_instant(row.valid_until_slot),
        vendor=row.vendor, wanted=row.wanted, emergency=row.emergency,
    )  # fmt: skip


def area_now(row: Row[Any], stands: Standing) -> AreaNow:
    """Return an area and how it stands."""
    return AreaNow(
        **area_out(row).model_dump(), acts=stands.acts, via=stands.via, next=stands.next,
        next_from=slot_instant(stands.next_slot), stands=stands.text,
    )  # fmt: skip


def readable(tx: Tx, area_id: str) -> Row[Any]:
    """Return an area that the caller may see; raises Forbidden before it tells whether there is one."""
    tx.require("area.read", area_id)
    return find_area(tx.conn, area_id)


@router.get("", response_model=Page[AreaNow], **reads("area.read", On.LISTED))
async def list_(
    call: Reads,
    window: Paged,
    switch: Annotated[str | None, Query(pattern="^(on|off|inherit)$")] = None,
    parent: Annotated[str | None, Query(max_length=64)] = None,
    country: Annotated[str | None, Query(max_length=2)] = None,
) -> Response:
    """List the areas that you may see."""

    def found(tx: Tx) -> Page[AreaNow]:
        every = list_areas(tx)
        stand = standings(tx, every)
        rows = (
            row
            for row in every
            if switch in (None, row.switch)
            and parent in (None, row.parent_id)
            and country in (None, row.country)
        )
        return window.page(rows, lambda row: area_now(row, stand[row.id]), key=lambda row: row.id)

    return await call.read(found)


@router.get("/{area_id}", response_model=AreaNow, **reads("area.read", On.AREA))
async def show(call: Reads, area_id: AreaId) -> Response:
    """Show an area."""

    def found(tx: Tx) -> AreaNow:
        row = readable(tx, area_id)
        return area_now(row, standings(tx, [row])[area_id])

    return await call.read(found)


@router.get("/{area_id}/cells", response_model=CellsOut, **reads("area.read", On.AREA))
async def cells(call: Reads, area_id: AreaId) -> Response:
    """List an area's cells."""

    def found(tx: Tx) -> CellsOut:
        row = readable(tx, area_id)
        return CellsOut(
            id=row.id, version=row.version, cells=[cell_name(c) for c in cells_of_area(row).tolist()]
        )

    return await call.read(found)


@router.get("/{area_id}/history", response_model=Page[Happened], **reads("area.read", On.AREA))
async def history(call: Reads, area_id: AreaId, window: Paged) -> Response:
    """List what was decided about an area, oldest first."""
    return await call.read(lambda tx: window.page(_history(tx, area_id), lambda one: one, key=_place))


@router.post("", status_code=201, response_model=AreaOut, **changes("area.define", On.AREA))
async def create(call: Changes, body: AreaIn) -> Response:
    """Make an area; nobody is served or cut off by it yet."""
    wanted = await call.services.aside(body.found)
    if wanted is None:
        raise BadInput("an area needs cells", "give one of cells, polygon and all_of")
    new = NewArea(
        id=body.id, cells=wanted, kind=body.kind, parent_id=body.parent, title=body.title,
        country=body.country, except_accounts=body.except_accounts, valid_from=body.valid_from,
        valid_until=body.valid_until,
    )  # fmt: skip
    return await call.act(lambda tx: area_out(define_area(tx, new, reason=body.reason)), status=201)


@router.patch("/{area_id}", response_model=AreaOut, **changes("area.define", On.AREA, matched=True))
async def change(call: Matches, area_id: AreaId, body: AreaChangeIn) -> Response:
    """Change an area that was never switched; one that was is changed by a request."""
    wanted = await call.services.aside(body.found)
    given = body.changes() if wanted is None else {**body.changes(), "cells": wanted}
    if not given:
        raise BadInput("nothing is to change", "name what is")

    def changed(tx: Tx) -> AreaOut:
        tx.require("area.define", area_id)
        version = call.need_match("area", find_area(tx.conn, area_id))
        return area_out(redefine_area(tx, area_id, given, version=version, reason=body.reason))

    return await call.act(changed)


def _history(tx: Tx, area_id: str) -> list[Happened]:
    readable(tx, area_id)
    whole = authorize(tx.conn, tx.actor.id, "log.read", area_id).allowed
    rows = tx.conn.execute(
        select(
            entries.c.index, entries.c.kind, entries.c.decided_at, entries.c.person_id, facts.c.slot,
            facts.c.changes,
        )
        .join(facts, facts.c.index == entries.c.index)
        .where(facts.c.noun == "area", facts.c.subject == area_id)
        .order_by(entries.c.index)
    )  # fmt: skip
    return [
        Happened(
            index=row._mapping["index"], kind=row.kind, decided_at=row.decided_at,
            effective=slot_instant(row.slot), changed=sorted(row.changes.keys() - {"version"}),
            switch=row.changes.get("switch"), by=row.person_id if whole else None,
        )
        for row in rows
    ]  # fmt: skip


def _place(one: Happened) -> str:
    return f"{one.index:012d}"


def _need_few(number: float) -> None:
    if number > MOST_CELLS:
        raise BadInput(
            f"about {number:.0f} cells are asked for, and {MOST_CELLS} are the most in one request",
            "make several areas of it",
        )


def _cells_in_box(rings: list[list[list[float]]]) -> float:
    """Return more than how many cells the box around a polygon holds."""
    longitudes, latitudes = zip(*[corner for ring in rings for corner in ring], strict=True)
    km = 111.4
    height, width = max(latitudes) - min(latitudes), max(longitudes) - min(longitudes)
    return float(height * width * km * km / _CELL_KM2)
