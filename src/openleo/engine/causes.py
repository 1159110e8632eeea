"""The one cause of every cell that asks and is not served.

First the constraint that leaves no candidate.  A cell with candidates lost to others: constraints are relaxed
one at a time in the order fault, antennas, beams, channels, and the first that serves the cell is the cause;
should it take several at once, they are relaxed one on top of the other in that order.  Without a fault the
slot is scheduled anew from the same state and hashes; with more antennas, beams or channels the assignment
goes on from where it stood, so that no cell is served by darkening another (docs/adr/0003-contention.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.engine.schedule import Schedule, demand_of, schedule
from openleo.engine.sight import reasons_of_no_satellite
from openleo.engine.state import State
from openleo.network.board import Demand, Limits, copy_board
from openleo.network.units import late_units
from openleo.network.visibility import ABOVE_ELEVATION, IN_FIELD_OF_VIEW, OUTSIDE_GSO, WITH_ROUTE
from openleo.snapshot.causes import Cause, Reason

_OF_FAULT = {
    "satellite": Cause.NO_SATS,
    "plane": Cause.NO_SATS,
    "shell": Cause.NO_SATS,
    "isl": Cause.NO_GATEWAY,
    "gateway": Cause.NO_GATEWAY,
    "fibre": Cause.NO_GATEWAY,
    "pop": Cause.POP_DOWN,
}
_NO_LIMIT = 30_000  # beams per dwell when beams are relaxed; fits the int16 they are counted in

Relief = Callable[[NDArray[np.int64]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Causes:
    """Per cell (C,): ``cause`` uint8, ``reason`` uint8 and ``fault`` int16 (-1 none)."""

    cause: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    fault: NDArray[np.int16]


def causes_of(net: Network, state: State, geometry: Geometry, result: Schedule) -> Causes:
    """Return why each cell is dark, ONLINE for those served and IDLE for those that do not ask.

    ``result`` holds first units only: what further ones take is no cause.
    """
    asking = result.demand.terminals
    served = result.board.first >= 0
    cause = np.full(net.cell_count, Cause.IDLE, np.uint8)
    cause[asking > 0] = Cause.ONLINE
    out = Causes(cause, np.zeros(net.cell_count, np.uint8), np.full(net.cell_count, -1, np.int16))
    dark = np.flatnonzero((asking > 0) & ~served)
    if len(dark):
        barred = dark[geometry.counts[dark, WITH_ROUTE] == 0]
        _constraints(net, geometry, barred, out)
        if geometry.conditions.faulty:
            _blame_faults(net, geometry, barred, out)
        lost = dark[geometry.counts[dark, WITH_ROUTE] > 0]
        if len(lost):
            _contention(net, state, geometry, result, lost, out)
    core = geometry.conditions.core_fault
    if core >= 0:
        down = (asking > 0) & served
        out.cause[down], out.fault[down] = Cause.CORE_DOWN, core
    return out


def _constraints(net: Network, geometry: Geometry, cells: NDArray[np.int64], out: Causes) -> None:
    """Name the first constraint that leaves each of ``cells`` without a candidate."""
    counts = geometry.counts[cells]
    pop_up = geometry.conditions.pop_up[net.points.pop[cells]]
    out.cause[cells] = np.where(pop_up, Cause.NO_GATEWAY, Cause.POP_DOWN)
    unseen = cells[counts[:, IN_FIELD_OF_VIEW] == 0]
    out.cause[unseen], out.reason[unseen] = Cause.OBSTRUCTED, Reason.FIELD_OF_VIEW
    hidden = cells[counts[:, OUTSIDE_GSO] == 0]
    out.cause[hidden], out.reason[hidden] = Cause.NO_SATS, Reason.GSO
    empty = cells[(counts[:, ABOVE_ELEVATION] == 0) & net.is_tracked[cells]]
    out.reason[empty] = reasons_of_no_satellite(net, geometry, empty)


def _blame_faults(net: Network, geometry: Geometry, cells: NDArray[np.int64], out: Causes) -> None:
    """Note for each cell the first fault without which it would have had a candidate."""
    for row, other in _without_each_fault(net, geometry):
        open_now = cells[(out.fault[cells] < 0) & (other.counts[cells, WITH_ROUTE] > 0)]
        out.fault[open_now] = row


def _without_each_fault(net: Network, geometry: Geometry) -> Iterator[tuple[int, Geometry]]:
    """Yield the slot's geometry with each fault in turn lifted, then with all (named by the first)."""
    holding = geometry.conditions.holding
    faults = [row for row in holding if net.world.faults[row].kind in _OF_FAULT]
    for row in faults:
        rest = tuple(r for r in holding if r != row)
        yield row, _under(net, geometry, rest)
    if len(faults) > 1:
        yield faults[0], _under(net, geometry, tuple(r for r in holding if r not in faults))


def _under(net: Network, geometry: Geometry, holding: tuple[int, ...]) -> Geometry:
    conditions = net.timeline.under(holding)
    return geometries(net, [conditions], np.array([geometry.slot]))[0]


def _contention(
    net: Network, state: State, geometry: Geometry, result: Schedule, cells: NDArray[np.int64], out: Causes
) -> None:
    """Name the first constraint that, relaxed, serves each of ``cells``."""
    left = cells[np.argsort(_turn(result.demand, net.cell_count)[cells])]
    for cause, fault, served_by in _reliefs(net, state, geometry, result):
        if len(left) == 0:
            return
        helped = served_by(left)
        out.cause[left[helped]] = cause
        out.fault[left[helped]] = fault
        if cause == Cause.NO_SATS:
            out.reason[left[helped]] = Reason.OUT_OF_SERVICE
        left = left[~helped]
    assert len(left) == 0, "with every constraint relaxed a cell with candidates is served"


def _turn(demand: Demand, cells: int) -> NDArray[np.int64]:
    turn = np.zeros(cells, np.int64)
    turn[demand.order] = np.arange(len(demand.order))
    return turn


def _reliefs(
    net: Network, state: State, geometry: Geometry, result: Schedule
) -> Iterator[tuple[Cause, int, Relief]]:
    """Yield each relaxation in the documented order: its cause, its fault's row or -1, and how to try it."""

    def without_fault(other: Geometry) -> Relief:
        demand = demand_of(net, state, other, result.demand.terminals)
        return lambda cells: schedule(net, demand, other).board.first[cells] >= 0

    def relaxed(limits: Limits) -> Relief:
        return lambda cells: _served_late(net, geometry, result, limits, cells)

    if geometry.conditions.faulty:
        for row, other in _without_each_fault(net, geometry):
            yield _OF_FAULT[net.world.faults[row].kind], row, without_fault(other)
    limits = net.limits
    antennas = limits._replace(antennas_bind=False)
    yield Cause.NO_ANTENNA, -1, relaxed(antennas)
    yield Cause.NO_BEAM, -1, relaxed(limits._replace(beams=_NO_LIMIT))
    yield Cause.NO_CHANNEL, -1, relaxed(limits._replace(nco=False))
    yield Cause.NO_ANTENNA, -1, relaxed(antennas._replace(beams=_NO_LIMIT))
    yield Cause.NO_ANTENNA, -1, relaxed(antennas._replace(beams=_NO_LIMIT, nco=False))


def _served_late(
    net: Network, geometry: Geometry, result: Schedule, limits: Limits, cells: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Go on with the slot's assignment under other limits; return which of ``cells`` that serves."""
    board = copy_board(result.board)
    if limits.beams == _NO_LIMIT:
        board.free[:] = (1 << (limits.dwells * limits.channels)) - 1
    late_units(cells, net.points, geometry.sky, net.near, result.demand, limits, board)
    return np.asarray(board.first[cells] >= 0)
