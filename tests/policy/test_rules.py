"""A decision is the first matching rule in the documented order."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.policy import By, DisablementCode, Rule, Rules, Subjects, make_rules

ACCOUNTS = ("army", "aid", "shop")
COUNTRIES = ("PL", "RU", "UA")
CODE = DisablementCode


def cells(*numbers):
    return np.array(sorted(numbers), np.uint64)


def subjects(*rows):
    """Rows of (cell, country, account, speed, kind)."""
    cell, country, account, speed, kind = zip(*rows, strict=True)
    return Subjects(
        cell=np.array(cell, np.uint64),
        country=np.array([COUNTRIES.index(c) if c else -1 for c in country], np.int16),
        account=np.array([ACCOUNTS.index(a) for a in account], np.uint16),
        speed_m_s=np.array(speed, np.float32),
        kind=np.array(kind, np.uint8),
    )


def rules_of(*rules) -> Rules:
    return make_rules(rules, account_names=ACCOUNTS, country_names=COUNTRIES)


OFF_AREA = Rule(id="area-off", by=By.AREA, code=CODE.CELL_IS_DISABLED, cells=cells(5, 7))
BLOCKED = Rule(id="blocked", by=By.AREA, code=CODE.BLOCKED_AREA, cells=cells(7, 9), except_accounts=("army",))
NO_COUNTRY = Rule(id="ru", by=By.COUNTRY, code=CODE.BLOCKED_COUNTRY, countries=("RU",))
ONLY = Rule(
    id="only", by=By.COUNTRY, code=CODE.BLOCKED_COUNTRY, countries=("PL", "UA", "sea"), elsewhere=True
)
OCEAN = Rule(id="ocean", by=By.COUNTRY, code=CODE.IN_OCEAN, countries=("sea",))
UNPAID = Rule(id="unpaid", by=By.ACCOUNT, code=CODE.ACCOUNT_DISABLED, accounts=("shop",))
LOST = Rule(id="lost", by=By.LOCATION, code=CODE.UNKNOWN_LOCATION)
FAST = Rule(id="fast", by=By.SPEED, code=CODE.MOVING_TOO_FAST_FOR_POLICY, over_m_s=20.0)
FAST_KIND = Rule(id="kind", by=By.SPEED, code=CODE.MOVING_TOO_FAST_FOR_POLICY, over_m_s=1.0, kinds=(3,))
CUT = Rule(id="cut", by=By.AREA, code=CODE.CELL_IS_DISABLED, cells=cells(7), withdrawn=True)


@pytest.mark.parametrize(
    ("name", "rules", "subject", "rule"),
    [
        ("nothing matches", [OFF_AREA], (1, "UA", "aid", 0, 0), ""),
        ("a cell that is off", [OFF_AREA], (5, "UA", "aid", 0, 0), "area-off"),
        ("blocked comes before off", [OFF_AREA, BLOCKED], (7, "UA", "aid", 0, 0), "blocked"),
        ("an excepted account falls to the next", [OFF_AREA, BLOCKED], (7, "UA", "army", 0, 0), "area-off"),
        ("an excepted account is served", [OFF_AREA, BLOCKED], (9, "UA", "army", 0, 0), ""),
        ("a country comes before an area", [BLOCKED, NO_COUNTRY], (9, "RU", "aid", 0, 0), "ru"),
        ("an allow list blocks the others", [ONLY], (1, "RU", "aid", 0, 0), "only"),
        ("an allow list lets its own pass", [ONLY], (1, "UA", "aid", 0, 0), ""),
        ("the sea is no country", [ONLY, OCEAN], (1, "", "aid", 0, 0), "ocean"),
        ("an account comes before places", [NO_COUNTRY, UNPAID], (1, "RU", "shop", 0, 0), "unpaid"),
        ("no position, no rule about places", [NO_COUNTRY, LOST], (0, "RU", "aid", 0, 0), "lost"),
        ("at the limit is allowed", [FAST], (1, "UA", "aid", 20.0, 0), ""),
        ("over the limit is not", [FAST], (1, "UA", "aid", 20.1, 0), "fast"),
        ("places come before speed", [FAST, OFF_AREA], (5, "UA", "aid", 30, 0), "area-off"),
        ("a limit for one kind", [FAST_KIND], (1, "UA", "aid", 2, 3), "kind"),
        ("a limit for another kind", [FAST_KIND], (1, "UA", "aid", 2, 4), ""),
        ("the provider's cut comes before all", [CUT, UNPAID, BLOCKED], (7, "UA", "shop", 0, 0), "cut"),
    ],
)
def test_the_first_rule_in_the_order_of_precedence_decides(name, rules, subject, rule):
    built = rules_of(*rules)
    code, index = built.decide(subjects(subject))
    assert built.rule_ids[index[0]] == rule, name
    expected = next((r.code for r in rules if r.id == rule), CODE.OKAY)
    assert code[0] == expected


def test_codes_have_the_numbers_of_the_terminals_api(test_data):
    text = (test_data / "dish" / "interface.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("- **UtDisablementCode**"))
    real = {k: int(v) for k, v in (item.split("=") for item in line.split(": ")[1].split(", "))}
    assert real == {code.name: code.value for code in CODE}


def test_codes_keep_their_published_numbers():
    assert (CODE.OKAY, CODE.CELL_IS_DISABLED, CODE.BLOCKED_AREA) == (1, 8, 16)


def test_two_rules_with_one_id_are_refused():
    with pytest.raises(BadInput, match="area-off"):
        rules_of(OFF_AREA, OFF_AREA)


def test_a_rule_that_does_not_say_which_area_is_our_mistake():
    with pytest.raises(ValueError, match="does not say which"):
        rules_of(Rule(id="x", by=By.AREA, code=CODE.BLOCKED_AREA))


def test_a_rule_is_described_with_why_source_and_times():
    rule = Rule(
        id="belt", by=By.AREA, code=CODE.CELL_IS_DISABLED, cells=cells(5), area="front", why="press",
        source="FT", since="2022-10-01T00:00:00Z", until="2022-10-09T00:00:00Z", except_accounts=("aid",),
    )  # fmt: skip
    text = rules_of(rule).describe("belt")
    for part in ("CELL_IS_DISABLED", "front", "press", "FT", "2022-10-01", "2022-10-09", "aid"):
        assert part in text
    assert rules_of(rule).describe(0) == "no rule forbids service"


def test_an_unknown_rule_is_named_with_the_nearest():
    with pytest.raises(BadInput) as caught:
        rules_of(OFF_AREA).describe("area-of")
    assert "area-off" in caught.value.hint


def test_a_rule_outside_its_cells_holds_everywhere_else_and_nowhere_without_a_position():
    deny = Rule(id="deny", by=By.AREA, code=CODE.CELL_IS_DISABLED, cells=cells(5, 7), outside=True)
    code, _ = rules_of(deny).decide(subjects(*((c, "UA", "aid", 0, 0) for c in (5, 6, 7, 8, 0))))
    assert code.tolist() == [CODE.OKAY, CODE.CELL_IS_DISABLED, CODE.OKAY, CODE.CELL_IS_DISABLED, CODE.OKAY]


def test_a_rule_outside_no_cells_denies_everything():
    deny = Rule(id="deny", by=By.AREA, code=CODE.CELL_IS_DISABLED, cells=cells(), outside=True)
    assert rules_of(deny).decide(subjects((5, "UA", "aid", 0, 0)))[0][0] == CODE.CELL_IS_DISABLED


def test_subjects_without_a_column_that_a_rule_asks_for_are_refused():
    rules = rules_of(Rule(id="too-far", by=By.PLAN, code=CODE.TOO_FAR_FROM_SERVICE_ADDRESS, beyond_m=1.0))
    with pytest.raises(ValueError, match="rule too-far asks for distance_m"):
        rules.decide(subjects((1, "UA", "aid", 0, 0)))


def test_subjects_of_an_account_that_the_rules_do_not_know_are_refused():
    few = make_rules([], account_names=("army",), country_names=COUNTRIES)
    with pytest.raises(ValueError, match="account 2 is none of the 1"):
        few.decide(subjects((1, "UA", "shop", 0, 0)))
    with pytest.raises(ValueError, match="account 0 is none of the 0"):
        make_rules([], account_names=(), country_names=()).decide(subjects((1, "", "army", 0, 0)))


def test_a_column_of_another_length_is_refused():
    one = subjects((1, "UA", "aid", 0, 0))
    with pytest.raises(ValueError, match="speed_m_s has 2 rows, cell 1"):
        rules_of().decide(replace(one, speed_m_s=np.zeros(2, np.float32)))


def test_a_cell_that_stands_for_no_position_is_in_no_area():
    with pytest.raises(ValueError, match="unknown position"):
        rules_of(Rule(id="x", by=By.AREA, code=CODE.BLOCKED_AREA, cells=cells(0, 1)))


def test_nobody_to_decide_about_is_no_mistake():
    empty = Subjects(
        cell=cells(), country=np.zeros(0, np.int16), account=np.zeros(0, np.uint16),
        speed_m_s=np.zeros(0, np.float32),
    )  # fmt: skip
    assert [len(column) for column in rules_of(OFF_AREA).decide(empty)] == [0, 0]


def test_asking_for_rules_does_not_load_the_compiler():
    program = "import sys, openleo.policy; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
