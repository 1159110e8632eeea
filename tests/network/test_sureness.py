"""Flags picked by eights, and constraints that all cells of a block answer alike, against asking each."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skies import EXCLUSION_RAD

from openleo.base.compile import njit
from openleo.network.eights import add_places
from openleo.network.gso import gso_cos_separation, gso_rule, gso_sureness

RULE = gso_rule(EXCLUSION_RAD)


@njit
def picked(words, places):
    count = 0
    for j in range(len(words)):
        count = add_places(words[j], 8 * j, places, count)
    return count


@given(st.lists(st.booleans(), max_size=200))
@settings(deadline=None)
def test_places_by_eights_are_those_found_one_by_one(flags):
    flag = np.zeros(200, np.uint8)
    flag[: len(flags)] = flags
    places = np.empty(208, np.uint8)
    count = picked(flag.view(np.uint64), places)
    np.testing.assert_array_equal(places[:count], np.flatnonzero(flag))


@njit
def sureness(rule, place, step_m, to_m):
    """What `gso_sureness` says of a satellite (x, y, z from the Earth's centre) about a point (x, 0, z)."""
    x, y, z = to_m[0] - place[0], to_m[1], to_m[2] - place[1]
    about = 1.02 * step_m + 10.0, 1.02 * step_m / 3.2e7
    return gso_sureness(rule, (place[0], place[1]), x, z, x * x + y * y + z * z, about)


@pytest.mark.parametrize("step_m", [0.0, 3e4, 1e5])
def test_nobody_within_a_step_contradicts_what_is_sure(step_m):
    """Of many points about a middle, none finds a satellite near the arc that is surely clear, nor clear
    one that is surely near; and few are left in doubt."""
    rng = np.random.default_rng(int(step_m))
    doubts = 0
    for _ in range(400):
        latitude = math.radians(rng.uniform(-60.0, 60.0))
        place = np.array([6.37e6 * math.cos(latitude), 6.37e6 * math.sin(latitude)])
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        direction[0] += abs(direction[0]) + 0.5  # mostly upward
        ahead = np.array([math.cos(latitude), 0.0, math.sin(latitude)]) + 0.7 * direction
        satellite = np.array([place[0], 0.0, place[1]]) + rng.uniform(5e5, 1.5e6) * ahead
        sure = sureness(RULE, place, step_m, satellite)
        doubts += sure == 1
        for angle in np.linspace(0.0, 2.0 * math.pi, 9):
            north, east = step_m / 6.37e6 * math.sin(angle), step_m / 6.37e6 * math.cos(angle)
            near = separation_cosine(latitude + 0.7 * north, 0.7 * east / math.cos(latitude), satellite)
            if near > -2.0 and sure != 1:
                assert (near > RULE.cos_exclusion) == (sure == 2)
    assert doubts < 200


def separation_cosine(latitude, longitude, satellite_m):
    """The cosine of the angle to the arc as a place on a sphere sees it; -2 where no arc is visible."""
    up = np.array(
        [
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        ]
    )
    sight = satellite_m - 6.37e6 * up
    sight /= np.linalg.norm(sight)
    east = np.array([-math.sin(longitude), math.cos(longitude), 0.0])
    if sight @ up < math.sin(EXCLUSION_RAD):
        return -2.0
    return gso_cos_separation(latitude, sight @ east, sight @ np.cross(up, east), sight @ up)
