"""Each named preference serves, and is what its name says beside the others."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from engine_worlds import cell_degrees, elevation_deg, made, net_of, ran, satellites_itrs_m, three_times

from openleo.engine.geometry import geometries
from openleo.scenario import PREFERENCES

# Cells in the range of several gateways, so that there is a choice of satellites and of ways down.
WIDE = {
    "terminals": [{"name": "civil", "count": 250, "countries": ["PL", "DE", "CZ", "SK"]}],
    "gateways": {"include": ["Wola Krobowska", "Kaunas", "Usingen", "Aerzen", "Villenave d'Ornon"]},
    "pops": {"include": ["Warsaw", "Frankfurt"]},
}


@lru_cache(maxsize=len(PREFERENCES))
def under(preference):
    net = net_of(made(12, **WIDE, network={"preference": preference}))
    return net, tuple(ran(net))


def mean(preference, figure):
    net, snapshots = under(preference)
    return float(np.mean([figure(net, snapshot) for snapshot in snapshots[1:]]))


def mean_elevation_deg(net, snapshot):
    served = np.flatnonzero(snapshot.cells["cause"] == 0)
    rows, at = np.unique(snapshot.cells["satellite"][served], return_inverse=True)
    middle = satellites_itrs_m(net, rows, three_times(snapshot.slot)[1:2])[0][at]
    return elevation_deg(*cell_degrees(net, net.tracked[served]), middle).mean()


def median_rtt_us(net, snapshot):
    return snapshot.summary["rtt_p50_us"]


def handovers(net, snapshot):
    return snapshot.summary["handovers"]


def most_cells_on_one_satellite(net, snapshot):
    satellites = snapshot.cells["satellite"]
    return np.bincount(satellites[satellites >= 0]).max()


@pytest.mark.parametrize("preference", PREFERENCES)
def test_every_named_preference_serves_everybody_who_can_be_served(preference):
    net, snapshots = under(preference)
    for snapshot in snapshots:
        could = snapshot.cells["with_route"] > 0
        assert could.mean() > 0.95
        assert (snapshot.cells["cause"][could] == 0).all()
    assert net.world.network.preference == preference


def test_highest_elevation_serves_from_higher_up_than_any_other():
    best = mean("highest-elevation", mean_elevation_deg)
    for other in set(PREFERENCES) - {"highest-elevation"}:
        assert best > mean(other, mean_elevation_deg)


def test_lowest_latency_has_the_lowest_median_round_trip():
    best = mean("lowest-latency", median_rtt_us)
    for other in set(PREFERENCES) - {"lowest-latency"}:
        assert best < mean(other, median_rtt_us)


@pytest.mark.parametrize("steady", ["stay", "longest-visibility"])
def test_those_that_hold_on_hand_over_less_than_those_that_choose_anew(steady):
    held = mean(steady, handovers)
    for other in set(PREFERENCES) - {"stay", "longest-visibility"}:
        assert held < 0.5 * mean(other, handovers)


def test_least_loaded_spreads_cells_over_more_satellites():
    best = mean("least-loaded", most_cells_on_one_satellite)
    for other in set(PREFERENCES) - {"least-loaded"}:
        assert best < mean(other, most_cells_on_one_satellite)


def test_one_that_stays_hands_over_only_where_its_satellite_is_no_candidate_any_more():
    net, snapshots = under("stay")
    moved = 0
    for before, after in pairwise(snapshots):
        (geometry,) = geometries(net, [net.timeline.at(after.slot)], np.array([after.slot]))
        for k in np.flatnonzero(after.cells["handover"]):
            kept = geometry.candidates[net.tracked[k]]
            assert before.cells["satellite"][k] not in geometry.sky.number[kept[kept >= 0]]
            moved += 1
    assert moved > 0
