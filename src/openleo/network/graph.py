"""The network at one instant as a graph without scheduling, and the shortest route between two places in it.

Edges are user links, lasers, feeder links and fibre, each with its delay.  Beams, antennas and load are left
out, so a delay here is the least the network could give; access delay and queueing come on top.

Shapes: S satellites, D lasers a satellite at most, G gateways.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.compile import njit
from openleo.base.constants import FIBRE_GROUP_INDEX, FIBRE_ROUTE_FACTOR, LIGHT_M_S
from openleo.ground.frames import geodetic_to_itrs_m, great_circle_m, local_frame
from openleo.ground.sites import Gateways
from openleo.network import routing
from openleo.network.gso import gso_cos_separation
from openleo.orbits.constellation import Constellation
from openleo.orbits.planes import grid_neighbours
from openleo.orbits.propagation import Propagator

Floats = NDArray[np.float64]

LegKind = Literal["user link", "ISL", "feeder link", "fibre"]
USER_LINK: Final = "user link"
LASER: Final = "ISL"
FEEDER_LINK: Final = "feeder link"
FIBRE: Final = "fibre"

MIN_ELEVATION_RAD = math.radians(25.0)  # Starlink's first generation as modified in 2021 (filed)
GSO_EXCLUSION_RAD = math.radians(18.0)  # filed by SpaceX; satellites seen serving in 2024 keep 17 to 18.5
MAX_LASER_M = 5_016_000.0  # just clears 80 km above the ground at 550 km


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """N points on the WGS84 ellipsoid and their minimum elevations; geodetic radians, arrays (N,)."""

    name: tuple[str, ...]
    latitude_rad: Floats
    longitude_rad: Floats
    min_elevation_rad: Floats

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One end of a route: a place with a terminal, or a host on the Internet reached by fibre."""

    name: str
    latitude_rad: float
    longitude_rad: float
    has_terminal: bool
    min_elevation_rad: float = MIN_ELEVATION_RAD

    def as_sites(self) -> Sites:
        """Return the place as the only one of a table of sites."""
        return Sites(
            name=(self.name,),
            latitude_rad=np.array([self.latitude_rad]),
            longitude_rad=np.array([self.longitude_rad]),
            min_elevation_rad=np.array([self.min_elevation_rad]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One edge of a route: ``length_m`` is the light's way, or the length of the cable."""

    kind: LegKind
    start: str
    end: str
    length_m: float
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route from end to end; its delays are propagation alone."""

    legs: tuple[Leg, ...]

    @property
    def one_way_s(self) -> float:
        """Propagation delay from one end to the other."""
        return math.fsum(leg.delay_s for leg in self.legs)

    @property
    def rtt_s(self) -> float:
        """Propagation delay there and back."""
        return 2.0 * self.one_way_s

    @property
    def hops(self) -> int:
        """Number of legs."""
        return len(self.legs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All satellites, lasers and gateways at one instant.

    ``sat_itrs_m`` (S, 3) is NaN where a satellite is out of service; ``serves_users`` (S,);
    ``neighbours`` (S, D) and ``laser_s`` (S, D); ``feeder_s`` (G, S), ``inf`` where there is no link.
    """

    sat_name: tuple[str, ...]
    sat_itrs_m: Floats
    serves_users: NDArray[np.bool_]
    neighbours: NDArray[np.int32]
    laser_s: Floats
    gateways: Sites
    feeder_s: Floats
    gso_exclusion_rad: float


def fibre_s(latitude1_rad: ArrayLike, longitude1_rad: ArrayLike, end: tuple[ArrayLike, ArrayLike]) -> Floats:
    """Return the one-way delay of fibre along the great circle times the route factor, seconds.

    ``end`` is (latitude_rad, longitude_rad); numpy broadcasting applies.
    """
    straight_m = great_circle_m(latitude1_rad, longitude1_rad, *end)
    return straight_m * (FIBRE_ROUTE_FACTOR * FIBRE_GROUP_INDEX / LIGHT_M_S)


def build_graph(
    *,
    sat_name: tuple[str, ...],
    sat_itrs_m: Floats,
    in_service: NDArray[np.bool_],
    serves_users: NDArray[np.bool_],
    neighbours: NDArray[np.int32],
    gateways: Sites,
    max_laser_m: float = MAX_LASER_M,
    gso_exclusion_rad: float = GSO_EXCLUSION_RAD,
) -> Graph:
    """Return the graph of satellites at ``sat_itrs_m`` (S, 3), of which only those ``in_service`` (S,) work.

    ``neighbours`` (S, D) from ``routing.neighbour_table`` or ``orbits.planes.grid_neighbours``, D at least 1.
    An exclusion of 0 switches the test against the geostationary arc off.
    """
    sat_m = np.where(in_service[:, None], sat_itrs_m, np.nan)
    laser_s = np.empty(neighbours.shape)
    routing.link_delays(sat_m, neighbours, max_laser_m, laser_s)
    return Graph(
        sat_name=sat_name,
        sat_itrs_m=sat_m,
        serves_users=serves_users & in_service,
        neighbours=neighbours,
        laser_s=laser_s,
        gateways=gateways,
        feeder_s=_sky_legs(gateways, sat_m, gso_exclusion_rad),
        gso_exclusion_rad=gso_exclusion_rad,
    )


def graph_at(
    constellation: Constellation,
    gateways: Gateways,
    at: np.datetime64,
    *,
    lasers: bool,
    max_laser_m: float = MAX_LASER_M,
    gso_exclusion_rad: float = GSO_EXCLUSION_RAD,
) -> Graph:
    """Return the graph of a constellation and its gateways at ``at``, with +Grid lasers or none."""
    sat_m = Propagator(constellation.sets).itrs_m(np.array([at], dtype="datetime64[ns]"))[0]
    neighbours = (
        grid_neighbours(constellation, at) if lasers else np.full((len(constellation), 1), -1, np.int32)
    )
    return build_graph(
        sat_name=constellation.sets.name,
        sat_itrs_m=sat_m,
        in_service=constellation.in_service,
        serves_users=constellation.has_ku,
        neighbours=neighbours,
        gateways=Sites(
            name=gateways.name,
            latitude_rad=np.radians(gateways.latitude_deg),
            longitude_rad=np.radians(gateways.longitude_deg),
            min_elevation_rad=gateways.min_elevation_rad,
        ),
        max_laser_m=max_laser_m,
        gso_exclusion_rad=gso_exclusion_rad,
    )


def _sky_legs(sites: Sites, sat_m: Floats, gso_exclusion_rad: float) -> Floats:
    """Return the delay (N, S) from each site to each satellite it may use, else ``inf``."""
    point_m = geodetic_to_itrs_m(sites.latitude_rad, sites.longitude_rad)
    frame = local_frame(sites.latitude_rad, sites.longitude_rad)
    legs_s = np.empty((len(sites), len(sat_m)))
    routing.elevation_legs(point_m, frame[2], sites.min_elevation_rad, sat_m, legs_s)
    if gso_exclusion_rad > 0.0:
        axes = np.ascontiguousarray(np.stack(frame, axis=1))
        for n in range(len(sites)):
            offset_m = sat_m - point_m[n]
            _drop_near_gso(
                axes[n], float(sites.latitude_rad[n]), offset_m, math.cos(gso_exclusion_rad), legs_s[n]
            )
    return legs_s


@njit
def _drop_near_gso(
    axes: Floats, latitude_rad: float, offset_m: Floats, cos_exclusion: float, legs_s: Floats
) -> None:
    """Make the legs (S,) within the exclusion angle of the geostationary arc infinite.

    ``axes`` (3, 3) holds the site's east, north and up; ``offset_m`` (S, 3) satellite minus site.
    """
    sign = 1.0 if latitude_rad >= 0.0 else -1.0
    for s in range(legs_s.shape[0]):
        if legs_s[s] < np.inf:
            x, y, z = offset_m[s, 0], offset_m[s, 1], offset_m[s, 2]
            scale = 1.0 / np.sqrt(x * x + y * y + z * z)
            east = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * scale
            north = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * scale
            up = (axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z) * scale
            if gso_cos_separation(abs(latitude_rad), east, sign * north, up) > cos_exclusion:
                legs_s[s] = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """What an end reaches: ``leg_s`` (S,) up; ``dist_s`` and ``next_hop`` (S,) to every satellite; and for
    each gateway the last satellite (G,) and the whole delay (G,)."""

    leg_s: Floats
    dist_s: Floats
    next_hop: NDArray[np.int32]
    last: NDArray[np.int32]
    to_gateway_s: Floats


def _reach(graph: Graph, end: Endpoint) -> _Reach:
    leg_s = _sky_legs(end.as_sites(), graph.sat_itrs_m, graph.gso_exclusion_rad)[0]
    leg_s[~graph.serves_users] = np.inf
    dist_s, next_hop = routing.shortest_to_exits(graph.neighbours, graph.laser_s, leg_s)
    last = np.empty((len(graph.gateways), 1), np.int32)
    total_s = np.empty((len(graph.gateways), 1))
    routing.first_satellites(graph.feeder_s, dist_s[None, :], last, total_s)
    return _Reach(leg_s=leg_s, dist_s=dist_s, next_hop=next_hop, last=last[:, 0], to_gateway_s=total_s[:, 0])


def shortest_route(graph: Graph, a: Endpoint, b: Endpoint, *, direct: bool = False) -> Route | None:
    """Return the route of least propagation delay from ``a`` to ``b``, or None where there is none.

    A terminal's traffic goes up, over lasers where there are any, down to a gateway and on by fibre; two
    terminals may use two gateways.  With ``direct`` it stays in space between two terminals and no gateway
    takes part.  The lowest index wins a tie.  The route from ``b`` to ``a`` is as long.  Raises ValueError
    for ``direct`` without two terminals, and for a route between two hosts.
    """
    if not (a.has_terminal or b.has_terminal):
        raise ValueError("neither end has a terminal: the route would be fibre alone")
    if direct:
        if not (a.has_terminal and b.has_terminal):
            raise ValueError("a direct route needs a terminal at both ends")
        return _direct_route(graph, a, b)
    if not len(graph.gateways):
        return None
    if a.has_terminal and b.has_terminal:
        return _route_of_two_terminals(graph, a, b)
    if not a.has_terminal:
        back = shortest_route(graph, b, a)
        return None if back is None else _reversed(back)
    near = _reach(graph, a)
    onward_s = _fibre_to(graph.gateways, b)
    gateway = int(np.argmin(near.to_gateway_s + onward_s))
    if not math.isfinite(near.to_gateway_s[gateway]):
        return None
    fibre = _fibre_leg(graph.gateways.name[gateway], b.name, float(onward_s[gateway]))
    return Route(legs=(*_legs_up(graph, a, near, gateway), fibre))


def _direct_route(graph: Graph, a: Endpoint, b: Endpoint) -> Route | None:
    near, far = _reach(graph, a), _reach(graph, b)
    total_s = near.leg_s + far.dist_s
    first = int(np.argmin(total_s))
    if not math.isfinite(total_s[first]):
        return None
    path = routing.follow(far.next_hop, first)
    names = [graph.sat_name[s] for s in path]
    up = _radio_leg(USER_LINK, a.name, names[0], float(near.leg_s[first]))
    down = _radio_leg(USER_LINK, names[-1], b.name, float(far.leg_s[path[-1]]))
    return Route(legs=(up, *_laser_legs(graph, path), down))


def _route_of_two_terminals(graph: Graph, a: Endpoint, b: Endpoint) -> Route | None:
    near, far = _reach(graph, a), _reach(graph, b)
    sites = graph.gateways
    between_s = fibre_s(
        sites.latitude_rad[:, None], sites.longitude_rad[:, None], (sites.latitude_rad, sites.longitude_rad)
    )
    total_s = near.to_gateway_s[:, None] + between_s + far.to_gateway_s
    ga, gb = (int(g) for g in np.unravel_index(int(np.argmin(total_s)), total_s.shape))
    if not math.isfinite(total_s[ga, gb]):
        return None
    fibre = () if ga == gb else (_fibre_leg(sites.name[ga], sites.name[gb], float(between_s[ga, gb])),)
    down = _reversed(Route(legs=_legs_up(graph, b, far, gb)))
    return Route(legs=(*_legs_up(graph, a, near, ga), *fibre, *down.legs))


def _legs_up(graph: Graph, end: Endpoint, reach: _Reach, gateway: int) -> tuple[Leg, ...]:
    """Return the legs from a terminal over its satellites to a gateway it reaches."""
    last = int(reach.last[gateway])
    path = routing.follow(reach.next_hop, last)[::-1]
    up = _radio_leg(USER_LINK, end.name, graph.sat_name[path[0]], float(reach.leg_s[path[0]]))
    feeder_s = float(graph.feeder_s[gateway, last])
    down = _radio_leg(FEEDER_LINK, graph.sat_name[last], graph.gateways.name[gateway], feeder_s)
    return (up, *_laser_legs(graph, path), down)


def _laser_legs(graph: Graph, path: list[int]) -> tuple[Leg, ...]:
    legs = []
    for u, v in pairwise(path):
        slot = int(np.flatnonzero(graph.neighbours[u] == v)[0])
        legs.append(_radio_leg(LASER, graph.sat_name[u], graph.sat_name[v], float(graph.laser_s[u, slot])))
    return tuple(legs)


def _radio_leg(kind: LegKind, start: str, end: str, delay_s: float) -> Leg:
    return Leg(kind=kind, start=start, end=end, length_m=delay_s * LIGHT_M_S, delay_s=delay_s)


def _fibre_leg(start: str, end: str, delay_s: float) -> Leg:
    cable_m = delay_s * LIGHT_M_S / FIBRE_GROUP_INDEX
    return Leg(kind=FIBRE, start=start, end=end, length_m=cable_m, delay_s=delay_s)


def _fibre_to(sites: Sites, end: Endpoint) -> Floats:
    return fibre_s(sites.latitude_rad, sites.longitude_rad, (end.latitude_rad, end.longitude_rad))


def _reversed(route: Route) -> Route:
    return Route(
        legs=tuple(
            Leg(kind=g.kind, start=g.end, end=g.start, length_m=g.length_m, delay_s=g.delay_s)
            for g in reversed(route.legs)
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one terminal can use: satellites in view, satellites reached over lasers as well, and gateways."""

    in_view: int
    reached: int
    gateways: int


def view_of(graph: Graph, end: Endpoint) -> View:
    """Return how many satellites and gateways a terminal can use, to say why there is no route."""
    reach = _reach(graph, end)
    return View(
        in_view=int(np.isfinite(reach.leg_s).sum()),
        reached=int(np.isfinite(reach.dist_s).sum()),
        gateways=int(np.isfinite(reach.to_gateway_s).sum()),
    )
