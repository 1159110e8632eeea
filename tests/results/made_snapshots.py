"""Snapshots made up from a seed, by an engine that knows nothing of satellites."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from openleo.base.clock import SLOT_S
from openleo.snapshot.causes import Cause
from openleo.snapshot.snapshot import Snapshot
from openleo.snapshot.tables import BEAMS, CELLS, SLOTS

FIRST = 89_942_402
ALL = (1 << SLOT_S) - 1


@dataclass(frozen=True)
class MadeState:
    slot: int

    def to_bytes(self) -> bytes:
        return f"after {self.slot}".encode()


@dataclass(frozen=True)
class Made:
    """Snapshots made up from a seed: C cells, U terminals, with all that went into them."""

    snapshots: list[Snapshot]
    tracked: Any
    terminals: int

    def __iter__(self) -> Iterator[tuple[MadeState, Snapshot]]:
        return ((MadeState(s.slot), s) for s in self.snapshots)


def made_snapshot(random: np.random.Generator, slot: int, tracked: Any, terminals: int) -> Snapshot:
    cells = len(tracked)
    columns = {
        c.name: random.integers(0, 2 if c.dtype == "bool" else 100, cells).astype(c.numpy)
        for c in CELLS.columns
        if c.name not in {"cell", "slot"}
    }
    columns["cause"] = random.choice([Cause.ONLINE, Cause.NO_BEAM, Cause.IDLE], cells).astype(np.uint8)
    columns["asking"] = np.where(columns["cause"] == Cause.IDLE, 0, columns["asking"] + 1).astype(np.int32)
    of = np.sort(random.integers(0, cells, 2 * cells))
    beams = {
        c.name: random.integers(0, 100, len(of)).astype(c.numpy)
        for c in BEAMS.columns
        if c.name not in {"cell", "slot"}
    }
    dark = np.flatnonzero(random.random(terminals) < 0.7).astype(np.int32)
    random.shuffle(dark)
    return Snapshot(
        slot=slot,
        summary={
            c.name: int(random.integers(0, 1000)) for c in SLOTS.columns if c.name not in {"slot", "start"}
        },
        causes={int(Cause.NO_BEAM): 3, int(Cause.OBSTRUCTED): int(slot % 2)},
        cells=columns,
        beams=beams | {"cell": tracked[of]},
        dark=dark,
        dark_cause=random.choice([Cause.BLOCKED_AREA, Cause.POWER_OFF], len(dark)).astype(np.uint8),
        dark_rule=random.integers(-1, 1, len(dark)).astype(np.int16),
        dark_fault=np.full(len(dark), -1, np.int16),
        dark_seconds=random.choice([0, 0, 0, ALL - 1], len(dark)).astype(np.uint16),
        moved=np.array([terminals - 1], np.int32),
        moved_cell=np.array([tracked[0]], np.int32),
        moved_where=np.array([[50.0], [30.0], [slot % 7]], np.float32),
    )


def make(*, slots: int = 10, cells: int = 6, terminals: int = 8, seed: int = 1) -> Made:
    """Return a run of made-up snapshots."""
    random = np.random.default_rng(seed)
    tracked = np.sort(random.choice(50, cells, replace=False)).astype(np.int32)
    snapshots = [made_snapshot(random, FIRST + s, tracked, terminals) for s in range(slots)]
    return Made(snapshots, tracked, terminals)
