"""Sets of rules that share the same keys (cells, terminals), and a hash table from a cell to its set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: Fibonacci hashing (Knuth, vol. 3, 6.4)
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stacks:
    """K distinct sets of rules, of which set 0 is empty, and the set that names each of N keys.

    ``keys`` (N,) are sorted, ``stack`` (N,) the number of each one's set; set k holds the rules
    ``items[starts[k]:starts[k + 1]]``, ascending.
    """

    keys: NDArray[Any]
    stack: Ints
    starts: Ints
    items: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    def only(self, wanted: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Return how many wanted rules (by index) each set holds (K,), and all of these in order."""
        keep = wanted[self.items]
        owner = np.repeat(np.arange(len(self)), np.diff(self.starts))
        length = np.bincount(owner[keep], minlength=len(self)).astype(np.int32)
        return length, self.items[keep]

    def holding(self, rule: int) -> NDArray[np.bool_]:
        """Return which sets (K,) hold a rule."""
        out = np.zeros(len(self), np.bool_)
        out[np.searchsorted(self.starts, np.flatnonzero(self.items == rule), side="right") - 1] = True
        return out


def stacks_of(named: Sequence[tuple[int, NDArray[Any]]]) -> Stacks:
    """Return the sets of rules by key, from each rule's index (ascending) and the keys it names."""
    keys = np.concatenate([np.zeros(0, np.uint64), *(k.astype(np.uint64) for _, k in named)])
    rules = np.repeat(np.array([n for n, _ in named], np.int64), [len(k) for _, k in named])
    order = np.argsort(keys, kind="stable")
    keys, rules = keys[order], rules[order]
    begin = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    length = np.diff(np.append(begin, len(keys)))
    one, stack = np.unique(_labels(begin, length, rules), return_index=True, return_inverse=True)[1:]
    starts = np.concatenate([[0, 0], np.cumsum(length[one])])
    at = np.repeat(begin[one] - starts[1:-1], length[one]) + np.arange(starts[-1])
    return Stacks(
        keys=keys[begin],
        stack=(stack + 1).astype(np.int32),
        starts=starts.astype(np.int32),
        items=rules[at].astype(np.int32),
    )


def _labels(begin: NDArray[np.intp], length: NDArray[np.intp], rules: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each run of rules (N,) that is equal only where the runs are.

    Runs are told apart by their first rule, then by the second, and so on: as many rounds as rules overlap.
    """
    label = np.zeros(len(begin), np.int64)
    span = int(rules.max(initial=0)) + 1
    for depth in range(int(length.max(initial=0))):
        live = np.flatnonzero(length > depth)
        pair = label[live] * span + rules[begin[live] + depth]
        label[live] = np.unique(pair, return_inverse=True)[1]
    return length * (len(begin) + 1) + label


def hash_table(keys: NDArray[np.uint64], values: Ints) -> NDArray[np.uint64]:
    """Return an open-addressing table (M, 2) of keys, which are not 0, and values; M is a power of two.

    At most half of it is full.  A key stands at its hash or, where that is taken, at the next free place.
    """
    bits = max(int(2 * len(keys)).bit_length(), 1)
    table = np.zeros((1 << bits, 2), np.uint64)
    place = (keys * GOLDEN) >> np.uint64(64 - bits)
    waiting = np.arange(len(keys))
    while len(waiting):
        free = waiting[table[place[waiting], 0] == 0]
        first = free[np.unique(place[free], return_index=True)[1]]
        table[place[first], 0] = keys[first]
        table[place[first], 1] = values[first]
        waiting = waiting[table[place[waiting], 0] != keys[waiting]]
        place[waiting] = (place[waiting] + np.uint64(1)) & np.uint64(len(table) - 1)
    return table
