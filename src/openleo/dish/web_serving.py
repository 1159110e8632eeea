"""gRPC-Web over HTTP/1.1, as dishes serve it on port 9201: a small server for one dish.

It takes POST /SpaceX.API.Device.Device/Handle with application/grpc-web(+proto), or grpc-web-text (base64),
several requests on a connection, with a length or in chunks.  An empty 200 answers a page of another origin,
as a real dish does: a browser's page elsewhere must not read it.
"""

import asyncio
import base64
import binascii
import contextlib
from typing import Final, Self
from urllib.parse import quote, urlsplit

from openleo.dish.connecting import is_address
from openleo.dish.handling import INTERNAL, UNIMPLEMENTED, Answered, Handler
from openleo.dish.protocol import HANDLE
from openleo.dish.web_calls import frame

MAX_REQUEST_BYTES: Final = 1 << 20
_MAX_HEAD: Final = 16 << 10
_IDLE_S: Final = 30.0
_TRAILERS: Final = 0x80
_ALLOWED_HEADERS: Final = "content-type, x-grpc-web, x-user-agent, grpc-timeout"


class _BadRequest(Exception):
    """The request cannot be read: an HTTP status ends the connection."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class WebServer:
    """The gRPC-Web server of one dish."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self, host: str, port: int) -> Self:
        """Listen; raises OSError where the address cannot be had."""
        self._server = await asyncio.start_server(self._run, host, port, limit=_MAX_HEAD)
        return self

    @property
    def port(self) -> int:
        """Return the port on which it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and hang up."""
        assert self._server is not None
        self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=1.0)
        await self._server.wait_closed()

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client goes, is silent, or sends what is not HTTP."""
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
            try:
                while await self._one(reader, writer):
                    pass
            except _BadRequest as bad:
                writer.write(_response(bad.status, {"connection": "close"}, b""))
                await writer.drain()
        del self._connections[task]
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection ends after it."""
        async with asyncio.timeout(_IDLE_S):
            method, path, headers = await _read_head(reader)
            body = await _read_body(reader, headers)
        keep = headers.get("connection", "").lower() != "close"
        status, fields, reply = self._answer(method, path, headers, body)
        fields["connection"] = "keep-alive" if keep else "close"
        writer.write(_response(status, fields, reply))
        async with asyncio.timeout(_IDLE_S):
            await writer.drain()
        return keep

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[str, dict[str, str], bytes]:
        if _foreign(headers):
            return "200 OK", {}, b""
        fields = {"access-control-allow-origin": headers["origin"]} if "origin" in headers else {}
        if method == "OPTIONS":
            fields |= {
                "access-control-allow-methods": "POST",
                "access-control-allow-headers": _ALLOWED_HEADERS,
            }
            return "204 No Content", fields, b""
        if method != "POST":
            return "405 Method Not Allowed", {"allow": "POST, OPTIONS"}, b""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        text = kind.startswith("application/grpc-web-text")
        if not kind.startswith("application/grpc-web"):
            return "415 Unsupported Media Type", {}, b""
        reply = self._call(path, body, text)
        fields["content-type"] = "application/grpc-web-text+proto" if text else "application/grpc-web+proto"
        fields["access-control-expose-headers"] = "grpc-status, grpc-message"
        return "200 OK", fields, base64.b64encode(reply) if text else reply

    def _call(self, path: str, body: bytes, text: bool) -> bytes:
        """Return the frames of a reply: the message, if there is one, and the status."""
        try:
            if path != HANDLE:
                raise Answered(UNIMPLEMENTED, "unknown method " + path.rpartition("/")[2][:100])
            data = base64.b64decode(body, validate=True) if text else body
            size = int.from_bytes(data[1:5], "big")
            if len(data) < 5 or data[0] or len(data) != size + 5:
                raise Answered(INTERNAL, "the request is not one frame of gRPC-Web")
            return frame(0, self._handler.handle(data[5:])) + frame(_TRAILERS, b"grpc-status:0\r\n")
        except binascii.Error:
            code, message = INTERNAL, "the request is not base64"
        except Answered as no:
            code, message = no.code, no.message
        status = f"grpc-status:{code}\r\ngrpc-message:{quote(message, safe=_PLAIN)}\r\n"
        return frame(_TRAILERS, status.encode())


_PLAIN: Final = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"  # what grpc-message need not escape


def _foreign(headers: dict[str, str]) -> bool:
    """Tell whether a browser asks for a page of another origin.

    Dishes have addresses and no names: a page whose host has a name got there by making that name point here.
    """
    told = [headers[name] for name in ("origin", "referer") if name in headers]
    own = headers.get("host", "")
    try:
        return bool(told) and (
            any(urlsplit(one).netloc != own for one in told)
            or not is_address(urlsplit("//" + own).hostname or "")
        )
    except ValueError:  # a URL that cannot be read
        return True


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _BadRequest("431 Request Header Fields Too Large") from None
    first, _, rest = head.partition("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _BadRequest("400 Bad Request")
    pairs = (line.partition(":") for line in rest.split("\r\n") if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return words[0], words[1], headers


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _BadRequest("400 Bad Request")
    if len(length) > 9 or int(length) > MAX_REQUEST_BYTES:
        raise _BadRequest("413 Content Too Large")
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int((await reader.readuntil(b"\n")).split(b";")[0].strip(), 16)
        except (ValueError, asyncio.LimitOverrunError):
            raise _BadRequest("400 Bad Request") from None
        if size < 0 or len(body) + size > MAX_REQUEST_BYTES:
            raise _BadRequest("413 Content Too Large")
        if size == 0:
            while (await reader.readline()).strip():
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


def _response(status: str, headers: dict[str, str], body: bytes) -> bytes:
    if not status.startswith("204"):
        headers = headers | {"content-length": str(len(body))}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
