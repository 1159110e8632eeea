import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.network import footprint as kernels
from openleo.network.footprint import MARGIN, disjoint_reference, footprint_reference
from openleo.network.kernels import kernel

HALF_WIDTH_RAD = math.radians(1.25)
ellipses = st.tuples(st.floats(8e3, 70e3), st.floats(0.3, 1.0), st.floats(0.0, 2.0 * math.pi)).map(
    lambda e: np.array([e[0], e[0] * e[1], math.sin(e[2]), math.cos(e[2])], np.float32)
)
offsets_m = st.floats(-150e3, 150e3)


@kernel
def disjoint(one, other, east_m, north_m):
    return kernels.disjoint(one, other, east_m, north_m)


def gap(one, other, east_m, north_m):
    """The largest gap that one of 3,600 directions shows, in metres; negative where none separates."""
    angle = np.linspace(0.0, 2.0 * np.pi, 3600, endpoint=False)
    n = np.stack([np.cos(angle), np.sin(angle)])

    def support(e):
        return np.hypot(e[0] * (e[2] * n[0] + e[3] * n[1]), e[1] * (e[2] * n[1] - e[3] * n[0]))

    return (n[0] * east_m + n[1] * north_m - MARGIN * (support(one) + support(other))).max()


@given(ellipses, ellipses, offsets_m, offsets_m)
@settings(max_examples=500, deadline=None)
def test_the_quick_test_agrees_with_trying_all_directions(one, other, east_m, north_m):
    got = disjoint(one, other, east_m, north_m)
    want = disjoint_reference(one, other, east_m, north_m)
    if got:  # never wrong, but for a millimetre that 3,600 directions cannot see
        assert want or gap(one, other, east_m, north_m) > -20.0
    elif want:  # wrong only where the ellipses nearly touch
        assert gap(one, other, east_m, north_m) < 150.0


@given(ellipses, ellipses, offsets_m, offsets_m)
@settings(max_examples=300, deadline=None)
def test_ellipses_told_disjoint_have_no_point_in_common(one, other, east_m, north_m):
    if not disjoint(one, other, east_m, north_m):
        return
    t = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    r = np.linspace(0.0, 1.0, 6)[1:, None]
    along, across = r * one[0] * np.cos(t), r * one[1] * np.sin(t)
    east = along * one[2] - across * one[3] - east_m
    north = along * one[3] + across * one[2] - north_m
    inside = np.hypot(
        (east * other[2] + north * other[3]) / other[0], (north * other[2] - east * other[3]) / other[1]
    )
    assert inside.min() > 1.0


@pytest.mark.parametrize(
    ("distance_m", "apart"), [(0.0, False), (20_199.0, False), (20_201.0, True), (1e6, True)]
)
def test_circles_of_ten_kilometres_are_disjoint_beyond_twenty_and_a_margin(distance_m, apart):
    circle = np.array([10e3, 10e3, 1.0, 0.0], np.float32)
    for bearing in np.linspace(0.0, 6.0, 7):
        offset = distance_m * math.sin(bearing), distance_m * math.cos(bearing)
        assert disjoint(circle, circle, *offset) == apart


@kernel
def fill(point_m, east, north, up, start_m, end_m, tan_half_width, out):
    kernels.footprint(point_m, east, north, up, start_m, end_m, tan_half_width, out)


def filled(*arguments):
    out = np.empty(4, np.float32)
    fill(*arguments, out)
    return out


@given(st.floats(25.0, 90.0), st.floats(0.0, 360.0), st.floats(400e3, 1_500e3))
@settings(max_examples=200, deadline=None)
def test_a_footprint_is_the_cut_of_the_beam_with_the_ground(elevation_deg, azimuth_deg, range_m):
    e, a = math.radians(elevation_deg), math.radians(azimuth_deg)
    east, north, up = np.eye(3)
    point = np.array([1e6, 2e6, 3e6])
    sight = np.array([math.cos(e) * math.sin(a), math.cos(e) * math.cos(a), math.sin(e)])
    drift = np.array([40e3, -30e3, 5e3])
    start, end = point + range_m * sight - drift, point + range_m * sight + drift
    got = filled(point, east, north, up, start, end, math.tan(HALF_WIDTH_RAD))
    along, across = footprint_reference(point, up, start, end, HALF_WIDTH_RAD)
    assert got[0] == pytest.approx(along, rel=3e-3)
    assert got[1] == pytest.approx(across, rel=1e-5)
    if elevation_deg < 89.0:
        assert got[2:] == pytest.approx([math.sin(a), math.cos(a)], abs=1e-3)


def test_overhead_a_beam_of_a_degree_and_a_quarter_from_550_km_is_24_km_wide():
    east, north, up = np.eye(3)
    at = np.array([0.0, 0.0, 550e3])
    got = filled(np.zeros(3), east, north, up, at, at, math.tan(HALF_WIDTH_RAD))
    assert 2.0 * got[:2] == pytest.approx([24_002.0, 24_002.0], abs=5.0)  # 2 x 550 km x tan(1.25 deg)
