"""Running a scenario into a run folder, or going on with one."""

import hashlib
import json
import os
import platform
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import openleo
from openleo.base.clock import slot_starts
from openleo.base.errors import BadInput, OpenleoWarning, Refused
from openleo.results.chunk import Layout, Positions, no_movers
from openleo.results.folder import CHUNKS, HOST, MANIFEST, SCENARIO, RunFolder, state_name
from openleo.results.inputs import keep_inputs, scenario_of
from openleo.results.manifest import differences, new_manifest
from openleo.results.program import command
from openleo.results.run import Run, open_run
from openleo.results.store import TEMPORARY, held, json_bytes, sha256_of, told_plainly, write_whole
from openleo.results.warned import warnings_of
from openleo.results.writer import RunWriter, write_state, write_static
from openleo.scenario.load import load_scenario
from openleo.scenario.model import Scenario

if TYPE_CHECKING:
    from openleo.engine import Network, State

Progress = Callable[[int, int], None]  # slots done, slots of the run
RUNS = Path("runs")


class Stopped(KeyboardInterrupt):
    """An interrupt that came while a run was going on; ``told`` says what is whole and how to go on."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


def default_folder(scenario: Scenario) -> Path:
    """Return ``runs/NAME-HASH``: the hash is of the scenario, the files it names and openleo's version.

    So the same scenario comes back to the same folder, and finds there what is already done.
    """
    key = f"{scenario.sha256()} {openleo.__version__}"
    return RUNS / f"{scenario.name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def find_scenario(name: "str | Path | Scenario") -> tuple[Scenario, Path | None]:
    """Return a scenario by name, file, or run folder; and the folder, where it was one."""
    if isinstance(name, Scenario):
        return name, None
    folder = RunFolder(Path(name))
    if folder.is_run:
        return scenario_of(folder.path, folder.manifest()["inputs"]), folder.path
    return load_scenario(name), None


def run(
    scenario: "str | Path | Scenario",
    out: str | Path | None = None,
    workers: int | None = None,
    **changes: Any,
) -> Run:
    """Run a scenario and return the Run that it wrote.

    ``scenario`` is a built-in's name, a TOML file, a Scenario, or a run folder to go on with.  ``out`` is the
    run folder (default: `default_folder`); one that holds part of this very run is gone on with, one that
    holds all of it is opened.  ``workers`` are threads for the geometry (default: one for each processor);
    results do not depend on it.  ``changes`` are those of `Scenario.with_changes`.

    Raises BadInput for a scenario that cannot run, Refused for a folder that holds something else.
    """
    found, folder = find_scenario(scenario)
    if changes:
        found, folder = found.with_changes(**changes), None
    target = Path(out) if out is not None else folder or default_folder(found)
    told: list[bool] = []

    def warn(found: list[dict[str, str]]) -> None:
        told.append(True)
        for warning in found:
            warnings.warn(warning["detail"], OpenleoWarning, stacklevel=4)

    done = simulate(found, target, workers=workers, warn=warn)
    if not told:
        for warning in done.manifest["warnings"]:
            warnings.warn(warning["detail"], OpenleoWarning, stacklevel=2)
    return done


def simulate(
    scenario: Scenario,
    out: Path,
    *,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
    fresh: Callable[[], None] = lambda: None,
    warn: Callable[[list[dict[str, str]]], None] = lambda found: None,
) -> Run:
    """Bring the run of ``scenario`` in ``out`` to its end and open it.

    ``progress`` is told after every slot; ``fresh`` once, before anything is computed, and not where the run
    is complete already; ``warn`` the scenario's warnings (detail, hint), before the first slot.  Raises
    Stopped where Ctrl-C comes in between: every finished chunk stays.
    """
    folder, resume = RunFolder(out), command("run", out, "--resume")
    with told_plainly(out, ""):
        manifest = _begun(folder, scenario)
        if manifest is not None and _is_whole(folder, manifest):
            return open_run(out)
    fresh()
    _keep_ignoring()
    began = time.monotonic()
    try:
        net = _compiled(folder, scenario, manifest)  # before anything is written: a scenario may be wrong
        warn(warnings_of(net.world))
        with told_plainly(out, ""):
            out.mkdir(parents=True, exist_ok=True)
        with held(out), told_plainly(out, resume):
            manifest = _begun(folder, scenario) or begin_folder(folder, scenario, net)
            before = _resume_slot(folder, manifest)
            try:
                _go_on(folder, manifest, net, workers=workers or os.cpu_count() or 1, progress=progress)
            finally:
                slots = _resume_slot(folder, manifest) - before
                _note_host(out, workers=workers, wall_s=time.monotonic() - began, slots=slots)
    except KeyboardInterrupt:
        raise Stopped(_told(folder, resume)) from None
    return open_run(out)


def _keep_ignoring() -> None:
    """Ignore SIGINT again where whoever started this process ignores it, as a shell does for ``&``.

    Polars sets a handler of its own as it is imported, and with that Ctrl-C for the command in front would
    stop the run in the background as well, where it comes while a table is made.
    """
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _begun(folder: RunFolder, scenario: Scenario) -> dict[str, Any] | None:
    """Return the manifest of the run that was begun here, or None for a folder that is free.

    Raises Refused for a folder that holds another scenario's run, or anything else.
    """
    if not folder.path.exists():
        return None
    if not folder.path.is_dir():
        raise BadInput(
            f"{folder.path} is a file, and a run is a folder", "give --out a folder that is not there yet"
        )
    if not folder.is_run:
        inside = sorted(p.name for p in folder.path.iterdir() if not p.name.endswith(TEMPORARY))
        if inside and SCENARIO not in inside:
            raise Refused(
                f"{folder.path} is not empty and holds no run (it has {', '.join(inside[:3])})",
                "give --out a folder that is not there yet",
            )
        return None
    manifest = folder.manifest()
    if manifest["scenario_sha256"] != scenario.sha256():
        raise Refused(
            f"{folder.path} holds a run of {manifest['name']} with hash {manifest['scenario_sha256'][:16]},"
            f" and this scenario, {scenario.name}, has {scenario.sha256()[:16]}",
            "give another --out, or leave it out: every scenario has a folder of its own",
        )
    changed = differences(manifest)
    if changed and not manifest["complete"]:
        warnings.warn(
            f"this run was begun with other versions ({changed}): its files may differ in bytes",
            OpenleoWarning,
            stacklevel=2,
        )
    return manifest


def _is_whole(folder: RunFolder, manifest: dict[str, Any]) -> bool:
    entries = folder.entries()
    return bool(
        manifest["complete"]
        and _resume_slot(folder, manifest) == manifest["last_slot"] + 1
        and not any(folder.wrong_file(entry) for entry in entries)
    )


def _compiled(folder: RunFolder, scenario: Scenario, manifest: dict[str, Any] | None) -> "Network":
    """Compile a scenario: of a run that was begun, from the files kept in its folder."""
    from openleo.engine import prepare
    from openleo.scenario.world import compile_world

    kept = scenario if manifest is None else scenario_of(folder.path, manifest["inputs"])
    return prepare(compile_world(kept))


def begin_folder(folder: RunFolder, scenario: Scenario, net: "Network") -> dict[str, Any]:
    """Write what a run begins with and return its manifest, which is written last."""
    from openleo.engine import first_state, static_tables

    (folder.path / "state").mkdir(exist_ok=True)
    (folder.path / CHUNKS).unlink(missing_ok=True)
    write_whole(folder.path / SCENARIO, scenario.canonical_json().encode())
    inputs = keep_inputs(scenario, folder.path)
    files = write_static(folder.path, static_tables(net))
    files |= write_state(folder.path, net.world.first_slot, first_state(net).to_bytes())
    manifest = new_manifest(
        scenario,
        slots=net.world.slots,
        terminals=len(net.world.terminals),
        warnings=warnings_of(net.world),
        inputs=inputs,
        files=files,
    )
    write_whole(folder.path / MANIFEST, json_bytes(manifest))
    return manifest


def _resume_slot(folder: RunFolder, manifest: dict[str, Any]) -> int:
    entries = folder.entries()
    return entries[-1].until_slot if entries else int(manifest["first_slot"])


def _go_on(
    folder: RunFolder, manifest: dict[str, Any], net: "Network", *, workers: int, progress: Progress
) -> None:
    """Compute and write every slot that is not on disk yet."""
    from openleo.engine import run_slots

    first, last = int(manifest["first_slot"]), int(manifest["last_slot"])
    keep_whole(folder, first)
    with RunWriter(folder, manifest, layout_of(net, str(manifest["detail"]))) as writer:
        slot = writer.next_slot
        state = saved_state(folder, slot)
        progress(slot - first, last + 1 - first)
        for state, snapshot in run_slots(net, state, slot, last, workers=workers):  # noqa: B020 - it goes on
            writer.add(state, snapshot)
            progress(snapshot.slot + 1 - first, last + 1 - first)
        writer.finish()


def keep_whole(folder: RunFolder, first_slot: int) -> None:
    """Cut a damaged chunk and all after it, so that they are computed again."""
    entries = []
    for entry in folder.entries():
        if folder.wrong_file(entry):
            break
        entries.append(entry)
    folder.keep(entries, frozenset([state_name(first_slot)]))


def layout_of(net: "Network", detail: str) -> Layout:
    """Return what a writer of chunks must know of a network."""
    return Layout(
        tracked=net.tracked, terminals=len(net.world.terminals), detail=detail, positions=positions_of(net)
    )


def saved_state(folder: RunFolder, slot: int) -> "State":
    """Return the state before ``slot`` as it was saved; raises BadInput where it is missing or damaged."""
    from openleo.engine import State

    path = folder.path / state_name(slot)
    noted = {name: f for entry in folder.entries() for name, f in entry.files.items()}
    noted |= folder.manifest()["files"]
    content = path.read_bytes() if path.is_file() else b""
    if sha256_of(content) != noted[state_name(slot)]["sha256"]:
        raise BadInput(
            f"{path} is missing or damaged, and the run cannot go on without it",
            "take it from a copy, or run the scenario anew with another --out",
        )
    return State.from_bytes(content)


def positions_of(net: "Network") -> Positions:
    """Return the function that tells which terminals move, their cells and where they are in a slot."""
    from openleo.ground.cells import cell_of

    movers = np.flatnonzero(net.world.terminals.track >= 0).astype(np.int32)
    if len(movers) == 0:
        return no_movers
    riders = net.world.terminals.track[movers]

    def positions(slot: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        latitude, longitude, speed = (
            x[0, riders] for x in net.world.tracks.at(slot_starts(np.array([slot])))
        )
        cell = np.searchsorted(net.cells, cell_of(latitude, longitude)).astype(np.int32)
        return movers, cell, np.stack([latitude, longitude, speed]).astype(np.float32)

    return positions


def _told(folder: RunFolder, resume: str) -> str:
    if not folder.is_run:
        return f"stopped before the first slot: no run is in {folder.path}; the same command begins again"
    manifest = folder.manifest()
    done = _resume_slot(folder, manifest) - int(manifest["first_slot"])
    if not done:
        return (
            f"stopped before the first chunk of {manifest['chunk_slots']:,} slots was whole: {folder.path}"
            f" has no slot yet; begin again with `{resume}`"
        )
    slots = int(manifest["last_slot"]) + 1 - int(manifest["first_slot"])
    return f"stopped: {done:,} of {slots:,} slots are whole in {folder.path}; go on with `{resume}`"


def _note_host(out: Path, *, workers: int | None, wall_s: float, slots: int) -> None:
    """Add this sitting to host.json; a disk that is full then has been told of already."""
    path = out / HOST
    try:
        sittings = json.loads(path.read_bytes())["sittings"] if path.is_file() else []
    except (OSError, ValueError, KeyError, TypeError):
        sittings = []
    sittings.append(
        {
            "argv": sys.argv,
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": platform.node(),
            "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
            "processors": os.cpu_count(),
            "slots": slots,
            "wall_s": round(wall_s, 3),
            "workers": workers or os.cpu_count() or 1,
        }
    )
    try:
        write_whole(path, json_bytes({"sittings": sittings}))
    except OSError:
        return
