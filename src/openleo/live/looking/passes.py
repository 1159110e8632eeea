"""When a satellite rises, culminates and sets at a place."""

import math
from typing import Any

import numpy as np

from openleo.base.clock import format_utc
from openleo.ground.frames import geodetic_to_itrs_m
from openleo.orbits.propagation import Propagator

STEP_S = 20


def passes_of(
    propagator: Propagator, row: int, start: np.datetime64, *, latitude_deg: float, longitude_deg: float,
    hours: float, min_elevation_deg: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the passes of a satellite above an elevation, to some seconds, from ``start`` on.

    A pass that is going on at the start or end has no ``rise`` or ``set``.
    """
    steps = int(hours * 3600 / STEP_S) + 1
    times = start + np.arange(steps) * np.timedelta64(STEP_S, "s")
    at_m = propagator.take([row]).itrs_m(times)[:, 0]
    here = geodetic_to_itrs_m(np.array(math.radians(latitude_deg)), np.array(math.radians(longitude_deg)))
    up, east, north = _axes(latitude_deg, longitude_deg)
    to = at_m - here
    distance = np.linalg.norm(to, axis=1)
    with np.errstate(invalid="ignore"):
        elevation = np.degrees(np.arcsin(to @ up / distance))
    azimuth = np.degrees(np.arctan2(to @ east, to @ north)) % 360.0
    above = elevation >= min_elevation_deg
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    found = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        top = first + int(np.argmax(elevation[first:end]))
        found.append(
            {
                "rise": None if first == 0 else _crossing(times, elevation, first, min_elevation_deg),
                "highest": format_utc(times[top]),
                "set": None if end == steps else _crossing(times, elevation, end, min_elevation_deg),
                "max_elevation_deg": round(float(elevation[top]), 1),
                "azimuth_deg": [round(float(azimuth[k]), 1) for k in (first, top, end - 1)],
            }
        )
    return found


def _crossing(times: np.ndarray, elevation: np.ndarray, at: int, least: float) -> str:
    """Return when the elevation passes ``least`` between two steps, to the second."""
    before, after = float(elevation[at - 1]), float(elevation[at])
    share = (least - before) / (after - before) if after != before else 0.0
    instant = times[at - 1] + np.timedelta64(int(share * STEP_S * 1000), "ms")
    return format_utc(instant.astype("datetime64[s]"))


def _axes(latitude_deg: float, longitude_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p, l = math.radians(latitude_deg), math.radians(longitude_deg)  # noqa: E741
    up = np.array([math.cos(p) * math.cos(l), math.cos(p) * math.sin(l), math.sin(p)])
    east = np.array([-math.sin(l), math.cos(l), 0.0])
    north = np.array([-math.sin(p) * math.cos(l), -math.sin(p) * math.sin(l), math.cos(p)])
    return up, east, north
