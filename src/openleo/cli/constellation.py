"""`openleo constellation`: the built-in constellations, and what one or a file of element sets holds."""

import warnings
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from openleo.base.clock import format_utc, parse_utc, to_datetime64
from openleo.base.errors import OpenleoWarning
from openleo.cli._group import Group
from openleo.cli._text import columns, counted
from openleo.orbits.builtin import builtin_names, load_constellation, nameless_rows
from openleo.orbits.constellation import Constellation, constellation_from_sets, stale_elements_warning
from openleo.orbits.elements import ReadResult, read_elements

GENERATIONS = {0: "unknown", 1: "v0.9 and v1.0", 15: "v1.5", 20: "v2 mini"}
SHOWN_PROBLEMS = 10


@click.group("constellation", cls=Group, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the built-in constellations, or say what one or a file holds."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
def list_() -> None:
    """List the built-in constellations: how many satellites each has, and where it is from."""
    rows = []
    for name in builtin_names():
        constellation = load_constellation(name, at=_now())
        rows.append([name, counted(len(constellation), "satellite"), constellation.source])
    for line in columns(rows):
        click.echo(line)
    click.echo("\nMore about one: openleo constellation info NAME")


@command.command("info")
@click.argument("use", metavar="NAME|FILE")
@click.option(
    "--at",
    metavar="TIME",
    help="Lay a built-in out for this instant (default: now), or tell the age of element sets then; such as"
    " 2022-10-07T17:30:00Z.",
)
@click.option(
    "--problems", is_flag=True, help=f"Show every record that was left out, not only {SHOWN_PROBLEMS}."
)
def info(use: str, at: str | None, problems: bool) -> None:
    """Say what a constellation holds: satellites, shells, and what was left out and why.

    NAME is a built-in constellation; FILE holds element sets: TLE, 3LE, or OMM as JSON, CSV or XML, gzipped
    or not.
    """
    instant = None if at is None else parse_utc(at)
    result = None
    if use not in builtin_names() and Path(use).is_file():
        result = read_elements(Path(use))
        constellation = constellation_from_sets(result.sets, name=Path(use).name, source=use)
    else:
        constellation = load_constellation(use, at=_now() if instant is None else instant)
    lines = [*_facts(constellation, result), "", *_shells(constellation)]
    if constellation.notes:
        lines += ["", "notes", *(f"  {note}" for note in constellation.notes)]
    if result is not None:
        lines += ["", *_left_out(result, everything=problems)]
    click.echo("\n".join(lines))
    if instant is None:
        return
    stale = stale_elements_warning(constellation, instant)
    for detail, hint in (*(() if stale is None else (stale,)), *constellation.warnings):
        warnings.warn(f"{detail}; {hint}", OpenleoWarning, stacklevel=1)


def _now() -> np.datetime64:
    return to_datetime64(datetime.now(UTC))


def _facts(constellation: Constellation, result: ReadResult | None) -> list[str]:
    """Return the lines about the constellation as a whole."""
    total = len(constellation)
    generations = [
        f"{label} {int((constellation.generation == code).sum()):,}"
        for code, label in GENERATIONS.items()
        if (constellation.generation == code).any()
    ]
    epochs = [constellation.sets.epoch.min(), constellation.sets.epoch.max(), constellation.epoch]
    first, last, middle = (format_utc(e.astype("datetime64[s]")) for e in epochs)
    rows = [
        ["source", constellation.source],
        [
            "epochs",
            first if first == last else f"{first} to {last}, median {middle}",
        ],
        ["generations", ", ".join(generations)],
        ["lasers", f"{int(constellation.has_laser.sum()):,} of {total:,}"],
        [
            "in band",
            f"{int(constellation.in_service.sum()):,} of {total:,} are inside their shell's band",
        ],
        [
            "Ku payload",
            f"{int(constellation.has_ku.sum()):,} of {total:,}; a satellite in service has it and is in band",
        ],
    ]
    if result is not None:
        rows.insert(1, ["kind", result.kind])
    in_service = int(constellation.serves_terminals.sum())
    return [
        f"{constellation.name}: {counted(total, 'satellite')}, {in_service:,} in service",
        *(f"  {line}" for line in columns(rows)),
    ]


def _shells(constellation: Constellation) -> list[str]:
    """Return a table of the shells."""
    rows = [["shell", "altitude", "inclination", "planes", "in band", "Ku", "lasers", "band from and to"]]
    for index, shell in enumerate(constellation.shells):
        members = constellation.shell == index
        rows.append(
            [
                shell.name,
                f"{shell.altitude_m / 1000:.1f} km",
                f"{np.degrees(shell.inclination_rad):.2f} deg",
                "-" if shell.planes is None else f"{shell.planes:,}",
                f"{int(members.sum()):,}",
                f"{int((members & constellation.has_ku).sum()):,}",
                f"{int((members & constellation.has_laser).sum()):,}",
                f"{shell.in_service_low_m / 1000:.1f} and {shell.in_service_high_m / 1000:.1f} km",
            ]
        )
    return columns(rows, right=frozenset({1, 2, 3, 4, 5, 6}))


def _left_out(result: ReadResult, *, everything: bool) -> list[str]:
    """Return what a file held that is not used."""
    lines = []
    nameless = nameless_rows(result.sets)
    if len(nameless):
        lines.append(
            f"without a name: {counted(len(nameless), 'satellite')}, called by catalogue number;"
            " generation and lasers are told by name, so lasers are assumed"
        )
    lines.append(
        f"left out: {counted(len(result.problems), 'record')};"
        f" dropped for a newer set of the same satellite: {result.duplicates:,}"
    )
    shown = result.problems if everything else result.problems[:SHOWN_PROBLEMS]
    lines += [f"  {problem}" for problem in shown]
    if len(shown) < len(result.problems):
        lines.append(f"  and {len(result.problems) - len(shown):,} more: `--problems` shows all")
    return lines
