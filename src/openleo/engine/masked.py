"""Terminals with obstacles about them: which seconds of a slot the satellite stands clear of the mask."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S
from openleo.base.compile import njit, njit_inlined
from openleo.base.hashing import hash_many
from openleo.ground.frames import geodetic_to_itrs_m, local_frame
from openleo.ground.masks import MASK_BINS, blocked
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board
from openleo.network.visibility import Sky
from openleo.scenario.world import World

ALL_SECONDS = (1 << SLOT_S) - 1
_BEAM_SALT = 0xBEA4


class Masked(NamedTuple):
    """The V fixed terminals that have a horizon mask.

    terminal (V,) int32 rows; mask (V,) int32 rows of masks (M, 72); point_m, east, north, up (V, 3) ITRS;
    share (V,) uint32 places each on its cell's beams; top_sine (V,) sines of the masks' highest elevations.
    """

    terminal: NDArray[np.int32]
    mask: NDArray[np.int32]
    masks: NDArray[np.float32]
    point_m: NDArray[np.float64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    up: NDArray[np.float64]
    share: NDArray[np.uint32]
    top_sine: NDArray[np.float64]


def beam_shares(seed: int, terminals: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Return where on its cell's beams each terminal stands (V,): a fixed number below 2^32."""
    return np.asarray(hash_many(seed ^ _BEAM_SALT, terminals, 0), dtype=np.uint32)


def choose_beam(share: int, units: NDArray[np.integer]) -> int:
    """Return which of its cell's satellites a terminal uses, given each one's units, first satellite first.

    A terminal keeps its place along the units, so that its choice is stable and terminals divide as the
    units do.
    """
    place = (int(share) * int(units.sum())) >> 32
    return int(np.searchsorted(np.cumsum(units), place, side="right"))


def masked_terminals(world: World) -> Masked:
    """Collect the terminals that have a mask and do not move."""
    rows = np.flatnonzero((world.terminals.mask >= 0) & (world.terminals.track < 0)).astype(np.int32)
    latitude = np.radians(world.terminals.latitude_deg[rows])
    longitude = np.radians(world.terminals.longitude_deg[rows])
    east, north, up = local_frame(latitude, longitude)
    masks = np.ascontiguousarray(world.masks.elevation_rad, np.float32).reshape(-1, MASK_BINS)
    mask = world.terminals.mask[rows]
    return Masked(
        terminal=rows,
        mask=mask,
        masks=masks,
        point_m=geodetic_to_itrs_m(latitude, longitude).reshape(-1, 3),
        east=np.ascontiguousarray(east).reshape(-1, 3),
        north=np.ascontiguousarray(north).reshape(-1, 3),
        up=np.ascontiguousarray(up).reshape(-1, 3),
        share=beam_shares(world.scenario.seed, rows),
        top_sine=np.sin(masks.max(axis=1, initial=0.0)[mask].astype(np.float64)),
    )


@njit_inlined
def _units(colours: int) -> int:
    count = 0
    bits = np.uint64(colours)
    while bits != np.uint64(0):
        bits &= bits - np.uint64(1)
        count += 1
    return count


@njit_inlined
def _satellite_of(c: int, share: int, board: Board) -> int:
    """Return the satellite that a terminal of cell ``c`` uses: `choose_beam` on the board."""
    total = 0
    for b in range(MAX_SATELLITES_PER_CELL):
        total += _units(board.colours[c, b])
    place = (np.int64(share) * total) >> 32
    for b in range(MAX_SATELLITES_PER_CELL):
        place -= _units(board.colours[c, b])
        if place < 0:
            return int(board.satellite[c, b])
    return -1


@njit_inlined
def _sine(masked: Masked, v: int, satellite_m: np.ndarray) -> float:
    """Return the sine of the elevation at which a masked terminal sees a position."""
    up = norm2 = 0.0
    for k in range(3):
        at = satellite_m[k] - masked.point_m[v, k]
        up += at * masked.up[v, k]
        norm2 += at * at
    return up / math.sqrt(norm2)


@njit
def online_seconds(
    masked: Masked, cell: np.ndarray, asks: np.ndarray, sky: Sky, board: Board, seconds: np.ndarray
) -> None:
    """Fill ``seconds`` (V,) uint16 with the online seconds of each masked terminal, one bit a second.

    cell (V,) int32 and asks (V,) bool are the terminals' cells and whether they ask; those that do not, or
    whose cell is not served, are left with every bit set: their masks do not matter.
    """
    for v in range(masked.terminal.shape[0]):
        seconds[v] = ALL_SECONDS
        if not asks[v] or board.first[cell[v]] < 0:
            continue
        s = _satellite_of(cell[v], masked.share[v], board)
        if min(_sine(masked, v, sky.start_m[s]), _sine(masked, v, sky.end_m[s])) > masked.top_sine[v]:
            continue  # above all obstacles at both ends, and so between them
        mask = masked.masks[masked.mask[v]]
        bits = 0
        for second in range(SLOT_S):
            w = second / SLOT_S
            e = n = u = 0.0
            for k in range(3):
                at = sky.start_m[s, k] + w * (sky.end_m[s, k] - sky.start_m[s, k]) - masked.point_m[v, k]
                e += at * masked.east[v, k]
                n += at * masked.north[v, k]
                u += at * masked.up[v, k]
            if not blocked(mask, math.atan2(e, n), math.atan2(u, math.sqrt(e * e + n * n))):
                bits |= 1 << second
        seconds[v] = bits
