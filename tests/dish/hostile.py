"""Servers that do what no dish does."""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import grpc

from openleo.dish.protocol import HANDLE, SERVICE

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def tcp(serve: Serve) -> Iterator[tuple[str, list[str]]]:
    """Serve each connection with ``serve``; yields the address and a list of who came."""
    loop, ready, came = asyncio.new_event_loop(), threading.Event(), list[str]()
    address: list[str] = []
    stop = asyncio.Event()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("peername")[0])
        try:
            await serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def work() -> None:
        server = await asyncio.start_server(one, "127.0.0.1", 0)
        address.append(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        ready.set()
        await stop.wait()
        await asyncio.sleep(0.05)  # a connection that is just being taken must come to its handler
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.02)  # let what was aborted be closed

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()))
    thread.start()
    ready.wait(30)
    try:
        yield address[0], came
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the connection and say nothing."""
    await asyncio.sleep(60)


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send random bytes without end."""
    while True:
        writer.write(os.urandom(1 << 14))
        await writer.drain()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close at once."""


async def web_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server that is no dish."""
    await reader.read(1000)
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found")
    await writer.drain()


async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as something else altogether."""
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await writer.drain()
    await asyncio.sleep(60)


def says(text: bytes) -> Serve:
    """Return a server that reads a request and answers with these bytes, then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(text)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return serve


def endless(head: bytes, more: bytes) -> Serve:
    """Return a server that answers with ``head`` and then ``more`` without end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(head)
        while True:
            writer.write(more)
            await writer.drain()

    return serve


def drips(head: bytes) -> Serve:
    """Return a server that answers with ``head`` and then a byte now and then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(head)
        while True:
            writer.write(b"0")
            await writer.drain()
            await asyncio.sleep(0.05)

    return serve


@contextmanager
def grpc_dish(reply: Callable[[bytes, grpc.ServicerContext], bytes]) -> Iterator[str]:
    """Serve Handle with whatever bytes ``reply`` gives; yields the address."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(4)
    server = grpc.server(pool, options=[("grpc.max_send_message_length", -1)])
    handler = grpc.unary_unary_rpc_method_handler(reply)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {HANDLE.rpartition("/")[2]: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait(10)
        pool.shutdown()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
