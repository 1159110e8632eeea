"""What the kernels of visibility and feeders compute, one pair at a time and slowly; for tests only."""

import math

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import EARTH_MEAN_RADIUS_M, LIGHT_M_S
from openleo.base.hashing import GUMBEL, hash_u32
from openleo.network.feeders import MAX_GATEWAYS_OF_SATELLITE
from openleo.network.ground import MAX_KINDS, GroundPoints
from openleo.network.gso import GsoRule, gso_cos_separation
from openleo.network.visibility import Sky, View, remaining_visibility_s

_MOMENTS = (0.0, 0.5, 1.0)  # start, middle and end of the slot
_FULL_POLEWARD_RAD = math.radians(10.0)
_MOST_COUNTED = 255


def _sights(
    points: GroundPoints, c: int, start_m: NDArray[np.float64], end_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return lines of sight (3, N, 3) from a point at the three moments: east, north, up, in metres."""
    frame = np.stack([points.east[c], points.north[c], points.up[c]])
    places = np.stack([(1.0 - w) * start_m + w * end_m for w in _MOMENTS])
    return np.asarray((places - points.point_m[c]) @ frame.T)


def _usable(
    sight: NDArray[np.float64], latitude_rad: float, min_elevation_rad: float, gso: GsoRule
) -> tuple[bool, bool]:
    """Tell for unit lines of sight (3, 3) whether the ends are high enough, and whether all avoid the arc."""
    high = min(sight[0, 2], sight[2, 2]) >= math.sin(min_elevation_rad)
    clear = all(gso_cos_separation(latitude_rad, *map(float, s)) <= gso.cos_exclusion for s in sight)
    return bool(high), clear


def _in_view(view: View, kinds: int, latitude_rad: float, sight: NDArray[np.float64]) -> bool:
    """Tell whether both ends of unit lines of sight (3, 3) are in the field of view of each kind in a set."""
    for kind in range(MAX_KINDS):
        tilt = math.copysign(min(view.boresight_tilt_rad[kind], abs(latitude_rad)), latitude_rad)
        boresight = np.array([0.0, math.sin(tilt), math.cos(tilt)])
        if kinds >> kind & 1 and not (sight[[0, 2]] @ boresight >= view.cos_half_cone[kind]).all():
            return False
    return True


def _utility(
    points: GroundPoints, sky: Sky, view: View, slot: int, pair: tuple[int, int], middle: NDArray[np.float64]
) -> float:
    """Return the stateless utility of a (cell, satellite) pair, by its line of sight at the middle (3,)."""
    c, s = pair
    weights = view.preference
    start_m, end_m = sky.start_m[s], sky.end_m[s]
    range_m = float(np.linalg.norm(middle))
    height_m = float(np.linalg.norm(0.5 * (start_m + end_m))) - EARTH_MEAN_RADIUS_M
    latitude = float(points.latitude_rad[c])
    fade = max(-1.0, min(1.0, latitude / _FULL_POLEWARD_RAD))
    radius_m = float(np.linalg.norm(start_m))
    reach_ratio = EARTH_MEAN_RADIUS_M / radius_m * math.cos(view.min_elevation_rad)
    reach_rad = math.acos(min(1.0, reach_ratio)) - view.min_elevation_rad
    hashed = hash_u32(int(points.key[c]) ^ view.seed, int(sky.key[s]), slot)
    return float(
        weights.footprint * (range_m / height_m) ** 2 / (middle[2] / range_m)
        + weights.poleward * fade * middle[1] / range_m
        + weights.elevation * middle[2] / range_m
        + weights.second_generation * bool(sky.second_generation[s])
        + weights.latency * 1e3 * (range_m / LIGHT_M_S + float(sky.route_s[points.pop[c], s]))
        + weights.visibility * remaining_visibility_s(points.point_m[c], start_m, end_m, reach_rad) / 60.0
        + weights.noise * float(GUMBEL[int(hashed) >> 20])
    )


def find_candidates_reference(
    ground: GroundPoints, sky: Sky, view: View, gso: GsoRule, slot: int, *, limit: int
) -> tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.uint8]]:
    """Return what `find_candidates` fills: satellites (C, limit), utilities (C, limit) and counts (C, 4)."""
    cells = len(ground.latitude_rad)
    satellites = np.full((cells, limit), -1, np.int16)
    utilities = np.full((cells, limit), -np.inf, np.float32)
    counts = np.zeros((cells, 4), np.uint8)
    for c in range(cells):
        left = np.zeros(4, np.int64)
        found: list[tuple[float, int]] = []
        latitude = float(ground.latitude_rad[c])
        offsets = _sights(ground, c, sky.start_m, sky.end_m)
        for s in range(len(sky.start_m)):
            sight = offsets[:, s] / np.linalg.norm(offsets[:, s], axis=1, keepdims=True)
            high, clear = _usable(sight, latitude, view.min_elevation_rad, gso)
            routed = view.pop_up[ground.pop[c]] and np.isfinite(sky.route_s[ground.pop[c], s])
            passed = [high, clear, _in_view(view, int(ground.kinds[c]), latitude, sight), bool(routed)]
            left += np.cumprod(passed)
            if all(passed):
                found.append((-_utility(ground, sky, view, slot, (c, s), offsets[1, s]), s))
        for k, (disliked, s) in enumerate(sorted(found)[:limit]):
            satellites[c, k], utilities[c, k] = s, -disliked
        counts[c] = np.minimum(left, _MOST_COUNTED)
    return satellites, utilities, counts


def feeder_links_reference(
    gateways: GroundPoints,
    min_elevation_rad: NDArray[np.float64],
    up: NDArray[np.bool_],
    sky: tuple[NDArray[np.float64], NDArray[np.float64]],
    gso: GsoRule,
) -> NDArray[np.float32]:
    """Return what `feeder_links` fills (G, N), for positions ``sky`` at the slot's start and end (N, 3)."""
    delay_s = np.full((len(up), len(sky[0])), np.inf, np.float32)
    for g in np.flatnonzero(up):
        offsets = _sights(gateways, int(g), *sky)
        for s in range(delay_s.shape[1]):
            ranges = np.linalg.norm(offsets[:, s], axis=1, keepdims=True)
            latitude = float(gateways.latitude_rad[g])
            if all(_usable(offsets[:, s] / ranges, latitude, float(min_elevation_rad[g]), gso)):
                delay_s[g, s] = ranges[1, 0] / LIGHT_M_S
    return delay_s


def routes_by_feeder_reference(
    delay_s: NDArray[np.float32], fibre_s: NDArray[np.float64], below: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return what `routes_by_feeder` fills: least delays to PoPs (P, N) and gateways of satellites (N, 8)."""
    through = delay_s[:, None, :].astype(np.float64) + fibre_s[:, :, None]  # (G, P, N)
    route_s = through.min(axis=0, initial=np.inf).astype(np.float32)
    some_way = np.isfinite(through).any(axis=1)  # (G, N)
    to_below = delay_s.astype(np.float64) + np.minimum(fibre_s[:, below], 10.0)
    best = np.where(some_way, to_below, np.inf)
    gateway = np.full((delay_s.shape[1], MAX_GATEWAYS_OF_SATELLITE), -1, np.int16)
    for s in range(delay_s.shape[1]):
        usable = [g for g in np.argsort(best[:, s], kind="stable") if np.isfinite(best[g, s])]
        usable = usable[:MAX_GATEWAYS_OF_SATELLITE]
        gateway[s, : len(usable)] = usable
    return route_s, gateway
