"""Milliseconds to find every cell's candidates in a slot, on one thread, in two shipped scenarios.

Beside it, the plain way: numba testing the elevation of every satellite from every cell at both ends of the
slot and nothing else.  It must find as many satellites as the kernel counts.
"""

import json
import math
import time
from collections.abc import Callable

import numpy as np

from openleo.base.compile import njit
from openleo.engine import prepare
from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.network.visibility import ABOVE_ELEVATION, find_candidates
from openleo.scenario.load import load_scenario
from openleo.scenario.world import compile_world

GOALS_MS = {"ukraine-2022": 4.0, "planet": 150.0}


@njit
def every_pair(
    point_m: np.ndarray,
    up: np.ndarray,
    start_m: np.ndarray,
    end_m: np.ndarray,
    sin_min: float,
    count: np.ndarray,
) -> None:
    """Count for each cell (C, 3) the satellites (3, N) above the minimum elevation at both ends."""
    for c in range(point_m.shape[0]):
        px, py, pz = point_m[c, 0], point_m[c, 1], point_m[c, 2]
        ux, uy, uz = up[c, 0], up[c, 1], up[c, 2]
        seen = 0
        for s in range(start_m.shape[1]):
            x, y, z = start_m[0, s] - px, start_m[1, s] - py, start_m[2, s] - pz
            high = x * ux + y * uy + z * uz >= sin_min * math.sqrt(x * x + y * y + z * z)
            x, y, z = end_m[0, s] - px, end_m[1, s] - py, end_m[2, s] - pz
            seen += high & (x * ux + y * uy + z * uz >= sin_min * math.sqrt(x * x + y * y + z * z))
        count[c] = seen


def best_ms(work: Callable[[], None], times: int) -> float:
    """Return the least CPU time of some runs, after one that compiles."""
    work()
    best = math.inf
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1e3


def one_slot(name: str) -> tuple[Network, Geometry]:
    """Return a scenario's network and the geometry of its first slot."""
    world = compile_world(load_scenario(name))
    net = prepare(world)
    slot = world.first_slot
    return net, geometries(net, [net.timeline.at(slot)], np.array([slot]))[0]


def measure(name: str) -> None:
    """Print the kernel's time and how much faster it is than the plain way."""
    net, g = one_slot(name)
    out = g.candidates.copy(), g.utility.copy(), g.counts.copy()
    ms = best_ms(lambda: find_candidates(net.points, g.sky, net.view, net.gso, g.slot, *out), 10)
    start, end = np.ascontiguousarray(g.sky.start_m.T), np.ascontiguousarray(g.sky.end_m.T)
    count = np.empty(net.cell_count, np.int64)
    sin_min = math.sin(net.view.min_elevation_rad)
    plain_ms = best_ms(lambda: every_pair(net.points.point_m, net.points.up, start, end, sin_min, count), 2)
    assert (np.minimum(count, 255) == out[2][:, ABOVE_ELEVATION]).all()
    print(f"{name}: {net.cell_count} cells, {len(g.sky.number)} satellites; every pair: {plain_ms:.1f} ms")
    goal = GOALS_MS[name]
    record = {"name": f"candidates, {name}, one core", "value": round(ms, 2), "unit": "ms/slot"}
    RESULTS.append(record | {"goal": f"< {goal:g}", "met": ms < goal})
    ratio = {
        "name": f"candidates, {name}, against every pair",
        "value": round(plain_ms / ms, 1),
        "unit": "times",
    }
    RESULTS.append(ratio | {"goal": "> 1", "met": ms < plain_ms})


RESULTS: list[dict[str, object]] = []

if __name__ == "__main__":
    for scenario in GOALS_MS:
        measure(scenario)
    for result in RESULTS:
        print(json.dumps(result))
