"""Allow-lists add up, block-lists cut, and each list holds in its own slots."""

import numpy as np
import pytest

from openleo.policy import AccessList, DisablementCode, Subjects, flatten_lists, list_rules, make_rules

COUNTRIES, ACCOUNTS = ("PL", "RU", "UA"), ("army", "aid")
PL, RU, UA, SEA = 0, 1, 2, -1
NONE, OUT, OK = DisablementCode.NO_ACTIVE_ACCOUNT, DisablementCode.ACCOUNT_DISABLED, DisablementCode.OKAY


def listed(name, effect, *terminals, **more):
    return AccessList(id=name, effect=effect, terminals=np.array(sorted(terminals), np.uint32), **more)


def told(lists, *rows, slot=0):
    """The rule for each (terminal, country, account)."""
    rules = make_rules(flatten_lists(lists, slot), account_names=ACCOUNTS, country_names=COUNTRIES)
    terminal, country, account = zip(*rows, strict=True)
    subjects = Subjects(
        cell=np.ones(len(rows), np.uint64),
        country=np.array(country, np.int16),
        account=np.array([ACCOUNTS.index(a) for a in account], np.uint16),
        speed_m_s=np.zeros(len(rows), np.float32),
        terminal=np.array(terminal, np.uint32),
    )
    return [(DisablementCode(c), rules.rule_ids[r]) for c, r in zip(*rules.decide(subjects), strict=True)]


def test_on_an_allow_list_of_a_country_only_those_on_it_are_served_there():
    lists = [listed("ua", "allow", 3, 5, countries=("UA",), accounts=("army",))]
    served, refused = (OK, ""), (NONE, "list/ua")
    rows = [
        (3, UA, "aid"),
        (4, UA, "aid"),
        (900, UA, "aid"),
        (4, UA, "army"),
        (4, PL, "aid"),
        (4, SEA, "aid"),
    ]
    assert told(lists, *rows) == [served, refused, refused, served, served, served]


def test_allow_lists_of_one_country_add_up_and_one_for_everywhere_counts_in_each():
    lists = [
        listed("a", "allow", 1, countries=("UA",)),
        listed("b", "allow", 2, countries=("UA", "PL")),
        listed("all", "allow", 9),
    ]
    assert [told(lists, (1, c, "aid"))[0][1] for c in (UA, PL, RU, SEA)] == [
        "",
        "list/b+all",
        "list/all",
        "list/all",
    ]
    assert [told(lists, (2, c, "aid"))[0][1] for c in (UA, PL, RU, SEA)] == ["", "", "list/all", "list/all"]
    assert {told(lists, (9, c, "aid"))[0] for c in (UA, PL, RU, SEA)} == {(OK, "")}
    assert told(lists, (7, UA, "aid")) == [(NONE, "list/a+b+all")]


def test_an_allow_list_with_nobody_on_it_refuses_all():
    assert told([listed("none", "allow")], (0, UA, "aid")) == [(NONE, "list/none")]


def test_a_block_list_cuts_its_terminals_and_its_accounts():
    lists = [listed("stolen", "block", 2, 4, accounts=("army",), why="stolen")]
    assert told(lists, (2, UA, "aid"), (3, UA, "army"), (3, UA, "aid")) == [
        (OUT, "list/stolen"), (OUT, "list/stolen/accounts"), (OK, ""),
    ]  # fmt: skip
    assert "why: stolen" in flatten_lists(lists, 0)[0].describe()
    only_accounts = AccessList(id="unpaid", effect="block", accounts=("aid",), countries=("UA",))
    assert told([only_accounts], (2, UA, "aid"), (2, PL, "aid")) == [(OUT, "list/unpaid"), (OK, "")]


def test_a_blocked_terminal_is_cut_even_where_an_allow_list_has_it():
    lists = [listed("ua", "allow", 2, countries=("UA",)), listed("out", "block", 2)]
    assert told(lists, (2, UA, "aid")) == [(OUT, "list/out")]


@pytest.mark.parametrize(("slot", "rule"), [(9, ""), (10, "list/out"), (19, "list/out"), (20, "")])
def test_a_list_holds_in_its_slots(slot, rule):
    lists = [listed("out", "block", 2, from_slot=10, until_slot=20)]
    assert told(lists, (2, UA, "aid"), slot=slot)[0][1] == rule


def test_lists_over_time_change_only_where_they_change():
    lists = [
        listed("a", "allow", 1, countries=("UA",)),
        listed("b", "allow", 2, countries=("UA",), from_slot=10),
        listed("out", "block", 2),
    ]
    found = {(t.rule.id, t.from_slot, t.until_slot) for t in list_rules(lists, (0, 20))}
    assert found == {("list/a", 0, 10), ("list/a+b", 10, None), ("list/out", 0, None)}
