"""Small made fleets: terminals as they are seen through a dish's interface or the vendor's telemetry.

Part of `cases`, which says what happens to them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from openleo.fleet.sample import Sample
from openleo.fleet.why import Decision, DishFacts, Expectation, Subject, Why
from openleo.fleet.why.places import cell_at, centre_of

S: Final = 10**9
NOW_NS: Final = 1_795_000_000 * S
STEP_S: Final = 15


@dataclass
class Trouble:
    """What happens to a terminal from ``onset_ns`` on, and how it shows."""

    why: Why
    onset_ns: int
    show: Callable[[float, dict[str, Any], random.Random], None]  # seconds since, fields, chance
    link: float = 0.0  # share of time that its link works
    says: bool = True  # its own interface answers
    vendor: float = 0.0  # share of samples that reach the vendor all the same
    ends_ns: int | None = None
    lead_s: float = 0.0  # so long before the onset it is seen coming
    lead: Callable[[float, dict[str, Any], random.Random], None] | None = None


@dataclass
class Terminal:
    """One terminal of a made fleet."""

    subject: Subject
    place: tuple[float, float]
    sources: tuple[str, ...]
    own_way_out: bool  # its agent has another uplink
    offset_s: float = 0.0
    lacks: frozenset[str] = frozenset()
    lost: float = 0.01
    trouble: Trouble | None = None
    traits: dict[str, Any] = field(default_factory=dict)


VENDOR_FIELDS: Final = (
    "downlink_mbps", "uplink_mbps", "ping_drop", "ping_latency_ms", "obstructed", "uptime_s",
    "signal_quality",
    "cell", "reboot_in_s", "software", "alerts", "country",
)  # fmt: skip
MAY_LACK: Final = (
    "obstructed", "uptime_s", "signal_quality", "software", "reboot_in_s", "outage", "disablement", "power_w",
    "gps_valid", "gps_satellites", "latitude_deg", "longitude_deg", "stowed", "outage_since_ns", "boot",
    "cell",
)  # fmt: skip


def healthy(terminal: Terminal, t_ns: int, rng: random.Random) -> dict[str, Any]:
    """Return what a terminal in service shows."""
    traits = terminal.traits
    up = int(traits["up_s"] + (t_ns - NOW_NS) / S) if traits["up_s"] + (t_ns - NOW_NS) / S > 0 else 0
    latitude, longitude = terminal.place
    return {
        "boot": traits["boot"], "counter": max(0, up - 10), "uptime_s": up,
        "downlink_mbps": max(0.0, rng.lognormvariate(1.0, 1.3)) if traits["busy"] else rng.uniform(0.03, 0.9),
        "uplink_mbps": rng.lognormvariate(-0.5, 1.0),
        "ping_drop": 0.0 if rng.random() < 0.8 else min(0.2, rng.expovariate(60)),
        "ping_latency_ms": max(18.0, rng.gauss(traits["latency"], 5)),
        "obstructed": traits["obstructed"], "signal_quality": min(1.0, max(0.0, rng.gauss(traits["quality"],
        0.03))),
        "cell": cell_at(terminal.place), "country": "UA", "software": traits["software"],
        "reboot_in_s": -1, "alerts": traits["alerts"], "outage": "", "disablement": "OKAY",
        "power_w": rng.gauss(traits["power"], 5), "gps_valid": True,
        "gps_satellites": max(6, round(rng.gauss(13, 2))), "latitude_deg": latitude,
        "longitude_deg": longitude,
        "stowed": False,
    }  # fmt: skip


def dark(fields: dict[str, Any], cause: str) -> None:
    """Show an outage."""
    fields.update(outage=cause, ping_drop=1.0, ping_latency_ms=None, downlink_mbps=0.0, uplink_mbps=0.0)


def seen(terminal: Terminal, rng: random.Random, since_ns: int, step_s: int = STEP_S) -> list[Sample]:
    """Return what was collected of a terminal until now."""
    found = []
    for source in terminal.sources:
        t = since_ns + rng.randrange(step_s) * S
        while t < NOW_NS:
            sample = _sample(terminal, source, t, rng)
            if sample is not None:
                found.append(sample)
            t += step_s * S
    return sorted(found, key=lambda s: s.time_ns)


def _sample(terminal: Terminal, source: str, t: int, rng: random.Random) -> Sample | None:
    fields = healthy(terminal, t, rng)
    trouble, told_at = terminal.trouble, t + round(terminal.offset_s * S)
    up = True
    if trouble is not None and (trouble.ends_ns is None or t < trouble.ends_ns):
        since_s = (t - trouble.onset_ns) / S
        if since_s >= 0:
            up = rng.random() < trouble.link
            if source == "dish" and not trouble.says:
                return _unanswered(terminal, source, told_at) if terminal.own_way_out else None
            if source == "enterprise" and not up and rng.random() >= trouble.vendor:
                return None
            if source == "dish" and not terminal.own_way_out and trouble.link == 0:
                return None
            fields["link_up"] = up
            trouble.show(since_s, fields, rng)
        elif trouble.lead is not None and -since_s < trouble.lead_s:
            trouble.lead(-since_s, fields, rng)
    fields.pop("link_up", None)
    if rng.random() < terminal.lost:
        return None
    if fields.pop("unreachable", False):
        return _unanswered(terminal, source, told_at) if source == "dish" else None
    if source == "enterprise":
        fields = {k: v for k, v in fields.items() if k in VENDOR_FIELDS}
    else:
        fields["signal_quality"] = None
        if trouble is not None and fields.get("outage") and rng.random() < 0.8:
            fields["outage_since_ns"] = trouble.onset_ns + round(terminal.offset_s * S)
    for name in terminal.lacks:
        fields.pop(name, None)
    return Sample(terminal=terminal.subject.terminal, time_ns=told_at, source=source, **fields)


def _unanswered(terminal: Terminal, source: str, t: int) -> Sample:
    return Sample(terminal=terminal.subject.terminal, time_ns=t, source=source, reachable=False)


@dataclass
class World:
    """A small fleet in the making: ``main`` first."""

    rng: random.Random
    main: Terminal
    others: list[tuple[str, Terminal]]  # ring: site, cell, near, wide
    onset_ns: int
    decisions: list[Decision] | None = None
    expected: Expectation | None = None
    rain_mm_h: float | None = None
    facts: DishFacts | None = None

    def spread(self, share: dict[str, float], make: Callable[[], Trouble], within_s: float) -> None:
        """Let others share the trouble, with so much probability by ring, within some seconds."""
        for ring, other in self.others:
            if self.rng.random() < share.get(ring, 0.0):
                trouble = make()
                trouble.onset_ns += round(self.rng.uniform(-within_s, within_s) * S)
                other.trouble = trouble


def made_world(rng: random.Random) -> World:
    place = (rng.uniform(-55, 60), rng.uniform(-179, 179))
    place = centre_of(cell_at(place)) or place
    account = f"ACC-{rng.randrange(1000)}"
    onset = NOW_NS - rng.choice([rng.randrange(240, 900), rng.randrange(900, 3600)]) * S
    sources = rng.choice([("dish",), ("dish",), ("enterprise",), ("enterprise",), ("dish", "enterprise")])
    main = _terminal(rng, "ut-main", place, account, "S-main", sources)
    others = []
    for n in range(rng.choice([0, 0, 1, 2])):
        others.append(("site", _terminal(rng, f"ut-site{n}", place, account, "S-main", sources)))
    for n in range(rng.choice([0, 1, 2, 4])):
        others.append(("cell", _terminal(rng, f"ut-cell{n}", place, f"ACC-c{n}", f"S-c{n}", _sources(rng))))
    for n in range(rng.choice([0, 2, 5, 9])):
        there = (place[0] + rng.choice([-1, 1]) * rng.uniform(0.18, 0.3), place[1] + rng.uniform(-0.2, 0.2))
        others.append(("near", _terminal(rng, f"ut-near{n}", there, f"ACC-n{n}", f"S-n{n}", _sources(rng))))
    for n in range(rng.choice([0, 6, 15])):
        there = (max(-60.0, min(62.0, place[0] + rng.choice([-1, 1]) * rng.uniform(2, 6))), place[1])
        whose = account if rng.random() < 0.3 else f"ACC-w{n}"
        others.append(("wide", _terminal(rng, f"ut-wide{n}", there, whose, f"S-w{n}", _sources(rng))))
    decisions: list[Decision] | None = [] if rng.random() < 0.5 else None
    return World(rng, main, others, onset, decisions=decisions, rain_mm_h=0.0 if rng.random() < 0.2 else None)


def _sources(rng: random.Random) -> tuple[str, ...]:
    return rng.choice([("dish",), ("enterprise",), ("enterprise",)])


def _terminal(
    rng: random.Random,
    name: str,
    place: tuple[float, float],
    account: str,
    site: str,
    sources: tuple[str, ...],
) -> Terminal:
    registered = rng.random() < 0.7
    lacks = frozenset(f for f in MAY_LACK if rng.random() < 0.08)
    return Terminal(
        subject=Subject(
            terminal=name, kit=name.upper(), site=site, account=account,
            latitude_deg=place[0] if registered else None, longitude_deg=place[1] if registered else None,
        ),
        place=(place[0] + rng.uniform(-0.01, 0.01), place[1] + rng.uniform(-0.01, 0.01)),
        sources=sources,
        own_way_out=rng.random() < 0.6,
        offset_s=rng.choice([0.0, rng.uniform(-2, 2), rng.uniform(-2, 2), rng.uniform(-45, 45)]),
        lacks=lacks,
        lost=rng.choice([0.0, 0.02, 0.15]),
        traits={
            "up_s": rng.randrange(7_200, 3_000_000), "boot": rng.randrange(3, 400),
            "busy": rng.random() < 0.7,
            "latency": rng.uniform(24, 60), "obstructed": rng.choice([0.0, 0.001, 0.004, 0.015]),
            "quality": rng.uniform(0.8, 0.98), "power": rng.choice([28.0, 55.0, 75.0]),
            "software": "2026.06.12.mr81164", "alerts": (51,) if rng.random() < 0.03 else (),
        },
    )  # fmt: skip
