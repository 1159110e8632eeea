"""The ground footprint of a beam and whether two footprints overlap.

The -3 dB contour of a beam of half-width w meets the ground, to first order, in an ellipse about the cell's
centre: semi-minor axis range * tan(w), semi-major axis that divided by the sine of the elevation, the long
axis along the satellite's azimuth.  Nco = 1 asks that co-frequency footprints at one time be disjoint.
"""

import math

import numpy as np

from openleo.network.ground import GroundPoints
from openleo.network.kernels import helper_inlined

MARGIN = 1.01  # footprints are inflated by 1 % before they are compared


@helper_inlined
def footprint(
    point_m: np.ndarray, east: np.ndarray, north: np.ndarray, up: np.ndarray,
    start_m: np.ndarray, end_m: np.ndarray, tan_half_width: float, out: np.ndarray,
) -> None:  # fmt: skip
    """Fill out (4,) float32: semi-major and semi-minor axis in metres, and the long axis as (east, north).

    The satellite stands at the mean of its positions at the slot's ends.
    """
    x = 0.5 * (start_m[0] + end_m[0]) - point_m[0]
    y = 0.5 * (start_m[1] + end_m[1]) - point_m[1]
    z = 0.5 * (start_m[2] + end_m[2]) - point_m[2]
    range_m = math.sqrt(x * x + y * y + z * z)
    sine = (x * up[0] + y * up[1] + z * up[2]) / range_m
    e = x * east[0] + y * east[1] + z * east[2]
    n = x * north[0] + y * north[1] + z * north[2]
    flat = math.sqrt(e * e + n * n)
    minor = range_m * tan_half_width
    out[0], out[1] = minor / sine, minor
    out[2], out[3] = (e / flat, n / flat) if flat > 1.0 else (1.0, 0.0)


def footprint_reference(
    point_m: np.ndarray, up: np.ndarray, start_m: np.ndarray, end_m: np.ndarray, half_width_rad: float
) -> tuple[float, float]:
    """Return the semi-axes along and across the satellite's azimuth by cutting the cone with flat ground.

    The far and near edges are not as far from the centre; to first order in the half width both are the mean.
    """
    sight = 0.5 * (start_m + end_m) - point_m
    range_m = float(np.linalg.norm(sight))
    elevation = math.asin(float(sight @ up) / range_m)
    far = range_m * math.sin(half_width_rad) / math.sin(elevation - half_width_rad)
    near = range_m * math.sin(half_width_rad) / math.sin(elevation + half_width_rad)
    return 0.5 * (far + near), range_m * math.tan(half_width_rad)


@helper_inlined
def _shape(major_m: float, minor_m: float, east: float, north: float) -> tuple[float, float, float]:
    """Return the symmetric 2x2 matrix S with support function sqrt(n.S n), as (ee, en, nn)."""
    minor2 = minor_m * minor_m
    stretch = major_m * major_m - minor2
    return minor2 + stretch * east * east, stretch * east * north, minor2 + stretch * north * north


@helper_inlined
def disjoint(first: np.ndarray, second: np.ndarray, east_m: float, north_m: float) -> bool:
    """Tell whether two ellipses (4,), the second's centre offset by (east_m, north_m), are disjoint.

    They are if some direction separates them: n.d > h1(n) + h2(n) for the support functions h.  The best
    direction is a fixed point of n <- (S1 / h1 + S2 / h2)^-1 d; four steps find it.  A wrong answer can only
    be "they overlap".
    """
    distance = math.sqrt(east_m * east_m + north_m * north_m)
    if distance > MARGIN * (first[0] + second[0]):
        return True
    if distance <= MARGIN * (first[1] + second[1]):
        return False
    a_ee, a_en, a_nn = _shape(float(first[0]), float(first[1]), float(first[2]), float(first[3]))
    b_ee, b_en, b_nn = _shape(float(second[0]), float(second[1]), float(second[2]), float(second[3]))
    e, n = east_m / distance, north_m / distance
    for _ in range(4):
        h1 = math.sqrt(a_ee * e * e + 2.0 * a_en * e * n + a_nn * n * n)
        h2 = math.sqrt(b_ee * e * e + 2.0 * b_en * e * n + b_nn * n * n)
        if e * east_m + n * north_m > MARGIN * (h1 + h2):
            return True
        ee, en, nn = a_ee / h1 + b_ee / h2, a_en / h1 + b_en / h2, a_nn / h1 + b_nn / h2
        det = ee * nn - en * en
        e, n = (nn * east_m - en * north_m) / det, (ee * north_m - en * east_m) / det
        norm = math.sqrt(e * e + n * n)
        e, n = e / norm, n / norm
    h1 = math.sqrt(a_ee * e * e + 2.0 * a_en * e * n + a_nn * n * n)
    h2 = math.sqrt(b_ee * e * e + 2.0 * b_en * e * n + b_nn * n * n)
    return e * east_m + n * north_m > MARGIN * (h1 + h2)


@helper_inlined
def apart(
    c: int, own: np.ndarray, n: int, other: np.ndarray, ground: GroundPoints, turned: np.ndarray
) -> bool:
    """Tell whether the footprint ``own`` at cell ``c`` and ``other`` at cell ``n`` are disjoint.

    The other's axis is seen in the frame of ``c``: near the poles north turns from cell to cell.  turned (4,)
    is scratch.
    """
    east_m = north_m = 0.0
    east = north = 0.0
    for k in range(3):
        d = ground.point_m[n, k] - ground.point_m[c, k]
        axis = other[2] * ground.east[n, k] + other[3] * ground.north[n, k]
        east_m += d * ground.east[c, k]
        north_m += d * ground.north[c, k]
        east += axis * ground.east[c, k]
        north += axis * ground.north[c, k]
    turned[0], turned[1], turned[2], turned[3] = other[0], other[1], east, north
    return disjoint(own, turned, east_m, north_m)


def disjoint_reference(first: np.ndarray, second: np.ndarray, east_m: float, north_m: float) -> bool:
    """The same by trying 3,600 directions; slow, for tests only."""
    angle = np.linspace(0.0, 2.0 * np.pi, 3600, endpoint=False)
    n = np.stack([np.cos(angle), np.sin(angle)])

    def support(ellipse: np.ndarray) -> np.ndarray:
        along = ellipse[2] * n[0] + ellipse[3] * n[1]
        across = ellipse[2] * n[1] - ellipse[3] * n[0]
        return np.asarray(np.hypot(ellipse[0] * along, ellipse[1] * across))

    gap = n[0] * east_m + n[1] * north_m - MARGIN * (support(first) + support(second))
    return bool(gap.max() > 0.0)
