"""A job's step that goes through an agent: ordering it, and seeing what became of it.

The dish is not asked from here.  How it stood before, the agent tells; how it stands after, telemetry does.
Whoever is heard again after a while has not been cut off, and the order is confirmed; else the agent
undoes it.
"""

from dataclasses import replace
from typing import Final

from openleo.fleet.acting.jobs import Job, Record
from openleo.fleet.acting.judging import Seen, judge, judge_unknown
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import MINUTE_NS, SECOND_NS, Rules
from openleo.fleet.acting.through import LIFE_NS, NOT_GIVEN, Orders, Sent, order_id
from openleo.fleet.sample import Sample

SURE_NS: Final = 60 * SECOND_NS  # who speaks so long after a dish was told was not cut off by it
_SLACK_NS: Final = 2 * MINUTE_NS


def give(orders: Orders, job: Job, terminal: str, agent: str, *, now_ns: int) -> Sent:
    """Make the order of a step for an agent; one that was made is left as it is, unless no agent had it."""
    made = orders.of_terminal(job.id, terminal)
    if made and made[0].state not in NOT_GIVEN:
        return made[0]
    reverts = job.order.cuts and job.order.action in ("stow", "sleep")
    sent = Sent(
        id=order_id(job.id, terminal, len(made)), agent=agent, terminal=terminal, order=job.order,
        revert_after_s=round(job.settings.revert_minutes * 60) if reverts else None, job=job.id,
        made_ns=now_ns, expires_ns=now_ns + LIFE_NS,
    )  # fmt: skip
    orders.add(sent)
    return orders.find(sent.id) or sent


def look_again(
    orders: Orders, rules: Rules, record: Record, newest: Sample | None, *, now_ns: int, confirms: bool = True
) -> Record:
    """Return a step as it stands now.  One that ends has ``settled_ns``; one that was surely not told waits.

    ``confirms``: whether who was heard again is confirmed; that is for whoever does the job.
    """
    orders.expire(now_ns)
    sent = orders.of_step(record.job, record.terminal)
    assert sent is not None, "the step went through an agent"
    undone_ns = (sent.revert_after_s or 0) * SECOND_NS

    untold = sent.state in (*NOT_GIVEN, "unreachable")
    told_ns, before = None if untold else sent.result_ns or record.told_ns, sent.before

    def ends(state: str, answer: str) -> Record:
        return replace(record, state=state, answer=answer, told_ns=told_ns, settled_ns=now_ns, before=before)

    through = f"agent {sent.agent}"
    if sent.state == "expired":
        return ends("unreachable", f"{through} did not fetch the order in time; nothing was told")
    if sent.state == "withdrawn":
        return replace(record, state="waiting", told_ns=None, settled_ns=None, answer="", before=None)
    if sent.state in ("refused", "unreachable"):
        return ends(sent.state, f"{through}: {sent.answer}")
    if sent.state == "reverted":
        undone = ends("worse", f"{through} undid it by itself: it was not confirmed")
        at_ns = sent.reverted_ns or (sent.result_ns or now_ns) + undone_ns
        after = seen_of(newest) if newest is not None and newest.time_ns > at_ns else None
        return replace(undone, settled_ns=at_ns, after=after)
    if sent.result_ns is None:
        if now_ns > sent.expires_ns + undone_ns + _SLACK_NS:
            return ends("worse", f"{through} fetched the order, and has not said what became of it")
        return record
    told = replace(record, told_ns=sent.result_ns, before=sent.before, answer=f"{through}: {sent.answer}")
    if confirms:
        sent = _confirmed(orders, sent, newest, now_ns)
    return _judged(rules, told, sent, newest, now_ns)


def _confirmed(orders: Orders, sent: Sent, newest: Sample | None, now_ns: int) -> Sent:
    """Confirm an order where its agent, or its dish, was heard long enough after; return it."""
    told_ns, undone_ns, contact = sent.result_ns, sent.undone_ns, orders.contact(sent.agent)
    dish_ns = newest.time_ns if newest is not None and newest.reachable else 0
    heard_ns = max(contact.at_ns if contact else 0, dish_ns)
    if undone_ns is None or told_ns is None or not told_ns + SURE_NS <= heard_ns or now_ns >= undone_ns:
        return sent
    orders.confirm(sent.id, now_ns=now_ns)
    return orders.find(sent.id) or sent


def _judged(rules: Rules, record: Record, sent: Sent, newest: Sample | None, now_ns: int) -> Record:
    told_ns = sent.result_ns
    assert told_ns is not None
    after = seen_of(newest) if newest is not None and newest.time_ns > told_ns else None
    undone_ns = (sent.revert_after_s or 0) * SECOND_NS
    confirmed = sent.confirmed_ns is not None or sent.revert_after_s is None
    record = replace(record, after=after or record.after)
    before = record.before or Seen(at_ns=told_ns)
    state = record.state if record.state == "well" else "acknowledged"
    if after is not None:
        if sent.state == "unknown" and record.state in ("sending", "unknown"):
            verdict = judge_unknown(sent.order, before, after, told_ns)
            if verdict == "not-told":
                return replace(
                    record, state="unreachable", settled_ns=now_ns, answer="the dish did not get it"
                )
            state = "acknowledged" if verdict == "told" else "unknown"
        if state != "unknown" and confirmed and judge(sent.order, before, after, told_ns) == "well":
            return replace(record, state="well", settled_ns=record.settled_ns or now_ns)
    if now_ns - told_ns > rules.watch_ns + undone_ns:
        says = after.says() if after else "nothing was heard of it"
        return replace(record, state="worse", settled_ns=now_ns, answer=f"it is not well: {says}")
    return replace(record, state="unknown" if state == "unknown" else "acknowledged", settled_ns=None)


def seen_of(sample: Sample) -> Seen:
    """Return how a dish stands as telemetry tells it."""
    if not sample.reachable:
        return Seen(at_ns=sample.time_ns, answers=False, terminal=sample.terminal)
    stowed = sample.stowed if sample.stowed is not None else sample.outage == "STOWED" or None
    return Seen(
        at_ns=sample.time_ns, terminal=sample.terminal, outage=sample.outage or "",
        ping_drop=sample.ping_drop, boot=sample.boot, uptime_s=sample.uptime_s, stowed=stowed,
        software=sample.software or "",
    )  # fmt: skip


def says_how(order: Order, agent: str, revert_minutes: float) -> str:
    """Return how a dish is told through an agent, for who reads a preview."""
    if order.action in ("stow", "sleep") and order.cuts:
        return f"through agent {agent}, reverts by itself after {revert_minutes:g} minutes"
    return f"through agent {agent}"
