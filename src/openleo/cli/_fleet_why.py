"""`openleo fleet why` and `openleo fleet report`: a terminal's cause and evidence, a shift's handover."""

import asyncio
import json
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openleo.base.errors import BadInput
from openleo.cli._durations import Duration
from openleo.cli._fleet import At, data_words
from openleo.cli._fleet_looking import looking, tell
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from openleo.fleet.kits import Kit
    from openleo.fleet.register import DishEntry
    from openleo.fleet.store import TelemetryStore
    from openleo.fleet.why import Expected, Subject

_data = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)  # fmt: skip


@click.command("why")
@click.argument("terminal", required=False)
@click.option("--at", "when", type=Instant(), metavar="TIME", help="As it stood then (default: now).")
@click.option(
    "--dish", "address", metavar="ADDRESS", help="Read this dish now; needs no register and no account."
)
@click.option("--source", metavar="IP|INTERFACE", help="With --dish: ask from this address or interface.")
@click.option("--run", "run", type=click.Path(path_type=Path), metavar="RUN",
              help="Compare with what a run of openleo expected there and then.")  # fmt: skip
@click.option(
    "--rain",
    "rain_mm_h",
    type=click.FloatRange(0, 500),
    metavar="MM/H",
    help="Rain there, where you know it.",
)
@click.option("--all", "tell_all", is_flag=True, help="Tell all evidence, also what weighs little.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_data
def why(
    *, terminal: str | None, when: datetime | None, address: str | None, source: str | None, run: Path | None,
    rain_mm_h: float | None, tell_all: bool, as_json: bool, data: Path | None,
) -> None:  # fmt: skip
    """Say why a terminal is dark: cause, how sure, evidence, rivals, what to do next.

    TERMINAL is its id or the beginning of one, a kit or a part of its number, a site or a word of its name,
    or a dish's name.  Causes are weighed by how well they explain what its telemetry, its neighbours and
    known decisions show; docs/why.md says how, and how often that is right.
    """
    if (terminal is None) == (address is None):
        raise click.UsageError("name a TERMINAL, or a dish with --dish ADDRESS")
    if address is not None and when is not None:
        raise click.UsageError("--dish reads a dish now: leave --at out")
    expected = None if run is None else _expected(run)
    if address is not None:
        _read_dish(At(data, as_json), (address, source), expected, (rain_mm_h, tell_all))
        return
    assert terminal is not None
    _from_store(At(data, as_json), terminal, when, expected, (rain_mm_h, tell_all))


def _expected(run: Path) -> "Expected":
    from openleo.live.expected import RunExpected
    from openleo.results.run import open_run

    return RunExpected(open_run(run, partial=True))


def _from_store(
    at: At, name: str, when: datetime | None, expected: "Expected | None", how: tuple[float | None, bool]
) -> None:
    from dataclasses import replace

    from openleo.fleet.why import State, Why, diagnose
    from openleo.fleet.why.unseen import next_step
    from openleo.fleet.why.words import (
        Here,
        is_old,
        name_of,
        plain_diagnosis,
        stale_lines,
        why_lines,
    )

    rain_mm_h, tell_all = how
    with looking(at) as fleet:
        terminals = fleet.find(name)
        survey = fleet.survey(when, whole=terminals, expected=expected)
        clock_ns = fleet.clock_ns if when is None else survey.now_ns
        remark, polled = fleet.remark, fleet.polled_at(when)

    def unseen(kit: "Subject") -> str:
        return next_step(kit, polled.get(kit.terminal), data_words(at))

    lines = [*stale_lines(survey, clock_ns), *([remark] if remark else [])]
    values = []
    for terminal in terminals:
        standing = survey.standings[terminal]
        case = replace(survey.case(terminal), rain_mm_h=rain_mm_h)
        found = diagnose(case, course=standing.course)
        dish = fleet.dishes.get(terminal)
        never = found.state is State.NEVER
        here = Here(
            controlled=fleet.controlled, address=dish.address if dish is not None else "",
            unseen=unseen(standing.kit) if never else "",
            sky_ns=clock_ns if is_old(survey, clock_ns) else None,
            together=", ".join(map(name_of, survey.same_code(terminal))),
            sky=_sky(dish) if found.cause is Why.OBSTRUCTED and when is None and not at.as_json else "",
        )  # fmt: skip
        values.append(plain_diagnosis(standing.kit, found, survey.now_ns))
        lines += ["", *why_lines(standing.kit, found, survey.now_ns, tell_all=tell_all, here=here)]
    if at.as_json:
        click.echo(json.dumps(values[0] if len(values) == 1 else values, indent=2, ensure_ascii=False))
        return
    tell(lines if lines[0] else lines[1:])


def _sky(dish: "DishEntry | None") -> str:
    """Return what hides a dish's sky, where it can be asked from here."""
    from openleo.fleet.why.sky import sky_words

    return "" if dish is None else asyncio.run(sky_words(dish.address, dish.source or None))


def _read_dish(
    at: At, where: tuple[str, str | None], expected: "Expected | None", how: tuple[float | None, bool]
) -> None:
    import time

    from openleo.fleet.why import diagnose
    from openleo.fleet.why.calling import asks_here, do_here
    from openleo.fleet.why.directly import NO_PLACE, case_of_dish
    from openleo.fleet.why.told import told_lines
    from openleo.fleet.why.words import Here, plain_diagnosis, why_lines

    (address, source), (rain_mm_h, tell_all) = where, how
    try:
        case, notes = asyncio.run(
            case_of_dish(
                address, source=source, now_ns=time.time_ns(), rain_mm_h=rain_mm_h, expected=expected
            )
        )
    except BadInput as error:
        kit = _kit_of(at, address, source)
        if kit is None:
            raise
        what = "it is a kit's name, not an address" if kit.id == address else "it is a dish of the register"
        raise BadInput(
            error.detail, f"{what}: openleo fleet why {kit.id}{data_words(at)} tells how it stood"
        ) from error
    found = diagnose(case)
    if at.as_json:
        value = plain_diagnosis(case.kit, found, case.now_ns)
        value |= {"neighbours_looked_at": False, "notes": notes}
        value["would_decide"] = asks_here(found.decides, controlled=False, address=address, reading=True)
        if found.cause is not None:
            value["next"] = do_here(found.cause, controlled=False, address=address, reading=True)
        if case.facts is not None:
            value |= {"alerts": case.facts.alerts, "self_test_failed": case.facts.self_test_failed}
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    here = Here(
        controlled=False, address=address, looked_around=False, reading=True,
        told=tuple(told_lines(case.facts)),
    )  # fmt: skip
    lines = list(why_lines(case.kit, found, case.now_ns, tell_all=tell_all, here=here))
    kit = _kit_of(at, case.kit.terminal, None) or _kit_of(at, address, source)
    if kit is not None:
        what = f"{kit.site}, kit {kit.id}" if kit.site else f"kit {kit.id}"
        lines.append(
            f"it is {what}: `openleo fleet why {kit.id}{data_words(at)}` knows more, its neighbours too"
        )
    tell([*lines, *(f"note: {note}" for note in notes if tell_all or not note.startswith(NO_PLACE))])


def _kit_of(at: At, name: str, source: str | None) -> "Kit | None":
    """Return the one kit of the register that a terminal's id, a kit's name or a dish's address means."""
    if not (at.folder / "fleet.db").is_file():
        return None
    try:
        with at.register() as register:
            kits = register.find_kits(name)
            wanted = {
                d.terminal or d.kit
                for d in register.dishes()
                if (d.address, d.source) == (name, source or "")
            }
            kits = kits or [kit for one in wanted if one for kit in register.find_kits(one)]
    except BadInput:  # a dish is read without any register: a spoilt one must not prevent it
        return None
    return kits[0] if len(kits) == 1 else None


@click.command("report", context_settings={"allow_extra_args": True})
@click.option("--since", type=Duration(), metavar="TIME", default="8h", show_default=True,
              help="How long the shift was: 8h, 90m, 1d.")  # fmt: skip
@click.option("--at", "when", type=Instant(), metavar="TIME", help="Its end (default: now).")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv"]), default="text",
              show_default=True,
              help="How to print; text and markdown are the same, csv is a table of terminals.")  # fmt: skip
@_data
@click.pass_context
def report(ctx: click.Context, since: timedelta, when: datetime | None, form: str, data: Path | None) -> None:
    """Write a shift's handover: what is open and why, what changed, what was decided, whom to call."""
    from openleo.fleet.why.handover import Handover, csv_text, plain_handover, spells_of, text_lines

    if ctx.args:
        raise BadInput(
            f"the report is printed, and takes no {ctx.args[0]!r}",
            "write it to a file: openleo fleet report"
            f"{data_words(At(data, False))} > {shlex.quote(ctx.args[0])}",
        )
    if since > timedelta(days=7):
        raise BadInput(
            f"a report over {since.days} days is no handover", "take at most 7d; for more: the history"
        )
    from openleo.fleet.looking import open_incidents

    with looking(At(data, False)) as fleet:
        survey = fleet.survey(when)
        clock_ns = fleet.clock_ns if when is None else survey.now_ns
        since_ns = survey.now_ns - round(since.total_seconds() * 1e9)
        found = Handover(
            since_ns=since_ns, survey=survey, incidents=open_incidents(survey),
            spells=spells_of(fleet.store, since_ns, survey.now_ns),
            decisions=fleet.decided if fleet.decisions is not None else None,
            reaches_back=_reaches_back(fleet.store, since_ns),
            addresses={terminal: dish.address for terminal, dish in fleet.dishes.items()},
            polled=fleet.polled_at(when), contradicted=fleet.contradicted_at(when), jobs=fleet.jobs,
            data=data_words(At(data, False)),
        )  # fmt: skip
    if form == "json":
        click.echo(json.dumps(plain_handover(found, clock_ns), indent=2, ensure_ascii=False))
    elif form == "csv":
        click.echo(csv_text(found), nl=False)
    else:
        tell(text_lines(found, clock_ns))


def _reaches_back(store: "TelemetryStore", since_ns: int) -> bool:
    """Tell whether the store holds telemetry of when the shift began, or before."""
    from openleo.fleet.dayfile import HOUR_NS

    days = store.days(0, since_ns + 1)
    if not days:
        return False
    with store.day(days[0]) as file:
        return any(hour * HOUR_NS <= since_ns for hour in file.hours())


COMMANDS: tuple[click.Command, ...] = (why, report)
