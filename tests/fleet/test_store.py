"""The store: samples are there once, by terminal and time, whoever sent them how often."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fleet_world import DAY_NS, HOUR_NS, NS, START_NS, minute, sample

from openleo.fleet.dayfile import FIELDS, row_of, sample_of
from openleo.fleet.sample import Sample
from openleo.fleet.store import INDEX, TelemetryStore, day_ns, day_of
from openleo.snapshot.telemetry import TELEMETRY

ALL = (0, 2**62)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with TelemetryStore(tmp_path) as opened:
        yield opened


def test_the_table_in_the_registry_has_the_fields_of_a_sample_and_who_sent_it() -> None:
    assert [c.name for c in TELEMETRY.columns] == [*FIELDS, "device"]


def test_a_sample_comes_back_as_it_went_in(store: TelemetryStore) -> None:
    from test_batches import FULL

    bare = Sample(terminal="ut-2", time_ns=START_NS, source="model")
    assert store.add([FULL, bare]) == 2
    assert store.samples(FULL.terminal, *ALL) == [FULL]
    assert store.samples("ut-2", *ALL) == [bare]
    assert sample_of(row_of("", FULL)[1:]) == FULL


def test_a_sample_that_comes_again_is_there_once(store: TelemetryStore) -> None:
    assert store.add(minute()) == 4
    assert store.add([*minute(), sample(at_s=60)]) == 1
    assert len(store.samples("ut-1", *ALL)) == 5


@pytest.mark.parametrize(
    ("first", "second", "there"),
    [
        (sample(), replace(sample(), time_ns=START_NS + 7), 1),  # the dish counts: another agent's clock
        (sample(), replace(sample(), boot=2), 2),
        (sample(source="enterprise"), sample(source="enterprise", downlink_mbps=9.0), 1),
        (sample(source="enterprise"), sample(source="enterprise", at_s=15), 2),
        (sample(source="enterprise"), sample(source="model"), 2),
        (sample(counter=None), sample(counter=None), 1),
        (sample(counter=None), sample(), 2),
    ],
)
def test_what_makes_two_samples_the_same(
    store: TelemetryStore, first: Sample, second: Sample, there: int
) -> None:
    store.add([first])
    store.add([second])
    assert len(store.samples("ut-1", *ALL, merged=False)) == there
    assert store.samples("ut-1", *ALL, merged=False)[0] == first


def test_samples_are_by_time_within_a_half_open_span_over_midnight(store: TelemetryStore) -> None:
    times = [11 * 3_600, 12 * 3_600 - 1, 12 * 3_600, 13 * 3_600]  # the start is at noon
    store.add([sample(at_s=at) for at in reversed(times)])
    assert [path.stem for path in sorted(store.path.glob("2*.db"))] == ["2026-03-01", "2026-03-02"]
    found = store.samples("ut-1", START_NS + 11 * HOUR_NS, START_NS + 13 * HOUR_NS)
    assert [one.time_ns - START_NS for one in found] == [at * NS for at in times[:-1]]


def test_the_vendors_telemetry_fills_in_what_the_dish_does_not_tell(store: TelemetryStore) -> None:
    store.add([sample(power_w=60.0)])
    store.add([sample(source="enterprise", at_s=4, country="UA", downlink_mbps=7.0, alerts=(66,))])
    [one] = store.samples("ut-1", *ALL)
    assert (one.source, one.power_w, one.country, one.downlink_mbps, one.alerts) == (
        "dish",
        60.0,
        "UA",
        1.5,
        (66,),
    )
    assert store.latest()["ut-1"].country == "UA"
    assert len(store.samples("ut-1", *ALL, merged=False)) == 2


def test_a_dish_that_an_agent_cannot_reach_is_not_dark_while_the_vendor_hears_it(
    store: TelemetryStore,
) -> None:
    dark = Sample(terminal="ut-1", time_ns=START_NS, source="dish", reachable=False)
    store.add([dark, sample(source="enterprise", at_s=3, ping_drop=0.0)])
    [one] = store.samples("ut-1", *ALL)
    assert (one.reachable, one.ping_drop) == (True, 0.0)
    store.add([replace(dark, time_ns=START_NS + 300 * NS)])
    assert store.latest()["ut-1"].reachable is False, (
        "what the vendor heard five minutes ago says nothing of now"
    )


def test_samples_of_sources_that_are_far_apart_stay_apart(store: TelemetryStore) -> None:
    store.add(minute())
    store.add([sample(source="enterprise", at_s=at) for at in (16, 31, 400)])
    merged = store.samples("ut-1", *ALL)
    assert [one.time_ns for one in merged] == sorted(one.time_ns for one in merged)
    assert [one.source for one in merged] == ["dish"] * 4 + ["enterprise"]


def test_the_latest_is_by_time_not_by_when_it_came(store: TelemetryStore) -> None:
    store.add([sample(at_s=60, downlink_mbps=6.0)])
    store.add([sample(at_s=0), sample("ut-2")])
    assert store.latest()["ut-1"].downlink_mbps == 6.0
    assert store.terminals() == ["ut-1", "ut-2"]


def test_who_follows_gets_each_sample_once_in_the_order_in_which_it_came(store: TelemetryStore) -> None:
    store.add(minute("ut-1"))
    first, at = store.arrived({}, most=3)
    store.add([sample("ut-2", at_s=-DAY_NS / NS)])  # late, of the day before
    store.add(minute("ut-3"))
    rest, at = store.arrived(at, most=100)
    assert [one.terminal for one in first + rest].count("ut-1") == 4
    assert sorted({one.terminal for one in rest}) == ["ut-1", "ut-2", "ut-3"]
    assert store.arrived(at, most=100) == ([], at)
    assert store.end_position() == at


def test_two_processes_may_write_at_once(store: TelemetryStore, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from fleet_world import sample\n"
        "from openleo.fleet.store import TelemetryStore\n"
        "with TelemetryStore(Path(sys.argv[1])) as s:\n"
        "    for n in range(50): s.add([sample('ut-other', at_s=n)])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command) as other:
        for n in range(50):
            store.add([sample("ut-mine", at_s=n)])
        assert other.wait() == 0
    assert [len(store.samples(name, *ALL)) for name in ("ut-mine", "ut-other")] == [50, 50]
    assert store.terminals() == ["ut-mine", "ut-other"]


@pytest.mark.parametrize("content", [None, b"", b"not a database, but long enough to be looked at" * 50])
def test_the_index_may_be_lost_or_damaged(tmp_path: Path, content: bytes | None) -> None:
    with TelemetryStore(tmp_path) as store:
        store.add([*minute("ut-1"), sample("ut-2")])
        before = store.latest()
        index = store.path / INDEX
    for path in store.path.glob(f"{INDEX}*"):
        path.unlink()
    if content is not None:
        index.write_bytes(content)
    with TelemetryStore(tmp_path) as store:
        assert store.latest() == before
        assert store.add([sample("ut-3")]) == 1
        assert store.terminals() == ["ut-1", "ut-2", "ut-3"]


def test_an_index_that_fell_behind_is_brought_up(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path) as store:
        store.add([sample()])
    with sqlite3.connect(store.path / INDEX) as conn:
        old = conn.execute("SELECT * FROM latest").fetchall()
    conn.close()
    with TelemetryStore(tmp_path) as store:
        store.add([sample(at_s=60, downlink_mbps=8.0)])
    with sqlite3.connect(store.path / INDEX) as conn:
        conn.execute("DELETE FROM latest")
        conn.executemany("INSERT INTO latest VALUES (?, ?, ?, ?, ?)", old)
        conn.execute("UPDATE seen SET n = 1")
    conn.close()
    with TelemetryStore(tmp_path) as store:
        assert store.latest()["ut-1"].downlink_mbps == 8.0


def test_what_a_quarantined_device_said_since_is_held_back_and_its_past_stays(store: TelemetryStore) -> None:
    store.add(minute("ut-1", -600), device="ag-1")
    store.add(minute("ut-1", 0), device="ag-1")
    store.add([sample("ut-2")], device="ag-2")
    assert store.quarantine("ag-1", START_NS)
    assert not store.quarantine("ag-1", START_NS), "told once"
    assert [one.time_ns < START_NS for one in store.samples("ut-1", *ALL)] == [True] * 4
    assert store.latest()["ut-1"].time_ns == START_NS - 555 * NS
    assert "ut-2" in store.latest()
    arrived, _ = store.arrived({}, most=100)
    assert len(arrived) == 5
    store.add([sample("ut-1", 900)], device="ag-1")
    assert store.latest()["ut-1"].time_ns < START_NS


def test_days_have_names_and_beginnings() -> None:
    assert (day_of(START_NS), day_ns("2026-03-01")) == ("2026-03-01", START_NS - 12 * HOUR_NS)
    assert day_of(day_ns("2026-03-01") - 1) == "2026-02-28"
