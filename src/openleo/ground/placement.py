"""Where assumed terminals stand: scattered around the places people live, or spread over cells.

Every position is a hash of (seed, terminal), so it does not depend on what else is placed.
"""

import math
from collections.abc import Callable

import h3.api.basic_int as h3_int
import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.base.errors import BadInput
from openleo.base.hashing import hash_u32, uniform
from openleo.ground.cells import cell_of
from openleo.ground.land import SEA, Land, land_table
from openleo.ground.places import PopulatedPlaces, populated_places

Float = NDArray[np.float64]
Keep = Callable[[Float, Float], NDArray[np.bool_]]

# How terminals lie around the places of a country.  All assumed: nobody publishes addresses of customers.
RURAL_SHARE = 0.2  # of terminals stand between places, by the square root of residents
RURAL_SIGMA_M = 5_000.0
TOWN_SIGMA = 0.8  # of a town's radius, so that gardens and suburbs hold more than the centre
TOWN_SIGMA_M = 1_000.0  # and this much more
_TRIES = 24  # redraws of a point that fell outside before it is put at its place
_DECIMALS = 6  # of a degree (0.1 m): also swallows the last-digit differences of libm between platforms
_PLACE, _RURAL, _DISTANCE, _BEARING = 1, 2, 3, 4  # streams of random numbers
_CELL, _TRIANGLE, _FAR, _ALONG = 5, 6, 7, 8
_MOST_CORNERS = 10  # of an H3 cell: a pentagon that crosses icosahedron edges


def place_by_population(
    country: str,
    count: int,
    *,
    seed: int,
    land: Land | None = None,
    keep: Keep | None = None,
    outside_cells: NDArray[np.uint64] | None = None,
) -> tuple[Float, Float]:
    """Return (latitude_deg, longitude_deg), each (count,), of terminals spread as the people of a country.

    A terminal takes a place in proportion to its residents (a share of them, `RURAL_SHARE`, in proportion to
    the square root) and a normal scatter around it that grows with the size of the place.
    Points outside the country's cells in ``land`` (the built-in table unless given), in ``outside_cells``, or
    for which ``keep(latitude_deg, longitude_deg)`` is false are drawn again; no place that is itself outside
    is used.  Raises BadInput when the country is unknown or nothing is left.
    """
    places = populated_places(country)
    allowed_cells = _cells_of_country(places, land_table() if land is None else land)
    if outside_cells is not None:
        allowed_cells = np.setdiff1d(allowed_cells, np.asarray(outside_cells, dtype=np.uint64))
    test = _test_of(keep, allowed_cells)
    allowed = test(places.latitude_deg, places.longitude_deg)
    if not allowed.any():
        raise BadInput(
            f"all {len(places)} places of {places.country} are outside the area allowed",
            "name fewer areas in `outside`, or place these terminals from a file",
        )
    pick, sigma_m = _choose_places(places, np.flatnonzero(allowed), count, seed)
    latitude, longitude = places.latitude_deg[pick].copy(), places.longitude_deg[pick].copy()
    pending = np.arange(count)
    for attempt in range(_TRIES):
        north_m, east_m = _normal_offsets(seed, pending, attempt, sigma_m[pending])
        lat, lon = _moved(
            places.latitude_deg[pick[pending]], places.longitude_deg[pick[pending]], north_m, east_m
        )
        inside = test(lat, lon)
        latitude[pending[inside]], longitude[pending[inside]] = lat[inside], lon[inside]
        pending = pending[~inside]
        if not len(pending):
            break
    return latitude, longitude


def place_on_cells(
    cells: NDArray[np.uint64], count: int, *, seed: int, weights: NDArray[np.floating] | None = None
) -> tuple[Float, Float]:
    """Return (latitude_deg, longitude_deg), each (count,), spread over ``cells`` (C,) by ``weights`` (C,).

    Each cell gets its share rounded down or up, terminals of a cell follow each other, and a position is even
    over the cell (between great circles from its centre to its corners).  Raises ValueError without cells or
    with weights that are negative or all zero.
    """
    share = np.ones(len(cells)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(share) != len(cells) or not share.sum() > 0 or not (share >= 0).all():
        raise ValueError("weights must be one for each cell, none negative and not all zero")
    edges = np.cumsum(share) / share.sum()
    offset = float(uniform(seed, np.zeros(1, np.int64), _CELL)[0])
    position = (np.arange(count) + offset) / max(count, 1)
    chosen = np.minimum(np.searchsorted(edges, position, side="right"), len(cells) - 1)
    used, row = np.unique(chosen, return_inverse=True)
    centre, corners, corner_count = _cell_shapes(cells[used])
    return _inside_cells(centre, corners, corner_count, row, seed)


def _cells_of_country(places: PopulatedPlaces, land: Land) -> NDArray[np.uint64]:
    """Return the sorted cells where terminals of a country may stand.

    Those are its own cells, and the cells of its places that count as sea: a port's cell may be mostly water.
    A country too small to have a cell of its own takes those of its places.
    """
    of_places = np.unique(cell_of(places.latitude_deg, places.longitude_deg))
    if places.country not in land.countries:
        return of_places
    return np.union1d(land.cells_of(places.country), of_places[land.country_of(of_places) == SEA])


def _test_of(keep: Keep | None, allowed_cells: NDArray[np.uint64]) -> Keep:
    def test(latitude_deg: Float, longitude_deg: Float) -> NDArray[np.bool_]:
        inside = _is_among(cell_of(latitude_deg, longitude_deg), allowed_cells)
        return inside if keep is None else inside & keep(latitude_deg, longitude_deg)

    return test


def _is_among(cells: NDArray[np.uint64], sorted_cells: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Say for each cell (N,) whether it is in ``sorted_cells`` (M,)."""
    if not len(sorted_cells):
        return np.zeros(len(cells), dtype=np.bool_)
    place = np.minimum(np.searchsorted(sorted_cells, cells), len(sorted_cells) - 1)
    return np.asarray(sorted_cells[place] == cells)


def _choose_places(
    places: PopulatedPlaces, allowed: NDArray[np.intp], count: int, seed: int
) -> tuple[NDArray[np.intp], Float]:
    """Return the place of each terminal (count,) and the standard deviation of its scatter, metres."""
    residents = places.residents[allowed]
    terminals = np.arange(count)
    rural = uniform(seed, terminals, _RURAL) < RURAL_SHARE
    draw = uniform(seed, terminals, _PLACE)
    town_edges, rural_edges = np.cumsum(residents), np.cumsum(np.sqrt(residents))
    pick = np.where(
        rural,
        np.searchsorted(rural_edges, draw * rural_edges[-1], side="right"),
        np.searchsorted(town_edges, draw * town_edges[-1], side="right"),
    )
    pick = allowed[np.minimum(pick, len(allowed) - 1)]
    sigma_m = np.where(rural, RURAL_SIGMA_M, TOWN_SIGMA * places.radius_m[pick] + TOWN_SIGMA_M)
    return pick, sigma_m


def _normal_offsets(
    seed: int, terminals: NDArray[np.intp], attempt: int, sigma_m: Float
) -> tuple[Float, Float]:
    """Return (north_m, east_m) of a round normal distribution (Box and Muller, 1958)."""
    key = hash_u32(seed, attempt, _DISTANCE)
    distance_m = sigma_m * np.sqrt(-2.0 * np.log(1.0 - uniform(key, terminals, _DISTANCE)))
    bearing = 2.0 * math.pi * uniform(key, terminals, _BEARING)
    return distance_m * np.cos(bearing), distance_m * np.sin(bearing)


def _moved(latitude_deg: Float, longitude_deg: Float, north_m: Float, east_m: Float) -> tuple[Float, Float]:
    """Return a point some kilometres from another, on the mean sphere; kept off the very pole."""
    per_degree_m = math.radians(EARTH_MEAN_RADIUS_M)
    latitude = np.clip(latitude_deg + north_m / per_degree_m, -89.999, 89.999)
    longitude = longitude_deg + east_m / (per_degree_m * np.cos(np.radians(latitude)))
    return latitude.round(_DECIMALS), ((longitude + 180.0) % 360.0 - 180.0).round(_DECIMALS)


def _cell_shapes(cells: NDArray[np.uint64]) -> tuple[Float, Float, NDArray[np.int64]]:
    """Return centres (C, 3) and corners (C, 10, 3) as unit vectors, and the number of corners (C,)."""
    centre_deg = np.array([h3_int.cell_to_latlng(cell) for cell in cells.tolist()]).reshape(-1, 2)
    outlines = [h3_int.cell_to_boundary(cell) for cell in cells.tolist()]
    number = np.array([len(outline) for outline in outlines], dtype=np.int64)
    padded = [outline + outline[:1] * (_MOST_CORNERS - len(outline)) for outline in outlines]
    corner_deg = np.array(padded, dtype=np.float64).reshape(-1, _MOST_CORNERS, 2)
    return _unit_vectors(centre_deg), _unit_vectors(corner_deg), number


def _unit_vectors(lat_lon_deg: Float) -> Float:
    latitude, longitude = np.radians(lat_lon_deg[..., 0]), np.radians(lat_lon_deg[..., 1])
    ring = np.cos(latitude)
    return np.stack([ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)], axis=-1)


def _inside_cells(
    centre: Float, corners: Float, corner_count: NDArray[np.int64], row: NDArray[np.intp], seed: int
) -> tuple[Float, Float]:
    """Return a point inside cell ``row`` for each terminal: a triangle of its fan, then a point of that."""
    terminals = np.arange(len(row))
    number = corner_count[row]
    first = (uniform(seed, terminals, _TRIANGLE) * number).astype(np.int64)
    second = np.where(first + 1 == number, 0, first + 1)
    # sqrt makes the density even over the triangle; the factor keeps rounded points off the cell's edge.
    far = 0.9999 * np.sqrt(uniform(seed, terminals, _FAR))[:, None]
    along = uniform(seed, terminals, _ALONG)[:, None]
    edge = corners[row, first] * (1.0 - along) + corners[row, second] * along
    point = centre[row] * (1.0 - far) + edge * far
    latitude = np.degrees(np.arctan2(point[:, 2], np.hypot(point[:, 0], point[:, 1])))
    longitude = np.degrees(np.arctan2(point[:, 1], point[:, 0]))
    return latitude.round(_DECIMALS), longitude.round(_DECIMALS)
