"""A world laid out for the kernels: everything that does not change during a run."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.base.constants import FIBRE_GROUP_INDEX, FIBRE_ROUTE_FACTOR, LIGHT_M_S
from openleo.base.hashing import hash_many
from openleo.engine.conditions import Timeline
from openleo.engine.masked import Masked, masked_terminals
from openleo.engine.moves import Moves, find_moves
from openleo.ground.cells import cell_centre_deg
from openleo.ground.frames import geodetic_to_itrs_m, great_circle_m
from openleo.ground.kinds import KINDS
from openleo.network.board import MAX_COLOURS, Limits
from openleo.network.colouring import Neighbours, neighbours, widest_footprint_m
from openleo.network.ground import MAX_KINDS, GroundPoints, ground_points
from openleo.network.gso import GsoRule, gso_rule
from openleo.network.preference import Preference, preference
from openleo.network.visibility import View
from openleo.orbits.planes import grid_neighbours
from openleo.orbits.propagation import Propagator
from openleo.scenario.world import World

_BLOCK_SHIFT = np.uint64((15 - 3) * 3)  # an H3 index without its digits below resolution 3
_CELL_KEY_SEED = 0x0CE11


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """C cells (sorted by H3 index), S satellites, G gateways, P PoPs, U terminals.

    ``cells`` uint64 (C,); ``points`` their ground points; ``near`` who may collide with whom; ``background``
    int32 (C,) other users' terminals; ``tracked`` int32 (K,) rows of cells where the scenario's terminals
    are or come; ``terminal_cell`` int32 (U,) at the first slot; ``moves`` what changes it.  ``numbers`` are
    the satellites that may ever serve, rows of the constellation, in the order of ``propagator``.
    ``fibre_s`` (G, P) one-way delay.  ``links`` (N, 4) neighbours over lasers, or None.  ``hash_order``
    int32 (C,) is the order in which cells take their turns.
    ``masked`` are the terminals with a horizon mask of their own.
    """

    world: World
    cells: NDArray[np.uint64]
    points: GroundPoints
    near: Neighbours
    background: NDArray[np.int32]
    tracked: NDArray[np.int32]
    terminal_cell: NDArray[np.int32]
    moves: Moves
    numbers: NDArray[np.int32]
    propagator: Propagator
    gateway_points: GroundPoints
    gateway_min_elevation_rad: NDArray[np.float64]
    fibre_s: NDArray[np.float64]
    gso: GsoRule
    view: View
    limits: Limits
    preference: Preference
    links: NDArray[np.int32] | None
    hash_order: NDArray[np.int32]
    timeline: Timeline
    masked: Masked

    @cached_property
    def is_tracked(self) -> NDArray[np.bool_]:
        """Whether the scenario's terminals are or come to each cell (C,)."""
        out = np.zeros(len(self.cells), np.bool_)
        out[self.tracked] = True
        return out

    @cached_property
    def is_home(self) -> NDArray[np.bool_]:
        """Whether each PoP (P,) is home to some cell; no route is asked to the others."""
        out = np.zeros(len(self.world.pops), np.bool_)
        out[self.points.pop] = True
        return out

    @cached_property
    def pop_directions(self) -> NDArray[np.float64]:
        """Unit vectors from the Earth's centre to the PoPs (P, 3)."""
        place_m = self.world.pops.itrs_m.reshape(-1, 3)
        return np.asarray(place_m / np.linalg.norm(place_m, axis=1, keepdims=True))

    @property
    def cell_count(self) -> int:
        """How many cells there are."""
        return len(self.cells)


def prepare(world: World) -> Network:
    """Lay out a world.  Raises ValueError when channels times dwells exceed 64."""
    config = world.network
    if config.channels * config.dwells > MAX_COLOURS:
        raise ValueError(f"channels x dwells is {config.channels * config.dwells}; at most {MAX_COLOURS}")
    moves = find_moves(world)
    terminal_cell = _first_cells(world, moves)
    cells = np.unique(np.concatenate([terminal_cell, world.background.cells, moves.visited]))
    points = _cell_points(world, cells, terminal_cell, moves)
    serving = _serving(world)
    numbers = np.flatnonzero(serving).astype(np.int32)
    half_width_rad = math.radians(config.beam_half_width_deg)
    elevation_rad = math.radians(config.min_elevation_deg)
    heights = [shell.in_service_high_m for shell in world.constellation.shells]
    reach_m = 2.0 * 1.01 * widest_footprint_m(max(heights, default=6e5), elevation_rad, half_width_rad)
    background = np.zeros(len(cells), np.int32)
    background[np.searchsorted(cells, world.background.cells)] = world.background.count
    tracked = np.unique(np.concatenate([terminal_cell, moves.visited]))
    chosen = preference(config.preference)
    return Network(
        world=world,
        cells=cells,
        points=points,
        near=neighbours(points, reach_m, config.channels * config.dwells),
        background=background,
        tracked=np.searchsorted(cells, tracked).astype(np.int32),
        terminal_cell=np.searchsorted(cells, terminal_cell).astype(np.int32),
        moves=moves.indexed(cells),
        numbers=numbers,
        propagator=Propagator(
            world.constellation.sets.take(numbers), dut1_s=world.scenario.constellation.dut1_s
        ),
        gateway_points=_gateway_points(world),
        gateway_min_elevation_rad=np.asarray(world.gateways.min_elevation_rad, np.float64),
        fibre_s=_fibre_s(world),
        gso=gso_rule(math.radians(config.gso_exclusion_deg)),
        view=_view(world, chosen, elevation_rad),
        limits=Limits(
            beams=config.beams,
            dwells=config.dwells,
            channels=config.channels,
            nco=config.nco,
            tan_half_width=math.tan(half_width_rad),
            antennas_bind=True,
            max_units=config.channels * config.dwells,
        ),
        preference=chosen,
        links=_links(world, numbers),
        hash_order=np.argsort(points.key, kind="stable").astype(np.int32),
        timeline=Timeline(world),
        masked=masked_terminals(world),
    )


def _serving(world: World) -> NDArray[np.bool_]:
    """Return which satellites (S,) may serve: in their shell's band; with Ku, or with lasers to pass on."""
    c = world.constellation
    relays = c.has_laser if world.scenario.constellation.isl == "grid" else np.zeros(len(c), np.bool_)
    return np.asarray((c.shell >= 0) & (c.has_ku | relays))


def _links(world: World, numbers: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Return the +Grid among the serving satellites (N, 4), in their own numbering."""
    if world.scenario.constellation.isl != "grid":
        return None
    start = slot_starts(np.array([world.first_slot]))[0]
    whole = grid_neighbours(world.constellation, start)
    own = np.full(len(world.constellation) + 1, -1, np.int32)  # the last row serves index -1
    own[numbers] = np.arange(len(numbers), dtype=np.int32)
    return np.ascontiguousarray(own[whole[numbers]])


def _first_cells(world: World, moves: Moves) -> NDArray[np.uint64]:
    """Return each terminal's cell (U,) at the start of the first slot, some seconds into the scenario."""
    cells = world.terminal_cell.copy()
    first = moves.at(world.first_slot)
    cells[moves.terminal[first]] = moves.cell[first]
    return cells


def _cell_points(
    world: World, cells: NDArray[np.uint64], terminal_cell: NDArray[np.uint64], moves: Moves
) -> GroundPoints:
    centre = np.radians(cell_centre_deg(cells)).reshape(-1, 2)
    latitude, longitude = centre[:, 0], centre[:, 1]
    kinds = np.zeros(len(cells), np.uint8)
    fixed = np.searchsorted(cells, terminal_cell)
    np.bitwise_or.at(kinds, fixed, np.left_shift(1, world.terminals.kind).astype(np.uint8))
    riding = np.searchsorted(cells, moves.cell)
    np.bitwise_or.at(kinds, riding, np.left_shift(1, world.terminals.kind[moves.terminal]).astype(np.uint8))
    kinds[kinds == 0] = 1 << KINDS["standard"].code  # other users' terminals
    pop = np.zeros(len(cells), np.int16)
    pop[np.searchsorted(cells, world.background.cells)] = world.background.home_pop
    pop[riding] = world.terminal_home_pop[moves.terminal]
    pop[fixed] = world.terminal_home_pop
    halves = (cells >> np.uint64(19)).astype(np.int64)  # the digits that differ at resolution 5
    return ground_points(
        latitude,
        longitude,
        geodetic_to_itrs_m(latitude, longitude),
        key=hash_many(_CELL_KEY_SEED, halves & 0xFFFFFFFF, 0),
        block=cells >> _BLOCK_SHIFT,
        kinds=kinds,
        pop=pop,
    )


def _gateway_points(world: World) -> GroundPoints:
    latitude, longitude = np.radians(world.gateways.latitude_deg), np.radians(world.gateways.longitude_deg)
    count = len(world.gateways)
    return ground_points(
        latitude,
        longitude,
        world.gateways.itrs_m.reshape(-1, 3),
        key=np.arange(count, dtype=np.uint32),
        block=np.arange(count, dtype=np.uint64),
    )


def _fibre_s(world: World) -> NDArray[np.float64]:
    """Return the one-way fibre delay gateway to PoP (G, P): great circle, route factor, group index."""
    g, p = world.gateways, world.pops
    metres = great_circle_m(
        np.radians(g.latitude_deg)[:, None], np.radians(g.longitude_deg)[:, None],
        np.radians(p.latitude_deg)[None, :], np.radians(p.longitude_deg)[None, :],
    )  # fmt: skip
    return np.asarray(metres * (FIBRE_ROUTE_FACTOR * FIBRE_GROUP_INDEX / LIGHT_M_S))


def _view(world: World, chosen: Preference, elevation_rad: float) -> View:
    tilt = np.zeros(MAX_KINDS)
    cone = np.full(MAX_KINDS, -1.0)
    for kind in KINDS.values():
        tilt[kind.code] = kind.tilt_rad
        cone[kind.code] = math.cos(0.5 * kind.field_of_view_rad)
    return View(
        min_elevation_rad=elevation_rad,
        boresight_tilt_rad=tilt,
        cos_half_cone=cone,
        pop_up=np.ones(len(world.pops), np.bool_),
        preference=chosen,
        seed=world.scenario.seed,
    )
