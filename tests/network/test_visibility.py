"""Candidates of cells, against a slow reference and against an independent look at the sky."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skies import EXCLUSION_RAD, MIN_ELEVATION_RAD, SLOT, cells_about, sky_about, view_of

from openleo.network.constraints import TILE
from openleo.network.gso import gso_cos_separation_reference, gso_rule
from openleo.network.preference import PREFERENCES
from openleo.network.reference import find_candidates_reference
from openleo.network.visibility import find_candidates, remaining_visibility_s
from openleo.orbits.propagation import Propagator
from openleo.orbits.walker import walker_delta

RULE = gso_rule(EXCLUSION_RAD)


def found(ground, sky, view, rule=RULE, limit=16):
    count = len(ground.latitude_rad)
    out = (
        np.empty((count, limit), np.int16),
        np.empty((count, limit), np.float32),
        np.empty((count, 4), np.uint8),
    )
    find_candidates(ground, sky, view, rule, SLOT, *out)
    return out


def agree(ground, sky, view, rule=RULE, limit=16):
    """Assert that kernel and reference agree; return the counts."""
    satellites, utilities, counts = found(ground, sky, view, rule, limit)
    want = find_candidates_reference(ground, sky, view, rule, SLOT, limit=limit)
    np.testing.assert_array_equal(counts, want[2])
    np.testing.assert_array_equal(satellites, want[0])
    np.testing.assert_allclose(utilities, want[1], rtol=1e-6, atol=1e-6)
    return counts


PLACES = {
    "equator": (0.0, 10.0),
    "just south of the equator": (-0.05, 120.0),
    "the tropics": (-14.0, -60.0),
    "Kyiv": (50.45, 30.52),
    "southern ocean": (-50.0, 70.0),
    "east of the antimeridian": (-17.0, -179.9),
    "west of the antimeridian": (66.0, 179.95),
    "where the arc meets the horizon": (81.3, 0.0),
    "nearly a pole": (89.9, 45.0),
    "south pole": (-90.0, 0.0),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("preference", PREFERENCES)
def test_the_kernel_agrees_with_the_reference_at(place, preference):
    rng = np.random.default_rng(len(place) * 100 + len(preference))
    ground = cells_about(rng, *PLACES[place], cells=5)
    counts = agree(ground, sky_about(rng, *PLACES[place], satellites=80), view_of(PREFERENCES[preference]))
    assert counts[:, 0].min() > 0


@given(
    seed=st.integers(0, 2**32 - 1),
    latitude_deg=st.floats(-90.0, 90.0),
    longitude_deg=st.floats(-180.0, 180.0),
    min_elevation_deg=st.sampled_from([5.0, 10.0, 25.0, 40.0]),
    exclusion_deg=st.sampled_from([0.0, 1.0, 5.0, 18.0, 40.0]),
    limit=st.sampled_from([1, 3, 16]),
)
@settings(max_examples=80, deadline=None)
def test_the_kernel_agrees_with_the_reference_anywhere(
    seed, latitude_deg, longitude_deg, min_elevation_deg, exclusion_deg, limit
):
    rng = np.random.default_rng(seed)
    ground = cells_about(rng, latitude_deg, longitude_deg, cells=4)
    sky = sky_about(rng, latitude_deg, longitude_deg, satellites=40)
    view = view_of(PREFERENCES["observed"])._replace(min_elevation_rad=math.radians(min_elevation_deg))
    agree(ground, sky, view, gso_rule(math.radians(exclusion_deg)), limit)


def test_more_satellites_near_a_block_than_the_scratch_holds_are_all_looked_at():
    rng = np.random.default_rng(5)
    ground = cells_about(rng, 40.0, -100.0, cells=3)
    sky = sky_about(rng, 40.0, -100.0, satellites=3 * TILE, spread_deg=9.0)
    counts = agree(ground, sky, view_of(PREFERENCES["observed"]))
    assert counts[:, 0].max() == 255  # as many as a byte can say, or more
    assert (counts[:, 3] > 16).all()


def test_cells_all_over_the_globe_miss_no_satellite():
    rng = np.random.default_rng(6)
    parts = [(60.0, 0.0), (-5.0, 90.0), (-60.0, 180.0), (5.0, -90.0)]
    ground = cells_about(rng, 0.0, 0.0, cells=20, places=parts)
    sky = sky_about(rng, 0.0, 0.0, satellites=300, spread_deg=180.0)
    assert agree(ground, sky, view_of(PREFERENCES["observed"]))[:, 0].sum() > 0


def test_an_empty_sky_leaves_no_candidates():
    rng = np.random.default_rng(7)
    ground = cells_about(rng, 50.0, 30.0, cells=3)
    satellites, utilities, counts = found(ground, sky_about(rng, 50.0, 30.0, satellites=0), view_of())
    assert (satellites == -1).all()
    assert (utilities == -np.inf).all()
    assert (counts == 0).all()


def standing(ground, azimuth_deg, elevation_deg, range_m=900e3):
    """A sky of one satellite that stands still where the first cell sees it."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    sight = math.cos(e) * math.sin(a), math.cos(e) * math.cos(a), math.sin(e)
    frame = ground.east[0], ground.north[0], ground.up[0]
    place = ground.point_m[0] + range_m * sum(s * f for s, f in zip(sight, frame, strict=True))
    return sky_about(np.random.default_rng(1), 0.0, 0.0, satellites=1)._replace(
        start_m=place[None], end_m=place[None].copy()
    )


# At 50 N the arc's top is at azimuth 180, elevation 33; the dish sees 55 degrees about (0, 70).
@pytest.mark.parametrize(
    ("latitude", "azimuth", "elevation", "counts", "why"),
    [
        (50.0, 0.0, 25.0 + 1e-6, (1, 1, 1, 1), "a hair above the minimum elevation"),
        (50.0, 0.0, 25.0 - 1e-6, (0, 0, 0, 0), "a hair below it"),
        (50.0, 0.0, 90.0, (1, 1, 1, 1), "the zenith"),
        (50.0, 180.0, 33.0, (1, 0, 0, 0), "on the arc"),
        (-50.0, 0.0, 33.0, (1, 0, 0, 0), "on the arc of the southern sky"),
        (-50.0, 180.0, 33.0, (1, 1, 1, 1), "away from it"),
        (50.0, 180.0, 55.0 + 1e-6, (1, 1, 1, 1), "a hair inside the field of view"),
        (50.0, 180.0, 55.0 - 1e-6, (1, 1, 0, 0), "a hair outside it"),
        (-50.0, 0.0, 55.0 - 1e-6, (1, 1, 0, 0), "outside it in the southern sky"),
        (0.0, 0.0, 71.0, (1, 1, 1, 1), "19 degrees from the arc through the zenith"),
        (0.0, 0.0, 73.0, (1, 0, 0, 0), "17 degrees from it"),
        (0.0, 90.0, 40.0, (1, 0, 0, 0), "along it"),
        (85.0, 180.0, 25.5, (1, 1, 0, 0), "no arc above the horizon"),
    ],
)
def test_boundaries_of_each_constraint(latitude, azimuth, elevation, counts, why):
    ground = cells_about(np.random.default_rng(2), latitude, 30.0, cells=1, spread_deg=0.0, kinds=1)
    got = found(ground, standing(ground, azimuth, elevation), view_of())[2][0]
    assert tuple(got) == counts, why


@pytest.mark.parametrize("latitude", [0.0, 45.0, -45.0, 70.0, 89.9])
@pytest.mark.parametrize("min_elevation_deg", [5.0, 25.0])
def test_the_search_about_a_block_reaches_every_satellite_on_the_edge(latitude, min_elevation_deg):
    ground = cells_about(np.random.default_rng(4), latitude, 100.0, cells=1, spread_deg=0.0)
    sky = sky_about(np.random.default_rng(1), 0.0, 0.0, satellites=72)
    for s in range(72):
        sky.start_m[s] = standing(ground, 5.0 * s, min_elevation_deg + 1e-6).start_m[0]
    view = view_of()._replace(min_elevation_rad=math.radians(min_elevation_deg))
    assert found(ground, sky._replace(end_m=sky.start_m), view)[2][0, 0] == 72


@pytest.mark.parametrize("case", ["pop is down", "no route to its pop"])
def test_without_a_way_to_its_pop_a_cell_has_no_candidate(case):
    rng = np.random.default_rng(8)
    ground = cells_about(rng, 50.0, 30.0, cells=6)
    sky, view = sky_about(rng, 50.0, 30.0, satellites=60), view_of()
    ours = ground.pop == 1
    if case == "pop is down":
        view = view._replace(pop_up=np.array([True, False]))
    else:
        sky.route_s[1] = np.inf
    satellites, _, counts = found(ground, sky, view)
    assert ours.any()
    assert (counts[ours, 3] == 0).all()
    assert (counts[ours, 2] > 0).all()
    assert (satellites[ours] == -1).all()
    assert (counts[~ours, 3] > 0).all()


def elevation_and_separation_deg(latitude_deg, longitude_deg, place_m):
    """By formulas of their own: WGS84, and the arc sampled each 0.002 degrees."""
    lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
    a, e2 = 6_378_137.0, 0.00669437999014
    n = a / math.sqrt(1.0 - e2 * math.sin(lat) ** 2)
    point = np.array(
        [n * math.cos(lat) * math.cos(lon), n * math.cos(lat) * math.sin(lon), n * (1 - e2) * math.sin(lat)]
    )
    zenith = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    sight = (place_m - point) / np.linalg.norm(place_m - point)
    north = float(sight @ np.cross(zenith, east))
    cosine = gso_cos_separation_reference(lat, float(sight @ east), north, float(sight @ zenith))
    return math.degrees(math.asin(sight @ zenith)), math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


@given(st.integers(0, 2**32 - 1), st.floats(-75.0, 75.0), st.floats(-180.0, 180.0))
@settings(max_examples=15, deadline=None)
def test_no_candidate_is_below_the_minimum_elevation_or_inside_the_exclusion(
    seed, latitude_deg, longitude_deg
):
    rng = np.random.default_rng(seed)
    ground = cells_about(rng, latitude_deg, longitude_deg, cells=3)
    sky = sky_about(rng, latitude_deg, longitude_deg, satellites=60)
    satellites, _, _ = found(ground, sky, view_of(), limit=4)
    for c, k in zip(*np.nonzero(satellites >= 0), strict=True):
        s = satellites[c, k]
        direction = ground.up[c]
        at = math.degrees(math.asin(direction[2])), math.degrees(math.atan2(direction[1], direction[0]))
        for w in (0.0, 0.5, 1.0):
            place_m = (1.0 - w) * sky.start_m[s] + w * sky.end_m[s]
            elevation, separation = elevation_and_separation_deg(*at, place_m)
            assert elevation >= math.degrees(MIN_ELEVATION_RAD) - 1e-6
            assert separation >= 18.0 - 1e-4


def test_candidates_come_best_first_and_only_once():
    rng = np.random.default_rng(9)
    ground = cells_about(rng, 50.0, 30.0, cells=8)
    satellites, utilities, counts = found(ground, sky_about(rng, 50.0, 30.0, satellites=100), view_of())
    for c in range(8):
        held = satellites[c][satellites[c] >= 0]
        assert len(held) == min(counts[c, 3], 16)
        assert len(set(held)) == len(held)
        assert (np.diff(utilities[c, : len(held)]) <= 0.0).all()


def test_remaining_visibility_is_that_of_the_propagated_orbit():
    """The great circle through a slot's two ends foretells the setting of a satellite within seconds."""
    epoch = np.datetime64("2024-03-01T00:00:00", "ns")
    sets = walker_delta(
        total=400, planes=20, phasing=1, inclination_rad=math.radians(53.0), altitude_m=550e3, epoch=epoch
    )
    seconds = np.arange(0, 900)
    places = Propagator(sets).itrs_m(epoch + seconds * np.timedelta64(1_000_000_000, "ns"))
    point = cells_about(np.random.default_rng(3), 48.0, 11.0, cells=1, spread_deg=0.0).point_m[0]
    directions = places / np.linalg.norm(places, axis=2, keepdims=True)
    reach_rad = math.radians(8.5)
    inside = directions @ (point / np.linalg.norm(point)) >= math.cos(reach_rad)
    compared = 0
    for s in np.flatnonzero(inside[0]):
        truth_s = int(np.argmin(inside[:, s]))
        assert truth_s > 0
        got = remaining_visibility_s(point, places[0, s], places[15, s], reach_rad)
        assert got == pytest.approx(truth_s, abs=1.0 + 0.03 * truth_s)
        compared += 1
    assert compared > 3


def test_nothing_remains_of_a_satellite_whose_path_never_comes_within_reach():
    point = np.array([6.37e6, 0.0, 0.0])
    start, end = np.array([0.0, 6.9e6, 0.0]), np.array([0.0, 6.9e6, 1.0e5])
    assert remaining_visibility_s(point, start, end, math.radians(8.0)) == 0.0
