"""`python -m openleo.api.ingest_process`: takes telemetry in, as the supervisor starts it.

It is told ``fleet`` (the fleet's folder), ``fd`` (the socket that it listens on), and as it may be:
``control`` (the control plane's folder) and its ``key``, ``tls`` (paths of certificate and key),
``open_metrics``, ``nice`` (its place behind others), and ``room`` (fields of `Room`).
"""

import os
import socket
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import uvicorn

from openleo.api.ingest import RATES, Ingest, create_ingest_app
from openleo.api.limits import Limits
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.intake import Intake, Room
from openleo.fleet.keys import AgentKeys, AllKeys, ControlKeys, Keys
from openleo.fleet.store import TelemetryStore
from openleo.live.child import run_child

_GRACE_S = 5
NICE = 5  # where there is not enough processor for all, who decides goes before telemetry
MOST_CONNECTIONS = 20_000


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Serve until ``stop`` is set, or storage fails."""
    os.nice(told.get("nice", NICE))
    folder = Path(told["fleet"])
    with ExitStack() as stack:
        database = stack.enter_context(FleetDatabase(folder))
        keys: list[Keys] = [AgentKeys(Agents(database))]
        if told.get("control") is not None:
            key = None if told.get("key") is None else bytes.fromhex(told["key"])
            keys.insert(0, stack.enter_context(closing(ControlKeys(Path(told["control"]), key=key))))
        store = stack.enter_context(TelemetryStore(folder))
        limits = Limits(rates=RATES)
        intake = stack.enter_context(
            closing(
                Intake(
                    store, AllKeys(*keys), room=Room(**told.get("room", {})), on_broken=stop.set,
                    count=lambda device: limits.take("telemetry", device),
                )
            )
        )  # fmt: skip
        app = create_ingest_app(
            Ingest.of(
                intake, database, limits=limits, open_metrics=told.get("open_metrics", True),
                on_broken=stop.set,
            )
        )  # fmt: skip
        tls = told.get("tls") or {}
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, lifespan="on", backlog=2_048,
            limit_concurrency=MOST_CONNECTIONS, timeout_keep_alive=75, timeout_graceful_shutdown=_GRACE_S,
            ssl_certfile=tls.get("certificate"), ssl_keyfile=tls.get("key"),
        )  # fmt: skip
        server = uvicorn.Server(config)
        threading.Thread(target=_end, args=(server, stop), daemon=True).start()
        server.run(sockets=[socket.socket(fileno=told["fd"])])


def _end(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True


if __name__ == "__main__":
    run_child(main)
