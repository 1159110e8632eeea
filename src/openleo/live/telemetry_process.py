"""`python -m openleo.live.telemetry_process`: keeps a live network's telemetry, as the supervisor starts it.

It lies in a fleet's folder beside the run, DATA/live/NAME/fleet, so whatever reads a fleet reads it: `openleo
fleet --data DATA/live/NAME`.  A slot is kept once it is over.  Where time goes faster than can be written,
slots are left out: the newest is kept.
"""

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np

from openleo.base.clock import slot_at
from openleo.fleet.store import TelemetryStore, fleet_folder
from openleo.live.child import run_child
from openleo.live.clock import Clock
from openleo.live.felt import Felt
from openleo.live.folder import LiveFolder
from openleo.live.history import Archive, archive_once_begun
from openleo.live.telemetry import NS, Telemetry
from openleo.results.store import held

_LOOKS_S: Final = 0.1
_BEHIND: Final = 4  # slots that may wait
_BACK: Final = 240  # slots from before it was started that are made up for: an hour


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Keep telemetry until ``stop`` is set."""
    folder, clock = LiveFolder(Path(told["folder"])), Clock(**told["clock"])
    archive = archive_once_begun(folder.run, folder.segments, stop)
    if archive is None:
        return
    with ExitStack() as stack:
        fleet = fleet_folder(folder.path)
        fleet.mkdir(exist_ok=True)
        stack.enter_context(held(fleet))
        store = stack.enter_context(TelemetryStore(fleet))
        felt = Felt(archive, np.arange(len(archive.statics["terminals"]), dtype=np.int64))
        telemetry = Telemetry(felt, software=str(told["software"]))
        slot, most = _first(store, archive, clock), _BACK
        while not stop.is_set():
            last = min(clock.slot() - 1, archive.newest())
            slot = last if last - slot > most else slot
            scene = felt.scene(slot) if slot <= last else None
            if scene is None:
                most = _BEHIND if slot > last else most
                stop.wait(_LOOKS_S)
                continue
            store.add(telemetry.samples(scene, felt.seconds(scene)))
            slot += 1


def _first(store: TelemetryStore, archive: Archive, clock: Clock) -> int:
    """Return the slot after the newest one that is kept, an hour back at most."""
    times = [sample.time_ns for sample in store.latest().values()]
    kept = slot_at(np.datetime64(max(times) - NS, "ns")) if times else archive.first_slot - 1
    return max(kept + 1, archive.first_slot, clock.slot() - _BACK)


if __name__ == "__main__":
    run_child(main)
