"""The stateless part of a slot: positions, routes, and each cell's candidates by stateless utility.

It depends on the slot and on what is up, on nothing before it, so slots are computed ahead, in any order, by
any number of workers.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.engine.conditions import Conditions
from openleo.engine.network import Network
from openleo.network.feeders import MAX_GATEWAYS_OF_SATELLITE, feeder_links, nearest_pops, routes_by_feeder
from openleo.network.isl import Exits, routes_over_links
from openleo.network.visibility import Sky, find_candidates

_FARTHEST_RAD = math.radians(
    40.0
)  # from a cell to the subsatellite point of anything in low orbit it can use


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """One slot: the N satellites that can matter, C cells with M candidates each.

    ``sky`` their positions and routes; ``feeder_s`` (G, N) one-way delay of each feeder link, infinite where
    none; ``gateways`` (N, 8) usable by each satellite, best first; ``needs_antenna`` (N,) whether it must
    hold a gateway antenna of its own to serve; ``exits`` where traffic over lasers comes down, or None;
    ``candidates`` (C, M), ``utility`` (C, M) and ``counts`` (C, 4) as `find_candidates` fills them.
    """

    slot: int
    conditions: Conditions
    sky: Sky
    feeder_s: NDArray[np.float32]
    gateways: NDArray[np.int16]
    needs_antenna: NDArray[np.bool_]
    antennas: NDArray[np.int16]
    exits: Exits | None
    candidates: NDArray[np.int16]
    utility: NDArray[np.float32]
    counts: NDArray[np.uint8]


def geometries(net: Network, conditions: list[Conditions], slots: NDArray[np.int64]) -> list[Geometry]:
    """Return the geometry of consecutive ``slots`` (T,) under their conditions (T,)."""
    ends = slot_starts(np.append(slots, slots[-1] + 1))
    positions = net.propagator.itrs_m(ends)
    return [
        _geometry(net, conditions[t], int(slot), positions[t], positions[t + 1])
        for t, slot in enumerate(slots)
    ]


def _in_reach(net: Network, start_m: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which satellites (N,) may be seen from some cell; all where cells span the globe."""
    whole = net.points.block_centre.sum(axis=0)
    norm = float(np.linalg.norm(whole))
    if norm < 1e-9:
        return np.ones(len(start_m), np.bool_)
    centre = whole / norm
    cosine = net.points.block_centre @ centre
    radius = float(np.arccos(np.clip(cosine.min(), -1.0, 1.0))) + float(net.points.block_radius_rad.max())
    if radius + _FARTHEST_RAD >= math.pi:
        return np.ones(len(start_m), np.bool_)
    towards = start_m @ centre
    return np.asarray(towards > math.cos(radius + _FARTHEST_RAD) * np.linalg.norm(start_m, axis=1))


def _with_one_reach(net: Network, up: Conditions, feeder_s: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the feeder links (G, N) less those that lead a satellite to fewer home PoPs than its others do.

    A satellite serves all its cells through one gateway, chosen later: from any that is left to it, no fibre
    is cut to a PoP that it was said to reach.
    """
    if up.fibre_up.all():
        return feeder_s
    reached = up.fibre_up[:, np.unique(net.points.pop)]
    alike = np.unique(reached, axis=0, return_inverse=True)[1].reshape(-1)
    best = np.where(np.isfinite(feeder_s), reached.sum(axis=1)[:, None] - feeder_s, -np.inf).argmax(axis=0)
    return np.where(alike[:, None] == alike[best][None, :], feeder_s, np.float32(np.inf))


def _geometry(
    net: Network, up: Conditions, slot: int, start_m: NDArray[np.float64], end_m: NDArray[np.float64]
) -> Geometry:
    c = net.world.constellation
    usable = up.satellite_up[net.numbers] & np.isfinite(start_m[:, 0]) & np.isfinite(end_m[:, 0])
    if net.links is None:
        usable &= _in_reach(net, start_m)
    number = net.numbers[usable]
    start_m, end_m = start_m[usable], end_m[usable]
    feeder_s = np.empty((len(net.world.gateways), len(number)), np.float32)
    feeder_links(
        net.gateway_points, net.gateway_min_elevation_rad, up.gateway_up, start_m, end_m, net.gso, feeder_s
    )
    fibre_s = np.where(up.fibre_up & up.pop_up & net.is_home, net.fibre_s, np.inf)
    route_s = np.empty((len(net.world.pops), len(number)), np.float32)
    gateways = np.empty((len(number), MAX_GATEWAYS_OF_SATELLITE), np.int16)
    below = np.empty(len(number), np.int64)
    nearest_pops(start_m, net.pop_directions, net.is_home, below)
    routes_by_feeder(_with_one_reach(net, up, feeder_s), fibre_s, below, route_s, gateways)
    antennas = np.where(up.gateway_up, net.world.gateways.antennas, 0).astype(np.int16)
    needs_antenna = np.ones(len(number), np.bool_)
    exits = None
    if net.links is not None:
        exits, antennas = routes_over_links(
            net.links, usable, up, 0.5 * (start_m + end_m), feeder_s, fibre_s, antennas,
            has_laser=c.has_laser[number], max_range_m=net.world.scenario.constellation.max_isl_km * 1e3,
            numbers=number, route_s=route_s,
        )  # fmt: skip
        needs_antenna = ~exits.by_laser
    serves = c.has_ku[number]
    route_s[:, ~serves] = np.inf
    sky = Sky(start_m, end_m, number, c.sets.catalogue_number[number], c.generation[number] == 20, route_s)
    count = net.cell_count
    candidates = np.empty((count, net.world.network.candidates), np.int16)
    utility = np.empty(candidates.shape, np.float32)
    counts = np.empty((count, 4), np.uint8)
    view = net.view._replace(pop_up=up.pop_up)
    find_candidates(net.points, sky, view, net.gso, slot, candidates, utility, counts)
    return Geometry(
        slot, up, sky, feeder_s, gateways, needs_antenna, antennas, exits, candidates, utility, counts
    )
