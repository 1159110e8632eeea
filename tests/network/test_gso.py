import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.compile import njit
from openleo.base.constants import GSO_RADIUS_M
from openleo.ground.frames import geodetic_to_itrs_m
from openleo.network.gso import (
    gso_cos_separation,
    gso_cos_separation_reference,
    gso_excluded,
    gso_meridian,
    gso_rule,
    gso_verdict,
)

EXCLUSION = math.radians(18.0)


def unit(azimuth_deg, elevation_deg):
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    return math.cos(e) * math.sin(a), math.cos(e) * math.cos(a), math.sin(e)


@given(st.floats(-89, 89), st.floats(0, 360), st.floats(0, 90))
@settings(max_examples=200, deadline=None)
def test_the_search_finds_the_nearest_point_of_the_arc(latitude_deg, azimuth_deg, elevation_deg):
    sight = unit(azimuth_deg, elevation_deg)
    got = gso_cos_separation(math.radians(latitude_deg), *sight)
    want = gso_cos_separation_reference(math.radians(latitude_deg), *sight)
    if want > 0:  # only what is near the arc matters
        assert math.acos(min(got, 1.0)) == pytest.approx(math.acos(min(want, 1.0)), abs=math.radians(0.01))


def near_the_limit(rng, latitude_rad, exclusion_rad, count):
    """Lines of sight (count, 3) within half a degree of being as far from a part of the arc as the limit."""
    point = geodetic_to_itrs_m(np.array([latitude_rad]), np.array([0.0]))[0]
    at = rng.uniform(-math.pi, math.pi, count)
    arc = GSO_RADIUS_M * np.stack([np.cos(at), np.sin(at), np.zeros(count)], axis=1) - point
    arc /= np.linalg.norm(arc, axis=1, keepdims=True)
    along = np.stack([-np.sin(at), np.cos(at), np.zeros(count)], axis=1)
    across = np.cross(arc, along)
    across /= np.linalg.norm(across, axis=1, keepdims=True) * rng.choice([-1.0, 1.0], (count, 1))
    angle = exclusion_rad + np.radians(rng.choice([0.5, 0.02, 0.001], count) * rng.uniform(-1.0, 1.0, count))
    sight = np.cos(angle)[:, None] * arc + np.sin(angle)[:, None] * across
    frame = [
        [0.0, 1.0, 0.0],
        [-math.sin(latitude_rad), 0.0, math.cos(latitude_rad)],
        [math.cos(latitude_rad), 0.0, math.sin(latitude_rad)],
    ]
    sight = sight @ np.array(frame).T
    return sight[sight[:, 2] > 0.0]


@pytest.mark.parametrize("exclusion_deg", [0.0, 2.0, 18.0, 22.0, 40.0])
def test_the_quick_tests_never_differ_from_the_search(exclusion_deg):
    rng = np.random.default_rng(3)
    rule = gso_rule(math.radians(exclusion_deg))
    wrong = looked_at = 0
    for latitude in np.radians(np.concatenate([rng.uniform(-90, 90, 100), [0.0, 81.2, -81.3, 81.4, 90.0]])):
        anywhere = [unit(a, e) for a, e in zip(rng.uniform(0, 360, 40), rng.uniform(0, 90, 40), strict=True)]
        for sight in [*anywhere, *near_the_limit(rng, latitude, math.radians(exclusion_deg), 100)]:
            separation = gso_cos_separation(float(latitude), *map(float, sight))
            wrong += (separation > rule.cos_exclusion) != gso_excluded(
                rule, float(latitude), *map(float, sight)
            )
            looked_at += 1
    assert looked_at > 6_000
    assert wrong == 0


@njit
def quick(rule, latitude_rad, px, pz, outward, northward):
    """The verdict for a unit line of sight, by its own meridian alone."""
    return gso_verdict(rule, gso_meridian(latitude_rad, px, pz), outward, northward, 1.0)


@pytest.mark.parametrize("latitude_deg", [0.0, 0.1, -23.0, 50.0, -66.0, 80.0])
def test_the_meridian_test_is_never_wrong_and_leaves_little_in_doubt(latitude_deg):
    rng = np.random.default_rng(4)
    rule = gso_rule(EXCLUSION)
    latitude = math.radians(latitude_deg)
    px, _, pz = geodetic_to_itrs_m(np.array([latitude]), np.array([0.0]))[0]
    doubtful = 0
    for azimuth, elevation in zip(rng.uniform(0, 360, 4_000), rng.uniform(25, 90, 4_000), strict=True):
        east, north, up = unit(azimuth, elevation)
        outward = math.cos(latitude) * up - math.sin(latitude) * north
        northward = math.sin(latitude) * up + math.cos(latitude) * north
        verdict = quick(rule, latitude, px, pz, outward, northward)
        excluded = gso_cos_separation(latitude, east, north, up) > rule.cos_exclusion
        assert verdict == 1 or (verdict == 2) == excluded
        doubtful += verdict == 1
    assert doubtful < (400 if abs(latitude_deg) > 75.0 else 10)


@pytest.mark.parametrize(
    ("latitude", "azimuth", "elevation", "excluded"),
    [
        (0.0, 0.0, 90.0, True),  # on the equator the arc goes through the zenith
        (0.0, 90.0, 45.0, True),
        (0.0, 0.0, 71.0, False),  # 19 degrees from it
        (50.0, 180.0, 33.0, True),  # the arc's top at 50 N stands at 32.7 degrees
        (50.0, 180.0, 52.0, False),
        (50.0, 0.0, 33.0, False),
        (-50.0, 0.0, 33.0, True),  # south of the equator it is in the north
    ],
)
def test_known_directions(latitude, azimuth, elevation, excluded):
    assert gso_excluded(gso_rule(EXCLUSION), math.radians(latitude), *unit(azimuth, elevation)) == excluded


def test_beyond_the_arcs_horizon_nothing_is_excluded():
    assert gso_cos_separation(math.radians(82.0), *unit(180.0, 5.0)) == -2.0
