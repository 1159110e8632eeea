"""Whatever the world, a schedule keeps the rules; and what it refuses could not be had."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_worlds import (
    Footprints,
    Small,
    World,
    broken_rules,
    can_follow,
    first_of,
    kept,
    scheduled,
    small_world,
)

from openleo.network.board import new_board

small_worlds = st.builds(
    Small,
    cells=st.integers(1, 24),
    rings=st.integers(2, 5),
    satellites=st.integers(1, 8),
    gateways=st.integers(1, 3),
    antennas=st.integers(0, 3),
    lasers=st.sampled_from([0.0, 0.0, 0.3]),
    beams=st.integers(1, 6),
    dwells=st.integers(1, 4),
    channels=st.integers(1, 4),
    nco=st.booleans(),
)


@given(st.integers(0, 10_000), small_worlds)
@settings(max_examples=80, deadline=None)
def test_no_rule_is_broken(seed, small):
    world = small_world(seed, small)
    first, _ = first_of(world)
    assert broken_rules(world, first) == []
    assert (np.bitwise_count(first.used) <= 1).all()  # each gets one before any gets two
    board = scheduled(world)
    assert broken_rules(world, board) == []
    assert np.array_equal(board.first, first.first)
    assert np.array_equal(board.gateway, first.gateway)


@pytest.mark.parametrize("load_weight", [0.0, -1000.0])
@pytest.mark.parametrize("stay", [-1.0, 0.0, 1000.0])
def test_no_rule_is_broken_under_any_preference(stay, load_weight):
    for seed in range(8):
        world = small_world(seed, Small(cells=24, satellites=6, antennas=1 + seed % 2))
        assert broken_rules(world, scheduled(world, stay, load_weight)) == []


def could_have(footprints: Footprints, units: dict, cell: int, satellite: int, beams_in: np.ndarray) -> bool:
    """Tell whether a colour is free for one more unit, with 0.5 % to spare beyond the margin of 1 %."""
    limits = footprints.world.limits
    for colour in range(limits.dwells * limits.channels):
        if beams_in[satellite, colour // limits.channels] >= limits.beams:
            continue
        others = np.flatnonzero(units["colour"] == colour)
        if (units["cell"][others] == cell).any():
            continue
        if not limits.nco or not any(
            footprints.overlap((cell, satellite), (int(units["cell"][i]), int(units["satellite"][i])), 1.015)
            for i in others
        ):
            return True
    return False


def could_be_followed(world: World, board, satellite: int) -> bool:
    """Tell whether the satellites followed now and one more can all have an antenna."""
    demand = world.demand
    if board.gateway[satellite] >= 0 or not demand.needs_antenna[satellite]:
        return True
    return can_follow(world, {*np.flatnonzero(board.gateway >= 0).tolist(), int(satellite)})


@given(st.integers(0, 10_000), small_worlds)
@settings(max_examples=80, deadline=None)
def test_a_cell_stays_unserved_only_if_no_candidate_can_light_it(seed, small):
    world = small_world(seed, small)
    board, left = first_of(world)
    units, footprints = kept(world, board), Footprints(world)
    unserved = np.flatnonzero((board.first < 0) & (world.demand.candidates[:, 0] >= 0))
    assert left == len(unserved)
    for cell in unserved:
        for satellite in world.demand.candidates[cell]:
            if satellite >= 0 and could_be_followed(world, board, satellite):
                assert not could_have(footprints, units, cell, satellite, board.dwell_load)


@given(st.integers(0, 10_000), small_worlds)
@settings(max_examples=50, deadline=None)
def test_a_cell_has_fewer_units_than_it_wants_only_if_no_candidate_can_give_one(seed, small):
    world = small_world(seed, small)
    board = scheduled(world)
    units, footprints = kept(world, board), Footprints(world)
    demand = world.demand
    count = np.bitwise_count(board.used)
    wants = np.minimum(demand.wanted_units, world.limits.max_units)
    for cell in np.flatnonzero((board.first >= 0) & (count < wants)):
        beams = {int(s) for s in board.satellite[cell][board.colours[cell] > 0]}
        for satellite in demand.candidates[cell]:
            way = satellite >= 0 and (board.gateway[satellite] >= 0 or not demand.needs_antenna[satellite])
            if way and (satellite in beams or len(beams) < board.satellite.shape[1]):
                assert not could_have(footprints, units, cell, satellite, board.dwell_load)


@pytest.mark.parametrize("seed", range(6))
def test_the_same_world_gives_the_same_schedule(seed):
    world = small_world(seed, Small(cells=30, satellites=8, beams=2))
    for one, other in zip(scheduled(world), scheduled(world), strict=True):
        assert np.array_equal(one, other)


NOTHING = {
    "no cells": {"cells": 0},
    "no satellites": {"satellites": 0},
    "no gateways": {"gateways": 0},
    "no antennas": {"antennas": 0},
    "one antenna": {"gateways": 1, "antennas": 1},
    "nothing in sight": {"spread_deg": 80.0, "satellites": 2},
    "one beam, one dwell, one channel": {"beams": 1, "dwells": 1, "channels": 1},
    "64 channels": {"dwells": 1, "channels": 64},
    "64 dwells": {"dwells": 64, "channels": 1},
}


@pytest.mark.parametrize("case", NOTHING)
@pytest.mark.parametrize("lasers", [0.0, 1.0])
def test_edges(case, lasers):
    for seed in range(3):
        world = small_world(seed, replace(Small(lasers=lasers), **NOTHING[case]))
        assert broken_rules(world, scheduled(world)) == []


def test_more_than_sixty_four_colours_are_refused():
    limits = small_world(1, Small()).limits._replace(dwells=13, channels=5)
    with pytest.raises(ValueError, match="dwells x channels is 65; at most 64"):
        new_board(1, 1, limits, np.ones(1, np.int16))


def test_nobody_is_served_without_a_candidate_or_without_asking():
    world = small_world(1, Small())
    none = world.demand._replace(candidates=np.full_like(world.demand.candidates, -1))
    board, left = first_of(World(world.points, world.sky, world.near, none, world.limits))
    assert left == 0
    assert (board.first < 0).all()
    idle = world.demand._replace(terminals=np.zeros_like(world.demand.terminals))
    board, left = first_of(World(world.points, world.sky, world.near, idle, world.limits))
    assert left == 0
    assert not board.colours.any()
