"""The columns of the cells and beams tables, from a settled board."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.engine.causes import Causes
from openleo.engine.geometry import Geometry
from openleo.engine.network import Network
from openleo.engine.state import State
from openleo.engine.terminals import Standing
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board
from openleo.network.kernels import helper_inlined, kernel
from openleo.network.settle import Beams
from openleo.network.visibility import ABOVE_ELEVATION, IN_FIELD_OF_VIEW, OUTSIDE_GSO, WITH_ROUTE
from openleo.snapshot.snapshot import Columns


class CellRows(NamedTuple):
    """What a slot's board amounts to in each of the tracked cells (K,); named as in the cells table."""

    satellite: NDArray[np.int16]
    gateway: NDArray[np.int16]
    satellites: NDArray[np.uint8]
    units: NDArray[np.uint8]
    handover: NDArray[np.bool_]
    rtt_us: NDArray[np.int32]
    rate_kbps: NDArray[np.int32]


def new_rows(cells: int) -> CellRows:
    """Return rows to be filled."""
    return CellRows(
        satellite=np.empty(cells, np.int16),
        gateway=np.empty(cells, np.int16),
        satellites=np.empty(cells, np.uint8),
        units=np.empty(cells, np.uint8),
        handover=np.empty(cells, np.bool_),
        rtt_us=np.empty(cells, np.int32),
        rate_kbps=np.empty(cells, np.int32),
    )


@helper_inlined
def _ones(bits: np.uint64) -> int:
    count = 0
    while bits != np.uint64(0):
        bits &= bits - np.uint64(1)
        count += 1
    return count


@kernel
def fill_rows(
    tracked: np.ndarray, number: np.ndarray, before: np.ndarray, board: Board, beams: Beams, access_us: float,
    out: CellRows,
) -> None:  # fmt: skip
    """Fill ``out`` for the cells ``tracked`` (K,); number (N,) int32 and before (C,) int32 name satellites.

    Delays and rates are added as float32, as numpy would, so that not a bit differs.
    """
    for k in range(tracked.shape[0]):
        c = tracked[k]
        s = board.first[c]
        out.satellite[k], out.gateway[k], out.handover[k] = -1, -1, False
        out.rtt_us[k], out.rate_kbps[k] = -1, -1
        out.units[k] = _ones(board.used[c])
        lit = 0
        first = 0
        for b in range(MAX_SATELLITES_PER_CELL - 1, -1, -1):
            if board.colours[c, b] != np.uint64(0):
                lit += 1
                if board.satellite[c, b] == s:
                    first = b
        out.satellites[k] = lit
        if s >= 0:
            out.satellite[k] = number[s]
            out.gateway[k] = beams.gateway[c, first]
            out.handover[k] = before[c] >= 0 and number[s] != before[c]
            way_s = beams.user_s[c, first] + beams.feeder_s[c, first] + beams.fibre_s[c, first]
            out.rtt_us[k] = np.int32(np.rint(np.float32(2e6) * way_s + np.float32(access_us)))
            rate_bps = beams.rate_bps[c, 0]
            for b in range(1, MAX_SATELLITES_PER_CELL):
                rate_bps += beams.rate_bps[c, b]
            out.rate_kbps[k] = np.int32(np.rint(rate_bps * np.float32(1e-3)))


def rows_reference(
    tracked: NDArray[np.int32], number: NDArray[np.int32], before: NDArray[np.int32], board: Board,
    beams: Beams, access_us: float,
) -> CellRows:  # fmt: skip
    """The same by numpy, for tests."""
    c = tracked
    lit = board.colours[c] > 0
    served = board.first[c] >= 0
    first = np.argmax(lit & (board.satellite[c] == board.first[c, None]), axis=1)
    way_s = beams.user_s[c, first] + beams.feeder_s[c, first] + beams.fibre_s[c, first]
    satellite = np.full(len(c), -1, np.int16)
    satellite[served] = number[board.first[c[served]]]
    return CellRows(
        satellite=satellite,
        gateway=np.where(served, beams.gateway[c, first], -1).astype(np.int16),
        satellites=lit.sum(axis=1).astype(np.uint8),
        units=np.bitwise_count(board.used[c]),
        handover=served & (before[c] >= 0) & (satellite != before[c]),
        rtt_us=np.where(served, np.rint(2e6 * way_s + access_us), -1).astype(np.int32),
        rate_kbps=np.where(served, np.rint(beams.rate_bps[c].sum(axis=1) * 1e-3), -1).astype(np.int32),
    )


def cell_columns(
    net: Network, state: State, geometry: Geometry, standing: Standing, board: Board, causes: Causes,
    beams: Beams,
) -> Columns:  # fmt: skip
    """Return the columns of the cells table for the tracked cells (K,); ``state`` is the one before."""
    c = net.tracked
    rows = new_rows(len(c))
    access_us = 1e3 * net.world.network.access_ms
    fill_rows(c, geometry.sky.number, state.satellite, board, beams, access_us, rows)
    counts = geometry.counts[c]
    return rows._asdict() | {
        "cause": causes.cause[c],
        "reason": causes.reason[c],
        "fault": causes.fault[c],
        "asking": standing.asking[c],
        "seen": counts[:, ABOVE_ELEVATION],
        "outside_gso": counts[:, OUTSIDE_GSO],
        "in_view": counts[:, IN_FIELD_OF_VIEW],
        "with_route": counts[:, WITH_ROUTE],
    }


def beam_columns(net: Network, geometry: Geometry, board: Board, beams: Beams) -> Columns:
    """Return the rows of the beams table: one for each satellite of each tracked cell."""
    of, b = np.nonzero(board.colours[net.tracked])
    c = net.tracked[of]

    def micros(seconds: NDArray[np.float32]) -> NDArray[np.int32]:
        return np.asarray(np.rint(seconds[c, b] * 1e6), np.int32)

    return {
        "cell": c,
        "satellite": geometry.sky.number[board.satellite[c, b]].astype(np.int16),
        "gateway": beams.gateway[c, b],
        "colours": board.colours[c, b],
        "user_us": micros(beams.user_s),
        "feeder_us": micros(beams.feeder_s),
        "fibre_us": micros(beams.fibre_s),
        "rate_kbps": np.rint(beams.rate_bps[c, b] * 1e-3).astype(np.int32),
    }
