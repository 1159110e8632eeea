"""`openleo fleet`: the group; each family of its commands is a module `_fleet_*`, the list `_fleet_list`."""

from datetime import datetime
from pathlib import Path

import click

from openleo.cli._fleet import At
from openleo.cli._fleet_acting import COMMANDS as ACTING
from openleo.cli._fleet_collect import COMMANDS as COLLECTING
from openleo.cli._fleet_connect import COMMANDS as CONNECTING
from openleo.cli._fleet_jobs import COMMANDS as JOBS
from openleo.cli._fleet_list import show_fleet
from openleo.cli._fleet_register import COMMANDS as KEEPING
from openleo.cli._fleet_serve import COMMANDS as SERVING
from openleo.cli._fleet_sky import COMMANDS as DRAWING
from openleo.cli._fleet_table import COMMANDS as TABLING
from openleo.cli._fleet_telemetry import COMMANDS as TELEMETRY
from openleo.cli._fleet_why import COMMANDS as TELLING
from openleo.cli._group import Group
from openleo.cli._instants import Instant


@click.group("fleet", cls=Group, invoke_without_command=True)
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)  # fmt: skip
@click.option("--at", "when", type=Instant(), metavar="TIME", help="As the fleet stood then (default: now).")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1), help="How many incidents to show."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text",
              show_default=True,
              help="How to print; csv has a row for each terminal that is not well.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, data: Path | None, when: datetime | None, limit: int, form: str) -> None:
    """Say which terminals are dark, why, and who needs help first; collect telemetry.

    Alone it lists the terminals that are not well, grouped where one cause darkens many, the most urgent
    first: those on which lives depend, then by the people behind them, sites without another terminal, how
    many they are, and how long it lasts.
    """
    if ctx.invoked_subcommand is None:
        show_fleet(At(data, form == "json"), form, when, limit)
        return
    source = ctx.get_parameter_source
    given = [
        p for p in ("data", "when", "limit", "form") if source(p) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f"options belong after the subcommand: openleo fleet {ctx.invoked_subcommand} ..."
        )


for _one in (
    *TELLING, *DRAWING, *TABLING, *ACTING, *JOBS, *SERVING, *KEEPING, *CONNECTING, *COLLECTING, *TELEMETRY,
):  # fmt: skip
    command.add_command(_one)
