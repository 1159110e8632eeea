"""Running the API as a process: on this machine alone, unless another address is named."""

import uvicorn

from openleo.api.app import create_app
from openleo.api.limits import Limits
from openleo.control.plane import Plane

HOST, PORT = "127.0.0.1", 8350
MOST_AT_ONCE = 1_000  # connections; more are answered 503


def make_server(
    plane: Plane, *, host: str = HOST, port: int = PORT, limits: Limits | None = None
) -> uvicorn.Server:
    """Return a server to ``run()``; it ends by itself where storage failed.  TLS is a proxy's in front."""

    def end() -> None:
        server.should_exit = True

    app = create_app(plane, limits=limits, on_broken=end)
    # Addresses of pages hold names of areas and terminals, so there is no access log.
    config = uvicorn.Config(
        app, host=host, port=port, access_log=False, server_header=False, limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=15, timeout_graceful_shutdown=10,
    )  # fmt: skip
    server = uvicorn.Server(config)
    return server
