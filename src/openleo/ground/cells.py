"""Cells: the H3 resolution-5 hexagons that service areas and beams are made of.

A cell is an H3 index in ``uint64``; sets of cells are sorted arrays without duplicates.  Outlines are
longitude, latitude in degrees as in GeoJSON; their edges are straight in those coordinates and take the
short way round, so an outline may cross the antimeridian.  Source: https://h3geo.org (version 4).
"""

import math
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Literal

import h3.api.basic_int as h3_int
import h3.api.numpy_int as h3_array
import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput
from openleo.ground.frames import geodetic_to_itrs_m, great_circle_m

CELL_RESOLUTION = 5
MAX_CIRCLE_M = 5_000_000.0

Cells = NDArray[np.uint64]
Float = NDArray[np.float64]
Ring = Sequence[Sequence[float]]

_MODE_AND_RESOLUTION = np.uint64(0x08 << 4 | CELL_RESOLUTION)  # the top 12 bits of every cell
_RING_GAP_M = 9_000.0  # a ring of cells is nowhere narrower than this (measured: 10.6 km at a pentagon)


def cell_of(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> Cells:
    """Return the cell that each point is in, in the shape of the arguments.

    Raises ValueError for a coordinate that is not finite or a latitude beyond 90 degrees.
    """
    latitude, longitude = np.broadcast_arrays(
        np.asarray(latitude_deg, float), np.asarray(longitude_deg, float)
    )
    if not (np.isfinite(longitude).all() and (np.abs(latitude) <= 90.0).all()):
        raise ValueError("latitudes must be in [-90, 90] degrees and longitudes finite")
    found = map(
        h3_int.latlng_to_cell, latitude.ravel().tolist(), longitude.ravel().tolist(), repeat(CELL_RESOLUTION)
    )
    return np.fromiter(found, np.uint64, latitude.size).reshape(latitude.shape)


def cell_centre_deg(cells: ArrayLike) -> Float:
    """Return the centres of cells (N,) as (N, 2): latitude and longitude in degrees."""
    wanted = np.asarray(cells, np.uint64)
    flat = [angle for cell in wanted.ravel().tolist() for angle in h3_int.cell_to_latlng(cell)]
    return np.array(flat, float).reshape(*wanted.shape, 2)


def cell_centres_itrs_m(cells: ArrayLike) -> Float:
    """Return the centres of cells (N,) on the ellipsoid as ITRS positions (N, 3), metres."""
    centres = np.radians(cell_centre_deg(cells))
    return geodetic_to_itrs_m(centres[..., 0], centres[..., 1])


def cell_areas_m2(cells: ArrayLike) -> Float:
    """Return the areas of cells (N,) in square metres, on H3's sphere of the authalic radius."""
    wanted = np.asarray(cells, np.uint64)
    areas = map(h3_int.cell_area, wanted.ravel().tolist(), repeat("m^2"))
    return np.fromiter(areas, float, wanted.size).reshape(wanted.shape)


def cell_outline_deg(cell: int) -> list[tuple[float, float]]:
    """Return the corners of one cell as (longitude, latitude) in degrees, anticlockwise, not closed."""
    return [(longitude, latitude) for latitude, longitude in h3_int.cell_to_boundary(int(cell))]


def cell_name(cell: int) -> str:
    """Return the usual hexadecimal name of a cell."""
    return f"{int(cell):x}"


def are_cells(cells: ArrayLike) -> NDArray[np.bool_]:
    """Say for each number whether its top bits are those of a cell of our resolution (not more)."""
    top: NDArray[np.uint64] = np.asarray(cells, np.uint64) >> np.uint64(52)
    return np.asarray(top == _MODE_AND_RESOLUTION, bool)


def cells_from_names(names: Iterable[str | int]) -> Cells:
    """Return the sorted cells named by hexadecimal text or numbers; coarser cells stand for their children.

    Raises BadInput that names the first entry which is no H3 cell, or one finer than our resolution.
    """
    found: set[int] = set()
    for place, name in enumerate(names, start=1):
        try:
            cell = int(name, 16) if isinstance(name, str) else int(name)
            valid = h3_int.is_valid_cell(cell)
        except (ValueError, OverflowError):
            valid = False
        if not valid:
            raise BadInput(
                f"entry {place} is not an H3 cell: {name!r}",
                f"write cells as H3 indexes of resolution {CELL_RESOLUTION}, such as 851e6387fffffff",
            )
        resolution = h3_int.get_resolution(cell)
        if resolution > CELL_RESOLUTION:
            raise BadInput(
                f"entry {place}, {name!r}, is a cell of resolution {resolution}; "
                f"the finest used here is {CELL_RESOLUTION}",
                f"give its parent {cell_name(h3_int.cell_to_parent(cell, CELL_RESOLUTION))} instead",
            )
        found.update(
            [cell] if resolution == CELL_RESOLUTION else h3_int.cell_to_children(cell, CELL_RESOLUTION)
        )
    return np.array(sorted(found), np.uint64)


def cells_in_polygon(rings: Sequence[Ring], *, rule: Literal["centre", "touching"] = "centre") -> Cells:
    """Return the sorted cells of a polygon: an outer ring of (longitude, latitude) degrees, then holes.

    ``rule`` "centre" takes the cells whose centre is inside (polygons that share a border share no cell);
    "touching" takes every cell that the polygon touches.  Rings may be closed or not, either way round, and
    may cross the antimeridian.  Raises BadInput for a ring that has fewer than three corners, a corner that
    is not a place on Earth, or that goes round a pole.
    """
    if not rings:
        raise BadInput("an outline without any ring", "give at least three [longitude, latitude] corners")
    outer, *holes = [_checked_ring(ring, number) for number, ring in enumerate(rings, start=1)]
    shape = h3_array.LatLngPoly(outer, *holes)
    contain = "center" if rule == "centre" else "overlap"
    found = h3_array.h3shape_to_cells_experimental(shape, CELL_RESOLUTION, contain=contain)
    return np.unique(np.asarray(found, np.uint64))


def _checked_ring(ring: Ring, number: int) -> list[tuple[float, float]]:
    """Return a ring as H3 wants it, (latitude, longitude) with longitudes in [-180, 180)."""
    for place, corner in enumerate(ring, start=1):
        if len(corner) < 2 or not (abs(corner[1]) <= 90.0 and abs(corner[0]) <= 540.0):
            raise BadInput(
                f"ring {number}, corner {place} is {list(corner)}, not a [longitude, latitude] in degrees",
                "longitude comes first, as in GeoJSON; latitudes are between -90 and 90",
            )
    corners = [(float(c[1]), (float(c[0]) + 180.0) % 360.0 - 180.0) for c in ring]
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    if len(set(corners)) < 3:
        raise BadInput(f"ring {number} has {len(set(corners))} different corners", "give at least three")
    turn = sum(
        (after[1] - before[1] + 180.0) % 360.0 - 180.0
        for before, after in zip(corners, corners[1:] + corners[:1], strict=True)
    )
    if abs(turn) > 180.0:
        raise BadInput(
            f"ring {number} goes round a pole or the whole Earth",
            "cut it into pieces that each span less than 180 degrees of longitude",
        )
    return corners


def cells_in_circle(latitude_deg: float, longitude_deg: float, radius_m: float) -> Cells:
    """Return the sorted cells whose centre is within ``radius_m`` of a point, and always the point's own.

    Raises BadInput for a radius that is negative or above 5,000 km.
    """
    if not 0.0 <= radius_m <= MAX_CIRCLE_M:
        raise BadInput(
            f"a radius of {radius_m / 1e3:g} km is not between 0 and {MAX_CIRCLE_M / 1e3:g} km",
            "use a smaller circle, or name countries or an outline instead",
        )
    own = cell_of(latitude_deg, longitude_deg)
    disk = h3_array.grid_disk(int(own), math.ceil(radius_m / _RING_GAP_M) + 1)
    near = np.asarray(disk, np.uint64)
    centres = np.radians(cell_centre_deg(near))
    point = math.radians(latitude_deg), math.radians(longitude_deg)
    inside = great_circle_m(*point, centres[:, 0], centres[:, 1]) <= radius_m
    return np.unique(np.append(near[inside], own))


def cells_around(cells: ArrayLike, rings: int = 1) -> Cells:
    """Return the sorted cells within ``rings`` steps of any of the given ones, themselves included."""
    wanted = np.unique(np.asarray(cells, np.uint64))
    if wanted.size == 0:
        return wanted
    disks = [np.asarray(h3_array.grid_disk(cell, rings), np.uint64) for cell in wanted.tolist()]
    return np.unique(np.concatenate(disks))


def pairs_within_m(points_itrs_m: Float, distance_m: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return index pairs (first, second), first < second, of points at most ``distance_m`` apart.

    ``points_itrs_m`` is (N, 3); the distance is the straight chord.  Pairs come sorted.  Points are binned
    in cubes of that edge, so the cost follows the number of near pairs, not N squared.
    """
    if distance_m <= 0.0:
        raise ValueError("distance_m must be positive")
    bins = np.floor(points_itrs_m / distance_m).astype(np.int64)
    bins -= bins.min(axis=0, initial=0) - 1
    span = bins.max(axis=0, initial=0) + 2
    key = (bins[:, 0] * span[1] + bins[:, 1]) * span[2] + bins[:, 2]
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    firsts, seconds = [], []
    for step in np.ndindex(3, 3, 3):
        shift = ((step[0] - 1) * span[1] + step[1] - 1) * span[2] + step[2] - 1
        low = np.searchsorted(sorted_key, key + shift, side="left")
        count = np.searchsorted(sorted_key, key + shift, side="right") - low
        first = np.repeat(np.arange(len(key)), count)
        within_run = np.arange(first.size) - np.repeat(np.cumsum(count) - count, count)
        second = order[np.repeat(low, count) + within_run]
        keep = first < second
        first, second = first[keep], second[keep]
        apart = points_itrs_m[first] - points_itrs_m[second]
        near = np.einsum("ij,ij->i", apart, apart) <= distance_m * distance_m
        firsts.append(first[near])
        seconds.append(second[near])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    by_pair = np.lexsort((second, first))
    return first[by_pair].astype(np.int32), second[by_pair].astype(np.int32)
