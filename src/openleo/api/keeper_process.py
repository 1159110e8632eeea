"""`python -m openleo.api.keeper_process`: keeps the history of telemetry, as the supervisor starts it.

It is told ``fleet``, and as it may be ``retention`` (fields of `Retention`) and ``mqtt`` (a broker's URL, to
which it hands telemetry on).
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from openleo.base.errors import OpenleoError
from openleo.fleet.keeping import Keeper, Retention
from openleo.fleet.store import TelemetryStore
from openleo.live.child import run_child

ROUND_S = 60.0
NICE = 10  # the history can wait


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Do what is due each minute, until ``stop`` is set."""
    os.nice(told.get("nice", NICE))
    with TelemetryStore(Path(told["fleet"])) as store:
        keeper = Keeper(store, retention=Retention(**told.get("retention", {})))
        handing_on = _hand_on(told, store, stop)
        while not stop.is_set():
            try:
                keeper.keep(time.time_ns())
            except (OpenleoError, OSError) as error:  # a full disk, another keeper: the next minute may do
                print(f"the history waits: {error}", file=sys.stderr, flush=True)
            stop.wait(ROUND_S)
        if handing_on is not None:
            handing_on.join(timeout=5.0)


def _hand_on(told: dict[str, Any], store: TelemetryStore, stop: threading.Event) -> threading.Thread | None:
    """Start handing telemetry on to a broker, where one is named."""
    if told.get("mqtt") is None:
        return None
    from openleo.fleet.database import FleetDatabase
    from openleo.fleet.mqtt import Broker, Publisher
    from openleo.fleet.services import Services

    services = Services(FleetDatabase(Path(told["fleet"])))
    publisher = Publisher(
        store, services, Broker.of(told["mqtt"]), positions=bool(told.get("mqtt_positions", False))
    )

    def say(text: str) -> None:
        print(f"mqtt: {text}", file=sys.stderr, flush=True)

    def hand_on() -> None:
        try:
            publisher.run(stop, on_trouble=say)
        finally:
            stop.set()  # where it failed, the process is started anew

    thread = threading.Thread(target=hand_on, name="openleo-mqtt", daemon=True)
    thread.start()
    return thread


if __name__ == "__main__":
    run_child(main)
