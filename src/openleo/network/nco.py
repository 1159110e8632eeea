"""Placing one unit: a colour (channel and dwell) whose footprint overlaps no other's on the same colour."""

import numpy as np

from openleo.network.board import MAX_SATELLITES_PER_CELL, Board, Limits
from openleo.network.colouring import Neighbours
from openleo.network.footprint import MARGIN, apart, footprint
from openleo.network.ground import GroundPoints
from openleo.network.kernels import helper, helper_inlined
from openleo.network.visibility import Sky

_ONE = np.uint64(1)
_NOTHING = np.uint64(0)


@helper_inlined
def beam_of(c: int, s: int, ground: GroundPoints, sky: Sky, limits: Limits, board: Board) -> int:
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


@helper_inlined
def colours_of(dwell: int, limits: Limits) -> np.uint64:
    """Return the colours of a dwell as bits."""
    return (~_NOTHING >> np.uint64(64 - limits.channels)) << np.uint64(dwell * limits.channels)


@helper_inlined
def take(c: int, b: int, dwell: int, bit: np.uint64, limits: Limits, board: Board) -> None:
    """Add a unit to beam ``b`` of the cell, on the colour ``bit`` of a dwell."""
    board.colours[c, b] |= bit
    board.used[c] |= bit
    board.widest_m[c] = max(board.widest_m[c], board.footprint[c, b, 0])
    s = board.satellite[c, b]
    board.dwell_load[s, dwell] += 1
    if board.dwell_load[s, dwell] >= limits.beams:
        board.free[s] &= ~colours_of(dwell, limits)


@helper_inlined
def _by_circles(c: int, b: int, open_colours: np.uint64, near: Neighbours, board: Board) -> np.uint64:
    """Return the open colours that no circle about an ellipse near by may touch: never too many."""
    own = board.footprint[c, b, 0]
    farthest = MARGIN * own + 0.5 * near.reach_m
    taken = _NOTHING
    for e in range(np.uint64(near.start[c]), np.uint64(near.start[c + 1])):  # nearest first
        metres = near.metres[e]
        if metres > farthest:
            break
        n = np.uint64(near.cell[e])  # unsigned indices need no test for counting from the end
        touches = metres <= MARGIN * (own + board.widest_m[n])
        taken |= board.used[n] * np.uint64(touches)  # which neighbours touch no branch could foretell
    return open_colours & ~taken


@helper_inlined
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
        for other in range(MAX_SATELLITES_PER_CELL):
            if board.colours[n, other] & open_colours and not apart(
                c, own, n, board.footprint[n, other], ground, board.turned
            ):
                open_colours &= ~board.colours[n, other]
    return open_colours


@helper_inlined
def _lightest(free: np.uint64, s: int, limits: Limits, board: Board) -> int:
    """Return the satellite's least used dwell that has a free colour, the first of equals; -1 if none has."""
    none = 1 << 40
    least = none
    for dwell in range(limits.dwells):
        key = (int(board.dwell_load[s, dwell]) << 8) + dwell
        least = min(least, key if free & colours_of(dwell, limits) else none)
    return least & 0xFF if least < none else -1


@helper
def place(
    c: int, s: int, ground: GroundPoints, sky: Sky, near: Neighbours, limits: Limits, board: Board
) -> bool:
    """Give the cell one more unit from satellite ``s`` if a beam and a colour are free."""
    free = board.free[s]
    b = beam_of(c, s, ground, sky, limits, board)
    if b < 0 or free == _NOTHING:
        return False
    open_colours = free & ~board.used[c]
    if limits.nco:
        clear = _by_circles(c, b, open_colours, near, board)
        open_colours = clear if clear else _by_ellipses(c, b, open_colours, ground, near, board)
    dwell = _lightest(open_colours, s, limits, board)
    if dwell < 0:
        return False
    here = open_colours & colours_of(dwell, limits)
    take(c, b, dwell, here & (~here + _ONE), limits, board)  # the lowest
    return True
