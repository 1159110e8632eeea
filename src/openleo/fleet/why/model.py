"""Naming the cause: signs weighed by the table, ranked, and told with what speaks for and against each.

Naive Bayes with a temperature: the log odds of a cause are its log prior plus the log likelihoods of all
signs seen, these divided by the temperature, because signs that hang together are not worth their sum
(temperature scaling: Guo et al., On Calibration of Modern Neural Networks, 2017).  Every step can be
read off: a sign's weight between two causes is the ratio of two numbers of the table.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openleo.fleet.why.around import around_signs
from openleo.fleet.why.causes import ADVICE, CAUSES, Advice, Why
from openleo.fleet.why.course import Course, State, course_of
from openleo.fleet.why.inputs import Case
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.signs import own_signs
from openleo.fleet.why.table import Likelihoods, Table, likelihoods

_RIVALS: Final = 3
_ASKS: Final = 3
_RIVAL_LEAST: Final = 0.02
_FROM_DISH_READ: Final = frozenset({"self-test", "low-snr", "link", "limited", "water", "inhibited", "map"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another cause that it may be; ``against`` are the signs that speak most against it."""

    cause: Why
    probability: float
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a terminal is dark, how sure that is, on what it rests, and what to do next.

    ``cause`` is UNKNOWN where the first of ``ranked`` is not probable enough; None for a terminal in service.
    ``evidence`` are sentences, the weightiest first.
    """

    terminal: str
    state: State
    course: Course
    cause: Why | None
    confidence: float
    ranked: tuple[tuple[Why, float], ...]
    evidence: tuple[str, ...]
    rivals: tuple[Rival, ...]
    decides: tuple[str, ...]
    signs: tuple[Sign, ...]

    @property
    def advice(self) -> Advice | None:
        """What to do about it."""
        return None if self.cause is None else ADVICE[self.cause]


def diagnose(case: Case, *, course: Course | None = None, table: Likelihoods | None = None) -> Diagnosis:
    """Return why a terminal is dark.  ``course`` saves reading the samples twice."""
    table = likelihoods() if table is None else table
    course = course_of(case.samples, case.now_ns) if course is None else course
    if course.state is State.ONLINE and course.answers == "answers":
        return _in_service(case, course)
    signs = tuple(own_signs(case, course)) + tuple(around_signs(case, course))
    chances = posterior(signs, table)
    ranked = tuple(sorted(zip(CAUSES, chances, strict=True), key=lambda pair: -pair[1]))
    first, confidence = ranked[0]
    cause = first if confidence >= table.enough else Why.UNKNOWN
    rivals = [(c, p) for c, p in ranked[1 : _RIVALS + 1] if p >= _RIVAL_LEAST or cause is Why.UNKNOWN]
    return Diagnosis(
        terminal=case.kit.terminal,
        state=course.state,
        course=course,
        cause=cause,
        confidence=confidence,
        ranked=ranked,
        evidence=_for(signs, ranked, table),
        rivals=tuple(
            Rival(cause=c, probability=p, against=_against(signs, first, c, table)) for c, p in rivals
        ),
        decides=_deciding(case, signs, ranked, table),
        signs=signs,
    )


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


def _in_service(case: Case, course: Course) -> Diagnosis:
    return Diagnosis(
        terminal=case.kit.terminal, state=course.state, course=course, cause=None, confidence=1.0, ranked=(),
        evidence=(), rivals=(), decides=(), signs=(),
    )  # fmt: skip


def _weight(table: Table, sign: Sign, a: Why, b: Why) -> float:
    """Return the log of how many times likelier a sign is under ``a`` than under ``b``."""
    log = table.log[sign.value]
    return log[CAUSES.index(a)] - log[CAUSES.index(b)]


def _for(signs: Sequence[Sign], ranked: Sequence[tuple[Why, float]], table: Likelihoods) -> tuple[str, ...]:
    """Return the signs' sentences, those first that lift the first cause most above the others."""
    first = ranked[0][0]
    index = CAUSES.index(first)
    others = [(CAUSES.index(c), p) for c, p in ranked[1:]]
    total = sum(p for _, p in others) or 1.0

    def lift(sign: Sign) -> float:
        log = table.tables[sign.name].log[sign.value]
        return log[index] - sum(p * log[i] for i, p in others) / total

    return tuple(s.says for s in sorted(signs, key=lift, reverse=True))


def _against(signs: Sequence[Sign], first: Why, rival: Why, table: Likelihoods) -> tuple[str, ...]:
    weighed = [(_weight(table.tables[s.name], s, first, rival), s.says) for s in signs]
    return tuple(says for weight, says in sorted(weighed, reverse=True)[:2] if weight > 0.5)


def _deciding(
    case: Case, signs: Sequence[Sign], ranked: Sequence[tuple[Why, float]], table: Likelihoods
) -> tuple[str, ...]:
    """Return what to find out: of the signs not seen, those that best tell the likeliest causes apart."""
    seen = {s.name for s in signs}
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
