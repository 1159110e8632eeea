"""Feeder links, gateway to satellite, and bent-pipe routes over them."""

import math

import numpy as np

from openleo.base.compile import njit
from openleo.base.constants import LIGHT_M_S, WGS84_A_M
from openleo.network.ground import GroundPoints
from openleo.network.gso import GsoRule, gso_excluded

MAX_GATEWAYS_OF_SATELLITE = 8
_CUT_OFF_S = 10.0  # stands for a cut fibre in an order of preference: longer than any on Earth


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
                    delay_s[g, s] = 1.0 / (r * LIGHT_M_S)
            if not clear:
                delay_s[g, s] = np.inf


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
    reaches = np.zeros(gateways, np.bool_)
    for g in range(gateways):
        for p in range(pops):
            reaches[g] |= fibre_s[g, p] < np.inf
    cost = np.empty(gateway.shape[1])
    for s in range(satellites):
        gateway[s, :] = -1
        filled = 0
        for p in range(pops):
            route_s[p, s] = np.inf
        for g in range(gateways):
            d = delay_s[g, s]
            if d == np.inf or not reaches[g]:
                continue
            for p in range(pops):
                route_s[p, s] = min(route_s[p, s], d + fibre_s[g, p])
            total = d + min(fibre_s[g, below[s]], _CUT_OFF_S)
            if filled == cost.shape[0] and total >= cost[filled - 1]:
                continue
            at = min(filled, cost.shape[0] - 1)
            while at > 0 and cost[at - 1] > total:
                cost[at], gateway[s, at] = cost[at - 1], gateway[s, at - 1]
                at -= 1
            cost[at], gateway[s, at] = total, g
            filled = min(filled + 1, cost.shape[0])
