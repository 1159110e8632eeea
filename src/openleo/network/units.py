"""From satellites to beams: each cell's units of (satellite, beam, channel, dwell).

First units take the cell's fixed colour, which no neighbour shares; what does not fit its satellite's beams
in that dwell looks for another colour with the tests that Nco = 1 asks for.  Then further units go, one at a
time, to the cell with the most terminals for its units, until wants or beams are used up.
"""

import numpy as np

from openleo.base.compile import njit, njit_inlined
from openleo.network.assignment import acquire
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board, Demand, Limits
from openleo.network.colouring import Neighbours
from openleo.network.footprint import MARGIN, disjoint, footprint
from openleo.network.ground import GroundPoints
from openleo.network.visibility import Sky

_ONE = np.uint64(1)
_NOTHING = np.uint64(0)


@njit_inlined
def _beam_of(c: int, s: int, ground: GroundPoints, sky: Sky, limits: Limits, board: Board) -> int:
    """Return where the cell keeps its beams from satellite ``s``, with the footprint filled; -1 when full."""
    for b in range(MAX_SATELLITES_PER_CELL):
        if board.satellite[c, b] == s and board.colours[c, b] != _NOTHING:
            return b
        if board.colours[c, b] == _NOTHING:
            board.satellite[c, b] = s
            footprint(
                ground.point_m[c], ground.east[c], ground.north[c], ground.up[c],
                sky.start_m[s], sky.end_m[s], limits.tan_half_width, board.footprint[c, b],
            )  # fmt: skip
            return b
    return -1


@njit_inlined
def _take(c: int, b: int, dwell: int, channel: int, limits: Limits, board: Board) -> None:
    bit = _ONE << np.uint64(dwell * limits.channels + channel)
    board.colours[c, b] |= bit
    board.used[c] |= bit
    board.widest_m[c] = max(board.widest_m[c], board.footprint[c, b, 0])
    s = board.satellite[c, b]
    board.dwell_load[s, dwell] += 1
    if board.dwell_load[s, dwell] >= limits.beams:
        channels = (_ONE << np.uint64(limits.channels)) - _ONE
        board.free[s] &= ~(channels << np.uint64(dwell * limits.channels))


@njit_inlined
def _by_circles(c: int, b: int, open_colours: np.uint64, near: Neighbours, board: Board) -> np.uint64:
    """Return the open colours that no circle about an ellipse near by may touch: never too many."""
    own = board.footprint[c, b, 0]
    farthest = MARGIN * own + 0.5 * near.reach_m
    for e in range(near.start[c], near.start[c + 1]):  # nearest first
        if near.metres[e] > farthest or open_colours == _NOTHING:
            break
        n = near.cell[e]
        if near.metres[e] <= MARGIN * (own + board.widest_m[n]):
            open_colours &= ~board.used[n]
    return open_colours


@njit_inlined
def _by_ellipses(
    c: int, b: int, open_colours: np.uint64, ground: GroundPoints, near: Neighbours, board: Board
) -> np.uint64:
    """Return the open colours that no footprint near by overlaps, by the ellipses themselves."""
    own = board.footprint[c, b]
    farthest = MARGIN * own[0] + 0.5 * near.reach_m
    for e in range(near.start[c], near.start[c + 1]):  # nearest first
        if near.metres[e] > farthest or open_colours == _NOTHING:
            break
        n = near.cell[e]
        if not board.used[n] & open_colours or near.metres[e] > MARGIN * (own[0] + board.widest_m[n]):
            continue
        east_m = north_m = 0.0
        for k in range(3):
            d = ground.point_m[n, k] - ground.point_m[c, k]
            east_m += d * ground.east[c, k]
            north_m += d * ground.north[c, k]
        for other in range(MAX_SATELLITES_PER_CELL):
            if board.colours[n, other] & open_colours and not disjoint(
                own, board.footprint[n, other], east_m, north_m
            ):
                open_colours &= ~board.colours[n, other]
    return open_colours


@njit_inlined
def _lightest(free: np.uint64, s: int, limits: Limits, board: Board) -> int:
    """Return the lowest free colour in the satellite's least used dwell that has one, -1 if none is free."""
    channels = (_ONE << np.uint64(limits.channels)) - _ONE
    least, at = 32_767, -1
    for dwell in range(limits.dwells):
        if free >> np.uint64(dwell * limits.channels) & channels and board.dwell_load[s, dwell] < least:
            least, at = board.dwell_load[s, dwell], dwell
    if at < 0:
        return -1
    colour = at * limits.channels
    while not free >> np.uint64(colour) & _ONE:
        colour += 1
    return colour


@njit_inlined
def place(
    c: int, s: int, ground: GroundPoints, sky: Sky, near: Neighbours, limits: Limits, board: Board
) -> bool:
    """Give the cell one more unit from satellite ``s`` if a beam and a colour are free."""
    free = board.free[s]
    b = _beam_of(c, s, ground, sky, limits, board)
    if b < 0 or free == _NOTHING:
        return False
    open_colours = free & ~board.used[c]
    if limits.nco:
        clear = _by_circles(c, b, open_colours, near, board)
        open_colours = clear if clear else _by_ellipses(c, b, open_colours, ground, near, board)
    colour = _lightest(open_colours, s, limits, board)
    if colour < 0:
        return False
    _take(c, b, colour // limits.channels, colour % limits.channels, limits, board)
    return True


@njit
def _late_unit(
    c: int, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board
) -> bool:
    """Serve a cell that has no unit from the first of its candidates that can light it."""
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            return False
        room = board.load[s] < limits.beams * limits.dwells
        if room and acquire(s, demand, limits, board) and place(c, s, ground, sky, near, limits, board):
            board.first[c] = s
            board.load[s] += 1
            return True
    return False


@njit
def first_units(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board
) -> int:
    """Place one unit for each assigned cell; return how many cells found no beam or colour.

    A cell that its satellite cannot light tries its other candidates; what stays unplaced loses its satellite.
    """
    waiting = np.empty(demand.order.shape[0], np.int32)
    count = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        s = board.first[c]
        if s < 0:
            continue
        fixed = near.colour[c]
        dwell, channel = fixed % limits.dwells, fixed // limits.dwells
        if limits.nco and fixed >= 0 and board.dwell_load[s, dwell] < limits.beams:
            _take(c, _beam_of(c, s, ground, sky, limits, board), dwell, channel, limits, board)
        else:
            waiting[count] = c
            count += 1
    failed = 0
    for i in range(count):
        c = waiting[i]
        own = board.first[c]
        if place(c, own, ground, sky, near, limits, board):
            continue
        board.load[own] -= 1
        board.first[c] = -1
        failed += not _late_unit(c, ground, sky, near, demand, limits, board)
    return failed


@njit
def late_units(
    cells: np.ndarray, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits,
    board: Board,
) -> None:  # fmt: skip
    """Try to serve the unserved ``cells`` (D,) on a board as it stands, in this order."""
    for i in range(cells.shape[0]):
        _late_unit(cells[i], ground, sky, near, demand, limits, board)


@njit_inlined
def _sift(heap: np.ndarray, key: np.ndarray, size: int, at: int) -> None:
    """Restore the heap of cells below ``at``: the largest key on top, the lower cell among equals."""
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        if child + 1 < size and (
            key[heap[child + 1]] > key[heap[child]]
            or (key[heap[child + 1]] == key[heap[child]] and heap[child + 1] < heap[child])
        ):
            child += 1
        if key[heap[child]] < key[heap[at]] or (
            key[heap[child]] == key[heap[at]] and heap[child] > heap[at]
        ):
            return
        heap[at], heap[child] = heap[child], heap[at]
        at = child


@njit
def further_units(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board
) -> None:
    """Grant units max-min by terminals: always to the cell with the most terminals for its units."""
    cells = board.first.shape[0]
    units = np.zeros(cells, np.int16)
    given = np.zeros(board.load.shape[0], np.int32)
    for s in range(given.shape[0]):
        given[s] = board.dwell_load[s].sum()
    key = np.empty(cells)
    heap = np.empty(cells, np.int32)
    size = 0
    for c in range(cells):
        if board.first[c] >= 0:
            units[c] = 1
            key[c] = demand.terminals[c]
            if min(demand.wanted_units[c], limits.max_units) > 1:
                heap[size] = c
                size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sift(heap, key, size, at)
    capacity = limits.beams * limits.dwells
    while size > 0:
        c = heap[0]
        placed = False
        for j in range(-1, demand.candidates.shape[1]):  # its own satellite first, then the other candidates
            s = board.first[c] if j < 0 else np.int32(demand.candidates[c, j])
            if s < 0:
                break
            if given[s] >= capacity or (j >= 0 and s == board.first[c]):
                continue
            if board.gateway[s] < 0 and limits.antennas_bind and demand.needs_antenna[s]:
                continue
            if place(c, s, ground, sky, near, limits, board):
                placed = True
                given[s] += 1
                break
        if placed:
            units[c] += 1
            key[c] = demand.terminals[c] / units[c]
        if not placed or units[c] >= min(demand.wanted_units[c], limits.max_units):
            size -= 1
            heap[0] = heap[size]
        _sift(heap, key, size, 0)
