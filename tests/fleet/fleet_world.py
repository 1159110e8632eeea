"""What the tests of telemetry share: samples, devices with keys, and a clock that is turned."""

import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.append(str(Path(__file__).resolve().parents[1] / "control"))

from openleo.fleet.batches import sign_batch
from openleo.fleet.keys import Held, Standing, State
from openleo.fleet.sample import Sample

NS = 10**9
START_NS = 1_772_366_400 * NS  # 2026-03-01 12:00 UTC
HOUR_NS, DAY_NS = 3_600 * NS, 86_400 * NS
CELL = 0x851E4C83FFFFFFF


def sample(terminal: str = "ut-1", at_s: float = 0.0, **more: Any) -> Sample:
    """Return a sample of a terminal, so many seconds after the start."""
    told: dict[str, Any] = {"source": "dish", "boot": 1, "counter": round(at_s) + 10**7}
    if more.get("source", "dish") != "dish":
        told = {}
    told |= {"downlink_mbps": 1.5, "outage": "", "disablement": "OKAY"} | more
    return Sample(terminal=terminal, time_ns=START_NS + round(at_s * NS), **told)


def minute(terminal: str = "ut-1", at_s: float = 0.0, **more: Any) -> list[Sample]:
    """Return the samples of a minute."""
    return [sample(terminal, at_s + n * 15, **more) for n in range(4)]


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    now_ns: int = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def turn(self, seconds: float) -> int:
        self.now_ns += round(seconds * NS)
        return self.now_ns


@dataclass
class Device:
    """A device with a key, that numbers its samples."""

    id: str = "ag-1"
    boot: str = "b1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    next: int = 0

    @property
    def public_key(self) -> str:
        return b64encode(self.key.public_key().public_bytes_raw()).decode()

    def batch(self, samples: Sequence[Sample], **how: Any) -> tuple[dict[str, str], bytes]:
        """Return the next batch."""
        first, self.next = self.next, self.next + len(samples)
        return sign_batch(self.key, self.id, self.boot, first, samples, **how)


class Ring:
    """Keys that a test turns in its hand."""

    def __init__(self, *devices: Device) -> None:
        self.devices = {one.id: one for one in devices}
        self.states: dict[str, State] = {}
        self.terminals: dict[str, frozenset[str]] = {}
        self.held_back: list[Held] = []

    def standing(self, device: str) -> Standing | None:
        if device not in self.devices:
            return None
        return Standing(
            public_key=self.devices[device].public_key, state=self.states.get(device, "active"),
            terminals=self.terminals.get(device),
        )  # fmt: skip

    def held(self) -> list[Held]:
        return self.held_back


def without(headers: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}
