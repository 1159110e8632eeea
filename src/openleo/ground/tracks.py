"""Where moving terminals are: tracks along great circles, shared by many terminals at different points.

A `Track` is a path with times; a `TrackTable` holds a scenario's paths and one row for each moving terminal.
Latitudes are taken as angles on the sphere of the mean radius: speeds are within 0.6 % of those on WGS84.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.base.errors import BadInput
from openleo.base.hashing import uniform

Float = NDArray[np.float64]
Repeat = Literal["loop", "back-and-forth", "once"]

FASTEST_M_S = 1_000.0  # three times the fastest airliner: a track that needs more has wrong times or columns
_SAME_POINT_RAD = 1e-9  # 6 mm
_ANTIPODAL_RAD = math.pi - 1e-6
_DELAY, _FAR, _BEARING = 21, 22, 23  # streams of random numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A path with times: two or more points (N,), ``elapsed_s`` (N,) from 0 at ``start`` (UTC) upward.

    Before ``start`` it stands at its first point.  After the last point it stands there or, where it
    ``loops``, begins again (its first and last points are then the same place).
    """

    name: str
    start: np.datetime64
    elapsed_s: Float
    latitude_deg: Float
    longitude_deg: Float
    loops: bool

    def __post_init__(self) -> None:
        if len(self.elapsed_s) < 2 or self.elapsed_s[0] != 0.0 or not (np.diff(self.elapsed_s) > 0.0).all():
            raise ValueError("a track has at least two points and its times increase from 0")

    def __len__(self) -> int:
        return len(self.elapsed_s)

    @property
    def duration_s(self) -> float:
        """Return the time from the first to the last point; of a loop, its period."""
        return float(self.elapsed_s[-1])

    def at(self, times: NDArray[np.datetime64] | np.datetime64) -> tuple[Float, Float, Float]:
        """Return (latitude_deg, longitude_deg, speed_m_s) at instants (T,), or at one as arrays ()."""
        found = track_table([self]).at(times)
        return found[0][..., 0], found[1][..., 0], found[2][..., 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTable:
    """Paths, one after the other, and riders (M,) on them.

    Path p has the points ``first[p]`` to ``first[p + 1]`` of ``elapsed_s`` (N,) and ``point`` (N, 3), unit
    vectors.  Rider m follows ``path[m]``, ``delay_s[m]`` behind its start and displaced by ``east_m[m]`` and
    ``north_m[m]``.  `Terminals.track` is the row of a rider.
    """

    name: tuple[str, ...]
    start: NDArray[np.datetime64]
    loops: NDArray[np.bool_]
    first: NDArray[np.int64]
    elapsed_s: Float
    point: Float
    path: NDArray[np.int32]
    delay_s: Float
    east_m: Float
    north_m: Float

    def __len__(self) -> int:
        return len(self.path)

    def at(self, times: NDArray[np.datetime64] | np.datetime64) -> tuple[Float, Float, Float]:
        """Return (latitude_deg, longitude_deg, speed_m_s) of every rider, (T, M); at one instant, (M,).

        A rider that waits at either end has speed 0.  Longitudes are in [-180, 180).
        """
        instants = np.asarray(times, dtype="datetime64[ns]")
        since_s = np.subtract.outer(np.atleast_1d(instants), self.start).astype(np.int64) * 1e-9
        out = np.empty((3, since_s.shape[0], len(self.path)))
        _positions(
            since_s, self.loops, self.first, self.elapsed_s, self.point,
            self.path, self.delay_s, self.east_m, self.north_m, out,
        )  # fmt: skip
        return (out[0, 0], out[1, 0], out[2, 0]) if instants.ndim == 0 else (out[0], out[1], out[2])


def track_from_waypoints(
    waypoints: Sequence[tuple[float, float]],
    *,
    speed_m_s: float,
    start: np.datetime64,
    repeat: Repeat = "loop",
    name: str = "track",
) -> Track:
    """Return the track through ``waypoints`` (latitude, longitude in degrees) at a constant speed.

    "loop" goes on from the last to the first waypoint, "back-and-forth" returns the way it came, "once" stays
    at the last.  Raises BadInput for a waypoint off the Earth, fewer than two different ones, two opposite
    each other on the globe, or a speed that is not between 0 and 1,000 m/s.
    """
    if not 0.0 < speed_m_s <= FASTEST_M_S:
        hint = f"give a speed above 0 and up to {FASTEST_M_S * 3.6:g} km/h"
        raise BadInput(f"{name}: a speed of {speed_m_s * 3.6:g} km/h cannot be followed", hint)
    for number, (latitude, longitude) in enumerate(waypoints, start=1):
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
            raise BadInput(
                f"{name}: waypoint {number} is {latitude:g}, {longitude:g}, which is not on Earth",
                "write [latitude, longitude] in degrees",
            )
    points = list(waypoints)
    if repeat == "loop":
        points += points[:1]
    elif repeat == "back-and-forth":
        points += points[-2::-1]
    degrees = np.array(points, dtype=np.float64).reshape(-1, 2)
    angle = _angles(unit_vectors(degrees[:, 0], degrees[:, 1]))
    keep = np.concatenate([[True], angle > _SAME_POINT_RAD])[: len(degrees)]
    if keep.sum() < 2:
        raise BadInput(f"{name} has fewer than two different waypoints", "give at least two places")
    if (angle > _ANTIPODAL_RAD).any():
        leg = int(np.argmax(angle > _ANTIPODAL_RAD))
        hint = "put a waypoint between them: every direction is the shortest way"
        raise BadInput(
            f"{name}: waypoints {leg + 1} and {leg + 2} are opposite each other on the globe", hint
        )
    elapsed_s = np.cumsum(np.concatenate([[0.0], angle[keep[1:]]])) * (EARTH_MEAN_RADIUS_M / speed_m_s)
    return Track(
        name=name,
        start=start.astype("datetime64[ns]"),
        elapsed_s=elapsed_s,
        latitude_deg=degrees[keep, 0],
        longitude_deg=degrees[keep, 1],
        loops=repeat != "once",
    )


def track_table(tracks: Sequence[Track]) -> TrackTable:
    """Return a table with one rider on each track, without delay or displacement."""
    none = np.zeros(len(tracks))
    return _table(
        tracks, path=np.arange(len(tracks), dtype=np.int32), delay_s=none, east_m=none, north_m=none
    )


def share_tracks(
    tracks: Sequence[Track], count: int, *, seed: int, spread_m: float = 0.0, stagger_s: float = 0.0
) -> TrackTable:
    """Return a table with ``count`` riders over ``tracks`` in turn, each at its own point of its track.

    On a loop the delay is anywhere in its period; on a track made once it is up to ``stagger_s``.  Riders are
    displaced evenly within ``spread_m`` of the path, each by a fixed vector, so that none jumps at a corner.
    Deterministic from ``seed`` and the rider's number.
    """
    if not tracks:
        raise ValueError("riders need at least one track")
    riders = np.arange(count)
    path = (riders % len(tracks)).astype(np.int32)
    span_s = np.array([track.duration_s if track.loops else stagger_s for track in tracks])[path]
    far_m = spread_m * np.sqrt(uniform(seed, riders, _FAR))
    bearing = 2.0 * math.pi * uniform(seed, riders, _BEARING)
    return _table(
        tracks,
        path=path,
        delay_s=uniform(seed, riders, _DELAY) * span_s,
        east_m=far_m * np.sin(bearing),
        north_m=far_m * np.cos(bearing),
    )


def join_track_tables(tables: Sequence[TrackTable]) -> TrackTable:
    """Return the riders of several tables one after the other (a row of table 2 grows by len(table 1))."""
    if not tables:
        return track_table([])
    paths = np.cumsum([0, *(len(table.name) for table in tables)])
    points = np.cumsum([0, *(len(table.elapsed_s) for table in tables)])
    firsts = [table.first[:-1] + offset for table, offset in zip(tables, points[:-1], strict=True)]
    followed = [table.path + offset for table, offset in zip(tables, paths[:-1], strict=True)]
    return TrackTable(
        name=tuple(name for table in tables for name in table.name),
        start=np.concatenate([table.start for table in tables]),
        loops=np.concatenate([table.loops for table in tables]),
        first=np.concatenate([*firsts, points[-1:]]),
        elapsed_s=np.concatenate([table.elapsed_s for table in tables]),
        point=np.concatenate([table.point for table in tables]),
        path=np.concatenate(followed).astype(np.int32),
        delay_s=np.concatenate([table.delay_s for table in tables]),
        east_m=np.concatenate([table.east_m for table in tables]),
        north_m=np.concatenate([table.north_m for table in tables]),
    )


def unit_vectors(latitude_deg: Float, longitude_deg: Float) -> Float:
    """Return points on the unit sphere, (..., 3)."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    ring = np.cos(latitude)
    return np.stack([ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)], axis=-1)


def leg_speeds_m_s(elapsed_s: Float, latitude_deg: Float, longitude_deg: Float) -> Float:
    """Return the speed on each leg (N - 1,) of points (N,)."""
    angle = _angles(unit_vectors(latitude_deg, longitude_deg))
    return np.asarray(angle * EARTH_MEAN_RADIUS_M / np.diff(elapsed_s))


def _angles(point: Float) -> Float:
    """Return the angle from each unit vector (N, 3) to the next, (N - 1,), well conditioned at both ends."""
    sine = np.linalg.norm(np.cross(point[:-1], point[1:]), axis=-1)
    return np.asarray(np.arctan2(sine, np.sum(point[:-1] * point[1:], axis=-1)))


def _table(
    tracks: Sequence[Track], *, path: NDArray[np.int32], delay_s: Float, east_m: Float, north_m: Float
) -> TrackTable:
    empty = np.zeros(0)
    latitude = np.concatenate([empty, *(track.latitude_deg for track in tracks)])
    longitude = np.concatenate([empty, *(track.longitude_deg for track in tracks)])
    return TrackTable(
        name=tuple(track.name for track in tracks),
        start=np.array([track.start for track in tracks], dtype="datetime64[ns]"),
        loops=np.array([track.loops for track in tracks], dtype=np.bool_),
        first=np.cumsum([0, *(len(track) for track in tracks)], dtype=np.int64),
        elapsed_s=np.concatenate([empty, *(track.elapsed_s for track in tracks)]),
        point=unit_vectors(latitude, longitude),
        path=path,
        delay_s=delay_s,
        east_m=east_m,
        north_m=north_m,
    )


@njit
def _positions(
    since_s: Float,
    loops: NDArray[np.bool_],
    first: NDArray[np.int64],
    elapsed_s: Float,
    point: Float,
    path: NDArray[np.int32],
    delay_s: Float,
    east_m: Float,
    north_m: Float,
    out: Float,
) -> None:
    """Fill ``out`` (3, T, M) with latitude and longitude in degrees and speed in m/s.

    ``since_s`` (T, P) is the time since each path's start.
    """
    for t in range(since_s.shape[0]):
        for m in range(path.shape[0]):
            p = path[m]
            low, last = first[p], first[p + 1] - 1
            period = elapsed_s[last]
            # Nobody moves before the start; then riders of a loop are spread along it at once.
            now = since_s[t, p]
            moving = now >= 0.0
            now = max(now, 0.0) - delay_s[m]
            if loops[p]:
                now -= math.floor(now / period) * period
            elif now < 0.0 or now >= period:
                moving = False
                now = min(max(now, 0.0), period)
            high = last
            while high - low > 1:
                middle = (low + high) // 2
                if elapsed_s[middle] <= now:
                    low = middle
                else:
                    high = middle
            leg_s = elapsed_s[high] - elapsed_s[low]
            share = min((now - elapsed_s[low]) / leg_s, 1.0)
            ax, ay, az = point[low, 0], point[low, 1], point[low, 2]
            bx, by, bz = point[high, 0], point[high, 1], point[high, 2]
            cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            angle = math.atan2(math.sqrt(cx * cx + cy * cy + cz * cz), ax * bx + ay * by + az * bz)
            # Spherical interpolation (Shoemake, 1985); on a leg of millimetres the chord is the arc.
            if angle > 1e-9:
                wa, wb = math.sin((1.0 - share) * angle), math.sin(share * angle)
            else:
                wa, wb = 1.0 - share, share
            x, y, z = wa * ax + wb * bx, wa * ay + wb * by, wa * az + wb * bz
            ring = math.sqrt(x * x + y * y)
            latitude = math.atan2(z, ring) + north_m[m] / EARTH_MEAN_RADIUS_M
            longitude = math.atan2(y, x) + east_m[m] / (EARTH_MEAN_RADIUS_M * max(math.cos(latitude), 1e-6))
            latitude_deg = min(max(math.degrees(latitude), -90.0), 90.0)
            turns = math.floor((math.degrees(longitude) + 180.0) / 360.0)
            out[0, t, m] = latitude_deg
            out[1, t, m] = math.degrees(longitude) - turns * 360.0
            out[2, t, m] = angle * EARTH_MEAN_RADIUS_M / leg_s if moving else 0.0


def position_reference(
    track: Track, instant: np.datetime64, *, delay_s: float = 0.0
) -> tuple[float, float, float]:
    """Return (latitude_deg, longitude_deg, speed_m_s) of one rider not displaced, the slow way."""
    now = float((instant.astype("datetime64[ns]") - track.start) / np.timedelta64(1, "ns")) * 1e-9
    started = now >= 0.0
    now = max(now, 0.0) - delay_s
    if track.loops:
        now %= track.duration_s
    waits = not started or (not track.loops and not 0.0 <= now < track.duration_s)
    now = min(max(now, 0.0), track.duration_s)
    leg = min(int(np.searchsorted(track.elapsed_s, now, side="right")) - 1, len(track) - 2)
    a, b = unit_vectors(track.latitude_deg[leg : leg + 2], track.longitude_deg[leg : leg + 2])
    angle = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
    leg_s = float(track.elapsed_s[leg + 1] - track.elapsed_s[leg])
    turned = (now - float(track.elapsed_s[leg])) / leg_s * angle
    across = b - (a @ b) * a  # at right angles to a, toward b
    length = float(np.linalg.norm(across))
    p = math.cos(turned) * a + (math.sin(turned) * across / length if length > 0.0 else 0.0)
    latitude = math.degrees(math.atan2(p[2], math.hypot(p[0], p[1])))
    return (
        latitude,
        math.degrees(math.atan2(p[1], p[0])),
        0.0 if waits else angle * EARTH_MEAN_RADIUS_M / leg_s,
    )
