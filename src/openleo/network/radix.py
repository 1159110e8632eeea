"""Sorting by a positive float key, largest first, in linear time."""

import numpy as np
from numpy.typing import NDArray

from openleo.network.kernels import kernel

_BITS = 11
_BUCKETS = 1 << _BITS
_PASSES = 3  # 33 bits hold a float32


@kernel
def _count(key: np.ndarray, counts: np.ndarray) -> None:
    """Fill counts (3, 2048) int32 with where each bucket of each pass starts."""
    for i in range(key.shape[0]):
        for p in range(_PASSES):
            counts[p, key[i] >> (_BITS * p) & (_BUCKETS - 1)] += 1
    for p in range(_PASSES):
        total = 0
        for bucket in range(_BUCKETS):
            here = counts[p, bucket]
            counts[p, bucket] = total
            total += here


@kernel
def _scatter(
    key: np.ndarray,
    value: np.ndarray,
    shift: int,
    starts: np.ndarray,
    to_key: np.ndarray,
    to_value: np.ndarray,
) -> None:
    for i in range(key.shape[0]):
        bucket = key[i] >> shift & (_BUCKETS - 1)
        at = starts[bucket]
        starts[bucket] = at + 1
        to_key[at] = key[i]
        to_value[at] = value[i]


def descending(key: NDArray[np.float32], value: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return ``value`` (E,) in the order of falling ``key`` (E,), which must be positive; equals keep theirs.

    The bits of positive floats order as they do.
    """
    bits = ~key.view(np.uint32)
    counts = np.zeros((_PASSES, _BUCKETS), np.int32)
    _count(bits, counts)
    other_bits, other = np.empty_like(bits), np.empty_like(value)
    for p in range(_PASSES):
        _scatter(bits, value, _BITS * p, counts[p], other_bits, other)
        bits, other_bits, value, other = other_bits, bits, other, value
    return value


def descending_reference(key: NDArray[np.float32], value: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same by comparisons, for tests."""
    return np.asarray(value[np.argsort(-key, kind="stable")])
