"""The smallest, the farthest and the oddest runs."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from engine_worlds import differences, fates, instant, made, net_of, network, ran

from openleo.base.clock import slot_start
from openleo.engine import first_state, inspect, prepare, run_slots, static_tables
from openleo.scenario.world import compile_world
from openleo.snapshot.causes import Cause
from openleo.snapshot.tables import BEAMS, CELLS, SLOTS, TABLES

ONE = {"terminals": [{"name": "one", "place": "points", "points": [[50.45, 30.52]]}]}
LAND = [{"name": "land", "country": "UA"}]


def test_one_terminal_has_the_sky_to_itself():
    net = network(4, **ONE)
    assert net.cell_count == 1
    for snapshot in ran(net):
        assert snapshot.summary["online"] == snapshot.summary["cells_served"] == 1
        assert snapshot.summary["satellites"] == snapshot.summary["antennas"] == 1
        assert snapshot.cells["units"][0] >= 1
        assert snapshot.summary["rtt_p10_us"] == snapshot.summary["rtt_p90_us"] == snapshot.cells["rtt_us"][0]


def test_a_run_of_one_slot_is_a_run():
    net = network(1)
    assert net.world.slots[0] == net.world.slots[1]
    (snapshot,) = ran(net)
    assert snapshot.slot == net.world.first_slot
    assert not snapshot.cells["handover"].any()


def test_everybody_disabled_leaves_an_idle_network():
    net = network(3, areas=LAND, switches=[{"area": "land"}])
    for snapshot in ran(net):
        summary = snapshot.summary
        assert (snapshot.cells["cause"] == Cause.IDLE).all()
        assert all(len(values) == 0 for values in snapshot.beams.values())
        for name in ("online", "enabled", "cells", "cells_served", "satellites", "antennas", "units"):
            assert summary[name] == 0
        for name in ("rtt_p10_us", "rtt_p50_us", "rtt_p90_us", "rate_p20_kbps", "rate_p50_kbps"):
            assert summary[name] == -1
        assert snapshot.causes == {Cause.CELL_IS_DISABLED: 80}


def test_a_network_with_nobody_comes_back_when_it_may():
    at = [made(4).start + timedelta(seconds=12 + 15 * n) for n in range(4)]
    net = network(4, areas=LAND, switches=[{"area": "land", "until": at[2]}])
    assert [s.summary["online"] for s in ran(net)] == [0, 0, 80, 80]


@pytest.mark.parametrize("latitude", [90.0, 89.99, -90.0])
def test_the_poles_are_places_like_others(latitude):
    pole = [{"name": "pole", "place": "points", "points": [[latitude, 0.0]]}]
    net = network(2, terminals=pole, constellation={"use": "kuiper-630"})
    for snapshot in ran(net):
        assert snapshot.causes == {Cause.NO_SATS: 1}
    high = network(2, terminals=pole, constellation={"use": "starlink-2026"}, gateways={"include": "live"})
    for snapshot in ran(high):
        assert snapshot.cells["seen"][0] >= snapshot.cells["outside_gso"][0] == snapshot.cells["seen"][0]


def test_a_gateway_and_a_terminal_at_a_pole_serve_each_other():
    net = network(
        4,
        terminals=[{"name": "pole", "place": "points", "points": [[90.0, 0.0], [89.0, 120.0]]}],
        gateways={"include": [], "extra": [{"name": "pole", "country": "NO", "latitude_deg": 90.0,
                                            "longitude_deg": 0.0, "min_elevation_deg": 10.0}]},
        constellation={"use": "starlink-2026"},
        pops={},
    )  # fmt: skip
    snapshots = ran(net)
    assert any(s.summary["online"] > 0 for s in snapshots)
    for snapshot in snapshots:
        assert snapshot.summary["online"] + sum(snapshot.causes.values()) == 2


def test_no_gateway_in_reach_is_said_in_every_slot():
    net = network(3, gateways={"include": ["Goonhilly"]})
    for fate in fates(net, ran(net)):
        assert (fate.cause == Cause.NO_GATEWAY).all()


@pytest.mark.parametrize(
    "start",
    [
        datetime(2016, 12, 31, 23, 59, 20, tzinfo=UTC),  # a leap second ends the year: the last one so far
        datetime(2019, 4, 6, 23, 59, 20, tzinfo=UTC),  # GPS week 2048: the counter of ten bits starts again
        datetime(2022, 10, 7, 23, 59, 20, tzinfo=UTC),  # midnight
        datetime(2024, 2, 28, 23, 59, 20, tzinfo=UTC),  # before a leap day
    ],
    ids=str,
)
def test_a_run_goes_on_over_a_boundary_of_the_clock(start):
    net = network(6, start=start, constellation={"use": "kuiper-630"})
    first, last = net.world.slots
    snapshots = ran(net)
    assert [s.slot for s in snapshots] == list(range(first, last + 1))
    assert start <= instant(first)
    assert slot_start(last) < np.datetime64((start + timedelta(seconds=90)).replace(tzinfo=None))
    for snapshot in snapshots:
        assert snapshot.summary["online"] + sum(snapshot.causes.values()) == 80
        assert snapshot.summary["online"] > 0
    steps = [slot_start(n + 1) - slot_start(n) for n in range(first, last)]
    odd = [step for step in steps if step != np.timedelta64(15, "s")]
    assert len(odd) == (start.year == 2016)


def test_a_slot_that_holds_a_leap_second_serves_as_its_neighbours_do():
    start = datetime(2016, 12, 31, 23, 59, 20, tzinfo=UTC)
    seen = [s.cells["seen"].mean() for s in ran(network(6, start=start, **ONE))]
    assert np.abs(np.diff(seen)).max() <= 6.0


def test_terminals_may_share_a_cell_and_a_place():
    here = [[50.45, 30.52]] * 3
    net = network(2, terminals=[{"name": "three", "place": "points", "points": here}])
    for snapshot in ran(net):
        assert snapshot.cells["asking"].tolist() == [3]
        assert snapshot.summary["online"] == 3


def test_the_others_in_the_background_take_beams_and_are_not_counted():
    background = [{"name": "all", "countries": ["PL"], "terminals": 3000, "cells": 200}]
    net = network(2, background=background)
    assert net.cell_count > len(net.tracked)
    for snapshot in ran(net):
        assert snapshot.summary["terminals"] == 80
        assert snapshot.summary["online"] + sum(snapshot.causes.values()) == 80
        assert snapshot.summary["cells"] == net.cell_count == 200 + len(net.tracked)
        assert len(snapshot.cells["cause"]) == len(net.tracked)
        assert np.isin(snapshot.beams["cell"], net.tracked).all()
        assert snapshot.summary["units"] > snapshot.cells["units"].sum()


def test_more_colours_than_a_word_holds_are_refused():
    scenario = made(1, network={"channels": 9, "dwells": 8})
    with pytest.raises(ValueError, match="72"):
        prepare(compile_world(scenario))


def test_a_slot_run_alone_from_the_first_state_is_the_runs_first():
    net = network(2)
    first = net.world.slots[0]
    a = next(iter(run_slots(net, first_state(net), first, first, workers=1)))[1]
    b = ran(net)[0]
    assert differences(a, b) == []
    assert inspect(net, first_state(net), first, int(net.tracked[0])).cell == net.tracked[0]


def test_every_column_of_a_snapshot_is_one_of_its_table_and_of_its_type():
    net = net_of(made(2))
    (snapshot, _) = ran(net)
    for columns, table, left in (
        (snapshot.cells, CELLS, {"cell", "slot"}),
        (snapshot.beams, BEAMS, {"slot"}),
    ):
        assert set(columns) == {c.name for c in table.columns} - left
        for name, values in columns.items():
            assert values.dtype == table.column(name).numpy, name
    assert set(snapshot.summary) == {c.name for c in SLOTS.columns} - {"slot", "start"}
    assert all(type(value) is int for value in snapshot.summary.values())
    for name, columns in static_tables(net).items():
        assert set(columns) == {c.name for c in TABLES[name].columns}
        assert len({len(values) for values in columns.values()}) == 1
