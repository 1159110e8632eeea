"""The engine by the clock: what it writes is what a run writes, whatever stops it in between."""

import time
from pathlib import Path

import numpy as np
import pytest
from live_world import SLOTS, clock_before, make_engine, make_folder, running

from openleo.base.clock import slot_start
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.live.segment import read_segment, segment_path, slots_in
from openleo.live.views import view_of_run, view_of_segment
from openleo.results.execute import simulate
from openleo.results.inputs import scenario_of
from openleo.results.run import open_run
from openleo.results.timeline import timeline_of
from openleo.scenario.model import Scenario
from openleo.snapshot.stream import PARTS


@pytest.fixture(scope="module")
def whole(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> LiveFolder:
    """A network that was served to its end, as fast as it can."""
    folder = make_folder(tmp_path_factory.mktemp("whole"), small)
    engine = make_engine(folder, clock_before(first_slot(small) + 1000, speed=1.0))
    engine.run()
    return folder


def first_slot(scenario: Scenario) -> int:
    from openleo.scenario.world import slots_of

    return slots_of(scenario)[0]


def bytes_of(folder: Path) -> dict[str, bytes]:
    names = [p for p in folder.rglob("*") if p.is_file() and p.name != "host.json"]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in names}


def test_a_network_that_was_served_leaves_the_very_run_folder_of_its_scenario(
    whole: LiveFolder, tmp_path: Path
) -> None:
    scenario = scenario_of(whole.path, whole.config()["inputs"])
    simulate(scenario, tmp_path / "run", workers=1)
    assert bytes_of(whole.run.path) == bytes_of(tmp_path / "run")


def test_one_that_is_stopped_goes_on_where_it_was_and_leaves_the_same(
    whole: LiveFolder, small: Scenario, tmp_path: Path
) -> None:
    """Stopped after 7, 12 and 13 slots: in the middle of chunks of five."""
    folder = make_folder(tmp_path / "live", small)
    for many in (7, 12, 13):
        told: list[str] = []
        engine = make_engine(
            folder,
            clock_before(first_slot(small) + 1000, speed=1.0),
            told=told.append,
            stop=lambda many=many: newest(folder) - first_slot(small) + 1 >= many,  # type: ignore[misc]
        )
        engine.run()
        assert newest(folder) - first_slot(small) + 1 == many
    make_engine(folder, clock_before(first_slot(small) + 1000, speed=1.0)).run()
    assert bytes_of(folder.run.path) == bytes_of(whole.run.path)


def newest(folder: LiveFolder) -> int:
    return max(slots_in(folder.segments), default=-1)


def test_lost_segments_are_computed_again(whole: LiveFolder, small: Scenario, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "live", small)
    stop_at = first_slot(small) + 8
    make_engine(folder, clock_before(stop_at + 1000, speed=1.0), stop=lambda: newest(folder) >= stop_at).run()
    segment_path(folder.segments, stop_at - 1).unlink()
    segment_path(folder.segments, stop_at - 2).write_bytes(b"cut off")
    make_engine(folder, clock_before(stop_at + 1000, speed=1.0)).run()
    assert bytes_of(folder.run.path) == bytes_of(whole.run.path)


def test_a_slot_is_ready_as_it_begins(small: Scenario, tmp_path: Path) -> None:
    folder = make_folder(tmp_path, small)
    first = first_slot(small)
    late: list[float] = []
    engine = make_engine(folder, clock_before(first + 1000, speed=1.0))
    engine.clock = clock_before(first, speed=30.0, slots=4.0)

    def told(text: str) -> None:
        if text.startswith("slot "):
            slot = int(text.removeprefix("slot "))
            late.append(-engine.clock.wall_s_until(slot))

    engine._told = told
    with running(engine):
        time.sleep(6.0)
    assert len(late) >= 5
    assert all(one >= -1.0 for one in late), "rules freeze no sooner than they must"
    assert np.median(late) < 0.1, "a slot is there as it begins"


def test_the_ring_keeps_what_the_run_folder_does_not_have_yet(whole: LiveFolder, small: Scenario) -> None:
    there = slots_in(whole.segments)
    assert there == list(range(there[0], first_slot(small) + SLOTS))
    assert len(there) >= 12


def test_the_view_of_a_slot_is_the_same_from_its_segment_and_from_the_run_folder(whole: LiveFolder) -> None:
    """But for satellites that serve other users alone, whom the tables do not know: here are none."""
    archive = Archive(whole.run, whole.segments)
    for slot in slots_in(whole.segments)[-6:]:
        segment = archive.segment(slot)
        assert segment is not None
        one, other = view_of_segment(archive, segment), view_of_run(Archive(whole.run), slot)
        for part in PARTS:
            for column in part.columns:
                np.testing.assert_array_equal(
                    one[part.name][column.name], other[part.name][column.name], f"{part.name}.{column.name}"
                )


def test_history_up_to_a_slot_in_no_chunk_yet_is_that_of_the_whole_run(whole: LiveFolder) -> None:
    """Cut the last chunks off: their slots are read from segments."""
    run = open_run(whole.run.path)
    archive = Archive(whole.run, whole.segments)
    archive._entries = archive._entries[:-2]
    grown = archive.history()
    assert grown.until_slot == run.until_slot
    for name in ("slots", "slot_causes"):
        assert grown.table(name).collect().equals(run.table(name).collect())
    assert grown.table("cells").collect().sort("cell", "slot").equals(run.cells.sort("cell", "slot"))
    for terminal in (0, 35, 44):
        mine = timeline_of(grown, terminal)
        assert mine.equals(timeline_of(run, terminal))


def test_a_segment_is_read_as_it_was_written(whole: LiveFolder) -> None:
    slot = slots_in(whole.segments)[-1]
    segment = read_segment(whole.segments, slot)
    assert segment.slot == slot
    assert segment.snapshot.summary["terminals"] == 45
    before = read_segment(whole.segments, slot - 1)
    assert before.after.to_bytes() == segment.before.to_bytes()
    assert str(slot_start(slot)).startswith("2022-10-07T00:09")
