"""`openleo fleet`: the group alone; each family of its commands is a module `_fleet_*`."""

import click

from openleo.cli._fleet_collect import COMMANDS as COLLECTING
from openleo.cli._fleet_connect import COMMANDS as CONNECTING
from openleo.cli._fleet_register import COMMANDS as KEEPING
from openleo.cli._group import Group


@click.group("fleet", cls=Group)
def command() -> None:
    """Keep kits and dishes, collect their telemetry, and see how they are."""


for _one in (*KEEPING, *CONNECTING, *COLLECTING):
    command.add_command(_one)
