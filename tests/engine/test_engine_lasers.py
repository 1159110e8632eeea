"""Over lasers: who is served beyond gateways, by which way, and what a lost laser changes."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from engine_worlds import elevation_deg, made, net_of, ran, satellites_itrs_m, three_times

from openleo.engine.geometry import geometries
from openleo.network.routing import EXIT, follow
from openleo.scenario import load_scenario
from openleo.snapshot.causes import Cause

LIGHT_M_S = 299_792_458.0


def kuiper(**more):
    scenario = load_scenario("kuiper-630")
    return scenario.with_changes(end=scenario.start.replace(minute=1, second=30), **more)


@lru_cache(maxsize=1)
def world():
    net = net_of(kuiper())
    return net, tuple(ran(net))


def geometry_of(net, slot):
    (geometry,) = geometries(net, [net.timeline.at(slot)], np.array([slot]))
    return geometry


def routes(net, snapshot):
    """For each served cell: its way as rows of the constellation, from next hops, and the landing gateway."""
    geometry = geometry_of(net, snapshot.slot)
    number = geometry.sky.number
    own = {int(n): i for i, n in enumerate(number)}
    for k in np.flatnonzero(snapshot.cells["cause"] == 0):
        cell = net.tracked[k]
        s, pop = own[int(snapshot.cells["satellite"][k])], net.points.pop[cell]
        way = follow(geometry.exits.next_hop[pop], s)
        assert geometry.exits.next_hop[pop, way[-1]] == EXIT
        yield k, [int(number[i]) for i in way], int(geometry.exits.gateway[way[-1]])


def test_terminals_beyond_one_bent_pipe_of_any_gateway_are_served():
    net, snapshots = world()
    beyond = 0
    for snapshot in snapshots:
        g = net.world.gateways
        served = np.flatnonzero(snapshot.cells["cause"] == 0)
        rows, at = np.unique(snapshot.cells["satellite"][served], return_inverse=True)
        middle = satellites_itrs_m(net, rows, three_times(snapshot.slot)[1:2])[0]
        per_satellite = np.array(
            [elevation_deg(g.latitude_deg[[n]], g.longitude_deg[[n]], middle) for n in range(len(g))]
        ).max(axis=0)
        beyond += int((per_satellite[at] < 20.0).sum())
    assert beyond > 100
    bent = net_of(kuiper(changes={"constellation.isl": "none"}))
    assert sum(s.summary["online"] for s in snapshots) > sum(s.summary["online"] for s in ran(bent))


def test_landing_satellites_never_need_more_antennas_than_there_are():
    net, snapshots = world()
    for snapshot in snapshots:
        exits = geometry_of(net, snapshot.slot).exits
        landed = exits.gateway[exits.gateway >= 0]
        assert (np.bincount(landed, minlength=len(net.world.gateways)) <= net.world.gateways.antennas).all()
        assert snapshot.summary["antennas"] == len(landed)


def test_each_way_follows_lasers_that_are_there_to_a_gateway_that_sees_its_last_satellite():
    net, snapshots = world()
    links = {}
    for i, row in enumerate(net.numbers):
        links[int(row)] = {int(net.numbers[n]) for n in net.links[i] if n >= 0}
    longest = 0
    for snapshot in snapshots[:2]:
        g = net.world.gateways
        for k, way, gateway in routes(net, snapshot):
            assert len(set(way)) == len(way)
            assert all(b in links[a] and a in links[b] for a, b in pairwise(way))
            assert gateway == snapshot.cells["gateway"][k]
            ends = satellites_itrs_m(net, [way[-1]], three_times(snapshot.slot)[[0, 2]])
            seen = elevation_deg(g.latitude_deg[[gateway]], g.longitude_deg[[gateway]], ends)
            assert seen.min() >= np.degrees(g.min_elevation_rad[gateway]) - 1e-3
            longest = max(longest, len(way))
    assert longest > 3


def test_the_round_trip_is_that_of_the_way():
    net, snapshots = world()
    snapshot = snapshots[0]
    g = net.world.gateways
    for k, way, gateway in list(routes(net, snapshot))[::5]:
        places = satellites_itrs_m(net, way, three_times(snapshot.slot)[1:2])[0]
        cell = net.tracked[k]
        stops = np.concatenate([net.points.point_m[[cell]], places, g.itrs_m[[gateway]]])
        flight_s = np.linalg.norm(np.diff(stops, axis=0), axis=1).sum() / LIGHT_M_S
        way_s = flight_s + net.fibre_s[gateway, net.points.pop[cell]]
        want_us = 2e6 * way_s + 1e3 * net.world.network.access_ms
        assert snapshot.cells["rtt_us"][k] == pytest.approx(want_us, abs=20.0)  # positions within 0.3 km


def test_no_other_single_laser_hop_or_landing_is_faster():
    """The unscheduled graph's best way from the serving satellite is no longer than via any neighbour."""
    net, snapshots = world()
    geometry = geometry_of(net, snapshots[0].slot)
    exits = geometry.exits
    assert (exits.dist_s[:, exits.by_laser] <= geometry.sky.route_s[:, exits.by_laser] + 1e-6).all()
    reached = exits.next_hop[0] >= 0
    assert (exits.dist_s[0][reached] > exits.dist_s[0][exits.next_hop[0][reached]]).all()


def test_a_lost_laser_reroutes_those_that_used_it():
    net, snapshots = world()
    snapshot = snapshots[0]
    names = net.world.constellation.sets.name
    used = next((way for _, way, _ in routes(net, snapshot) if len(way) >= 3), None)
    assert used is not None
    a, b = names[used[0]], names[used[1]]
    cut = net_of(kuiper(changes={"faults": [{"kind": "isl", "target": [a, b]}]}))
    after = ran(cut)[0]
    for _, way, _ in routes(cut, after):
        hops = set(pairwise(way)) | set(pairwise(way[::-1]))
        assert (used[0], used[1]) not in hops
    assert after.summary["online"] >= snapshot.summary["online"] - 2


def test_a_satellite_whose_lasers_all_fail_passes_nothing_on():
    net, snapshots = world()
    names = net.world.constellation.sets.name
    middle = next(way[1] for _, way, _ in routes(net, snapshots[0]) if len(way) >= 3)
    broken = net_of(kuiper(changes={"faults": [{"kind": "isl", "target": [names[middle]]}]}))
    after = ran(broken)[0]
    for _, way, _ in routes_over_lasers(broken, after):
        assert middle not in way[1:]
    assert after.summary["online"] > 0


def routes_over_lasers(net, snapshot):
    """As `routes`, for cells whose satellite passes their traffic on."""
    geometry = geometry_of(net, snapshot.slot)
    own = {int(n): i for i, n in enumerate(geometry.sky.number)}
    for k in np.flatnonzero(snapshot.cells["cause"] == 0):
        s, pop = own[int(snapshot.cells["satellite"][k])], net.points.pop[net.tracked[k]]
        if geometry.exits.by_laser[s]:
            way = follow(geometry.exits.next_hop[pop], s)
            yield k, [int(geometry.sky.number[i]) for i in way], int(geometry.exits.gateway[way[-1]])


def test_all_lasers_lost_leaves_those_near_gateways_and_names_the_fault_to_the_others():
    scenario = kuiper()
    net = net_of(scenario)
    names = list(net.world.constellation.sets.name)
    lost = [{"kind": "isl", "target": names, "name": "dark lasers"}]
    after = ran(net_of(kuiper(changes={"faults": lost})))[0]
    before = ran(net)[0]
    assert 0 < after.summary["online"] < before.summary["online"]
    hit = (before.cells["cause"] == 0) & (after.cells["cause"] != 0)
    assert (after.cells["cause"][hit] == Cause.NO_GATEWAY).all()
    assert (after.cells["fault"][hit] == 0).all()


def test_a_gateway_lost_is_gone_round_and_never_shows_as_no_satellites():
    lost = [{"kind": "gateway", "target": "Tokyo gateway"}, {"kind": "gateway", "target": "Delhi gateway"}]
    net = net_of(kuiper(changes={"faults": lost}))
    _, whole = world()
    for snapshot, before in zip(ran(net), whole, strict=True):
        assert not np.isin(snapshot.beams["gateway"], [0, 1]).any()
        more = snapshot.causes.get(Cause.NO_SATS, 0) - before.causes.get(Cause.NO_SATS, 0)
        assert more == 0
        assert snapshot.summary["rtt_p50_us"] >= before.summary["rtt_p50_us"]


def test_a_laser_longer_than_the_limit_is_not_used():
    free = net_of(made(1, constellation={"use": "kuiper-630", "isl": "grid"}))
    short = net_of(made(1, constellation={"use": "kuiper-630", "isl": "grid", "max_isl_km": 100.0}))
    slot = free.world.first_slot
    assert (geometry_of(free, slot).exits.next_hop >= 0).any()
    assert not (geometry_of(short, slot).exits.next_hop >= 0).any()
    assert ran(short)[0].summary["online"] > 0, "those that see a gateway land by themselves"
