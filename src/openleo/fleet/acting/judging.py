"""How a dish stood before it was told something and stands after; and whether that is well.  Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from openleo.fleet.acting.orders import Order

SECOND_NS: Final = 10**9
Verdict = Literal["well", "not-yet", "not-told", "told"]
_WORSE_DROP: Final = 0.1  # so much more loss than before is worse
_SLACK_S: Final = 5  # a dish's count of seconds and our clock may differ by so much
_SURELY_NOT_S: Final = 90  # a dish that was told to restart and goes on for so long was not told


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A dish at a moment, as it says itself; ``answers`` false: it did not answer, and the rest is empty.

    ``sleep`` is the daily sleep in minutes, (start, length), None where there is none or it does not tell.
    """

    at_ns: int
    answers: bool = True
    terminal: str = ""
    outage: str = ""
    ping_drop: float | None = None
    boot: int | None = None
    uptime_s: int | None = None
    stowed: bool | None = None
    gps_inhibited: bool | None = None
    sleep: tuple[int, int] | None = None
    sleeps_told: bool = False  # whether it told its schedule at all
    software: str = ""
    trouble: str = ""

    @property
    def online(self) -> bool:
        """Whether it is in service."""
        return self.answers and not self.outage

    def says(self) -> str:
        """Return it for people."""
        if not self.answers:
            return f"does not answer: {self.trouble}" if self.trouble else "does not answer"
        parts = ["online"] if self.online else [f"dark: {self.outage}"]
        if self.online and self.ping_drop:
            parts.append(f"loses {self.ping_drop:.0%}")
        if self.uptime_s is not None:
            parts.append(f"up {self.uptime_s:,} s")
        return ", ".join(parts)

    def plain(self) -> dict[str, Any]:
        """Return it for keeping."""
        return asdict(self)

    @classmethod
    def read(cls, found: dict[str, Any]) -> "Seen":
        """Return what was kept."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in found.items() if name in known}
        if values.get("sleep") is not None:
            values["sleep"] = tuple(values["sleep"])
        return cls(**values)


def restarted(before: Seen, after: Seen, told_ns: int) -> bool | None:
    """Tell whether a dish has started anew since it was told; None where that cannot be told."""
    if not after.answers:
        return None
    if before.boot is not None and after.boot is not None and after.boot != before.boot:
        return True
    if after.uptime_s is None:
        return None
    return after.uptime_s < (after.at_ns - told_ns) / SECOND_NS + _SLACK_S and (
        before.uptime_s is None or after.uptime_s < before.uptime_s + _SLACK_S
    )


def took(order: Order, before: Seen, after: Seen, told_ns: int) -> bool | None:
    """Tell whether what a dish was told shows on it; None where that cannot be seen."""
    if not after.answers:
        return None
    if order.action == "reboot":
        return restarted(before, after, told_ns)
    if order.action in ("stow", "unstow"):
        return None if after.stowed is None else after.stowed == (order.action == "stow")
    if order.action == "sleep":
        if not after.sleeps_told:
            return None
        return after.sleep == ((order.start_min, order.minutes) if order.enable else None)
    if order.action == "inhibit-gps":
        return None if after.gps_inhibited is None else after.gps_inhibited == order.inhibit
    return None


def no_worse(order: Order, before: Seen, after: Seen) -> bool:
    """Tell whether a dish stands no worse than before; one that is stowed is meant to be dark."""
    if not after.answers:
        return not before.answers
    if order.action == "stow":
        return after.stowed is True
    if before.online and not after.online:
        return False
    if before.ping_drop is not None and after.ping_drop is not None and after.online:
        return after.ping_drop <= before.ping_drop + _WORSE_DROP
    return True


def judge(order: Order, before: Seen, after: Seen, told_ns: int) -> Verdict:
    """Say of a dish that acknowledged an order whether all is well with it now."""
    shows = took(order, before, after, told_ns)
    if shows is False or (shows is None and order.action == "reboot"):
        return "not-yet"
    return "well" if no_worse(order, before, after) else "not-yet"


def judge_unknown(order: Order, before: Seen, after: Seen, told_ns: int) -> Verdict:
    """Say whether a dish got an order of which nobody knows whether it did.

    ``told``: it shows on it.  ``not-told``: it surely did not get it, or it harms nobody to be told twice,
    so it may be told again.
    """
    shows = took(order, before, after, told_ns)
    if shows:
        return "told"
    if not after.answers:
        return "not-yet"
    if order.action == "clear-map":
        return "not-told"
    if shows is None:
        return "not-yet"
    return "not-told" if (after.at_ns - told_ns) / SECOND_NS >= _SURELY_NOT_S else "not-yet"


def how_it_ended(counts: Mapping[str, int]) -> str:
    """Say of a job that is done what became of its terminals, who are so many in each state."""
    worse, refused = counts.get("worse", 0), counts.get("refused", 0)
    told = counts.get("well", 0) + worse
    skipped = sum(n for state, n in counts.items() if state not in ("well", "worse", "refused"))
    if not worse and not refused and not skipped:
        return "every terminal was told, and looked at after"
    parts = [f"{told:,} {_was(told)} told, and looked at after" + (f": {worse:,} worse" if worse else "")]
    if refused:
        parts.append(f"{refused:,} refused")
    if skipped:
        parts.append(f"{skipped:,} {_was(skipped)} not told")
    return "; ".join(parts if told else parts[1:])


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
