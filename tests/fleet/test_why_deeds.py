"""What we told a terminal ourselves is why it is dark, and nobody is called about it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from acting_runs import Site, site

from dish_fleet import dish_name
from openleo.fleet.acting.choosing import Asked
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Settings
from openleo.fleet.kits import Kit
from openleo.fleet.looking import looking, open_incidents
from openleo.fleet.why import Diagnosis, State, Why
from openleo.fleet.why.course import Course
from openleo.fleet.why.deeds import explains
from openleo.fleet.why.handover import Handover, plain_handover, text_lines
from openleo.fleet.why.inputs import Deed
from openleo.fleet.why.sign import Sign

S = 10**9
SETTINGS = Settings(canary_count=1, watch_minutes=5, per_minute=60, site_percent=100)
KITS = [Kit(id="K1", kit="K1", terminal=dish_name(0), site="Mill", holder="Olena")]


def done(here: Site, action: str, where: str) -> str:
    name = here.add(Asked(order=Order(action=action), settings=SETTINGS, where=where))
    assert here.run(name).state == "done"
    return name


def why(here: Site) -> dict[str, Diagnosis]:
    at = datetime.fromtimestamp(here.now_ns() / S, UTC)
    with looking(here.folder, None) as fleet:
        survey = fleet.survey(at)
        return {terminal: survey.diagnose(terminal) for terminal in survey.standings}


def report(here: Site) -> str:
    at = datetime.fromtimestamp(here.now_ns() / S, UTC)
    with looking(here.folder, None) as fleet:
        survey = fleet.survey(at)
        made = Handover(
            since_ns=survey.now_ns - 3600 * S, survey=survey, incidents=open_incidents(survey), spells=(),
            decisions=None, reaches_back=True, jobs=fleet.jobs,
        )  # fmt: skip
        assert plain_handover(made, survey.now_ns)["jobs"]
        return "\n".join(text_lines(made, survey.now_ns))


def test_a_dish_that_a_job_stowed_is_dark_because_we_told_it(tmp_path: Path) -> None:
    with site(tmp_path, 1, kits=KITS) as here:
        here.allow("stow")
        job = done(here, "stow", "site=Mill")
        stowed = why(here)[dish_name(0)]
        assert stowed.cause is Why.ORDERED
        assert stowed.confidence > 0.95
        assert stowed.evidence[0].startswith(f"job {job} told it to stow at ")
        told = report(here)
        assert "told-by-us (99% sure)" in told
        assert f"job {job} (done): " in told.partition("## Done")[2]
        assert "next: Nothing is broken" in told
        assert "Olena" not in told.partition("## To call")[2], "nobody is called about what we did"
        done(here, "clear-map", "site=Mill")
        assert why(here)[dish_name(0)].cause is Why.ORDERED, "what was told since has not unstowed it"
        done(here, "unstow", "site=Mill")
        assert why(here)[dish_name(0)].state is State.ONLINE


TOLD_NS = 1_000 * 60 * S
STOW = Deed(terminal="t", job="j-1", action="stow", told_ns=TOLD_NS, by="ada", reason="storm")
STOWED = [Sign("stowed", "yes", ""), Sign("outage", "STOWED", "")]


@pytest.mark.parametrize(
    ("deed", "dark_after_s", "now_after_s", "signs", "is_why"),
    [
        (STOW, 5, 600, STOWED, True),
        (STOW, -50, 600, STOWED, True),  # clocks differ
        (STOW, -90, 600, STOWED, False),  # it was dark before
        (STOW, 3_600, 7_200, STOWED, False),  # somebody else, later
        (STOW, 5, 600, [Sign("stowed", "no", ""), Sign("outage", "NO_PINGS", "")], False),
        (replace(STOW, action="unstow"), 5, 600, STOWED, False),
        (replace(STOW, action="reboot"), 5, 300, [Sign("outage", "BOOTING", "")], True),
        (replace(STOW, action="reboot"), 5, 3_600, [Sign("outage", "BOOTING", "")], False),  # it stays away
        (replace(STOW, action="sleep"), 40_000, 40_100, [Sign("outage", "SLEEPING", "")], True),
        (replace(STOW, action="sleep"), 5, 600, [Sign("outage", "NO_SATS", "")], False),
        (replace(STOW, action="no more sleep"), 5, 600, [Sign("outage", "SLEEPING", "")], False),
    ],
)
def test_only_what_fits_what_we_told_it_and_when_is_our_deed(
    deed: Deed, dark_after_s: int, now_after_s: int, signs: list[Sign], is_why: bool
) -> None:
    from openleo.fleet.sample import Sample

    dark = Sample(terminal="t", time_ns=TOLD_NS + dark_after_s * S, source="dish", outage="STOWED")
    course = Course(
        State.DARK, TOLD_NS + now_after_s * S, dark, dark.time_ns, [dark], (), (), frozenset({"dish"})
    )
    assert explains(deed, course, signs) is is_why
