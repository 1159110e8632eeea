"""The constraints between a ground point and the satellites near it, kernels for all of these at once.

Of most satellites near a block of cells the answer is the same for all its cells (`sureness`); each cell asks
only about the others, the doubtful.  A constraint is a loop over rows of scratch, so that it becomes vector
code; it sets a flag for each satellite and leaves none out.  Cones are tested on squares, which spares the
lines of sight their square roots.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit, njit_inlined
from openleo.network.eights import whole_eights
from openleo.network.ground import MAX_KINDS, GroundPoints
from openleo.network.gso import GsoRule, gso_excluded, gso_verdict

# Rows of scratch arrays.  A row is TILE long, a constant, so that the compiler sees that rows do not overlap
# and makes loops over them vector code; it is no power of two, so that rows do not compete for cache lines.
# Loops run over whole eights, the width of a vector: what is left over would be done one by one.
TILE = 200
STACK_TABLE = 8 * TILE * 8
STACK_ROW = TILE * 8
STACK_PLACES = 18 * STACK_ROW
X0, Y0, Z0, X1, Y1, Z1, INVERSE_HEIGHT2, BONUS = range(8)  # of a satellite
ELEVATED, CLEAR, VIEW, ROUTED = range(4)  # of flags; the first three may be in doubt
PLACE = 6  # rows of a doubtful satellite's place: those of one constraint follow those of another


class Work(NamedTuple):
    """Scratch of one thread for at most TILE satellites near a block, and one cell of the block.

    near (8, TILE) what is known of each; which and key (TILE,) its index and hash key; flag (4, TILE) uint8
    0 or 1, constraints, and words the same memory as uint64; doubt (3, TILE) uint8 and doubt_words flags of
    those of whom a constraint is to be asked for each cell, doubtful (3, TILE) uint8 their places, doubts
    (3,) how many, unsure (18, TILE) where they are; kept (TILE,) uint8 places of those picked; packed
    (8, TILE), value, stored (the value in single precision) and rank (TILE,) what is known of the picked, in
    their order; verdict (TILE,) of a constraint; cones (8, 4) axes and cosines.
    """

    near: NDArray[np.float64]
    unsure: NDArray[np.float64]
    packed: NDArray[np.float64]
    value: NDArray[np.float64]
    stored: NDArray[np.float64]
    cones: NDArray[np.float64]
    which: NDArray[np.int32]
    key: NDArray[np.int32]
    verdict: NDArray[np.int32]
    rank: NDArray[np.int64]
    kept: NDArray[np.uint8]
    flag: NDArray[np.uint8]
    words: NDArray[np.uint64]
    doubt: NDArray[np.uint8]
    doubt_words: NDArray[np.uint64]
    doubtful: NDArray[np.uint8]
    doubts: NDArray[np.int64]


@njit_inlined
def elevate(ground: GroundPoints, sin_min: float, c: int, work: Work) -> None:
    """Tell of the doubtful who is above a cell's minimum elevation at the slot's start and end."""
    sin2_min = sin_min * sin_min
    rows, flag, count = work.unsure, work.flag, work.doubts[ELEVATED]
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    ux, uy, uz = ground.up[c, 0], ground.up[c, 1], ground.up[c, 2]
    for k in range(whole_eights(count)):
        x0, y0, z0 = rows[X0, k] - px, rows[Y0, k] - py, rows[Z0, k] - pz
        x1, y1, z1 = rows[X1, k] - px, rows[Y1, k] - py, rows[Z1, k] - pz
        d0 = x0 * x0 + y0 * y0 + z0 * z0
        d1 = x1 * x1 + y1 * y1 + z1 * z1
        u0 = x0 * ux + y0 * uy + z0 * uz
        u1 = x1 * ux + y1 * uy + z1 * uz
        above = (u0 > 0.0) & (u1 > 0.0) & (u0 * u0 >= sin2_min * d0) & (u1 * u1 >= sin2_min * d1)
        work.verdict[k] = above
    for k in range(count):
        flag[ELEVATED, work.doubtful[ELEVATED, k]] = work.verdict[k]


@njit
def _excluded(ground: GroundPoints, gso: GsoRule, c: int, i: int, near: np.ndarray) -> bool:
    """Tell whether a satellite is within the exclusion at the slot's start, middle or end; exact."""
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    x0, y0, z0 = near[X0, i] - px, near[Y0, i] - py, near[Z0, i] - pz
    x1, y1, z1 = near[X1, i] - px, near[Y1, i] - py, near[Z1, i] - pz
    for k in range(3):
        w = 0.5 * k
        x, y, z = x0 + w * (x1 - x0), y0 + w * (y1 - y0), z0 + w * (z1 - z0)
        r = 1.0 / math.sqrt(x * x + y * y + z * z)
        if gso_excluded(
            gso,
            ground.latitude_rad[c],
            (x * ground.east[c, 0] + y * ground.east[c, 1] + z * ground.east[c, 2]) * r,
            (x * ground.north[c, 0] + y * ground.north[c, 1] + z * ground.north[c, 2]) * r,
            (x * ground.up[c, 0] + y * ground.up[c, 1] + z * ground.up[c, 2]) * r,
        ):
            return True
    return False


@njit_inlined
def keep_from_gso(ground: GroundPoints, gso: GsoRule, c: int, work: Work) -> None:
    """Tell of the doubtful who is outside the exclusion at the slot's start, middle and end; exact."""
    rows, flag, count = work.unsure, work.flag, work.doubts[CLEAR]
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    axis = max(math.sqrt(px * px + py * py), 1e-6)
    ax, ay = px / axis, py / axis
    meridian = axis, pz, pz * (ground.up[c, 2] / ground.north[c, 2])  # as `gso_meridian`
    first = PLACE * CLEAR
    for k in range(whole_eights(count)):
        x0, y0, z0 = rows[first + X0, k] - px, rows[first + Y0, k] - py, rows[first + Z0, k] - pz
        x1, y1, z1 = rows[first + X1, k] - px, rows[first + Y1, k] - py, rows[first + Z1, k] - pz
        x, y, z = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
        work.verdict[k] = max(
            gso_verdict(gso, meridian, ax * x0 + ay * y0, z0, x0 * x0 + y0 * y0 + z0 * z0),
            gso_verdict(gso, meridian, ax * x + ay * y, z, x * x + y * y + z * z),
            gso_verdict(gso, meridian, ax * x1 + ay * y1, z1, x1 * x1 + y1 * y1 + z1 * z1),
        )
    for k in range(count):
        i, verdict = work.doubtful[CLEAR, k], work.verdict[k]
        if verdict == 1 and flag[ELEVATED, i] != 0:
            verdict = 2 * _excluded(ground, gso, c, i, work.near)
        flag[CLEAR, i] = verdict == 0


@njit_inlined
def cones_of_cell(ground: GroundPoints, c: int, tilts: np.ndarray, cones: np.ndarray) -> int:
    """Fill ``cones`` (8, 3) with axes and cosines of a cell's fields of view; return how many it has.

    tilts (8, 4) are each kind's tilt, its sine and cosine, and the cosine of half the cone.  A kind tilts
    toward the nearer pole by its tilt, or by the latitude where that is less.
    """
    count, kinds = 0, ground.kinds[c]
    latitude_rad = ground.latitude_rad[c]
    sign = 1.0 if latitude_rad >= 0.0 else -1.0
    for kind in range(MAX_KINDS):
        if kinds >> kind & 1:
            level = tilts[kind, 0] > abs(latitude_rad)
            a = ground.up[c, 2] if level else sign * tilts[kind, 1]
            b = ground.north[c, 2] if level else tilts[kind, 2]
            for k in range(3):
                cones[count, k] = a * ground.north[c, k] + b * ground.up[c, k]
            cones[count, 3] = tilts[kind, 3]
            count += 1
    return count


@njit_inlined
def keep_in_view(ground: GroundPoints, c: int, tilts: np.ndarray, work: Work) -> None:
    """Tell of the doubtful who is inside every one of a cell's cones.

    Positions between the ends are means of them and a cone is convex: the ends answer for the middle.
    """
    rows, cones, verdict, count = work.unsure, work.cones, work.verdict, work.doubts[VIEW]
    if count == 0:
        return
    cone_count = cones_of_cell(ground, c, tilts, cones)
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    first = PLACE * VIEW
    for i in range(whole_eights(count)):
        verdict[i] = 1
    for k in range(cone_count):
        ax, ay, az, limit = cones[k, 0], cones[k, 1], cones[k, 2], cones[k, 3] * abs(cones[k, 3])
        for i in range(whole_eights(count)):
            x0, y0, z0 = rows[first + X0, i] - px, rows[first + Y0, i] - py, rows[first + Z0, i] - pz
            x1, y1, z1 = rows[first + X1, i] - px, rows[first + Y1, i] - py, rows[first + Z1, i] - pz
            t0, t1 = ax * x0 + ay * y0 + az * z0, ax * x1 + ay * y1 + az * z1
            inside = t0 * abs(t0) >= limit * (x0 * x0 + y0 * y0 + z0 * z0)
            inside &= t1 * abs(t1) >= limit * (x1 * x1 + y1 * y1 + z1 * z1)
            verdict[i] &= int(inside)
    for i in range(count):
        work.flag[VIEW, work.doubtful[VIEW, i]] = verdict[i]
