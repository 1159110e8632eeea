"""Which cells are near each other, and a fixed (channel, dwell) colour for each cell's first unit.

Two cells nearer than two of the widest footprints may collide on a colour; a greedy colouring gives such
cells different colours once for the whole run, so that first units need no test at all.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.base.constants import WGS84_A_M, WGS84_F
from openleo.network.ground import GroundPoints

_UNROUND_M = 10e3  # by how much orbits rise over their semi-major axis: eccentricity, and the Earth's shape


class Neighbours(NamedTuple):
    """Per cell the cells that its beams may collide with.

    start (C + 1,) int32 into cell (E,) int32, nearest first, metres (E,) float32 between the centres, all
    below reach_m; colour (C,) int8 counts over dwells first and then channels, so that few colours still fill
    all dwells; -1 where they ran out.
    """

    start: NDArray[np.int32]
    cell: NDArray[np.int32]
    metres: NDArray[np.float32]
    colour: NDArray[np.int8]
    reach_m: float


def widest_footprint_m(highest_altitude_m: float, min_elevation_rad: float, half_width_rad: float) -> float:
    """Return a bound on footprints' semi-major axes: at the minimum elevation, from the highest shell.

    ``highest_altitude_m`` is a semi-major axis less the equatorial radius.  The bound holds at every
    latitude: the ground lies lower toward the poles, and the geodetic zenith is not the geocentric one.
    """
    orbit_m = WGS84_A_M + highest_altitude_m + _UNROUND_M
    widest_m = 0.0
    for degree in range(91):
        latitude = math.radians(degree)
        ground_m = WGS84_A_M * (1.0 - WGS84_F * math.sin(latitude) ** 2)
        sine = math.sin(min_elevation_rad)
        seen_rad = min_elevation_rad - WGS84_F * abs(math.sin(2.0 * latitude))  # from the geocentric horizon
        range_m = math.sqrt(orbit_m**2 - (ground_m * math.cos(seen_rad)) ** 2) - ground_m * math.sin(seen_rad)
        widest_m = max(widest_m, range_m * math.tan(half_width_rad) / sine)
    return widest_m


@njit
def _pairs(
    ground: GroundPoints, reach_m: float, start: np.ndarray, cell: np.ndarray, metres: np.ndarray
) -> int:
    """Fill the neighbour lists if there is room; return how many entries they take."""
    blocks = ground.block_centre.shape[0]
    found = 0
    reach2 = reach_m * reach_m
    reach_rad = reach_m / 6.3e6
    near = np.empty(blocks, np.int64)
    for b in range(blocks):
        count = 0
        for other in range(blocks):
            cosine = 0.0
            for k in range(3):
                cosine += ground.block_centre[b, k] * ground.block_centre[other, k]
            limit = ground.block_radius_rad[b] + ground.block_radius_rad[other] + reach_rad
            if cosine >= math.cos(min(limit, math.pi)):
                near[count] = other
                count += 1
        for c in range(ground.block_start[b], ground.block_start[b + 1]):
            start[c] = found
            x, y, z = ground.point_m[c]
            for i in range(count):
                for n in range(ground.block_start[near[i]], ground.block_start[near[i] + 1]):
                    dx, dy, dz = ground.point_m[n, 0] - x, ground.point_m[n, 1] - y, ground.point_m[n, 2] - z
                    d2 = dx * dx + dy * dy + dz * dz
                    if d2 < reach2 and n != c:
                        if found < cell.shape[0]:
                            cell[found] = n
                            metres[found] = math.sqrt(d2)
                        found += 1
    start[ground.point_m.shape[0]] = found
    return found


@njit
def _nearest_first(start: np.ndarray, cell: np.ndarray, metres: np.ndarray) -> None:
    for c in range(start.shape[0] - 1):
        begin, end = start[c], start[c + 1]
        order = np.argsort(metres[begin:end], kind="mergesort")
        cell[begin:end] = cell[begin:end][order]
        metres[begin:end] = metres[begin:end][order]


@njit
def _colour(start: np.ndarray, cell: np.ndarray, order: np.ndarray, colours: int, colour: np.ndarray) -> None:
    taken = np.zeros(colours, np.int64)
    colour[:] = -1
    for i in range(order.shape[0]):
        c = order[i]
        for e in range(start[c], start[c + 1]):
            if colour[cell[e]] >= 0:
                taken[colour[cell[e]]] = i + 1
        for k in range(colours):
            if taken[k] != i + 1:
                colour[c] = k
                break


def neighbours(ground: GroundPoints, reach_m: float, colours: int) -> Neighbours:
    """Find the cells within ``reach_m`` of each other and colour them with at most ``colours`` colours.

    The densest cells choose first: where colours run out it is where few neighbours compete.
    """
    count = len(ground.latitude_rad)
    start = np.zeros(count + 1, np.int32)
    entries = _pairs(ground, reach_m, start, np.empty(0, np.int32), np.empty(0, np.float32))
    cell, metres = np.empty(entries, np.int32), np.empty(entries, np.float32)
    _pairs(ground, reach_m, start, cell, metres)
    _nearest_first(start, cell, metres)
    order = np.argsort(-np.diff(start), kind="stable")
    colour = np.empty(count, np.int8)
    _colour(start, cell, order, colours, colour)
    return Neighbours(start, cell, metres, colour, reach_m)
