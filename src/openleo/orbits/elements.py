"""Element sets as a struct of arrays, and reading them from files of any of the usual kinds.

Angles and mean motion are SGP4 mean elements in TEME (Kozai mean motion), as published in TLE and OMM.
"""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput
from openleo.orbits.wgs72 import EARTH_RADIUS_KM, brouwer_motion

MAX_FILE_BYTES = 256 * 1024 * 1024  # the whole public catalogue is about 25 MB as OMM XML
_JULIAN_1970 = 2_440_587.5
_DAY_NS = 86_400_000_000_000
_EPOCH_TYPE = np.dtype("datetime64[ns]")
_SHOWN_PROBLEMS = 3
_WHERE_FROM = (
    "bring TLE, 3LE or OMM (JSON, CSV or XML), for example from"
    " https://celestrak.org/NORAD/elements/gp.php?GROUP=starlink&FORMAT=json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementSets:
    """S element sets, in the order in which they were read.

    All arrays are (S,).  ``epoch`` is UTC ``datetime64[ns]``, which holds the 1e-8 day of a TLE and the
    microsecond of an OMM exactly.  Angles are radians in TEME, ``mean_motion_rad_min`` is the Kozai mean
    motion in radians a minute, ``bstar`` is in inverse Earth radii.  ``designator`` is the international
    designator (``2019-074A``), empty where unknown.  Raises ValueError when lengths differ.
    """

    name: tuple[str, ...]
    catalogue_number: NDArray[np.int32]
    epoch: NDArray[np.datetime64]
    inclination_rad: NDArray[np.float64]
    raan_rad: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    argument_of_perigee_rad: NDArray[np.float64]
    mean_anomaly_rad: NDArray[np.float64]
    mean_motion_rad_min: NDArray[np.float64]
    bstar: NDArray[np.float64]
    designator: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.name)
        object.__setattr__(self, "name", tuple(self.name))
        object.__setattr__(self, "designator", tuple(self.designator) or ("",) * count)
        if len(self.designator) != count:
            raise ValueError(f"designator has {len(self.designator)} entries, name has {count}")
        for field in fields(self):
            if field.name in {"name", "designator"}:
                continue
            kind: Any = {"catalogue_number": np.int32, "epoch": _EPOCH_TYPE}.get(field.name, np.float64)
            array = np.ascontiguousarray(getattr(self, field.name), dtype=kind)
            if array.shape != (count,):
                raise ValueError(f"{field.name} has shape {array.shape}, expected ({count},)")
            object.__setattr__(self, field.name, array)

    def __len__(self) -> int:
        return len(self.name)

    @property
    def epoch_jd_day(self) -> NDArray[np.float64]:
        """Julian date (S,) of the midnight before each epoch; ends in .5."""
        return np.floor_divide(self.epoch.astype(np.int64), _DAY_NS) + _JULIAN_1970

    @property
    def epoch_jd_fraction(self) -> NDArray[np.float64]:
        """Fraction of a day (S,) since ``epoch_jd_day``."""
        return np.remainder(self.epoch.astype(np.int64), _DAY_NS) / _DAY_NS

    @property
    def semi_major_axis_m(self) -> NDArray[np.float64]:
        """Brouwer mean semi-major axis (S,) in metres, the one SGP4 works with."""
        _, axis = brouwer_motion(self.mean_motion_rad_min, self.eccentricity, self.inclination_rad)
        return axis * (EARTH_RADIUS_KM * 1000.0)

    def take(self, indices: ArrayLike) -> Self:
        """Return the sets at ``indices`` (N,): integers, or a mask (S,) of booleans."""
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        arrays = {
            f.name: getattr(self, f.name)[chosen]
            for f in fields(self)
            if f.name not in {"name", "designator"}
        }
        return type(self)(
            name=tuple(self.name[i] for i in chosen),
            designator=tuple(self.designator[i] for i in chosen),
            **arrays,
        )

    @classmethod
    def join(cls, parts: Sequence["ElementSets"]) -> "ElementSets":
        """Return all sets of ``parts``, one after the other."""
        arrays = {
            f.name: np.concatenate([getattr(p, f.name) for p in parts])
            for f in fields(cls)
            if f.name not in {"name", "designator"}
        }
        return cls(
            name=tuple(n for p in parts for n in p.name),
            designator=tuple(d for p in parts for d in p.designator),
            **arrays,
        )


class Record(NamedTuple):
    """One element set as written: degrees, revolutions a day; ``line`` is where it was found."""

    line: int
    name: str
    designator: str
    catalogue_number: int
    epoch: np.datetime64
    inclination_deg: float
    raan_deg: float
    eccentricity: float
    argument_of_perigee_deg: float
    mean_anomaly_deg: float
    mean_motion_rev_day: float
    bstar: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in a file that was left out; ``line`` counts from 1: lines, or records in JSON."""

    line: int | None
    reason: str
    text: str

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        return f"{where}{self.reason}" + (f" ({self.text!r})" if self.text else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """What a file held: usable ``sets``, what was left out, and how many older duplicates were dropped."""

    sets: ElementSets
    problems: tuple[Problem, ...]
    duplicates: int
    path: Path | None
    kind: str


def read_elements(path: Path) -> ReadResult:
    """Read element sets from a TLE, 3LE or OMM file (JSON, CSV, XML), gzipped or not; the kind is sniffed.

    Lines that cannot be used are named in ``problems`` and the rest is kept.  Of several sets with one
    catalogue number the newest epoch stays.  Raises BadInput when the file cannot be read or holds nothing
    usable.
    """
    path = Path(path)
    return parse_elements(_decode(_load(path), path), path=path)


def parse_elements(text: str, *, path: Path | None = None) -> ReadResult:
    """Read element sets from the text of a file; ``path`` is for messages.  As `read_elements`."""
    from openleo.orbits import omm, tle

    kind = sniff(text)
    if kind == "json":
        records, problems = omm.parse_json(text, path)
    elif kind == "xml":
        records, problems = omm.parse_xml(text, path)
    elif kind == "csv":
        records, problems = omm.parse_csv(text, path)
    else:
        records, problems = tle.parse_lines(text)
    return assemble(records, problems, path=path, kind=kind)


def sniff(text: str) -> str:
    """Return ``json``, ``xml``, ``csv`` or ``tle`` from the first line that says anything."""
    stripped = text.lstrip("\ufeff \t\r\n")
    first = stripped.split("\n", 1)[0]
    if stripped[:1] in {"[", "{"}:
        return "json"
    if stripped[:1] == "<":
        return "xml"
    columns = {c.strip().strip('"').upper() for c in first.split(",")}
    return "csv" if {"MEAN_MOTION", "NORAD_CAT_ID", "EPOCH"} & columns else "tle"


def assemble(
    records: Sequence[Record], problems: Sequence[Problem], *, path: Path | None, kind: str
) -> ReadResult:
    """Check that the orbits are possible, drop older duplicates, and build the arrays.

    Raises BadInput when no set is left.
    """
    found = list(problems)
    good = []
    for record, reason in zip(records, _impossible(records), strict=True):
        if reason:
            found.append(Problem(line=record.line, reason=reason, text=record.name))
        else:
            good.append(record)
    newest: dict[int, int] = {}
    for index, record in enumerate(good):
        held = newest.get(record.catalogue_number)
        if held is None or record.epoch >= good[held].epoch:
            newest[record.catalogue_number] = index
    kept = [good[i] for i in sorted(newest.values())]
    found.sort(key=lambda p: (p.line is None, p.line or 0))
    if not kept:
        raise _nothing_usable(found, path, kind)
    return ReadResult(
        sets=from_records(kept),
        problems=tuple(found),
        duplicates=len(good) - len(kept),
        path=path,
        kind=kind,
    )


def _nothing_usable(problems: Sequence[Problem], path: Path | None, kind: str) -> BadInput:
    where = str(path) if path is not None else "the text"
    if not problems:
        return BadInput(f"{where} holds no element sets (read as {kind.upper()})", _WHERE_FROM)
    shown = "; ".join(str(p) for p in problems[:_SHOWN_PROBLEMS])
    more = f"; and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
    return BadInput(
        f"{where} holds no usable element set (read as {kind.upper()}): {shown}{more}", _WHERE_FROM
    )


def from_records(records: Sequence[Record]) -> ElementSets:
    """Return the arrays of records as they are, without looking at whether a satellite could fly them."""
    numbers = np.array([r[5:] for r in records], dtype=np.float64)
    return ElementSets(
        name=tuple(r.name for r in records),
        designator=tuple(r.designator for r in records),
        catalogue_number=np.array([r.catalogue_number for r in records], dtype=np.int32),
        epoch=np.array([r.epoch for r in records], dtype=_EPOCH_TYPE),
        inclination_rad=np.radians(numbers[:, 0]),
        raan_rad=np.radians(numbers[:, 1]),
        eccentricity=numbers[:, 2],
        argument_of_perigee_rad=np.radians(numbers[:, 3]),
        mean_anomaly_rad=np.radians(numbers[:, 4]),
        mean_motion_rad_min=numbers[:, 5] * (2.0 * np.pi / 1440.0),
        bstar=numbers[:, 6],
    )


def _impossible(records: Sequence[Record]) -> list[str]:
    """Return for each record why no satellite can fly it, or an empty string."""
    if not records:
        return []
    reasons = [_out_of_range(r) for r in records]
    usable = [i for i, reason in enumerate(reasons) if not reason]
    if not usable:
        return reasons
    sets = from_records([records[i] for i in usable])
    perigee_km = sets.semi_major_axis_m / 1000.0 * (1.0 - sets.eccentricity) - EARTH_RADIUS_KM
    for i, height in zip(usable, perigee_km, strict=True):
        if not height > 0.0:
            reasons[i] = f"decayed or impossible: the perigee is {-height:.0f} km below the surface"
    return reasons


def _out_of_range(r: Record) -> str:
    if not 0.0 <= r.inclination_deg <= 180.0:
        return f"inclination {r.inclination_deg} deg is not within 0 and 180"
    if not 0.0 <= r.eccentricity < 1.0:
        return f"eccentricity {r.eccentricity} is not within 0 and 1"
    if not 0.0 < r.mean_motion_rev_day < 20.0:
        return f"mean motion {r.mean_motion_rev_day} revolutions a day is not within 0 and 20"
    for label, angle in (
        ("right ascension of the ascending node", r.raan_deg),
        ("argument of perigee", r.argument_of_perigee_deg),
        ("mean anomaly", r.mean_anomaly_deg),
    ):
        if not -360.0 <= angle <= 360.0:
            return f"{label} {angle} deg is not within 0 and 360"
    if not abs(r.bstar) < 1e3:
        return f"BSTAR {r.bstar} is not a drag term"
    return ""


def _load(path: Path) -> bytes:
    """Return the bytes of a file, unpacked when gzipped.  Raises BadInput."""
    try:
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", "split it into smaller files")
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as packed:
                data = packed.read(MAX_FILE_BYTES + 1)
            if len(data) > MAX_FILE_BYTES:
                raise BadInput(f"{path} unpacks to more than {MAX_FILE_BYTES >> 20} MiB", "split it")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} is a broken gzip file: {error}", "download or copy it again") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}", "check the path") from error
    return data


def _decode(data: bytes, path: Path) -> str:
    """Return a file's text.  Raises BadInput for an empty or binary one."""
    if not data.strip():
        raise BadInput(f"{path} is empty", _WHERE_FROM)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise BadInput(f"{path} is UTF-16 text", "save it again as UTF-8")
    control = sum(data[:4096].count(c) for c in range(32) if c not in b"\t\r\n\f\x1a")
    if b"\0" in data[:4096] or control > 40:
        raise BadInput(f"{path} is a binary file, not element sets", _WHERE_FROM)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
