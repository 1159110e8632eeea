"""A tree of areas: the most specific decides, off wins between strangers, and the rule names who decided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.policy import (
    Area,
    AreaKind,
    DisablementCode,
    Subjects,
    Switch,
    area_rules,
    flatten,
    make_rules,
    timeline,
)

ON, OFF, INHERIT = Switch.ON, Switch.OFF, Switch.INHERIT
ACCOUNTS = ("army", "aid")
CELL_OFF = DisablementCode.CELL_IS_DISABLED


def area(name, cells, switch=INHERIT, parent="", **more):
    return Area(id=name, cells=np.array(sorted(cells), np.uint64), switch=switch, parent=parent, **more)


def told(areas, cells, *, account="aid", slot=0, **how):
    """The id of the rule that decides in each cell, '' where none does."""
    rules = make_rules(flatten(areas, slot, **how), account_names=ACCOUNTS, country_names=())
    count = len(cells)
    subjects = Subjects(
        cell=np.array(cells, np.uint64),
        country=np.full(count, -1, np.int16),
        account=np.full(count, ACCOUNTS.index(account), np.uint16),
        speed_m_s=np.zeros(count, np.float32),
    )
    return [rules.rule_ids[r] for r in rules.decide(subjects)[1]]


LAND = area("land", range(1, 10), OFF)
CASES = {
    "an area that is off": ([LAND], [1, 9, 10], ["area/land", "area/land", ""]),
    "an area that is on": ([area("land", [1], ON)], [1], [""]),
    "an area that says nothing": ([area("land", [1])], [1], [""]),
    "a child that inherits": ([LAND, area("town", [2], parent="land")], [1, 2], ["area/land"] * 2),
    "a child that is on in a parent that is off": (
        [LAND, area("town", [2], ON, "land")], [1, 2], ["area/land", ""],
    ),
    "a child that is off names itself": (
        [LAND, area("town", [2], OFF, "land")], [1, 2], ["area/land", "area/town"],
    ),
    "the nearest switch above counts": (
        [LAND, area("town", [2, 3], ON, "land"), area("street", [3], parent="town")], [1, 2, 3],
        ["area/land", "", ""],
    ),
    "a grandchild off in a child on in a parent off": (
        [LAND, area("town", [2, 3], ON, "land"), area("street", [3], OFF, "town")], [1, 2, 3],
        ["area/land", "", "area/street"],
    ),
    "a child reaches beyond its parent": (
        [LAND, area("coast", [9, 10], parent="land")], [9, 10], ["area/land", "area/land"],
    ),
    "between strangers off wins": (
        [area("a", [1, 2], ON), area("b", [2, 3], OFF)], [1, 2, 3], ["", "area/b", "area/b"],
    ),
    "between siblings off wins": (
        [area("land", [1, 2, 3], ON), area("a", [1, 2], ON, "land"), area("b", [2], OFF, "land")], [1, 2, 3],
        ["", "area/b", ""],
    ),
    "of two that are off the first in the alphabet is named": (
        [area("b", [1], OFF), area("a", [1], OFF)], [1], ["area/a"],
    ),
    "a vendor's area gives no rule": ([area("land", [1], OFF, kind=AreaKind.ADVISORY)], [1], [""]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_in_each_cell_the_most_specific_areas_decide(name):
    areas, cells, expected = CASES[name]
    assert told(areas, cells) == expected
    assert told(areas[::-1], cells) == expected


def test_accounts_that_are_excepted_are_served_where_that_switch_decides():
    areas = [
        area("land", [1, 2, 3], OFF, except_accounts=("army",)),
        area("town", [2], parent="land"),
        area("street", [3], OFF, "land"),
    ]
    assert told(areas, [1, 2, 3], account="army") == ["", "", "area/street"]
    assert told(areas, [1, 2, 3]) == ["area/land", "area/land", "area/street"]


DENIED = "areas/elsewhere"


def test_by_default_nobody_is_served_where_no_switched_area_is():
    areas = [
        area("land", [1, 2], ON), area("off", [3], OFF, except_accounts=("army",)), area("undecided", [4]),
        area("town", [2, 5], parent="land"),
    ]  # fmt: skip
    cells = [1, 2, 3, 4, 5, 6]
    assert told(areas, cells, default_deny=True) == ["", "", "area/off", DENIED, "", DENIED]
    assert told(areas, cells, account="army", default_deny=True) == ["", "", "", DENIED, "", DENIED]
    assert told([], [1, 0], default_deny=True) == [DENIED, ""]


def test_an_area_outside_its_spell_is_not_there_and_its_children_inherit_through_it():
    areas = [
        LAND,
        area("town", [2, 3], ON, "land", from_slot=10, until_slot=20),
        area("street", [3], parent="town"),
    ]
    for slot, expected in ((9, ["area/land"] * 2), (10, ["", ""]), (19, ["", ""]), (20, ["area/land"] * 2)):
        assert told(areas, [2, 3], slot=slot) == expected


def test_an_area_may_come_again_for_another_spell_and_off_wins_within_it():
    areas = [
        area("land", [1, 2]),
        area("land", [1, 2], ON, until_slot=30),
        area("land", [1, 2], OFF, from_slot=10, until_slot=20, rule_id="switch/night"),
    ]
    assert [told(areas, [1], slot=slot)[0] for slot in (9, 10, 19, 20)] == [
        "",
        "switch/night",
        "switch/night",
        "",
    ]


@pytest.mark.parametrize(
    ("areas", "match"),
    [
        ([area("a", [1], parent="b")], "under 'b', which is not there"),
        ([area("a", [1], parent="b"), area("b", [1], parent="a")], "above each other: a, b"),
        ([area("a", [1], parent="a")], "above each other: a"),
        ([area("a", [1]), area("b", [1]), area("a", [1], parent="b")], "under '' and under 'b'"),
    ],
)
def test_what_is_not_a_tree_is_refused(areas, match):
    with pytest.raises(ValueError, match=match):
        flatten(areas, 0)


def test_rules_of_a_tree_stand_over_time_for_as_long_as_they_stay_the_same():
    areas = [LAND, area("town", [2], ON, "land", from_slot=10, until_slot=20), area("far", [50], OFF)]
    found = [(t.rule.id, t.from_slot, t.until_slot, len(t.rule.cells)) for t in area_rules(areas, (5, 30))]
    assert sorted(found, key=lambda f: f[:2]) == [
        ("area/far", 5, None, 1), ("area/land", 5, 10, 9), ("area/land", 10, 20, 8),
        ("area/land", 20, None, 9),
    ]  # fmt: skip
    entries = timeline(area_rules(areas, (5, 30)), (5, 30), account_names=ACCOUNTS, country_names=())
    assert [slot for slot, _ in entries] == [5, 10, 20]


CODES = st.sampled_from([DisablementCode.BLOCKED_AREA, CELL_OFF])
TREE = st.lists(
    st.tuples(
        st.integers(0, 8), st.sets(st.integers(1, 6)), st.sampled_from(Switch), CODES,
        st.sampled_from([(), ("aid",), ("army",)]),
    ), max_size=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(TREE, st.sampled_from(ACCOUNTS), st.booleans())
def test_the_flat_rules_say_what_asking_cell_by_cell_does(drawn, account, deny):
    """Area n is under one of those before it, or under none."""
    areas = [
        area(str(n), cells, switch, str(up - 1) if 0 < up <= n else "", code=code, except_accounts=spared)
        for n, (up, cells, switch, code, spared) in enumerate(drawn)
    ]
    assert told(areas, range(1, 8), account=account, default_deny=deny) == [
        asked(areas, cell, account, deny) for cell in range(1, 8)
    ]


def asked(areas, cell, account, deny):
    by_id = {a.id: a for a in areas}

    def line(a):
        while a is not None:
            yield a
            a = by_id.get(a.parent)

    holding = [a for a in areas if cell in a.cells.tolist()]
    above = {up.id for a in holding for up in list(line(a))[1:]}
    deciders = [
        next((up for up in line(a) if up.switch is not INHERIT), None) for a in holding if a.id not in above
    ]
    off = [d for d in deciders if d and d.switch is OFF and account not in d.except_accounts]
    if off:
        return f"area/{min(off, key=lambda d: (d.code is CELL_OFF, d.id)).id}"
    return DENIED if deny and not any(deciders) else ""
