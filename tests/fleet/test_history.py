"""Questions to the history: the same answers whether an hour is closed or not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h3.api.basic_int as h3
import polars as pl
import pytest
from fleet_world import CELL, HOUR_NS, NS, START_NS, minute, sample

from openleo.base.errors import BadInput
from openleo.fleet.database import FleetDatabase
from openleo.fleet.export import export
from openleo.fleet.history import History
from openleo.fleet.keeping import Keeper
from openleo.fleet.sample import ENTERPRISE
from openleo.fleet.store import TelemetryStore
from openleo.fleet.tags import Tags

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = (START - timedelta(hours=2), START + timedelta(hours=3))
OTHER = h3.latlng_to_cell(-33.9, 18.4, 5)


@pytest.fixture(params=["open", "closed", "half"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    """A fleet of three terminals over two hours: in the hot store, in the history, or in both."""
    with TelemetryStore(tmp_path) as store:
        store.add(minute("ut-1", downlink_mbps=10.0, cell=CELL, software="a", ping_latency_ms=30.0))
        store.add(minute("ut-2", downlink_mbps=30.0, cell=CELL, software="b", ping_latency_ms=50.0))
        store.add(minute("ut-3", 3_600, downlink_mbps=50.0, cell=OTHER, software="b", outage="OBSTRUCTED"))
        if request.param != "open":
            Keeper(store).keep(START_NS + (2 if request.param == "half" else 9) * HOUR_NS)
        if request.param == "closed":
            Keeper(store).keep(START_NS + 90 * HOUR_NS)
            assert store.days() == []
        yield History(tmp_path, store=store)


def test_a_terminals_timeline_by_minute_and_by_sample(history: History) -> None:
    by_minute = history.timeline("ut-1", *SPAN)
    assert by_minute["time"].to_list() == [START]
    assert by_minute.select("samples", "seconds", "downlink_mbps").rows() == [(4, 60, 10.0)]
    by_sample = history.timeline("ut-1", *SPAN, step="sample")
    assert by_sample["time"].to_list() == [START + timedelta(seconds=15 * n) for n in range(4)]
    assert (
        history.timeline(
            "ut-1", START + timedelta(seconds=15), START + timedelta(seconds=45), step="sample"
        ).height
        == 2
    )
    assert history.timeline("ut-none", *SPAN).height == 0


def test_aggregates_by_software(history: History) -> None:
    found = history.by_software(*SPAN)
    assert found.select("software", "terminals", "seconds", "downlink_mbps", "in_service").rows() == [
        ("a", 1, 60, 10.0, 1.0),
        ("b", 2, 120, 40.0, 0.5),
    ]
    assert found["ping_latency_p50_ms"].to_list() == [30.0, 50.0]


def test_aggregates_over_time(history: History) -> None:
    found = history.by_software(*SPAN, every=timedelta(hours=1))
    told = found.select("software", pl.col("time").dt.hour(), "terminals").rows()
    assert told == [("a", 12, 1), ("b", 12, 1), ("b", 13, 1)]
    with pytest.raises(BadInput, match="less than a minute"):
        history.by_software(*SPAN, every=timedelta(seconds=30))


@pytest.mark.parametrize("resolution", [0, 3, 5])
def test_aggregates_by_area_are_those_of_the_cells_within(history: History, resolution: int) -> None:
    found = history.areas(*SPAN, resolution=resolution)
    expected = {f"{h3.cell_to_parent(CELL, resolution):x}": 2, f"{h3.cell_to_parent(OTHER, resolution):x}": 1}
    assert dict(found.select("cell", "terminals").rows()) == expected


def test_an_area_may_be_a_list_of_cells_of_any_size(history: History) -> None:
    within = history.areas(*SPAN, cells={h3.cell_to_parent(CELL, 2)})
    assert within["terminals"].to_list() == [2]
    assert history.areas(*SPAN, cells=set()).height == 0
    with pytest.raises(BadInput):
        history.areas(*SPAN, resolution=6)


def test_aggregates_by_tag(history: History, tmp_path: Path) -> None:
    with FleetDatabase(tmp_path) as database:
        tags = Tags(database)
        tags.put("ut-1", {"site": "Lviv", "gateway": "gw-1"})
        tags.put("ut-3", {"site": "Lviv"})
        tags.put("ut-2", {"site": "Odesa"})
        tags.put("ut-2", {"site": ""})
        found = history.by_tag("site", *SPAN, tags=tags.of("site"))
        assert found.select("site", "terminals", "downlink_mbps").rows() == [("Lviv", 2, 30.0)]
        assert history.by_tag("gateway", *SPAN, tags=tags.of("gateway"))["terminals"].to_list() == [1]


def test_questions_in_sql_have_views_under_our_names_and_the_vendors(history: History) -> None:
    found = history.sql('SELECT * FROM enterprise ORDER BY "UtcTimestampNs" LIMIT 1', *SPAN)
    assert found.columns == list(ENTERPRISE.values())
    assert found["DeviceId"].to_list() in (["ut-1"], ["ut-2"])
    [(count,)] = history.sql("SELECT count(*) FROM telemetry", *SPAN).rows()
    assert count == 12
    [(count,)] = history.sql("SELECT count(*) FROM telemetry", START, START + timedelta(seconds=15)).rows()
    assert count == 2


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM nothing",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/openleo-must-not-be'",
        "ATTACH '/tmp/openleo-must-not-be.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_a_question_reads_the_history_and_nothing_else(history: History, query: str) -> None:
    with pytest.raises(BadInput):
        history.sql(query, *SPAN)
    assert not Path("/tmp/openleo-must-not-be").exists()


def test_what_quarantined_devices_sent_is_in_no_answer(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path) as store, History(tmp_path, store=store) as history:
        store.add(minute("ut-1", software="a"), device="ag-1")
        store.add(minute("ut-1", 600, software="a"), device="ag-1")
        Keeper(store).keep(START_NS + 2 * HOUR_NS)
        store.add(minute("ut-1", 3_600, software="a"), device="ag-1")
        store.quarantine("ag-1", START_NS + 300 * NS)
        assert history.timeline("ut-1", *SPAN)["time"].to_list() == [START]
        assert history.timeline("ut-1", *SPAN, step="sample").height == 4
        assert history.by_software(*SPAN)["seconds"].to_list() == [60]
        assert history.sql("SELECT count(*) FROM enterprise", *SPAN).rows() == [(4,)]


def test_an_empty_history_answers_with_nothing(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        assert history.timeline("ut-1", *SPAN).height == 0
        assert history.by_software(*SPAN).height == 0
        assert history.areas(*SPAN).height == 0
        assert history.sql("SELECT * FROM enterprise", *SPAN).height == 0


@pytest.mark.parametrize(
    ("since", "until", "error"),
    [
        (START, START, BadInput),
        (START, START - timedelta(days=1), BadInput),
        (START, START + timedelta(days=401), BadInput),
        (START.replace(tzinfo=None), START, ValueError),
    ],
)
def test_a_span_that_is_none_is_refused(
    tmp_path: Path, since: datetime, until: datetime, error: type[Exception]
) -> None:
    with History(tmp_path) as history, pytest.raises(error):
        history.timeline("ut-1", since, until)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("table", ["telemetry", "minutes", "enterprise"])
def test_an_export_has_the_rows_asked_for_and_no_position(
    history: History, tmp_path: Path, form: str, table: str
) -> None:
    path = tmp_path / f"out it's.{form}"
    count = export(history, path, *SPAN, table=table, form=form, terminals=["ut-1", "ut-3"])  # type: ignore[arg-type]
    found = pl.read_csv(path) if form == "csv" else pl.read_parquet(path)
    assert count == found.height == (2 if table == "minutes" else 8)
    name = "DeviceId" if table == "enterprise" else "terminal"
    assert found[name].unique().sort().to_list() == ["ut-1", "ut-3"]
    assert "latitude_deg" not in found.columns
    with pytest.raises(BadInput, match="there already"):
        export(history, path, *SPAN)


def test_positions_are_exported_where_they_are_asked_for(history: History, tmp_path: Path) -> None:
    export(history, tmp_path / "with.csv", *SPAN, positions=True)
    assert {"latitude_deg", "longitude_deg"} <= set(pl.read_csv(tmp_path / "with.csv").columns)
    with pytest.raises(BadInput, match="no folder"):
        export(history, tmp_path / "none" / "x.csv", *SPAN)


def test_a_sample_is_found_by_its_time_to_the_nanosecond(history: History) -> None:
    assert sample().time_ns == START_NS
    assert history.timeline("ut-1", START, START + timedelta(microseconds=1), step="sample").height == 1
