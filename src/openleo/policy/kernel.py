"""The decision as one fused loop over subjects."""

import numpy as np

from openleo.base.compile import njit, njit_inlined
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

BLOCK = 256  # subjects whose cells are looked up together, so that the memory they wait for comes at once


@njit_inlined
def look_up(table: np.ndarray, cells: np.ndarray, stacks: np.ndarray) -> None:
    """Find the stack of each cell in the hash table, 0 where it is not there."""
    last = np.uint64(table.shape[0] - 1)
    shift = np.uint64(64)
    while last >> (np.uint64(64) - shift):
        shift -= np.uint64(1)
    for n in range(cells.shape[0]):
        cell = cells[n]
        at = (cell * GOLDEN) >> shift
        while table[at, 0] != cell and table[at, 0] != 0:
            at = (at + np.uint64(1)) & last
        stacks[n] = np.int64(table[at, 1])  # a free place holds 0


@njit
def first_match(t: Tables, s: Columns, codes: np.ndarray, code: np.ndarray, rule: np.ndarray) -> None:
    """Write the first rule that holds for each subject, 0 for none, and its code (U,).

    Each subject meets four lists of rules in ascending order, and in each goes no further than the best so
    far.
    """
    stacks = np.empty(BLOCK, np.int64)
    countries = t.country_mask.shape[1]
    by_plan = s.plan.shape[0] > 0
    which = np.zeros(4, np.int64)
    for begin in range(0, s.cell.shape[0], BLOCK):
        end = min(begin + BLOCK, s.cell.shape[0])
        look_up(t.cells, s.cell[begin:end], stacks)
        for u in range(begin, end):
            cell, stack = s.cell[u], stacks[u - begin]
            account = t.account_class[s.account[u]]
            listed = np.int64(0)
            if s.terminal.shape[0] and s.terminal[u] < t.terminals.shape[0]:
                listed = np.int64(t.terminals[s.terminal[u]])
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
