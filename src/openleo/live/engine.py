"""The engine's process: it steps the network slot by slot, each before it begins, and writes what came of it.

Some network seconds before a slot (`Clock.cut_off_s`) its rules freeze: what was decided by then acts in it.
The slot is decided and finished, its segment is written, those who watch are told, and it goes into the run
folder, chunk by chunk.  After a death the run folder is gone on with: slots after the last chunk are taken
from their segments, or computed again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from openleo.engine import Network, State, first_state, prepare
from openleo.engine.geometry import Geometry, geometries
from openleo.engine.step import decide, finish, next_state
from openleo.engine.terminals import Terminals, rule_texts
from openleo.live.clock import Clock
from openleo.live.commanded import Commanded
from openleo.live.decided import Decided, write_decisions
from openleo.live.folder import LiveFolder
from openleo.live.segment import Segment, read_segment, segment_path, slots_in, write_segment
from openleo.results.execute import begin_folder, keep_whole, layout_of, positions_of, saved_state
from openleo.results.folder import INPUTS, MANIFEST, entry_of_file
from openleo.results.frames import frame_of, parquet_of
from openleo.results.inputs import scenario_of
from openleo.results.store import json_bytes, sha256_of, write_whole
from openleo.results.writer import RunWriter
from openleo.scenario.commands import read_commands
from openleo.scenario.model import Scenario
from openleo.scenario.world import World, commanded_anew, compile_world, decided_anew
from openleo.snapshot.snapshot import Columns, Snapshot
from openleo.snapshot.tables import RULES

RING_SLOTS = 240
RING_BYTES = 512 * 1024 * 1024
_KEPT_FILES = 100  # of decisions, and of commands, the newest
COMMANDS_FILE = "commands.csv"
_LONGEST_WAIT_S = 0.5  # so often at least it is looked whether to stop
_FAST = 10.0  # from this speed on geometry is computed in larger batches
_WAITS_S = 0.002  # past the freeze: other processes' clocks are read a moment apart

Told = Callable[[str], None]


class Engine:
    """A network that steps by a clock.

    ``told`` is called with a short text after each slot: ``slot N``.  ``stop`` says whether to end; it is
    asked between slots and twice a second.
    """

    def __init__(
        self,
        folder: LiveFolder,
        scenario: Scenario,
        clock: Clock,
        *,
        decided: Decided | None = None,
        told: Told = lambda text: None,
        stop: Callable[[], bool] = lambda: False,
        workers: int = 1,
    ) -> None:
        self.folder, self.clock = folder, clock
        self._decided, self._told, self._stop, self._workers = decided, told, stop, workers
        folder.segments.mkdir(parents=True, exist_ok=True)
        self.manifest = self._opened(scenario)
        self._commanded = self._known_commands()
        keep_whole(folder.run, int(self.manifest["first_slot"]))

    def _opened(self, scenario: Scenario) -> dict[str, Any]:
        """Compile the scenario, and begin its run folder where that is not done yet; return its manifest."""
        run = self.folder.run
        if run.is_run:
            manifest = run.manifest()
            self.net = prepare(compile_world(scenario_of(run.path, manifest["inputs"])))
            return manifest
        run.path.mkdir(parents=True, exist_ok=True)
        if self._decided is not None:
            self._decided.look(None)
            write_decisions(self._decided.decisions, self.folder.decisions)
            scenario = scenario.with_changes(changes={"decisions.file": str(self.folder.decisions.resolve())})
        self.net = prepare(compile_world(scenario))
        return begin_folder(run, scenario, self.net)

    def run(self) -> None:
        """Step until the run's end, or until asked to stop."""
        layout = layout_of(self.net, str(self.manifest["detail"]))
        with RunWriter(self.folder.run, self.manifest, layout) as writer:
            self._movers = _movers_at(self.net, writer.next_slot - 1)
            state = self._recovered(writer)
            last = int(self.manifest["last_slot"])
            first = writer.next_slot
            for before, after, snapshot in self._slots(state, first, last):
                self._publish(before, after, snapshot)
                writer.add(after, snapshot)
            if writer.next_slot > last:
                writer.finish()
                self._told("ended")

    def _recovered(self, writer: RunWriter) -> State:
        """Take the slots after the last chunk from their segments; return the state after the last one."""
        first = int(self.manifest["first_slot"])
        slot = writer.next_slot
        state = first_state(self.net) if slot == first else saved_state(self.folder.run, slot)
        there = set(slots_in(self.folder.segments))
        last = int(self.manifest["last_slot"])
        while writer.next_slot in there and writer.next_slot <= last:
            try:
                segment = read_segment(self.folder.segments, writer.next_slot)
            except (OSError, ValueError):
                break
            writer.add(segment.after, segment.snapshot)
            state, self._movers = segment.after, segment.movers
        for late in there:
            if late >= writer.next_slot:
                segment_path(self.folder.segments, late).unlink(missing_ok=True)
        return state

    def _slots(self, state: State, first: int, last: int) -> Iterator[tuple[State, State, Snapshot]]:
        if first > last:
            return
        terminals = Terminals(self.net, first)
        with ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="openleo-geometry") as threads:
            try:
                for slot, geometry in zip(
                    range(first, last + 1), self._ahead(threads, first, last), strict=True
                ):
                    if not self._frozen(slot):
                        return
                    if self._decide_anew(slot):
                        terminals = Terminals(self.net, slot)
                    standing = terminals.advance(slot)
                    result = decide(self.net, state, geometry, standing)
                    after = next_state(self.net, state, geometry, result)
                    snapshot = finish(self.net, state, geometry, standing, result)
                    yield state, after, snapshot
                    state = after
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _ahead(self, threads: ThreadPoolExecutor, first: int, last: int) -> Iterator[Geometry]:
        """Yield the geometry of each slot in order, computed a batch or two ahead."""
        size = 8 if self.clock.speed >= _FAST else 1
        net = self.net  # what geometry depends on never changes

        def batch(begin: int) -> list[Geometry]:
            slots = np.arange(begin, min(begin + size, last + 1))
            return geometries(net, [net.timeline.at(int(slot)) for slot in slots], slots)

        begins = iter(range(first, last + 1, size))
        waiting: deque[Future[list[Geometry]]] = deque()
        while True:
            while len(waiting) < 2 and (begin := next(begins, None)) is not None:
                waiting.append(threads.submit(batch, begin))
            if not waiting:
                return
            yield from waiting.popleft().result()

    def _frozen(self, slot: int) -> bool:
        """Wait until a slot's rules are frozen; return False where it is to stop instead."""
        while not self._stop():
            wait_s = self.clock.wall_s_until(slot, ahead_s=self.clock.cut_off_s) + _WAITS_S
            if wait_s <= 0:
                return True
            time.sleep(min(wait_s, _LONGEST_WAIT_S))
        return False

    def _decide_anew(self, slot: int) -> bool:
        """Take in what was decided, and what terminals were told, before the slot's rules froze.

        Return whether that changes anything.
        """
        decided = self._decided is not None and self._decided.look(slot)
        commanded = self._commanded.look(slot)
        world = self.net.world
        if decided:
            assert self._decided is not None
            path = self._input(f"decided-{self._decided.entry}", self.folder.decisions.name)
            write_decisions(self._decided.decisions, path)
            world = decided_anew(world, path, slot)
            _note(self.folder, self.manifest, world, path, {"keys": ["decisions.file"]})
        if commanded:
            path = self._input(f"commanded-{self._commanded.taken}", COMMANDS_FILE)
            self._commanded.write(path)
            world = commanded_anew(world, path)
            noted = {"keys": ["commands.file"], "taken": self._commanded.taken}
            _note(self.folder, self.manifest, world, path, noted)
        self.net = replace(self.net, world=world)
        return decided or commanded

    def _input(self, folder: str, name: str) -> Path:
        return self.folder.run.path / INPUTS / folder / name

    def _known_commands(self) -> Commanded:
        """Return the commands that the run was made by so far."""
        noted = [e for e in self.manifest["inputs"] if "commands.file" in e["keys"]]
        if not noted:
            return Commanded(self.folder.commands)
        known = read_commands(self.folder.run.path / noted[0]["file"])
        return Commanded(self.folder.commands, known, int(noted[0].get("taken", 0)))

    def _move(self, snapshot: Snapshot) -> None:
        """Bring moving terminals to where they entered a cell; at the start of a chunk, to where they are.

        So the tables of the run have them, and a view is the same from there.
        """
        begun = snapshot.slot - int(self.manifest["first_slot"])
        if begun % int(self.manifest["chunk_slots"]) == 0:
            self._movers = _movers_at(self.net, snapshot.slot)
            return
        rows = np.searchsorted(self._movers["terminal"], snapshot.moved)
        self._movers = {name: values.copy() for name, values in self._movers.items()}
        for name, values in zip(
            ("cell", "latitude_deg", "longitude_deg", "speed_m_s"),
            (snapshot.moved_cell, *snapshot.moved_where),
            strict=True,
        ):
            self._movers[name][rows] = values

    def _publish(self, before: State, after: State, snapshot: Snapshot) -> None:
        self._move(snapshot)
        segment = Segment(
            snapshot=snapshot, before=before, after=after, movers=self._movers,
            entry=-1 if self._decided is None else self._decided.entry,
        )  # fmt: skip
        size = write_segment(self.folder.segments, segment)
        self._told(f"slot {snapshot.slot}")
        keep = max(2 * int(self.manifest["chunk_slots"]) + 2, min(RING_SLOTS, RING_BYTES // size))
        for old in slots_in(self.folder.segments)[:-keep]:
            segment_path(self.folder.segments, old).unlink(missing_ok=True)


def _movers_at(net: Network, slot: int) -> Columns:
    """Return where moving terminals were last, before the first slot that is computed."""
    who, cell, where = positions_of(net)(max(slot, net.world.first_slot))
    latitude_deg, longitude_deg, speed_m_s = where
    return {
        "terminal": who.astype(np.int32), "cell": cell.astype(np.int32), "latitude_deg": latitude_deg,
        "longitude_deg": longitude_deg, "speed_m_s": speed_m_s,
    }  # fmt: skip


def _note(
    folder: LiveFolder, manifest: dict[str, Any], world: World, path: Path, noted: dict[str, Any]
) -> None:
    """Have the run folder say by which decisions or commands it was made, and list the rules.

    The manifest is written last and names the new file; the one before it stays for those who read.
    """
    run = folder.run.path
    rows = rule_texts(world.rules_timeline)
    columns = {c.name: [row[k] for row in rows] for k, c in enumerate(RULES.columns)}
    content = parquet_of(RULES, frame_of(RULES, columns))
    write_whole(run / "rules.parquet", content)
    told, key = path.read_bytes(), noted["keys"][0]
    entry = noted | {"file": path.relative_to(run).as_posix(), "bytes": len(told), "sha256": sha256_of(told)}
    others = [e for e in manifest["inputs"] if key not in e["keys"]]
    before = [e["file"] for e in manifest["inputs"] if key in e["keys"]]
    manifest["inputs"] = [*others, entry]
    manifest["files"] = manifest["files"] | {"rules.parquet": entry_of_file(content)}
    manifest["scenario_sha256"] = scenario_of(run, manifest["inputs"]).sha256()
    write_whole(run / MANIFEST, json_bytes(manifest))
    _forget_old(path, {path.parent.name, *(Path(file).parent.name for file in before)})


def _forget_old(path: Path, kept: set[str]) -> None:
    """Remove old files of this kind, but for those that readers of an older manifest may still ask for."""
    kind = path.parent.name.partition("-")[0]
    found = sorted(path.parent.parent.glob(f"{kind}-*"), key=lambda old: old.stat().st_mtime)
    for old in found[:-_KEPT_FILES]:
        if old.name not in kept:
            (old / path.name).unlink(missing_ok=True)
            old.rmdir()
