"""Rules over time: which hold in a slot, and when they change.

A scenario's file and the control database both end in `timeline`, so both mean the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from openleo.policy.rule import Rule
from openleo.policy.rules import Rules, make_rules, two_rules

Slots = tuple[int, int]


def holds_in(slot: int, from_slot: int | None, until_slot: int | None) -> bool:
    """Whether [from_slot, until_slot) holds a slot; None is without end on that side."""
    return (from_slot is None or from_slot <= slot) and (until_slot is None or slot < until_slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRule:
    """A rule and the slots [from_slot, until_slot) in which it holds; None is without end on that side."""

    rule: Rule
    from_slot: int | None = None
    until_slot: int | None = None

    def holds_in(self, slot: int) -> bool:
        """Whether the rule holds in a slot."""
        return holds_in(slot, self.from_slot, self.until_slot)


def timeline(
    timed_rules: Iterable[TimedRule],
    slots: Slots,
    *,
    account_names: Sequence[str],
    country_names: Sequence[str],
    plan_names: Sequence[str] = (),
) -> tuple[tuple[int, Rules], ...]:
    """Return (effective slot, rules) for the first slot and each later one in which the rules change.

    ``slots`` are the first and last that matter.  The names are those that subjects' indices refer to.
    Raises BadInput where two rules of one id hold in the same slot.
    """
    timed = list(timed_rules)
    return tuple(
        (
            slot,
            make_rules(
                (t.rule for t in timed if t.holds_in(slot)),
                account_names=account_names,
                country_names=country_names,
                plan_names=plan_names,
            ),
        )
        for slot in change_slots((s for t in timed for s in (t.from_slot, t.until_slot)), slots)
    )


def change_slots(changes: Iterable[int | None], slots: Slots) -> list[int]:
    """Return the first slot and every change after it up to the last, in order."""
    first, last = slots
    return sorted({first, *(s for s in changes if s is not None and first < s <= last)})


def timed(
    rules_at: Callable[[int], Iterable[Rule]], changes: Iterable[int | None], slots: Slots
) -> tuple[TimedRule, ...]:
    """Return the rules that ``rules_at`` gives slot by slot, each for as long as it stays the same.

    For rules that depend on each other, such as those of a tree of areas.  ``changes`` are the slots in which
    they may change.  Raises BadInput where two rules have one id.
    """
    done: list[TimedRule] = []
    open_: dict[str, tuple[int, Rule]] = {}
    for slot in change_slots(changes, slots):
        now: dict[str, Rule] = {}
        for rule in rules_at(slot):
            if now.setdefault(rule.id, rule) is not rule:
                raise two_rules(rule.id)
        for name, (since, rule) in list(open_.items()):
            if name not in now or not same_rule(rule, now[name]):
                done.append(TimedRule(rule=rule, from_slot=since, until_slot=slot))
                del open_[name]
        for name, rule in now.items():
            open_.setdefault(name, (slot, rule))
    done += [TimedRule(rule=rule, from_slot=since) for since, rule in open_.values()]
    return tuple(done)


def same_rule(one: Rule, other: Rule) -> bool:
    """Whether two rules say the same in every field."""
    pairs = ((getattr(one, f.name), getattr(other, f.name)) for f in fields(Rule))
    return all(
        a is b or (np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)) for a, b in pairs
    )
