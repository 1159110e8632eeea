"""Horizon masks."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.masks import (
    MASK_BINS,
    MASK_KINDS,
    HorizonMask,
    MaskTable,
    blocked,
    blocked_many,
    blocked_reference,
    made_mask,
    read_mask,
    single_building,
    urban_canyon,
)

float32_rad = 2e-7  # a mask's elevations are held in float32

heights = st.lists(st.floats(0.0, 1.5, width=32), min_size=MASK_BINS, max_size=MASK_BINS)


@settings(deadline=None)  # the first call compiles
@given(height=heights, azimuth=st.floats(-20.0, 20.0), elevation=st.floats(-0.1, 1.6))
def test_the_kernel_agrees_with_the_slow_reference(height, azimuth, elevation):
    mask = np.array(height, dtype=np.float32)
    horizon = np.interp(azimuth, np.arange(MASK_BINS) * 2 * np.pi / MASK_BINS, mask, period=2 * np.pi)
    if abs(elevation - horizon) > 1e-9:
        assert blocked(mask, azimuth, elevation) == blocked_reference(mask, azimuth, elevation)


def test_between_two_azimuths_the_horizon_is_a_straight_line_over_north_too():
    height = np.zeros(MASK_BINS, dtype=np.float32)
    height[[71, 0]] = math.radians(10.0), math.radians(20.0)
    for azimuth_deg, horizon_deg in ((-5.0, 10.0), (357.5, 15.0), (-2.5, 15.0), (0.0, 20.0), (362.5, 10.0)):
        for offset_deg, hidden in ((-0.01, True), (0.01, False)):
            elevation = math.radians(horizon_deg + offset_deg)
            assert blocked(height, math.radians(azimuth_deg), elevation) is hidden


def test_many_directions_at_once_with_and_without_a_mask():
    table = MaskTable.of([made_mask("building", seed=1, number=n) for n in range(3)])
    rows = np.array([-1, 0, 1, 2, -1], dtype=np.int32)
    azimuth, elevation = np.linspace(0, 6, 5), np.full(5, 0.01)
    out = np.empty(5, dtype=np.bool_)
    blocked_many(table.elevation_rad, rows, azimuth, elevation, out)
    expected = [
        row >= 0 and blocked_reference(table.elevation_rad[row], azimuth[n], 0.01)
        for n, row in enumerate(rows)
    ]
    assert out.tolist() == expected
    assert len(table) == 3
    assert MaskTable.of([]).elevation_rad.shape == (0, MASK_BINS)


def test_a_canyon_is_open_along_the_street_and_walled_across():
    mask = urban_canyon(street_azimuth_rad=math.radians(30.0), height_m=10.0, width_m=20.0).elevation_rad
    assert mask[6] == pytest.approx(0.0, abs=float32_rad)  # 30 degrees
    assert mask[42] == pytest.approx(0.0, abs=float32_rad)  # 210 degrees
    assert mask[24] == pytest.approx(math.pi / 4, abs=float32_rad)  # 120: a wall 10 m high, 10 m away


def test_a_building_hides_only_what_is_behind_it():
    mask = single_building(azimuth_rad=math.pi, distance_m=20.0, width_m=40.0, height_m=20.0).elevation_rad
    assert mask[36] == pytest.approx(math.pi / 4, abs=float32_rad)
    assert np.flatnonzero(mask).tolist() == list(range(28, 45))  # within 45 degrees of south
    assert mask[30] < mask[36]


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_made_masks_depend_on_seed_and_number_only(kind):
    first, again = made_mask(kind, seed=5, number=3), made_mask(kind, seed=5, number=3)
    np.testing.assert_array_equal(first.elevation_rad, again.elevation_rad)
    assert first.name == f"{kind} 3"
    for seed, number in ((6, 3), (5, 4)):
        assert not np.array_equal(
            first.elevation_rad, made_mask(kind, seed=seed, number=number).elevation_rad
        )
    worst = max(float(made_mask(kind, seed=1, number=n).elevation_rad.max()) for n in range(50))
    assert math.radians(20.0) < worst < math.radians(75.0)


def test_an_unknown_kind_of_mask_names_the_nearest():
    with pytest.raises(BadInput) as caught:
        made_mask("urban canyon", seed=1, number=1)
    assert "urban-canyon" in caught.value.hint


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "yard.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_file_of_few_azimuths_is_joined_by_straight_lines(written):
    mask = read_mask(written("azimuth_deg,elevation_deg\n180,20\n0,0\n"))
    assert mask.name == "yard"
    assert mask.elevation_rad[18] == pytest.approx(math.radians(10.0), abs=float32_rad)
    assert mask.elevation_rad[54] == pytest.approx(math.radians(10.0), abs=float32_rad)


def test_a_thin_mast_between_two_azimuths_is_not_lost(written):
    samples = "".join(f"{azimuth},{60 if azimuth == 92 else 0}\n" for azimuth in range(360))
    mask = read_mask(written("azimuth_deg,elevation_deg\n" + samples))
    assert np.flatnonzero(mask.elevation_rad).tolist() == [18]
    assert mask.elevation_rad[18] == pytest.approx(math.radians(60.0), abs=float32_rad)


def test_one_height_all_round_and_horizons_below_level(written):
    assert read_mask(written("azimuth,elevation\n0,15\n")).elevation_rad == pytest.approx(math.radians(15.0))
    assert read_mask(written("azimuth,elevation\n0,-3\n")).elevation_rad.max() == 0.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "azimuth_deg,elevation_deg\n0,abc\n10,95\n",
            "line 2, elevation_deg 'abc'.*line 3, elevation_deg '95'",
        ),
        ("azimuth_deg,elevation_deg\n0,1\n360,2\n", "line 3, azimuth_deg '360': line 2 has the same azimuth"),
        ("azimuth_deg,elevation_deg\n0,1,2\n", "line 2: it has 3 values"),
        ("azimuth_deg,elevation_deg\n0,nan\n", "line 2, elevation_deg 'nan'"),
        ("azimuth,height\n0,1\n", "no column 'elevation_deg'"),
        ("", "empty"),
    ],
)
def test_what_is_wrong_with_a_mask_is_said_with_the_line(written, content, said):
    with pytest.raises(BadInput, match=said):
        read_mask(written(content))


@given(content=st.binary(max_size=100))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_the_reader_fail_but_with_bad_input(written, content):
    with contextlib.suppress(BadInput):
        read_mask(written(b"azimuth_deg,elevation_deg\n" + content))


def test_a_mask_of_another_size_is_a_programming_error():
    with pytest.raises(ValueError, match="72"):
        HorizonMask(name="x", elevation_rad=np.zeros(36, dtype=np.float32))
