"""A sign: one thing that is seen of a terminal, as diagnosing takes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is seen: ``says`` is a sentence with figures and times."""

    name: str
    value: str
    says: str
