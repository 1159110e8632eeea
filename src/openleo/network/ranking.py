"""The best of a cell's satellites in order, best first.

Utilities are stored in single precision.  What comes is compared, before it is rounded, with what is stored;
so of two that round to the same number the earlier need not come first, but the order is always the same.
"""

import numpy as np

from openleo.base.compile import njit_inlined
from openleo.network.constraints import Work


@njit_inlined
def insert(value: float, s: int, filled: int, c: int, satellites: np.ndarray, utilities: np.ndarray) -> int:
    """Put a candidate in its place among the best of a cell; return how many there are."""
    limit: int = satellites.shape[1]
    at = min(filled, limit)
    while at > 0 and utilities[c, at - 1] < value:
        if at < limit:
            utilities[c, at] = utilities[c, at - 1]
            satellites[c, at] = satellites[c, at - 1]
        at -= 1
    if at < limit:
        utilities[c, at] = value
        satellites[c, at] = s
    return min(filled + 1, limit)


@njit_inlined
def rank(kept: int, work: Work) -> None:
    """Fill the rank of each of the satellites kept: where `insert`, one after the other, would put it.

    Comparing each with each needs no branch, and so for a few dozen is faster than moving them about.
    """
    value, stored, ranks = work.value, work.stored, work.rank
    for k in range(kept):
        stored[k] = np.float64(np.float32(value[k]))
    for j in range(kept):
        v, passed = value[j], 0
        for k in range(j):
            behind = int(stored[k] < v)
            ranks[k] += behind
            passed += behind
        ranks[j] = j - passed


@njit_inlined
def write_ranked(kept: int, c: int, work: Work, satellites: np.ndarray, utilities: np.ndarray) -> None:
    """Write the satellites kept at their ranks, as many as a cell has room for."""
    for k in range(kept):
        at = work.rank[k]
        if at < satellites.shape[1]:
            utilities[c, at] = work.stored[k]
            satellites[c, at] = work.which[work.kept[k]]
