"""TCP connections to dishes, from a chosen local address or network interface.

Every dish has the same address, 192.168.100.1, so a site with several tells them apart by the interface that
leads to each.  gRPC for Python cannot bind a connection; a `Relay` can for it: gRPC connects to a socket in a
folder that only this user may enter, and each connection there is carried on over a bound one.
"""

import asyncio
import contextlib
import errno
import ipaddress
import re
import socket
from pathlib import Path
from typing import Final, Self

from openleo.base.errors import BadInput
from openleo.dish.errors import DishError
from openleo.dish.protocol import GRPC_PORT

_CHUNK: Final = 1 << 16
_NUMBERS: Final = re.compile(r"[0-9.]+")


def split_address(address: str, default_port: int = GRPC_PORT) -> tuple[str, int]:
    """Return host and port of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; raises BadInput."""
    text = address.strip()
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or any(c.isspace() or c in "/@?#" for c in host):
        raise BadInput(f"{address!r} is not the address of a dish", "write it as 192.168.100.1 or host:port")
    if _NUMBERS.fullmatch(host) and not is_address(host):
        raise BadInput(f"{host} is no IPv4 address", "it has four numbers from 0 to 255, as 192.168.100.1")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadInput(f"{address!r} has no port from 1 to 65535", "write it as 192.168.100.1:9200")
    return host, int(port) if port else default_port


def is_address(source: str) -> bool:
    """Tell an IP address from the name of an interface."""
    try:
        ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return False
    return True


def need_source(source: str) -> None:
    """Raise BadInput unless ``source`` is "", or an address or the name of an interface of this machine."""
    if not source:
        return
    if is_address(source):
        try:
            with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as sock:
                sock.bind(socket.getaddrinfo(source, 0, type=socket.SOCK_STREAM)[0][4])
        except OSError as error:
            raise BadInput(f"{source} is no address of this machine", "see `ip address`") from error
        return
    names = [name for _, name in socket.if_nameindex()]
    if source not in names:
        raise BadInput(
            f"there is no interface {source} on this machine",
            f"name one of {', '.join(names)}, or its address",
        )


async def connect(
    host: str, port: int, source: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection, from ``source`` if given: an IP address, or the name of an interface (Linux).

    Raises DishError "unreachable".  It does not watch the clock: the caller does.
    """
    try:
        if source is None:
            return await asyncio.open_connection(host, port)
        if is_address(source):
            return await asyncio.open_connection(host, port, local_addr=(source, 0))
        return await _through_interface(host, port, source)
    except OSError as error:
        detail, hint = f"{host}:{port} cannot be reached: {_said(error)}", None
        if isinstance(error, socket.gaierror):
            hint = "check how it is spelt; one that is wrong is taken out by: openleo fleet remove"
        if source is not None:
            detail = f"{host}:{port} cannot be reached from {source}: {_said(error)}"
            if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EINVAL):
                hint = f"{source} must be an address or an interface of this machine: see `ip address`"
        raise DishError("unreachable", detail, hint=hint, delivered=False) from error


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).removeprefix("[Errno")


async def _through_interface(
    host: str, port: int, interface: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not hasattr(socket, "SO_BINDTODEVICE"):
        raise OSError(errno.EINVAL, "only Linux binds to an interface by name")
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, target = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        await loop.sock_connect(sock, target)
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


class Relay:
    """A local socket whose connections go on to ``host:port`` from ``source``."""

    def __init__(self, host: str, port: int, source: str) -> None:
        import tempfile  # here, for most sites need no relay, and these take half a MB of a small machine

        self._to = (host, port, source)
        self._folder = Path(tempfile.mkdtemp(prefix="openleo-dish-"))  # mode 0700: nobody else may use it
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self.failure: DishError | None = None  # why the last connection could not be made

    @property
    def target(self) -> str:
        """Return the name by which gRPC reaches it."""
        return f"unix:{self._folder / 's'}"

    async def start(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._carry, str(self._folder / "s"))
        return self

    async def close(self) -> None:
        """Stop, and close what is carried."""
        import shutil

        if self._server is not None:
            self._server.close()
        for task in list(self._carrying):
            task.cancel()
        if self._carrying:
            await asyncio.gather(*self._carrying, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            back, far = await connect(*self._to)
            self.failure = None
            await asyncio.gather(_pump(reader, far), _pump(back, writer))
        except DishError as error:
            self.failure = error
        except asyncio.CancelledError:
            pass  # only close() cancels; a cancelled handler must end quietly
        finally:
            self._carrying.discard(task)
            for one in (writer, far):
                if one is not None:
                    one.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
