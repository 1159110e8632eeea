"""Which of its cell's satellites a terminal uses in a slot: found from the tables, without numba.

The engine places every terminal at a fixed share of its cell's beam units (`openleo.engine.masked`); tests
hold these functions equal to the engine's.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ALL_SECONDS = (1 << 15) - 1  # every second of a slot
_BEAM_SALT = 0xBEA4  # as in openleo.engine.masked

Words = NDArray[np.uint32]


def beam_shares(seed: int, terminals: ArrayLike) -> Words:
    """Return where on its cell's beam units each terminal (U,), by row, stands: a fixed uint32."""
    h = np.full(np.shape(terminals), np.uint32(seed ^ _BEAM_SALT) ^ np.uint32(0x9E3779B9), np.uint32)
    for word in (np.asarray(terminals).astype(np.uint32), np.uint32(0)):  # openleo.base.hashing.hash_u32
        h = h ^ word
        h = h ^ (h >> np.uint32(16))
        h = h * np.uint32(0x85EBCA6B)
        h = h ^ (h >> np.uint32(13))
        h = h * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return np.asarray(h, np.uint32)


def rows_of_share(share: int, group: ArrayLike, units: ArrayLike) -> NDArray[np.int64]:
    """Return for each group of rows the one that a terminal with this ``share`` uses.

    ``group`` (N,) ascending, such as slots of one cell's beams, first satellite first; ``units`` (N,) at
    least one each.  Returns row numbers, one for each distinct group, in order.
    """
    of = np.asarray(group)
    count = np.asarray(units, np.int64)
    if len(of) == 0:
        return np.zeros(0, np.int64)
    begins = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    total = np.add.reduceat(count, begins)
    place = (int(share) * total) >> 32
    upto = np.cumsum(count)
    before = upto[begins] - count[begins]
    return np.asarray(np.searchsorted(upto, before + place, side="right"), np.int64)


def bits_set(words: ArrayLike) -> NDArray[np.int64]:
    """Return how many bits are set in each (N,): units of a beams row's colours, seconds of a mask."""
    return np.bitwise_count(np.asarray(words, np.uint64)).astype(np.int64)
