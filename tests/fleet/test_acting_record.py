"""What the record of a job says once its agents, and time, have gone on without it."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acting_runs import site as site_here
from order_runs import NS, TERMINAL, Site, site, wait_for
from servers_here import Here, ingest_here

from openleo.cli._main import exit_code_of
from openleo.fleet.acting import remote
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.choosing import Asked
from openleo.fleet.acting.desk import Desk
from openleo.fleet.acting.jobs import Job, Jobs, Record
from openleo.fleet.acting.judging import Seen, how_it_ended
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Candidate, Plan, Settings
from openleo.fleet.acting.runner import Clocks, Runner
from openleo.fleet.acting.through import Contact, Orders, Sent, order_id
from openleo.fleet.database import FleetDatabase
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

Capture = pytest.CaptureFixture[str]
STOW = Order(action="stow")


def told(capsys: Capture, *args: str, data: Path, code: int = 0) -> str:
    assert exit_code_of(["fleet", "jobs", *args, "--data", str(data)]) == code
    out, err = capsys.readouterr()
    return out + err


def shown(capsys: Capture, job: str, data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(capsys, "show", job, "--format", "json", data=data))
    return found


def make(folder: Path, name: str = "j-1", *terminals: str, **more: Any) -> Job:
    """Make a job that stows terminals, which no dish of ours has."""
    now_ns = time.time_ns()
    job = Job(
        id=name, order=STOW, settings=Settings(canary_count=0, watch_minutes=1), chosen_by="all",
        include=frozenset(), not_ours=frozenset(), site_sizes={}, reason="snow", by="olena",
        **{"made_ns": now_ns, **more},
    )  # fmt: skip
    with FleetDatabase(folder) as database:
        Allowances(database).say("stow", allowed=True, by="olena", reason="a test", now_ns=now_ns)
        chosen = tuple(Candidate(terminal=one) for one in terminals or ("t",))
        Jobs(database).add(job, Plan(chosen=chosen, canaries=0, left=()))
    return job


def heard(orders: Orders, agent: str = "a", *, ago_s: float = 0, sees: tuple[str, ...] = ("t",)) -> None:
    orders.note(
        Contact(agent=agent, at_ns=time.time_ns() - int(ago_s * NS), can=frozenset({"stow"}),
                sees=frozenset(sees), reverts=True, version="1")
    )  # fmt: skip


def begin(folder: Path, job: Job, terminal: str = "t", *, made_ns: int | None = None) -> str:
    """Leave an order to agent a, as a job that runs does; return its name."""
    now_ns = made_ns or time.time_ns()
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        step = next(s for s in Jobs(database).steps(job.id) if s.terminal == terminal)
        sent = remote.give(orders, job, terminal, "a", now_ns=now_ns)
        kept = {name: getattr(step, name) for name in ("terminal", "site", "canary", "job", "life_critical")}
        Jobs(database).put(Record(**kept, state="sending", told_ns=now_ns))
    return sent.id


def result(folder: Path, order: str, state: str, at_ns: int | None = None) -> None:
    now_ns = at_ns or time.time_ns()
    with Orders.of(folder) as orders:
        before = Seen(at_ns=now_ns, terminal="t", stowed=False).plain()
        orders.take_result(order, "a", {"state": state, "answer": "yes", "before": before}, now_ns=now_ns)


def tell_of(folder: Path, at_ns: int, *, stowed: bool) -> None:
    with TelemetryStore(folder) as store:
        outage = "STOWED" if stowed else ""
        store.add([Sample(terminal="t", time_ns=at_ns, source="dish", outage=outage, stowed=stowed)])


def test_what_an_agent_undid_after_its_job_was_stopped_is_in_the_record(
    tmp_path: Path, capsys: Capture
) -> None:
    folder, now_ns = tmp_path / "fleet", time.time_ns()
    job = make(folder)
    order = begin(folder, job)
    result(folder, order, "done", now_ns)
    tell_of(folder, now_ns + 1, stowed=True)
    stopped = told(capsys, "stop", "j-1", "--reason", "enough", data=tmp_path)
    assert "1 terminal is undone by their agents by" in stopped
    assert "agent a undoes it by" in stopped
    (step,) = shown(capsys, "j-1", tmp_path)["steps"]
    assert (step["state"], step["after"]) == ("acknowledged", "dark: STOWED")
    result(folder, order, "reverted")
    (step,) = shown(capsys, "j-1", tmp_path)["steps"]
    assert (step["state"], step["after"]) == ("worse", ""), "nobody has seen it since"
    assert step["answer"] == "agent a undid it by itself: it was not confirmed"
    assert step["note"] == ""
    tell_of(folder, time.time_ns(), stowed=True)  # it takes a while to unfold
    assert shown(capsys, "j-1", tmp_path)["steps"][0]["after"] == "dark: STOWED"
    tell_of(folder, time.time_ns(), stowed=False)
    for _ in range(2):
        (step,) = shown(capsys, "j-1", tmp_path)["steps"]
        assert step["after"] == "online"
    assert shown(capsys, "j-1", tmp_path)["counts"] == {"worse": 1}
    assert "1 worse" in told(capsys, "list", data=tmp_path)


def test_one_that_was_well_and_is_undone_after_all_is_well_no_more(tmp_path: Path, capsys: Capture) -> None:
    """The confirmation did not reach its agent in time."""
    folder, now_ns = tmp_path / "fleet", time.time_ns()
    order = begin(folder, make(folder))
    result(folder, order, "done", now_ns - 100 * NS)
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        orders.confirm(order, now_ns=now_ns)
        tell_of(folder, now_ns, stowed=True)
        jobs = Jobs(database)
        jobs.end("j-1", "done", by="openleo", says="done", now_ns=now_ns)
    assert shown(capsys, "j-1", tmp_path)["counts"] == {"well": 1}
    result(folder, order, "reverted")
    assert shown(capsys, "j-1", tmp_path)["counts"] == {"worse": 1}


@pytest.mark.parametrize(("said", "becomes"), [("refused", "refused"), ("unreachable", "unreachable")])
def test_what_an_agent_says_after_its_job_gave_it_up_is_in_the_record(
    tmp_path: Path, capsys: Capture, said: str, becomes: str
) -> None:
    folder, long_ago_ns = tmp_path / "fleet", time.time_ns() - 3_600 * NS
    order = begin(folder, make(folder, made_ns=long_ago_ns), made_ns=long_ago_ns)
    with Orders.of(folder) as orders:
        given = orders.next_of("a", {"t"}, may=lambda _: "", now_ns=long_ago_ns)
        assert given is not None
    (step,) = shown(capsys, "j-1", tmp_path)["steps"]
    assert (step["state"], "has not said" in step["answer"]) == ("worse", True)
    assert step["at"] is None, "nobody knows that it was told"
    result(folder, order, said)
    (step,) = shown(capsys, "j-1", tmp_path)["steps"]
    assert step["state"] == becomes


def test_what_no_agent_was_given_waits_when_its_job_is_stopped_and_is_not_told_to_be_told(
    tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "fleet"
    job = make(folder, "j-1", "t", "u")
    with Orders.of(folder) as orders:
        heard(orders, ago_s=300)
    for terminal in ("t", "u"):
        begin(folder, job, terminal)
    before = shown(capsys, "j-1", tmp_path)
    assert {(s["state"], s["at"], s["answer"]) for s in before["steps"]} == {("sending", None, "")}
    assert all("agent a was not heard since" in s["note"] for s in before["steps"])
    assert any("agent a was not heard since" in note for note in before["notes"])
    assert "agent a was not heard since" in told(capsys, "list", data=tmp_path)
    told(capsys, "stop", "j-1", "--reason", "it is dead", data=tmp_path)
    after = shown(capsys, "j-1", tmp_path)
    assert (after["counts"], after["notes"]) == ({"waiting": 2}, [])
    with Orders.of(folder) as orders:
        assert orders.next_of("a", {"t", "u"}, may=lambda _: "", now_ns=time.time_ns()) is None


def test_an_order_that_is_withdrawn_while_it_is_asked_for_is_not_given(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    begin(folder, make(folder))
    with Orders.of(folder) as orders:

        def stopped_meanwhile(sent: Sent) -> str:
            orders.withdraw(sent.job, "stopped")
            return ""

        assert orders.next_of("a", {"t"}, may=stopped_meanwhile, now_ns=time.time_ns()) is None


def test_one_killed_between_an_order_and_its_record_is_not_told_twice(
    tmp_path: Path, capsys: Capture
) -> None:
    """The order is there, and the step says that it waits: it was given, or will be."""
    folder = tmp_path / "fleet"
    job = make(folder)
    with Orders.of(folder) as orders:
        remote.give(orders, job, "t", "a", now_ns=time.time_ns())
    assert shown(capsys, "j-1", tmp_path)["counts"] == {"sending": 1}


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"well": 4}, "every terminal was told, and looked at after"),
        ({"well": 1, "left": 3}, "1 was told, and looked at after; 3 were not told"),
        ({"well": 2, "worse": 1, "refused": 1}, "3 were told, and looked at after: 1 worse; 1 refused"),
        ({"left": 1, "unreachable": 2}, "3 were not told"),
        ({"unreachable": 1}, "1 was not told"),
    ],
)
def test_the_closing_line_of_a_job_says_what_became_of_it(counts: dict[str, int], says: str) -> None:
    assert how_it_ended(counts) == says


def test_a_job_that_told_nobody_does_not_say_that_it_did(tmp_path: Path) -> None:
    make(tmp_path, "j-1", "t", "u")  # no dish of theirs is polled from here
    with Runner(folder=tmp_path).at_work() as runner:
        ended = asyncio.run(runner.run("j-1", asyncio.Event()))
    assert (ended.state, ended.says) == ("done", "2 were not told")


# Agents in processes of their own.


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ingest_here(tmp_path / "fleet") as one:
        yield one


@pytest.fixture
def there(tmp_path: Path, here: Here) -> Iterator[Site]:
    with site(tmp_path) as one:
        one.enrol(here, allows=("stow",))
        yield one


def known(here: Here) -> bool:
    return any(TERMINAL in one.sees for one in here.at.orders.contacts())


async def run_until(folder: Path, holds: Any) -> None:
    """Do a job until something holds, and leave it, as one that is killed does."""
    stop = asyncio.Event()
    with Runner(folder=folder, clocks=Clocks(look_s=0.1)).at_work() as runner:
        doing = asyncio.create_task(runner.run("j-1", stop))
        async with asyncio.timeout(30):
            while not holds(runner.jobs.steps("j-1")[0]):
                await asyncio.sleep(0.05)
        stop.set()
        await doing


def test_a_job_stopped_while_its_agent_was_dead_tells_on_resume_who_was_not_told(
    tmp_path: Path, here: Here, there: Site, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(remote, "SURE_NS", 2 * NS)
    folder = tmp_path / "fleet"
    with there.agent():
        wait_for(lambda: known(here))
    make(folder, "j-1", TERMINAL)
    asyncio.run(run_until(folder, lambda step: step.state == "sending"))
    stopped = told(capsys, "stop", "j-1", "--reason", "its agent is dead", data=tmp_path)
    assert "1 waiting" in stopped
    with there.agent():
        asked_ns = time.time_ns()
        wait_for(lambda: here.at.orders.contacts()[0].at_ns > asked_ns)
        assert there.told() == []
        monkeypatch.setattr("openleo.fleet.acting.runner._LOOK_S", 0.2)
        resumed = told(capsys, "resume", "j-1", "--reason", "agent is back", data=tmp_path)
    assert "done: every terminal was told, and looked at after" in resumed
    assert there.told() == ["stow"]
    found = shown(capsys, "j-1", tmp_path)
    assert (found["counts"], found["steps"][0]["answer"]) == ({"well": 1}, "agent site-1: yes")
    assert here.at.orders.find(order_id("j-1", TERMINAL, 1)) is not None, "another order, good once"


def test_a_dish_that_its_agent_unstowed_when_no_job_ran_is_not_told_to_be_stowed(
    tmp_path: Path, here: Here, there: Site, capsys: Capture
) -> None:
    folder = tmp_path / "fleet"
    make(folder, "j-1", TERMINAL)
    with there.agent():
        wait_for(lambda: known(here))
        asyncio.run(run_until(folder, lambda step: step.after is not None and step.after.stowed))
        told(capsys, "stop", "j-1", "--reason", "enough", data=tmp_path)
    there.waits_since(600)
    with there.agent():
        wait_for(lambda: "online" in shown(capsys, "j-1", tmp_path)["steps"][0]["after"], seconds=60)
    (step,) = shown(capsys, "j-1", tmp_path)["steps"]
    assert there.told() == ["stow", "unstow"]
    assert (step["state"], "undid it by itself" in step["answer"]) == ("worse", True)


# Who does a fleet's jobs.


def test_jobs_say_behind_which_they_wait_and_where_nobody_does_them(tmp_path: Path, capsys: Capture) -> None:
    folder, now_ns = tmp_path / "fleet", time.time_ns()
    for n in range(1, 4):
        make(folder, f"j-{n}", "t", made_ns=now_ns + n)
    listed = told(capsys, "list", data=tmp_path)
    assert listed.count("nobody does this fleet's jobs just now: `openleo fleet serve` does") == 3
    assert "waits behind j-1, j-2" in listed
    assert "running" not in listed

    def stands(name: str) -> tuple[bool, str]:
        with Desk.of(folder, now_ns=time.time_ns()) as desk:
            found = desk.stands(desk.jobs.need(name))
            return found.waits, found.says

    with FleetDatabase(folder) as database:
        Jobs(database).take_up("j-3")  # and its openleo was killed
    with Runner(folder=folder).at_work() as runner:
        assert stands("j-1") == (True, "waits: it is next")
        runner.jobs.take_up("j-2")  # the first was resumed while it was being done
        runner.jobs.say("j-2", "keeps its pace")
        assert stands("j-2") == (False, "keeps its pace")
        assert stands("j-1") == (True, "waits behind j-2")
        assert stands("j-3") == (True, "waits behind j-1, j-2")
        rows = told(capsys, "list", data=tmp_path).splitlines()
        assert [row.split()[:3:2] for row in rows[1:]] == [
            ["j-3", "waiting"],
            ["j-2", "running"],
            ["j-1", "waiting"],
        ]
    assert stands("j-2")[1].startswith("nobody does")


@pytest.mark.parametrize("how", ["do", "resume"])
def test_a_job_of_the_command_line_goes_after_those_made_before_it(
    tmp_path: Path, capsys: Capture, how: str
) -> None:
    with site_here(tmp_path, 2) as here:
        unstow = Asked(order=Order(action="unstow"), settings=Settings(canary_count=0, watch_minutes=1),
                       terminals=[])  # fmt: skip
        from dataclasses import replace

        from dish_fleet import dish_name

        first = here.add(replace(unstow, terminals=[dish_name(0)]))
        with FleetDatabase(here.folder) as database, database.changing() as conn:
            conn.execute("UPDATE jobs SET made_ns = ?", (time.time_ns(),))
        if how == "do":
            args = ["do", "unstow", "--terminal", dish_name(1), "--canary", "0", "--watch", "1m", "--go",
                    "--reason", "r"]  # fmt: skip
        else:
            late = here.add(replace(unstow, terminals=[dish_name(1)]))
            with FleetDatabase(here.folder) as database, database.changing() as conn:
                conn.execute("UPDATE jobs SET made_ns = ? WHERE id = ?", (time.time_ns(), late))
            args = ["jobs", "resume", late, "--reason", "r"]
        assert exit_code_of(["fleet", *args, "--data", str(tmp_path)]) == 0
        err = capsys.readouterr().err
        assert f"job {first} was made before it, and goes first" in err
        assert here.told("unstow") == [0, 1]


def test_a_server_takes_up_a_resumed_job_before_those_made_after_it(tmp_path: Path) -> None:
    """One that is being done is done first; whichever of the others is oldest comes next."""
    folder, now_ns, done = tmp_path / "fleet", time.time_ns(), []
    for n in range(1, 4):
        make(folder, f"j-{n}", "t", made_ns=now_ns + n)
    with Runner(folder=folder).at_work() as runner:
        jobs = runner.jobs
        jobs.end("j-1", "stopped", by="olena", says="later", now_ns=now_ns)

        def tells(line: str) -> None:
            if line.startswith("job "):
                done.append(line.split()[1])
                if done == ["j-2"]:
                    jobs.resume("j-1", by="olena", reason="now", now_ns=now_ns)
                if len(done) == 3:
                    stop.set()

        stop, runner.tells = asyncio.Event(), tells

        async def work() -> None:
            async with asyncio.timeout(30):
                await runner.run_all(stop)

        asyncio.run(work())
    assert done == ["j-2", "j-1", "j-3"]
