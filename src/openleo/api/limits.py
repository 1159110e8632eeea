"""Rate limits by the generic cell rate algorithm: for each id one number, its theoretical arrival time.

Each request pushes the id's time on by one interval; it is refused where that time would run further ahead
of now than the burst allows.  An id that was quiet is as good as unknown, so it is forgotten.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from openleo.base.errors import Refused

MOST_IDS = 100_000


class TooMany(Refused):
    """More was asked in a while than a limit allows; ``wait_s`` says when to come again."""

    code = "too-many-requests"

    def __init__(self, detail: str, hint: str, *, wait_s: float) -> None:
        super().__init__(detail, hint)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests a second in the long run, and ``burst`` at once.

    ``closed`` says what happens to an id that cannot be counted, as the table is full: it is refused where
    guessing would pay (login, claim codes), and let through, and counted as such, elsewhere.
    """

    per_s: float
    burst: int
    closed: bool = False

    def __post_init__(self) -> None:
        if self.per_s <= 0 or self.burst < 1:
            raise ValueError(f"a rate needs per_s > 0 and burst >= 1, not {self.per_s} and {self.burst}")


DEFAULT_RATES: Mapping[str, Rate] = {
    "read": Rate(per_s=50, burst=200),  # of a person
    "change": Rate(per_s=20, burst=100),  # of a person
    "public": Rate(per_s=50, burst=500),  # of an address: the log, which anyone may read
    "login": Rate(per_s=1 / 12, burst=5, closed=True),  # of a name
    "login-address": Rate(per_s=1, burst=20, closed=True),
    "login-all": Rate(per_s=5, burst=50, closed=True),  # of everyone together: a password costs time
    "claim-code": Rate(per_s=1 / 12, burst=5, closed=True),  # of a code
    "claim-address": Rate(per_s=1, burst=20, closed=True),
    "check-in": Rate(per_s=2, burst=20),  # of a terminal
}


@dataclass(slots=True, kw_only=True)
class Limits:
    """Named rates, others for single ids, and what each id has used."""

    rates: Mapping[str, Rate] = field(default_factory=lambda: DEFAULT_RATES)
    overrides: Mapping[tuple[str, str], Rate] = field(default_factory=dict)  # (name, id) -> rate
    clock: Callable[[], float] = time.monotonic
    most_ids: int = MOST_IDS
    let_through: int = 0  # how many were not counted, as the table was full
    refused: int = 0
    _arrivals_s: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str, id_: str) -> None:
        """Count one request of an id; raises TooMany."""
        key = (name, id_)
        rate = self.overrides.get(key, self.rates[name])
        with self._lock:
            wait_s = self._wait_s(key, rate)
        if wait_s > 0:
            self.refused += 1
            raise TooMany(
                f"{name}: more than {rate.burst} requests at once, or {rate.per_s:g} a second",
                f"try again in {max(1, round(wait_s))} s",
                wait_s=wait_s,
            )

    def _wait_s(self, key: tuple[str, str], rate: Rate) -> float:
        now, interval = self.clock(), 1 / rate.per_s
        arrival = max(now, self._arrivals_s.get(key, now)) + interval
        wait_s = arrival - rate.burst * interval - now
        if wait_s > 1e-9:
            return wait_s
        if key not in self._arrivals_s and len(self._arrivals_s) >= self.most_ids:
            self._forget(now)
            if len(self._arrivals_s) >= self.most_ids:
                self.let_through += not rate.closed
                return interval if rate.closed else 0.0
        self._arrivals_s[key] = arrival
        return 0.0

    def _forget(self, now: float) -> None:
        for key in [k for k, arrival in self._arrivals_s.items() if arrival <= now]:
            del self._arrivals_s[key]
