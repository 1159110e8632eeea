"""A second, independent source of dark terminals: a small world that runs, with several incidents at once.

`cases` states for each cause what a dish shows.  Here nothing is stated per cause: each terminal has a link margin in
dB, noise, a blocked sector of sky, a supply, a boot sequence, a navigation receiver, a load in its cell, a policy and
a network behind it; incidents change these, and what is shown follows.  Rates, losses and durations are drawn from
other ranges than in `cases`.  It measures how diagnosing holds where the world is not as it was tuned on.
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cases import VENDOR_FIELDS, MadeCase, tells

from openleo.fleet.sample import Sample
from openleo.fleet.why import Decision, State, Subject, Why
from openleo.fleet.why.places import Place, cell_at, metres
from openleo.fleet.why.survey import survey_of

S: Final = 10**9
NOW_S: Final = 1_801_000_000
HOURS: Final = 2.0
SLOT_S: Final = 15


@dataclass
class Link:
    """What a terminal's link is at one slot."""

    margin_db: float = 7.0
    blocked: float = 0.002  # share of the sky
    load: float = 0.6  # of its cell's capacity
    cn0_dbhz: float = 44.0  # of satellite navigation
    network: bool = True
    code: str = "OKAY"
    powered: bool = True
    reboot: bool = False
    folded: str = ""
    motor_stuck: bool = False
    heat_c: float = 45.0
    eth_mbps: int = 1000
    lan: bool = True  # something behind the dish uses it
    agent: bool = True
    agent_sees_dish: bool = True
    cap_mbps: float = 1e9
    snow: float = 0.0
    update_due: bool = False
    version: str = ""
    moved: Place | None = None


@dataclass
class Node:
    """A terminal and what it remembers."""

    subject: Subject
    place: Place
    region: int
    sources: tuple[str, ...]
    own_way_out: bool
    clock_s: float
    bias_db: float
    blocked: float
    use_mbps: float
    watts: float
    version: str
    boot: int
    up_since: float
    booting_until: float = 0.0
    unreachable_until: float = 0.0
    was_powered: bool = True
    azimuth: float = 0.0
    obstructed: float = 0.0
    unlocated_s: float = 0.0
    alerts: tuple[int, ...] = ()
    told: list[Sample] = field(default_factory=list)


Effect = Callable[[Node, float, Link, random.Random], None]


@dataclass
class Incident:
    """Something that happens to ``nodes`` from each one's own ``since`` on."""

    why: Why
    since: dict[str, float]
    effect: Effect


ALERT_OF: Final = {
    "CELL_IS_DISABLED": 89, "BLOCKED_AREA": 89, "NO_ACTIVE_ACCOUNT": 55, "TOO_FAR_FROM_SERVICE_ADDRESS": 56,
    "MOVING_TOO_FAST_FOR_POLICY": 60, "IN_OCEAN": 57,
}  # fmt: skip


def worlds(seed: int, count: int) -> Iterator[MadeCase]:
    """Yield a case for each terminal that an incident has put in trouble, over some worlds."""
    for n in range(count):
        yield from _world(random.Random(f"world {seed} {n}"))


def _world(rng: random.Random) -> Iterator[MadeCase]:
    nodes = _nodes(rng)
    incidents, decisions = _incidents(rng, nodes)
    by_node: dict[str, list[Incident]] = defaultdict(list)
    for incident in incidents:
        for name in incident.since:
            by_node[name].append(incident)
    start = NOW_S - HOURS * 3600
    for node in nodes:
        t = start + rng.uniform(0, SLOT_S)
        while t < NOW_S:
            _slot(node, t, by_node[node.subject.terminal], rng)
            t += SLOT_S
    fleet = survey_of(
        {n.subject.terminal: sorted(n.told, key=lambda s: s.time_ns) for n in nodes},
        {n.subject.terminal: n.subject for n in nodes},
        NOW_S * S,
        decisions=decisions if rng.random() < 0.6 else None,
    )
    for node in nodes:
        name = node.subject.terminal
        active = [i for i in by_node[name] if i.since[name] < NOW_S - 60]
        if len(active) != 1 or fleet.standings[name].course.state in (State.ONLINE, State.NEVER):
            continue
        (incident,) = active
        case = fleet.case(name)
        onset_ns = (incident.since[name] + abs(node.clock_s) + 2) * S
        truth = incident.why if tells(incident.why, case, onset_ns) else Why.UNKNOWN
        yield MadeCase(truth, case, "+".join(node.sources), incident.why)


def _slot(node: Node, t: float, incidents: list[Incident], rng: random.Random) -> None:
    link = Link(margin_db=7 + node.bias_db, blocked=node.blocked, version=node.version)
    link.load = 0.55 + 0.2 * math.sin(t / 5000 + node.region)
    for incident in incidents:
        since = t - incident.since[node.subject.terminal]
        if since >= -1800:
            incident.effect(node, since, link, rng)
    _boots(node, t, link, rng)
    fields, passes = _shown(node, t, link, rng)
    _collect(node, t, link, fields, passes, rng)


def _boots(node: Node, t: float, link: Link, rng: random.Random) -> None:
    starts = (link.powered and not node.was_powered) or (link.powered and link.reboot)
    if starts and t > node.booting_until:
        node.boot, node.up_since = node.boot + 1, t
        node.unreachable_until = t + rng.uniform(15, 35)
        node.booting_until = node.unreachable_until + rng.uniform(50, 140)
        node.version = link.version
    node.was_powered = link.powered


def _shown(node: Node, t: float, link: Link, rng: random.Random) -> tuple[dict[str, Any], bool]:
    """Return what the dish shows at the end of a slot, and whether packets pass."""
    node.azimuth = (node.azimuth + rng.gauss(50, 70)) % 360
    behind = (node.azimuth / 360) < link.blocked * 3.0 and rng.random() < 0.8
    node.obstructed += (behind - node.obstructed) * (SLOT_S / 1500)
    fading = link.margin_db + rng.gauss(0, 0.7)
    unserved = rng.random() < max(0.0, 1 - 1 / max(1e-6, link.load))
    located = link.cn0_dbhz > 33
    node.unlocated_s = 0.0 if located else node.unlocated_s + SLOT_S
    code = link.code if link.code != "OKAY" or node.unlocated_s < 240 else "UNKNOWN_LOCATION"
    overheated = link.heat_c > 85
    outage = ""
    if t < node.booting_until:
        outage = "BOOTING"
    elif link.folded:
        outage = link.folded
    elif overheated:
        outage = "THERMAL_SHUTDOWN"
    elif link.motor_stuck and rng.random() < 0.5:
        outage = "ACTUATOR_ACTIVITY"
    elif node.unlocated_s > 600 and rng.random() < 0.5:
        outage = "SKY_SEARCH"
    elif behind:
        outage = "OBSTRUCTED"
    elif fading < 0:
        outage = "NO_DOWNLINK" if fading > -9 or rng.random() < 0.5 else "SKY_SEARCH"
    elif code not in ("OKAY", "DATA_OVERAGE_SANDBOX_POLICY") or unserved:
        outage = "NO_SCHEDULE"
    elif not link.network:
        outage = "NO_PINGS"
    loss = 1.0 if outage else min(1.0, max(0.0, 1 / (1 + math.exp(2.2 * (fading - 1.2))) + rng.expovariate(250)))
    if not outage and link.load > 0.95:
        loss = min(1.0, loss + rng.uniform(0, 0.15))
    passes = loss < 0.95
    rate = 0.0 if not passes or not link.lan else min(link.cap_mbps, node.use_mbps * rng.lognormvariate(0, 1) / max(1, link.load) ** 2)
    alerts = set(node.alerts)
    alerts |= {ALERT_OF[code]} if code in ALERT_OF else set()
    alerts |= {84} if code == "DATA_OVERAGE_SANDBOX_POLICY" else set()
    alerts |= {80} if overheated else {81} if link.heat_c > 75 else set()
    alerts |= {53} if link.motor_stuck else set()
    alerts |= {50} if link.eth_mbps == 10 else {51} if link.eth_mbps == 100 else set()
    alerts |= {66} if node.obstructed > 0.06 else set()
    alerts |= {82} if link.update_due else set()
    place = link.moved or node.place
    watts = node.watts * (0.25 if link.folded or overheated else 1.0) + 45 * (link.snow > 0.2)
    sats = 0 if link.cn0_dbhz < 30 else max(0, min(22, round((link.cn0_dbhz - 30) * 1.1 + rng.gauss(0, 1))))
    fields = {
        "boot": node.boot, "counter": int(max(0, t - node.booting_until)), "uptime_s": int(t - node.up_since),
        "downlink_mbps": rate, "uplink_mbps": rate * 0.1, "ping_drop": round(loss, 4),
        "ping_latency_ms": None if not passes else (28 + 6 * rng.random()) * (1 + 2.2 * max(0.0, link.load - 0.8)),
        "obstructed": round(node.obstructed, 4), "signal_quality": round(max(0.0, min(1.0, 0.25 + fading / 10)), 3),
        "cell": cell_at(place), "country": "KE", "software": node.version,
        "reboot_in_s": 900 if link.update_due else -1, "alerts": tuple(sorted(alerts)), "outage": outage,
        "disablement": code, "power_w": watts * rng.uniform(0.9, 1.1), "gps_valid": located and sats >= 4,
        "gps_satellites": sats, "latitude_deg": place[0] if located else None,
        "longitude_deg": place[1] if located else None, "stowed": link.folded == "STOWED",
    }  # fmt: skip
    return fields, passes


def _collect(
    node: Node, t: float, link: Link, fields: dict[str, Any], passes: bool, rng: random.Random
) -> None:
    """Keep what a collector would have got of a slot: beside the dish, and from the vendor."""
    at = round((t + node.clock_s) * S)
    name = node.subject.terminal
    answers = link.powered and t > node.unreachable_until and link.agent_sees_dish
    if "dish" in node.sources and link.agent and rng.random() > 0.03:
        way_out = node.own_way_out or (passes and link.powered and link.agent_sees_dish)
        if way_out and answers:
            mine = {k: v for k, v in fields.items() if k != "signal_quality"}
            node.told.append(Sample(terminal=name, time_ns=at, source="dish", **mine))
        elif way_out and node.own_way_out:
            node.told.append(Sample(terminal=name, time_ns=at, source="dish", reachable=False))
    if "enterprise" in node.sources and link.powered and t > node.unreachable_until and rng.random() > 0.02:
        refused = fields["disablement"] not in ("OKAY", "UNKNOWN_LOCATION") and not fields["outage"].startswith("B")
        if passes or (refused and rng.random() < 0.7) or rng.random() < 0.05:
            theirs = {k: v for k, v in fields.items() if k in VENDOR_FIELDS}
            node.told.append(Sample(terminal=name, time_ns=round(t * S), source="enterprise", **theirs))


def _nodes(rng: random.Random) -> list[Node]:
    nodes = []
    for region in range(3):
        centre = (rng.uniform(-40, 55), rng.uniform(-170, 170))
        towns = [(centre[0] + rng.gauss(0, 0.25), centre[1] + rng.gauss(0, 0.3)) for _ in range(6)]
        for site in range(22):
            town = rng.choice(towns)
            place = (town[0] + rng.gauss(0, 0.03), town[1] + rng.gauss(0, 0.03))
            account = f"ACC{rng.randrange(7)}"
            way = rng.random() < 0.5
            sources = rng.choice([("dish",), ("enterprise",), ("dish", "enterprise")])
            for kit in range(rng.choice([1, 1, 1, 2, 3])):
                nodes.append(_node(rng, (region, site, kit), place, account, sources, way))
    return nodes


def _node(
    rng: random.Random, key: tuple[int, int, int], place: Place, account: str, sources: tuple[str, ...], way: bool
) -> Node:
    region, site, kit = key
    subject = Subject(
        terminal=f"ut{region}-{site}-{kit}", site=f"site {region}-{site}", account=account,
        latitude_deg=place[0], longitude_deg=place[1], gateway=f"GW{region}" if rng.random() < 0.3 else "",
    )  # fmt: skip
    return Node(
        subject=subject, place=(place[0] + rng.gauss(0, 0.001), place[1] + rng.gauss(0, 0.001)), region=region,
        sources=sources, own_way_out=way, clock_s=rng.gauss(0, 6), bias_db=rng.gauss(0, 0.8),
        blocked=rng.choice([0.0, 0.0, 0.001, 0.003]), use_mbps=rng.choice([0.8, 4.0, 20.0]),
        watts=rng.choice([40.0, 60.0, 90.0]), version=rng.choice(["2026.06.12.mr81164", "2026.05.26.mr80001"]),
        boot=rng.randrange(1, 60), up_since=NOW_S - rng.uniform(1e4, 4e6), azimuth=rng.uniform(0, 360),
        alerts=(54,) if rng.random() < 0.02 else (),
    )  # fmt: skip


def _incidents(rng: random.Random, nodes: list[Node]) -> tuple[list[Incident], list[Decision]]:
    makers = [_gateway] if rng.random() < 0.08 else rng.sample(_MAKERS, 9)
    free = list(nodes)
    incidents: list[Incident] = []
    decisions: list[Decision] = []
    for make in makers:
        onset = NOW_S - rng.choice([rng.uniform(200, 1200), rng.uniform(1200, 5400)])
        seed = rng.choice(free or nodes)
        found = make(rng, nodes, seed, onset)
        incidents.append(found)
        free = [n for n in free if n.subject.terminal not in found.since]
        if found.why is Why.AREA and rng.random() < 0.5:
            cells = frozenset(cell_at(n.place) for n in nodes if n.subject.terminal in found.since)
            decisions.append(Decision(kind="area-off", at_ns=round((onset - 20) * S), cells=cells, says="area off"))
    return incidents, decisions


def _within(nodes: list[Node], seed: Node, km: float) -> list[Node]:
    return [n for n in nodes if metres(n.place, seed.place) <= km * 1000]


def _at(nodes: list[Node], onset: float, jitter: Callable[[], float] = lambda: 0.0) -> dict[str, float]:
    return {n.subject.terminal: onset + jitter() for n in nodes}


def _switched(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    cells = {cell_at(n.place) for n in _within(nodes, seed, rng.uniform(5, 35))}
    code = rng.choice(["CELL_IS_DISABLED", "BLOCKED_AREA"])

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.code = code if since >= 0 else link.code

    return Incident(Why.AREA, _at([n for n in nodes if cell_at(n.place) in cells], onset), effect)


def _unpaid(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.code = "NO_ACTIVE_ACCOUNT" if since >= 0 else link.code

    mine = [n for n in nodes if n.subject.account == seed.subject.account] if rng.random() < 0.5 else [seed]
    return Incident(Why.ACCOUNT, _at(mine, onset), effect)


def _driven(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    east = rng.uniform(0.3, 0.9)
    code = rng.choice(["TOO_FAR_FROM_SERVICE_ADDRESS", "MOVING_TOO_FAST_FOR_POLICY"])

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.moved = (n.place[0], n.place[1] + east * (since + 1800) / 3600)
        link.code = code if since >= 0 else link.code

    return Incident(Why.MOVED, _at([seed], onset), effect)


def _used_up(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        if since >= 0:
            link.code, link.cap_mbps = "DATA_OVERAGE_SANDBOX_POLICY", r.uniform(0.3, 0.9)

    return Incident(Why.DATA_CAP, _at([seed], onset), effect)


def _blackout(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    reach = rng.choice([0.2, 0.2, 6.0])

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        if since >= 0:
            link.powered = False
            link.agent = n.own_way_out

    hit = _within(nodes, seed, reach)
    return Incident(Why.UNPOWERED, _at(hit, onset, lambda: rng.choice([0, 0, rng.uniform(0, 900)])), effect)


def _overgrown(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    sector = rng.uniform(0.08, 0.3)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.blocked = max(link.blocked, sector if since >= 0 else sector * 0.1)

    return Incident(Why.OBSTRUCTED, _at([seed], onset), effect)


def _jammer(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    band = rng.choice(["navigation", "both"])
    reach = rng.uniform(15, 45)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        if since < 0:
            return
        near = max(0.0, 1 - metres(n.place, seed.place) / (reach * 1000))
        link.cn0_dbhz -= 13 + 25 * near
        if band == "both":
            link.margin_db -= 4 + 8 * near

    return Incident(Why.JAMMED, _at(_within(nodes, seed, reach), onset, lambda: rng.uniform(0, 60)), effect)


def _storm(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    depth, speed, snow = rng.uniform(8, 14), rng.uniform(5, 15), rng.random() < 0.3
    hit = _within(nodes, seed, 25)
    since = {}
    for n in hit:
        east_m = metres((n.place[0], seed.place[1]), n.place) * (1 if n.place[1] > seed.place[1] else -1)
        since[n.subject.terminal] = min(NOW_S - 90.0, onset + max(-1500.0, east_m / speed))

    def effect(n: Node, since_s: float, link: Link, r: random.Random) -> None:
        ramp = min(1.0, max(0.0, (since_s + 700) / 700))
        link.margin_db -= depth * ramp * r.uniform(0.75, 1.1)
        link.snow = ramp if snow else 0.0
        link.blocked += 0.01 * ramp if snow else 0.0

    return Incident(Why.WEATHER, since, effect)


def _ageing(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    hot = rng.random() < 0.5

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        if hot:
            link.heat_c = 60 + 18 * max(0.0, (since + 1800) / 1800) + 5 * math.sin(since / 300)
        elif since >= 0:
            link.motor_stuck, link.margin_db = True, link.margin_db - 6.5

    return Incident(Why.BROKEN, _at([seed], onset), effect)


def _looping(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    every = rng.uniform(150, 320)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.reboot = since >= 0 and since % every < SLOT_S

    return Incident(Why.SOFTWARE, _at([seed], onset), effect)


def _updating(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    late = NOW_S - rng.uniform(70, 120)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.update_due = since < 0
        if 0 <= since < SLOT_S:
            link.reboot, link.version = True, "2026.07.01.mr82000"

    same = [n for n in nodes if n.version == seed.version and n.region == seed.region][:4]
    return Incident(Why.SOFTWARE, _at(same, late, lambda: rng.uniform(-10, 10)), effect)


def _folded(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    how = rng.choice(["STOWED", "SLEEPING"])

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.folded = how if since >= 0 else ""

    return Incident(Why.STOWED, _at([seed], onset), effect)


def _cable(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    kind = rng.choice(["10", "router", "agent"])

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        if since < 0:
            return
        link.eth_mbps = 10 if kind == "10" else link.eth_mbps
        link.lan = kind == "10" and r.random() < 0.7
        link.cap_mbps = 4.0 if kind == "10" else link.cap_mbps
        link.agent_sees_dish = kind != "agent"

    return Incident(Why.LOCAL_NETWORK, _at([seed], onset), effect)


def _gateway(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    hit = nodes if rng.random() < 0.3 else [n for n in nodes if n.region == seed.region]

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.network = since < 0

    return Incident(Why.NETWORK, _at(hit, max(onset, NOW_S - 900), lambda: rng.uniform(0, 4)), effect)


def _crowd(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    peak = rng.uniform(1.3, 2.2)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.load = max(link.load, min(peak, 0.8 + peak * (since + 1800) / 3600))

    return Incident(Why.CAPACITY, _at(_within(nodes, seed, 40), onset, lambda: rng.uniform(-300, 300)), effect)


def _agent_died(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.agent = since < 0

    return Incident(Why.SITE_LINK, _at([n for n in nodes if n.subject.site == seed.subject.site], onset), effect)


_MAKERS: Final = [
    _switched, _unpaid, _driven, _used_up, _blackout, _overgrown, _jammer, _storm, _ageing, _looping, _updating,
    _folded, _cable, _crowd, _agent_died, _blackout, _overgrown, _folded, _cable, _ageing, _driven, _used_up,
    _agent_died, _unpaid, _looping,
]  # fmt: skip
