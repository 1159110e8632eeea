"""A small HTTP client: JSON or bytes out, bytes in, bounded in time and size, certificates checked.

Remote agents use it, so it is the standard library's.  It follows no redirect: what is sent is secret or
signed, and goes to whom it is meant for or nowhere.
"""

import http.client
import json
import math
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from openleo.base.errors import BadInput, OpenleoError

MOST_REPLY: Final = 64 * 1024 * 1024
_PIECE: Final = 64 * 1024
_MOST_WAIT_S: Final = 900.0


class WebError(OpenleoError):
    """A server could not be reached, or what it answered is no HTTP."""

    code = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A server's answer; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether it says that all is well."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return its body as JSON; raises WebError."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise WebError(f"the answer is no JSON: {self.body[:80]!r}", "is this the right URL?") from error

    def wait_s(self, otherwise_s: float) -> float:
        """Return what Retry-After asks for: seconds or a date, a quarter of an hour at most."""
        told = self.headers.get("retry-after", "").strip()
        try:
            wait_s = float(told)
        except ValueError:
            try:
                wait_s = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
            except (ValueError, TypeError):
                return otherwise_s
        return otherwise_s if math.isnan(wait_s) else min(max(wait_s, 0.5), _MOST_WAIT_S)

    def said(self) -> str:
        """Return what it says was wrong, for reading."""
        text = self.body[:2_000].decode("utf-8", "replace")
        try:
            found = json.loads(text)
            if isinstance(found, dict):
                told = (
                    found.get(key) for key in ("detail", "error_description", "title", "error", "message")
                )
                text = next((str(one) for one in told if one), text)
        except ValueError:
            pass
        plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return f"HTTP {self.status}" + (f": {plain[:200]}" if plain else "")


@dataclass(frozen=True, slots=True)
class Server:
    """A server, by its URL without a path's end: https://host[:port][/prefix]."""

    url: str
    ca_file: str = ""  # certificates to trust instead of the system's
    timeout_s: float = 30.0

    def parts(self) -> SplitResult:
        """Return its URL in parts; raises BadInput where it is none, or would send secrets in the open."""
        try:
            parts = urlsplit(self.url)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            parts, port_is_fine = urlsplit(""), False
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
            raise BadInput(f"{self.url!r} is no URL of a server", "write it as https://openleo.example")
        if parts.username or parts.query or parts.fragment:
            raise BadInput(f"{self.url!r} has more than a server's address", "leave ?, # and user names out")
        if parts.scheme == "http" and not _is_here(parts.hostname):
            raise BadInput(
                f"{self.url} is not encrypted, so anyone on the way could read and change what is sent",
                "use https://; http:// is for this machine alone (127.0.0.1)",
            )
        return parts

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, most: int = MOST_REPLY,
        timeout_s: float | None = None,
    ) -> Answer:  # fmt: skip
        """Send a POST and return the answer; raises WebError."""
        return self.ask("POST", path, body, headers, most, timeout_s=timeout_s)

    def ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most: int = MOST_REPLY,
        *, timeout_s: float | None = None,
    ) -> Answer:  # fmt: skip
        """Send a request and return the answer; raises WebError."""
        parts = self.parts()
        wait_s = timeout_s or self.timeout_s
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connection(parts, wait_s)
            connection.request(method, parts.path.rstrip("/") + path, body, dict(headers))
            reply = connection.getresponse()
            data = _read(reply, most)
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(status=reply.status, headers=found, body=data)
        except (OSError, http.client.HTTPException) as error:
            raise WebError(f"{self.url} cannot be reached: {_why(error)}", _hint(error)) from error
        finally:
            if connection is not None:
                connection.close()

    def _connection(self, parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
        assert parts.hostname is not None
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        context = _trusting(self.ca_file)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=context)


@cache
def _trusting(ca_file: str) -> ssl.SSLContext:
    """Return what trusts the certificates of a file, or the system's: small machines read them slowly."""
    if ca_file and not Path(ca_file).is_file():
        raise BadInput(f"there is no file {ca_file}", "name a file of certificates (PEM)")
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError as error:
        raise BadInput(f"{ca_file} holds no certificates", "name a file of certificates (PEM)") from error


def _read(reply: http.client.HTTPResponse, most: int) -> bytes:
    data = bytearray()
    while piece := reply.read(_PIECE):
        data += piece
        if len(data) > most:
            raise http.client.HTTPException(f"it answers with more than {most:,} bytes")
    return bytes(data)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _hint(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "is our clock right?  For a server with a certificate of its own, name that: --ca-file"
    return "is this machine online, and the URL right?"


def send_json(
    server: Server, path: str, value: object, headers: Mapping[str, str], *, timeout_s: float | None = None
) -> Answer:
    """Send JSON; raises WebError."""
    told = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    return server.post(path, json.dumps(value).encode(), told, timeout_s=timeout_s)
