"""Service areas: a tree of named sets of cells with switches, flattened into rules.

In a cell, the most specific areas decide: those none of whose descendants holds the cell.  For each of them
the nearest of itself and its ancestors with an explicit switch counts.  If that is off, the cell is off and
the rule names the area that decided; where unrelated areas overlap, off wins.  An area without any explicit
switch up to its root says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from openleo.policy.codes import DisablementCode
from openleo.policy.rule import By, Cells, Rule
from openleo.policy.timeline import Slots, TimedRule, holds_in, timed

ELSEWHERE = "areas/elsewhere"  # the rule for what no area that is switched holds


class Switch(StrEnum):
    """What an area says of its cells."""

    ON = "on"
    OFF = "off"
    INHERIT = "inherit"


class AreaKind(StrEnum):
    """Whose network an area is part of (DESIGN: simulated, advisory, enforced)."""

    SIMULATED = "simulated"
    ADVISORY = "advisory"
    ENFORCED = "enforced"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """A named set of sorted H3 cells (uint64) and what is said of it in the slots [from_slot, until_slot).

    An ``id`` may come again, for another spell of the same area: it keeps its parent, and its cells are those
    of the spells that hold.  Outside all its spells an area has no cells and no switch, and its children
    inherit through it.  ``except_accounts`` are served although the switch is off, wherever it decides.
    ``code`` is what its terminals show; ``rule_id`` is ``area/ID`` unless given.  An ADVISORY area gives no
    rule: its vendor decides.
    """

    id: str
    cells: Cells
    parent: str = ""
    switch: Switch = Switch.INHERIT
    kind: AreaKind = AreaKind.SIMULATED
    from_slot: int | None = None
    until_slot: int | None = None
    except_accounts: tuple[str, ...] = ()
    code: DisablementCode = DisablementCode.CELL_IS_DISABLED
    rule_id: str = ""
    why: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    def holds_in(self, slot: int) -> bool:
        """Whether what this says holds in a slot."""
        return holds_in(slot, self.from_slot, self.until_slot)

    def rule(self, cells: Cells) -> Rule:
        """Return the rule of this switch over cells."""
        return Rule(
            id=self.rule_id or f"area/{self.id}", by=By.AREA, code=self.code, cells=cells, area=self.id,
            except_accounts=self.except_accounts, why=self.why, source=self.source, since=self.since,
            until=self.until,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class _Node:
    """An area in one slot: its cells, its explicit switch, and the spells that say off."""

    parent: str
    cells: Cells
    switch: Switch
    off: list[Area]
    children: list[str] = field(default_factory=list)


def flatten(areas: Iterable[Area], slot: int, *, default_deny: bool = False) -> tuple[Rule, ...]:
    """Return the rules of a tree of areas in a slot.

    With ``default_deny`` one more rule, ``areas/elsewhere``, holds in every cell that no switched area holds:
    nobody is served there without a decision.  Where an area is off, its own rule refuses, and the accounts
    that it excepts are served.

    Raises ValueError for a parent that is not among the areas, or is another in another spell, and for areas
    that are above each other.
    """
    nodes = _nodes([area for area in areas if area.kind is not AreaKind.ADVISORY], slot)
    own = _own_cells(nodes)
    decided: dict[str, list[Cells]] = {}
    for name in nodes:
        decider = _decider(nodes, name)
        if decider and len(own[name]):
            decided.setdefault(decider, []).append(own[name])
    rules = [area.rule(_union(decided[name])) for name in decided for area in nodes[name].off]
    if default_deny:
        rules.append(
            Rule(
                id=ELSEWHERE, by=By.AREA, code=DisablementCode.CELL_IS_DISABLED, outside=True,
                cells=_union([cells for parts in decided.values() for cells in parts]),
                why="no area that is on covers this cell",
            )
        )  # fmt: skip
    return tuple(rules)


def area_rules(areas: Sequence[Area], slots: Slots, *, default_deny: bool = False) -> tuple[TimedRule, ...]:
    """Return the rules of a tree of areas over slots (first, last), each for as long as it stays the same."""
    changes = (slot for area in areas for slot in (area.from_slot, area.until_slot))
    return timed(lambda slot: flatten(areas, slot, default_deny=default_deny), changes, slots)


def _nodes(areas: Sequence[Area], slot: int) -> dict[str, _Node]:
    nodes: dict[str, _Node] = {}
    parts: dict[str, list[Cells]] = {}
    for area in areas:
        node = nodes.setdefault(area.id, _Node(area.parent, _union([]), Switch.INHERIT, []))
        if node.parent != area.parent:
            raise ValueError(f"area {area.id} is under {node.parent!r} and under {area.parent!r}")
        if not area.holds_in(slot):
            continue
        parts.setdefault(area.id, []).append(area.cells)
        if area.switch is Switch.OFF:
            node.off.append(area)
            node.switch = Switch.OFF
        elif area.switch is Switch.ON and node.switch is Switch.INHERIT:
            node.switch = Switch.ON
    for name, node in nodes.items():
        node.cells = _union(parts.get(name, []))
        if node.parent and node.parent not in nodes:
            raise ValueError(f"area {name} is under {node.parent!r}, which is not there")
        if node.parent:
            nodes[node.parent].children.append(name)
    return nodes


def _own_cells(nodes: dict[str, _Node]) -> dict[str, Cells]:
    """Return the cells of each area that none of its descendants holds."""
    own: dict[str, Cells] = {}
    whole: dict[str, Cells] = {}
    waiting = [name for name, node in nodes.items() if not node.children]
    left = {name: len(node.children) for name, node in nodes.items()}
    while waiting:
        name = waiting.pop()
        node = nodes[name]
        below = _union([whole.pop(child) for child in node.children])
        own[name] = np.setdiff1d(node.cells, below, assume_unique=True) if len(below) else node.cells
        whole[name] = _union([node.cells, below])
        if node.parent:
            left[node.parent] -= 1
            if left[node.parent] == 0:
                waiting.append(node.parent)
    if len(own) < len(nodes):
        raise ValueError(f"areas are above each other: {', '.join(sorted(set(nodes) - set(own)))}")
    return own


def _decider(nodes: dict[str, _Node], name: str) -> str:
    """Return the nearest of an area and its ancestors with an explicit switch, '' for none."""
    while name and nodes[name].switch is Switch.INHERIT:
        name = nodes[name].parent
    return name


def _union(parts: Sequence[Cells]) -> Cells:
    """Return the sorted cells of several sets together; a single one as it is."""
    some = [part for part in parts if len(part)]
    if len(some) == 1 or (some and all(part is some[0] for part in some)):
        return some[0]
    return np.unique(np.concatenate(some)) if some else np.zeros(0, np.uint64)
