"""From Snapshots to tables: every row is there once, sorted, in the registry's types."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_snapshots import Made, made_snapshot, make

from openleo.base.clock import SLOT_S, slot_start
from openleo.results.chunk import Layout, chunk_tables
from openleo.results.folder import RunFolder
from openleo.results.frames import ROW_GROUP, frame_of, parquet_of, schema_of
from openleo.results.intervals import Intervals
from openleo.results.writer import RunWriter
from openleo.snapshot.causes import Cause
from openleo.snapshot.snapshot import Snapshot
from openleo.snapshot.tables import TABLES, Table

CHUNK = 4  # slots


def write(made: Made, path: Path, detail: str = "full") -> dict[str, pl.DataFrame]:
    """Write made-up snapshots and return each table as one frame."""
    first, last = made.snapshots[0].slot, made.snapshots[-1].slot
    manifest = {"first_slot": first, "last_slot": last, "chunk_slots": CHUNK}

    def positions(slot: int) -> tuple[Any, Any, Any]:
        snapshot = next(s for s in made.snapshots if s.slot == slot)
        return snapshot.moved, snapshot.moved_cell, snapshot.moved_where

    layout = Layout(tracked=made.tracked, terminals=made.terminals, detail=detail, positions=positions)
    (path / "state").mkdir(parents=True)
    with RunWriter(RunFolder(path), manifest, layout) as writer:
        for state, snapshot in made:
            writer.add(state, snapshot)
        writer.finish()
    return {
        t.name: pl.concat(pl.read_parquet(f) for f in sorted((path / t.name).glob("*.parquet")))
        for t in chunk_tables(detail)
    }


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pl.DataFrame]:
    return write(make(), tmp_path / "run")


def test_every_column_of_every_slot_comes_back(tmp_path: Path) -> None:
    made = make()
    tables = write(made, tmp_path / "run")
    for snapshot in made.snapshots:
        cells = tables["cells"].filter(pl.col("slot") == snapshot.slot)
        assert cells["cell"].to_list() == made.tracked.tolist()
        for name, values in snapshot.cells.items():
            assert cells[name].to_list() == values.tolist()
        beams = tables["beams"].filter(pl.col("slot") == snapshot.slot)
        for name, values in snapshot.beams.items():
            assert beams[name].to_list() == values.tolist()
        row = tables["slots"].row(by_predicate=pl.col("slot") == snapshot.slot, named=True)
        assert {name: row[name] for name in snapshot.summary} == snapshot.summary
        assert np.datetime64(row["start"]) == slot_start(snapshot.slot)
        causes = tables["slot_causes"].filter(pl.col("slot") == snapshot.slot)
        assert dict(zip(causes["cause"], causes["terminals"], strict=True)) == {
            cause: n for cause, n in snapshot.causes.items() if n
        }


@pytest.mark.parametrize("detail", ["full", "cells"])
def test_files_have_the_registrys_columns_types_and_order(tmp_path: Path, detail: str) -> None:
    tables = write(make(), tmp_path / "run", detail)
    assert set(tables) == {t.name for t in TABLES.values() if t.chunked and detail in t.detail}
    for name, frame in tables.items():
        assert frame.schema == schema_of(TABLES[name])
        for file in (tmp_path / "run" / name).glob("*.parquet"):
            rows = pl.read_parquet(file).select(TABLES[name].sort).rows()
            assert rows == sorted(rows)
            assert pl.read_parquet_metadata(file)["openleo.table"] == name


def test_chunks_are_named_by_their_first_slot_and_the_last_is_short(tmp_path: Path) -> None:
    made = make(slots=10)
    write(made, tmp_path / "run")
    first = made.snapshots[0].slot
    files = {file.stem: len(pl.read_parquet(file)) for file in (tmp_path / "run" / "slots").glob("*")}
    assert files == {str(first): 4, str(first + 4): 4, str(first + 8): 2}
    saved = {file.stem: file.read_text() for file in (tmp_path / "run" / "state").glob("*")}
    assert saved == {str(first + n): f"after {first + n - 1}" for n in (4, 8, 10)}


def test_cell_chunks_are_the_sums_of_cells(tables: dict[str, pl.DataFrame]) -> None:
    first = tables["slots"]["slot"][0]
    online = (pl.col("cause") == Cause.ONLINE) & (pl.col("asking") > 0)
    dark = (pl.col("cause") != Cause.ONLINE) & (pl.col("asking") > 0)
    chunk = (first + (pl.col("slot") - first) // CHUNK * CHUNK).alias("from_slot")
    expected = (
        tables["cells"]
        .with_columns(chunk)
        .group_by("from_slot", "cell")
        .agg(
            slots=pl.len(),
            asked=(pl.col("asking") > 0).sum(),
            served=online.sum(),
            cause=pl.when(dark.any()).then(int(Cause.NO_BEAM)).otherwise(0).first(),
            handovers=pl.col("handover").sum(),
            terminal_slots=pl.col("asking").sum(),
            served_terminal_slots=pl.col("asking").filter(online).sum(),
            rtt_mean_us=pl.col("rtt_us").filter(online).mean().fill_null(-1),
            rate_mean_kbps=pl.col("rate_kbps").filter(online).mean().fill_null(-1),
            units=pl.col("units").cast(pl.Int64).sum(),
        )
        .sort("from_slot", "cell")
    )
    found = tables["cell_chunks"].sort("from_slot", "cell")
    for name in expected.columns:
        # Means are kept as whole microseconds and kbit/s.
        np.testing.assert_allclose(found[name], expected[name], atol=0.5 if "mean" in name else 0)


def spans_reference(snapshots: list[Snapshot], terminal: int) -> list[tuple[Any, ...]]:
    """Return a terminal's dark spans, slot by slot."""
    spans: list[list[Any]] = []
    for s in snapshots:
        for row in np.flatnonzero(s.dark == terminal):
            what = (s.dark_cause[row], s.dark_rule[row], s.dark_fault[row], s.dark_seconds[row])
            if spans and spans[-1][1] == s.slot and tuple(spans[-1][2:]) == what:
                spans[-1][1] = s.slot + 1
            else:
                spans.append([s.slot, s.slot + 1, *what])
    return [tuple(span) for span in spans]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_overrides_merge_equal_slots_and_nothing_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    snapshots = [made_snapshot(random, 100 + t, np.arange(2, dtype=np.int32), 4) for t in range(6)]
    intervals = Intervals(4)
    for snapshot in snapshots:
        intervals.add(snapshot)
    rows = intervals.close(106)
    names = ("from_slot", "until_slot", "cause", "rule", "fault", "seconds")
    for terminal in range(4):
        mine = rows["terminal"] == terminal
        found = sorted(zip(*(rows[n][mine].tolist() for n in names), strict=True))
        assert found == spans_reference(snapshots, terminal)


def test_overrides_are_cut_at_the_end_of_a_chunk(tmp_path: Path) -> None:
    made = make(slots=10)
    rows = write(made, tmp_path / "run")["overrides"]
    first = made.snapshots[0].slot
    chunk_of = (pl.col("from_slot") - first) // CHUNK
    assert rows.filter(((pl.col("until_slot") - 1 - first) // CHUNK) != chunk_of).is_empty()
    lost = rows.select((pl.col("until_slot") - pl.col("from_slot")).sum()).item()
    assert lost == sum(len(s.dark) for s in made.snapshots)


def test_the_same_snapshots_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(make(cells=40, slots=12), tmp_path / name)
    contents = [
        {f.relative_to(root).as_posix(): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()}
        for root in (tmp_path / "a", tmp_path / "b")
    ]
    assert contents[0] == contents[1]


def test_an_empty_table_keeps_its_schema() -> None:
    for table in TABLES.values():
        empty = frame_of(table, {c.name: np.zeros(0, c.numpy) for c in table.columns})
        assert len(empty) == 0
        assert pl.read_parquet(parquet_of(table, empty)).schema == schema_of(table)


def test_one_cells_rows_are_found_by_row_group() -> None:
    table: Table = TABLES["moves"]
    count = ROW_GROUP * 2
    columns = {c.name: np.arange(count, dtype=c.numpy) for c in table.columns}
    content = parquet_of(table, frame_of(table, columns))
    assert pl.scan_parquet(content).filter(pl.col("terminal") == count - 1).collect().height == 1


def test_seconds_of_a_slot_fit_their_mask() -> None:
    assert SLOT_S == 15
    assert TABLES["overrides"].column("seconds").dtype == "uint16"
