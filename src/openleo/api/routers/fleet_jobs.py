"""Telling many dishes something: jobs, that only people who are known and may do it start and stop.

That a job was asked for stands in the decision log before anything is done.
"""

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from openleo.api.calls import Changes, Changing, Reads, told, written
from openleo.api.fleet_shapes import JobIn, JobOut, JobsOut, OneJob, PreviewOut, StopIn
from openleo.api.fleet_shown import ACTS, Fleet, FleetShown, Sees, someone_acts
from openleo.api.idempotency import do_once
from openleo.api.routes import On, changes, reads
from openleo.api.viewing import json_of
from openleo.base.errors import BadInput
from openleo.control.ledger import Decision
from openleo.control.once import Done
from openleo.control.plane import Tx
from openleo.fleet.acting.choosing import Asked, make_plan, site_sizes
from openleo.fleet.acting.desk import Desk, Stands
from openleo.fleet.acting.jobs import Job, Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plain import plain_job, plain_plan, plain_shown, plain_whole_job
from openleo.fleet.acting.plan import Plan, Settings
from openleo.fleet.database import FleetDatabase
from openleo.fleet.table.filters import SavedFilters

router = APIRouter(prefix="/v1/fleet", tags=["fleet-jobs"])
JobId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+$", description="the job's id")]
_ACTING: dict[str, Any] = {"dependencies": [Depends(someone_acts)]}


@router.get("/jobs", response_model=JobsOut, **reads("terminal.read", On.NETWORK))
async def list_(call: Sees) -> Response:
    """List jobs, the latest first."""

    def made() -> dict[str, Any]:
        with Desk.of(call.shown.folder, now_ns=time.time_ns()) as desk:
            return {"items": [plain_shown(desk, job) for job in desk.jobs.all()]}

    return await call.show(made)


@router.get("/jobs/{job}", response_model=OneJob, **reads("terminal.read", On.NETWORK))
async def show(call: Sees, job: JobId) -> Response:
    """Show a job: when each terminal was told, what it answered, how it stood before and after."""

    def made() -> dict[str, Any]:
        with Desk.of(call.shown.folder, now_ns=time.time_ns()) as desk:
            return plain_whole_job(desk, desk.jobs.need(job))

    return await call.show(made)


def _asked(shown: FleetShown, body: JobIn) -> Asked:
    """Return what a body asks for; raises BadInput."""
    if (body.action == "sleep") != (body.sleep is not None):
        raise BadInput("a daily sleep goes with the action sleep", "leave one out, or send both")
    if sum(one is not None for one in (body.where, body.filter, body.terminals)) != 1:
        raise BadInput("say whom", "send where, filter or terminals: one of them")
    where = body.where
    if body.filter is not None:
        with FleetDatabase(shown.folder) as database:
            where = SavedFilters(database).need(body.filter).where
    sleep = body.sleep
    order = Order(
        action=body.action, start_min=sleep.start_minute if sleep else 0,
        minutes=sleep.minutes if sleep else 0, enable=sleep.enabled if sleep else True, inhibit=body.inhibit,
    )  # fmt: skip
    settings = Settings(
        canary_count=body.canary.count, canary_percent=body.canary.percent,
        watch_minutes=body.canary.watch_minutes, per_minute=body.pace.per_minute,
        site_percent=body.pace.site_percent,
    )  # fmt: skip
    return Asked(
        order=order, settings=settings, where=where, terminals=body.terminals, include=body.include,
        not_ours=body.not_our_path,
    )  # fmt: skip


async def _planned(
    shown: FleetShown, body: JobIn, *, preview: bool = False
) -> tuple[Asked, Plan, dict[str, int]]:
    def work() -> tuple[Asked, Plan, dict[str, int]]:
        asked, table = _asked(shown, body), shown.table()
        made = make_plan(shown.folder, table, asked, preview=preview)
        return asked, made, dict(site_sizes(table))

    return await asyncio.wrap_future(shown.threads.submit(work))


@router.post(
    "/jobs/preview", response_model=PreviewOut, **_ACTING, **reads("fleet.act", On.NETWORK)
)  # fmt: skip
async def preview(call: Reads, shown: Fleet, body: JobIn) -> Response:
    """Say whom a job would tell, and whom not and why; nothing is done, so it is told of what is off too."""
    await call.services.read(call.actor, lambda tx: tx.require(ACTS))
    asked, made, _ = await _planned(shown, body, preview=True)
    plain = plain_plan(asked.order, made, asked.settings, made.not_ours)
    return Response(json_of(plain), media_type="application/json")


@router.post(
    "/jobs", status_code=201, response_model=JobOut, **_ACTING, **changes("fleet.act", On.NETWORK)
)  # fmt: skip
async def start(call: Changes, shown: Fleet, body: JobIn) -> Response:
    """Start a job; it is in the decision log before a dish is told anything."""
    await call.services.read(call.actor, lambda tx: tx.require(ACTS))
    asked, made, sizes = await _planned(shown, body)
    if not made.chosen:
        raise BadInput(f"none of those {len(made.left)} can be told", "see why: POST /v1/fleet/jobs/preview")
    job = Job(
        id=_id_of(call), order=asked.order, settings=asked.settings, chosen_by=asked.words,
        include=made.include, not_ours=made.not_ours, site_sizes=sizes,
        reason=body.reason, by=call.actor.id, made_ns=time.time_ns(),
    )  # fmt: skip
    entry: list[int] = []

    def verb(tx: Tx) -> str:
        tx.require(ACTS)
        entry.append(_record(tx, job, "started", body.reason, [one.terminal for one in made.chosen]))
        logged = replace(job, entry=entry[0])
        return written(JobOut(**plain_job(logged, {"waiting": len(made.chosen)}, Stands())))

    def work(tx: Tx) -> Done:
        return do_once(tx, call.asked, verb, status=201)

    done = await call.services.act(call.actor, work)
    # The id comes from the request's key, so a retry after a crash here makes the same job, and only once.
    kept = replace(job, entry=entry[0] if entry else None)
    await asyncio.wrap_future(shown.threads.submit(lambda: _keep(shown, kept, made)))
    return told(done)


def _id_of(call: Changing) -> str:
    text = f"{call.actor.id} {call.asked.key} {call.asked.digest}"
    return f"j-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _keep(shown: FleetShown, job: Job, made: Plan) -> None:
    with FleetDatabase(shown.folder) as database:
        Jobs(database).add(job, made)


def _record(tx: Tx, job: Job, what: str, reason: str, terminals: list[str]) -> int:
    return tx.record(
        Decision(
            kind=f"fleet.job-{what}",
            action=job.order.action,
            reason=reason,
            facts=(),
            terminals=terminals,
            counts={"terminals": len(terminals)},
            more={"job": job.id, "order": job.order.plain()},
        )
    )


@router.post("/jobs/{job}/stop", response_model=JobOut, **_ACTING, **changes("fleet.act", On.NETWORK))
async def stop(call: Changes, shown: Fleet, job: JobId, body: StopIn) -> Response:
    """Stop a job: nobody more is told, and what went through agents and is not confirmed they undo."""
    return await _turn(call, shown, job, body, "stopped")


@router.post("/jobs/{job}/resume", response_model=JobOut, **_ACTING, **changes("fleet.act", On.NETWORK))
async def resume(call: Changes, shown: Fleet, job: JobId, body: StopIn) -> Response:
    """Let a stopped job go on: who surely was not told is told; who was told is not told again."""
    return await _turn(call, shown, job, body, "resumed")


async def _turn(call: Changing, shown: FleetShown, name: str, body: StopIn, what: str) -> Response:
    def verb(tx: Tx) -> JobOut:
        tx.require(ACTS)
        with Desk.of(shown.folder, now_ns=time.time_ns()) as desk:
            _record(tx, desk.jobs.need(name), what, body.reason, [])
            turn = desk.stop if what == "stopped" else desk.resume
            return JobOut(**plain_shown(desk, turn(name, by=tx.actor.id, reason=body.reason)))

    return await call.act(verb)
