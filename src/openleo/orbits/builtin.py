"""Constellations by name, expanded to element sets at the time asked for; or a file of element sets.

Where each comes from, and the measured error, is in docs/constellations.md.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import format_utc
from openleo.base.constants import TAU
from openleo.base.errors import BadInput, did_you_mean
from openleo.orbits.constellation import Constellation, constellation_from_sets
from openleo.orbits.elements import ElementSets, ReadResult, read_elements
from openleo.orbits.plane_table import FAR_FROM_EPOCH_DAYS, PlaneTable, expand_planes, read_plane_table
from openleo.orbits.secular import as_ns, rev_day_to_rad_min
from openleo.orbits.shells import Shell, shell_name
from openleo.orbits.walker import walker_delta

SHOWN_REASONS = 3  # of records that were left out, in a warning
WALKER_BAND_M = 15_000.0  # nothing climbs in a filed shell, so the band only has to hold it


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkerShell:
    """A filed Walker delta shell: ``planes`` of ``satellites`` each, Walker's F in ``phasing``.

    ``phasing`` None is Hypatia's rule: every other plane is half a slot ahead.
    """

    altitude_m: float
    inclination_rad: float
    planes: int
    satellites: int
    phasing: float | None
    mean_motion_rev_day: float | None = None
    name: str = ""


def builtin_names() -> tuple[str, ...]:
    """Return the names that `load_constellation` knows."""
    return tuple(sorted(_BUILTIN))


def load_constellation(use: str | Path, *, at: np.datetime64) -> Constellation:
    """Return a built-in constellation at ``at`` (UTC), or one read from a file of element sets.

    A built-in's element sets have the epoch ``at``; a file's keep their own.  Its ``warnings`` tell of a time
    far from the one a built-in was recorded for, and of what a file lacks.  Raises BadInput for a name that
    is neither, and what `read_elements` raises.
    """
    maker = _BUILTIN.get(str(use))
    if maker is not None:
        return maker(as_ns(at))
    path = Path(use)
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a file of element sets", "give the file itself")
    if not path.exists():
        hint = did_you_mean(str(use), _BUILTIN) + ", or give the path of a file of element sets"
        raise BadInput(f"no constellation {str(use)!r}: neither built in nor a file", hint)
    result = read_elements(path)
    constellation = constellation_from_sets(result.sets, name=path.name.split(".")[0], source=str(path))
    if not constellation.in_service.any():
        hint = "check that the file holds one constellation; shells are found as sharp layers of height"
        raise BadInput(f"{path}: none of {len(constellation)} satellites is in a shell that serves", hint)
    return replace(constellation, warnings=file_warnings(result))


def file_warnings(result: ReadResult) -> tuple[tuple[str, str], ...]:
    """Return (detail, hint) for what a file lacks: records that were left out, names that are missing."""
    # Its name and not its path, for a manifest is the same wherever the file lies.
    where = "the element sets" if result.path is None else result.path.name
    found = []
    if result.problems:
        first = "; ".join(
            problem.reason if problem.line is None else f"line {problem.line}: {problem.reason}"
            for problem in result.problems[:SHOWN_REASONS]
        )
        more = len(result.problems) - SHOWN_REASONS
        count = "1 record was" if len(result.problems) == 1 else f"{len(result.problems):,} records were"
        found.append(
            (
                f"{where}: {count} left out, {len(result.sets):,} are used: {first}"
                + (f"; and {more:,} more" if more > 0 else ""),
                "download or mend the file; `openleo constellation info FILE --problems` shows them all",
            )
        )
    nameless = nameless_rows(result.sets)
    if len(nameless):
        has = "has" if len(nameless) == 1 else "have"
        some = result.sets.catalogue_number[nameless[:SHOWN_REASONS]].tolist()
        numbers = ", ".join(map(str, some)) + (", ..." if len(nameless) > SHOWN_REASONS else "")
        found.append(
            (
                f"{where}: {len(nameless):,} of {len(result.sets):,} satellites {has} no name (catalogue"
                f" numbers {numbers}): their generation is not known, and they are taken to have lasers and"
                " to serve terminals",
                "bring element sets with names: 3LE, or OMM with OBJECT_NAME",
            )
        )
    return tuple(found)


def nameless_rows(sets: ElementSets) -> NDArray[np.intp]:
    """Return the rows whose name was missing: they go by their catalogue number."""
    pairs = zip(sets.name, sets.catalogue_number.tolist(), strict=True)
    return np.flatnonzero([name.strip() in {"", str(number)} for name, number in pairs])


def _walker(shells: tuple[WalkerShell, ...], at: np.datetime64, *, name: str, source: str) -> Constellation:
    """Return Walker delta shells with the first node of each at right ascension 0 at ``at``."""
    found: list[Shell] = []
    parts: list[ElementSets] = []
    places: list[NDArray[np.int16]] = []
    for index, shell in enumerate(shells):
        label = shell.name or shell_name(shell.inclination_rad, shell.altitude_m)
        parts.append(_one_walker(shell, at, label))
        plane, slot = np.divmod(np.arange(shell.planes * shell.satellites), shell.satellites)
        places.append(np.stack([np.full(len(plane), index), plane, slot]).astype(np.int16))
        found.append(
            Shell(
                name=label,
                altitude_m=shell.altitude_m,
                inclination_rad=shell.inclination_rad,
                in_service_low_m=shell.altitude_m - WALKER_BAND_M,
                in_service_high_m=shell.altitude_m + WALKER_BAND_M,
                planes=shell.planes,
            )
        )
    sets = ElementSets.join(parts)
    sets = replace(sets, catalogue_number=np.arange(1, len(sets) + 1, dtype=np.int32))
    shell_of, plane_of, slot_of = np.concatenate(places, axis=1)
    return Constellation(
        name=name,
        sets=sets,
        shells=tuple(found),
        shell=shell_of,
        plane=plane_of,
        plane_slot=slot_of,
        has_laser=np.ones(len(sets), dtype=np.bool_),
        has_ku=np.ones(len(sets), dtype=np.bool_),
        generation=np.zeros(len(sets), dtype=np.int8),
        source=source,
        epoch=as_ns(at),
        notes=("as filed, not as flown; the first plane's node is at right ascension 0 at the start",),
    )


def _one_walker(shell: WalkerShell, at: np.datetime64, label: str) -> ElementSets:
    total = shell.planes * shell.satellites
    sets = walker_delta(
        total=total,
        planes=shell.planes,
        phasing=shell.phasing or 0.0,
        inclination_rad=shell.inclination_rad,
        altitude_m=shell.altitude_m,
        epoch=at,
    )
    plane, slot = np.divmod(np.arange(total), shell.satellites)
    anomaly = sets.mean_anomaly_rad
    if shell.phasing is None:
        anomaly = TAU * (slot + 0.5 * (plane % 2)) / shell.satellites
    motion = sets.mean_motion_rad_min
    if shell.mean_motion_rev_day is not None:
        motion = np.full(total, rev_day_to_rad_min(shell.mean_motion_rev_day))
    return replace(
        sets,
        name=tuple(f"{label}/p{p:02d}/s{s:02d}" for p, s in zip(plane, slot, strict=True)),
        mean_anomaly_rad=anomaly,
        mean_motion_rad_min=motion,
    )


# Planes and satellites as filed (FCC SAT-MOD-20200417-00037, granted as FCC 21-48).  The filing's phases are
# not at hand, so F is assumed: the one that keeps satellites farthest apart (experiments/walker_phasing.py).
_STARLINK_GEN1 = tuple(
    WalkerShell(
        altitude_m=height_km * 1000.0,
        inclination_rad=float(np.radians(inclination_deg)),
        planes=planes,
        satellites=satellites,
        phasing=phasing,
        name=name,
    )
    for name, height_km, inclination_deg, planes, satellites, phasing in (
        ("53.0-550", 550, 53.0, 72, 22, 65.0),
        ("53.2-540", 540, 53.2, 72, 22, 13.0),
        ("70.0-570", 570, 70.0, 36, 20, 25.0),
        ("97.6-560", 560, 97.6, 6, 58, 1.0),
        ("97.6-560-b", 560, 97.6, 4, 43, 0.0),
    )
)


def _starlink_gen1(at: np.datetime64) -> Constellation:
    source = "FCC SAT-MOD-20200417-00037; phasing assumed"
    return _walker(_STARLINK_GEN1, at, name="starlink-gen1", source=source)


def _kuiper_630(at: np.datetime64) -> Constellation:
    shell = WalkerShell(
        altitude_m=630_000.0,
        inclination_rad=float(np.radians(51.9)),
        planes=34,
        satellites=34,
        phasing=None,
        mean_motion_rev_day=14.8,  # as Hypatia and its successors have it
    )
    source = "FCC 20-102 (Kuiper, 2020), first shell; phases as in Hypatia (Kassing et al., IMC 2020)"
    return _walker((shell,), at, name="kuiper-630", source=source)


@functools.cache
def _table(name: str) -> PlaneTable:
    return read_plane_table(resources.files("openleo.orbits") / "data" / f"{name}.csv")


def _from_table(name: str) -> Callable[[np.datetime64], Constellation]:
    def make(at: np.datetime64) -> Constellation:
        table = _table(name)
        made = expand_planes(table, name=name, at=at)
        return replace(made, warnings=_far_from(table, name, at))

    return make


def _far_from(table: PlaneTable, name: str, at: np.datetime64) -> tuple[tuple[str, str], ...]:
    """Return a warning where ``at`` is so far from the table's day that another fleet flew then."""
    days = abs(float((as_ns(at) - table.epoch) / np.timedelta64(1, "D")))
    if days <= FAR_FROM_EPOCH_DAYS:
        return ()
    detail = (
        f"{name} is the fleet of {format_utc(table.epoch)[:10]}, {days:.0f} days from {format_utc(at)[:10]}:"
        " satellites launched or lost between are not told"
    )
    hint = "use a time nearer to it, element sets of that date, or another of `openleo constellation list`"
    return ((detail, hint),)


_BUILTIN: dict[str, Callable[[np.datetime64], Constellation]] = {
    "kuiper-630": _kuiper_630,
    "starlink-gen1": _starlink_gen1,
    "starlink-2022-10": _from_table("starlink-2022-10"),
    "starlink-2026": _from_table("starlink-2026"),
}
