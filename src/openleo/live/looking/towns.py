"""The town near a point, and towns by the beginning of their name."""

import unicodedata
from bisect import bisect_left
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.ground.gazetteer import fold, gazetteer

_TOWN_PEOPLE = 10_000  # places with fewer say little to those who do not live there
_EARTH_KM = 6371.0
_AROUND_KM = 25.0
_COS_AROUND = float(
    np.cos(_AROUND_KM / _EARTH_KM)
)  # within 25 km the largest town is named, beyond it the nearest
_LISTED_PEOPLE = 1_000
_CITY_PEOPLE = 100_000  # large enough that those elsewhere know where it is
_SHORT = 3  # so few Latin letters are more often the beginning of a name than the whole of one


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
    """Return towns called ``text`` by any of their names, then those whose main name begins with it.

    Of each the most populous first; of three letters or fewer the most populous of all: Kyi is Kyiv.  Two
    letters are the beginning of a name, but for those of other scripts, whose two may be a whole name: 東京.
    """
    table, wanted, names = gazetteer(), fold(text), _names()
    if not wanted:
        return []
    at = bisect_left(names, (wanted, -1))
    beginning = []
    while at < len(names) and names[at][0].startswith(wanted):
        beginning.append(names[at][1])
        at += 1
    called = set(_called(text)) if len(wanted) >= _SHORT or _is_of_another_script(wanted) else set()
    if not called and not beginning and len(wanted) >= _SHORT:
        called = set(table.rows_named(text))
    first = called if len(wanted) > _SHORT else set()
    rows = sorted(
        called.union(beginning), key=lambda row: (row not in first, -int(table.population[row]), row)
    )
    return [{**town(row), "near": _city_near(row)} for row in rows[:limit]]


def _is_of_another_script(text: str) -> bool:
    """Tell whether a text has letters, and none of them is Latin."""
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and not any(unicodedata.name(c, "").startswith("LATIN") for c in letters)


@lru_cache(maxsize=512)
def _called(text: str) -> tuple[int, ...]:
    return tuple(gazetteer().rows_spelled(text))


@cache
def _cities() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the rows of cities and their places as unit vectors (N, 3)."""
    table = gazetteer()
    rows = np.flatnonzero(table.population >= _CITY_PEOPLE)
    return rows, _unit(table.latitude_deg[rows], table.longitude_deg[rows])


@lru_cache(maxsize=4096)
def _city_near(row: int) -> str:
    """Return how far from which city a town is, 12 km from Kherson, UA; nothing of a city by itself.

    The largest of those that are hardly farther than the nearest: districts of a city are in the table too.
    """
    table = gazetteer()
    people = table.population[row]
    rows, places = _cities()
    here = _unit(table.latitude_deg[row : row + 1], table.longitude_deg[row : row + 1])[0]
    km = _EARTH_KM * np.arccos(np.clip(places @ here, -1.0, 1.0))
    reach = _AROUND_KM if people >= _CITY_PEOPLE else km.min() + _AROUND_KM
    near = np.flatnonzero((km <= reach) & (table.population[rows] > people))
    if not len(near):
        return ""
    city = near[np.argmax(table.population[rows[near]])]
    return f"{km[city]:.0f} km from {town_label(int(rows[city]))}"


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
