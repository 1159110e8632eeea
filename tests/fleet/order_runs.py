"""Orders for tests: a served dish that can be told, our ingest, an agent in a process of its own."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers_here import Here

import dish_fleet
from dish_fleet import Fleet, dish_name
from openleo.fleet import agent_home
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.jobs import Job, Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Plan, Settings
from openleo.fleet.acting.through import Sent
from openleo.fleet.agent_orders import OrderBook
from openleo.fleet.register import DishEntry
from openleo.fleet.web import Server

NS = 10**9
TERMINAL = dish_name(0)

# The agent as `openleo agent run` has it, but that it asks more often; ``{held}`` is where it is held up.
RUNS = """
import asyncio, sys
from pathlib import Path
from openleo.fleet import agent_acting
from openleo.fleet.agent import Agent
from openleo.fleet.agent_home import own_key, read_settings

agent_acting.LEAST_REVERT_S = 1
agent_acting._MOST_S = 0.5
look, tell = agent_acting.look, agent_acting.tell

async def hang():
    print("held", flush=True)
    await asyncio.sleep(600)

async def before_the_dish_is_looked_at(*a, **k):
    await hang()

async def before_it_is_told(*a):
    await hang()

async def after_it_was_told(*a):
    await tell(*a)
    await hang()

async def before_it_is_reported(self, kept):
    await hang()

held = sys.argv[2]
if held == "looking":
    agent_acting.look = before_the_dish_is_looked_at
elif held == "telling":
    agent_acting.tell = before_it_is_told
elif held == "told":
    agent_acting.tell = after_it_was_told
elif held == "reporting":
    agent_acting.OrderTaker._report = before_it_is_reported
folder = Path(sys.argv[1])
agent = Agent(folder, read_settings(folder), own_key(folder), poll_s=0.2)
asyncio.run(agent.run(asyncio.Event()))
"""


def wait_for(holds: Callable[[], bool], *, seconds: float = 25.0) -> None:
    until_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until_s, "it did not come about"
        time.sleep(0.05)


@dataclass
class Site:
    """A dish whose seconds go by with ours, and the folder of the agent that watches it."""

    folder: Path
    dishes: Fleet
    names: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """Return what the dish was told, in order."""
        return [command.act for command in self.dishes.commands]

    def enrol(self, here: Here, name: str = "site-1", *, allows: tuple[str, ...] = ()) -> None:
        dishes = (DishEntry(address=self.dishes.address(0)),)
        agent_home.enrol(self.folder, here.agent(name), Server(here.url), dishes)
        self.allow(*allows)

    def allow(self, *actions: str) -> None:
        with OrderBook(self.folder) as book:
            for action in actions:
                book.allow(action, allowed=True)

    @contextmanager
    def agent(self, held: str = "") -> Iterator["subprocess.Popen[bytes]"]:
        """Run the agent, held up somewhere; it is killed at the end."""
        process = subprocess.Popen(
            [sys.executable, "-c", RUNS, str(self.folder), held], stdout=subprocess.PIPE, env=dict(os.environ)
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def killed_while(self, held: str) -> None:
        """Run the agent until it is held up there, and kill it (SIGKILL)."""
        with self.agent(held) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"

    def waits_since(self, seconds: float) -> None:
        """Let time pass for what is armed, as where the agent's computer was off for so long."""
        with OrderBook(self.folder) as book, book._changing() as db:
            db.execute("UPDATE orders SET told_ns = told_ns - ?", (int(seconds * NS),))


@contextmanager
def site(tmp_path: Path) -> Iterator[Site]:
    with dish_fleet.dish_fleet(1, start_s=int(time.time()) - 121) as dishes:
        stop = threading.Event()

        def tick() -> None:
            while not stop.wait(0.1):
                behind = int(time.time()) - int(dishes.dishes.now_s)
                if behind > 0:
                    dishes.advance(behind)

        ticking = threading.Thread(target=tick)
        ticking.start()
        try:
            yield Site(tmp_path / "site" / "agent", dishes)
        finally:
            stop.set()
            ticking.join(30)


def give(here: Here, action: str, *, agent: str = "site-1", job: str = "j-1", **more: Any) -> str:
    """Make an order, as a job that runs does; return its name."""
    database, now_ns = here.at.agents.database, time.time_ns()
    order = Order(action=action, **more.pop("order", {}))
    Allowances(database).say(action, allowed=True, by="olena", reason="a test", now_ns=now_ns)
    one = Job(
        id=job, order=order, settings=Settings(), chosen_by="all", include=frozenset(), not_ours=frozenset(),
        site_sizes={}, reason="a test", by="olena", made_ns=now_ns,
    )  # fmt: skip
    Jobs(database).add(one, Plan(chosen=(), canaries=0, left=()))
    told = {
        "id": f"o-{job}", "agent": agent, "terminal": TERMINAL, "order": order, "job": job,
        "revert_after_s": 600 if action in ("stow", "sleep") else None, "made_ns": now_ns,
        "expires_ns": now_ns + 600 * NS,
    }  # fmt: skip
    sent = Sent(**{**told, **more})
    here.at.orders.add(sent)
    return sent.id


def state(here: Here, order: str) -> str:
    found = here.at.orders.find(order)
    assert found is not None
    return found.state
