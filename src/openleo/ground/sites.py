"""Gateways and points of presence: our own tables, and readers for a user's own.

The built-in tables are facts derived by ``experiments/derive_sites.py``; docs/ground.md says from what.
"""

import csv
import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.countries import country_hint
from openleo.ground.frames import geodetic_to_itrs_m

STATUSES = ("live", "built", "planned", "unknown")
STANDARD_ANTENNAS = 8  # a standard site; community map of gateways 2023-10-10, US filings since 2020
STANDARD_MIN_ELEVATION_DEG = 25.0  # filed for gateway beams; 5 at a few sites
BUILT_IN_DAY = date(2023, 10, 10)  # of the map that the built-in gateways are from; their column date_of_fact
MAX_SITES = 10_000
MAX_ANTENNAS = 1_000

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateways:
    """Ground stations, G long, in the order of their table.

    ``country`` is ISO 3166 alpha-2 ('' where not given); coordinates are geodetic degrees; ``antennas`` is
    how many satellites a site can follow at once; ``live_from`` is None where no date is known.
    """

    name: tuple[str, ...]
    country: tuple[str, ...]
    latitude_deg: Float
    longitude_deg: Float
    antennas: NDArray[np.int16]
    min_elevation_rad: Float
    status: tuple[str, ...]
    live_from: tuple[date | None, ...]
    source: tuple[str, ...]
    confidence: tuple[str, ...]
    note: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.name)

    @property
    def itrs_m(self) -> Float:
        """Positions (G, 3) in ITRS, metres, on the ellipsoid."""
        return geodetic_to_itrs_m(np.radians(self.latitude_deg), np.radians(self.longitude_deg))

    def take(self, indices: ArrayLike) -> "Gateways":
        """Return these gateways only, in this order."""
        return _take(self, indices)

    def index_of(self, name: str) -> int:
        """Return the row of a gateway by its name, in any case; BadInput with the nearest names if none."""
        return _index_of(name, "gateway", "gateways", self.name)

    def live_at(self, day: date | None = None) -> NDArray[np.int64]:
        """Return the rows of the gateways that are live, leaving out any known to start after ``day``."""
        live = [
            state == "live" and (since is None or day is None or since <= day)
            for state, since in zip(self.status, self.live_from, strict=True)
        ]
        return np.flatnonzero(live)

    def in_countries(self, countries: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of the gateways in these countries; BadInput for one that has none here."""
        wanted = [code.upper() for code in countries]
        for code in wanted:
            if code not in self.country:
                raise BadInput(f"there is no gateway in country '{code}'", country_hint(code, self.country))
        return np.flatnonzero([code in wanted for code in self.country])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pops:
    """Points of presence, P long.  ``known_by`` is the earliest date at which a source shows it, or None."""

    code: tuple[str, ...]
    name: tuple[str, ...]
    country: tuple[str, ...]
    latitude_deg: Float
    longitude_deg: Float
    known_by: tuple[date | None, ...]
    source: tuple[str, ...]
    confidence: tuple[str, ...]
    note: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.name)

    @property
    def itrs_m(self) -> Float:
        """Positions (P, 3) in ITRS, metres, on the ellipsoid."""
        return geodetic_to_itrs_m(np.radians(self.latitude_deg), np.radians(self.longitude_deg))

    def take(self, indices: ArrayLike) -> "Pops":
        """Return these points of presence only, in this order."""
        return _take(self, indices)

    def index_of(self, name: str) -> int:
        """Return the row of a point of presence by name or code; BadInput with the nearest if none."""
        return _index_of(name, "PoP", "pops", self.name, self.code)


_Table = TypeVar("_Table", Gateways, Pops)


def _take(table: _Table, indices: ArrayLike) -> _Table:
    rows = np.asarray(indices)
    if rows.dtype == np.bool_:
        rows = np.flatnonzero(rows)
    rows = rows.astype(np.intp)
    kept: dict[str, Any] = {}
    for field in fields(table):
        column = getattr(table, field.name)
        kept[field.name] = (
            column[rows] if isinstance(column, np.ndarray) else tuple(column[r] for r in rows.tolist())
        )
    return type(table)(**kept)


def _index_of(name: str, kind: str, what: str, *keys: Sequence[str]) -> int:
    wanted = name.strip().casefold()
    for column in keys:
        for row, key in enumerate(column):
            if key.casefold() == wanted:
                return row
    raise BadInput(f"no {kind} is called '{name}'", _nearest(wanted, what, keys))


def _nearest(wanted: str, what: str, keys: Sequence[Sequence[str]]) -> str:
    """Return a hint with the nearest names in quotes, as names may hold commas: "Conrad, MT"."""
    folded = {key.casefold(): key for column in keys for key in column}
    near = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.6)
    near += [key for key in folded if len(wanted) > 2 and key.startswith(wanted) and key not in near][:3]
    some = " or ".join(f"'{folded[key]}'" for key in near[:3])
    return (f"did you mean {some}? " if some else "") + f"list them with `openleo sites {what}`"


def load_gateways(path: Path | None = None) -> Gateways:
    """Return the built-in gateways, or those of a CSV file.

    A file needs the columns name, latitude_deg, longitude_deg and may have country, antennas (else 8),
    min_elevation_deg (else 25), status (else live), live_from, date_of_fact, source (else assumed),
    confidence and note.  Raises BadInput naming the file, the line and the column of what is wrong.
    """
    rows = list(_rows(path or _built_in("gateways.csv"), _GATEWAY_COLUMNS))
    return Gateways(
        name=tuple(r.name() for r in rows),
        country=tuple(r.country() for r in rows),
        latitude_deg=np.array([r.number("latitude_deg", -90, 90) for r in rows], float),
        longitude_deg=np.array([r.number("longitude_deg", -180, 180) for r in rows], float),
        antennas=np.array([r.whole("antennas", 1, MAX_ANTENNAS, STANDARD_ANTENNAS) for r in rows], np.int16),
        min_elevation_rad=np.radians(
            [r.number("min_elevation_deg", 0, 90, STANDARD_MIN_ELEVATION_DEG) for r in rows]
        ),
        status=tuple(r.choice("status", STATUSES, "live") for r in rows),
        live_from=tuple(r.day("live_from") for r in rows),
        source=tuple(r.text("source", "assumed") for r in rows),
        confidence=tuple(r.text("confidence") for r in rows),
        note=tuple(r.text("note") for r in rows),
    )


def load_pops(path: Path | None = None) -> Pops:
    """Return the built-in points of presence, or those of a CSV file.

    A file needs the columns name, latitude_deg, longitude_deg and may have code (else the name), country,
    known_by, source (else assumed), confidence and note.  Raises BadInput as `load_gateways`.
    """
    rows = list(_rows(path or _built_in("pops.csv"), _POP_COLUMNS))
    return Pops(
        code=tuple(r.text("code", r.name()) for r in rows),
        name=tuple(r.name() for r in rows),
        country=tuple(r.country() for r in rows),
        latitude_deg=np.array([r.number("latitude_deg", -90, 90) for r in rows], float),
        longitude_deg=np.array([r.number("longitude_deg", -180, 180) for r in rows], float),
        known_by=tuple(r.day("known_by") for r in rows),
        source=tuple(r.text("source", "assumed") for r in rows),
        confidence=tuple(r.text("confidence") for r in rows),
        note=tuple(r.text("note") for r in rows),
    )


def _built_in(name: str) -> Path:
    return Path(__file__).parent / "data" / name


_NEEDED = ("name", "latitude_deg", "longitude_deg")
_SHARED = (*_NEEDED, "country", "source", "confidence", "note", "date_of_fact")
_GATEWAY_COLUMNS = (*_SHARED, "antennas", "min_elevation_deg", "status", "live_from")
_POP_COLUMNS = (*_SHARED, "code", "known_by")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table of sites; every complaint says where it is and what would do."""

    path: Path
    line: int
    cells: dict[str, str]

    def wrong(self, column: str, wants: str) -> BadInput:
        found = self.cells.get(column, "")
        return BadInput(f"{self.path}, line {self.line}, column {column}: '{found}' is not {wants}", wants)

    def text(self, column: str, default: str = "") -> str:
        return self.cells.get(column) or default

    def name(self) -> str:
        if not self.text("name"):
            raise self.wrong("name", "a name; give each site one of its own")
        return self.text("name")

    def country(self) -> str:
        code = self.text("country").upper()
        if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
            raise self.wrong("country", "an ISO 3166 code of two letters, such as UA; it may be left empty")
        return code

    def number(self, column: str, low: float, high: float, default: float | None = None) -> float:
        try:
            value = float(self.text(column)) if default is None else float(self.text(column) or default)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise self.wrong(column, f"a number from {low:g} to {high:g}, with a point for the decimals")
        return value

    def whole(self, column: str, low: int, high: int, default: int) -> int:
        value = self.number(column, low, high, default)
        if not value.is_integer():
            raise self.wrong(column, f"a whole number from {low} to {high}")
        return int(value)

    def day(self, column: str) -> date | None:
        if not self.text(column):
            return None
        try:
            return date.fromisoformat(self.text(column))
        except ValueError:
            raise self.wrong(column, "a date such as 2022-10-07; it may be left empty") from None

    def choice(self, column: str, known: Sequence[str], default: str) -> str:
        value = self.text(column, default).lower()
        if value not in known:
            raise self.wrong(column, "one of " + ", ".join(known))
        return value


def _rows(path: Path, known: Sequence[str]) -> Iterator[_Row]:
    """Yield the rows of a CSV file after checking its header; empty lines and # comments are skipped."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(
            f"there is no file {path}", "check the path, or leave it out for the built-in"
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start})", "save it as CSV in UTF-8") from None
    reader = csv.reader(text.splitlines())
    header: list[str] | None = None
    names: dict[str, int] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if header is None:
            header = _checked_header(path, [cell.strip().lower() for cell in cells], known)
            continue
        if len(cells) > len(header):
            raise BadInput(
                f"{path}, line {reader.line_num} has {len(cells)} columns; its header has {len(header)}",
                'put names that hold a comma in double quotes, as in "Conrad, MT"',
            )
        row = _Row(path, reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=False)))
        first = names.setdefault(row.name().casefold(), row.line)
        if first != row.line:
            raise BadInput(
                f"{path}, line {row.line}, column name: '{row.name()}' is on line {first} already",
                "give each site a name of its own; one site may have up to 1000 antennas",
            )
        yield row
    if not names or len(names) > MAX_SITES:
        raise BadInput(
            f"{path} has {len(names)} sites, not between 1 and {MAX_SITES}",
            "give a header line with " + ", ".join(_NEEDED) + " and a line for each site",
        )


def _checked_header(path: Path, header: list[str], known: Sequence[str]) -> list[str]:
    for column in _NEEDED:
        if column not in header:
            raise BadInput(
                f"{path}, line 1: column {column} is missing; it has {', '.join(header)}",
                "the needed columns are " + ", ".join(_NEEDED),
            )
    for column in header:
        if column not in known:
            raise BadInput(f"{path}, line 1: unknown column '{column}'", did_you_mean(column, known))
    return header
