"""How fast satellites are propagated into the Earth-fixed frame, on one thread: SGP4 and GMST82 together."""

import json
import time

import numpy as np

from openleo.orbits.elements import ElementSets
from openleo.orbits.propagation import Propagator
from openleo.orbits.walker import walker_delta

GOAL = 20.0
SATELLITES = 7_000
SLOTS = 240
EPOCH = np.datetime64("2024-03-01T00:00:00", "ns")


def constellation() -> ElementSets:
    """7,000 satellites with the drag and the small eccentricity that real ones have."""
    sets = walker_delta(
        total=SATELLITES,
        planes=70,
        phasing=11,
        inclination_rad=np.radians(53.0),
        altitude_m=550e3,
        epoch=EPOCH,
    )
    sets.bstar[:] = 1e-4
    sets.eccentricity[:] = 2e-4
    return sets


def million_per_second() -> float:
    """Return propagations a CPU second, in millions: the best of five hours of slots."""
    propagator = Propagator(constellation())
    times = EPOCH + np.arange(SLOTS) * np.timedelta64(15_000_000_000, "ns")
    propagator.itrs_m(times[:1])
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        propagator.itrs_m(times)
        best = min(best, time.process_time() - start)
    return float(SATELLITES * SLOTS / best / 1e6)


if __name__ == "__main__":
    value = million_per_second()
    record = {"name": "propagation, one core", "value": round(value, 1), "unit": "M/s"}
    print(json.dumps(record | {"goal": f"> {GOAL:g}", "met": value > GOAL}))
