"""Jobs as JSON has them."""

from collections.abc import Collection
from typing import Any

from openleo.fleet.acting.desk import Desk, ShownStep, Stands
from openleo.fleet.acting.jobs import Job
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Left, Plan, Settings, goes_through
from openleo.fleet.acting.remote import says_how
from openleo.fleet.why.times import iso


def plain_step(shown: ShownStep) -> dict[str, Any]:
    """Return a step as StepOut."""
    step = shown.record
    return {
        "job": step.job, "terminal": step.terminal, "site": step.site, "life_critical": step.life_critical,
        "canary": step.canary, "state": step.state, "at": iso(shown.told_ns), "answer": step.answer,
        "agent": shown.agent, "note": shown.note,
        "before": step.before.says() if step.before else "", "after": step.after.says() if step.after else "",
    }  # fmt: skip


def plain_left(left: Left) -> dict[str, Any]:
    """Return one that is not told as LeftOut."""
    return {"terminal": left.terminal, "site": left.site, "why": left.why, "says": left.says}


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Return how a job goes as the fields canary and pace."""
    return {
        "canary": {
            "count": settings.canary_count, "percent": settings.canary_percent,
            "watch_minutes": settings.watch_minutes,
        },
        "pace": {"per_minute": settings.per_minute, "site_percent": settings.site_percent},
    }  # fmt: skip


def plain_job(job: Job, counts: dict[str, int], stands: Stands) -> dict[str, Any]:
    """Return a job as JobOut."""
    return {
        "id": job.id, "action": job.order.action, "order": job.order.says(), "state": job.state,
        "waits": stands.waits, "says": stands.says, "notes": list(stands.notes),
        "where": job.chosen_by, "reason": job.reason, "by": job.by,
        "made_at": iso(job.made_ns), "ended_at": iso(job.ended_ns), "entry": job.entry, "counts": counts,
        **plain_settings(job.settings),
    }  # fmt: skip


def plain_shown(desk: Desk, job: Job) -> dict[str, Any]:
    """Return a job that is kept as JobOut."""
    return plain_job(job, desk.jobs.counts(job.id), desk.stands(job))


def plain_whole_job(desk: Desk, job: Job) -> dict[str, Any]:
    """Return a job with each terminal of it as OneJob."""
    return {
        **plain_shown(desk, job),
        "steps": [plain_step(step) for step in desk.steps(job)],
        "left_out": [plain_left(one) for one in desk.jobs.left(job.id)],
        "events": [
            {"at": iso(one.at_ns), "what": one.what, "by": one.by, "says": one.says}
            for one in desk.jobs.events(job.id)
        ],
    }


def plain_plan(
    order: Order, made: Plan, settings: Settings, not_ours: Collection[str] = ()
) -> dict[str, Any]:
    """Return whom a job would tell as PreviewOut."""
    agents = {one.terminal: goes_through(order, one, not_ours) for one in made.chosen}
    chosen = [one.terminal for one in made.chosen]
    return {
        "action": order.action, "order": order.says(), "terminals": len(chosen),
        "canary": chosen[: made.canaries], "chosen": chosen, "sites": dict(made.sites),
        "people": sum(one.people for one in made.chosen),
        "life_critical": [one.terminal for one in made.chosen if one.life_critical],
        "our_path": list(made.our_path), "away": list(made.away), "kits": dict(made.kits), "off": made.off,
        "left_out": [plain_left(one) for one in made.left],
        "through": {
            terminal: says_how(order, agent, settings.revert_minutes)
            for terminal, agent in agents.items()
            if agent
        },
        "minutes_least": round(settings.least_minutes(len(chosen)), 1),
    }  # fmt: skip
