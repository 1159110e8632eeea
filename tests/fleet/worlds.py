"""A second, independent source of dark terminals: a small world that runs, with several incidents at once.

`cases` states for each cause what a dish shows.  Here nothing is stated per cause: each terminal has a link
margin in dB, noise, a blocked sector of sky, a supply, a boot sequence, a navigation receiver, a load in its
cell, a policy and a network behind it; incidents change these, and what is shown follows.  Rates, losses and
durations are drawn from other ranges than in `cases`.  It measures how diagnosing holds where the world is
not as it was tuned on.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from cases import MadeCase, tells
from made_fleets import VENDOR_FIELDS
from world_incidents import MAKERS, gateway_out
from world_nodes import NOW_S, SLOT_S, Incident, Link, Node, S, make_nodes

from openleo.fleet.sample import Sample
from openleo.fleet.why import Decision, State, Why
from openleo.fleet.why.places import cell_at
from openleo.fleet.why.survey import survey_of

HOURS: Final = 2.0

ALERT_OF: Final = {
    "CELL_IS_DISABLED": 89, "BLOCKED_AREA": 89, "NO_ACTIVE_ACCOUNT": 55, "TOO_FAR_FROM_SERVICE_ADDRESS": 56,
    "MOVING_TOO_FAST_FOR_POLICY": 60, "IN_OCEAN": 57,
}  # fmt: skip


def worlds(seed: int, count: int) -> Iterator[MadeCase]:
    """Yield a case for each terminal that an incident has put in trouble, over some worlds."""
    for n in range(count):
        yield from _world(random.Random(f"world {seed} {n}"))


def _world(rng: random.Random) -> Iterator[MadeCase]:
    nodes = make_nodes(rng)
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
    outage = _outage(node, t, link, (behind, unserved, code, fading), rng)
    loss = 1.0 if outage else min(1.0, 1 / (1 + math.exp(2.2 * (fading - 1.2))) + rng.expovariate(250))
    if not outage and link.load > 0.95:
        loss = min(1.0, loss + rng.uniform(0, 0.15))
    passes = loss < 0.95
    busy = node.use_mbps * rng.lognormvariate(0, 1) / max(1, link.load) ** 2
    rate = min(link.cap_mbps, busy) if passes and link.lan else 0.0
    waits = 1 + 2.2 * max(0.0, link.load - 0.8)
    place = link.moved or node.place
    watts = node.watts * (0.25 if link.folded or overheated else 1.0) + 45 * (link.snow > 0.2)
    sats = 0 if link.cn0_dbhz < 30 else max(0, min(22, round((link.cn0_dbhz - 30) * 1.1 + rng.gauss(0, 1))))
    fields = {
        "boot": node.boot, "counter": int(max(0, t - node.booting_until)), "uptime_s": int(t - node.up_since),
        "downlink_mbps": rate, "uplink_mbps": rate * 0.1, "ping_drop": round(loss, 4),
        "ping_latency_ms": waits * (28 + 6 * rng.random()) if passes else None,
        "obstructed": round(node.obstructed, 4),
        "signal_quality": round(max(0.0, min(1.0, 0.25 + fading / 10)), 3),
        "cell": cell_at(place), "country": "KE", "software": node.version,
        "reboot_in_s": 900 if link.update_due else -1, "alerts": _alerts(node, link, code), "outage": outage,
        "disablement": code, "power_w": watts * rng.uniform(0.9, 1.1), "gps_valid": located and sats >= 4,
        "gps_satellites": sats, "latitude_deg": place[0] if located else None,
        "longitude_deg": place[1] if located else None, "stowed": link.folded == "STOWED",
    }  # fmt: skip
    return fields, passes


def _outage(node: Node, t: float, link: Link, sky: tuple[bool, bool, str, float], rng: random.Random) -> str:
    """Return the first thing that keeps it out of service, "" for none."""
    behind, unserved, code, fading = sky
    outage = ""
    if t < node.booting_until:
        outage = "BOOTING"
    elif link.folded:
        outage = link.folded
    elif link.heat_c > 85:
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
    return outage


def _alerts(node: Node, link: Link, code: str) -> tuple[int, ...]:
    alerts = set(node.alerts)
    alerts |= {ALERT_OF[code]} if code in ALERT_OF else set()
    alerts |= {84} if code == "DATA_OVERAGE_SANDBOX_POLICY" else set()
    alerts |= {80} if link.heat_c > 85 else {81} if link.heat_c > 75 else set()
    alerts |= {53} if link.motor_stuck else set()
    alerts |= {50} if link.eth_mbps == 10 else {51} if link.eth_mbps == 100 else set()
    alerts |= {66} if node.obstructed > 0.06 else set()
    alerts |= {82} if link.update_due else set()
    return tuple(sorted(alerts))


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
        refused = fields["disablement"] not in ("OKAY", "UNKNOWN_LOCATION") and not fields[
            "outage"
        ].startswith("B")
        if passes or (refused and rng.random() < 0.7) or rng.random() < 0.05:
            theirs = {k: v for k, v in fields.items() if k in VENDOR_FIELDS}
            node.told.append(Sample(terminal=name, time_ns=round(t * S), source="enterprise", **theirs))


def _incidents(rng: random.Random, nodes: list[Node]) -> tuple[list[Incident], list[Decision]]:
    makers = [gateway_out] if rng.random() < 0.08 else rng.sample(MAKERS, 9)
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
            decisions.append(
                Decision(kind="area-off", at_ns=round((onset - 20) * S), cells=cells, says="area off")
            )
    return incidents, decisions
