"""Small worlds for the scheduler's tests: real cells, satellites in sight of them, few gateway antennas.

And the rules a schedule must keep, told from the board by means that the scheduler does not use.
"""

import math
from dataclasses import dataclass

import h3
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.ground.frames import geodetic_to_itrs_m
from openleo.network.assignment import greedy, relieve
from openleo.network.board import Board, Demand, Limits, new_board
from openleo.network.colouring import Neighbours, neighbours, widest_footprint_m
from openleo.network.ground import GroundPoints, ground_points
from openleo.network.units import first_units, further_units
from openleo.network.visibility import Sky

ALTITUDE_M = 550e3
SPEED_RAD_S = 0.0011  # of a satellite at that height, about the Earth's centre
MIN_ELEVATION_RAD = math.radians(25.0)
HALF_WIDTH_RAD = math.radians(1.25)
MAX_CANDIDATES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """What a world is drawn from."""

    cells: int = 40
    rings: int = 4  # of the disk of cells that they are drawn from
    satellites: int = 8
    spread_deg: float = 7.0  # of satellites about the cells
    gateways: int = 3
    antennas: int = 1  # of each gateway
    lasers: float = 0.0  # share of satellites that need no antenna
    beams: int = 4
    dwells: int = 2
    channels: int = 2
    nco: bool = True
    wanted: int = 8  # units at most


@dataclass(frozen=True, slots=True, eq=False)
class World:
    points: GroundPoints
    sky: Sky
    near: Neighbours
    demand: Demand
    limits: Limits


def small_world(seed: int, small: Small) -> World:
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-60, 60), rng.uniform(-180, 180)
    disk = sorted(h3.grid_disk(h3.latlng_to_cell(*centre, 5), small.rings))
    cells = sorted(rng.choice(disk, min(small.cells, len(disk)), replace=False))
    points = points_of(np.array([h3.cell_to_latlng(c) for c in cells]).reshape(-1, 2), rng)
    sky = sky_about(centre, small, rng)
    reach_m = 2.02 * widest_footprint_m(ALTITUDE_M, MIN_ELEVATION_RAD, HALF_WIDTH_RAD)
    limits = Limits(
        small.beams, small.dwells, small.channels, small.nco, math.tan(HALF_WIDTH_RAD), True,
        small.dwells * small.channels,
    )  # fmt: skip
    near = neighbours(points, reach_m, small.dwells * small.channels)
    return World(points, sky, near, demand_of(points, sky, small, rng), limits)


def points_of(latlng_deg: np.ndarray, rng: np.random.Generator) -> GroundPoints:
    latitude, longitude = np.radians(latlng_deg[:, 0]), np.radians(latlng_deg[:, 1])
    count = len(latitude)
    return ground_points(
        latitude, longitude, geodetic_to_itrs_m(latitude, longitude).reshape(-1, 3),
        key=rng.integers(0, 2**32, count, dtype=np.uint32), block=np.zeros(count, np.uint64),
    )  # fmt: skip


def sky_about(centre: tuple[float, float], small: Small, rng: np.random.Generator) -> Sky:
    n = small.satellites
    latitude = np.radians(centre[0] + rng.uniform(-1, 1, n) * small.spread_deg)
    stretch = small.spread_deg / math.cos(math.radians(centre[0]))
    longitude = np.radians(centre[1] + rng.uniform(-1, 1, n) * stretch)
    start = geodetic_to_itrs_m(latitude, longitude, np.full(n, ALTITUDE_M)).reshape(-1, 3)
    heading = rng.normal(size=(n, 3))
    heading = np.cross(start, heading)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    radius = np.linalg.norm(start, axis=1, keepdims=True)
    angle = SPEED_RAD_S * 15.0
    end = start * math.cos(angle) + heading * radius * math.sin(angle)
    number = np.arange(n, dtype=np.int32)
    return Sky(start, end, number, number, np.zeros(n, np.bool_), np.zeros((1, n), np.float32))


def elevation_rad(points: GroundPoints, at_m: np.ndarray) -> np.ndarray:
    """Return the elevation of each satellite from each point (C, N)."""
    sight = at_m[None, :, :] - points.point_m[:, None, :]
    return np.arcsin((sight * points.up[:, None, :]).sum(axis=2) / np.linalg.norm(sight, axis=2))


def liking(elevation: np.ndarray) -> np.ndarray:
    """Return the `observed` preference's main term: the ground area of a beam, 1 at the zenith."""
    sine = np.maximum(np.sin(elevation), 0.1)
    height, orbit = ALTITUDE_M, EARTH_MEAN_RADIUS_M + ALTITUDE_M
    range_m = np.sqrt(orbit**2 - EARTH_MEAN_RADIUS_M**2 * (1.0 - sine**2)) - EARTH_MEAN_RADIUS_M * sine
    return np.asarray(-0.754 * (range_m / height) ** 2 / sine)


def demand_of(points: GroundPoints, sky: Sky, small: Small, rng: np.random.Generator) -> Demand:
    cells, n, gateways = len(points.latitude_rad), small.satellites, small.gateways
    low = np.minimum(elevation_rad(points, sky.start_m), elevation_rad(points, sky.end_m))
    utility = np.where(low >= MIN_ELEVATION_RAD, liking(low) + rng.gumbel(size=low.shape), -np.inf)
    width = min(n, MAX_CANDIDATES)
    best = np.argsort(-utility, axis=1, kind="stable")[:, :width]
    value = np.take_along_axis(utility, best, axis=1)
    candidates = np.full((cells, MAX_CANDIDATES), -1, np.int16)
    candidates[:, :width] = np.where(np.isfinite(value), best, -1)
    values = np.zeros((cells, MAX_CANDIDATES), np.float32)
    values[:, :width] = np.where(np.isfinite(value), value, 0.0)
    reached = np.full((n, 8), -1, np.int16)
    for s in range(n):
        usable = rng.permutation(gateways)[: rng.integers(1, gateways + 1)] if gateways else []
        reached[s, : len(usable)] = usable
    terminals = rng.integers(1, 200, cells).astype(np.int32)
    return Demand(
        terminals=terminals,
        wanted_units=rng.integers(1, small.wanted + 1, cells).astype(np.int16),
        candidates=candidates,
        utility=values,
        present=rng.integers(-1, n, cells).astype(np.int16) if n else np.full(cells, -1, np.int16),
        order=rng.permutation(cells).astype(np.int32),
        gateways=reached,
        needs_antenna=rng.random(n) >= small.lasers,
        antennas=np.full(gateways, small.antennas, np.int16),
        present_gateway=rng.integers(-1, gateways, n).astype(np.int16)
        if gateways
        else np.full(n, -1, np.int16),
    )


def first_of(world: World, stay: float = 1.0, load_weight: float = 0.0) -> tuple[Board, int]:
    """Run the scheduler up to first units; return the board and how many cells stay unserved."""
    board = new_board(len(world.demand.terminals), len(world.sky.number), world.limits, world.demand.antennas)
    left = greedy(world.demand, world.limits, board, stay, load_weight)
    if left:
        left = relieve(world.demand, world.limits, board)
    left += first_units(world.points, world.sky, world.near, world.demand, world.limits, board)
    return board, left


def scheduled(world: World, stay: float = 1.0, load_weight: float = 0.0) -> Board:
    board, _ = first_of(world, stay, load_weight)
    further_units(world.points, world.sky, world.near, world.demand, world.limits, board)
    return board


def can_follow(world: World, satellites: set[int]) -> bool:
    """Tell whether all of ``satellites`` can have a gateway antenna at once."""
    wants = sorted(satellites)
    seats = np.repeat(np.arange(len(world.demand.antennas)), world.demand.antennas)
    reach = (world.demand.gateways[wants][:, :, None] == seats[None, None, :]).any(axis=1)
    if reach.shape[1] == 0:
        return not wants
    return bool((maximum_bipartite_matching(csr_array(reach), perm_type="column") >= 0).all())


def kept(world: World, board: Board) -> dict[str, np.ndarray]:
    """Return the units on a board: cell, satellite, dwell and colour of each."""
    cell, beam = np.nonzero(board.colours)
    bits = board.colours[cell, beam][:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    row, colour = np.nonzero(bits)
    return {
        "cell": cell[row],
        "satellite": board.satellite[cell, beam][row].astype(np.int64),
        "colour": colour,
        "dwell": colour // world.limits.channels,
    }


DIRECTIONS = np.linspace(0.0, 2.0 * np.pi, 360, endpoint=False)


class Footprints:
    """Footprints of (cell, satellite), and whether two overlap.

    Each is an ellipse in the plane that touches the Earth at its cell; two are compared in the plane of the
    first.  They are disjoint if one of 360 directions separates them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[tuple[int, int], np.ndarray] = {}

    def axes_m(self, cell: int, satellite: int) -> np.ndarray:
        """Return the semi-axes (2, 3), the longer first."""
        if (cell, satellite) not in self.known:
            points, sky = self.world.points, self.world.sky
            up = points.up[cell]
            sight = 0.5 * (sky.start_m[satellite] + sky.end_m[satellite]) - points.point_m[cell]
            range_m = np.linalg.norm(sight)
            minor = range_m * self.world.limits.tan_half_width
            major = minor * range_m / (sight @ up)
            along = sight - (sight @ up) * up
            along /= np.linalg.norm(along)
            self.known[cell, satellite] = np.stack([major * along, minor * np.cross(up, along)])
        return self.known[cell, satellite]

    def meet(self, one: int, its: list[int], other: int, theirs: list[int], scale: float) -> np.ndarray:
        """Tell which footprints at a cell, from satellites ``its``, share a point with which at another."""
        points = self.world.points
        plane = np.stack([points.east[one], points.north[one]], axis=1)
        normal = plane @ np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)])  # (3, D)
        gap = (points.point_m[other] - points.point_m[one]) @ normal

        def extent(cell: int, satellites: list[int]) -> np.ndarray:
            axes = np.array([self.axes_m(cell, s) for s in satellites]).reshape(-1, 2, 3)
            return scale * np.linalg.norm(axes @ normal, axis=1)  # (S, D)

        far = extent(one, its)[:, None] + extent(other, theirs)[None]
        return np.asarray((gap - far).max(axis=2) <= 0.0)

    def overlap(self, one: tuple[int, int], other: tuple[int, int], scale: float) -> bool:
        """Tell whether two footprints, scaled by ``scale``, share a point."""
        return bool(self.meet(one[0], [one[1]], other[0], [other[1]], scale)[0, 0])


def broken_rules(world: World, board: Board) -> list[str]:
    """Return what is wrong with a board, in words; nothing if nothing is."""
    d, limits, units = world.demand, world.limits, kept(world, board)
    cells, satellites = len(d.terminals), len(world.sky.number)
    broken = []
    count = np.bincount(units["cell"], minlength=cells)
    if not np.array_equal(count > 0, board.first >= 0):
        broken.append("served cells are those with units")
    if (count > np.maximum(1, np.minimum(d.wanted_units, limits.max_units))).any():
        broken.append("no cell has more units than it wants")
    if count[d.terminals <= 0].any():
        broken.append("a cell where nobody asks has none")
    if not (d.candidates[units["cell"]] == units["satellite"][:, None]).any(axis=1).all():
        broken.append("units come from candidates")
    of_cell = units["cell"] * 64 + units["colour"]
    if len(np.unique(of_cell)) != len(of_cell):
        broken.append("a cell has a colour once")
    lit = np.zeros((satellites, limits.dwells), int)
    np.add.at(lit, (units["satellite"], units["dwell"]), 1)
    if (lit > limits.beams).any() or not np.array_equal(lit, board.dwell_load):
        broken.append("no more beams in a dwell than there are")
    if units["colour"].max(initial=0) >= limits.dwells * limits.channels:
        broken.append("colours are dwells by channels")
    served_first = np.bincount(board.first[board.first >= 0], minlength=satellites)
    if not np.array_equal(served_first, board.load):
        broken.append("the load is the first units")
    return broken + broken_ways_down(world, board) + broken_nco(world, units)


def broken_ways_down(world: World, board: Board) -> list[str]:
    d = world.demand
    serving = board.dwell_load.any(axis=1)
    broken = []
    if (serving & d.needs_antenna & (board.gateway < 0)).any():
        broken.append("a satellite that needs an antenna to serve has one")
    follows = np.flatnonzero(board.gateway >= 0)
    if not (d.gateways[follows] == board.gateway[follows][:, None]).any(axis=1).all():
        broken.append("an antenna follows a satellite that it reaches")
    used = np.bincount(board.gateway[follows], minlength=len(d.antennas))
    if (used > d.antennas).any() or not np.array_equal(used + board.free_antennas, d.antennas):
        broken.append("no more antennas are used than a gateway has")
    if (~serving[follows]).any():
        broken.append("no antenna follows a satellite that serves nobody")
    return broken


def broken_nco(world: World, units: dict[str, np.ndarray]) -> list[str]:
    if not world.limits.nco:
        return []
    footprints = Footprints(world)
    pairs = list(zip(units["cell"].tolist(), units["satellite"].tolist(), strict=True))
    for colour in np.unique(units["colour"]):
        same = [pairs[i] for i in np.flatnonzero(units["colour"] == colour)]
        for i, one in enumerate(same):
            for other in same[i + 1 :]:
                if footprints.overlap(one, other, 1.0):
                    return [f"footprints on colour {colour} are disjoint: {one} and {other}"]
    return []
