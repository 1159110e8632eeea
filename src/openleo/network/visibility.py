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

from openleo.base.compile import njit, njit_inlined
from openleo.base.constants import EARTH_MEAN_RADIUS_M, WGS84_A_M
from openleo.base.hashing import GUMBEL, hash_u32
from openleo.network.ground import MAX_KINDS, GroundPoints
from openleo.network.gso import GsoTable, gso_excluded, gso_row, gso_verdict
from openleo.network.preference import Preference

# Columns of the counts: satellites of a cell left after each constraint, in the order of the constraints.
ABOVE_ELEVATION, OUTSIDE_GSO, IN_FIELD_OF_VIEW, WITH_ROUTE = range(4)

_REACH_PAD_RAD = math.radians(0.9)  # geodetic against geocentric zenith (0.2), and a half slot's motion (0.5)
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


@njit_inlined
def _reach_rad(radius_m: float, min_elevation_rad: float) -> float:
    """Return the central angle within which a satellite at a radius is above a minimum elevation."""
    ratio = min(1.0, EARTH_MEAN_RADIUS_M / radius_m * math.cos(min_elevation_rad))
    return math.acos(ratio) - min_elevation_rad


@njit_inlined
def in_field_of_view(poleward: float, up: float, cones: np.ndarray, count: int) -> bool:
    """Tell whether a line of sight is inside every one of the first ``count`` cones.

    poleward and up are components of the unit line of sight; cones (8, 3) as `fill_cones` leaves them.
    """
    inside = True
    for k in range(count):
        inside &= cones[k, 0] * poleward + cones[k, 1] * up >= cones[k, 2]
    return inside


@njit_inlined
def fill_cones(view: View, kinds: int, latitude_rad: float, cones: np.ndarray) -> int:
    """Fill ``cones`` (8, 3) with the fields of view of the set ``kinds`` at a latitude; return how many.

    A cone is its boresight's poleward and up components and the cosine of its half angle; a kind tilts
    toward the nearer pole by its tilt, or by the latitude where that is less.
    """
    count = 0
    for kind in range(MAX_KINDS):
        if kinds >> kind & 1:
            tilt = min(view.boresight_tilt_rad[kind], abs(latitude_rad))
            cones[count, 0], cones[count, 1] = math.sin(tilt), math.cos(tilt)
            cones[count, 2] = view.cos_half_cone[kind]
            count += 1
    return count


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


@njit_inlined
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


class Work(NamedTuple):
    """Scratch for one thread: near (4, N) directions and cosines of reach of a block's satellites; seen_m
    (6, N) places at start and end, from the cell, of those that it sees; sight (10, N) their unit lines of
    sight (east, north, up at start, middle and end) and ranges at the middle; which (N,) their indices; kept
    (N,) places among them; flag (N,); cones (8, 3)."""

    near: NDArray[np.float64]
    seen_m: NDArray[np.float64]
    sight: NDArray[np.float64]
    which: NDArray[np.int64]
    kept: NDArray[np.int64]
    flag: NDArray[np.uint8]
    cones: NDArray[np.float64]


@njit
def _new_work(n: int) -> Work:
    return Work(
        np.empty((4, n)),
        np.empty((6, n)),
        np.empty((10, n)),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.uint8),
        np.empty((MAX_KINDS, 3)),
    )


@njit_inlined
def _see(ground: GroundPoints, sky: Sky, view: View, c: int, near: np.ndarray, work: Work) -> int:
    """Keep the satellites above the minimum elevation at both ends; return how many.

    A first pass over directions alone drops most of those out of reach.
    """
    sin_min = math.sin(view.min_elevation_rad)
    sin2_min = sin_min * sin_min
    px, py, pz = ground.point_m[c]
    ux, uy, uz = ground.up[c]
    which, flag, seen_m = work.which, work.flag, work.seen_m
    mx, my, mz, cosine = work.near[0], work.near[1], work.near[2], work.near[3]
    for i in range(near.shape[0]):
        flag[i] = mx[i] * ux + my[i] * uy + mz[i] * uz >= cosine[i]
    seen = 0
    for i in range(near.shape[0]):
        if not flag[i]:
            continue
        s = near[i]
        x0, y0, z0 = sky.start_m[s, 0] - px, sky.start_m[s, 1] - py, sky.start_m[s, 2] - pz
        x1, y1, z1 = sky.end_m[s, 0] - px, sky.end_m[s, 1] - py, sky.end_m[s, 2] - pz
        u0 = x0 * ux + y0 * uy + z0 * uz
        u1 = x1 * ux + y1 * uy + z1 * uz
        d0 = x0 * x0 + y0 * y0 + z0 * z0
        d1 = x1 * x1 + y1 * y1 + z1 * z1
        which[seen] = s
        seen_m[0, seen], seen_m[1, seen], seen_m[2, seen] = x0, y0, z0
        seen_m[3, seen], seen_m[4, seen], seen_m[5, seen] = x1, y1, z1
        seen += (u0 > 0.0) & (u1 > 0.0) & (u0 * u0 >= sin2_min * d0) & (u1 * u1 >= sin2_min * d1)
    return seen


@njit_inlined
def _look(ground: GroundPoints, c: int, seen: int, work: Work) -> None:
    """Fill the lines of sight of the satellites seen; plain loops over rows, so that they vectorise."""
    ux, uy, uz = ground.up[c]
    ex, ey, ez = ground.east[c]
    nx, ny, nz = ground.north[c]
    x0, y0, z0 = work.seen_m[0], work.seen_m[1], work.seen_m[2]
    x1, y1, z1 = work.seen_m[3], work.seen_m[4], work.seen_m[5]
    e0, n0, u0 = work.sight[0], work.sight[1], work.sight[2]
    em, nm, um = work.sight[3], work.sight[4], work.sight[5]
    e1, n1, u1 = work.sight[6], work.sight[7], work.sight[8]
    range_m = work.sight[9]
    for j in range(seen):
        r = 1.0 / math.sqrt(x0[j] * x0[j] + y0[j] * y0[j] + z0[j] * z0[j])
        e0[j] = (x0[j] * ex + y0[j] * ey + z0[j] * ez) * r
        n0[j] = (x0[j] * nx + y0[j] * ny + z0[j] * nz) * r
        u0[j] = (x0[j] * ux + y0[j] * uy + z0[j] * uz) * r
    for j in range(seen):
        r = 1.0 / math.sqrt(x1[j] * x1[j] + y1[j] * y1[j] + z1[j] * z1[j])
        e1[j] = (x1[j] * ex + y1[j] * ey + z1[j] * ez) * r
        n1[j] = (x1[j] * nx + y1[j] * ny + z1[j] * nz) * r
        u1[j] = (x1[j] * ux + y1[j] * uy + z1[j] * uz) * r
    for j in range(seen):
        x, y, z = 0.5 * (x0[j] + x1[j]), 0.5 * (y0[j] + y1[j]), 0.5 * (z0[j] + z1[j])
        range_m[j] = math.sqrt(x * x + y * y + z * z)
        r = 1.0 / range_m[j]
        em[j] = (x * ex + y * ey + z * ez) * r
        nm[j] = (x * nx + y * ny + z * nz) * r
        um[j] = (x * ux + y * uy + z * uz) * r


@njit_inlined
def _keep_from_gso(latitude_rad: float, seen: int, gso: GsoTable, work: Work) -> int:
    """Keep in ``kept`` the places (among those seen) outside the exclusion all slot; return how many."""
    sign = -1.0 if latitude_rad >= 0.0 else 1.0
    row = gso_row(gso, latitude_rad)
    limits, sight, flag = gso.limits[row], work.sight, work.flag
    for j in range(seen):
        flag[j] = 0
    for k in range(0, 9, 3):
        east, north, up = sight[k], sight[k + 1], sight[k + 2]
        for j in range(seen):
            flag[j] |= gso_verdict(limits, east[j], sign * north[j], up[j])
    kept = 0
    for j in range(seen):
        work.kept[kept] = j
        kept += (flag[j] < 2) or (flag[j] < 4 and not _in_doubt(gso, latitude_rad, sight[:, j]))
    return kept


@njit
def _in_doubt(gso: GsoTable, latitude_rad: float, sight: np.ndarray) -> bool:
    """Apply the exact test at the slot's start, middle and end: is it excluded?"""
    for k in range(0, 9, 3):
        if gso_excluded(gso, latitude_rad, sight[k], sight[k + 1], sight[k + 2]):
            return True
    return False


@njit_inlined
def _insert(value: float, s: int, filled: int, satellites: np.ndarray, utilities: np.ndarray) -> int:
    """Put a candidate in its place among the best; return how many there are."""
    limit = satellites.shape[0]
    if filled == limit and value <= utilities[limit - 1]:
        return filled
    at = filled if filled < limit else limit - 1
    while at > 0 and utilities[at - 1] < value:
        utilities[at] = utilities[at - 1]
        satellites[at] = satellites[at - 1]
        at -= 1
    utilities[at] = value
    satellites[at] = s
    return min(filled + 1, limit)


@njit_inlined
def _rare_terms(ground: GroundPoints, sky: Sky, view: View, c: int, s: int, range_m: float) -> float:
    """Return the utility of latency and remaining visibility, which few preferences look at."""
    weights = view.preference
    value = 0.0
    if weights.latency != 0.0:
        value += weights.latency * (range_m / 299_792.458 + sky.route_s[ground.pop[c], s] * 1e3)
    if weights.visibility != 0.0:
        radius = 0.0
        for k in range(3):
            radius += sky.start_m[s, k] ** 2
        reach = _reach_rad(math.sqrt(radius), view.min_elevation_rad)
        left_s = remaining_visibility_s(ground.point_m[c], sky.start_m[s], sky.end_m[s], reach)
        value += weights.visibility * left_s / 60.0
    return value


@njit_inlined
def _candidates_of_cell(
    ground: GroundPoints, sky: Sky, view: View, gso: GsoTable, slot: int, c: int, near: np.ndarray,
    inverse_height2: np.ndarray, work: Work, satellites: np.ndarray, utilities: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Apply the constraints to one cell in order and keep the best candidates, best first."""
    seen = _see(ground, sky, view, c, near, work)
    _look(ground, c, seen, work)
    latitude = ground.latitude_rad[c]
    outside = _keep_from_gso(latitude, seen, gso, work)
    sight, cones = work.sight, work.cones
    cone_count = fill_cones(view, ground.kinds[c], latitude, cones)
    sign = 1.0 if latitude >= 0.0 else -1.0
    pop = ground.pop[c]
    weights = view.preference
    poleward = weights.poleward * min(1.0, max(-1.0, latitude / _FADE_RAD))
    key = np.int64(ground.key[c]) ^ view.seed
    rare = weights.latency != 0.0 or weights.visibility != 0.0
    filled = in_view = with_route = 0
    for i in range(outside):
        j = work.kept[i]
        # Positions between the ends are means of them and a cone is convex: the ends answer for the middle.
        if not (
            in_field_of_view(sign * sight[1, j], sight[2, j], cones, cone_count)
            and in_field_of_view(sign * sight[7, j], sight[8, j], cones, cone_count)
        ):
            continue
        in_view += 1
        s = work.which[j]
        if not (view.pop_up[pop] and sky.route_s[pop, s] < _BEYOND):
            continue
        with_route += 1
        n, u, range_m = sight[4, j], sight[5, j], sight[9, j]
        value = (
            weights.footprint * (range_m * range_m * inverse_height2[s] / u)
            + poleward * n
            + weights.elevation * u
        )
        if sky.second_generation[s]:
            value += weights.second_generation
        if rare:
            value += _rare_terms(ground, sky, view, c, s, range_m)
        if weights.noise != 0.0:
            value += weights.noise * GUMBEL[hash_u32(key, sky.key[s], slot) >> np.uint32(20)]
        filled = _insert(value, s, filled, satellites, utilities)
    for j in range(filled, satellites.shape[0]):
        satellites[j] = -1
        utilities[j] = -np.inf
    counts[ABOVE_ELEVATION] = min(seen, 255)
    counts[OUTSIDE_GSO] = min(outside, 255)
    counts[IN_FIELD_OF_VIEW] = min(in_view, 255)
    counts[WITH_ROUTE] = min(with_route, 255)


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
    inverse_height2 = np.empty(n)
    for s in range(n):
        norm = 0.0
        for k in range(3):
            middle[s, k] = 0.5 * (sky.start_m[s, k] + sky.end_m[s, k])
            norm += middle[s, k] ** 2
        norm = math.sqrt(norm)
        inverse_height2[s] = 1.0 / (norm - EARTH_MEAN_RADIUS_M) ** 2
        reach = _reach_rad(norm, view.min_elevation_rad) + _REACH_PAD_RAD
        middle[s, 3], middle[s, 4] = math.cos(reach), math.sin(reach)
        for k in range(3):
            middle[s, k] /= norm
    everything = np.arange(n)
    far = np.empty(n, np.int64)
    near = np.empty(n, np.int64)
    work = _new_work(n)
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
            for k in range(4):
                work.near[k, i] = middle[near[i], k]
        for c in range(ground.block_start[b], ground.block_start[b + 1]):
            _candidates_of_cell(
                ground, sky, view, gso, slot, c, near[:found], inverse_height2, work, satellites[c], utilities[c],
                counts[c],
            )  # fmt: skip


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
