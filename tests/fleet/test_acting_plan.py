"""Whom a job tells and when: the pure part, over made-up dishes of every temper."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.fleet.acting.judging import Seen, judge, judge_unknown
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Way
from openleo.fleet.acting.plain import plain_plan
from openleo.fleet.acting.plan import (
    MINUTE_NS,
    OPEN,
    SECOND_NS,
    Candidate,
    Rules,
    Settings,
    SiteNow,
    Step,
    Through,
    in_turn,
    next_move,
    plan,
)

CLEAR, OURS, PERHAPS = (Way(verdict=v, says=v) for v in ("clear", "ours", "perhaps"))  # type: ignore[arg-type]
REBOOT, STOW = Order(action="reboot"), Order(action="stow")


def many(count: int, **more: object) -> list[Candidate]:
    return [Candidate(terminal=f"t{n}", way=CLEAR, **more) for n in range(count)]  # type: ignore[arg-type]


def test_those_that_are_not_told_are_named_with_the_reason() -> None:
    chosen = [
        Candidate(terminal="fine", way=CLEAR), Candidate(terminal="mine", way=OURS),
        Candidate(terminal="maybe", way=PERHAPS), Candidate(terminal="far", way=None),
        Candidate(terminal="clinic", way=CLEAR, life_critical=True),
        Candidate(terminal="both", way=OURS, life_critical=True),
    ]  # fmt: skip
    made = plan(REBOOT, chosen, Settings(), include=["both", "mine"], not_ours=["mine"])
    assert [one.terminal for one in made.chosen] == ["fine"]
    assert {one.terminal: one.why for one in made.left} == {
        "mine": "our-path", "both": "our-path", "maybe": "perhaps-our-path", "far": "no-dish",
        "clinic": "life-critical",
    }  # fmt: skip
    sure = plan(REBOOT, chosen, Settings(), include=["clinic"], not_ours=["maybe"])
    assert {one.terminal for one in sure.chosen} == {"fine", "maybe", "clinic"}
    harmless = plan(Order(action="unstow"), chosen, Settings())
    assert {one.terminal for one in harmless.left} == {"far"}


def test_a_name_that_was_not_chosen_is_refused() -> None:
    with pytest.raises(BadInput, match="not among those"):
        plan(REBOOT, many(2), Settings(), include=["t9"])


def test_the_canary_is_where_a_failure_hurts_least() -> None:
    chosen = [
        Candidate(terminal="alone", site="A", way=CLEAR),
        Candidate(terminal="crowd", site="B", people=900, way=CLEAR),
        Candidate(terminal="spare", site="B", people=2, way=CLEAR),
        Candidate(terminal="clinic", site="C", life_critical=True, way=CLEAR),
    ]
    assert [one.terminal for one in in_turn(chosen)] == ["spare", "alone", "crowd", "clinic"]


def test_who_is_on_our_own_path_goes_last_and_is_the_canary_only_where_no_other_can_be() -> None:
    through = Through(agent="a", can=frozenset({"stow"}))
    noted = Candidate(terminal="a-noted", site="A", through=through, noted=True)
    mine = Candidate(terminal="b-mine", site="A", way=OURS, through=through)
    maybe = Candidate(terminal="c-maybe", site="A", way=PERHAPS, through=through)
    clinic = Candidate(terminal="d-clinic", site="B", way=CLEAR, life_critical=True)
    whole = Settings(site_percent=100)
    made = plan(STOW, [noted, mine, maybe, clinic], whole, include=["d-clinic"])
    assert [one.terminal for one in made.chosen] == ["d-clinic", "c-maybe", "a-noted", "b-mine"]
    assert made.our_path == ("c-maybe", "a-noted", "b-mine")
    assert plan(STOW, [noted], whole).canaries == 1
    sure = plan(STOW, [noted, mine, maybe, clinic], whole, not_ours=["c-maybe"])
    assert (sure.chosen[0].terminal, sure.our_path) == ("c-maybe", ("a-noted", "b-mine"))


def test_the_preview_tells_of_a_dish_on_our_path_that_an_agent_watches() -> None:
    one = Candidate(terminal="t", noted=True, through=Through(agent="a", can=frozenset({"stow"})))
    assert plain_plan(STOW, plan(STOW, [one], Settings()), Settings())["our_path"] == ["t"]


def test_who_stays_stowed_counts_and_who_starts_anew_does_not() -> None:
    four = [Candidate(terminal=f"t{n}", site="S", way=CLEAR) for n in range(4)]
    assert len(plan(REBOOT, four, Settings()).chosen) == 4
    assert [one.why for one in plan(STOW, four, Settings()).left] == ["site-share"] * 2
    sleep = Order(action="sleep", start_min=60, minutes=30)
    assert len(plan(sleep, four, Settings()).chosen) == 2
    assert len(plan(Order(action="unstow"), four, Settings()).chosen) == 4
    assert len(plan(STOW, four, Settings(site_percent=100)).chosen) == 4
    assert len(plan(STOW, four[:1], Settings()).chosen) == 1, "a site may always lose one"


def test_those_that_are_dark_for_other_reasons_count_too() -> None:
    dark, *others = (Candidate(terminal=f"t{n}", site="S", way=CLEAR, away=n == 0) for n in range(4))
    made = plan(STOW, [dark, *others], Settings())
    assert [one.terminal for one in made.chosen] == ["t1", "t0"], "who is dark takes nothing away"
    assert plan(STOW, others, Settings(), sites={"S": SiteNow(size=4, away=2)}).chosen == ()
    left = plan(REBOOT, others, Settings(), sites={"S": SiteNow(size=4, away=2)}).left
    assert "2 are dark already" in left[0].says
    assert "stowed" not in left[0].says


def step(name: str, state: str, **more: Any) -> Step:
    return Step(terminal=name, site="S", canary=False, state=state, **more)


def test_a_job_does_not_stow_more_of_a_site_than_its_share_whatever_its_plan_says() -> None:
    """Of jobs that were made before, and of dishes that went dark since."""
    gone = Seen(at_ns=0, terminal="t0", outage="STOWED", stowed=True)
    here = [
        step("t0", "well", told_ns=0, settled_ns=0, after=gone),
        step("t1", "waiting"),
        step("t2", "waiting"),
    ]
    rules = Rules(settings=Settings(), site_sizes={"S": 4}, order=STOW)
    late = 60 * MINUTE_NS
    assert next_move(rules, here, late).tell == "t1"
    dark = replace(rules, dark=lambda: {"S": {"t9"}})
    assert "2 of site S are away (t0, t9), and at most 2 may be" in next_move(dark, here, late).stop
    assert next_move(dark, here, MINUTE_NS).says.startswith("waits: "), "it may come back soon"
    already = replace(rules, dark=lambda: {"S": {"t2", "t9"}})
    assert next_move(already, here, late).tell == "t2", "who is dark already takes nothing away"


def test_a_dish_that_came_back_makes_room_though_telemetry_is_late() -> None:
    back = Seen(at_ns=0, terminal="t0")
    here = [step("t0", "well", told_ns=0, settled_ns=0, after=back), step("t1", "waiting")]
    rules = Rules(settings=Settings(), site_sizes={"S": 2}, order=REBOOT, dark=lambda: {"S": {"t0"}})
    assert next_move(rules, here, MINUTE_NS).tell == "t1"
    assert next_move(rules, here, 60 * MINUTE_NS).stop, "it is dark again"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"revert_minutes": 1}, "undo an order after 1 min"), ({"watch_minutes": 1_800}, "watch for 30 h"),
        ({"site_percent": 0}, "0 % of a site"), ({"per_minute": 900}, "900 a minute"),
        ({"canary_percent": 120.0}, "a canary of 120.0 %"), ({"canary_count": -1}, "a canary of -1"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_named_with_their_range(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says) as found:
        Settings(**settings)
    assert found.value.hint.startswith("it is ")


def test_who_is_not_told_is_told_by_whom_it_is_watched() -> None:
    one = Candidate(terminal="t", through=Through(agent="alpha-1"))
    (left,) = plan(STOW, [one], Settings()).left
    assert left.says.endswith(
        "agent alpha-1 watches it, and its site does not allow stow: there `openleo agent allow stow`"
    )
    assert "nobody here" not in left.says
    (alone,) = plan(STOW, [Candidate(terminal="t")], Settings()).left
    assert alone.says == "no dish of it is polled from here, and no agent has said that it watches it"


@pytest.mark.parametrize(
    ("settings", "count", "canaries"),
    [
        (Settings(canary_count=2), 10, 2), (Settings(canary_count=20), 10, 10),
        (Settings(canary_count=0), 10, 0),
        (Settings(canary_percent=5), 10, 1), (Settings(canary_percent=50), 10, 5),
    ],
)  # fmt: skip
def test_a_canary_is_a_number_or_a_share(settings: Settings, count: int, canaries: int) -> None:
    assert settings.canaries(count) == canaries


class Fleet:
    """Made-up dishes that take some time to be well again, or never are."""

    def __init__(self, tempers: Sequence[int], rules: Rules, canaries: int, sites: Sequence[str]) -> None:
        self.rules, self.now_ns = rules, SECOND_NS
        self.tempers = dict(zip((f"t{n}" for n in range(len(tempers))), tempers, strict=True))
        self.steps = [
            Step(terminal=f"t{n}", site=sites[n % len(sites)], canary=n < canaries)
            for n in range(len(tempers))
        ]
        self.told: list[tuple[int, str]] = []

    def run(self) -> str:
        """Run to the end; return why it ended."""
        for _ in range(100_000):
            move = next_move(self.rules, self.steps, self.now_ns)
            if move.stop and not any(s.state in OPEN for s in self.steps):
                return move.stop
            if move.done:
                return "done"
            if move.tell is not None:
                self.told.append((self.now_ns, move.tell))
                self._put(move.tell, state="acknowledged", told_ns=self.now_ns)
            for name in move.look:
                self._look(name)
            self.now_ns += SECOND_NS
            self._hold()
        raise AssertionError("it does not end")

    def _look(self, name: str) -> None:
        step = next(s for s in self.steps if s.terminal == name)
        assert step.told_ns is not None
        temper, after = self.tempers[name], self.now_ns - step.told_ns
        if temper >= 0 and after >= temper * SECOND_NS:
            if step.state != "well":
                self._put(name, state="well", settled_ns=self.now_ns)
        elif after > self.rules.watch_ns:
            self._put(name, state="worse", settled_ns=self.now_ns)

    def _put(self, name: str, **changes: object) -> None:
        self.steps = [
            replace(s, **changes) if s.terminal == name else s  # type: ignore[arg-type]
            for s in self.steps
        ]

    def _hold(self) -> None:
        """Hold what must be so at every moment."""
        away = Counter(s.site for s in self.steps if s.state in OPEN and s.site)
        for site, count in away.items():
            size = sum(s.site == site for s in self.steps)
            assert count <= max(1, size * self.rules.settings.site_percent // 100)


@given(
    tempers=st.lists(st.one_of(st.integers(0, 100), st.just(-1)), min_size=1, max_size=12),
    canaries=st.integers(0, 3),
    per_minute=st.sampled_from([1.0, 6.0, 60.0]),
    percent=st.sampled_from([10.0, 50.0, 100.0]),
    sites=st.sampled_from([("A",), ("A", "B", ""), ("",)]),
)
def test_whatever_dishes_do_a_job_keeps_its_promises(
    tempers: list[int], canaries: int, per_minute: float, percent: float, sites: tuple[str, ...]
) -> None:
    """It ends; tells each once, at its pace, the canary first and watched; and stops where that failed."""
    settings = Settings(watch_minutes=2, per_minute=per_minute, site_percent=percent)
    fleet = Fleet(tempers, Rules(settings=settings), canaries, sites)
    why = fleet.run()
    names = [name for _, name in fleet.told]
    assert len(set(names)) == len(names)
    times = [at for at, _ in fleet.told]
    assert all(b - a >= MINUTE_NS / per_minute for a, b in itertools.pairwise(times))
    birds = [f"t{n}" for n in range(min(canaries, len(tempers)))]
    others = [at for at, name in fleet.told if name not in birds]
    if any(fleet.tempers[name] < 0 for name in birds):
        assert others == []
        assert "canary" in why
    elif birds and others:
        assert min(others) >= max(at for at, name in fleet.told if name in birds) + 2 * MINUTE_NS
    if min(tempers) >= 0:
        assert why == "done"
        assert len(names) == len(tempers)
    if why == "done":
        assert sum(s.state == "worse" for s in fleet.steps) == sum(t < 0 for t in tempers)


def test_three_of_the_last_ten_that_went_wrong_stop_a_job() -> None:
    settings = Settings(watch_minutes=1, per_minute=1, canary_count=0)
    fleet = Fleet([0, 0, -1, 0, -1, 0, -1, 0, 0, 0, 0, 0], Rules(settings=settings), 0, ("",))
    assert fleet.run().startswith("3 of the last")
    assert len(fleet.told) < 12


BEFORE = Seen(at_ns=0, terminal="t", boot=7, uptime_s=5_000, ping_drop=0.01, stowed=False)


@pytest.mark.parametrize(
    ("says", "after", "verdict"),
    [
        ("restarted and online", {"boot": 8, "uptime_s": 40}, "well"),
        ("restarted and boots still", {"boot": 8, "uptime_s": 4, "outage": "BOOTING"}, "not-yet"),
        ("restarted, and loses much", {"boot": 8, "uptime_s": 40, "ping_drop": 0.4}, "not-yet"),
        ("goes on as if it was not told", {"boot": 7, "uptime_s": 5_060}, "not-yet"),
        ("does not answer", {"answers": False, "boot": None, "uptime_s": None}, "not-yet"),
        ("does not count starts, and was up shortly", {"boot": None, "uptime_s": 30}, "well"),
    ],
)  # fmt: skip
def test_a_reboot_is_well_when_the_dish_started_anew_and_serves_no_worse(
    says: str, after: dict[str, object], verdict: str
) -> None:
    seen = replace(BEFORE, at_ns=60 * SECOND_NS, **after)  # type: ignore[arg-type]
    assert judge(REBOOT, BEFORE, seen, 0) == verdict


def test_a_dish_of_which_nobody_knows_whether_it_was_told_says_so_itself() -> None:
    def at(seconds: int, **more: object) -> Seen:
        return replace(BEFORE, at_ns=seconds * SECOND_NS, **more)  # type: ignore[arg-type]

    assert judge_unknown(REBOOT, BEFORE, at(30, boot=8, uptime_s=9), 0) == "told"
    assert judge_unknown(REBOOT, BEFORE, at(30, uptime_s=5_030), 0) == "not-yet"
    assert judge_unknown(REBOOT, BEFORE, at(120, uptime_s=5_120), 0) == "not-told"
    assert judge_unknown(REBOOT, BEFORE, at(120, answers=False), 0) == "not-yet", "never told twice blindly"
    stow = Order(action="stow")
    assert judge_unknown(stow, BEFORE, at(120, stowed=True), 0) == "told"
    assert judge_unknown(stow, BEFORE, at(120, stowed=None), 0) == "not-yet"
