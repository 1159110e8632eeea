"""Durations on the command line."""

import re
from datetime import timedelta

import click

_SECOND_NS = 10**9
_UNITS_NS = {
    "ms": 10**6,
    "s": _SECOND_NS,
    "m": 60 * _SECOND_NS,
    "h": 3_600 * _SECOND_NS,
    "d": 86_400 * _SECOND_NS,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_LONGEST_NS = 366 * _UNITS_NS["d"]


class Nanoseconds(click.ParamType[int]):
    """A length of time such as 100ms, 90s, 10m, 1.5h or 2d, as whole nanoseconds; zero is allowed."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the nanoseconds; a click usage error where it is no duration."""
        if isinstance(value, int):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; write it as 100ms, 90s, 10m, 1.5h or 2d", param, ctx)
        exact = float(match[1]) * _UNITS_NS[match[2]]
        if exact > _LONGEST_NS:
            self.fail(f"{value!r} is over 366 days", param, ctx)
        return round(exact)


class Duration(click.ParamType[timedelta]):
    """A length of time above zero such as 90s, 10m, 1.5h or 2d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration; a click usage error where it is none."""
        if isinstance(value, timedelta):
            return value
        nanoseconds = Nanoseconds().convert(value, param, ctx)
        if nanoseconds < _UNITS_NS["ms"]:
            self.fail(f"{value!r} is not between 1 ms and 366 days", param, ctx)
        return timedelta(microseconds=nanoseconds / 1000)
