"""Keeping away from the geostationary arc.

A satellite may not be used where it stands within an angle of the geostationary arc as the ground point sees
it (18 degrees in SpaceX's filings; the rule itself is ITU Radio Regulations Article 22 and 47 CFR 25.289).
The exact test searches the arc for the nearest point; a table by latitude and azimuth answers nearly every
pair at once and leaves only the doubtful ones to the exact test, so the answer is always the exact one.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit, njit_inlined
from openleo.base.constants import GSO_RADIUS_M, WGS84_A_M, WGS84_E2

_COARSE = np.radians(np.arange(-80.0, 80.1, 8.0))
_COARSE_COS, _COARSE_SIN = np.cos(_COARSE), np.sin(_COARSE)
_COARSE_STEP = math.radians(8.0)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

LATITUDE_STEP_RAD = math.radians(0.25)
AZIMUTH_BINS = 256  # of the half circle from north over east to south; the sky is symmetric about the meridian
_MARGIN_RAD = math.radians(0.15)  # covers the curvature inside one bin; tests check it
_NEVER = 2.0  # above any sine


class GsoTable(NamedTuple):
    """Elevation limits by latitude and azimuth bin, as sines: outer pair, inner pair.

    limits (L, A, 4) holds (outer low, inner low, inner high, outer high): allowed for certain outside the
    outer pair, excluded for certain inside the inner pair, in doubt between.  first_bin is the number of the
    first latitude bin held.
    """

    first_bin: int
    limits: NDArray[np.float32]
    cos_exclusion: float


@njit
def _cosine(dx: float, dy: float, dz: float, px: float, pz: float, delta: float) -> float:
    vx = GSO_RADIUS_M * math.cos(delta) - px
    vy = GSO_RADIUS_M * math.sin(delta)
    return (dx * vx + dy * vy - dz * pz) / math.sqrt(vx * vx + vy * vy + pz * pz)


@njit
def gso_cos_separation(latitude_rad: float, east: float, north: float, up: float) -> float:
    """Return the cosine of the angle between a line of sight and the nearest visible point of the GSO arc.

    (east, north, up) is the unit line of sight at a ground point on the WGS84 ellipsoid; -2 when no part of
    the arc is above the point's horizon.  Golden-section search about the best of 21 samples.
    """
    sin_lat, cos_lat = math.sin(latitude_rad), math.cos(latitude_rad)
    prime = WGS84_A_M / math.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)
    px, pz = prime * cos_lat, prime * (1.0 - WGS84_E2) * sin_lat
    # A point of the arc is above the horizon while (G - P).up >= 0.
    cos_limit = (px * cos_lat + pz * sin_lat) / (GSO_RADIUS_M * cos_lat) if cos_lat > 1e-9 else 2.0
    if cos_limit >= 1.0:
        return -2.0
    limit = math.acos(cos_limit)
    dx = cos_lat * up - sin_lat * north
    dy = east
    dz = sin_lat * up + cos_lat * north
    best, best_delta = -2.0, 0.0
    for i in range(_COARSE.shape[0]):
        if abs(_COARSE[i]) > limit:
            continue
        vx = GSO_RADIUS_M * _COARSE_COS[i] - px
        vy = GSO_RADIUS_M * _COARSE_SIN[i]
        c = (dx * vx + dy * vy - dz * pz) / math.sqrt(vx * vx + vy * vy + pz * pz)
        if c > best:
            best, best_delta = c, _COARSE[i]
    low = max(best_delta - _COARSE_STEP, -limit)
    high = min(best_delta + _COARSE_STEP, limit)
    a = high - _GOLDEN * (high - low)
    b = low + _GOLDEN * (high - low)
    fa, fb = _cosine(dx, dy, dz, px, pz, a), _cosine(dx, dy, dz, px, pz, b)
    for _ in range(16):
        if fa > fb:
            high, b, fb = b, a, fa
            a = high - _GOLDEN * (high - low)
            fa = _cosine(dx, dy, dz, px, pz, a)
        else:
            low, a, fa = a, b, fb
            b = low + _GOLDEN * (high - low)
            fb = _cosine(dx, dy, dz, px, pz, b)
    return max(best, max(fa, fb))


def gso_cos_separation_reference(latitude_rad: float, east: float, north: float, up: float) -> float:
    """The same by sampling the whole arc each 0.002 degrees; slow, for tests only."""
    sin_lat, cos_lat = np.sin(latitude_rad), np.cos(latitude_rad)
    prime = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * sin_lat**2)
    point = np.array([prime * cos_lat, 0.0, prime * (1.0 - WGS84_E2) * sin_lat])
    zenith = np.array([cos_lat, 0.0, sin_lat])
    sight = up * zenith + north * np.array([-sin_lat, 0.0, cos_lat]) + east * np.array([0.0, 1.0, 0.0])
    delta = np.radians(np.arange(-90.0, 90.0, 0.002))
    arc = GSO_RADIUS_M * np.stack([np.cos(delta), np.sin(delta), np.zeros_like(delta)], axis=1) - point
    arc = arc[arc @ zenith >= 0.0]
    if len(arc) == 0:
        return -2.0
    return float((arc @ sight / np.linalg.norm(arc, axis=1)).max())


@njit
def _edges(latitude_rad: float, azimuth_rad: float, cos_exclusion: float) -> tuple[float, float, float]:
    """Return the lowest and highest excluded elevation along an azimuth, radians (both _NEVER if none), and
    how many stretches are excluded: near the tropics a vertical can leave the tube and enter it again."""
    sin_az, cos_az = math.sin(azimuth_rad), math.cos(azimuth_rad)
    step = math.radians(1.5)
    low = high = _NEVER
    stretches, before = 0, False
    for i in range(61):
        e = i * step
        c = gso_cos_separation(latitude_rad, math.cos(e) * sin_az, math.cos(e) * cos_az, math.sin(e))
        inside = c > cos_exclusion
        stretches += inside and not before
        before = inside
        if inside:
            if low == _NEVER:
                low = e
            high = e
    if low == _NEVER:
        return low, high, 0.0
    for side in range(2):
        inner = low if side == 0 else high
        outer = max(inner - step, 0.0) if side == 0 else min(inner + step, math.pi / 2)
        for _ in range(12):
            e = 0.5 * (inner + outer)
            c = gso_cos_separation(latitude_rad, math.cos(e) * sin_az, math.cos(e) * cos_az, math.sin(e))
            if c > cos_exclusion:
                inner = e
            else:
                outer = e
        if side == 0:
            low = inner
        else:
            high = inner
    return low, high, float(stretches)


@njit
def _azimuth_of_bin(i: int) -> float:
    """Return the azimuth at the edge of a bin; bins are equal in n / (|e| + |n|), which needs no arc tangent."""
    t = 1.0 - 2.0 * i / AZIMUTH_BINS
    return math.atan2(1.0 - abs(t), t)


@njit
def _fill(first_bin: int, edges: np.ndarray, limits: np.ndarray, cos_exclusion: float) -> None:
    for i in range(edges.shape[0]):
        for j in range(edges.shape[1]):
            edges[i, j, :] = _edges((first_bin + i) * LATITUDE_STEP_RAD, _azimuth_of_bin(j), cos_exclusion)
    for i in range(limits.shape[0]):
        for j in range(limits.shape[1]):
            outer_low, inner_low, inner_high, outer_high = 9.0, -9.0, 9.0, -9.0
            for k in range(4):
                low, high, stretches = edges[i + k // 2, j + k % 2]
                if stretches != 1.0:
                    inner_low, inner_high = 9.0, -9.0
                if low == _NEVER:
                    continue
                outer_low, outer_high = min(outer_low, low), max(outer_high, high)
                inner_low, inner_high = max(inner_low, low), min(inner_high, high)
            if outer_low > 8.0:
                limits[i, j, :] = _NEVER
                continue
            limits[i, j, 0] = math.sin(max(outer_low - _MARGIN_RAD, 0.0))
            limits[i, j, 1] = math.sin(inner_low + _MARGIN_RAD) if inner_low < 2.0 else _NEVER
            limits[i, j, 2] = math.sin(inner_high - _MARGIN_RAD) if inner_high > 0.0 else -_NEVER
            if inner_high >= math.pi / 2 - 1e-3:
                limits[i, j, 2] = _NEVER
            top = outer_high + _MARGIN_RAD
            limits[i, j, 3] = _NEVER if top >= math.pi / 2 else math.sin(top)


def gso_table(latitudes_rad: NDArray[np.float64], exclusion_rad: float) -> GsoTable:
    """Build the table for ground points at ``latitudes_rad`` (N,) and an exclusion angle."""
    bins = np.abs(latitudes_rad) / LATITUDE_STEP_RAD
    first, last = int(bins.min()), int(bins.max())
    edges = np.empty((last - first + 2, AZIMUTH_BINS + 1, 3))
    limits = np.empty((last - first + 1, AZIMUTH_BINS, 4), np.float32)
    cos_exclusion = math.cos(exclusion_rad)
    _fill(first, edges, limits, cos_exclusion)
    return GsoTable(first, limits, cos_exclusion)


@njit_inlined
def gso_row(table: GsoTable, latitude_rad: float) -> int:
    """Return the row of the table's limits for a latitude of either sign."""
    return int(abs(latitude_rad) / LATITUDE_STEP_RAD) - table.first_bin


@njit_inlined
def gso_verdict(limits: np.ndarray, east: float, equatorward: float, up: float) -> int:
    """Return 1 allowed, 2 in doubt or 4 excluded for a unit line of sight, without a branch.

    limits (A, 4) is the table's row for the latitude; equatorward is minus the poleward component, since
    the table is the northern sky's.
    """
    across = abs(east) + abs(equatorward) + 1e-12
    j = np.uint32((1.0 + equatorward / across) * (0.5 * AZIMUTH_BINS - 1e-6))
    allowed = (up < limits[j, 0]) | (up > limits[j, 3])
    excluded = (up > limits[j, 1]) & (up < limits[j, 2])
    return 2 - np.int64(allowed) + 2 * np.int64(excluded)


@njit
def gso_excluded(table: GsoTable, latitude_rad: float, east: float, north: float, up: float) -> bool:
    """Tell whether a unit line of sight at a latitude lies within the exclusion angle of the arc; exact."""
    poleward = north if latitude_rad >= 0.0 else -north
    verdict = gso_verdict(table.limits[gso_row(table, latitude_rad)], east, -poleward, up)
    if verdict == 2:
        return gso_cos_separation(abs(latitude_rad), east, poleward, up) > table.cos_exclusion
    return verdict == 4
