"""Incidents: terminals that one cause has darkened, and which incident needs help first.

Members share a cause and began together: at a site, within an account, along a software version, or from
cell to neighbouring cell, as the cause spreads.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from openleo.fleet.why.causes import Why
from openleo.fleet.why.course import State
from openleo.fleet.why.inputs import MINUTE_NS, SECOND_NS
from openleo.fleet.why.model import Diagnosis
from openleo.fleet.why.places import Map, Place, centre_of
from openleo.fleet.why.survey import Standing, Survey

# How causes spread: within how much time, and how far from cell to cell (0: one cell).
_BY_PLACE: Final[dict[Why, tuple[int, float]]] = {
    Why.AREA: (3 * MINUTE_NS, 60_000.0),
    Why.UNPOWERED: (3 * MINUTE_NS, 20_000.0),
    Why.JAMMED: (60 * MINUTE_NS, 60_000.0),
    Why.WEATHER: (60 * MINUTE_NS, 60_000.0),
    Why.CAPACITY: (60 * MINUTE_NS, 60_000.0),
    Why.UNKNOWN: (3 * MINUTE_NS, 20_000.0),
}
_ALL_AT_ONCE_NS: Final = 3 * MINUTE_NS
_ROLL_OUT_NS: Final = 10 * MINUTE_NS


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Terminals with one cause.  ``found`` are the diagnoses of those that were looked at, the surest first.

    ``presumed`` members were not looked at: they went dark with the others and in the same place.
    """

    cause: Why
    members: tuple[Standing, ...]
    found: tuple[Diagnosis, ...]
    presumed: int
    cut_off: tuple[str, ...]  # sites of it without any terminal online

    @property
    def first(self) -> Diagnosis:
        """The surest diagnosis."""
        return self.found[0]

    @property
    def confidence(self) -> float:
        """The mean confidence of those looked at; of a cause that is not named, the first rival's."""
        return sum(d.confidence for d in self.found) / len(self.found)

    @cached_property
    def onset_ns(self) -> int | None:
        """When the first of them went dark; None where that is not known of any."""
        return min((m.onset_ns for m in self.members if m.onset_ns is not None), default=None)

    @cached_property
    def critical(self) -> tuple[Standing, ...]:
        """Those on which lives depend."""
        return tuple(m for m in self.members if m.kit.life_critical)

    @cached_property
    def people(self) -> int:
        """How many people are known to depend on them."""
        return sum(m.kit.people or 0 for m in self.members)

    @cached_property
    def is_dark(self) -> bool:
        """Whether any of them is out of service rather than served badly."""
        return any(m.course.state is not State.POOR for m in self.members)

    def urgency(self) -> tuple[float, ...]:
        """Return what incidents are ranked by, the most urgent first.

        Lives, then what is not our own doing, whether anybody is dark, people, sites with no other terminal,
        terminals, and how long.
        """
        onset = self.onset_ns if self.onset_ns is not None else 2**63
        return (
            -len(self.critical), self.cause is Why.ORDERED, not self.is_dark, -self.people,
            -len(self.cut_off), -len(self.members), onset,
        )  # fmt: skip


def incidents_of(survey: Survey, diagnoses: Mapping[str, Diagnosis]) -> list[Incident]:
    """Return the incidents of a fleet, the most urgent first."""
    nodes: dict[Hashable, list[str]] = defaultdict(list)
    by_cause: dict[Why, list[str]] = defaultdict(list)
    for terminal, diagnosis in diagnoses.items():
        if diagnosis.cause is not None:
            by_cause[diagnosis.cause].append(terminal)
    for cause, terminals in by_cause.items():
        for number, group in enumerate(_groups(survey, cause, terminals)):
            nodes[cause, number] = group
    presumed = _presumed(survey, nodes)
    alive = {s.kit.site for s in survey.standings.values() if s.kit.site and _serves(s)}
    found = []
    for key, group in nodes.items():
        extra = presumed.get(key, [])
        members = sorted((survey.standings[t] for t in [*group, *extra]), key=_rank)
        sites = dict.fromkeys(m.kit.site for m in members if m.kit.site and m.course.state is not State.POOR)
        told = sorted((diagnoses[t] for t in group), key=lambda d: -d.confidence)
        assert told[0].cause is not None, "only causes are grouped"
        found.append(
            Incident(
                cause=told[0].cause, members=tuple(members), found=tuple(told), presumed=len(extra),
                cut_off=tuple(site for site in sites if site not in alive),
            )
        )  # fmt: skip
    return sorted(found, key=Incident.urgency)


def _serves(standing: Standing) -> bool:
    return standing.course.state in (State.ONLINE, State.POOR)


def _rank(standing: Standing) -> tuple[bool, int, int, str]:
    kit = standing.kit
    return not kit.life_critical, -(kit.people or 0), standing.onset_ns or 0, kit.site or kit.terminal


def _groups(survey: Survey, cause: Why, terminals: Sequence[str]) -> list[list[str]]:
    if cause in _BY_PLACE:
        gap, reach = _BY_PLACE[cause]
        return _by_place(survey, terminals, gap, reach)
    of: Callable[[str], Hashable]
    if cause is Why.NETWORK:
        return _chains(survey, terminals, lambda t: survey.standings[t].kit.gateway, _ALL_AT_ONCE_NS)
    if cause is Why.ACCOUNT:
        of = lambda t: survey.standings[t].kit.account or t  # noqa: E731
        return _chains(survey, terminals, of, _ALL_AT_ONCE_NS)
    if cause is Why.SOFTWARE:
        return _chains(survey, terminals, lambda t: _version(survey.standings[t]) or t, _ROLL_OUT_NS)
    return _chains(survey, terminals, lambda t: survey.standings[t].kit.site or t, _ROLL_OUT_NS)


def _version(standing: Standing) -> str | None:
    return standing.course.last.software if standing.course.last is not None else None


def _chains(
    survey: Survey, terminals: Iterable[str], key: Callable[[str], Hashable], gap_ns: int
) -> list[list[str]]:
    """Return groups of one key whose onsets follow each other within ``gap_ns``."""
    by_key: dict[Hashable, list[tuple[int, str]]] = defaultdict(list)
    for terminal in terminals:
        by_key[key(terminal)].append((survey.standings[terminal].onset_ns or 0, terminal))
    groups: list[list[str]] = []
    for members in by_key.values():
        last = None
        for onset, terminal in sorted(members):
            if last is None or onset - last > gap_ns:
                groups.append([])
            groups[-1].append(terminal)
            last = onset
    return groups


def _by_place(survey: Survey, terminals: Sequence[str], gap_ns: int, reach_m: float) -> list[list[str]]:
    """Return groups that began together in cells that are near each other."""
    chains = _chains(survey, terminals, lambda t: survey.standings[t].cell or t, gap_ns)
    spans = [_span(survey, chain) for chain in chains]
    places: dict[str, Place] = {}
    for number, chain in enumerate(chains):
        cell = survey.standings[chain[0]].cell
        centre = None if cell is None else centre_of(cell)
        if centre is not None:
            places[str(number)] = centre
    where = Map(places)
    parent = list(range(len(chains)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for name, place in places.items():
        number = int(name)
        for other in map(int, where.near(place, reach_m)):
            if _overlap(spans[number], spans[other], gap_ns):
                parent[root(other)] = root(number)
    found: dict[int, list[str]] = defaultdict(list)
    for number, chain in enumerate(chains):
        found[root(number)] += chain
    return list(found.values())


def _span(survey: Survey, chain: Sequence[str]) -> tuple[int, int]:
    onsets = [survey.standings[t].onset_ns or 0 for t in chain]
    return min(onsets), max(onsets)


def _overlap(a: tuple[int, int], b: tuple[int, int], gap_ns: int) -> bool:
    return a[0] - gap_ns <= b[1] and b[0] - gap_ns <= a[1]


def _presumed(survey: Survey, nodes: Mapping[Hashable, Sequence[str]]) -> dict[Hashable, list[str]]:
    """Give those that were not looked at to the incident of their cell that began nearest in time."""
    by_cell: dict[int | None, list[tuple[int, Hashable]]] = defaultdict(list)
    for key, group in nodes.items():
        for terminal in group:
            one = survey.standings[terminal]
            by_cell[one.cell].append((one.onset_ns or 0, key))
    found: dict[Hashable, list[str]] = defaultdict(list)
    for terminal in survey.unread:
        one = survey.standings[terminal]
        near = by_cell.get(one.cell)
        if near:
            onset = one.onset_ns or 0
            found[min(near, key=lambda pair: abs(pair[0] - onset))[1]].append(terminal)
    return found


def seconds_since(onset_ns: int | None, now_ns: int) -> float | None:
    """Return how long something has lasted."""
    return None if onset_ns is None else max(0.0, (now_ns - onset_ns) / SECOND_NS)
