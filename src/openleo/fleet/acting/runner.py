"""Doing jobs: telling dishes one after another, and looking how they fare.

One runner works with a fleet's folder at a time.  What it is about to do is on disk before it does it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from openleo.base.errors import OpenleoError, Refused
from openleo.dish.reading import Dish, DishError
from openleo.fleet.acting.allowed import Allowances, NotAllowed
from openleo.fleet.acting.carrying import catch_up
from openleo.fleet.acting.desk import LOCK
from openleo.fleet.acting.eyes import look, sample_of
from openleo.fleet.acting.jobs import Job, Jobs, Record
from openleo.fleet.acting.judging import Seen, how_it_ended, judge, judge_unknown
from openleo.fleet.acting.orders import tell
from openleo.fleet.acting.path import Routes, is_noted, way_of
from openleo.fleet.acting.plan import (
    OPEN,
    SECOND_NS,
    Candidate,
    Rules,
    goes_through,
    next_move,
    why_left,
)
from openleo.fleet.acting.remote import give, look_again
from openleo.fleet.acting.standing import Darkness
from openleo.fleet.acting.through import Orders, ways_through
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.dish_samples import printable
from openleo.fleet.durable import only_one
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.tied import guarded, tied_kits
from openleo.fleet.why.inputs import Subject

RUNNER: Final = "openleo"
_LOOK_S: Final = 5.0
_TIMEOUT_S: Final = 6.0
_MOST_AT_ONCE: Final = 32
_AGAIN_S: Final = 5.0
_OLD_NS: Final = 3_600 * SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Where time comes from, and how long things take."""

    wall_ns: Callable[[], int] = time.time_ns
    look_s: float = _LOOK_S
    timeout_s: float = _TIMEOUT_S


@dataclass(kw_only=True)
class Runner:
    """Does the jobs of a fleet's folder; ``tells`` hears each line that a person may want to read."""

    folder: Path
    routes: Callable[[], Routes] = Routes
    clocks: Clocks = field(default_factory=Clocks)
    tells: Callable[[str], None] = lambda _: None
    _said: dict[tuple[str, str], str] = field(default_factory=dict)
    _database: FleetDatabase | None = None
    _store: TelemetryStore | None = None
    _register: Register | None = None
    _orders: Orders | None = None
    _dark: Darkness | None = None

    @contextlib.contextmanager
    def at_work(self) -> Iterator["Runner"]:
        """Hold the folder for the time of the block; raises AlreadyRuns."""
        with (
            only_one(self.folder / LOCK, "another openleo that tells dishes what to do"),
            FleetDatabase(self.folder) as database, TelemetryStore(self.folder) as store,
            Register(self.folder) as register, Orders.of(self.folder) as orders,
        ):  # fmt: skip
            self._database, self._store, self._register = database, store, register
            self._orders, self._dark = orders, Darkness(self.folder, store, self.clocks.wall_ns)
            with contextlib.suppress(OpenleoError):  # one that was killed says still what it did
                self.jobs.take_up("")
            yield self

    @property
    def jobs(self) -> Jobs:
        """The jobs of the folder."""
        assert self._database is not None, "it is used within at_work"
        return Jobs(self._database)

    def leave_old(self, but: str = "") -> None:
        """Stop jobs that broke off long ago, ``but`` one: whoever wants them still lets them go on."""
        now_ns = self.clocks.wall_ns()
        for job in self.jobs.running():
            if job.id == but:
                continue
            times = [s.told_ns or 0 for s in self.jobs.steps(job.id)]
            if now_ns - max([job.made_ns, job.forgiven_ns, *times]) > _OLD_NS:
                says = f"it broke off; if it is still wanted: openleo fleet jobs resume {job.id}"
                self._end(job, "stopped", says)

    async def run_all(self, stop: asyncio.Event) -> None:
        """Do whatever job runs, until ``stop``, one after another; new ones too."""
        failed: set[str] = set()  # they let the others go first, once
        while not stop.is_set():
            running = self.jobs.running()
            job = next((one for one in running if one.id not in failed), None)
            if job is None:
                failed.clear()
                await _pause(stop, 1.0)
                continue
            try:
                await self.run(job.id, stop)
            except OpenleoError as error:  # such as a full disk: what is not on record is not done
                failed.add(job.id)
                self.tells(f"job {job.id} waits: {error.detail}; {error.hint}")
                await _pause(stop, _AGAIN_S)

    async def run_in_turn(self, name: str, stop: asyncio.Event) -> Job:
        """Do one job, after those that were made before it and run still; return how it stands."""
        while not stop.is_set() and self.jobs.need(name).state == "running":
            first = self.jobs.running()[0]
            if first.id == name:
                return await self.run(name, stop)
            self.tells(
                f"job {first.id} was made before it, and goes first; to let it wait: openleo fleet jobs stop"
                f' {first.id} --reason "..."'
            )
            await self.run(first.id, stop)
        return self.jobs.need(name)

    async def run(self, name: str, stop: asyncio.Event) -> Job:
        """Do one job until it is over or ``stop``; return how it stands.  What was begun stays on record."""
        self.jobs.take_up(name)
        try:
            return await self._do(name, stop)
        finally:
            with contextlib.suppress(OpenleoError):
                self.jobs.take_up("")

    async def _do(self, name: str, stop: asyncio.Event) -> Job:
        assert self._orders is not None
        assert self._store is not None
        catch_up(self.jobs, self._orders, self._store.latest, now_ns=self.clocks.wall_ns(), job=name)
        said, looked_s = "", -float("inf")
        while not stop.is_set():
            job = self.jobs.need(name)
            rules = self._rules(job)
            steps = self.jobs.steps(name)
            if job.state != "running":  # a person has stopped it: see how those stand that were told
                open_ = tuple(s.terminal for s in steps if s.state in OPEN)
                await self._look_at(job, rules, {s.terminal: s for s in steps}, open_)
                return job
            move = next_move(rules, steps, self.clocks.wall_ns())
            says = f"stops: {move.stop}" if move.stop else move.says
            if says and says != said:
                said = says
                self.jobs.say(name, said)
            due = time.monotonic() - looked_s >= self.clocks.look_s
            if move.look and due:
                await self._look_at(job, rules, {s.terminal: s for s in steps}, move.look)
                looked_s = time.monotonic()
                continue
            if move.stop and not any(s.state in OPEN for s in steps):
                return self._end(job, "stopped", move.stop)
            if move.done:
                return self._end(job, "done", how_it_ended(self.jobs.counts(name)))
            if move.tell is not None and not await self._tell(job, move.tell, steps):
                return self.jobs.need(name)
            wait_s = 0.0 if move.tell is not None else min(move.wait_ns / SECOND_NS, self.clocks.look_s)
            await _pause(stop, wait_s)
        return self.jobs.need(name)

    def _rules(self, job: Job) -> Rules:
        assert self._dark is not None
        return Rules(
            settings=job.settings, site_sizes=job.site_sizes, forgiven_ns=job.forgiven_ns, order=job.order,
            dark=self._dark,
        )  # fmt: skip

    def _end(self, job: Job, state: str, says: str) -> Job:
        with contextlib.suppress(Refused):  # somebody has stopped it this moment
            self.tells(f"job {job.id} is {state}: {says}")
            return self.jobs.end(job.id, state, by=RUNNER, says=says, now_ns=self.clocks.wall_ns())
        return self.jobs.need(job.id)

    # Telling ----------------------------------------------------------------------------------------------

    async def _tell(self, job: Job, terminal: str, steps: "list[Record]") -> bool:
        """Tell one terminal; return False where the job ended because it may not."""
        record = next(s for s in steps if s.terminal == terminal)
        assert self._database is not None
        try:
            Allowances(self._database).need(job.order)
        except NotAllowed as error:
            self._end(job, "stopped", error.detail)
            return False
        entry = self._entries().get(terminal)
        one = self._candidate(record, entry)
        left = why_left(job.order, one, job.include, job.not_ours)
        agent = goes_through(job.order, one, job.not_ours)
        if left is None and agent:
            self._order(job, record, agent)
            return True
        if entry is None or left is not None:
            self._settle(record, "left", left.says if left else "no dish of it is polled from here any more")
            return True
        async with self._dish(entry) as dish:
            before = await self._see(dish, terminal, job)
            if not before.answers:
                self._settle(replace(record, before=before), "unreachable", "nothing was sent to it")
                return True
            if before.terminal != terminal:
                says = f"another terminal answers there: {before.terminal}; nothing was sent to it"
                self._settle(replace(record, before=before), "left", says)
                return True
            await self._send(job, replace(record, before=before), dish)
        return True

    def _order(self, job: Job, record: Record, agent: str) -> None:
        """Leave the order to the agent there, which fetches it."""
        assert self._orders is not None
        now_ns = self.clocks.wall_ns()
        give(self._orders, job, record.terminal, agent, now_ns=now_ns)  # its name is good once
        self._keep(replace(record, state="sending", told_ns=now_ns, answer=""))

    async def _send(self, job: Job, record: Record, dish: Dish) -> None:
        record = replace(record, state="sending", told_ns=self.clocks.wall_ns(), after=None)
        self.jobs.put(record)  # before anything is sent
        try:
            await tell(dish, job.order)
        except DishError as error:
            detail = printable(error.detail, 200)
            if not error.delivered:
                self._settle(record, "unreachable", f"it was not sent: {detail}")
            elif error.kind in ("refused", "denied", "unsupported"):
                self._settle(record, "refused", detail)
            else:  # a dish that starts anew may not find the time to answer
                self._keep(replace(record, state="unknown", answer=detail))
            return
        self._keep(replace(record, state="acknowledged", answer="yes"))

    # Looking ----------------------------------------------------------------------------------------------

    async def _look_at(
        self, job: Job, rules: Rules, steps: Mapping[str, Record], whom: tuple[str, ...]
    ) -> None:
        """Look at those that were told, several at once."""
        assert self._orders is not None
        far = [t for t in whom if self._orders.of_step(job.id, t) is not None]
        self._look_far(job, rules, [steps[terminal] for terminal in far])
        whom = tuple(t for t in whom if t not in far)
        entries = self._entries()
        gate = asyncio.Semaphore(_MOST_AT_ONCE)
        seen: list[tuple[Record, Seen]] = []

        async def one(terminal: str) -> None:
            entry = entries.get(terminal)
            async with gate:
                now = self.clocks.wall_ns()
                if entry is None:
                    after = Seen(at_ns=now, answers=False, trouble="its dish is in the register no more")
                else:
                    async with self._dish(entry) as dish:
                        after = await self._see(dish, terminal, job)
                if after.answers and after.terminal != terminal:
                    after = Seen(at_ns=now, answers=False, trouble=f"{after.terminal} answers there")
                seen.append((steps[terminal], after))

        await asyncio.gather(*(one(terminal) for terminal in whom))
        for record, after in seen:
            self._judge(job, rules, replace(record, after=after))

    def _look_far(self, job: Job, rules: Rules, records: "list[Record]") -> None:
        """See what became of orders that went through agents."""
        assert self._orders is not None
        assert self._store is not None
        latest = self._store.latest() if records else {}
        for record in records:
            now_ns, newest = self.clocks.wall_ns(), latest.get(record.terminal)
            goes_on = job.state == "running"  # of one that was stopped nobody confirms anything
            found = look_again(self._orders, rules, record, newest, now_ns=now_ns, confirms=goes_on)
            if found != record:
                self._keep(found)
        catch_up(self.jobs, self._orders, lambda: latest, now_ns=self.clocks.wall_ns(), job=job.id)

    def _judge(self, job: Job, rules: Rules, record: Record) -> None:
        after = record.after
        assert after is not None
        told_ns, before = record.told_ns or after.at_ns, record.before or after
        late = after.at_ns - told_ns > rules.watch_ns
        if record.state in ("sending", "unknown"):
            verdict = judge_unknown(job.order, before, after, told_ns)
            if verdict == "told":
                record = replace(record, state="acknowledged", answer=record.answer or "it shows on it")
            elif verdict == "not-told":
                self._keep(replace(record, state="waiting", told_ns=None, answer="it did not get it; again"))
                return
            elif late:
                self._settle(record, "worse", f"nobody knows whether it was told: {after.says()}")
                return
            else:
                self._keep(record)
                return
        verdict = judge(job.order, before, after, told_ns)
        if verdict == "well":
            if record.state == "well":
                self._keep(record)
            else:
                self._settle(record, "well", record.answer)
        elif late or (record.state == "well" and late):
            self._settle(record, "worse", f"it was well before; now: {after.says()}")
        else:
            self._keep(replace(record, state="acknowledged", settled_ns=None))

    # Small things -----------------------------------------------------------------------------------------

    def _entries(self) -> dict[str, DishEntry]:
        assert self._register is not None
        return {dish.terminal: dish for dish in self._register.dishes() if dish.terminal}

    def _candidate(self, record: Record, entry: DishEntry | None) -> Candidate:
        """Return a terminal as it is now: its kit and our routes may have changed since the job was made."""
        assert self._register is not None
        kits, dishes = self._register.kits(), self._register.dishes()
        mine = [k for k in kits if k.terminal == record.terminal]
        mine += tied_kits(kits, dishes).get(record.terminal, [])
        kit = guarded(Subject(terminal=record.terminal), mine)
        way = None
        if entry is not None:
            same = [d for d in dishes if d.terminal == record.terminal]
            way = way_of(self.routes(), same, kit.note)
        critical = record.life_critical or kit.life_critical
        assert self._orders is not None
        assert self._database is not None
        ways = ways_through(self._orders, Agents(self._database), now_ns=self.clocks.wall_ns())
        return Candidate(
            terminal=record.terminal, site=record.site, life_critical=critical, way=way,
            through=ways.get(record.terminal), noted=is_noted(kit.note),
        )  # fmt: skip

    def _dish(self, entry: DishEntry) -> Dish:
        return Dish(entry.address, source=entry.source or None, timeout_s=self.clocks.timeout_s)

    async def _see(self, dish: Dish, terminal: str, job: Job) -> Seen:
        with_sleep = job.order.action == "sleep"
        seen, status = await look(dish, self.clocks.wall_ns(), with_sleep=with_sleep)
        if seen.terminal in ("", terminal):
            self._remember(sample_of(seen, status, terminal))
        return seen

    def _remember(self, sample: Sample) -> None:
        """Keep what was seen as telemetry; where that cannot be, the job's own record has it."""
        assert self._store is not None
        with contextlib.suppress(OpenleoError):
            self._store.add([sample])

    def _settle(self, record: Record, state: str, answer: str) -> None:
        self._keep(replace(record, state=state, answer=answer, settled_ns=self.clocks.wall_ns()))

    def _keep(self, record: Record) -> None:
        self.jobs.put(record)
        key = (record.job, record.terminal)
        if self._said.get(key) != record.state:
            self._said[key] = record.state
            self.tells(
                f"{record.terminal}: {record.state}" + (f" ({record.answer})" if record.answer else "")
            )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
