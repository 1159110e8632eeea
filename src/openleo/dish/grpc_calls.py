"""Requests to a dish over gRPC (port 9200): bytes out, bytes in, bounded in time and size."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio

from openleo.dish.connecting import Relay, connect
from openleo.dish.errors import DishError, from_status
from openleo.dish.protocol import HANDLE

MAX_REPLY_BYTES: Final = 1 << 18  # the largest real reply, the obstruction map, has 61 kB
_PROBE_S: Final = 0.5  # at most this long after the deadline: is anybody there?

_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MAX_REPLY_BYTES),
    ("grpc.max_metadata_size", 16 << 10),
    ("grpc.enable_http_proxy", 0),  # a dish stands on the local network, whatever http_proxy says
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.primary_user_agent", "openleo"),
]
# What gRPC says when something answers that is not HTTP/2.
_NOT_GRPC = re.compile(r"http1|failed parsing|frame|settings|protocol error|goaway|illegal|trailing", re.I)


@dataclass(slots=True)
class _Connection:
    """A channel to a dish, and what carries it."""

    channel: Any
    handle: Any
    relay: Relay | None

    @property
    def ready(self) -> bool:
        """Tell whether the other side speaks gRPC and is there."""
        return bool(self.channel.get_state() is grpc.ChannelConnectivity.READY)

    async def close(self) -> None:
        await self.channel.close()
        if self.relay is not None:
            await self.relay.close()


class GrpcCalls:
    """Calls of one dish over one connection, which is made when first needed and anew after a failure."""

    def __init__(self, host: str, port: int, source: str | None) -> None:
        self._host, self._port, self._source = host, port, source
        self._opening = asyncio.Lock()
        self._connection: _Connection | None = None

    @property
    def where(self) -> str:
        """Return the dish's address for people."""
        return f"{self._host}:{self._port}"

    async def call(self, request: bytes, timeout_s: float) -> bytes:
        """Return the reply's bytes; raises DishError."""
        connection = await self._open()
        task = asyncio.current_task()
        try:
            reply: bytes = await connection.handle(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise await self._failed(connection, error) from None
        except (asyncio.CancelledError, grpc.aio.UsageError):
            if task is not None and task.cancelling():
                raise  # it is we who are no longer wanted
            detail = f"the connection to {self.where} was given up while it was asked"
            raise DishError("unreachable", detail) from None
        return reply

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> _Connection:
        async with self._opening:
            if self._connection is None:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> _Connection:
        host = f"[{self._host}]" if ":" in self._host else self._host
        target, options, relay = f"{host}:{self._port}", list(_OPTIONS), None
        if self._source is not None:
            relay = await Relay(self._host, self._port, self._source).start()
            options.append(("grpc.default_authority", target))
            target = relay.target
        channel = grpc.aio.insecure_channel(target, options=options)
        return _Connection(channel, channel.unary_unary(HANDLE), relay)  # no serialisers: bytes

    async def _failed(self, connection: _Connection, error: Any) -> DishError:
        code, said = error.code(), error.details() or ""
        late = code is grpc.StatusCode.DEADLINE_EXCEEDED
        if code is not grpc.StatusCode.UNAVAILABLE and not late:
            return from_status(code.value[0], said, self.where)
        if connection.ready:
            if late:
                return DishError("slow", f"{self.where} did not answer in time")
            return from_status(code.value[0], said, self.where)
        if self._connection is connection:  # the next call starts afresh, not after gRPC's growing pauses
            self._connection = None
            await connection.close()
        if connection.relay is not None and connection.relay.failure is not None:
            return connection.relay.failure
        return await self._diagnose(said)

    async def _diagnose(self, said: str) -> DishError:
        """Return why no gRPC connection came about: nobody there, silence, or another protocol."""
        try:
            async with asyncio.timeout(_PROBE_S):
                _, writer = await connect(self._host, self._port, self._source)
                writer.transport.abort()
        except DishError as error:
            return error
        except TimeoutError:
            detail = f"{self.where} cannot be reached: no answer to a connection"
            return DishError("unreachable", detail, delivered=False)
        if _NOT_GRPC.search(said):
            detail = f"what answers at {self.where} does not speak gRPC ({said[:200]})"
            return DishError("garbage", detail, delivered=False)
        if "Socket closed" in said or "reset" in said.lower():
            return DishError("unreachable", f"{self.where} hangs up ({said[:200]})", delivered=False)
        return DishError("slow", f"{self.where} takes connections but says nothing", delivered=False)
