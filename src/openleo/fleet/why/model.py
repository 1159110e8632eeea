"""Naming the cause: signs weighed by the table, ranked, and told with what speaks for and against each.

Naive Bayes with a temperature: the log odds of a cause are its log prior plus the log likelihoods of all
signs seen, these divided by the temperature, because signs that hang together are not worth their sum
(temperature scaling: Guo et al., On Calibration of Modern Neural Networks, 2017).  Every step can be
read off: a sign's weight between two causes is the ratio of two numbers of the table.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from openleo.fleet.why.around import around_signs
from openleo.fleet.why.causes import ADVICE, CAUSES, Advice, Why
from openleo.fleet.why.course import Course, State, course_of
from openleo.fleet.why.deeds import deed_words, explains
from openleo.fleet.why.inputs import Case, Deed
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.signs import own_signs
from openleo.fleet.why.table import Likelihoods, Table, likelihoods

_RIVALS: Final = 3
_ASKS: Final = 3
_RIVAL_LEAST: Final = 0.02
_SHARED: Final = frozenset({Why.AREA, Why.NETWORK, Why.JAMMED, Why.WEATHER, Why.CAPACITY})
_WELL_AROUND: Final = (Sign("near", "none", ""), Sign("near-gps", "none", ""))
_KNOWN: Final = 0.99  # that we told it is known; that nothing else befell it in that minute is not
_TRIVIAL: Final = frozenset({
    ("booted", "no"), ("power", "usual"), ("update", "no"), ("stowed", "no"), ("hardware", "no"),
    ("ethernet", "no"), ("power-alert", "no"), ("self-test", "no"), ("low-snr", "no"), ("heating", "no"),
    ("limited", "no"), ("water", "no"), ("link", "up"), ("place", "same"), ("answer-dish", "answers"),
    ("answer-vendor", "answers"), ("move", "untold"), ("latency", "usual"),
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another cause that it may be; ``against`` are the signs that speak most against it."""

    cause: Why
    probability: float
    against: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a terminal is dark, how sure that is, on what it rests, and what to do next.

    ``cause`` is UNKNOWN where the first of ``ranked`` is not probable enough; None for a terminal in service.
    ``confidence`` is the probability of that first one.
    """

    terminal: str
    state: State
    course: Course
    cause: Why | None
    confidence: float
    ranked: tuple[tuple[Why, float], ...]
    deed: Deed | None  # what a job of ours told it, where that is why
    signs: tuple[Sign, ...]
    table: Likelihoods
    untellable: frozenset[str] = frozenset()  # signs that nobody can find out here

    @property
    def advice(self) -> Advice | None:
        """What to do about it."""
        return None if self.cause is None else ADVICE[self.cause]

    @cached_property
    def evidence(self) -> tuple[str, ...]:
        """What was seen, in sentences, the weightiest first."""
        weighed = _for(self.signs, self.ranked[0][0], self.table) if self.ranked else ()
        return weighed if self.deed is None else (deed_words(self.deed, self.course.now_ns), *weighed)

    @cached_property
    def weighty(self) -> tuple[str, ...]:
        """What was seen without what goes without saying: that it did not restart, that it draws 62 W."""
        if not self.ranked:
            return ()
        plain = {s.says for s in self.signs if (s.name, s.value) in _TRIVIAL}
        return tuple(line for line in self.evidence if line not in plain) or self.evidence

    @cached_property
    def rivals(self) -> tuple[Rival, ...]:
        """What else it may be, the likeliest first."""
        first = self.ranked[:1]
        others = [
            (c, p) for c, p in self.ranked[1 : _RIVALS + 1] if p >= _RIVAL_LEAST or self.cause is Why.UNKNOWN
        ]
        return tuple(
            Rival(cause=c, probability=p, against=_against(self.signs, first[0][0], c, self.table))
            for c, p in others
        )

    @cached_property
    def decides(self) -> tuple[str, ...]:
        """What to find out, so that it is told apart."""
        return _deciding(self.signs, self.ranked, self.table, self.untellable) if self.ranked else ()


def diagnose(case: Case, *, course: Course | None = None, table: Likelihoods | None = None) -> Diagnosis:
    """Return why a terminal is dark.  ``course`` saves reading the samples twice."""
    table = likelihoods() if table is None else table
    course = course_of(case.samples, case.now_ns) if course is None else course
    cause: Why | None = None
    confidence = 1.0
    ranked: tuple[tuple[Why, float], ...] = ()
    signs: tuple[Sign, ...] = ()
    if course.state is not State.ONLINE:
        signs = (*own_signs(case, course), *around_signs(case, course))
        if case.alone and not any(map(_names_reason, signs)):
            chances = _by_itself(signs, table)
        elif not course.trouble:  # all that is known of its trouble is seen on others
            chances = posterior(signs, replace(table, temperature=table.silent))
        else:
            chances = posterior(signs, table)
        ranked = tuple(sorted(zip(CAUSES, chances, strict=True), key=lambda pair: -pair[1]))
        first, confidence = ranked[0]
        cause = first if confidence >= table.enough else Why.UNKNOWN
    deed = case.deed if case.deed is not None and explains(case.deed, course, signs) else None
    if deed is not None:
        cause, confidence = Why.ORDERED, _KNOWN
    return Diagnosis(
        terminal=case.kit.terminal, state=course.state, course=course, cause=cause, confidence=confidence,
        ranked=ranked, deed=deed, signs=signs, table=table,
        untellable=frozenset() if case.kit.gateway else frozenset({"gateway"}),
    )  # fmt: skip


def posterior(signs: Iterable[Sign], table: Likelihoods) -> list[float]:
    """Return the probability of each of ``CAUSES``, given signs."""
    sums = [0.0] * len(CAUSES)
    for sign in signs:
        sums = [a + b for a, b in zip(sums, table.tables[sign.name].log[sign.value], strict=True)]
    odds = [prior + s / table.temperature for prior, s in zip(table.log_prior, sums, strict=True)]
    most = max(odds)
    weights = [math.exp(o - most) for o in odds]
    total = sum(weights)
    return [w / total for w in weights]


def _by_itself(signs: Sequence[Sign], table: Likelihoods) -> list[float]:
    """Return the probabilities for a dish whose neighbours nobody looked at.

    A cause that neighbours would share is no surer than if those near by were found to be well.
    """
    cool = replace(table, temperature=table.alone)
    chances = posterior(signs, cool)
    if CAUSES[chances.index(max(chances))] in _SHARED:
        return posterior((*signs, *_WELL_AROUND), cool)
    return chances


def _names_reason(sign: Sign) -> bool:
    """Tell whether it is the network's own word of why it refuses service."""
    return sign.name == "refused" and sign.value not in ("okay", "unsaid")


def _weight(table: Table, sign: Sign, a: Why, b: Why) -> float:
    """Return the log of how many times likelier a sign is under ``a`` than under ``b``."""
    log = table.log[sign.value]
    return log[CAUSES.index(a)] - log[CAUSES.index(b)]


def _for(signs: Sequence[Sign], first: Why, table: Likelihoods) -> tuple[str, ...]:
    """Return the signs' sentences: a reason that the network names, then what ``first`` explains best."""
    index = CAUSES.index(first)
    prior = [math.exp(p) if i != index else 0.0 for i, p in enumerate(table.log_prior)]

    def lift(sign: Sign) -> float:
        log = table.tables[sign.name].log[sign.value]
        else_ = sum(p * math.exp(one) for p, one in zip(prior, log, strict=True)) / sum(prior)
        return log[index] - math.log(else_)

    return tuple(s.says for s in sorted(signs, key=lambda s: (_names_reason(s), lift(s)), reverse=True))


def _against(signs: Sequence[Sign], first: Why, rival: Why, table: Likelihoods) -> tuple[str, ...]:
    weighed = [(_weight(table.tables[s.name], s, first, rival), s.says) for s in signs]
    return tuple(says for weight, says in sorted(weighed, reverse=True)[:2] if weight > 0.5)


def _deciding(
    signs: Sequence[Sign], ranked: Sequence[tuple[Why, float]], table: Likelihoods, untellable: frozenset[str]
) -> tuple[str, ...]:
    """Return what to find out: of the signs not seen, those that best tell the likeliest causes apart."""
    seen = {s.name for s in signs} | untellable
    skipped = (
        {"answer-vendor"} if "answer-dish" in seen else {"answer-dish"} if "answer-vendor" in seen else set()
    )
    (a, p), (b, q), (c, r) = ranked[:3]
    pairs = ((a, b, p * q), (a, c, p * r), (b, c, q * r))
    worth: Mapping[str, float] = {
        name: sum(weight * one.between(x, y) for x, y, weight in pairs)
        for name, one in table.tables.items()
        if name not in seen and name not in skipped
    }
    best = sorted(worth, key=lambda name: -worth[name])
    asks = [table.tables[name].ask for name in best if worth[name] > 0.01]
    return tuple(dict.fromkeys(asks))[:_ASKS]
