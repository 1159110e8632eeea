"""The constraints between a ground point and the satellites near it, kernels for all of these at once.

A constraint is a loop over rows of scratch, so that it becomes vector code; it sets a flag for each satellite
and leaves none out.  Cones are tested on squares, which spares the lines of sight their square roots.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit, njit_inlined
from openleo.network.ground import GroundPoints
from openleo.network.gso import GsoRule, gso_excluded, gso_meridian, gso_verdict

# Rows of scratch arrays.  A row is TILE long, a constant, so that the compiler sees that rows do not overlap
# and makes loops over them vector code; it is no power of two, so that rows do not compete for cache lines.
# Loops run over whole eights, the width of a vector: what is left over would be done one by one.
TILE = 200
STACK_TABLE = 8 * TILE * 8
STACK_ROW = TILE * 8
X0, Y0, Z0, X1, Y1, Z1, INVERSE_HEIGHT2, BONUS = range(8)  # of a satellite
D0, DM, D1 = range(3)  # of a sight: squared ranges at start, middle and end
OUT0, NORTH0, OUT1, NORTH1, RANGE0, RANGEM, RANGE1 = range(7)  # of a sight near the arc, packed
ELEVATED, CLEAR, VIEW = range(3)  # of flags


class Work(NamedTuple):
    """Scratch of one thread for at most TILE satellites near a block, and one cell of the block.

    near (8, TILE) what is known of each; which and key (TILE,) its index and hash key; range2 (3, TILE)
    squared ranges from the cell; flag (3, TILE) constraints; cones (8, 3) fields of view; kept (TILE,) places
    of those picked; packed (8, TILE), verdict, value, stored (the value in single precision) and rank (TILE,)
    what is known of the picked, in their order.
    """

    near: NDArray[np.float64]
    range2: NDArray[np.float64]
    packed: NDArray[np.float64]
    value: NDArray[np.float64]
    stored: NDArray[np.float64]
    cones: NDArray[np.float64]
    which: NDArray[np.int32]
    key: NDArray[np.int32]
    kept: NDArray[np.int32]
    verdict: NDArray[np.int32]
    rank: NDArray[np.int64]
    flag: NDArray[np.uint8]


@njit_inlined
def whole_eights(n: int) -> int:
    """Return the least multiple of eight that is not less than ``n``."""
    return (n + 7) & -8


@njit_inlined
def look(
    ground: GroundPoints, sin_min: float, bands: tuple[float, float], c: int, n: int, work: Work
) -> None:
    """Fill the squared ranges from a cell, who is above the minimum elevation, and who is clear of the
    geostationary arc by declination alone (``bands`` as `gso_clear_bands` gives them)."""
    sin2_min = sin_min * sin_min
    low, high = bands
    near, range2, flag = work.near, work.range2, work.flag
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    ux, uy, uz = ground.up[c, 0], ground.up[c, 1], ground.up[c, 2]
    for i in range(whole_eights(n)):
        x0, y0, z0 = near[X0, i] - px, near[Y0, i] - py, near[Z0, i] - pz
        x1, y1, z1 = near[X1, i] - px, near[Y1, i] - py, near[Z1, i] - pz
        x, y, z = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
        d0 = x0 * x0 + y0 * y0 + z0 * z0
        dm = x * x + y * y + z * z
        d1 = x1 * x1 + y1 * y1 + z1 * z1
        u0 = x0 * ux + y0 * uy + z0 * uz
        u1 = x1 * ux + y1 * uy + z1 * uz
        range2[D0, i], range2[DM, i], range2[D1, i] = d0, dm, d1
        flag[ELEVATED, i] = (u0 > 0.0) & (u1 > 0.0) & (u0 * u0 >= sin2_min * d0) & (u1 * u1 >= sin2_min * d1)
        q0, qm, q1 = z0 * abs(z0), z * abs(z), z1 * abs(z1)
        clear = ((q0 < low * d0) | (q0 > high * d0)) & ((qm < low * dm) | (qm > high * dm))
        flag[CLEAR, i] = clear & ((q1 < low * d1) | (q1 > high * d1))


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
def keep_from_gso(ground: GroundPoints, gso: GsoRule, c: int, n: int, work: Work) -> None:
    """Tell which satellites are outside the exclusion at the slot's start, middle and end.

    Those that `look` left near the arc are looked at more closely, and exactly where that leaves a doubt.
    """
    near, range2, flag, kept, packed = work.near, work.range2, work.flag, work.kept, work.packed
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    axis = max(math.sqrt(px * px + py * py), 1e-6)
    ax, ay = px / axis, py / axis
    near_arc = 0
    for i in range(n):
        kept[near_arc] = i
        near_arc += int(flag[ELEVATED, i] > flag[CLEAR, i])
    filled = 0
    for k in range(near_arc):
        i = kept[k]
        packed[OUT0, filled] = ax * (near[X0, i] - px) + ay * (near[Y0, i] - py)
        packed[OUT1, filled] = ax * (near[X1, i] - px) + ay * (near[Y1, i] - py)
        packed[NORTH0, filled], packed[NORTH1, filled] = near[Z0, i] - pz, near[Z1, i] - pz
        for r in range(3):
            packed[RANGE0 + r, filled] = range2[r, i]
        # Always one, but the compiler cannot know: it would load eight scattered places at once, slowly.
        filled += int(flag[CLEAR, i] == 0)
    meridian = gso_meridian(ground.latitude_rad[c], axis, pz)
    for k in range(whole_eights(near_arc)):
        out0, out1 = packed[OUT0, k], packed[OUT1, k]
        z0, z1 = packed[NORTH0, k], packed[NORTH1, k]
        work.verdict[k] = max(
            gso_verdict(gso, meridian, out0, z0, packed[RANGE0, k]),
            gso_verdict(gso, meridian, 0.5 * (out0 + out1), 0.5 * (z0 + z1), packed[RANGEM, k]),
            gso_verdict(gso, meridian, out1, z1, packed[RANGE1, k]),
        )
    for k in range(near_arc):
        i, verdict = kept[k], work.verdict[k]
        if verdict == 1:
            verdict = 2 * _excluded(ground, gso, c, i, near)
        flag[CLEAR, i] = verdict == 0


@njit_inlined
def keep_in_view(ground: GroundPoints, c: int, n: int, cone_count: int, work: Work) -> None:
    """Tell which satellites are inside every one of the cones (poleward, up, cosine) of a cell.

    Positions between the ends are means of them and a cone is convex: the ends answer for the middle.
    """
    near, range2, flag, cones = work.near, work.range2, work.flag, work.cones
    sign = 1.0 if ground.latitude_rad[c] >= 0.0 else -1.0
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    for i in range(whole_eights(n)):
        flag[VIEW, i] = 1
    for k in range(cone_count):
        a, b, cosine = sign * cones[k, 0], cones[k, 1], cones[k, 2]
        ax = a * ground.north[c, 0] + b * ground.up[c, 0]
        ay = a * ground.north[c, 1] + b * ground.up[c, 1]
        az = a * ground.north[c, 2] + b * ground.up[c, 2]
        limit = cosine * abs(cosine)
        for i in range(whole_eights(n)):
            t0 = ax * (near[X0, i] - px) + ay * (near[Y0, i] - py) + az * (near[Z0, i] - pz)
            t1 = ax * (near[X1, i] - px) + ay * (near[Y1, i] - py) + az * (near[Z1, i] - pz)
            inside = (t0 * abs(t0) >= limit * range2[D0, i]) & (t1 * abs(t1) >= limit * range2[D1, i])
            flag[VIEW, i] &= np.uint8(inside)
