"""Terminals people bring: CSV, and GeoJSON (RFC 7946) whose lines are terminals in motion."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from openleo.base.errors import BadInput
from openleo.ground.geojson import features, moving_track
from openleo.ground.kinds import find_kind
from openleo.ground.rows import (
    Row,
    RowProblem,
    WrongCell,
    decode,
    read_bytes,
    read_table,
    refuse,
    to_position,
)
from openleo.ground.terminals import Terminals
from openleo.ground.tracks import Track

_COLUMNS = {
    "id": ("terminal", "terminal_id", "ut", "ut_id", "user_terminal", "kit", "kit_serial"),
    "latitude": ("lat", "latitude_deg"),
    "longitude": ("lon", "lng", "long", "longitude_deg"),
    "kind": ("type", "model", "hardware"),
    "account": ("account_name", "owner"),
    "country": ("country_code",),
    "backup_hours": ("backup", "battery_hours"),
}
# What a file has for `openleo terminal onboard`, which takes the same one: known, and of no use here.
_ASIDE = frozenset({"serial", "area", "holder", "line", "plan", "life_critical", "name"})
_LONGEST_ID = 100
_MOST_ROWS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTerminals:
    """What a file held: terminals, the tracks of those in motion, and what was wrong or not understood.

    ``terminals.track`` is an index into ``tracks``.
    """

    terminals: Terminals
    tracks: tuple[Track, ...]
    problems: tuple[RowProblem, ...]
    ignored_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    latitude_deg: float
    longitude_deg: float
    kind: int
    account: str
    country: str
    backup_hours: float
    track: Track | None


def read_terminals(
    path: Path, *, group: str | None = None, start: np.datetime64 | None = None, keep_good: bool = False
) -> ReadTerminals:
    """Read terminals from CSV or GeoJSON (by suffix .json or .geojson, or a first character of ``{``).

    Columns, or properties of a feature: id, kind (default standard), account, country (service address, ISO
    alpha-2), backup_hours; CSV also latitude and longitude, degrees.  A GeoJSON LineString is a terminal in
    motion: with ``times`` (one for each position) or ``speed_kmh`` and ``repeat``, from ``start`` on.
    ``group`` names the terminals' group (the file's name unless given).

    Raises BadInput naming the first wrong rows and how many there are; with ``keep_good`` the good rows are
    kept and the problems returned, and it is raised only where no row is good.
    """
    data = read_bytes(path)
    is_json = path.suffix.lower() in (".json", ".geojson") or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (
        b"{",
        b"[",
    )
    ignored: tuple[str, ...] = ()
    problems: list[RowProblem] = []
    if is_json:
        found = _json_entries(path, data, start, problems)
    else:
        table = read_table(path, columns=_COLUMNS, required=("id", "latitude", "longitude"))
        ignored = tuple(name for name in table.ignored_columns if name.lower() not in _ASIDE)
        problems = list(table.problems)
        found = _csv_entries(table.rows, problems)
    entries = _without_repeats(found, problems, "feature" if is_json else "line")
    if problems and (not keep_good or not entries):
        raise refuse(path, sorted(problems, key=lambda problem: problem.line), len(entries))
    if not entries:
        raise BadInput(f"{path.name} has no terminals", "add at least one")
    terminals, tracks = _as_columns(entries, group or path.stem)
    return ReadTerminals(
        terminals=terminals, tracks=tracks, problems=tuple(problems), ignored_columns=ignored
    )


def _csv_entries(rows: tuple[Row, ...], problems: list[RowProblem]) -> Iterator[tuple[int, _Entry]]:
    for row in rows:
        try:
            position = to_position(row.text("latitude"), row.text("longitude"))
            yield row.line, _entry(row.values, position, None)
        except WrongCell as wrong:
            problems.append(wrong.at(row.line))


def _json_entries(
    path: Path, data: bytes, start: np.datetime64 | None, problems: list[RowProblem]
) -> Iterator[tuple[int, _Entry]]:
    try:
        document = json.loads(decode(data, path.name))
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(
            f"{path.name}{line} is not JSON: {error}", "check it with `python -m json.tool`"
        ) from error
    for number, (geometry, properties) in enumerate(features(path.name, document), start=1):
        try:
            values = {key: _plain(key, value) for key, value in properties.items() if key in _COLUMNS}
            track = None
            if geometry.get("type") == "LineString":
                track = moving_track(geometry, properties, name=values.get("id", ""), start=start)
                position = float(track.latitude_deg[0]), float(track.longitude_deg[0])
            else:
                position = _point(geometry)
            yield number, _entry(values, position, track)
        except WrongCell as wrong:
            problems.append(wrong.at(number, "feature"))


def _plain(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list | bool):
        raise WrongCell(key, json.dumps(value), "it must be text or a number", f"mend the property {key}")
    return str(value).strip()


def _point(geometry: dict[str, Any]) -> tuple[float, float]:
    kind, place = geometry.get("type"), geometry.get("coordinates")
    if kind != "Point":
        hint = "use a Point for a terminal that stands still, a LineString for one in motion"
        raise WrongCell("geometry", str(kind), "it is neither a Point nor a LineString", hint)
    if not isinstance(place, list) or len(place) < 2 or any(isinstance(v, bool) for v in place):
        raise WrongCell(
            "coordinates", str(place), "a Point needs [longitude, latitude]", "mend the coordinates"
        )
    return to_position(str(place[1]), str(place[0]))


def _entry(values: dict[str, str], position: tuple[float, float], track: Track | None) -> _Entry:
    """Return the checked values of one terminal; raises WrongCell."""
    name = values.get("id", "")
    if not name or len(name) > _LONGEST_ID or not name.isprintable():
        reason = f"an id has 1 to {_LONGEST_ID} printable characters"
        raise WrongCell("id", name, reason, "give every terminal its own id")
    country = values.get("country", "").upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise WrongCell(
            "country", country, "it is not an ISO 3166 alpha-2 code", "use two letters such as UA"
        )
    hours = Row(line=0, values=values).number("backup_hours", low=0.0) if values.get("backup_hours") else 0.0
    return _Entry(name, *position, _kind_code(values), values.get("account", ""), country, hours, track)


def _kind_code(values: dict[str, str]) -> int:
    name = values.get("kind", "")
    try:
        return find_kind(name).code if name else find_kind("standard").code
    except BadInput as error:
        raise WrongCell("kind", name, "no kind of terminal is called that", error.hint) from error


def _without_repeats(
    found: Iterator[tuple[int, _Entry]], problems: list[RowProblem], unit: str
) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    first: dict[str, int] = {}
    for line, entry in found:
        if len(entries) >= _MOST_ROWS:
            raise BadInput(f"there are more than {_MOST_ROWS:,} terminals", "split the file")
        if entry.id in entries:
            wrong = WrongCell(
                "id", entry.id, f"{unit} {first[entry.id]} has the same id", "give each its own id"
            )
            problems.append(wrong.at(line, unit))
        else:
            entries[entry.id], first[entry.id] = entry, line
    return entries


def _as_columns(entries: dict[str, _Entry], group: str) -> tuple[Terminals, tuple[Track, ...]]:
    rows = list(entries.values())
    accounts = tuple(dict.fromkeys(row.account for row in rows))
    countries = tuple(dict.fromkeys(row.country for row in rows if row.country))
    account_number = {name: number for number, name in enumerate(accounts)}
    country_number = {name: number for number, name in enumerate(countries)} | {"": -1}
    tracks = tuple(row.track for row in rows if row.track is not None)
    moving = np.array([row.track is not None for row in rows])
    if len(accounts) > 2**16:
        raise BadInput(f"there are {len(accounts)} different accounts", f"use at most {2**16}")
    base = Terminals.of(
        [row.latitude_deg for row in rows],
        [row.longitude_deg for row in rows],
        seed=0,
        group=group,
        track=np.where(moving, np.cumsum(moving) - 1, -1),
        backup_hours=[row.backup_hours for row in rows],
        ids=list(entries),
    )
    terminals = replace(
        base,
        kind=np.array([row.kind for row in rows], dtype=np.uint8),
        account=np.array([account_number[row.account] for row in rows], dtype=np.uint16),
        country=np.array([country_number[row.country] for row in rows], dtype=np.int16),
        account_names=accounts,
        country_names=countries,
    )
    return terminals, tracks
