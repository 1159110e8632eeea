"""Jobs as people read them: what agents said since is in them, and who does them, or why nobody does."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openleo.base.errors import OpenleoError
from openleo.fleet.acting.carrying import Newest, catch_up, newest_in
from openleo.fleet.acting.jobs import Job, Jobs, Record
from openleo.fleet.acting.plan import OPEN, SECOND_NS
from openleo.fleet.acting.through import DATABASE, Contact, Orders, Sent
from openleo.fleet.database import FleetDatabase
from openleo.fleet.durable import is_held
from openleo.fleet.why.times import when

LOCK: Final = "acting.lock"
QUIET_NS: Final = 45 * SECOND_NS  # an agent asks every 15 s
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """How a job stands: whether it waits, what it does or why it waits, and what else is to be known."""

    waits: bool = False
    says: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A step, the agent that is to tell it, and what is awaited; ``told_ns`` None: not known to be told."""

    record: Record
    told_ns: int | None
    agent: str = ""
    note: str = ""


class Desk:
    """The jobs of a fleet's folder, for reading, stopping and resuming.  Open one, ask it, and close it."""

    def __init__(self, folder: Path, database: FleetDatabase, orders: Orders | None, now_ns: int) -> None:
        self.folder, self.jobs, self.now_ns = folder, Jobs(database), now_ns
        self._orders = orders
        self._newest: Newest = newest_in(folder)
        self.held = is_held(folder / LOCK)
        self.doing = self.jobs.taken_up() if self.held is not False else ""

    @classmethod
    @contextmanager
    def of(cls, folder: Path, *, now_ns: int) -> "Iterator[Desk]":
        """Open that of a folder for the block; the records of all its jobs are brought up."""
        with FleetDatabase(folder) as database:
            if not (folder / DATABASE).is_file():
                yield cls(folder, database, None, now_ns)
                return
            with Orders.of(folder) as orders:
                desk = cls(folder, database, orders, now_ns)
                with suppress(OpenleoError):  # a full disk keeps nobody from reading what is kept
                    desk.catch_up()
                yield desk

    def catch_up(self, job: str | None = None) -> None:
        """Bring the record of a job, or of all, up to what became of its orders."""
        if self._orders is not None:
            catch_up(self.jobs, self._orders, self._newest, now_ns=self.now_ns, job=job, but=self.doing)

    def stop(self, job: str, *, by: str, reason: str) -> Job:
        """Stop a job: what no agent has is given to none any more."""
        ended = self.jobs.end(job, "stopped", by=by, says=reason, now_ns=self.now_ns)
        self._bring_up(job)
        return ended

    def resume(self, job: str, *, by: str, reason: str) -> Job:
        """Let a stopped job go on: who was surely not told is told."""
        self._bring_up(job)
        return self.jobs.resume(job, by=by, reason=reason, now_ns=self.now_ns)

    def _bring_up(self, job: str) -> None:
        self.doing = "" if self.doing == job else self.doing
        self.catch_up(job)

    # Telling.

    def stands(self, job: Job) -> Stands:
        """Say how a job stands."""
        waits = self._why_waits(job) if job.state == "running" else ""
        return Stands(waits=bool(waits), says=waits or job.says, notes=tuple(self._notes(job)))

    def steps(self, job: Job) -> list[ShownStep]:
        """Return a job's steps with what is awaited of each."""
        return [self.step(record, job) for record in self.jobs.steps(job.id)]

    def steps_of(self, terminal: str) -> list[ShownStep]:
        """Return what jobs did with a terminal, the latest first."""
        return [self.step(record, self.jobs.need(record.job)) for record in self.jobs.steps_of(terminal)]

    def step(self, record: Record, job: Job) -> ShownStep:
        """Return one step with what is awaited of it."""
        sent = self._orders.of_step(record.job, record.terminal) if self._orders is not None else None
        if sent is None or record.state == "waiting":
            return ShownStep(record=record, told_ns=record.told_ns)
        told_ns = record.told_ns if sent.result_ns is not None else None
        note = self._awaited(sent, job) if record.state in OPEN or sent.undone_ns is not None else ""
        return ShownStep(record=record, told_ns=told_ns, agent=sent.agent, note=note)

    def _why_waits(self, job: Job) -> str:
        """Say why nobody works at a job that runs; "" where somebody does."""
        if self.doing == job.id:
            return ""
        ahead = [one.id for one in self.jobs.running()]
        ahead = ahead[: ahead.index(job.id)] if job.id in ahead else []
        doing = self.jobs.find(self.doing) if self.doing else None
        if doing is not None and doing.state == "running" and doing.id not in ahead:
            ahead.insert(0, doing.id)
        named = ", ".join(ahead[:_NAMED]) + (
            f" and {len(ahead) - _NAMED:,} more" if len(ahead) > _NAMED else ""
        )
        behind = f"waits behind {named}" if ahead else ""
        if self.held is False:
            nobody = "nobody does this fleet's jobs just now: `openleo fleet serve` does"
            return "; ".join(part for part in (nobody, behind) if part)
        return behind or "waits: it is next"

    def _notes(self, job: Job) -> list[str]:
        sent = self._orders.unsettled(job.id) if self._orders is not None else []
        agents = sorted({one.agent for one in sent})
        notes = [words for agent in agents if (words := self._quiet(agent))]
        undone = [one.undone_ns for one in sent if one.undone_ns is not None]
        if undone and job.state != "running":
            dishes = "1 terminal is" if len(undone) == 1 else f"{len(undone):,} terminals are"
            until = f"by {self._when(max(undone))}"
            if max(undone) <= self.now_ns:
                notes.append(f"{dishes} to have been undone by their agents {until}, who have not said so")
            else:
                notes.append(
                    f"{dishes} undone by their agents {until}: nobody confirms them while it is stopped"
                )
        return notes

    def _awaited(self, sent: Sent, job: Job) -> str:
        """Say what is awaited of an agent."""
        parts: list[str] = []
        if sent.state == "open":
            parts.append(f"agent {sent.agent} has not fetched the order")
        elif sent.state == "fetched":
            parts.append(f"agent {sent.agent} fetched the order at {self._when(sent.fetched_ns)}")
        elif sent.undone_ns is not None:
            parts.append(self._undone(sent, sent.undone_ns, job))
        return "; ".join(part for part in (*parts, self._quiet(sent.agent)) if part)

    def _undone(self, sent: Sent, undone_ns: int, job: Job) -> str:
        if undone_ns <= self.now_ns:
            return f"agent {sent.agent} was to undo it by {self._when(undone_ns)}, and has not said so"
        undoes = f"agent {sent.agent} undoes it by {self._when(undone_ns)}"
        if job.state == "running":
            return f"{undoes} unless it is confirmed"
        return f"{undoes}: nobody confirms it while the job is stopped"

    def _quiet(self, agent: str) -> str:
        """Say since when an agent was not heard; "" where it is."""
        assert self._orders is not None
        contact: Contact | None = self._orders.contact(agent)
        if contact is None:
            return f"agent {agent} was never heard"
        if self.now_ns - contact.at_ns <= QUIET_NS:
            return ""
        return f"agent {agent} was not heard since {self._when(contact.at_ns)}"

    def _when(self, time_ns: int | None) -> str:
        return when(time_ns or 0, self.now_ns)
