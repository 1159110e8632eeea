"""Augmenting paths: one more cell is served by moving others from satellite to satellite.

Paths are found in rounds (Dinic 1970; Hopcroft and Karp 1973): a search by levels from all waiting cells at
once finds how long the shortest paths are, and a search in depth along rising levels uses all that fit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.network.antennas import Antennas, acquire, may_serve
from openleo.network.board import Board, Demand, Limits
from openleo.network.kernels import helper, helper_inlined, kernel


class Paths(NamedTuple):
    """The cells of each satellite, and what searches know; C cells, N satellites.

    head (N,) int32, following and previous (C,) int32: each satellite's cells as doubly linked lists, -1 at
    their ends.  level (N,) int32: moves from a waiting cell, -1 not reached or of no more use; cursor (N,)
    int32: its next cell to try; queue (N,) int32.  cell, at, by (N + 1,) int32: the path in hand, each cell,
    which of its candidates is tried, and that satellite.  log (L, 2) int32: moves made, the cell and its
    satellite before; logged (1,) int64: how many.
    """

    head: NDArray[np.int32]
    following: NDArray[np.int32]
    previous: NDArray[np.int32]
    level: NDArray[np.int32]
    cursor: NDArray[np.int32]
    queue: NDArray[np.int32]
    cell: NDArray[np.int32]
    at: NDArray[np.int32]
    by: NDArray[np.int32]
    log: NDArray[np.int32]
    logged: NDArray[np.int64]


def paths_on(board: Board, log_size: int) -> Paths:
    """Return the lists of a board's cells and a log for ``log_size`` moves beyond one path."""
    cells, satellites = len(board.first), len(board.load)
    out = Paths(
        head=np.full(satellites, -1, np.int32),
        following=np.full(cells, -1, np.int32),
        previous=np.full(cells, -1, np.int32),
        level=np.empty(satellites, np.int32),
        cursor=np.empty(satellites, np.int32),
        queue=np.empty(satellites, np.int32),
        cell=np.empty(satellites + 1, np.int32),
        at=np.empty(satellites + 1, np.int32),
        by=np.empty(satellites + 1, np.int32),
        log=np.empty((satellites + 1 + log_size, 2), np.int32),
        logged=np.zeros(1, np.int64),
    )
    _list_cells(board, out)
    return out


@kernel
def _list_cells(board: Board, paths: Paths) -> None:
    for c in range(board.first.shape[0]):
        if board.first[c] >= 0:
            _link(c, board.first[c], paths)


@helper_inlined
def _link(c: int, s: int, paths: Paths) -> None:
    after = paths.head[s]
    paths.head[s] = c
    paths.previous[c] = -1
    paths.following[c] = after
    if after >= 0:
        paths.previous[after] = c


@helper_inlined
def _unlink(c: int, s: int, paths: Paths) -> None:
    before, after = paths.previous[c], paths.following[c]
    if before >= 0:
        paths.following[before] = after
    else:
        paths.head[s] = after
    if after >= 0:
        paths.previous[after] = before


@helper
def put(c: int, s: int, board: Board, paths: Paths) -> None:
    """Move cell ``c`` to satellite ``s`` (-1: to none)."""
    before = board.first[c]
    if before >= 0:
        _unlink(c, before, paths)
        board.load[before] -= 1
    board.first[c] = s
    if s >= 0:
        _link(c, s, paths)
        board.load[s] += 1


@helper
def move(c: int, s: int, board: Board, paths: Paths) -> None:
    """Move cell ``c`` to satellite ``s`` (-1: to none) and log it; the log must have room."""
    paths.log[paths.logged[0], 0] = c
    paths.log[paths.logged[0], 1] = board.first[c]
    paths.logged[0] += 1
    put(c, s, board, paths)


@helper
def undo(board: Board, paths: Paths) -> None:
    """Take back all logged moves, the latest first."""
    for i in range(paths.logged[0] - 1, -1, -1):
        put(paths.log[i, 0], paths.log[i, 1], board, paths)
    paths.logged[0] = 0


@helper
def _visit(
    c: int, level: int, tail: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas,
    paths: Paths,
) -> tuple[int, bool]:  # fmt: skip
    """Queue the candidates of cell ``c`` not met so far; return the queue's end and whether one has room."""
    room = False
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            break
        if paths.level[s] < 0 and may_serve(s, demand, limits, board, antennas):
            paths.level[s] = level
            paths.cursor[s] = paths.head[s]
            paths.queue[tail] = s
            tail += 1
            room |= board.load[s] < limits.beams * limits.dwells
    return tail, room


@helper
def levels(
    waiting: np.ndarray, count: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas,
    paths: Paths,
) -> bool:  # fmt: skip
    """Give levels to satellites until one with room is met; return whether one is.

    If none is, those with a level are all that paths can reach."""
    for s in range(paths.level.shape[0]):
        paths.level[s] = -1
    tail = 0
    found = False
    for i in range(count):
        if board.first[waiting[i]] < 0:
            tail, room = _visit(waiting[i], 0, tail, demand, limits, board, antennas, paths)
            found |= room
    at, level, end = 0, 0, tail
    while not found and at < tail:
        level += 1
        while at < end:
            c = paths.head[paths.queue[at]]
            while c >= 0:
                tail, room = _visit(c, level, tail, demand, limits, board, antennas, paths)
                found |= room
                c = paths.following[c]
            at += 1
        end = tail
    return found


@helper
def _augment(
    start: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas, paths: Paths
) -> bool:
    """Serve cell ``start`` by a path along rising levels, if there is one."""
    capacity = limits.beams * limits.dwells
    depth = 0
    paths.cell[0], paths.at[0] = start, 0
    while depth >= 0:
        c, j = paths.cell[depth], paths.at[depth]
        s = -1 if j >= demand.candidates.shape[1] else int(demand.candidates[c, j])
        if s < 0:
            depth -= 1  # the satellite it would have left tries its next cell
            continue
        if paths.level[s] != depth:
            paths.at[depth] += 1
            continue
        paths.by[depth] = s
        if board.load[s] < capacity and acquire(s, demand, limits, board, antennas):
            for k in range(depth, -1, -1):
                move(paths.cell[k], paths.by[k], board, paths)
            return True
        member = paths.cursor[s]
        if member < 0:
            paths.level[s] = -1
            continue
        paths.cursor[s] = paths.following[member]
        depth += 1
        paths.cell[depth], paths.at[depth] = member, 0
    return False


@kernel
def augment_all(
    waiting: np.ndarray, count: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas,
    paths: Paths, keep_log: bool,
) -> int:  # fmt: skip
    """Serve what augmenting paths can serve of the first ``count`` of ``waiting``; return how many.

    Of paths equally long those of earlier cells go first.  With ``keep_log`` the moves can be undone; it ends
    early rather than let the log overflow.
    """
    served = 0
    room = paths.log.shape[0] - paths.head.shape[0] - 1
    while levels(waiting, count, demand, limits, board, antennas, paths):
        before = served
        for i in range(count):
            if board.first[waiting[i]] < 0 and paths.logged[0] <= room:
                served += _augment(waiting[i], demand, limits, board, antennas, paths)
                if not keep_log:
                    paths.logged[0] = 0
        if served == before and paths.logged[0] > room:
            break
    return served
