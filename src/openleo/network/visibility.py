"""Which satellites each cell can use in a slot, and how much the scheduler likes each.

Everything here is stateless: it depends on the slot's geometry alone, so slots can be computed in any order
and by any worker.  Positions inside the slot are interpolated as vectors between its two ends (within 0.25 km
for low orbits); elevation is tested at both ends, between which it has no minimum, and the exclusion about
the geostationary arc at both ends and the middle.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.base.constants import EARTH_MEAN_RADIUS_M, WGS84_A_M
from openleo.base.hashing import GUMBEL, hash_u32
from openleo.network.ground import MAX_KINDS, GroundPoints
from openleo.network.gso import GsoTable, gso_excluded, gso_row, gso_verdict
from openleo.network.preference import Preference

# Columns of the counts: satellites of a cell left after each constraint, in the order of the constraints.
ABOVE_ELEVATION, OUTSIDE_GSO, IN_FIELD_OF_VIEW, WITH_ROUTE = range(4)

_REACH_PAD_RAD = math.radians(1.2)  # geodetic against geocentric zenith, and a half slot's motion
_BEYOND = 3.0e38
_FADE_RAD = math.radians(10.0)  # below this latitude the poleward preference fades out
MAX_GATEWAYS_OF_SATELLITE = 8


class Sky(NamedTuple):
    """The N satellites that may serve in a slot.

    start_m and end_m (N, 3) ITRS at the slot's ends; number (N,) int32 is each one's index in the
    constellation; key (N,) int32 its catalogue number; second_generation (N,) bool; route_s (P, N) float32
    is the one-way delay from the satellite to each PoP, infinite where there is no route.
    """

    start_m: NDArray[np.float64]
    end_m: NDArray[np.float64]
    number: NDArray[np.int32]
    key: NDArray[np.int32]
    second_generation: NDArray[np.bool_]
    route_s: NDArray[np.float32]


class View(NamedTuple):
    """What decides whether and how a cell sees a satellite.

    boresight_tilt_rad and cos_half_cone (8,) describe the terminal kinds; pop_up (P,) bool.
    """

    min_elevation_rad: float
    boresight_tilt_rad: NDArray[np.float64]
    cos_half_cone: NDArray[np.float64]
    pop_up: NDArray[np.bool_]
    preference: Preference
    seed: int


@njit
def _reach_rad(radius_m: float, min_elevation_rad: float) -> float:
    """Return the central angle within which a satellite at a radius is above a minimum elevation."""
    ratio = min(1.0, EARTH_MEAN_RADIUS_M / radius_m * math.cos(min_elevation_rad))
    return math.acos(ratio) - min_elevation_rad


@njit
def in_field_of_view(kinds: int, poleward: float, up: float, cones: np.ndarray) -> bool:
    """Tell whether a line of sight is in the field of view of every kind in the set ``kinds``.

    poleward and up are components of the unit line of sight; cones (8, 3) holds each kind's boresight at the
    ground point (poleward and up components) and the cosine of its half cone.
    """
    for kind in range(MAX_KINDS):
        if kinds >> kind & 1 and cones[kind, 0] * poleward + cones[kind, 1] * up < cones[kind, 2]:
            return False
    return True


@njit
def fill_cones(view: View, latitude_rad: float, cones: np.ndarray) -> None:
    """Fill ``cones`` (8, 3) for a latitude: a kind tilts toward the pole by its tilt, or by the latitude if less."""
    for kind in range(MAX_KINDS):
        tilt = min(view.boresight_tilt_rad[kind], abs(latitude_rad))
        cones[kind, 0], cones[kind, 1] = math.sin(tilt), math.cos(tilt)
        cones[kind, 2] = view.cos_half_cone[kind]


@njit
def remaining_visibility_s(point_m: np.ndarray, start_m: np.ndarray, end_m: np.ndarray, reach_rad: float) -> float:
    """Return how long after the slot's start a satellite stays within ``reach_rad`` of a point, seconds.

    The satellite is taken along the great circle through its two positions, at their rate.
    """
    rs = math.sqrt(start_m[0] ** 2 + start_m[1] ** 2 + start_m[2] ** 2)
    re = math.sqrt(end_m[0] ** 2 + end_m[1] ** 2 + end_m[2] ** 2)
    rp = math.sqrt(point_m[0] ** 2 + point_m[1] ** 2 + point_m[2] ** 2)
    cos_step = sum_ps = sum_pe = 0.0
    for k in range(3):
        cos_step += start_m[k] * end_m[k] / (rs * re)
        sum_ps += point_m[k] * start_m[k] / (rp * rs)
        sum_pe += point_m[k] * end_m[k] / (rp * re)
    sin_step = math.sqrt(max(1.0 - cos_step * cos_step, 1e-18))
    across = (sum_pe - sum_ps * cos_step) / sin_step  # component along the direction of motion
    amplitude = math.sqrt(sum_ps * sum_ps + across * across)
    ratio = math.cos(reach_rad) / amplitude if amplitude > 0.0 else 2.0
    if ratio >= 1.0:
        return 0.0
    angle = math.atan2(across, sum_ps) + math.acos(ratio)
    return max(0.0, angle / math.atan2(sin_step, cos_step) * 15.0)


@njit
def _gather(
    centre: np.ndarray, radius_rad: float, middle: np.ndarray, within: np.ndarray, out: np.ndarray
) -> int:
    """Collect the satellites of ``within`` that may reach some point of a cap; return how many.

    middle (N, 5) holds each satellite's direction, and the cosine and sine of its reach.
    """
    cos_radius, sin_radius = math.cos(radius_rad), math.sin(radius_rad)
    x, y, z = centre
    found = 0
    for i in range(within.shape[0]):
        s = within[i]
        cosine = x * middle[s, 0] + y * middle[s, 1] + z * middle[s, 2]
        out[found] = s
        found += cosine >= middle[s, 3] * cos_radius - middle[s, 4] * sin_radius
    return found


@njit
def find_candidates(
    ground: GroundPoints,
    sky: Sky,
    view: View,
    gso: GsoTable,
    slot: int,
    satellites: np.ndarray,
    utilities: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Fill each cell's candidates for a slot, best first, and the counts left after each constraint.

    satellites (C, M) int16 takes indices into the sky, -1 where there are fewer; utilities (C, M) float32;
    counts (C, 4) uint8 (255 means 255 or more).
    """
    n = sky.start_m.shape[0]
    middle = np.empty((n, 5))
    height = np.empty(n)
    for s in range(n):
        norm = 0.0
        for k in range(3):
            middle[s, k] = 0.5 * (sky.start_m[s, k] + sky.end_m[s, k])
            norm += middle[s, k] ** 2
        norm = math.sqrt(norm)
        height[s] = norm - EARTH_MEAN_RADIUS_M
        reach = _reach_rad(norm, view.min_elevation_rad) + _REACH_PAD_RAD
        middle[s, 3], middle[s, 4] = math.cos(reach), math.sin(reach)
        for k in range(3):
            middle[s, k] /= norm
    everything = np.arange(n)
    far = np.empty(n, np.int64)
    near = np.empty(n, np.int64)
    work = Work(np.empty((6, n)), np.empty((10, n)), np.empty(n, np.int64), np.empty(n, np.uint8), np.empty((MAX_KINDS, 3)))
    group_end, found_far = 0, 0
    blocks = ground.block_centre.shape[0]
    for b in range(blocks):
        if b >= group_end:  # a group of 32 neighbouring blocks shares one coarse search
            group_end = min(b + 32, blocks)
            radius = 0.0
            for other in range(b, group_end):
                cosine = 0.0
                for k in range(3):
                    cosine += ground.block_centre[b, k] * ground.block_centre[other, k]
                radius = max(radius, math.acos(min(1.0, cosine)) + ground.block_radius_rad[other])
            found_far = _gather(ground.block_centre[b], radius, middle, everything, far)
        found = _gather(
            ground.block_centre[b], ground.block_radius_rad[b], middle, far[:found_far], near
        )
        for i in range(found):
            for k in range(3):
                work.near_m[k, i] = sky.start_m[near[i], k]
                work.near_m[3 + k, i] = sky.end_m[near[i], k]
        for c in range(ground.block_start[b], ground.block_start[b + 1]):
            seen = _lines_of_sight(ground, view, c, found, work)
            _choose(ground, sky, view, gso, slot, c, near, seen, height, work, satellites[c], utilities[c], counts[c])


class Work(NamedTuple):
    """Scratch for one thread: near_m (6, N) the block's satellites, start then end; sight (10, N) per
    satellite of a cell the east, north and up components at start, middle and end, and the range at the
    middle; which (N,) indices into the block's satellites; cones (8, 3)."""

    near_m: NDArray[np.float64]
    sight: NDArray[np.float64]
    which: NDArray[np.int64]
    above: NDArray[np.uint8]
    cones: NDArray[np.float64]


@njit
def _lines_of_sight(ground, view, c, found, work):  # type: ignore[no-untyped-def]
    """Keep the satellites above the minimum elevation at both ends; fill their unit lines of sight."""
    sin_min = math.sin(view.min_elevation_rad)
    sin2_min = sin_min * sin_min
    px, py, pz = ground.point_m[c]
    ux, uy, uz = ground.up[c]
    ex, ey, ez = ground.east[c]
    nx, ny, nz = ground.north[c]
    sight, which, above = work.sight, work.which, work.above
    sx0, sy0, sz0 = work.near_m[0], work.near_m[1], work.near_m[2]
    sx1, sy1, sz1 = work.near_m[3], work.near_m[4], work.near_m[5]
    for i in range(found):
        x0, y0, z0 = sx0[i] - px, sy0[i] - py, sz0[i] - pz
        x1, y1, z1 = sx1[i] - px, sy1[i] - py, sz1[i] - pz
        u0 = x0 * ux + y0 * uy + z0 * uz
        u1 = x1 * ux + y1 * uy + z1 * uz
        d0 = x0 * x0 + y0 * y0 + z0 * z0
        d1 = x1 * x1 + y1 * y1 + z1 * z1
        above[i] = (u0 > 0.0) & (u1 > 0.0) & (u0 * u0 >= sin2_min * d0) & (u1 * u1 >= sin2_min * d1)
    seen = 0
    for i in range(found):
        which[seen] = i
        seen += above[i]
    for j in range(seen):
        i = which[j]
        x0, y0, z0 = sx0[i] - px, sy0[i] - py, sz0[i] - pz
        x1, y1, z1 = sx1[i] - px, sy1[i] - py, sz1[i] - pz
        xm, ym, zm = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
        r0 = 1.0 / math.sqrt(x0 * x0 + y0 * y0 + z0 * z0)
        r1 = 1.0 / math.sqrt(x1 * x1 + y1 * y1 + z1 * z1)
        range_m = math.sqrt(xm * xm + ym * ym + zm * zm)
        rm = 1.0 / range_m
        sight[0, j] = (x0 * ex + y0 * ey + z0 * ez) * r0
        sight[1, j] = (x0 * nx + y0 * ny + z0 * nz) * r0
        sight[2, j] = (x0 * ux + y0 * uy + z0 * uz) * r0
        sight[3, j] = (xm * ex + ym * ey + zm * ez) * rm
        sight[4, j] = (xm * nx + ym * ny + zm * nz) * rm
        sight[5, j] = (xm * ux + ym * uy + zm * uz) * rm
        sight[6, j] = (x1 * ex + y1 * ey + z1 * ez) * r1
        sight[7, j] = (x1 * nx + y1 * ny + z1 * nz) * r1
        sight[8, j] = (x1 * ux + y1 * uy + z1 * uz) * r1
        sight[9, j] = range_m
    return seen


@njit
def _in_doubt(gso: GsoTable, latitude_rad: float, sight: np.ndarray) -> bool:
    """Apply the exact test at the slot's start, middle and end."""
    for k in range(0, 9, 3):
        if gso_excluded(gso, latitude_rad, sight[k], sight[k + 1], sight[k + 2]):
            return True
    return False


@njit
def _choose(ground, sky, view, gso, slot, c, near, seen, height, work, satellites, utilities, counts):  # type: ignore[no-untyped-def]
    """Apply the other constraints to a cell's lines of sight and keep the best candidates, best first."""
    latitude = ground.latitude_rad[c]
    sign = 1.0 if latitude >= 0.0 else -1.0
    kinds = ground.kinds[c]
    cones = work.cones
    if kinds:
        fill_cones(view, latitude, cones)
    pop = ground.pop[c]
    pop_up = view.pop_up[pop]
    weights = view.preference
    poleward = weights.poleward * min(1.0, max(-1.0, latitude / _FADE_RAD))
    key = np.int64(ground.key[c]) ^ view.seed
    sight = work.sight
    limits, row = gso.limits, gso_row(gso, latitude)
    limit = satellites.shape[0]
    filled = outside = in_view = with_route = 0
    for j in range(seen):
        verdict = (
            gso_verdict(limits, row, sight[0, j], -sign * sight[1, j], sight[2, j])
            | gso_verdict(limits, row, sight[3, j], -sign * sight[4, j], sight[5, j])
            | gso_verdict(limits, row, sight[6, j], -sign * sight[7, j], sight[8, j])
        )
        if verdict > 1 and (verdict > 3 or _in_doubt(gso, latitude, sight[:, j])):
            continue
        outside += 1
        n, u = sight[4, j], sight[5, j]
        if kinds and not (
            in_field_of_view(kinds, sign * sight[1, j], sight[2, j], cones)
            and in_field_of_view(kinds, sign * n, u, cones)
            and in_field_of_view(kinds, sign * sight[7, j], sight[8, j], cones)
        ):
            continue
        in_view += 1
        s = near[work.which[j]]
        route_s = sky.route_s[pop, s]
        if not (pop_up and route_s < _BEYOND):
            continue
        with_route += 1
        range_m = sight[9, j]
        stretch = range_m / height[s]
        value = weights.footprint * (stretch * stretch / u) + poleward * n + weights.elevation * u
        if sky.second_generation[s]:
            value += weights.second_generation
        if weights.latency != 0.0:
            value += weights.latency * (range_m / 299_792.458 + route_s * 1e3)
        if weights.visibility != 0.0:
            reach = _reach_rad(height[s] + EARTH_MEAN_RADIUS_M, view.min_elevation_rad)
            left_s = remaining_visibility_s(ground.point_m[c], sky.start_m[s], sky.end_m[s], reach)
            value += weights.visibility * left_s / 60.0
        if weights.noise != 0.0:
            value += weights.noise * GUMBEL[hash_u32(key, sky.key[s], slot) >> np.uint32(20)]
        if filled == limit and value <= utilities[limit - 1]:
            continue
        at = filled if filled < limit else limit - 1
        while at > 0 and utilities[at - 1] < value:
            utilities[at] = utilities[at - 1]
            satellites[at] = satellites[at - 1]
            at -= 1
        utilities[at] = value
        satellites[at] = s
        filled = min(filled + 1, limit)
    for j in range(filled, limit):
        satellites[j] = -1
        utilities[j] = -np.inf
    counts[ABOVE_ELEVATION] = min(seen, 255)
    counts[OUTSIDE_GSO] = min(outside, 255)
    counts[IN_FIELD_OF_VIEW] = min(in_view, 255)
    counts[WITH_ROUTE] = min(with_route, 255)


@njit
def feeder_links(
    gateways: GroundPoints,
    min_elevation_rad: np.ndarray,
    up: np.ndarray,
    start_m: np.ndarray,
    end_m: np.ndarray,
    gso: GsoTable,
    delay_s: np.ndarray,
) -> None:
    """Fill ``delay_s`` (G, N) float32 with each feeder link's one-way delay at mid-slot, infinite where none.

    A link needs its gateway up (G,) bool, the satellite above the gateway's minimum elevation (G,) at both
    ends of the slot and outside the exclusion at both ends and the middle.
    """
    radius2 = (WGS84_A_M + 3_000_000.0) ** 2
    for g in range(delay_s.shape[0]):
        delay_s[g, :] = np.inf
        if not up[g]:
            continue
        sin_min = math.sin(min_elevation_rad[g])
        point, zenith = gateways.point_m[g], gateways.up[g]
        east, north, latitude = gateways.east[g], gateways.north[g], gateways.latitude_rad[g]
        for s in range(delay_s.shape[1]):
            x0, y0, z0 = start_m[s, 0] - point[0], start_m[s, 1] - point[1], start_m[s, 2] - point[2]
            u0 = x0 * zenith[0] + y0 * zenith[1] + z0 * zenith[2]
            if not u0 > 0.0:
                continue
            d0 = x0 * x0 + y0 * y0 + z0 * z0
            if d0 > radius2 or u0 < sin_min * math.sqrt(d0):
                continue
            x1, y1, z1 = end_m[s, 0] - point[0], end_m[s, 1] - point[1], end_m[s, 2] - point[2]
            u1 = x1 * zenith[0] + y1 * zenith[1] + z1 * zenith[2]
            d1 = x1 * x1 + y1 * y1 + z1 * z1
            if u1 < sin_min * math.sqrt(d1):
                continue
            clear = True
            for k in range(3):
                w = 0.5 * k
                x, y, z = x0 + w * (x1 - x0), y0 + w * (y1 - y0), z0 + w * (z1 - z0)
                r = 1.0 / math.sqrt(x * x + y * y + z * z)
                if gso_excluded(
                    gso,
                    latitude,
                    (x * east[0] + y * east[1] + z * east[2]) * r,
                    (x * north[0] + y * north[1] + z * north[2]) * r,
                    (x * zenith[0] + y * zenith[1] + z * zenith[2]) * r,
                ):
                    clear = False
                    break
                if k == 1:
                    delay_s[g, s] = 1.0 / (r * 299_792_458.0)
            if not clear:
                delay_s[g, s] = np.inf


@njit
def routes_by_feeder(
    delay_s: np.ndarray, fibre_s: np.ndarray, route_s: np.ndarray, gateway: np.ndarray
) -> None:
    """Best bent-pipe routes: from feeder delays (G, N) and fibre delays gateway to PoP (G, P).

    Fills route_s (P, N) float32 with the least one-way delay satellite to PoP, and gateway (N, 8) int16 with
    the gateways a satellite can use, least delay to any PoP first, -1 where there are fewer.
    """
    gateways, satellites = delay_s.shape
    pops = fibre_s.shape[1]
    nearest_pop = np.empty(gateways)
    for g in range(gateways):
        nearest_pop[g] = np.inf
        for p in range(pops):
            nearest_pop[g] = min(nearest_pop[g], fibre_s[g, p])
    cost = np.empty(gateway.shape[1])
    for s in range(satellites):
        gateway[s, :] = -1
        filled = 0
        for p in range(pops):
            route_s[p, s] = np.inf
        for g in range(gateways):
            d = delay_s[g, s]
            if d == np.inf or nearest_pop[g] == np.inf:
                continue
            for p in range(pops):
                route_s[p, s] = min(route_s[p, s], d + fibre_s[g, p])
            total = d + nearest_pop[g]
            if filled == cost.shape[0] and total >= cost[filled - 1]:
                continue
            at = min(filled, cost.shape[0] - 1)
            while at > 0 and cost[at - 1] > total:
                cost[at], gateway[s, at] = cost[at - 1], gateway[s, at - 1]
                at -= 1
            cost[at], gateway[s, at] = total, g
            filled = min(filled + 1, cost.shape[0])
