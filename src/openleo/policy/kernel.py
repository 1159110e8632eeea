"""The decision as one fused loop over subjects."""

import numpy as np

from openleo.base.compile import njit
from openleo.policy.stacks import GOLDEN
from openleo.policy.tables import (
    ACCOUNT,
    AWAY,
    CELL,
    COUNTRY,
    DATA,
    DISTANCE,
    KIND,
    KNOWN,
    LINE,
    PLAN,
    SPEED,
    TERMINAL,
    UNKNOWN,
    VERSION,
    Columns,
    Tables,
)


@njit
def first_match(t: Tables, s: Columns, codes: np.ndarray, code: np.ndarray, rule: np.ndarray) -> None:
    """Write the first rule that holds for each subject, 0 for none, and its code (U,).

    Each subject meets four lists of rules in ascending order, and in each goes no further than the best so
    far.
    """
    countries = t.country_mask.shape[1]
    last = np.uint64(t.cells.shape[0] - 1)
    shift = np.uint64(64)
    while last >> (np.uint64(64) - shift):
        shift -= np.uint64(1)
    by_plan = s.plan.shape[0] > 0
    which = np.zeros(4, np.int64)
    for u in range(s.cell.shape[0]):
        cell = s.cell[u]
        stack = np.int64(0)
        if cell != 0:
            at = (cell * GOLDEN) >> shift
            while t.cells[at, 0] != 0:
                if t.cells[at, 0] == cell:
                    stack = np.int64(t.cells[at, 1])
                    break
                at = (at + np.uint64(1)) & last
        account = t.account_class[s.account[u]]
        listed = 0
        if s.terminal.shape[0] and s.terminal[u] < t.terminals.shape[0]:
            listed = t.terminals[s.terminal[u]]
        country = s.country[u] if s.country[u] >= 0 else countries - 1
        plan = s.plan[u] if by_plan else 0
        which[0], which[1], which[2] = stack, t.first[1] + account, t.first[2] + listed
        which[3] = t.first[3] + plan * countries + country
        best = codes.shape[0]
        for k in range(4):
            for i in range(t.starts[which[k]], t.starts[which[k] + 1]):
                r = t.items[i]
                if r >= best:
                    break
                f = t.flags[r]
                if (
                    (f & KNOWN and cell == 0)
                    or (f & UNKNOWN and cell != 0)
                    or (f & ACCOUNT and not t.account_mask[t.row[r, 0], account])
                    or (f & COUNTRY and not t.country_mask[t.row[r, 1], country])
                    or (f & PLAN and not t.plan_mask[t.row[r, 2], plan])
                    or (f & SPEED and not s.speed_m_s[u] > t.over_m_s[r])
                    or (f & KIND and not t.kind_mask[t.row[r, 3], s.kind[u]])
                    or (f & CELL and not t.cell_mask[t.row[r, 4], stack])
                    or (f & TERMINAL and not t.terminal_mask[t.row[r, 5], listed])
                    or (f & AWAY and (s.country[u] < 0 or s.country[u] == s.home[u]))
                    or (f & DISTANCE and not s.distance_m[u] > t.beyond_m[r])
                    or (f & LINE and s.line[u] != t.line[r])
                    or (f & DATA and not s.over_data[u])
                    or (f & VERSION and not 0 < s.version[u] < t.below_version[r])
                ):
                    continue
                best = r
                break
        best = best if best < codes.shape[0] else 0
        rule[u], code[u] = best, codes[best]
