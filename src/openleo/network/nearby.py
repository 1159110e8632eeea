"""Which satellites may be seen from some cell of a block: a search over caps of the sphere."""

import math

import numpy as np

from openleo.base.compile import njit_inlined
from openleo.base.constants import WGS84_B_M
from openleo.network.constraints import TILE
from openleo.network.eights import add_places, whole_eights
from openleo.network.ground import GroundPoints

_ZENITH_TILT_RAD = math.radians(0.2)  # geodetic against geocentric zenith: at most 0.193 degrees
# Rows of the table that finds a block's satellites: the direction at mid-slot and its reach.
_REACH_COS, _REACH_SIN = 3, 4


@njit_inlined
def directions(start_m: np.ndarray, end_m: np.ndarray, min_elevation_rad: float) -> np.ndarray:
    """Return for each satellite, by its places at the slot's ends (N, 3), its direction at mid-slot, and the
    cosine and sine of its reach (5, N).

    Whoever sees a satellite at both ends sees the point midway, since what is above an elevation is a cone;
    the reach of that point is taken from the lowest ground there is, and for the tilt of geodetic zeniths.
    """
    n = start_m.shape[0]
    out = np.empty((5, n))
    elevation = min_elevation_rad - _ZENITH_TILT_RAD
    for s in range(n):
        x = 0.5 * (start_m[s, 0] + end_m[s, 0])
        y = 0.5 * (start_m[s, 1] + end_m[s, 1])
        z = 0.5 * (start_m[s, 2] + end_m[s, 2])
        norm = math.sqrt(x * x + y * y + z * z)
        reach = math.acos(min(1.0, WGS84_B_M / norm * math.cos(elevation))) - elevation
        out[0, s], out[1, s], out[2, s] = x / norm, y / norm, z / norm
        out[_REACH_COS, s], out[_REACH_SIN, s] = math.cos(reach), math.sin(reach)
    return out


@njit_inlined
def gather(
    centre: np.ndarray, radius_rad: float, within: np.ndarray, count: int,
    flag: np.ndarray, kept: np.ndarray, out: np.ndarray,
) -> int:  # fmt: skip
    """Write to ``out`` which of the first ``count`` columns of ``within`` (5, N; as `directions` fills it)
    may reach some point of a cap; return how many.  ``flag``, N or more and whole eights, and ``kept``
    (TILE,) uint8 are scratch."""
    cos_radius, sin_radius = math.cos(radius_rad), math.sin(radius_rad)
    wide = radius_rad > 0.5 * math.pi  # reaching about the globe: the cosine of a sum beyond pi rises again
    x, y, z = centre[0], centre[1], centre[2]
    for i in range(count):
        cosine = x * within[0, i] + y * within[1, i] + z * within[2, i]
        in_reach = cosine >= within[_REACH_COS, i] * cos_radius - within[_REACH_SIN, i] * sin_radius
        flag[i] = wide | in_reach
    flag[count : whole_eights(count)] = 0
    words = flag.view(np.uint64)
    found, end = 0, whole_eights(count) // 8
    for first in range(0, end, TILE // 8):
        here = 0
        for j in range(first, min(first + TILE // 8, end)):
            if words[j] != 0:
                here = add_places(words[j], 8 * (j - first), kept, here)
        for k in range(here):
            out[found + k] = 8 * first + np.int32(kept[k])
        found += here
    return found


@njit_inlined
def group_radius_rad(ground: GroundPoints, first: int, end: int) -> float:
    """Return the radius about the first block's centre of the cap that holds blocks ``first`` to ``end``."""
    radius = 0.0
    for b in range(first, end):
        cosine = 0.0
        for k in range(3):
            cosine += ground.block_centre[first, k] * ground.block_centre[b, k]
        radius = max(radius, math.acos(min(1.0, cosine)) + ground.block_radius_rad[b])
    return radius
