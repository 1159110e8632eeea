"""Plans and lists act on the slot, follow a terminal as it moves, and name their rule."""

import numpy as np
from engine_worlds import fates, first_slots, made, net_of, ran

from openleo.engine.terminals import rule_texts
from openleo.snapshot.causes import Cause

AT = first_slots(8)
LVIV, WARSAW = [49.8, 24.0], [52.2, 21.0]


def run_with(slots=8, **more):
    net = net_of(made(slots, accounts=[], **more))
    texts = rule_texts(net.world.rules_timeline)
    told = []
    for fate in fates(net, ran(net)):
        told.append([("" if r < 0 else texts[r][0]) for r in fate.rule])
    return net, np.array(told)


def test_terminals_of_a_list_are_dark_while_it_holds():
    lists = [
        {"name": "ua", "effect": "allow", "groups": ["a"], "countries": ["UA"], "from": AT[2], "until": AT[5]}
    ]
    terminals = [
        {"name": "a", "count": 5, "country": "UA"}, {"name": "b", "count": 7, "country": "UA"},
        {"name": "c", "place": "points", "points": [WARSAW]},
    ]  # fmt: skip
    _, told = run_with(terminals=terminals, lists=lists)
    assert (told[2:5, 5:12] == "list/ua").all()
    assert (told[:2] == "").all()
    assert (told[5:] == "").all()
    assert (told[:, :5] == "").all()
    assert (told[:, 12] == "").all()


def vehicle(plan, *waypoints):
    """One that moves at 3,600 km/h: a kilometre a second."""
    track = {"waypoints": waypoints, "speed_kmh": 3600.0, "repeat": "once"}
    return {"name": "car", "place": "track", "count": 1, "kind": "in-motion", "plan": plan, "tracks": [track]}


def test_a_vehicle_that_leaves_the_country_of_its_address_may_not_roam():
    """It drives from near Lviv to Poland."""
    car = vehicle("home", [49.9, 23.6], [49.9, 22.0])
    net, told = run_with(10, terminals=[car], plans=[{"name": "home", "roaming": "home"}])
    roams = told[:, 0] == "plan/home/roaming"
    assert not roams[0]
    assert roams[-1]
    assert (np.diff(roams.astype(int)) >= 0).all()
    countries = net.world.country_names
    entered = [countries[c] for c in net.world.country_of(net.moves.cell)]
    assert entered[0] == "UA"
    assert entered[-1] == "PL"


def test_a_vehicle_is_too_far_once_a_cell_that_it_enters_is():
    car = vehicle("near", [49.9, 24.0], [49.9, 27.0])
    still = {"name": "still", "place": "points", "points": [LVIV], "plan": "near"}
    net, told = run_with(10, terminals=[car, still], plans=[{"name": "near", "max_distance_km": 60.0}])
    far = told[:, 0] == "plan/near/distance"
    gone_km = 15.0 * np.arange(10) + 12.0
    assert not far[gone_km < 60.0].any()
    assert far[gone_km > 60.0 + 20.0].all()
    assert (told[:, 1] == "").all()
    assert Cause.TOO_FAR_FROM_SERVICE_ADDRESS in fates(net, ran(net))[-1].cause
