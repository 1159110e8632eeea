"""The group of commands, which imports a command's module only when that command is invoked.

So `openleo --help` answers at once, without numba, polars or pydantic.  The one-line helps stand here for the
same reason; a test holds each of them equal to the help of its command.
"""

from collections.abc import Mapping
from importlib import import_module

import click

import openleo
from openleo.base.errors import did_you_mean

COMMANDS: Mapping[str, str] = {
    "run": "Run a scenario and write a run folder.",
    "serve": "Serve a network live, or a run of one, with an API and a page.",
    "dish": "Serve the dishes of a TOML FILE, each at an address of its own, until Ctrl-C.",
    "explain": "Say why a terminal was online or dark at an instant.",
    "path": "Show the path of a terminal's traffic at an instant.",
    "sites": "List the gateways or points of presence that there are.",
    "scenarios": "List the built-in scenarios, or show one.",
    "constellation": "List the built-in constellations, or say what one or a file holds.",
    "control": "Make a control plane, and back it up, check, restore and serve it.",
    "person": "Add people, and give them keys, tokens and roles.",
    "who-can": "Say who may do something, and why.",
    "fleet": "Say which terminals are dark, why, and who needs help first; collect telemetry.",
    "ingest": "Take telemetry in over HTTP, keep it, and hand it out.",
    "agent": "Watch the dish of a remote site and send what it tells, also after hours in the dark.",
    "account": "Keep customers, their plans and service lines, and lists of who is served.",
    "purge": "Destroy a control plane's data, its key first.",
    "area": "Define service areas, see how they stand, and switch them.",
    "terminal": "Take terminals in, activate, suspend and revoke them, and see who has which.",
    "request": "Ask for an area to be switched, and see what was asked.",
    "decide": "Propose, approve, refuse and confirm what was asked, each signed with your key.",
    "claim": "Keep what outsiders say beside decisions, never as one.",
    "log": "Read the decision log, prove and publish it, and check a copy of it.",
}


class UnknownCommand(click.UsageError):
    """A command that is not there; ``hint`` names the nearest that are."""

    def __init__(self, name: str, known: list[str], ctx: click.Context) -> None:
        super().__init__(f"{ctx.command_path} has no command {name!r}", ctx)
        self.hint = did_you_mean(name, known)


class Group(click.Group):
    """A group that answers an unknown command with the nearest ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` name; raises UnknownCommand."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise UnknownCommand(name, self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """The top group: command NAME is ``command`` in ``openleo.cli.NAME``, with _ for -."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"openleo.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command), f"openleo.cli.{cmd_name}.command is no command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their helps without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Print the version and leave, where it is wanted."""
    if wanted and not ctx.resilient_parsing:
        click.echo(f"openleo {openleo.__version__}")
        ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Which of your terminals are dark, why, and what to do next.

    A low-Earth-orbit satellite-internet system in software.  It transmits nothing and
    is not affiliated with any operator.
    """
