"""The layout of ground points: local frames and blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skies import cells_about

from openleo.ground.frames import geodetic_to_itrs_m, local_frame
from openleo.network.ground import ground_points


@given(st.integers(0, 2**32 - 1), st.floats(-90.0, 90.0), st.floats(-180.0, 180.0), st.integers(1, 10))
@settings(max_examples=50, deadline=None)
def test_blocks_hold_all_their_points_and_frames_are_the_geodetic_ones(
    seed, latitude_deg, longitude_deg, cells
):
    points = cells_about(np.random.default_rng(seed), latitude_deg, longitude_deg, cells=cells)
    assert points.block_start.tolist() == [*range(0, cells, 3), cells]
    direction = points.point_m / np.linalg.norm(points.point_m, axis=1, keepdims=True)
    for b, (first, end) in enumerate(zip(points.block_start[:-1], points.block_start[1:], strict=True)):
        chord = np.linalg.norm(direction[first:end] - points.block_centre[b], axis=1)
        assert (2.0 * np.arcsin(chord / 2.0) <= points.block_radius_rad[b] + 1e-7).all()
    longitude = np.arctan2(points.up[:, 1], points.up[:, 0])
    for mine, theirs in zip(
        (points.east, points.north, points.up), local_frame(points.latitude_rad, longitude), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-9)


def test_without_points_there_are_no_blocks():
    none = np.zeros(0)
    points = ground_points(
        none, none, np.zeros((0, 3)), key=np.zeros(0, np.uint32), block=np.zeros(0, np.uint64)
    )
    assert len(points.block_centre) == 0
    assert points.block_start.tolist() == [0]


def test_a_block_across_the_antimeridian_is_as_small_as_any_other():
    latitude, longitude = np.radians([10.0, 10.0]), np.radians([179.9, -179.9])
    points = ground_points(
        latitude,
        longitude,
        geodetic_to_itrs_m(latitude, longitude),
        key=np.zeros(2, np.uint32),
        block=np.zeros(2, np.uint64),
    )
    assert np.degrees(points.block_radius_rad[0]) == pytest.approx(0.1, abs=0.005)
