"""Instants and lengths of time in words."""

from datetime import UTC, datetime

from openleo.fleet.why.inputs import SECOND_NS


def when(time_ns: int, now_ns: int | None = None) -> str:
    """Return ``09:12:05Z``, with the date where it is another day than ``now_ns``'s (or none is given)."""
    then = datetime.fromtimestamp(time_ns // SECOND_NS, UTC)
    if now_ns is not None and then.date() == datetime.fromtimestamp(now_ns // SECOND_NS, UTC).date():
        return f"{then:%H:%M:%S}Z"
    return f"{then:%Y-%m-%d %H:%M:%S}Z"


def iso(time_ns: int | None) -> str | None:
    """Return an instant as ISO 8601 for tables and JSON."""
    return (
        None if time_ns is None else f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%SZ}"
    )


def sure(probability: float) -> str:
    """Return how sure something is: nothing is ever wholly so."""
    return "over 99%" if probability >= 0.995 else f"{probability:.0%}"


def length(seconds: float) -> str:
    """Return ``40 s``, ``12 min``, ``3 h 5 min`` or ``2 d 4 h``."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
