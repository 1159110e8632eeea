"""What happens to a terminal and its neighbours under each cause, and what dishes then show: for `cases`."""

import random
from collections.abc import Callable
from typing import Any, Final

from made_fleets import NOW_NS, S, Trouble, World, dark
from made_refusals import account, area, data_cap, moved, unpowered

from openleo.fleet.why import DishFacts, Expectation, Why


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
                dark(
                    f,
                    rng.choices(
                        ["NO_DOWNLINK", "NO_PINGS", "OBSTRUCTED" if snow else "NO_DOWNLINK"], [8, 1, 1]
                    )[0],
                )
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
        w.facts = DishFacts(
            self_test_failed=("FEM_CUT",) if kind == "rf" else (), snr_persistently_low=kind == "rf"
        )


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
        Why.SOFTWARE,
        w.onset_ns,
        show,
        link=0.02,
        vendor=0.7 if kind == "version" else 0.5,
        lead_s=900,
        lead=lead,
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
        w.expected = Expectation(
            cause="NO_BEAM" if kind == "NO_SCHEDULE" else "NO_SATS", online=0.6, of="run east"
        )


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
