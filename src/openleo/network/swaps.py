"""Where antennas are short: a satellite loses its antenna to one that serves more cells.

A swap is chosen by an estimate (cells that wait for the winner, less cells that only the loser can serve),
tried with augmenting paths, and taken back unless more cells are served.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.network.antennas import Antennas, acquire, forget, leave, reach
from openleo.network.board import Board, Demand, Limits
from openleo.network.kernels import helper, helper_inlined, kernel
from openleo.network.paths import Paths, augment_all, levels, move, undo

MAX_SWAPS = 32
MAX_FAILURES = 6  # in a row


class Swaps(NamedTuple):
    """Scratch of the search; N satellites, G gateways.

    waiting (W,) int32: the unserved cells, in turn, with room for those that a swap unseats; counts (2,)
    int64: how many wait, and how many pairs are in tried (MAX_SWAPS, 2) int32.  gain and loss (N,) int32.
    gateway, fellow, head, free, shut: the antennas as they were before a swap.
    """

    waiting: NDArray[np.int32]
    counts: NDArray[np.int64]
    tried: NDArray[np.int32]
    gain: NDArray[np.int32]
    loss: NDArray[np.int32]
    gateway: NDArray[np.int16]
    fellow: NDArray[np.int32]
    head: NDArray[np.int32]
    free: NDArray[np.int16]
    shut: NDArray[np.bool_]


def swaps_for(waiting: NDArray[np.int32], limits: Limits, board: Board) -> Swaps:
    """Return scratch for a board on which the cells ``waiting`` (W,) are unserved."""
    satellites, gateways = len(board.load), len(board.free_antennas)
    room = np.empty(len(waiting) + limits.beams * limits.dwells, np.int32)
    room[: len(waiting)] = waiting
    return Swaps(
        waiting=room,
        counts=np.array([len(waiting), 0]),
        tried=np.empty((MAX_SWAPS, 2), np.int32),
        gain=np.empty(satellites, np.int32),
        loss=np.empty(satellites, np.int32),
        gateway=np.empty(satellites, np.int16),
        fellow=np.empty(satellites, np.int32),
        head=np.empty(gateways, np.int32),
        free=np.empty(gateways, np.int16),
        shut=np.empty(satellites, np.bool_),
    )


@helper_inlined
def _count_shut(c: int, demand: Demand, antennas: Antennas, gain: np.ndarray) -> None:
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            break
        gain[s] += antennas.shut[s]


@helper
def _count_gains(swaps: Swaps, demand: Demand, antennas: Antennas, paths: Paths) -> None:
    """Count for each satellite that could have no antenna the cells that wait for it, and those that could
    move to it and so make room, by any path, for one that waits."""
    for s in range(swaps.gain.shape[0]):
        swaps.gain[s] = 0
        swaps.loss[s] = -1
    for i in range(swaps.counts[0]):
        _count_shut(swaps.waiting[i], demand, antennas, swaps.gain)
    for s in range(paths.level.shape[0]):
        c = paths.head[s] if paths.level[s] >= 0 else -1
        while c >= 0:
            _count_shut(c, demand, antennas, swaps.gain)
            c = paths.following[c]


@helper
def _loss(s: int, demand: Demand, limits: Limits, board: Board, paths: Paths) -> int:
    """Count the cells of satellite ``s`` that no other open satellite could take."""
    capacity = limits.beams * limits.dwells
    loss = 0
    c = paths.head[s]
    while c >= 0:
        stranded = True
        for j in range(demand.candidates.shape[1]):
            other = demand.candidates[c, j]
            if other < 0:
                break
            if other != s and board.load[other] < capacity and (
                board.gateway[other] >= 0 or not demand.needs_antenna[other]
            ):  # fmt: skip
                stranded = False
                break
        loss += stranded
        c = paths.following[c]
    return loss


@helper
def _was_tried(swaps: Swaps, loser: int, winner: int) -> bool:
    tried = False
    for i in range(swaps.counts[1]):
        tried |= swaps.tried[i, 0] == loser and swaps.tried[i, 1] == winner
    return tried


@helper
def _best_swap(
    swaps: Swaps, demand: Demand, limits: Limits, board: Board, antennas: Antennas, paths: Paths
) -> tuple[int, int]:
    """Return the untried (loser, winner) with the largest gain less loss, or (-1, -1)."""
    best, loser, winner = 0, -1, -1
    capacity = limits.beams * limits.dwells
    for w in range(swaps.gain.shape[0]):
        gain = min(swaps.gain[w], capacity, swaps.counts[0])
        if gain <= best:
            continue
        _, met = reach(w, demand, board, antennas)
        for i in range(met):
            t = antennas.head[antennas.queue[i]]
            while t >= 0:
                if swaps.loss[t] < 0:
                    swaps.loss[t] = _loss(t, demand, limits, board, paths)
                if gain - swaps.loss[t] > best and not _was_tried(swaps, t, w):
                    best, loser, winner = gain - swaps.loss[t], t, w
                t = antennas.fellow[t]
        forget(met, False, antennas)
    return loser, winner


@helper
def _keep(swaps: Swaps, board: Board, antennas: Antennas) -> None:
    for s in range(swaps.gateway.shape[0]):
        swaps.gateway[s] = board.gateway[s]
        swaps.fellow[s] = antennas.fellow[s]
        swaps.shut[s] = antennas.shut[s]
    for g in range(swaps.head.shape[0]):
        swaps.head[g] = antennas.head[g]
        swaps.free[g] = board.free_antennas[g]


@helper
def _restore(swaps: Swaps, board: Board, antennas: Antennas) -> None:
    for s in range(swaps.gateway.shape[0]):
        board.gateway[s] = swaps.gateway[s]
        antennas.fellow[s] = swaps.fellow[s]
        antennas.shut[s] = swaps.shut[s]
    for g in range(swaps.head.shape[0]):
        antennas.head[g] = swaps.head[g]
        board.free_antennas[g] = swaps.free[g]


@helper
def _open_all(antennas: Antennas) -> None:
    """Forget which searches were in vain: antennas have changed hands."""
    for s in range(antennas.shut.shape[0]):
        antennas.shut[s] = False
    for g in range(antennas.closed.shape[0]):
        antennas.closed[g] = False


@helper
def _try(
    loser: int, winner: int, swaps: Swaps, demand: Demand, limits: Limits, board: Board, antennas: Antennas,
    paths: Paths,
) -> bool:  # fmt: skip
    """Swap, and keep it if more cells are served."""
    _keep(swaps, board, antennas)
    paths.logged[0] = 0
    count = swaps.counts[0]
    while paths.head[loser] >= 0:
        swaps.waiting[count] = paths.head[loser]
        count += 1
        move(paths.head[loser], -1, board, paths)
    board.free_antennas[board.gateway[loser]] += 1
    leave(loser, board, antennas)
    _open_all(antennas)
    unseated = count - swaps.counts[0]
    better = acquire(winner, demand, limits, board, antennas)
    if better:
        better = augment_all(swaps.waiting, count, demand, limits, board, antennas, paths, True) > unseated
    if better:
        swaps.counts[0] = 0
        for i in range(count):
            if board.first[swaps.waiting[i]] < 0:
                swaps.waiting[swaps.counts[0]] = swaps.waiting[i]
                swaps.counts[0] += 1
        return True
    undo(board, paths)
    _restore(swaps, board, antennas)
    return False


@kernel
def swap_antennas(
    swaps: Swaps, demand: Demand, limits: Limits, board: Board, antennas: Antennas, paths: Paths
) -> int:
    """Move antennas while that serves more cells; return how many stay unserved."""
    failures = 0
    while swaps.counts[0] > 0 and swaps.counts[1] < MAX_SWAPS and failures < MAX_FAILURES:
        levels(swaps.waiting, swaps.counts[0], demand, limits, board, antennas, paths)
        _count_gains(swaps, demand, antennas, paths)
        for g in range(antennas.closed.shape[0]):
            antennas.closed[g] = False
        loser, winner = _best_swap(swaps, demand, limits, board, antennas, paths)
        if loser < 0:
            break
        swaps.tried[swaps.counts[1], 0] = loser
        swaps.tried[swaps.counts[1], 1] = winner
        swaps.counts[1] += 1
        failures = 0 if _try(loser, winner, swaps, demand, limits, board, antennas, paths) else failures + 1
    return int(swaps.counts[0])
