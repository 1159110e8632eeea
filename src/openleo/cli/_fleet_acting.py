"""`openleo fleet allow, forbid, do, jobs`: telling dishes what to do, many at once, with care."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import table as columns
from openleo.cli._durations import Duration
from openleo.cli._fleet import At, fleet_options, person_here, show, stop_on_signals
from openleo.cli._fleet_looking import tell
from openleo.cli._fleet_preview import show_plan
from openleo.cli._fleet_table import filter_text, read_table, words_of
from openleo.cli._group import Group

if TYPE_CHECKING:
    from openleo.fleet.acting.choosing import Asked
    from openleo.fleet.acting.jobs import Job, Jobs
    from openleo.fleet.acting.orders import Order
    from openleo.fleet.acting.plan import Plan

_ACTIONS = ("reboot", "stow", "unstow", "sleep", "inhibit-gps", "clear-map")
_reason = click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept.")


@click.command("allow")
@click.argument("action", type=click.Choice(_ACTIONS), required=False)
@click.option("--reason", metavar="TEXT", help="Why: it is kept.")
@fleet_options
def allow(at: At, action: str | None, reason: str | None) -> None:
    """Allow that dishes of this fleet are told something, or show what is allowed.

    reboot, stow and sleep take the network away from who is behind a dish, and are off until somebody allows
    them, for the whole fleet.
    """
    if action is not None:
        if not reason:
            raise BadInput("a reason is missing", f'openleo fleet allow {action} --reason "..."')
        _say(at, action, allowed=True, reason=reason)
    _show_allowed(at)


@click.command("forbid")
@click.argument("action", type=click.Choice(_ACTIONS))
@_reason
@fleet_options
def forbid(at: At, action: str, reason: str) -> None:
    """Forbid that dishes of this fleet are told something; jobs that do it stop."""
    _say(at, action, allowed=False, reason=reason)
    _show_allowed(at)


def _say(at: At, action: str, *, allowed: bool, reason: str) -> None:
    from openleo.fleet.acting.allowed import Allowances
    from openleo.fleet.database import FleetDatabase

    with FleetDatabase(at.folder) as database:
        Allowances(database).say(
            action, allowed=allowed, by=person_here(), reason=reason, now_ns=time.time_ns()
        )


def _show_allowed(at: At) -> None:
    from openleo.fleet.acting.allowed import Allowances
    from openleo.fleet.acting.orders import MEANS
    from openleo.fleet.database import FleetDatabase

    with FleetDatabase(at.folder) as database:
        found = Allowances(database).all()
    rows = [
        (one.action, "allowed" if one.allowed else "off", MEANS[one.action], one.by, one.reason)
        for one in found
    ]
    show(at, found, columns(("action", "", "what it does", "said by", "why"), rows, none=""))


class _Share(click.ParamType[tuple[int, float | None]]):
    """A number, or a percentage."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return (count, None) or (0, percent)."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        try:
            if text.endswith("%") and 0 <= float(text[:-1]) <= 100:
                return 0, float(text[:-1])
            if int(text) >= 0:
                return int(text), None
        except ValueError:
            pass
        return self.fail(f"{text!r} is neither a number of terminals nor a percentage such as 5%", param, ctx)


@click.command("do")
@click.argument("action", type=click.Choice(_ACTIONS))
@click.option("--where", metavar="WORDS", help="Those that are so: see `openleo fleet table --help`.")
@click.option("--filter", "saved", metavar="NAME", help="Those that a saved filter chooses.")
@click.option("--site", metavar="NAME", help="Those of a site.")
@click.option("--account", metavar="NAME", help="Those of an account.")
@click.option("--terminals", "listed", type=click.File(), metavar="FILE", help="Those in a file, one a line.")
@click.option("--terminal", "named", multiple=True, metavar="NAME",
              help="This one, as for `openleo fleet why`; several may be named.")  # fmt: skip
@click.option("--include", multiple=True, metavar="ID",
              help="A life-critical one among them, by its id or kit, that is to be told too.")  # fmt: skip
@click.option("--not-our-path", multiple=True, metavar="ID",
              help="One of them, by id or kit, that our own way out surely does not go over.")  # fmt: skip
@click.option("--canary", type=_Share(), default="1", show_default=True, metavar="N|P%",
              help="How many are told first and watched.")  # fmt: skip
@click.option("--watch", default="10m", show_default=True, type=Duration(), metavar="DURATION",
              help="How long the canary is watched, and one that was told has to be well.")  # fmt: skip
@click.option("--per-minute", default=6.0, show_default=True, type=click.FloatRange(0.01, 600),
              help="How many are told in a minute.")  # fmt: skip
@click.option("--site-percent", default=50.0, show_default=True, type=click.FloatRange(0.01, 100),
              help="How many of a site may be away at once, with those that stay so.")  # fmt: skip
@click.option("--revert-after", default="10m", show_default=True, type=Duration(), metavar="DURATION",
              help="When an agent undoes a stow or sleep that is not confirmed: 3m to 24h.")  # fmt: skip
@click.option("--from", "from_", metavar="HH:MM", help="sleep: when it begins each day, UTC.")
@click.option("--for", "length", type=Duration(), metavar="DURATION", help="sleep: how long.")
@click.option("--off", is_flag=True, help="sleep: end it; inhibit-gps: use GPS again.")
@click.option("--go", is_flag=True, help="Do it; without this, say only what would be done.")
@click.option("--reason", metavar="TEXT", help="Why: it is kept, and needed with --go.")
@fleet_options
def do(at: At, action: str, go: bool, reason: str | None, **how: Any) -> None:
    """Tell dishes something: first a canary, then the others at a pace, and stop where it goes wrong.

    Without --go it says who would be told.  Life-critical terminals are left out unless each is named again
    with --include.  A dish that our own way out goes over is told what could cut us off last, and only by an
    agent at its site, which undoes it by itself.  Ctrl-C stops the job; `openleo fleet jobs` shows it, and
    `openleo fleet jobs resume` goes on with it.
    """
    from openleo.fleet.acting.choosing import make_plan, site_sizes

    asked = _asked(at, action, how)
    made = read_table(at)
    found = make_plan(at.folder, made, asked, preview=not go)
    if not go:
        show_plan(at, asked, found)
        return
    if not reason:
        raise BadInput("a reason is missing", 'say why, for the record: --reason "..."')
    if not found.chosen:
        raise BadInput(f"none of those {len(found.left)} can be told", "see why: leave --go out")
    _start(at, asked, found, dict(site_sizes(made)), reason)


def _asked(at: At, action: str, how: dict[str, Any]) -> "Asked":
    from openleo.fleet.acting.choosing import Asked
    from openleo.fleet.acting.plan import Settings

    words = [w for w in (how["where"], how["saved"] and filter_text(at, how["saved"])) if w is not None]
    words += words_of(site=how["site"], account=how["account"])
    names = [line.strip() for line in how["listed"] or () if line.strip() and line[0] != "#"]
    names += how["named"]
    if bool(words) == bool(names):
        raise click.UsageError(
            "say whom: by --where, --filter, --site and --account, or by --terminal and --terminals"
        )
    canaries, percent = how["canary"]
    settings = Settings(
        canary_count=canaries, canary_percent=percent, watch_minutes=how["watch"].total_seconds() / 60,
        per_minute=how["per_minute"], site_percent=how["site_percent"],
        revert_minutes=how["revert_after"].total_seconds() / 60,
    )  # fmt: skip
    return Asked(
        order=_order(action, how["from_"], how["length"], how["off"]), settings=settings,
        where=" and ".join(f"({one})" for one in words) if words else None,
        terminals=names or None, include=how["include"], not_ours=how["not_our_path"],
    )  # fmt: skip


def _order(action: str, from_: str | None, length: timedelta | None, off: bool) -> "Order":
    from openleo.fleet.acting.orders import Order

    if action != "sleep" and (from_ or length):
        raise click.UsageError("--from and --for go with sleep")
    if action not in ("sleep", "inhibit-gps") and off:
        raise click.UsageError("--off goes with sleep and inhibit-gps; what undoes stow is unstow")
    if action == "inhibit-gps":
        return Order(action=action, inhibit=not off)
    if action != "sleep":
        return Order(action=action)
    if off:
        return Order(action=action, minutes=1, enable=False)
    if from_ is None or length is None:
        raise click.UsageError("sleep needs --from HH:MM and --for DURATION, or --off")
    try:
        hours, _, minutes = from_.partition(":")
        start = int(hours) * 60 + int(minutes)
    except ValueError:
        raise BadInput(f"{from_!r} is no time of the day", "write it as 22:30") from None
    return Order(action=action, start_min=start, minutes=round(length.total_seconds() / 60))


def _start(at: At, asked: "Asked", found: "Plan", sizes: dict[str, int], reason: str) -> None:
    from openleo.fleet.acting.jobs import Job, Jobs, new_id
    from openleo.fleet.database import FleetDatabase

    job = Job(
        id=new_id(), order=asked.order, settings=asked.settings, chosen_by=asked.words,
        include=found.include, not_ours=found.not_ours, site_sizes=sizes,
        reason=reason, by=person_here(), made_ns=time.time_ns(),
    )  # fmt: skip
    with FleetDatabase(at.folder) as database:
        Jobs(database).add(job, found)
    _run(at, job.id)


def _run(at: At, name: str) -> None:
    """Do a job here, or leave it to the openleo that does jobs already."""
    from openleo.fleet.acting.runner import Runner
    from openleo.fleet.durable import AlreadyRuns

    click.echo(f"job {name}; Ctrl-C stops it; how it goes: openleo fleet jobs show {name}", err=True)
    runner = Runner(folder=at.folder, tells=lambda line: click.echo(line, err=True))
    try:
        with runner.at_work():
            job = asyncio.run(_work(runner, name))
            _show_job(at, runner.jobs, job)
    except AlreadyRuns:
        click.echo("another openleo does this fleet's jobs, and does this one too", err=True)
        return
    if job.state != "done":
        raise BadInput(f"job {name} is {job.state}: {job.says}", f"go on: openleo fleet jobs resume {name}")


async def _work(runner: Any, name: str) -> "Job":
    from openleo.base.errors import Refused

    stop = asyncio.Event()
    stop_on_signals(stop)
    job: Job = await runner.run(name, stop)
    if job.state == "running":  # it was Ctrl-C
        try:
            by = person_here()
            return runner.jobs.end(name, "stopped", by=by, says="stopped by Ctrl-C", now_ns=time.time_ns())  # type: ignore[no-any-return]
        except Refused:
            return runner.jobs.need(name)  # type: ignore[no-any-return]
    return job


@click.group("jobs", cls=Group, invoke_without_command=True)
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
              help="Where data lives (default: OPENLEO_HOME, else the platform's folder).")  # fmt: skip
@click.pass_context
def jobs(ctx: click.Context, data: Path | None) -> None:
    """Show, stop and resume jobs: what dishes were told, one after another."""
    if ctx.invoked_subcommand is None:
        _list(At(data, False))


@jobs.command("list")
@fleet_options
def list_jobs(at: At) -> None:
    """List jobs, the latest first."""
    _list(at)


def _list(at: At) -> None:
    from openleo.fleet.acting.plain import plain_job
    from openleo.fleet.why.times import when

    with _jobs(at) as kept:
        found = [(job, kept.counts(job.id)) for job in kept.all()]
    rows = [
        (job.id, job.order.says(), job.state, _counts(counts), when(job.made_ns), job.by,
         job.says or job.reason)
        for job, counts in found
    ]  # fmt: skip
    heads = ("job", "what", "state", "terminals", "made", "by", "")
    show(at, [plain_job(job, counts) for job, counts in found], columns(heads, rows, none="no job yet"))


@jobs.command("show")
@click.argument("job")
@fleet_options
def show_job(at: At, job: str) -> None:
    """Show a job: when each terminal was told, what it answered, how it stood before and after."""
    with _jobs(at) as kept:
        _show_job(at, kept, kept.need(job))


@jobs.command("stop")
@click.argument("job")
@_reason
@fleet_options
def stop(at: At, job: str, reason: str) -> None:
    """Stop a job: nobody more is told."""
    with _jobs(at) as kept:
        ended = kept.end(job, "stopped", by=person_here(), says=reason, now_ns=time.time_ns())
        _show_job(at, kept, ended)


@jobs.command("resume")
@click.argument("job")
@_reason
@fleet_options
def resume(at: At, job: str, reason: str) -> None:
    """Go on with a job that was stopped or broke off; who was told is not told again."""
    with _jobs(at) as kept:
        found = kept.need(job)
        if found.state != "running":  # one that runs on paper was killed, and is taken up as it is
            kept.resume(job, by=person_here(), reason=reason, now_ns=time.time_ns())
    _run(at, job)


def _jobs(at: At) -> Any:
    from contextlib import contextmanager

    from openleo.fleet.acting.jobs import Jobs
    from openleo.fleet.database import FleetDatabase

    if not at.folder.is_dir():
        raise BadInput(f"there is no fleet in {at.folder.parent}", "name another folder with --data")

    @contextmanager
    def opened() -> Any:
        with FleetDatabase(at.folder) as database:
            yield Jobs(database)

    return opened()


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {state}" for state, n in sorted(counts.items())) or "none"


def _show_job(at: At, kept: "Jobs", job: "Job") -> None:
    from openleo.fleet.acting.plain import plain_whole_job
    from openleo.fleet.why.times import when

    lines = [
        f"job {job.id}: {job.order.says()}, {job.state}" + (f": {job.says}" if job.says else ""),
        f"asked for by {job.by} at {when(job.made_ns)}: {job.reason}",
        f"terminals: {_counts(kept.counts(job.id))}", "",
    ]  # fmt: skip
    rows = [
        (s.terminal, s.site, "canary" if s.canary else "", s.state, when(s.told_ns) if s.told_ns else "",
         s.answer, s.before.says() if s.before else "", s.after.says() if s.after else "")
        for s in kept.steps(job.id)
    ]  # fmt: skip
    lines += columns(("terminal", "site", "", "state", "told", "answer", "before", "after"), rows, none="")
    lines += [f"left out: {one.terminal}: {one.why}: {one.says}" for one in kept.left(job.id)]
    lines += ["", *(f"{when(e.at_ns)} {e.what} by {e.by}: {e.says}" for e in kept.events(job.id))]
    if at.as_json:
        show(at, plain_whole_job(kept, job), lines)
    else:
        tell(lines)


COMMANDS: tuple[click.Command, ...] = (allow, forbid, do, jobs)
