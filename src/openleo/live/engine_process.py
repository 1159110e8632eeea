"""`python -m openleo.live.engine_process`: the engine, as the supervisor starts it."""

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from openleo.control.store import Store
from openleo.live.child import run_child
from openleo.live.clock import Clock
from openleo.live.decided import Decided
from openleo.live.engine import Engine
from openleo.live.folder import LiveFolder
from openleo.live.notices import Sender
from openleo.results.inputs import scenario_of
from openleo.results.store import held, told_plainly
from openleo.scenario.decisions import Decisions


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Run the engine until its end, or until ``stop`` is set."""
    folder = LiveFolder(Path(told["folder"]))
    sender = Sender(Path(told["notices"]))
    with ExitStack() as stack:
        stack.callback(sender.close)
        decided = None
        if told["control"] is not None:
            key = None if told["key"] is None else bytes.fromhex(told["key"])
            store = Store.open(Path(told["control"]), key=key, claims=False)
            stack.callback(store.close)
            decided = Decided(store, _known(folder))
        folder.run.path.mkdir(parents=True, exist_ok=True)
        stack.enter_context(held(folder.run.path))
        stack.enter_context(told_plainly(folder.path, "the same command"))
        engine = Engine(
            folder,
            scenario_of(folder.path, folder.config()["inputs"]),
            Clock(**told["clock"]),
            decided=decided,
            told=sender.send,
            stop=stop.is_set,
        )
        sender.send("begun")
        engine.run()
        stop.wait()  # the network has come to its end, and stays there to be looked at


def _known(folder: LiveFolder) -> Decisions | None:
    """Return the decisions by which the run was made so far."""
    if not folder.run.is_run:
        return None
    noted = [e["file"] for e in folder.run.manifest()["inputs"] if "decisions.file" in e["keys"]]
    return Decisions.read(folder.run.path / noted[0]) if noted else None


if __name__ == "__main__":
    run_child(main)
