"""The best of a cell's satellites: ranks against insertion one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.network.constraints import TILE, Work
from openleo.network.ranking import insert, rank, write_ranked

# Some that differ only beyond single precision, so that they are stored as equals.
UTILITIES = st.one_of(
    st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1.0 - 1e-12, 1.0 + 2e-9, -3.5, -3.5 - 1e-10]),
    st.floats(-1e6, 1e6),
)


def work_of(values):
    """Scratch that holds the utilities of satellites 100, 101, ..., kept in the order of their places."""
    row = np.zeros(TILE)
    places = np.arange(TILE, dtype=np.int32)
    flag, doubt = np.zeros((4, TILE), np.uint8), np.zeros((3, TILE), np.uint8)
    work = Work(
        near=np.zeros((8, TILE)), unsure=np.zeros((18, TILE)), packed=np.zeros((8, TILE)), value=row,
        stored=np.zeros(TILE), cones=np.zeros((8, 4)), which=100 + places, key=places, verdict=places,
        rank=np.full(TILE, 77), kept=places.astype(np.uint8), flag=flag, words=flag.view(np.uint64),
        doubt=doubt, doubt_words=doubt.view(np.uint64), doubtful=np.zeros((3, TILE), np.uint8),
        doubts=np.zeros(3, np.int64),
    )  # fmt: skip
    work.value[: len(values)] = values
    return work


@given(st.lists(UTILITIES, max_size=40), st.sampled_from([1, 3, 16, 64]))
@settings(max_examples=200, deadline=None)
def test_ranks_are_the_places_that_insertion_one_by_one_gives(values, limit):
    by_insertion = np.full((1, limit), -1, np.int16), np.full((1, limit), -np.inf, np.float32)
    filled = 0
    for k, value in enumerate(values):
        filled = insert(value, 100 + k, filled, 0, *by_insertion)
    by_rank = np.full((1, limit), -1, np.int16), np.full((1, limit), -np.inf, np.float32)
    work = work_of(values)
    rank(len(values), work)
    write_ranked(len(values), 0, work, *by_rank)
    np.testing.assert_array_equal(by_rank[0], by_insertion[0])
    np.testing.assert_array_equal(by_rank[1], by_insertion[1])
    assert sorted(work.rank[: len(values)]) == list(range(len(values)))


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ([], []),
        ([1.0], [100]),
        ([1.0, 3.0, 2.0], [101, 102, 100]),
        ([2.0, 2.0, 2.0], [100, 101, 102]),  # equals keep the order in which they come
    ],
)
def test_the_best_comes_first(values, order):
    work = work_of(values)
    rank(len(values), work)
    satellites, utilities = np.full((1, 16), -1, np.int16), np.full((1, 16), -np.inf, np.float32)
    write_ranked(len(values), 0, work, satellites, utilities)
    assert satellites[0, : len(values)].tolist() == order
