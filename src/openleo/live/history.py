"""A run that grows, as those who read it see it: finished chunks, and the newest slots from their segments.

`History` is a `Run` over some of its slots, so every question that results answer of a run is answered of the
live network, up to the slot that is now.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import slot_start, slot_starts
from openleo.base.errors import BadInput
from openleo.live.segment import Segment, read_segment, slots_in
from openleo.results.folder import CHUNKS, ChunkEntry, RunFolder, chunk_name
from openleo.results.frames import frame_of, schema_of, sorted_columns
from openleo.results.run import Run
from openleo.snapshot.snapshot import Snapshot
from openleo.snapshot.tables import BEAMS, CELLS, MOVES, OVERRIDES, SLOT_CAUSES, SLOTS, TABLES, Table

if TYPE_CHECKING:
    from openleo.engine import Network, State
    from openleo.scenario.world import World

_STATIC = ("terminals", "cell_index", "satellites", "gateways", "pops", "faults", "causes")
_LOOKS_S = 0.1
_KEPT_SLOTS = 64  # of which frames are kept: at least what two chunks hold


class Archive:
    """A run folder and its segments, opened once; `history` is asked again and again.  Safe in threads."""

    def __init__(self, folder: RunFolder, segments: Path | None = None) -> None:
        self.folder, self.segments = folder, segments
        self.manifest = folder.manifest()
        self._lock, self._compiling = threading.Lock(), threading.Lock()
        self._entries: list[ChunkEntry] = []
        self._read_bytes = 0
        self._frames: OrderedDict[tuple[int, str], pl.DataFrame] = OrderedDict()
        self._network: tuple[str, Network] | None = None
        self._rules: tuple[str, pl.DataFrame] | None = None
        self.refresh()

    @cached_property
    def statics(self) -> dict[str, pl.DataFrame]:
        """The tables that never change."""
        return {name: pl.read_parquet(self.folder.path / f"{name}.parquet") for name in _STATIC}

    @cached_property
    def tracked(self) -> NDArray[np.int32]:
        """Rows of cell_index that frames number their cells by (C,)."""
        return np.flatnonzero(self.statics["cell_index"]["tracked"].to_numpy()).astype(np.int32)

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        """The row in frames of each row of cell_index, -1 none."""
        found = np.full(len(self.statics["cell_index"]), -1, np.int32)
        found[self.tracked] = np.arange(len(self.tracked), dtype=np.int32)
        return found

    def refresh(self) -> None:
        """Take in chunks that were finished, and what was decided and told, since the last time."""
        with self._lock:
            path = self.folder.path / CHUNKS
            size = path.stat().st_size if path.is_file() else 0
            if size < self._read_bytes:  # the engine was started again, and has cut a damaged chunk
                self._entries, self._read_bytes = [], 0
            if size > self._read_bytes:
                with path.open("rb") as file:
                    file.seek(self._read_bytes)
                    whole, _, _ = file.read().rpartition(b"\n")
                lines = whole.splitlines()
                self._entries += [ChunkEntry(**_json(line)) for line in lines]
                self._read_bytes += len(whole) + (1 if whole else 0)
            self.manifest = self.folder.manifest()

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """The finished chunks as (first slot, slot after the last)."""
        return [(entry.first_slot, entry.until_slot) for entry in self._entries]

    @property
    def first_slot(self) -> int:
        """The run's first slot."""
        return int(self.manifest["first_slot"])

    def newest(self) -> int:
        """Return the newest slot there is, in chunks or segments; the one before the first where none is."""
        chunks, there = self.chunks, self.slots()
        return max([self.first_slot - 1, *(until - 1 for _, until in chunks[-1:]), *there[-1:]])

    def slots(self) -> list[int]:
        """Return the slots that have a segment."""
        return [] if self.segments is None else slots_in(self.segments)

    def segment(self, slot: int) -> Segment | None:
        """Return a slot's segment, or None where there is none any more."""
        if self.segments is None:
            return None
        try:
            return read_segment(self.segments, slot)
        except (OSError, ValueError):
            return None

    def history(
        self, first: int | None = None, until: int | None = None, *, begun: int | None = None
    ) -> "History":
        """Return the run over the slots [first, until), by default all; whole chunks at both ends.

        Nothing of it is later than the slots before ``begun``: what the engine has ready may not be told yet.
        """
        limit = self.newest() + 1 if begun is None else begun
        return History(
            self, self.first_slot if first is None else first, limit if until is None else until, limit
        )

    @property
    def rules(self) -> pl.DataFrame:
        """The rules as they are known now."""
        key = str(self.manifest["files"]["rules.parquet"]["sha256"])
        if self._rules is None or self._rules[0] != key:
            self._rules = (key, pl.read_parquet(self.folder.path / "rules.parquet"))
        return self._rules[1]

    @property
    def network(self) -> "Network":
        """The engine's network under the rules as they are known now; compiled where that is needed."""
        with self._compiling:
            key = str(self.manifest["scenario_sha256"])
            if self._network is None or self._network[0] != key:
                self._network = (key, self._compiled())
            return self._network[1]

    def _compiled(self) -> "Network":
        from dataclasses import replace

        from openleo.scenario.world import commanded_anew

        if self._network is None:
            return Run(self.folder, self.manifest).network
        old = self._network[1]
        world = self._decided_anew(old.world)
        file = self._input("commands.file")
        if file is not None and file != world.scenario.path(world.scenario.commands.file):
            world = commanded_anew(world, file)
        return replace(old, world=world)

    def _decided_anew(self, world: "World") -> "World":
        from openleo.scenario.decisions import Decisions
        from openleo.scenario.world import decided_anew

        file, old = self._input("decisions.file"), world.scenario.path(world.scenario.decisions.file)
        if file is None or file == old:
            return world
        fresh = Decisions.read(file).changes[len(Decisions.read(old).changes) :]
        slot = min((c.slot or self.first_slot for c in fresh), default=self.first_slot)
        return decided_anew(world, file, max(slot, self.first_slot))

    def _input(self, key: str) -> Path | None:
        """Return the file that the run was made from, in the run folder."""
        found = (e["file"] for e in self.manifest["inputs"] if key in e["keys"])
        return next(((self.folder.path / file).resolve() for file in found), None)

    def frame(self, table: Table, slot: int) -> pl.DataFrame:
        """Return a table's rows of a slot that has a segment."""
        key = (slot, table.name)
        with self._lock:
            if key in self._frames:
                return self._frames[key]
        segment = self.segment(slot)
        if segment is None:
            raise BadInput(f"slot {slot} is not kept any more", "ask again: it is in the run folder by now")
        found = slot_frame(table, segment, self.tracked)
        with self._lock:
            self._frames[key] = found
            while len(self._frames) > _KEPT_SLOTS * 6:
                self._frames.popitem(last=False)
        return found


def archive_once_begun(folder: RunFolder, segments: Path, stop: threading.Event) -> Archive | None:
    """Wait for the first slot of a network that is served; return None where it is to stop before."""
    while not stop.wait(_LOOKS_S):
        if folder.is_run:
            archive = Archive(folder, segments)
            if archive.newest() >= archive.first_slot:
                return archive
    return None


class History(Run):
    """A run over some slots: [``first_slot``, ``until_slot``), with the whole of their chunks."""

    def __init__(self, archive: Archive, first: int, until: int, begun: int) -> None:
        self._archive, self._folder = archive, archive.folder
        self.path = archive.folder.path
        self.manifest = archive.manifest
        self._state = None
        chunks = [(a, b) for a, b in archive.chunks if b <= begun]
        kept = chunks[-1][1] if chunks else archive.first_slot
        self.chunks = [(a, b) for a, b in chunks if b > first and a < until]
        self._tail = list(range(max(kept, first), min(until, begun)))
        ends = [*(b for _, b in self.chunks[-1:]), *(slot + 1 for slot in self._tail[-1:])]
        begins = [*(a for a, _ in self.chunks[:1]), *self._tail[:1]]
        self._first, self._until = min(begins, default=first), max(ends, default=first)
        self.__dict__.update(archive.statics)

    @property
    def first_slot(self) -> int:
        """The first slot."""
        return self._first

    @property
    def until_slot(self) -> int:
        """The slot after the last."""
        return self._until

    @property
    def rules(self) -> pl.DataFrame:
        """Rules that decided who may be served."""
        return self._archive.rules

    @property
    def network(self) -> "Network":
        """The engine's network."""
        return self._archive.network

    @property
    def world(self) -> "World":
        """The scenario compiled."""
        return self.network.world

    def table_at(self, name: str, slot: int) -> pl.LazyFrame:
        """Return a chunked table lazily, only what holds ``slot``."""
        if slot in self._tail:
            return self._archive.frame(TABLES[name], slot).lazy()
        return super().table_at(name, slot)

    def _scan(self, table: Table, chunks: list[tuple[int, int]]) -> pl.LazyFrame:
        if not table.chunked or (chunks is not self.chunks):
            return super()._scan(table, chunks)
        parts: list[pl.LazyFrame] = []
        if chunks:
            files = [self.path / chunk_name(table.name, first) for first, _ in chunks]
            parts.append(pl.scan_parquet(files))
        if self._tail and table.name != "cell_chunks":
            parts += [self._archive.frame(table, slot).lazy() for slot in self._tail]
        return pl.concat(parts) if parts else pl.LazyFrame(schema=schema_of(table))

    def state_at(self, slot: int) -> "State":
        """Return the engine's state before ``slot``."""
        segment = self._archive.segment(slot)
        return super().state_at(slot) if segment is None else segment.before


def slot_frame(table: Table, segment: Segment, tracked: NDArray[np.int32]) -> pl.DataFrame:
    """Return the rows that a slot's segment has of a chunked table."""
    columns = _COLUMNS[table.name](segment, tracked)
    return frame_of(table, sorted_columns(table, columns))


def _cells(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    return _wanted(CELLS, segment.snapshot.cells) | _at(segment.slot, len(tracked), cell=tracked)


def _beams(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    beams = segment.snapshot.beams
    return _wanted(BEAMS, beams) | _at(segment.slot, len(beams["cell"]))


def _overrides(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    s: Snapshot = segment.snapshot
    return {
        "terminal": s.dark, "cause": s.dark_cause, "rule": s.dark_rule, "fault": s.dark_fault,
        "seconds": s.dark_seconds, "from_slot": np.full(len(s.dark), s.slot, np.int32),
        "until_slot": np.full(len(s.dark), s.slot + 1, np.int32),
    }  # fmt: skip


def _moves(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    return dict(segment.movers) | _at(segment.slot, len(segment.movers["terminal"]))


def _slots(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    slot = np.array([segment.slot])
    summary = {name: np.array([value]) for name, value in segment.snapshot.summary.items()}
    return summary | {"slot": slot, "start": slot_starts(slot)}


def _slot_causes(segment: Segment, tracked: NDArray[np.int32]) -> dict[str, Any]:
    rows = sorted((cause, n) for cause, n in segment.snapshot.causes.items() if n)
    found = np.array(rows, np.int64).reshape(-1, 2)
    return _at(segment.slot, len(found), cause=found[:, 0], terminals=found[:, 1])


_COLUMNS = {
    CELLS.name: _cells, BEAMS.name: _beams, OVERRIDES.name: _overrides, MOVES.name: _moves,
    SLOTS.name: _slots, SLOT_CAUSES.name: _slot_causes,
}  # fmt: skip


def _wanted(table: Table, columns: Any) -> dict[str, Any]:
    names: Iterable[str] = (c.name for c in table.columns if c.name != "slot" and c.name in columns)
    return {name: columns[name] for name in names}


def _at(slot: int, rows: int, **columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return columns | {"slot": np.full(rows, slot, np.int32)}


def _json(line: bytes) -> dict[str, Any]:
    import json

    return dict(json.loads(line))


def start_ms(slot: int) -> float:
    """Return when a slot begins, in ms since 1970."""
    return float(slot_start(slot).astype("datetime64[ms]").astype(np.int64))
