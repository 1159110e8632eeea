"""Keeping away from the geostationary arc.

A satellite may not be used where it stands within an angle of the geostationary arc as the ground point sees
it (18 degrees in SpaceX's filings; the rule itself is ITU Radio Regulations Article 22 and 47 CFR 25.289).
The exact test searches the arc for the nearest point.  Two tests in closed form spare nearly every pair the
search: seen from a ground point the arc stays within a degree or so of one declination, and the part of it on
a line of sight's own meridian is the nearest but for a hair.  What those leave in doubt the search settles,
so the answer is always the exact one.
"""

import math
from typing import NamedTuple

import numpy as np

from openleo.base.compile import njit, njit_inlined
from openleo.base.constants import GSO_RADIUS_M, WGS84_A_M, WGS84_E2

_COARSE = np.radians(np.arange(-80.0, 80.1, 8.0))
_COARSE_COS, _COARSE_SIN = np.cos(_COARSE), np.sin(_COARSE)
_COARSE_STEP = math.radians(8.0)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

# How much the nearest part of the arc may be nearer than the part on the same meridian: 0.0013 degrees of 18.
_SLACK_RAD = math.radians(0.01)
_ROUNDING_RAD = math.radians(0.001)


class GsoRule(NamedTuple):
    """An exclusion angle: its cosine, and the cosines and a sine of angles a hair smaller and greater."""

    cos_exclusion: float
    cos_inner: float
    cos_outer: float
    sin_outer: float


def gso_rule(exclusion_rad: float) -> GsoRule:
    """Return the rule that excludes what is nearer to the arc than ``exclusion_rad``."""
    outer = exclusion_rad * (1.0 + 1e-3) + _SLACK_RAD
    return GsoRule(
        cos_exclusion=math.cos(exclusion_rad),
        cos_inner=math.cos(max(exclusion_rad - _ROUNDING_RAD, 0.0)),
        cos_outer=math.cos(outer),
        sin_outer=math.sin(outer),
    )


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
    return max(best, fa, fb)


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


@njit_inlined
def gso_meridian(latitude_rad: float, px: float, pz: float) -> tuple[float, float, float]:
    """Return what `gso_verdict` needs of a point in the plane of its meridian at (px, pz): (px, pz, rise).

    rise is how much farther than the point a part of the arc must lie along px to stand above its horizon.
    """
    return px, pz, pz * math.tan(latitude_rad)


@njit_inlined
def gso_verdict(
    rule: GsoRule, meridian: tuple[float, float, float], outward: float, northward: float, range2: float
) -> int:
    """Return 0 allowed, 1 in doubt or 2 excluded for a line of sight of any length, without a branch.

    outward and northward are its components from the Earth's axis along the point's meridian and along the
    axis, range2 its squared length.  Of the arc, the part on the line's own meridian about the point is the
    nearest but for a ten-thousandth of its angle (the arc's declination changes by less than 0.012 radians in
    one of azimuth).  So in doubt is only a line of sight within that of the limit, or one for which that part
    is below the horizon.
    """
    px, pz, rise = meridian
    level2 = max(range2 - northward * northward, 1e-12 * range2)
    # The level line (outward, .) times w / level2 leads from the point to the arc.
    w = (
        math.sqrt(px * px * outward * outward + level2 * (GSO_RADIUS_M * GSO_RADIUS_M - px * px))
        - px * outward
    )
    dot = w - pz * northward
    cosine = dot * abs(dot) * level2
    one = (w * w + level2 * pz * pz) * range2
    allowed = cosine < rule.cos_outer * abs(rule.cos_outer) * one
    excluded = (cosine > rule.cos_inner * abs(rule.cos_inner) * one) & (w * outward >= level2 * rise)
    return 1 - int(allowed) + int(excluded)


@njit_inlined
def gso_sureness(
    rule: GsoRule, middle: tuple[float, float], outward: float, northward: float, range2: float,
    about: tuple[float, float],
) -> int:  # fmt: skip
    """Return 0 or 2 where all points near a point of the meridian's plane would find a satellite clear of the
    whole arc, horizon or no, or near to it; 1 where they might differ.

    outward, northward and range2 as in `gso_verdict`, from ``middle``; ``about`` is the distance from the
    middle within which the points are, divided by the range to be an angle, and the angle by which the arc
    may move.  The cosine of a sum of angles, a + b, is at least cos a - b (sin a + b), of a difference at
    most cos a + b sin a.
    """
    px, pz = middle
    reach_m, swing = about
    level2 = max(range2 - northward * northward, 1e-12 * range2)
    w = (
        math.sqrt(px * px * outward * outward + level2 * (GSO_RADIUS_M * GSO_RADIUS_M - px * px))
        - px * outward
    )
    cosine = (w - pz * northward) * math.sqrt(level2 / ((w * w + level2 * pz * pz) * range2))
    angle = reach_m / math.sqrt(range2) + swing
    allowed = cosine < rule.cos_outer - angle * (rule.sin_outer + angle)
    excluded = cosine > rule.cos_inner + angle * rule.sin_outer
    return 1 - int(allowed) + int(excluded)


@njit_inlined
def gso_place(latitude_rad: float) -> tuple[float, float, tuple[float, float, float]]:
    """Return what `gso_excluded_at` needs of a point on the WGS84 ellipsoid: the sine and cosine of its
    latitude, and its meridian."""
    sin_lat, cos_lat = math.sin(latitude_rad), math.cos(latitude_rad)
    prime = WGS84_A_M / math.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)
    return sin_lat, cos_lat, gso_meridian(latitude_rad, prime * cos_lat, prime * (1.0 - WGS84_E2) * sin_lat)


@njit_inlined
def gso_excluded_at(
    rule: GsoRule, latitude_rad: float, place: tuple[float, float, tuple[float, float, float]],
    sight: tuple[float, float, float],
) -> bool:  # fmt: skip
    """Tell whether a unit line of sight (east, north, up) at a latitude, where `gso_place` is ``place``, lies
    within the exclusion angle of the arc; exact."""
    sin_lat, cos_lat, meridian = place
    east, north, up = sight
    verdict = gso_verdict(rule, meridian, cos_lat * up - sin_lat * north, sin_lat * up + cos_lat * north, 1.0)
    if verdict == 1:
        return gso_cos_separation(latitude_rad, east, north, up) > rule.cos_exclusion
    return verdict == 2


@njit
def gso_excluded(rule: GsoRule, latitude_rad: float, east: float, north: float, up: float) -> bool:
    """Tell the same of one line of sight."""
    return gso_excluded_at(rule, latitude_rad, gso_place(latitude_rad), (east, north, up))
