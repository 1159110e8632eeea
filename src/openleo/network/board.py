"""The arrays one slot's schedule is worked out on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_SATELLITES_PER_CELL = 4
MAX_COLOURS = 64  # (channel, dwell) pairs: one bit each


class Limits(NamedTuple):
    """What the network has: beams per satellite, dwells per slot, channels, whether Nco = 1 holds, the beam's
    half width (tangent), whether gateway antennas bind, and how many units a cell may hold."""

    beams: int
    dwells: int
    channels: int
    nco: bool
    tan_half_width: float
    antennas_bind: bool
    max_units: int


class Demand(NamedTuple):
    """What the cells want in a slot, C cells, M candidates each, N satellites.

    terminals (C,) int32 enabled and powered (0: not scheduled); wanted_units (C,) int16 units that would
    satisfy them; candidates (C, M) int16 best first, -1 where fewer; utility (C, M) float32; present (C,)
    int16 the satellite (index into the sky) that served the cell, -1 none; order (C,) int32 the turn of
    cells; gateways (N, 8) int16 usable by each satellite, best first; needs_antenna (N,) bool; antennas (G,)
    int16; present_gateway (N,) int16 the gateway that followed each satellite, -1 none.
    """

    terminals: NDArray[np.int32]
    wanted_units: NDArray[np.int16]
    candidates: NDArray[np.int16]
    utility: NDArray[np.float32]
    present: NDArray[np.int16]
    order: NDArray[np.int32]
    gateways: NDArray[np.int16]
    needs_antenna: NDArray[np.bool_]
    antennas: NDArray[np.int16]
    present_gateway: NDArray[np.int16]


class Board(NamedTuple):
    """The schedule as it grows.

    first (C,) int32 each cell's satellite, -1 unserved; load (N,) int32 units given by each satellite;
    dwell_load (N, K) int16 beams lit in each dwell; free (N,) uint64 colours of the dwells in which a beam is
    to spare; gateway (N,) int16 the gateway whose antenna follows it; free_antennas (G,) int16; satellite
    (C, 4) int16 and colours (C, 4) uint64 the cell's beams by satellite, one bit a (dwell, channel), the
    first unit's satellite first; footprint (C, 4, 4) float32; used (C,) uint64 union of colours; widest_m
    (C,) float32.  turned (4,) float32 is scratch.
    """

    first: NDArray[np.int32]
    load: NDArray[np.int32]
    dwell_load: NDArray[np.int16]
    free: NDArray[np.uint64]
    gateway: NDArray[np.int16]
    free_antennas: NDArray[np.int16]
    satellite: NDArray[np.int16]
    colours: NDArray[np.uint64]
    footprint: NDArray[np.float32]
    used: NDArray[np.uint64]
    widest_m: NDArray[np.float32]
    turned: NDArray[np.float32]


def new_board(cells: int, satellites: int, limits: Limits, antennas: NDArray[np.int16]) -> Board:
    """Return an empty board for C cells, N satellites and G gateways' ``antennas`` (G,).

    Raises ValueError when dwells times channels exceed 64.
    """
    if limits.dwells * limits.channels > MAX_COLOURS:
        raise ValueError(f"dwells x channels is {limits.dwells * limits.channels}; at most {MAX_COLOURS}")
    every_colour = (1 << (limits.dwells * limits.channels)) - 1
    return Board(
        first=np.full(cells, -1, np.int32),
        load=np.zeros(satellites, np.int32),
        dwell_load=np.zeros((satellites, limits.dwells), np.int16),
        free=np.full(satellites, every_colour, np.uint64),
        gateway=np.full(satellites, -1, np.int16),
        free_antennas=antennas.copy(),
        satellite=np.full((cells, MAX_SATELLITES_PER_CELL), -1, np.int16),
        colours=np.zeros((cells, MAX_SATELLITES_PER_CELL), np.uint64),
        footprint=np.zeros((cells, MAX_SATELLITES_PER_CELL, 4), np.float32),
        used=np.zeros(cells, np.uint64),
        widest_m=np.zeros(cells, np.float32),
        turned=np.zeros(4, np.float32),
    )


def copy_board(board: Board) -> Board:
    """Return a board that can be changed without changing this one."""
    return Board(*(array.copy() for array in board))  # type: ignore[arg-type]
