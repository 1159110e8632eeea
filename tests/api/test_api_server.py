"""The API as a process serves it."""

import http.client
import threading
import time

import pytest
from api_world import World

from openleo.api.server import HOST, make_server


def test_a_server_listens_on_this_machine_alone_and_ends_where_storage_failed(world: World) -> None:
    server = make_server(world.plane, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        assert host == HOST
        line = http.client.HTTPConnection(host, port, timeout=10)
        line.request("GET", "/health")
        answer = line.getresponse()
        assert (answer.status, answer.read(), answer.getheader("Server")) == (200, b'{"alive":true}', None)
        line.close()
        server.config.app.state.services.on_broken()  # type: ignore[union-attr]
        thread.join(timeout=20)
        assert not thread.is_alive()
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_anything_from_elsewhere(world: World, path: str) -> None:
    assert world.http.get(path).status_code == 404
