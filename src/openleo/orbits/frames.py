"""From the frame of SGP4 to the Earth's, and from there to where a person looks.

TEME is turned into ITRS by GMST82 alone; polar motion and the kinematic terms of the equation of the
equinoxes are left out (docs/accuracy.md, "Orbits and frames", states the error).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.compile import njit
from openleo.base.constants import SECONDS_PER_DAY, TAU, WGS84_A_M, WGS84_E2

_J2000_NOON_NS = int(np.datetime64("2000-01-01T12:00:00", "ns").astype(np.int64))
_DAY_NS = 86_400_000_000_000
_CENTURY_DAYS = 36_525.0


def gmst82_rad(times: NDArray[np.datetime64], *, dut1_s: float = 0.0) -> NDArray[np.float64]:
    """Return Greenwich mean sidereal time (T,) in radians, 0 to 2 pi, at UTC ``times`` (T,).

    ``dut1_s`` is UT1 - UTC; 0.9 s of it moves a satellite by 0.4 km.  Aoki et al., "The new definition of
    universal time", Astronomy and Astrophysics 105 (1982), equation 14.
    """
    since = times.astype("datetime64[ns]").astype(np.int64) - _J2000_NOON_NS
    days = np.floor_divide(since, _DAY_NS)
    seconds = np.remainder(since, _DAY_NS) / 1e9 + dut1_s
    t = (days + seconds / SECONDS_PER_DAY) / _CENTURY_DAYS
    # The polynomial's 876600 h a century is the day itself, so only the second of the day is left of it.
    sidereal_s = 67_310.54841 + seconds + 8_640_184.812866 * t + 0.093104 * t**2 - 6.2e-6 * t**3
    return np.asarray(np.remainder(sidereal_s, SECONDS_PER_DAY) * (TAU / SECONDS_PER_DAY))


def teme_to_itrs(
    teme: NDArray[np.float64], times: NDArray[np.datetime64], *, dut1_s: float = 0.0
) -> NDArray[np.float64]:
    """Turn TEME positions (T, ..., 3) into ITRS by the sidereal angle at UTC ``times`` (T,); any unit."""
    angle = gmst82_rad(times, dut1_s=dut1_s).reshape((-1,) + (1,) * (teme.ndim - 2))
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = teme[..., 0], teme[..., 1], teme[..., 2]
    return np.stack([c * x + s * y, c * y - s * x, z], axis=-1)


def site_itrs_m(
    latitude_rad: ArrayLike, longitude_rad: ArrayLike, height_m: ArrayLike
) -> NDArray[np.float64]:
    """Return ITRS metres (..., 3) of geodetic WGS84 positions; heights above the ellipsoid."""
    lon, height = np.asarray(longitude_rad), np.asarray(height_m)
    sin_lat, cos_lat = np.sin(latitude_rad), np.cos(latitude_rad)
    normal = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * sin_lat**2)
    out = np.stack(
        [
            (normal + height) * cos_lat * np.cos(lon),
            (normal + height) * cos_lat * np.sin(lon),
            (normal * (1.0 - WGS84_E2) + height) * sin_lat,
        ],
        axis=-1,
    )
    return np.asarray(out, dtype=np.float64)


@njit
def fill_look_angles(sites: np.ndarray, sat_itrs_m: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out[u, s]`` with azimuth (from north over east), elevation (rad) and range (m).

    ``sites`` (U, 3) holds geodetic latitude and longitude (rad) and height above WGS84 (m), ``sat_itrs_m``
    (S, 3) is ITRS; out is (U, S, 3).  The horizon is the plane along the ellipsoid; no refraction.
    """
    for u in range(sites.shape[0]):
        sin_lat, cos_lat = math.sin(sites[u, 0]), math.cos(sites[u, 0])
        sin_lon, cos_lon = math.sin(sites[u, 1]), math.cos(sites[u, 1])
        normal = WGS84_A_M / math.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)
        px = (normal + sites[u, 2]) * cos_lat
        site_x, site_y = px * cos_lon, px * sin_lon
        site_z = (normal * (1.0 - WGS84_E2) + sites[u, 2]) * sin_lat
        for s in range(sat_itrs_m.shape[0]):
            dx, dy, dz = sat_itrs_m[s, 0] - site_x, sat_itrs_m[s, 1] - site_y, sat_itrs_m[s, 2] - site_z
            outward = cos_lon * dx + sin_lon * dy
            east = cos_lon * dy - sin_lon * dx
            north = cos_lat * dz - sin_lat * outward
            up = cos_lat * outward + sin_lat * dz
            level2 = east * east + north * north
            azimuth = math.atan2(east, north)
            out[u, s, 0] = azimuth if azimuth >= 0.0 else azimuth + TAU
            out[u, s, 1] = math.atan2(up, math.sqrt(level2))
            out[u, s, 2] = math.sqrt(level2 + up * up)


def look_angles(sites: NDArray[np.float64], sat_itrs_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return azimuth, elevation (rad) and range (m) as (U, S, 3); arguments as `fill_look_angles`."""
    out = np.empty((len(sites), len(sat_itrs_m), 3))
    fill_look_angles(np.ascontiguousarray(sites), np.ascontiguousarray(sat_itrs_m), out)
    return out


def look_angles_reference(sites: NDArray[np.float64], sat_itrs_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same from unit vectors and textbook definitions; slow, for tests only."""
    out = np.empty((len(sites), len(sat_itrs_m), 3))
    for u, (lat, lon, height) in enumerate(sites):
        here = site_itrs_m(lat, lon, height)
        zenith = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        east = np.array([-np.sin(lon), np.cos(lon), 0.0])
        north = np.cross(zenith, east)
        for s, there in enumerate(sat_itrs_m):
            away = there - here
            distance = np.linalg.norm(away)
            out[u, s, 0] = np.arctan2(away @ east, away @ north) % TAU
            out[u, s, 1] = np.arcsin(np.clip(away @ zenith / distance, -1.0, 1.0))
            out[u, s, 2] = distance
    return out
