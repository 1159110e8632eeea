"""The town near a point, and towns by the beginning of their name."""

from bisect import bisect_left
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.ground.gazetteer import fold, gazetteer

_TOWN_PEOPLE = 10_000  # places with fewer say little to those who do not live there
_COS_AROUND = float(np.cos(25.0 / 6371.0))  # within 25 km the largest town is named, beyond it the nearest
_LISTED_PEOPLE = 1_000


def towns_near(latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]) -> list[int]:
    """Return for each point (N,) the gazetteer's row of the town near it."""
    table = gazetteer()
    rows = np.flatnonzero(table.population >= _TOWN_PEOPLE)
    points = _unit(table.latitude_deg[rows], table.longitude_deg[rows]).astype(np.float32)
    towns = []
    for point in _unit(latitude_deg, longitude_deg).astype(np.float32):
        nearness = points @ point
        around = rows[nearness >= _COS_AROUND]
        largest = around[np.argmax(table.population[around])] if len(around) else rows[nearness.argmax()]
        towns.append(int(largest))
    return towns


@cache
def town_label(row: int) -> str:
    """Return how a town is called: Izyum, UA."""
    table = gazetteer()
    return f"{table.name(row)}, {table.country[row].decode()}"


def _unit(latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
        axis=-1,
    )


@cache
def _names() -> list[tuple[str, int]]:
    """Return every main name, folded, with its row, in order of the name."""
    table = gazetteer()
    rows = np.flatnonzero(table.population >= _LISTED_PEOPLE).tolist()
    return sorted((fold(table.name(row)), row) for row in rows)


def places_beginning(text: str, *, limit: int) -> list[dict[str, Any]]:
    """Return towns whose name begins with ``text``, the most populous first."""
    table, wanted, names = gazetteer(), fold(text), _names()
    if not wanted:
        return []
    at = bisect_left(names, (wanted, -1))
    rows = []
    while at < len(names) and names[at][0].startswith(wanted):
        rows.append(names[at][1])
        at += 1
    if not rows and len(wanted) > 2:
        rows = table.rows_named(text)
    rows.sort(key=lambda row: -int(table.population[row]))
    return [town(row) for row in rows[:limit]]


def town(row: int) -> dict[str, Any]:
    """Return what is known of a town."""
    table = gazetteer()
    return {
        "name": table.name(row),
        "country": table.country[row].decode(),
        "latitude_deg": round(float(table.latitude_deg[row]), 5),
        "longitude_deg": round(float(table.longitude_deg[row]), 5),
        "population": int(table.population[row]),
    }
