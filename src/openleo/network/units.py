"""From satellites to beams: each cell's units of (satellite, beam, channel, dwell).

First units take the cell's fixed colour, which no neighbour shares; what does not fit its satellite's beams
in that dwell looks for another colour with the tests that Nco = 1 asks for.  Then further units go, one at a
time, to the cell with the most terminals for its units, until wants or beams are used up.
"""

import numpy as np
from numpy.typing import NDArray

from openleo.network.antennas import Antennas, acquire, antennas_on, release_if_idle
from openleo.network.board import Board, Demand, Limits
from openleo.network.colouring import Neighbours
from openleo.network.footprint import footprint
from openleo.network.ground import GroundPoints
from openleo.network.kernels import helper, kernel
from openleo.network.nco import colours_of, place
from openleo.network.radix import descending
from openleo.network.recolour import recolour
from openleo.network.visibility import Sky

_ONE = np.uint64(1)
_NOTHING = np.uint64(0)


@kernel
def _light_fixed(near: Neighbours, demand: Demand, limits: Limits, board: Board, waiting: np.ndarray) -> int:
    """Give cells their fixed colours; fill ``waiting`` with the others and return how many they are."""
    count = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        s = board.first[c]
        if s < 0:
            continue
        fixed = near.colour[c]
        dwell = fixed % limits.dwells
        if limits.nco and fixed >= 0 and board.dwell_load[s, dwell] < limits.beams:
            board.used[c] = _ONE << np.uint64(dwell * limits.channels + fixed // limits.dwells)
            board.dwell_load[s, dwell] += 1
            if board.dwell_load[s, dwell] >= limits.beams:
                board.free[s] &= ~colours_of(dwell, limits)
        else:
            waiting[count] = c
            count += 1
    return count


@kernel
def _fill_fixed(ground: GroundPoints, sky: Sky, limits: Limits, board: Board) -> None:
    """Write down the beams of cells with their fixed colours; apart, so that memory is read in order."""
    for c in range(board.first.shape[0]):
        if board.used[c] != _NOTHING:
            s = board.first[c]
            board.satellite[c, 0] = s
            board.colours[c, 0] = board.used[c]
            footprint(
                ground.point_m[c], ground.east[c], ground.north[c], ground.up[c],
                sky.start_m[s], sky.end_m[s], limits.tan_half_width, board.footprint[c, 0],
            )  # fmt: skip
            board.widest_m[c] = board.footprint[c, 0, 0]


@helper
def _late_unit(
    c: int, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board,
    antennas: Antennas,
) -> bool:  # fmt: skip
    """Serve a cell that has no unit from the first of its candidates that can light it."""
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            return False
        room = board.load[s] < limits.beams * limits.dwells
        room = room and acquire(s, demand, limits, board, antennas)
        if room and place(c, s, ground, sky, near, limits, board):
            board.first[c] = s
            board.load[s] += 1
            return True
        release_if_idle(s, board, antennas)
    return False


@kernel
def _light_rest(
    waiting: np.ndarray, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits,
    board: Board, antennas: Antennas,
) -> int:  # fmt: skip
    """Find other colours, or other satellites, for ``waiting``; return how many found none."""
    failed = 0
    for i in range(waiting.shape[0]):
        c = waiting[i]
        own = board.first[c]
        if not place(c, own, ground, sky, near, limits, board):
            board.load[own] -= 1
            board.first[c] = -1
            release_if_idle(own, board, antennas)
            failed += not _late_unit(c, ground, sky, near, demand, limits, board, antennas)
    return failed


@kernel
def _late_units(
    cells: np.ndarray, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits,
    board: Board, antennas: Antennas,
) -> None:  # fmt: skip
    """Serve those of ``cells`` that ask and are unserved, in turn; beams that others gave up may do."""
    for i in range(cells.shape[0]):
        c = cells[i]
        if board.first[c] < 0 and demand.terminals[c] > 0:
            _late_unit(c, ground, sky, near, demand, limits, board, antennas)


def first_units(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board
) -> int:
    """Place one unit for each assigned cell; return how many more cells are unserved than before.

    A cell that its satellite cannot light tries its other candidates, then the places of others; what stays
    unplaced loses its satellite.
    """
    waiting = np.empty(len(demand.order), np.int32)
    count = _light_fixed(near, demand, limits, board, waiting)
    _fill_fixed(ground, sky, limits, board)
    if count == 0:
        return 0
    antennas = antennas_on(demand, board)
    before = int(np.count_nonzero(board.first >= 0))
    if _light_rest(waiting[:count], ground, sky, near, demand, limits, board, antennas):
        recolour(ground, sky, near, demand, limits, board, antennas)
    _late_units(demand.order, ground, sky, near, demand, limits, board, antennas)
    return before - int(np.count_nonzero(board.first >= 0))


def late_units(
    cells: NDArray[np.int64], ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand,
    limits: Limits, board: Board,
) -> None:  # fmt: skip
    """Try to serve the unserved ``cells`` (D,) on a board as it stands, in this order."""
    _late_units(cells, ground, sky, near, demand, limits, board, antennas_on(demand, board))


@kernel
def _count_wishes(demand: Demand, limits: Limits, board: Board) -> int:
    total = 0
    for c in range(board.first.shape[0]):
        if board.first[c] >= 0:
            total += max(min(demand.wanted_units[c], limits.max_units) - 1, 0)
    return total


@kernel
def _fill_wishes(demand: Demand, limits: Limits, board: Board, key: np.ndarray, cell: np.ndarray) -> None:
    """Write one wish for each further unit: the cell, and its terminals for each unit that it has by then."""
    at = 0
    for c in range(board.first.shape[0]):
        if board.first[c] >= 0:
            for units in range(1, min(demand.wanted_units[c], limits.max_units)):
                key[at] = demand.terminals[c] / units
                cell[at] = c
                at += 1


@kernel
def _spare(demand: Demand, limits: Limits, board: Board, spare: np.ndarray) -> None:
    """Fill spare (N,) with the units that each satellite with a way down can still give."""
    for s in range(spare.shape[0]):
        spare[s] = 0
        if board.gateway[s] >= 0 or not limits.antennas_bind or not demand.needs_antenna[s]:
            spare[s] = limits.beams * limits.dwells
            for dwell in range(limits.dwells):
                spare[s] -= board.dwell_load[s, dwell]


@kernel
def _grant(
    wishes: np.ndarray, spare: np.ndarray, given_up: np.ndarray, ground: GroundPoints, sky: Sky,
    near: Neighbours, demand: Demand, limits: Limits, board: Board,
) -> None:  # fmt: skip
    """Grant wishes in turn, from the cell's own satellite or else its other candidates."""
    for i in range(wishes.shape[0]):
        c = wishes[i]
        if given_up[c]:
            continue
        own = board.first[c]
        if spare[own] > 0 and place(c, own, ground, sky, near, limits, board):
            spare[own] -= 1
            continue
        given_up[c] = True
        for j in range(demand.candidates.shape[1]):
            s = demand.candidates[c, j]
            if s < 0:
                break
            if spare[s] > 0 and s != own and place(c, s, ground, sky, near, limits, board):
                spare[s] -= 1
                given_up[c] = False
                break


def further_units(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board
) -> None:
    """Grant units max-min by terminals: always to the cell with the most terminals for its units.

    The order of grants is known beforehand, as a cell's ratio depends on its own units alone: all wishes are
    sorted once (the lower cell first among equals), and a cell that cannot be granted one gives up.
    """
    count = _count_wishes(demand, limits, board)
    key, cell = np.empty(count, np.float32), np.empty(count, np.int32)
    _fill_wishes(demand, limits, board, key, cell)
    spare = np.empty(len(board.load), np.int32)
    _spare(demand, limits, board, spare)
    given_up = np.zeros(len(board.first), np.bool_)
    _grant(descending(key, cell), spare, given_up, ground, sky, near, demand, limits, board)
