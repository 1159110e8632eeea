"""`python -m openleo.api.live_process`: the API of a network or fleet, as the supervisor starts it.

It is told ``replay`` or ``folder`` (with ``clock`` and ``notices``) where there is a network, ``fleet`` where
there is a fleet, ``control`` and its ``key`` where people log in, and ``fd``, the socket that it listens on.
"""

import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from openleo.api.app import create_app, create_network_app
from openleo.api.fleet_shown import FleetShown
from openleo.api.watching import Watching
from openleo.control.network import Running
from openleo.control.plane import Plane
from openleo.live.child import run_child
from openleo.live.clock import Clock
from openleo.live.folder import LiveFolder
from openleo.results.folder import RunFolder

PING_S = 20.0
_GRACE_S = 3


def watching_of(told: dict[str, Any]) -> Watching | None:
    """Return the network that is shown; None where it is a fleet alone."""
    if told.get("replay") is None and told.get("folder") is None:
        return None
    runs = tuple(Path(one) for one in told.get("runs", ()))
    if told.get("replay") is not None:
        return Watching(folder=RunFolder(Path(told["replay"])), runs=runs)
    folder = LiveFolder(Path(told["folder"]))
    return Watching(
        folder=folder.run,
        segments=folder.segments,
        clock=Clock(**told["clock"]),
        notices=Path(told["notices"]),
        runs=runs,
    )


def shown_of(told: dict[str, Any]) -> FleetShown | None:
    """Return the fleet that is shown; None for none."""
    if told.get("fleet") is None:
        return None
    control = None if told["control"] is None else Path(told["control"])
    return FleetShown(folder=Path(told["fleet"]), control=control)


def open_plane(told: dict[str, Any], watching: Watching | None) -> Plane:
    """Open the control plane; its decisions take effect by the network's clock."""
    key = None if told["key"] is None else bytes.fromhex(told["key"])
    plane = Plane.open(Path(told["control"]), key=key, grouped=True)
    if watching is None:
        return plane
    clock = watching.clock
    if clock is not None:
        running = Running(now=clock.instant, cut_off=timedelta(seconds=clock.cut_off_s))
        plane.network = replace(plane.network, running=running)
    watching.kind, watching.login, watching.network = plane.network.kind.value, True, plane.network.name
    return plane


def main(told: dict[str, Any], stop: threading.Event) -> None:
    """Serve until ``stop`` is set."""
    watching, shown = watching_of(told), shown_of(told)
    with ExitStack() as stack:
        app: FastAPI
        if told["control"] is not None:
            plane = stack.enter_context(open_plane(told, watching))
            app = create_app(plane, watching=watching, on_broken=stop.set, shown=shown)
        else:
            for one in (watching, shown):
                if one is not None:
                    one.hosts = frozenset({"127.0.0.1", "localhost", "::1"})
            app = create_network_app(watching, shown=shown)
        config = uvicorn.Config(
            app, log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False,
            ws_ping_interval=PING_S, ws_max_size=4096, timeout_graceful_shutdown=_GRACE_S, lifespan="on",
        )  # fmt: skip
        server = uvicorn.Server(config)
        ending = threading.Thread(target=_end, args=(server, stop), daemon=True)
        ending.start()
        listening = socket.socket(fileno=told["fd"])
        server.run(sockets=[listening])


def _end(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True


if __name__ == "__main__":
    run_child(main)
