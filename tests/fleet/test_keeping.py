"""Closed hours become Parquet, then minutes; what is old goes; and a keeper may be killed at any step."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from fleet_world import DAY_NS, HOUR_NS, NS, START_NS, minute, sample

from openleo.base.errors import BadInput
from openleo.fleet import keeping
from openleo.fleet.archive import MINUTE, RAW, Archive, note_of, parts
from openleo.fleet.dayfile import DayEnded
from openleo.fleet.frames import schema_of
from openleo.fleet.history import History
from openleo.fleet.keeping import Keeper, KeeperRuns, Retention
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.usage import use_of
from openleo.snapshot.telemetry import MINUTES, TELEMETRY

FOREVER = (0, 2**62)
HOUR_LATER = START_NS + HOUR_NS + 11 * 60 * NS
DAYS_LATER = START_NS + 4 * DAY_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with TelemetryStore(tmp_path) as opened:
        yield opened


def raw(store: TelemetryStore) -> pl.DataFrame:
    files = Archive(store.path.parent).files(RAW, *FOREVER)
    return pl.concat([pl.DataFrame(schema=schema_of(TELEMETRY)), *(pl.read_parquet(f) for f in files)])


def minutes(store: TelemetryStore) -> pl.DataFrame:
    files = Archive(store.path.parent).files(MINUTE, *FOREVER)
    return pl.concat([pl.DataFrame(schema=schema_of(MINUTES)), *(pl.read_parquet(f) for f in files)])


def test_an_hour_is_kept_once_it_has_been_over_for_ten_minutes(store: TelemetryStore) -> None:
    store.add([*minute(), sample(at_s=3_600)])
    keeper = Keeper(store)
    assert keeper.keep(START_NS + HOUR_NS + 9 * 60 * NS).hours == []
    assert keeper.keep(HOUR_LATER).hours == ["2026-03-01T12"]
    assert keeper.keep(HOUR_LATER).hours == []
    assert raw(store).height == 4


def test_the_history_holds_what_the_store_held_by_terminal_and_time(store: TelemetryStore) -> None:
    from test_batches import FULL

    store.add([FULL, *minute("ut-b"), *minute("ut-a")], device="ag-1")
    Keeper(store).keep(HOUR_LATER)
    found = raw(store)
    assert found.schema == schema_of(TELEMETRY)
    assert found.select("terminal", "time_ns").rows() == sorted(found.select("terminal", "time_ns").rows())
    row = found.filter(pl.col("terminal") == FULL.terminal).row(0, named=True)
    for column in TELEMETRY.columns:
        if column.name not in {"device", "alerts", "latitude_deg", "longitude_deg"}:
            told = getattr(FULL, column.name)
            assert row[column.name] == (pytest.approx(told) if isinstance(told, float) else told), column.name
    assert (row["device"], row["alerts"]) == ("ag-1", [50, 66])


def test_the_history_tells_where_a_terminal_was_to_some_kilometres_and_no_more(store: TelemetryStore) -> None:
    store.add([sample(latitude_deg=49.8397, longitude_deg=24.0297), sample("ut-2")])
    Keeper(store).keep(HOUR_LATER)
    first, second = raw(store).select("latitude_deg", "longitude_deg").rows()
    assert first != (49.8397, 24.0297)
    assert first == (pytest.approx(49.8397, abs=0.02), pytest.approx(24.0297, abs=0.03))
    assert second == (None, None)


def test_what_comes_late_joins_its_hour(store: TelemetryStore) -> None:
    store.add(minute())
    keeper = Keeper(store)
    keeper.keep(HOUR_LATER)
    store.add([sample(at_s=120), sample("ut-2", at_s=5)])
    kept = keeper.keep(HOUR_LATER)
    assert (kept.hours, kept.minutes) == (["2026-03-01T12"], ["2026-03-01T12"])
    assert raw(store).height == 6
    assert minutes(store).height == 3
    assert len(list((store.path.parent / "history/raw/2026-03-01").iterdir())) == 1, "the old generation went"


def test_a_day_goes_once_all_of_it_is_kept_and_what_comes_for_it_later_is_kept_too(
    store: TelemetryStore,
) -> None:
    store.add(minute())
    keeper = Keeper(store)
    assert keeper.keep(START_NS + 2 * DAY_NS).removed == []
    assert keeper.keep(DAYS_LATER).removed == ["2026-03-01"]
    assert store.days() == []
    store.add([*minute(), sample(at_s=300)])  # some of it again
    keeper.keep(DAYS_LATER)
    assert raw(store).height == 5
    assert store.latest()["ut-1"].time_ns == START_NS + 300 * NS


def test_a_day_that_somebody_reads_stays_for_now_and_takes_what_is_late(store: TelemetryStore) -> None:
    store.add(minute())
    keeper = Keeper(store)
    with store.day("2026-03-01") as reading:
        reading._conn.execute("BEGIN")
        reading._conn.execute("SELECT count(*) FROM samples").fetchall()
        assert keeper.keep(DAYS_LATER).removed == []
        assert store.add([sample(at_s=200)]) == 1
        reading._conn.execute("COMMIT")
    keeper.keep(DAYS_LATER)
    assert keeper.keep(DAYS_LATER).removed + store.days() in ([["2026-03-01"], []], ["2026-03-01"], [])
    assert raw(store).height == 5


def test_a_removal_that_was_cut_off_is_finished_by_who_writes_next(store: TelemetryStore) -> None:
    store.add(minute())
    Keeper(store).keep(HOUR_LATER)
    with store.day("2026-03-01") as day:
        day._conn.execute("INSERT INTO ended VALUES (1)")
        with pytest.raises(DayEnded):
            day.add([("", sample(at_s=300))])
    assert store.add([sample(at_s=300)]) == 1
    Keeper(store).keep(HOUR_LATER)
    assert raw(store).height == 5


def test_minutes_are_means_over_time_and_the_last_of_what_holds(store: TelemetryStore) -> None:
    store.add(
        [
            sample(at_s=0, downlink_mbps=10.0, period_s=15, outage="", software="a", alerts=(50,)),
            sample(
                at_s=15, downlink_mbps=40.0, period_s=5, outage="OBSTRUCTED", software="b", alerts=(66, 50)
            ),
            sample(at_s=20, downlink_mbps=None, period_s=15, outage="", reachable=False),
            sample(at_s=61, downlink_mbps=None, outage=None, power_w=None),
        ]
    )
    Keeper(store).keep(HOUR_LATER)
    first, second = minutes(store).rows(named=True)
    assert first["time_ns"] == START_NS
    assert (first["samples"], first["seconds"]) == (3, 35)
    assert first["downlink_mbps"] == pytest.approx((10 * 15 + 40 * 5) / 20)
    assert first["downlink_max_mbps"] == 40.0
    assert first["reachable"] == pytest.approx(2 / 3)
    assert first["in_service"] == pytest.approx(1 / 3)
    assert (first["software"], first["outage"], first["alerts"]) == ("b", "OBSTRUCTED", [50, 66])
    assert (second["downlink_mbps"], second["power_w"], second["outage"], second["in_service"]) == (
        None,
        None,
        None,
        1.0,
    )
    assert second["alerts"] == []


def test_in_a_minute_the_dish_counts_and_the_vendor_fills_in(store: TelemetryStore) -> None:
    store.add([*minute(downlink_mbps=10.0), *minute(source="enterprise", downlink_mbps=90.0, country="UA")])
    store.add(minute("ut-2", source="enterprise", downlink_mbps=90.0))
    Keeper(store).keep(HOUR_LATER)
    both, alone = minutes(store).rows(named=True)
    assert (both["downlink_mbps"], both["country"], both["samples"], both["seconds"]) == (10.0, "UA", 4, 60)
    assert (alone["downlink_mbps"], alone["samples"]) == (90.0, 4)


def test_minutes_of_an_older_release_are_read_and_made_anew_while_their_samples_are_kept(
    store: TelemetryStore,
) -> None:
    store.add(
        sample("ut-1", 15 * n, reachable=n == 1, downlink_mbps=8.0 if n == 1 else None) for n in range(4)
    )
    store.add(sample("ut-1", 3_600 + 15 * n, downlink_mbps=8.0) for n in range(4))
    keeper, span = Keeper(store), (START_NS - HOUR_NS, START_NS + 3 * HOUR_NS)
    later = START_NS + 3 * HOUR_NS
    keeper.keep(later)
    for hour in keeper.archive.hours(MINUTE, *span).values():
        for part in parts(hour):
            pl.read_parquet(part).drop("downlink_s", "uplink_s").write_parquet(part)
        note = json.loads(note_of(hour))
        del note["form"]
        (hour / "note").write_text(json.dumps(note))
    before = use_of(store.path.parent, store, 1, later)["ut-1"]
    assert before.told_s == 15 + 60, "by the share of samples that answered"
    since, until = (datetime.fromtimestamp(at / NS, UTC) for at in span)
    with History(store.path.parent, store=store) as history:
        assert history.timeline("ut-1", since, until)["downlink_s"].to_list() == [None, None]
    assert len(keeper.keep(later).minutes) == 2
    assert minutes(store)["downlink_s"].to_list() == [15, 60]
    assert keeper.keep(later).minutes == []
    assert use_of(store.path.parent, store, 1, later)["ut-1"] == before


def test_what_a_device_said_in_wrong_hands_leaves_the_minutes_again(store: TelemetryStore) -> None:
    store.add(minute("ut-1"), device="ag-1")
    store.add(minute("ut-2"), device="ag-2")
    keeper = Keeper(store)
    keeper.keep(HOUR_LATER)
    assert minutes(store)["terminal"].to_list() == ["ut-1", "ut-2"]
    store.quarantine("ag-1", START_NS - NS)
    assert keeper.keep(HOUR_LATER).minutes == ["2026-03-01T12"]
    assert minutes(store)["terminal"].to_list() == ["ut-2"]
    assert keeper.keep(HOUR_LATER).minutes == []


def test_samples_go_after_their_days_and_minutes_after_theirs(store: TelemetryStore) -> None:
    store.add([sample(at_s=-n * 86_400) for n in range(4)])
    keeper = Keeper(store, retention=Retention(hot_days=1, raw_days=2, minute_days=3))
    keeper.keep(START_NS + HOUR_NS)
    archive = Archive(store.path.parent)
    assert archive.days(RAW) == ["2026-02-27", "2026-02-28"]
    assert archive.days(MINUTE) == ["2026-02-26", "2026-02-27", "2026-02-28"]
    keeper.keep(START_NS + 2 * DAY_NS)
    assert archive.days(RAW) == ["2026-03-01"]
    assert archive.days(MINUTE) == ["2026-02-28", "2026-03-01"]


@pytest.mark.parametrize("days", [(0, 30, 396), (3, 2, 396), (2, 30, 29)])
def test_a_retention_that_cannot_be_is_refused(days: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput):
        Retention(hot_days=days[0], raw_days=days[1], minute_days=days[2])


def test_one_keeper_at_a_time(store: TelemetryStore) -> None:
    with keeping._alone(store.path.parent / "history"), pytest.raises(KeeperRuns):
        Keeper(store).keep(HOUR_LATER)
    Keeper(store).keep(HOUR_LATER)


def test_an_hour_of_many_terminals_is_in_parts_and_a_terminal_in_one(
    store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PART_ROWS", 10)
    store.add([one for n in range(7) for one in minute(f"ut-{n}")])
    keeper = Keeper(store)
    keeper.keep(HOUR_LATER)
    store.add([sample("ut-0", 200), sample("ut-6", 200), sample("ut-00", 0)])
    keeper.keep(HOUR_LATER)
    hour = Archive(store.path.parent).hour(RAW, START_NS // HOUR_NS)
    assert hour is not None
    found = [pl.read_parquet(path) for path in parts(hour)]
    assert len(found) > 1
    names = [frame["terminal"].unique().to_list() for frame in found]
    listed = [name for group in names for name in group]
    assert sorted(listed) == sorted(set(listed))
    assert sum(frame.height for frame in found) == 7 * 4 + 3
    assert pl.concat(found)["terminal"].is_sorted()


STEPS = ("mkdir", "rename", "rmtree", "unlink", "fsync", "note_kept")

KILLED = """
import os, sys, signal, shutil
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from openleo.fleet import archive, keeping, dayfile
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.usage import use_of
left = int(sys.argv[2])
def step(real):
    def counted(*args, **how):
        global left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **how)
    return counted
Path.mkdir, Path.rename, Path.unlink = step(Path.mkdir), step(Path.rename), step(Path.unlink)
shutil.rmtree = step(shutil.rmtree)
dayfile.DayFile.note_kept = step(dayfile.DayFile.note_kept)
real_fsync = os.fsync
with TelemetryStore(Path(sys.argv[1])) as store:
    keeping.Keeper(store, fsync=step(os.fsync)).keep(int(sys.argv[4]))
print("done")
"""


def test_a_keeper_may_be_killed_at_any_step(tmp_path: Path) -> None:
    """Killed at each step in turn, and begun again: each sample is in the answers once, at every moment."""
    from openleo.fleet.history import History

    fleet = tmp_path / "fleet"
    with TelemetryStore(fleet) as store:
        store.add([one for n in range(3) for one in minute(f"ut-{n}", at_s=3_600 * n)])
        Keeper(store).keep(START_NS + HOUR_NS + 11 * 60 * NS)
        store.add([sample("ut-0", 30.5, counter=5)])
    killed, finished = 0, False
    for left in (1, 2, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 35, 40, 60, 500):
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(fleet),
            str(left),
            str(Path(__file__).parent),
            str(DAYS_LATER),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        killed += done.returncode == -signal.SIGKILL
        finished = "done" in done.stdout
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        with History(fleet) as history:
            from datetime import UTC, datetime

            span = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
            found = [history.timeline(f"ut-{n}", *span, step="sample").height for n in range(3)]
            assert found == [5, 4, 4], left
            [(rows, seconds)] = history.sql(
                "SELECT (SELECT count(*) FROM telemetry), (SELECT sum(samples) FROM minutes)", *span
            ).rows()
            assert (rows, seconds) == (13, 13), left
    assert finished
    assert killed > 5
    with TelemetryStore(fleet) as store:
        assert store.days() == []
    leftovers = [p for p in (fleet / "history").rglob("*") if p.name.startswith((".making", ".going"))]
    assert leftovers == []


def test_a_keeper_on_a_full_disk_loses_nothing(
    store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(minute())

    def full(*args: object, **how: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(OSError, match="No space"):
            Keeper(store).keep(DAYS_LATER)
    assert len(store.samples("ut-1", *FOREVER)) == 4
    assert Keeper(store).keep(DAYS_LATER).removed == ["2026-03-01"]
    assert raw(store).height == 4
    assert os.listdir(store.path.parent / "history/raw/2026-03-01") == ["12.g0"]
