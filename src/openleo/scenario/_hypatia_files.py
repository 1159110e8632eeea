"""Reading the four files of a Hypatia folder, each error with its file, its line and what to do."""

import difflib
import math
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.orbits.elements import ElementSets
from openleo.orbits.tle import parse_tle_text

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_STATIONS = 100_000
NAMES = ("tles.txt", "ground_stations.txt", "isls.txt", "description.txt")
_STATION_COLUMNS = "gid,name,latitude,longitude,elevation,x,y,z"
_SHOWN_NAMES = 8
_PLANE_TOLERANCE_RAD = math.radians(0.01)  # TLEs hold 0.0001 deg; planes are degrees apart
_XYZ_TOLERANCE_M = 1_000.0  # ellipsoids differ by metres; a swapped coordinate by far more
# WGS72, on which Hypatia computes x, y, z: Seppelin, "The Department of Defense WGS 1972" (1974).
_WGS72_A_M = 6_378_135.0
_WGS72_F = 1.0 / 298.26


class Station(NamedTuple):
    """One line of ``ground_stations.txt``; degrees and metres as written."""

    name: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float


def check_folder(path: Path) -> None:
    """Raise BadInput unless ``path`` is a folder with all four files."""
    if not path.is_dir():
        what = "is a file" if path.exists() else "is not there"
        raise BadInput(f"{path} {what}", "give the folder that holds " + ", ".join(NAMES))
    missing = [name for name in NAMES if not (path / name).is_file()]
    if missing:
        raise BadInput(
            f"{path} has no {' and no '.join(missing)}",
            f"a Hypatia folder holds {', '.join(NAMES)}; satgenpy writes them all",
        )


def read_tles(path: Path) -> tuple[int, int, ElementSets]:
    """Return (planes, satellites a plane, element sets in node order).  Raises BadInput."""
    head, _, rest = _text(path).partition("\n")
    planes, per_plane = _header(path, head)
    result = parse_tle_text(rest, first_line=2, path=path)
    if result.problems:
        problem = result.problems[0]
        more = f" (and {len(result.problems) - 1} more)" if len(result.problems) > 1 else ""
        raise BadInput(
            f"{_at(path, problem.line)}: {problem.reason}{more}",
            "mend it: a satellite left out would shift the numbers of all nodes after it",
        )
    sets = result.sets
    if result.duplicates:
        raise BadInput(
            f"{path}: {result.duplicates} catalogue numbers are used twice", "give each satellite its own"
        )
    if len(sets) != planes * per_plane:
        raise BadInput(
            f"{path} holds {len(sets)} satellites, but its first line says"
            f" {planes} planes of {per_plane}, which is {planes * per_plane}",
            "correct the first line, or add or remove satellites",
        )
    _check_node_order(path, sets)
    _check_epochs(path, sets)
    _check_planes(path, sets, planes, per_plane)
    return planes, per_plane, sets


def _header(path: Path, head: str) -> tuple[int, int]:
    hint = "the first line is the number of planes and the satellites in each, such as '34 34'"
    parts = head.split()
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and int(p) > 0 for p in parts):
        raise BadInput(f"{_at(path, 1)}: {head.strip()!r} is not two whole numbers above 0", hint)
    return int(parts[0]), int(parts[1])


def _check_node_order(path: Path, sets: ElementSets) -> None:
    """Names end in the node number ("Kuiper-630 12"); a name without one is taken as it comes."""
    for index, name in enumerate(sets.name):
        last = name.split()[-1] if name.split() else ""
        if len(name.split()) > 1 and last.isascii() and last.isdigit() and int(last) != index:
            raise BadInput(
                f"{_at(path, 2 + 3 * index)}: {name!r} stands at place {index}, not {last}",
                "sort the satellites by their number: a node's number is its place in the file",
            )


def _check_epochs(path: Path, sets: ElementSets) -> None:
    other = np.flatnonzero(sets.epoch != sets.epoch[0])
    if other.size:
        index = int(other[0])
        raise BadInput(
            f"{_at(path, 3 + 3 * index)}: the epoch of {sets.name[index]!r} is {sets.epoch[index]},"
            f" that of the first satellite {sets.epoch[0]}",
            "give all satellites one epoch: it is t = 0",
        )


def _check_planes(path: Path, sets: ElementSets, planes: int, per_plane: int) -> None:
    """Catch a header whose two numbers are swapped, which would otherwise pass unseen."""
    if planes == per_plane or _is_in_planes(sets.raan_rad, planes, per_plane):
        return
    if _is_in_planes(sets.raan_rad, per_plane, planes):
        raise BadInput(
            f"{_at(path, 1)}: it says {planes} planes of {per_plane} satellites, but the right ascensions are"
            f" those of {per_plane} planes of {planes}",
            f"swap the two numbers: '{per_plane} {planes}'",
        )


def _is_in_planes(raan_rad: NDArray[np.float64], planes: int, per_plane: int) -> bool:
    by_plane = raan_rad.reshape(planes, per_plane)
    off_rad = np.angle(np.exp(1j * (by_plane - by_plane[:, :1])))
    return bool(np.all(np.abs(off_rad) < _PLANE_TOLERANCE_RAD))


def read_stations(path: Path) -> tuple[Station, ...]:
    """Return the ground stations in the order of their gid.  Raises BadInput."""
    stations: list[Station] = []
    for line, text in _lines(path):
        parts = [p.strip() for p in text.split(",")]
        if len(parts) != 8:
            raise BadInput(
                f"{_at(path, line)}: {len(parts)} columns, not 8", f"each line is {_STATION_COLUMNS}"
            )
        if parts[0] != str(len(stations)):
            raise BadInput(
                f"{_at(path, line)}: gid {parts[0]!r} where {len(stations)} belongs",
                "number the ground stations from 0 without gaps, in order",
            )
        if not parts[1]:
            raise BadInput(f"{_at(path, line)}: the name is empty", "give the ground station a name")
        numbers = [
            _number(path, line, column, p)
            for column, p in zip(_STATION_COLUMNS.split(",")[2:], parts[2:], strict=True)
        ]
        station = Station(parts[1], *numbers[:3])
        _check_station(path, line, station, numbers[3:])
        stations.append(station)
        if len(stations) > MAX_STATIONS:
            raise BadInput(f"{path} has over {MAX_STATIONS} ground stations", "split the folder")
    if not stations:
        raise BadInput(f"{path} has no ground station", f"each line is {_STATION_COLUMNS}")
    return tuple(stations)


def _check_station(path: Path, line: int, station: Station, xyz_m: Sequence[float]) -> None:
    for what, value, limit in (
        ("latitude", station.latitude_deg, 90.0),
        ("longitude", station.longitude_deg, 180.0),
    ):
        if not -limit <= value <= limit:
            raise BadInput(
                f"{_at(path, line)}: {what} {value} of {station.name} is not within -{limit:g} and {limit:g}",
                "write degrees, north and east positive",
            )
    if not -1_000.0 <= station.elevation_m <= 100_000.0:
        raise BadInput(
            f"{_at(path, line)}: elevation {station.elevation_m} of {station.name} is no height on Earth",
            "write metres above the ellipsoid",
        )
    off_m = math.dist(xyz_m, ellipsoid_m(station, _WGS72_A_M, _WGS72_F))
    if off_m > _XYZ_TOLERANCE_M:
        raise BadInput(
            f"{_at(path, line)}: x,y,z of {station.name} lie {off_m / 1e3:.0f} km from its latitude and"
            " longitude",
            "correct the one or the other; x,y,z are Earth-fixed metres",
        )


def ellipsoid_m(station: Station, a_m: float, flattening: float) -> tuple[float, float, float]:
    """Return Earth-fixed x, y, z in metres on an ellipsoid (NIMA TR8350.2, equation 4-14)."""
    latitude, longitude = math.radians(station.latitude_deg), math.radians(station.longitude_deg)
    e2 = flattening * (2.0 - flattening)
    normal_m = a_m / math.sqrt(1.0 - e2 * math.sin(latitude) ** 2)
    ring_m = (normal_m + station.elevation_m) * math.cos(latitude)
    return (
        ring_m * math.cos(longitude),
        ring_m * math.sin(longitude),
        (normal_m * (1.0 - e2) + station.elevation_m) * math.sin(latitude),
    )


def read_isls(path: Path, *, satellites: int) -> NDArray[np.int64]:
    """Return the links (E, 2) as satellite indices; the file may be empty.  Raises BadInput."""
    seen: dict[tuple[int, int], int] = {}
    for line, text in _lines(path):
        parts = text.split()
        if len(parts) != 2 or not all(p.isascii() and p.isdigit() for p in parts):
            raise BadInput(
                f"{_at(path, line)}: {text!r} is not two satellite numbers", "write a link as '0 34'"
            )
        a, b = sorted(map(int, parts))
        if b >= satellites:
            raise BadInput(
                f"{_at(path, line)}: there is no satellite {b}; tles.txt holds 0 to {satellites - 1}",
                "correct the number, or bring the tles.txt that belongs to this file",
            )
        if a == b:
            raise BadInput(f"{_at(path, line)}: the link joins satellite {a} to itself", "remove the line")
        if (a, b) in seen:
            raise BadInput(
                f"{_at(path, line)}: the link {a} {b} is already on line {seen[a, b]}", "remove one of them"
            )
        seen[a, b] = line
    return np.array(list(seen), dtype=np.int64).reshape(-1, 2)


def read_description(path: Path) -> dict[str, float]:
    """Return the two range limits in metres.  Raises BadInput."""
    found: dict[str, float] = {}
    for line, text in _lines(path):
        key, equals, value = (p.strip() for p in text.partition("="))
        if not equals:
            raise BadInput(
                f"{_at(path, line)}: {text!r} is not key=value", "write it as max_gsl_length_m=1260000"
            )
        if key in {"max_gsl_length_m", "max_isl_length_m"}:
            found[key] = _number(path, line, key, value)
            if found[key] <= 0.0:
                raise BadInput(f"{_at(path, line)}: {key} is {value}, not above 0", "write it in metres")
    for key in ("max_gsl_length_m", "max_isl_length_m"):
        if key not in found:
            raise BadInput(f"{path} does not give {key}", f"add a line such as {key}=1260000")
    return found


def find_station(stations: Sequence[Station], text: str, *, satellites: int, path: Path) -> int:
    """Return the gid of the station that ``text`` names (name, gid or node number).  Raises BadInput."""
    wanted = _plain(text)
    same = [gid for gid, s in enumerate(stations) if _plain(s.name) == wanted]
    if len(same) == 1:
        return same[0]
    if same:
        gids = " or ".join(map(str, same))
        raise BadInput(
            f"{len(same)} ground stations are called {stations[same[0]].name}", f"give the gid: {gids}"
        )
    if wanted.isascii() and wanted.isdigit():
        number = int(wanted)
        gid = number if number < len(stations) else number - satellites
        if 0 <= gid < len(stations):
            return gid
        raise BadInput(
            f"{path} has no ground station {number}",
            f"gids are 0 to {len(stations) - 1}, node numbers"
            f" {satellites} to {satellites + len(stations) - 1}",
        )
    raise BadInput(f"{path} has no ground station {text!r}", _nearest(stations, wanted))


def _nearest(stations: Sequence[Station], wanted: str) -> str:
    names = {_plain(s.name): gid for gid, s in enumerate(stations)}
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    near = near or [n for n in names if len(wanted) > 2 and wanted in n][:3]
    if near:
        return "did you mean " + " or ".join(_with_gid(stations, names[n]) for n in near) + "?"
    shown = ", ".join(_with_gid(stations, gid) for gid in range(min(len(stations), _SHOWN_NAMES)))
    more = len(stations) - _SHOWN_NAMES
    return f"known: {shown}" + (f" and {more} more" if more > 0 else "")


def _with_gid(stations: Sequence[Station], gid: int) -> str:
    return f"{stations[gid].name} (gid {gid})"


def _plain(name: str) -> str:
    """Return a name without case or accents, spaces and underscores as hyphens."""
    folded = unicodedata.normalize("NFKD", name.strip())
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return "-".join(kept.replace("_", " ").replace("-", " ").casefold().split())


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", "is it the right file?")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start})", "save it again as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}", "check the file") from error
    return text


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based number, text) of each line that is not blank."""
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{_at(path, line)}: {column} {text!r} is not a number", "write it as 35.6895")
    return value


def _at(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path} line {line}"
