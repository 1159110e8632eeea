"""Which satellite serves which cell: preference first, but under shortage as many cells as possible.

Each cell takes its best candidate that still has beam time and, without an inter-satellite route, can have a
gateway antenna.  Cells left over are served by augmenting paths: a satellite gives up a cell that another can
take.  Antennas are matched to satellites in the same way; where they are short, a satellite may lose its
antenna to one that serves more cells.
"""

import numpy as np

from openleo.network.antennas import Antennas, acquire, antennas_on
from openleo.network.board import Board, Demand, Limits
from openleo.network.kernels import helper_inlined, kernel
from openleo.network.paths import augment_all, paths_on
from openleo.network.swaps import swap_antennas, swaps_for

_LOG_ROOM = 4096  # moves that can be undone


def greedy(demand: Demand, limits: Limits, board: Board, stay: float, load_weight: float) -> int:
    """Let each cell in its turn take the best satellite it can have; return how many are left over
    though they have candidates.

    ``stay`` is added to the utility of the present satellite, ``load_weight`` times the share of a
    satellite's beam time that is taken to each.
    """
    return int(_greedy(demand, limits, board, antennas_on(demand, board), float(stay), float(load_weight)))


@helper_inlined
def _best(
    c: int, demand: Demand, capacity: int, board: Board, shut: np.ndarray, stay: float, load_weight: float
) -> int:
    """Return the candidate of cell ``c`` that it likes best among those that may have room, or -1."""
    chosen, best = -1, -np.inf
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            break
        value = demand.utility[c, j]
        if load_weight == 0.0 and value + max(stay, 0.0) <= best:
            break  # the rest are worse, whoever is present
        if s == demand.present[c]:
            value += stay
        value += load_weight * board.load[s] / capacity
        if value > best and board.load[s] < capacity and not shut[s]:
            chosen, best = s, value
    return chosen


@kernel
def _greedy(
    demand: Demand, limits: Limits, board: Board, antennas: Antennas, stay: float, load_weight: float
) -> int:
    capacity = limits.beams * limits.dwells
    left_over = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        if demand.terminals[c] <= 0:
            continue
        s = _best(c, demand, capacity, board, antennas.shut, stay, load_weight)
        while s >= 0 and not acquire(s, demand, limits, board, antennas):
            s = _best(c, demand, capacity, board, antennas.shut, stay, load_weight)
        board.first[c] = s
        if s >= 0:
            board.load[s] += 1
        else:
            left_over += demand.candidates[c, 0] >= 0
    return left_over


def relieve(demand: Demand, limits: Limits, board: Board) -> int:
    """Serve left-over cells by augmenting paths, then by moving antennas; return how many stay unserved."""
    order = demand.order
    asks = (demand.terminals[order] > 0) & (board.first[order] < 0) & (demand.candidates[order, 0] >= 0)
    waiting = order[asks]
    if len(waiting) == 0:
        return 0
    antennas = antennas_on(demand, board)
    paths = paths_on(board, _LOG_ROOM)
    augment_all(waiting, len(waiting), demand, limits, board, antennas, paths, False)
    waiting = waiting[board.first[waiting] < 0]
    if len(waiting) == 0 or not limits.antennas_bind:
        return len(waiting)
    swaps = swaps_for(waiting, limits, board)
    return int(swap_antennas(swaps, demand, limits, board, antennas, paths))
