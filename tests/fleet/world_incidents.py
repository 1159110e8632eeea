"""What happens in `worlds`: each maker returns an incident, whom it hits, and what it does to their links."""

import math
import random
from collections.abc import Callable
from typing import Final

from world_nodes import NOW_S, SLOT_S, Incident, Link, Node

from openleo.fleet.why import Why
from openleo.fleet.why.places import cell_at, metres


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


def gateway_out(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    hit = nodes if rng.random() < 0.3 else [n for n in nodes if n.region == seed.region]

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.network = since < 0

    return Incident(Why.NETWORK, _at(hit, max(onset, NOW_S - 900), lambda: rng.uniform(0, 4)), effect)


def _crowd(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    peak = rng.uniform(1.3, 2.2)

    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.load = max(link.load, min(peak, 0.8 + peak * (since + 1800) / 3600))

    return Incident(
        Why.CAPACITY, _at(_within(nodes, seed, 40), onset, lambda: rng.uniform(-300, 300)), effect
    )


def _agent_died(rng: random.Random, nodes: list[Node], seed: Node, onset: float) -> Incident:
    def effect(n: Node, since: float, link: Link, r: random.Random) -> None:
        link.agent = since < 0

    return Incident(
        Why.SITE_LINK, _at([n for n in nodes if n.subject.site == seed.subject.site], onset), effect
    )


MAKERS: Final = [
    _switched, _unpaid, _driven, _used_up, _blackout, _overgrown, _jammer, _storm, _ageing, _looping,
    _updating, _folded, _cable, _crowd, _agent_died, _blackout, _overgrown, _folded, _cable, _ageing,
    _driven, _used_up, _agent_died, _unpaid, _looping,
]  # fmt: skip
