"""Jobs on served dishes: who is told, in which order, what is seen after, and what ends a job."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from acting_runs import NS, site

from dish_fleet import dish_name
from openleo.fleet.acting.allowed import Allowances, NotAllowed
from openleo.fleet.acting.choosing import Asked
from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Hop, Routes, Way, judge
from openleo.fleet.acting.plan import Settings
from openleo.fleet.database import FleetDatabase
from openleo.fleet.durable import AlreadyRuns
from openleo.fleet.kits import Kit
from openleo.fleet.register import Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.snapshot.causes import Cause

REBOOT = Order(action="reboot")
FAST = Settings(canary_count=1, watch_minutes=5, per_minute=60, site_percent=100)
ALL = Asked(order=REBOOT, settings=FAST, where="all")


def test_a_reboot_is_off_until_somebody_allows_it(tmp_path: Path) -> None:
    with site(tmp_path, 1) as here:
        with pytest.raises(NotAllowed) as refused:
            here.add(ALL)
        assert "openleo fleet allow reboot" in refused.value.hint
        here.allow("reboot")
        name = here.add(ALL)
        with FleetDatabase(here.folder) as database:
            Allowances(database).say("reboot", allowed=False, by="ivan", reason="storm", now_ns=1)
        assert here.run(name).says.startswith("ivan forbade reboot")
        assert here.told("reboot") == []


def test_a_fleet_is_rebooted_canary_first_and_each_is_seen_to_be_back(tmp_path: Path) -> None:
    with site(tmp_path, 4, sites=("Lviv", "Kyiv")) as here:
        here.allow("reboot")
        name = here.add(ALL)
        job = here.run(name)
        steps = here.steps(name)
        assert job.state == "done"
        assert {s.state for s in steps.values()} == {"well"}
        first, *others = sorted(steps.values(), key=lambda s: s.told_ns or 0)
        assert first.canary
        assert all((s.told_ns or 0) >= (first.told_ns or 0) + 300 * NS for s in others), "watched for 5 min"
        assert sorted(here.told("reboot")) == [0, 1, 2, 3]
        for step in steps.values():
            assert step.before
            assert step.after
            assert step.before.boot
            assert step.after.boot
            assert step.after.boot == step.before.boot + 1
            assert step.answer == "yes"
        with TelemetryStore(here.folder) as store:
            assert {s.terminal for s in store.latest().values()} == set(steps), "what was seen is telemetry"


def test_a_canary_that_does_not_come_back_stops_the_job(tmp_path: Path) -> None:
    with site(tmp_path, 3) as here:
        here.allow("reboot")
        name = here.add(ALL)
        here.how = lambda _: {"cause": Cause.NO_SATS} if here.told("reboot") else {}
        job = here.run(name)
        assert job.state == "stopped"
        assert "nobody else is told" in job.says
        assert len(here.told("reboot")) == 1
        assert sorted(s.state for s in here.steps(name).values()) == ["waiting", "waiting", "worse"]


def test_a_stopped_job_goes_on_and_tells_nobody_twice(tmp_path: Path) -> None:
    with site(tmp_path, 3) as here:
        here.allow("reboot")
        name = here.add(ALL)
        here.how = lambda _: {"cause": Cause.NO_SATS} if here.told("reboot") else {}
        here.run(name)
        here.how = lambda _: {}
        here.live(30)
        with FleetDatabase(here.folder) as database:
            Jobs(database).resume(name, by="olena", reason="it was the weather", now_ns=here.now_ns())
        assert here.run(name).state == "done"
        assert sorted(here.told("reboot")) == [0, 1, 2]


def test_stow_ends_well_when_the_dish_is_stowed_and_unstow_is_never_kept_from_anybody(tmp_path: Path) -> None:
    with site(tmp_path, 2) as here:
        here.allow("stow")
        name = here.add(Asked(order=Order(action="stow"), settings=FAST, where="all"))
        assert here.run(name).state == "done"
        assert {s.after.stowed for s in here.steps(name).values() if s.after} == {True}
        back = here.add(Asked(order=Order(action="unstow"), settings=FAST, where="all"))
        assert here.run(back).state == "done"
        assert {s.after.online for s in here.steps(back).values() if s.after} == {True}


@pytest.mark.parametrize(
    "order",
    [
        Order(action="sleep", start_min=60, minutes=30),
        Order(action="sleep", minutes=1, enable=False),
        Order(action="inhibit-gps"),
        Order(action="clear-map"),
    ],
    ids=lambda order: order.says(),
)
def test_the_other_orders_are_told_and_seen(tmp_path: Path, order: Order) -> None:
    with site(tmp_path, 1) as here:
        here.allow("sleep")
        name = here.add(Asked(order=order, settings=FAST, where="all"))
        assert here.run(name).state == "done"
        assert {s.state for s in here.steps(name).values()} == {"well"}


def test_a_life_critical_terminal_is_left_out_until_it_is_named_again(tmp_path: Path) -> None:
    kits = [
        Kit(id="K0", terminal=dish_name(0), site="clinic", life_critical=True),
        Kit(id="K1", terminal=dish_name(1), site="school"),
    ]
    with site(tmp_path, 2, kits=kits) as here:
        here.allow("reboot")
        name = here.add(ALL)
        with FleetDatabase(here.folder) as database:
            assert [(one.terminal, one.why) for one in Jobs(database).left(name)] == [
                (dish_name(0), "life-critical")
            ]
        here.run(name)
        assert here.told("reboot") == [1]
        again = here.add(Asked(order=REBOOT, settings=FAST, terminals=[dish_name(0)], include=[dish_name(0)]))
        assert here.run(again).state == "done"
        assert here.told("reboot") == [1, 0]


def test_one_that_becomes_life_critical_meanwhile_is_not_told(tmp_path: Path) -> None:
    with site(tmp_path, 1) as here:
        here.allow("reboot")
        name = here.add(ALL)
        with Register(here.folder) as register:
            register.put_kits([Kit(id="K0", terminal=dish_name(0), life_critical=True)])
        here.run(name)
        assert here.told("reboot") == []
        assert here.steps(name)[dish_name(0)].state == "left"


def test_one_that_turns_out_to_stand_for_a_protected_kit_is_not_told(tmp_path: Path) -> None:
    """Its dish is asked for a life-critical kit, of which people told another terminal."""
    with site(tmp_path, 1) as here:
        here.allow("reboot")
        name = here.add(ALL)
        with Register(here.folder) as register:
            register.put_kits([Kit(id="K9", terminal="ut-gone", life_critical=True)])
            (dish,) = register.dishes()
            register.put_dish(replace(dish, kit="K9"))
        here.run(name)
        assert here.told("reboot") == []
        assert here.steps(name)[dish_name(0)].state == "left"


class OurPath(Routes):
    """Routes of a machine whose way out is that of its dishes."""

    def way(self, address: str, source: str = "", note: str = "") -> Way:
        import ipaddress

        hop = Hop(source="192.168.1.20", interface="eth0", gateway="192.168.1.1")
        return judge(ipaddress.ip_address("192.168.100.1"), hop, [hop])


def test_a_dish_that_has_become_our_own_way_out_is_not_told(tmp_path: Path) -> None:
    with site(tmp_path, 1) as here:
        here.allow("reboot")
        name = here.add(ALL)
        assert here.run(name, routes=OurPath).state == "done"
        assert here.told("reboot") == []
        step = here.steps(name)[dish_name(0)]
        assert (step.state, "our own way" in step.answer) == ("left", True)


def test_a_note_in_the_register_keeps_a_dish_from_what_would_cut_us_off(tmp_path: Path) -> None:
    kits = [Kit(id="K0", terminal=dish_name(0), note="roof; our_path = true")]
    with site(tmp_path, 1, kits=kits) as here:
        here.allow("reboot", "stow")
        name = here.add(Asked(order=REBOOT, settings=FAST, where="all", include=[], not_ours=[dish_name(0)]))
        assert here.run(name).state == "done"
        assert here.told("reboot") == []
        unstow = here.add(Asked(order=Order(action="unstow"), settings=FAST, where="all"))
        assert here.run(unstow).state == "done"
        assert here.told("unstow") == [0], "what cannot cut us off is told"


def test_another_terminal_at_the_address_is_not_told(tmp_path: Path) -> None:
    with site(tmp_path, 1) as here:
        here.allow("reboot")
        with Register(here.folder) as register:
            (entry,) = register.dishes()
            register.put_dish(type(entry)(address=entry.address, terminal="ut-other"))
            register.put_kits([Kit(id="K9", terminal="ut-other")])
        name = here.add(Asked(order=REBOOT, settings=FAST, terminals=["ut-other"]))
        here.run(name)
        assert here.told("reboot") == []
        assert "another terminal answers there" in here.steps(name)["ut-other"].answer


def test_at_most_a_share_of_a_site_is_away_at_once(tmp_path: Path) -> None:
    with site(tmp_path, 4) as here:
        here.allow("reboot")
        half = Settings(canary_count=0, watch_minutes=5, per_minute=600, site_percent=50)
        name = here.add(Asked(order=REBOOT, settings=half, where="all"))
        assert here.run(name).state == "done"
        spans = [(s.told_ns or 0, s.settled_ns or 0) for s in here.steps(name).values()]
        assert max(sum(a <= t < b for a, b in spans) for t, _ in spans) == 2


def test_a_job_never_has_more_of_a_site_stowed_than_its_share(tmp_path: Path) -> None:
    """Of a plan that was made before others of the site went dark."""
    with site(tmp_path, 4) as here:
        here.allow("stow")
        half = Settings(canary_count=0, watch_minutes=5, per_minute=600, site_percent=50)
        name = here.add(Asked(order=Order(action="stow"), settings=half, where="all"))
        assert len(here.steps(name)) == 2
        others = [dish_name(n) for n in range(4) if dish_name(n) not in here.steps(name)]
        with TelemetryStore(here.folder) as store:
            store.add(
                [Sample(terminal=others[0], time_ns=here.now_ns(), source="dish", outage="NO_SATS")]
            )  # fmt: skip
        job = here.run(name)
        assert job.state == "stopped"
        assert "of site Lviv are away" in job.says
        assert len(here.told("stow")) == 1


def test_only_one_openleo_does_the_jobs_of_a_fleet(tmp_path: Path) -> None:
    with (
        site(tmp_path, 1) as here, here.runner().at_work(), pytest.raises(AlreadyRuns),
        here.runner().at_work(),
    ):  # fmt: skip
        pass


def test_a_job_that_a_person_stops_tells_nobody_more(tmp_path: Path) -> None:
    with site(tmp_path, 3) as here:
        here.allow("reboot")
        slow = Settings(canary_count=0, watch_minutes=5, per_minute=0.1, site_percent=100)
        name = here.add(Asked(order=REBOOT, settings=slow, where="all"))

        async def work() -> None:
            with here.runner().at_work() as runner:
                doing = asyncio.create_task(runner.run(name, asyncio.Event()))
                while not here.told("reboot"):
                    await asyncio.sleep(0.01)
                runner.jobs.end(name, "stopped", by="olena", says="enough", now_ns=here.now_ns())
                await doing

        asyncio.run(work())
        assert len(here.told("reboot")) == 1


KILLED = """
import asyncio, sys
from pathlib import Path
from openleo.fleet.acting import runner as module

tell = module.tell
async def told_and_killed(dish, order):
    await tell(dish, order)
    print("told", flush=True)
    await asyncio.sleep(60)
if sys.argv[3] == "after":
    module.tell = told_and_killed
else:
    async def before(dish, order):
        print("told", flush=True)
        await asyncio.sleep(60)
    module.tell = before
with module.Runner(folder=Path(sys.argv[1])).at_work() as runner:
    asyncio.run(runner.run(sys.argv[2], asyncio.Event()))
"""


@pytest.mark.parametrize("when", ["after", "before"])
def test_a_runner_that_is_killed_while_it_tells_leaves_a_job_that_tells_each_dish_once(
    tmp_path: Path, when: str
) -> None:
    """Killed after the dish got it, or before: the dish itself says which, by its count of starts."""
    with site(tmp_path, 2) as here:
        here.allow("reboot")
        name = here.add(ALL)
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(here.folder), name, when], stdout=subprocess.PIPE,
            env=os.environ,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"told\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        (begun,) = [s for s in here.steps(name).values() if s.state != "waiting"]
        assert begun.state == "sending"
        _as_of_now(here.folder, name, begun.terminal, here.now_ns())
        assert here.run(name).state == "done"
        assert sorted(here.told("reboot")) == [0, 1]


def _as_of_now(folder: Path, job: str, terminal: str, now_ns: int) -> None:
    """The killed process kept to our clock; the dishes' time is another, so that of its record is set."""
    from dataclasses import replace

    with FleetDatabase(folder) as database:
        jobs = Jobs(database)
        step = next(s for s in jobs.steps(job) if s.terminal == terminal)
        assert step.before is not None
        before = replace(step.before, at_ns=now_ns)
        jobs.put(replace(step, told_ns=now_ns, before=before))


def test_a_job_that_broke_off_long_ago_is_not_taken_up_by_itself(tmp_path: Path) -> None:
    with site(tmp_path, 1) as here:
        here.allow("reboot")
        name = here.add(ALL)
        late = here.runner()
        late.clocks = type(late.clocks)(wall_ns=lambda: here.now_ns() + 2 * 3_600 * NS)
        with late.at_work() as runner:
            runner.leave_old()
            assert runner.jobs.need(name).state == "stopped"
        assert here.told("reboot") == []
