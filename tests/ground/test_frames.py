"""Frames: coordinates there and back, and directions at a place."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.ground.frames import (
    geodetic_to_itrs_m,
    great_circle_m,
    great_circle_step,
    itrs_to_geodetic,
    local_frame,
    look_angles,
)

one_micrometre = 1e-6
latitudes = st.floats(-math.pi / 2, math.pi / 2)
longitudes = st.floats(-math.pi, math.pi)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "height_m", "expected_m"),
    [
        (0, 0, 0, (6378137.0, 0, 0)),  # the semi-major axis
        (90, 0, 0, (0, 0, 6356752.314245179)),  # the semi-minor axis, TR8350.2
        (-90, 0, 100, (0, 0, -6356852.314245179)),
        (0, 180, 0, (-6378137.0, 0, 0)),
        # astropy 8.0.2, EarthLocation.from_geodetic(30.5234, 50.4501, 180)
        (50.4501, 30.5234, 180, (3505555.8650799, 2066859.1305072, 4894958.7555525)),
    ],
)
def test_known_places_have_known_positions(latitude_deg, longitude_deg, height_m, expected_m):
    position = geodetic_to_itrs_m(math.radians(latitude_deg), math.radians(longitude_deg), height_m)
    np.testing.assert_allclose(position, expected_m, atol=1e-6)


@given(latitudes, longitudes, st.floats(-11_000, 40_000_000))
def test_positions_come_back_as_the_coordinates_they_came_from(latitude, longitude, height):
    lat, _, h = itrs_to_geodetic(geodetic_to_itrs_m(latitude, longitude, height))
    again = geodetic_to_itrs_m(*itrs_to_geodetic(geodetic_to_itrs_m(latitude, longitude, height)))
    assert np.linalg.norm(again - geodetic_to_itrs_m(latitude, longitude, height)) < one_micrometre
    assert abs(h - height) < one_micrometre
    assert abs(lat - latitude) * 6.4e6 < one_micrometre


@given(latitudes, longitudes)
def test_the_local_frame_is_right_handed_and_orthonormal(latitude, longitude):
    frame = np.stack(local_frame(latitude, longitude))
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(frame) == pytest.approx(1.0)


def test_up_points_along_the_height():
    lat, lon = np.radians([10.0, -60.0]), np.radians([20.0, 170.0])
    rise = geodetic_to_itrs_m(lat, lon, 1000.0) - geodetic_to_itrs_m(lat, lon, 0.0)
    np.testing.assert_allclose(rise / 1000.0, local_frame(lat, lon)[2], atol=1e-9)


@pytest.mark.parametrize(("axis", "azimuth_deg", "elevation_deg"), [(0, 90, 0), (1, 0, 0), (2, None, 90)])
def test_look_angles_name_the_directions_of_the_frame(axis, azimuth_deg, elevation_deg):
    lat, lon = math.radians(48.0), math.radians(35.0)
    azimuth, elevation, distance = look_angles(lat, lon, 500.0 * local_frame(lat, lon)[axis])
    assert math.degrees(elevation) == pytest.approx(elevation_deg, abs=1e-9)
    assert distance == pytest.approx(500.0)
    if azimuth_deg is not None:
        assert math.cos(azimuth - math.radians(azimuth_deg)) == pytest.approx(1.0)


def test_shapes_are_kept():
    lat = np.zeros((4, 5))
    assert geodetic_to_itrs_m(lat, 0.0, 0.0).shape == (4, 5, 3)
    assert itrs_to_geodetic(np.ones((4, 5, 3)))[0].shape == (4, 5)
    assert great_circle_m(lat, lat, 1.0, 1.0).shape == (4, 5)


def test_a_quarter_of_a_meridian_is_a_quarter_of_the_sphere():
    assert great_circle_m(0.0, 0.0, math.pi / 2, 0.0) == pytest.approx(math.pi / 2 * 6_371_008.8)
    assert great_circle_m(0.3, 3.1, 0.3, -3.1) == pytest.approx(great_circle_m(0.3, 0.0, 0.3, math.tau - 6.2))


@given(st.floats(-1.4, 1.4), longitudes, st.floats(0, math.tau), st.floats(1.0, 5e6))
def test_a_step_ends_at_its_distance(latitude, longitude, bearing, distance):
    lat, lon = great_circle_step(latitude, longitude, bearing, distance)
    assert great_circle_m(latitude, longitude, lat, lon) == pytest.approx(distance, rel=1e-6, abs=1e-3)
    assert -math.pi <= lon <= math.pi
