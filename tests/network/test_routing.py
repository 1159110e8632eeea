"""Routes over inter-satellite links are the shortest, the same on every run, and agree with a reference."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.constants import LIGHT_M_S
from openleo.network import routing
from openleo.network.many_routes import shortest_to_many
from openleo.network.routing import EXIT, UNREACHED

INF = float("inf")
SECOND_OF_LIGHT_M = LIGHT_M_S


def exits(satellites: int, **costs_s: float) -> np.ndarray:
    out = np.full(satellites, INF)
    for name, cost_s in costs_s.items():
        out[int(name[1:])] = cost_s
    return out


def delays(neighbours: np.ndarray, delay_s: float = 1.0) -> np.ndarray:
    return np.where(neighbours >= 0, delay_s, INF)


@st.composite
def networks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random graph with few distinct delays (so that ties are common), its delays and its exits."""
    satellites = draw(st.integers(1, 12))
    possible = [(a, b) for a in range(satellites) for b in range(a)]
    pairs = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    neighbours = routing.neighbour_table(np.array(pairs, dtype=np.int64).reshape(-1, 2), satellites)
    cost = {tuple(sorted(p)): draw(st.sampled_from([0.1, 0.2, 0.3, 0.5, 1.0, INF])) for p in pairs}
    delay_s = delays(neighbours)
    for a, row in enumerate(neighbours):
        for k, b in enumerate(row):
            if b >= 0:
                delay_s[a, k] = cost[(min(a, int(b)), max(a, int(b)))]
    exit_s = draw(st.lists(st.sampled_from([0.0, 0.1, 0.4, INF]), min_size=satellites, max_size=satellites))
    return neighbours, delay_s, np.array(exit_s)


@given(networks())
@settings(max_examples=300, deadline=None)
def test_the_kernel_and_dijkstra_with_a_heap_agree_to_the_last_bit_and_the_same_hop(
    network: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    neighbours, delay_s, exit_s = network
    links = [
        [(int(v), float(d)) for v, d in zip(row, cost, strict=True) if v >= 0]
        for row, cost in zip(neighbours, delay_s, strict=True)
    ]
    expected_s, expected_hop = routing.shortest_to_exits_reference(links, exit_s.tolist())
    dist_s, next_hop = routing.shortest_to_exits(neighbours, delay_s, exit_s)
    assert dist_s.tolist() == expected_s
    assert next_hop.tolist() == expected_hop


@given(networks())
@settings(max_examples=100, deadline=None)
def test_following_next_hops_always_ends_at_an_exit_and_takes_the_delay_promised(
    network: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    neighbours, delay_s, exit_s = network
    dist_s, next_hop = routing.shortest_to_exits(neighbours, delay_s, exit_s)
    for s in np.flatnonzero(np.isfinite(dist_s)):
        path = routing.follow(next_hop, int(s))
        total_s = exit_s[path[-1]]
        for u, v in zip(reversed(path[:-1]), reversed(path[1:]), strict=True):
            total_s += delay_s[u, neighbours[u].tolist().index(v)]
        assert total_s == pytest.approx(dist_s[s], rel=1e-12)


@given(networks())
@settings(max_examples=100, deadline=None)
def test_several_destinations_at_once_are_the_same_as_one_by_one(
    network: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    neighbours, delay_s, exit_s = network
    many = np.stack([exit_s, exit_s[::-1], np.full_like(exit_s, INF)])
    dist_s, next_hop = np.empty_like(many), np.empty(many.shape, np.int32)
    routing.shortest_to_each(neighbours, delay_s, many, dist_s, next_hop)
    for k, one in enumerate(many):
        alone_s, alone_hop = routing.shortest_to_exits(neighbours, delay_s, one)
        assert dist_s[k].tolist() == alone_s.tolist()
        assert next_hop[k].tolist() == alone_hop.tolist()
    assert np.all(next_hop[2] == UNREACHED)


@given(networks(), st.integers(0, 150), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_many_destinations_side_by_side_are_the_same_as_one_by_one_to_the_last_bit(
    network: tuple[np.ndarray, np.ndarray, np.ndarray], destinations: int, random: Random
) -> None:
    neighbours, delay_s, exit_s = network
    many = np.array([random.sample(exit_s.tolist(), len(exit_s)) for _ in range(destinations)])
    many = many.reshape(destinations, len(exit_s))
    want_s, want_hop = np.empty_like(many), np.empty(many.shape, np.int32)
    routing.shortest_to_each(neighbours, delay_s, many, want_s, want_hop)
    dist_s, next_hop = np.empty_like(many), np.empty(many.shape, np.int32)
    shortest_to_many(neighbours, delay_s, many, dist_s, next_hop)
    np.testing.assert_array_equal(dist_s, want_s)
    np.testing.assert_array_equal(next_hop, want_hop)
    shortest_to_many(neighbours, delay_s, many, many, next_hop)  # over its own exits
    np.testing.assert_array_equal(many, want_s)
    np.testing.assert_array_equal(next_hop, want_hop)


def test_on_a_grid_of_many_satellites_they_are_the_same_too() -> None:
    """More satellites than are turned from rows into columns at a time, and routes of many hops."""
    planes, each = 13, 17
    at = np.arange(planes * each).reshape(planes, each)
    pairs = [np.stack([at.ravel(), np.roll(at, 1, axis).ravel()], axis=1) for axis in (0, 1)]
    neighbours = routing.neighbour_table(np.concatenate(pairs), planes * each)
    rng = np.random.default_rng(11)
    place_m = rng.uniform(-1e7, 1e7, (planes * each, 3))
    delay_s = np.empty(neighbours.shape)
    routing.link_delays(place_m, neighbours, 1.8e7, delay_s)
    exit_s = np.where(rng.random((70, planes * each)) < 0.05, rng.uniform(0.0, 0.1, (70, 1)), INF)
    want_s, want_hop = np.empty_like(exit_s), np.empty(exit_s.shape, np.int32)
    routing.shortest_to_each(neighbours, delay_s, exit_s, want_s, want_hop)
    dist_s, next_hop = np.empty_like(exit_s), np.empty(exit_s.shape, np.int32)
    shortest_to_many(neighbours, delay_s, exit_s, dist_s, next_hop)
    np.testing.assert_array_equal(dist_s, want_s)
    np.testing.assert_array_equal(next_hop, want_hop)


def test_satellites_at_one_place_pass_traffic_on_and_never_round() -> None:
    """Element sets just after a launch are copies of one another: 1, 2 and 3 are at one place."""
    chain = routing.neighbour_table(np.array([(0, 1), (1, 2), (2, 3), (3, 4)]), 5)
    delay_s = delays(chain)
    for a, b in ((1, 2), (2, 3)):
        delay_s[a, chain[a].tolist().index(b)] = delay_s[b, chain[b].tolist().index(a)] = 0.0
    exit_s = np.stack([exits(5, s0=1.0), exits(5, s4=0.5), exits(5, s0=1.0, s4=1.0), exits(5, s2=0.0)])
    dist_s, next_hop = np.empty_like(exit_s), np.empty(exit_s.shape, np.int32)
    shortest_to_many(chain, delay_s, exit_s, dist_s, next_hop)
    assert dist_s.tolist() == [
        [1.0, 2.0, 2.0, 2.0, 3.0], [2.5, 1.5, 1.5, 1.5, 0.5],
        [1.0, 2.0, 2.0, 2.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0],
    ]  # fmt: skip
    assert next_hop.tolist() == [
        [EXIT, 0, 1, 2, 3], [1, 2, 3, 4, EXIT], [EXIT, 0, 1, 4, EXIT], [1, 2, EXIT, 2, 3],
    ]  # fmt: skip


def test_a_tie_goes_to_the_lowest_index_and_a_satellite_of_its_own_exit_keeps_it() -> None:
    ring = routing.neighbour_table(np.array([(0, 1), (1, 2), (2, 3), (3, 0)]), 4)
    dist_s, next_hop = routing.shortest_to_exits(ring, delays(ring), exits(4, s0=1.0, s1=2.0))
    assert dist_s.tolist() == [1.0, 2.0, 3.0, 2.0]
    assert next_hop.tolist() == [EXIT, EXIT, 1, 0]


@pytest.mark.parametrize("satellites", [3, 4, 7, 34])
def test_in_a_ring_every_pair_is_delivered_the_shorter_way(satellites: int) -> None:
    """Guards a fault seen elsewhere: 80 of 408 deliverable pairs of a ring were delivered."""
    pairs = np.array([(s, (s + 1) % satellites) for s in range(satellites)])
    ring = routing.neighbour_table(pairs, satellites)
    own_s = np.where(np.eye(satellites, dtype=bool), 0.0, INF)
    dist_s, next_hop = np.empty_like(own_s), np.empty(own_s.shape, np.int32)
    routing.shortest_to_each(ring, delays(ring), own_s, dist_s, next_hop)
    for target in range(satellites):
        for s in range(satellites):
            apart = min((s - target) % satellites, (target - s) % satellites)
            assert dist_s[target, s] == apart
            assert len(routing.follow(next_hop[target], s)) == apart + 1


def test_satellites_of_another_shell_without_links_are_unreached() -> None:
    two_islands = routing.neighbour_table(np.array([(0, 1), (2, 3)]), 5)
    dist_s, next_hop = routing.shortest_to_exits(two_islands, delays(two_islands), exits(5, s0=0.5))
    assert dist_s.tolist() == [0.5, 1.5, INF, INF, INF]
    assert next_hop.tolist() == [EXIT, 0, UNREACHED, UNREACHED, UNREACHED]


def test_a_link_of_one_light_second_takes_one_second() -> None:
    """Guards the speed of light: a simulator of our field uses 0.587 c for every link."""
    position_m = np.array([[0.0, 0.0, 0.0], [SECOND_OF_LIGHT_M, 0.0, 0.0]])
    neighbours = routing.neighbour_table(np.array([(0, 1)]), 2)
    out = np.empty((2, 1))
    routing.link_delays(position_m, neighbours, INF, out)
    assert out.tolist() == [[1.0], [1.0]]
    legs = np.empty((1, 2))
    routing.range_legs(np.zeros((1, 3)), position_m, INF, legs)
    assert legs.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(("limit_m", "usable"), [(999.999, False), (1000.0, True), (1000.001, True)])
def test_range_limits_include_the_limit_itself(limit_m: float, usable: bool) -> None:
    position_m = np.array([[0.0, 0.0, 0.0], [1000.0, 0.0, 0.0]])
    out, legs = np.empty((2, 1)), np.empty((1, 2))
    routing.link_delays(position_m, routing.neighbour_table(np.array([(0, 1)]), 2), limit_m, out)
    routing.range_legs(np.zeros((1, 3)), position_m, limit_m, legs)
    assert np.isfinite(out[0, 0]) == usable
    assert np.isfinite(legs[0, 1]) == usable


@pytest.mark.parametrize(
    ("elevation_deg", "usable"), [(90.0, True), (25.001, True), (24.999, False), (0.0, False), (-90.0, False)]
)
def test_elevation_legs_use_a_satellite_from_the_minimum_elevation_up(
    elevation_deg: float, usable: bool
) -> None:
    elevation_rad = np.radians(elevation_deg)
    site = np.array([[6_378_137.0, 0.0, 0.0]])
    up, north = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    satellite = site + 1e6 * (np.sin(elevation_rad) * up + np.cos(elevation_rad) * north)
    out = np.empty((1, 1))
    routing.elevation_legs(site, up[None, :], np.radians([25.0]), satellite, out)
    assert out[0, 0] == (pytest.approx(1e6 / LIGHT_M_S) if usable else INF)


def test_the_cheapest_way_down_counts_the_fibre_behind_a_gateway_not_only_the_feeder_link() -> None:
    leg_s = np.array([[1.0, 5.0, INF], [3.0, 3.0, INF]])
    cost_s, site = np.empty(3), np.empty(3, np.int32)
    routing.best_exits(leg_s, np.array([4.0, 1.0]), cost_s, site)
    assert cost_s.tolist() == [4.0, 4.0, INF]
    assert site.tolist() == [1, 1, UNREACHED]


def test_the_first_satellite_is_the_best_over_the_whole_way_not_the_nearest() -> None:
    """Guards a fault seen elsewhere: taking the satellite nearest on the ground and leaving out both legs."""
    line = routing.neighbour_table(np.array([(0, 1)]), 2)
    leg_s = np.array([[1.0, 1.5], [INF, 2.0]])
    dist_s, next_hop = np.empty((2, 2)), np.empty((2, 2), np.int32)
    routing.shortest_to_each(line, delays(line), leg_s, dist_s, next_hop)
    first, total_s = np.empty((2, 2), np.int32), np.empty((2, 2))
    routing.first_satellites(leg_s, dist_s, first, total_s)
    assert first[0, 1] == 1  # satellite 0 is nearer to site 0, and 0.5 s worse in the end
    assert total_s[0, 1] == 3.5
    assert total_s[1, 0] == 3.5


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 3)], "outside 0..2"),
        ([(-1, 0)], "outside 0..2"),
        ([(1, 1)], "to itself"),
        ([(0, 1), (1, 0)], "listed twice"),
    ],
)
def test_links_that_make_no_sense_are_refused(pairs: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        routing.neighbour_table(np.array(pairs), 3)


def test_a_satellite_may_have_more_than_four_links() -> None:
    star = routing.neighbour_table(np.array([(0, k) for k in range(1, 7)]), 7)
    assert star.shape == (7, 6)
    assert star[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert star[3].tolist() == [0, -1, -1, -1, -1, -1]


def test_a_constellation_without_links_still_routes_to_its_own_exits() -> None:
    none = routing.neighbour_table(np.empty((0, 2), np.int64), 2)
    dist_s, next_hop = routing.shortest_to_exits(none, delays(none), exits(2, s1=0.25))
    assert dist_s.tolist() == [INF, 0.25]
    assert next_hop.tolist() == [UNREACHED, EXIT]
