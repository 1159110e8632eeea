"""What a diagnosis tells: evidence with figures, rivals with what speaks against them, what would decide."""

from dataclasses import replace

import pytest
from why_fleet import Told, samples_of

from openleo.fleet.sample import Sample
from openleo.fleet.why import (
    ADVICE,
    Case,
    Decision,
    DishFacts,
    Expectation,
    State,
    Subject,
    Why,
    diagnose,
)
from openleo.fleet.why.places import Map, cell_at, metres
from openleo.fleet.why.survey import survey_of
from openleo.fleet.why.words import why_lines

NOW_NS = 1_795_000_000 * 10**9
PLACE = (50.45, 30.52)


def case(*told: Told, **more: object) -> Case:
    samples = list(samples_of("ut-a", PLACE, NOW_NS, *told))
    known = Case(kit=Subject(terminal="ut-a"), now_ns=NOW_NS, samples=samples)
    return replace(known, **more)  # type: ignore[arg-type]


OFF = Decision(kind="area-off", at_ns=NOW_NS - 700 * 10**9, cells=frozenset({cell_at(PLACE)}))
OBSTRUCTED = Told(since_s=600, fields={"outage": "OBSTRUCTED", "obstructed": 0.21, "alerts": (66,)})


def test_an_answer_has_cause_confidence_evidence_with_figures_rivals_and_what_to_do() -> None:
    found = diagnose(case(OBSTRUCTED))
    assert (found.state, found.cause) == (State.DARK, Why.OBSTRUCTED)
    assert 0.6 < found.confidence <= 1.0
    assert any(
        "OBSTRUCTED in 41 of the 41 samples of the 10 min until" in line for line in found.evidence[:3]
    )
    assert any("21.0%" in line for line in found.evidence)
    assert found.advice == ADVICE[Why.OBSTRUCTED]
    text = "\n".join(why_lines(Subject(terminal="ut-a", site="Clinic 2", life_critical=True), found, NOW_NS))
    for words in ("Clinic 2, LIFE-CRITICAL", "since", "evidence", "it may also be", "next:", "call:"):
        assert words in text


def test_a_rival_is_told_with_what_speaks_against_it() -> None:
    found = diagnose(case(Told(since_s=600, fields={"outage": "NO_DOWNLINK"})))
    assert found.rivals
    assert all(r.probability < found.confidence for r in found.rivals)
    assert any(r.against for r in found.rivals)


def test_what_would_decide_is_something_not_seen_yet() -> None:
    unknown = diagnose(case(Told(since_s=600, fields=None)))
    assert unknown.state is State.SILENT
    assert unknown.cause is Why.UNKNOWN
    assert 1 <= len(unknown.decides) <= 3
    assert "nothing was heard of it since" in " ".join(unknown.evidence)


def test_nothing_is_ever_wholly_sure_in_words() -> None:
    refused = {"outage": "NO_SCHEDULE", "disablement": "NO_ACTIVE_ACCOUNT", "alerts": (55,)}
    found = diagnose(case(Told(since_s=600, fields=refused)))
    text = "\n".join(why_lines(Subject(terminal="ut-a"), found, NOW_NS))
    assert found.cause is Why.ACCOUNT
    assert "100%" not in text


def test_a_terminal_in_service_has_no_cause() -> None:
    found = diagnose(case())
    assert (found.state, found.cause, found.evidence) == (State.ONLINE, None, ())


def test_a_terminal_that_is_back_says_from_when_until_when_it_was_in_trouble() -> None:
    back = Told(since_s=150, fields={"outage": "", "boot": 8, "uptime_s": 200})
    found = diagnose(case(Told(since_s=400, fields={"reachable": False}), back))
    text = "\n".join(why_lines(Subject(terminal="ut-a"), found, NOW_NS))
    assert found.state is State.ONLINE
    assert "it was in trouble from" in text


def test_a_terminal_that_never_spoke_is_said_to_be_so() -> None:
    found = diagnose(Case(kit=Subject(terminal="ut-a"), now_ns=NOW_NS, samples=()))
    assert found.state is State.NEVER
    assert "never seen" in "\n".join(why_lines(Subject(terminal="ut-a"), found, NOW_NS))


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"rain_mm_h": 45.0}, Why.WEATHER),
        ({"facts": DishFacts(self_test_failed=("FEM_CUT",))}, Why.BROKEN),
        ({"expected": Expectation(cause="NO_SATS", online=0.2, of="run x")}, Why.CAPACITY),
        ({"facts": DishFacts(map_obstructed=0.2, map_towards="to the north")}, Why.OBSTRUCTED),
        ({"decisions": [OFF]}, Why.AREA),
    ],
)  # fmt: skip
def test_each_further_fact_lifts_the_cause_that_it_speaks_for(extra: dict[str, object], why: Why) -> None:
    plain = dict(diagnose(case(Told(since_s=600, fields={"outage": "NO_SATS"}))).ranked)
    with_it = dict(diagnose(case(Told(since_s=600, fields={"outage": "NO_SATS"}), **extra)).ranked)
    assert with_it[why] > 1.5 * plain[why]


def test_a_decision_that_came_later_or_is_about_others_is_no_evidence() -> None:
    dark = Told(since_s=600, fields={"outage": "NO_SATS"})
    later = Decision(kind="area-off", at_ns=NOW_NS, cells=frozenset({cell_at(PLACE)}))
    other = Decision(kind="area-off", at_ns=NOW_NS - 700 * 10**9, cells=frozenset({cell_at((10.0, 10.0))}))
    none = dict(diagnose(case(dark, decisions=[])).ranked)
    assert dict(diagnose(case(dark, decisions=[later, other])).ranked) == pytest.approx(none)


def test_neighbours_that_went_dark_at_the_same_time_turn_a_lone_trouble_into_a_shared_one() -> None:
    silent = Told(since_s=600, fields={"outage": "NO_PINGS"})
    places = {f"ut-{n}": (PLACE[0] + 0.1 * n, PLACE[1]) for n in range(40)}

    def fleet(*told: Told) -> float:
        samples: dict[str, list[Sample]] = {
            t: list(samples_of(t, p, NOW_NS, *(told if t != "ut-0" else (silent,))))
            for t, p in places.items()
        }
        survey = survey_of(samples, {t: Subject(terminal=t) for t in places}, NOW_NS)
        return dict(survey.diagnose("ut-0").ranked)[Why.NETWORK]

    assert fleet(silent) > 0.95
    assert fleet() < 0.5
    assert fleet(Told(since_s=2_000, fields={"outage": "NO_PINGS"})) < 0.5, "dark too, but from another time"


def test_near_terminals_are_found_on_both_sides_of_the_date_line_and_at_the_poles() -> None:
    spots = {
        "west": (10.0, 179.9), "east": (10.0, -179.9), "far": (10.0, 178.0), "pole": (89.9, 0.0),
        "other side": (89.9, 180.0), "south": (-65.0, 12.0),
    }  # fmt: skip
    where = Map(spots)
    for name, spot in spots.items():
        expected = {other for other, place in spots.items() if metres(spot, place) <= 60_000}
        assert set(where.near(spot, 60_000)) == expected, name
