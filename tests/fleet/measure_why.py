"""How often diagnosing is right, and whether it is as sure as it is right: for the tests and docs/why.md."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cases import MadeCase

from openleo.fleet.why import CAUSES, Diagnosis, Why, diagnose
from openleo.fleet.why.model import posterior
from openleo.fleet.why.table import Likelihoods, likelihoods

BINS: Final = 10


@dataclass(frozen=True)
class Bin:
    """Cases whose first cause had a probability within a tenth: its mean, and the share that was right."""

    low: float
    cases: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Measured:
    """What came out for cases of which the truth is known."""

    told: Sequence[tuple[MadeCase, Diagnosis]]  # those whose evidence tells
    untold: Sequence[tuple[MadeCase, Diagnosis]]  # those where too little is left

    def first(self, why: Why | None = None) -> float:
        """The share of cases (of a cause) whose true cause is ranked first."""
        return _share([d.ranked[:1] and d.ranked[0][0] is c.truth for c, d in self._of(why)])

    def first_two(self, why: Why | None = None) -> float:
        """The share of cases (of a cause) whose true cause is among the first two."""
        return _share([c.truth in [w for w, _ in d.ranked[:2]] for c, d in self._of(why)])

    def named_wrong(self) -> float:
        """The share of all cases with evidence in which a wrong cause is named, rather than none."""
        return _share([d.cause not in (c.truth, Why.UNKNOWN, None) for c, d in self.told])

    def not_named(self) -> float:
        """The share of cases with evidence of which it says that there is not enough."""
        return _share([d.cause is Why.UNKNOWN for _, d in self.told])

    def recognised(self) -> float:
        """The share of cases without evidence of which it says so."""
        return _share([d.cause is Why.UNKNOWN for _, d in self.untold])

    def untold_wrong(self) -> float:
        """The share of cases without evidence of which it names a cause that it was not."""
        return _share([d.cause not in (c.hidden, Why.UNKNOWN, None) for c, d in self.untold])

    def _of(self, why: Why | None) -> list[tuple[MadeCase, Diagnosis]]:
        return [(c, d) for c, d in self.told if why is None or c.truth is why]

    def bins(self) -> list[Bin]:
        """The table of reliability, over all cases: whoever reads an answer does not know which were told."""
        groups: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
        for case, found in [*self.told, *self.untold]:
            if found.ranked:
                cause, chance = found.ranked[0]
                groups[min(BINS - 1, int(chance * BINS))].append((chance, cause is case.hidden))
        return [
            Bin(n / BINS, len(g), sum(p for p, _ in g) / len(g), sum(r for _, r in g) / len(g))
            for n, g in enumerate(groups)
            if g
        ]

    def calibration_error(self) -> float:
        """The expected calibration error: the mean gap between how sure and how right, by tenths."""
        total = sum(b.cases for b in self.bins())
        return sum(b.cases * abs(b.confidence - b.right) for b in self.bins()) / total

    def confusions(self) -> list[tuple[tuple[str, str], int]]:
        """What was taken for what, the most frequent first."""
        return Counter(
            (c.truth.value, d.ranked[0][0].value if d.ranked else "online")
            for c, d in self.told
            if not d.ranked or d.ranked[0][0] is not c.truth
        ).most_common()


def measure(made: Iterable[MadeCase], table: Likelihoods | None = None) -> Measured:
    """Diagnose cases."""
    found = [(case, diagnose(case.case, table=table)) for case in made]
    return Measured(
        told=[(c, d) for c, d in found if c.truth is not Why.UNKNOWN],
        untold=[(c, d) for c, d in found if c.truth is Why.UNKNOWN],
    )


def fitted_temperature(made: Iterable[MadeCase]) -> float:
    """Return the temperature with which the true causes of cases are most probable, to a hundredth."""
    signs = [(c.truth, d.signs) for c, d in measure(made).told if d.signs]

    def loss(temperature: float) -> float:
        table = replace(likelihoods(), temperature=temperature)
        return -sum(math.log(posterior(s, table)[CAUSES.index(why)]) for why, s in signs)

    low, high = 0.3, 5.0
    while high - low > 0.005:
        a, b = low + (high - low) * 0.382, low + (high - low) * 0.618
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return round((low + high) / 2, 2)


def _share(values: Sequence[object]) -> float:
    return sum(map(bool, values)) / len(values) if values else math.nan
