"""The Earth as SGP4 knows it, and the orbit that its mean motion means.  Imports no numba."""

import math

import numpy as np
from numpy.typing import NDArray

# WGS72 as SGP4 uses it (Vallado et al. 2006, appendix D; Spacetrack Report No. 3).
EARTH_RADIUS_KM = 6378.135
MU_KM3_S2 = 398600.8
J2 = 0.001082616
J3 = -0.00000253881
J4 = -0.00000165597
XKE = 60.0 / math.sqrt(EARTH_RADIUS_KM**3 / MU_KM3_S2)  # sqrt(mu) in Earth radii^1.5 a minute
DEEP_SPACE_MIN = 225.0


def brouwer_motion(
    mean_motion_rad_min: NDArray[np.float64],
    eccentricity: NDArray[np.float64],
    inclination_rad: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Brouwer mean motion (S,) in rad/min and semi-major axis (S,) in Earth radii from Kozai's.

    Spacetrack Report No. 3, section 6, first five equations.
    """
    with np.errstate(all="ignore"):
        cos2 = np.cos(inclination_rad) ** 2
        beta2 = 1.0 - eccentricity**2
        a1 = (XKE / mean_motion_rad_min) ** (2.0 / 3.0)
        d1 = 0.75 * J2 * (3.0 * cos2 - 1.0) / (np.sqrt(beta2) * beta2)
        delta1 = d1 / a1**2
        a2 = a1 * (1.0 - delta1**2 - delta1 * (1.0 / 3.0 + 134.0 * delta1**2 / 81.0))
        motion = mean_motion_rad_min / (1.0 + d1 / a2**2)
        axis = (XKE / motion) ** (2.0 / 3.0)
    return motion, axis
