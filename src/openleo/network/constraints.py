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
from openleo.network.gso import GsoRule, gso_clear_bands, gso_excluded, gso_meridian, gso_verdict

# Rows of scratch arrays.  A row is TILE long, a constant, so that the compiler sees that rows do not overlap
# and makes loops over them vector code; it is no power of two, so that rows do not compete for cache lines.
TILE = 200
STACK_TABLE = 9 * TILE * 8
STACK_ROW = TILE * 8
X0, Y0, Z0, X1, Y1, Z1, INVERSE_HEIGHT2, BONUS = range(8)  # of a satellite; the first six also of a sight
D0, DM, D1 = 6, 7, 8  # of a sight: squared ranges at start, middle and end
ELEVATED, CLEAR, VIEW = range(3)  # of flags


class Work(NamedTuple):
    """Scratch of one thread for at most TILE satellites near a block, and one cell of the block.

    near (8, TILE) what is known of each; which and key (TILE,) its index and hash key; sight (9, TILE) lines
    of sight from the cell; flag (3, TILE) constraints; cones (8, 3) fields of view; kept (TILE,) places of
    those picked, verdict and value (TILE,) what is known of the picked.
    """

    near: NDArray[np.float64]
    sight: NDArray[np.float64]
    value: NDArray[np.float64]
    cones: NDArray[np.float64]
    which: NDArray[np.int32]
    key: NDArray[np.int32]
    kept: NDArray[np.int32]
    verdict: NDArray[np.int32]
    flag: NDArray[np.uint8]


@njit_inlined
def look(ground: GroundPoints, min_elevation_rad: float, c: int, n: int, work: Work) -> None:
    """Fill the lines of sight from a cell, not of unit length, and who is above the minimum elevation."""
    sin_min = math.sin(min_elevation_rad)
    sin2_min = sin_min * sin_min
    near, sight, flag = work.near, work.sight, work.flag
    px, py, pz = ground.point_m[c, 0], ground.point_m[c, 1], ground.point_m[c, 2]
    ux, uy, uz = ground.up[c, 0], ground.up[c, 1], ground.up[c, 2]
    for i in range(n):
        x0, y0, z0 = near[X0, i] - px, near[Y0, i] - py, near[Z0, i] - pz
        x1, y1, z1 = near[X1, i] - px, near[Y1, i] - py, near[Z1, i] - pz
        x, y, z = 0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)
        d0 = x0 * x0 + y0 * y0 + z0 * z0
        d1 = x1 * x1 + y1 * y1 + z1 * z1
        u0 = x0 * ux + y0 * uy + z0 * uz
        u1 = x1 * ux + y1 * uy + z1 * uz
        sight[X0, i], sight[Y0, i], sight[Z0, i] = x0, y0, z0
        sight[X1, i], sight[Y1, i], sight[Z1, i] = x1, y1, z1
        sight[D0, i], sight[DM, i], sight[D1, i] = d0, x * x + y * y + z * z, d1
        flag[ELEVATED, i] = (u0 > 0.0) & (u1 > 0.0) & (u0 * u0 >= sin2_min * d0) & (u1 * u1 >= sin2_min * d1)


@njit
def _excluded(ground: GroundPoints, gso: GsoRule, c: int, i: int, sight: np.ndarray) -> bool:
    """Tell whether a satellite is within the exclusion at the slot's start, middle or end; exact."""
    for k in range(3):
        w = 0.5 * k
        x = sight[X0, i] + w * (sight[X1, i] - sight[X0, i])
        y = sight[Y0, i] + w * (sight[Y1, i] - sight[Y0, i])
        z = sight[Z0, i] + w * (sight[Z1, i] - sight[Z0, i])
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

    Declination alone clears most; the rest are looked at more closely, and exactly where that leaves a doubt.
    """
    sight, flag, kept = work.sight, work.flag, work.kept
    point = ground.point_m
    px = max(math.sqrt(point[c, 0] * point[c, 0] + point[c, 1] * point[c, 1]), 1e-6)
    pz = point[c, 2]
    low, high = gso_clear_bands(gso, px, pz)
    for i in range(n):
        z0, z1 = sight[Z0, i], sight[Z1, i]
        zm = 0.5 * (z0 + z1)
        d0, dm, d1 = sight[D0, i], sight[DM, i], sight[D1, i]
        q0, qm, q1 = z0 * abs(z0), zm * abs(zm), z1 * abs(z1)
        clear = ((q0 < low * d0) | (q0 > high * d0)) & ((qm < low * dm) | (qm > high * dm))
        flag[CLEAR, i] = clear & ((q1 < low * d1) | (q1 > high * d1))
    near_arc = 0
    for i in range(n):
        kept[near_arc] = i
        near_arc += int(flag[ELEVATED, i] > flag[CLEAR, i])
    meridian = gso_meridian(ground.latitude_rad[c], px, pz)
    ax, ay = point[c, 0] / px, point[c, 1] / px
    for k in range(near_arc):
        i = kept[k]
        out0 = ax * sight[X0, i] + ay * sight[Y0, i]
        out1 = ax * sight[X1, i] + ay * sight[Y1, i]
        z0, z1 = sight[Z0, i], sight[Z1, i]
        work.verdict[k] = max(
            gso_verdict(gso, meridian, out0, z0, sight[D0, i]),
            gso_verdict(gso, meridian, 0.5 * (out0 + out1), 0.5 * (z0 + z1), sight[DM, i]),
            gso_verdict(gso, meridian, out1, z1, sight[D1, i]),
        )
    for k in range(near_arc):
        i, verdict = kept[k], work.verdict[k]
        if verdict == 1:
            verdict = 2 * _excluded(ground, gso, c, i, sight)
        flag[CLEAR, i] = verdict == 0


@njit_inlined
def keep_in_view(ground: GroundPoints, c: int, n: int, cone_count: int, work: Work) -> None:
    """Tell which satellites are inside every one of the cones (poleward, up, cosine) of a cell.

    Positions between the ends are means of them and a cone is convex: the ends answer for the middle.
    """
    sight, flag, cones = work.sight, work.flag, work.cones
    sign = 1.0 if ground.latitude_rad[c] >= 0.0 else -1.0
    for i in range(n):
        flag[VIEW, i] = 1
    for k in range(cone_count):
        a, b, cosine = sign * cones[k, 0], cones[k, 1], cones[k, 2]
        ax = a * ground.north[c, 0] + b * ground.up[c, 0]
        ay = a * ground.north[c, 1] + b * ground.up[c, 1]
        az = a * ground.north[c, 2] + b * ground.up[c, 2]
        limit = cosine * abs(cosine)
        for i in range(n):
            t0 = ax * sight[X0, i] + ay * sight[Y0, i] + az * sight[Z0, i]
            t1 = ax * sight[X1, i] + ay * sight[Y1, i] + az * sight[Z1, i]
            inside = (t0 * abs(t0) >= limit * sight[D0, i]) & (t1 * abs(t1) >= limit * sight[D1, i])
            flag[VIEW, i] &= np.uint8(inside)
