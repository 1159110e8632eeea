"""Requests to a dish over gRPC-Web (HTTP/1.1, port 9201): bytes out, bytes in, bounded in time and size."""

import asyncio
import re
from typing import Final
from urllib.parse import unquote

from openleo.dish.connecting import connect
from openleo.dish.errors import DishError, from_status
from openleo.dish.grpc_calls import MAX_REPLY_BYTES
from openleo.dish.protocol import HANDLE

_MAX_HEAD: Final = 16 << 10
_MAX_BODY: Final = MAX_REPLY_BYTES + (16 << 10)
_TRAILERS: Final = 0x80  # flag of the frame that holds the status


class WebCalls:
    """Calls of one dish over gRPC-Web, a connection each."""

    def __init__(self, host: str, port: int, source: str | None) -> None:
        self._host, self._port, self._source = host, port, source

    @property
    def where(self) -> str:
        """Return the dish's address for people."""
        return f"{self._host}:{self._port}"

    async def close(self) -> None:
        """Nothing stays open."""

    async def call(self, request: bytes, timeout_s: float) -> bytes:
        """Return the reply's bytes; raises DishError."""
        connected = False
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await connect(self._host, self._port, self._source)
                connected = True
                try:
                    writer.write(self._head(request) + frame(0, request))
                    await writer.drain()
                    status, headers = await self._read_head(reader)
                    body = await self._read_body(reader, headers)
                finally:
                    writer.transport.abort()  # at once, whatever the other side does
        except TimeoutError:
            if not connected:
                detail = f"{self.where} cannot be reached: no answer to a connection"
                raise DishError("unreachable", detail, delivered=False) from None
            raise DishError("slow", f"{self.where} did not answer in time") from None
        except (OSError, EOFError) as error:
            raise DishError("garbage", f"{self.where} hung up in the middle of its reply") from error
        return self._reply(status, headers, body)

    def _head(self, request: bytes) -> bytes:
        host = f"[{self._host}]" if ":" in self._host else self._host
        lines = (
            f"POST {HANDLE} HTTP/1.1",
            f"Host: {host}:{self._port}",
            "Content-Type: application/grpc-web+proto",
            "Accept: application/grpc-web+proto",
            "X-Grpc-Web: 1",
            f"Content-Length: {len(request) + 5}",
            "Connection: close",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _read_head(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        """Return the HTTP status and the headers."""
        try:
            first = (await reader.readuntil(b"\n")).decode("latin-1").rstrip()
            if not first.startswith("HTTP/1."):
                raise self._garbage("it is not HTTP")
            text = ""
            while line := (await reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n"):
                text += line + "\n"
                if len(text) > _MAX_HEAD:
                    raise self._garbage("its headers do not end")
        except asyncio.LimitOverrunError:
            raise self._garbage("its headers do not end") from None
        status = [*first.split(" "), ""][1]
        if not re.fullmatch("[1-5][0-9]{2}", status):
            raise self._garbage("it is not HTTP")
        pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
        return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def _read_body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self._read_chunks(reader)
        length = headers.get("content-length")
        if length is not None:
            if not length.isascii() or not length.isdigit():
                raise self._garbage("its length is not a number")
            if len(length) > 9 or int(length) > _MAX_BODY:
                raise self._too_big()
            return await reader.readexactly(int(length))
        body = bytearray()
        while part := await reader.read(1 << 14):
            body += part
            if len(body) > _MAX_BODY:
                raise self._too_big()
        return bytes(body)

    async def _read_chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int((await reader.readuntil(b"\n")).split(b";")[0].strip(), 16)
            except (ValueError, asyncio.LimitOverrunError):
                raise self._garbage("its chunks have no sizes") from None
            if size == 0:
                return bytes(body)
            if size < 0 or len(body) + size > _MAX_BODY:
                raise self._too_big()
            body += await reader.readexactly(size)
            await reader.readuntil(b"\n")

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> bytes:
        if status != 200 and "grpc-status" not in headers:
            raise self._garbage(f"HTTP status {status}")
        message: bytes | None = None
        at = 0
        while at + 5 <= len(body):
            flag, size = body[at], int.from_bytes(body[at + 1 : at + 5], "big")
            part = body[at + 5 : at + 5 + size]
            if len(part) < size:
                break
            at += 5 + size
            if flag & _TRAILERS:
                lines = (line.partition(":") for line in part.decode("latin-1").splitlines())
                headers = headers | {name.strip().lower(): value.strip() for name, _, value in lines}
            elif flag or message is not None:
                raise self._garbage("its frames are not those of one reply")
            else:
                message = part
        code = headers.get("grpc-status", "")
        if code.isascii() and code.isdigit() and int(code[:4]):
            raise from_status(int(code[:4]), unquote(headers.get("grpc-message", "")), self.where)
        if message is None or at != len(body):
            raise self._garbage("the reply is empty" if not body else "its frames are cut short")
        if len(message) > MAX_REPLY_BYTES:
            raise self._too_big()
        return message

    def _garbage(self, why: str) -> DishError:
        return DishError("garbage", f"what answers at {self.where} does not speak gRPC-Web: {why}")

    def _too_big(self) -> DishError:
        return DishError("too-big", f"{self.where} answers with more than {MAX_REPLY_BYTES} bytes")


def frame(flag: int, data: bytes) -> bytes:
    """Return one frame of gRPC-Web."""
    return bytes([flag]) + len(data).to_bytes(4, "big") + data
