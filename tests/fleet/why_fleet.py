"""A fleet on disk, for tests and benchmarks of `openleo fleet`: kits in the register, their telemetry."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openleo.fleet.kits import Kit
from openleo.fleet.register import Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.why.places import Place, cell_at

S: Final = 10**9
STEP_S: Final = 15


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a terminal says from ``since_s`` seconds before now on: fields of a Sample, None for nothing."""

    since_s: float
    fields: Mapping[str, Any] | None


def samples_of(
    terminal: str,
    place: Place,
    now_ns: int,
    *told: Told,
    minutes: float = 45,
    source: str = "dish",
    step_s: int = STEP_S,
) -> Iterable[Sample]:
    """Yield a terminal's samples: in service until something else is told of it."""
    rng = random.Random(terminal)
    first = -round(minutes * 60)
    for second in range(first, 1, step_s):
        fields: dict[str, Any] = {
            "outage": "", "disablement": "OKAY", "ping_drop": rng.choice([0.0, 0.0, 0.01]),
            "ping_latency_ms": rng.uniform(28, 40), "downlink_mbps": rng.uniform(2, 30), "uplink_mbps": 2.0,
            "obstructed": 0.001, "gps_valid": True, "gps_satellites": 14, "power_w": rng.uniform(50, 60),
            "stowed": False, "boot": 7, "counter": 900_000 + second, "uptime_s": 900_000 + second,
            "cell": cell_at(place), "software": "2026.06.12.mr81164", "reboot_in_s": -1,
        }  # fmt: skip
        now = [t for t in told if second >= -t.since_s]
        if now and now[-1].fields is None:
            continue
        if now and now[-1].fields is not None:
            fields.update(now[-1].fields)
            if fields.get("outage"):
                fields |= {
                    "ping_drop": 1.0,
                    "ping_latency_ms": None,
                    "downlink_mbps": 0.0,
                    "uplink_mbps": 0.0,
                }
        if fields.get("reachable") is False:
            fields = {"reachable": False}
        yield Sample(terminal=terminal, time_ns=now_ns + second * S, source=source, **fields)


def write_fleet(data: Path, kits: Iterable[Kit], samples: Iterable[Sample]) -> None:
    """Write a fleet into a data folder."""
    folder = data / "fleet"
    with Register(folder) as register:
        register.put_kits(kits)
    with TelemetryStore(folder) as store:
        store.add(list(samples))
