"""Jobs that reach dishes through the agents at their sites: who may, and what becomes of each order."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from order_runs import NS, TERMINAL, site, wait_for
from servers_here import ingest_here

from openleo.cli._main import exit_code_of
from openleo.fleet.acting import remote
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.choosing import Asked, make_plan, site_sizes
from openleo.fleet.acting.jobs import Job, Jobs, Record, new_id
from openleo.fleet.acting.judging import Seen
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Way
from openleo.fleet.acting.plan import Candidate, Rules, Settings, Through, goes_through, why_left
from openleo.fleet.acting.remote import look_again
from openleo.fleet.acting.runner import Clocks, Runner
from openleo.fleet.acting.through import HEARD_NS, Contact, Orders, Sent, order_id, ways_through
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.kits import Kit
from openleo.fleet.looking import looking
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.table.rows import table_of

STOW, REBOOT = Order(action="stow"), Order(action="reboot")
OURS = Way(verdict="ours", says="our own way goes over it")
CLEAR = Way(verdict="clear", says="clear")
PERHAPS = Way(verdict="perhaps", says="perhaps")
GOOD = Through(agent="site-1", can=frozenset({"stow", "sleep"}))


@pytest.mark.parametrize(
    ("order", "way", "through", "agent", "left"),
    [
        (STOW, CLEAR, GOOD, "", ""),
        (STOW, OURS, GOOD, "site-1", ""),
        (STOW, PERHAPS, GOOD, "site-1", ""),
        (STOW, None, GOOD, "site-1", ""),
        (Order(action="unstow"), None, GOOD, "site-1", ""),
        (Order(action="unstow"), OURS, GOOD, "", ""),
        (STOW, OURS, None, "", "our-path"),
        (REBOOT, OURS, GOOD, "", "our-path"),  # its site does not allow that
        (STOW, OURS, replace(GOOD, trouble="agent site-1 is cut off"), "", "our-path"),
        (Order(action="inhibit-gps"), OURS, GOOD, "", "our-path"),
        (Order(action="clear-map"), None, GOOD, "", "no-dish"),
        (Order(action="sleep", minutes=1_440), OURS, GOOD, "", "our-path"),  # it would never wake
        (Order(action="sleep", minutes=420), OURS, GOOD, "site-1", ""),
    ],
)
def test_a_dish_on_our_own_path_is_told_through_an_agent_that_can_undo_it_or_not_at_all(
    order: Order, way: Way | None, through: Through | None, agent: str, left: str
) -> None:
    one = Candidate(terminal="t", way=way, through=through)
    found = why_left(order, one)
    assert goes_through(order, one) == agent
    assert (found.why if found else "") == left
    if found is not None and through is not None:
        assert through.refuses(order) in found.says


def test_a_life_critical_dish_behind_an_agent_is_left_out_too() -> None:
    one = Candidate(terminal="t", way=None, through=GOOD, life_critical=True)
    found = why_left(STOW, one)
    assert found is not None
    assert found.why == "life-critical"
    assert why_left(STOW, one, include=["t"]) is None


def test_which_agent_a_terminal_has(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    with FleetDatabase(tmp_path) as database, Orders.of(tmp_path) as orders:
        agents = Agents(database)

        def says(name: str, *sees: str, ago_ns: int = 0, reverts: bool = True) -> None:
            orders.note(
                Contact(agent=name, at_ns=now_ns - ago_ns, can=frozenset({"stow"}), sees=frozenset(sees),
                        reverts=reverts, version="1")
            )  # fmt: skip

        says("fresh", "t1", "t4")
        says("silent", "t2", ago_ns=HEARD_NS + 1)
        says("old", "t3", reverts=False)
        says("another", "t4")
        agents.add("waits", now_ns=now_ns)
        says("waits", "t5")
        found = {name: one.refuses(STOW) for name, one in ways_through(orders, agents, now_ns=now_ns).items()}
    assert found["t1"] == ""
    assert "has not asked for orders for 2 min" in found["t2"]
    assert "cannot undo" in found["t3"]
    assert "all say that they watch it" in found["t4"]
    assert "cut off" in found["t5"]


@pytest.mark.parametrize(
    ("state", "later_s", "becomes", "says"),
    [
        (None, 30, "sending", ""),
        (None, 700, "unreachable", "did not fetch"),
        ("refused", 30, "refused", "no"),
        ("unreachable", 30, "unreachable", "no"),
        ("reverted", 30, "worse", "undid it by itself"),
        ("done", 30, "acknowledged", ""),  # nobody can know yet that it cut nobody off
        ("done", 90, "well", ""),
        ("done", 2_000, "worse", "not well"),  # heard too late: it has been undone
    ],
)
def test_what_becomes_of_an_order(
    tmp_path: Path, state: str | None, later_s: int, becomes: str, says: str
) -> None:
    made_ns = 1_800_000_000 * NS
    record = Record(job="j-1", terminal="t", site="", canary=False, life_critical=False, state="sending",
                    told_ns=made_ns)  # fmt: skip
    with Orders.of(tmp_path) as orders:
        name = order_id("j-1", "t")
        orders.add(
            Sent(id=name, agent="a", terminal="t", order=STOW, revert_after_s=600, job="j-1",
                 made_ns=made_ns, expires_ns=made_ns + 600 * NS)
        )  # fmt: skip
        if state is not None:
            before = Seen(at_ns=made_ns, terminal="t", stowed=False).plain()
            told = {"state": state, "answer": "no", "before": before}
            orders.take_result(name, "a", told, now_ns=made_ns)
        now_ns = made_ns + later_s * NS
        newest = Sample(terminal="t", time_ns=now_ns, source="dish", outage="STOWED", stowed=True)
        found = look_again(orders, Rules(settings=Settings()), record, newest, now_ns=now_ns)
        sent = orders.find(name)
        assert sent is not None
        assert (sent.confirmed_ns is not None) == (becomes == "well")
    assert found.state == becomes
    assert says in found.answer


@pytest.mark.parametrize(
    ("boot", "uptime_s", "becomes"),
    [(8, 40, "well"), (7, 5_100, "unreachable")],
    ids=["it restarted", "it did not"],
)
def test_telemetry_says_whether_a_dish_got_what_its_agent_was_killed_over(
    tmp_path: Path, boot: int, uptime_s: int, becomes: str
) -> None:
    made_ns = 1_800_000_000 * NS
    record = Record(job="j-1", terminal="t", site="", canary=False, life_critical=False, state="sending",
                    told_ns=made_ns)  # fmt: skip
    with Orders.of(tmp_path) as orders:
        name = order_id("j-1", "t")
        orders.add(
            Sent(id=name, agent="a", terminal="t", order=REBOOT, revert_after_s=None, job="j-1",
                 made_ns=made_ns, expires_ns=made_ns + 600 * NS)
        )  # fmt: skip
        before = Seen(at_ns=made_ns, terminal="t", boot=7, uptime_s=5_000).plain()
        told = {"state": "unknown", "answer": "cut short", "before": before}
        orders.take_result(name, "a", told, now_ns=made_ns)
        now_ns = made_ns + 100 * NS
        newest = Sample(terminal="t", time_ns=now_ns, source="dish", outage="", boot=boot, uptime_s=uptime_s)
        found = look_again(orders, Rules(settings=Settings()), record, newest, now_ns=now_ns)
    assert found.state == becomes


def test_a_dish_on_our_own_path_is_stowed_through_its_agent_and_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dish that is polled from here too, an agent in a process of its own, our ingest, and a job."""
    monkeypatch.setattr(remote, "SURE_NS", 2 * NS)
    folder = tmp_path / "fleet"
    with ingest_here(folder) as here, site(tmp_path) as there:
        with Register(folder) as register:
            register.put_kits([Kit(id="K0", terminal=TERMINAL, site="Lviv", note="our_path = true")])
            register.put_dish(DishEntry(address=there.dishes.address(0), terminal=TERMINAL))
        database = here.at.agents.database
        Allowances(database).say("stow", allowed=True, by="olena", reason="a test", now_ns=0)
        asked = Asked(order=STOW, settings=Settings(canary_count=0, watch_minutes=1), terminals=[TERMINAL])

        def table():  # type: ignore[no-untyped-def]
            with looking(folder, None) as fleet:
                return table_of(fleet, fleet.survey())

        assert [one.why for one in make_plan(folder, table(), asked).left] == ["our-path"]
        there.enrol(here, allows=("stow",))
        with there.agent():
            wait_for(lambda: any(TERMINAL in one.sees for one in here.at.orders.contacts()))
            made = make_plan(folder, table(), asked)
            assert made.left == ()
            preview = ["fleet", "do", "stow", "--terminal", TERMINAL, "--data", str(tmp_path)]
            assert exit_code_of(preview) == 0
            assert "through agent site-1, reverts by itself after 10 minutes" in capsys.readouterr().out
            job = Job(
                id=new_id(), order=STOW, settings=asked.settings, chosen_by=asked.words, include=frozenset(),
                not_ours=frozenset(), site_sizes=site_sizes(table()), reason="snow", by="olena",
                made_ns=time.time_ns(),
            )  # fmt: skip
            Jobs(database).add(job, made)
            with Runner(folder=folder, clocks=Clocks(look_s=0.2)).at_work() as runner:
                ended = asyncio.run(asyncio.wait_for(runner.run(job.id, asyncio.Event()), 90))
            sent = here.at.orders.find(order_id(job.id, TERMINAL))
        [step] = Jobs(database).steps(job.id)
        assert (ended.state, step.state, step.answer) == ("done", "well", "agent site-1: yes")
        assert sent is not None
        assert sent.confirmed_ns is not None
        assert there.told() == ["stow"]
