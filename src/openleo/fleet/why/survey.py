"""A whole fleet at an instant: how each terminal stands, what is around each, and why those in trouble are.

Places are compared by cell, so a fleet of ten thousand costs little more than its cells.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol, TypeVar

from openleo.fleet.sample import ALERTS, Sample
from openleo.fleet.why.around import TOGETHER_S
from openleo.fleet.why.course import REFUSING, SILENT_AFTER_S, Course, State, course_of, is_dark, is_poor
from openleo.fleet.why.inputs import (
    HOUR_NS,
    MINUTE_NS,
    SECOND_NS,
    Around,
    Case,
    Decision,
    Deed,
    Expected,
    Share,
    Subject,
)
from openleo.fleet.why.model import Diagnosis, diagnose
from openleo.fleet.why.places import Map, Place, cell_at, centre_of, place_of

K = TypeVar("K")

NEAR_M: Final = 60_000.0
HISTORY_NS: Final = 3 * HOUR_NS
READ_AT_MOST: Final = 500  # terminals whose history is read for a list; the rest is told by the newest

_TOGETHER_NS: Final = int(TOGETHER_S * SECOND_NS)
_EVENT_NS: Final = 15 * MINUTE_NS  # onsets farther apart are not of one event that spreads
_EVENT_PART: Final = 0.4  # of those near by, below which they are dark by chance


class Telemetry(Protocol):
    """Where samples are kept."""

    def latest(self) -> dict[str, Sample]:
        """Return the newest sample of each terminal."""
        ...

    def samples(self, terminal: str, since_ns: int, until_ns: int) -> Sequence[Sample]:
        """Return a terminal's samples from ``since_ns`` until before ``until_ns``, oldest first."""
        ...

    def around_onsets(self, newest: Mapping[str, int]) -> dict[str, list[Sample]]:
        """Return of terminals, by when they last spoke, the samples that tell how they went."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one terminal stands: its kit, course, and cell where it is known."""

    kit: Subject
    course: Course
    cell: int | None
    samples: Sequence[Sample]  # of all sources, as far as they were read
    onset_ns: int | None  # since when it is in trouble; None where it is not


@dataclass
class Survey:
    """A fleet at ``now_ns``; ``newest_ns`` is its newest sample by source."""

    now_ns: int
    standings: Mapping[str, Standing]
    newest_ns: Mapping[str, int]
    decisions: Sequence[Decision] | None = None
    expected: Expected | None = None
    unread: frozenset[str] = frozenset()  # in trouble, known by their newest sample alone
    deeds: Mapping[str, Deed] = field(default_factory=dict)  # what jobs of ours told terminals last
    _near: dict[int, tuple[int, list[int], int, int]] = field(default_factory=dict)

    @cached_property
    def counts(self) -> Mapping[State, int]:
        """How many terminals stand how."""
        found = dict.fromkeys(State, 0)
        for one in self.standings.values():
            found[one.course.state] += 1
        return found

    @cached_property
    def troubled(self) -> Sequence[str]:
        """The terminals that are not online."""
        return [t for t, one in self.standings.items() if one.course.state is not State.ONLINE]

    def case(self, terminal: str, *, with_model: bool = True) -> Case:
        """Return everything known of one terminal, for diagnosing."""
        one = self.standings[terminal]
        place = place_of(one.course.last, one.kit.latitude_deg, one.kit.longitude_deg)
        model = None
        if with_model and self.expected is not None and place is not None:
            model = self.expected.at(*place, one.course.now_ns)
        return Case(
            kit=one.kit, now_ns=self.now_ns, samples=one.samples, around=self.around(terminal),
            decisions=self.decisions, expected=model, deed=self.deeds.get(terminal),
        )  # fmt: skip

    def diagnose(self, terminal: str) -> Diagnosis:
        """Return why a terminal is dark."""
        return diagnose(self.case(terminal), course=self.standings[terminal].course)

    def around(self, terminal: str) -> Around:
        """Return what the terminals around one show."""
        one = self.standings[terminal]
        onset, cell, kit = one.onset_ns, one.cell, one.kit
        in_cell = Share() if cell is None else _share(self._by_cell[cell], onset)
        near, near_gps, together = self._near_of(cell, onset)
        site = _share(self._by_site[kit.site], onset) if kit.site else Share()
        account = self._account_share(one) if kit.account else Share()
        gateway = _share(self._by_gateway[kit.gateway], onset) if kit.gateway else None
        fleet = _share(self._fleet, onset)
        here = [in_cell, near]
        wide = Share(
            known=fleet.known - sum(s.known for s in here),
            dark=max(0, fleet.dark - sum(s.dark for s in here)),
            with_it=max(0, fleet.with_it - sum(s.with_it for s in here)),
        )
        return Around(
            site=site, cell=in_cell, near=near, wide=wide, account=account, gateway=gateway,
            near_gps=near_gps, together=len(together), spread_s=_spread_s(together),
            kin=self._kin(one, site, fleet),
        )  # fmt: skip

    def same_code(self, terminal: str) -> list[Subject]:
        """Return who else is refused by the same code since the same time, wherever they are."""
        one = self.standings[terminal]
        code, onset = _refusal(one.course), one.onset_ns
        if not code or onset is None:
            return []
        return [
            other.kit for name, other in self.standings.items()
            if name != terminal and other.onset_ns is not None and _refusal(other.course) == code
            and abs(other.onset_ns - onset) <= _TOGETHER_NS
        ]  # fmt: skip

    def _account_share(self, one: Standing) -> Share:
        """Count its account's terminals in other cells; those in its own cell are counted there."""
        everywhere = _share(self._by_account[one.kit.account], one.onset_ns)
        if one.cell is None:
            return everywhere
        here = _share(self._by_account_cell[one.kit.account, one.cell], one.onset_ns)
        return Share(
            known=everywhere.known - here.known,
            dark=everywhere.dark - here.dark,
            with_it=everywhere.with_it - here.with_it,
        )

    def _kin(self, one: Standing, site: Share, fleet: Share) -> float | None:
        """Return the share of its account among those that went dark with it, other than at its site."""
        others = fleet.with_it - site.with_it
        if not one.kit.account or others < 2:
            return None
        mine = _share(self._by_account[one.kit.account], one.onset_ns).with_it - site.with_it
        return max(0, mine) / others

    def _near_of(self, cell: int | None, onset: int | None) -> tuple[Share, Share, list[int]]:
        """Return who is near, of navigation near by, and the onsets about when it went dark."""
        if cell is None:
            return Share(), Share(), []
        if cell not in self._near:
            self._near[cell] = self._gather(cell)
        known, onsets, gps_known, gps_lost = self._near[cell]
        near = Share(known=known, dark=len(onsets), with_it=_within(onsets, onset))
        together: list[int] = []
        if onset is not None:
            here = self._by_cell[cell]
            every = sorted([*onsets, *here.onsets])
            about = every[bisect_left(every, onset - _EVENT_NS) : bisect_right(every, onset + _EVENT_NS)]
            # A few that are dark by chance among many that are well are no event that they share.
            if len(about) >= 3 and len(about) >= _EVENT_PART * (known + here.known):
                together = about
        return near, Share(known=gps_known, dark=gps_lost, with_it=gps_lost), together

    def _gather(self, cell: int) -> tuple[int, list[int], int, int]:
        """Return of cells within 60 km: terminals, onsets in order, how many tell of GPS and lack it."""
        centre = centre_of(cell)
        others = [] if centre is None else [c for c in self._cells.near(centre, NEAR_M) if c != str(cell)]
        groups = [self._by_cell[int(c)] for c in others]
        gps = [*groups, self._by_cell[cell]]
        onsets = sorted(o for g in groups for o in g.onsets)
        return sum(g.known for g in groups), onsets, sum(g.gps for g in gps), sum(g.gps_lost for g in gps)

    @cached_property
    def _cells(self) -> Map:
        places: dict[str, Place] = {}
        for cell in self._by_cell:
            centre = centre_of(cell)
            if centre is not None:
                places[str(cell)] = centre
        return Map(places)

    @cached_property
    def _by_cell(self) -> Mapping[int, "_Group"]:
        return self._grouped(lambda s: s.cell)

    @cached_property
    def _by_site(self) -> Mapping[str, "_Group"]:
        return self._grouped(lambda s: s.kit.site or None)

    @cached_property
    def _by_account(self) -> Mapping[str, "_Group"]:
        return self._grouped(lambda s: s.kit.account or None)

    @cached_property
    def _by_account_cell(self) -> Mapping[tuple[str, int | None], "_Group"]:
        return self._grouped(lambda s: (s.kit.account, s.cell) if s.kit.account else None)

    @cached_property
    def _by_gateway(self) -> Mapping[str, "_Group"]:
        return self._grouped(lambda s: s.kit.gateway or None)

    @cached_property
    def _fleet(self) -> "_Group":
        return _grown(self.standings.values())

    def _grouped(self, key: Callable[[Standing], K | None]) -> Mapping[K, "_Group"]:
        members: dict[K, list[Standing]] = defaultdict(list)
        for one in self.standings.values():
            name = key(one)
            if name is not None:
                members[name].append(one)
        return {name: _grown(group) for name, group in members.items()}


@dataclass(frozen=True, slots=True)
class _Group:
    """Terminals that share something: how many, the onsets of those in trouble in order, and navigation."""

    known: int
    onsets: Sequence[int]
    gps: int
    gps_lost: int


def _grown(members: Iterable[Standing]) -> _Group:
    onsets, known, gps, lost = [], 0, 0, 0
    for one in members:
        if one.course.state is State.NEVER:
            continue
        known += 1
        if one.onset_ns is not None:
            onsets.append(one.onset_ns)
        last = one.course.last
        if last is not None and (last.gps_valid is not None or last.gps_satellites is not None):
            gps += 1
            lost += last.gps_valid is False or last.gps_satellites == 0
    return _Group(known, sorted(onsets), gps, lost)


def _within(onsets: Sequence[int], onset: int | None) -> int:
    if onset is None:
        return 0
    return bisect_right(onsets, onset + _TOGETHER_NS) - bisect_left(onsets, onset - _TOGETHER_NS)


def _refusal(course: Course) -> str:
    """Return the code by which it is refused service, by its name or number; "" for none."""
    last = course.last
    if last is None or course.state is State.ONLINE:
        return ""
    if last.disablement not in (None, "", "OKAY", "UNKNOWN_STATE"):
        return str(last.disablement)
    return next((ALERTS[code] for code in last.alerts if code in REFUSING), "")


def _spread_s(onsets: Sequence[int]) -> float | None:
    """Return the seconds between the onsets of the middle half, which are in order; None of nobody."""
    if not onsets:
        return None
    return (onsets[(3 * len(onsets)) // 4] - onsets[len(onsets) // 4]) / SECOND_NS


def _share(group: _Group, onset: int | None) -> Share:
    """Return a terminal's share of a group that it is in itself."""
    self_dark = onset is not None
    return Share(
        known=max(0, group.known - 1),
        dark=max(0, len(group.onsets) - self_dark),
        with_it=max(0, _within(group.onsets, onset) - self_dark),
    )


def survey_of(
    samples: Mapping[str, Sequence[Sample]],
    kits: Mapping[str, Subject],
    now_ns: int,
    *,
    decisions: Sequence[Decision] | None = None,
    expected: Expected | None = None,
) -> Survey:
    """Return a fleet whose samples are at hand: those of each terminal, oldest first."""
    standings: dict[str, Standing] = {}
    newest: dict[str, int] = {}
    for terminal in dict.fromkeys([*kits, *samples]):
        kit = kits.get(terminal) or Subject(terminal=terminal)
        told = samples.get(terminal, ())
        for sample in told[-2:]:
            newest[sample.source] = max(newest.get(sample.source, 0), sample.time_ns)
        course = course_of(told, now_ns)
        calm = course.state in (State.ONLINE, State.NEVER)
        standings[terminal] = Standing(
            kit=kit, course=course, cell=_cell(kit, course.last), samples=told,
            onset_ns=None if calm else course.onset_ns,
        )  # fmt: skip
    return Survey(now_ns, standings, newest, decisions, expected)


def survey(
    telemetry: Telemetry,
    kits: Mapping[str, Subject],
    now_ns: int,
    *,
    decisions: Sequence[Decision] | None = None,
    expected: Expected | None = None,
    whole: Iterable[str] = (),
    deeds: Mapping[str, Deed] | None = None,
) -> Survey:
    """Return a fleet at ``now_ns`` from a store.

    Of those in trouble what tells how they went is read, of those named in ``whole`` all of the last hours.
    """
    latest = telemetry.latest()
    told: dict[str, Sequence[Sample]] = {t: [s] for t, s in latest.items()}
    suspects = _spread({t: s for t, s in latest.items() if _suspect(s, now_ns)}, kits)
    read = telemetry.around_onsets({t: latest[t].time_ns for t in suspects[:READ_AT_MOST]})
    told.update({t: samples for t, samples in read.items() if samples})
    for terminal in whole:
        if terminal in latest:
            since = min(now_ns, latest[terminal].time_ns) - HISTORY_NS
            told[terminal] = telemetry.samples(terminal, since, now_ns + HOUR_NS) or told[terminal]
    found = survey_of(told, kits, now_ns, decisions=decisions, expected=expected)
    found.unread = frozenset(suspects[READ_AT_MOST:])
    found.deeds = deeds or {}
    return found


def _spread(suspects: Mapping[str, Sample], kits: Mapping[str, Subject]) -> list[str]:
    """Return terminals in the order in which they are read: life-critical ones, then some of each place."""
    turn: dict[int | None, int] = defaultdict(int)
    order: list[tuple[bool, int, str]] = []
    for terminal, sample in suspects.items():
        kit = kits.get(terminal)
        turn[sample.cell] += 1
        order.append((kit is None or not kit.life_critical, turn[sample.cell], terminal))
    return [terminal for _, _, terminal in sorted(order)]


def _suspect(sample: Sample, now_ns: int) -> bool:
    return is_dark(sample) or is_poor(sample) or now_ns - sample.time_ns > SILENT_AFTER_S * SECOND_NS


def _cell(kit: Subject, last: Sample | None) -> int | None:
    """Return the cell of a terminal: as it says, else of its position, else of where it is registered."""
    if last is not None and last.cell is not None:
        return last.cell
    place = place_of(last, kit.latitude_deg, kit.longitude_deg)
    return None if place is None else cell_at(place)
