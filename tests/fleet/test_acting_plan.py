"""Whom a job tells and when: the pure part, over made-up dishes of every temper."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.fleet.acting.judging import Seen, judge, judge_unknown
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Way
from openleo.fleet.acting.plan import (
    MINUTE_NS,
    OPEN,
    SECOND_NS,
    Candidate,
    Rules,
    Settings,
    Step,
    in_turn,
    next_move,
    plan,
)

CLEAR, OURS, PERHAPS = (Way(verdict=v, says=v) for v in ("clear", "ours", "perhaps"))  # type: ignore[arg-type]
REBOOT = Order(action="reboot")


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
