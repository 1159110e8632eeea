"""Handing telemetry on to an MQTT 5 broker: a topic a terminal, each sample as JSON, at least once.

How far it has handed on is kept in the fleet's database and moves on when the broker has acknowledged, so
what a broker that was away missed comes later.  The broker is nobody's store: acknowledging a device is ours.
"""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from openleo.base.errors import BadInput, Refused
from openleo.fleet.batches import plain
from openleo.fleet.dayfile import NS
from openleo.fleet.services import Services
from openleo.fleet.store import TelemetryStore

if TYPE_CHECKING:
    from paho.mqtt.client import Client

PREFIX: Final = "openleo/telemetry"
MOST: Final = 500  # samples in flight
_LOOK_S: Final = 0.5
_ACK_S: Final = 20.0
_PLACES: Final = ("latitude_deg", "longitude_deg")
OLDEST_NS: Final = 8 * 3_600 * NS  # what is older is not handed on: a broker is for what is now


class BrokerAway(Refused):
    """The broker cannot be reached, or does not acknowledge."""

    code = "broker-away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a broker is, and who we are to it."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None

    @classmethod
    def of(cls, url: str) -> "Broker":
        """Read mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://...; raises BadInput."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise BadInput(
                "this is no broker's URL", "write mqtt://HOST:1883 or mqtts://USER:PASSWORD@HOST:8883"
            )
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname, port=port or (8883 if tls else 1883), tls=tls,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )  # fmt: skip


class Publisher:
    """Follows a store and hands its samples on; `run` until ``stop``."""

    def __init__(
        self,
        store: TelemetryStore,
        services: Services,
        broker: Broker,
        *,
        prefix: str = PREFIX,
        positions: bool = False,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store, self._services, self._broker = store, services, broker
        self._prefix, self._positions, self._clock_ns = prefix.rstrip("/"), positions, clock_ns
        _client()  # says now where its package is missing
        self._reader = f"mqtt:{broker.host}:{broker.port}/{self._prefix}"

    def run(self, stop: threading.Event, *, on_trouble: Callable[[str], None] = lambda text: None) -> None:
        """Hand on what comes until ``stop`` is set; where the broker is away, try again."""
        wait_s = _LOOK_S
        while not stop.is_set():
            try:
                with_broker = self._connect()
            except Refused as error:
                on_trouble(error.detail)
                stop.wait(wait_s)
                wait_s = min(30.0, 2 * wait_s)
                continue
            try:
                while not stop.is_set():
                    if self._pass_on(with_broker) == 0:
                        stop.wait(_LOOK_S)
                    wait_s = _LOOK_S
            except Refused as error:  # the broker is away, or the disk is full
                on_trouble(error.detail)
                stop.wait(wait_s)
            finally:
                with_broker.disconnect()
                with_broker.loop_stop()

    def _pass_on(self, client: "Client") -> int:
        """Hand on what has come, at most `MOST` samples; return how many."""
        at = self._services.position(self._reader)
        if at is None:
            at = self._store.end_position()
            self._services.note_position(self._reader, at)
        oldest = max(0, self._clock_ns() - OLDEST_NS)
        samples, after = self._store.arrived(at, most=MOST, oldest_ns=oldest)
        waiting = []
        for one in samples:
            told = plain(one)
            if not self._positions:
                for name in _PLACES:
                    told.pop(name, None)
            topic = f"{self._prefix}/{one.terminal}"
            waiting.append(client.publish(topic, msgspec.json.encode(told), qos=1, retain=True))
        until = time.monotonic() + _ACK_S
        for one_sent in waiting:
            try:
                one_sent.wait_for_publish(max(0.0, until - time.monotonic()))
            except (RuntimeError, ValueError) as error:
                raise BrokerAway(f"the broker took no more: {error}", "it is tried again") from error
            if not one_sent.is_published():
                raise BrokerAway("the broker does not acknowledge", "it is tried again")
        if after != at:
            self._services.note_position(self._reader, after)
        return len(samples)

    def _connect(self) -> "Client":
        client = _client()
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        answered = threading.Event()
        said: list[Any] = []

        def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            said.append(reason)
            answered.set()

        client.on_connect = on_connect
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=30)
        except OSError as error:
            raise BrokerAway(
                f"no broker answers at {where}: {error}", "start it; it is tried again"
            ) from error
        client.loop_start()
        if not answered.wait(_ACK_S) or said[0].is_failure:
            client.loop_stop()
            raise BrokerAway(
                f"the broker at {where} refuses us: {said[0] if said else 'no answer'}",
                "check who we are to it",
            )
        return client


def _client() -> "Client":
    try:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError:
        raise BadInput("paho-mqtt is not installed", "pip install 'openleo[mqtt]'") from None
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.max_inflight_messages_set(MOST)
    return client
