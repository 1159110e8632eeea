"""Short notices between processes of one machine: a datagram socket in the file system.

A notice only says that there is something to look at; whoever misses one looks again a second later.
"""

import socket
from contextlib import suppress
from pathlib import Path


class Sender:
    """Sends notices; nobody need be there to hear them."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, text: str) -> None:
        """Send one, and drop it where nobody listens or too many wait."""
        with suppress(OSError):
            self._socket.sendto(text.encode(), self._path)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def listen(path: Path) -> socket.socket:
    """Return a socket that hears what is sent to ``path``, in place of one of a process that died."""
    path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.setblocking(False)
    found.bind(str(path))
    return found
