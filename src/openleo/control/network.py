"""The network a control database is for, and when a decision takes effect in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from openleo.base.clock import first_slot_from, format_utc, slot_start, to_datetime64
from openleo.base.errors import Refused
from openleo.base.instants import instant_text

CUT_OFF = timedelta(seconds=2)  # a slot's rules freeze so long before it begins
EMERGENCY_SLOTS = 240  # an hour: so long an emergency off stands without a second person
EMERGENCY_LIFE = timedelta(hours=1)
EMERGENCY_PAUSE = timedelta(hours=24)  # after one that nobody confirmed, before the same human's next there
REQUEST_LIFE = timedelta(days=14)
PROPOSAL_LIFE = timedelta(hours=24)


class NetworkKind(StrEnum):
    """What a decision does: nothing outside a scenario, a word to a vendor, or service itself."""

    SIMULATED = "simulated"
    ADVISORY = "advisory"
    ENFORCED = "enforced"


class TooEarly(Refused):
    """A decision was to act before it can."""

    code = "too-early"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The clock of a network that runs: its time, and how long before a slot its rules freeze."""

    now: Callable[[], datetime]
    cut_off: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """``name`` for people, ``origin`` the log's name in its checkpoints.

    ``default_deny``: nobody is served without a decision.  It is so in every enforced network.
    ``running`` is the clock of one that is served; else its time is ours, and a simulated one's is free.
    """

    name: str
    kind: NetworkKind
    origin: str
    default_deny: bool = False
    running: Running | None = field(default=None, compare=False, repr=False)

    @property
    def denies(self) -> bool:
        """Whether what no decision is about is not served."""
        return self.default_deny or self.kind is NetworkKind.ENFORCED

    @property
    def timeless(self) -> bool:
        """Whether a decision may take effect at any instant: simulated, and not running."""
        return self.kind is NetworkKind.SIMULATED and self.running is None

    def time(self, now: datetime) -> datetime:
        """Return the network's time when ours is ``now``."""
        return now if self.running is None else self.running.now()

    def effective_slot(self, asked: datetime | None, *, now: datetime, after: int | None) -> int:
        """Return the slot in which a decision made ``now`` takes effect.

        By default the first whose rules are not frozen yet.  ``asked`` names an instant instead: any in a
        simulated network that does not run, whose time is not ours; none before that default in others.
        ``after`` is the slot in which the last decision about the same thing takes effect; history is never
        decided anew.  Raises TooEarly.
        """
        cut_off = CUT_OFF if self.running is None else self.running.cut_off
        earliest = first_slot_from(to_datetime64(self.time(now) + cut_off))
        slot = earliest if asked is None else first_slot_from(to_datetime64(asked))
        if slot < earliest and not self.timeless:
            assert asked is not None
            raise TooEarly(
                f"{instant_text(asked)} has passed, or its slot's rules are frozen; the next that can be "
                f"decided begins at {format_utc(slot_start(earliest))}",
                "leave the time out to take the next slot",
            )
        if after is not None and slot < after:
            if asked is None:
                return after
            raise TooEarly(
                f"{format_utc(slot_start(slot))} is before {format_utc(slot_start(after))}, when an earlier "
                "decision on the same thing takes effect",
                f"name that time or a later one: --effective {format_utc(slot_start(after))}",
            )
        return slot
