"""Rules over time change in the slots in which something begins or ends, and in no other."""

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.policy import By, DisablementCode, Rule, TimedRule, timeline
from openleo.policy.timeline import timed

NAMES = {"account_names": ("aid",), "country_names": ("UA",)}


def off(name, *cells):
    return Rule(id=name, by=By.AREA, code=DisablementCode.BLOCKED_AREA, cells=np.array(cells, np.uint64))


def entries(*spells, slots=(10, 20)):
    rules = [TimedRule(rule=off(name, 1), from_slot=a, until_slot=b) for name, a, b in spells]
    return [(slot, rules.rule_ids[1:]) for slot, rules in timeline(rules, slots, **NAMES)]


@pytest.mark.parametrize(
    ("name", "spells", "expected"),
    [
        ("nothing", [], [(10, ())]),
        ("for ever", [("a", None, None)], [(10, ("a",))]),
        ("from within", [("a", 12, None)], [(10, ()), (12, ("a",))]),
        ("until within", [("a", None, 12)], [(10, ("a",)), (12, ())]),
        ("from the first slot", [("a", 10, None)], [(10, ("a",))]),
        ("in the last slot", [("a", 20, None)], [(10, ()), (20, ("a",))]),
        ("after the last slot", [("a", 21, None)], [(10, ())]),
        ("before the first slot", [("a", 2, 10)], [(10, ())]),
        ("one after the other", [("a", None, 15), ("b", 15, None)], [(10, ("a",)), (15, ("b",))]),
        ("one id in two spells", [("a", None, 12), ("a", 15, None)], [(10, ("a",)), (12, ()), (15, ("a",))]),
    ],
)
def test_rules_change_where_a_spell_begins_or_ends(name, spells, expected):
    assert entries(*spells) == expected


def test_two_rules_of_one_id_in_one_slot_are_refused():
    with pytest.raises(BadInput, match="two rules have the id 'a'"):
        entries(("a", None, 12), ("a", 11, None))
    with pytest.raises(BadInput, match="two rules have the id 'a'"):
        timed(lambda _: [off("a", 1), off("a", 2)], [], (10, 20))


def test_a_rule_that_stays_the_same_is_one_rule_and_one_whose_cells_change_is_two():
    found = timed(lambda slot: [off("same", 1), off("grows", *range(1, 2 + slot // 15))], [13, 15], (10, 20))
    assert {(t.rule.id, t.from_slot, t.until_slot) for t in found} == {
        ("same", 10, None), ("grows", 10, 15), ("grows", 15, None)
    }  # fmt: skip
