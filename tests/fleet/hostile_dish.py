"""Dishes for tests: ones that answer what a test sets, over real gRPC, and ones that mean harm."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from openleo.dish.protocol import HANDLE
from openleo.dish.reading import messages

GPS_EPOCH_S = 315_964_800 - 18
DENIED = (grpc.StatusCode.PERMISSION_DENIED, "GetLocation requests are not enabled on this device")


class PlayedDish:
    """A dish that tells what it is set to; ``lived`` lets its seconds go by."""

    def __init__(self, terminal: str = "ut01000000-00000000-00000001", *, boot: int = 7) -> None:
        m = messages()
        self.terminal, self.boot = terminal, boot
        self.status = m.DishGetStatusResponse()
        self.status.device_info.id = terminal
        self.status.device_info.bootcount = boot
        self.status.device_info.hardware_version = "rev4_prod1"
        self.status.device_info.software_version = "2026.06.12.mr81164"
        self.status.device_info.country_code = "UA"
        self.status.disablement_code = 1
        self.status.alerts.SetInParent()
        self.status.gps_stats.gps_valid = True
        self.status.gps_stats.gps_sats = 12
        self.status.pop_ping_latency_ms = 31.5
        self.status.downlink_throughput_bps = 2e6
        self.rings = {
            name: [0.0] * 900
            for name in (
                "pop_ping_drop_rate", "pop_ping_latency_ms", "downlink_throughput_bps",
                "uplink_throughput_bps", "power_in",
            )
        }  # fmt: skip
        self.current = 0
        self.outages: list[tuple[str, float, float]] = []  # cause, start (Unix s), seconds
        self.clock_s: Callable[[], float] | None = None  # what it tells as its own time
        self.location: Any = DENIED
        self.instead: dict[str, Any] = {}  # request -> bytes, or (code, words), to answer instead
        self.delay_s = 0.0
        self.calls: Counter[str] = Counter()
        self.address = ""
        self._server: Any = None

    def lived(self, seconds: int, **rings: float) -> "PlayedDish":
        """Let seconds go by, with these values in each of them."""
        told = {"pop_ping_latency_ms": 30.0, "downlink_throughput_bps": 8e6, "uplink_throughput_bps": 1e6,
                "power_in": 60.0, "pop_ping_drop_rate": 0.0} | rings  # fmt: skip
        for _ in range(seconds):
            for name, ring in self.rings.items():
                ring[self.current % 900] = told[name]
            self.current += 1
        self.status.device_state.uptime_s = self.current
        return self

    def goes_dark(self, cause: str, *, at_s: float) -> None:
        """Begin an outage."""
        self.status.outage.cause = messages().DishOutage.Cause.Value(cause)
        self.status.outage.start_timestamp_ns = int((at_s - GPS_EPOCH_S) * 1e9)

    def comes_back(self) -> None:
        """End it."""
        self.status.ClearField("outage")

    def restarts(self) -> None:
        """Start anew: its rings are empty, and it counts from 0."""
        self.boot += 1
        self.status.device_info.bootcount = self.boot
        for ring in self.rings.values():
            ring[:] = [0.0] * 900
        self.current = 0
        self.status.device_state.uptime_s = 0

    def history(self) -> Any:
        """Return what its history is now."""
        told = messages().DishGetHistoryResponse(current=self.current)
        for name, ring in self.rings.items():
            getattr(told, name).extend(ring)
        for cause, start_s, seconds in self.outages:
            told.outages.add(
                cause=messages().DishOutage.Cause.Value(cause),
                start_timestamp_ns=int((start_s - GPS_EPOCH_S) * 1e9), duration_ns=int(seconds * 1e9),
            )  # fmt: skip
        if self.clock_s is not None:
            told.event_log.current_timestamp_ns = int(self.clock_s() * 1e9)
        return told

    async def start(self, port: int = 0) -> "PlayedDish":
        """Serve it on a port of this machine."""
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handler(self),))
        got = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()
        self.address = f"127.0.0.1:{got}"
        return self

    async def stop(self) -> None:
        """Stop serving it: nobody listens there any more."""
        await self._server.stop(0)

    async def answer(self, request: bytes, context: Any) -> bytes:
        """Answer one request."""
        asked = messages().Request.FromString(request).WhichOneof("request")
        self.calls[asked] += 1
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        reply = messages().Response()
        instead = self.instead.get(asked)
        if asked == "get_location" and instead is None:
            instead = self.location
        if isinstance(instead, tuple):
            await context.abort(*instead)
        if isinstance(instead, bytes):
            return instead
        if asked == "get_status":
            reply.dish_get_status.CopyFrom(self.status)
        elif asked == "get_history":
            reply.dish_get_history.CopyFrom(self.history())
        elif asked == "get_location":
            reply.get_location.CopyFrom(instead)
        else:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Unimplemented")
        data: bytes = reply.SerializeToString()
        return data


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, dish: PlayedDish) -> None:
        self._dish = dish

    def service(self, details: Any) -> Any:
        if details.method != HANDLE:
            return None
        return grpc.unary_unary_rpc_method_handler(self._dish.answer)


@asynccontextmanager
async def served(*dishes: PlayedDish) -> AsyncIterator[None]:
    """Serve dishes for as long as the block runs."""
    try:
        for dish in dishes:
            await dish.start()
        yield
    finally:
        for dish in dishes:
            await dish.stop()


# Those that mean harm: what each does with a connection.

Harm = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with random bytes, without end."""
    chance = random.Random(1)
    while True:
        writer.write(chance.randbytes(4_096))
        await writer.drain()
        await asyncio.sleep(0.01)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the connection and say nothing."""
    await asyncio.sleep(3_600)


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say the beginning of HTTP/2, a byte at a time."""
    for byte in b"\x00\x00\x12\x04" * 1_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up at once."""
    writer.transport.abort()


HARMS: dict[str, Harm] = {"noise": noise, "silence": silence, "dribble": dribble, "slam": slam}


@asynccontextmanager
async def harmful(harm: Harm) -> AsyncIterator[str]:
    """Serve one that means harm; gives its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await harm(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def huge_status() -> bytes:
    """Return a reply far larger than any real one, in good form."""
    reply = messages().Response()
    reply.dish_get_status.device_info.id = "ut01000000-00000000-0000ffff"
    reply.dish_get_status.connected_routers.extend(["Router-" + "0" * 1_000] * 4_000)
    data: bytes = reply.SerializeToString()
    return data


class in_thread:  # noqa: N801
    """Serve a dish from a thread with a loop of its own."""

    def __init__(self, dish: PlayedDish) -> None:
        self.dish = dish
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> PlayedDish:
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.dish.start(), self.loop).result(10)
        return self.dish

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self.dish.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
