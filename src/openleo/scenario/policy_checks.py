"""What must fit together in a scenario's plans, lists, and tree of areas."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING

from openleo.base.errors import did_you_mean
from openleo.scenario.blocks import ListBlock, PlanBlock, SwitchBlock
from openleo.scenario.fields import Spell, utc_text
from openleo.scenario.problems import Path, Problem, problem

if TYPE_CHECKING:
    from openleo.scenario.model import Scenario

_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


def policy_problems(scenario: "Scenario") -> Iterable[Problem]:
    """Yield what does not fit together in plans, lists, parents of areas and switches."""
    yield from _plans(scenario)
    yield from _lists(scenario)
    above: list[str] = []
    for n, area in enumerate(scenario.areas):
        if area.parent:
            yield from _named(("areas", n, "parent"), area.parent, above, "an area above this one")
        above.append(area.name)
    yield from _switches(scenario.switches)


def _plans(scenario: "Scenario") -> Iterable[Problem]:
    plans = [plan.name for plan in scenario.plans]
    for n, group in enumerate(scenario.terminals):
        if group.plan:
            yield from _named(("terminals", n, "plan"), group.plan, plans, "a plan of this scenario")
        if group.address is not None and not group.plan:
            yield problem(
                ("terminals", n, "address"), "means nothing without a plan", "add plan, or leave it out"
            )
    for n, plan in enumerate(scenario.plans):
        yield from _plan(("plans", n), plan)


def _plan(path: Path, plan: PlanBlock) -> Iterable[Problem]:
    if plan.flyover_kmh is not None and not plan.flyover_countries:
        yield problem(
            (*path, "flyover_countries"), "is missing: flyover_kmh needs it", 'add it, such as ["FR", "DE"]'
        )
    if plan.flyover_countries and plan.flyover_kmh is None:
        yield problem((*path, "flyover_kmh"), "is missing: flyover_countries needs it", "add it")
    if (
        plan.flyover_kmh is not None
        and plan.max_speed_kmh is not None
        and plan.flyover_kmh >= plan.max_speed_kmh
    ):
        yield problem(
            (*path, "flyover_kmh"), f"is not below max_speed_kmh {plan.max_speed_kmh:g}",
            "lower it, or leave one of them out: max_speed_kmh holds everywhere", plan.flyover_kmh,
        )  # fmt: skip
    if plan.roaming == ():
        yield problem((*path, "roaming"), "is empty", 'write "home", or name countries')


def _lists(scenario: "Scenario") -> Iterable[Problem]:
    accounts = [account.name for account in scenario.accounts]
    groups = [group.name for group in scenario.terminals if group.name]
    for n, one in enumerate(scenario.lists):
        for m, name in enumerate(one.groups):
            yield from _named(("lists", n, "groups", m), name, groups, "a named group of terminals")
        for m, name in enumerate(one.accounts if accounts else ()):
            yield from _named(("lists", n, "accounts", m), name, accounts, "an account of this scenario")
        if one.effect == "block" and not _members(one):
            yield problem(("lists", n), "blocks nobody", "add terminals, groups or accounts", one.name)


def _members(one: ListBlock) -> Sequence[str]:
    return (*one.terminals, *one.groups, *one.accounts)


def _switches(switches: Sequence[SwitchBlock]) -> Iterable[Problem]:
    for n, switch in enumerate(switches):
        if switch.state == "on":
            for key in ("code", "except_accounts"):
                if getattr(switch, key) != SwitchBlock.model_fields[key].default:
                    yield problem(("switches", n, key), 'means nothing with state = "on"', "leave it out")
    for (n, one), (m, other) in combinations(enumerate(switches), 2):
        if one.area == other.area and one.state != other.state and _overlap(one, other):
            off = one if one.state == "off" else other
            until = f"until = {utc_text(off.until)}" if off.until else "no until"
            yield problem(
                ("switches", m, "state"), f"contradicts switches[{n}], {one.state!r} at the same time",
                f"give them different times (the one that is off has {until})", other.state,
            )  # fmt: skip


def _overlap(one: Spell, other: Spell) -> bool:
    return (one.from_ or _NEVER) < (other.until or _EVER) and (other.from_ or _NEVER) < (one.until or _EVER)


def _named(path: Path, name: str, known: Sequence[str], what: str) -> Iterable[Problem]:
    if name not in known:
        yield problem(path, f"is not {what}", did_you_mean(name, known), name)
