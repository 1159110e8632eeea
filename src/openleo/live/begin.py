"""Making the folder of a network that is to be served, or going on with it."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

import openleo
from openleo.base.clock import slot_start, to_datetime64
from openleo.live.clock import SLOT_NS, Clock, begin_at, ns_of
from openleo.live.folder import CONFIG, LiveFolder
from openleo.live.segment import slots_in
from openleo.results.folder import SCENARIO
from openleo.results.inputs import keep_inputs
from openleo.results.store import told_plainly, write_whole
from openleo.scenario.model import Scenario

CHUNK_SLOTS = 20
LENGTH = timedelta(days=2)


def live_scenario(scenario: Scenario, *, start: datetime | None, length: timedelta | None) -> Scenario:
    """Return a scenario as it is served: in full detail, in small chunks, for two days at least."""
    begin = start or scenario.start
    end = begin + (length or max(LENGTH, scenario.end - scenario.start))
    small = min(CHUNK_SLOTS, scenario.chunk_slots)
    return scenario.with_changes(start=begin, end=end, changes={"detail": "full", "chunk_slots": small})


def live_folder(data: Path, scenario: Scenario, *, real_time: bool, control: Path | None) -> LiveFolder:
    """Return where a scenario is served from: the same scenario comes back to the same folder.

    In real time its start does not count; with a control database, which one does.
    """
    document = scenario.with_changes(start=_EPOCH) if real_time else scenario
    decided = "" if control is None else str(control.resolve())
    key = f"{document.sha256()} {openleo.__version__} {decided}"
    return LiveFolder(data / "live" / f"{scenario.name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}")


_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def begin(folder: LiveFolder, scenario: Scenario) -> None:
    """Make the folder, where it is not there; its configuration is written last."""
    if (folder.path / CONFIG).is_file():
        return
    with told_plainly(folder.path, ""):
        folder.path.mkdir(parents=True, exist_ok=True)
        write_whole(folder.path / SCENARIO, scenario.canonical_json().encode())
        folder.write_config({"inputs": keep_inputs(scenario, folder.path), "openleo": openleo.__version__})


def resumed_clock(folder: LiveFolder, scenario: Scenario, speed: float, *, now: datetime | None) -> Clock:
    """Return the network's clock: in real time (``now`` is ours) by it; else where it was, or at the start.

    Time never goes back: not before the time that was last written down, nor the newest slot.
    """
    if now is not None:
        return begin_at(ns_of(to_datetime64(now)), speed)
    begun = [ns_of(to_datetime64(scenario.start)) - SLOT_NS]  # so that the first slot is ready as it begins
    saved = folder.saved_ns()
    begun += [] if saved is None else [saved]
    if folder.segments.is_dir():
        begun += [int(slot_start(slot).astype(np.int64)) for slot in slots_in(folder.segments)[-1:]]
    return begin_at(max(begun), speed)
