"""Sidereal time, the Earth-fixed frame and look angles, against Skyfield, astropy and Vallado."""

import warnings

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import ITRS, TEME, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given, settings
from hypothesis import strategies as st
from skyfield.api import EarthSatellite, load, wgs84

from openleo.orbits.frames import (
    gmst82_rad,
    look_angles,
    look_angles_reference,
    site_itrs_m,
    teme_to_itrs,
)
from openleo.orbits.propagation import Propagator
from openleo.orbits.tle import checksum, parse_tle_text

HUNDREDTH_DEG = np.radians(0.01)
KYIV = (50.45, 30.52, 180.0)
SITES_DEG = [KYIV, (-33.45, -70.66, 570.0), (78.22, 15.65, 450.0), (0.0, 179.99, 0.0), (-89.9, 12.0, 2800.0)]


def starlink_like(epoch: str, raan_deg: float = 120.0) -> list[str]:
    body = (
        f"1 99001U 24001A   {epoch}  .00001000  00000+0  80000-4 0  999",
        f"2 99001  53.0540 {raan_deg:8.4f} 0001400  90.0000 270.0000 15.06400000    1",
    )
    return [line + str(checksum(line)) for line in body]


def test_gmst_is_vallados_worked_example() -> None:
    # Vallado, Fundamentals of Astrodynamics, example 3-5: 1992 August 20 12:14 UT1 is 152.578788 degrees
    # (his program, in one Julian date, rounds by 4e-8 degrees).
    at = np.array(["1992-08-20T12:14:00"], dtype="datetime64[ns]")
    assert np.degrees(gmst82_rad(at)[0]) == pytest.approx(152.578787810, abs=1e-7)


def test_gmst_agrees_with_the_polynomial_in_julian_centuries() -> None:
    times = np.datetime64("1960-01-01", "ns") + np.arange(0, 130 * 365, 37) * np.timedelta64(86_399, "s")
    t = (times.astype(np.int64) / 86_400e9 + 2_440_587.5 - 2_451_545.0) / 36_525.0
    seconds = 67310.54841 + (876600 * 3600 + 8640184.812866) * t + 0.093104 * t**2 - 6.2e-6 * t**3
    difference = gmst82_rad(times) - np.radians(np.remainder(seconds, 86_400.0) / 240.0)
    assert np.abs(np.remainder(difference + np.pi, 2 * np.pi) - np.pi).max() < 1e-8


def test_dut1_turns_the_earth_by_its_angle() -> None:
    at = np.array(["2024-01-01T00:00:00"], dtype="datetime64[ns]")
    turned = gmst82_rad(at, dut1_s=0.9) - gmst82_rad(at)
    assert turned[0] == pytest.approx(0.9 * 7.2921159e-5, rel=1e-6)
    moved = teme_to_itrs(np.array([[7e6, 0.0, 0.0]]), at, dut1_s=0.9) - teme_to_itrs(
        np.array([[7e6, 0.0, 0.0]]), at
    )
    assert np.linalg.norm(moved) == pytest.approx(459.0, abs=1.0)


def test_the_propagators_earth_fixed_positions_are_its_teme_positions_turned() -> None:
    sets = parse_tle_text("\n".join(starlink_like("24061.50000000"))).sets
    times = sets.epoch[0] + np.arange(200) * np.timedelta64(61, "s")
    for dut1_s in (0.0, -0.3):
        propagator = Propagator(sets, dut1_s=dut1_s)
        turned = teme_to_itrs(propagator.teme_m(times), times, dut1_s=dut1_s)
        np.testing.assert_allclose(propagator.itrs_m(times), turned, atol=1e-6)


def skyfield_look_angles(lines: list[str], times: np.ndarray, site: tuple[float, float, float]) -> np.ndarray:
    scale = load.timescale(builtin=True)
    satellite = EarthSatellite(*lines, ts=scale)
    seconds = (times - np.datetime64("2024-03-01", "ns")).astype(np.int64) / 1e9
    when = scale.utc(2024, 3, 1, 0, 0, seconds)
    altitude, azimuth, distance = (
        (satellite - wgs84.latlon(site[0], site[1], elevation_m=site[2])).at(when).altaz()
    )
    return np.stack([azimuth.radians, altitude.radians, distance.m], axis=-1)


@pytest.mark.parametrize("site", SITES_DEG)
def test_look_angles_are_skyfields_to_a_hundredth_of_a_degree(site: tuple[float, float, float]) -> None:
    lines = starlink_like("24061.50000000")
    times = np.datetime64("2024-03-01", "ns") + np.arange(0, 86_400, 97) * np.timedelta64(10**9, "ns")
    theirs = skyfield_look_angles(lines, times, site)
    at = np.array([[np.radians(site[0]), np.radians(site[1]), site[2]]])
    positions = Propagator(parse_tle_text("\n".join(lines)).sets).itrs_m(times)[:, 0]
    ours = look_angles(at, positions)[0]
    # Angle between the two directions: azimuth alone means little near the zenith.
    cosine = np.sin(ours[:, 1]) * np.sin(theirs[:, 1]) + np.cos(ours[:, 1]) * np.cos(theirs[:, 1]) * np.cos(
        ours[:, 0] - theirs[:, 0]
    )
    visible = theirs[:, 1] > 0.0
    assert visible.any() or abs(site[0]) > 70.0
    assert np.abs(ours[:, 1] - theirs[:, 1]).max() < HUNDREDTH_DEG
    assert np.arccos(np.clip(cosine, -1.0, 1.0)).max() < HUNDREDTH_DEG
    low = np.abs(theirs[:, 1]) < np.radians(80.0)
    azimuth = np.remainder(ours[low, 0] - theirs[low, 0] + np.pi, 2 * np.pi) - np.pi
    assert np.abs(azimuth).max() < HUNDREDTH_DEG
    assert np.abs(ours[:, 2] - theirs[:, 2]).max() < 10.0


def test_the_error_against_the_full_earth_fixed_frame_is_what_the_docs_state() -> None:
    # docs/accuracy.md, "Orbits and frames"; experiments/itrs_error.py measures it over 2015-2025.
    times = np.array(["2017-06-30T12:00:00", "2020-06-30T12:00:00", "2022-10-07T17:30:00"], "datetime64[ns]")
    teme = np.array([[7e6, 0.0, 0.0], [0.0, 4e6, 5.7e6], [-3e6, 5e6, -4e6]])
    with iers.conf.set_temp("auto_download", False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's of tables that end before now
        when = Time([str(t) for t in times], scale="utc")
        frame = TEME(CartesianRepresentation(teme.T * units.m), obstime=when)
        full = frame.transform_to(ITRS(obstime=when)).cartesian.xyz.to_value(units.m).T
        dut1_s = when.delta_ut1_utc
    for row in range(len(times)):
        one = times[row : row + 1]
        without = np.linalg.norm(teme_to_itrs(teme[row : row + 1], one)[0] - full[row])
        with_dut1 = np.linalg.norm(
            teme_to_itrs(teme[row : row + 1], one, dut1_s=float(dut1_s[row]))[0] - full[row]
        )
        assert with_dut1 < 20.0
        assert without < 20.0 + abs(dut1_s[row]) * 515.0


SITES = st.tuples(st.floats(-1.57, 1.57), st.floats(-3.14, 3.14), st.floats(-400.0, 9000.0))
SATELLITES = st.tuples(st.floats(-1.5, 1.5), st.floats(-3.14, 3.14), st.floats(200e3, 36_000e3))


@settings(deadline=None)
@given(st.lists(SITES, min_size=1, max_size=4), st.lists(SATELLITES, min_size=1, max_size=4))
def test_the_kernel_agrees_with_the_textbook(
    sites: list[tuple[float, ...]], places: list[tuple[float, ...]]
) -> None:
    where = np.array(places)
    positions = site_itrs_m(where[:, 0], where[:, 1], where[:, 2])
    ours = look_angles(np.array(sites), positions)
    reference = look_angles_reference(np.array(sites), positions)
    np.testing.assert_allclose(ours[..., 1:], reference[..., 1:], atol=1e-6, rtol=1e-12)
    near_zenith = np.abs(ours[..., 1]) > 1.57
    turn = np.remainder(ours[..., 0] - reference[..., 0] + np.pi, 2 * np.pi) - np.pi
    assert np.abs(turn[~near_zenith]).max(initial=0.0) < 1e-6


def test_a_satellite_overhead_north_and_east_is_where_it_should_be() -> None:
    site = np.array([[0.0, 0.0, 0.0]])
    sat = np.array([[6_378_137.0 + 500e3, 0.0, 0.0], [6_378_137.0, 0.0, 1e6], [6_378_137.0, 1e6, 0.0]])
    got = look_angles(site, sat)[0]
    np.testing.assert_allclose(got[:, 1], [np.pi / 2, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(got[1:, 0], [0.0, np.pi / 2], atol=1e-12)
    np.testing.assert_allclose(got[:, 2], [500e3, 1e6, 1e6], atol=1e-6)
