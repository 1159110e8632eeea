"""Who may be served, where and how: immutable rules and the decision they give.

Rules are kept in the order of precedence that `openleo.policy.rule` states, so a decision is the lowest
index among those that match.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput, did_you_mean
from openleo.policy.codes import DisablementCode
from openleo.policy.rule import Rule
from openleo.policy.subjects import Subjects
from openleo.policy.tables import COLUMN_TYPES, Columns, Tables, build_tables, columns_needed

NO_RULE = 0  # rule index of a subject that no rule matched
MAX_RULES = 65_534  # a rule's index is a uint16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Rules in order of precedence, with the tables that make a decision a few look-ups.

    Make one with `make_rules`.  Rule 0 is "no rule".  ``needs`` says which optional columns of subjects some
    rule asks for, and the first rule that does.
    """

    rules: tuple[Rule, ...]  # R - 1 long: rule index k is rules[k - 1]
    account_names: tuple[str, ...]
    country_names: tuple[str, ...]
    plan_names: tuple[str, ...]
    codes: NDArray[np.uint8]  # (R,) code of each rule; codes[0] is OKAY
    needs: Mapping[str, str]
    tables: Tables

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
        """Return the code (U,) and the rule's index (U,; 0 where none matched) of each subject.

        Raises ValueError for subjects that lack a column which a rule asks for, that are not all of one
        length, or whose account, country or plan is none of the rules' names.
        """
        from openleo.policy.kernel import first_match  # numba only once there is something to decide

        code, rule = np.empty(len(subjects), np.uint8), np.empty(len(subjects), np.uint16)
        first_match(self.tables, self._columns(subjects), self.codes, code, rule)
        return code, rule

    def _columns(self, subjects: Subjects) -> Columns:
        for column, rule in self.needs.items():
            if getattr(subjects, column) is None:
                raise ValueError(f"rule {rule} asks for {column}, which these subjects lack")
        columns: dict[str, NDArray[Any]] = {}
        for name, kind in COLUMN_TYPES.items():
            asked = name in self.needs or name in _ALWAYS
            values = getattr(subjects, name) if asked else np.zeros(0, kind)
            columns[name] = np.ascontiguousarray(values, kind)
            if asked and len(values) != len(subjects):
                raise ValueError(f"{name} has {len(values)} rows, cell {len(subjects)}")
        for name, names in (
            ("account", self.account_names), ("country", self.country_names), ("plan", self.plan_names)
        ):  # fmt: skip
            if len(columns[name]) and columns[name].max() >= len(names):
                raise ValueError(f"{name} {columns[name].max()} is none of the {len(names)} that rules know")
        return Columns(**columns)


def two_rules(name: str) -> BadInput:
    """Return the error for two rules with one id."""
    return BadInput(f"two rules have the id {name!r}", "give each switch and limit its own name")


_ALWAYS = ("cell", "country", "account", "speed_m_s")


def make_rules(
    rules: Iterable[Rule],
    *,
    account_names: Sequence[str],
    country_names: Sequence[str],
    plan_names: Sequence[str] = (),
) -> Rules:
    """Put rules in order of precedence and build their tables.

    The names are those that subjects' account, country and plan are indices into.  Raises BadInput for two
    rules with one id, and for more than 65,534 rules; ValueError for a rule that lacks what it looks at, or
    cells or terminals that are not sorted and unique.
    """
    ordered = tuple(sorted(rules, key=lambda rule: rule.precedence))
    if len(ordered) > MAX_RULES:
        raise BadInput(
            f"{len(ordered)} rules are in force at once; at most {MAX_RULES} can be", "merge areas"
        )
    seen: set[str] = set()
    for rule in ordered:
        rule.check()
        if rule.id in seen:
            raise two_rules(rule.id)
        seen.add(rule.id)
    return Rules(
        rules=ordered,
        account_names=tuple(account_names),
        country_names=tuple(country_names),
        plan_names=tuple(plan_names),
        codes=np.array([DisablementCode.OKAY, *(rule.code for rule in ordered)], np.uint8),
        needs=columns_needed(ordered),
        tables=build_tables(ordered, accounts=account_names, countries=country_names, plans=plan_names),
    )
