"""Terminals that are refused service or have no power, and what then shows: part of `made_troubles`."""

import random
from dataclasses import replace
from typing import Any

from made_fleets import NOW_NS, S, Trouble, World, dark

from openleo.fleet.why import Decision, Why
from openleo.fleet.why.places import cell_at


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
        w.decisions = [
            Decision(kind="area-off", at_ns=w.onset_ns - 60 * S, cells=cells, says="area north off")
        ]


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
        w.decisions = [
            Decision(kind="account-off", at_ns=w.onset_ns - 40 * S, terminals=named, says="suspended")
        ]


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

    w.main.trouble = Trouble(
        Why.MOVED, w.onset_ns, show, vendor=w.rng.choice([0.9, 0.6]), lead_s=3600, lead=lead
    )


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
            f.update(
                boot=f["boot"] + 1,
                uptime_s=int(since - length + 150),
                counter=0,
                gps_valid=rng.random() < 0.5,
            )

        def lead(left: float, f: dict[str, Any], rng: random.Random) -> None:
            if alarm:
                f["alerts"] = (*f["alerts"], 61)
            f["power_w"] -= rng.uniform(0, 10)

        return Trouble(Why.UNPOWERED, w.onset_ns, show, says=back, lead_s=20, lead=lead)

    w.main.trouble = make()
    if not back:
        w.main.trouble.says = False
    district = w.rng.choice([0.0, 0.0, 0.5, 0.9])
    w.spread(
        {"site": 0.95, "cell": district, "near": district * 0.3}, make, 8 if w.rng.random() < 0.6 else 150
    )
