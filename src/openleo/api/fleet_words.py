"""The fleet's rows, jobs and filters as the API's JSON has them."""

from typing import Any, Final

from openleo.fleet.acting.jobs import Job, Jobs, Record
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Left, Plan, Settings
from openleo.fleet.sample import ALERTS, Sample
from openleo.fleet.table.rows import Row
from openleo.fleet.table.usage import Group
from openleo.fleet.why.times import iso

_GB: Final = 1e9


def plain_row(row: Row) -> dict[str, Any]:
    """Return a row as FleetTerminal."""
    last, kit, use = row.last, row.subject, row.use
    return {
        "terminal": row.terminal, "kit": kit.kit, "name": kit.name, "site": row.site, "account": row.account,
        "line": row.line, "holder": row.holder, "custody": row.custody, "life_critical": row.life_critical,
        "people": kit.people, "state": row.state.value, "cause": row.cause,
        "confidence": None if row.confidence is None else round(row.confidence, 4),
        "since": iso(row.since_ns), "last_seen": None if last is None else iso(last.time_ns),
        "source": None if last is None else last.source, "version": row.version,
        "update_waits": row.update_waits, "cell": None if row.cell is None else f"{row.cell:x}",
        "latency_ms": None if last is None else last.ping_latency_ms,
        "ping_drop": None if last is None else last.ping_drop,
        "downlink_mbps": None if last is None else last.downlink_mbps,
        "uplink_mbps": None if last is None else last.uplink_mbps,
        "alerts": [
            {"code": code, "name": ALERTS.get(code, f"alert_{code}")}
            for code in (last.alerts if last is not None else ())
        ],
        "down_gb": None if use is None else round(use.down_bytes / _GB, 3),
        "up_gb": None if use is None else round(use.up_bytes / _GB, 3),
        "told_share": 0.0 if use is None else round(use.told_share, 4), "by_us": row.by_us,
    }  # fmt: skip


def plain_group(group: Group) -> dict[str, Any]:
    """Return a group's use as Used."""
    use = group.use
    return {
        "name": group.name, "terminals": group.terminals, "down_gb": round(use.down_bytes / _GB, 3),
        "up_gb": round(use.up_bytes / _GB, 3), "told_share": round(use.told_share, 4),
    }  # fmt: skip


def plain_sample(sample: Sample) -> dict[str, Any]:
    """Return a sample as SampleOut: without its position."""
    return {
        "time": iso(sample.time_ns), "period_s": sample.period_s, "source": sample.source,
        "reachable": sample.reachable, "outage": sample.outage, "downlink_mbps": sample.downlink_mbps,
        "uplink_mbps": sample.uplink_mbps, "ping_drop": sample.ping_drop,
        "ping_latency_ms": sample.ping_latency_ms, "obstructed": sample.obstructed,
        "power_w": sample.power_w, "stowed": sample.stowed,
    }  # fmt: skip


def plain_step(step: Record) -> dict[str, Any]:
    """Return a step as StepOut."""
    return {
        "job": step.job, "terminal": step.terminal, "site": step.site, "life_critical": step.life_critical,
        "canary": step.canary, "state": step.state, "at": iso(step.told_ns), "answer": step.answer,
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


def plain_job(job: Job, counts: dict[str, int]) -> dict[str, Any]:
    """Return a job as JobOut."""
    return {
        "id": job.id, "action": job.order.action, "order": job.order.says(), "state": job.state,
        "says": job.says, "where": job.chosen_by, "reason": job.reason, "by": job.by,
        "made_at": iso(job.made_ns), "ended_at": iso(job.ended_ns), "entry": job.entry, "counts": counts,
        **plain_settings(job.settings),
    }  # fmt: skip


def plain_whole_job(jobs: Jobs, job: Job) -> dict[str, Any]:
    """Return a job with each terminal of it as OneJob."""
    return {
        **plain_job(job, jobs.counts(job.id)),
        "steps": [plain_step(step) for step in jobs.steps(job.id)],
        "left_out": [plain_left(one) for one in jobs.left(job.id)],
        "events": [
            {"at": iso(one.at_ns), "what": one.what, "by": one.by, "says": one.says}
            for one in jobs.events(job.id)
        ],
    }


def plain_plan(order: Order, made: Plan, settings: Settings) -> dict[str, Any]:
    """Return whom a job would tell as PreviewOut."""
    chosen = [one.terminal for one in made.chosen]
    return {
        "action": order.action, "order": order.says(), "terminals": len(chosen),
        "canary": chosen[: made.canaries], "chosen": chosen, "sites": dict(made.sites),
        "people": sum(one.people for one in made.chosen),
        "life_critical": [one.terminal for one in made.chosen if one.life_critical],
        "left_out": [plain_left(one) for one in made.left],
        "minutes_least": round(settings.least_minutes(len(chosen)), 1),
    }  # fmt: skip
