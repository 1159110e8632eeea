"""Instants on the command line, for commands that are to start at once."""

from datetime import UTC, datetime

import click


class Instant(click.ParamType[datetime]):
    """An instant such as 2026-11-28T17:30:00Z; UTC where it names no zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant, aware; raises BadInput where it is none."""
        if isinstance(value, datetime):
            return value
        from openleo.base.clock import parse_utc

        moment: datetime = parse_utc(str(value)).astype("datetime64[us]").astype(datetime)
        return moment.replace(tzinfo=UTC)
