"""`openleo run`: run a scenario and write a run folder."""

import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from openleo.base.errors import BadInput
from openleo.cli._durations import Duration
from openleo.cli._instants import Instant
from openleo.scenario.blocks import PREFERENCES

if TYPE_CHECKING:
    from openleo.results.execute import Progress
    from openleo.results.run import Run
    from openleo.scenario.model import Scenario


_PATIENCE_S = 60.0  # after so long a line of progress is written, however little was done


def aware(utc: np.datetime64) -> datetime:
    """Return an instant as an aware datetime, to the microsecond."""
    moment: datetime = utc.astype("datetime64[us]").astype(datetime)
    return moment.replace(tzinfo=UTC)


def _settings(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, object]:
    """Return the changes of --set: a value is read as TOML, and as text where it is no TOML."""
    found: dict[str, object] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not KEY=VALUE; write it as network.beams=8")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


@click.command("run")
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder (default: runs/NAME-HASH)."
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), metavar="N", help="Threads (default: one for each processor)."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Another seed.")
@click.option("--preference", type=click.Choice(PREFERENCES), help="How satellites are chosen.")
@click.option(
    "--elements", metavar="NAME|FILE", help="Another constellation: built in, or a file of element sets."
)
@click.option(
    "--at-epoch",
    is_flag=True,
    help="Move the scenario by whole days to the time of the constellation's elements.",
)
@click.option("--start", type=Instant(), metavar="TIME", help="Another start; the length stays.")
@click.option("--end", type=Instant(), metavar="TIME", help="Another end.")
@click.option(
    "--for", "length", type=Duration(), metavar="DURATION", help="Another length, such as 10m or 2h."
)
@click.option("--without", multiple=True, metavar="ID", help="Switch an assumption off; may be given again.")
@click.option(
    "--with", "with_", multiple=True, metavar="ID", help="Switch an assumption on; may be given again."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    callback=_settings,
    metavar="KEY=VALUE",
    help="Set a key of the scenario, such as network.beams=8; may be given again.",
)
@click.option(
    "--detail", type=click.Choice(["full", "cells"]), help="Rows by slot and cell, or by chunk and cell only."
)
@click.option("--chunk-slots", type=click.IntRange(1, 5760), metavar="N", help="Slots in a chunk of results.")
@click.option(
    "--resume", is_flag=True, help="Go on with a run that was stopped, and fail where there is none."
)
@click.option(
    "--control",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Serve by what this control database decided, not by the scenario's own switches.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    envvar="OPENLEO_KEY_FILE",
    metavar="FILE",
    help="The key of a sealed control database, or OPENLEO_KEY_FILE.",
)
@click.option("--quiet", is_flag=True, help="Print only errors and where the run is.")
def command(
    *,
    scenario: str,
    out: Path | None,
    workers: int | None,
    resume: bool,
    quiet: bool,
    control: Path | None,
    key_file: Path | None,
    **how: Any,
) -> None:
    """Run a scenario and write a run folder.

    SCENARIO is a built-in scenario, a TOML file, or a run folder to go on with.  The same scenario and seed
    give the same bytes, whatever the number of workers.  A run that was stopped goes on where it was when
    the same command is given again.
    """
    from openleo.results.execute import find_scenario

    found, folder = find_scenario(scenario)
    with _decided(control, key_file) as decisions:
        how["changes"] |= decisions
        changed = _changed(found, how)
        if changed is not found:
            folder = None
        _run(changed, out or folder, workers=workers, resume=resume, quiet=quiet)


@contextmanager
def _decided(control: Path | None, key_file: Path | None) -> Iterator[dict[str, object]]:
    """Give the change that has a scenario take a control database's decisions, from a file for as long."""
    if control is None:
        yield {}
        return
    from openleo.cli._control import write_decisions

    with TemporaryDirectory(prefix="openleo-") as folder:
        path = Path(folder) / "decisions.json"
        write_decisions(control, key_file, path)
        yield {"decisions.file": str(path)}


def _run(changed: "Scenario", out: Path | None, *, workers: int | None, resume: bool, quiet: bool) -> None:
    from openleo.base.compile import kernels_are_compiled
    from openleo.results.execute import Stopped, default_folder, simulate

    target = out or default_folder(changed)
    if resume and not (target / "manifest.json").is_file():
        raise BadInput(f"there is no run to go on with in {target}", "leave --resume out to begin one")
    if not (quiet or kernels_are_compiled()):
        click.echo("compiling kernels for this machine: once, about half a minute", err=True)
    computed: list[bool] = []
    bar = _Bar(changed.name, quiet=quiet)
    try:
        run = simulate(
            changed,
            target,
            workers=workers,
            progress=bar.progress,
            fresh=lambda: computed.append(True),
            warn=(lambda found: None) if quiet else _warn,
        )
    except Stopped as stopped:
        bar.close()
        click.echo(stopped.told, err=True)
        raise
    finally:
        bar.close()
    _report(run, quiet=quiet, was_there=not computed)


def _warn(found: list[dict[str, str]]) -> None:
    for warning in found:
        click.echo(f"warning: {warning['detail']}", err=True)
        click.echo(f"hint: {warning['hint']}", err=True)


def _changed(scenario: "Scenario", how: dict[str, Any]) -> "Scenario":
    """Return the scenario with what the options change; the same object where they change nothing."""
    changes = dict(how["changes"])
    changes |= {key: how[key] for key in ("detail", "chunk_slots") if how[key] is not None}
    start, end, length = how["start"], how["end"], how["length"]
    if end is not None and length is not None:
        raise click.UsageError("--end and --for both set the end: give one of them")
    with_elements = {"constellation": how["elements"]}
    if how["at_epoch"]:
        scenario = scenario.with_changes(**with_elements)
        scenario = scenario.with_changes(at_epoch=_epoch_of(scenario))
    if length is not None:
        end = (start or scenario.start) + length
    same = not (changes or any(how[key] for key in ("without", "with_", "preference", "elements")))
    if same and how["seed"] is None and start is None and end is None:
        return scenario
    return scenario.with_changes(
        **with_elements,
        start=start,
        end=end,
        seed=how["seed"],
        preference=how["preference"],
        without=how["without"],
        with_=how["with_"],
        changes=changes,
    )


def _epoch_of(scenario: "Scenario") -> datetime:
    """Return the median epoch of a scenario's element sets; a built-in's are made for its start."""
    from openleo.base.clock import to_datetime64
    from openleo.orbits.builtin import builtin_names, load_constellation

    use = scenario.constellation.use
    source = use if use in builtin_names() else str(scenario.path(use))
    return aware(load_constellation(source, at=to_datetime64(scenario.start)).epoch)


def _pace(slots_s: float) -> str:
    return f"{slots_s:.0f} a second" if slots_s >= 1.5 else f"{60 * slots_s:.2g} a minute"


class _Bar:
    """Progress on standard error: a bar on a terminal, else a line for every tenth."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._name, self._quiet = name, quiet
        self._bar: Any = None
        self._began = time.monotonic()
        self._first: int | None = None
        self._told = 0
        self._last = 0.0

    @property
    def progress(self) -> "Progress":
        if self._quiet:
            return lambda done, total: None
        return self._on_terminal if sys.stderr.isatty() else self._in_lines

    def _on_terminal(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, desc=self._name, unit="slot", file=sys.stderr, smoothing=0.1
            )
        self._bar.update(done - self._bar.n)

    def _in_lines(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first, self._began, self._told, self._last = done, now, 10 * done // total, now
        slow = now - self._last >= _PATIENCE_S
        if done == self._first or (10 * done // total == self._told and not slow):
            return
        self._told, self._last = 10 * done // total, now
        passed = now - self._began
        rate = (done - self._first) / passed if passed > 0 else 0.0
        left = timedelta(seconds=round((total - done) / rate)) if rate else "unknown"
        click.echo(f"{self._name}: {done:,} of {total:,} slots, {_pace(rate)}, time left {left}", err=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _report(run: "Run", *, quiet: bool, was_there: bool) -> None:
    if quiet:
        click.echo(str(run.path))
        return
    from openleo.results.summary import summary_of
    from openleo.results.summary_text import summary_lines

    if was_there:
        click.echo(
            f"{run.path} is complete: nothing was computed.  To run it anew, give another --out.", err=True
        )
    for line in summary_lines(run, summary_of(run), warned=not was_there):
        click.echo(line)
