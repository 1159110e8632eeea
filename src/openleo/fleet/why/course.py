"""How a terminal went: online, dark since when, silent; and what its telemetry showed then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Final

from openleo.fleet.sample import Sample
from openleo.fleet.why.inputs import MINUTE_NS, SECOND_NS

SILENT_AFTER_S: Final = 180  # without a word for so long, what it last said no longer holds
CALM_S: Final = 420  # in service for so long ends a trouble
BEFORE_S: Final = 1_800  # how long before an onset is looked at
LATER_S: Final = 3_600  # how long after the instant asked about is looked at

REFUSING: Final = frozenset({55, 56, 57, 58, 60, 83, 84, 89})  # alerts of a terminal that is refused service
_STOPPED: Final = frozenset({80})  # thermal shutdown
_ILL: Final = frozenset({50, 53, 63, 80, 84})  # alerts of a terminal that serves badly, whatever its pings
_DARK_DROP: Final = 0.9
_POOR_DROP: Final = 0.08
_GAP_S: Final = 900  # samples that lack for longer tell nothing of when it began
_ENOUGH: Final = 20  # samples from which what is usual can be told


class State(StrEnum):
    """How a terminal stands."""

    ONLINE = "online"
    POOR = "poor"
    DARK = "dark"
    SILENT = "silent"
    NEVER = "never-seen"


def is_dark(sample: Sample) -> bool:
    """Tell whether a sample is of a terminal out of service."""
    if not sample.reachable or sample.outage or sample.stowed:
        return True
    if sample.disablement not in (None, "", "OKAY", "UNKNOWN_STATE", "DATA_OVERAGE_SANDBOX_POLICY"):
        return True
    if sample.ping_drop is not None:
        return sample.ping_drop >= _DARK_DROP
    return not _STOPPED.isdisjoint(sample.alerts) or not (REFUSING - {84}).isdisjoint(sample.alerts)


def is_poor(sample: Sample) -> bool:
    """Tell whether a sample is of a terminal that serves badly: lossy, capped, or on a bad cable."""
    if sample.ping_drop is not None and sample.ping_drop >= _POOR_DROP:
        return True
    if not _ILL.isdisjoint(sample.alerts):
        return True
    return sample.disablement == "DATA_OVERAGE_SANDBOX_POLICY"


@dataclass(frozen=True)
class Course:
    """What the samples say of the time up to ``now_ns``.

    ``trouble`` are the samples since ``onset_ns`` that are of the same trouble, ``before`` those of the half
    hour before, ``later`` those after the instant (where it is asked about the past).
    """

    state: State
    now_ns: int
    last: Sample | None
    onset_ns: int | None
    trouble: Sequence[Sample]
    before: Sequence[Sample]
    later: Sequence[Sample]
    sources: frozenset[str]
    spoke_ns: int | None = None  # when the terminal itself, or the vendor of it, last said something
    asked_ns: int | None = None  # when it was last asked, where it gave no answer

    @cached_property
    def answers(self) -> str:
        """Whether it answers, was asked without an answer, or nothing is heard of it."""
        if self.state is State.SILENT or self.last is None:
            return "silent"
        return "answers" if self.last.reachable else "no answer"

    @cached_property
    def dark(self) -> Sequence[Sample]:
        """Samples of the trouble in which the terminal itself said something."""
        return [s for s in self.trouble if s.reachable]

    @cached_property
    def dark_share(self) -> float:
        """The share of the trouble's samples that are wholly dark."""
        return sum(map(is_dark, self.trouble)) / len(self.trouble) if self.trouble else 0.0

    @cached_property
    def spells(self) -> int:
        """How many times it went dark in the trouble."""
        return _spells(self.trouble)

    @cached_property
    def dark_since_ns(self) -> int | None:
        """When it last went dark within the trouble; not before its last good second."""
        onset = self.onset_ns
        for sample in reversed(self.trouble):
            if not is_dark(sample):
                return sample.time_ns if onset is None else max(onset, sample.time_ns)
        return onset

    def lasted_s(self) -> float:
        """Seconds since the onset."""
        return 0.0 if self.onset_ns is None else max(0.0, (self.now_ns - self.onset_ns) / SECOND_NS)


def course_of(samples: Sequence[Sample], now_ns: int) -> Course:
    """Return how a terminal went, from its samples of some hours, oldest first."""
    found = _course_of(samples, now_ns)
    told = [s for s in samples if s.time_ns <= now_ns + MINUTE_NS]
    spoke = max((s.time_ns for s in told if s.reachable), default=None)
    asked = max((s.time_ns for s in told if not s.reachable), default=None)
    if asked is not None and spoke is not None and asked <= spoke:
        asked = None
    return replace(found, spoke_ns=spoke, asked_ns=asked)


def _course_of(samples: Sequence[Sample], now_ns: int) -> Course:
    seen = [s for s in samples if s.time_ns <= now_ns + MINUTE_NS]
    later = [s for s in samples if now_ns + MINUTE_NS < s.time_ns <= now_ns + LATER_S * SECOND_NS]
    sources = frozenset(s.source for s in seen)
    if not seen:
        return Course(State.NEVER, now_ns, None, None, (), (), later, sources)
    main = _told_best(seen, now_ns) if len(seen) > 1 else seen
    last = main[-1]
    silent = now_ns - last.time_ns > SILENT_AFTER_S * SECOND_NS
    first = _first_of_trouble(main)
    if first == len(main) and not silent:
        return Course(State.ONLINE, now_ns, last, None, (), main[-120:], later, sources)
    trouble = main[first:]
    onset = _told_onset(trouble, _onset(main, first, now_ns), main[first - 1].time_ns if first else None)
    before = [s for s in main[:first] if s.time_ns > onset - BEFORE_S * SECOND_NS]
    state = State.SILENT if silent else _state_now(trouble, now_ns)
    return Course(state, now_ns, last, onset, trouble, before, later, sources)


def _spells(trouble: Sequence[Sample]) -> int:
    return sum(now and not was for was, now in pairwise([False, *map(is_dark, trouble)]))


def _state_now(trouble: Sequence[Sample], now_ns: int) -> State:
    """Return how a terminal stands that answers and was in trouble within the last minutes."""
    recent = [s for s in trouble if s.time_ns > now_ns - 2 * MINUTE_NS] or [trouble[-1]]
    dark = [is_dark(s) for s in recent]
    if sum(dark) * 2 > len(recent):
        return State.DARK
    if _spells(trouble) == 1 and not any(dark) and not any(map(is_poor, recent)):
        return State.ONLINE  # it is back
    return State.POOR


def _told_best(seen: Sequence[Sample], now_ns: int) -> Sequence[Sample]:
    """Return the samples of the source that is nearest to the terminal, of two that tell of it.

    The dish's own word is the better one while it comes; where the way to it is cut, the vendor's is.
    """
    by_source: dict[str, list[Sample]] = {}
    for sample in seen:
        by_source.setdefault(sample.source, []).append(sample)
    if len(by_source) == 1:
        return seen
    fresh = now_ns - SILENT_AFTER_S * SECOND_NS
    own = by_source.pop("dish", [])
    other = max(by_source.values(), key=lambda s: s[-1].time_ns)
    if not own:
        return other
    if own[-1].reachable and own[-1].time_ns >= fresh:
        return own
    # We are blind from beside it.  Where the vendor sees it dark that tells more; where it sees it in
    # service, being blind is the trouble.
    return other if other[-1].time_ns >= fresh and is_dark(other[-1]) else own


def _first_of_trouble(main: Sequence[Sample]) -> int:
    """Return the index of the first sample of the trouble that lasts until the newest, len for none.

    Calm stretches shorter than ``CALM_S`` are part of a trouble; stretches without samples never end one.
    """
    first, calm_until = len(main), None
    idle_mbps = _idle_mbps(main)
    for index in range(len(main) - 1, -1, -1):
        sample = main[index]
        if is_dark(sample) or is_poor(sample) or _carries_nothing(sample, idle_mbps):
            first, calm_until = index, None
            continue
        if calm_until is None:
            calm_until = sample.time_ns
        if calm_until - sample.time_ns > CALM_S * SECOND_NS:
            break
    return first


def _idle_mbps(main: Sequence[Sample]) -> float:
    """Return the rate below which a terminal with traffic carries none: a hundredth of what it often does."""
    rates = sorted(s.downlink_mbps for s in main if s.downlink_mbps is not None)
    return min(0.02, rates[len(rates) * 9 // 10] / 100) if len(rates) >= _ENOUGH else 0.0


def _carries_nothing(sample: Sample, idle_mbps: float) -> bool:
    return sample.downlink_mbps is not None and sample.downlink_mbps < idle_mbps


def _onset(main: Sequence[Sample], first: int, now_ns: int) -> int:
    """Return when a trouble began that is seen from sample ``first`` on.

    Where samples lack before it (a terminal without a link sends none) it began after the last good one.
    """
    if first == len(main):
        return main[-1].time_ns
    starts = main[first].time_ns - main[first].period_s * SECOND_NS
    if first and starts - main[first - 1].time_ns <= _GAP_S * SECOND_NS:
        return main[first - 1].time_ns
    return starts


def _told_onset(trouble: Sequence[Sample], onset: int, well_ns: int | None) -> int:
    """Return the onset that the terminal itself tells, where it does so and it fits ours.

    It is not before ``well_ns``, its last good second.  Of one that was never seen well ours is but when it
    was first looked at: its own word is all there is.
    """
    first = trouble[0] if trouble else None
    if first is None or not first.outage or first.outage_since_ns is None:
        return onset
    since = first.outage_since_ns
    if well_ns is None:
        return min(since, onset)
    return max(since, well_ns) if abs(since - onset) < 10 * MINUTE_NS else onset
