"""Feeder links, gateway to satellite, and bent-pipe routes over them."""

import math

import numpy as np

from openleo.base.compile import njit, njit_inlined
from openleo.base.constants import LIGHT_M_S, WGS84_A_M
from openleo.network.ground import GroundPoints
from openleo.network.gso import GsoRule, gso_excluded_at, gso_place

MAX_GATEWAYS_OF_SATELLITE = 8
_RUN = 64  # satellites looked at together, for one that is in view
_CUT_OFF_S = 10.0  # stands for a cut fibre in an order of preference: longer than any on Earth


@njit_inlined
def linked_satellites(delay_s: np.ndarray, which: np.ndarray) -> int:
    """Write to ``which`` the satellites with a link, of one gateway's delays (N,); return how many.

    Few have one, so whole runs of satellites are passed over at once.
    """
    count, satellites = 0, delay_s.shape[0]
    for first in range(0, satellites, _RUN):
        last = min(first + _RUN, satellites)
        some = 0
        for s in range(first, last):
            some += int(delay_s[s] < np.inf)
        for s in range(first, last if some > 0 else first):
            if delay_s[s] < np.inf:
                which[count] = s
                count += 1
    return count


@njit_inlined
def _about_high_enough(
    rows_m: np.ndarray, point_m: np.ndarray, zenith: np.ndarray, sin_min: float, which: np.ndarray
) -> int:
    """Write to ``which`` the satellites (3, N) above the sine of an elevation, and some just below; return
    how many.  Few are, so whole runs of satellites are passed over at once."""
    px, py, pz = point_m[0], point_m[1], point_m[2]
    ux, uy, uz = zenith[0], zenith[1], zenith[2]
    about2 = 0.99 * sin_min * max(sin_min, 0.0)
    flag = np.empty(_RUN, np.bool_)
    count, satellites = 0, rows_m.shape[1]
    for first in range(0, satellites, _RUN):
        length = min(_RUN, satellites - first)
        some = 0
        for i in range(length):
            x, y, z = rows_m[0, first + i] - px, rows_m[1, first + i] - py, rows_m[2, first + i] - pz
            u = x * ux + y * uy + z * uz
            flag[i] = (u > 0.0) & (u * u >= about2 * (x * x + y * y + z * z))
            some += int(flag[i])
        for i in range(length if some > 0 else 0):
            which[count] = first + i
            count += int(flag[i])
    return count


@njit_inlined
def _clear_delay_s(
    gateways: GroundPoints, g: int, gso: GsoRule, place: tuple[float, float, tuple[float, float, float]],
    start: tuple[float, float, float], end: tuple[float, float, float],
) -> float:  # fmt: skip
    """Return the delay midway along two lines of sight of a gateway, or inf where some point between, or an
    end, lies within the exclusion."""
    east, north, zenith = gateways.east[g], gateways.north[g], gateways.up[g]
    delay_s = np.inf
    for k in range(3):
        w = 0.5 * k
        x = start[0] + w * (end[0] - start[0])
        y = start[1] + w * (end[1] - start[1])
        z = start[2] + w * (end[2] - start[2])
        r = 1.0 / math.sqrt(x * x + y * y + z * z)
        sight = (
            (x * east[0] + y * east[1] + z * east[2]) * r,
            (x * north[0] + y * north[1] + z * north[2]) * r,
            (x * zenith[0] + y * zenith[1] + z * zenith[2]) * r,
        )
        if gso_excluded_at(gso, gateways.latitude_rad[g], place, sight):
            return np.inf
        if k == 1:
            delay_s = 1.0 / (r * LIGHT_M_S)
    return delay_s


@njit
def feeder_links(
    gateways: GroundPoints,
    min_elevation_rad: np.ndarray,
    up: np.ndarray,
    start_m: np.ndarray,
    end_m: np.ndarray,
    gso: GsoRule,
    delay_s: np.ndarray,
) -> None:
    """Fill ``delay_s`` (G, N) float32 with each feeder link's one-way delay at mid-slot, infinite where none.

    A link needs its gateway up (G,) bool, the satellite above the gateway's minimum elevation (G,) at both
    ends of the slot and outside the exclusion at both ends and the middle.
    """
    radius2 = (WGS84_A_M + 3_000_000.0) ** 2
    rows_m = np.ascontiguousarray(start_m.T)
    high = np.empty(delay_s.shape[1], np.int32)
    for g in range(delay_s.shape[0]):
        delay_s[g, :] = np.inf
        if not up[g]:
            continue
        sin_min, place = math.sin(min_elevation_rad[g]), gso_place(gateways.latitude_rad[g])
        point, zenith = gateways.point_m[g], gateways.up[g]
        for s in high[: _about_high_enough(rows_m, point, zenith, sin_min, high)]:
            x0, y0, z0 = start_m[s, 0] - point[0], start_m[s, 1] - point[1], start_m[s, 2] - point[2]
            u0 = x0 * zenith[0] + y0 * zenith[1] + z0 * zenith[2]
            d0 = x0 * x0 + y0 * y0 + z0 * z0
            if not u0 > 0.0 or d0 > radius2 or u0 < sin_min * math.sqrt(d0):
                continue
            x1, y1, z1 = end_m[s, 0] - point[0], end_m[s, 1] - point[1], end_m[s, 2] - point[2]
            u1 = x1 * zenith[0] + y1 * zenith[1] + z1 * zenith[2]
            d1 = x1 * x1 + y1 * y1 + z1 * z1
            if u1 >= sin_min * math.sqrt(d1):
                delay_s[g, s] = _clear_delay_s(gateways, g, gso, place, (x0, y0, z0), (x1, y1, z1))


@njit
def nearest_pops(place_m: np.ndarray, direction: np.ndarray, is_home: np.ndarray, below: np.ndarray) -> None:
    """Fill ``below`` (N,) with the PoP, of those that are home to somebody (P,), nearest below each place
    (N, 3); direction (P, 3) are the PoPs' from the Earth's centre.  0 where none is home."""
    best = np.full(below.shape[0], -np.inf)
    below[:] = 0
    for p in range(direction.shape[0]):
        if not is_home[p]:
            continue
        x, y, z = direction[p, 0], direction[p, 1], direction[p, 2]
        for s in range(below.shape[0]):
            along = x * place_m[s, 0] + y * place_m[s, 1] + z * place_m[s, 2]
            below[s] = p if along > best[s] else below[s]
            best[s] = max(along, best[s])


@njit_inlined
def _prefer(g: int, total: float, s: int, filled: np.ndarray, cost: np.ndarray, gateway: np.ndarray) -> None:
    """Put a gateway in its place among those of satellite ``s``, by cost; equals as they come."""
    limit = cost.shape[1]
    if filled[s] == limit and total >= cost[s, limit - 1]:
        return
    at = min(filled[s], limit - 1)
    while at > 0 and cost[s, at - 1] > total:
        cost[s, at], gateway[s, at] = cost[s, at - 1], gateway[s, at - 1]
        at -= 1
    cost[s, at], gateway[s, at] = total, g
    filled[s] = min(filled[s] + 1, limit)


@njit
def routes_by_feeder(
    delay_s: np.ndarray, fibre_s: np.ndarray, below: np.ndarray, route_s: np.ndarray, gateway: np.ndarray
) -> None:
    """Best bent-pipe routes: from feeder delays (G, N) and fibre delays gateway to PoP (G, P).

    Fills route_s (P, N) float32 with the least one-way delay satellite to PoP, and gateway (N, 8) int16 with
    the gateways a satellite can use, -1 where there are fewer: those with the least delay to the PoP below
    the satellite, ``below`` (N,), first, since that is home to most cells it serves; those with no way to
    that PoP but to another last.
    """
    gateways, satellites = delay_s.shape
    pops = fibre_s.shape[1]
    route_s[:] = np.inf
    gateway[:] = -1
    filled = np.zeros(satellites, np.int64)
    cost = np.empty(gateway.shape)
    linked = np.empty(satellites, np.int32)
    for g in range(gateways):
        if not (fibre_s[g] < np.inf).any():
            continue
        count = linked_satellites(delay_s[g], linked)
        for p in range(pops):
            for s in linked[:count]:
                route_s[p, s] = min(route_s[p, s], delay_s[g, s] + fibre_s[g, p])
        for s in linked[:count]:
            total = delay_s[g, s] + min(fibre_s[g, below[s]], _CUT_OFF_S)
            _prefer(g, total, s, filled, cost, gateway)
