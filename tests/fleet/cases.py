"""Cases of dark terminals whose cause is known, made from what dishes are documented to show in each state.

Nothing here looks at the tables of openleo.fleet.why.  Each case is a small fleet: the terminal, neighbours in its
cell, near by and far away, of several accounts and sites, seen through a dish's own interface or the vendor's
telemetry, with clocks that differ, fields that lack and samples that are lost.

Facts used (shared notes on the interface): `outage` is absent while connected; disablement codes and alerts are
those of the interface and the vendor's stream; history and telemetry are means over 15 s; a terminal without a link
sends no vendor telemetry, one that is refused service still reports its alerts; an agent whose only way out is the
dish falls silent with it; after a power cut the count of starts is higher and the uptime small; jamming takes
satellite navigation from several at once; rain takes signal quality before pings; a dish heats against snow.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from openleo.fleet.sample import Sample
from openleo.fleet.why import Case, Decision, DishFacts, Expectation, Subject, Why
from openleo.fleet.why.places import cell_at, centre_of
from openleo.fleet.why.survey import survey_of

S: Final = 10**9
NOW_NS: Final = 1_795_000_000 * S
STEP_S: Final = 15


@dataclass(frozen=True)
class MadeCase:
    """A case and its true cause; UNKNOWN where what is left of the evidence does not tell."""

    truth: Why
    case: Case
    source: str
    hidden: Why = Why.UNKNOWN  # what it was, also where nothing tells


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
    "downlink_mbps", "uplink_mbps", "ping_drop", "ping_latency_ms", "obstructed", "uptime_s", "signal_quality",
    "cell", "reboot_in_s", "software", "alerts", "country",
)  # fmt: skip
MAY_LACK: Final = (
    "obstructed", "uptime_s", "signal_quality", "software", "reboot_in_s", "outage", "disablement", "power_w",
    "gps_valid", "gps_satellites", "latitude_deg", "longitude_deg", "stowed", "outage_since_ns", "boot", "cell",
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
        "obstructed": traits["obstructed"], "signal_quality": min(1.0, max(0.0, rng.gauss(traits["quality"], 0.03))),
        "cell": cell_at(terminal.place), "country": "UA", "software": traits["software"],
        "reboot_in_s": -1, "alerts": traits["alerts"], "outage": "", "disablement": "OKAY",
        "power_w": rng.gauss(traits["power"], 5), "gps_valid": True,
        "gps_satellites": max(6, round(rng.gauss(13, 2))), "latitude_deg": latitude, "longitude_deg": longitude,
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


# What each state shows.  A maker returns the trouble of the terminal and a function for others.


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


def area(w: World) -> None:
    code, alert = w.rng.choices(
        [("CELL_IS_DISABLED", 89), ("BLOCKED_AREA", 89), ("BLOCKED_COUNTRY", 83), ("UNKNOWN_STATE", None)],
        [60, 22, 12, 6],
    )[0]
    outage = w.rng.choice(["NO_SCHEDULE", "NO_SCHEDULE", "NO_PINGS", "UNKNOWN"])

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            dark(f, outage)
            f["disablement"] = code if since > 20 or rng.random() < 0.5 else "OKAY"
            f["alerts"] = (*f["alerts"], alert) if alert else f["alerts"]

        return Trouble(Why.AREA, w.onset_ns, show, vendor=w.rng.choice([0.9, 0.9, 0.6, 0.0]))

    w.main.trouble = make()
    reach = w.rng.choice([0.05, 0.4, 0.9])
    w.spread({"site": 0.98, "cell": 0.95, "near": reach, "wide": 0.02 if reach > 0.5 else 0.0}, make, 12)
    if w.rng.random() < 0.5:
        cells = frozenset({cell_at(w.main.place)})
        w.decisions = [Decision(kind="area-off", at_ns=w.onset_ns - 60 * S, cells=cells, says="area north off")]


def account(w: World) -> None:
    code = w.rng.choice(["NO_ACTIVE_ACCOUNT", "NO_ACTIVE_ACCOUNT", "ACCOUNT_DISABLED"])
    outage = w.rng.choice(["NO_SCHEDULE", "NO_PINGS", "", "UNKNOWN"])

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            dark(f, outage)
            f.update(disablement=code, alerts=(*f["alerts"], 55))

        return Trouble(Why.ACCOUNT, w.onset_ns, show, vendor=w.rng.choice([0.9, 0.5, 0.9]))

    w.main.trouble = make()
    if w.rng.random() < 0.7:
        for _, other in w.others:
            if other.subject.account == w.main.subject.account:
                other.trouble = make()
                other.trouble.onset_ns += round(w.rng.uniform(-20, 20) * S)
    if w.rng.random() < 0.3:
        named = frozenset({w.main.subject.terminal})
        w.decisions = [Decision(kind="account-off", at_ns=w.onset_ns - 40 * S, terminals=named, says="suspended")]


def moved(w: World) -> None:
    reasons = [
        ("TOO_FAR_FROM_SERVICE_ADDRESS", 56), ("TOO_FAR_FROM_SERVICE_ADDRESS", 56), ("IN_OCEAN", 57),
        ("MOVING_TOO_FAST_FOR_POLICY", 60), ("BLOCKED_COUNTRY", 83), ("ROAM_RESTRICTED", None),
    ]  # fmt: skip
    code, alert = w.rng.choice(reasons[:-1] if w.main.sources == ("enterprise",) else reasons)
    far = w.rng.uniform(0.3, 2.5)
    home = (w.main.place[0] - far, w.main.place[1] + w.rng.uniform(-0.5, 0.5))
    if w.rng.random() < 0.75:
        w.main.subject = replace(w.main.subject, latitude_deg=home[0], longitude_deg=home[1])
    moving = w.rng.random() < 0.5

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        dark(f, rng.choice(["NO_SCHEDULE", "NO_PINGS", "UNKNOWN", ""]))
        f.update(disablement=code, alerts=(*f["alerts"], alert) if alert else f["alerts"])
        if moving:
            f["latitude_deg"] = w.main.place[0] + since / 3600 * 0.6
            f["cell"] = cell_at((f["latitude_deg"], w.main.place[1]))

    def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
        if moving:
            f["latitude_deg"] = w.main.place[0] - left / 3600 * 0.6
            f["cell"] = cell_at((f["latitude_deg"], w.main.place[1]))

    w.main.trouble = Trouble(Why.MOVED, w.onset_ns, show, vendor=w.rng.choice([0.9, 0.6]), lead_s=3600, lead=lead)


def data_cap(w: World) -> None:
    slow = w.rng.random() < 0.6

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            f["alerts"] = (*f["alerts"], 84)
            f["downlink_mbps"] = rng.uniform(0.2, 1.05) if slow else rng.uniform(0.0, 0.2)
            if not slow or rng.random() < 0.2:
                f["disablement"] = "DATA_OVERAGE_SANDBOX_POLICY"

        return Trouble(Why.DATA_CAP, w.onset_ns, show, link=1.0)

    w.main.trouble = make()
    if w.rng.random() < 0.2:
        for _, other in w.others:
            if other.subject.account == w.main.subject.account:
                other.trouble = make()


def unpowered(w: World) -> None:
    back = w.rng.random() < 0.25
    length = (NOW_NS - w.onset_ns) / S
    alarm = w.rng.random() < 0.3

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            on = back and since > length - 150
            if not on:
                f["unreachable"] = True
                return
            dark(f, "BOOTING" if since < length - 20 else "SKY_SEARCH")
            f.update(boot=f["boot"] + 1, uptime_s=int(since - length + 150), counter=0, gps_valid=rng.random() < 0.5)

        def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
            if alarm:
                f["alerts"] = (*f["alerts"], 61)
            f["power_w"] -= rng.uniform(0, 10)

        return Trouble(Why.UNPOWERED, w.onset_ns, show, says=back, lead_s=20, lead=lead)

    w.main.trouble = make()
    if not back:
        w.main.trouble.says = False
    district = w.rng.choice([0.0, 0.0, 0.5, 0.9])
    w.spread({"site": 0.95, "cell": district, "near": district * 0.3}, make, 8 if w.rng.random() < 0.6 else 150)


def obstructed(w: World) -> None:
    severe = w.rng.random() < 0.35
    share = w.rng.uniform(0.05, 0.35)

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        f["obstructed"] = min(0.9, f["obstructed"] + share * min(1.0, since / 900 + 0.2))
        if severe or rng.random() < share * 2:
            dark(f, rng.choices(["OBSTRUCTED", "NO_SATS", "NO_DOWNLINK"], [88, 6, 6])[0])
        else:
            f["ping_drop"] = min(0.8, rng.expovariate(1 / (share + 0.02)))
        f["signal_quality"] *= rng.uniform(0.5, 1.0)
        f["gps_satellites"] = max(4, f["gps_satellites"] - rng.randrange(6))
        if f["obstructed"] > 0.04 and rng.random() < 0.8:
            f["alerts"] = (*f["alerts"], 66)

    def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
        f["obstructed"] += share * 0.4
        f["ping_drop"] = min(0.5, rng.expovariate(14))

    grows = w.rng.random() < 0.5
    w.main.trouble = Trouble(
        Why.OBSTRUCTED, w.onset_ns, show, link=0.15 if severe else 0.75, vendor=0.1,
        lead_s=1500 if grows else 0, lead=lead if grows else None,
    )  # fmt: skip


def jammed(w: World) -> None:
    kind = w.rng.choice(["gps", "gps", "both", "ku"])
    breathes = w.rng.random() < 0.4

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            on = not breathes or (since // 400) % 3 != 2
            if not on:
                return
            if kind in ("gps", "both") and rng.random() < 0.92:
                f.update(gps_valid=False, gps_satellites=rng.choice([0, 0, 0, 2]))
                f.update(latitude_deg=None, longitude_deg=None)
            if kind == "gps":
                if rng.random() < 0.75:
                    dark(f, rng.choice(["SKY_SEARCH", "UNKNOWN", "NO_SCHEDULE", "BOOTING"]))
                    f["disablement"] = "UNKNOWN_LOCATION" if rng.random() < 0.6 else "OKAY"
                else:
                    f["ping_drop"] = rng.uniform(0.1, 0.7)
            else:
                f["signal_quality"] *= rng.uniform(0.3, 0.7)
                if rng.random() < 0.7:
                    dark(f, rng.choice(["NO_DOWNLINK", "NO_DOWNLINK", "SKY_SEARCH", "NO_PINGS"]))
                else:
                    f["ping_drop"] = rng.uniform(0.15, 0.8)

        return Trouble(Why.JAMMED, w.onset_ns, show, link=0.3, vendor=0.2)

    w.main.trouble = make()
    w.spread({"site": 0.95, "cell": 0.85, "near": w.rng.choice([0.3, 0.6])}, make, w.rng.choice([20, 200]))
    w.rain_mm_h = 0.0 if w.rng.random() < 0.5 else None


def weather(w: World) -> None:
    snow = w.rng.random() < 0.35

    def make() -> Trouble:
        depth = w.rng.uniform(0.35, 0.6)

        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            f["signal_quality"] *= depth
            if snow:
                f["power_w"] += rng.uniform(30, 60)
                f["obstructed"] = f["obstructed"] + rng.uniform(0.0, 0.03)
            if rng.random() < 0.6:
                dark(f, rng.choices(["NO_DOWNLINK", "NO_PINGS", "OBSTRUCTED" if snow else "NO_DOWNLINK"], [8, 1, 1])[0])
            else:
                f["ping_drop"] = rng.uniform(0.1, 0.8)

        def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
            f["signal_quality"] *= 1 - (1 - depth) * (1 - left / 900)
            f["ping_drop"] = min(0.6, rng.expovariate(8)) if left < 400 else f["ping_drop"]
            f["power_w"] += 30 if snow else 0

        return Trouble(Why.WEATHER, w.onset_ns, show, link=0.4, vendor=0.1, lead_s=900, lead=lead)

    w.main.trouble = make()
    w.spread({"site": 0.9, "cell": 0.6, "near": 0.35}, make, 1200)
    w.rain_mm_h = w.rng.uniform(4, 60) if w.rng.random() < 0.5 else None


def broken(w: World) -> None:
    kind = w.rng.choice(["motors", "heat", "heat", "cable", "rf", "mast"])
    alert = {"motors": 53, "heat": 80, "cable": 52, "rf": None, "mast": 54}[kind]

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        if kind == "heat":
            on = (since // 900) % 2 == 0
            f["power_w"] = 15 if on else f["power_w"]
            if on:
                dark(f, "THERMAL_SHUTDOWN")
        elif kind == "motors":
            dark(f, rng.choice(["ACTUATOR_ACTIVITY", "ACTUATOR_ACTIVITY", "SKY_SEARCH", "NO_SATS"]))
        elif kind == "cable":
            dark(f, rng.choice(["CABLE_TEST", "UNKNOWN"])) if rng.random() < 0.8 else None
        elif kind == "mast":
            f["signal_quality"] *= 0.5
            f["ping_drop"] = rng.uniform(0.1, 0.6)
            dark(f, "SKY_SEARCH") if rng.random() < 0.4 else None
        else:
            dark(f, rng.choice(["SKY_SEARCH", "SKY_SEARCH", "NO_DOWNLINK"]))
        if alert and rng.random() < 0.9:
            f["alerts"] = (*f["alerts"], alert)

    def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
        if kind in ("heat", "motors"):
            f["alerts"] = (*f["alerts"], 81 if kind == "heat" else 53)

    w.main.trouble = Trouble(
        Why.BROKEN, w.onset_ns, show, link=0.05 if kind != "mast" else 0.6, vendor=0.1, lead_s=600, lead=lead
    )
    if w.rng.random() < 0.4 or kind == "rf":
        w.facts = DishFacts(self_test_failed=("FEM_CUT",) if kind == "rf" else (), snr_persistently_low=kind == "rf")


def software(w: World) -> None:
    kind = w.rng.choice(["update", "update", "loop", "version"])
    if kind == "version" and w.main.sources == ("enterprise",):
        kind = "loop"  # the stream has no alert for it
    new = "2026.06.12.mr81164"
    w.main.traits["software"] = "2026.05.26.mr80001" if kind != "version" else "2024.01.01.mr10"

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        if kind == "version":
            dark(f, "NO_SCHEDULE")
            f["disablement"] = "UNSUPPORTED_VERSION"
            return
        cycle = 200 if kind == "loop" else 10**9
        starts, at = divmod(since, cycle)
        f.update(boot=f["boot"] + 1 + int(starts), uptime_s=int(at), counter=int(at))
        if at < 40:
            f["unreachable"] = True
        elif at < 170 or kind == "loop":
            dark(f, "BOOTING" if at < 120 else "SKY_SEARCH")
            f["gps_valid"] = at > 100
        if kind == "update" and at > 40:
            f["software"] = new

    def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
        if kind == "update":
            f.update(reboot_in_s=int(left), alerts=(*f["alerts"], 82))

    if kind == "update":
        w.onset_ns = NOW_NS - w.rng.randrange(60, 160) * S
    w.main.trouble = Trouble(
        Why.SOFTWARE, w.onset_ns, show, link=0.02, vendor=0.7 if kind == "version" else 0.5, lead_s=900, lead=lead
    )


def stowed(w: World) -> None:
    outage = w.rng.choice(["STOWED", "STOWED", "SLEEPING", "SLEEPING", "INHIBIT_RF"])

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        dark(f, outage)
        f.update(stowed=outage == "STOWED", power_w=rng.uniform(8, 20))

    w.main.trouble = Trouble(Why.STOWED, w.onset_ns, show)
    w.main.sources = ("dish",) if w.rng.random() < 0.8 else w.main.sources
    w.main.own_way_out = True


def local_network(w: World) -> None:
    kind = w.rng.choice(["cable", "router", "agent"])

    def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
        if kind == "cable":
            f["alerts"] = (*f["alerts"], 50)
            f["downlink_mbps"] = rng.uniform(0.0, 0.4) if rng.random() < 0.5 else rng.uniform(0.0, 0.02)
        elif kind == "router":
            f.update(downlink_mbps=rng.uniform(0, 0.004), uplink_mbps=rng.uniform(0, 0.004))
        else:
            f["downlink_mbps"] = rng.uniform(0, 0.004)  # seen by the vendor; beside it nothing answers

    w.main.traits["busy"] = True
    if kind == "agent":
        w.main.sources, w.main.own_way_out = ("dish", "enterprise"), True
    w.main.trouble = Trouble(Why.LOCAL_NETWORK, w.onset_ns, show, link=1.0, says=kind != "agent")
    if kind != "router" and w.rng.random() < 0.3:
        w.facts = DishFacts(self_test_failed=(), ethernet_link=kind != "agent")


def network(w: World) -> None:
    outage = w.rng.choice(["NO_PINGS", "NO_PINGS", "NO_PINGS", "NO_SCHEDULE"])

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            dark(f, outage if rng.random() < 0.95 else "NO_DOWNLINK")

        return Trouble(Why.NETWORK, w.onset_ns, show, vendor=w.rng.choice([0.0, 0.0, 0.3]))

    w.main.trouble = make()
    wide = w.rng.choice([0.1, 0.5, 0.98])
    w.spread({"site": 0.99, "cell": 0.95, "near": 0.9, "wide": wide}, make, 10)
    if w.rng.random() < 0.15:
        w.expected = Expectation(cause="POP_DOWN", online=0.0, of="run kyiv")


def capacity(w: World) -> None:
    kind = w.rng.choice(["NO_SATS", "NO_SCHEDULE"])
    share = w.rng.uniform(0.2, 0.6)

    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            if rng.random() < share:
                dark(f, kind)
            else:
                f["ping_drop"] = min(0.8, rng.expovariate(5))
                f["downlink_mbps"] = rng.uniform(0.3, 1.5)
                f["ping_latency_ms"] *= 2

        return Trouble(Why.CAPACITY, w.onset_ns, show, link=1 - share, vendor=0.2)

    w.main.trouble = make()
    w.spread({"site": 0.9, "cell": 0.7, "near": 0.5}, make, 900)
    if w.rng.random() < 0.5:
        w.expected = Expectation(cause="NO_BEAM" if kind == "NO_SCHEDULE" else "NO_SATS", online=0.6, of="run east")


def site_link(w: World) -> None:
    def make() -> Trouble:
        def show(since: float, f: dict[str, Any], rng: random.Random) -> None:
            return

        return Trouble(Why.SITE_LINK, w.onset_ns, show, link=1.0, says=False)

    w.main.trouble = make()
    w.main.own_way_out = False
    if w.rng.random() < 0.8:
        w.main.sources = ("dish", "enterprise")
    else:  # kits of the site all silent, a neighbour of another agent well
        w.main.sources = ("dish",)
    for ring, other in w.others:
        if ring == "site":
            other.trouble = make()
            other.sources, other.own_way_out = w.main.sources, False


def nothing_told(w: World) -> None:
    """Leave so little that nobody could tell: one that fell silent, alone, or that never spoke."""
    w.others.clear()
    w.facts = w.expected = w.rain_mm_h = None
    cause = w.rng.choice([unpowered, network, stowed, site_link, area])
    cause(w)
    w.decisions = None
    w.others.clear()
    w.rain_mm_h = w.expected = w.facts = None
    w.main.own_way_out = False
    w.main.sources = w.rng.choice([("dish",), ("enterprise",), ()])
    assert w.main.trouble is not None
    w.main.trouble.says, w.main.trouble.vendor, w.main.trouble.link = False, 0.0, 0.0
    w.main.trouble.lead = None
    w.main.traits["few"] = True


MAKERS: Final[dict[Why, Callable[[World], None]]] = {
    Why.AREA: area, Why.ACCOUNT: account, Why.MOVED: moved, Why.DATA_CAP: data_cap, Why.UNPOWERED: unpowered,
    Why.OBSTRUCTED: obstructed, Why.JAMMED: jammed, Why.WEATHER: weather, Why.BROKEN: broken,
    Why.SOFTWARE: software, Why.STOWED: stowed, Why.LOCAL_NETWORK: local_network, Why.NETWORK: network,
    Why.CAPACITY: capacity, Why.SITE_LINK: site_link, Why.UNKNOWN: nothing_told,
}  # fmt: skip


def made(seed: int, each: int) -> Iterator[MadeCase]:
    """Yield ``each`` cases of every cause, and as many of too little evidence, some of them once a cause."""
    untold: list[MadeCase] = []
    for why, make in MAKERS.items():
        found = n = 0
        while found < each:
            case = one_case(random.Random(f"{seed} {why} {n}"), why, make)
            n += 1
            if case.truth is why:
                found += 1
                yield case
            else:
                untold.append(case)
    yield from untold[: 2 * each]


def tells(why: Why, case: Case, onset_ns: float) -> bool:
    """Tell whether anything that was seen could tell the cause: a rule of this page, not of what is tested.

    Its own word in the trouble can, or that it was asked and gave no answer, or that two sources differ.  Of a
    terminal that just fell silent only what is around it can, and only for causes that show there.
    """
    if any(s.time_ns > onset_ns for s in case.samples):
        return True
    around = case.around
    if why is Why.ACCOUNT:
        return bool(case.decisions) or (around.account.known >= 2 and around.account.part > 0.9)
    seen_there = around.site.known + around.cell.known + around.near.known
    if seen_there < 2:
        return False
    if why is Why.UNPOWERED:
        return around.near.with_it == 0
    if why is Why.NETWORK:
        return around.near.with_it >= 2 and around.near.part > 0.6 and around.wide.with_it >= 2
    return why is Why.AREA and bool(case.decisions)


def one_case(rng: random.Random, why: Why, make: Callable[[World], None]) -> MadeCase:
    """Return a case of a cause."""
    world = _world(rng)
    if why is Why.UNKNOWN:
        world.onset_ns = NOW_NS - rng.randrange(500, 3600) * S
    make(world)
    since = world.onset_ns - 1_800 * S
    samples: dict[str, list[Sample]] = {}
    for _, terminal in [("", world.main), *world.others]:
        step = STEP_S if terminal is world.main else 60
        samples[terminal.subject.terminal] = seen(terminal, rng, since, step)
    if world.main.traits.get("few"):
        name = world.main.subject.terminal
        samples[name] = samples[name][-3:]
    subjects = {t.subject.terminal: t.subject for _, t in [("", world.main), *world.others]}
    fleet = survey_of(samples, subjects, NOW_NS, decisions=world.decisions)
    name = world.main.subject.terminal
    case = replace(
        fleet.case(name), samples=samples[name], expected=world.expected, rain_mm_h=world.rain_mm_h, facts=world.facts
    )
    truth = why if why is Why.UNKNOWN or tells(why, case, world.onset_ns + (abs(world.main.offset_s) + 2) * S) else Why.UNKNOWN
    hidden = world.main.trouble.why if world.main.trouble is not None else Why.UNKNOWN
    return MadeCase(truth, case, "+".join(world.main.sources) or "none", hidden)


def _world(rng: random.Random) -> World:
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
    rng: random.Random, name: str, place: tuple[float, float], account: str, site: str, sources: tuple[str, ...]
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
            "up_s": rng.randrange(7_200, 3_000_000), "boot": rng.randrange(3, 400), "busy": rng.random() < 0.7,
            "latency": rng.uniform(24, 60), "obstructed": rng.choice([0.0, 0.001, 0.004, 0.015]),
            "quality": rng.uniform(0.8, 0.98), "power": rng.choice([28.0, 55.0, 75.0]),
            "software": "2026.06.12.mr81164", "alerts": (51,) if rng.random() < 0.03 else (),
        },
    )  # fmt: skip
