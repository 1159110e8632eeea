"""Carrying into the jobs' records what agents said since, and what no agent was given.

An agent may undo an order, or say what became of it, long after its job ended, and no job may run then.  So
whoever reads a job brings its record up to the orders first.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from openleo.base.errors import OpenleoError
from openleo.fleet.acting.jobs import Job, Jobs, Record
from openleo.fleet.acting.plan import ENDED, MINUTE_NS, OPEN, Rules
from openleo.fleet.acting.remote import look_again
from openleo.fleet.acting.through import NOT_GIVEN, Orders, Sent
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

_COMES_BACK_NS: Final = 15 * MINUTE_NS  # so long after it is undone a dish may be dark yet
_STOPPED: Final = "its job does not run any more"
Newest = Callable[[], dict[str, Sample]]


def newest_in(folder: Path) -> Newest:
    """Return what tells each terminal's newest sample, read where it is needed and once."""

    @cache
    def read() -> dict[str, Sample]:
        with suppress(OpenleoError), TelemetryStore(folder) as store:
            return store.latest()
        return {}

    return read


def catch_up(
    jobs: Jobs, orders: Orders, newest: Newest, *, now_ns: int, job: str | None = None, but: str = ""
) -> None:
    """Bring the record of a job, or of all, up to what became of its orders.

    Nothing is confirmed.  ``but`` is the job that somebody does now, and looks after what is open of it.
    """
    kept: dict[str, tuple[Job, dict[str, Record]] | None] = {}
    for sent in orders.uncarried(job):
        if sent.job not in kept:
            kept[sent.job] = _kept(jobs, orders, sent.job)
        found = kept[sent.job]
        if found is None or sent.terminal not in found[1]:
            continue
        record = found[1][sent.terminal]
        if sent.job == but and record.state not in ENDED:
            continue
        _carry(jobs, orders, found[0], record, sent, newest, now_ns)


def _kept(jobs: Jobs, orders: Orders, name: str) -> tuple[Job, dict[str, Record]] | None:
    """Return a job and its steps; what no agent has of one that does not run is withdrawn."""
    job = jobs.find(name)
    if job is None:
        return None
    if job.state != "running":
        orders.withdraw(name, _STOPPED)
    return job, {step.terminal: step for step in jobs.steps(name)}


def _carry(
    jobs: Jobs, orders: Orders, job: Job, record: Record, was: Sent, newest: Newest, now_ns: int
) -> None:
    all_ = orders.of_terminal(job.id, record.terminal)
    if not all_ or all_[0].id != was.id:  # a later order was made, so this was not given
        if was.state in NOT_GIVEN:
            orders.carry(was)
        return
    sent = all_[0]
    begun = _begun(record, sent)
    if begun is None:
        orders.carry(sent)
        return
    if sent.state == "expired" and job.state != "running":  # nobody was told, and it may go on
        now = replace(record, state="waiting", told_ns=None, settled_ns=None, answer="")
    else:
        rules = Rules(settings=job.settings)
        last = newest().get(record.terminal)
        now = look_again(orders, rules, begun, last, now_ns=now_ns, confirms=False)
    if now != record and not jobs.put_after(record, now):
        return  # whoever does the job was quicker
    if _is_told(now, sent):
        orders.carry(sent)


def _begun(record: Record, sent: Sent) -> Record | None:
    """Return a step as it stood when its order was made; None where its record says all there is."""
    if record.state in OPEN:
        return record
    if record.state == "waiting":  # an openleo was killed between the order and the record of it
        return None if sent.state in NOT_GIVEN else replace(record, state="sending", told_ns=sent.made_ns)
    if sent.state == "reverted":
        return record
    late = sent.result_ns is not None and sent.result_ns > (record.settled_ns or 0)
    return replace(record, state="sending", settled_ns=None) if late else None


def _is_told(record: Record, sent: Sent) -> bool:
    if sent.state == "reverted":
        after, since_ns = record.after, record.settled_ns or 0
        return after is not None and (after.online or after.at_ns > since_ns + _COMES_BACK_NS)
    return record.state in ENDED or (record.state == "waiting" and sent.state in NOT_GIVEN)
