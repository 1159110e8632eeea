"""Durations on the command line."""

import re
from datetime import timedelta

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


class Duration(click.ParamType[timedelta]):
    """A length of time such as 90s, 10m, 1.5h or 2d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration; a click usage error where it is none."""
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; write it as 90s, 10m, 1.5h or 2d", param, ctx)
        seconds = float(match[1]) * _UNITS[match[2]]
        if not 0 < seconds <= 366 * 86_400:
            self.fail(f"{value!r} is not between 1 ms and 366 days", param, ctx)
        return timedelta(seconds=seconds)
