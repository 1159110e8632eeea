"""Who was dark at an instant is exactly what the tables of slots, terminals and causes say."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput, OpenleoWarning
from openleo.results.choice import ALL_SECONDS
from openleo.results.dark_text import dark_lines
from openleo.results.execute import simulate
from openleo.results.moment import DARK_COLUMNS, line_of, moment_of
from openleo.results.run import Run, open_run
from openleo.scenario.model import Scenario


def instant(run: Run, slot: int, second: int = 0) -> str:
    return format_utc(slot_start(slot) + np.timedelta64(second, "s"))


@pytest.fixture(scope="module")
def by_cells(small_scenario: Scenario, small_run: Run) -> Run:
    """The same run without rows by slot and cell."""
    coarse = small_scenario.with_changes(changes={"detail": "cells"})
    return simulate(coarse, small_run.path.parent / "dark-by-cells")


def test_dark_for_the_whole_slot_is_what_slot_causes_counts(small_run: Run) -> None:
    number = small_run.causes.select("cause", "name")
    for slot in range(small_run.first_slot, small_run.until_slot):
        dark = small_run.dark(instant(small_run, slot)).filter(pl.col("online_seconds") == 0)
        counts = dark.group_by("cause").len("terminals").join(number, left_on="cause", right_on="name")
        written = small_run.slot_causes.filter(pl.col("slot") == slot)
        assert sorted(counts.select("cause_right", "terminals").rows()) == sorted(
            written.select("cause", "terminals").rows()
        )


def test_the_second_decides_who_is_dark(small_run: Run) -> None:
    partly = small_run.overrides.filter((pl.col("seconds") > 0) & (pl.col("seconds") < ALL_SECONDS))
    assert len(partly), "the small run has terminals that obstacles hide for some seconds"
    row = partly.row(0, named=True)
    name = small_run.terminals["id"][row["terminal"]]
    for second in range(15):
        dark = small_run.dark(instant(small_run, row["from_slot"], second)).filter(pl.col("id") == name)
        assert len(dark) == (not row["seconds"] >> second & 1), second
        assert all(n == row["seconds"].bit_count() for n in dark["online_seconds"])


def test_every_terminal_fares_as_in_its_timeline(small_run: Run, by_cells: Run) -> None:
    columns = ("cell", "online_s", "cause", "rule", "fault", "satellite", "gateway", "rtt_us", "seconds")
    for slot in range(small_run.first_slot, small_run.until_slot, 3):
        read, again = moment_of(small_run, slot), moment_of(by_cells, slot)
        for terminal in range(len(small_run.terminals)):
            row = small_run.timeline(terminal).row(slot - small_run.first_slot, named=True)
            want = {name: row[name] for name in columns}
            for run, moment in ((small_run, read), (by_cells, again)):
                line = line_of(run, moment, terminal)
                assert {name: line[name] for name in columns} == want


def test_a_run_by_cells_says_the_same(small_run: Run, by_cells: Run) -> None:
    for slot in (small_run.first_slot + 4, small_run.first_slot + 17):
        at = instant(small_run, slot, 7)
        places = ["latitude_deg", "longitude_deg"]  # of movers: here of the slot, there of the last entry
        assert small_run.dark(at).drop(places).equals(by_cells.dark(at).drop(places))


def test_each_dark_terminal_is_there_with_rule_fault_and_place(small_run: Run) -> None:
    dark = small_run.dark(instant(small_run, small_run.first_slot + 17))
    assert tuple(dark.columns) == DARK_COLUMNS
    assert len(dark) == len(small_run.terminals), "both gateways are lost"
    assert set(dark["fault"].drop_nulls()) == {"both-lost"}
    assert set(dark["rule"].drop_nulls()) == {"account/unpaid-2"}
    h3 = small_run.cell_index["h3"].to_list()
    assert set(dark["cell"]) <= set(h3)
    vans = dark.filter(pl.col("group") == "vans")
    assert len(vans) == 3
    assert (vans["longitude_deg"] > 30.0).all()


def test_the_words_count_by_cause_and_name_towns(small_run: Run) -> None:
    slot = small_run.first_slot + 17
    dark = small_run.dark(instant(small_run, slot))
    lines = list(dark_lines(small_run, slot_start(slot), dark))
    assert lines[1].endswith("49 of 49 terminals are dark")
    text = "\n".join(lines)
    assert "45  NO_GATEWAY        fault both-lost" in text
    assert "4  ACCOUNT_DISABLED  rule account/unpaid-2" in text
    assert ", UA, cell 85" in text
    assert any(name in text for name in dark["id"])


def test_a_slot_computed_otherwise_than_written_is_told(by_cells: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(by_cells.path, tmp_path / "copy")
    other = open_run(folder)
    other.__dict__["slot_causes"] = by_cells.slot_causes.with_columns(terminals=pl.col("terminals") + 1)
    with pytest.warns(OpenleoWarning, match="computed again has other causes"):
        other.dark(instant(other, other.first_slot))


def test_the_page_lists_every_column(small_run: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    part = page.partition("### run.dark(at)")[2].partition("### How long")[0]
    for column in (*DARK_COLUMNS, *small_run.timeline(0).columns):
        assert f"`{column}`" in part, column


def test_an_instant_outside_the_run_says_the_span(small_run: Run) -> None:
    with pytest.raises(BadInput, match="outside the run"):
        small_run.dark("2022-10-09T00:00:00Z")
