"""A decision is the first matching rule in the documented order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.policy import By, DisablementCode, Rule, Rules, Subjects, decide_reference, make_rules

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


NAMES = st.lists(st.sampled_from(ACCOUNTS), unique=True, max_size=2).map(tuple)
CELLS = st.sets(st.integers(1, 9), min_size=1, max_size=6).map(lambda s: cells(*s))
PLACES = st.lists(st.sampled_from((*COUNTRIES, "sea")), unique=True, max_size=3).map(tuple)
AREA_CODES = (CODE.BLOCKED_AREA, CODE.CELL_IS_DISABLED, CODE.ROAM_RESTRICTED)
COMMON = {"id": st.just(""), "except_accounts": NAMES, "withdrawn": st.booleans()}
SPEED_CODE = CODE.MOVING_TOO_FAST_FOR_POLICY
RULE = st.one_of(
    st.builds(Rule, by=st.just(By.AREA), code=st.sampled_from(AREA_CODES), cells=CELLS, **COMMON),
    st.builds(
        Rule, by=st.just(By.COUNTRY), code=st.just(CODE.BLOCKED_COUNTRY), countries=PLACES,
        elsewhere=st.booleans(), **COMMON,
    ),
    st.builds(Rule, by=st.just(By.ACCOUNT), code=st.just(CODE.ACCOUNT_DISABLED), accounts=NAMES, **COMMON),
    st.builds(
        Rule, by=st.just(By.SPEED), code=st.just(SPEED_CODE), over_m_s=st.sampled_from([0.0, 10.0, 27.7]),
        cells=st.none() | CELLS, countries=st.none() | PLACES, elsewhere=st.booleans(),
        kinds=st.none() | st.just((1, 2)), **COMMON,
    ),
    st.builds(Rule, id=st.just(""), by=st.just(By.LOCATION), code=st.just(CODE.UNKNOWN_LOCATION)),
)  # fmt: skip
SUBJECT = st.tuples(
    st.integers(0, 10), st.sampled_from((*COUNTRIES, "")), st.sampled_from(ACCOUNTS),
    st.sampled_from([0.0, 5.0, 10.0, 27.7, 27.8]), st.integers(0, 3),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(RULE, max_size=6), st.lists(SUBJECT, min_size=1, max_size=12))
def test_the_fast_decision_agrees_with_asking_every_rule_in_turn(drawn, rows):
    built = rules_of(*(_named(rule, n) for n, rule in enumerate(drawn)))
    got, expected = built.decide(subjects(*rows)), decide_reference(built, subjects(*rows))
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


def _named(rule: Rule, n: int) -> Rule:
    from dataclasses import replace

    return replace(rule, id=f"r{n}")
