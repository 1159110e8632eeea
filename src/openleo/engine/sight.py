"""Why no satellite can be used from a cell: asked only where that is so."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.base.compile import njit
from openleo.engine.geometry import Geometry
from openleo.engine.network import Network
from openleo.orbits.propagation import Propagator
from openleo.snapshot.causes import Reason

_BELOW, _LOW, _UNFIT = int(Reason.HORIZON), int(Reason.ELEVATION), int(Reason.OUT_OF_SERVICE)


@njit
def _reasons(
    point_m: np.ndarray, up: np.ndarray, sat_m: np.ndarray, fit: np.ndarray, sin_min: float, out: np.ndarray
) -> None:
    """Fill out (D,): whether anything is up at all, and whether something unfit stands high enough."""
    for d in range(point_m.shape[0]):
        above, high_but_unfit = False, False
        for s in range(sat_m.shape[0]):
            height = norm2 = 0.0
            for k in range(3):
                x = sat_m[s, k] - point_m[d, k]
                height += x * up[d, k]
                norm2 += x * x
            if height > 0.0:
                above = True
                if not fit[s] and height >= sin_min * math.sqrt(norm2):
                    high_but_unfit = True
                    break
        out[d] = _UNFIT if high_but_unfit else (_LOW if above else _BELOW)


@lru_cache(maxsize=2)
def _everyone(net: Network) -> Propagator:
    return Propagator(net.world.constellation.sets, dut1_s=net.world.scenario.constellation.dut1_s)


def all_positions_m(net: Network, slot: int) -> NDArray[np.float64]:
    """Return the positions (3, S, 3) of the whole constellation at a slot's start, middle and end, ITRS.

    The middle is the mean of the ends, as everywhere inside a slot.
    """
    start, end = _everyone(net).itrs_m(slot_starts(np.array([slot, slot + 1])))
    return np.stack([start, 0.5 * (start + end), end])


def reasons_of_no_satellite(net: Network, geometry: Geometry, cells: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the `Reason` (D,) for cells without a satellite in service above the minimum elevation."""
    out = np.empty(len(cells), np.uint8)
    if len(cells) == 0:
        return out
    c = net.world.constellation
    fit = (c.shell >= 0) & c.has_ku & geometry.conditions.satellite_up
    middle = all_positions_m(net, geometry.slot)[1]
    known = np.isfinite(middle[:, 0])
    sin_min = math.sin(net.view.min_elevation_rad)
    _reasons(net.points.point_m[cells], net.points.up[cells], middle[known], fit[known], sin_min, out)
    return out
