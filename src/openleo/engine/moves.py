"""Where moving terminals are: which cell at the start of each slot."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.base.constants import EARTH_MEAN_RADIUS_M
from openleo.ground.cells import cell_centre_deg, cell_of
from openleo.scenario.world import World

# Every point nearer than this to a cell's centre is in the cell: the smallest resolution-5 hexagon on Earth
# has an inradius of 6.5 km (H3 documentation, table of cell statistics: edge at least 7.6 km).
_SURELY_INSIDE_M = 6_000.0
_BATCH_SLOTS = 480


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
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint64], NDArray[np.float32]]] = []
    cell = np.zeros(len(movers), np.uint64)
    centre = np.full((len(movers), 2), np.nan)
    speed = np.full(len(movers), -1.0)
    for begin in range(world.slots[0], world.slots[1] + 1, _BATCH_SLOTS) if len(movers) else ():
        slots = np.arange(begin, min(begin + _BATCH_SLOTS, world.slots[1] + 1))
        latitude, longitude, pace = (x[:, riders] for x in world.tracks.at(slot_starts(slots)))
        for t, slot in enumerate(slots):
            changed = _enter(latitude[t], longitude[t], cell, centre)
            changed |= np.abs(pace[t] - speed) > 0.5
            speed[changed] = pace[t, changed]
            who = np.flatnonzero(changed)
            if len(who):
                where = np.stack([latitude[t, who], longitude[t, who], pace[t, who]]).astype(np.float32)
                parts.append((np.full(len(who), slot, np.int32), movers[who], cell[who], where))
    if not parts:
        none = np.zeros(0, np.int32)
        return Moves(none, none, np.zeros(0, np.uint64), np.zeros((3, 0), np.float32), none)
    slot_, terminal, cell_ = (np.concatenate([p[k] for p in parts]) for k in range(3))
    where = np.concatenate([p[3] for p in parts], axis=1)
    return Moves(slot_, terminal, cell_, where, np.full(len(slot_), -1, np.int32))


def _enter(
    latitude_deg: NDArray[np.float64],
    longitude_deg: NDArray[np.float64],
    cell: NDArray[np.uint64],
    centre_deg: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Bring the movers' cells (M,) up to date; return which changed.  H3 is asked only near a cell's edge."""
    first = np.isnan(centre_deg[:, 0])
    east = (longitude_deg - centre_deg[:, 1] + 180.0) % 360.0 - 180.0
    north_m = np.radians(latitude_deg - centre_deg[:, 0]) * EARTH_MEAN_RADIUS_M
    east_m = np.radians(east) * EARTH_MEAN_RADIUS_M * np.cos(np.radians(latitude_deg))
    ask = np.flatnonzero(first | ~(np.hypot(north_m, east_m) < _SURELY_INSIDE_M * 0.95))
    changed = np.zeros(len(cell), np.bool_)
    if len(ask):
        now = cell_of(latitude_deg[ask], longitude_deg[ask])
        new = ask[now != cell[ask]]
        cell[ask] = now
        changed[new] = True
        if len(new):
            centre_deg[new] = cell_centre_deg(cell[new])
    return changed
