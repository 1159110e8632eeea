"""`openleo fleet watch` and `once`: collecting telemetry from dishes and from the vendor's accounts."""

import click

COMMANDS: tuple[click.Command, ...] = ()
