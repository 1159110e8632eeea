"""Handing telemetry on to a broker: each sample at least once, also where the broker was away.

A broker of a few lines takes what a real one would be sent; against mosquitto the same is done where it is.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fleet_world import Clock, minute, sample

from openleo.base.errors import BadInput
from openleo.fleet.database import FleetDatabase
from openleo.fleet.mqtt import Broker, Publisher
from openleo.fleet.services import Services
from openleo.fleet.store import TelemetryStore

CONNECT, PUBLISH, PINGREQ, DISCONNECT = 1, 3, 12, 14


class SmallBroker:
    """Answers CONNECT and, with QoS 1, PUBLISH, as MQTT 5 has them (OASIS, 2019: 3.1 to 3.4)."""

    def __init__(self, port: int = 0) -> None:
        self.taken: list[tuple[str, dict[str, object]]] = []
        self.acknowledges = True
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError, IndexError):
            while first := stream.read(1):
                kind, flags = first[0] >> 4, first[0] & 15
                size = shift = 0
                while True:
                    byte = stream.read(1)[0]
                    size |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = stream.read(size)
                if kind == CONNECT:
                    assert body[6] == 5, "MQTT 5"
                    connection.sendall(bytes([0x20, 3, 0, 0, 0]))
                elif kind == PUBLISH:
                    self._publish(connection, flags, body)
                elif kind == PINGREQ:
                    connection.sendall(bytes([0xD0, 0]))
                elif kind == DISCONNECT:
                    return

    def _publish(self, connection: socket.socket, flags: int, body: bytes) -> None:
        assert (flags >> 1) & 3 == 1, "QoS 1"
        length = struct.unpack_from(">H", body)[0]
        topic = body[2 : 2 + length].decode()
        packet = body[2 + length : 4 + length]
        properties = body[4 + length]
        self.taken.append((topic, json.loads(body[5 + length + properties :])))
        if self.acknowledges:
            connection.sendall(bytes([0x40, 2]) + packet)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with TelemetryStore(tmp_path) as opened:
        yield opened


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with FleetDatabase(tmp_path) as database:
        yield Services(database)


def until(done: object, for_s: float = 20.0) -> None:
    end = time.monotonic() + for_s
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


class Running:
    """A publisher that runs until the block ends."""

    def __init__(self, store: TelemetryStore, services: Services, port: int) -> None:
        self.trouble: list[str] = []
        self._stop = threading.Event()
        publisher = Publisher(store, services, Broker.of(f"mqtt://127.0.0.1:{port}"), clock_ns=Clock())
        self._thread = threading.Thread(
            target=publisher.run, args=(self._stop,), kwargs={"on_trouble": self.trouble.append}
        )

    def __enter__(self) -> "Running":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def test_each_sample_goes_to_its_terminals_topic_without_its_place(
    store: TelemetryStore, services: Services
) -> None:
    broker = SmallBroker()
    services.note_position(f"mqtt:127.0.0.1:{broker.port}/openleo/telemetry", {})
    store.add([*minute("ut-1", latitude_deg=1.0, longitude_deg=2.0), sample("ut-2")])
    with Running(store, services, broker.port):
        until(lambda: len(broker.taken) == 5)
        store.add([sample("ut-3")])
        until(lambda: len(broker.taken) == 6)
    assert [topic for topic, _ in broker.taken] == [f"openleo/telemetry/ut-{n}" for n in (1, 1, 1, 1, 2, 3)]
    assert broker.taken[0][1]["downlink_mbps"] == 1.5
    assert not any("latitude_deg" in told for _, told in broker.taken)
    broker.close()


def test_what_a_broker_that_was_away_missed_comes_later(store: TelemetryStore, services: Services) -> None:
    broker = SmallBroker()
    port = broker.port
    services.note_position(f"mqtt:127.0.0.1:{port}/openleo/telemetry", {})
    broker.close()
    store.add(minute())
    with Running(store, services, port) as running:
        until(lambda: running.trouble)
        broker = SmallBroker(port)
        until(lambda: len(broker.taken) == 4)
    with Running(store, services, port):
        store.add([sample("ut-2")])
        until(lambda: len(broker.taken) == 5)
    assert broker.taken[-1][0].endswith("ut-2"), "what was acknowledged does not come again"
    broker.close()


@pytest.mark.parametrize("url", ["", "http://x", "mqtt://", "mqtt://host:port", "mqtts:///x"])
def test_what_is_no_brokers_url(url: str) -> None:
    with pytest.raises(BadInput):
        Broker.of(url)


def test_a_brokers_url_may_hold_who_we_are() -> None:
    broker = Broker.of("mqtts://me:p%40ss@broker.example")
    assert (broker.host, broker.port, broker.tls, broker.user, broker.password) == (
        "broker.example", 8883, True, "me", "p@ss",
    )  # fmt: skip


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(
    shutil.which("mosquitto") is None and os.environ.get("OPENLEO_REQUIRE_ALL") != "1",
    reason="mosquitto is not on PATH",
)
def test_mosquitto_takes_it(store: TelemetryStore, services: Services, tmp_path: Path) -> None:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "m.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen(["mosquitto", "-c", str(tmp_path / "m.conf")]) as mosquitto:
        try:
            until(lambda: listens(port))
            services.note_position(f"mqtt:127.0.0.1:{port}/openleo/telemetry", {})
            store.add(minute())
            taken: list[str] = []
            with Running(store, services, port):
                listener = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
                listener.on_message = lambda _c, _d, message: taken.append(message.topic)
                listener.connect("127.0.0.1", port)
                listener.loop_start()
                listener.subscribe("openleo/telemetry/#", qos=1)
                store.add([sample("ut-2")])
                until(lambda: "openleo/telemetry/ut-2" in taken)
                listener.loop_stop()
        finally:
            mosquitto.terminate()
