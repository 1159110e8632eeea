"""The code by which a dish is refused names the decision; nobody has moved without evidence of a move."""

import itertools
from dataclasses import replace

import pytest
from why_fleet import Told, samples_of

from openleo.fleet.why import Case, Diagnosis, Subject, Why, diagnose
from openleo.fleet.why.survey import Survey, survey_of

NOW_NS = 1_795_000_000 * 10**9
UNRELATED = ("OBSTRUCTED", "NO_SATS", "STOWED")


def twelve_kits(told: Told, *, busy: bool, at_its_site: bool, placed: bool = False) -> Survey:
    """Twelve kits in cells of their own; the first is in trouble, its position is told only if ``placed``.

    ``busy``: three others are dark for other reasons and since other times.  ``at_its_site``: another kit
    of its site is online.
    """
    samples, kits = {}, {}
    for n in range(12):
        place = (48.4 + 0.17 * (n // 4), 32.9 + 0.25 * (n % 4))
        site = f"site {n}"
        if at_its_site and n == 1:
            place, site = (48.401, 32.901), "site 0"
        mine = [told] if n == 0 else []
        if busy and n in (5, 6, 7):
            mine = [Told(since_s=600 + 1_200 * (n - 5), fields={"outage": UNRELATED[n - 5]})]
        seen = samples_of(f"ut-{n}", place, NOW_NS, *mine)
        samples[f"ut-{n}"] = [s if placed else replace(s, cell=None) for s in seen]
        kits[f"ut-{n}"] = Subject(
            terminal=f"ut-{n}", kit=f"K{n}", site=site, account=f"A{n % 2}",
            latitude_deg=place[0], longitude_deg=place[1],
        )  # fmt: skip
    return survey_of(samples, kits, NOW_NS)


def found(fields: dict[str, object], **how: bool) -> Diagnosis:
    return twelve_kits(Told(since_s=2_400, fields=fields), **how).diagnose("ut-0")  # type: ignore[arg-type]


@pytest.mark.parametrize(("busy", "at_its_site", "placed"), list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("outage", ["NO_SCHEDULE", "NO_PINGS", "UNKNOWN"])
@pytest.mark.parametrize("alerted", [True, False])
@pytest.mark.parametrize(
    ("code", "alert", "why"),
    [("CELL_IS_DISABLED", 89, Why.AREA), ("NO_ACTIVE_ACCOUNT", 55, Why.ACCOUNT)],
)
def test_the_code_names_the_decision_whatever_its_neighbours_do(
    code: str, alert: int, why: Why, alerted: bool, outage: str, busy: bool, at_its_site: bool, placed: bool
) -> None:
    fields = {"outage": outage, "disablement": code, "alerts": (alert,) if alerted else ()}
    answer = found(fields, busy=busy, at_its_site=at_its_site, placed=placed)
    assert answer.cause is why, answer.ranked[:3]
    assert answer.confidence > 0.75
    assert dict(answer.ranked)[Why.MOVED] < 0.08
    assert answer.evidence[0].startswith(f"the network tells it: disablement {code}")


@pytest.mark.parametrize("outage", ["NO_SCHEDULE", "NO_PINGS", "UNKNOWN", "NO_SATS", "NO_DOWNLINK"])
@pytest.mark.parametrize("busy", [True, False])
def test_nobody_has_moved_without_evidence_of_a_move(outage: str, busy: bool) -> None:
    answer = found({"outage": outage}, busy=busy, at_its_site=False)
    assert dict(answer.ranked)[Why.MOVED] < 0.05


@pytest.mark.parametrize("code", ["TOO_FAR_FROM_SERVICE_ADDRESS", "ROAM_RESTRICTED", "IN_OCEAN"])
def test_a_code_of_moving_is_evidence_of_it(code: str) -> None:
    assert (
        found({"outage": "NO_SCHEDULE", "disablement": code}, busy=True, at_its_site=True).cause is Why.MOVED
    )


def test_terminals_that_are_dark_by_chance_are_no_rain_front() -> None:
    """Three of eight that went dark within half an hour, for reasons of their own, are not one event."""
    answer = found({"outage": "NO_DOWNLINK"}, busy=True, at_its_site=False)
    assert not any("middle half" in line for line in answer.evidence)
    assert dict(answer.ranked)[Why.WEATHER] < 0.6


def test_kits_with_one_code_since_one_time_are_named_together_wherever_they_are() -> None:
    survey = twelve_kits(
        Told(since_s=2_400, fields={"outage": "NO_SCHEDULE", "disablement": "CELL_IS_DISABLED"}),
        busy=True, at_its_site=False,
    )  # fmt: skip
    assert survey.same_code("ut-0") == []
    far = Told(since_s=2_420, fields={"outage": "NO_SCHEDULE", "disablement": "CELL_IS_DISABLED"})
    place = (49.9, 36.2)
    samples = {t: s.samples for t, s in survey.standings.items()} | {
        "ut-far": list(samples_of("ut-far", place, NOW_NS, far))
    }
    kits = {t: s.kit for t, s in survey.standings.items()}
    kits["ut-far"] = Subject(terminal="ut-far", kit="K-FAR", latitude_deg=place[0], longitude_deg=place[1])
    both = survey_of(samples, kits, NOW_NS)
    assert [kit.kit for kit in both.same_code("ut-0")] == ["K-FAR"]


@pytest.mark.parametrize("outage", ["NO_PINGS", "NO_DOWNLINK", "NO_SCHEDULE", "NO_SATS"])
def test_a_dish_read_by_itself_is_never_surer_than_with_its_neighbours(outage: str) -> None:
    told = Told(since_s=600, fields={"outage": outage})
    case = Case(
        kit=Subject(terminal="ut-a"), now_ns=NOW_NS,
        samples=list(samples_of("ut-a", (48.4, 32.9), NOW_NS, told)),
    )  # fmt: skip
    assert diagnose(replace(case, alone=True)).confidence < diagnose(case).confidence
    everybody = {
        f"ut-{n}": list(samples_of(f"ut-{n}", (48.4 + 0.05 * n, 32.9), NOW_NS, told)) for n in range(12)
    }
    together = survey_of(everybody, {t: Subject(terminal=t) for t in everybody}, NOW_NS).diagnose("ut-0")
    assert diagnose(replace(case, alone=True)).confidence < together.confidence
    others_well = everybody | {
        t: list(samples_of(t, (48.4 + 0.05 * n, 32.9), NOW_NS)) for n, t in enumerate(everybody) if n
    }
    lone = survey_of(others_well, {t: Subject(terminal=t) for t in everybody}, NOW_NS).diagnose("ut-0")
    assert diagnose(replace(case, alone=True)).confidence <= lone.confidence
