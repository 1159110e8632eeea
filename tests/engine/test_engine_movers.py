"""A moving terminal is in the cell of its place at the slot's start, and its demand goes with it."""

from dataclasses import fields

import h3
import numpy as np
import pytest
from engine_worlds import cells_over_time, made, net_of, ran

from openleo.base.clock import slot_start
from openleo.engine import first_state, prepare, run_slots
from openleo.engine.terminals import Standing, Terminals
from openleo.scenario.load import load_scenario
from openleo.scenario.world import compile_world

LAND = {"name": "land", "country": "UA"}
PENTAGON = h3.cell_to_latlng(sorted(h3.get_pentagons(5))[4])
WAYS = {
    "roaming vehicles": {
        "areas": [LAND],
        "terminals": [{"place": "roam", "count": 40, "kind": "in-motion", "inside": ["land"],
                       "speed_kmh": 90.0}],
    },
    "aircraft": {
        "terminals": [
            {"place": "track", "count": 25, "kind": "in-motion", "spread_km": 30.0,
             "tracks": [{"waypoints": [[46.0, 23.0], [51.0, 40.0], [48.0, 26.0]], "speed_kmh": 1000.0}]}
        ],
    },
    "over the date line": {
        "terminals": [
            {"place": "track", "count": 25, "kind": "in-motion", "spread_km": 40.0,
             "tracks": [{"waypoints": [[-16.0, 179.5], [-17.0, -179.5]], "speed_kmh": 2000.0}]}
        ],
    },
    "about the pole": {
        "terminals": [
            {"place": "track", "count": 25, "kind": "in-motion", "spread_km": 5.0,
             "tracks": [{"waypoints": [[89.8, 0.0], [89.9, 120.0], [89.7, -110.0]], "speed_kmh": 1500.0}]}
        ],
    },
    "about a pentagon": {
        "terminals": [
            {"place": "track", "count": 25, "kind": "in-motion", "spread_km": 15.0,
             "tracks": [{"waypoints": [[PENTAGON[0] - 0.2, PENTAGON[1] - 0.2],
                                       [PENTAGON[0] + 0.2, PENTAGON[1] + 0.2]], "speed_kmh": 300.0}]}
        ],
    },
    "one that starts late and stops": {
        "terminals": [
            {"place": "track", "count": 10, "kind": "in-motion", "stagger_hours": 0.1,
             "tracks": [{"waypoints": [[49.0, 26.0], [49.0, 27.0]], "speed_kmh": 900.0, "repeat": "once"}]}
        ],
    },
}  # fmt: skip


def directly(net, slot):
    """The cell of every mover at a slot's start, by h3, from the track itself."""
    latitude, longitude, _ = net.world.tracks.at(slot_start(slot))
    cells = [h3.str_to_int(h3.latlng_to_cell(a, o, 5)) for a, o in zip(latitude, longitude, strict=True)]
    return np.array(cells, np.uint64)[net.world.terminals.track]


@pytest.mark.parametrize("way", WAYS)
def test_a_mover_is_in_every_slot_in_the_cell_of_its_place_at_the_start(way):
    net = net_of(made(40, **WAYS[way]))
    snapshots = ran(net)
    cells = cells_over_time(net, snapshots)
    entered = 0
    for t, snapshot in enumerate(snapshots):
        assert np.array_equal(net.cells[cells[t]], directly(net, snapshot.slot))
        entered += len(snapshot.moved)
        latitude, longitude, speed = net.world.tracks.at(slot_start(snapshot.slot))
        rider = net.world.terminals.track[snapshot.moved]
        want = np.stack([latitude[rider], longitude[rider], speed[rider]])
        assert np.allclose(snapshot.moved_where, want, atol=1e-4)
    assert entered > len(net.world.terminals)
    assert len(snapshots[0].moved) == len(net.world.terminals), "the first slot says where each starts"


def test_demand_follows_the_movers():
    net = net_of(made(40, **WAYS["aircraft"]))
    snapshots = ran(net)
    cells = cells_over_time(net, snapshots)
    for t, snapshot in enumerate(snapshots):
        count = np.bincount(cells[t], minlength=net.cell_count)
        assert np.array_equal(count[net.tracked], snapshot.cells["asking"])
    assert np.array_equal(np.unique(cells), net.tracked), "and no cell is tracked where nobody comes"
    assert np.array_equal(cells[0], net.terminal_cell)


def test_a_run_that_goes_on_later_knows_where_everybody_is():
    net = net_of(made(24, **WAYS["aircraft"]))
    first, last = net.world.slots
    whole = ran(net)
    for begin in (first + 1, first + 9, last):
        (*_, (state, _)) = run_slots(net, first_state(net), first, begin - 1, workers=1)
        ((_, half),) = run_slots(net, state, begin, begin, workers=1)
        assert np.array_equal(half.cells["asking"], whole[begin - first].cells["asking"])
        assert np.array_equal(half.moved, whole[begin - first].moved)


def test_standing_terminals_never_move_and_a_moving_ones_mask_is_not_asked():
    groups = [
        {"name": "fixed", "count": 30, "country": "UA"},
        {**WAYS["aircraft"]["terminals"][0], "name": "air", "mask": "urban-canyon"},
    ]
    net = net_of(made(8, terminals=groups))
    for snapshot in ran(net):
        assert (snapshot.moved >= 30).all()
        assert not np.isin(snapshot.dark, np.arange(30, 55)).any()


@pytest.mark.parametrize("from_slot", [0, 1900])
def test_the_standing_kept_from_slot_to_slot_is_the_one_made_anew(from_slot):
    """Movers that cross into cells and countries with other rules, beside those who stand still."""
    net = prepare(compile_world(load_scenario("ukraine-2022")))
    first = net.world.first_slot + from_slot
    terminals = Terminals(net, first)
    for slot in range(first, first + 90):
        kept = terminals.advance(slot)
        anew = terminals._combined(kept.moved)
        for field in fields(Standing):
            np.testing.assert_array_equal(getattr(kept, field.name), getattr(anew, field.name), field.name)
            assert type(getattr(kept, field.name)) is type(getattr(anew, field.name))
