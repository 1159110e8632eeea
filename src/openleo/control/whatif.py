"""What a switch would do, before anybody decides: which cells, areas and terminals change, and which do not.

The answer comes from the very rules that the engine asks, made twice: as things are decided, and with the
switch.  It is for those who may read requests there, and leaves no trace: who asked is nobody's business.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from openleo.control.areas import checked_changes, find_area, slot_of
from openleo.control.facts import last_slot
from openleo.control.network import EMERGENCY_SLOTS
from openleo.control.plane import Tx
from openleo.control.replay import decisions_of
from openleo.control.request import Request, State
from openleo.control.schema import lines, terminals
from openleo.ground.cells import cells_around
from openleo.ground.land import land_table
from openleo.policy import By, DisablementCode, Rules, Subjects, timeline
from openleo.scenario.decisions import Change, Decisions, Terminals, cells_of, decided_rules

Cells = NDArray[np.uint64]
Flags = NDArray[np.bool_]
_OFF, _ON = 2, 1  # what areas say of a cell; 0: nothing
_OKAY = int(DisablementCode.OKAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaEffect:
    """Another area that shares cells with the one that is switched.

    ``relation`` is inside, around or overlaps; of its cells ``shared`` lie in the switched area too, and
    ``changed`` change.
    """

    id: str
    relation: str
    switch: str
    shared: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCritical:
    """A life-critical terminal in the cells that change; ``spared``: it is served all the same."""

    id: str
    name: str
    account: str
    spared: bool
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a switch changes.  Counts are of cells and terminals; codes are those that terminals show."""

    area_id: str
    switch: str
    slot: int
    cells: int  # of the area as it then is
    cells_changed: int
    cells_added: int
    cells_removed: int
    areas: Sequence[AreaEffect]
    terminals_changed: int
    cut: int
    restored: int
    by_account: Mapping[str, int]
    codes: Mapping[str, int]  # "OKAY -> CELL_IS_DISABLED": 12
    neighbours_changed: int  # terminals outside the area that change
    neighbours_spared: int  # terminals within one cell of its border, outside, that do not
    life_critical: Sequence[LifeCritical]
    excepted: Mapping[str, int]  # accounts that are spared, and how many terminals each has there
    strays: int  # terminals of the area's people that stand outside it and do not change
    stray: str  # one of them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """The areas and rules of one slot, as they are or as they would be."""

    areas: Mapping[str, Mapping[str, Any]]
    rules: Rules

    def said_of(self, cells: Cells) -> NDArray[np.uint8]:
        """Return what areas say of sorted cells (N,)."""
        said = np.zeros(len(cells), np.uint8)
        for name, row in self.areas.items():
            if self._decider(name) is not None:
                said[np.isin(cells, cells_of(row))] = _ON
        for rule in self.rules.rules:
            if rule.by is By.AREA and not rule.outside and rule.cells is not None:
                said[np.isin(cells, rule.cells)] = _OFF
        return said

    def _decider(self, name: str) -> str | None:
        while name and self.areas[name].get("switch", "inherit") == "inherit":
            name = str(self.areas[name].get("parent_id") or "")
        return name or None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fleet:
    """Every terminal whose place is known, U long, as rows and as rules see them."""

    rows: Sequence[Any]
    cell: Cells
    who: Terminals
    subjects: Subjects
    account_names: Sequence[str]
    country_names: Sequence[str]


def affected(tx: Tx, request: Request, *, include: Sequence[str] | None = None) -> Preview:
    """Return what granting a request changes; of an emergency: what confirming it keeps from coming on again.

    ``include`` names the life-critical terminals that are to be cut too (default: those of the proposal).
    """
    named = request.include if include is None else include
    after = _wanted(request.switch, request.changes, named)
    if request.state is State.EMERGENCY:
        assert request.effective_slot is not None
        ends = request.effective_slot + EMERGENCY_SLOTS
        return _preview(tx, request.area_id, request.switch, {"switch": "on"}, after, ends)
    return _preview(tx, request.area_id, request.switch, {}, after, request.effective_slot)


def affected_by(
    tx: Tx,
    area_id: str,
    switch: str,
    *,
    changes: Mapping[str, Any] | None = None,
    include: Sequence[str] = (),
    effective: datetime | None = None,
) -> Preview:
    """Return what a switch would change that nobody has asked for yet, from ``effective`` on."""
    checked = checked_changes(tx, area_id, changes or {})
    asked = slot_of(effective)
    return _preview(tx, area_id, switch, {}, _wanted(switch, checked, include), asked)


def _wanted(switch: str, changes: Mapping[str, Any], include: Sequence[str]) -> dict[str, Any]:
    out = dict(changes)
    if switch != "as-is":
        out |= {"switch": switch, "cut_terminals": sorted(include) if switch == "off" else []}
    return out


def _preview(
    tx: Tx, area_id: str, switch: str, before: Mapping[str, Any], after: Mapping[str, Any], asked: int | None
) -> Preview:
    tx.require("request.read", area_id)
    find_area(tx.conn, area_id)
    slot = tx.network.effective_slot(None, now=tx.now, after=last_slot(tx.conn, "area", area_id))
    if asked is not None:  # in a simulated network an earlier time is as good
        slot = asked if tx.network.timeless else max(slot, asked)
    decisions = decisions_of(tx.conn, tx.network)
    fleet = _fleet(tx)
    now = _side(decisions, fleet, slot, area_id, before)
    then = _side(decisions, fleet, slot, area_id, after)
    return _compare(area_id, switch, slot, fleet, now, then)


def _side(decisions: Decisions, fleet: _Fleet, slot: int, area_id: str, changes: Mapping[str, Any]) -> _Side:
    """Return the rules of a slot with changes to one area on top."""
    if changes:
        last = Change(-1, "area", area_id, slot, changes)
        decisions = replace(decisions, changes=(*decisions.changes, last))
    (_, rules), *_ = timeline(
        decided_rules(decisions, fleet.who, (slot, slot)), (slot, slot), account_names=fleet.account_names,
        country_names=fleet.country_names,
    )  # fmt: skip
    return _Side(areas=_areas_in(decisions, slot), rules=rules)


def _areas_in(decisions: Decisions, slot: int) -> dict[str, dict[str, Any]]:
    """Return the columns of the areas that hold in a slot."""
    found: dict[str, dict[str, Any]] = {}
    acting = [one for one in decisions.changes if one.noun == "area" and (one.slot or 0) <= slot]
    for one in sorted(acting, key=lambda one: one.slot or 0):
        found.setdefault(one.id, {}).update(one.changes)
    return {name: row for name, row in found.items() if _holds(row, slot)}


def _holds(row: Mapping[str, Any], slot: int) -> bool:
    first, end = row.get("valid_from_slot"), row.get("valid_until_slot")
    return bool(row.get("active", True)) and (first is None or first <= slot) and (end is None or slot < end)


def _fleet(tx: Tx) -> _Fleet:
    columns = terminals.c
    rows = tx.conn.execute(
        select(
            columns.id, columns.account_id, columns.life_critical, columns.name, columns.area_id,
            columns.service_cell, lines.c.country.label("home"),
        )
        .outerjoin(lines, lines.c.id == columns.line_id)
        .where(columns.service_cell.is_not(None))
        .order_by(columns.id)
    ).all()  # fmt: skip
    land = land_table()
    cell = np.array([row.service_cell for row in rows], np.uint64)
    account_names = sorted({row.account_id or "" for row in rows} | {""})
    account = {name: n for n, name in enumerate(account_names)}
    country = {name: n for n, name in enumerate(land.countries)}
    return _Fleet(
        rows=rows, cell=cell, account_names=account_names, country_names=land.countries,
        who=Terminals(ids=[row.id for row in rows], accounts=[row.account_id or "" for row in rows]),
        subjects=Subjects(
            cell=cell, country=land.country_of(cell), speed_m_s=np.zeros(len(rows), np.float32),
            account=np.array([account[row.account_id or ""] for row in rows], np.uint16),
            home=np.array([country.get(row.home or "", -1) for row in rows], np.int16),
            distance_m=np.full(len(rows), np.nan, np.float32),
            terminal=np.arange(len(rows), dtype=np.uint32),
        ),
    )  # fmt: skip


def _compare(area_id: str, switch: str, slot: int, fleet: _Fleet, now: _Side, then: _Side) -> Preview:
    old, new = _cells(now, area_id), _cells(then, area_id)
    changed_cells = _changed_cells(now, then)
    before, _ = now.rules.decide(fleet.subjects)
    after, _ = then.rules.decide(fleet.subjects)
    changed = before != after
    own = np.isin(fleet.cell, np.union1d(old, new))
    excepted = set(then.areas.get(area_id, {}).get("except_accounts") or ())
    accounts = [row.account_id or "" for row in fleet.rows]
    away = [
        row.id for row, out in zip(fleet.rows, ~own & ~changed, strict=True) if out and row.area_id == area_id
    ]
    return Preview(
        area_id=area_id, switch=switch, slot=slot, cells=len(new), cells_changed=len(changed_cells),
        cells_added=len(np.setdiff1d(new, old)), cells_removed=len(np.setdiff1d(old, new)),
        areas=_areas(area_id, now, then, changed_cells), terminals_changed=int(changed.sum()),
        cut=int((changed & (before == _OKAY)).sum()), restored=int((changed & (after == _OKAY)).sum()),
        by_account=_counted(accounts, changed),
        codes=_counted(
            [f"{_code(b)} -> {_code(a)}" for b, a in zip(before, after, strict=True)], changed
        ),
        neighbours_changed=int((changed & ~own).sum()),
        neighbours_spared=_near(fleet.cell[~changed & ~own], np.union1d(old, new)),
        life_critical=_life_critical(fleet, np.isin(fleet.cell, changed_cells) | changed, before, after),
        excepted={name: n for name, n in _counted(accounts, own).items() if name in excepted},
        strays=len(away), stray=away[0] if away else "",
    )  # fmt: skip


def _cells(side: _Side, area_id: str) -> Cells:
    row = side.areas.get(area_id)
    return np.zeros(0, np.uint64) if row is None else cells_of(row)


def _changed_cells(now: _Side, then: _Side) -> Cells:
    """Return the cells of which areas say something else, sorted."""
    rows = (*now.areas.values(), *then.areas.values())
    every = np.unique(np.concatenate([np.zeros(0, np.uint64), *(cells_of(row) for row in rows)]))
    found: Cells = every[now.said_of(every) != then.said_of(every)]
    return found


def _areas(area_id: str, now: _Side, then: _Side, changed: Cells) -> tuple[AreaEffect, ...]:
    own = np.union1d(_cells(now, area_id), _cells(then, area_id))
    above = _above(then, area_id)
    found = []
    for name, row in then.areas.items():
        cells = cells_of(row)
        shared, changes = (len(np.intersect1d(cells, other, True)) for other in (own, changed))
        if name == area_id or not (shared or changes):
            continue
        inside = area_id in _above(then, name)
        relation = "inside" if inside else "around" if name in above else "overlaps"
        effect = AreaEffect(
            id=name, relation=relation, switch=str(row.get("switch")), shared=shared, changed=changes
        )
        found.append(effect)
    return tuple(sorted(found, key=lambda effect: (effect.relation, effect.id)))


def _above(side: _Side, area_id: str) -> list[str]:
    found: list[str] = []
    name = str(side.areas.get(area_id, {}).get("parent_id") or "")
    while name and name not in found:
        found.append(name)
        name = str(side.areas.get(name, {}).get("parent_id") or "")
    return found


def _life_critical(
    fleet: _Fleet, there: Flags, before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> tuple[LifeCritical, ...]:
    return tuple(
        LifeCritical(
            id=row.id, name=row.name, account=row.account_id or "", before=_code(before[n]),
            after=_code(after[n]), spared=bool(before[n] == _OKAY and after[n] == _OKAY),
        )
        for n, row in enumerate(fleet.rows)
        if row.life_critical and there[n]
    )  # fmt: skip


def _near(cells: Cells, area: Cells) -> int:
    """Return how many of these terminals' cells touch an area; its own are not among them."""
    where, count = np.unique(cells, return_counts=True)
    disks = [cells_around([cell]) for cell in where]
    owner = np.repeat(np.arange(len(where)), [len(disk) for disk in disks])
    inside = np.isin(np.concatenate([np.zeros(0, np.uint64), *disks]), area)
    return int(count[np.unique(owner[inside])].sum())


def _counted(names: Sequence[str], wanted: Flags) -> dict[str, int]:
    return dict(sorted(Counter(names[n] for n in np.flatnonzero(wanted).tolist()).items()))


def _code(number: int) -> str:
    return DisablementCode(int(number)).name
