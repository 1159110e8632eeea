"""Several sources of one terminal, told as one: what the dish says, and beside it the vendor's telemetry."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from openleo.fleet.sample import Sample

NEAR_NS: Final = 20 * 10**9  # two sources that are so near tell of the same moment
_FIRST: Final = {"dish": 0, "enterprise": 1, "model": 2}
_OPTIONAL: Final = tuple(f.name for f in fields(Sample) if f.default is None)


def together(samples: Sequence[Sample]) -> Sample:
    """Return what samples of one terminal and about one moment say together.

    What the first of dish, enterprise, model does not tell is taken from the next.  The terminal was
    reachable if any of them has it answer: an agent that cannot reach a dish says nothing of its link.
    """
    ordered = sorted(samples, key=lambda one: (not one.reachable, _FIRST.get(one.source, 9)))
    best = ordered[0]
    more: dict[str, Any] = {}
    for name in _OPTIONAL:
        if name in {"boot", "counter"} or getattr(best, name) is not None:
            continue
        value = next((v for o in ordered[1:] if (v := getattr(o, name)) is not None), None)
        if value is not None:
            more[name] = value
    codes = tuple(sorted({code for one in ordered if one.reachable for code in one.alerts}))
    return replace(best, alerts=codes, **more)


def merge(samples: Iterable[Sample]) -> list[Sample]:
    """Return a terminal's samples by time, those of other sources joined to the nearest of the first source.

    Samples of one source are never joined to each other.
    """
    by_source: dict[str, list[Sample]] = {}
    for one in sorted(samples, key=lambda one: one.time_ns):
        by_source.setdefault(one.source, []).append(one)
    ranked = sorted(by_source, key=lambda source: _FIRST.get(source, 9))
    if len(ranked) < 2:
        return [one for source in ranked for one in by_source[source]]
    groups = [[one] for one in by_source[ranked[0]]]
    for source in ranked[1:]:
        groups = _joined(groups, by_source[source])
    return sorted((together(group) for group in groups), key=lambda one: one.time_ns)


def _joined(groups: list[list[Sample]], others: list[Sample]) -> list[list[Sample]]:
    """Join each of ``others`` to the nearest group in time, each group taking one; the rest stand alone."""
    taken: set[int] = set()
    alone: list[list[Sample]] = []
    at = 0
    for other in others:
        while at + 1 < len(groups) and _gap(groups[at + 1], other) <= _gap(groups[at], other):
            at += 1
        if groups and at not in taken and _gap(groups[at], other) <= NEAR_NS:
            groups[at].append(other)
            taken.add(at)
        else:
            alone.append([other])
    return sorted(groups + alone, key=lambda group: group[0].time_ns)


def _gap(group: Sequence[Sample], other: Sample) -> int:
    return abs(group[0].time_ns - other.time_ns)
