"""The ground points of a network, laid out for the kernels."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_KINDS = 8


class GroundPoints(NamedTuple):
    """C cells (or gateways) on the WGS84 ellipsoid, in blocks of neighbours.

    point_m, east, north, up (C, 3) are ITRS; latitude_rad (C,); key (C,) uint32 names a point in hashes;
    kinds (C,) uint8 is the set (bits) of terminal kinds whose field of view binds there; pop (C,) int16 the
    home PoP.  Block b holds points block_start[b] to block_start[b + 1]; centre (B, 3) unit, radius_rad (B,).
    """

    point_m: NDArray[np.float64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    up: NDArray[np.float64]
    latitude_rad: NDArray[np.float64]
    key: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    pop: NDArray[np.int16]
    block_start: NDArray[np.int32]
    block_centre: NDArray[np.float64]
    block_radius_rad: NDArray[np.float64]


def ground_points(
    latitude_rad: NDArray[np.float64],
    longitude_rad: NDArray[np.float64],
    point_m: NDArray[np.float64],
    *,
    key: NDArray[np.uint32],
    block: NDArray[np.uint64],
    kinds: NDArray[np.uint8] | None = None,
    pop: NDArray[np.int16] | None = None,
) -> GroundPoints:
    """Lay out C ground points; ``block`` (C,) names each point's block and must be in runs.

    latitude_rad and longitude_rad (C,) are geodetic, point_m (C, 3) ITRS.  The local frame is the geodetic
    one: up is normal to the ellipsoid.
    """
    count = len(latitude_rad)
    sin_lat, cos_lat = np.sin(latitude_rad), np.cos(latitude_rad)
    sin_lon, cos_lon = np.sin(longitude_rad), np.cos(longitude_rad)
    up = np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=1)
    east = np.stack([-sin_lon, cos_lon, np.zeros(count)], axis=1)
    north = np.cross(up, east)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1, [count]]).astype(np.int32)
    if count == 0:
        starts = np.zeros(1, np.int32)
    direction = point_m / np.linalg.norm(point_m, axis=1, keepdims=True) if count else point_m
    centres = np.zeros((len(starts) - 1, 3))
    radii = np.zeros(len(starts) - 1)
    for b in range(len(starts) - 1):
        inside = direction[starts[b] : starts[b + 1]]
        centre = inside.sum(axis=0)
        centres[b] = centre / np.linalg.norm(centre)
        radii[b] = math.acos(min(1.0, float((inside @ centres[b]).min())))
    return GroundPoints(
        point_m=np.ascontiguousarray(point_m, np.float64),
        east=np.ascontiguousarray(east),
        north=np.ascontiguousarray(north),
        up=np.ascontiguousarray(up),
        latitude_rad=np.ascontiguousarray(latitude_rad, np.float64),
        key=np.ascontiguousarray(key, np.uint32),
        kinds=np.zeros(count, np.uint8) if kinds is None else np.ascontiguousarray(kinds, np.uint8),
        pop=np.zeros(count, np.int16) if pop is None else np.ascontiguousarray(pop, np.int16),
        block_start=starts,
        block_centre=centres,
        block_radius_rad=radii,
    )
