"""Opening a run folder and asking it: tables as polars, one terminal's timeline, the engine at any slot."""

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from openleo.base.clock import format_utc, parse_utc, slot_at, slot_start, to_datetime64
from openleo.base.errors import BadInput, did_you_mean
from openleo.results.folder import RunFolder, chunk_name, state_name
from openleo.results.frames import schema_of
from openleo.results.inputs import scenario_of
from openleo.results.store import sha256_of_file
from openleo.snapshot.tables import TABLES, Table

if TYPE_CHECKING:
    from openleo.engine import Network, State
    from openleo.scenario.model import Scenario
    from openleo.scenario.world import World
    from openleo.snapshot.snapshot import Snapshot

Instant = str | datetime | np.datetime64


def open_run(path: str | Path, *, partial: bool = False) -> "Run":
    """Open a run folder.

    With ``partial`` the finished chunks of a run that is not complete may be read.  Raises BadInput for a
    folder that is no run, was stopped before its end, or lacks a file or part of one.
    """
    folder = RunFolder(Path(path))
    manifest = folder.manifest()
    found = Run(folder, manifest)
    if not found.is_complete and not partial:
        slots = manifest["last_slot"] + 1 - manifest["first_slot"]
        done = found.until_slot - found.first_slot
        raise BadInput(
            f"{path} is not complete: {done:,} of {slots:,} slots are there",
            f"finish it with `{folder.resume_command}`, or read what there is: open_run(..., partial=True)",
        )
    for name, noted in manifest["files"].items():
        if name.endswith(".parquet") and not _has_size(folder.path / name, noted["bytes"]):
            raise BadInput(
                f"{folder.path / name} is missing or not whole",
                "take it from a copy, or run the scenario anew with another --out",
            )
    return found


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _utc(instant: Instant) -> np.datetime64:
    if isinstance(instant, datetime):
        return to_datetime64(instant)
    return parse_utc(instant) if isinstance(instant, str) else instant.astype("datetime64[ns]")


class Run:
    """A run folder: ``path``, ``manifest`` (a dict), ``chunks`` as (first slot, slot after the last).

    Every table of docs/results.md is here as a LazyFrame by `table`, and as a DataFrame by its name:
    ``run.slots``, ``run.cells``, ``run.beams``, ``run.terminals`` and so on.  ``cells`` and ``beams`` are
    large; take rows of them with ``run.table("beams").filter(...).collect()``.  For pandas:
    ``run.slots.to_pandas()``, which needs ``pip install openleo[pandas]``.
    """

    def __init__(self, folder: RunFolder, manifest: dict[str, Any]) -> None:
        self._folder = folder
        self.path = folder.path
        self.manifest = manifest
        self._state: tuple[int, State] | None = None
        self.chunks = [(entry.first_slot, entry.until_slot) for entry in folder.check()]

    def __repr__(self) -> str:
        state = "" if self.is_complete else ", not complete"
        return f"Run({self.manifest['name']}, {self.span}, {self.path}{state})"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.manifest["name"])

    @property
    def is_complete(self) -> bool:
        """Whether every slot is there."""
        return bool(self.manifest["complete"]) and self.until_slot == self.manifest["last_slot"] + 1

    @property
    def first_slot(self) -> int:
        """The first slot."""
        return int(self.manifest["first_slot"])

    @property
    def until_slot(self) -> int:
        """The slot after the last that is there."""
        return self.chunks[-1][1] if self.chunks else self.first_slot

    @property
    def span(self) -> str:
        """From when until when the run's slots are, in words."""
        return f"{format_utc(slot_start(self.first_slot))} to {format_utc(slot_start(self.until_slot))}"

    def table(self, name: str) -> pl.LazyFrame:
        """Return a table lazily.  Raises BadInput for a name that is none, or that this run did not keep."""
        if name not in TABLES:
            raise BadInput(f"there is no table {name!r}", did_you_mean(name, TABLES))
        table = TABLES[name]
        if self.manifest["detail"] not in table.detail:
            raise BadInput(
                f"{self.path} has no table {name}: it was run with detail {self.manifest['detail']!r}",
                "run it with `--detail full`",
            )
        return self._scan(table, self.chunks)

    def table_at(self, name: str, slot: int) -> pl.LazyFrame:
        """Return a chunked table lazily, only the chunk that holds ``slot``."""
        self.table(name)
        return self._scan(TABLES[name], [self._chunk_of(slot)])

    def _scan(self, table: Table, chunks: list[tuple[int, int]]) -> pl.LazyFrame:
        if not table.chunked:
            return pl.scan_parquet(self.path / f"{table.name}.parquet")
        if not chunks:
            return pl.LazyFrame(schema=schema_of(table))
        return pl.scan_parquet([self.path / chunk_name(table.name, first) for first, _ in chunks])

    def _frame(self, name: str) -> pl.DataFrame:
        return self.table(name).collect()

    @cached_property
    def slots(self) -> pl.DataFrame:
        """The whole network, a row for each slot."""
        return self._frame("slots")

    @cached_property
    def slot_causes(self) -> pl.DataFrame:
        """Dark terminals by slot and cause."""
        return self._frame("slot_causes")

    @property
    def cells(self) -> pl.DataFrame:
        """Cells by slot: large, read anew each time."""
        return self._frame("cells")

    @property
    def beams(self) -> pl.DataFrame:
        """Beams by slot: large, read anew each time."""
        return self._frame("beams")

    @cached_property
    def overrides(self) -> pl.DataFrame:
        """Terminals that fare otherwise than their cell."""
        return self._frame("overrides")

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Moving terminals' entries into cells."""
        return self._frame("moves")

    @cached_property
    def cell_chunks(self) -> pl.DataFrame:
        """Cells by chunk of slots."""
        return self._frame("cell_chunks")

    @cached_property
    def terminals(self) -> pl.DataFrame:
        """Terminals; the other tables give their row numbers here."""
        return self._frame("terminals")

    @cached_property
    def cell_index(self) -> pl.DataFrame:
        """Cells; the other tables give their row numbers here."""
        return self._frame("cell_index")

    @cached_property
    def satellites(self) -> pl.DataFrame:
        """Satellites; the other tables give their row numbers here."""
        return self._frame("satellites")

    @cached_property
    def gateways(self) -> pl.DataFrame:
        """Gateways; the other tables give their row numbers here."""
        return self._frame("gateways")

    @cached_property
    def pops(self) -> pl.DataFrame:
        """Points of presence; cell_index gives their row numbers here."""
        return self._frame("pops")

    @cached_property
    def rules(self) -> pl.DataFrame:
        """Rules that decided who may be served."""
        return self._frame("rules")

    @cached_property
    def faults(self) -> pl.DataFrame:
        """Faults of the scenario."""
        return self._frame("faults")

    @cached_property
    def causes(self) -> pl.DataFrame:
        """Causes by number."""
        return self._frame("causes")

    def slot_of(self, instant: Instant) -> int:
        """Return the slot that holds an instant (UTC where it has no zone).

        Raises BadInput for one outside the run, with its span.
        """
        utc = _utc(instant)
        slot = slot_at(utc)
        if not self.first_slot <= slot < self.until_slot:
            raise BadInput(
                f"{format_utc(utc)} is outside the run, which has {self.span}",
                f"give a time in it, such as {format_utc(slot_start(self.first_slot))}",
            )
        return slot

    def terminal_row(self, name: str) -> int:
        """Return the row of a terminal by its id, or by as much of it as no other has.  Raises BadInput."""
        ids = self.terminals["id"]
        rows = np.flatnonzero((ids == name).to_numpy())
        if len(rows) == 0 and name:
            rows = np.flatnonzero(ids.str.starts_with(name).to_numpy())
        if len(rows) == 1:
            return int(rows[0])
        if len(rows) > 1:
            some = ", ".join(ids.gather(rows[:3]))
            raise BadInput(f"{len(rows):,} terminals' ids begin with {name!r}: {some}", "give more of it")
        raise BadInput(f"no terminal is called {name!r} (there are {len(ids):,})", self._nearest_id(name))

    def _nearest_id(self, name: str) -> str:
        """Return a hint with ids that look like ``name``: of many, those that begin like it."""
        ids, stem = self.terminals["id"], name
        while stem and not (near := ids.filter(ids.str.starts_with(stem))).len():
            stem = stem[:-1]
        return did_you_mean(name, (near if stem else ids).head(2000))

    def timeline(self, terminal: str | int) -> pl.DataFrame:
        """Return one terminal, by id or row, slot by slot: see `openleo.results.timeline`."""
        from openleo.results.timeline import timeline_of

        return timeline_of(self, terminal if isinstance(terminal, int) else self.terminal_row(terminal))

    def dark(self, at: Instant) -> pl.DataFrame:
        """Return the terminals that are dark at an instant (UTC where it has no zone), a row for each.

        ``id``; ``cause`` by name; ``rule`` and ``fault`` behind it, null where none; ``online_seconds`` of
        the 15 of the instant's slot, 0 where it is dark throughout; ``cell`` its H3 index; ``latitude_deg``
        and ``longitude_deg``, of a moving one where it last entered a cell; ``account``; ``group``.  Those
        with no online second are the terminals that slot_causes counts.  Of a run of detail "cells" the slot
        is computed again.  Raises BadInput for an instant outside the run.
        """
        from openleo.results.moment import dark_at

        self.slot_of(at)
        return dark_at(self, _utc(at))

    def scenario(self) -> "Scenario":
        """Return the scenario, its files being the copies in the folder."""
        return scenario_of(self.path, self.manifest["inputs"])

    @cached_property
    def world(self) -> "World":
        """The scenario compiled again.  Raises BadInput where a file of the folder is not the run's."""
        from openleo.scenario.world import compile_world

        found = self.scenario()
        if found.sha256() != self.manifest["scenario_sha256"]:
            raise BadInput(
                f"{self.path / 'scenario.json'} is not the scenario that was run",
                "take it from a copy, or run it again",
            )
        return compile_world(found)

    @cached_property
    def network(self) -> "Network":
        """The engine's network, for `state_at`, `replay` and `openleo.engine`; beams are always told."""
        from openleo.engine import prepare

        in_full = self.world.scenario.model_copy(update={"detail": "full"})
        return prepare(replace(self.world, scenario=in_full))

    def state_at(self, slot: int) -> "State":
        """Return the engine's state before ``slot``, computed from the start of its chunk.

        The last one is kept, so that asking for the same slot again, or a later one, is quick.
        """
        if self._state is not None and self._state[0] == slot:
            return self._state[1]
        state = self._computed_state(slot)
        self._state = (slot, state)
        return state

    def _computed_state(self, slot: int) -> "State":
        from openleo.engine import State
        from openleo.results.replay import state_before

        first, _ = self._chunk_of(slot)
        if self._state is not None and first < self._state[0] < slot:
            return state_before(self.network, self._state[1], self._state[0], slot)
        path = self.path / state_name(first)
        if not path.is_file() or sha256_of_file(path) != self._noted(state_name(first)):
            raise BadInput(
                f"{path} is missing or not the run's", "take it from a copy, or run the scenario again"
            )
        state = State.from_bytes(path.read_bytes())
        return state if slot == first else state_before(self.network, state, first, slot)

    def replay(self, slot: int) -> "tuple[State, State, Snapshot]":
        """Return the state before a slot, the state after it and its Snapshot, computed again."""
        from openleo.engine import run_slots

        before = self.state_at(slot)
        after, snapshot = next(iter(run_slots(self.network, before, slot, slot, workers=1)))
        return before, after, snapshot

    def verify(self) -> None:
        """Read every file and compare its hash.  Raises BadInput that names the first that differs."""
        self._folder.check(thorough=True)
        for name, noted in self.manifest["files"].items():
            if not (self.path / name).is_file() or sha256_of_file(self.path / name) != noted["sha256"]:
                raise BadInput(
                    f"{self.path / name} is missing or does not have the hash that the manifest says",
                    "take it from a copy, or run the scenario anew with another --out",
                )
        self.scenario()

    def _chunk_of(self, slot: int) -> tuple[int, int]:
        for first, until in self.chunks:
            if first <= slot < until:
                return first, until
        raise BadInput(
            f"slot {slot} is outside the run, which has {self.first_slot} to {self.until_slot - 1}",
            "give one of its slots",
        )

    def _noted(self, name: str) -> str:
        for entry in self._folder.entries():
            if name in entry.files:
                return str(entry.files[name]["sha256"])
        return str(self.manifest["files"].get(name, {}).get("sha256", ""))
