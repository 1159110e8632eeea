"""Exactly one cause for each terminal and second that is not online; and contention is named rightly."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from engine_worlds import ALL_SECONDS, cells_over_time, fates, made, net_of, network, ran

from openleo.scenario import load_scenario
from openleo.snapshot.causes import MEANING, Cause, Reason, is_policy

CONTENTION = {Cause.NO_ANTENNA, Cause.NO_BEAM, Cause.NO_CHANNEL}


def reconstruction(minutes=4, **more):
    scenario = load_scenario("ukraine-2022")
    changes = {f"terminals.{g.name}.count": max(10, (g.count or 0) // 10) for g in scenario.terminals}
    return scenario.with_changes(
        end=scenario.start + timedelta(minutes=minutes),
        changes=changes,
        without=["european-demand"],
        **more,
    )


EVERYTHING = {
    "areas": [{"name": "land", "country": "UA"},
              {"name": "west", "circle": {"latitude_deg": 49.8, "longitude_deg": 24.0, "radius_km": 120}}],
    "terminals": [
        {"name": "civil", "count": 300, "country": "UA", "obstructed_share": 0.4},
        {"name": "cars", "place": "roam", "count": 30, "kind": "in-motion", "inside": ["land"],
         "speed_kmh": 120.0},
    ],
    "switches": [{"area": "west", "code": "CELL_IS_DISABLED"}],
    "faults": [{"kind": "power", "area": "land", "share": 0.2}],
    "gateways": {"include": ["Wola Krobowska", "Kaunas"], "antennas": 2},
    "network": {"beams": 2, "dwells": 3, "channels": 3},
    "limits": [{"speed_kmh": 100.0, "kinds": ["in-motion"], "countries": ["UA"]}],
}  # fmt: skip
WORLDS = {"the reconstruction": reconstruction, "everything at once": lambda: made(8, **EVERYTHING)}


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    net = net_of(WORLDS[request.param]())
    return net, ran(net)


def test_the_terminals_online_and_dark_by_cause_are_all_terminals(world):
    net, snapshots = world
    assert len(snapshots) == net.world.slot_count
    for snapshot in snapshots:
        summary = snapshot.summary
        assert summary["terminals"] == len(net.world.terminals)
        assert summary["online"] + sum(snapshot.causes.values()) == summary["terminals"]
        own = sum(n for cause, n in snapshot.causes.items() if is_policy(cause) or 20 <= cause < 100)
        assert summary["enabled"] == summary["terminals"] - own
        assert set(snapshot.causes) <= {int(c) for c in MEANING} - {Cause.ONLINE, Cause.IDLE}


def test_every_second_is_online_or_has_one_cause(world):
    net, snapshots = world
    kinds = set()
    for snapshot, fate in zip(snapshots, fates(net, snapshots), strict=True):
        dark = fate.seconds != ALL_SECONDS
        assert np.array_equal(dark, fate.cause != Cause.ONLINE)
        assert not (fate.cause == Cause.IDLE).any()
        whole = fate.seconds == 0
        counted = dict(
            zip(*(x.tolist() for x in np.unique(fate.cause[whole], return_counts=True)), strict=True)
        )
        assert counted == snapshot.causes
        assert snapshot.summary["online"] == (~whole).sum()
        assert (fate.cause[dark & ~whole] == Cause.OBSTRUCTED).all()
        kinds |= set(counted)
    assert len(kinds) > 1


def test_policy_has_a_rule_and_no_fault_and_the_rest_has_no_rule(world):
    net, snapshots = world
    for fate in fates(net, snapshots):
        policy = np.array([is_policy(int(c)) for c in fate.cause])
        assert (fate.rule[policy] >= 0).all()
        assert (fate.fault[policy] == -1).all()
        assert (fate.rule[~policy] == -1).all()
        assert (fate.fault[fate.cause == Cause.POWER_OFF] >= 0).all()
        assert (fate.fault[fate.cause == Cause.ONLINE] == -1).all()


def test_cells_ask_for_those_of_their_terminals_that_may_and_can(world):
    net, snapshots = world
    for snapshot, cell, fate in zip(
        snapshots, cells_over_time(net, snapshots), fates(net, snapshots), strict=True
    ):
        asks = ~np.isin(fate.cause, [Cause.POWER_OFF, Cause.BOOTING]) & (fate.cause < 100)
        own = np.bincount(cell[asks], minlength=net.cell_count) + net.background
        assert np.array_equal(own[net.tracked], snapshot.cells["asking"])
        idle = snapshot.cells["cause"] == Cause.IDLE
        assert np.array_equal(idle, own[net.tracked] == 0)
        assert snapshot.summary["cells"] == (own > 0).sum()
        shown = snapshot.cells["cause"]
        assert ((shown == 0) == (snapshot.cells["units"] > 0))[~idle].all()
        assert not (snapshot.cells["units"] > 0)[idle].any()
        assert ((snapshot.cells["reason"] > 0) == (shown == Cause.NO_SATS)).all()
        for fewer, more in pairwise(("with_route", "in_view", "outside_gso", "seen")):
            assert (snapshot.cells[fewer] <= snapshot.cells[more]).all()


def causes_under(slots=6, **network_block):
    block = {"active_share": 0.02, **network_block.pop("network", {})}
    snapshots = ran(network(slots, network=block, **network_block))
    found: dict[int, int] = {}
    for snapshot in snapshots:
        for cause, count in snapshot.causes.items():
            found[cause] = found.get(cause, 0) + count
    return found, snapshots


MANY = [{"name": "civil", "count": 600, "country": "UA"}]


def test_one_antenna_for_a_country_is_named_as_antennas_and_nothing_else():
    found, snapshots = causes_under(
        gateways={"include": ["Wola Krobowska"], "antennas": 1}, terminals=MANY, network={"beams": 64}
    )
    assert found[Cause.NO_ANTENNA] > 100
    assert not (CONTENTION - {Cause.NO_ANTENNA}) & set(found)
    assert max(s.summary["antennas"] for s in snapshots) == 1
    assert max(s.summary["satellites"] for s in snapshots) == 1


def test_one_beam_in_one_dwell_is_named_as_beams_and_nothing_else():
    found, snapshots = causes_under(
        gateways={"include": ["Wola Krobowska", "Kaunas"], "antennas": 256},
        terminals=MANY,
        network={"beams": 1, "dwells": 1, "channels": 32},
    )
    assert found[Cause.NO_BEAM] > 100
    assert not (CONTENTION - {Cause.NO_BEAM}) & set(found)
    assert all(s.summary["units"] == s.summary["satellites"] for s in snapshots)


def test_sixty_four_channels_in_one_dwell_give_busy_cells_more_than_one_unit():
    block = {"channels": 64, "dwells": 1, "beams": 256, "active_share": 1.0}
    (snapshot,) = ran(network(1, network=block, terminals=MANY))
    assert snapshot.summary["units"] > snapshot.summary["cells"]


def test_one_channel_in_one_dwell_over_dense_cells_is_named_as_channels_and_nothing_else():
    found, _ = causes_under(
        gateways={"include": ["Wola Krobowska", "Kaunas"], "antennas": 256},
        terminals=MANY,
        network={"beams": 256, "dwells": 1, "channels": 1},
    )
    assert found[Cause.NO_CHANNEL] > 100
    assert not (CONTENTION - {Cause.NO_CHANNEL}) & set(found)


def test_without_nco_nobody_lacks_a_channel():
    found, _ = causes_under(
        gateways={"include": ["Wola Krobowska", "Kaunas"], "antennas": 256},
        terminals=MANY,
        network={"beams": 256, "dwells": 1, "channels": 1, "nco": False},
    )
    assert not CONTENTION & set(found)


def test_a_cell_that_went_without_comes_first_in_the_next_slot():
    net = network(
        16,
        terminals=[{"name": "civil", "count": 150, "country": "UA"}],
        gateways={"include": ["Wola Krobowska"], "antennas": 1},
        network={"beams": 16, "dwells": 1},
    )
    snapshots = ran(net)
    dark = np.array([np.isin(s.cells["cause"], list(CONTENTION)) for s in snapshots])
    could = np.array([s.cells["with_route"] > 0 for s in snapshots])
    assert dark.any(axis=1).all()
    waited = np.flatnonzero(could.all(axis=0))
    served = (~dark[:, waited]).sum(axis=0)
    assert len(waited) > 50
    assert (served > 0).mean() > 0.9, "nearly everybody has had a turn"


def test_far_from_any_gateway_is_no_gateway_without_a_fault():
    net = network(2, gateways={"include": ["Goonhilly"]}, terminals=[{"count": 20, "country": "KZ"}])
    for snapshot in ran(net):
        assert snapshot.causes == {Cause.NO_GATEWAY: 20}
        assert (snapshot.cells["fault"] == -1).all()
        assert (snapshot.cells["in_view"] > 0).all()
        assert (snapshot.cells["with_route"] == 0).all()


POINT = {"name": "one", "place": "points"}
SKY = [
    # where, constellation, exclusion: what is missing
    ([89.5, 0.0], "kuiper-630", 18.0, Reason.HORIZON),
    ([66.0, 20.0], "kuiper-630", 18.0, Reason.ELEVATION),
    ([1.0, 20.0], "kuiper-630", 90.0, Reason.GSO),
]


@pytest.mark.parametrize(("place", "use", "exclusion_deg", "reason"), SKY, ids=str)
def test_the_reason_of_no_satellites_is_the_first_that_leaves_none(place, use, exclusion_deg, reason):
    net = network(
        1,
        terminals=[{**POINT, "points": [place]}],
        constellation={"use": use},
        network={"gso_exclusion_deg": exclusion_deg},
    )
    (snapshot,) = ran(net)
    assert snapshot.causes == {Cause.NO_SATS: 1}
    assert snapshot.cells["reason"].tolist() == [reason]
