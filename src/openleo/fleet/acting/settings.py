"""How a job goes: its canary, its pace, and how much of a site may be away."""

import math
from dataclasses import dataclass
from typing import Final

from openleo.base.errors import BadInput

MOST: Final = 10_000  # terminals of one job


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a job goes: the canary, then so many a minute, at most a share of a site at once."""

    canary_count: int = 1
    canary_percent: float | None = None
    watch_minutes: float = 10.0
    per_minute: float = 6.0
    site_percent: float = 50.0
    revert_minutes: float = 10.0  # what goes through an agent is undone then, unless it is confirmed

    def __post_init__(self) -> None:
        for fine, what, says in (
            (0 <= self.canary_count <= MOST, f"a canary of {self.canary_count:,}", f"0 to {MOST:,}"),
            (
                self.canary_percent is None or 0 <= self.canary_percent <= 100,
                f"a canary of {self.canary_percent} %", "0 to 100 %",
            ),
            (
                0 <= self.watch_minutes <= 1_440, f"to watch for {_length(self.watch_minutes)}",
                "0 minutes to a day (24h)",
            ),
            (0 < self.per_minute <= 600, f"{self.per_minute:g} a minute", "more than 0, and 600 at most"),
            (
                0 < self.site_percent <= 100, f"{self.site_percent:g} % of a site at once",
                "more than 0 %, and 100 % at most",
            ),
            (
                3 <= self.revert_minutes <= 1_440,
                f"to have an agent undo an order after {_length(self.revert_minutes)}",
                "3 minutes (3m) to a day (24h)",
            ),
        ):  # fmt: skip
            if not fine:
                raise BadInput(f"{what} is out of range", f"it is {says}")

    def canaries(self, count: int) -> int:
        """Return how many of so many are told first."""
        if self.canary_percent is not None:
            return min(count, math.ceil(count * self.canary_percent / 100))
        return min(count, self.canary_count)

    def least_minutes(self, count: int) -> float:
        """Return how long it takes at least to tell so many."""
        canaries = self.canaries(count)
        watch = self.watch_minutes if canaries else 0.0
        return watch + max(0, count - 1) / self.per_minute

    def most_away(self, size: int) -> int:
        """Return how many of a site of so many may be away at once: one, where no share of it is a whole."""
        return max(1, math.floor(size * self.site_percent / 100))


def _length(minutes: float) -> str:
    if minutes >= 60:
        return f"{minutes / 60:g} h"
    return f"{minutes:g} min" if minutes >= 1 or not minutes else f"{minutes * 60:g} s"
