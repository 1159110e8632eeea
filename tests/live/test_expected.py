"""What a run expected at a place and time, asked by those who diagnose real terminals."""

from pathlib import Path

import numpy as np
import pytest

from openleo.base.clock import slot_start
from openleo.live.expected import AROUND, RunExpected
from openleo.results.execute import simulate
from openleo.results.run import Run
from openleo.scenario.load import load_scenario
from openleo.snapshot.causes import Cause
from small_scenario import small_toml


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("expected")
    (folder / "small.toml").write_text(small_toml(blackout=True), encoding="utf-8")
    return simulate(load_scenario(folder / "small.toml"), folder / "run", workers=1)


def at_ns(slot: int) -> int:
    return int(slot_start(slot).astype("datetime64[ns]").astype(np.int64)) + 10**9


def test_it_tells_what_held_most_of_the_minutes_around(run: Run) -> None:
    expected = RunExpected(run)
    slot = run.first_slot + 12
    told = 0
    for row in run.terminals.iter_rows(named=True):
        if row["moving"]:
            continue
        found = expected.at(row["latitude_deg"], row["longitude_deg"], at_ns(slot))
        rows = run.cells.filter(
            (run.cells["cell"] == row["cell"]) & run.cells["slot"].is_between(slot - AROUND, slot + AROUND)
        )
        causes = [c for c in rows["cause"].to_list() if c != Cause.IDLE]
        if not causes:
            assert found is None
            continue
        assert found is not None
        online = causes.count(Cause.ONLINE) / len(causes)
        assert found.online == pytest.approx(online)
        assert (found.cause == "ONLINE") == (online > 0.5)
        assert found.of == f"run {run.name}"
        told += 1
    assert told > 10


def test_places_and_times_that_the_run_does_not_have_are_not_known(run: Run, tmp_path: Path) -> None:
    expected = RunExpected(run)
    first = run.terminals.row(0, named=True)
    where = (first["latitude_deg"], first["longitude_deg"])
    assert expected.at(-80.0, 10.0, at_ns(run.first_slot)) is None
    assert expected.at(*where, at_ns(run.first_slot - 1)) is None
    assert expected.at(*where, at_ns(run.until_slot)) is None


def test_what_a_run_expected_is_evidence_beside_telemetry(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from openleo.cli._main import exit_code_of
    from openleo.fleet.sample import Sample
    from openleo.fleet.store import TelemetryStore

    slot = run.first_slot + 20
    standing = [row for row in run.terminals.iter_rows(named=True) if not row["moving"]]
    found = next(
        row for row in standing if RunExpected(run).at(row["latitude_deg"], row["longitude_deg"], at_ns(slot))
    )
    samples = [
        Sample(
            terminal="ut-a", time_ns=at_ns(slot) - n * 15 * 10**9, source="dish", outage="NO_SATS",
            ping_drop=1.0, latitude_deg=found["latitude_deg"], longitude_deg=found["longitude_deg"],
        )
        for n in range(10)
    ]  # fmt: skip
    with TelemetryStore(tmp_path / "fleet") as store:
        store.add(samples)
    at = str(slot_start(slot).astype("datetime64[s]")) + "Z"
    args = ["fleet", "why", "ut-a", "--data", str(tmp_path), "--at", at, "--run", str(run.path), "--all"]
    assert exit_code_of(args) == 0
    assert f"run {run.name} expected it" in capsys.readouterr().out
