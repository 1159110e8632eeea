"""The fast figures of a slot agree with the plain ones to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from openleo.engine.columns import fill_rows, new_rows, rows_reference
from openleo.engine.summary import (
    _busy_rates,
    busy_rates_reference,
    weighted_percentiles,
    weighted_percentiles_reference,
)
from openleo.network.board import Limits, new_board
from openleo.network.settle import Beams

CELLS, SATELLITES = 60, 9


def made_board(rng):
    """A board in which a cell's first satellite may be any of its beams, and beams may be dark."""
    limits = Limits(16, 8, 8, True, 0.02, True, 64)
    board = new_board(CELLS, SATELLITES, limits, np.full(3, 8, np.int16))
    for c in range(CELLS):
        of_cell = rng.permutation(SATELLITES)[:4]
        lit = rng.integers(0, 5)
        board.satellite[c] = of_cell
        board.colours[c, :lit] = rng.integers(1, 2**63, lit, np.uint64)
        board.used[c] = np.bitwise_or.reduce(board.colours[c])
        board.first[c] = of_cell[rng.integers(lit)] if lit and rng.random() < 0.8 else -1
    return board


def made_beams(rng):
    shape = CELLS, 4
    return Beams(
        rng.integers(0, 3, shape, np.int16), rng.integers(0, SATELLITES, shape, np.int32),
        *(rng.uniform(1e-3, 30e-3, shape).astype(np.float32) for _ in range(3)),
        (rng.uniform(0.0, 3e9, shape) * rng.integers(0, 2, shape)).astype(np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_cells_agree_with_numpy_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    board, beams = made_board(rng), made_beams(rng)
    tracked = np.flatnonzero(rng.random(CELLS) < 0.7).astype(np.int32)
    number = rng.permutation(300)[:SATELLITES].astype(np.int32)
    before = rng.choice(np.append(number, -1), CELLS).astype(np.int32)
    out = new_rows(len(tracked))
    fill_rows(tracked, number, before, board, beams, 1e3 * 6.3, out)
    want = rows_reference(tracked, number, before, board, beams, 1e3 * 6.3)
    for name in out._fields:
        got = getattr(out, name)
        assert got.dtype == getattr(want, name).dtype, name
        np.testing.assert_array_equal(got, getattr(want, name), name)


values = st.one_of(st.integers(-1, 40), st.integers(-1, 300_000), st.integers(-(2**31), 2**31 - 1))


@settings(deadline=None)  # the first call compiles
@given(st.data(), st.integers(0, 50))
def test_percentiles_agree_with_sorting(data, count):
    of = data.draw(st.lists(values, min_size=count, max_size=count))
    weights = data.draw(arrays(np.int32, count, elements=st.integers(0, 2000)))
    percents = tuple(data.draw(st.lists(st.integers(0, 100), min_size=1, max_size=4)))
    got = weighted_percentiles(np.array(of, np.int32), weights, percents)
    assert got == weighted_percentiles_reference(np.array(of, np.int32), weights, percents)


@settings(deadline=None)  # the first call compiles
@given(arrays(np.int32, 30, elements=st.integers(0, 5000)), st.floats(0.001, 1.0), st.integers(1, 10**6))
def test_busy_rates_agree_with_numpy(asking, share, plan_kbps):
    rate = (np.arange(30) * 70_001).astype(np.int32)
    rate[3] = -1
    out = np.empty(30, np.int32)
    _busy_rates(asking, rate, share, float(plan_kbps), out)
    np.testing.assert_array_equal(out, busy_rates_reference(asking, rate, share, float(plan_kbps)))
