"""Deciding by asking every rule in turn about every subject: slow and obvious."""

import numpy as np
from numpy.typing import NDArray

from openleo.policy.rule import SEA, By, Rule
from openleo.policy.rules import Rules
from openleo.policy.subjects import Subjects


def decide_reference(rules: Rules, subjects: Subjects) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Decide as `Rules.decide` does: the first rule, in order, all of whose conditions hold."""
    out = np.zeros(len(subjects), np.uint16)
    for u in range(len(subjects)):
        matching = (n for n, rule in enumerate(rules.rules, start=1) if _holds(rule, rules, subjects, u))
        out[u] = next(matching, 0)
    return rules.codes[out], out


def _holds(rule: Rule, rules: Rules, subjects: Subjects, u: int) -> bool:
    cell, country = int(subjects.cell[u]), int(subjects.country[u])
    place = SEA if country < 0 else rules.country_names[country]
    account = rules.account_names[int(subjects.account[u])]
    if cell == 0 and rule.asks_where:
        return False
    holds = rule.by is not By.LOCATION or cell == 0
    holds &= rule.cells is None or (cell in set(rule.cells.tolist())) != rule.outside
    holds &= rule.countries is None or (place in rule.countries) != rule.elsewhere
    holds &= rule.accounts is None or account in rule.accounts
    holds &= account not in rule.except_accounts
    holds &= rule.over_m_s is None or bool(subjects.speed_m_s[u] > np.float32(rule.over_m_s))
    if rule.kinds is not None:
        holds &= _of(subjects.kind, u) in rule.kinds
    if rule.plans is not None:
        holds &= rules.plan_names[int(_of(subjects.plan, u))] in rule.plans
    if rule.away:
        holds &= country >= 0 and country != _of(subjects.home, u)
    if rule.beyond_m is not None:
        holds &= bool(_of(subjects.distance_m, u) > np.float32(rule.beyond_m))
    if rule.terminals is not None:
        holds &= (_of(subjects.terminal, u) in rule.terminals.tolist()) != rule.unlisted
    if rule.line is not None:
        holds &= _of(subjects.line, u) == rule.line
    if rule.over_data:
        holds &= bool(_of(subjects.over_data, u))
    if rule.below_version is not None:
        holds &= 0 < _of(subjects.version, u) < rule.below_version
    return holds


def _of(column: NDArray[np.generic] | None, u: int) -> float:
    assert column is not None, "decide_reference is asked only where every column is there"
    return column[u].item()  # type: ignore[no-any-return]
