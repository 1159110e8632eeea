"""When each agent was last heard, and how much it told: from what the store took in last."""

from dataclasses import dataclass
from typing import Final

from openleo.fleet.store import TelemetryStore

_ROWS: Final = 500_000  # of a day's newest samples, so that a large fleet does not make people wait
_DAYS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one device told of late: "" is what this machine polls itself."""

    device: str
    last_ns: int
    samples: int
    terminals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringers:
    """Devices by name, and by terminal who brought its newest sample."""

    devices: dict[str, Heard]
    of: dict[str, str]


def bringers(store: TelemetryStore) -> Bringers:
    """Return who brought what, of the newest two days."""
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for day in store.days()[-_DAYS:]:
        with store.day(day) as file:
            for device, terminal, last_ns, count in file.brought(_ROWS):
                before = newest.get((device, terminal), (0, 0))
                newest[device, terminal] = (max(before[0], last_ns), before[1] + count)
    devices: dict[str, Heard] = {}
    latest: dict[str, tuple[int, str]] = {}
    for (device, terminal), (last_ns, count) in newest.items():
        was = devices.get(device) or Heard(device=device, last_ns=0, samples=0, terminals=0)
        devices[device] = Heard(
            device=device, last_ns=max(was.last_ns, last_ns), samples=was.samples + count,
            terminals=was.terminals + 1,
        )  # fmt: skip
        latest[terminal] = max(latest.get(terminal, (0, "")), (last_ns, device))
    return Bringers(devices=devices, of={terminal: device for terminal, (_, device) in latest.items()})
