"""Walker patterns: exact phasing, exact altitude, and a shape that lasts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.orbits.propagation import Propagator
from openleo.orbits.walker import walker_delta, walker_star

EPOCH = np.datetime64("2024-03-01T00:00:00", "ns")
MINUTE = np.timedelta64(60_000_000_000, "ns")
TAU = 2.0 * np.pi


def degrees(angle_rad: np.ndarray) -> np.ndarray:
    return np.round(np.degrees(angle_rad), 9)


def test_walkers_example_24_3_1_has_its_nodes_and_phases() -> None:
    # Galileo's pattern, 56:24/3/1: planes 120 deg apart, 45 deg along the plane, 15 deg from plane to plane.
    sets = walker_delta(
        total=24, planes=3, phasing=1, inclination_rad=np.radians(56.0), altitude_m=23_222e3, epoch=EPOCH
    )
    assert list(degrees(sets.raan_rad)) == [0.0] * 8 + [120.0] * 8 + [240.0] * 8
    first_plane = np.arange(8) * 45.0
    expected = np.concatenate([first_plane, first_plane + 15.0, first_plane + 30.0])
    np.testing.assert_array_equal(degrees(sets.mean_anomaly_rad), expected)
    assert sets.name[8] == "walker-1-0"
    assert list(sets.catalogue_number[:3]) == [1, 2, 3]


def test_a_star_spreads_its_nodes_over_half_a_turn() -> None:
    # Iridium, 86.4:66/6/2 as a star.
    sets = walker_star(
        total=66, planes=6, phasing=2, inclination_rad=np.radians(86.4), altitude_m=780e3, epoch=EPOCH
    )
    assert list(degrees(sets.raan_rad[::11])) == [0.0, 30.0, 60.0, 90.0, 120.0, 150.0]
    step = 2.0 * 360.0 / 66.0
    np.testing.assert_allclose(degrees(sets.mean_anomaly_rad[::11]), np.arange(6) * step, atol=1e-8)


@given(planes=st.integers(1, 72), each=st.integers(1, 40), phasing=st.integers(0, 71))
def test_any_delta_pattern_closes_and_has_the_same_step_everywhere(
    planes: int, each: int, phasing: int
) -> None:
    phasing %= planes
    total = planes * each
    sets = walker_delta(
        total=total, planes=planes, phasing=phasing, inclination_rad=0.9, altitude_m=550e3, epoch=EPOCH
    )
    unit = TAU / total
    phase = sets.mean_anomaly_rad.reshape(planes, each) / unit
    along = np.diff(np.concatenate([phase, phase[:, :1]], axis=1), axis=1)
    np.testing.assert_allclose(np.remainder(along + 0.5, total), np.remainder(planes + 0.5, total), atol=1e-9)
    next_plane = np.roll(phase[:, 0], -1) - phase[:, 0]
    np.testing.assert_allclose(
        np.remainder(next_plane[:-1] + 0.5, total), np.remainder(phasing + 0.5, total), atol=1e-9
    )
    # From the last plane to the first the phase is F again, up to whole places along the plane.
    closing = np.remainder(next_plane[-1] - phasing + 0.5, planes)
    assert closing == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("inclination_deg", [0.0, 42.0, 53.0, 63.4349, 97.6, 180.0])
def test_the_axis_that_sgp4_works_with_is_the_altitude_over_the_equator(inclination_deg: float) -> None:
    pattern = {"total": 4, "planes": 2, "phasing": 1, "altitude_m": 550e3, "epoch": EPOCH}
    pattern["inclination_rad"] = np.radians(inclination_deg)
    wgs84 = walker_delta(**pattern)
    np.testing.assert_allclose(wgs84.semi_major_axis_m - 6_378_137.0, 550e3, atol=1e-3)
    wgs72 = walker_delta(equatorial_radius_m=6_378_135.0, **pattern)
    np.testing.assert_allclose(wgs84.semi_major_axis_m - wgs72.semi_major_axis_m, 2.0, atol=1e-3)


def test_after_a_month_every_plane_has_turned_alike_and_every_satellite_run_alike() -> None:
    sets = walker_delta(
        total=72, planes=6, phasing=3, inclination_rad=np.radians(53.0), altitude_m=550e3, epoch=EPOCH
    )
    later = Propagator(sets).teme_m(np.array([EPOCH + 30 * 1440 * MINUTE]))[0]
    # Turn each plane back onto the first: 2 F = P, so planes p and p + 2 hold the same phases, a place apart.
    node = np.repeat(np.arange(6) * TAU / 6, 12)
    c, s = np.cos(node), np.sin(node)
    x, y, z = later.T
    back = np.stack([c * x + s * y, c * y - s * x, z], axis=-1).reshape(6, 12, 3)
    np.testing.assert_allclose(back[2], np.roll(back[0], -1, axis=0), atol=1e-3)
    np.testing.assert_allclose(back[5], np.roll(back[1], -2, axis=0), atol=1e-3)
    assert np.abs(np.linalg.norm(later, axis=1) - 6_928_137.0).max() < 12e3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total": 23}, "23 satellites cannot be spread evenly over 4 planes"),
        ({"planes": 0}, "cannot be spread"),
        ({"phasing": 4}, "phasing 4 is not within 0 and 4"),
        ({"phasing": -1}, "phasing -1 is not within"),
        ({"inclination_rad": 4.0}, "inclination 4.0 rad"),
        ({"altitude_m": -5e3}, "below the surface"),
    ],
)
def test_numbers_that_make_no_pattern_are_refused(change: dict[str, float], message: str) -> None:
    good = {"total": 24, "planes": 4, "phasing": 1, "inclination_rad": 0.9, "altitude_m": 550e3}
    with pytest.raises(ValueError, match=message):
        walker_delta(epoch=EPOCH, **(good | change))  # type: ignore[arg-type]
