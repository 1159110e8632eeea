"""Whom a job tells, in which order, and whom not and why.  Pure: the runner asks, and does it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from openleo.base.errors import BadInput, did_you_mean
from openleo.fleet.acting.moves import (
    BAD,
    ENDED,
    MINUTE_NS,
    OPEN,
    SECOND_NS,
    Next,
    Rules,
    Step,
    next_move,
)
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Way
from openleo.fleet.acting.settings import MOST, Settings
from openleo.fleet.agent_request import CARRIED, permission

MOST_SLEEP_MIN: Final = 23 * 60
__all__ = [
    "BAD", "ENDED", "MINUTE_NS", "MOST", "MOST_SLEEP_MIN", "OPEN", "SECOND_NS", "Candidate", "Left", "Next",
    "Plan", "Rules", "Settings", "SiteNow", "Step", "Through", "goes_through", "in_turn", "next_move", "plan",
    "why_left", "within_share",
]  # fmt: skip


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
            return (
                f"agent {self.agent} watches it, and its site does not allow {order.action}: there"
                f" `openleo agent allow {permission(order.action)}`"
            )
        if order.action == "sleep" and order.cuts and order.minutes > MOST_SLEEP_MIN:
            return (
                "through an agent a dish may sleep 23 h a day at most: it must be there to be told otherwise"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A terminal that was chosen; ``way`` None: no dish of it is polled from here."""

    terminal: str
    kit: str = ""
    site: str = ""
    life_critical: bool = False
    people: int = 0
    way: Way | None = None
    through: Through | None = None  # the agent that watches it
    noted: bool = False  # its kit's note says that it is on our own path
    away: bool = False  # it is out of service already, by what telemetry says
    sleeps: bool = False  # it sleeps each day already, and is to sleep otherwise
    already: str = ""  # it is as the order would make it, in words

    @property
    def takes_none(self) -> bool:
        """Whether telling it takes nothing away that is not away already."""
        return self.away or self.sleeps

    def path_rank(self, not_ours: Collection[str] = ()) -> int:
        """Return how likely our own way out goes over it: 0 not at all, 1 perhaps, 2 it does."""
        verdict = self.way.verdict if self.way is not None else "clear"
        if self.noted or verdict == "ours":
            return 2
        return int(verdict == "perhaps" and self.terminal not in not_ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A terminal that was chosen and is not told, and why."""

    terminal: str
    site: str
    why: str  # life-critical, our-path, perhaps-our-path, no-dish, already, site-share
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom to tell, in order; the first ``canaries`` of them are the canary."""

    chosen: tuple[Candidate, ...]
    canaries: int
    left: tuple[Left, ...]
    include: frozenset[str] = frozenset()  # by their ids
    not_ours: frozenset[str] = frozenset()
    kits: Mapping[str, str] = field(default_factory=dict)  # of those that were chosen, told or not
    off: str = ""  # why it may not be told in this fleet now, and what to do
    cuts: bool = True

    @property
    def our_path(self) -> tuple[str, ...]:
        """Those of them that our own way out goes over, or perhaps goes over."""
        return tuple(one.terminal for one in self.chosen if one.path_rank(self.not_ours))

    @property
    def away(self) -> tuple[str, ...]:
        """Those of them that are out of service already."""
        return tuple(one.terminal for one in self.chosen if one.away)

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
    sites: "Mapping[str, SiteNow] | None" = None,
) -> Plan:
    """Say whom a job tells, and whom not.  ``sites`` are how its sites stand now.

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
    able = in_turn([one for one in there.values() if one.terminal not in gone], order, not_ours)
    told, crowded = within_share(order, able, settings, sites or {})
    if len(told) > MOST:
        raise BadInput(f"{len(told):,} terminals are more than one job takes ({MOST:,})", "choose fewer")
    return Plan(
        chosen=tuple(told), canaries=settings.canaries(len(told)), left=(*left, *crowded),
        include=frozenset(include), not_ours=frozenset(not_ours), cuts=order.cuts,
        kits={one.terminal: one.kit for one in there.values() if one.kit},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNow:
    """How many terminals a site has, and how many of them are out of service already."""

    size: int
    away: int = 0


def within_share(
    order: Order, able: Sequence[Candidate], settings: Settings, sites: Mapping[str, SiteNow]
) -> tuple[list[Candidate], list[Left]]:
    """Return whom a job can ever tell, and whom not, since too much of their site would be away.

    Who is stowed, or sleeps each day, stays away: of a site no more than the share is told.  Who starts anew
    comes back, and the next can go; but where others fill the share already, none can.
    """
    if not order.cuts:
        return list(able), []
    told: list[Candidate] = []
    left: list[Left] = []
    here = Counter(one.site for one in able)
    dark = Counter(one.site for one in able if one.takes_none)
    gone: Counter[str] = Counter()  # those that this job takes away, and that stay away
    for one in able:
        now = sites.get(one.site, SiteNow(size=0))
        size, away = max(now.size, here[one.site]), max(now.away, dark[one.site])
        most = settings.most_away(size)
        if not one.site or one.takes_none or away + gone[one.site] < most:
            told.append(one)
            gone[one.site] += bool(order.stays) and not one.takes_none
            continue
        is_ = "is" if away == 1 else "are"
        how = "dark, or told to sleep, already" if order.action == "sleep" else "dark already"
        already = f", and {away:,} {is_} {how}" if away else ""
        left.append(
            Left(
                terminal=one.terminal, site=one.site, why="site-share",
                says=f"at most {most:,} of the {size:,} of site {one.site} may be away at once"
                f" ({settings.site_percent:g} %){already}{order.stays}; to tell it all the same:"
                " --site-percent 100",
            )
        )  # fmt: skip
    return told, left


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
    if one.already:
        return Left(terminal=one.terminal, site=one.site, why="already", says=one.already)
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
        says = "no dish of it is polled from here, and no agent has said that it watches it"
        if one.through is not None:
            says = f"it is not polled from here, but by an agent: {one.through.refuses(order)}"
        return Left(terminal=one.terminal, site=one.site, why="no-dish", says=says)
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


def in_turn(
    told: Sequence[Candidate], order: Order | None = None, not_ours: Collection[str] = ()
) -> list[Candidate]:
    """Return terminals in the order in which they are told.

    What our own way out does not go over first, then what is in service (who is dark already tries nothing
    out), then those on which nobody's life depends, then one of each site in turn (of sites with the most
    others first, then by the people behind): so that the canary is where a failure hurts least.
    """
    cuts = order is None or order.cuts
    by_site: dict[str, list[Candidate]] = defaultdict(list)
    for one in told:
        by_site[one.site or f"\0{one.terminal}"].append(one)

    def care(one: Candidate) -> tuple[int, bool, bool]:
        return one.path_rank(not_ours), cuts and one.away, one.life_critical

    ranked: list[tuple[tuple[int, bool, bool], int, int, int, str, Candidate]] = []
    for members in by_site.values():
        ordered = sorted(members, key=lambda c: (*care(c), c.people, c.terminal))
        for turn, one in enumerate(ordered):
            ranked.append((care(one), turn, -len(members), one.people, one.terminal, one))
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:-1])]
