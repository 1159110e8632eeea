"""Servers for tests, each in a thread: our own ingest, the vendor's endpoints in it, and a scripted one."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from openleo.api.ingest import Ingest, create_ingest_app
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.intake import Intake
from openleo.fleet.keys import AgentKeys
from openleo.fleet.store import TelemetryStore


@dataclass(frozen=True, slots=True)
class Here:
    """Our own ingest, running: where, and what it works with."""

    url: str
    at: Ingest
    store: TelemetryStore

    def agent(self, name: str = "site-1") -> str:
        """Add an agent; return its code."""
        return self.at.agents.add(name, now_ns=time.time_ns())

    def service(self, name: str = "reader") -> str:
        """Add a service account; return its secret."""
        return self.at.services.add(name, now_ns=time.time_ns())


@contextmanager
def ingest_here(folder: Path, *, port: int = 0, tls: tuple[Path, Path] | None = None) -> Iterator[Here]:
    """Run our ingest on a port of this machine, its data in ``folder``; ``tls``: certificate and key."""
    with ExitStack() as stack:
        database = stack.enter_context(FleetDatabase(folder))
        store = stack.enter_context(TelemetryStore(folder))
        intake = stack.enter_context(closing(Intake(store, AgentKeys(Agents(database)))))
        at = Ingest.of(intake, database)
        files = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
        with app_here(create_ingest_app(at), port=port, **files) as url:
            yield Here(url, at, store)


@contextmanager
def app_here(app: Any, *, port: int = 0, **config: Any) -> Iterator[str]:
    """Serve an app on a port of this machine; gives its URL."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", **config))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"{'https' if config else 'http'}://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        sock.close()


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that nobody vouches for, and its key; return their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "openleo test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


@dataclass(slots=True)
class Asked:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


Reply = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class Scripted:
    """A server that answers as ``answer`` says, and remembers what it was asked."""

    answer: Callable[[Asked], Reply]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Return the ends of the paths that were asked, in order."""
        return [one.path.rpartition("/")[2] for one in self.asked]


@contextmanager
def scripted(answer: Callable[[Asked], Reply], *, port: int = 0) -> Iterator[Scripted]:
    """Run a scripted server."""
    there = Scripted(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            there.asked.append(asked)
            status, headers, data = there.answer(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    there.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
