"""Plans, lists and trees of areas, as a file says them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.policy import DisablementCode
from openleo.scenario import scenario_from
from openleo.scenario.world import compile_world

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KYIV, WARSAW, LVIV, SEA = [50.45, 30.52], [52.23, 21.01], [49.84, 24.03], [43.5, 32.0]
LAND = {"name": "land", "country": "UA"}
TOWN = {
    "name": "town",
    "circle": {"latitude_deg": 50.45, "longitude_deg": 30.52, "radius_km": 30.0},
    "parent": "land",
}
CODE = DisablementCode


def group(name, point, **more):
    return {"name": name, "place": "points", "points": [point], **more}


def scenario(**more):
    document = {
        "name": "mine",
        "start": START,
        "end": START + 4 * HOUR,
        "constellation": {"use": "kuiper-630"},
        "gateways": {"include": ["Wola Krobowska", "Kaunas"]},
        "pops": {"include": ["Warsaw", "Frankfurt"]},
        "terminals": [group("kyiv", KYIV), group("lviv", LVIV), group("warsaw", WARSAW), group("ship", SEA)],
        **more,
    }
    return scenario_from(document, origin="mine")


def told(hours=0.0, **more):
    """The rule that decides for each group's first terminal, by group."""
    w = compile_world(scenario(**more))
    rules = w.rules_at(w.first_slot + int(hours * 240))
    _, rule = rules.decide(w.subjects())
    first = [int(np.flatnonzero(w.terminals.group == n)[0]) for n in range(len(w.terminals.group_names))]
    return {w.terminals.group_names[n]: rules.rule_ids[rule[row]] for n, row in enumerate(first)}


OFF = {"name": "off", "area": "land"}


def test_a_town_may_be_on_in_a_land_that_is_off():
    on = {"area": "town", "state": "on", "from": START + HOUR, "until": START + 2 * HOUR}
    areas = {"areas": [LAND, TOWN], "switches": [OFF, on]}
    assert [told(hours, **areas)["kyiv"] for hours in (0, 1, 1.5, 2)] == ["switch/off", "", "", "switch/off"]
    assert {told(hours, **areas)["lviv"] for hours in (0, 1, 2)} == {"switch/off"}


def test_a_town_that_is_off_in_a_land_that_is_off_names_its_own_switch():
    switches = [OFF, {"name": "siege", "area": "town", "code": "BLOCKED_AREA"}]
    assert told(areas=[LAND, TOWN], switches=switches)["kyiv"] == "switch/siege"
    assert told(areas=[LAND, TOWN], switches=switches)["lviv"] == "switch/off"


def test_without_a_parent_off_wins_over_on():
    town = {**TOWN, "parent": ""}
    assert told(areas=[LAND, town], switches=[OFF, {"area": "town", "state": "on"}])["kyiv"] == "switch/off"


def on_plan(point=KYIV, *, plan, **more):
    name = next(
        iter(
            told(
                terminals=[group("one", point, plan="mine", **more)], plans=[{"name": "mine", **plan}]
            ).values()
        )
    )
    return name.removeprefix("plan/mine/")


@pytest.mark.parametrize(
    ("name", "plan", "how", "rule"),
    [
        ("a plan without limits", {}, {}, ""),
        ("at sea", {"ocean": False}, {"point": SEA}, "ocean"),
        ("on land", {"ocean": False}, {}, ""),
        ("at home by default", {"roaming": "home"}, {}, ""),
        (
            "away from the country it lives in",
            {"roaming": "home"},
            {"point": WARSAW, "country": "UA"},
            "roaming",
        ),
        ("away from the country of its address", {"roaming": "home"}, {"address": WARSAW}, "roaming"),
        ("the address comes first", {"roaming": "home"}, {"country": "PL", "address": LVIV}, ""),
        ("in a listed country", {"roaming": ["UA"]}, {"address": WARSAW}, ""),
        ("in one that is not listed", {"roaming": ["DE"]}, {"address": WARSAW}, "roaming"),
        ("anywhere", {"roaming": "anywhere"}, {"address": WARSAW}, ""),
        ("too far", {"max_distance_km": 400.0}, {"address": LVIV}, "distance"),
        ("not too far", {"max_distance_km": 500.0}, {"address": LVIV}, ""),
        ("at its address", {"max_distance_km": 0.001}, {}, ""),
    ],
)
def test_a_plan_holds_for_the_groups_that_have_it(name, plan, how, rule):
    assert on_plan(plan=plan, **how) == rule


def test_speeds_of_a_plan_hold_for_who_moves():
    plans = [{"name": "air", "max_speed_kmh": 900.0, "flyover_kmh": 500.0, "flyover_countries": ["UA"]}]
    terminals = [group("flier", KYIV, plan="air"), group("other", KYIV)]
    w = compile_world(scenario(plans=plans, terminals=terminals))
    rules = w.rules_at(w.first_slot)
    for speed_kmh, expected in ((450.0, ""), (600.0, "plan/air/flyover"), (950.0, "plan/air/speed")):
        _, rule = rules.decide(w.subjects(speed_m_s=np.full(2, speed_kmh / 3.6, np.float32)))
        assert [rules.rule_ids[r] for r in rule] == [expected, ""]


def test_on_an_allow_list_only_those_on_it_are_served_in_its_countries():
    lists = [{"name": "ua", "effect": "allow", "groups": ["kyiv"], "countries": ["UA"]}]
    assert told(lists=lists) == {"kyiv": "", "lviv": "list/ua", "warsaw": "", "ship": ""}
    lists.append(
        {"name": "more", "effect": "allow", "groups": ["lviv"], "countries": ["UA"], "from": START + HOUR}
    )
    assert [told(hours, lists=lists)["lviv"] for hours in (0, 1)] == ["list/ua", ""]
    everywhere = [{"name": "few", "effect": "allow", "accounts": ["default"]}]
    assert set(told(lists=everywhere).values()) == {""}


def test_a_block_list_cuts_terminals_by_id_and_accounts():
    ids = compile_world(scenario()).terminals.ids
    stolen = {
        "name": "stolen",
        "effect": "block",
        "terminals": [ids[1]],
        "why": "taken on 3 March",
        "until": START + HOUR,
    }
    assert told(lists=[stolen]) == {"kyiv": "", "lviv": "list/stolen", "warsaw": "", "ship": ""}
    assert told(1, lists=[stolen])["lviv"] == ""
    text = compile_world(scenario(lists=[stolen])).rules_timeline[0][1].describe("list/stolen")
    for words in ("ACCOUNT_DISABLED", "taken on 3 March", "2026-03-01T01:00:00Z"):
        assert words in text
    accounts = [{"name": "default"}, {"name": "other"}]
    unpaid = {"name": "unpaid", "effect": "block", "accounts": ["default"], "countries": ["UA"]}
    assert told(lists=[unpaid], accounts=accounts)["kyiv"] == "list/unpaid"
    assert told(lists=[unpaid], accounts=accounts)["warsaw"] == ""


PLAN = {"plans": [{"name": "home"}]}
LISTED = {"name": "x", "effect": "allow"}
MISTAKES = [
    (
        "an unknown plan",
        {**PLAN, "terminals": [group("a", KYIV, plan="hme")]},
        ["terminals[0].plan", "'hme'"],
        "home",
    ),
    (
        "an address without a plan",
        {"terminals": [group("a", KYIV, address=LVIV)]},
        ["terminals[0].address"],
        "add plan",
    ),
    (
        "a flyover nowhere",
        {"plans": [{"name": "a", "flyover_kmh": 5.0}]},
        ["plans[0].flyover_countries", "missing"],
        "FR",
    ),
    (
        "a flyover at no speed",
        {"plans": [{"name": "a", "flyover_countries": ["UA"]}]},
        ["plans[0].flyover_kmh"],
        "add it",
    ),
    (
        "a flyover above the limit",
        {"plans": [{"name": "a", "flyover_kmh": 9.0, "flyover_countries": ["UA"], "max_speed_kmh": 5.0}]},
        ["plans[0].flyover_kmh = 9.0", "max_speed_kmh 5"],
        "lower it",
    ),
    ("roaming nowhere", {"plans": [{"name": "a", "roaming": []}]}, ["plans[0].roaming", "empty"], '"home"'),
    (
        "roaming in no country",
        {"plans": [{"name": "a", "roaming": ["UK"]}]},
        ["plans[0].roaming", "UK"],
        "GB",
    ),
    (
        "a country without land",
        {"plans": [{"name": "a", "roaming": ["QQ"]}]},
        ["plans[0].roaming[0]", "QQ"],
        "known",
    ),
    (
        "two plans of a name",
        {"plans": [{"name": "a"}, {"name": "a"}]},
        ["plans[1].name", "plans[0]"],
        "another",
    ),
    (
        "a list's country without land",
        {"lists": [{**LISTED, "countries": ["QQ"]}]},
        ["lists[0].countries[0]"],
        "known",
    ),
    (
        "an unknown group",
        {"lists": [{**LISTED, "groups": ["kiyv"]}]},
        ["lists[0].groups[0]", "'kiyv'"],
        "kyiv",
    ),
    (
        "an unknown account",
        {"lists": [{**LISTED, "accounts": ["b"]}], "accounts": [{"name": "default"}]},
        ["lists[0].accounts[0]", "'b'"],
        "default",
    ),
    (
        "an unknown terminal",
        {"lists": [{**LISTED, "terminals": ["ut-1"]}]},
        ["lists[0].terminals[0]", "ut-1"],
        "ut-",
    ),
    (
        "a block of nobody",
        {"lists": [{"name": "x", "effect": "block"}]},
        ["lists[0]", "'x'", "nobody"],
        "groups",
    ),
    ("an effect that is none", {"lists": [{"name": "x", "effect": "alow"}]}, ["lists[0].effect"], "allow"),
    (
        "a list that ends first",
        {"lists": [{**LISTED, "from": START, "until": START}]},
        ["lists[0].until"],
        "later",
    ),
    ("a parent below", {"areas": [TOWN, LAND]}, ["areas[0].parent", "'land'", "above this one"], ""),
    ("a parent that is not there", {"areas": [LAND, {**TOWN, "parent": "lnd"}]}, ["areas[1].parent"], "land"),
    (
        "on and off at once",
        {"areas": [LAND], "switches": [OFF, {"area": "land", "state": "on", "from": START}]},
        ["switches[1].state", "switches[0]", "at the same time"],
        "no until",
    ),
    (
        "a code of what is on",
        {"areas": [LAND], "switches": [{"area": "land", "state": "on", "code": "BLOCKED_AREA"}]},
        ["switches[0].code"],
        "leave it out",
    ),
]


@pytest.mark.parametrize(("name", "more", "said", "hinted"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named_with_its_key_and_fix(name, more, said, hinted):
    with pytest.raises(BadInput) as caught:
        compile_world(scenario(**more))
    for words in said:
        assert words in caught.value.detail
    assert hinted in caught.value.hint + caught.value.detail


def assumed(name):
    return {"id": name, "text": "so", "source": "assumed", "confidence": "low", "enabled": False}


def without(**more):
    """What is left with the assumption "guess" off."""
    return scenario(assumptions=[assumed("guess")], **more).in_force()


def test_a_plan_that_is_left_out_leaves_its_groups_without_one():
    left = without(
        plans=[{"name": "mine", "ocean": False, "assumption": "guess"}],
        terminals=[group("ship", SEA, plan="mine")],
    )
    assert (left.plans, left.terminals[0].plan) == ((), "")


def test_a_list_whose_groups_are_all_left_out_goes_and_others_keep_the_rest():
    lists = [
        {"name": "a", "effect": "block", "groups": ["kyiv"]},
        {"name": "b", "effect": "block", "groups": ["kyiv", "lviv"]},
        {"name": "c", "effect": "allow", "countries": ["UA"]},
    ]
    left = without(lists=lists, terminals=[group("kyiv", KYIV, assumption="guess"), group("lviv", LVIV)])
    assert [(one.name, one.groups) for one in left.lists] == [("b", ("lviv",)), ("c", ())]


def test_a_child_of_an_area_that_is_left_out_goes_up_to_the_next():
    middle = {"name": "middle", "country": "UA", "parent": "land", "assumption": "guess"}
    left = without(areas=[LAND, middle, {**TOWN, "parent": "middle"}])
    assert [(area.name, area.parent) for area in left.areas] == [("land", ""), ("town", "land")]


def test_who_visits_a_cell_is_at_home_there_without_a_plan_and_on_no_list():
    lists = [{"name": "ua", "effect": "allow", "groups": ["kyiv"], "countries": ["UA"]}]
    plans = [{"name": "mine", "roaming": "home", "max_distance_km": 1.0}]
    w = compile_world(
        scenario(
            plans=plans, lists=lists, terminals=[group("kyiv", KYIV, plan="mine"), group("warsaw", WARSAW)]
        )
    )
    rules = w.rules_at(w.first_slot)
    for row, expected in ((0, "list/ua"), (1, "")):
        _, rule = rules.decide(w.visitors(int(w.terminal_cell[row])))
        assert {rules.rule_ids[r] for r in rule} == {expected}
