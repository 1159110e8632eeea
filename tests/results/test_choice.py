"""A terminal's satellite, read without numba, is the one that the engine used."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.engine import masked
from openleo.results.choice import ALL_SECONDS, beam_shares, bits_set, rows_of_share


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.lists(st.integers(0, 2**31 - 1), max_size=20))
def test_shares_are_the_engines(seed: int, rows: list[int]) -> None:
    terminals = np.array(rows, np.int32)
    np.testing.assert_array_equal(beam_shares(seed, terminals), masked.beam_shares(seed, terminals))


@settings(deadline=None)
@given(
    share=st.integers(0, 2**32 - 1),
    slots=st.lists(st.lists(st.integers(1, 64), min_size=1, max_size=6), max_size=10),
)
def test_choices_are_the_engines(share: int, slots: list[list[int]]) -> None:
    group = [t for t, units in enumerate(slots) for _ in units]
    units = [n for slot in slots for n in slot]
    expected, begin = [], 0
    for slot in slots:
        expected.append(begin + masked.choose_beam(share, np.array(slot)))
        begin += len(slot)
    assert rows_of_share(share, group, units).tolist() == expected


def test_bits_are_counted() -> None:
    assert bits_set([0, 1, ALL_SECONDS, 2**64 - 1]).tolist() == [0, 1, 15, 64]
    assert masked.ALL_SECONDS == ALL_SECONDS
