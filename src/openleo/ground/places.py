"""Places by name, and the places of a country with the people who live there.

``find_place("Kyiv")``, ``find_place("Odessa,US")`` and ``find_place("50.45,30.52")`` all give a `Place`.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.ground.countries import country_hint
from openleo.ground.gazetteer import Gazetteer, fold, gazetteer

_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_COORDINATES = re.compile(rf"\s*({_NUMBER})\s*[,;\s]\s*({_NUMBER})\s*")
_KNOWN_BIG = 30_000  # an unknown name is compared with this many of the most populous places
_KNOWN_ABROAD = 100_000  # people from which a city is known by names in other languages; assumed
_TIMES_LARGER = 8  # Odesa has 8.8 times the people of Odessa in Texas
_CITY_PEOPLE_KM2 = 3_000.0  # assumed density inside a town; Kyiv 3,300, London 5,600, Atlanta 700 (UN WUP)
_KM_PER_DEG = 111.195  # on the mean radius


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point on the map; ``country`` (ISO alpha-2) is empty and ``population`` 0 for bare coordinates."""

    name: str
    country: str
    latitude_deg: float
    longitude_deg: float
    population: int

    @property
    def label(self) -> str:
        """The place as it is written to be exact: ``Stanley,FK``."""
        return f"{self.name},{self.country}" if self.country else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulatedPlaces:
    """Places of one country (N,), most populous first.

    ``residents`` is the population without what a larger place around already counts (GeoNames lists the
    districts of a city beside the city); ``radius_m`` is the radius of a town of that many people.
    """

    country: str
    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    residents: NDArray[np.float64]
    radius_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.residents)


def find_place(text: str) -> Place:
    """Return the place called ``text``: "Name", "Name,CC" (ISO alpha-2 country) or "latitude,longitude".

    The first of `places_named`.  Raises BadInput with the nearest names.
    """
    return places_named(text)[0]


def places_named(text: str) -> tuple[Place, ...]:
    """Return every place that ``text`` (as `find_place` takes it) names, the one that is meant first.

    Case and diacritics do not matter.  Main names come before alternate ones ("Kiev", "Wien") that share no
    word with the main name, and more people before fewer.  But a city of 100,000 with eight times the people
    of the first comes before it, by whatever name: "Odessa" is Odesa and not the one in Texas, while "Port
    Stanley" is no village of Hong Kong.  Raises BadInput with the nearest names.
    """
    place = _from_coordinates(text)
    if place is not None:
        return (place,)
    name, _, code = (part.strip() for part in text.rpartition(",")) if "," in text else (text.strip(), "", "")
    table = gazetteer()
    if code and not re.fullmatch(r"[A-Za-z]{2}", code):
        hint = "write the country as two letters, such as 'Kyiv,UA', or give 'latitude,longitude'"
        raise BadInput(f"{code!r} in {text!r} is not a country code", hint)
    rows = [r for r in table.rows_named(name) if not code or table.country[r] == code.upper().encode()]
    if not rows:
        raise _unknown(table, text, name, code.upper())
    return tuple(_place(table, row) for row in _as_meant(table, rows, name))


def _as_meant(table: Gazetteer, rows: list[int], name: str) -> list[int]:
    """Return rows that all have the name, the likeliest first."""
    words = set(fold(name).split())

    def by(row: int) -> tuple[bool, int]:
        main = set(fold(table.name(row)).split())
        return not (main <= words or words <= main), -int(table.population[row])

    ordered = sorted(rows, key=by)
    largest = max(ordered, key=lambda row: int(table.population[row]))
    people, of_first = int(table.population[largest]), int(table.population[ordered[0]])
    if people >= _KNOWN_ABROAD and people >= _TIMES_LARGER * of_first:
        ordered.remove(largest)
        ordered.insert(0, largest)
    return ordered


@lru_cache(maxsize=512)
def populated_places(country: str) -> PopulatedPlaces:
    """Return the places of ``country`` (ISO alpha-2) with at least a few hundred people; raises BadInput.

    The arrays are shared by all who ask: nobody may write to them.
    """
    table = gazetteer()
    rows = table.rows_of(country.upper())
    if not len(rows):
        known = np.unique(table.country)
        hint = country_hint(country, (code.decode() for code in known)) + "; Kosovo is XK"
        raise BadInput(f"no places are known for country {country!r} ({len(known)} are)", hint)
    rows = rows[np.argsort(-table.population[rows], kind="stable")]
    # Where nobody is counted (a few territories), every place weighs the same.
    people = np.maximum(
        table.population[rows].astype(np.float64), 0.0 if table.population[rows].any() else 1.0
    )
    latitude, longitude = table.latitude_deg[rows], table.longitude_deg[rows]
    radius_m = 1e3 * np.sqrt(people / (_CITY_PEOPLE_KM2 * math.pi))
    keep = ~_inside_larger(latitude, longitude, radius_m / 1e3) & (people > 0)
    return PopulatedPlaces(
        country=country.upper(),
        latitude_deg=latitude[keep],
        longitude_deg=longitude[keep],
        residents=people[keep],
        radius_m=radius_m[keep],
    )


def _inside_larger(
    latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64], radius_km: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which places (N,), largest first, lie within the radius of a larger one that is itself kept."""
    inside = np.zeros(len(radius_km), dtype=np.bool_)
    by_latitude = np.argsort(latitude_deg, kind="stable")
    sorted_latitude = latitude_deg[by_latitude]
    for i in np.flatnonzero(radius_km > 1.0).tolist():  # below 1 km (10,000 people) there is nothing inside
        if inside[i]:
            continue
        reach = radius_km[i] / _KM_PER_DEG
        low, high = np.searchsorted(sorted_latitude, [latitude_deg[i] - reach, latitude_deg[i] + reach])
        near = by_latitude[low:high]
        north = latitude_deg[near] - latitude_deg[i]
        east = (longitude_deg[near] - longitude_deg[i] + 180.0) % 360.0 - 180.0
        east *= math.cos(math.radians(float(latitude_deg[i])))
        inside[near[(north * north + east * east < reach * reach) & (near > i)]] = True
    return inside


def _from_coordinates(text: str) -> Place | None:
    match = _COORDINATES.fullmatch(text)
    if match is None:
        return None
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        hint = "write latitude,longitude in degrees, such as 50.45,30.52"
        if abs(latitude) <= 180 and abs(longitude) <= 90:
            hint += f"; swapped? that would be {match[2]},{match[1]}"
        raise BadInput(f"{text.strip()!r} is not on Earth", hint)
    return Place(
        name=f"{latitude:g},{longitude:g}",
        country="",
        latitude_deg=latitude,
        longitude_deg=longitude,
        population=0,
    )


def _place(table: Gazetteer, row: int) -> Place:
    return Place(
        name=table.name(row),
        country=table.country[row].decode(),
        latitude_deg=float(table.latitude_deg[row]),
        longitude_deg=float(table.longitude_deg[row]),
        population=int(table.population[row]),
    )


def _unknown(table: Gazetteer, text: str, name: str, country: str) -> BadInput:
    rows = table.rows_of(country) if country else np.argsort(-table.population, kind="stable")[:_KNOWN_BIG]
    if not len(rows):
        hint = country_hint(country) + "; use a two-letter ISO code such as UA"
        return BadInput(f"no country has the code {country!r} (in {text!r})", hint)
    near = table.names_near(name, rows)
    elsewhere = [table.country[r].decode() for r in table.rows_named(name)] if country else []
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else "give 'latitude,longitude' instead, such as 50.45,30.52"
    )
    if elsewhere:
        hint = f"there is one in {', '.join(sorted(set(elsewhere))[:5])}; or " + hint
    return BadInput(f"no place is called {name!r}" + (f" in {country}" if country else ""), hint)
