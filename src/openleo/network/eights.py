"""Flags, one byte each, taken eight at a time.

Picking what is flagged one after the other takes a step for each flag.  Here eight flags, read as one word,
become eight bits, and a table holds the places of the ones among them.
"""

import numpy as np

from openleo.base.compile import njit_inlined

_TO_BITS = np.uint64(0x0102040810204080)  # times eight flags: bit k of the highest byte is flag k
_EACH = np.uint64(0x0101010101010101)  # times eight bytes: the highest byte is their sum
_HIGHEST = np.uint64(56)
_PLACES = np.zeros((256, 8), np.uint8)
for _bits in range(256):
    _ones = [k for k in range(8) if _bits >> k & 1]
    _PLACES[_bits, : len(_ones)] = _ones
_PLACES_OF = (_PLACES.astype(np.uint64) << (8 * np.arange(8, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)


@njit_inlined
def whole_eights(n: int) -> int:
    """Return the least multiple of eight that is not less than ``n``."""
    return (n + 7) & -8


@njit_inlined
def sum_of_bytes(word: np.uint64) -> int:
    """Return the sum of a word's eight bytes, at most 255."""
    return int((word * _EACH) >> _HIGHEST)


@njit_inlined
def add_places(word: np.uint64, first: int, places: np.ndarray, count: int) -> int:
    """Append to ``places`` (uint8), after its first ``count``, ``first`` plus the place of each of a word's
    eight flags that is 1; return how many there are now.  It writes over the seven beyond."""
    which = _PLACES_OF[(word * _TO_BITS) >> _HIGHEST] + np.uint64(first) * _EACH
    # The compiler makes one store of the eight.
    places[count] = np.uint8(which)
    places[count + 1] = np.uint8(which >> np.uint64(8))
    places[count + 2] = np.uint8(which >> np.uint64(16))
    places[count + 3] = np.uint8(which >> np.uint64(24))
    places[count + 4] = np.uint8(which >> np.uint64(32))
    places[count + 5] = np.uint8(which >> np.uint64(40))
    places[count + 6] = np.uint8(which >> np.uint64(48))
    places[count + 7] = np.uint8(which >> np.uint64(56))
    return count + sum_of_bytes(word)
