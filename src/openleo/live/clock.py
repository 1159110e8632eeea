"""The network's time: where it was at an instant of the machine's own clock, and how fast it goes.

Processes of one machine share `time.monotonic`, so the engine and those who decide read the same time to the
microsecond, whatever is done to the wall clock.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from openleo.base.clock import SLOT_S, slot_at, slot_start

CUT_OFF_S = 2.0  # of wall time: so long before a slot its rules freeze, at the speed of 1
LEAST_CUT_OFF_S = 0.2  # and at any speed


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """At ``monotonic_s`` the network's time was ``anchor_ns`` (UTC); and it goes ``speed`` times ours."""

    anchor_ns: int
    monotonic_s: float
    speed: float

    def now_ns(self) -> int:
        """Return the network's time, in ns since 1970."""
        return self.anchor_ns + int((time.monotonic() - self.monotonic_s) * self.speed * 1e9)

    def now(self) -> np.datetime64:
        """Return the network's time."""
        return np.datetime64(self.now_ns(), "ns")

    def instant(self) -> datetime:
        """Return the network's time as an aware datetime."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now_ns() // 1000)

    @property
    def cut_off_s(self) -> float:
        """So many seconds of the network before a slot its rules freeze."""
        return max(LEAST_CUT_OFF_S, CUT_OFF_S / self.speed) * self.speed

    def slot(self) -> int:
        """Return the slot that is now."""
        return slot_at(self.now())

    def wall_s_until(self, slot: int, *, ahead_s: float = 0.0) -> float:
        """Return the wall time until ``ahead_s`` network seconds before a slot begins; negative after it."""
        start_ns = int(slot_start(slot).astype(np.int64))
        return (start_ns - self.now_ns() - ahead_s * 1e9) / (self.speed * 1e9)

    def slots_behind(self, slot: int) -> int:
        """Return how many slots have begun since ``slot``."""
        return self.slot() - slot


def plain(clock: Clock) -> dict[str, float]:
    """Return a clock as JSON holds it."""
    return {"anchor_ns": clock.anchor_ns, "monotonic_s": clock.monotonic_s, "speed": clock.speed}


def begin_at(ns: int, speed: float) -> Clock:
    """Return a clock that is at ``ns`` now."""
    return Clock(anchor_ns=ns, monotonic_s=time.monotonic(), speed=speed)


def ns_of(utc: np.datetime64) -> int:
    """Return an instant as ns since 1970."""
    return int(utc.astype("datetime64[ns]").astype(np.int64))


SLOT_NS = SLOT_S * 1_000_000_000
