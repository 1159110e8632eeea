"""Obstruction maps: what a dish has seen of its sky, and what stands in the way.

A map is 123 by 123 cells seen from below the zenith: row 0 is north, column 122 east (`FRAME_EARTH`), and a
cell's distance from the middle is its angle from the zenith, 80 degrees at the rim.  A cell is -1 until a
satellite crosses it; then it is 0 where the horizon mask hides it and 1 where the sky is clear, with a ramp
over the beam's width between them (assumed: 1.5 degrees to either side).  So a map is kept as which cells
were seen, one bit each, and made when somebody asks.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openleo.ground.masks import MASK_BINS

SIZE: Final = 123
MAX_THETA_DEG: Final = 80.0
MIN_ELEVATION_DEG: Final = 10.0
_MIDDLE: Final = SIZE // 2
_CELLS: Final = SIZE * SIZE
_BYTES: Final = (_CELLS + 7) // 8
_RAMP_RAD: Final = np.radians(1.5)


def cell_of(azimuth_rad: NDArray[np.float64], elevation_rad: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the cell (N,) of directions (N,), -1 outside the map and for NaN."""
    radius = (np.pi / 2 - elevation_rad) / np.radians(MAX_THETA_DEG) * _MIDDLE
    inside = radius <= _MIDDLE + 0.5  # False for NaN
    radius = np.where(inside, radius, 0.0)
    turn = np.where(inside, azimuth_rad, 0.0)
    row = np.rint(_MIDDLE - radius * np.cos(turn)).astype(np.intp)
    column = np.rint(_MIDDLE + radius * np.sin(turn)).astype(np.intp)
    return np.where(inside, row * SIZE + column, -1)


def _directions() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return azimuth and elevation (15129,) of the middle of each cell."""
    north = _MIDDLE - np.arange(SIZE)[:, None]
    east = np.arange(SIZE)[None, :] - _MIDDLE
    theta = np.hypot(north, east) / _MIDDLE * np.radians(MAX_THETA_DEG)
    azimuth = np.arctan2(np.broadcast_to(east, theta.shape), np.broadcast_to(north, theta.shape))
    return (azimuth % (2 * np.pi)).ravel(), (np.pi / 2 - theta).ravel()


_AZIMUTH, _ELEVATION = _directions()


def clearness(
    horizon_rad: NDArray[np.float32], azimuth_rad: NDArray[np.float64], elevation_rad: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return how clear directions (N,) are, 0 to 1, over a horizon (N, 72), or (72,) for all of them."""
    place = azimuth_rad / (2 * np.pi) * MASK_BINS
    low = np.floor(place).astype(np.intp) % MASK_BINS
    share = place - np.floor(place)
    high = (low + 1) % MASK_BINS
    if horizon_rad.ndim == 1:
        height = horizon_rad[low] * (1 - share) + horizon_rad[high] * share
    else:
        rows = np.arange(len(low))
        height = horizon_rad[rows, low] * (1 - share) + horizon_rad[rows, high] * share
    ramp = (elevation_rad - height + _RAMP_RAD) / (2 * _RAMP_RAD)
    clear: NDArray[np.float32] = np.clip(ramp, 0.0, 1.0).astype(np.float32)
    return np.where(height <= 0.0, np.float32(1.0), clear)


class SkyMaps:
    """The maps of U dishes, whose surroundings are ``horizon_rad`` (U, 72)."""

    def __init__(self, horizon_rad: NDArray[np.float32]) -> None:
        count = len(horizon_rad)
        self.horizon_rad = horizon_rad
        self.seen = np.zeros((count, _BYTES), np.uint8)
        self.cells_seen = np.zeros(count, np.int32)
        self.cells_obstructed = np.zeros(count, np.int32)

    def cross(
        self,
        rows: NDArray[np.intp],
        azimuth_rad: NDArray[np.float32],
        elevation_rad: NDArray[np.float32],
    ) -> None:
        """Mark where a satellite stands for each of these rows (N,), none twice; NaN is none."""
        azimuth, elevation = azimuth_rad.astype(np.float64), elevation_rad.astype(np.float64)
        cell = cell_of(azimuth, elevation)
        hit = cell >= 0
        rows, cell = rows[hit], cell[hit]
        byte, bit = cell >> 3, (1 << (cell & 7)).astype(np.uint8)
        before = self.seen[rows, byte]
        fresh = (before & bit) == 0
        rows, cell, byte, bit = rows[fresh], cell[fresh], byte[fresh], bit[fresh]
        if not len(rows):
            return
        self.seen[rows, byte] |= bit
        self.cells_seen[rows] += 1
        clear = clearness(self.horizon_rad[rows], _AZIMUTH[cell], _ELEVATION[cell])
        self.cells_obstructed[rows] += clear < 0.5

    def clear(self, row: int) -> None:
        """Forget what one dish has seen."""
        self.seen[row] = 0
        self.cells_seen[row] = self.cells_obstructed[row] = 0

    def recount(self) -> None:
        """Count anew from the bits, after they were loaded."""
        for row in np.flatnonzero(self.seen.any(axis=1)).tolist():
            values = self.values(row)
            self.cells_seen[row] = int((values >= 0).sum())
            self.cells_obstructed[row] = int(((values >= 0) & (values < 0.5)).sum())

    def values(self, row: int) -> NDArray[np.float32]:
        """Return one dish's map (15129,), row by row from the north: -1, or 0 to 1."""
        known = np.unpackbits(self.seen[row], bitorder="little")[:_CELLS].astype(np.bool_)
        out = np.full(_CELLS, -1.0, np.float32)
        out[known] = clearness(self.horizon_rad[row], _AZIMUTH[known], _ELEVATION[known])
        return out
