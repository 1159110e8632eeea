"""Rules as arrays: which of them can hold for a subject, and what is left to ask of each.

A rule is listed under one thing that it names: the cells it holds in, else its accounts, else its terminals,
else the pairs of plan and country where it can hold.  A subject then meets four short lists, in each of which
the first rule whose remaining conditions hold is the one that counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.policy.rule import SEA, By, Rule
from openleo.policy.stacks import Ints, Stacks, hash_table, stacks_of

# What is left to ask of a rule, as bits of its flags: what a mask of its own answers, then the rest.
MASKED = ("account", "country", "plan", "kind", "cell", "terminal")  # bit n, and column n of `Tables.row`
ACCOUNT, COUNTRY, PLAN, KIND, CELL, TERMINAL = (1 << n for n in range(6))
KNOWN, UNKNOWN, SPEED, DISTANCE, AWAY, LINE, DATA, VERSION = (1 << n for n in range(6, 14))

Bools = NDArray[np.bool_]


class Tables(NamedTuple):
    """R rules (0 is none) as the kernel wants them.

    ``cells`` uint64 (M, 2): hash table from a cell to its stack, the set of rules that name it (0: none).
    ``terminals`` (N,) is the stack of each terminal number.  ``account_class`` (A,): accounts that rules
    treat alike.  List n holds ``items[starts[n]:starts[n + 1]]``, rules in ascending order; ``first`` (4,) is
    where lists begin: by stack of cells, account class, stack of terminals, and plan times countries +
    country (the sea last).  ``flags`` (R,) say what to ask of a rule, and ``row`` (R, 6) in
    which row of a mask: true where the rule holds.
    """

    cells: NDArray[np.uint64]
    terminals: Ints
    account_class: Ints
    first: Ints
    starts: Ints
    items: Ints
    flags: NDArray[np.uint16]
    row: Ints
    account_mask: Bools
    country_mask: Bools
    plan_mask: Bools
    kind_mask: Bools
    cell_mask: Bools
    terminal_mask: Bools
    over_m_s: NDArray[np.float32]
    beyond_m: NDArray[np.float32]
    below_version: NDArray[np.uint32]
    line: NDArray[np.uint8]


class Columns(NamedTuple):
    """Subjects (U,) as the kernel wants them; a column that no rule asks for is empty."""

    cell: NDArray[np.uint64]
    country: NDArray[np.int16]
    account: NDArray[np.uint16]
    speed_m_s: NDArray[np.float32]
    kind: NDArray[np.uint8]
    plan: NDArray[np.uint16]
    home: NDArray[np.int16]
    distance_m: NDArray[np.float32]
    terminal: NDArray[np.uint32]
    line: NDArray[np.uint8]
    version: NDArray[np.uint32]
    over_data: Bools


COLUMN_TYPES: dict[str, type[Any]] = {
    "cell": np.uint64, "country": np.int16, "account": np.uint16, "speed_m_s": np.float32, "kind": np.uint8,
    "plan": np.uint16, "home": np.int16, "distance_m": np.float32, "terminal": np.uint32, "line": np.uint8,
    "version": np.uint32, "over_data": np.bool_,
}  # fmt: skip


def columns_needed(rules: Iterable[Rule]) -> dict[str, str]:
    """Return the optional columns that rules ask for, each with the id of the first that does."""
    needed: dict[str, str] = {}
    for rule in rules:
        asked = {
            "kind": rule.kinds is not None, "plan": rule.plans is not None, "home": rule.away,
            "distance_m": rule.beyond_m is not None, "terminal": rule.terminals is not None,
            "line": rule.line is not None, "version": rule.below_version is not None,
            "over_data": rule.over_data,
        }  # fmt: skip
        for column in (name for name, is_asked in asked.items() if is_asked):
            needed.setdefault(column, rule.id)
    return needed


def build_tables(
    rules: Sequence[Rule], *, accounts: Sequence[str], countries: Sequence[str], plans: Sequence[str]
) -> Tables:
    """Build the tables of rules (rule index n is ``rules[n - 1]``), which are in order of precedence."""
    names = _Names(rules, accounts, countries, plans)
    numbered = list(enumerate(rules, start=1))
    cells = stacks_of([(n, rule.cells) for n, rule in numbered if rule.cells is not None])
    terminals = stacks_of([(n, rule.terminals) for n, rule in numbered if rule.terminals is not None])
    under = [0, *(_listed_under(rule) for rule in rules)]
    lists = [
        cells.only(np.array(under) == CELL),
        names.account_lists([(n, rule) for n, rule in numbered if under[n] == ACCOUNT]),
        terminals.only(np.array(under) == TERMINAL),
        names.place_lists([(n, rule) for n, rule in numbered if under[n] == PLACE]),
    ]
    flags, row = np.zeros(len(under), np.uint16), np.zeros((len(under), len(MASKED)), np.int32)
    masks = [_Mask(width) for width in (*names.widths, 256, len(cells), len(terminals))]
    for n, rule in numbered:
        flags[n] = _plain_flags(rule)
        for bit, (key, mask) in _asked(n, rule, names, cells, terminals).items():
            if not bit & _ANSWERED[under[n]]:
                flags[n] |= bit
                which = bit.bit_length() - 1
                row[n, which] = masks[which].add(key, mask)
    return Tables(
        cells=hash_table(cells.keys, cells.stack),
        terminals=_by_number(terminals),
        account_class=names.account_class,
        first=np.cumsum([0, *(len(length) for length, _ in lists[:-1])]).astype(np.int32),
        starts=np.concatenate([[0], *(length for length, _ in lists)]).cumsum().astype(np.int32),
        items=np.concatenate([items for _, items in lists]).astype(np.int32),
        flags=flags,
        row=row,
        **{f"{name}_mask": mask.array() for name, mask in zip(MASKED, masks, strict=True)},
        over_m_s=_values(rules, "over_m_s", np.float32),
        beyond_m=_values(rules, "beyond_m", np.float32),
        below_version=_values(rules, "below_version", np.uint32),
        line=_values(rules, "line", np.uint8),
    )


PLACE = COUNTRY | PLAN
_ANSWERED = {CELL: CELL, ACCOUNT: ACCOUNT, TERMINAL: TERMINAL, PLACE: PLACE}  # by being in such a list


def _listed_under(rule: Rule) -> int:
    if rule.cells is not None and not rule.outside:
        return CELL
    if rule.accounts is not None:
        return ACCOUNT
    return TERMINAL if rule.terminals is not None and not rule.unlisted else PLACE


def _plain_flags(rule: Rule) -> int:
    """Return the flags of conditions that no mask answers."""
    asked = {
        KNOWN: rule.asks_where, UNKNOWN: rule.by is By.LOCATION, SPEED: rule.over_m_s is not None,
        DISTANCE: rule.beyond_m is not None, AWAY: rule.away, LINE: rule.line is not None,
        DATA: rule.over_data, VERSION: rule.below_version is not None,
    }  # fmt: skip
    return sum(flag for flag, is_asked in asked.items() if is_asked)


def _asked(
    n: int, rule: Rule, names: "_Names", cells: Stacks, terminals: Stacks
) -> dict[int, tuple[object, Bools]]:
    """Return what a mask must answer about rule n: flag -> (key of equal masks, mask)."""
    out: dict[int, tuple[object, Bools]] = {}
    if rule.accounts is not None or rule.except_accounts:
        out[ACCOUNT] = (rule.accounts, rule.except_accounts), names.account_row(rule)
    if rule.countries is not None:
        out[COUNTRY] = (rule.countries, rule.elsewhere), names.country_row(rule)
    if rule.plans is not None:
        out[PLAN] = rule.plans, names.plan_row(rule)
    if rule.kinds is not None:
        out[KIND] = rule.kinds, np.isin(np.arange(256), rule.kinds)
    if rule.cells is not None:
        out[CELL] = n, cells.holding(n) != rule.outside
    if rule.terminals is not None:
        out[TERMINAL] = n, terminals.holding(n) != rule.unlisted
    return out


def _values(rules: Sequence[Rule], name: str, kind: type[Any]) -> NDArray[Any]:
    return np.array([0, *(getattr(rule, name) or 0 for rule in rules)], kind)


def _by_number(terminals: Stacks) -> Ints:
    """Return the stack of each terminal number up to the last that a rule names."""
    out = np.zeros(int(terminals.keys[-1]) + 1 if len(terminals.keys) else 0, np.int32)
    out[terminals.keys] = terminals.stack
    return out


class _Mask:
    """Rows of booleans; rows of one key are kept once."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: list[Bools] = []
        self._number: dict[object, int] = {}

    def add(self, key: object, row: Bools) -> int:
        """Return the number of the row with this key."""
        if key not in self._number:
            self._number[key] = len(self._rows)
            self._rows.append(row)
        return self._number[key]

    def array(self) -> Bools:
        """Return the rows as one array."""
        return np.array(self._rows, np.bool_).reshape(-1, self._width)


class _Names:
    """Accounts, countries and plans by number.

    Accounts that no rule names are of class 0; each other account is a class of its own.
    """

    def __init__(
        self, rules: Sequence[Rule], accounts: Sequence[str], countries: Sequence[str], plans: Sequence[str]
    ) -> None:
        named = {name for rule in rules for name in (*(rule.accounts or ()), *rule.except_accounts)}
        known = [name for name in dict.fromkeys(accounts) if name in named]
        self._class = {name: n for n, name in enumerate(known, start=1)}
        self.account_class = np.array([self._class.get(name, 0) for name in accounts], np.int32)
        self._country = {name: n for n, name in enumerate((*countries, SEA))}
        self._plan = {name: n for n, name in enumerate(plans)}
        self.widths = (len(known) + 1, len(countries) + 1, max(len(plans), 1))

    def account_row(self, rule: Rule) -> Bools:
        """Return which classes of accounts (Q,) a rule holds for."""
        row = self._named(self._class, self.widths[0], rule.accounts)
        return row & ~self._named(self._class, self.widths[0], rule.except_accounts)

    def country_row(self, rule: Rule) -> Bools:
        """Return in which countries (countries + 1,; the sea last) a rule holds."""
        if rule.countries is None:
            return np.ones(self.widths[1], np.bool_)
        row = self._named(self._country, self.widths[1], rule.countries)
        return ~row if rule.elsewhere else row

    def plan_row(self, rule: Rule) -> Bools:
        """Return for which plans (P,) a rule holds."""
        return self._named(self._plan, self.widths[2], rule.plans)

    @staticmethod
    def _named(numbers: Mapping[str, int], width: int, names: Iterable[str] | None) -> Bools:
        if names is None:
            return np.ones(width, np.bool_)
        row = np.zeros(width, np.bool_)
        row[[numbers[name] for name in names if name in numbers]] = True
        return row

    def account_lists(self, rules: Sequence[tuple[int, Rule]]) -> tuple[Ints, Ints]:
        """Return how many rules name each class of accounts (Q,), and all of these in order."""
        lists: list[list[int]] = [[] for _ in range(self.widths[0])]
        for n, rule in rules:
            for name in dict.fromkeys(rule.accounts or ()):
                if name in self._class and name not in rule.except_accounts:
                    lists[self._class[name]].append(n)
        flat = [n for rules_of in lists for n in rules_of]
        return np.array([len(rules_of) for rules_of in lists], np.int32), np.array(flat, np.int32)

    def place_lists(self, rules: Sequence[tuple[int, Rule]]) -> tuple[Ints, Ints]:
        """Return how many rules can hold for each plan and country, and all of these in order."""
        number = np.array([n for n, _ in rules], np.int32)
        country = np.array([self.country_row(rule) for _, rule in rules], np.bool_)
        country = country.reshape(len(rules), self.widths[1])
        plan = np.array([self.plan_row(rule) for _, rule in rules], np.bool_)
        lengths, items = [], []
        for mine in plan.reshape(len(rules), self.widths[2]).T:
            holds = country[mine].T
            lengths.append(holds.sum(axis=1, dtype=np.int32))
            items.append(number[mine][np.nonzero(holds)[1]])
        return np.concatenate(lengths), np.concatenate(items)
