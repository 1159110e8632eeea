"""A fleet on disk for the page: kits in the register, and what their terminals told of late.

Six of its terminals hang together: their area is switched off, one of them a hospital's.  Others are dark,
badly served or silent by themselves, one was never seen, and one is a model's.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from openleo.fleet.kits import Kit
from openleo.fleet.register import Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.why.places import cell_at

NS: Final = 10**9
STEP_S: Final = 15
NEW, OLD, OLDEST = "2026.11.12.mr90110", "2026.10.28.mr88400", "2026.06.12.mr81164"
_HARM: Final[Mapping[str, Mapping[str, Any]]] = {
    "area": {"disablement": "CELL_IS_DISABLED", "outage": "CELL_IS_DISABLED", "alerts": (89,)},
    "account": {"disablement": "NO_ACTIVE_ACCOUNT", "outage": "NO_ACTIVE_ACCOUNT", "alerts": (55,)},
    "obstructed": {"outage": "OBSTRUCTED", "obstructed": 0.31, "alerts": (66,)},
    "heat": {"outage": "THERMAL_SHUTDOWN", "alerts": (80,), "power_w": 12.0},
    "stowed": {"outage": "STOWED", "stowed": True},
    "lossy": {"ping_drop": 0.22, "alerts": (50,)},
}


def terminal_of(number: int) -> str:
    """Return the id of a terminal of the fleet."""
    return f"ut02000000-00000000-{number:08x}"


def kits() -> list[Kit]:
    """Return the register: twenty-seven kits, the last one never seen."""
    sites = [
        "Kharkiv depot",
        "Kharkiv clinic",
        "Lviv school",
        "Odesa port",
        "Dnipro relay",
        "Poltava shelter",
    ]
    made = []
    for n in range(27):
        hospital = n == 0
        made.append(
            Kit(
                id=f"KIT{n:05}",
                kit=f"KIT{n:05}",
                terminal=terminal_of(n),
                site="Regional hospital" if hospital else sites[n % 6],
                account="clinic" if hospital else ("relief", "schools", "logistics")[n % 3],
                holder=("Olena", "Taras", "Ines", "Sam")[n % 4],
                life_critical=hospital or n == 9,
                people=(900 if hospital else 40 + n * 3) if n % 4 == 0 else None,
            )
        )
    return made


def _harm(number: int) -> tuple[str, float] | None:
    """Return what ails a terminal, and since how many seconds."""
    singles = {
        8: ("obstructed", 1500.0), 11: ("heat", 700.0), 13: ("stowed", 1200.0), 14: ("lossy", 900.0),
        16: ("account", 1100.0), 17: ("account", 1105.0), 20: ("silent", 800.0),
    }  # fmt: skip
    return ("area", 1320.0) if number < 6 else singles.get(number)


def sample(number: int, at_ns: int, now_ns: int) -> Sample | None:
    """Return what a terminal told at an instant; None where it told nothing."""
    rng = random.Random(f"{number} {at_ns}")
    place = (49.99, 36.23) if number < 6 else (48.0 + (number * 7 % 23) / 10, 24.0 + number * 0.55)
    harm = _harm(number)
    fields: dict[str, Any] = {
        "outage": "", "disablement": "OKAY", "ping_drop": rng.choice([0.0, 0.0, 0.01]),
        "ping_latency_ms": rng.uniform(26, 44), "downlink_mbps": rng.uniform(2, 60),
        "uplink_mbps": rng.uniform(1, 6), "obstructed": 0.002, "gps_valid": True, "gps_satellites": 13,
        "power_w": rng.uniform(48, 62), "stowed": False, "boot": 7, "uptime_s": 500_000,
        "cell": cell_at(place), "software": (NEW, NEW, OLD, OLDEST)[number % 4],
        "reboot_in_s": 3_600 if number % 5 == 2 else -1,
    }  # fmt: skip
    if harm is not None and (now_ns - at_ns) <= harm[1] * NS:
        if harm[0] == "silent":
            return None
        fields |= _HARM[harm[0]]
        if fields["outage"]:
            fields |= {"ping_drop": 1.0, "ping_latency_ms": None, "downlink_mbps": 0.0, "uplink_mbps": 0.0}
    return Sample(
        terminal=terminal_of(number), time_ns=at_ns, source="model" if number == 25 else "dish", **fields
    )


def samples(now_ns: int, *, first_s: int, last_s: int = 0) -> Iterator[Sample]:
    """Yield what all told from ``first_s`` until ``last_s`` seconds before now."""
    for number in range(26):
        for back in range(first_s, last_s - 1, -STEP_S):
            one = sample(number, now_ns - back * NS, now_ns)
            if one is not None:
                yield one


def write_fleet(data: Path, now_ns: int, *, old_s: int = 0) -> None:
    """Write the fleet into a folder of data, its newest word so many seconds old."""
    folder = data / "fleet"
    with Register(folder) as register:
        register.put_kits(kits())
    with TelemetryStore(folder) as store:
        store.add(list(samples(now_ns - old_s * NS, first_s=2700)))


def keep_telling(data: Path, began_ns: int, now_ns: int) -> None:
    """Add what all tell now; what ails them since before ``began_ns`` still does."""
    later = [sample(number, began_ns, began_ns) for number in range(26)]
    with TelemetryStore(data / "fleet") as store:
        store.add([replace(one, time_ns=now_ns) for one in later if one is not None])
