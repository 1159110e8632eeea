"""Constraints that all cells of a block answer alike.

Cells of a block are some ten kilometres from its middle, satellites hundreds: their lines of sight to one
satellite lie within an angle of each other.  What passes a constraint from the middle by more than that, or
fails it by more, does so from each cell; only the others have to be asked about cell by cell.
"""

import math

import numpy as np

from openleo.base.compile import njit_inlined
from openleo.base.constants import GSO_RADIUS_M
from openleo.network.constraints import (
    CLEAR,
    ELEVATED,
    PLACE,
    VIEW,
    X0,
    X1,
    Y0,
    Y1,
    Z0,
    Z1,
    Work,
    cones_of_cell,
)
from openleo.network.eights import add_places, whole_eights
from openleo.network.ground import GroundPoints
from openleo.network.gso import GsoRule, gso_sureness

# Seen from the ends of a step of r, a place at a distance d from one end, more than r, turns by at most
# asin(r / d).  Where d is more than four times r that, and the chord of it, is less than 1.02 r / d; what is
# nearer is always in doubt.
_NEAREST = 4.0
_WIDER = 1.02
_ROUNDING_M = 10.0


@njit_inlined
def _mean_and_spread(rows: np.ndarray, first: int, end: int) -> tuple[float, float, float, float]:
    """Return the mean of rows ``first`` to ``end`` of vectors (C, 3), and how far the farthest is from it."""
    x = y = z = 0.0
    for c in range(first, end):
        x, y, z = x + rows[c, 0], y + rows[c, 1], z + rows[c, 2]
    share = 1.0 / (end - first)
    x, y, z = x * share, y * share, z * share
    spread2 = 0.0
    for c in range(first, end):
        spread2 = max(spread2, (rows[c, 0] - x) ** 2 + (rows[c, 1] - y) ** 2 + (rows[c, 2] - z) ** 2)
    return x, y, z, math.sqrt(spread2)


@njit_inlined
def _tell_cone(
    work: Work, n: int, constraint: int, middle: tuple[float, float, float, float],
    axis: tuple[float, float, float, float], cosine: float,
) -> None:  # fmt: skip
    """Narrow down who is in a cone, from ``middle`` (point and spread) about ``axis`` (vector and spread).

    The flag of a constraint becomes 0 where some cell may see the satellite outside, its doubt 1 where others
    may see it inside, at both ends of the slot.
    """
    near, flag, doubt = work.near, work.flag, work.doubt
    px, py, pz, spread_m = middle
    ax, ay, az, turn = axis
    reach_m, nearest_m = _WIDER * spread_m + _ROUNDING_M, _NEAREST * spread_m
    for i in range(whole_eights(n)):
        x0, y0, z0 = near[X0, i] - px, near[Y0, i] - py, near[Z0, i] - pz
        x1, y1, z1 = near[X1, i] - px, near[Y1, i] - py, near[Z1, i] - pz
        d0 = math.sqrt(x0 * x0 + y0 * y0 + z0 * z0)
        d1 = math.sqrt(x1 * x1 + y1 * y1 + z1 * z1)
        t0 = ax * x0 + ay * y0 + az * z0 - cosine * d0
        t1 = ax * x1 + ay * y1 + az * z1 - cosine * d1
        close = (d0 < nearest_m) | (d1 < nearest_m)
        inside = (t0 > reach_m + turn * d0) & (t1 > reach_m + turn * d1) & (not close)
        maybe = ((t0 >= -reach_m - turn * d0) & (t1 >= -reach_m - turn * d1)) | close
        was = (flag[constraint, i] | doubt[constraint, i]) != 0
        flag[constraint, i] &= np.uint8(inside)
        doubt[constraint, i] = was & maybe & (flag[constraint, i] == 0)


@njit_inlined
def _tell_gso(
    work: Work, n: int, middle: tuple[float, float, float, float], gso: GsoRule, settles: bool
) -> None:
    """Tell who is clear of the geostationary arc from all cells of a block, and who is in doubt.

    ``settles``: whether a satellite near the arc is excluded by it even where the arc is not visible there.
    """
    near = work.near
    px, py, pz, spread_m = middle
    axis = max(math.sqrt(px * px + py * py), 1e-6)
    ax, ay = px / axis, py / axis
    reach_m, nearest_m = _WIDER * spread_m + _ROUNDING_M, _NEAREST * spread_m
    swing = reach_m / (GSO_RADIUS_M - 1e7)  # of the arc as the cells see it
    for i in range(whole_eights(n)):
        x0, y0, z0 = near[X0, i] - px, near[Y0, i] - py, near[Z0, i] - pz
        x1, y1, z1 = near[X1, i] - px, near[Y1, i] - py, near[Z1, i] - pz
        x, y, z = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
        d0, d, d1 = x0 * x0 + y0 * y0 + z0 * z0, x * x + y * y + z * z, x1 * x1 + y1 * y1 + z1 * z1
        sure = max(
            gso_sureness(gso, (axis, pz), ax * x0 + ay * y0, z0, d0, (reach_m, swing)),
            gso_sureness(gso, (axis, pz), ax * x + ay * y, z, d, (reach_m, swing)),
            gso_sureness(gso, (axis, pz), ax * x1 + ay * y1, z1, d1, (reach_m, swing)),
        )
        close = min(d0, d, d1) < nearest_m * nearest_m
        work.flag[CLEAR, i] = (sure == 0) & (not close)
        work.doubt[CLEAR, i] = (sure == 1) | close | ((sure == 2) & (not settles))


@njit_inlined
def _pack_doubtful(work: Work, n: int) -> None:
    """List the doubtful of each constraint and where they are, less those that another constraint leaves out
    for all cells."""
    words, doubt = work.words, work.doubt_words
    work.doubts[:] = 0
    for j in range(whole_eights(n) // 8):
        maybe = np.uint64(0xFFFFFFFFFFFFFFFF)
        for constraint in range(3):
            doubt[constraint, j] &= maybe
            maybe &= words[constraint, j] | doubt[constraint, j]
            work.doubts[constraint] = add_places(
                doubt[constraint, j], 8 * j, work.doubtful[constraint], work.doubts[constraint]
            )
    for constraint in range(3):
        for r in range(PLACE):
            for k in range(work.doubts[constraint]):
                work.unsure[PLACE * constraint + r, k] = work.near[r, work.doubtful[constraint, k]]


@njit_inlined
def be_sure(
    ground: GroundPoints, cells: tuple[int, int], sin_min: float, gso: GsoRule, tilts: np.ndarray, n: int,
    work: Work,
) -> None:  # fmt: skip
    """Fill the flags that all of a block's ``cells``, from the first to the end, answer alike for ``n``
    satellites, and list the doubtful of each constraint, whose flags every cell must set."""
    first, end = cells
    middle = _mean_and_spread(ground.point_m, first, end)
    for i in range(whole_eights(n)):
        work.flag[ELEVATED, i], work.doubt[ELEVATED, i] = 1, 0
        work.flag[VIEW, i], work.doubt[VIEW, i] = 1, 0
    zenith = _mean_and_spread(ground.up, first, end)
    _tell_cone(work, n, ELEVATED, middle, zenith, sin_min)
    # Of the arc a part within the exclusion of a satellite that is higher than that stands above the horizon.
    _tell_gso(work, n, middle, gso, sin_min * sin_min + gso.cos_exclusion * gso.cos_exclusion > 1.0 + 1e-9)
    cones = work.cones
    alike = True
    for c in range(first, end):
        alike &= ground.kinds[c] == ground.kinds[first]
    if not alike:
        for i in range(whole_eights(n)):
            work.flag[VIEW, i], work.doubt[VIEW, i] = 0, 1
    for k in range(cones_of_cell(ground, first, tilts, cones) if alike else 0):
        ax, ay, az, cosine = cones[k, 0], cones[k, 1], cones[k, 2], cones[k, 3]
        turn2 = 0.0
        for c in range(first + 1, end):
            cones_of_cell(ground, c, tilts, cones)
            turn2 = max(turn2, (cones[k, 0] - ax) ** 2 + (cones[k, 1] - ay) ** 2 + (cones[k, 2] - az) ** 2)
        cones_of_cell(ground, first, tilts, cones)
        _tell_cone(work, n, VIEW, middle, (ax, ay, az, math.sqrt(turn2)), cosine)
    _pack_doubtful(work, n)
