"""Which satellites each cell can use in a slot, and how much the scheduler likes each.

Everything here is stateless: it depends on the slot's geometry alone, so slots can be computed in any order
and by any worker.  Positions inside the slot are interpolated as vectors between its two ends (within 0.25 km
for low orbits); elevation is tested at both ends, between which it has no minimum, and the exclusion about
the geostationary arc at both ends and the middle.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import carray  # type: ignore[attr-defined]
from numpy.typing import NDArray

from openleo.base.compile import njit, njit_inlined
from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.base.hashing import GUMBEL, hash_u32
from openleo.network.constraints import (
    BONUS,
    CLEAR,
    ELEVATED,
    INVERSE_HEIGHT2,
    ROUTED,
    STACK_PLACES,
    STACK_ROW,
    STACK_TABLE,
    TILE,
    VIEW,
    X0,
    X1,
    Y0,
    Y1,
    Z0,
    Z1,
    Work,
    elevate,
    keep_from_gso,
    keep_in_view,
)
from openleo.network.eights import add_places, sum_of_bytes, whole_eights
from openleo.network.ground import MAX_KINDS, GroundPoints
from openleo.network.gso import GsoRule
from openleo.network.nearby import directions, gather, group_radius_rad
from openleo.network.preference import Preference
from openleo.network.ranking import insert, rank, write_ranked
from openleo.network.sureness import be_sure
from openleo.network.uncounted import stack_bytes, uncounted

# Columns of the counts: satellites of a cell left after each constraint, in the order of the constraints.
ABOVE_ELEVATION, OUTSIDE_GSO, IN_FIELD_OF_VIEW, WITH_ROUTE = range(4)

_BEYOND = 3.0e38
_MX, _MY, _MZ, _MRANGE, _MHEIGHT, _MBONUS = range(6)  # of a candidate at mid-slot: rows of `Work.packed`
_FADE_RAD = math.radians(10.0)  # below this latitude the poleward preference fades out


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
def remaining_visibility_s(
    point_m: np.ndarray, start_m: np.ndarray, end_m: np.ndarray, reach_rad: float
) -> float:
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
def _remaining_s(
    point_m: np.ndarray, start_m: np.ndarray, end_m: np.ndarray, c: int, s: int, min_elevation_rad: float
) -> float:
    """Return how long satellite ``s`` stays above a cell's minimum elevation, by its height at the start."""
    radius_m = math.sqrt(start_m[s, 0] ** 2 + start_m[s, 1] ** 2 + start_m[s, 2] ** 2)
    return remaining_visibility_s(point_m[c], start_m[s], end_m[s], _reach_rad(radius_m, min_elevation_rad))


@njit_inlined
def _traits(sky: Sky, view: View) -> np.ndarray:
    """Return what the kernels need of each satellite (N, 8), in one place of memory each."""
    n = sky.start_m.shape[0]
    out = np.empty((n, 8))
    for s in range(n):
        norm2 = 0.0
        for k in range(3):
            out[s, k], out[s, 3 + k] = sky.start_m[s, k], sky.end_m[s, k]
            norm2 += (0.5 * (sky.start_m[s, k] + sky.end_m[s, k])) ** 2
        out[s, INVERSE_HEIGHT2] = 1.0 / (math.sqrt(norm2) - EARTH_MEAN_RADIUS_M) ** 2
        out[s, BONUS] = view.preference.second_generation if sky.second_generation[s] else 0.0
    return out


@njit_inlined
def _tilts(view: View) -> np.ndarray:
    """Return for each kind its tilt, the tilt's sine and cosine, and the cosine of half its cone (8, 4)."""
    out = np.empty((MAX_KINDS, 4))
    for kind in range(MAX_KINDS):
        tilt = view.boresight_tilt_rad[kind]
        out[kind, 0], out[kind, 1], out[kind, 2] = tilt, math.sin(tilt), math.cos(tilt)
        out[kind, 3] = view.cos_half_cone[kind]
    return out


@njit_inlined
def _tell_routed(sky: Sky, pop: int, pop_up: bool, n: int, work: Work) -> None:
    """Tell which satellites have a route to a PoP."""
    for i in range(n):
        work.flag[ROUTED, i] = pop_up & (sky.route_s[pop, work.which[i]] < _BEYOND)
    for i in range(n, whole_eights(n)):
        work.flag[ROUTED, i] = 0


@njit_inlined
def _count(c: int, n: int, work: Work, counts: np.ndarray) -> int:
    """Add what is left after each constraint to ``counts``; keep and count the places of the last."""
    words = work.words
    seen = outside = in_view = np.uint64(0)
    with_route = 0
    for j in range(whole_eights(n) // 8):  # at most 25: a byte holds the sum of their flags
        a = words[ELEVATED, j]
        b = a & words[CLEAR, j]
        v = b & words[VIEW, j]
        seen, outside, in_view = seen + a, outside + b, in_view + v
        with_route = add_places(v & words[ROUTED, j], 8 * j, work.kept, with_route)
    counts[c, ABOVE_ELEVATION] = min(np.int64(counts[c, ABOVE_ELEVATION]) + sum_of_bytes(seen), 255)
    counts[c, OUTSIDE_GSO] = min(np.int64(counts[c, OUTSIDE_GSO]) + sum_of_bytes(outside), 255)
    counts[c, IN_FIELD_OF_VIEW] = min(np.int64(counts[c, IN_FIELD_OF_VIEW]) + sum_of_bytes(in_view), 255)
    counts[c, WITH_ROUTE] = min(np.int64(counts[c, WITH_ROUTE]) + with_route, 255)
    return with_route


@njit_inlined
def _like(ground: GroundPoints, sky: Sky, view: View, slot: int, c: int, kept: int, work: Work) -> None:
    """Fill the utility of the satellites kept."""
    weights = view.preference
    near, value, packed = work.near, work.value, work.packed
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    ux, uy, uz = ground.up[c, 0], ground.up[c, 1], ground.up[c, 2]
    nx, ny, nz = ground.north[c, 0], ground.north[c, 1], ground.north[c, 2]
    poleward = weights.poleward * min(1.0, max(-1.0, ground.latitude_rad[c] / _FADE_RAD))
    filled = 0
    for k in range(kept):
        i = work.kept[k]
        packed[_MX, filled] = 0.5 * ((near[X0, i] - px) + (near[X1, i] - px))
        packed[_MY, filled] = 0.5 * ((near[Y0, i] - py) + (near[Y1, i] - py))
        packed[_MZ, filled] = 0.5 * ((near[Z0, i] - pz) + (near[Z1, i] - pz))
        packed[_MHEIGHT, filled] = near[INVERSE_HEIGHT2, i]
        packed[_MBONUS, filled] = near[BONUS, i]
        # Always one, but the compiler cannot know: it would load eight scattered places at once, slowly.
        filled += int(work.flag[VIEW, i] != 0)
    for k in range(whole_eights(kept)):
        x, y, z = packed[_MX, k], packed[_MY, k], packed[_MZ, k]
        range_m = math.sqrt(x * x + y * y + z * z)
        packed[_MRANGE, k] = range_m
        r = 1.0 / range_m
        n = (x * nx + y * ny + z * nz) * r
        u = (x * ux + y * uy + z * uz) * r
        value[k] = (
            weights.footprint * (range_m * range_m * packed[_MHEIGHT, k] / u)
            + poleward * n
            + weights.elevation * u
            + packed[_MBONUS, k]
        )
    if weights.latency != 0.0:
        for k in range(kept):
            i = work.kept[k]
            delay_ms = packed[_MRANGE, k] / 299_792.458 + sky.route_s[ground.pop[c], work.which[i]] * 1e3
            value[k] += weights.latency * delay_ms
    if weights.visibility != 0.0:
        for k in range(kept):
            s = work.which[work.kept[k]]
            left_s = _remaining_s(ground.point_m, sky.start_m, sky.end_m, c, s, view.min_elevation_rad)
            value[k] += weights.visibility * left_s / 60.0
    if weights.noise != 0.0:
        key = int(ground.key[c]) ^ view.seed
        for k in range(kept):
            hashed = hash_u32(key, work.key[work.kept[k]], slot)
            value[k] += weights.noise * GUMBEL[hashed >> np.uint32(20)]


@njit_inlined
def _candidates_of_cell(
    ground: GroundPoints, sky: Sky, view: View, gso: GsoRule, slot: int, c: int, n: int, tilts: np.ndarray,
    work: Work, satellites: np.ndarray, utilities: np.ndarray, counts: np.ndarray,
) -> None:  # fmt: skip
    """Apply the constraints to one cell and ``n`` satellites in order and keep the best, best first."""
    elevate(ground, math.sin(view.min_elevation_rad), c, work)
    keep_from_gso(ground, gso, c, work)
    keep_in_view(ground, c, tilts, work)
    before = np.int64(counts[c, WITH_ROUTE])
    kept = _count(c, n, work, counts)
    _like(ground, sky, view, slot, c, kept, work)
    if before == 0:
        rank(kept, work)
        write_ranked(kept, c, work, satellites, utilities)
    else:
        filled = min(before, satellites.shape[1])
        for k in range(kept):
            filled = insert(work.value[k], work.which[work.kept[k]], filled, c, satellites, utilities)


@njit_inlined
def _hold(sky: Sky, traits: np.ndarray, near: np.ndarray, first: int, count: int, work: Work) -> None:
    """Lay out ``count`` satellites of ``near`` from the ``first`` on."""
    for i in range(count):
        s = near[first + i]
        for k in range(8):
            work.near[k, i] = traits[s, k]
        work.which[i] = s
        work.key[i] = sky.key[s]
    for i in range(count, whole_eights(count)):  # at the Earth's centre, where nobody sees them
        for k in range(8):
            work.near[k, i] = 0.0


@njit
def find_candidates(
    ground: GroundPoints,
    sky: Sky,
    view: View,
    gso: GsoRule,
    slot: int,
    satellites: np.ndarray,
    utilities: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Fill each cell's candidates for a slot, best first, and the counts left after each constraint.

    satellites (C, M) int16 takes indices into the sky, -1 where there are fewer; utilities (C, M) float32;
    counts (C, 4) uint8 (255 means 255 or more).  M is at most 255.
    """
    ground, sky, view = uncounted(ground), uncounted(sky), uncounted(view)
    satellites, utilities, counts = uncounted(satellites), uncounted(utilities), uncounted(counts)
    everything, traits = directions(sky.start_m, sky.end_m, view.min_elevation_rad), _traits(sky, view)
    total = everything.shape[1]
    far, index, near = np.empty((5, total)), np.empty(total, np.int32), np.empty(total, np.int32)
    flag = np.empty(whole_eights(total), np.uint8)
    flags, doubts = stack_bytes(STACK_ROW), stack_bytes(STACK_ROW)
    tilts = _tilts(view)
    work = Work(  # here, not in a helper: the stack of an inlined helper ends with it
        carray(stack_bytes(STACK_TABLE), (8, TILE), np.float64),
        carray(stack_bytes(STACK_PLACES), (18, TILE), np.float64),
        carray(stack_bytes(STACK_TABLE), (8, TILE), np.float64),
        carray(stack_bytes(STACK_ROW), (TILE,), np.float64),
        carray(stack_bytes(STACK_ROW), (TILE,), np.float64),
        carray(stack_bytes(STACK_ROW), (MAX_KINDS, 4), np.float64),
        carray(stack_bytes(STACK_ROW), (TILE,), np.int32),
        carray(stack_bytes(STACK_ROW), (TILE,), np.int32),
        carray(stack_bytes(STACK_ROW), (TILE,), np.int32),
        carray(stack_bytes(STACK_ROW), (TILE,), np.int64),
        carray(stack_bytes(STACK_ROW), (TILE,), np.uint8),
        carray(flags, (4, TILE), np.uint8),
        carray(flags, (4, TILE // 8), np.uint64),
        carray(doubts, (3, TILE), np.uint8),
        carray(doubts, (3, TILE // 8), np.uint64),
        carray(stack_bytes(STACK_ROW), (3, TILE), np.uint8),
        carray(stack_bytes(STACK_ROW), (3,), np.int64),
    )
    group_end, found_far = 0, 0
    blocks = ground.block_centre.shape[0]
    for b in range(blocks):
        first_cell, end_cell = ground.block_start[b], ground.block_start[b + 1]
        satellites[first_cell:end_cell] = -1
        utilities[first_cell:end_cell] = -np.inf
        counts[first_cell:end_cell] = 0
        if b >= group_end:  # a group of 32 neighbouring blocks shares one coarse search
            group_end = min(b + 32, blocks)
            radius = group_radius_rad(ground, b, group_end)
            found_far = gather(ground.block_centre[b], radius, everything, total, flag, work.kept, index)
            for i in range(found_far):
                for k in range(5):
                    far[k, i] = everything[k, index[i]]
        radius = ground.block_radius_rad[b]
        found = gather(ground.block_centre[b], radius, far, found_far, flag, work.kept, near)
        for i in range(found):
            near[i] = index[near[i]]
        for first in range(0, found, TILE):
            count = min(TILE, found - first)
            _hold(sky, traits, near, first, count, work)
            be_sure(ground, (first_cell, end_cell), math.sin(view.min_elevation_rad), gso, tilts, count, work)
            routed_to = -1
            for c in range(first_cell, end_cell):
                if ground.pop[c] != routed_to:
                    routed_to = ground.pop[c]
                    _tell_routed(sky, routed_to, view.pop_up[routed_to], count, work)
                _candidates_of_cell(
                    ground, sky, view, gso, slot, c, count, tilts, work, satellites, utilities, counts
                )
