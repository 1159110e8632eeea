"""A constellation: element sets with their shells, planes, lasers and payloads; and the elements' age."""

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import format_utc
from openleo.orbits.elements import ElementSets
from openleo.orbits.planes import cluster_nodes, order_in_planes
from openleo.orbits.secular import (
    altitude_m,
    as_ns,
    latitude_argument_at_rad,
    raan_at_rad,
    seconds_since_epoch,
)
from openleo.orbits.shells import FLOOR_M, OPERATOR_FLOOR_M, Shell, find_shells

__all__ = [
    "Constellation",
    "Shell",
    "constellation_from_sets",
    "element_ages_days",
    "median_epoch",
    "stale_elements_warning",
]

UNKNOWN, V1, V15, V2_MINI = 0, 1, 15, 20
MAX_AGE_DAYS = 3.0

_STARLINK = re.compile(r"^STARLINK-(\d+)")
# Starlink's own numbering, checked against catalogue numbers and launch dates in the element sets of 2022 and
# 2026 (docs/constellations.md): v0.9 and v1.0 below 3000 (launched to May 2021, no lasers), v1.5 from 3000
# (June 2021 on, lasers), direct-to-cell 11000 to 11999 and v2 mini from 30000 (lasers).
_GENERATION_FROM_NUMBER = np.array([0, 3_000, 11_000])
_GENERATIONS = np.array([V1, V15, V2_MINI], dtype=np.int8)
_NOT_SATELLITES = re.compile(r"\b(DEB|R/B|SHERPA|BLUEWALKER)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constellation:
    """S satellites with what the network needs to know of each; all arrays are (S,).

    ``shell`` is an index into ``shells``, -1 where the satellite is outside every shell's in-service band and
    so does not serve.  ``plane`` counts within the shell by right ascension of the node, ``plane_slot`` along
    the plane from the node; both -1 where not known.  ``has_ku`` says whether it carries the payload that
    serves user terminals.  ``generation``: 0 unknown, 1 v0.9 and v1.0, 15 v1.5, 20 v2 mini.  ``epoch`` is the
    median epoch of the elements.  ``warnings`` are (detail, hint): records left out, names missing, a time
    far from the one the satellites were recorded for.
    """

    name: str
    sets: ElementSets
    shells: tuple[Shell, ...]
    shell: NDArray[np.int16]
    plane: NDArray[np.int16]
    plane_slot: NDArray[np.int16]
    has_laser: NDArray[np.bool_]
    has_ku: NDArray[np.bool_]
    generation: NDArray[np.int8]
    source: str
    epoch: np.datetime64
    notes: tuple[str, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.sets)

    @property
    def in_service(self) -> NDArray[np.bool_]:
        """Whether each satellite (S,) is inside its shell's in-service band."""
        return np.asarray(self.shell >= 0)

    @property
    def serves_terminals(self) -> NDArray[np.bool_]:
        """Whether each satellite (S,) is in its band and carries the payload that serves terminals."""
        return np.asarray(self.in_service & self.has_ku)

    def take(self, indices: NDArray[np.int64] | NDArray[np.bool_]) -> "Constellation":
        """Return the constellation with only the satellites at ``indices``; shells stay as they are."""
        arrays = ("shell", "plane", "plane_slot", "has_laser", "has_ku", "generation")
        return replace(self, sets=self.sets.take(indices), **{a: getattr(self, a)[indices] for a in arrays})


def median_epoch(sets: ElementSets) -> np.datetime64:
    """Return the median epoch of the element sets, UTC."""
    middle = int(np.median(sets.epoch.astype("datetime64[us]").astype(np.int64)))
    return as_ns(np.datetime64(middle, "us"))


def constellation_from_sets(sets: ElementSets, *, name: str, source: str) -> Constellation:
    """Build a constellation from real element sets: shells, planes, order along them, lasers, payloads.

    Debris and other makers' craft that catalogues file under the name are dropped.  Planes are found at the
    median epoch, to which each set's node is carried at its own rate.
    """
    keep = np.array([_NOT_SATELLITES.search(n) is None for n in sets.name], dtype=np.bool_)
    notes = [] if keep.all() else [f"left out {int((~keep).sum())} sets named as debris or other craft"]
    sets = sets if keep.all() or not keep.any() else sets.take(np.flatnonzero(keep))
    epoch = median_epoch(sets)
    generation, has_laser, has_ku, payload_notes = _equipment(sets)
    notes += payload_notes
    raan = raan_at_rad(sets, epoch)
    phase = latitude_argument_at_rad(sets, epoch)
    heights = altitude_m(sets)
    shells, shell = find_shells(sets.inclination_rad, heights, raan, phase, floor_m=_floors_m(sets, has_ku))
    plane = np.full(len(sets), -1, dtype=np.int16)
    for index in range(len(shells)):
        members = np.flatnonzero(shell == index)
        plane[members] = cluster_nodes(raan[members], heights[members])
    shells = tuple(
        replace(s, planes=int(plane[shell == i].max()) + 1 if np.any(shell == i) else 0)
        for i, s in enumerate(shells)
    )
    if np.any(shell < 0):
        notes.append(f"{int((shell < 0).sum())} of {len(sets)} satellites are outside every in-service band")
    return Constellation(
        name=name,
        sets=sets,
        shells=shells,
        shell=shell,
        plane=plane,
        plane_slot=order_in_planes(shell, plane, phase),
        has_laser=has_laser,
        has_ku=has_ku,
        generation=generation,
        source=source,
        epoch=epoch,
        notes=tuple(notes),
    )


def _equipment(
    sets: ElementSets,
) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_], list[str]]:
    """Return generation, lasers and user payload of each satellite (S,), and notes on what was assumed."""
    count = len(sets)
    numbers = np.array(
        [int(m.group(1)) if (m := _STARLINK.match(n)) else -1 for n in sets.name], dtype=np.int64
    )
    starlink = numbers >= 0
    generation = np.zeros(count, dtype=np.int8)
    generation[starlink] = _GENERATIONS[
        np.searchsorted(_GENERATION_FROM_NUMBER, numbers[starlink], side="right") - 1
    ]
    has_ku = np.array(["DTC" not in n.upper() for n in sets.name], dtype=np.bool_)
    oneweb = np.array([n.upper().startswith("ONEWEB") for n in sets.name], dtype=np.bool_)
    has_laser = np.where(starlink, generation >= V15, ~oneweb)
    notes = []
    if starlink.any():
        notes.append("Starlink generations and lasers are told by satellite number (assumed; v1.5 from 3000)")
    if not has_ku.all():
        notes.append(f"{int((~has_ku).sum())} satellites with DTC in their name do not serve dishes")
    if oneweb.any():
        notes.append("OneWeb's first generation has no lasers")
    if not (starlink | oneweb).all():
        notes.append("satellites of other makers are taken to have lasers (assumed)")
    return generation, has_laser.astype(np.bool_), has_ku, notes


def _floors_m(sets: ElementSets, has_ku: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the height (S,) below which a satellite is only passing; direct-to-cell ones fly at 360 km."""
    operators = [n.upper().split("-")[0] for n in sets.name]
    floors = np.array([OPERATOR_FLOOR_M.get(o, FLOOR_M) for o in operators])
    return np.where(has_ku, floors, 0.0)


def element_ages_days(constellation: Constellation, at: np.datetime64) -> NDArray[np.float64]:
    """Return how long before ``at`` each element set's epoch is, in days (S,); negative where it is later."""
    return seconds_since_epoch(constellation.sets, at) / 86_400.0


def stale_elements_warning(
    constellation: Constellation, at: np.datetime64, *, max_age_days: float = MAX_AGE_DAYS
) -> tuple[str, str] | None:
    """Return (detail, hint) when element sets are further than ``max_age_days`` from ``at``, else None.

    Only satellites in service count; sets from after ``at`` count like those from before.
    """
    ages = np.where(constellation.in_service, np.abs(element_ages_days(constellation, at)), 0.0)
    old = int((ages > max_age_days).sum())
    if old == 0:
        return None
    worst = int(ages.argmax())
    detail = (
        f"{old} of {int(constellation.in_service.sum())} element sets are more than {max_age_days:g} days"
        f" from {format_utc(at)} (worst: {constellation.sets.name[worst]}, {ages[worst]:.0f} days)"
    )
    hint = (
        "bring element sets of that date, or move the scenario to the elements with `--at-epoch`"
        f" ({format_utc(constellation.epoch)})"
    )
    return detail, hint
