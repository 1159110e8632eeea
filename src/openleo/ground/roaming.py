"""Patrols: tracks that stay within an area of cells, for terminals whose real ways nobody publishes."""

import math

import h3.api.basic_int as h3_int
import numpy as np
from numpy.typing import NDArray

from openleo.base.hashing import hash_u32
from openleo.ground.kinds import TerminalKind
from openleo.ground.tracks import Track, track_from_waypoints, unit_vectors

# Usual speeds on patrol, assumed: a vehicle on roads, a small uncrewed aircraft on its way.
VEHICLE_M_S = 14.0
DRONE_M_S = 25.0
_START, _STEP, _POINT, _CORNER, _FAR = 31, 32, 33, 34, 35  # streams of random numbers
# Part of a cell's inner radius within which a patrol's waypoint lies.  Below 0.5 the way between two
# neighbouring cells crosses the edge they share, so it never leaves the area.
_JITTER = 0.35


def roam_speed_m_s(kind: TerminalKind) -> float:
    """Return the usual speed of a roaming terminal of this kind, never above what the kind is served at."""
    usual = DRONE_M_S if kind.name == "drone" else VEHICLE_M_S
    return min(usual, kind.max_speed_m_s) if kind.in_motion else usual


def roam_tracks(
    cells: NDArray[np.uint64],
    count: int,
    *,
    seed: int,
    speed_m_s: float,
    start: np.datetime64,
    steps: int = 12,
    name: str = "patrol",
) -> tuple[Track, ...]:
    """Return ``count`` patrols inside the area of ``cells``, each from cell to neighbouring cell and back.

    A patrol takes ``steps`` steps from a cell that a hash picks, turns round only in a dead end, and returns
    the way it came, for ever.  It depends on seed, its number and the set of cells.  Raises ValueError
    without cells.
    """
    area = np.unique(np.asarray(cells, dtype=np.uint64))
    if not len(area) or steps < 1:
        raise ValueError("a patrol needs at least one cell and one step")
    inside = set(area.tolist())
    neighbours: dict[int, list[int]] = {}
    tracks = []
    for number in range(count):
        here = int(area[_draw(seed, number, _START) % len(area)])
        before = here
        waypoints = [_point_in(here, hash_u32(seed, number, _POINT), 0)]
        for step in range(1, steps + 1):
            if here not in neighbours:
                near = set(h3_int.grid_disk(here, 1)) & inside - {here}
                neighbours[here] = sorted(near)
            onward = [cell for cell in neighbours[here] if cell != before] or neighbours[here] or [here]
            draw = _draw(hash_u32(seed, number, _STEP), step, _STEP)
            before, here = here, onward[draw % len(onward)]
            waypoints.append(_point_in(here, hash_u32(seed, number, _POINT), step))
        tracks.append(
            track_from_waypoints(
                waypoints,
                speed_m_s=speed_m_s,
                start=start,
                repeat="back-and-forth",
                name=f"{name} {number + 1}",
            )
        )
    return tuple(tracks)


def _draw(seed: int, entity: int, stream: int) -> int:
    return int(hash_u32(seed, entity, stream))


def _point_in(cell: int, key: int, step: int) -> tuple[float, float]:
    """Return a point near the centre of a cell: from there part of the way to a hashed corner."""
    outline = h3_int.cell_to_boundary(cell)
    corner = outline[_draw(key, step, _CORNER) % len(outline)]
    far = _JITTER * _draw(key, step, _FAR) / 2.0**32
    ends = np.array([h3_int.cell_to_latlng(cell), corner])
    centre, edge = unit_vectors(ends[:, 0], ends[:, 1])
    x, y, z = (1.0 - far) * centre + far * edge
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
