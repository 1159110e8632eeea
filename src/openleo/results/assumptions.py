"""Which of a scenario's assumptions an explanation rests on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openleo.results.program import command
from openleo.scenario.groups import group_name
from openleo.scenario.model import Scenario

if TYPE_CHECKING:
    from openleo.results.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """What an explanation names.  ``gateways``: those of its way or, where it has none, those in reach.
    ``scheduled``: the network was asked, so its settings matter."""

    group: str | None = None
    rule: str | None = None
    fault: str | None = None
    gateways: tuple[str, ...] = ()
    country: str = ""
    scheduled: bool = True
    contended: bool = False


def assumptions_of(run: "Run", involved: Involved) -> list[dict[str, Any]]:
    """Return the assumptions in force that it rests on, with their sources.

    First those of the facts in the chain (rule, fault, gateways, group), then the settings of the network.
    """
    scenario = run.world.scenario
    known = {a.id: a for a in run.scenario().assumptions if a.enabled}
    ids = [assumption for assumption in _carrying(scenario, involved) if assumption]
    ids += [a.id for a in known.values() if any(_touches(key, involved) for key in a.off)]
    found = []
    for assumption in (known[name] for name in dict.fromkeys(ids) if name in known):
        found.append(
            {
                "id": assumption.id,
                "text": assumption.text,
                "source": assumption.source,
                "confidence": assumption.confidence,
                "switch_off": command("run", run.path, "--without", assumption.id),
            }
        )
    return found


def _carrying(scenario: Scenario, involved: Involved) -> list[str]:
    """Return the assumptions of the items that are named: rule with its area, fault, gateways, group."""
    ids = _of_rule(scenario, involved.rule or "")
    ids += [
        f.assumption
        for n, f in enumerate(scenario.faults, 1)
        if (f.name or f"{f.kind}-{n}") == involved.fault
    ]
    gateways = scenario.gateways
    choices = [*gateways.extra, *(gateways.include if not isinstance(gateways.include, str) else ())]
    named = {g.name: g.assumption for g in choices if not isinstance(g, str)}
    ids += [named[name] for name in involved.gateways if name in named]
    ids += [
        block.assumption
        for n, block in enumerate(scenario.terminals, start=1)
        if group_name(block, n) == involved.group
    ]
    if involved.contended:
        ids += [block.assumption for block in scenario.background]
    return ids


def _of_rule(scenario: Scenario, rule: str) -> list[str]:
    kind, _, name = rule.partition("/")
    ids: list[str] = []
    areas: set[str] = set()
    if kind == "switch":
        for n, switch in enumerate(scenario.switches, start=1):
            if name == (switch.name or f"{switch.area}-{n}"):
                ids, areas = [*ids, switch.assumption], {switch.area}
    elif kind == "account":
        ids += [a.assumption for n, a in enumerate(scenario.accounts, 1) if name == f"{a.name}-{n}"]
    elif kind == "limit":
        ids += [x.assumption for n, x in enumerate(scenario.limits, 1) if name == (x.name or str(n))]
    elif kind == "withdrawal":
        ids += [
            w.assumption for n, w in enumerate(scenario.withdrawals, 1) if name == (w.name or f"{w.by}-{n}")
        ]
    return ids + [area.assumption for area in scenario.areas if area.name in areas]


def _touches(key: str, involved: Involved) -> bool:
    """Whether a setting that an assumption would change bears on what is explained."""
    if key.startswith("pops.home."):
        return key == f"pops.home.{involved.country}" and involved.scheduled
    return key.startswith(("network.", "constellation.")) and involved.scheduled
