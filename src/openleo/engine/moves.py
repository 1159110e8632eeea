"""Where moving terminals are: which cell at the start of each slot."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.base.compile import njit
from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.ground.cells import cell_centre_deg, cell_of, cell_outline_deg
from openleo.scenario.world import World

_BATCH_SLOTS = 480
_SIDES = 10  # of a cell at most: a pentagon across icosahedron edges
# A point is surely in a cell if it is this far inside every side, in a plane about the centre where sides are
# straight to within 12 m (a side of 10 km at 80 degrees) and distances right to within 30 m.
_MARGIN_M = 200.0
_PLANE_MOST_DEG = 80.0  # nearer the poles that plane is no good: there H3 is asked every time
_SPEED_STEP_M_S = 0.5
_NOTHING = np.array([0.0, 0.0, -1.0])  # a side that nothing is inside of


@dataclass(frozen=True, eq=False)
class Moves:
    """Entries of moving terminals into cells, in order of slot: (N,) each.

    ``cell`` uint64 is the H3 index; after `indexed`, ``row`` int32 is its row among the network's cells.
    ``where`` float32 (3, N): latitude and longitude in degrees and speed in m/s.  The first entries, at the
    first slot, are where each mover starts.  An entry is also made where only
    the speed changed, for the limits of speed.
    """

    slot: NDArray[np.int32]
    terminal: NDArray[np.int32]
    cell: NDArray[np.uint64]
    where: NDArray[np.float32]
    row: NDArray[np.int32]

    @cached_property
    def visited(self) -> NDArray[np.uint64]:
        """Every cell that a mover is in at the start of some slot, sorted."""
        return np.unique(self.cell)

    def indexed(self, cells: NDArray[np.uint64]) -> "Moves":
        """Return the same with ``row`` filled for the network's sorted cells."""
        return replace(self, row=np.searchsorted(cells, self.cell).astype(np.int32))

    def at(self, slot: int) -> slice:
        """Return the entries at the start of ``slot``."""
        return slice(*np.searchsorted(self.slot, [slot, slot + 1]))

    def before(self, slot: int) -> slice:
        """Return the entries before ``slot``."""
        return slice(0, int(np.searchsorted(self.slot, slot)))


def find_moves(world: World) -> Moves:
    """Follow every track from slot start to slot start; note each change of cell, and of speed."""
    movers = np.flatnonzero(world.terminals.track >= 0).astype(np.int32)
    riders = world.terminals.track[movers]
    if not len(movers):
        none = np.zeros(0, np.int32)
        return Moves(none, none, np.zeros(0, np.uint64), np.zeros((3, 0), np.float32), none)
    followed = _Followed(len(movers))
    parts: list[Entries] = []
    for begin in range(world.slots[0], world.slots[1] + 1, _BATCH_SLOTS):
        slots = np.arange(begin, min(begin + _BATCH_SLOTS, world.slots[1] + 1))
        way = np.stack([x[:, riders] for x in world.tracks.at(slot_starts(slots))])
        parts += ((slots[at], who, cell, where) for at, who, cell, where in followed.along(way))
    slot, who, cell = (np.concatenate([part[k] for part in parts]) for k in range(3))
    where = np.concatenate([part[3] for part in parts], axis=1)
    order = np.lexsort((who, slot))
    return Moves(
        slot[order].astype(np.int32), movers[who[order]], cell[order], where[:, order],
        np.full(len(slot), -1, np.int32),
    )  # fmt: skip


Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.float32]]


class _Followed:
    """M movers: the cell that each is in, how that cell lies about its centre, and the speed last noted."""

    def __init__(self, movers: int) -> None:
        self._cell = np.zeros(movers, np.uint64)
        self._speed = np.full(movers, -1.0)
        self._centre_deg = np.zeros((movers, 2))
        self._sides = np.tile(_NOTHING, (movers, _SIDES, 1))
        self._known: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def along(self, way: NDArray[np.float64]) -> Iterator[Entries]:
        """Yield entries (step, mover, cell, where) along ``way`` (3, T, M): latitude, longitude, speed.

        A mover's own come in order.  H3 is asked only near the sides of cells.
        """
        steps = way.shape[1]
        after = np.zeros(len(self._cell), np.int64)
        event = np.empty_like(after)
        while True:
            next_event(way, after, self._speed, self._centre_deg, self._sides, event)
            who = np.flatnonzero(event < steps)
            if not len(who):
                return
            at = event[who]
            cell, speed = cell_of(way[0, at, who], way[1, at, who]), way[2, at, who]
            enters = cell != self._cell[who]
            for n in np.flatnonzero(enters).tolist():
                self._centre_deg[who[n]], self._sides[who[n]] = self._lies(int(cell[n]))
            self._cell[who] = cell
            noted = enters | (np.abs(speed - self._speed[who]) > _SPEED_STEP_M_S)
            self._speed[who[noted]] = speed[noted]
            yield at[noted], who[noted], cell[noted], way[:, at[noted], who[noted]].astype(np.float32)
            after[:] = steps
            after[who] = at + 1

    def _lies(self, cell: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if cell not in self._known:
            self._known[cell] = sides_of(cell)
        return self._known[cell]


def sides_of(cell: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a cell's centre (latitude, longitude, degrees) and its sides (10, 3) in the plane about it.

    A point x east and y north of the centre, metres, is surely in the cell if ``a x + b y < c`` for each
    (a, b, c).  Near a pole no point is.
    """
    centre = cell_centre_deg([cell])[0]
    sides = np.tile(_NOTHING, (_SIDES, 1))
    if abs(centre[0]) < _PLANE_MOST_DEG:
        corners = np.array(cell_outline_deg(cell))
        x = np.radians((corners[:, 0] - centre[1] + 180.0) % 360.0 - 180.0)
        x *= EARTH_MEAN_RADIUS_M * np.cos(np.radians(centre[0]))
        y = np.radians(corners[:, 1] - centre[0]) * EARTH_MEAN_RADIUS_M
        a, b = np.roll(y, -1) - y, x - np.roll(x, -1)  # outward, since corners go round anticlockwise
        length = np.hypot(a, b)
        a, b = a / length, b / length
        sides[: len(a)] = np.stack([a, b, a * x + b * y - _MARGIN_M], axis=1)
        sides[len(a) :] = sides[0]
    return centre, sides


@njit
def next_event(
    way: NDArray[np.float64],
    after: NDArray[np.int64],
    speed: NDArray[np.float64],
    centre_deg: NDArray[np.float64],
    sides: NDArray[np.float64],
    event: NDArray[np.int64],
) -> None:
    """Write for each mover the first step from ``after`` on at which it may have left its cell, or its speed
    is another; T where there is none."""
    for m in range(after.shape[0]):
        step = after[m]
        east_m = math.radians(EARTH_MEAN_RADIUS_M) * math.cos(math.radians(centre_deg[m, 0]))
        north_m = math.radians(EARTH_MEAN_RADIUS_M)
        while step < way.shape[1]:
            x = ((way[1, step, m] - centre_deg[m, 1] + 180.0) % 360.0 - 180.0) * east_m
            y = (way[0, step, m] - centre_deg[m, 0]) * north_m
            inside = abs(way[2, step, m] - speed[m]) <= _SPEED_STEP_M_S
            for k in range(sides.shape[1]):
                inside &= sides[m, k, 0] * x + sides[m, k, 1] * y < sides[m, k, 2]
            if not inside:
                break
            step += 1
        event[m] = step


def next_event_reference(
    way: NDArray[np.float64], after: NDArray[np.int64], speed: NDArray[np.float64], cell: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Return for each mover the first step from ``after`` on at which it has left its cell, or its speed is
    another: `next_event` is never later."""
    steps = np.arange(way.shape[1])[:, None]
    left = cell_of(way[0], way[1]) != cell
    happens = (left | (np.abs(way[2] - speed) > _SPEED_STEP_M_S)) & (steps >= after)
    first: NDArray[np.int64] = np.where(happens.any(axis=0), happens.argmax(axis=0), way.shape[1])
    return first
