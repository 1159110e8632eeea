"""Made cells and skies for the tests of geometry."""

import math

import numpy as np

from openleo.ground.frames import geodetic_to_itrs_m
from openleo.network.ground import ground_points
from openleo.network.preference import PREFERENCES
from openleo.network.visibility import Sky, View

MIN_ELEVATION_RAD = math.radians(25.0)
EXCLUSION_RAD = math.radians(18.0)
SLOT = 89_942_402
STEP_RAD = 15.0 * 2.0 * math.pi / 5_740.0  # of a satellite at 550 km in a slot


def cells_about(rng, latitude_deg, longitude_deg, *, cells, spread_deg=1.5, places=None, kinds=None):
    """Cells in blocks of three, about one place or several in turn."""
    places = places or [(latitude_deg, longitude_deg)]
    at = np.array([places[i * len(places) // cells] for i in range(cells)]).reshape(-1, 2)
    latitude = np.radians(np.clip(at[:, 0] + rng.uniform(-spread_deg, spread_deg, cells), -90.0, 90.0))
    longitude = np.radians(at[:, 1] + rng.uniform(-spread_deg, spread_deg, cells))
    return ground_points(
        latitude,
        longitude,
        geodetic_to_itrs_m(latitude, longitude),
        key=rng.integers(0, 2**32, cells).astype(np.uint32),
        block=(np.arange(cells) // 3).astype(np.uint64),
        kinds=(rng.integers(0, 8, cells) if kinds is None else np.full(cells, kinds)).astype(np.uint8),
        pop=(np.arange(cells) % 2).astype(np.int16),
    )


def sky_about(rng, latitude_deg, longitude_deg, *, satellites, spread_deg=14.0):
    """Satellites at 340 to 1,200 km within an angle of a place, moving any way; one in ten has no route."""
    lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
    centre = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    cosine = rng.uniform(math.cos(math.radians(spread_deg)), 1.0, (satellites, 1))
    direction = cosine * centre + np.sqrt(1.0 - cosine**2) * _across(rng, np.tile(centre, (satellites, 1)))
    radius = 6_371_000.0 + rng.uniform(340e3, 1_200e3, (satellites, 1))
    ahead = _across(rng, direction)
    route_s = rng.uniform(0.002, 0.03, (2, satellites)).astype(np.float32)
    route_s[rng.random(route_s.shape) < 0.1] = np.inf
    return Sky(
        start_m=radius * direction,
        end_m=radius * (math.cos(STEP_RAD) * direction + math.sin(STEP_RAD) * ahead),
        number=np.arange(satellites, dtype=np.int32),
        key=rng.integers(40_000, 70_000, satellites).astype(np.int32),
        second_generation=rng.random(satellites) < 0.5,
        route_s=route_s,
    )


def _across(rng, direction):
    """A random unit vector at a right angle to each direction (N, 3)."""
    other = rng.normal(size=direction.shape)
    other -= (other * direction).sum(axis=1, keepdims=True) * direction
    return other / np.linalg.norm(other, axis=1, keepdims=True)


def view_of(preference=PREFERENCES["observed"]):
    """Three kinds of terminal: 55 degrees about a tilt of 20, 70 about the zenith, 50 about a tilt of 30."""
    tilt, cosine = np.zeros(8), np.full(8, -1.0)
    tilt[:3] = np.radians([20.0, 0.0, 30.0])
    cosine[:3] = np.cos(np.radians([55.0, 70.0, 50.0]))
    return View(MIN_ELEVATION_RAD, tilt, cosine, np.array([True, True]), preference, 20_221_007)
