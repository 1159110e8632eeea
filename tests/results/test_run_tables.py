"""Reading a run: tables, terminals slot by slot, the engine again."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput
from openleo.engine.summary import busy_rates_reference
from openleo.results.execute import simulate
from openleo.results.frames import schema_of
from openleo.results.run import Run
from openleo.results.timeline import timeline_of
from openleo.scenario.model import Scenario
from openleo.snapshot.tables import TABLES


@pytest.fixture(scope="module")
def timelines(small_run: Run) -> pl.DataFrame:
    """Every terminal's timeline, one under the other."""
    return pl.concat(
        timeline_of(small_run, row).with_columns(terminal=pl.lit(row, pl.Int32))
        for row in range(len(small_run.terminals))
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_table_opens_with_the_registrys_schema(small_run: Run, name: str) -> None:
    assert small_run.table(name).collect_schema() == schema_of(TABLES[name])
    assert getattr(small_run, name).equals(small_run.table(name).collect())


def test_tables_open_in_pandas(small_run: Run) -> None:
    pytest.importorskip("pandas")
    frame = small_run.slots.to_pandas()
    assert list(frame.columns) == small_run.slots.columns
    assert frame["start"].dtype == np.dtype("datetime64[ns]")
    pandas = pytest.importorskip("pandas")
    path = next((small_run.path / "slots").glob("*.parquet"))
    assert pandas.read_parquet(path)["slot"].tolist()[0] in frame["slot"].tolist()


def test_an_unknown_table_gets_the_nearest(small_run: Run) -> None:
    with pytest.raises(BadInput) as error:
        small_run.table("cell")
    assert "cells" in error.value.hint


def test_terminals_together_are_what_slots_say(small_run: Run, timelines: pl.DataFrame) -> None:
    by_slot = timelines.group_by("slot").agg(
        online=(pl.col("online_s") > 0).sum(), together=pl.len()
    ).sort("slot")  # fmt: skip
    assert by_slot["online"].to_list() == small_run.slots["online"].to_list()
    assert by_slot["together"].to_list() == small_run.slots["terminals"].to_list()


def test_terminals_together_are_what_causes_say(small_run: Run, timelines: pl.DataFrame) -> None:
    number = small_run.causes.select("cause", "name")
    dark = timelines.filter(pl.col("online_s") == 0).group_by("slot", "cause").len("terminals")
    found = dark.join(number, left_on="cause", right_on="name").select("slot", "cause_right", "terminals")
    assert sorted(found.rows()) == sorted(small_run.slot_causes.rows())


def test_a_timeline_names_rule_and_fault(timelines: pl.DataFrame) -> None:
    behind = set(timelines.select("cause", "rule", "fault").rows())
    assert ("ACCOUNT_DISABLED", "account/unpaid-2", None) in behind
    assert ("NO_GATEWAY", None, "both-lost") in behind
    assert {c for c, _, _ in behind} >= {"ONLINE", "POWER_OFF", "BOOTING"}


def test_a_timeline_has_a_way_only_while_online(timelines: pl.DataFrame) -> None:
    online = timelines["online_s"] > 0
    for name in ("satellite", "gateway", "rtt_us"):
        assert (timelines[name].is_not_null() == online).all()
    assert timelines.filter(online)["rtt_us"].is_between(24_000, 200_000).all()
    assert timelines.filter(online)["online_s"].max() == 15


def test_a_terminals_rate_is_the_share_that_the_slots_summary_counts(
    small_run: Run, timelines: pl.DataFrame
) -> None:
    """Half the online terminals have the median of the table slots, or more."""
    online = timelines.filter(pl.col("online_s") > 0)
    assert online["rate_kbps"].min() > 0  # type: ignore[operator]
    assert timelines.filter(pl.col("online_s") == 0)["rate_kbps"].is_null().all()
    config = small_run.scenario().network
    cells = small_run.cells
    wanted = busy_rates_reference(
        cells["asking"].to_numpy(), cells["rate_kbps"].to_numpy(), config.active_share,
        config.plan_mbps * 1e3,
    )  # fmt: skip
    shared = cells.select("cell", "slot").with_columns(wanted=pl.Series(wanted))
    both = online.join(shared, on=["cell", "slot"])
    assert len(both) == len(online)
    assert (both["rate_kbps"] == both["wanted"]).all()
    clear = online.filter(pl.col("online_s") == 15).join(
        small_run.slots.select("slot", "rate_p50_kbps"), on="slot"
    )
    least = clear.group_by("slot").agg(
        above=(pl.col("rate_kbps") >= pl.col("rate_p50_kbps")).mean(), below=(
            pl.col("rate_kbps") <= pl.col("rate_p50_kbps")
        ).mean(),
    )  # fmt: skip
    assert least.select(pl.min_horizontal("above", "below").min()).item() > 0.3


def test_a_vans_cell_changes_under_way(small_run: Run, timelines: pl.DataFrame) -> None:
    vans = np.flatnonzero(small_run.terminals["moving"].to_numpy()).tolist()
    cells = (
        timelines.filter(pl.col("terminal").is_in(vans)).group_by("terminal").agg(pl.col("cell").n_unique())
    )
    assert (cells["cell"] > 1).all()
    first = small_run.moves.filter(pl.col("slot") == small_run.first_slot + 5)
    assert set(first["terminal"]) == set(vans), "each chunk begins with where every moving terminal is"


def test_a_terminal_is_known_by_its_id_or_the_beginning_of_it(small_run: Run) -> None:
    name = small_run.terminals["id"][3]
    assert small_run.terminal_row(name) == 3
    assert small_run.terminal_row(name[:-2]) == 3
    assert small_run.timeline(name).equals(small_run.timeline(3))
    with pytest.raises(BadInput, match="terminals' ids begin with 'ut-'"):
        small_run.terminal_row("ut-")
    with pytest.raises(BadInput) as error:
        small_run.terminal_row(name[:-1] + "x")
    assert name in error.value.hint


def test_a_time_outside_says_the_span(small_run: Run) -> None:
    at = datetime(2022, 10, 7, 0, 1, 30, tzinfo=UTC)
    assert format_utc(slot_start(small_run.slot_of(at))) == "2022-10-07T00:01:27Z"
    assert small_run.slot_of("2022-10-07T00:01:30") == small_run.slot_of(np.datetime64("2022-10-07T00:01:30"))
    with pytest.raises(BadInput) as error:
        small_run.slot_of("2022-10-07T00:06:12Z")
    assert "2022-10-07T00:00:12Z to 2022-10-07T00:06:12Z" in error.value.detail


def test_a_slot_replayed_is_the_slot_that_was_written(small_run: Run) -> None:
    slot = small_run.first_slot + 7
    _, after, snapshot = small_run.replay(slot)
    written = small_run.table_at("cells", slot).filter(pl.col("slot") == slot).collect()
    for name, values in snapshot.cells.items():
        assert written[name].to_list() == values.tolist()
    assert after.to_bytes() == small_run.state_at(slot + 1).to_bytes()


def test_a_run_by_cells_has_no_rows_of_slots_and_cells(small_scenario: Scenario, small_run: Run) -> None:
    folder = small_run.path.parent / "by-cells"
    coarse = simulate(small_scenario.with_changes(changes={"detail": "cells"}), folder)
    assert coarse.slots.equals(small_run.slots)
    assert coarse.cell_chunks.equals(small_run.cell_chunks)
    assert not (folder / "cells").exists()
    with pytest.raises(BadInput) as error:
        coarse.timeline(0)
    assert "--detail full" in error.value.hint
