"""Writes a run folder while the engine goes on: a thread of its own writes each chunk that is full."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from openleo.results.chunk import Chunk, Layout, chunk_tables
from openleo.results.folder import (
    CHUNKS,
    MANIFEST,
    ChunkEntry,
    RunFolder,
    chunk_name,
    entry_of_file,
    state_name,
)
from openleo.results.frames import frame_of, parquet_of
from openleo.results.intervals import Intervals
from openleo.results.store import json_bytes, write_whole
from openleo.snapshot.snapshot import Snapshot
from openleo.snapshot.tables import TABLES


class Saved(Protocol):
    """A state of the engine that can be saved."""

    def to_bytes(self) -> bytes:
        """Return the state as bytes; equal states give equal bytes."""
        ...


def write_static(folder: Path, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write the tables that do not change; return what the manifest notes of each file."""
    noted = {}
    for table in TABLES.values():
        if not table.chunked:
            content = parquet_of(table, frame_of(table, tables[table.name]))
            name = f"{table.name}.parquet"
            write_whole(folder / name, content)
            noted[name] = entry_of_file(content)
    return noted


def write_state(folder: Path, slot: int, content: bytes) -> dict[str, dict[str, Any]]:
    """Write the state before ``slot``; return what is noted of the file."""
    write_whole(folder / state_name(slot), content)
    return {state_name(slot): entry_of_file(content)}


class RunWriter:
    """Takes the Snapshot of each slot in turn, from the first that is not on disk to the run's last.

    At most two chunks are in memory: one fills while the other is written.  Use it as a context: leaving it
    waits for what is being written.  Errors of writing (OSError) come out of `add` or `finish`.
    """

    def __init__(self, folder: RunFolder, manifest: dict[str, Any], layout: Layout) -> None:
        self._folder, self._manifest, self._layout = folder, manifest, layout
        self._tables = chunk_tables(layout.detail)
        self._intervals = Intervals(layout.terminals if layout.detail == "full" else 0)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="openleo-writer")
        self._pending: Future[None] | None = None
        entries = folder.entries()
        self.next_slot = entries[-1].until_slot if entries else int(manifest["first_slot"])
        self._chunk: Chunk | None = None
        for table in self._tables:
            (folder.path / table.name).mkdir(exist_ok=True)

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, *raised: object) -> None:
        self._executor.shutdown(wait=True)

    def add(self, state: Saved, snapshot: Snapshot) -> None:
        """Take in a slot: the Snapshot, and the state after it."""
        if self._chunk is None:
            left = int(self._manifest["last_slot"]) + 1 - self.next_slot
            slots = min(int(self._manifest["chunk_slots"]), left)
            self._chunk = Chunk(self._layout, self._intervals, self.next_slot, slots)
        self._chunk.add(snapshot)
        self.next_slot += 1
        if self._chunk.is_full:
            chunk, self._chunk = self._chunk, None
            self._wait()
            self._pending = self._executor.submit(self._write, chunk, state.to_bytes())

    def finish(self) -> None:
        """Wait for the last chunk and mark the run as complete."""
        assert self._chunk is None
        assert self.next_slot == int(self._manifest["last_slot"]) + 1, "every slot must have come"
        self._wait()
        content = (self._folder.path / CHUNKS).read_bytes()
        chunks = {"file": CHUNKS, "count": content.count(b"\n")} | entry_of_file(content)
        done = self._manifest | {"chunks": chunks, "complete": True}
        write_whole(self._folder.path / MANIFEST, json_bytes(done))

    def _wait(self) -> None:
        """Wait for the chunk that is being written; raises what went wrong with it."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _write(self, chunk: Chunk, state: bytes) -> None:
        path, until = self._folder.path, chunk.first_slot + chunk.slots
        frames: dict[str, pl.DataFrame] = chunk.tables()
        files = {}
        for table in self._tables:
            content = parquet_of(table, frames.pop(table.name))
            name = chunk_name(table.name, chunk.first_slot)
            write_whole(path / name, content)
            files[name] = entry_of_file(content)
        files |= write_state(path, until, state)
        self._folder.finish(ChunkEntry(first_slot=chunk.first_slot, until_slot=until, files=files))
