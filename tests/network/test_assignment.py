"""Who serves whom: the best that can be had, cell by cell in turn, and antennas that stay where they were."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_worlds import Footprints, Small, can_follow, first_of, kept, scheduled, small_world

from openleo.network.assignment import greedy, relieve
from openleo.network.board import new_board

small_worlds = st.builds(
    Small,
    cells=st.integers(1, 30),
    satellites=st.integers(1, 9),
    gateways=st.integers(1, 3),
    antennas=st.integers(0, 3),
    lasers=st.sampled_from([0.0, 0.5]),
    beams=st.integers(1, 5),
    dwells=st.integers(1, 2),
)


def empty(world):
    return new_board(len(world.demand.terminals), len(world.sky.number), world.limits, world.demand.antennas)


def greedy_reference(world, stay, load_weight):
    """Each cell in its turn: of what it can have, the candidate with the highest utility."""
    d, capacity = world.demand, world.limits.beams * world.limits.dwells
    first = np.full(len(d.terminals), -1)
    load = np.zeros(len(world.sky.number), int)
    followed: set[int] = set()
    for c in d.order:
        best, value = -1, -np.inf
        for j, s in enumerate(d.candidates[c]):
            if s < 0 or load[s] >= capacity:
                continue
            if d.needs_antenna[s] and s not in followed and not can_follow(world, followed | {int(s)}):
                continue
            v = d.utility[c, j] + stay * (s == d.present[c]) + load_weight * load[s] / capacity
            if v > value:
                best, value = int(s), v
        first[c] = best
        if best >= 0:
            load[best] += 1
            followed |= {best} if d.needs_antenna[best] else set()
    return first


@given(
    st.integers(0, 10_000),
    small_worlds,
    st.sampled_from([-0.5, 0.0, 1.333, 100.0]),
    st.sampled_from([0.0, -3.0]),
)
@settings(max_examples=60, deadline=None)
def test_each_cell_in_its_turn_gets_the_best_it_can_have(seed, small, stay, load_weight):
    world = small_world(seed, small)
    board = empty(world)
    left = greedy(world.demand, world.limits, board, stay, load_weight)
    assert board.first.tolist() == greedy_reference(world, stay, load_weight).tolist()
    assert left == ((board.first < 0) & (world.demand.candidates[:, 0] >= 0)).sum()


@given(st.integers(0, 10_000), small_worlds)
@settings(max_examples=60, deadline=None)
def test_relief_serves_no_fewer_and_says_how_many_it_leaves(seed, small):
    world = small_world(seed, small)
    board = empty(world)
    greedy(world.demand, world.limits, board, 1.0, 0.0)
    served = board.first >= 0
    left = relieve(world.demand, world.limits, board)
    now = board.first >= 0
    assert now.sum() >= served.sum()
    assert left == (~now & (world.demand.candidates[:, 0] >= 0)).sum()
    assert np.array_equal(np.bincount(board.first[now], minlength=len(board.load)), board.load)
    assert (board.load <= world.limits.beams * world.limits.dwells).all()
    used = np.bincount(board.gateway[board.gateway >= 0], minlength=len(board.free_antennas))
    assert np.array_equal(used + board.free_antennas, world.demand.antennas)


def one_beam(cells):
    """A world of one beam in all; everybody sees the satellite that has it."""
    small = Small(cells=cells, satellites=1, spread_deg=0.5, lasers=1.0, beams=1, dwells=1, channels=1)
    return small_world(5, small)


def test_one_beam_goes_to_the_cell_whose_turn_is_first():
    world = one_beam(7)
    for first in range(7):
        order = np.roll(np.arange(7, dtype=np.int32), -first)
        world.demand.order[:] = order
        assert np.flatnonzero(scheduled(world).first >= 0).tolist() == [first]


def test_where_the_longest_unserved_goes_first_nobody_waits_longer_than_a_round():
    world = one_beam(7)
    since = np.zeros(7, int)
    for slot in range(1, 30):
        world.demand.order[:] = np.lexsort((np.arange(7), since)).astype(np.int32)
        served = scheduled(world).first >= 0
        assert slot - since[served] <= 7
        since[served] = slot


@pytest.mark.parametrize("seed", range(8))
def test_where_colours_run_out_nobody_could_take_the_place_of_one_whose_turn_is_later(seed):
    small = Small(cells=26, rings=3, satellites=5, lasers=1.0, beams=16, dwells=2, channels=1)
    world = small_world(seed, small)
    d, footprints = world.demand, Footprints(world)
    board, left = first_of(world)
    assert left > 0
    turn = np.argsort(d.order)
    units = kept(world, board)
    for c in np.flatnonzero((board.first < 0) & (d.candidates[:, 0] >= 0)):
        for s in d.candidates[c][d.candidates[c] >= 0]:
            for colour in range(2):
                same = np.flatnonzero(units["colour"] == colour)
                held = [(int(units["cell"][i]), int(units["satellite"][i])) for i in same]
                barred_by = [n for n, t in held if footprints.overlap((int(c), int(s)), (n, t), 1.015)]
                assert len(barred_by) > 1 or turn[barred_by[0]] < turn[c]


@pytest.mark.parametrize("seed", range(10))
def test_a_satellite_that_goes_on_serving_keeps_its_gateway(seed):
    world = small_world(seed, Small(satellites=9, gateways=3, antennas=3, beams=8))
    before, _ = first_of(world)
    world.demand.present_gateway[:] = before.gateway
    world.demand.present[:] = before.first
    world.demand.order[:] = world.demand.order[::-1].copy()
    rng = np.random.default_rng(seed)
    world.demand.utility[:] += rng.normal(scale=0.3, size=world.demand.utility.shape).astype(np.float32)
    after, _ = first_of(world)
    both = (before.gateway >= 0) & (after.gateway >= 0)
    assert both.any()
    assert np.array_equal(before.gateway[both], after.gateway[both])


def test_a_full_gateway_hands_a_satellite_on_rather_than_refuse_one():
    world = small_world(1, Small(cells=20, satellites=2, gateways=2, antennas=1, spread_deg=2.0))
    d = world.demand
    d.gateways[:] = -1
    d.gateways[0, :2] = (0, 1)  # may use both, and is asked for first
    d.gateways[1, 0] = 0
    d.present_gateway[:] = -1
    d.utility[:, :2] = (5.0, 0.0)
    d.candidates[:, :2] = (0, 1)
    board, _ = first_of(world)
    assert board.gateway.tolist() == [1, 0]


def test_kernels_leave_reference_counts_as_they_were():
    world = small_world(4, Small(cells=40, rings=3, satellites=8, beams=2))
    arrays = [a for part in (world.points, world.sky, world.near, world.demand) for a in part]
    before = [sys.getrefcount(a) for a in arrays]
    for _ in range(3):
        scheduled(world)
    assert [sys.getrefcount(a) for a in arrays] == before
