"""Who may be served, where and how: immutable rules and the decision they give.

A decision is the first rule that matches, in this order of precedence; ties go to the rule's id:

1. the provider's withdrawals, which no decision of ours can undo: account, country, area, speed;
2. accounts: NO_ACTIVE_ACCOUNT, then ACCOUNT_DISABLED;
3. an unknown position: without one, no rule about places can be applied;
4. countries: BLOCKED_COUNTRY, then IN_OCEAN;
5. areas: BLOCKED_AREA, then CELL_IS_DISABLED, then other codes;
6. speed limits.

Rules are kept in that order, so a decision is the lowest index among those that match.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput, did_you_mean
from openleo.policy.codes import EXPLANATIONS, DisablementCode

NO_RULE = 0  # rule index of a subject that no rule matched
MAX_RULES = 65_534  # a rule's index is a uint16
SEA = "sea"  # stands for "no country" in a rule's countries


class By(StrEnum):
    """What a rule looks at."""

    ACCOUNT = "account"
    LOCATION = "location"
    COUNTRY = "country"
    AREA = "area"
    SPEED = "speed"


_OWN_ORDER = {By.ACCOUNT: 1, By.LOCATION: 2, By.COUNTRY: 3, By.AREA: 4, By.SPEED: 5}
_WITHDRAWN_ORDER = {By.ACCOUNT: 0, By.COUNTRY: 1, By.AREA: 2, By.SPEED: 3}
_CODE_ORDER = (
    DisablementCode.NO_ACTIVE_ACCOUNT,
    DisablementCode.ACCOUNT_DISABLED,
    DisablementCode.BLOCKED_COUNTRY,
    DisablementCode.IN_OCEAN,
    DisablementCode.BLOCKED_AREA,
    DisablementCode.CELL_IS_DISABLED,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One reason not to serve.  Every condition that is given must hold; one that is None is not asked.

    ``cells``: sorted H3 cells (uint64).  ``countries``: ISO alpha-2 names, or ``sea``; with ``elsewhere``
    the rule holds everywhere but there.  ``accounts``: names; those in ``except_accounts`` are spared.
    ``over_m_s``: holds above this speed.  ``kinds``: codes of terminal kinds.  The rest is for people.
    """

    id: str
    by: By
    code: DisablementCode
    withdrawn: bool = False  # by the provider, not by a decision of the service's own
    cells: NDArray[np.uint64] | None = None
    countries: tuple[str, ...] | None = None
    elsewhere: bool = False
    accounts: tuple[str, ...] | None = None
    except_accounts: tuple[str, ...] = ()
    over_m_s: float | None = None
    kinds: tuple[int, ...] | None = None
    area: str = ""
    why: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    @property
    def precedence(self) -> tuple[int, int, int, str]:
        """Sort key of the order of precedence (module docstring)."""
        level = 0 if self.withdrawn else _OWN_ORDER[self.by]
        within = _WITHDRAWN_ORDER.get(self.by, 9) if self.withdrawn else 0
        code = _CODE_ORDER.index(self.code) if self.code in _CODE_ORDER else len(_CODE_ORDER) + self.code
        return level, within, code, self.id

    def describe(self) -> str:
        """Say in one or two sentences what the rule does, since when, and why."""
        text = f"{self.id}: {self.code.name}: a terminal that {self._condition()} {EXPLANATIONS[self.code]}"
        if self.except_accounts:
            text += f", except accounts {', '.join(self.except_accounts)}"
        if self.since or self.until:
            text += f" (from {self.since or 'before the start'} until {self.until or 'further notice'})"
        for label, value in (("why", self.why), ("source", self.source)):
            text += f"; {label}: {value}" if value else ""
        return text + ("; withdrawn by the provider" if self.withdrawn else "")

    def _condition(self) -> str:
        parts = []
        if self.cells is not None:
            parts.append(f"is in area {self.area or 'unnamed'} ({len(self.cells)} cells)")
        if self.countries is not None:
            parts.append(
                f"is {'not ' if self.elsewhere else ''}in {', '.join(self.countries) or 'any country'}"
            )
        if self.accounts is not None:
            parts.append(f"belongs to {', '.join(self.accounts)}")
        if self.over_m_s is not None:
            parts.append(f"moves faster than {self.over_m_s * 3.6:g} km/h")
        if self.by is By.LOCATION:
            parts.append("has no known position")
        return " and ".join(parts) or "exists"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subjects:
    """Terminals as rules see them, U long.

    ``cell`` uint64 (0: position unknown); ``country`` int16 index into the rules' country names (-1: sea);
    ``account`` uint16 index into the rules' account names; ``speed_m_s`` float32 over the ground;
    ``kind`` uint8 code of the terminal's kind, needed only where a rule asks for kinds.
    """

    cell: NDArray[np.uint64]
    country: NDArray[np.int16]
    account: NDArray[np.uint16]
    speed_m_s: NDArray[np.float32]
    kind: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Rules in order of precedence, with the look-up tables that make a decision a few gathers.

    Make one with `make_rules`.  Rule 0 is "no rule".  A table holds the lowest matching rule, or R.
    ``cells`` (N,) sorted uint64 and ``stack`` (N,) int32: the set of area rules that cover a cell;
    ``by_stack`` (K, A), ``by_country`` (countries + 1, A; the last row is the sea) and ``by_account`` (A,)
    hold rule indices; ``tests`` are the rules that must be asked one by one (speed).
    """

    rules: tuple[Rule, ...]  # R - 1 long: rule index k is rules[k - 1]
    account_names: tuple[str, ...]
    country_names: tuple[str, ...]
    cells: NDArray[np.uint64]
    stack: NDArray[np.int32]
    by_stack: NDArray[np.uint16]
    by_country: NDArray[np.uint16]
    by_account: NDArray[np.uint16]
    unknown_location: int
    tests: tuple[int, ...]
    codes: NDArray[np.uint8]  # (R,) code of each rule; codes[0] is OKAY

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Id of each rule (R,); the first is empty: no rule."""
        return ("", *(rule.id for rule in self.rules))

    def describe(self, rule: int | str) -> str:
        """Say what a rule (index or id) does and why.  Raises BadInput for an unknown id."""
        if isinstance(rule, str):
            if rule and rule not in self.rule_ids:
                raise BadInput(f"there is no rule {rule!r}", did_you_mean(rule, self.rule_ids[1:]))
            rule = self.rule_ids.index(rule)
        return "no rule forbids service" if rule == NO_RULE else self.rules[rule - 1].describe()

    def decide(self, subjects: Subjects) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Return the code (U,) and the rule's index (U,; 0 where none matched) of each subject."""
        none = len(self.codes)
        account = subjects.account.astype(np.intp)
        country = subjects.country.astype(np.intp)  # -1 is the last row: the sea
        best = self.by_account[account].copy()
        known = subjects.cell != 0
        np.minimum(best, np.where(known, self.by_country[country, account], none), out=best, casting="unsafe")
        np.minimum(best, self.by_stack[self._stack_of(subjects.cell), account], out=best)
        if self.unknown_location:
            best[~known & (best > self.unknown_location)] = self.unknown_location
        for index in self.tests:
            best[(best > index) & self._test(index, subjects)] = index
        rule = np.where(best == none, NO_RULE, best).astype(np.uint16)
        return self.codes[rule], rule

    def _stack_of(self, cell: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the stack of area rules over each cell (U,); the last row of ``by_stack`` is "none"."""
        if len(self.cells) == 0:
            return np.full(len(cell), len(self.by_stack) - 1, np.int32)
        at = np.minimum(np.searchsorted(self.cells, cell), len(self.cells) - 1)
        return np.where(self.cells[at] == cell, self.stack[at], len(self.by_stack) - 1).astype(np.int32)

    def _test(self, index: int, subjects: Subjects) -> NDArray[np.bool_]:
        """Return which subjects a speed rule matches (U,)."""
        rule = self.rules[index - 1]
        match = subjects.speed_m_s > np.float32(rule.over_m_s or 0.0)
        if rule.cells is not None:
            match &= np.isin(subjects.cell, rule.cells)
        if rule.countries is not None:
            match &= _country_row(rule, self.country_names)[subjects.country] & (subjects.cell != 0)
        match &= _account_row(rule, self.account_names)[subjects.account]
        if rule.kinds is not None:
            if subjects.kind is None:
                raise ValueError(f"rule {rule.id} asks for terminal kinds, which these subjects lack")
            match &= np.isin(subjects.kind, rule.kinds)
        return np.asarray(match, dtype=np.bool_)


def make_rules(rules: Iterable[Rule], *, account_names: Sequence[str], country_names: Sequence[str]) -> Rules:
    """Put rules in order of precedence and build their tables.

    Raises BadInput for two rules with one id, and for more than 65,534 rules; ValueError for a rule that
    lacks what it looks at, or cells that are not sorted and unique.
    """
    ordered = tuple(sorted(rules, key=lambda rule: rule.precedence))
    if len(ordered) > MAX_RULES:
        raise BadInput(
            f"{len(ordered)} rules are in force at once; at most {MAX_RULES} can be", "merge areas"
        )
    seen: set[str] = set()
    for rule in ordered:
        _check(rule)
        if rule.id in seen:
            raise BadInput(f"two rules have the id {rule.id!r}", "give each switch and limit its own name")
        seen.add(rule.id)
    accounts, countries = tuple(account_names), tuple(country_names)
    none = len(ordered) + 1
    by_account = np.full(len(accounts), none, np.uint16)
    by_country = np.full((len(countries) + 1, len(accounts)), none, np.uint16)
    unknown, areas, tests = 0, [], []
    for index, rule in reversed(list(enumerate(ordered, start=1))):
        if rule.by is By.SPEED:
            tests.append(index)
        elif rule.by is By.ACCOUNT:
            by_account[_account_row(rule, accounts)] = index
        elif rule.by is By.COUNTRY:
            row = _country_row(rule, countries)
            by_country[np.ix_(row, _account_row(rule, accounts))] = index
        elif rule.by is By.AREA:
            areas.append(index)
        else:
            unknown = index
    cells, stack, by_stack = _stacks(ordered, sorted(areas), accounts)
    codes = np.array([DisablementCode.OKAY, *(rule.code for rule in ordered)], np.uint8)
    return Rules(
        rules=ordered, account_names=accounts, country_names=countries, cells=cells, stack=stack,
        by_stack=by_stack, by_country=by_country, by_account=by_account, unknown_location=unknown,
        tests=tuple(sorted(tests)), codes=codes,
    )  # fmt: skip


def _check(rule: Rule) -> None:
    needed = {
        By.ACCOUNT: rule.accounts,
        By.COUNTRY: rule.countries,
        By.AREA: rule.cells,
        By.SPEED: rule.over_m_s,
    }
    if needed.get(rule.by, ()) is None:
        raise ValueError(f"rule {rule.id} looks at {rule.by} and does not say which")
    if rule.cells is not None and np.any(rule.cells[1:] <= rule.cells[:-1]):
        raise ValueError(f"the cells of rule {rule.id} are not sorted and unique")


def _account_row(rule: Rule, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which accounts (A,) a rule holds for."""
    return np.array(
        [(rule.accounts is None or n in rule.accounts) and n not in rule.except_accounts for n in names],
        np.bool_,
    )


def _country_row(rule: Rule, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which countries (countries + 1,; the sea last) a rule holds for."""
    return np.array([(n in (rule.countries or ())) != rule.elsewhere for n in (*names, SEA)], np.bool_)


def _stacks(
    rules: tuple[Rule, ...], areas: Sequence[int], accounts: tuple[str, ...]
) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint16]]:
    """Merge area rules into cells (N,), the stack of each (N,) and the winner of each stack (K + 1, A).

    Cells covered by the same rules share a stack, so K is small; the last row is "no rule".
    """
    none = len(rules) + 1
    covering: dict[int, tuple[int, ...]] = {}
    for index in areas:
        of_rule = rules[index - 1].cells
        assert of_rule is not None
        for cell in of_rule.tolist():
            covering[cell] = (*covering.get(cell, ()), index)
    cells = np.array(sorted(covering), np.uint64)
    distinct = sorted(set(covering.values()))
    number = {stack: k for k, stack in enumerate(distinct)}
    by_stack = np.full((len(distinct) + 1, len(accounts)), none, np.uint16)
    for k, stack in enumerate(distinct):
        for index in reversed(stack):
            by_stack[k, _account_row(rules[index - 1], accounts)] = index
    stack_of = np.array([number[covering[int(cell)]] for cell in cells], np.int32)
    return cells, stack_of, by_stack


def decide_reference(rules: Rules, subjects: Subjects) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Decide by asking every rule in turn about every subject: slow and obvious."""
    out = np.zeros(len(subjects), np.uint16)
    for u in range(len(subjects)):
        cell, country = int(subjects.cell[u]), int(subjects.country[u])
        place = SEA if country < 0 else rules.country_names[country]
        account = rules.account_names[int(subjects.account[u])]
        kind = None if subjects.kind is None else int(subjects.kind[u])
        for index, rule in enumerate(rules.rules, start=1):
            holds = rule.by is not By.LOCATION or cell == 0
            holds &= rule.cells is None or cell in set(rule.cells.tolist())
            holds &= rule.countries is None or (cell != 0 and (place in rule.countries) != rule.elsewhere)
            holds &= rule.accounts is None or account in rule.accounts
            holds &= account not in rule.except_accounts
            holds &= rule.over_m_s is None or bool(subjects.speed_m_s[u] > np.float32(rule.over_m_s))
            holds &= rule.kinds is None or kind in rule.kinds
            if holds:
                out[u] = index
                break
    return rules.codes[out], out
