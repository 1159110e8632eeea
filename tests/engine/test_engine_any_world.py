"""Whatever the scenario, nothing that is down carries traffic and everybody is accounted for."""

import random

import numpy as np
import pytest
from engine_worlds import ALL_SECONDS, fates, first_slots, made, net_of, ran

from openleo.scenario import PREFERENCES
from openleo.snapshot.causes import Cause

SLOTS = 5
AT = first_slots(SLOTS)
SITES = ["Wola Krobowska", "Kaunas", "Usingen", "Aerzen", "Villenave d'Ornon", "Goonhilly"]
SHELL = {"kuiper-630": "51.9-630", "starlink-2022-10": "53.1-547"}


def some_fault(r, n, use, sites):
    kind = r.choice(["gateway", "pop", "fibre", "core", "power", "shell"])
    targets = {
        "gateway": {"target": r.choice(sites)},
        "pop": {"target": r.choice(["Warsaw", "Frankfurt"])},
        "fibre": {"target": [r.choice(sites), r.choice(["Warsaw", "Frankfurt"])]},
        "power": {"area": "land", "share": r.random()},
        "shell": {"target": SHELL[use], "share": r.random()},
    }
    spell = {"from": AT[r.randint(0, 2)], "until": AT[r.randint(3, 4)]}
    return {"kind": kind, "name": f"fault {n}", **spell, **targets.get(kind, {})}


def some_world(seed):
    r = random.Random(seed)
    use, sites = r.choice(sorted(SHELL)), r.sample(SITES, r.randint(1, 4))
    return made(
        SLOTS,
        constellation={"use": use, "isl": r.choice(["none", "grid"])},
        gateways={"include": sites, "antennas": r.choice([1, 3, 8])},
        pops={"include": ["Warsaw", "Frankfurt"], "home": {"UA": "Warsaw", "DE": "Frankfurt"}},
        network={
            "preference": r.choice(PREFERENCES), "beams": r.choice([1, 2, 16]), "nco": r.random() < 0.8,
            "dwells": r.choice([1, 3, 8]), "channels": r.choice([1, 3, 8]), "candidates": r.choice([1, 16]),
            "active_share": r.choice([0.0, 0.02, 1.0]), "min_elevation_deg": r.choice([10.0, 25.0, 40.0]),
            "gso_exclusion_deg": r.choice([0.0, 18.0]), "beam_half_width_deg": r.choice([0.5, 1.25, 3.0]),
        },
        areas=[{"name": "land", "country": "UA"}],
        terminals=[
            {"name": "a", "count": r.choice([1, 50, 400]), "country": "UA", "obstructed_share": 0.2},
            {"name": "b", "count": 30, "countries": ["PL", "DE"]},
            {"name": "c", "place": "roam", "count": 8, "kind": "in-motion", "inside": ["land"]},
        ],
        background=r.choice([[], [{"countries": ["RO"], "terminals": 300}]]),
        switches=r.choice([[], [{"area": "land", "from": AT[1], "until": AT[3]}]]),
        faults=[some_fault(r, n, use, sites) for n in range(r.randint(0, 4))],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(16))
def test_nothing_that_is_down_carries_traffic_and_everybody_is_accounted_for(seed):
    net = net_of(some_world(seed))
    limits, gateways = net.world.network, net.world.gateways
    snapshots = ran(net)
    for snapshot, fate in zip(snapshots, fates(net, snapshots), strict=True):
        summary, beams, up = snapshot.summary, snapshot.beams, net.timeline.at(snapshot.slot)
        assert summary["online"] + sum(snapshot.causes.values()) == summary["terminals"]
        assert np.array_equal(fate.cause == Cause.ONLINE, fate.seconds == ALL_SECONDS)
        home = net.points.pop[beams["cell"]]
        assert up.satellite_up[beams["satellite"]].all()
        assert up.gateway_up[beams["gateway"]].all()
        assert up.pop_up[home].all()
        assert up.fibre_up[beams["gateway"], home].all()
        assert (beams["user_us"] > 0).all()
        assert (beams["feeder_us"] > 0).all()
        assert summary["antennas"] <= gateways.antennas[up.gateway_up].sum()
        assert summary["units"] <= summary["satellites"] * limits.beams * limits.dwells
        assert limits.nco or Cause.NO_CHANNEL not in snapshot.causes
        blamed = fate.fault >= 0
        assert all(f in (*up.holding, *_power(net)) for f in np.unique(fate.fault[blamed]))
        assert (fate.cause[blamed] != Cause.ONLINE).all()


def _power(net):
    """Rows of power faults: they are the terminals' own, and show while these start up again too."""
    return [row for row, fault in enumerate(net.world.faults) if fault.kind == "power"]
