"""Whom a job tells, in which order, and what it does next.  Pure: the runner asks, and does it."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from openleo.base.errors import BadInput, did_you_mean
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Way
from openleo.fleet.agent_request import CARRIED, permission

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS
MOST: Final = 10_000  # terminals of one job
MOST_SLEEP_MIN: Final = 23 * 60
_ENOUGH_BAD: Final = 3  # so many of the last ten that went wrong stop a job
_LAST: Final = 10
OPEN: Final = frozenset({"sending", "acknowledged", "unknown"})
BAD: Final = frozenset({"worse", "refused", "unreachable"})
ENDED: Final = frozenset({"well", "left"}) | BAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """An agent that watches a terminal: what its site allows, and why it cannot be used, "" where it can."""

    agent: str
    can: frozenset[str] = frozenset()
    trouble: str = ""

    def refuses(self, order: Order) -> str:
        """Say why an order cannot go through it; "" where it can."""
        if self.trouble:
            return self.trouble
        if order.action not in CARRIED:
            return f"an agent is told {', '.join(CARRIED)} alone"
        if permission(order.action) not in self.can:
            return f"the site of agent {self.agent} does not allow {order.action}"
        if order.action == "sleep" and order.cuts and order.minutes > MOST_SLEEP_MIN:
            return (
                "through an agent a dish may sleep 23 h a day at most: it must be there to be told otherwise"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A terminal that was chosen; ``way`` None: no dish of it is polled from here."""

    terminal: str
    site: str = ""
    life_critical: bool = False
    people: int = 0
    way: Way | None = None
    through: Through | None = None  # the agent that watches it


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A terminal that was chosen and is not told, and why."""

    terminal: str
    site: str
    why: str  # life-critical, our-path, perhaps-our-path, no-dish
    says: str


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
        fine = (
            0 <= self.canary_count <= MOST
            and (self.canary_percent is None or 0 <= self.canary_percent <= 100)
            and 0 <= self.watch_minutes <= 1_440
            and 0 < self.per_minute <= 600
            and 0 < self.site_percent <= 100
            and 3 <= self.revert_minutes <= 1_440
        )
        if not fine:
            raise BadInput(
                f"{self} is no way to go about it",
                "a canary of 0 or more, or 0 to 100 %; watched 0 to 1440 min; 600 a minute and 100 % at most;"
                " undone after 3 to 1440 min",
            )

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom to tell, in order; the first ``canaries`` of them are the canary."""

    chosen: tuple[Candidate, ...]
    canaries: int
    left: tuple[Left, ...]

    @property
    def sites(self) -> Mapping[str, int]:
        """How many of each site are told."""
        return Counter(one.site for one in self.chosen)


def plan(
    order: Order,
    chosen: Iterable[Candidate],
    settings: Settings,
    *,
    include: Collection[str] = (),
    not_ours: Collection[str] = (),
) -> Plan:
    """Say whom a job tells, and whom not.

    A life-critical terminal is told only where it is in ``include`` too, each by its id.  What is on our own
    path never is; what perhaps is, only where a person says that it is not (``not_ours``).  Raises BadInput
    for names in either that were not chosen.
    """
    there = {one.terminal: one for one in chosen}
    for name in [*include, *not_ours]:
        if name not in there:
            raise BadInput(f"{name} is not among those that were chosen", did_you_mean(name, there))
    left = [found for one in there.values() if (found := why_left(order, one, include, not_ours)) is not None]
    gone = {one.terminal for one in left}
    told = in_turn([one for one in there.values() if one.terminal not in gone])
    if len(told) > MOST:
        raise BadInput(f"{len(told):,} terminals are more than one job takes ({MOST:,})", "choose fewer")
    return Plan(chosen=tuple(told), canaries=settings.canaries(len(told)), left=tuple(left))


def goes_through(order: Order, one: Candidate, not_ours: Collection[str] = ()) -> str:
    """Return the agent through which a terminal is told; "" where it is told from here, or not at all."""
    verdict = one.way.verdict if one.way is not None else "none"
    from_here = verdict == "clear" or (verdict == "perhaps" and one.terminal in not_ours)
    if from_here or (verdict != "none" and not order.cuts):
        return ""
    return one.through.agent if one.through is not None and not one.through.refuses(order) else ""


def why_left(
    order: Order, one: Candidate, include: Collection[str] = (), not_ours: Collection[str] = ()
) -> Left | None:
    """Say why a terminal is not told; None where it is."""
    if not goes_through(order, one, not_ours):
        left = _left_here(order, one, not_ours)
        if left is not None:
            return left
    if not order.cuts:
        return None
    if one.life_critical and one.terminal not in include:
        return Left(
            terminal=one.terminal, site=one.site, why="life-critical",
            says=f"lives depend on it; to tell it all the same: --include {one.terminal}",
        )  # fmt: skip
    return None


def _left_here(order: Order, one: Candidate, not_ours: Collection[str]) -> Left | None:
    """Say why a terminal cannot be told from here, and not through its agent either."""
    agent = f"; {one.through.refuses(order)}" if one.through is not None else ""
    if one.way is None:
        return Left(
            terminal=one.terminal, site=one.site, why="no-dish",
            says=f"no dish of it is polled from here, so nobody here can tell it anything{agent}",
        )  # fmt: skip
    if not order.cuts:
        return None
    if one.way.verdict == "ours":
        return Left(terminal=one.terminal, site=one.site, why="our-path", says=one.way.says + agent)
    if one.way.verdict == "perhaps" and one.terminal not in not_ours:
        return Left(
            terminal=one.terminal, site=one.site, why="perhaps-our-path",
            says=f"{one.way.says}{agent}; where it does not: --not-our-path {one.terminal}",
        )  # fmt: skip
    return None


def in_turn(told: Sequence[Candidate]) -> list[Candidate]:
    """Return terminals in the order in which they are told.

    Those on which nobody's life depends first, then one of each site in turn (of sites with the most others
    first, then by the people behind), so that the canary is where a failure hurts least.
    """
    by_site: dict[str, list[Candidate]] = defaultdict(list)
    for one in told:
        by_site[one.site or f"\0{one.terminal}"].append(one)
    ranked: list[tuple[bool, int, int, int, str, Candidate]] = []
    for members in by_site.values():
        ordered = sorted(members, key=lambda c: (c.life_critical, c.people, c.terminal))
        for turn, one in enumerate(ordered):
            ranked.append((one.life_critical, turn, -len(members), one.people, one.terminal, one))
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:-1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One terminal of a job, as it stands."""

    terminal: str
    site: str
    canary: bool
    state: str = "waiting"
    told_ns: int | None = None
    settled_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now: tell one (or none), look at these, end; ``wait_ns`` until there may be more to do."""

    tell: str | None = None
    look: tuple[str, ...] = ()
    stop: str = ""  # why the job stops
    done: bool = False
    says: str = ""
    wait_ns: int = SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a job keeps to; ``site_sizes`` are how many terminals each site has, told or not.

    What went wrong before ``forgiven_ns`` stops it no more: a person has let it go on since.
    """

    settings: Settings
    site_sizes: Mapping[str, int] = field(default_factory=dict)
    forgiven_ns: int = 0

    def is_bad(self, step: "Step") -> bool:
        """Tell whether a terminal went wrong, and nobody has let the job go on since."""
        return step.state in BAD and (step.settled_ns or 0) >= self.forgiven_ns

    @property
    def watch_ns(self) -> int:
        """How long one that was told has until it must be well."""
        return max(int(self.settings.watch_minutes * MINUTE_NS), MINUTE_NS)


def next_move(rules: Rules, steps: Sequence[Step], now_ns: int) -> Next:
    """Say what a job does now."""
    look = tuple(s.terminal for s in steps if s.state in OPEN or _is_watched(rules, s, now_ns))
    wrong = _gone_wrong(rules, steps)
    if wrong:
        return Next(look=look, stop=wrong)
    waiting = [s for s in steps if s.state == "waiting"]
    canaries = [s for s in steps if s.canary]
    if not waiting and not look:
        return Next(done=True)
    if canaries and not any(s.state == "waiting" for s in canaries) and waiting:
        held = _held_by_canary(rules, canaries, now_ns)
        if held:
            return Next(look=look, says=held)
    pool = [s for s in waiting if s.canary] or waiting
    told = [s.told_ns for s in steps if s.told_ns is not None]
    gap_ns = int(MINUTE_NS / rules.settings.per_minute)
    due_ns = max(told) + gap_ns if told else now_ns
    if due_ns > now_ns:
        return Next(look=look, says="keeps its pace", wait_ns=min(due_ns - now_ns, SECOND_NS))
    free = next((s for s in pool if _site_has_room(rules, steps, s)), None)
    if free is None and not look:
        return Next(stop=f"site {pool[0].site} has one that did not come back: no other of it is told")
    if free is None:
        says = "waits for those that were told to be well" if pool else "looks at those that were told"
        return Next(look=look, says=says)
    return Next(tell=free.terminal, look=look, says=f"tells {free.terminal}")


def _is_watched(rules: Rules, step: Step, now_ns: int) -> bool:
    """Tell whether a canary that is well is still watched."""
    return (
        step.canary
        and step.state == "well"
        and step.told_ns is not None
        and rules.settings.watch_minutes > 0
        and now_ns < step.told_ns + int(rules.settings.watch_minutes * MINUTE_NS)
    )


def _held_by_canary(rules: Rules, canaries: Sequence[Step], now_ns: int) -> str:
    """Say why the others wait for the canary; "" where they need not."""
    if any(s.state in OPEN for s in canaries):
        return "waits for the canary to be well"
    if any(_is_watched(rules, s, now_ns) for s in canaries):
        until = max(s.told_ns or 0 for s in canaries) + int(rules.settings.watch_minutes * MINUTE_NS)
        return f"watches the canary for {max(0, until - now_ns) / MINUTE_NS:.0f} min more"
    return ""


def _gone_wrong(rules: Rules, steps: Sequence[Step]) -> str:
    bad = [s for s in steps if s.canary and rules.is_bad(s)]
    if bad:
        return f"the canary {bad[0].terminal} is {bad[0].state}: nobody else is told"
    ended = sorted((s for s in steps if s.state in ENDED - {"left"}), key=lambda s: s.settled_ns or 0)
    wrong = [s for s in ended[-_LAST:] if rules.is_bad(s)]
    if len(wrong) >= _ENOUGH_BAD:
        named = ", ".join(f"{s.terminal} {s.state}" for s in wrong[:_ENOUGH_BAD])
        return f"{len(wrong)} of the last {min(len(ended), _LAST)} went wrong: {named}"
    return ""


def _site_has_room(rules: Rules, steps: Sequence[Step], step: Step) -> bool:
    """Tell whether one more of a site may be away; a site may always lose one, if no other is away."""
    if not step.site:
        return True
    here = [s for s in steps if s.site == step.site]
    away = sum(s.state in OPEN or (s.state == "worse" and rules.is_bad(s)) for s in here)
    size = max(rules.site_sizes.get(step.site, 0), len(here))
    return away + 1 <= max(1, math.floor(size * rules.settings.site_percent / 100))
