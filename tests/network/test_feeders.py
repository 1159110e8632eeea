"""Feeder links and the routes over them, against slow references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skies import EXCLUSION_RAD, cells_about, sky_about

from openleo.network.feeders import (
    MAX_GATEWAYS_OF_SATELLITE,
    feeder_links,
    linked_satellites,
    nearest_pops,
    routes_by_feeder,
)
from openleo.network.gso import gso_rule
from openleo.network.reference import feeder_links_reference, routes_by_feeder_reference

RULE = gso_rule(EXCLUSION_RAD)


@given(
    seed=st.integers(0, 2**32 - 1),
    latitude_deg=st.floats(-90.0, 90.0),
    longitude_deg=st.floats(-180.0, 180.0),
    min_elevation_deg=st.sampled_from([0.0, 5.0, 10.0, 25.0]),
)
@settings(max_examples=50, deadline=None)
def test_feeder_links_agree_with_the_reference(seed, latitude_deg, longitude_deg, min_elevation_deg):
    rng = np.random.default_rng(seed)
    gateways = cells_about(rng, latitude_deg, longitude_deg, cells=4, spread_deg=5.0)
    sky = sky_about(rng, latitude_deg, longitude_deg, satellites=40, spread_deg=20.0)
    floor = np.full(4, math.radians(min_elevation_deg))
    up = np.array([True, True, False, True])
    delay_s = np.empty((4, 40), np.float32)
    feeder_links(gateways, floor, up, sky.start_m, sky.end_m, RULE, delay_s)
    want = feeder_links_reference(gateways, floor, up, (sky.start_m, sky.end_m), RULE)
    np.testing.assert_allclose(delay_s, want, rtol=1e-6)
    assert np.isinf(delay_s[2]).all()


def test_a_satellite_at_the_zenith_is_as_far_as_it_is_high():
    gateways = cells_about(np.random.default_rng(1), 60.0, 10.0, cells=1, spread_deg=0.0)
    place = gateways.point_m + 550e3 * gateways.up
    delay_s = np.empty((1, 1), np.float32)
    feeder_links(gateways, np.array([math.radians(25.0)]), np.array([True]), place, place, RULE, delay_s)
    assert delay_s[0, 0] == pytest.approx(550e3 / 299_792_458.0, rel=1e-6)


DELAYS = st.one_of(st.just(math.inf), st.floats(2.0**-10, 2.0**-6, width=32))


@given(
    st.integers(1, 12).flatmap(
        lambda gateways: st.tuples(
            hnp.arrays(np.float32, (gateways, 5), elements=DELAYS),
            hnp.arrays(np.float64, (gateways, 3), elements=DELAYS),
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_routes_agree_with_the_reference(delays):
    delay_s, fibre_s = delays
    route_s, gateway = np.empty((3, 5), np.float32), np.empty((5, MAX_GATEWAYS_OF_SATELLITE), np.int16)
    below = np.arange(5) % 3
    routes_by_feeder(delay_s, fibre_s, below, route_s, gateway)
    want_route_s, want_gateway = routes_by_feeder_reference(delay_s, fibre_s, below)
    np.testing.assert_array_equal(route_s, want_route_s)
    np.testing.assert_array_equal(gateway, want_gateway)


@pytest.mark.parametrize(
    ("delay_s", "fibre_s", "route_s", "gateways"),
    [
        ([0.003, 0.004], [[0.010], [0.002]], 0.006, [1, 0]),  # the nearer gateway has the longer fibre
        ([math.inf, 0.004], [[0.001], [0.002]], 0.006, [1]),
        ([0.003, 0.004], [[math.inf], [0.002]], 0.006, [1]),  # a gateway that is cut off
        ([0.003, 0.003], [[0.002], [0.002]], 0.005, [0, 1]),  # equals in the order of the table
        ([math.inf, math.inf], [[0.001], [0.002]], math.inf, []),
    ],
)
def test_known_routes(delay_s, fibre_s, route_s, gateways):
    got_s, got = np.empty((1, 1), np.float32), np.empty((1, MAX_GATEWAYS_OF_SATELLITE), np.int16)
    routes_by_feeder(np.array(delay_s, np.float32)[:, None], np.array(fibre_s), np.zeros(1, int), got_s, got)
    assert got_s[0, 0] == pytest.approx(route_s, rel=1e-6)
    assert got[0].tolist() == gateways + [-1] * (MAX_GATEWAYS_OF_SATELLITE - len(gateways))


def test_a_satellite_prefers_the_gateway_on_the_way_to_the_pop_below_it():
    """Low over a far gateway that stands beside another PoP, it still goes down toward its own."""
    delay_s = np.array([[0.0066], [0.0024]], np.float32)  # the far gateway, the near one
    fibre_s = np.array([[0.002, 0.012], [0.010, 0.0003]])  # to the far PoP, to the one below
    route_s, gateway = np.empty((2, 1), np.float32), np.empty((1, MAX_GATEWAYS_OF_SATELLITE), np.int16)
    routes_by_feeder(delay_s, fibre_s, np.array([1]), route_s, gateway)
    assert gateway[0, :2].tolist() == [1, 0]


@given(hnp.arrays(np.float32, st.integers(0, 300), elements=DELAYS))
@settings(max_examples=100, deadline=None)
def test_the_satellites_with_a_link_are_those_with_a_delay(delay_s):
    which = np.full(len(delay_s), -1, np.int32)
    count = linked_satellites(delay_s, which)
    assert which[:count].tolist() == np.flatnonzero(np.isfinite(delay_s)).tolist()


def test_many_satellites_over_few_gateways_are_all_looked_at():
    rng = np.random.default_rng(12)
    gateways = cells_about(rng, 55.0, 20.0, cells=3, spread_deg=5.0)
    sky = sky_about(rng, 55.0, 20.0, satellites=333, spread_deg=60.0)
    floor, up = np.radians([5.0, 25.0, 0.0]), np.ones(3, np.bool_)
    delay_s = np.empty((3, 333), np.float32)
    feeder_links(gateways, floor, up, sky.start_m, sky.end_m, RULE, delay_s)
    want = feeder_links_reference(gateways, floor, up, (sky.start_m, sky.end_m), RULE)
    np.testing.assert_allclose(delay_s, want, rtol=1e-6)
    assert (np.isfinite(delay_s).sum(axis=1) > 0).all()


@pytest.mark.parametrize("home", [[True, True, True, True], [False, True, False, True], [False] * 4])
def test_below_a_satellite_is_the_nearest_pop_that_is_home_to_somebody(home):
    rng = np.random.default_rng(13)
    place_m, direction = rng.normal(size=(50, 3)), rng.normal(size=(4, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    below = np.empty(50, np.int64)
    nearest_pops(place_m, direction, np.array(home), below)
    want = np.argmax(np.where(home, place_m @ direction.T, -np.inf), axis=1)
    np.testing.assert_array_equal(below, want)
