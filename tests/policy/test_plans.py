"""A plan's limits hold for the lines that have it, measured from each line's own address."""

import numpy as np
import pytest

from openleo.policy import (
    DisablementCode,
    Line,
    Lines,
    LineStatus,
    Plan,
    line_rules,
    make_rules,
    plan_rules,
)

COUNTRIES, ACCOUNTS, PLANS = ("PL", "RU", "UA"), ("aid",), ("", "mine", "other")
CODE = DisablementCode
TOO_FAST, SANDBOXED = CODE.MOVING_TOO_FAST_FOR_POLICY, CODE.DATA_OVERAGE_SANDBOX_POLICY
KYIV, LVIV = (50.45, 30.52), (49.84, 24.03)


def told(plan, *, country="UA", place=KYIV, speed=0.0, cell=1, version=7, over=False, line=None):
    """What a plan says to a line for Kyiv, or another."""
    plans = () if plan is None else plan_rules(plan)
    rules = make_rules(
        [*plans, *line_rules()], account_names=ACCOUNTS, country_names=COUNTRIES, plan_names=PLANS
    )
    here = Line(account="aid", plan="mine", latitude_deg=KYIV[0], longitude_deg=KYIV[1], country="UA")
    lines = Lines.of(
        [here if line is None else line], account_names=ACCOUNTS, country_names=COUNTRIES, plan_names=PLANS
    )
    subjects = lines.subjects(
        cell=np.array([cell], np.uint64),
        country=np.array([COUNTRIES.index(country) if country else -1], np.int16),
        speed_m_s=np.array([speed], np.float32),
        place_deg=(np.array([place[0]]), np.array([place[1]])),
        version=np.array([version], np.uint32),
        over_data=np.array([over]),
    )
    code, rule = rules.decide(subjects)
    return CODE(code[0]), rules.rule_ids[rule[0]]


OTHER = Line(account="aid", plan="other", country="UA")
NO_ADDRESS = Line(account="aid", plan="mine")
ROAM, TO_POLAND = Plan(name="mine", roaming=()), Plan(name="mine", roaming=("PL",))
FLY = Plan(name="mine", max_speed_m_s=300.0, flyover_m_s=100.0, flyover_countries=("PL",))
FAR = Plan(name="mine", max_distance_m=400e3)
CASES = [
    ("no limit", Plan(name="mine"), {"speed": 900.0, "country": ""}, "", CODE.OKAY),
    ("at the speed", Plan(name="mine", max_speed_m_s=10.0), {"speed": 10.0}, "", CODE.OKAY),
    ("over it", Plan(name="mine", max_speed_m_s=10.0), {"speed": 10.1}, "speed", TOO_FAST),
    ("another plan", Plan(name="mine", max_speed_m_s=10.0), {"speed": 99.0, "line": OTHER}, "", CODE.OKAY),
    ("at sea", Plan(name="mine", ocean=False), {"country": ""}, "ocean", CODE.IN_OCEAN),
    ("on land", Plan(name="mine", ocean=False), {"country": "PL"}, "", CODE.OKAY),
    ("at home", ROAM, {}, "", CODE.OKAY),
    ("abroad", ROAM, {"country": "PL"}, "roaming", CODE.ROAM_RESTRICTED),
    ("at sea, where roaming is not asked", ROAM, {"country": ""}, "", CODE.OKAY),
    ("abroad without an address", ROAM, {"line": NO_ADDRESS}, "roaming", CODE.ROAM_RESTRICTED),
    ("position unknown", ROAM, {"country": "PL", "cell": 0}, "", CODE.OKAY),
    ("listed abroad", TO_POLAND, {"country": "PL"}, "", CODE.OKAY),
    ("unlisted abroad", TO_POLAND, {"country": "RU"}, "roaming", CODE.ROAM_RESTRICTED),
    ("home though unlisted", TO_POLAND, {}, "", CODE.OKAY),
    ("slow over a listed country", FLY, {"country": "PL", "speed": 90.0}, "", CODE.OKAY),
    ("fast over it", FLY, {"country": "PL", "speed": 200.0}, "flyover", CODE.UNDER_AVIATION_FLYOVER_LIMITS),
    ("fast over another", FLY, {"country": "UA", "speed": 200.0}, "", CODE.OKAY),
    ("too fast anywhere", FLY, {"country": "PL", "speed": 301.0}, "speed", TOO_FAST),
    ("468 km from its address", FAR, {"place": LVIV}, "distance", CODE.TOO_FAR_FROM_SERVICE_ADDRESS),
    ("468 of 470 km", Plan(name="mine", max_distance_m=470e3), {"place": LVIV}, "", CODE.OKAY),
    ("no address to be far from", FAR, {"place": LVIV, "line": NO_ADDRESS}, "", CODE.OKAY),
    ("data used up", Plan(name="mine", sandboxes=True), {"over": True}, "data", SANDBOXED),
    ("data left", Plan(name="mine", sandboxes=True), {}, "", CODE.OKAY),
    ("old software", Plan(name="mine", min_version=8), {}, "version", CODE.UNSUPPORTED_VERSION),
    ("new enough", Plan(name="mine", min_version=7), {}, "", CODE.OKAY),
    ("software unknown", Plan(name="mine", min_version=8), {"version": 0}, "", CODE.OKAY),
]  # fmt: skip


@pytest.mark.parametrize(("name", "plan", "how", "rule", "code"), CASES, ids=[c[0] for c in CASES])
def test_a_plan_says_where_and_how_it_is_served(name, plan, how, rule, code):
    assert told(plan, **how) == (code, f"plan/mine/{rule}" if rule else "")


def test_without_an_active_line_nobody_is_served():
    disabled = Line(account="aid", plan="mine", status=LineStatus.DISABLED)
    assert told(None, line=disabled) == (CODE.ACCOUNT_DISABLED, "line/disabled")
    lines = Lines.of([None], account_names=ACCOUNTS, country_names=COUNTRIES, plan_names=PLANS)
    subjects = lines.subjects(
        cell=np.ones(1, np.uint64), country=np.zeros(1, np.int16), speed_m_s=np.zeros(1, np.float32)
    )
    rules = make_rules(line_rules(), account_names=ACCOUNTS, country_names=COUNTRIES)
    assert rules.decide(subjects)[0].tolist() == [CODE.NO_ACTIVE_ACCOUNT]


def test_a_rule_of_a_plan_says_so_in_words():
    (text,) = [
        rule.describe() for rule in plan_rules(Plan(name="mine", max_distance_m=400e3, why="contract"))
    ]
    for words in (
        "plan/mine/distance",
        "has plan mine",
        "more than 400 km from its service address",
        "contract",
    ):
        assert words in text
