"""Why this satellite and not another: every candidate of one cell in one slot, and the test that each failed.

Nothing here models anything: geometry, constraints and utilities are the step's own, asked one at a time.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.engine.schedule import Schedule, fill_up
from openleo.engine.sight import all_positions_m
from openleo.engine.state import State
from openleo.engine.step import decide
from openleo.engine.terminals import Terminals
from openleo.network.gso import gso_cos_separation
from openleo.network.visibility import fill_cones, in_field_of_view


class Verdict(StrEnum):
    """The first constraint that keeps a satellite from serving the cell, or what became of it."""

    OUT_OF_SERVICE = "out of service"
    ELEVATION = "below the minimum elevation"
    GSO = "too near the geostationary arc"
    FIELD_OF_VIEW = "outside the terminals' field of view"
    NO_ROUTE = "reaches no gateway"
    NOT_AMONG_BEST = "not among the candidates kept"
    NOT_CHOSEN = "usable, another was preferred or it was full"
    SERVES = "serves the cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One satellite above the cell's horizon at some instant of the slot.

    ``satellite`` is its row.  Angles are in degrees at the slot's start, middle and end; ``gso_deg`` the
    least separation from the geostationary arc (180 where none is above the horizon).  ``gateways`` are rows
    of the gateways that it can use.  ``utility`` is the scheduler's before any bonus for staying, NaN where
    it is no candidate.  ``units`` counts the beam units that it gives the cell.
    """

    satellite: int
    elevation_deg: tuple[float, float, float]
    azimuth_deg: tuple[float, float, float]
    gso_deg: float
    verdict: Verdict
    gateways: tuple[int, ...]
    utility: float
    present: bool
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """One cell in one slot: ``looks`` from the highest satellite down, and how many pass each constraint."""

    slot: int
    cell: int
    looks: tuple[Look, ...]
    above_horizon: int
    in_service_above_elevation: int
    outside_gso: int
    in_view: int
    with_route: int


def inspect(net: Network, state: State, slot: int, cell: int) -> Inspection:
    """Return everything about row ``cell`` in ``slot``; ``state`` is the one before that slot."""
    conditions = net.timeline.at(slot)
    geometry = geometries(net, [conditions], np.array([slot]))[0]
    standing = Terminals(net, slot).advance(slot)
    result = decide(net, state, geometry, standing)
    fill_up(net, geometry, result)
    around = _Around(net, geometry, cell)
    looks = [
        around.look(int(s), result, present=bool(state.satellite[cell] == s)) for s in around.above_horizon()
    ]
    looks.sort(key=lambda look: -look.elevation_deg[1])
    counts = [int(n) for n in geometry.counts[cell]]
    return Inspection(
        slot=slot,
        cell=cell,
        looks=tuple(looks),
        above_horizon=len(looks),
        in_service_above_elevation=counts[0],
        outside_gso=counts[1],
        in_view=counts[2],
        with_route=counts[3],
    )


class _Around:
    """The whole constellation as seen from one cell in one slot."""

    def __init__(self, net: Network, geometry: Geometry, cell: int) -> None:
        self.net, self.geometry, self.cell = net, geometry, cell
        points = net.points
        offset = all_positions_m(net, geometry.slot) - points.point_m[cell]
        frame = np.stack([points.east[cell], points.north[cell], points.up[cell]], axis=1)
        sight = offset @ frame
        self.sight = sight / np.linalg.norm(sight, axis=-1, keepdims=True)  # (3, S, 3)
        c = net.world.constellation
        self.fit = (c.shell >= 0) & c.has_ku & geometry.conditions.satellite_up
        self.own = np.full(len(c), -1, np.int64)
        self.own[geometry.sky.number] = np.arange(len(geometry.sky.number))
        self.cones = np.empty((8, 3))
        self.cone_count = fill_cones(
            net.view, int(points.kinds[cell]), float(points.latitude_rad[cell]), self.cones
        )

    def above_horizon(self) -> NDArray[np.int64]:
        """Return the satellites above the horizon at the start, middle or end."""
        return np.flatnonzero((np.nan_to_num(self.sight[..., 2], nan=-1.0) > 0.0).any(axis=0))

    def look(self, satellite: int, result: Schedule, *, present: bool) -> Look:
        e, n, u = (self.sight[:, satellite, k] for k in range(3))
        own = int(self.own[satellite])
        at = np.flatnonzero(self.geometry.candidates[self.cell] == own) if own >= 0 else np.zeros(0, int)
        kept = len(at) > 0
        units = self._units(own, result)
        separation = self._separation_deg(e, n, u)
        return Look(
            satellite=satellite,
            elevation_deg=_triple(np.degrees(np.arcsin(np.clip(u, -1.0, 1.0)))),
            azimuth_deg=_triple(np.degrees(np.arctan2(e, n)) % 360.0),
            gso_deg=separation,
            verdict=self._verdict(satellite, own, kept=kept, units=units, separation_deg=separation),
            gateways=tuple(int(g) for g in self.geometry.gateways[own] if g >= 0) if own >= 0 else (),
            utility=float(self.geometry.utility[self.cell, at[0]]) if kept else math.nan,
            present=present,
            units=units,
        )

    def _units(self, own: int, result: Schedule) -> int:
        board = result.board
        mine = (board.satellite[self.cell] == own) & (board.colours[self.cell] > 0)
        return int(np.bitwise_count(board.colours[self.cell][mine]).sum()) if own >= 0 else 0

    def _separation_deg(
        self, e: NDArray[np.float64], n: NDArray[np.float64], u: NDArray[np.float64]
    ) -> float:
        latitude = float(self.net.points.latitude_rad[self.cell])
        cosine = max(gso_cos_separation(latitude, float(e[k]), float(n[k]), float(u[k])) for k in range(3))
        return 180.0 if cosine < -1.0 else math.degrees(math.acos(min(1.0, cosine)))

    def _verdict(self, satellite: int, own: int, *, kept: bool, units: int, separation_deg: float) -> Verdict:
        u = self.sight[:, satellite, 2]
        poleward = self.sight[:, satellite, 1] * math.copysign(1.0, self.net.points.latitude_rad[self.cell])
        lowest = float(min(u[0], u[2]))
        if lowest < math.sin(self.net.view.min_elevation_rad):
            return Verdict.ELEVATION
        if not self.fit[satellite] or own < 0:
            return Verdict.OUT_OF_SERVICE
        if separation_deg < math.degrees(math.acos(self.net.gso.cos_exclusion)):
            return Verdict.GSO
        ends = (0, 2)
        if not all(
            in_field_of_view(float(poleward[k]), float(u[k]), self.cones, self.cone_count) for k in ends
        ):
            return Verdict.FIELD_OF_VIEW
        pop = int(self.net.points.pop[self.cell])
        reached = np.isfinite(self.geometry.sky.route_s[pop, own])
        if not (reached and self.geometry.conditions.pop_up[pop]):
            return Verdict.NO_ROUTE
        if units:
            return Verdict.SERVES
        return Verdict.NOT_CHOSEN if kept else Verdict.NOT_AMONG_BEST


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
