"""The compiled decision agrees with asking every rule in turn."""

from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openleo.policy import (
    By,
    DisablementCode,
    LineStatus,
    Rule,
    Subjects,
    decide_reference,
    make_rules,
)
from openleo.policy.stacks import hash_table, stacks_of

ACCOUNTS = ("army", "aid", "shop")
COUNTRIES = ("PL", "RU", "UA")
PLANS = ("", "home", "sea", "air")
CODE = DisablementCode


def sets_of(kind, most=9, **size):
    numbers = st.sets(st.integers(1, most), **size)
    return numbers.map(lambda s: np.array(sorted(s), kind))


def some(strategy):
    return st.none() | strategy


def names(of, least=0):
    return st.lists(st.sampled_from(of), unique=True, min_size=least, max_size=2).map(tuple)


# Any conditions together: a rule is a conjunction, whatever it looks at.
CONDITIONS = {
    "id": st.just(""),
    "withdrawn": st.booleans(),
    "cells": some(sets_of(np.uint64)),
    "outside": st.booleans(),
    "countries": some(names((*COUNTRIES, "sea"))),
    "elsewhere": st.booleans(),
    "accounts": some(names(ACCOUNTS)),
    "except_accounts": names(ACCOUNTS),
    "terminals": some(sets_of(np.uint32)),
    "unlisted": st.booleans(),
    "plans": some(names(PLANS)),
    "kinds": some(st.just((1, 2))),
    "line": some(st.sampled_from(LineStatus)),
    "over_m_s": some(st.sampled_from([0.0, 10.0, 27.7])),
    "beyond_m": some(st.sampled_from([0.0, 100.0])),
    "away": st.booleans(),
    "over_data": st.booleans(),
    "below_version": some(st.integers(0, 3)),
}
NEEDED = {
    By.ACCOUNT: {"accounts": names(ACCOUNTS)},
    By.LINE: {"line": st.sampled_from(LineStatus)},
    By.BLOCK: {"terminals": sets_of(np.uint32)},
    By.TERMINAL: {"over_data": st.just(True)},
    By.LOCATION: {},
    By.COUNTRY: {"countries": names((*COUNTRIES, "sea"))},
    By.ALLOW: {"terminals": sets_of(np.uint32), "unlisted": st.just(True)},
    By.AREA: {"cells": sets_of(np.uint64)},
    By.PLAN: {"away": st.just(True)},
    By.SPEED: {"over_m_s": st.sampled_from([0.0, 10.0])},
}
FEW = {key: CONDITIONS[key] for key in ("id", "withdrawn", "except_accounts")}


def rule_of(by, conditions):
    code = st.sampled_from([c for c in CODE if c > CODE.OKAY])
    return st.builds(Rule, by=st.just(by), code=code, **{**conditions, **NEEDED[by]})


RULE = st.one_of(*(rule_of(by, conditions) for by in By for conditions in (FEW, CONDITIONS)))
NAN = float("nan")
SUBJECT = st.tuples(
    st.integers(0, 10), st.integers(-1, 2), st.integers(0, 2), st.sampled_from([0.0, 5.0, 10.0, 27.7, 27.8]),
    st.integers(0, 3), st.integers(0, 3), st.integers(-1, 2), st.sampled_from([0.0, 100.0, 100.1, NAN]),
    st.integers(0, 11), st.integers(0, 2), st.integers(0, 3), st.booleans(),
)  # fmt: skip
COLUMNS = {
    "cell": np.uint64, "country": np.int16, "account": np.uint16, "speed_m_s": np.float32, "kind": np.uint8,
    "plan": np.uint16, "home": np.int16, "distance_m": np.float32, "terminal": np.uint32, "line": np.uint8,
    "version": np.uint32, "over_data": np.bool_,
}  # fmt: skip


def subjects_of(rows):
    values = zip(*rows, strict=True)
    return Subjects(
        **{name: np.array(v, kind) for (name, kind), v in zip(COLUMNS.items(), values, strict=True)}
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(RULE, max_size=8), st.lists(SUBJECT, min_size=1, max_size=12))
@example([], [(1, 0, 0, 0.0, 0, 0, 0, NAN, 0, 0, 0, False)])
def test_the_fast_decision_agrees_with_asking_every_rule_in_turn(drawn, rows):
    rules = make_rules(
        (replace(rule, id=f"r{n}") for n, rule in enumerate(drawn)),
        account_names=ACCOUNTS, country_names=COUNTRIES, plan_names=PLANS,
    )  # fmt: skip
    subjects = subjects_of(rows)
    got, expected = rules.decide(subjects), decide_reference(rules, subjects)
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(got[0], expected[0])


@given(st.lists(sets_of(np.uint64, most=12), max_size=7))
def test_each_key_is_in_the_set_of_just_the_rules_that_name_it(sets):
    stacks = stacks_of(list(enumerate(sets, start=1)))
    found = {}
    for key, k in zip(stacks.keys.tolist(), stacks.stack.tolist(), strict=True):
        found[key] = stacks.items[stacks.starts[k] : stacks.starts[k + 1]].tolist()
    every = {key for one in sets for key in one.tolist()}
    assert found == {key: [n for n, one in enumerate(sets, start=1) if key in one.tolist()] for key in every}
    assert len(stacks) == 1 + len({tuple(v) for v in found.values()})
    for n, one in enumerate(sets, start=1):
        assert {k for k in found if stacks.holding(n)[stacks.stack[stacks.keys.tolist().index(k)]]} == set(
            one.tolist()
        )


@given(st.sets(st.integers(1, 2**64 - 1), max_size=60))
def test_a_hash_table_holds_every_key_where_a_look_up_comes_by_and_stays_half_empty(keys):
    wanted = np.array(sorted(keys), np.uint64)
    table = hash_table(wanted, np.arange(1, len(wanted) + 1, dtype=np.int32))
    assert len(table) >= 2 * len(wanted)
    bits = len(table).bit_length() - 1
    for value, key in enumerate(wanted.tolist(), start=1):
        at = (key * 0x9E3779B97F4A7C15 % 2**64) >> (64 - bits)
        while table[at, 0] != key:
            assert table[at, 0] != 0
            at = (at + 1) % len(table)
        assert table[at, 1] == value
    assert np.count_nonzero(table[:, 0]) == len(wanted)
