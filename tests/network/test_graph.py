"""The shortest route between two places obeys physics, is the same both ways, and never gains from a loss."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.constants import FIBRE_GROUP_INDEX, FIBRE_ROUTE_FACTOR, LIGHT_M_S
from openleo.ground.frames import geodetic_to_itrs_m, great_circle_m
from openleo.ground.sites import load_gateways
from openleo.network import graph as g
from openleo.orbits.builtin import load_constellation
from openleo.orbits.planes import grid_neighbours
from openleo.orbits.propagation import Propagator

AT = np.datetime64("2022-10-07T00:00:00", "ns")
STEPS = 8
SPHERE_SLACK = 0.994  # the mean sphere's great circle is up to 0.6 % longer than the geodesic

PLACES = st.tuples(st.floats(-50, 50), st.floats(-180, 180))
SEVERAL = settings(max_examples=40, deadline=None)


def endpoint(
    place: tuple[float, float], *, has_terminal: bool = True, min_elevation_deg: float = 25.0
) -> g.Endpoint:
    return g.Endpoint(
        name=f"{place[0]:.1f},{place[1]:.1f}",
        latitude_rad=math.radians(place[0]),
        longitude_rad=math.radians(place[1]),
        has_terminal=has_terminal,
        min_elevation_rad=math.radians(min_elevation_deg),
    )


@cache
def gateways() -> g.Sites:
    """Some forty places all over the world."""
    numbers = np.random.default_rng(7)
    return g.Sites(
        name=tuple(f"G{i}" for i in range(40)),
        latitude_rad=np.radians(numbers.uniform(-50, 50, 40)),
        longitude_rad=np.radians(numbers.uniform(-180, 180, 40)),
        min_elevation_rad=np.full(40, math.radians(25.0)),
    )


@cache
def satellites(step: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    constellation = load_constellation("kuiper-630", at=AT)
    when = np.array([AT + np.timedelta64(713 * step, "s")])
    return (
        constellation.sets.name,
        Propagator(constellation.sets).itrs_m(when)[0],
        grid_neighbours(constellation),
    )


def graph(
    step: int = 0, *, lasers: bool = True, gone: tuple[int, ...] = (), no_gateway: tuple[int, ...] = ()
) -> g.Graph:
    name, itrs_m, neighbours = satellites(step)
    in_service = np.ones(len(name), np.bool_)
    in_service[list(gone)] = False
    kept = [i for i in range(40) if i not in no_gateway]
    sites = gateways()
    return g.build_graph(
        sat_name=name,
        sat_itrs_m=itrs_m,
        in_service=in_service,
        serves_users=np.ones(len(name), np.bool_),
        neighbours=neighbours if lasers else np.full_like(neighbours, -1),
        gateways=g.Sites(
            name=tuple(sites.name[i] for i in kept),
            latitude_rad=sites.latitude_rad[kept],
            longitude_rad=sites.longitude_rad[kept],
            min_elevation_rad=sites.min_elevation_rad[kept],
        ),
    )


def rtt_s(route: g.Route | None) -> float:
    return math.inf if route is None else route.rtt_s


@given(a=PLACES, b=PLACES, step=st.integers(0, STEPS - 1), kind=st.sampled_from(["fibre", "two", "direct"]))
@SEVERAL
def test_no_route_beats_light(a: tuple[float, float], b: tuple[float, float], step: int, kind: str) -> None:
    ends = endpoint(a), endpoint(b, has_terminal=kind != "fibre")
    route = g.shortest_route(graph(step), *ends, direct=kind == "direct")
    (chord_m,) = np.linalg.norm(
        geodetic_to_itrs_m(*np.radians([[a[0]], [a[1]]])) - geodetic_to_itrs_m(*np.radians([[b[0]], [b[1]]])),
        axis=1,
    )
    over_ground_m = float(great_circle_m(*np.radians([*a, *b])))
    assert rtt_s(route) >= 2 * chord_m / LIGHT_M_S
    assert rtt_s(route) >= 2 * SPHERE_SLACK * over_ground_m / LIGHT_M_S


@given(a=PLACES, b=PLACES, step=st.integers(0, STEPS - 1), kind=st.sampled_from(["fibre", "two", "direct"]))
@SEVERAL
def test_a_route_is_as_long_back(
    a: tuple[float, float], b: tuple[float, float], step: int, kind: str
) -> None:
    network = graph(step)
    ends = endpoint(a), endpoint(b, has_terminal=kind != "fibre")
    out = g.shortest_route(network, *ends, direct=kind == "direct")
    back = g.shortest_route(network, *reversed(ends), direct=kind == "direct")
    assert rtt_s(out) == pytest.approx(rtt_s(back), rel=1e-12)


@given(
    a=PLACES,
    b=PLACES,
    step=st.integers(0, STEPS - 1),
    lasers=st.booleans(),
    gone=st.lists(st.integers(0, 1155), max_size=200, unique=True),
    no_gateway=st.lists(st.integers(0, 39), max_size=39, unique=True),
)
@SEVERAL
def test_losing_satellites_or_gateways_never_shortens_a_route(
    a: tuple[float, float],
    b: tuple[float, float],
    step: int,
    lasers: bool,
    gone: list[int],
    no_gateway: list[int],
) -> None:
    whole = graph(step, lasers=lasers)
    fewer_satellites = graph(step, lasers=lasers, gone=tuple(gone))
    fewer_gateways = graph(step, lasers=lasers, no_gateway=tuple(no_gateway))
    for ends, direct in (
        ((endpoint(a), endpoint(b, has_terminal=False)), False),
        ((endpoint(a), endpoint(b)), False),
        ((endpoint(a), endpoint(b)), True),
    ):
        best_s = rtt_s(g.shortest_route(whole, *ends, direct=direct))
        for less in (fewer_satellites, fewer_gateways):
            assert rtt_s(g.shortest_route(less, *ends, direct=direct)) >= best_s * (1 - 1e-12)


@given(a=PLACES, b=PLACES, step=st.integers(0, STEPS - 1))
@SEVERAL
def test_losing_a_satellite_of_the_best_route_takes_that_route_away(
    a: tuple[float, float], b: tuple[float, float], step: int
) -> None:
    ends = endpoint(a), endpoint(b, has_terminal=False)
    best = g.shortest_route(graph(step), *ends)
    if best is None:
        return
    used = best.legs[0].end
    second = g.shortest_route(graph(step, gone=(satellites(0)[0].index(used),)), *ends)
    assert second is None or all(used not in (leg.start, leg.end) for leg in second.legs)


@given(a=PLACES, b=PLACES, step=st.integers(0, STEPS - 1), lasers=st.booleans())
@SEVERAL
def test_legs_join_up_and_come_in_the_right_order(
    a: tuple[float, float], b: tuple[float, float], step: int, lasers: bool
) -> None:
    ends = endpoint(a), endpoint(b, has_terminal=False)
    route = g.shortest_route(graph(step, lasers=lasers), *ends)
    if route is None:
        return
    kinds = [leg.kind for leg in route.legs]
    assert kinds == [g.USER_LINK, *[g.LASER] * (len(kinds) - 3), g.FEEDER_LINK, g.FIBRE]
    assert lasers or len(kinds) == 3
    assert (route.legs[0].start, route.legs[-1].end) == (ends[0].name, ends[1].name)
    assert all(one.end == other.start for one, other in zip(route.legs[:-1], route.legs[1:], strict=True))
    for leg in route.legs:
        index = FIBRE_GROUP_INDEX if leg.kind == g.FIBRE else 1.0
        assert leg.delay_s == pytest.approx(leg.length_m * index / LIGHT_M_S, rel=1e-12)


def exhaustive_rtt_s(network: g.Graph, a: g.Endpoint, b: g.Endpoint) -> float:
    """Bent pipes by trying every satellite and gateway, in plain trigonometry."""

    def leg_s(latitude_rad: float, longitude_rad: float, min_elevation_rad: float, s: int) -> float:
        site = geodetic_to_itrs_m(latitude_rad, longitude_rad)
        up = np.array([
            math.cos(latitude_rad) * math.cos(longitude_rad),
            math.cos(latitude_rad) * math.sin(longitude_rad),
            math.sin(latitude_rad),
        ])  # fmt: skip
        offset = network.sat_itrs_m[s] - site
        range_m = float(np.linalg.norm(offset))
        elevation_rad = math.asin(float(offset @ up) / range_m)
        return range_m / LIGHT_M_S if elevation_rad >= min_elevation_rad else math.inf

    best_s = math.inf
    sites = network.gateways
    for s in range(len(network.sat_name)):
        up_s = leg_s(a.latitude_rad, a.longitude_rad, a.min_elevation_rad, s)
        if not math.isfinite(up_s):
            continue
        for i in range(len(sites)):
            down_s = leg_s(sites.latitude_rad[i], sites.longitude_rad[i], sites.min_elevation_rad[i], s)
            straight_m = great_circle_m(
                sites.latitude_rad[i], sites.longitude_rad[i], b.latitude_rad, b.longitude_rad
            )
            cable_s = float(straight_m) * FIBRE_ROUTE_FACTOR * FIBRE_GROUP_INDEX / LIGHT_M_S
            best_s = min(best_s, up_s + down_s + cable_s)
    return 2 * best_s


@pytest.mark.parametrize("place", [(-35.0, 20.0), (48.0, 11.0), (10.0, 100.0), (40.0, -100.0)])
def test_bent_pipes_agree_with_trying_every_satellite_and_gateway(place: tuple[float, float]) -> None:
    name, itrs_m, neighbours = satellites(0)
    everything = np.ones(len(name), np.bool_)
    network = g.build_graph(
        sat_name=name,
        sat_itrs_m=itrs_m,
        in_service=everything,
        serves_users=everything,
        neighbours=np.full_like(neighbours, -1),
        gateways=gateways(),
        gso_exclusion_rad=0.0,
    )
    a, b = endpoint(place), endpoint((51.5, 0.0), has_terminal=False)
    assert rtt_s(g.shortest_route(network, a, b)) == pytest.approx(exhaustive_rtt_s(network, a, b), rel=1e-12)


def test_the_shortest_route_may_use_neither_the_nearest_satellite_nor_the_nearest_gateway() -> None:
    """Guards a fault seen elsewhere: the satellite nearest on the ground, with both legs left out."""
    up_m = 6_378_137.0
    sites = g.Sites(
        name=("east", "west"),
        latitude_rad=np.zeros(2),
        longitude_rad=np.radians([1.0, -8.0]),
        min_elevation_rad=np.zeros(2),
    )
    angles = np.radians([1.0, -3.0])  # the first is nearer to the terminal at 0, but sees only "east"
    sat_m = (up_m + 600e3) * np.stack([np.cos(angles), np.sin(angles), np.zeros(2)], axis=1)
    network = g.build_graph(
        sat_name=("near", "far"),
        sat_itrs_m=sat_m,
        in_service=np.ones(2, np.bool_),
        serves_users=np.ones(2, np.bool_),
        neighbours=np.full((2, 1), -1, np.int32),
        gateways=sites,
        gso_exclusion_rad=0.0,
    )
    host = endpoint((0.0, -40.0), has_terminal=False)
    route = g.shortest_route(network, endpoint((0.0, 0.0), min_elevation_deg=30.0), host)
    assert route is not None
    assert [leg.end for leg in route.legs] == ["far", "west", host.name]


def test_a_satellite_without_the_user_payload_relays_but_does_not_serve() -> None:
    sites = g.Sites(
        name=(), latitude_rad=np.empty(0), longitude_rad=np.empty(0), min_elevation_rad=np.empty(0)
    )
    angles = np.radians([0.0, 10.0])
    network = g.build_graph(
        sat_name=("deaf", "serving"),
        sat_itrs_m=(6_378_137.0 + 600e3) * np.stack([np.cos(angles), np.sin(angles), np.zeros(2)], axis=1),
        in_service=np.ones(2, np.bool_),
        serves_users=np.array([False, True]),
        neighbours=np.array([[1], [0]], np.int32),
        gateways=sites,
        gso_exclusion_rad=0.0,
    )
    under_deaf, under_serving = endpoint((0.0, 0.0)), endpoint((0.0, 10.0))
    assert g.shortest_route(network, under_deaf, under_serving, direct=True) is None
    assert g.view_of(network, under_deaf) == g.View(in_view=0, reached=0, gateways=0)
    assert g.view_of(network, under_serving) == g.View(in_view=1, reached=2, gateways=0)
    assert g.shortest_route(network, under_serving, under_deaf) is None  # and there is no gateway


def test_links_near_the_geostationary_arc_are_not_used() -> None:
    """Without this, east-west routes along the equator come out better than a filed network may have them."""
    overhead = np.array([[6_378_137.0 + 600e3, 0.0, 0.0]])
    for exclusion_deg, in_view in ((0.0, 1), (18.0, 0)):
        network = g.build_graph(
            sat_name=("overhead",),
            sat_itrs_m=overhead,
            in_service=np.ones(1, np.bool_),
            serves_users=np.ones(1, np.bool_),
            neighbours=np.full((1, 1), -1, np.int32),
            gateways=gateways(),
            gso_exclusion_rad=math.radians(exclusion_deg),
        )
        assert g.view_of(network, endpoint((0.0, 0.0))).in_view == in_view


@pytest.mark.parametrize(("elevation_deg", "in_view"), [(30.1, 1), (29.9, 0), (25.3, 0)])
def test_a_minimum_elevation_of_30_degrees_means_30_degrees(elevation_deg: float, in_view: int) -> None:
    """Guards a fault seen elsewhere: a flat-Earth cone of 1,260 km at 630 km passed for 30, and was 25.2."""
    elevation_rad = math.radians(elevation_deg)
    site_m = geodetic_to_itrs_m(math.radians(45.0), 0.0)
    up = np.array([math.cos(math.radians(45.0)), 0.0, math.sin(math.radians(45.0))])
    north = np.array([-up[2], 0.0, up[0]])
    satellite_m = site_m + 1_200e3 * (math.sin(elevation_rad) * up + math.cos(elevation_rad) * north)
    network = g.build_graph(
        sat_name=("one",),
        sat_itrs_m=satellite_m[None, :],
        in_service=np.ones(1, np.bool_),
        serves_users=np.ones(1, np.bool_),
        neighbours=np.full((1, 1), -1, np.int32),
        gateways=gateways(),
    )
    assert g.view_of(network, endpoint((45.0, 0.0), min_elevation_deg=30.0)).in_view == in_view


def test_long_lasers_are_not_used() -> None:
    name, itrs_m, neighbours = satellites(0)
    everything = np.ones(len(name), np.bool_)
    network = g.build_graph(
        sat_name=name,
        sat_itrs_m=itrs_m,
        in_service=everything,
        serves_users=everything,
        neighbours=neighbours,
        gateways=gateways(),
        max_laser_m=1_000_000.0,
    )
    lasers_m = network.laser_s[np.isfinite(network.laser_s)] * LIGHT_M_S
    assert lasers_m.max() <= 1_000_000.0
    assert np.isfinite(graph().laser_s).sum() > len(lasers_m)


def test_every_satellite_of_every_plane_has_its_four_lasers() -> None:
    """Guards the last plane, which elsewhere lacks the links along it."""
    assert np.isfinite(graph().laser_s).all()


@pytest.mark.parametrize(("a_has", "b_has", "direct"), [(False, False, False), (True, False, True)])
def test_routes_that_make_no_sense_are_refused(a_has: bool, b_has: bool, direct: bool) -> None:
    ends = endpoint((0, 0), has_terminal=a_has), endpoint((10, 10), has_terminal=b_has)
    with pytest.raises(ValueError, match="terminal"):
        g.shortest_route(graph(), *ends, direct=direct)


def test_a_terminal_in_ukraine_reaches_warsaw_through_poland_by_bent_pipe() -> None:
    constellation = load_constellation("starlink-2022-10", at=AT)
    sites = load_gateways()
    network = g.graph_at(constellation, sites.take(sites.in_countries(["PL"])), AT, lasers=False)
    route = g.shortest_route(network, endpoint((50.45, 30.52)), endpoint((52.23, 21.01), has_terminal=False))
    assert route is not None
    assert [leg.kind for leg in route.legs] == [g.USER_LINK, g.FEEDER_LINK, g.FIBRE]
    assert 7e-3 < route.rtt_s < 20e-3
    assert (
        g.shortest_route(network, endpoint((-1.29, 36.82)), endpoint((52.23, 21.01), has_terminal=False))
        is None
    )
