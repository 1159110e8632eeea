"""Diagnosing names the true cause, says how sure it is, and says so where nothing tells."""

import math

import pytest
from cases import made
from made_troubles import MAKERS
from measure_why import Measured, measure
from worlds import worlds

from openleo.fleet.why import CAUSES, Why
from openleo.fleet.why.table import likelihoods

TEST_SEED = 8_128  # neither of those that the table was tuned on (1 to 3, 100), nor of docs/why.md
EACH = 20


@pytest.fixture(scope="module")
def cases() -> Measured:
    return measure(made(TEST_SEED, EACH))


@pytest.fixture(scope="module")
def another_world() -> Measured:
    return measure(worlds(TEST_SEED, 5))


def test_there_are_cases_of_every_cause_seen_in_every_way(cases: Measured) -> None:
    assert len(cases.told) + len(cases.untold) >= 320
    for why in CAUSES:
        assert sum(c.truth is why for c, _ in cases.told) >= 12, why
    assert len(cases.untold) >= 12
    assert {c.source for c, _ in cases.told} >= {"dish", "enterprise", "dish+enterprise"}
    assert set(MAKERS) == {*CAUSES, Why.UNKNOWN}


def test_the_true_cause_comes_first_in_nine_of_ten_cases(cases: Measured) -> None:
    assert cases.first() >= 0.90, cases.confusions()


def test_the_true_cause_is_among_the_first_two_nearly_always(cases: Measured) -> None:
    assert cases.first_two() >= 0.97, cases.confusions()


def test_no_cause_is_mostly_missed(cases: Measured) -> None:
    """Jamming of the downlink alone, without that of navigation, looks like rain: it is the hardest."""
    missed = {why.value: cases.first(why) for why in CAUSES if cases.first(why) < 0.75}
    assert missed.keys() <= {"jammed"}
    assert cases.first_two(Why.JAMMED) >= 0.7
    assert cases.first(Why.JAMMED) >= 0.5


def test_it_is_as_sure_as_it_is_right(cases: Measured) -> None:
    assert cases.calibration_error() <= 0.06


def test_a_wrong_cause_is_seldom_named(cases: Measured) -> None:
    assert cases.named_wrong() <= 0.04, cases.confusions()


def test_it_says_so_where_there_is_not_enough_evidence(cases: Measured) -> None:
    """Where it names a cause all the same, that is mostly the right one by what is usual."""
    assert cases.recognised() >= 0.7
    assert cases.untold_wrong() <= 0.1


def test_a_terminal_that_only_fell_silent_is_never_explained() -> None:
    untold = [c for c in made(TEST_SEED + 1, 12) if c.truth is Why.UNKNOWN and not c.case.decisions]
    lone = [c for c in untold if not sum(s.known for s in (c.case.around.wide, c.case.around.cell))]
    lone = [c for c in lone if not c.case.around.near.known + c.case.around.site.known]
    found = measure(lone)
    assert len(found.untold) >= 12
    assert found.recognised() >= 0.9


def test_it_holds_in_a_world_made_in_another_way(another_world: Measured) -> None:
    """The figures of docs/why.md are of sixty worlds; in five a single incident weighs much."""
    assert len(another_world.told) >= 100
    assert another_world.first() >= 0.80, another_world.confusions()
    assert another_world.first_two() >= 0.90, another_world.confusions()
    assert another_world.calibration_error() <= 0.12


def test_every_number_of_the_table_is_a_probability_with_a_reason() -> None:
    table = likelihoods()
    assert math.isclose(sum(map(math.exp, table.log_prior)), 1.0)
    for one in table.tables.values():
        assert one.ask, one.sign
        assert one.source, one.sign
        assert one.why, f"{one.sign} tells nothing apart"
        assert all(one.why.values()), one.sign
        for why in CAUSES:
            assert math.isclose(sum(one.spread[why].values()), 1.0), (one.sign, why)
            assert min(one.spread[why].values()) > 0, (one.sign, why)
