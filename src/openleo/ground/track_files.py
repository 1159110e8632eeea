"""Tracks from files: CSV with time, latitude and longitude, and GPX 1.1 (https://www.topografix.com/GPX/1/1/)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from openleo.base.clock import parse_utc
from openleo.base.errors import BadInput
from openleo.ground.rows import RowProblem, WrongCell, read_bytes, read_table, refuse, to_position
from openleo.ground.tracks import FASTEST_M_S, Track, leg_speeds_m_s

_COLUMNS = {
    "time": ("timestamp", "datetime", "utc", "date_time"),
    "latitude": ("lat", "latitude_deg"),
    "longitude": ("lon", "lng", "long", "longitude_deg"),
    "track": ("id", "name", "vehicle"),
}
_FIRST_YEAR, _LAST_YEAR = np.datetime64("1980-01-06", "ns"), np.datetime64("2200-01-01", "ns")
_MOST_DEPTH = 64  # of nested GPX elements


@dataclass(slots=True)
class _Point:
    line: int
    latitude: str
    longitude: str
    time: str = ""


@dataclass(slots=True)
class _Path:
    name: str
    points: list[_Point] = field(default_factory=list)


def read_tracks(path: Path) -> tuple[Track, ...]:
    """Return the tracks of a CSV or GPX file, each made once, at its own times (UTC where no zone is given).

    A CSV file has the columns time, latitude, longitude and, for several tracks, track.  In GPX each ``trk``
    is a track, its segments joined.  Raises BadInput that names lines: a value that is wrong, times that do
    not increase, fewer than two points, or a leg faster than 1,000 m/s.
    """
    data = read_bytes(path)
    gpx = path.suffix.lower() == ".gpx" or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    paths = _gpx_paths(path.name, data) if gpx else _csv_paths(path)
    tracks = tuple(_track(path, found) for found in paths if found.points)
    if not tracks:
        raise BadInput(f"{path.name} has no track points", "bring a GPX file with <trkpt> elements")
    return tracks


def read_track(path: Path) -> Track:
    """Return the one track of a file; raises BadInput also where it has several."""
    tracks = read_tracks(path)
    if len(tracks) > 1:
        names = ", ".join(track.name for track in tracks[:5])
        raise BadInput(f"{path.name} has {len(tracks)} tracks ({names})", "use a file with one track")
    return tracks[0]


def _csv_paths(path: Path) -> Sequence[_Path]:
    table = read_table(path, columns=_COLUMNS, required=("time", "latitude", "longitude"))
    if table.problems:
        raise refuse(path, table.problems, len(table.rows))
    paths: dict[str, _Path] = {}
    for row in table.rows:
        name = row.text("track") or path.stem
        point = _Point(row.line, row.text("latitude"), row.text("longitude"), row.text("time"))
        paths.setdefault(name, _Path(name)).points.append(point)
    return list(paths.values())


def _track(path: Path, found: _Path) -> Track:
    """Return checked points as a track; raises BadInput with the first problems."""
    problems: list[RowProblem] = []
    times: list[np.datetime64] = []
    positions: list[tuple[float, float]] = []
    lines: list[int] = []
    for point in found.points:
        try:
            time = checked_time(point.time)
            if times and time <= times[-1]:
                raise WrongCell(
                    "time",
                    point.time,
                    f"it is not after that of line {lines[-1]}",
                    "sort by time; drop repeats",
                )
            positions.append(to_position(point.latitude, point.longitude))
            times.append(time)
            lines.append(point.line)
        except WrongCell as wrong:
            problems.append(wrong.at(point.line))
    if problems:
        raise refuse(path, problems, len(times))
    if len(times) < 2:
        raise BadInput(
            f"{path.name}: track {found.name!r} has one point", "give at least two points with times"
        )
    elapsed_s = (np.array(times) - times[0]) / np.timedelta64(1, "s")
    degrees = np.array(positions)
    speed = leg_speeds_m_s(elapsed_s, degrees[:, 0], degrees[:, 1])
    fast = int(np.argmax(speed))
    if speed[fast] > FASTEST_M_S:
        raise BadInput(
            f"{path.name}: it moves at {speed[fast]:,.0f} m/s from line {lines[fast]} to {lines[fast + 1]}",
            "check the times, and that latitude and longitude are not swapped",
        )
    return Track(
        name=found.name,
        start=times[0],
        elapsed_s=elapsed_s,
        latitude_deg=degrees[:, 0],
        longitude_deg=degrees[:, 1],
        loops=False,
    )


def checked_time(text: str) -> np.datetime64:
    """Return a UTC instant between 1980 and 2200; raises WrongCell."""
    if not text:
        raise WrongCell(
            "time", text, "there is no time", "give every point a time such as 2022-10-07T17:30:00Z"
        )
    try:
        time = parse_utc(text)
    except (BadInput, OverflowError) as error:
        raise WrongCell("time", text, "it is not a time", "write it as 2022-10-07T17:30:00Z") from error
    if not _FIRST_YEAR <= time < _LAST_YEAR:
        raise WrongCell("time", text, "it is not between 1980 and 2200", "check the year")
    return time


class _GpxReader:
    """Collects track points while expat reads; refuses a DOCTYPE, which GPX never needs (entity bombs do)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.paths: list[_Path] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, data: bytes) -> list[_Path]:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise BadInput(
                f"{self.name}, line {error.lineno}: {expat.ErrorString(error.code)}",
                "bring a well-formed GPX 1.1 file, or CSV with the columns time, latitude, longitude",
            ) from error
        except (UnicodeError, ValueError, LookupError) as error:  # an encoding that Python or expat lacks
            raise BadInput(f"{self.name}: {error}", "save the file as UTF-8") from error
        return self.paths

    def _doctype(self, *_: Any) -> None:
        line = self._parser.CurrentLineNumber
        raise BadInput(f"{self.name}, line {line}: it has a DOCTYPE", "remove the DOCTYPE: GPX needs none")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(" ")[2]
        if not self._open and local != "gpx":
            hint = "bring a GPX 1.1 file, or CSV with the columns time, latitude, longitude"
            raise BadInput(f"{self.name} is XML with the root <{local[:40]}>, not <gpx>", hint)
        self._open.append(local)
        self._text = []
        if len(self._open) > _MOST_DEPTH:
            raise BadInput(f"{self.name}: elements are nested more than {_MOST_DEPTH} deep", "is it GPX?")
        if self._open == ["gpx", "trk"]:
            self.paths.append(_Path(f"track {len(self.paths) + 1}"))
        elif self._open == ["gpx", "trk", "trkseg", "trkpt"]:
            point = _Point(
                self._parser.CurrentLineNumber, attributes.get("lat", ""), attributes.get("lon", "")
            )
            self.paths[-1].points.append(point)

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _: str) -> None:
        text = "".join(self._text).strip()
        if self._open == ["gpx", "trk", "name"] and text:
            self.paths[-1].name = text
        elif self._open == ["gpx", "trk", "trkseg", "trkpt", "time"]:
            self.paths[-1].points[-1].time = text
        self._open.pop()
        self._text = []


def _gpx_paths(name: str, data: bytes) -> list[_Path]:
    return _GpxReader(name).read(data)
