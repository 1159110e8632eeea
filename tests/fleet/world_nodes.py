"""The terminals of `worlds`, what their links are made of, and what an incident is."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from openleo.fleet.sample import Sample
from openleo.fleet.why import Subject, Why
from openleo.fleet.why.places import Place

S: Final = 10**9
NOW_S: Final = 1_801_000_000
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


def make_nodes(rng: random.Random) -> list[Node]:
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
    rng: random.Random,
    key: tuple[int, int, int],
    place: Place,
    account: str,
    sources: tuple[str, ...],
    way: bool,
) -> Node:
    region, site, kit = key
    subject = Subject(
        terminal=f"ut{region}-{site}-{kit}", site=f"site {region}-{site}", account=account,
        latitude_deg=place[0], longitude_deg=place[1], gateway=f"GW{region}" if rng.random() < 0.3 else "",
    )  # fmt: skip
    return Node(
        subject=subject, place=(place[0] + rng.gauss(0, 0.001), place[1] + rng.gauss(0, 0.001)),
        region=region,
        sources=sources, own_way_out=way, clock_s=rng.gauss(0, 6), bias_db=rng.gauss(0, 0.8),
        blocked=rng.choice([0.0, 0.0, 0.001, 0.003]), use_mbps=rng.choice([0.8, 4.0, 20.0]),
        watts=rng.choice([40.0, 60.0, 90.0]), version=rng.choice(["2026.06.12.mr81164",
        "2026.05.26.mr80001"]),
        boot=rng.randrange(1, 60), up_since=NOW_S - rng.uniform(1e4, 4e6), azimuth=rng.uniform(0, 360),
        alerts=(54,) if rng.random() < 0.02 else (),
    )  # fmt: skip
