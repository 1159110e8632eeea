"""How often a dish is asked: more while it is dark or has just changed, less while it does not answer."""

from dataclasses import dataclass
from typing import Final

MOST_FAILURES: Final = 30  # more make no difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds.  ``history_s`` must be well under the 900 s that a dish remembers."""

    steady_s: float = 15.0
    quick_s: float = 5.0
    settle_s: float = 120.0  # so long after a change it counts as just changed
    most_s: float = 120.0
    history_s: float = 300.0
    location_s: float = 600.0
    denied_s: float = 3_600.0  # a location that was denied is asked for again after this
    timeout_s: float = 4.0

    def delay_s(self, *, failures: int, dark: bool, since_change_s: float, roll: float) -> float:
        """Return the pause before the next look; ``roll`` in [0, 1) spreads dishes out.

        After ``failures`` in a row it doubles from quick_s up to most_s, a fifth more or less.
        """
        if failures:
            pause = min(self.quick_s * 2.0 ** min(failures - 1, MOST_FAILURES), self.most_s)
            return pause * (0.8 + 0.4 * roll)
        quick = dark or since_change_s < self.settle_s
        return (self.quick_s if quick else self.steady_s) * (1.0 - 0.1 * roll)


def backoff_s(failures: int, *, first_s: float, most_s: float, roll: float) -> float:
    """Return the pause after ``failures`` in a row: doubling, a fifth more or less."""
    return min(first_s * 2.0 ** min(max(failures - 1, 0), MOST_FAILURES), most_s) * (0.8 + 0.4 * roll)
