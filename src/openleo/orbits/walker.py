"""Walker constellations as element sets.

Walker, "Satellite constellations", Journal of the British Interplanetary Society 37 (1984): the pattern
i:T/P/F has T satellites in P evenly spaced planes, and the phase moves by F units of 360/T degrees from a
plane to the next one to the east.
"""

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import TAU, WGS84_A_M
from openleo.orbits.elements import ElementSets
from openleo.orbits.wgs72 import EARTH_RADIUS_KM, XKE, brouwer_motion


def walker_delta(
    *,
    total: int,
    planes: int,
    phasing: float,
    inclination_rad: float,
    altitude_m: float,
    epoch: np.datetime64,
    name: str = "walker",
    equatorial_radius_m: float = WGS84_A_M,
    raan_rad: float = 0.0,
    anomaly_rad: float = 0.0,
    first_catalogue_number: int = 1,
) -> ElementSets:
    """Return the Walker delta pattern i:T/P/F: ascending nodes spread over 360 degrees.

    ``total`` is T, ``planes`` P and ``phasing`` F, in units of 360/T degrees (from 0 to below P; whole for
    a pattern that closes, while a half is allowed for others' conventions).  Satellites are ordered by plane,
    then along the plane in the direction of flight; plane 0 has its node at ``raan_rad``, and its first
    satellite is ``anomaly_rad`` past the node.

    Orbits are circular and without drag.  ``altitude_m`` is the semi-major axis minus
    ``equatorial_radius_m`` (WGS84's; give 6378135.0 for WGS72).  J2: that axis is the Brouwer mean one which
    SGP4 itself works with, so the Kozai mean motion in the sets is sqrt(mu/a^3) for WGS72's mu, times SGP4's
    own J2 term for this inclination; the J2 drift of nodes and phases is then SGP4's, equal for all
    satellites, so the pattern keeps its shape.  Raises ValueError for numbers that make no pattern.
    """
    return _pattern(
        total=total,
        planes=planes,
        phasing=phasing,
        inclination_rad=inclination_rad,
        axis_m=altitude_m + equatorial_radius_m,
        epoch=epoch,
        name=name,
        spread_rad=TAU,
        raan_rad=raan_rad,
        anomaly_rad=anomaly_rad,
        first_catalogue_number=first_catalogue_number,
    )


def walker_star(
    *,
    total: int,
    planes: int,
    phasing: float,
    inclination_rad: float,
    altitude_m: float,
    epoch: np.datetime64,
    name: str = "walker",
    equatorial_radius_m: float = WGS84_A_M,
    raan_rad: float = 0.0,
    anomaly_rad: float = 0.0,
    first_catalogue_number: int = 1,
) -> ElementSets:
    """Return the Walker star pattern: as `walker_delta`, but ascending nodes spread over 180 degrees."""
    return _pattern(
        total=total,
        planes=planes,
        phasing=phasing,
        inclination_rad=inclination_rad,
        axis_m=altitude_m + equatorial_radius_m,
        epoch=epoch,
        name=name,
        spread_rad=TAU / 2.0,
        raan_rad=raan_rad,
        anomaly_rad=anomaly_rad,
        first_catalogue_number=first_catalogue_number,
    )


def kozai_mean_motion_rad_min(axis_m: float, inclination_rad: float) -> float:
    """Return the Kozai mean motion of a circular orbit whose semi-major axis in SGP4 is ``axis_m``."""
    wanted: float = XKE / (axis_m / (EARTH_RADIUS_KM * 1000.0)) ** 1.5
    kozai = wanted
    for _ in range(8):  # the J2 term is a thousandth, so each turn gains three digits
        brouwer, _ = brouwer_motion(np.array([kozai]), np.zeros(1), np.array([inclination_rad]))
        kozai = kozai * wanted / float(brouwer[0])
    return kozai


def _pattern(
    *,
    total: int,
    planes: int,
    phasing: float,
    inclination_rad: float,
    axis_m: float,
    epoch: np.datetime64,
    name: str,
    spread_rad: float,
    raan_rad: float,
    anomaly_rad: float,
    first_catalogue_number: int,
) -> ElementSets:
    if planes < 1 or total < 1 or total % planes:
        raise ValueError(f"{total} satellites cannot be spread evenly over {planes} planes")
    if not 0.0 <= phasing < max(planes, 1):
        raise ValueError(f"phasing {phasing} is not within 0 and {planes} (units of 360/{total} degrees)")
    if not 0.0 <= inclination_rad <= TAU / 2.0:
        raise ValueError(f"inclination {inclination_rad} rad is not within 0 and pi")
    if not axis_m > EARTH_RADIUS_KM * 1000.0:
        raise ValueError(f"semi-major axis {axis_m} m is below the surface")
    plane, slot = np.divmod(np.arange(total), total // planes)
    # In units of 360/T: whole numbers until the last step, so that the phasing is exact and closes.
    units: NDArray[np.float64] = np.remainder(slot * planes + phasing * plane, total)
    same = np.ones(total)
    return ElementSets(
        name=tuple(f"{name}-{p}-{s}" for p, s in zip(plane, slot, strict=True)),
        catalogue_number=np.arange(first_catalogue_number, first_catalogue_number + total, dtype=np.int32),
        epoch=np.full(total, epoch, dtype="datetime64[ns]"),
        inclination_rad=same * inclination_rad,
        raan_rad=np.remainder(plane * (spread_rad / planes) + raan_rad, TAU),
        eccentricity=same * 0.0,
        argument_of_perigee_rad=same * 0.0,
        mean_anomaly_rad=np.remainder(units * (TAU / total) + anomaly_rad, TAU),
        mean_motion_rad_min=same * kozai_mean_motion_rad_min(axis_m, inclination_rad),
        bstar=same * 0.0,
    )
