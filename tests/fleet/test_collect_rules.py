"""The rules of collecting that need no dish: pace, clocks, and whose an id is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.fleet.pace import Pace, backoff_s
from openleo.fleet.site_clock import NS, correction
from openleo.fleet.twins import HELD_S, Claim, Identities

ROLL = st.floats(0, 1, exclude_max=True)


@given(roll=ROLL)
def test_a_dish_is_asked_each_5_to_15_seconds_more_while_dark_or_just_changed(roll: float) -> None:
    pace = Pace()
    steady = pace.delay_s(failures=0, dark=False, since_change_s=10_000, roll=roll)
    dark = pace.delay_s(failures=0, dark=True, since_change_s=10_000, roll=roll)
    changed = pace.delay_s(failures=0, dark=False, since_change_s=3, roll=roll)
    assert 13 < steady <= 15
    assert 4 < dark <= 5
    assert 4 < changed <= 5


@given(roll=ROLL, failures=st.integers(1, 100_000))
def test_a_dish_that_does_not_answer_is_asked_ever_less_and_never_given_up(
    roll: float, failures: int
) -> None:
    pace = Pace()
    now = pace.delay_s(failures=failures, dark=False, since_change_s=0, roll=roll)
    then = pace.delay_s(failures=failures + 1, dark=False, since_change_s=0, roll=roll)
    assert now <= then <= pace.most_s * 1.2
    assert 0.8 * 5 <= backoff_s(failures, first_s=5, most_s=300, roll=roll) <= 1.2 * 300


def test_the_history_is_read_well_before_a_dish_forgets() -> None:
    assert Pace().history_s <= 450


@pytest.mark.parametrize(
    ("ahead_s", "corrected_s", "said"),
    [
        ({}, 0, ""),
        ({"a": 1.5}, 0, ""),
        ({"a": 40}, 40, "behind"),
        ({"a": -40}, -40, "ahead of"),
        ({"a": 40, "b": 41, "c": 0}, 40, "2 dishes"),
        ({"a": 0, "b": 0.5, "c": -1e6}, 0, ""),  # one that lies moves nothing
        ({"a": 0, "b": 500}, 0, "do not agree"),
    ],
)
def test_our_clock_is_corrected_where_most_dishes_agree(
    ahead_s: dict[str, float], corrected_s: float, said: str
) -> None:
    found = correction({name: int(value * NS) for name, value in ahead_s.items()})
    assert found.offset_ns / NS == corrected_s
    assert said in found.detail
    assert bool(said) == bool(found.detail)


def claim(
    key: str, *, uptime_s: int = 100, at_s: float = 0.0, boot: int = 3, expected: bool = False
) -> Claim:
    return Claim(key=key, boot=boot, uptime_s=uptime_s, at_s=at_s, expected=expected)


def test_one_dish_by_two_ways_is_told_from_two_dishes_with_one_id() -> None:
    ids = Identities()
    assert ids.claim("t", claim("a")) == ("own", "")
    assert ids.claim("t", claim("b", uptime_s=107, at_s=5)) == ("same", "a")
    assert ids.claim("t", claim("c", uptime_s=9_000, at_s=5)) == ("clone", "a")
    assert ids.claim("t", claim("d", boot=4, at_s=5)) == ("clone", "a")
    assert ids.claim("t", claim("a", uptime_s=110, at_s=10)) == ("own", "")


def test_the_address_that_was_known_under_an_id_holds_it_against_one_that_came_first() -> None:
    ids = Identities()
    ids.claim("t", claim("new"))
    assert ids.claim("t", claim("known", uptime_s=9_000, expected=True)) == ("own", "new")
    assert ids.claim("t", claim("new", at_s=1)) == ("clone", "known")


def test_an_id_is_free_again_when_its_holder_is_silent() -> None:
    ids = Identities()
    ids.claim("t", claim("a"))
    assert ids.claim("t", claim("b", boot=9, at_s=HELD_S + 1)) == ("own", "")
    ids.release("b")
    assert ids.claim("t", claim("a", boot=10, at_s=HELD_S + 2)) == ("own", "")
