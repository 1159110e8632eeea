"""`openleo fleet jobs`: how jobs go, stopping and resuming them; and doing one here."""

import asyncio
import signal
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import table as columns
from openleo.cli._fleet import At, data_words, fleet_options, person_here, show, stop_on_signals
from openleo.cli._fleet_looking import tell
from openleo.cli._group import Group

if TYPE_CHECKING:
    from openleo.fleet.acting.desk import Desk, ShownStep
    from openleo.fleet.acting.jobs import Job

_reason = click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept.")


def run(at: At, name: str) -> None:
    """Do a job here, after those made before it, or leave it to the openleo that does jobs already."""
    from openleo.fleet.acting.runner import Runner
    from openleo.fleet.durable import AlreadyRuns

    runner = Runner(folder=at.folder, tells=lambda line: click.echo(line, err=True))
    try:
        with runner.at_work():
            see = f"openleo fleet jobs show {name}{data_words(at)}"
            click.echo(f"job {name}; Ctrl-C stops it; how it goes: {see}", err=True)
            job = asyncio.run(_work(runner, name))
    except AlreadyRuns:
        click.echo(f"job {name} is handed to the openleo that does this fleet's jobs", err=True)
        click.echo(f"to see it: openleo fleet jobs show {name}{data_words(at)}", err=True)
        click.echo(f'to stop it: openleo fleet jobs stop {name} --reason "..."{data_words(at)}', err=True)
        return
    with _desk(at) as desk:
        _show_job(at, desk, desk.jobs.need(name))
    if job.state != "done":
        hint = f'go on: openleo fleet jobs resume {name} --reason "..."{data_words(at)}'
        raise BadInput(f"job {name} is {job.state}: {job.says}", hint)


async def _work(runner: Any, name: str) -> "Job":
    from openleo.base.errors import Refused

    stop = asyncio.Event()
    signals = stop_on_signals(stop)
    runner.leave_old(but=name)
    job: Job = await runner.run_in_turn(name, stop)
    if job.state == "running":
        ended = "stopped by SIGTERM" if signals == [signal.SIGTERM] else "stopped by Ctrl-C"
        try:
            return runner.jobs.end(name, "stopped", by=person_here(), says=ended, now_ns=time.time_ns())  # type: ignore[no-any-return]
        except Refused:
            return runner.jobs.need(name)  # type: ignore[no-any-return]
    return job


@click.group("jobs", cls=Group, invoke_without_command=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              help="How to print (default: text).")  # fmt: skip
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
              help="Where data lives (default: OPENLEO_HOME, else the platform's folder).")  # fmt: skip
@click.pass_context
def jobs(ctx: click.Context, data: Path | None, form: str) -> None:
    """Show, stop and resume jobs: what dishes were told, one after another."""
    if ctx.invoked_subcommand is None:
        _list(At(data, form == "json"))
    elif any(ctx.get_parameter_source(p) is click.core.ParameterSource.COMMANDLINE for p in ("data", "form")):
        raise click.UsageError(
            f"options belong after the subcommand: openleo fleet jobs {ctx.invoked_subcommand} ..."
        )


@jobs.command("list")
@fleet_options
def list_jobs(at: At) -> None:
    """List jobs, the latest first."""
    _list(at)


def _list(at: At) -> None:
    from openleo.fleet.acting.plain import plain_shown
    from openleo.fleet.why.times import when

    with _desk(at) as desk:
        found = [(job, plain_shown(desk, job)) for job in desk.jobs.all()]
    rows = [
        (job.id, job.order.says(), _state(shown), _counts(shown["counts"]), when(job.made_ns), job.by,
         "; ".join(part for part in (shown["says"] or job.reason, *shown["notes"]) if part))
        for job, shown in found
    ]  # fmt: skip
    heads = ("job", "what", "state", "terminals", "made", "by", "")
    show(at, [shown for _, shown in found], columns(heads, rows, none="no job yet"))


@jobs.command("show")
@click.argument("job")
@fleet_options
def show_job(at: At, job: str) -> None:
    """Show a job: when each terminal was told, what it answered, how it stood before and after."""
    with _desk(at) as desk:
        _show_job(at, desk, desk.jobs.need(job))


@jobs.command("stop")
@click.argument("job")
@_reason
@fleet_options
def stop(at: At, job: str, reason: str) -> None:
    """Stop a job: nobody more is told.

    What went through an agent and is not confirmed, the agent undoes by itself: it says which, and by when.
    """
    with _desk(at) as desk:
        _show_job(at, desk, desk.stop(job, by=person_here(), reason=reason))


@jobs.command("resume")
@click.argument("job")
@_reason
@fleet_options
def resume(at: At, job: str, reason: str) -> None:
    """Go on with a job that was stopped or broke off; who was told is not told again."""
    with _desk(at) as desk:
        found = desk.jobs.need(job)
        if found.state != "running":  # one that runs on paper was killed, and is taken up as it is
            desk.resume(job, by=person_here(), reason=reason)
    run(at, job)


def _desk(at: At) -> "AbstractContextManager[Desk]":
    from openleo.fleet.acting.desk import Desk

    if not at.folder.is_dir():
        raise BadInput(f"there is no fleet in {at.folder.parent}", "name another folder with --data")
    return Desk.of(at.folder, now_ns=time.time_ns())


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in sorted(counts.items())) or "none"


def _state(shown: dict[str, Any]) -> str:
    return "waiting" if shown["waits"] else str(shown["state"])


def _show_job(at: At, desk: "Desk", job: "Job") -> None:
    from openleo.fleet.acting.plain import plain_whole_job
    from openleo.fleet.why.times import when

    shown = plain_whole_job(desk, job)
    says = f": {shown['says']}" if shown["says"] else ""
    lines = [
        f"job {job.id}: {job.order.says()}, {_state(shown)}{says}", *shown["notes"],
        f"asked for by {job.by} at {when(job.made_ns)}: {job.reason}",
        f"terminals: {_counts(shown['counts'])}", "",
    ]  # fmt: skip
    heads = ("terminal", "site", "", "state", "told", "answer", "before", "after")
    lines += columns(heads, [_row(step) for step in desk.steps(job)], none="")
    lines += [f"left out: {one.terminal}: {one.why}: {one.says}" for one in desk.jobs.left(job.id)]
    lines += ["", *(f"{when(e.at_ns)} {e.what} by {e.by}: {e.says}" for e in desk.jobs.events(job.id))]
    if at.as_json:
        show(at, shown, lines)
    else:
        tell(lines)


def _row(step: "ShownStep") -> tuple[str, ...]:
    from openleo.fleet.why.times import when

    one = step.record
    return (
        one.terminal, one.site, "canary" if one.canary else "", one.state,
        when(step.told_ns) if step.told_ns else "", "; ".join(p for p in (one.answer, step.note) if p),
        one.before.says() if one.before else "", one.after.says() if one.after else "",
    )  # fmt: skip


COMMANDS: tuple[click.Command, ...] = (jobs,)
