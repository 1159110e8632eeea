"""Mean motion of an orbit's plane and phase under the Earth's oblateness, as SGP4 has it.

SGP4 moves the node, the perigee and the mean anomaly at constant rates (J2, J2 squared and J4); these are the
same rates, so that a plane carried here and one carried by the propagator stay together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import SECONDS_PER_DAY, TAU, WGS84_A_M
from openleo.orbits.elements import ElementSets
from openleo.orbits.sgp4_kernel import EARTH_RADIUS_KM, J2, J4, XKE, brouwer_motion

F64 = NDArray[np.float64]


class SecularRates(NamedTuple):
    """Rates in rad/s, each (S,): of the node, of the perigee and of the mean anomaly."""

    raan: F64
    perigee: F64
    anomaly: F64


def secular_rates(mean_motion_rad_min: F64, inclination_rad: F64, eccentricity: F64) -> SecularRates:
    """Return the constant rates of orbits given by SGP4's (Kozai) mean motion, arrays (S,).

    Source: Hoots and Roehrich, Spacetrack Report No. 3 (1980), section 6; drag and resonance left out.
    """
    n_min, axis = brouwer_motion(mean_motion_rad_min, eccentricity, inclination_rad)
    n = n_min / 60.0
    c2 = np.cos(inclination_rad) ** 2
    c4 = c2 * c2
    beta2 = 1.0 - eccentricity**2
    beta = np.sqrt(beta2)
    inverse_p2 = 1.0 / (axis * beta2) ** 2
    g1 = 1.5 * J2 * inverse_p2 * n
    g2 = 0.5 * g1 * J2 * inverse_p2
    g3 = -0.46875 * J4 * inverse_p2**2 * n
    anomaly = n + 0.5 * g1 * beta * (3.0 * c2 - 1.0) + 0.0625 * g2 * beta * (13.0 - 78.0 * c2 + 137.0 * c4)
    perigee = (
        -0.5 * g1 * (1.0 - 5.0 * c2)
        + 0.0625 * g2 * (7.0 - 114.0 * c2 + 395.0 * c4)
        + g3 * (3.0 - 36.0 * c2 + 49.0 * c4)
    )
    raan = (-g1 + 0.5 * g2 * (4.0 - 19.0 * c2) + 2.0 * g3 * (3.0 - 7.0 * c2)) * np.cos(inclination_rad)
    return SecularRates(raan=raan, perigee=perigee, anomaly=anomaly)


def as_ns(at: np.datetime64) -> np.datetime64:
    """Return the instant in nanoseconds, the unit of every epoch here."""
    instant: np.datetime64 = np.datetime64(at).astype("datetime64[ns]")
    return instant


def seconds_since_epoch(sets: ElementSets, at: np.datetime64) -> F64:
    """Return the time from each element set's epoch to ``at``, in seconds (S,); negative before the epoch."""
    delta = as_ns(at) - sets.epoch
    return np.asarray(delta.astype("timedelta64[ns]").astype(np.int64) * 1e-9, dtype=np.float64)


def raan_at_rad(sets: ElementSets, at: np.datetime64) -> F64:
    """Return the right ascension of each ascending node at ``at``, in [0, 2 pi) rad (S,), TEME."""
    rates = secular_rates(sets.mean_motion_rad_min, sets.inclination_rad, sets.eccentricity)
    return np.asarray((sets.raan_rad + rates.raan * seconds_since_epoch(sets, at)) % TAU)


def latitude_argument_at_rad(sets: ElementSets, at: np.datetime64) -> F64:
    """Return the mean argument of latitude (perigee plus mean anomaly) at ``at``, in [0, 2 pi) rad (S,).

    Drag is left out: a set that is days old may be degrees off for a satellite that is climbing or falling.
    """
    rates = secular_rates(sets.mean_motion_rad_min, sets.inclination_rad, sets.eccentricity)
    start = sets.argument_of_perigee_rad + sets.mean_anomaly_rad
    return np.asarray((start + (rates.perigee + rates.anomaly) * seconds_since_epoch(sets, at)) % TAU)


def altitude_m(sets: ElementSets) -> F64:
    """Return the mean semi-major axis less the WGS84 equatorial radius, metres (S,)."""
    return np.asarray(sets.semi_major_axis_m - WGS84_A_M)


def mean_motion_rad_min(height_m: F64, inclination_rad: F64) -> F64:
    """Return the element-set (Kozai) mean motion, rad/min, of circular orbits: `altitude_m` inverted."""
    axis = (height_m + WGS84_A_M) / (EARTH_RADIUS_KM * 1000.0)
    shape = 0.75 * J2 * (3.0 * np.cos(inclination_rad) ** 2 - 1.0)
    # The mean motion is Brouwer's times one plus shape over the square of Kozai's axis, which differs from
    # Brouwer's by so little that two rounds agree to 1e-12.
    brouwer = XKE / axis**1.5
    kozai = brouwer * (1.0 + shape / axis**2)
    for _ in range(3):
        kozai = kozai * brouwer / brouwer_motion(kozai, np.zeros_like(kozai), inclination_rad)[0]
    return np.asarray(kozai)


def rev_day_to_rad_min(rev_day: float) -> float:
    """Return rad/min for revolutions a day, the unit of element sets."""
    return rev_day * TAU * 60.0 / SECONDS_PER_DAY
