"""How far our Earth-fixed positions are from the full ITRS, and what that does to a look angle.

    python experiments/itrs_error.py

openleo turns TEME by GMST82 alone.  astropy adds polar motion and UT1 - UTC from the IERS tables that come
with it (nothing is downloaded).  Prints, by year, the largest error of position with UT1 = UTC, with the
day's UT1 - UTC, and the largest error of direction from the ground.  docs/accuracy.md quotes the table.
"""

import warnings

import numpy as np
from astropy import units
from astropy.coordinates import ITRS, TEME, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from numpy.typing import NDArray

from openleo.orbits.frames import look_angles, teme_to_itrs

RADIUS_M = 6_928_137.0  # 550 km over the equator
PLACES = 40
YEARS = range(2015, 2026)


def directions(count: int) -> NDArray[np.float64]:
    """Return ``count`` unit vectors spread over the sphere (Fibonacci's lattice), no poles beyond 70 deg."""
    index = np.arange(count) + 0.5
    z = np.sin(np.radians(70.0)) * (1.0 - 2.0 * index / count)
    angle = np.pi * (1.0 + 5.0**0.5) * index
    level = np.sqrt(1.0 - z**2)
    return np.stack([level * np.cos(angle), level * np.sin(angle), z], axis=-1)


def full_itrs(teme: NDArray[np.float64], when: Time) -> NDArray[np.float64]:
    """Return astropy's ITRS of TEME positions (T, S, 3) in metres."""
    xyz = CartesianRepresentation(np.moveaxis(teme, -1, 0) * units.m)
    frame = TEME(xyz, obstime=when[:, None])
    return np.moveaxis(frame.transform_to(ITRS(obstime=when[:, None])).cartesian.xyz.to_value(units.m), 0, -1)


def direction_error_deg(ours: NDArray[np.float64], full: NDArray[np.float64]) -> float:
    """Return the largest angle between the two (S, 3) as seen from 25 deg of elevation and from below."""
    worst = 0.0
    for offset_deg in (0.0, 8.7):  # 8.7 deg of arc away, a satellite at 550 km stands 25 deg high
        for place, other in zip(full, ours, strict=True):
            latitude = np.arcsin(place[2] / RADIUS_M) - np.radians(offset_deg)
            site = np.array([[latitude, np.arctan2(place[1], place[0]), 0.0]])
            (az1, el1, _), (az2, el2, _) = look_angles(site, np.stack([place, other]))[0]
            chord2 = (
                (np.sin(el1) - np.sin(el2)) ** 2
                + (np.cos(el1) * np.cos(az1) - np.cos(el2) * np.cos(az2)) ** 2
                + (np.cos(el1) * np.sin(az1) - np.cos(el2) * np.sin(az2)) ** 2
            )
            worst = max(worst, float(np.degrees(np.sqrt(chord2))))
    return worst


def measure(year: int) -> tuple[float, float, float, float]:
    """Return the year's worst |UT1-UTC| (s), position errors without and with it (m), and direction (deg)."""
    days = np.arange(np.datetime64(f"{year}-01-05"), np.datetime64(f"{year}-12-31"), np.timedelta64(9, "D"))
    times = days.astype("datetime64[ns]")
    when = Time([str(t) for t in times], scale="utc")
    teme = np.broadcast_to(directions(PLACES) * RADIUS_M, (len(times), PLACES, 3))
    full = full_itrs(teme, when)
    dut1_s = np.asarray(when.delta_ut1_utc)
    plain = teme_to_itrs(teme, times)
    given = np.stack(
        [teme_to_itrs(teme[k : k + 1], times[k : k + 1], dut1_s=float(d))[0] for k, d in enumerate(dut1_s)]
    )
    without = np.linalg.norm(plain - full, axis=-1)
    with_it = np.linalg.norm(given - full, axis=-1)
    worst_day = int(without.max(axis=1).argmax())
    direction = direction_error_deg(plain[worst_day], full[worst_day])
    return float(np.abs(dut1_s).max()), float(without.max()), float(with_it.max()), direction


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # astropy's of tables that end before now
    print("year  |UT1-UTC| s  UT1=UTC m  UT1-UTC given m  direction, UT1=UTC deg")
    with iers.conf.set_temp("auto_download", False):
        for year in YEARS:
            dut1, without, with_it, direction = measure(year)
            print(f"{year}  {dut1:11.3f}  {without:9.1f}  {with_it:15.2f}  {direction:22.5f}")


if __name__ == "__main__":
    main()
