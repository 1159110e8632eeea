"""Delay-shortest routes over inter-satellite links to many destinations at once.

The delays to all destinations stand side by side for each satellite, so that one look at a link lowers them
all in vector code: several times faster than a pass for each destination (`routing.shortest_to_exits`), and
the same to the last bit.

Shapes: S satellites, D links a satellite at most, K destinations.
"""

import numpy as np

from openleo.base.compile import njit, njit_inlined
from openleo.network.routing import EXIT, UNREACHED

_SIDE_BY_SIDE = 64  # destinations at a time: what stands side by side of all satellites fits a cache
_ROWS = 16  # satellites at a time where rows become columns


@njit
def _lower(neighbours: np.ndarray, delay_s: np.ndarray, label_s: np.ndarray, stale: np.ndarray) -> None:
    """Lower ``label_s`` (S, L) until no link can, sweeping to and fro; ``stale`` (S,) bool is scratch.

    Rounded addition never reverses an order, so the labels end at one fixed point in whatever order they are
    lowered.
    """
    satellites, degree = neighbours.shape
    stale[:] = True
    busy, forth = True, True
    while busy:
        busy = False
        for i in range(satellites):
            v = i if forth else satellites - 1 - i
            if not stale[v]:
                continue
            stale[v] = False
            lowered = 0
            own = label_s[v]
            for k in range(degree):
                if neighbours[v, k] >= 0:
                    there, link_s = label_s[neighbours[v, k]], delay_s[v, k]
                    for d in range(own.shape[0]):
                        through_s = there[d] + link_s
                        lowered += int(through_s < own[d])
                        own[d] = min(through_s, own[d])
            if lowered > 0:
                busy = True
                for k in range(degree):
                    if neighbours[v, k] >= 0:
                        stale[neighbours[v, k]] = True
        forth = not forth


@njit_inlined
def _next_hops(
    neighbours: np.ndarray, delay_s: np.ndarray, label_s: np.ndarray, v: int, hop: np.ndarray
) -> None:
    """Fill ``hop`` (L,): of the neighbours of ``v`` over which its label is reached, the lowest.

    Only of those that are nearer.  It starts as EXIT where the label is the cost of an exit of its own, and
    UNREACHED elsewhere.
    """
    own = label_s[v]
    for k in range(neighbours.shape[1]):
        u = neighbours[v, k]
        if u >= 0 and delay_s[v, k] < np.inf:
            there, link_s = label_s[u], delay_s[v, k]
            for d in range(hop.shape[0]):
                over = (there[d] + link_s == own[d]) & (there[d] < own[d])
                lower = (hop[d] == UNREACHED) | (hop[d] > u)
                hop[d] = u if over & lower else hop[d]


@njit
def _turn_in(exit_s: np.ndarray, chosen: np.ndarray, label_s: np.ndarray) -> None:
    """Fill ``label_s`` (S, L) with rows ``chosen`` of ``exit_s`` (K, S) as columns, infinite beyond them."""
    satellites = exit_s.shape[1]
    label_s[:, chosen.shape[0] :] = np.inf
    for first in range(0, satellites, _ROWS):
        for d in range(chosen.shape[0]):
            for v in range(first, min(first + _ROWS, satellites)):
                label_s[v, d] = exit_s[chosen[d], v]


@njit
def _turn_out(
    neighbours: np.ndarray, delay_s: np.ndarray, exit_s: np.ndarray, chosen: np.ndarray,
    label_s: np.ndarray, dist_s: np.ndarray, next_hop: np.ndarray,
) -> None:  # fmt: skip
    """Fill rows ``chosen`` of ``dist_s`` and ``next_hop`` (K, S) from the lowest labels (S, L)."""
    satellites = label_s.shape[0]
    hop = np.empty((_ROWS, label_s.shape[1]), np.int32)
    for first in range(0, satellites, _ROWS):
        last = min(first + _ROWS, satellites)
        for d in range(chosen.shape[0]):
            for v in range(first, last):
                own_s = exit_s[chosen[d], v]
                hop[v - first, d] = EXIT if label_s[v, d] == own_s and own_s < np.inf else UNREACHED
        for v in range(first, last):
            _next_hops(neighbours, delay_s, label_s, v, hop[v - first])
        for d in range(chosen.shape[0]):
            for v in range(first, last):
                dist_s[chosen[d], v] = label_s[v, d]
                next_hop[chosen[d], v] = hop[v - first, d]


@njit
def _over_no_length(
    neighbours: np.ndarray, delay_s: np.ndarray, dist_s: np.ndarray, next_hop: np.ndarray
) -> None:
    """Fill the next hops that lead to a satellite as near: one at the same place (its element set is a copy).

    The lowest such neighbour that has a way itself is the next hop, so that hops never lead round.
    """
    satellites, degree = neighbours.shape
    beside = np.empty(satellites, np.int64)
    count = 0
    for v in range(satellites):
        beside[count] = v
        count += int(delay_s[v].min() == 0.0)
    found = count > 0
    while found:
        found = False
        for v in beside[:count]:
            for d in range(dist_s.shape[0]):
                if next_hop[d, v] != UNREACHED or dist_s[d, v] == np.inf:
                    continue
                best = satellites
                for k in range(degree):
                    u = neighbours[v, k]
                    if (
                        u >= 0
                        and dist_s[d, u] + delay_s[v, k] == dist_s[d, v]
                        and next_hop[d, u] != UNREACHED
                    ):
                        best = min(best, u)
                if best < satellites:
                    next_hop[d, v] = best
                    found = True


@njit
def shortest_to_many(
    neighbours: np.ndarray, delay_s: np.ndarray, exit_s: np.ndarray, dist_s: np.ndarray, next_hop: np.ndarray
) -> None:
    """Write what `routing.shortest_to_each` does; the same arguments.

    Links must be the same both ways: a neighbour of a satellite has it for a neighbour too.  Delays may be
    zero.  ``dist_s`` may be the same array as ``exit_s``: its exits are then written over.
    """
    destinations, satellites = exit_s.shape
    with_exit = np.empty(destinations, np.int64)
    count = 0
    for k in range(destinations):
        if (exit_s[k] < np.inf).any():
            with_exit[count] = k
            count += 1
        else:
            dist_s[k, :] = np.inf
            next_hop[k, :] = UNREACHED
    stale = np.empty(satellites, np.bool_)
    for first in range(0, count, _SIDE_BY_SIDE):
        chosen = with_exit[first : min(first + _SIDE_BY_SIDE, count)]
        label_s = np.empty((satellites, (chosen.shape[0] + 7) & -8))
        _turn_in(exit_s, chosen, label_s)
        _lower(neighbours, delay_s, label_s, stale)
        _turn_out(neighbours, delay_s, exit_s, chosen, label_s, dist_s, next_hop)
    _over_no_length(neighbours, delay_s, dist_s, next_hop)
