"""The decisions of a control database, as a scenario takes them: facts over time, turned into rules.

`openleo run SCENARIO --control DIR` writes them to a file that the scenario names (``decisions.file``), so a
run folder holds all that it was made from.  The live network asks the very same functions.  The file holds
what acts on service alone: no reasons, no names, no positions; each rule names the log's entry that made it.

Where a network denies by default, as every enforced one does, nobody is served without a decision: terminals
that it does not know, and cells that no area which is on covers, are not served.  In others the scenario's
own terminals and accounts stand beside those that were decided about.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.ground.packed_cells import unpack_cells
from openleo.policy import (
    AccessList,
    Area,
    By,
    DisablementCode,
    Plan,
    Rule,
    Switch,
    TimedRule,
    flatten,
    flatten_lists,
    plan_rules,
)
from openleo.policy.rule import Numbers
from openleo.policy.timeline import change_slots, timed

if TYPE_CHECKING:
    from openleo.ground.terminals import Terminals as PlacedTerminals

FORMAT = "openleo-decisions/v1"
NOUNS = ("area", "account", "plan", "line", "list", "terminal")
KMH_M_S = 1.0 / 3.6
_TOLD = 4  # entries that a rule names; the rest it counts
_CODE = DisablementCode
# What a terminal that is not active shows.
_STATES = {
    "stocked": _CODE.NO_ACTIVE_ACCOUNT, "shipped": _CODE.NO_ACTIVE_ACCOUNT,
    "received": _CODE.NO_ACTIVE_ACCOUNT, "suspended": _CODE.NO_ACTIVE_ACCOUNT,
    "held": _CODE.ACCOUNT_DISABLED, "revoked": _CODE.ACCOUNT_DISABLED, "captured": _CODE.ACCOUNT_DISABLED,
}  # fmt: skip
_ACCOUNTS = {"disabled": _CODE.ACCOUNT_DISABLED, "closed": _CODE.NO_ACTIVE_ACCOUNT}
_LINES = {
    "paused": _CODE.NO_ACTIVE_ACCOUNT, "closed": _CODE.NO_ACTIVE_ACCOUNT,
    "overage": _CODE.DATA_OVERAGE_SANDBOX_POLICY,
}  # fmt: skip

Columns = dict[str, Any]
State = dict[str, dict[str, Columns]]


class Change(NamedTuple):
    """One fact: in which entry of the log, about what, from which slot on (None: from the first)."""

    entry: int
    noun: str
    id: str
    slot: int | None
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """All that was decided about service in a network, in the order of its log.

    ``denies``: what no decision is about is not served.
    """

    denies: bool
    origin: str
    changes: tuple[Change, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "format": FORMAT, "denies": self.denies, "origin": self.origin,
            "changes": [list(change) for change in self.changes],
        }  # fmt: skip

    @classmethod
    def of(cls, plain: Mapping[str, Any], origin: str) -> "Decisions":
        """Return what `plain` gave; raises BadInput, which names ``origin``, where it is anything else."""
        try:
            if plain["format"] != FORMAT:
                raise ValueError(f"its format is {plain['format']!r}, not {FORMAT!r}")
            changes = tuple(Change(*row) for row in plain["changes"])
            if not all(c.noun in NOUNS and isinstance(c.changes, dict) for c in changes):
                raise ValueError("a change is about nothing that is known")
            return cls(denies=bool(plain["denies"]), origin=str(plain["origin"]), changes=changes)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{origin} holds no decisions: {error}", "make it with `openleo run SCENARIO --control DIR`"
            ) from error

    @classmethod
    def read(cls, path: Path) -> "Decisions":
        """Read a file of decisions; raises BadInput."""
        try:
            plain = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} cannot be read: {error}", "name a file of decisions") from error
        return cls.of(plain if isinstance(plain, dict) else {}, str(path))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terminals:
    """The U terminals that rules are about, by number: their ids, and the accounts that a scenario gives."""

    ids: Sequence[str]
    accounts: Sequence[str]

    @classmethod
    def of(cls, terminals: "PlacedTerminals") -> "Terminals":
        """Return a scenario's terminals as rules number them."""
        return cls(
            ids=terminals.ids, accounts=[terminals.account_names[a] for a in terminals.account.tolist()]
        )

    def numbers(self) -> dict[str, int]:
        """Return the number of each id."""
        return {name: n for n, name in enumerate(self.ids)}


def decided_rules(decisions: Decisions, who: Terminals, slots: tuple[int, int]) -> tuple[TimedRule, ...]:
    """Return the rules that decisions mean over slots (first, last), each while it stays the same."""
    numbers, states = who.numbers(), _states_in(decisions, slots)
    return timed(
        lambda slot: rules_in(next(states), slot, decisions, who, numbers), _changes(decisions), slots
    )


def _states_in(decisions: Decisions, slots: tuple[int, int]) -> Iterator[State]:
    """Yield what is decided by the first slot and by each later one in which something changes.

    It is the same object every time, right until the next is asked for.
    """
    ordered = sorted(decisions.changes, key=lambda c: c.slot or 0)
    state: State = {noun: {} for noun in NOUNS}
    at = 0
    for slot in change_slots(_changes(decisions), slots):
        while at < len(ordered) and (ordered[at].slot or 0) <= slot:
            change = ordered[at]
            row = state[change.noun].setdefault(change.id, {})
            row.update(change.changes, entry=change.entry)
            if "state" in change.changes:
                row["state_entry"] = change.entry
            at += 1
        yield state


def _changes(decisions: Decisions) -> Iterator[int | None]:
    for change in decisions.changes:
        yield change.slot
        yield change.changes.get("valid_from_slot")
        yield change.changes.get("valid_until_slot")


def addresses(decisions: Decisions) -> Iterator[tuple[str, Columns]]:
    """Yield each terminal that has a service line, with the line's columns as they were decided last."""
    state: State = {noun: {} for noun in NOUNS}
    for change in decisions.changes:
        state[change.noun].setdefault(change.id, {}).update(change.changes)
    for name, row in state["terminal"].items():
        line = state["line"].get(str(row.get("line_id") or ""))
        if line is not None:
            yield name, line


def rules_in(
    state: State, slot: int, decisions: Decisions, who: Terminals, numbers: Mapping[str, int]
) -> list[Rule]:
    """Return the rules that a state of what was decided means in a slot."""
    view = _View(state, slot, decisions, who, numbers)
    return [*view.terminals(), *view.accounts(), *view.lines(), *view.lists(), *view.areas(), *view.plans()]


class _View:
    """One slot's state, with the terminals sorted by what rules ask for."""

    def __init__(
        self, state: State, slot: int, decisions: Decisions, who: Terminals, numbers: Mapping[str, int]
    ) -> None:
        self._state, self._slot, self._origin = state, slot, decisions.origin
        self._denies = decisions.denies
        self._numbers = numbers
        known = {n: state["terminal"][name] for name, n in numbers.items() if name in state["terminal"]}
        self._known = known
        self._account = {
            n: str(known[n].get("account_id") or "") if n in known else account
            for n, account in enumerate(who.accounts)
        }
        self._lines: dict[str, list[int]] = {}  # the terminals on each service line
        for n, row in known.items():
            self._lines.setdefault(str(row.get("line_id") or ""), []).append(n)
        self._critical = {n for n, row in known.items() if row.get("life_critical")}
        self._unknown = [n for n in range(len(who.ids)) if n not in known] if self._denies else []

    def terminals(self) -> Iterator[Rule]:
        """Terminals that are not active, and those that nobody knows."""
        by_state: dict[str, list[int]] = {}
        for n, row in self._known.items():
            by_state.setdefault(str(row.get("state")), []).append(n)
        for name, code in _STATES.items():
            those = by_state.get(name, ())
            yield from self._block(
                f"terminal/{name}", code, those, f"the terminal is {name}",
                *(self._known[n]["state_entry"] for n in those),
            )  # fmt: skip
        without = [n for n in by_state.get("active", ()) if not self._account[n]]
        yield from self._block(
            "terminal/no-account", _CODE.NO_ACTIVE_ACCOUNT, without, "the terminal belongs to no account"
        )
        yield from self._block(
            "terminal/unknown", _CODE.NO_ACTIVE_ACCOUNT, self._unknown,
            "the terminal is not in the inventory of a network that it asks to serve it",
        )  # fmt: skip

    def accounts(self) -> Iterator[Rule]:
        """Accounts that are disabled or closed; a life-critical terminal is spared unless two named it."""
        for name, row in self._state["account"].items():
            code = _ACCOUNTS.get(str(row.get("status")))
            if code is not None:
                cut = self._of(row.get("cut_terminals"))
                of_it = [n for n, a in self._account.items() if a == name and self._may_cut(n, cut)]
                yield from self._block(
                    f"account/{name}", code, of_it, f"account {name} is {row['status']}", row["entry"]
                )

    def lines(self) -> Iterator[Rule]:
        """Service lines that are paused, closed, or out of data."""
        for name, row in self._state["line"].items():
            code = _LINES.get(str(row.get("status")))
            if code is not None:
                why = f"service line {name} is {row['status']}"
                yield from self._block(f"line/{name}", code, self._on_line(name), why, row["entry"])

    def lists(self) -> Iterator[Rule]:
        """Allow-lists of countries, and block-lists."""
        found = []
        for name, row in self._state["list"].items():
            if not row.get("active", True):
                continue
            on_it = self._of(row.get("terminals")) | self._in_accounts(row.get("accounts") or ())
            found.append(
                AccessList(
                    id=name, effect="allow" if row["kind"] == "allow" else "block", terminals=_sorted(on_it),
                    countries=(row["country"],) if row.get("country") else None,
                    source=self._source(row["entry"]),
                )
            )  # fmt: skip
        yield from flatten_lists(found, self._slot)

    def areas(self) -> Iterator[Rule]:
        """Areas that are off; in an enforced network also every cell that no switched area holds."""
        active = {name: row for name, row in self._state["area"].items() if row.get("active", True)}
        areas = [
            Area(
                id=name, cells=cells_of(row), parent=str(row.get("parent_id") or ""),
                switch=Switch(row.get("switch", "inherit")), from_slot=row.get("valid_from_slot"),
                until_slot=row.get("valid_until_slot"), source=self._source(row["entry"]),
            )
            for name, row in active.items()
        ]  # fmt: skip
        for rule in flatten(areas, self._slot, default_deny=self._denies):
            row = active.get(rule.area, {}) if rule.id.startswith("area/") else {}
            cut = self._of(row.get("cut_terminals"))
            spared = self._in_accounts(row.get("except_accounts") or ())
            if row:
                spared |= {n for n in self._critical if n not in cut}
            yield replace(rule, terminals=_sorted(spared), unlisted=True) if spared else rule

    def plans(self) -> Iterator[Rule]:
        """What plans forbid, to the terminals whose lines have them."""
        for name, row in self._state["plan"].items():
            lines = (line for line, of in self._state["line"].items() if of.get("plan_id") == name)
            on_it = _sorted(n for line in lines for n in self._on_line(line))
            if len(on_it):
                for rule in plan_rules(_plan(name, row, self._source(row["entry"]))):
                    yield replace(rule, plans=None, terminals=on_it)

    def _block(
        self, name: str, code: DisablementCode, numbers: Iterable[int], why: str, *entries: int
    ) -> Iterator[Rule]:
        found = _sorted(numbers)
        if len(found):
            source = self._source(*entries) if entries else ""
            yield Rule(id=name, by=By.BLOCK, code=code, terminals=found, why=why, source=source)

    def _of(self, names: Iterable[str] | None) -> set[int]:
        return {self._numbers[name] for name in names or () if name in self._numbers}

    def _in_accounts(self, names: Sequence[str]) -> set[int]:
        return {n for n, account in self._account.items() if account in names} if names else set()

    def _on_line(self, line: str) -> list[int]:
        return self._lines.get(line, [])

    def _may_cut(self, number: int, cut: set[int]) -> bool:
        return number not in self._critical or number in cut

    def _source(self, *entries: int) -> str:
        told = sorted(set(entries))
        if len(told) == 1:
            return f"entry {told[0]} of the log {self._origin}"
        more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        return f"entries {', '.join(map(str, told[:_TOLD]))}{more} of the log {self._origin}"


def cells_of(row: Mapping[str, Any]) -> NDArray[np.uint64]:
    """Return the sorted cells of an area's columns."""
    return unpack_cells(str(row["cells"]))


def _plan(name: str, row: Mapping[str, Any], source: str) -> Plan:
    def scaled(key: str, factor: float) -> float | None:
        return None if row.get(key) is None else float(row[key]) * factor

    roaming = row.get("roaming")
    return Plan(
        name=name, max_speed_m_s=scaled("max_speed_kmh", KMH_M_S), ocean=bool(row.get("ocean", True)),
        roaming=None if roaming is None else tuple(roaming), flyover_m_s=scaled("flyover_kmh", KMH_M_S),
        flyover_countries=tuple(row.get("flyover_countries") or ()),
        max_distance_m=scaled("max_distance_km", 1e3), source=source,
    )  # fmt: skip


def _sorted(numbers: Iterable[int]) -> Numbers:
    return np.unique(np.fromiter(numbers, np.uint32))
