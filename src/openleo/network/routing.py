"""Delay-shortest routes over inter-satellite links, from every satellite to its nearest way out.

A way out ("exit") is anything a satellite can hand a packet to at a known cost: a city in view, or a gateway
plus the fibre behind it.  One label-correcting pass per destination starts from all its exits at once, so it
gives the delay and the next hop of every satellite.  The queue is first in, first out (Pape 1974; "SPFA"):
on a +Grid it settles a satellite in about one visit and needs no heap.

Shapes: S satellites, D links a satellite at most (4 on a +Grid), N sites, K destinations, G gateways.
Delays are one way, seconds, float64; unreachable is ``inf``.
"""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.base.constants import LIGHT_M_S

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

EXIT = -1  # next hop: leave the satellites here
UNREACHED = -2  # next hop: there is no way


def neighbour_table(pairs: NDArray[np.integer], satellites: int) -> Indices:
    """Return each satellite's neighbours (S, D) in rising order, -1 where there are fewer than D.

    ``pairs`` (E, 2) are links in either direction; D is the largest degree, at least 1.  A link to a
    satellite that is not there, to itself, or listed twice is a ValueError.
    """
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if pairs.size and (pairs.min() < 0 or pairs.max() >= satellites):
        raise ValueError(f"a link names a satellite outside 0..{satellites - 1}")
    if np.any(pairs[:, 0] == pairs[:, 1]):
        raise ValueError("a link joins a satellite to itself")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    if np.any(np.all(both[1:] == both[:-1], axis=1)):
        raise ValueError("a link is listed twice")
    degree = np.bincount(both[:, 0], minlength=satellites)
    table = np.full((satellites, max(int(degree.max(initial=0)), 1)), -1, dtype=np.int32)
    first = np.concatenate([[0], np.cumsum(degree)[:-1]])
    table[both[:, 0], np.arange(len(both)) - first[both[:, 0]]] = both[:, 1]
    return table


@njit
def link_delays(sat_itrs_m: Floats, neighbours: Indices, max_range_m: float, out: Floats) -> None:
    """Write the one-way delay of each inter-satellite link into ``out`` (S, D), seconds.

    Positions (S, 3) may be in any one frame.  A missing link, or one longer than ``max_range_m`` (``inf`` for
    no limit), is ``inf``.
    """
    for i in range(neighbours.shape[0]):
        for k in range(neighbours.shape[1]):
            j = neighbours[i, k]
            out[i, k] = np.inf
            if j >= 0:
                dx = sat_itrs_m[i, 0] - sat_itrs_m[j, 0]
                dy = sat_itrs_m[i, 1] - sat_itrs_m[j, 1]
                dz = sat_itrs_m[i, 2] - sat_itrs_m[j, 2]
                length_m = np.sqrt(dx * dx + dy * dy + dz * dz)
                if length_m <= max_range_m:
                    out[i, k] = length_m / LIGHT_M_S


@njit
def range_legs(site_itrs_m: Floats, sat_itrs_m: Floats, max_range_m: float, out: Floats) -> None:
    """Write the delay from each site (N, 3) to each satellite (S, 3) into ``out`` (N, S), seconds.

    A satellite is usable when its slant range is at most ``max_range_m``, whatever its elevation (the rule of
    Hypatia's GSLs); otherwise the delay is ``inf``.
    """
    for n in range(site_itrs_m.shape[0]):
        x, y, z = site_itrs_m[n]
        for s in range(sat_itrs_m.shape[0]):
            dx = sat_itrs_m[s, 0] - x
            dy = sat_itrs_m[s, 1] - y
            dz = sat_itrs_m[s, 2] - z
            range_m = np.sqrt(dx * dx + dy * dy + dz * dz)
            out[n, s] = range_m / LIGHT_M_S if range_m <= max_range_m else np.inf


@njit
def elevation_legs(
    site_itrs_m: Floats, site_up: Floats, min_elevation_rad: Floats, sat_itrs_m: Floats, out: Floats
) -> None:
    """Write the delay from each site to each satellite into ``out`` (N, S), seconds, by elevation.

    ``site_up`` (N, 3) are unit vectors along the ellipsoid's normal.  A satellite below
    ``min_elevation_rad`` (N,) is ``inf``; the limit itself still counts.
    """
    for n in range(site_itrs_m.shape[0]):
        x, y, z = site_itrs_m[n]
        sin_min = np.sin(min_elevation_rad[n])
        for s in range(sat_itrs_m.shape[0]):
            dx = sat_itrs_m[s, 0] - x
            dy = sat_itrs_m[s, 1] - y
            dz = sat_itrs_m[s, 2] - z
            range_m = np.sqrt(dx * dx + dy * dy + dz * dz)
            height_m = dx * site_up[n, 0] + dy * site_up[n, 1] + dz * site_up[n, 2]
            out[n, s] = range_m / LIGHT_M_S if height_m >= sin_min * range_m else np.inf


@njit
def best_exits(leg_s: Floats, onward_s: Floats, cost_s: Floats, site: Indices) -> None:
    """Write the cheapest way down from each satellite: its delay (S,) and the site used (S,).

    ``leg_s`` (G, S) are the legs to the sites and ``onward_s`` (G,) what follows each (fibre to a PoP).  The
    lowest site wins a tie; a satellite that sees none has ``inf`` and UNREACHED.
    """
    for s in range(leg_s.shape[1]):
        cost_s[s] = np.inf
        site[s] = UNREACHED
    for g in range(leg_s.shape[0]):
        for s in range(leg_s.shape[1]):
            cost = leg_s[g, s] + onward_s[g]
            if cost < cost_s[s]:
                cost_s[s] = cost
                site[s] = g


@njit
def _correct_labels(
    neighbours: Indices, delay_s: Floats, dist_s: Floats, next_hop: Indices, scratch: Indices
) -> None:
    """Lower ``dist_s`` (S,) until no link can; ``scratch`` is (2, S).

    Rounded addition never reverses an order, so the labels end at one fixed point however the queue runs, and
    of the neighbours that reach it the lowest index is the next hop (an exit of its own comes first).
    """
    satellites, degree = neighbours.shape
    queue, queued = scratch[0], scratch[1]
    waiting = 0
    for s in range(satellites):
        queued[s] = 0
        next_hop[s] = UNREACHED
        if dist_s[s] < np.inf:
            next_hop[s] = EXIT
            queued[s] = 1
            queue[waiting] = s
            waiting += 1
    head = 0
    while waiting > 0:
        u = queue[head]
        head = head + 1 if head + 1 < satellites else 0
        waiting -= 1
        queued[u] = 0
        here_s = dist_s[u]
        for k in range(degree):
            v = neighbours[u, k]
            if v < 0:
                continue
            there_s = here_s + delay_s[u, k]
            if there_s < dist_s[v]:
                dist_s[v] = there_s
                next_hop[v] = u
                if queued[v] == 0:
                    queued[v] = 1
                    if waiting > 0 and there_s < dist_s[queue[head]]:  # small label first
                        head = head - 1 if head > 0 else satellites - 1
                        queue[head] = v
                    else:
                        tail = head + waiting
                        queue[tail if tail < satellites else tail - satellites] = v
                    waiting += 1
            elif there_s == dist_s[v] and u < next_hop[v] and here_s < there_s:
                next_hop[v] = u


@njit
def shortest_to_each(
    neighbours: Indices, delay_s: Floats, exit_s: Floats, dist_s: Floats, next_hop: Indices
) -> None:
    """Write the delay and next hop of every satellite to each destination.

    ``neighbours`` (S, D) with delays ``delay_s`` (S, D), the same both ways and above zero; ``exit_s`` (K, S)
    the cost of leaving at a satellite, ``inf`` where one cannot.  ``dist_s`` (K, S) and ``next_hop`` (K, S)
    are written: the neighbour to pass a packet to, EXIT or UNREACHED.
    """
    satellites = neighbours.shape[0]
    scratch = np.empty((2, satellites), np.int32)
    for k in range(exit_s.shape[0]):
        dist_s[k, :] = exit_s[k]
        _correct_labels(neighbours, delay_s, dist_s[k], next_hop[k], scratch)


def shortest_to_exits(neighbours: Indices, delay_s: Floats, exit_s: Floats) -> tuple[Floats, Indices]:
    """Return (delay (S,), next hop (S,)) of every satellite to the nearest of many exits, ``exit_s`` (S,).

    The graph is undirected, so with the up-legs of one site as ``exit_s`` this is also that site's delay to
    every satellite.
    """
    dist_s = np.empty((1, exit_s.shape[0]))
    next_hop = np.empty((1, exit_s.shape[0]), np.int32)
    shortest_to_each(neighbours, delay_s, exit_s[None, :], dist_s, next_hop)
    return dist_s[0], next_hop[0]


@njit
def first_satellites(leg_s: Floats, dist_s: Floats, first: Indices, total_s: Floats) -> None:
    """Write, per site and destination, the satellite to send to (N, K) and the whole delay (N, K).

    ``leg_s`` (N, S) are the sites' up-legs, ``dist_s`` (K, S) from :func:`shortest_to_each`.  The lowest
    index wins a tie; UNREACHED and ``inf`` where there is no way.
    """
    satellites = leg_s.shape[1]
    in_view = np.empty(satellites, np.int32)
    for n in range(leg_s.shape[0]):
        count = 0
        for s in range(satellites):
            if leg_s[n, s] < np.inf:
                in_view[count] = s
                count += 1
        for k in range(dist_s.shape[0]):
            best_s = np.inf
            best = UNREACHED
            for i in range(count):
                s = in_view[i]
                delay = leg_s[n, s] + dist_s[k, s]
                if delay < best_s:
                    best_s = delay
                    best = s
            first[n, k] = best
            total_s[n, k] = best_s


def follow(next_hop: Indices, first: int) -> list[int]:
    """Return the satellites from ``first`` to the one that leaves, along ``next_hop`` (S,)."""
    path = [first]
    while next_hop[path[-1]] >= 0:
        path.append(int(next_hop[path[-1]]))
        assert len(path) <= len(next_hop), "next hops form a loop"
    return path


def shortest_to_exits_reference(
    links: Sequence[Sequence[tuple[int, float]]], exit_s: Sequence[float]
) -> tuple[list[float], list[int]]:
    """Say the same slowly (Dijkstra with a heap); ``links[s]`` are satellite ``s``'s (neighbour, delay)."""
    dist_s = list(exit_s)
    heap = [(cost, s) for s, cost in enumerate(exit_s) if cost < float("inf")]
    heapq.heapify(heap)
    while heap:
        here_s, u = heapq.heappop(heap)
        if here_s > dist_s[u]:
            continue
        for v, delay in links[u]:
            if here_s + delay < dist_s[v]:
                dist_s[v] = here_s + delay
                heapq.heappush(heap, (dist_s[v], v))
    next_hop = []
    for v, cost in enumerate(dist_s):
        over = [u for u, delay in links[v] if cost < float("inf") and dist_s[u] + delay == cost]
        own = cost == exit_s[v] < float("inf")
        next_hop.append(EXIT if own else min(over, default=UNREACHED))
    return dist_s, next_hop
