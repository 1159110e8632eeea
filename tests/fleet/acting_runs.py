"""Jobs for tests: served dishes whose time goes fast, in a fleet's register, and a runner in step."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dish_fleet import Fleet, dish_fleet, dish_name
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.choosing import Asked, make_plan, site_sizes
from openleo.fleet.acting.jobs import Job, Jobs, Record, new_id
from openleo.fleet.acting.runner import Clocks, Runner
from openleo.fleet.database import FleetDatabase
from openleo.fleet.kits import Kit
from openleo.fleet.looking import looking
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.table.rows import Table, table_of

NS = 10**9


@dataclass
class Site:
    """Dishes, the folder of the fleet that has them, and time."""

    folder: Path
    dishes: Fleet
    running: threading.Event = field(default_factory=threading.Event)
    how: Callable[[int], dict[str, Any]] = lambda now_s: {}  # what each second brings

    def now_ns(self) -> int:
        return int(self.dishes.dishes.now_s) * NS

    def live(self, seconds: int) -> None:
        """Wait until the dishes have lived so long."""
        until_s = int(self.dishes.dishes.now_s) + seconds
        while int(self.dishes.dishes.now_s) < until_s:
            time.sleep(0.01)

    def clocks(self) -> Clocks:
        return Clocks(wall_ns=self.now_ns, look_s=0.03, timeout_s=3.0)

    def runner(self, **more: Any) -> Runner:
        return Runner(folder=self.folder, clocks=self.clocks(), **more)

    def allow(self, *actions: str) -> None:
        with FleetDatabase(self.folder) as database:
            for action in actions:
                Allowances(database).say(action, allowed=True, by="olena", reason="a test", now_ns=0)

    def table(self) -> Table:
        with looking(self.folder, None) as fleet:
            return table_of(fleet, fleet.survey())

    def add(self, asked: Asked, **more: Any) -> str:
        """Make a job; return its name."""
        table = self.table()
        made = make_plan(self.folder, table, asked)
        job = Job(
            id=new_id(), order=asked.order, settings=asked.settings, chosen_by=asked.words,
            include=frozenset(asked.include), not_ours=frozenset(asked.not_ours),
            site_sizes=site_sizes(table), reason="a test", by="olena", made_ns=self.now_ns(), **more,
        )  # fmt: skip
        with FleetDatabase(self.folder) as database:
            Jobs(database).add(job, made)
        return job.id

    def run(self, name: str, **more: Any) -> Job:
        """Do a job to its end."""
        with self.runner(**more).at_work() as runner:
            return asyncio.run(runner.run(name, asyncio.Event()))

    def steps(self, name: str) -> dict[str, Record]:
        with FleetDatabase(self.folder) as database:
            return {step.terminal: step for step in Jobs(database).steps(name)}

    def told(self, action: str) -> list[int]:
        """Return the rows of the dishes that got a command, in order."""
        return [command.row for command in self.dishes.commands if command.act == action]


@contextmanager
def site(
    tmp_path: Path, count: int, *, sites: Sequence[str] = ("Lviv",), kits: Sequence[Kit] | None = None
) -> Iterator[Site]:
    """Serve dishes of kits at sites, in turn; three of their seconds pass in each fiftieth of ours."""
    with dish_fleet(count) as dishes:
        folder = tmp_path / "fleet"
        with Register(folder) as register:
            register.put_kits(
                kits
                or [
                    Kit(id=f"K{row}", terminal=dish_name(row), site=sites[row % len(sites)])
                    for row in range(count)
                ]
            )
            for row in range(count):
                register.put_dish(DishEntry(address=dishes.address(row), terminal=dish_name(row)))
        here = Site(folder, dishes)
        stop = threading.Event()

        def tick() -> None:
            while not stop.wait(0.02):
                now_s = int(dishes.dishes.now_s)
                dishes.advance(3, **here.how(now_s))

        ticking = threading.Thread(target=tick)
        ticking.start()
        try:
            yield here
        finally:
            stop.set()
            ticking.join(30)
