"""The cells of an area from what people bring: outlines and lists.  Errors name the file and the place."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from openleo.base.errors import BadInput
from openleo.ground.cells import (
    cell_name,
    cell_outline_deg,
    cells_around,
    cells_from_names,
    cells_in_polygon,
)
from openleo.ground.land import SEA, land_table
from openleo.ground.packed_cells import Cells

MOST_BYTES = 64 * 2**20
_COLLECTIONS = {
    "FeatureCollection": ("features", "feature"),
    "GeometryCollection": ("geometries", "geometry"),
}
_HEADERS = frozenset({"cell", "cells", "h3", "index", "h3_index"})
_OUTLINES = "bring a Polygon, a MultiPolygon, a Feature of one, or a FeatureCollection of those"
Place = tuple[str, Any]  # where it is, with the file, and a polygon's rings


def cells_from_geojson(path: Path, *, rule: Literal["centre", "touching"] = "centre") -> Cells:
    """Return the sorted cells of every polygon in a GeoJSON file (RFC 7946); raises BadInput.

    Takes a Polygon, MultiPolygon or GeometryCollection, a Feature of one, or a FeatureCollection.
    """
    parts = []
    for where, rings in _polygons(_parse(_read_text(path), path), str(path)):
        try:
            parts.append(cells_in_polygon(_checked_rings(rings), rule=rule))
        except BadInput as error:
            raise BadInput(f"{where}: {error.detail}", error.hint) from error
    found = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
    if len(found) == 0:
        what = "no polygon" if not parts else "no cell whose centre is in its outline"
        raise BadInput(
            f"{path} holds {what}",
            "bring an outline of a Polygon or MultiPolygon; --touching takes every cell that it touches",
        )
    return found


def cells_from_file(path: Path) -> Cells:
    """Return the sorted cells that a file lists: one a line (the first column of a CSV), or a JSON list."""
    text = _read_text(path)
    if text.lstrip().startswith("["):
        listed = _parse(text, path)
        places = [(n, str(name)) for n, name in enumerate(listed, start=1)]
        unit = "entry"
    else:
        places, unit = _listed_lines(text), "line"
    if not places:
        raise BadInput(f"{path} lists no cells", "write one H3 cell a line, such as 851e6387fffffff")
    try:
        return cells_from_names([name for _, name in places])
    except BadInput:
        for number, name in places:
            try:
                cells_from_names([name])
            except BadInput as error:
                detail = error.detail.replace("entry 1", f"{unit} {number}", 1)
                raise BadInput(f"{path}, {detail}", error.hint) from error
        raise


def cells_of_countries(codes: Sequence[str], *, ring: int = 0) -> Cells:
    """Return the sorted cells of countries, and the sea within ``ring`` cells of them; raises BadInput.

    A cell is a country's by its centre, so on a shore some people live in cells that are the sea's.
    """
    land = land_table()
    own: Cells = np.unique(np.concatenate([land.cells_of(code) for code in codes]))
    return np.union1d(own, _sea_beside(own, ring)) if ring else own


def shape_remarks(cells: Cells, *, countries: Sequence[str] = (), ring: int = 0) -> list[str]:
    """Return what people may not expect of the cells that they just chose: no land, or a shore left out."""
    if not np.any(land_table().country_of(cells) != SEA):
        return [
            "none of its cells is land: were latitude and longitude exchanged? "
            "(--circle takes the latitude first, GeoJSON the longitude)"
        ]
    beside = len(_sea_beside(cells, 1)) if countries and not ring else 0
    if not beside:
        return []
    whose = "cells beside it, whose centres are" if beside > 1 else "cell beside it, whose centre is"
    return [
        f"the {beside:,} {whose} at sea, {'are' if beside > 1 else 'is'} not in it, though a terminal on the "
        "shore may stand there; --ring 1 takes them in"
    ]


def _sea_beside(cells: Cells, ring: int) -> Cells:
    around = np.setdiff1d(cells_around(cells, ring), cells)
    found: Cells = around[land_table().country_of(around) == SEA]
    return found


def cells_as_geojson(cells: Cells, properties: dict[str, Any]) -> dict[str, Any]:
    """Return cells as a GeoJSON Feature: a MultiPolygon with an outline for each."""
    rings = []
    for cell in cells.tolist():
        ring = [list(corner) for corner in cell_outline_deg(cell)]
        west = min(longitude for longitude, _ in ring)
        ring = [[lon - 360.0 if lon - west > 180.0 else lon, lat] for lon, lat in ring]
        rings.append([[*ring, ring[0]]])
    names = [cell_name(cell) for cell in cells.tolist()]
    return {
        "type": "Feature", "properties": {**properties, "cells": names},
        "geometry": {"type": "MultiPolygon", "coordinates": rings},
    }  # fmt: skip


def _listed_lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.split("#")[0].split(",")[0].strip().strip('"')
        if name and not (not found and name.lower() in _HEADERS):
            found.append((number, name))
    return found


def _polygons(document: Any, where: str) -> Iterator[Place]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind in _COLLECTIONS:
        inner, one_of = _COLLECTIONS[kind]
        for number, one in enumerate(_list_in(document, inner, where), start=1):
            yield from _polygons(one, f"{where}, {one_of} {number}")
    elif kind == "Feature":
        yield from _polygons(document.get("geometry"), where)
    elif kind == "Polygon":
        yield where, _list_in(document, "coordinates", where)
    elif kind == "MultiPolygon":
        for number, rings in enumerate(_list_in(document, "coordinates", where), start=1):
            yield f"{where}, polygon {number}", rings
    else:
        found = f"of type {kind!r}" if kind is not None else "nothing with a type"
        raise BadInput(f"{where}: it is {found}, not an outline", _OUTLINES)


def _list_in(document: dict[str, Any], key: str, where: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list):
        raise BadInput(f"{where}: it has no list of {key}", _OUTLINES)
    return found


def _checked_rings(rings: Any) -> Sequence[Sequence[Sequence[float]]]:
    """Return rings that are lists of lists of numbers; raises BadInput."""
    hint = "a polygon is a list of rings, a ring a list of [longitude, latitude]"
    if not isinstance(rings, list):
        raise BadInput("a polygon's coordinates are no list", hint)
    for number, ring in enumerate(rings, start=1):
        if not isinstance(ring, list):
            raise BadInput(f"ring {number} is no list", hint)
        for place, corner in enumerate(ring, start=1):
            numbers = isinstance(corner, list) and all(
                isinstance(v, int | float) and not isinstance(v, bool) for v in corner
            )
            if not numbers:
                raise BadInput(f"ring {number}, corner {place} is {str(corner)[:40]}", hint)
    return rings


def _parse(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{path}{line} is not JSON: {error}", "check it with `python -m json.tool`") from error


def _read_text(path: Path) -> str:
    hint = "name a file that can be read"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has more than {MOST_BYTES:,} bytes", "simplify its outlines")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}", hint) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: {error}", hint) from error
