"""Hypatia's satellite network folders, opened as they are, with the routes Hypatia itself would compute.

A folder (`satgenpy` of https://github.com/snkas/hypatia) holds ``tles.txt``, ``ground_stations.txt``,
``isls.txt`` and ``description.txt``.  Its rules, kept here so that figures can be compared:

- a ground station uses a satellite at a slant range of at most ``max_gsl_length_m``, whatever its elevation;
- inter-satellite links are those listed, always; ground stations do not relay; RTT is there and back at c;
- positions are computed at each step, from the epoch of the TLEs; there is no interpolation;
- node numbers: satellites from 0, then ground stations.

Where a listed link is longer than ``max_isl_length_m`` Hypatia stops; here the link stays and an
OpenleoWarning says so once.  Hypatia measures slant ranges with PyEphem, which puts its observers on an older
ellipsoid, 23 m above WGS84; that decides who is in range at the limit, so the same ellipsoid is used here.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import LIGHT_M_S
from openleo.base.errors import BadInput, OpenleoWarning
from openleo.network import routing
from openleo.orbits.elements import ElementSets
from openleo.orbits.propagation import Propagator
from openleo.scenario import _hypatia_files as files

# EarthRadius and EarthFlat of libastro's earthsat.c, on which PyEphem builds.
_PYEPHEM_A_M = 6_378_160.0
_PYEPHEM_F = 1.0 / 298.25

_STEPS_AT_ONCE = 32

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HypatiaFolder:
    """A network folder: S satellites in ``planes`` of ``per_plane``, N ground stations.

    ``station_itrs_m`` (N, 3); ``neighbours`` (S, D) satellite indices, -1 for none; ``epoch`` is t = 0.
    """

    path: Path
    planes: int
    per_plane: int
    sets: ElementSets
    epoch: np.datetime64
    neighbours: NDArray[np.int32]
    stations: tuple[files.Station, ...]
    station_itrs_m: Floats
    max_gsl_m: float
    max_isl_m: float
    _propagator: Propagator

    @property
    def satellites(self) -> int:
        """Number of satellites, and so the node number of ground station 0."""
        return len(self.sets)

    def station(self, text: str) -> int:
        """Return the number (gid) of a ground station given by name, gid or node number.

        Names are compared without case and accents, with spaces as hyphens.  Raises BadInput with the
        nearest names.
        """
        return files.find_station(self.stations, text, satellites=self.satellites, path=self.path)

    def itrs_m(self, times_ns: NDArray[np.int64]) -> Floats:
        """Return satellite positions (T, S, 3), ITRS metres, at nanoseconds (T,) since the epoch."""
        times = self.epoch + np.asarray(times_ns, dtype="timedelta64[ns]")
        return self._propagator.itrs_m(times)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAt:
    """The shortest path at one instant: node numbers from end to end; none and ``inf`` when cut off."""

    t_ns: int
    rtt_s: float
    nodes: tuple[int, ...]

    @property
    def hops(self) -> int:
        """Number of links on the path."""
        return max(len(self.nodes) - 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Every shortest path at one instant, to each of N ground stations.

    ``dist_s`` and ``next_hop`` (N, S): delay and next hop of each satellite to each station (see
    ``network.routing``); ``first`` and ``delay_s`` (N, N): first satellite and one-way delay from station
    (row) to station (column).
    """

    dist_s: Floats
    next_hop: NDArray[np.int32]
    first: NDArray[np.int32]
    delay_s: Floats


def read_folder(path: Path) -> HypatiaFolder:
    """Open a Hypatia satellite network folder.

    Raises BadInput that names the file, the line and what is wrong there, also where a satellite would
    otherwise be left out: node numbers must stay those of the file.
    """
    path = Path(path)
    files.check_folder(path)
    planes, per_plane, sets = files.read_tles(path / "tles.txt")
    stations = files.read_stations(path / "ground_stations.txt")
    pairs = files.read_isls(path / "isls.txt", satellites=len(sets))
    limits = files.read_description(path / "description.txt")
    return HypatiaFolder(
        path=path,
        planes=planes,
        per_plane=per_plane,
        sets=sets,
        epoch=sets.epoch[0],
        neighbours=routing.neighbour_table(pairs, len(sets)),
        stations=stations,
        station_itrs_m=np.array([_observer_itrs_m(s) for s in stations]),
        max_gsl_m=limits["max_gsl_length_m"],
        max_isl_m=limits["max_isl_length_m"],
        _propagator=Propagator(sets),
    )


def _observer_itrs_m(station: files.Station) -> tuple[float, float, float]:
    return files.ellipsoid_m(station, _PYEPHEM_A_M, _PYEPHEM_F)


def paths(folder: HypatiaFolder, source: int, target: int, times_ns: NDArray[np.int64]) -> Iterator[PathAt]:
    """Return the shortest path between two ground stations (gids) at each of ``times_ns`` since the epoch.

    They are computed as they are taken.  Raises BadInput when both are the same station.
    """
    if source == target:
        name = folder.stations[source].name
        raise BadInput(f"the path starts and ends at {name} (gid {source})", "name two ground stations")
    return _paths(folder, source, target, np.asarray(times_ns, dtype=np.int64))


def _paths(folder: HypatiaFolder, source: int, target: int, times_ns: NDArray[np.int64]) -> Iterator[PathAt]:
    ends_m = folder.station_itrs_m[[source, target]]
    delay_s = np.empty(folder.neighbours.shape)
    leg_s = np.empty((2, folder.satellites))
    warned = False
    for start in range(0, len(times_ns), _STEPS_AT_ONCE):
        chunk_ns = times_ns[start : start + _STEPS_AT_ONCE]
        for t_ns, sat_m in zip(chunk_ns, folder.itrs_m(chunk_ns), strict=True):
            routing.link_delays(sat_m, folder.neighbours, math.inf, delay_s)
            warned = warned or _warn_of_long_links(folder, delay_s, int(t_ns))
            routing.range_legs(ends_m, sat_m, folder.max_gsl_m, leg_s)
            dist_s, next_hop = routing.shortest_to_exits(folder.neighbours, delay_s, leg_s[1])
            total_s = leg_s[0] + dist_s
            first = int(np.argmin(total_s))
            rtt_s = 2.0 * float(total_s[first])
            nodes: tuple[int, ...] = ()
            if math.isfinite(rtt_s):
                between = routing.follow(next_hop, first)
                nodes = (folder.satellites + source, *between, folder.satellites + target)
            yield PathAt(t_ns=int(t_ns), rtt_s=rtt_s, nodes=nodes)


def tables(folder: HypatiaFolder, t_ns: int) -> Tables:
    """Return every shortest path to every ground station at ``t_ns`` since the epoch."""
    stations, satellites = len(folder.stations), folder.satellites
    sat_m = folder.itrs_m(np.array([t_ns], dtype=np.int64))[0]
    delay_s = np.empty(folder.neighbours.shape)
    leg_s = np.empty((stations, satellites))
    found = Tables(
        dist_s=np.empty((stations, satellites)),
        next_hop=np.empty((stations, satellites), np.int32),
        first=np.empty((stations, stations), np.int32),
        delay_s=np.empty((stations, stations)),
    )
    routing.link_delays(sat_m, folder.neighbours, math.inf, delay_s)
    _warn_of_long_links(folder, delay_s, t_ns)
    routing.range_legs(folder.station_itrs_m, sat_m, folder.max_gsl_m, leg_s)
    routing.shortest_to_each(folder.neighbours, delay_s, leg_s, found.dist_s, found.next_hop)
    routing.first_satellites(leg_s, found.dist_s, found.first, found.delay_s)
    return found


def _warn_of_long_links(folder: HypatiaFolder, delay_s: Floats, t_ns: int) -> bool:
    """Warn of the longest link over the limit, if there is one, and return whether there was."""
    length_m = np.where(np.isfinite(delay_s), delay_s, 0.0) * LIGHT_M_S
    a, k = np.unravel_index(int(np.argmax(length_m)), length_m.shape)
    # A micrometre's grace: the limit in the file is itself a rounded length.
    if length_m[a, k] <= folder.max_isl_m + 1e-6:
        return False
    warnings.warn(
        f"{folder.path / 'isls.txt'}: the link {a} {folder.neighbours[a, k]} is {length_m[a, k] / 1e3:.1f} km"
        f" at t = {t_ns / 1e9:g} s, over max_isl_length_m = {folder.max_isl_m / 1e3:.1f} km; it is kept"
        " (Hypatia would stop here)",
        OpenleoWarning,
        stacklevel=3,
    )
    return True
