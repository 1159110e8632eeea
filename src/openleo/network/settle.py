"""What a schedule amounts to: ways down, delays, capacity.

Capacity, until the radio room computes it: a unit carries 240 MHz for one dwell at a spectral efficiency that
depends on elevation alone, and all traffic that one satellite brings down shares its feeder link in
proportion.  Delay: propagation at mid-slot and fibre.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import LIGHT_M_S
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board
from openleo.network.ground import GroundPoints
from openleo.network.kernels import helper_inlined, kernel
from openleo.network.visibility import Sky

CHANNEL_HZ = 240e6  # of 250 MHz spacing (Humphreys et al., doi 10.1109/TAES.2023.3268610)
# Up to 4 bit/s/Hz for the first generation (16QAM; expert estimate, bufferbloat list); the fall with
# elevation is assumed: some 4 dB more path and scan loss at 25 degrees than near the zenith.
_EFFICIENCY = np.array([2.5, 3.2, 4.0])
_FROM_SINE = np.sin(np.radians([0.0, 35.0, 50.0]))


class Ways(NamedTuple):
    """The ways down: feeder_s (G, N), fibre_s (G, P); the gateway (N,) int16 of each satellite, -1 none.

    by_laser (N,) whether its traffic goes over lasers; next_hop (P, N) int32 along them; dist_s (P, N).
    """

    feeder_s: NDArray[np.float32]
    fibre_s: NDArray[np.float64]
    gateway: NDArray[np.int16]
    by_laser: NDArray[np.bool_]
    next_hop: NDArray[np.int32]
    dist_s: NDArray[np.float64]


class Beams(NamedTuple):
    """One satellite's units for one cell, (C, 4) each; rows without units have rate_bps 0."""

    gateway: NDArray[np.int16]
    landing: NDArray[np.int32]
    user_s: NDArray[np.float32]
    feeder_s: NDArray[np.float32]
    fibre_s: NDArray[np.float32]
    rate_bps: NDArray[np.float32]


@helper_inlined
def unit_rate_bps(sine: float, dwells: int) -> float:
    """Return the capacity of one unit at an elevation with this sine."""
    row = 0
    for k in range(1, _FROM_SINE.shape[0]):
        if sine >= _FROM_SINE[k]:
            row = k
    return float(CHANNEL_HZ * _EFFICIENCY[row] / dwells)


@helper_inlined
def landing_of(s: int, pop: int, ways: Ways) -> int:
    """Return the satellite that brings down the traffic of satellite ``s`` for a PoP."""
    if not ways.by_laser[s]:
        return s
    while ways.next_hop[pop, s] >= 0:
        s = ways.next_hop[pop, s]
    return s


def settle(
    points: GroundPoints, sky: Sky, ways: Ways, board: Board, dwells: int, feeder_cap_bps: float, out: Beams
) -> None:
    """Fill ``out`` from a finished board."""
    _settle(points, sky, ways, board, dwells, feeder_cap_bps, out, np.zeros(len(board.load)))


@kernel
def _settle(
    points: GroundPoints, sky: Sky, ways: Ways, board: Board, dwells: int, feeder_cap_bps: float, out: Beams,
    carried: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``out``, and ``carried`` (N,) with the bit/s that each satellite would bring down."""
    for c in range(board.first.shape[0]):
        pop = points.pop[c]
        for b in range(MAX_SATELLITES_PER_CELL):
            out.rate_bps[c, b] = 0.0
            if board.colours[c, b] == np.uint64(0):
                continue
            s = board.satellite[c, b]
            landing = landing_of(s, pop, ways)
            g = ways.gateway[landing]
            norm = up = 0.0
            for k in range(3):
                d = 0.5 * (sky.start_m[s, k] + sky.end_m[s, k]) - points.point_m[c, k]
                norm += d * d
                up += d * points.up[c, k]
            norm = math.sqrt(norm)
            units = 0
            bits = board.colours[c, b]
            while bits != np.uint64(0):
                bits &= bits - np.uint64(1)
                units += 1
            rate = units * unit_rate_bps(up / norm, dwells)
            out.gateway[c, b] = g
            out.landing[c, b] = landing
            out.user_s[c, b] = norm / LIGHT_M_S
            out.fibre_s[c, b] = ways.fibre_s[g, pop]
            if ways.by_laser[s]:
                out.feeder_s[c, b] = ways.dist_s[pop, s] - ways.fibre_s[g, pop]
            else:
                out.feeder_s[c, b] = ways.feeder_s[g, s]
            out.rate_bps[c, b] = rate
            carried[landing] += rate
    for c in range(board.first.shape[0]):
        for b in range(MAX_SATELLITES_PER_CELL):
            if out.rate_bps[c, b] > 0.0 and carried[out.landing[c, b]] > feeder_cap_bps:
                out.rate_bps[c, b] *= feeder_cap_bps / carried[out.landing[c, b]]
