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
def take(c: int, b: int, dwell: int, channel: int, limits: Limits, board: Board) -> None:
    """Add a unit to beam ``b`` of the cell."""
    bit = _ONE << np.uint64(dwell * limits.channels + channel)
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
    for e in range(near.start[c], near.start[c + 1]):  # nearest first
        if near.metres[e] > farthest or open_colours == _NOTHING:
            break
        n = near.cell[e]
        if near.metres[e] <= MARGIN * (own + board.widest_m[n]):
            open_colours &= ~board.used[n]
    return open_colours


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
    """Return the lowest free colour in the satellite's least used dwell that has one, -1 if none is free."""
    least, at = 32_767, -1
    for dwell in range(limits.dwells):
        if free & colours_of(dwell, limits) and board.dwell_load[s, dwell] < least:
            least, at = board.dwell_load[s, dwell], dwell
    if at < 0:
        return -1
    colour = at * limits.channels
    while not free >> np.uint64(colour) & _ONE:
        colour += 1
    return colour


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
    colour = _lightest(open_colours, s, limits, board)
    if colour < 0:
        return False
    take(c, b, colour // limits.channels, colour % limits.channels, limits, board)
    return True
