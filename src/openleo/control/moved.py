"""Has a terminal moved, or is its position a lie?  What a terminal says against what the network saw.  Pure.

A position comes from satellites of navigation, whose signals can be imitated over a whole town; so a position
alone never holds a terminal.  The network knows two things of its own: in which cells the beam that served
the terminal lies, and how long a packet took over a gateway whose place is known.

    in_area --3 of the last 5 minutes out--> suspect --and in 3 of them the network agrees--> to be held
    suspect --3 of the last 5 minutes in the area itself--> in_area

A position in a cell beside the area is neither in nor out: so nobody on a border comes and goes with noise.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import h3.api.basic_int as h3
import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import EARTH_MEAN_RADIUS_M, LIGHT_M_S
from openleo.base.errors import BadInput
from openleo.ground.cells import CELL_RESOLUTION, cell_of, cells_around
from openleo.ground.frames import great_circle_m

Cells = NDArray[np.uint64]
WINDOW = 5  # minutes that are looked at
NEEDED = 3  # of them
BEAM_RINGS = 2  # a terminal is served at most so many cells beside those that its beam is for: assumed
LOWEST_SATELLITE_M = 300e3  # below every shell in service; only makes the bound weaker
MARGIN = 1.01  # the sphere's great circles are up to 0.6 % off the ellipsoid's
MANY = 10  # terminals that say they are in one place, against the network: an incident
PLACE_RESOLUTION = 4  # "one place": such a cell, about 45 km wide, and those beside it
GAP = timedelta(minutes=30)  # an incident is over when nobody was drawn to the place for so long


class Place(StrEnum):
    """Where a position lies, seen from the area of its terminal."""

    IN = "in"
    EDGE = "edge"
    OUT = "out"


class Network(StrEnum):
    """What the network's own evidence says to a position."""

    SILENT = "silent"  # there is none
    CONSISTENT = "consistent"  # the position can be true, and may be in the area as well
    AGREES = "agrees"  # the position can be true, and the area cannot
    CONTRADICTS = "contradicts"  # the position cannot be true


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the network itself saw of a terminal: never the terminal's word.

    ``cells`` are those (resolution 5) that the serving beam is for; ``rtt_s`` the shortest round trip over
    the gateway at that place.
    """

    cells: tuple[int, ...] = ()
    gateway_latitude_deg: float | None = None
    gateway_longitude_deg: float | None = None
    rtt_s: float | None = None

    def __post_init__(self) -> None:
        wrong = [c for c in self.cells if not h3.is_valid_cell(c) or h3.get_resolution(c) != CELL_RESOLUTION]
        if wrong:
            raise BadInput(
                f"{wrong[0]} is no cell of resolution {CELL_RESOLUTION}",
                "name the cells that the beam is for",
            )

    def reach_m(self) -> float:
        """Return how far over ground from the gateway the terminal can be at most; infinite where unknown.

        Up and down again takes half the round trip at the speed of light at least, and the satellite is
        `LOWEST_SATELLITE_M` away from any chord in the Earth: chord <= sqrt(path**2 - (2 h)**2).
        """
        if self.rtt_s is None or self.gateway_latitude_deg is None:
            return math.inf
        path_m = LIGHT_M_S * self.rtt_s / 2.0
        chord_m = math.sqrt(max(path_m**2 - (2.0 * LOWEST_SATELLITE_M) ** 2, 0.0))
        across_m = 2.0 * EARTH_MEAN_RADIUS_M
        return math.inf if chord_m >= across_m else MARGIN * across_m * math.asin(chord_m / across_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """The latest word of one minute."""

    minute: int  # since 1970
    place: Place
    network: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is thought of a terminal's place: the last minutes, and what follows from them."""

    minutes: tuple[Minute, ...] = ()
    suspect: bool = False
    since: datetime | None = None

    @property
    def to_be_held(self) -> bool:
        """Whether a policy may hold it: suspect, and the network's own evidence agrees."""
        agreed = sum(m.place is Place.OUT and m.network is Network.AGREES for m in self.minutes)
        return self.suspect and agreed >= NEEDED

    def step(self, place: Place, network: Network, *, at: datetime) -> "Track":
        """Return the track with one more word; a minute's last word stands for it."""
        minute = int(at.timestamp()) // 60
        kept = [m for m in self.minutes if minute - WINDOW < m.minute < minute]
        if any(m.minute > minute for m in self.minutes):
            return self  # an old word that came late
        minutes = (*kept, Minute(minute=minute, place=place, network=network))
        out = sum(m.place is Place.OUT for m in minutes)
        back = sum(m.place is Place.IN for m in minutes)
        suspect = back < NEEDED if self.suspect else out >= NEEDED
        since = self.since if suspect == self.suspect else at
        return replace(self, minutes=minutes, suspect=suspect, since=since)


def place_of(cell: int, area: Cells) -> Place:
    """Return where a cell lies, seen from the sorted cells of an area."""
    if _any_in([cell], area):
        return Place.IN
    return Place.EDGE if _any_in(cells_around([cell]).tolist(), area) else Place.OUT


def network_says(
    latitude_deg: float, longitude_deg: float, area: Cells, evidence: Evidence | None
) -> Network:
    """Return what the network's evidence says to a reported position; ``area`` may be empty: anywhere."""
    if evidence is None or not (evidence.cells or math.isfinite(evidence.reach_m())):
        return Network.SILENT
    if not _possible(latitude_deg, longitude_deg, evidence):
        return Network.CONTRADICTS
    beam_out = bool(evidence.cells) and all(place_of(c, area) is Place.OUT for c in evidence.cells)
    return Network.AGREES if beam_out and len(area) else Network.CONSISTENT


def _possible(latitude_deg: float, longitude_deg: float, evidence: Evidence) -> bool:
    """Tell whether a terminal can be there and yet be served by that beam, at that distance."""
    if evidence.cells:
        lit = cells_around(np.array(evidence.cells, np.uint64), BEAM_RINGS)
        if not _any_in([int(cell_of(latitude_deg, longitude_deg))], lit):
            return False
    if evidence.gateway_latitude_deg is None or evidence.gateway_longitude_deg is None:
        return True
    here = math.radians(latitude_deg), math.radians(longitude_deg)
    gateway = math.radians(evidence.gateway_latitude_deg), math.radians(evidence.gateway_longitude_deg)
    return float(great_circle_m(*here, *gateway)) <= evidence.reach_m()


def _any_in(cells: Iterable[int], area: Cells) -> bool:
    wanted = np.fromiter(cells, np.uint64)
    places = np.searchsorted(area, wanted)
    inside = places < len(area)
    return bool(np.any(area[places[inside]] == wanted[inside]))


def reported_place(latitude_deg: float, longitude_deg: float) -> int:
    """Return the cell by which coincidences are counted."""
    return int(h3.latlng_to_cell(latitude_deg, longitude_deg, PLACE_RESOLUTION))


def places_near(place: int) -> frozenset[int]:
    """Return a place and those beside it, which count as one: noise may cross a border."""
    return frozenset(int(cell) for cell in h3.grid_disk(place, 1))
