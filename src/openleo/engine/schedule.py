"""One slot's schedule from its geometry and the state before: the part that depends on the slot before."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.base.hashing import hash_u32
from openleo.engine.geometry import Geometry
from openleo.engine.network import Network
from openleo.engine.state import State
from openleo.network.assignment import greedy, relieve
from openleo.network.board import Board, Demand, new_board
from openleo.network.settle import CHANNEL_HZ
from openleo.network.units import first_units, further_units

_NOMINAL_EFFICIENCY = 3.2  # bit/s/Hz: what wanted units are counted with
_ORDER_SALT = 0x0DE5


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """A board with its first units and the demand it answers; ``short`` if a cell that asks and has
    candidates lost out."""

    board: Board
    demand: Demand
    short: bool


def wanted_units(net: Network, asking: NDArray[np.int32]) -> NDArray[np.int16]:
    """Return the units (C,) that would satisfy the terminals busy at once, each at its plan's rate."""
    config = net.world.network
    busy = np.ceil(asking * config.active_share)
    unit_bps = CHANNEL_HZ * _NOMINAL_EFFICIENCY / config.dwells
    units = np.ceil(busy * (config.plan_mbps * 1e6 / unit_bps))
    return np.asarray(np.clip(units, 1, net.limits.max_units), np.int16)


def turns(net: Network, state: State, asking: NDArray[np.int32], slot: int) -> NDArray[np.int32]:
    """Return the cells that ask in their turn: the longest unserved first, the rest by hash.

    The hash order is one for the whole run and starts at another place in each slot.
    """
    waits = (state.unserved_since >= 0) & (asking > 0)
    rest = net.hash_order
    shift = int(hash_u32(net.world.scenario.seed ^ _ORDER_SALT, 0, slot)) % max(len(rest), 1)
    rest = np.concatenate([rest[shift:], rest[:shift]])
    if not waits.any():
        return rest[asking[rest] > 0]
    waiting = np.flatnonzero(waits)
    waiting = waiting[np.lexsort((net.points.key[waiting], state.unserved_since[waiting]))]
    return np.concatenate([waiting.astype(np.int32), rest[(asking[rest] > 0) & ~waits[rest]]])


def demand_of(net: Network, state: State, geometry: Geometry, asking: NDArray[np.int32]) -> Demand:
    """Return what the cells want of this slot's satellites."""
    number = geometry.sky.number
    own = np.full(len(net.world.constellation) + 1, -1, np.int16)  # the last row serves -1
    own[number] = np.arange(len(number), dtype=np.int16)
    return Demand(
        terminals=asking,
        wanted_units=wanted_units(net, asking),
        candidates=geometry.candidates,
        utility=geometry.utility,
        present=own[state.satellite],
        order=turns(net, state, asking, geometry.slot),
        gateways=geometry.gateways,
        needs_antenna=geometry.needs_antenna,
        antennas=geometry.antennas,
        present_gateway=state.gateway[number],
    )


def schedule(net: Network, demand: Demand, geometry: Geometry) -> Schedule:
    """Assign satellites, then a first unit to every cell: all that the next slot depends on."""
    limits = net.limits
    board = new_board(net.cell_count, len(geometry.sky.number), limits, demand.antennas)
    weights = net.preference
    left = greedy(demand, limits, board, weights.stay, weights.load)
    if left:
        left = relieve(demand, limits, board)
    left += first_units(net.points, geometry.sky, net.near, demand, limits, board)
    return Schedule(board, demand, bool(left))


def fill_up(net: Network, geometry: Geometry, result: Schedule) -> None:
    """Grant the rest of the beams on the schedule's board."""
    further_units(net.points, geometry.sky, net.near, result.demand, net.limits, result.board)
