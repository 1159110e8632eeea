"""Positions of many satellites at many instants.

Near-Earth sets go through our own SGP4 kernel; deep-space ones (a period of 225 min or more) through the
``sgp4`` package, Brandon Rhodes' wrapping of Vallado's C++ code.
"""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.constants import TAU
from openleo.orbits.elements import ElementSets
from openleo.orbits.frames import gmst82_rad
from openleo.orbits.sgp4_kernel import fill_positions, near_earth_rows, to_blocks
from openleo.orbits.wgs72 import DEEP_SPACE_MIN, brouwer_motion

_DAY_NS = 86_400_000_000_000
_MINUTE_NS = 60e9
_JD_1949 = 2_433_281.5  # the origin of days in sgp4init: 1949 December 31


def _day_and_minute(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return days since 1970 and minutes of the day (T, 2): two floats that lose no nanosecond."""
    if np.isnat(times).any():
        raise ValueError("times hold NaT, which is no instant")
    ns = np.asarray(times).astype("datetime64[ns]").astype(np.int64)
    days = np.floor_divide(ns, _DAY_NS).astype(np.float64)
    return np.stack([days, np.remainder(ns, _DAY_NS) / _MINUTE_NS], axis=-1)


class Propagator:
    """SGP4 (WGS72, improved mode) for S element sets.

    A position depends on its element set and instant alone, to the last bit: not on what else is computed
    with it.  Safe to use from several threads.
    """

    def __init__(self, sets: ElementSets, *, dut1_s: float = 0.0) -> None:
        """Prepare ``sets``; ``dut1_s`` is UT1 - UTC in seconds (IERS Bulletin A), good for the whole run."""
        self.sets = sets
        self.dut1_s = dut1_s
        motion, _ = brouwer_motion(sets.mean_motion_rad_min, sets.eccentricity, sets.inclination_rad)
        with np.errstate(all="ignore"):
            deep = TAU / motion >= DEEP_SPACE_MIN
        self._deep = np.flatnonzero(deep)
        self._near = np.flatnonzero(~deep)
        near = sets.take(self._near)
        epochs = _day_and_minute(near.epoch)
        rows = near_earth_rows(
            epoch_day=epochs[:, 0],
            epoch_minute=epochs[:, 1],
            elements=np.stack(
                [
                    near.inclination_rad,
                    near.raan_rad,
                    near.eccentricity,
                    near.argument_of_perigee_rad,
                    near.mean_anomaly_rad,
                    near.mean_motion_rad_min,
                    near.bstar,
                ],
                axis=-1,
            ),
        )
        self._blocks = to_blocks(rows)

    def __len__(self) -> int:
        return len(self.sets)

    def take(self, indices: ArrayLike) -> Self:
        """Return a propagator of the satellites at ``indices`` (N,): integers, or a mask (S,)."""
        return type(self)(self.sets.take(indices), dut1_s=self.dut1_s)

    def itrs_m(self, times: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Return ITRS positions (T, S, 3) in metres at UTC ``times`` (T,).

        TEME turned by GMST82 (docs/accuracy.md, "Orbits and frames").  NaN where a satellite has decayed or
        its elements broke down.  Raises ValueError for NaT.
        """
        angle = gmst82_rad(np.atleast_1d(times), dut1_s=self.dut1_s)
        return self._positions_m(times, np.stack([np.cos(angle), np.sin(angle)], axis=-1))

    def teme_m(self, times: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Return TEME positions (T, S, 3) in metres at UTC ``times`` (T,); NaN as in `itrs_m`."""
        still = np.tile([1.0, 0.0], (len(np.atleast_1d(times)), 1))
        return self._positions_m(times, still)

    def _positions_m(self, times: NDArray[np.datetime64], turns: NDArray[np.float64]) -> NDArray[np.float64]:
        instants = _day_and_minute(np.atleast_1d(times))
        out = np.empty((len(instants), len(self.sets), 3))
        if len(self._near):
            fill_positions(self._blocks, instants, turns, self._near, out)
        if len(self._deep):
            _fill_deep_space(self.sets.take(self._deep), np.atleast_1d(times), turns, self._deep, out)
        return out


def teme_reference_m(sets: ElementSets, times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return what `Propagator.teme_m` does, from the ``sgp4`` package alone; slow, for tests."""
    out = np.full((len(times), len(sets), 3), np.nan)
    still = np.tile([1.0, 0.0], (len(times), 1))
    _fill_deep_space(sets, times, still, np.arange(len(sets)), out)
    return out


def _fill_deep_space(
    sets: ElementSets,
    times: NDArray[np.datetime64],
    turns: NDArray[np.float64],
    columns: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Fill ``out[t, columns[s]]`` with deep-space positions in metres from the ``sgp4`` package."""
    from sgp4.api import WGS72, Satrec

    for index, column in enumerate(columns):
        satellite = Satrec()
        epoch = sets.epoch[index]
        satellite.sgp4init(
            WGS72,
            "i",
            0,  # the number has no effect, and the package allows none above 339999
            # Summed in this order, as Vallado's TLE reader does: lunar terms then agree with his to the bit.
            (sets.epoch_jd_day[index] + sets.epoch_jd_fraction[index]) - _JD_1949,
            sets.bstar[index],
            0.0,
            0.0,
            sets.eccentricity[index],
            sets.argument_of_perigee_rad[index],
            sets.inclination_rad[index],
            sets.mean_anomaly_rad[index],
            sets.mean_motion_rad_min[index],
            sets.raan_rad[index],
        )
        # The package keeps its epoch to 1e-8 day only; counting from its own epoch keeps ours exact.
        days = (times.astype("datetime64[ns]") - epoch).astype(np.int64) / _DAY_NS
        whole = np.full(len(times), satellite.jdsatepoch)
        error, r_km, _ = satellite.sgp4_array(whole, satellite.jdsatepochF + days)
        r_m = np.where((error == 0)[:, None], r_km * 1000.0, np.nan)
        c, s = turns[:, 0], turns[:, 1]
        out[:, column, 0] = c * r_m[:, 0] + s * r_m[:, 1]
        out[:, column, 1] = c * r_m[:, 1] - s * r_m[:, 0]
        out[:, column, 2] = r_m[:, 2]
