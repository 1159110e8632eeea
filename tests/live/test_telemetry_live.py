"""A modelled network's telemetry: the same sort of Samples that real dishes give, and right by the run."""

from pathlib import Path

import numpy as np
import pytest
from live_world import clock_before, make_engine, make_folder

from openleo.dish.causes import SHOWN
from openleo.dish.firmware import NEWEST
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.live.felt import Felt, start_s_of
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.live.telemetry import NS, Telemetry
from openleo.results.run import Run, open_run
from openleo.results.timeline import timeline_of
from openleo.scenario.load import load_scenario
from openleo.scenario.world import slots_of
from openleo.snapshot.causes import Cause, is_policy
from small_scenario import small_toml

SLOTS = 24


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> LiveFolder:
    path = tmp_path_factory.mktemp("telemetry") / "small.toml"
    path.write_text(small_toml(minutes=6, unpaid=True, blackout=True))
    scenario = load_scenario(path)
    folder = make_folder(path.parent / "live", scenario)
    make_engine(folder, clock_before(slots_of(scenario)[0] + 1000, speed=1.0)).run()
    return folder


@pytest.fixture(scope="module")
def run(served: LiveFolder) -> Run:
    return open_run(served.run.path)


@pytest.fixture(scope="module")
def samples(served: LiveFolder, run: Run) -> list[list[Sample]]:
    """By slot, then by terminal."""
    archive = Archive(served.run, served.segments)
    felt = Felt(archive, np.arange(len(run.terminals), dtype=np.int64))
    telemetry = Telemetry(felt, software=NEWEST)
    scenes = (felt.scene(run.first_slot + n) for n in range(SLOTS))
    return [telemetry.samples(scene, felt.seconds(scene)) for scene in scenes]


def test_a_sample_says_what_the_run_says_of_its_terminal_and_slot(
    run: Run, samples: list[list[Sample]]
) -> None:
    for row in range(len(run.terminals)):
        line = timeline_of(run, row)
        for n in range(SLOTS):
            sample, cause = samples[n][row], line["cause"][n]
            assert sample.time_ns == (start_s_of(run.first_slot + n) + 15) * NS
            assert sample.reachable == (cause != "POWER_OFF" or line["seconds"][n] >> 14 & 1)
            if not sample.reachable:
                assert sample.outage is None
                continue
            assert sample.ping_drop == pytest.approx(1 - line["online_s"][n] / 15)
            if line["online_s"][n]:
                assert sample.ping_latency_ms == pytest.approx(line["rtt_us"][n] / 1e3, abs=1e-3)
            else:
                assert sample.ping_latency_ms is None
            if line["seconds"][n] >> 14 & 1:
                assert (sample.outage, sample.disablement) == ("", "OKAY")
            elif is_policy(Cause[cause]):
                assert (sample.outage, sample.disablement) == ("NO_SCHEDULE", cause)
            else:
                assert (sample.outage, sample.disablement) == (SHOWN[cause], "OKAY")


def test_an_outage_begins_in_the_second_in_which_it_began(run: Run, samples: list[list[Sample]]) -> None:
    """Both gateways are lost from the slot after 00:04:00 on: for all who were online until then."""
    lost = next(n for n in range(SLOTS) if samples[n][0].outage == "NO_PINGS")
    began_ns = start_s_of(run.first_slot + lost) * NS
    assert {samples[n][0].outage_since_ns for n in range(lost, lost + 4)} == {began_ns}
    assert samples[lost - 1][0].outage_since_ns is None


def test_what_is_kept_is_what_was_made_and_a_fleet_reads_it(
    samples: list[list[Sample]], tmp_path: Path
) -> None:
    with TelemetryStore(tmp_path) as store:
        for slot in samples:
            assert store.add(slot) == len(slot)
            assert store.add(slot) == 0, "kept once, however often it is added"
        latest = store.latest()
        assert set(latest) == {sample.terminal for sample in samples[0]}
        one = samples[-1][0]
        found = latest[one.terminal]
        assert (found.outage, found.cell, found.software) == (one.outage, one.cell, NEWEST)
        assert found.ping_latency_ms == pytest.approx(one.ping_latency_ms or 0)
