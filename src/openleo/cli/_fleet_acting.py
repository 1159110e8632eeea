"""`openleo fleet allow, forbid, do`: telling dishes what to do, many at once, with care."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import table as columns
from openleo.cli._durations import Duration
from openleo.cli._fleet import At, fleet_options, person_here, show
from openleo.cli._fleet_jobs import run
from openleo.cli._fleet_preview import show_plan
from openleo.cli._fleet_table import filter_text, read_table, words_of

if TYPE_CHECKING:
    from openleo.fleet.acting.choosing import Asked
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
    run(at, job.id)


COMMANDS: tuple[click.Command, ...] = (allow, forbid, do)
