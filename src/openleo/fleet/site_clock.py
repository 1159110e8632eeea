"""Our own clock against the dishes' GPS: a remote computer that was without power has the wrong time.

A dish with a valid GPS knows the time.  Where dishes agree that our clock is off, samples get their time, and
it is said; where they do not agree with each other, ours stands, and that is said too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

NS: Final = 1_000_000_000
# GPS leads UTC by 18 s since 2017-01-01 (IERS Bulletin C; the last leap second held on 2026-11-01).
GPS_TO_UNIX_NS: Final = (315_964_800 - 18) * NS
OFF_NS: Final = 2 * NS  # below this, the answer's way and whole seconds may be why
_FIRST_NS: Final = 1_704_067_200 * NS  # 2024: no clock that is right tells less
_LAST_NS: Final = 4_102_444_800 * NS  # 2100


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be added to our clock, ns, and what to say of it ("" nothing)."""

    offset_ns: int = 0
    detail: str = ""


def is_plausible(unix_ns: int) -> bool:
    """Tell whether a clock may show this time."""
    return _FIRST_NS <= unix_ns < _LAST_NS


def correction(offsets_ns: Mapping[str, int]) -> Correction:
    """Return how our clock is to be corrected, from each dish's clock less ours, ns (GPS valid only).

    Most of the dishes must agree within OFF_NS: one with a wrong clock moves nothing where there are three.
    """
    if not offsets_ns:
        return Correction()
    ordered = sorted(offsets_ns.values())  # not by statistics, which small machines need for nothing else
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2
    agree = [name for name, value in offsets_ns.items() if abs(value - middle) <= OFF_NS]
    if abs(middle) <= OFF_NS and 2 * len(agree) > len(offsets_ns):
        return Correction()
    if 2 * len(agree) <= len(offsets_ns):
        return Correction(
            0, f"the clocks of {len(offsets_ns)} dishes do not agree, so ours is taken as right"
        )
    way = "behind" if middle > 0 else "ahead of"
    whose = f"that of {len(agree)} dishes" if len(agree) > 1 else "a dish's"
    return Correction(
        middle, f"our clock is {abs(middle) / NS:,.0f} s {way} GPS by {whose}; samples have the GPS's time"
    )


def when(unix_ns: int) -> str:
    """Return a time to the second, for reading."""
    return datetime.fromtimestamp(unix_ns / NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
