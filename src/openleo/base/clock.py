"""Slots of 15 s on GPS time, and UTC in and out.

Slots start at GPS seconds divisible by 15 (:12, :27, :42 and :57 UTC while GPS leads UTC by 18 s) and are
numbered from the GPS epoch.  Instants are ``datetime64[ns]`` in UTC inside arrays.
"""

from datetime import UTC, datetime

import numpy as np

from openleo.base.errors import BadInput

SLOT_S = 15
GPS_EPOCH = np.datetime64("1980-01-06T00:00:00", "ns")
_SECOND = np.timedelta64(1_000_000_000, "ns")

# First UTC second with each GPS-UTC offset: IERS Bulletin C; the last one held on 2026-11-01.
_LEAP_STARTS = np.array(
    [
        "1980-01-06", "1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01", "1988-01-01", "1990-01-01",
        "1991-01-01", "1992-07-01", "1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01",
        "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01",
    ],
    dtype="datetime64[ns]",
)  # fmt: skip
_GPS_MINUS_UTC_S = np.arange(len(_LEAP_STARTS))


def as_ns(instant: np.datetime64) -> np.datetime64:
    """Return an instant with nanosecond resolution."""
    out: np.datetime64 = instant.astype("datetime64[ns]")
    return out


def gps_minus_utc_s(utc: np.datetime64) -> int:
    """Return GPS time minus UTC, in whole seconds, at ``utc`` (0 before 1980)."""
    index = int(np.searchsorted(_LEAP_STARTS, as_ns(utc), side="right")) - 1
    return int(_GPS_MINUS_UTC_S[max(index, 0)])


def slot_at(utc: np.datetime64) -> int:
    """Return the number of the slot that holds the instant ``utc``."""
    utc = as_ns(utc)
    gps = utc - GPS_EPOCH + gps_minus_utc_s(utc) * _SECOND
    return int(gps // (SLOT_S * _SECOND))


def first_slot_from(utc: np.datetime64) -> int:
    """Return the first slot that starts at or after ``utc``."""
    slot = slot_at(utc)
    return slot if slot_start(slot) >= as_ns(utc) else slot + 1


def slot_start(slot: int) -> np.datetime64:
    """Return the UTC instant at which ``slot`` starts."""
    gps = GPS_EPOCH + slot * SLOT_S * _SECOND
    utc = gps - gps_minus_utc_s(gps) * _SECOND
    return gps - gps_minus_utc_s(utc) * _SECOND


def slot_starts(slots: np.ndarray) -> np.ndarray:
    """Return the UTC start of each slot (T,) as ``datetime64[ns]`` (T,)."""
    gps = GPS_EPOCH + np.asarray(slots, np.int64) * SLOT_S * _SECOND
    nearly = gps - _offsets(gps)  # a leap second off at most, beside a leap
    starts: np.ndarray = gps - _offsets(nearly)
    return starts


def _offsets(utc: np.ndarray) -> np.ndarray:
    """Return GPS time minus UTC at each instant (T,)."""
    index = np.searchsorted(_LEAP_STARTS, utc, side="right") - 1
    offsets: np.ndarray = _GPS_MINUS_UTC_S[np.maximum(index, 0)] * _SECOND
    return offsets


def to_datetime64(instant: datetime) -> np.datetime64:
    """Return an aware datetime as UTC ``datetime64[ns]``; a naive one is a ValueError."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; give one, such as {instant.isoformat()}Z")
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "ns")


def parse_utc(text: str) -> np.datetime64:
    """Read an ISO 8601 instant; without a zone it is UTC.  Raises BadInput."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"{text!r} is not a time", "write it as 2022-10-07T17:30:00Z") from error
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return to_datetime64(instant)


def format_utc(utc: np.datetime64) -> str:
    """Write an instant as ``2022-10-07T17:30:12Z``, with a fraction only where there is one."""
    text = str(as_ns(utc)).rstrip("0").rstrip(".")
    return text + "Z" if "T" in text else text + "T00:00:00Z"
