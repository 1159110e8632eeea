"""The terminals' side of a slot: where each is, whether it may be served, whether it asks.

All of it depends on the scenario alone, not on the network, so it is kept up to date from slot to slot only
where something changes.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.engine.network import Network
from openleo.engine.own import OwnState
from openleo.policy import DisablementCode, Rules
from openleo.snapshot.causes import DISABLED


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How the U terminals stand in one slot; nothing in it changes afterwards.

    ``cell`` int32 (U,) rows of the network's cells.  ``cause`` uint8 (U,): 0 for a terminal that asks, else
    policy's or its own cause, with ``rule`` int16 and ``fault`` int16, -1 for none; ``dark`` int32 (D,) rows
    of those that do not ask.  ``asking_own`` int32 (C,) terminals per cell that ask, ``asking`` the same
    with the background.  ``moved`` are the slot's entries in the network's moves.
    """

    cell: NDArray[np.int32]
    cause: NDArray[np.uint8]
    rule: NDArray[np.int16]
    fault: NDArray[np.int16]
    dark: NDArray[np.int32]
    asking_own: NDArray[np.int32]
    asking: NDArray[np.int32]
    moved: slice


class Terminals:
    """Keeps the terminals' standing from slot to slot: made at a slot, then `advance` to each in turn."""

    def __init__(self, net: Network, slot: int) -> None:
        world = net.world
        count = len(world.terminals)
        self._net = net
        self._slot = slot - 1
        self._country_of_cell = world.country_of(net.cells).astype(np.int16)
        self._cell = net.terminal_cell
        self._country = world.terminal_country.copy()
        self._speed_m_s = np.zeros(count, np.float32)
        self._where_deg = np.stack([world.terminals.latitude_deg, world.terminals.longitude_deg])
        self._move(net.moves.before(slot))
        self._policy = np.zeros(count, np.uint8)
        self._policy_rule = np.full(count, -1, np.int16)
        self._numbers = _numbered_rules(world.rules_timeline)
        self._rules: Rules | None = None
        self._apply_rules(slot)
        self._own = OwnState(world, slot)
        self.standing = self._combined(slice(0, 0))

    def advance(self, slot: int) -> Standing:
        """Return the standing at the start of ``slot``, the one after the last."""
        assert slot == self._slot + 1, "slots are taken in order"
        self._slot = slot
        moved = self._net.moves.at(slot)
        movers = np.unique(self._net.moves.terminal[moved])
        self._move(moved)
        anew = self._apply_rules(slot)
        if len(movers) and not anew:
            self._decide(movers)
        anew |= self._own.advance(slot)
        self.standing = self._combined(moved) if anew else self._after(moved, movers)
        return self.standing

    def _after(self, moved: slice, movers: NDArray[np.int32]) -> Standing:
        """Return the standing after no more than moves: most change no terminal's cause."""
        before = self.standing
        if len(movers) == 0:
            return replace(before, moved=moved)
        by_policy = self._policy[movers] > 0
        cause = np.where(by_policy, self._policy[movers], self._own.cause[movers])
        rule = np.where(by_policy, self._policy_rule[movers], np.int16(-1))
        if (cause != before.cause[movers]).any() or (rule != before.rule[movers]).any():
            return self._combined(moved)
        asks = movers[cause == 0]
        own = before.asking_own.copy()
        np.subtract.at(own, before.cell[asks], 1)
        np.add.at(own, self._cell[asks], 1)
        return replace(
            before, cell=self._cell, asking_own=own, asking=own + self._net.background, moved=moved
        )

    def _move(self, entries: slice) -> None:
        moves = self._net.moves
        who = moves.terminal[entries]
        if len(who) == 0:
            return
        self._cell = self._cell.copy()  # earlier standings keep theirs
        self._cell[who] = moves.row[entries]  # of several entries of one terminal the last holds
        self._speed_m_s[who] = moves.where[2, entries]
        self._where_deg[:, who] = moves.where[:2, entries]
        self._country[who] = self._country_of_cell[self._cell[who]]

    def _apply_rules(self, slot: int) -> bool:
        rules = self._net.world.rules_at(slot)
        if rules is self._rules:
            return False
        self._rules = rules
        self._decide(np.arange(len(self._cell), dtype=np.int32))
        return True

    def _decide(self, who: NDArray[np.int32]) -> None:
        assert self._rules is not None
        far = "distance_m" in self._rules.needs
        code, rule = self._rules.decide(
            self._net.world.subjects(
                who,
                cells=self._net.cells[self._cell[who]],
                country=self._country[who],
                speed_m_s=self._speed_m_s[who],
                place_deg=(self._where_deg[0, who], self._where_deg[1, who]) if far else None,
            )
        )
        number = self._numbers[id(self._rules)]
        self._policy[who] = np.where(code == DisablementCode.OKAY, 0, code + DISABLED)
        self._policy_rule[who] = number[rule]

    def _combined(self, moved: slice) -> Standing:
        """Policy first, then the terminal's own state."""
        by_policy = self._policy > 0
        none = np.int16(-1)
        cause = np.where(by_policy, self._policy, self._own.cause)
        own = np.bincount(self._cell[cause == 0], minlength=self._net.cell_count).astype(np.int32)
        return Standing(
            cell=self._cell,
            cause=cause,
            rule=np.where(by_policy, self._policy_rule, none),
            fault=np.where(by_policy, none, self._own.fault),
            dark=np.flatnonzero(cause > 0).astype(np.int32),
            asking_own=own,
            asking=own + self._net.background,
            moved=moved,
        )


def _numbered_rules(timeline: tuple[tuple[int, Rules], ...]) -> dict[int, NDArray[np.int16]]:
    """Number every rule of every period once, in order of first appearance; index by a Rules' own number."""
    numbers: dict[str, int] = {}
    out = {}
    for _, rules in timeline:
        ids = rules.rule_ids
        out[id(rules)] = np.array([-1] + [numbers.setdefault(i, len(numbers)) for i in ids[1:]], np.int16)
    return out


def rule_texts(timeline: tuple[tuple[int, Rules], ...]) -> list[tuple[str, str, str]]:
    """Return (id, code, description) of every rule in the order in which results number them."""
    seen: dict[str, tuple[str, str, str]] = {}
    for _, rules in timeline:
        for rule in rules.rules:
            seen.setdefault(rule.id, (rule.id, rule.code.name, rule.describe()))
    return list(seen.values())
