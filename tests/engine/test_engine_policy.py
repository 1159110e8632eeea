"""Decisions act on the slot, come before a terminal's own state and the network, and name their rule."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from engine_worlds import fates, first_slots, made, net_of, ran

from openleo.engine.static import static_tables
from openleo.engine.terminals import rule_texts
from openleo.snapshot.causes import Cause

AT = first_slots(8)
HELD = {"from": AT[2], "until": AT[5]}
LAND = {"name": "land", "country": "UA"}
WEST = {"name": "west", "circle": {"latitude_deg": 49.8, "longitude_deg": 24.0, "radius_km": 250}}
TWO = {
    "areas": [LAND, WEST],
    "accounts": [{"name": "blue"}, {"name": "green"}],
    "terminals": [
        {"name": "a", "count": 60, "country": "UA", "account": "blue"},
        {"name": "b", "count": 40, "country": "UA", "account": "green"},
    ],
}
ALL, BLUE, GREEN = 100, 60, 40


def run_with(slots=8, **more):
    net = net_of(made(slots, **{**TWO, **more}))
    return net, ran(net)


def rule_ids(net):
    return [text[0] for text in rule_texts(net.world.rules_timeline)]


ACCOUNTS = TWO["accounts"]
# What is decided, how many it holds for, the cause and the rule that everybody of those is shown.
DECISIONS = {
    "an area switched off": (
        {"switches": [{"name": "off", "area": "land", **HELD}]},
        ALL, Cause.CELL_IS_DISABLED, "switch/off",
    ),
    "an area blocked but for one account": (
        {"switches": [{"name": "off", "area": "land", "code": "BLOCKED_AREA", "except_accounts": ["green"],
                       **HELD}]},
        BLUE, Cause.BLOCKED_AREA, "switch/off",
    ),
    "an account disabled": (
        {"accounts": [*ACCOUNTS, {"name": "blue", "status": "disabled", **HELD}]},
        BLUE, Cause.ACCOUNT_DISABLED, "account/blue-3",
    ),
    "an account that does not exist": (
        {"accounts": [*ACCOUNTS, {"name": "green", "status": "none", **HELD}]},
        GREEN, Cause.NO_ACTIVE_ACCOUNT, "account/green-3",
    ),
    "an area withdrawn by the provider": (
        {"withdrawals": [{"by": "area", "target": "land", **HELD}]},
        ALL, Cause.BLOCKED_AREA, "withdrawal/area-1",
    ),
    "a country withdrawn": (
        {"withdrawals": [{"name": "out", "by": "country", "target": "UA", **HELD}]},
        ALL, Cause.BLOCKED_COUNTRY, "withdrawal/out",
    ),
    "an account withdrawn": (
        {"withdrawals": [{"by": "account", "target": "green", **HELD}]},
        GREEN, Cause.ACCOUNT_DISABLED, "withdrawal/account-1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_holds_in_its_slots_for_whom_it_is_meant_and_names_its_rule(name):
    blocks, count, cause, rule = DECISIONS[name]
    net, snapshots = run_with(**blocks)
    for n, (snapshot, fate) in enumerate(zip(snapshots, fates(net, snapshots), strict=True)):
        if 2 <= n < 5:
            assert snapshot.causes == {cause: count}
            decided = fate.cause == cause
            assert decided.sum() == count
            assert {rule_ids(net)[r] for r in fate.rule[decided]} == {rule}
            assert (fate.rule[~decided] == -1).all()
        else:
            assert snapshot.causes == {}
            assert len(snapshot.dark) == 0


@pytest.mark.parametrize(("late_s", "slot"), [(-14, 2), (0, 2), (1, 3), (15, 3)])
def test_a_decision_acts_from_the_first_slot_at_or_after_its_time(late_s, slot):
    late = timedelta(seconds=late_s)
    off = {"area": "land", "from": AT[2] + late, "until": AT[5] + late}
    _, snapshots = run_with(switches=[off])
    assert [n for n, s in enumerate(snapshots) if s.causes] == [slot, slot + 1, slot + 2]


def test_countries_that_are_not_served_are_blocked_all_the_time():
    for block, code in (
        ({"served": ["PL"]}, Cause.BLOCKED_COUNTRY),
        ({"blocked": ["UA"]}, Cause.BLOCKED_COUNTRY),
    ):
        net, snapshots = run_with(2, countries=block)
        assert all(s.causes == {code: ALL} for s in snapshots)
        assert all((s.cells["cause"] == Cause.IDLE).all() for s in snapshots)
        assert all(s.summary["units"] == 0 for s in snapshots)
        assert net.cell_count > 0


def test_at_sea_a_plan_that_does_not_serve_the_sea_is_in_ocean():
    at_sea = [{"place": "points", "points": [[43.5, 32.0]]}]
    for sea, cause in ((False, {Cause.IN_OCEAN: 1}), (True, {})):
        net = net_of(made(1, terminals=at_sea, countries={"sea": sea}, gateways={"include": ["Muallim"]}))
        assert ran(net)[0].causes == cause


POWER = {"kind": "power", "area": "land"}
CORE = {"kind": "core"}
# Everything at once, then one thing less each time: what is shown is the first of this order.
ORDER = [
    ("withdrawals", {"by": "account", "target": "blue"}, Cause.ACCOUNT_DISABLED, "withdrawal/account-1"),
    ("withdrawals", {"by": "country", "target": "UA"}, Cause.BLOCKED_COUNTRY, "withdrawal/country-1"),
    ("withdrawals", {"by": "area", "target": "land"}, Cause.BLOCKED_AREA, "withdrawal/area-1"),
    ("accounts", {"name": "blue", "status": "none"}, Cause.NO_ACTIVE_ACCOUNT, "account/blue-3"),
    ("accounts", {"name": "blue", "status": "disabled"}, Cause.ACCOUNT_DISABLED, "account/blue-3"),
    ("countries", {"blocked": ["UA"]}, Cause.BLOCKED_COUNTRY, "countries/blocked"),
    ("switches", {"name": "x", "area": "west", "code": "BLOCKED_AREA"}, Cause.BLOCKED_AREA, "switch/x"),
    ("switches", {"name": "y", "area": "west"}, Cause.CELL_IS_DISABLED, "switch/y"),
    ("faults", POWER, Cause.POWER_OFF, None),
    ("faults", CORE, Cause.CORE_DOWN, None),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_policy_comes_before_a_terminals_own_state_and_that_before_the_network(first):
    blocks: dict = {"accounts": list(ACCOUNTS), "withdrawals": [], "switches": [], "faults": []}
    for key, block, _, _ in ORDER[first:]:
        if key == "countries":
            blocks[key] = block
        else:
            blocks[key].append(block)
    _, _, cause, rule = ORDER[first]
    one = [{"name": "a", "place": "points", "points": [[49.8, 24.0]], "account": "blue"}]
    net, (snapshot,) = run_with(1, terminals=one, **blocks)
    assert snapshot.causes == {cause: 1}
    (fate,) = fates(net, [snapshot])
    if rule is None:
        assert fate.rule[0] == -1
        assert net.world.faults[fate.fault[0]].kind == ("power" if cause == Cause.POWER_OFF else "core")
    else:
        shown = rule_ids(net)[fate.rule[0]]
        assert shown.rsplit("-", 1)[0] == rule.rsplit("-", 1)[0]
        assert fate.fault[0] == -1


def test_switched_off_terminals_free_their_beams_for_others():
    _, on = run_with(2)
    _, off = run_with(2, switches=[{"area": "land", "except_accounts": ["green"]}])
    for a, b in zip(on, off, strict=True):
        assert b.summary["cells"] < a.summary["cells"]
        assert b.summary["units"] < a.summary["units"]
        assert b.summary["enabled"] == b.summary["online"] == GREEN


def test_an_area_switched_off_holds_exactly_for_the_terminals_in_its_cells():
    net, snapshots = run_with(2, switches=[{"name": "w", "area": "west"}])
    inside = np.isin(net.world.terminal_cell, net.world.areas["west"])
    assert 0 < inside.sum() < ALL
    for fate in fates(net, snapshots):
        assert np.array_equal(fate.cause == Cause.CELL_IS_DISABLED, inside)


ROAD = {"name": "cars", "place": "track", "count": 6, "kind": "in-motion",
        "tracks": [{"waypoints": [[49.0, 26.0], [49.0, 30.0]], "speed_kmh": 120.0}]}  # fmt: skip


def test_a_vehicle_above_the_limit_is_too_fast_and_one_below_is_served():
    slow = {**ROAD, "name": "slow", "tracks": [{**ROAD["tracks"][0], "speed_kmh": 60.0}]}
    limit = {"name": "hundred", "speed_kmh": 100.0, **HELD}
    net, snapshots = run_with(terminals=[ROAD, slow], accounts=[], limits=[limit])
    for n, fate in enumerate(fates(net, snapshots)):
        fast = Cause.MOVING_TOO_FAST_FOR_POLICY if 2 <= n < 5 else Cause.ONLINE
        assert (fate.cause[:6] == fast).all()
        assert (fate.cause[6:] == Cause.ONLINE).all()
        if 2 <= n < 5:
            assert {rule_ids(net)[r] for r in fate.rule[:6]} == {"limit/hundred"}


def test_a_vehicle_is_off_only_while_it_is_in_the_area():
    spot = {"name": "spot", "circle": {"latitude_deg": 49.0, "longitude_deg": 26.3, "radius_km": 8}}
    car = {**ROAD, "count": 1, "tracks": [{"waypoints": [[49.0, 26.0], [49.0, 30.0]], "speed_kmh": 1200.0,
                                           "repeat": "once"}]}  # fmt: skip
    net, snapshots = run_with(
        16, terminals=[car], accounts=[], areas=[spot], switches=[{"name": "s", "area": "spot"}]
    )
    causes = [int(fate.cause[0]) for fate in fates(net, snapshots)]
    changes = sum(a != b for a, b in pairwise(causes))
    assert changes == 2
    assert causes[0] == causes[-1] == Cause.ONLINE
    assert Cause.CELL_IS_DISABLED in causes


def test_a_vehicle_that_stops_is_no_longer_too_fast():
    car = {**ROAD, "count": 1, "tracks": [{"waypoints": [[49.0, 26.0], [49.0, 26.04]], "speed_kmh": 120.0,
                                           "repeat": "once"}]}  # fmt: skip
    net, snapshots = run_with(
        10, terminals=[car], accounts=[], limits=[{"name": "hundred", "speed_kmh": 100.0}]
    )
    causes = [int(fate.cause[0]) for fate in fates(net, snapshots)]
    way_s = 2920.0 / (120.0 / 3.6)  # 0.04 degrees of longitude at 49 north
    moving = int((way_s - 12.0) // 15.0) + 1
    too_fast = [Cause.MOVING_TOO_FAST_FOR_POLICY]
    assert causes == too_fast * moving + [Cause.ONLINE] * (10 - moving)


def test_the_rules_table_says_what_each_number_means():
    net, snapshots = run_with(
        switches=[{"name": "later", "area": "west", **HELD, "why": "a reason"}],
        accounts=[*ACCOUNTS, {"name": "green", "status": "disabled", "from": AT[4]}],
        withdrawals=[{"name": "end", "by": "area", "target": "land", "from": AT[6]}],
    )
    table = static_tables(net)["rules"]
    assert len(set(table["id"])) == len(table["id"])
    for n, fate in enumerate(fates(net, snapshots)):
        for cause, rule in {(int(c), int(r)) for c, r in zip(fate.cause, fate.rule, strict=True) if c}:
            assert Cause(cause).name == table["code"][rule]
            assert table["text"][rule].startswith(table["id"][rule])
        got = {table["id"][r] for r in fate.rule if r >= 0}
        if n >= 6:
            assert got == {"withdrawal/end"}
        else:
            assert got == {r for r, holds in LATER.items() if n in holds}


LATER = {"switch/later": range(2, 5), "account/green-3": range(4, 6)}
