"""What a control database decided, as rules: who is served where, slot by slot."""

import json
import time
from typing import Any

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.ground.cells import cells_in_circle
from openleo.ground.packed_cells import pack_cells, unpack_cells
from openleo.policy import DisablementCode, Subjects, timeline
from openleo.scenario.decisions import Change, Decisions, Terminals, decided_rules

INSIDE = cells_in_circle(48.0, 35.0, 40e3)
CITY = cells_in_circle(48.0, 35.0, 12e3)
OUTSIDE = cells_in_circle(40.0, 0.0, 20e3)
CODE = DisablementCode


def area(id_: str, cells: Any, switch: str, **more: Any) -> Change:
    columns = {"cells": pack_cells(cells), "switch": switch, "except_accounts": [], "cut_terminals": []}
    return Change(0, "area", id_, 0, {**columns, **more})


def terminal(id_: str, account: str = "red", state: str = "active", **more: Any) -> Change:
    return Change(1, "terminal", id_, 0, {"account_id": account, "state": state, **more})


def account(id_: str, status: str = "active") -> Change:
    return Change(2, "account", id_, 0, {"status": status, "cut_terminals": []})


BASE = (
    area("all", INSIDE, "on"), account("red"), account("blue"), terminal("ut-1"), terminal("ut-2", "blue"),
    terminal("ut-life", "blue", life_critical=True),
)  # fmt: skip
IDS = ("ut-1", "ut-2", "ut-life", "stranger")


def codes(changes: tuple[Change, ...], cell: int, slot: int = 5, denies: bool = True) -> list[str]:
    """Return the code of each of IDS in a cell and a slot of a run from slot 0 to 10."""
    rules = rules_of(changes, slot, denies)
    n = len(IDS)
    code, _ = rules.decide(subjects(np.full(n, cell, np.uint64)))
    return [CODE(c).name for c in code]


def subjects(cells: Any) -> Subjects:
    n = len(IDS)
    return Subjects(
        cell=cells, country=np.zeros(n, np.int16), account=np.zeros(n, np.uint16),
        speed_m_s=np.zeros(n, np.float32), terminal=np.arange(n, dtype=np.uint32),
    )  # fmt: skip


def rules_of(changes: tuple[Change, ...], slot: int, denies: bool) -> Any:
    decisions = Decisions(denies=denies, origin="test/log", changes=changes)
    who = Terminals(ids=IDS, accounts=["scenario"] * len(IDS))
    found = timeline(
        decided_rules(decisions, who, (0, 10)), (0, 10), account_names=["scenario"], country_names=["UA"]
    )
    return [rules for at, rules in found if at <= slot][-1]


OK = "OKAY"
OFF = Change(3, "area", "all", 5, {"switch": "off"})


@pytest.mark.parametrize(
    ("changes", "cell", "expected"),
    [
        ((), INSIDE[0], [OK, OK, OK, "NO_ACTIVE_ACCOUNT"]),
        ((), OUTSIDE[0], ["CELL_IS_DISABLED"] * 3 + ["NO_ACTIVE_ACCOUNT"]),
        ((OFF,), INSIDE[0], ["CELL_IS_DISABLED"] * 2 + [OK, "NO_ACTIVE_ACCOUNT"]),
        (
            (OFF, Change(4, "area", "all", 5, {"cut_terminals": ["ut-life"]})), INSIDE[0],
            ["CELL_IS_DISABLED"] * 3 + ["NO_ACTIVE_ACCOUNT"],
        ),
        (
            (OFF, Change(4, "area", "all", 5, {"except_accounts": ["blue"]})), INSIDE[0],
            ["CELL_IS_DISABLED", OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
        ((OFF, area("city", CITY, "on", parent_id="all")), CITY[0], [OK, OK, OK, "NO_ACTIVE_ACCOUNT"]),
        (
            (area("city", CITY, "off", parent_id="all"),), CITY[0],
            ["CELL_IS_DISABLED"] * 2 + [OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(5, "account", "blue", 3, {"status": "disabled"}),), INSIDE[0],
            [OK, "ACCOUNT_DISABLED", OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(5, "terminal", "ut-1", 5, {"state": "revoked"}),), INSIDE[0],
            ["ACCOUNT_DISABLED", OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(5, "terminal", "ut-1", 6, {"state": "revoked"}),), INSIDE[0],  # a slot too late
            [OK, OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(5, "terminal", "ut-1", 5, {"state": "suspended"}),), INSIDE[0],
            ["NO_ACTIVE_ACCOUNT", OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (
                Change(6, "line", "l-1", 0, {"account_id": "red", "status": "paused"}),
                Change(7, "terminal", "ut-1", 0, {"line_id": "l-1"}),
            ), INSIDE[0], ["NO_ACTIVE_ACCOUNT", OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(8, "list", "lost", 0, {"kind": "block", "accounts": [], "terminals": ["ut-2"]}),),
            INSIDE[0], [OK, "ACCOUNT_DISABLED", OK, "NO_ACTIVE_ACCOUNT"],
        ),
        (
            (Change(8, "list", "ours", 0, {"kind": "allow", "country": "UA", "accounts": ["blue"],
                                           "terminals": []}),),
            INSIDE[0], ["NO_ACTIVE_ACCOUNT", OK, OK, "NO_ACTIVE_ACCOUNT"],
        ),
    ],
)  # fmt: skip
def test_who_is_served_in_slot_five_of_a_network_that_denies_by_default(changes, cell, expected):
    assert codes((*BASE, *changes), cell) == expected


def test_a_network_that_does_not_deny_serves_what_no_decision_is_about():
    assert codes(BASE, OUTSIDE[0], denies=False) == [OK] * 4
    assert codes((*BASE, OFF), INSIDE[0], denies=False)[3] == "CELL_IS_DISABLED"


def test_an_area_acts_in_its_validity_alone():
    spell = Change(3, "area", "all", 0, {"valid_from_slot": 2, "valid_until_slot": 5})
    served = [codes((*BASE, spell), INSIDE[0], slot)[0] == OK for slot in range(10)]
    assert served == [False, False, True, True, True, False, False, False, False, False]


def test_a_plan_forbids_its_terminals_what_it_says():
    changes = (
        Change(3, "plan", "still", 0, {"max_speed_kmh": 36.0, "ocean": True}),
        Change(4, "line", "l-1", 0, {"account_id": "red", "plan_id": "still", "status": "active"}),
        Change(5, "terminal", "ut-1", 0, {"line_id": "l-1"}),
    )
    rules = rules_of((*BASE, *changes), 5, True)
    fast = subjects(np.full(4, INSIDE[0], np.uint64))
    fast.speed_m_s[:] = 11.0
    code, rule = rules.decide(fast)
    assert [CODE(c).name for c in code[:2]] == ["MOVING_TOO_FAST_FOR_POLICY", OK]
    assert "entry 3 of the log test/log" in rules.describe(int(rule[0]))


def test_a_rule_about_terminals_names_the_entries_that_put_them_there():
    def source(*changes: Change) -> str:
        rules = rules_of((*BASE, *changes), 5, True)
        return {rule.id: rule.source for rule in rules.rules}["terminal/revoked"]

    gone = [Change(10 + n, "terminal", f"ut-{n}", 0, {"state": "revoked"}) for n in (1, 2)]
    renamed = Change(20, "terminal", "ut-1", 0, {"account_id": "blue"})
    assert source(gone[0], renamed) == "entry 11 of the log test/log"
    assert source(*gone) == "entries 11, 12 of the log test/log"


def test_ten_thousand_lines_on_one_plan_take_no_minute():
    count = range(10_000)
    lines = [Change(2, "line", f"l-{n}", 0, {"account_id": "red", "plan_id": "still"}) for n in count]
    on_them = [terminal(f"ut-{n}", line_id=f"l-{n}") for n in count]
    plan = Change(1, "plan", "still", 0, {"max_speed_kmh": 36.0})
    decisions = Decisions(denies=True, origin="t", changes=(account("red"), plan, *lines, *on_them))
    who = Terminals(ids=[f"ut-{n}" for n in count], accounts=["red"] * len(count))
    began = time.perf_counter()
    found = decided_rules(decisions, who, (0, 10))
    assert time.perf_counter() - began < 5  # all pairs would take a minute
    [still] = [one.rule for one in found if one.rule.terminals is not None and one.rule.over_m_s]
    assert len(still.terminals) == len(count)


def test_decisions_read_back_and_what_is_none_is_named(tmp_path):
    decisions = Decisions(denies=True, origin="test/log", changes=BASE)
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(decisions.plain()))
    assert Decisions.read(path).changes == BASE
    for wrong in ("{}", "[]", "nonsense", '{"format": "openleo-decisions/v1", "changes": [[1]]}'):
        path.write_text(wrong)
        with pytest.raises(BadInput, match=r"decisions\.json"):
            Decisions.read(path)


def test_cells_pack_and_unpack():
    assert np.array_equal(unpack_cells(pack_cells(INSIDE)), INSIDE)
    assert len(unpack_cells(pack_cells(INSIDE[:0]))) == 0
    with pytest.raises(BadInput):
        unpack_cells("no base64!")
