"""Ways down over inter-satellite links: which satellites land traffic, and every other's route to them."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.network.feeders import linked_satellites
from openleo.network.many_routes import shortest_to_many
from openleo.network.routing import link_delays

# Where satellites without lasers are in view too, a gateway keeps this share of its antennas for them: they
# have no other way down (assumed).
_KEPT_FOR_BENT_PIPE = 0.25


class Exits(NamedTuple):
    """How N satellites reach P PoPs over lasers.

    gateway (N,) int16: the one that follows a landing satellite, -1 where it does not land; by_laser (N,)
    bool: traffic may go over lasers, so no antenna of its own is needed; dist_s (P, N) and next_hop (P, N) as
    `shortest_to_many` gives them.
    """

    gateway: NDArray[np.int16]
    by_laser: NDArray[np.bool_]
    dist_s: NDArray[np.float64]
    next_hop: NDArray[np.int32]


class _Up(Protocol):
    """The part of the conditions that lasers depend on."""

    @property
    def laser_up(self) -> NDArray[np.bool_]: ...
    @property
    def cut_links(self) -> NDArray[np.int32]: ...


@njit
def landing_gateways(
    feeder_s: np.ndarray, has_laser: np.ndarray, antennas: np.ndarray, gateway: np.ndarray, left: np.ndarray
) -> None:
    """Give each gateway's antennas to the nearest satellites with lasers, each to one gateway only.

    feeder_s (G, N); antennas (G,).  Fills gateway (N,), -1 where none, and left (G,) antennas not given.
    """
    gateway[:] = -1
    in_view = np.empty(feeder_s.shape[1], np.int32)
    for g in range(feeder_s.shape[0]):
        left[g] = antennas[g]
        others, count = False, 0
        for s in in_view[: linked_satellites(feeder_s[g], in_view)]:
            others |= not has_laser[s]
            in_view[count] = s
            count += int(has_laser[s] and gateway[s] < 0)
        keep = int(antennas[g] * _KEPT_FOR_BENT_PIPE) if others else 0
        while left[g] > keep:
            best, chosen = np.inf, -1
            for s in in_view[:count]:
                if feeder_s[g, s] < best and gateway[s] < 0:
                    best, chosen = feeder_s[g, s], s
            if chosen < 0:
                break
            gateway[chosen] = g
            left[g] -= 1


@njit
def _exits(feeder_s: np.ndarray, fibre_s: np.ndarray, gateway: np.ndarray, exit_s: np.ndarray) -> None:
    """Fill ``exit_s`` (P, N): the delay to each PoP over the gateway that follows a landing satellite."""
    for p in range(exit_s.shape[0]):
        for s in range(exit_s.shape[1]):
            exit_s[p, s] = feeder_s[gateway[s], s] + fibre_s[gateway[s], p] if gateway[s] >= 0 else np.inf


@njit
def _over_lasers(
    dist_s: np.ndarray, has_laser: np.ndarray, by_laser: np.ndarray, route_s: np.ndarray
) -> None:
    """Tell who has a way over lasers, ``by_laser`` (N,), and write their delays into ``route_s`` (P, N)."""
    by_laser[:] = False
    for p in range(dist_s.shape[0]):
        for s in range(dist_s.shape[1]):
            by_laser[s] |= has_laser[s] & (dist_s[p, s] < np.inf)
    for p in range(dist_s.shape[0]):
        for s in range(dist_s.shape[1]):
            route_s[p, s] = dist_s[p, s] if by_laser[s] else route_s[p, s]


def _table(
    links: NDArray[np.int32], usable: NDArray[np.bool_], up: _Up, numbers: NDArray[np.int32],
    has_laser: NDArray[np.bool_],
) -> NDArray[np.int32]:  # fmt: skip
    """Return the links (N, 4) among usable satellites whose lasers work, in their own numbering."""
    own = np.full(len(usable) + 1, -1, np.int32)
    own[:-1][usable] = np.arange(len(numbers), dtype=np.int32)
    table = own[links[usable]]
    works = np.append(up.laser_up[numbers] & has_laser, False)
    table[~works[table] | ~works[:-1, None]] = -1
    for a, b in up.cut_links:
        ia, ib = np.flatnonzero(numbers == a), np.flatnonzero(numbers == b)
        if len(ia) and len(ib):
            table[ia[0], table[ia[0]] == ib[0]] = -1
            table[ib[0], table[ib[0]] == ia[0]] = -1
    return np.ascontiguousarray(table)


def routes_over_links(
    links: NDArray[np.int32], usable: NDArray[np.bool_], up: _Up, middle_m: NDArray[np.float64],
    feeder_s: NDArray[np.float32], fibre_s: NDArray[np.float64], antennas: NDArray[np.int16], *,
    has_laser: NDArray[np.bool_], max_range_m: float, numbers: NDArray[np.int32],
    route_s: NDArray[np.float32],
) -> tuple[Exits, NDArray[np.int16]]:  # fmt: skip
    """Route the usable satellites (N,) over lasers to every PoP; return the exits and the antennas left (G,).

    links (S, 4) and usable (S,) are over the satellites that may ever serve; numbers (N,) their rows in the
    constellation; middle_m (N, 3).  route_s (P, N) takes the delays of satellites with a way over lasers.
    """
    count, pops = len(numbers), fibre_s.shape[1]
    gateway = np.empty(count, np.int16)
    left = np.empty(len(antennas), np.int16)
    landing_gateways(feeder_s, has_laser & up.laser_up[numbers], antennas, gateway, left)
    dist_s = np.empty((pops, count))
    _exits(feeder_s, fibre_s, gateway, dist_s)
    table = _table(links, usable, up, numbers, has_laser)
    delay_s = np.empty(table.shape)
    link_delays(middle_m, table, max_range_m, delay_s)
    next_hop = np.empty((pops, count), np.int32)
    shortest_to_many(table, delay_s, dist_s, dist_s, next_hop)
    by_laser = np.empty(count, np.bool_)
    _over_lasers(dist_s, has_laser, by_laser, route_s)
    return Exits(gateway, by_laser, dist_s, next_hop), left
