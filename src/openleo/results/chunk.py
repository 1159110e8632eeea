"""One chunk of slots on its way to disk: arrays that fill slot by slot, then tables.

A chunk of the country scenario (1,458 cells, 240 slots) holds 12 MB of cell rows and 20 MB of beam rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import slot_starts
from openleo.results.frames import frame_of, sorted_columns
from openleo.results.intervals import Intervals
from openleo.snapshot.causes import Cause
from openleo.snapshot.snapshot import Columns, Snapshot
from openleo.snapshot.tables import (
    BEAMS,
    CELL_CHUNKS,
    CELLS,
    MOVES,
    OVERRIDES,
    SLOT_CAUSES,
    SLOTS,
    TABLES,
    Table,
)

_CAUSES = np.array(sorted(Cause), np.uint8)
_PLACE_OF_CAUSE = np.zeros(256, np.int64)
_PLACE_OF_CAUSE[_CAUSES] = np.arange(len(_CAUSES))

Positions = Callable[[int], tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]]


def no_movers(slot: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Return the positions of no terminal: what a run without moving ones gives its writer."""
    none = np.zeros(0, np.int32)
    return none, none, np.zeros((3, 0), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """What does not change from chunk to chunk.

    ``tracked`` int32 (C,) rows of cell_index in the order of Snapshot.cells; ``terminals`` how many there
    are; ``positions`` gives for a slot the moving terminals (M,), their cells (M,) and where (3, M) they are.
    """

    tracked: NDArray[np.int32]
    terminals: int
    detail: str
    positions: Positions = no_movers


def chunk_tables(detail: str) -> tuple[Table, ...]:
    """Return the tables that a run of this detail has one file of for each chunk."""
    return tuple(table for table in TABLES.values() if table.chunked and detail in table.detail)


class Chunk:
    """The slots [first_slot, first_slot + slots), filled by `add`, read by `tables`."""

    def __init__(self, layout: Layout, intervals: Intervals, first_slot: int, slots: int) -> None:
        self.first_slot, self.slots = first_slot, slots
        self._layout, self._intervals = layout, intervals
        self._filled = 0
        self._summary: dict[str, list[int]] = {c.name: [] for c in SLOTS.columns if c.name != "start"}
        self._causes: list[tuple[int, int, int]] = []
        self._totals = _Totals(len(layout.tracked))
        self._full = layout.detail == "full"
        self._cells: Columns = {}
        self._beams: list[Columns] = []
        self._moves: list[Columns] = []
        self._overrides: Columns = {}
        if self._full:
            shape = (slots, len(layout.tracked))
            self._cells = {
                c.name: np.empty(shape, c.numpy) for c in CELLS.columns if c.name not in {"cell", "slot"}
            }

    @property
    def is_full(self) -> bool:
        """Whether every slot has come."""
        return self._filled == self.slots

    def add(self, snapshot: Snapshot) -> None:
        """Take in the next slot."""
        assert snapshot.slot == self.first_slot + self._filled, "snapshots come in the order of slots"
        for name, values in self._summary.items():
            values.append(snapshot.slot if name == "slot" else snapshot.summary[name])
        self._causes += [(snapshot.slot, cause, n) for cause, n in sorted(snapshot.causes.items()) if n]
        self._totals.add(snapshot.cells)
        if self._full:
            for name, buffer in self._cells.items():
                buffer[self._filled] = snapshot.cells[name]
            self._add_rows(snapshot)
            self._intervals.add(snapshot)
        self._filled += 1
        if self._full and self.is_full:
            self._overrides = self._intervals.close(self.first_slot + self.slots)

    def _add_rows(self, snapshot: Snapshot) -> None:
        beams = {c.name: snapshot.beams[c.name] for c in BEAMS.columns if c.name != "slot"}
        count = len(beams["cell"])
        self._beams.append(beams | {"slot": np.full(count, snapshot.slot, np.int32)})
        if self._filled == 0:  # a chunk can be read without those before it
            who, cell, where = self._layout.positions(snapshot.slot)
        else:
            who, cell, where = snapshot.moved, snapshot.moved_cell, snapshot.moved_where
        moves = {"terminal": who, "slot": np.full(len(who), snapshot.slot, np.int32), "cell": cell}
        names = ("latitude_deg", "longitude_deg", "speed_m_s")
        self._moves.append(moves | dict(zip(names, where, strict=True)))

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the frame of each chunked table; releases what it was made from, so call it once."""
        assert self.is_full
        found = {"slots": self._slots(), "slot_causes": self._slot_causes()}
        found["cell_chunks"] = self._totals.frame(self._layout.tracked, self.first_slot, self.slots)
        if self._full:
            found["cells"] = self._cell_rows()
            found["beams"] = _joined(BEAMS, self._beams)
            found["moves"] = _joined(MOVES, self._moves)
            found["overrides"] = frame_of(OVERRIDES, sorted_columns(OVERRIDES, self._overrides))
        self._beams, self._cells, self._overrides = [], {}, {}
        return found

    def _slots(self) -> pl.DataFrame:
        columns: dict[str, Any] = {name: np.array(v, np.int64) for name, v in self._summary.items()}
        return frame_of(SLOTS, columns | {"start": slot_starts(columns["slot"])})

    def _slot_causes(self) -> pl.DataFrame:
        rows = np.array(self._causes, np.int64).reshape(-1, 3)
        columns = {"slot": rows[:, 0], "cause": rows[:, 1], "terminals": rows[:, 2]}
        return frame_of(SLOT_CAUSES, sorted_columns(SLOT_CAUSES, columns))

    def _cell_rows(self) -> pl.DataFrame:
        """Turn (slot, cell) into rows sorted by cell, then slot."""
        order = np.argsort(self._layout.tracked, kind="stable")
        in_order = bool((order == np.arange(len(order))).all())
        columns: dict[str, NDArray[Any]] = {}
        for name, buffer in self._cells.items():
            by_cell = buffer.T if in_order else buffer.T[order]
            columns[name] = np.ascontiguousarray(by_cell).ravel()
        slots = np.arange(self.first_slot, self.first_slot + self.slots, dtype=np.int32)
        columns["cell"] = np.repeat(self._layout.tracked[order], self.slots)
        columns["slot"] = np.tile(slots, len(order))
        return frame_of(CELLS, columns)


def _joined(table: Table, parts: list[Columns]) -> pl.DataFrame:
    columns = {
        c.name: np.concatenate([np.asarray(part[c.name], c.numpy) for part in parts]) for c in table.columns
    }
    return frame_of(table, sorted_columns(table, columns))


class _Totals:
    """Sums over a chunk for each tracked cell (C,)."""

    def __init__(self, cells: int) -> None:
        self._sum = {
            name: np.zeros(cells, np.int64)
            for name in ("asked", "served", "handovers", "terminal_slots", "served_terminal_slots")
        }
        self._rtt_us = np.zeros(cells, np.int64)
        self._rate_kbps = np.zeros(cells, np.int64)
        self._units = np.zeros(cells, np.int64)
        self._dark = np.zeros((cells, len(_CAUSES)), np.uint16)

    def add(self, cells: Columns) -> None:
        asking, cause = cells["asking"], cells["cause"]
        asks = asking > 0
        served = asks & (cause == Cause.ONLINE)
        self._sum["asked"] += asks
        self._sum["served"] += served
        self._sum["handovers"] += cells["handover"]
        self._sum["terminal_slots"] += asking
        self._sum["served_terminal_slots"] += np.where(served, asking, 0)
        self._rtt_us += np.where(served, cells["rtt_us"], 0)
        self._rate_kbps += np.where(served, cells["rate_kbps"], 0)
        self._units += cells["units"]
        dark = np.flatnonzero(asks & ~served)
        if len(dark):
            self._dark[dark, _PLACE_OF_CAUSE[cause[dark]]] += 1

    def frame(self, tracked: NDArray[np.int32], first_slot: int, slots: int) -> pl.DataFrame:
        served = self._sum["served"]
        worst = np.where(self._dark.any(axis=1), _CAUSES[self._dark.argmax(axis=1)], 0)
        columns: Columns = {
            "cell": tracked,
            "from_slot": np.full(len(tracked), first_slot, np.int32),
            "slots": np.full(len(tracked), slots, np.int32),
            "cause": worst,
            "rtt_mean_us": _mean(self._rtt_us, served),
            "rate_mean_kbps": _mean(self._rate_kbps, served),
            "units": self._units,
        }
        return frame_of(CELL_CHUNKS, sorted_columns(CELL_CHUNKS, columns | self._sum))


def _mean(total: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the mean rounded to a whole number, -1 where there is nothing to take it of."""
    divisor = np.maximum(count, 1)
    return np.asarray(np.where(count > 0, (total + divisor // 2) // divisor, -1))
