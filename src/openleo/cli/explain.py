"""`openleo explain`: who was dark at an instant of a run, and why a terminal or a place was."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openleo.base.errors import BadInput

if TYPE_CHECKING:
    from openleo.results.run import Run


@click.command("explain")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--terminal", metavar="ID", help="A terminal by its id, or as much of it as no other has.")
@click.option("--place", metavar="PLACE", help="The cell at a place: Kherson, Odessa,US or 46.64,32.61.")
@click.option("--cell", metavar="H3", help="A cell by its H3 index.")
@click.option("--at", metavar="TIME", required=True, help="Instant in the run, such as 2022-10-07T17:30:00Z.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    help="How to print (default: text); csv lists every dark terminal.",
)
def command(
    *, run: Path, terminal: str | None, place: str | None, cell: str | None, at: str, form: str
) -> None:
    """Say why a terminal was online or dark at an instant.

    RUN is a run folder.  Without --terminal, --place or --cell: every terminal that was dark at that second,
    counted by cause, then by the nearest town (--format csv or json lists each).  With one of them the answer
    is a chain of evidence: what policy says, the terminal's own state, its cell's satellites and the test
    that each failed, who served it on which way, or the one cause and what would have served it, and the
    assumptions that all this rests on.
    """
    given = sum(x is not None for x in (terminal, place, cell))
    if given > 1:
        raise click.UsageError("give one of --terminal, --place and --cell, or none for all that was dark")
    if given and form == "csv":
        raise click.UsageError("csv lists dark terminals: leave --terminal, --place and --cell out")
    from openleo.results.run import open_run

    opened = open_run(run, partial=True)
    slot = opened.slot_of(at)
    if not given:
        _dark(opened, at, form)
        return
    from openleo.results.evidence import explain_cell, explain_elsewhere, explain_terminal
    from openleo.results.explain_text import explanation_lines

    if terminal is not None:
        found = explain_terminal(opened, opened.terminal_row(terminal), slot)
    else:
        number = _cell_from(place, cell)
        rows = ((opened.cell_index["h3"] == f"{number:x}") & opened.cell_index["tracked"]).arg_true()
        if len(rows):
            found = explain_cell(opened, int(rows[0]), slot)
        else:
            found = explain_elsewhere(opened, number, slot)
    if form == "json":
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in explanation_lines(found):
        click.echo(line)


def _dark(run: "Run", at: str, form: str) -> None:
    """Print every terminal that was dark at an instant."""
    from openleo.base.clock import parse_utc
    from openleo.results.dark_text import dark_lines

    dark = run.dark(at)
    if form == "csv":
        click.echo(dark.write_csv(), nl=False)
    elif form == "json":
        about = {"simulated": True, "banner": run.manifest["banner"], "at": at, "dark": dark.to_dicts()}
        click.echo(json.dumps(about, indent=2, ensure_ascii=False))
    else:
        for line in dark_lines(run, parse_utc(at), dark):
            click.echo(line)


def _cell_from(place: str | None, cell: str | None) -> int:
    """Return the H3 index of the cell at a place, or of that name.  Raises BadInput."""
    from openleo.ground.cells import cell_of, cells_from_names
    from openleo.ground.places import find_place

    if place is not None:
        at = find_place(place)
        return int(cell_of(at.latitude_deg, at.longitude_deg))
    found = cells_from_names([str(cell)])
    if len(found) != 1:
        raise BadInput(f"{cell} holds {len(found)} cells", "give an H3 index of resolution 5, or a --place")
    return int(found[0])
