"""Serving cells that found no colour: each takes the place of at most one other, which then looks anew.

A search among partial colourings (after PartialCol, Bloechliger and Zufferey 2008): the number of unserved
cells never rises, and a cell that has just been placed may not be displaced for a while.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.hashing import hash_u32
from openleo.network.antennas import Antennas, acquire, may_serve, release_if_idle
from openleo.network.board import Board, Demand, Limits
from openleo.network.colouring import Neighbours
from openleo.network.footprint import MARGIN, apart, footprint
from openleo.network.ground import GroundPoints
from openleo.network.kernels import helper, kernel
from openleo.network.nco import colours_of
from openleo.network.paths import Paths, paths_on, put
from openleo.network.visibility import Sky

STEPS_PER_CELL = 200
MAX_STEPS = 6000
TENURE = 7  # steps, and as many as cells are waiting
NEVER = 2**30  # a step that is never reached

_ONE = np.uint64(1)
_NOTHING = np.uint64(0)


class Recolouring(NamedTuple):
    """Scratch; C cells, K colours, Q = C places in a ring.

    queue (Q,) int32: the unserved cells; turn (C,) int32: each cell's turn; held (C,) int32: the step until
    which it may not be displaced; colour (C,) int8: of its first unit, -1 none.  blockers (K,) int32 and by
    (K,) int32: how many cells bar a colour, and one of them.  ellipse (4,) float32.
    """

    queue: NDArray[np.int32]
    turn: NDArray[np.int32]
    held: NDArray[np.int32]
    colour: NDArray[np.int8]
    blockers: NDArray[np.int32]
    by: NDArray[np.int32]
    ellipse: NDArray[np.float32]


@kernel
def _fill_colours(used: np.ndarray, colour: np.ndarray) -> None:
    """Fill colour (C,) with the number of the one bit in used (C,), -1 where there is none."""
    for c in range(used.shape[0]):
        bits = used[c]
        colour[c] = -1
        while bits != _NOTHING:
            bits >>= _ONE
            colour[c] += 1


def _recolouring(demand: Demand, limits: Limits, board: Board) -> Recolouring:
    """Return scratch for a board of first units."""
    cells, colours = len(board.first), limits.dwells * limits.channels
    turn = np.full(cells, cells, np.int32)
    turn[demand.order] = np.arange(len(demand.order), dtype=np.int32)
    colour = np.empty(cells, np.int8)
    _fill_colours(board.used, colour)
    return Recolouring(
        queue=np.zeros(cells, np.int32),
        turn=turn,
        held=np.zeros(cells, np.int32),
        colour=colour,
        blockers=np.empty(colours, np.int32),
        by=np.empty(colours, np.int32),
        ellipse=np.empty(4, np.float32),
    )


@helper
def _blockers(
    c: int, s: int, ground: GroundPoints, sky: Sky, near: Neighbours, limits: Limits, board: Board,
    work: Recolouring,
) -> None:  # fmt: skip
    """Count for each colour the cells that bar cell ``c`` from it on satellite ``s``."""
    own = work.ellipse
    footprint(
        ground.point_m[c], ground.east[c], ground.north[c], ground.up[c],
        sky.start_m[s], sky.end_m[s], limits.tan_half_width, own,
    )  # fmt: skip
    for k in range(work.blockers.shape[0]):
        work.blockers[k] = 0
    if not limits.nco:
        return
    farthest = MARGIN * own[0] + 0.5 * near.reach_m
    for e in range(near.start[c], near.start[c + 1]):  # nearest first
        if near.metres[e] > farthest:
            break
        n = near.cell[e]
        if work.colour[n] < 0 or near.metres[e] > MARGIN * (own[0] + board.widest_m[n]):
            continue
        if not apart(c, own, n, board.footprint[n, 0], ground, board.turned):
            work.blockers[work.colour[n]] += 1
            work.by[work.colour[n]] = n


@helper
def _latest(s: int, dwell: int, step: int, limits: Limits, paths: Paths, work: Recolouring) -> int:
    """Return the cell with the latest turn that a satellite lights in a dwell and that may move, or -1."""
    out = -1
    c = paths.head[s]
    while c >= 0:
        movable = work.colour[c] // limits.channels == dwell and work.held[c] <= step
        if movable and (out < 0 or work.turn[c] > work.turn[out]):
            out = c
        c = paths.following[c]
    return out


@helper
def _darken(c: int, limits: Limits, board: Board, paths: Paths, work: Recolouring) -> None:
    s, dwell = board.first[c], work.colour[c] // limits.channels
    work.colour[c] = -1
    board.colours[c, 0] = board.used[c] = _NOTHING
    board.widest_m[c] = 0.0
    board.dwell_load[s, dwell] -= 1
    if board.dwell_load[s, dwell] < limits.beams:
        board.free[s] |= colours_of(dwell, limits)
    put(c, -1, board, paths)


@helper
def _light(
    c: int, s: int, colour: int, ground: GroundPoints, sky: Sky, limits: Limits, board: Board, paths: Paths,
    work: Recolouring,
) -> None:  # fmt: skip
    footprint(
        ground.point_m[c], ground.east[c], ground.north[c], ground.up[c],
        sky.start_m[s], sky.end_m[s], limits.tan_half_width, board.footprint[c, 0],
    )  # fmt: skip
    dwell = colour // limits.channels
    work.colour[c] = colour
    board.satellite[c, 0] = s
    board.colours[c, 0] = board.used[c] = _ONE << np.uint64(colour)
    board.widest_m[c] = board.footprint[c, 0, 0]
    board.dwell_load[s, dwell] += 1
    if board.dwell_load[s, dwell] >= limits.beams:
        board.free[s] &= ~colours_of(dwell, limits)
    put(c, s, board, paths)


@helper
def _choose(
    c: int, step: int, after: int, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand,
    limits: Limits, board: Board, antennas: Antennas, paths: Paths, work: Recolouring,
) -> tuple[int, int, int]:  # fmt: skip
    """Return the satellite and colour for cell ``c`` and the cell to displace: -1 if none needs to be.

    Without a place the satellite is -1.  Only a cell whose turn comes after ``after`` is displaced; if that
    is not negative the one with the latest turn, else any as likely as the others.
    """
    satellite, colour, displaced = -1, -1, -1
    ways = 0
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            break
        if not may_serve(s, demand, limits, board, antennas):
            continue
        _blockers(c, s, ground, sky, near, limits, board, work)
        for k in range(work.blockers.shape[0]):
            full = board.dwell_load[s, k // limits.channels] >= limits.beams
            other = -1
            if work.blockers[k] == 0:
                if not full:
                    return s, k, -1
                other = _latest(s, k // limits.channels, step, limits, paths, work)
            elif work.blockers[k] == 1 and (not full or board.first[work.by[k]] == s):
                other = work.by[k]
            if other < 0 or work.held[other] > step or work.turn[other] <= after:
                continue
            ways += 1
            if after >= 0:
                better = displaced < 0 or work.turn[other] > work.turn[displaced]
            else:
                better = hash_u32(step, c, ways) % ways == 0
            if better:
                satellite, colour, displaced = s, k, other
    return satellite, colour, displaced


@helper
def _settle_in(
    c: int, step: int, after: int, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand,
    limits: Limits, board: Board, antennas: Antennas, paths: Paths, work: Recolouring,
) -> int:  # fmt: skip
    """Choose a place for cell ``c`` and put it there; return the cell displaced, -1 if none, or ``c`` itself
    if there is no place."""
    s = 0
    while s >= 0:
        s, colour, other = _choose(
            c, step, after, ground, sky, near, demand, limits, board, antennas, paths, work
        )  # fmt: skip
        if s >= 0 and acquire(s, demand, limits, board, antennas):
            _light(c, s, colour, ground, sky, limits, board, paths, work)
            if other >= 0:
                left = board.first[other]
                _darken(other, limits, board, paths, work)
                release_if_idle(left, board, antennas)
            return other
    return c


@kernel
def search(
    count: int, ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits,
    board: Board, antennas: Antennas, paths: Paths, work: Recolouring,
) -> int:  # fmt: skip
    """Look for places for the first ``count`` cells of the queue; return how many are left in it."""
    size = work.queue.shape[0]
    steps = min(STEPS_PER_CELL * count, MAX_STEPS)
    head = 0
    for step in range(steps):
        if count == 0:
            break
        c = work.queue[head]
        head = (head + 1) % size
        other = _settle_in(
            c, step, -1, ground, sky, near, demand, limits, board, antennas, paths, work
        )  # fmt: skip
        if other != c:
            work.held[c] = step + TENURE + count
        if other >= 0:
            work.queue[(head + count - 1) % size] = other
        else:
            count -= 1
    return count


@kernel
def give_way(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board,
    antennas: Antennas, paths: Paths, work: Recolouring,
) -> None:  # fmt: skip
    """Let each unserved cell in its turn take the place of the one with the latest turn, if that is later.

    Again from the first, until nobody can or the steps are used up.
    """
    steps, changed = 0, True
    while changed:
        changed = False
        for i in range(demand.order.shape[0]):
            c = demand.order[i]
            if board.first[c] >= 0 or demand.terminals[c] <= 0 or demand.candidates[c, 0] < 0:
                continue
            if steps == MAX_STEPS:
                return
            steps += 1
            changed |= c != _settle_in(
                c, NEVER, i, ground, sky, near, demand, limits, board, antennas, paths, work
            )  # fmt: skip


@kernel
def _fill_queue(demand: Demand, limits: Limits, board: Board, antennas: Antennas, queue: np.ndarray) -> int:
    """Queue the unserved cells, in turn, with a candidate that has beam time to spare; return how many."""
    count = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        if board.first[c] >= 0 or demand.terminals[c] <= 0:
            continue
        for j in range(demand.candidates.shape[1]):
            s = demand.candidates[c, j]
            if s < 0:
                break
            if board.load[s] < limits.beams * limits.dwells and may_serve(s, demand, limits, board, antennas):
                queue[count] = c
                count += 1
                break
    return count


def recolour(
    ground: GroundPoints, sky: Sky, near: Neighbours, demand: Demand, limits: Limits, board: Board,
    antennas: Antennas,
) -> None:  # fmt: skip
    """Serve on a board of first units what unserved cells can be."""
    paths, work = paths_on(board, 0), _recolouring(demand, limits, board)
    count = _fill_queue(demand, limits, board, antennas, work.queue)
    search(count, ground, sky, near, demand, limits, board, antennas, paths, work)
    give_way(ground, sky, near, demand, limits, board, antennas, paths, work)
