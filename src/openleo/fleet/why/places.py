"""Where terminals are, and which are near: without numpy, for agents and quick commands use this."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from openleo.fleet.sample import Sample

Place = tuple[float, float]  # latitude and longitude in degrees

_RADIUS_M: Final = 6_371_000.0  # mean radius; distances here need no better than 1 %
_BIN_DEG: Final = 0.6  # of latitude: 67 km, so that what is within 60 km is in the next bin at most


def place_of(sample: Sample | None, latitude_deg: float | None, longitude_deg: float | None) -> Place | None:
    """Return where a terminal is: what it says, else its cell's centre, else where it is registered."""
    if sample is not None:
        if sample.latitude_deg is not None and sample.longitude_deg is not None:
            return sample.latitude_deg, sample.longitude_deg
        if sample.cell is not None and (centre := centre_of(sample.cell)) is not None:
            return centre
    if latitude_deg is None or longitude_deg is None:
        return None
    return latitude_deg, longitude_deg


def centre_of(cell: int) -> Place | None:
    """Return the centre of an H3 cell in degrees; None for a number that is no cell."""
    import h3.api.basic_int as h3

    if not h3.is_valid_cell(cell):
        return None
    latitude, longitude = h3.cell_to_latlng(cell)
    return latitude, longitude


def cell_at(place: Place) -> int:
    """Return the H3 cell of resolution 5 at a place."""
    import h3.api.basic_int as h3

    return int(h3.latlng_to_cell(place[0], place[1], 5))


def metres(a: Place, b: Place) -> float:
    """Return the great-circle distance between two places (haversine)."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * _RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def distance_m(sample: Sample, place: Place) -> float | None:
    """Return how far a sample was from a place, by its position, else by its cell's centre."""
    at = place_of(sample, None, None)
    return None if at is None else metres(at, place)


class Map:
    """Terminals by place, for asking which are near one."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.places = places
        self._bins: dict[tuple[int, int], list[str]] = defaultdict(list)
        for terminal, place in places.items():
            self._bins[_bin(place)].append(terminal)

    def near(self, place: Place, within_m: float) -> Iterator[str]:
        """Yield the terminals within ``within_m`` (at most 60 km) of a place."""
        row, _ = _bin(place)
        for other in (row - 1, row, row + 1):
            width = _width_deg(other)
            count = round(360.0 / width)
            narrow = math.cos(math.radians(min(90.0, abs(place[0]) + _BIN_DEG)))
            if narrow < 0.05:  # about a pole a circle may hold all longitudes
                columns = set(range(count))
            else:
                reach = within_m / 111_000.0 / narrow
                first = math.floor((place[1] - reach + 180.0) / width)
                last = math.floor((place[1] + reach + 180.0) / width)
                columns = {column % count for column in range(first, last + 1)}
            for column in columns:
                for terminal in self._bins.get((other, column), ()):
                    if metres(place, self.places[terminal]) <= within_m:
                        yield terminal


def _width_deg(row: int) -> float:
    """Return how wide bins are in longitude in a row, so that they stay some 60 km wide; they divide 360."""
    wanted = _BIN_DEG / max(0.05, math.cos(math.radians(min(89.0, abs(row * _BIN_DEG) + _BIN_DEG))))
    return 360.0 / max(1, int(360.0 // wanted))


def _bin(place: Place) -> tuple[int, int]:
    row = math.floor(place[0] / _BIN_DEG)
    width = _width_deg(row)
    count = round(360.0 / width)
    return row, math.floor((place[1] + 180.0) / width) % count
