"""Further units go max-min by terminals, one at a time; told by a plain loop over the rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_worlds import Footprints, Small, first_of, kept, scheduled, small_world

from openleo.network.board import copy_board
from openleo.network.radix import descending, descending_reference
from openleo.network.units import further_units, late_units


@given(st.lists(st.tuples(st.integers(1, 200_000), st.integers(1, 64)), max_size=300))
@settings(max_examples=100, deadline=None)
def test_sorting_agrees_with_numpy(ratios):
    key = np.array([t / u for t, u in ratios], np.float32)
    value = np.arange(len(ratios), dtype=np.int32)
    assert np.array_equal(descending(key.copy(), value.copy()), descending_reference(key, value))


def lightest_first(world, board, satellite, free):
    """Return the free colours, those in the satellite's least used dwell first, then lower ones."""
    lit = board["lit"][satellite]
    return sorted(free, key=lambda k: (lit[k // world.limits.channels], k))


def grant(world, footprints, board, cell, satellite):
    """Give one more unit by the rules, tried one colour after another; return whether there was one."""
    limits = world.limits
    if len({s for s, _ in board["units"][cell]} | {satellite}) > 4:
        return False
    mine = {k for _, k in board["units"][cell]}
    free = [
        k for k in range(limits.dwells * limits.channels)
        if k not in mine and board["lit"][satellite, k // limits.channels] < limits.beams
    ]  # fmt: skip
    others = [(n, s, k) for n, units in enumerate(board["units"]) if n != cell for s, k in units]
    if limits.nco:
        # Colours that no circle about an ellipse touches go before those that only ellipses show to be free.
        lists = enumerate(board["units"])
        wide = {n: max(size(footprints, n, s) for s, _ in units) for n, units in lists if units}
        own = size(footprints, cell, satellite)
        metres = np.linalg.norm(world.points.point_m - world.points.point_m[cell], axis=1)
        touched = {k for n, _, k in others if metres[n] <= 1.01 * (own + wide[n])}
        clear = [k for k in free if k not in touched]
        if not clear:
            clear = [
                k for k in free
                if not any(
                    footprints.overlap((cell, satellite), (n, s), 1.01) for n, s, j in others if j == k
                )
            ]  # fmt: skip
        free = clear
    if not free:
        return False
    colour = lightest_first(world, board, satellite, free)[0]
    board["units"][cell].append((satellite, colour))
    board["lit"][satellite, colour // limits.channels] += 1
    return True


def size(footprints, cell, satellite):
    return float(np.linalg.norm(footprints.axes_m(cell, satellite)[0]))


def further_units_reference(world, first):
    """Always serve the cell with the most terminals for its units, until it wants or can have no more."""
    d, footprints = world.demand, Footprints(world)
    board = {"units": [[] for _ in d.terminals], "lit": first.dwell_load.astype(int)}
    units = kept(world, first)
    for c, s, k in zip(units["cell"], units["satellite"], units["colour"], strict=True):
        board["units"][c].append((int(s), int(k)))
    wants = np.minimum(d.wanted_units, world.limits.max_units)
    alive = {c for c in range(len(d.terminals)) if len(board["units"][c]) < wants[c] and first.first[c] >= 0}
    while alive:
        c = max(alive, key=lambda c: (d.terminals[c] / len(board["units"][c]), -c))
        own = int(first.first[c])
        turns = [own] + [int(s) for s in d.candidates[c] if s >= 0 and s != own]
        open_now = [s for s in turns if first.gateway[s] >= 0 or not d.needs_antenna[s]]
        if (
            not any(grant(world, footprints, board, c, s) for s in open_now)
            or len(board["units"][c]) >= wants[c]
        ):
            alive.discard(c)
    return [set(units) for units in board["units"]]


@pytest.mark.parametrize("nco", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_further_units_agree_with_the_plain_loop(seed, nco):
    small = Small(cells=18, rings=3, satellites=5, antennas=1, beams=3, dwells=3, channels=2, nco=nco)
    world = small_world(seed, small)
    first, _ = first_of(world)
    want = further_units_reference(world, first)
    further_units(world.points, world.sky, world.near, world.demand, world.limits, first)
    units = kept(world, first)
    got = [set() for _ in want]
    for c, s, k in zip(units["cell"], units["satellite"], units["colour"], strict=True):
        got[c].add((int(s), int(k)))
    assert got == want


def test_no_cell_with_fewer_terminals_for_its_units_took_what_another_could_use():
    small = Small(cells=25, rings=6, satellites=1, lasers=1.0, beams=8, dwells=4, nco=False, wanted=40)
    for seed in range(5):
        world = small_world(seed, small)
        world.demand.wanted_units[:] = 8
        board = scheduled(world)
        count = np.bitwise_count(board.used).astype(int)
        served = np.flatnonzero(count)
        ratio = world.demand.terminals[served] / count[served]
        last = world.demand.terminals[served] / np.maximum(count[served] - 1, 1)  # when its last was granted
        hungry = count[served] < np.minimum(world.demand.wanted_units[served], world.limits.max_units)
        many = count[served] > 1
        if hungry.any() and many.any():  # one satellite, so any unit could have gone to any cell
            assert ratio[hungry].max() <= last[many].min()


def test_cells_tried_late_are_served_where_something_is_left_and_only_there():
    world = small_world(3, Small(cells=30, satellites=6, beams=1, dwells=2, channels=2))
    board, left = first_of(world)
    dark = np.flatnonzero((board.first < 0) & (world.demand.candidates[:, 0] >= 0))
    assert left == len(dark) > 0
    same = copy_board(board)
    late_units(dark, world.points, world.sky, world.near, world.demand, world.limits, same)
    assert np.array_equal(same.first, board.first)
    free = world.limits._replace(beams=1000, nco=False, antennas_bind=False)
    more = copy_board(board)
    more.free[:] = 15
    late_units(dark, world.points, world.sky, world.near, world.demand, free, more)
    assert (more.first[dark] >= 0).all()
