"""What terminals are told while the network runs acts in the next slot, once, and is part of the run."""

import time
from pathlib import Path

import pytest
from live_world import clock_before, make_engine, make_folder, running

from openleo.base.errors import BadInput
from openleo.live.commanded import Commanded, Spool, Told
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.live.segment import slots_in
from openleo.results.evidence import explain_terminal
from openleo.results.execute import simulate
from openleo.results.run import open_run
from openleo.scenario.commands import Verb
from openleo.scenario.model import Scenario
from openleo.scenario.world import slots_of
from openleo.snapshot.causes import Cause


def stowed(folder: LiveFolder, slot: int) -> list[int]:
    segment = Archive(folder.run, folder.segments).segment(slot)
    assert segment is not None
    snapshot = segment.snapshot
    return [int(t) for t in snapshot.dark[snapshot.dark_cause == Cause.STOWED]]


def test_a_command_acts_in_the_next_slot_and_the_run_says_by_what_it_was_made(
    small: Scenario, tmp_path: Path
) -> None:
    """Stopped and gone on with between commands; run again from its own files, it comes out the same."""
    folder = make_folder(tmp_path / "live", small)
    first = slots_of(small)[0]
    clock = clock_before(first + 1000, speed=1.0)
    spool = Spool(folder.commands)

    def until(slots: int) -> None:
        stop = lambda: max(slots_in(folder.segments), default=-1) - first + 1 >= slots  # noqa: E731
        make_engine(folder, clock, stop=stop).run()

    until(3)
    ids = open_run(folder.run.path, partial=True).terminals["id"].to_list()
    spool.add(Told(ids[5], "stow", 0))
    spool.add(Told(ids[6], "power_save", 0, {"start_min": 0, "duration_min": 1440, "enable": 1}))
    until(7)
    assert stowed(folder, first + 2) == []
    assert stowed(folder, first + 3) == [5]
    spool.add(Told(ids[5], "unstow", 0))
    until(12)
    assert stowed(folder, first + 6) == [5]
    assert stowed(folder, first + 7) == []
    make_engine(folder, clock).run()
    spool.close()

    run = open_run(folder.run.path)
    run.verify()
    again = simulate(run.scenario(), tmp_path / "again", workers=1)
    assert again.overrides.equals(run.overrides)
    assert again.cells.equals(run.cells)
    assert set(run.overrides["cause"]) >= {Cause.STOWED, Cause.SLEEPING}
    found = explain_terminal(run, 5, first + 4)
    assert found["verdict"]["cause"] == "STOWED"
    assert [told["command"] for told in found["own"]["told"]] == ["stow"]


def test_one_who_reads_the_live_network_is_told_of_commands(small: Scenario, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "live", small)
    first = slots_of(small)[0]
    with running(make_engine(folder, clock_before(first, speed=30.0))):
        wait_for(folder, first + 1)
        archive = Archive(folder.run, folder.segments)
        ids = archive.statics["terminals"]["id"].to_list()
        assert explain_terminal(archive.history(), 4, first)["verdict"]["cause"] != "STOWED"
        spool = Spool(folder.commands)
        spool.add(Told(ids[4], "stow", 0))
        spool.close()
        slot = max(slots_in(folder.segments)) + 3
        wait_for(folder, slot)
        archive.refresh()
        found = explain_terminal(archive.history(), 4, slot)
    assert found["verdict"]["cause"] == "STOWED"
    assert found["own"]["told"][0]["command"] == "stow"


def wait_for(folder: LiveFolder, slot: int) -> None:
    until = time.monotonic() + 60
    while max(slots_in(folder.segments), default=-1) < slot:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_line_cut_short_is_no_command(tmp_path: Path) -> None:
    path = tmp_path / "commands.jsonl"
    spool = Spool(path)
    spool.add(Told("a", "stow", 0))
    spool.close()
    with path.open("ab") as file:
        file.write(b'{"terminal": "b", "comm')
    commanded = Commanded(path)
    assert commanded.look(7)
    assert [c.terminal for c in commanded.commands] == ["a"]
    spool = Spool(path)  # the writer is started again
    spool.add(Told("b", "inhibit_gps", 0, {"inhibit": 1}))
    spool.add(Told("c", "reboot", 0))
    spool.close()
    assert commanded.look(8)
    assert [(c.slot, c.terminal, c.verb) for c in commanded.commands] == [
        (7, "a", Verb.STOW),
        (8, "c", Verb.REBOOT),
    ]
    assert commanded.taken == 3, "what is the dish's alone is taken, and passed over"
    assert not commanded.look(9)


def test_a_spool_that_lost_what_the_run_was_made_by_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "commands.jsonl"
    spool = Spool(path)
    spool.add(Told("a", "stow", 0))
    spool.close()
    with pytest.raises(BadInput, match="has 1 lines; the run has taken 2"):
        Commanded(path, (), 2)
