"""Serving dishes: a gRPC server and a gRPC-Web server each, on a loopback address each.

    dishes = Dishes([Identity(id="ut01000000-00000000-00000001")], start_s=int(time.time()))
    async with serve(dishes) as served:  # 127.64.0.1:9200 and :9201
        while True:
            dishes.advance(Seconds.alike(dishes.now_s, dishes=1, cause=Cause.ONLINE))
            await served.settle()  # opens and closes ports: a dish without power refuses connections
            await asyncio.sleep(1)

A handler is not told at which local address it was called, so each dish has a server object; thousands fit in
one process (benchmarks/dish_fleet.py).  Everything runs in one event loop: nothing here needs a lock.
"""

import ipaddress
import resource
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.dish import reflection
from openleo.dish.handling import INTERNAL, Answered, Handler
from openleo.dish.protocol import GRPC_PORT, SERVICE, WEB_PORT, messages
from openleo.dish.terminal import Dishes
from openleo.dish.web_serving import WebServer

FIRST_ADDRESS: Final = ipaddress.IPv4Address("127.64.0.1")
_MAX_REQUEST_BYTES: Final = 1 << 20
_OPTIONS: Final = [
    ("grpc.so_reuseport", 0),  # a second server at the same address must fail, not share its callers
    ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
    ("grpc.max_metadata_size", 16 << 10),
]
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def loopback_address(row: int) -> str:
    """Return the address of a dish in 127.64.0.0/10 (4 million of them): 127.64.0.1 for row 0."""
    if not 0 <= row < (1 << 22) - 2:
        raise ValueError(f"row {row} has no address in 127.64.0.0/10")
    return str(FIRST_ADDRESS + row)


@dataclass(slots=True)
class _Place:
    """Where one dish is served, and its servers while it is up."""

    host: str
    port: int
    web_port: int | None
    handler: Handler
    grpc: Any = None
    web: WebServer | None = None


@dataclass(slots=True)
class Served:
    """Dishes being served."""

    dishes: Dishes
    places: list[_Place] = field(default_factory=list)
    _open: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self._open = np.zeros(len(self.dishes), np.bool_)

    def address(self, row: int) -> str:
        """Return where a dish is served over gRPC, as host:port."""
        return f"{self.places[row].host}:{self.places[row].port}"

    def web_address(self, row: int) -> str:
        """Return where a dish is served over gRPC-Web; ValueError where it is not."""
        if self.places[row].web_port is None:
            raise ValueError("these dishes are served without gRPC-Web")
        return f"{self.places[row].host}:{self.places[row].web_port}"

    async def settle(self) -> None:
        """Open the ports of dishes that can be reached, and close those of dishes that cannot."""
        wanted = self.dishes.reachable & ~self.dishes.unplugged
        for row in np.flatnonzero(wanted != self._open).tolist():
            await (_open if wanted[row] else _close)(self.places[row])
            self._open[row] = wanted[row]

    async def close(self) -> None:
        """Stop all servers."""
        for place in self.places:
            if place.grpc is not None:
                await _close(place)
        self._open[:] = False


@asynccontextmanager
async def serve(
    dishes: Dishes,
    *,
    hosts: Sequence[str] | None = None,
    port: int = GRPC_PORT,
    web_port: int | None = WEB_PORT,
) -> AsyncIterator[Served]:
    """Serve dishes, at ``hosts`` or else at 127.64.0.1 and on; close them on leaving.

    Port 0 lets the system choose one for each dish (see `Served.address`); ``web_port`` None serves no
    gRPC-Web.  Raises BadInput where an address or port cannot be had.
    """
    if hosts is not None and len(hosts) != len(dishes):
        raise ValueError(f"{len(hosts)} addresses for {len(dishes)} dishes")
    ports = 1 if web_port is None else 2
    raise_file_limit((ports + 1) * len(dishes) + 256, least=ports * len(dishes) + 64)  # a caller for each
    served = Served(dishes)
    for row in range(len(dishes)):
        host = hosts[row] if hosts is not None else loopback_address(row)
        served.places.append(_Place(host, port, web_port, Handler(dishes.terminal(row))))
    try:
        await served.settle()
        yield served
    finally:
        await served.close()


def raise_file_limit(wanted: int, least: int) -> None:
    """Raise this process's limit of open files to ``wanted`` if it may; BadInput if not even to ``least``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if top < least:
        detail = f"serving so many dishes takes {least} open files, but this process may have {top}"
        raise BadInput(detail, f"allow more with `ulimit -n {wanted}`, or serve without gRPC-Web")
    resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))


async def _open(place: _Place) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(_handlers(place.handler))
    host = f"[{place.host}]" if ":" in place.host else place.host
    try:
        place.port = server.add_insecure_port(f"{host}:{place.port}")
    except RuntimeError:
        raise _taken(place.host, place.port) from None
    await server.start()
    place.grpc = server
    if place.web_port is not None:
        try:
            place.web = await WebServer(place.handler).start(place.host, place.web_port)
        except OSError:
            await _close(place)
            raise _taken(place.host, place.web_port) from None
        place.web_port = place.web.port


def _taken(host: str, port: int) -> BadInput:
    return BadInput(
        f"a dish cannot be served at {host}:{port}: the address is in use, or not this machine's",
        "see who has it with `ss -ltnp`, or choose other addresses",
    )


async def _close(place: _Place) -> None:
    server, place.grpc = place.grpc, None
    web, place.web = place.web, None
    if web is not None:
        await web.close()
    await server.stop(None)


def _handlers(handler: Handler) -> tuple[Any, ...]:
    device = grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Handle": grpc.unary_unary_rpc_method_handler(_handle(handler)),
            "Stream": grpc.stream_stream_rpc_method_handler(_stream(handler)),
        },
    )
    reflections = (
        grpc.method_handlers_generic_handler(
            reflection.service_name(version),
            {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(_reflect(handler, version))},
        )
        for version in reflection.VERSIONS
    )
    return (device, *reflections)


def _handle(handler: Handler) -> Any:
    async def handle(request: bytes, context: Any) -> bytes:
        try:
            return handler.handle(request)
        except Answered as no:
            await context.abort(_CODES[no.code], no.message)
            raise AssertionError("abort() raises") from None

    return handle


def _stream(handler: Handler) -> Any:
    async def stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        m = messages()
        async for data in requests:
            try:
                asked = _to_device(data)
                reply = m.FromDevice()
                if asked.WhichOneof("message") == "health_check":
                    reply.health_check.SetInParent()
                else:
                    reply.response.MergeFromString(handler.handle(asked.request.SerializeToString()))
                    reply.response.SetInParent()
            except Answered as no:
                await context.abort(_CODES[no.code], no.message)
            yield reply.SerializeToString()

    return stream


def _to_device(data: bytes) -> Any:
    try:
        return messages().ToDevice.FromString(data)
    except DecodeError:
        raise Answered(INTERNAL, "grpc: error unmarshalling request") from None


def _reflect(handler: Handler, version: str) -> Any:
    async def reflect(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            try:
                reply = reflection.answer(version, data, handler.terminal.firmware)
            except DecodeError:
                await context.abort(grpc.StatusCode.INTERNAL, "grpc: error unmarshalling request")
            yield reply

    return reflect
