"""Whose an id is where two addresses answer with it: one dish by two ways, or two dishes with one id."""

from dataclasses import dataclass
from typing import Final, Literal

HELD_S: Final = 300.0  # whoever was silent for longer holds its id no more
_APART_S: Final = 20.0  # two answers of one dish differ by less in their counts of seconds

Verdict = Literal["own", "same", "clone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An answer with an id: by whom, how long up, when (monotonic s), and whether it was known under it."""

    key: str
    boot: int | None
    uptime_s: int
    at_s: float
    expected: bool


class Identities:
    """Who holds which id.  One address holds it; the others' Samples must not be mixed with its."""

    def __init__(self) -> None:
        self._held: dict[str, Claim] = {}

    def claim(self, terminal: str, claim: Claim) -> tuple[Verdict, str]:
        """Return whether the id is the claimant's, and who else has it ("" nobody)."""
        holder = self._held.get(terminal)
        if holder is None or holder.key == claim.key or claim.at_s - holder.at_s > HELD_S:
            self._held[terminal] = claim
            return "own", ""
        if _is_same(holder, claim):
            return "same", holder.key
        if claim.expected and not holder.expected:
            self._held[terminal] = claim
            return "own", holder.key
        return "clone", holder.key

    def release(self, key: str) -> None:
        """Forget what an address held: it does not answer any more."""
        for terminal in [t for t, claim in self._held.items() if claim.key == key]:
            del self._held[terminal]


def _is_same(holder: Claim, claim: Claim) -> bool:
    expected_s = holder.uptime_s + (claim.at_s - holder.at_s)
    return holder.boot == claim.boot and abs(claim.uptime_s - expected_s) < _APART_S
