"""Decisions in a network that runs: each acts in exactly the slot that its answer named."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from live_world import clock_before, make_engine, make_folder, running

from openleo.base.clock import slot_start
from openleo.control.areas import NewArea, define_area
from openleo.control.credential import Credential
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind, Running, TooEarly
from openleo.control.plane import Actor, Plane
from openleo.control.store import Store
from openleo.control.switching import approve, ask, propose, to_sign
from openleo.live.clock import Clock
from openleo.live.decided import Decided
from openleo.live.engine import Engine
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive
from openleo.results.execute import simulate
from openleo.results.inputs import scenario_of
from openleo.results.run import open_run
from openleo.scenario.model import Scenario
from openleo.scenario.world import compile_world, slots_of
from openleo.snapshot.causes import Cause

SPEED = 60.0
STILL = 42  # terminals that do not move: the first ones


@dataclass
class Live:
    """A control plane and an engine that share a clock."""

    plane: Plane
    engine: Engine
    folder: LiveFolder
    people: dict[str, Credential]
    clock: Clock
    thread: threading.Thread | None = None

    def actor(self, name: str) -> Actor:
        return Actor(id=name, human=name)

    def switch(self, area: str, to: str) -> int:
        """Have two people switch an area; return the slot that the answer named."""
        plane = self.plane
        request = plane.act(self.actor("amina"), lambda tx: ask(tx, area, to, reason="for the test"))
        text = plane.read(self.actor("amina"), lambda tx: to_sign(tx, request.id))
        signature = self.people["amina"].sign("propose", text)
        plane.act(self.actor("amina"), lambda tx: propose(tx, request.id, signature=signature))
        text = plane.read(self.actor("jonas"), lambda tx: to_sign(tx, request.id))
        signature = self.people["jonas"].sign("approve", text)
        granted, _ = plane.act(self.actor("jonas"), lambda tx: approve(tx, request.id, signature=signature))
        assert granted.effective_slot is not None
        return int(granted.effective_slot)

    def wait_for(self, slot: int) -> Archive:
        until = time.monotonic() + 60
        while not self.folder.run.is_run:
            assert time.monotonic() < until
            time.sleep(0.05)
        archive = Archive(self.folder.run, self.folder.segments)
        while archive.newest() < slot:
            assert time.monotonic() < until, "the engine has stopped"
            time.sleep(0.02)
        archive.refresh()
        return archive

    def dark(self, archive: Archive, slot: int) -> set[int]:
        """Return the terminals that are dark by policy in a slot, of those that stay where they are."""
        segment = archive.segment(slot)
        assert segment is not None
        s = segment.snapshot
        found = s.dark[s.dark_cause == Cause.CELL_IS_DISABLED]
        return set(found[found < STILL].tolist())


@contextmanager
def live(path: Path, scenario: Scenario, *, before: bool = True) -> Iterator[Live]:
    """Found a simulated network with an area "all" of every cell, and run it at x60."""
    network = Network(name="test", kind=NetworkKind.SIMULATED, origin="openleo.test/log")
    people = found_network(path / "control", network, {"amina": "amina", "jonas": "jonas"})
    folder = make_folder(path / "live", scenario)
    cells = np.unique(compile_world(scenario_of(folder.path, folder.config()["inputs"])).terminal_cell)
    plane = Plane.open(path / "control", grouped=True)
    plane.act(
        Actor(id="amina", human="amina"),
        lambda tx: define_area(tx, NewArea(id="all", cells=cells), reason="to begin with"),
    )
    store = Store.open(path / "control", claims=False)
    first = slots_of(scenario)[0]
    engine = make_engine(folder, clock_before(first, speed=SPEED), decided=Decided(store))
    engine.clock = clock_before(first, speed=SPEED)
    cut_off = timedelta(seconds=engine.clock.cut_off_s)
    plane.network = replace(plane.network, running=Running(now=engine.clock.instant, cut_off=cut_off))
    made = Live(plane, engine, folder, people, engine.clock)
    try:
        with running(engine) as thread:
            made.thread = thread
            yield made
    finally:
        plane.close()
        store.close()


@pytest.fixture
def long(small: Scenario) -> Scenario:
    """The scenario over three hours: three minutes at x60."""
    return small.with_changes(end=small.start + timedelta(hours=3))


def test_terminals_go_dark_in_exactly_the_slot_that_the_answer_named(long: Scenario, tmp_path: Path) -> None:
    with live(tmp_path, long) as made:
        made.wait_for(made.engine.net.world.first_slot)
        off = made.switch("all", "off")
        archive = made.wait_for(off + 1)
        assert not made.dark(archive, off - 1)
        assert len(made.dark(archive, off)) == STILL
        on = made.switch("all", "on")
        assert on > off
        archive = made.wait_for(on + 1)
        assert len(made.dark(archive, on - 1)) == STILL
        assert not made.dark(archive, on)
        assert archive.rules["id"].to_list()[-1] == "area/all"


def test_a_decision_taken_at_any_moment_acts_when_it_says(long: Scenario, tmp_path: Path) -> None:
    """Twenty switches at moments spread over the slot, also about the freeze."""
    rng = random.Random(5)
    with live(tmp_path, long) as made:
        archive = made.wait_for(made.engine.net.world.first_slot)
        named: list[int] = []
        for turn in range(20):
            time.sleep(rng.uniform(0.0, 0.3))
            named.append(made.switch("all", "off" if turn % 2 == 0 else "on"))
        archive = made.wait_for(named[-1] + 1)
        state, at = False, 0
        for slot in range(named[0] - 1, named[-1] + 1):
            while at < len(named) and named[at] <= slot:
                state, at = not state, at + 1
            assert (len(made.dark(archive, slot)) == STILL) == state, (slot, named)


def test_history_is_not_decided_anew(long: Scenario, tmp_path: Path) -> None:
    """In a network that runs no decision names a slot whose rules are frozen, simulated or not."""
    with live(tmp_path, long) as made:
        archive = made.wait_for(made.engine.net.world.first_slot + 8)
        past = slot_start(archive.first_slot).astype("datetime64[us]").astype(object)
        from datetime import UTC

        with pytest.raises(TooEarly):
            made.plane.act(
                made.actor("amina"),
                lambda tx: ask(tx, "all", "off", reason="r", effective=past.replace(tzinfo=UTC)),
            )


def test_the_run_folder_says_by_which_decisions_it_was_made(small: Scenario, tmp_path: Path) -> None:
    """Run again from its own files, it comes out the same, though they were decided while it ran."""
    with live(tmp_path, small) as made:
        made.wait_for(made.engine.net.world.first_slot)
        made.switch("all", "off")
        time.sleep(0.6)
        made.switch("all", "on")
        assert made.thread is not None
        made.thread.join(60)
    run = open_run(made.folder.run.path)
    run.verify()
    again = simulate(run.scenario(), tmp_path / "again", workers=1)
    assert again.slot_causes.equals(run.slot_causes)
    assert again.overrides.equals(run.overrides)
    assert again.rules.equals(run.rules)
    assert again.cells.equals(run.cells)
    assert len(run.overrides.filter(run.overrides["cause"] == Cause.CELL_IS_DISABLED)) > 0


def test_what_is_decided_while_the_engine_is_down_acts_when_it_says(long: Scenario, tmp_path: Path) -> None:
    with live(tmp_path, long) as made:
        made.wait_for(made.engine.net.world.first_slot + 3)
    # The engine has stopped; its clock goes on.
    plane = Plane.open(tmp_path / "control", grouped=True)
    clock = made.clock
    running_ = Running(now=clock.instant, cut_off=timedelta(seconds=clock.cut_off_s))
    plane.network = replace(plane.network, running=running_)
    made.plane = plane
    time.sleep(0.5)
    off = made.switch("all", "off")
    time.sleep(0.5)
    store = Store.open(tmp_path / "control", claims=False)
    from openleo.live.engine_process import _known

    known = _known(made.folder)
    made.engine = make_engine(made.folder, clock, decided=Decided(store, known))
    with running(made.engine):
        archive = made.wait_for(off + 1)
        assert not made.dark(archive, off - 1)
        assert len(made.dark(archive, off)) == STILL
    plane.close()
    store.close()
