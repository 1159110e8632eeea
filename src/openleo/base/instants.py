"""Aware instants as text that sorts as time does."""

from datetime import UTC, datetime


def instant_text(instant: datetime) -> str:
    """Return an aware instant as ``2022-10-07T17:30:00.000000Z``; a naive one is a ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_instant(text: str) -> datetime:
    """Return the instant that `instant_text` wrote."""
    return datetime.fromisoformat(text)
