import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.network.gso import gso_cos_separation, gso_cos_separation_reference, gso_excluded, gso_table

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


def test_the_table_never_differs_from_the_exact_test():
    rng = np.random.default_rng(3)
    table = gso_table(np.radians([-70.0, 70.0, 0.0]), EXCLUSION)
    wrong = 0
    for latitude, azimuth, elevation in zip(
        rng.uniform(-69, 69, 40_000), rng.uniform(0, 360, 40_000), rng.uniform(20, 90, 40_000), strict=True
    ):
        sight = unit(azimuth, elevation)
        exact = gso_cos_separation(math.radians(latitude), *sight) > math.cos(EXCLUSION)
        wrong += exact != gso_excluded(table, math.radians(latitude), *sight)
    assert wrong == 0


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
    table = gso_table(np.radians([latitude]), EXCLUSION)
    assert gso_excluded(table, math.radians(latitude), *unit(azimuth, elevation)) == excluded


def test_beyond_the_arcs_horizon_nothing_is_excluded():
    assert gso_cos_separation(math.radians(82.0), *unit(180.0, 5.0)) == -2.0
