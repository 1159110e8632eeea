"""`openleo agent`: watch the dish of a remote site and send what it tells."""

import click

from openleo.cli._group import Group


@click.group("agent", cls=Group)
def command() -> None:
    """Watch the dish of a remote site and send what it tells, also after hours in the dark."""
