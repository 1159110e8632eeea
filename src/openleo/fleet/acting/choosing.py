"""From rows of the fleet's table to a job's plan."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.fleet.acting.allowed import Allowances, NotAllowed
from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Routes, is_noted, way_of
from openleo.fleet.acting.plan import Candidate, Plan, Settings, Through, plan
from openleo.fleet.acting.standing import (
    already,
    counts,
    is_away,
    last_schedules,
    last_told,
    sites_now,
    sleeps,
)
from openleo.fleet.acting.through import Orders, ways_through
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.looking import find
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.table.rows import Row, Table
from openleo.fleet.table.where import read_where
from openleo.fleet.tied import guarded, tied_kits
from openleo.fleet.why.inputs import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asks for: whom by ``where`` or by name, and what may be done to whom."""

    order: Order
    settings: Settings = field(default_factory=Settings)
    where: str | None = None
    terminals: Collection[str] | None = None
    include: Collection[str] = ()
    not_ours: Collection[str] = ()

    @property
    def words(self) -> str:
        """How its terminals were chosen, for the record."""
        if self.where is not None:
            return self.where
        return f"{len(self.terminals or ())} named terminals"


def chosen_rows(table: Table, asked: Asked) -> list[Row]:
    """Return the rows that are asked for; raises BadInput for none, and for names that are not there."""
    if (asked.where is None) == (asked.terminals is None):
        raise BadInput("say whom: by a filter or by names, one of them", "such as: --where dark")
    if asked.where is not None:
        if not asked.where.strip():
            raise BadInput("the filter is empty", "to choose every terminal, say so: --where all")
        test = read_where(asked.where)
        found = [row for row in table.rows if test(row, table.now_ns)]
    else:
        there = {row.terminal: row for row in table.rows}
        subjects = {row.terminal: row.subject for row in table.rows}
        found = [there[one] for one in dict.fromkeys(_one(n, subjects, table) for n in asked.terminals or ())]
    if not found:
        raise BadInput(f"no terminal is so: {asked.words}", "see them with: openleo fleet table")
    return found


def _one(name: str, subjects: Mapping[str, Subject], table: Table) -> str:
    """Return the one terminal that a name means, as `openleo fleet why` takes it; raises BadInput."""
    if name in subjects:
        return name
    found = find(name, subjects, table.names)
    if len(found) != 1:
        raise BadInput(
            f"{name!r} is {len(found)} terminals: {', '.join(sorted(found)[:8])}",
            "name one by its id or kit; those of a site: --site",
        )
    return found[0]


def _in_full(names: Collection[str], rows: Iterable[Row]) -> list[str]:
    """Return the ids of terminals that are named by id, kit or dish, in full: it waives a safeguard."""
    known: dict[str, set[str]] = {}
    for row in rows:
        for name in (row.terminal, row.subject.kit, row.subject.name):
            known.setdefault(name.casefold(), set()).add(row.terminal)
    found = []
    for name in names:
        meant = known.get(name.casefold(), set()) if name else set()
        if len(meant) > 1:
            raise BadInput(f"{name!r} is {len(meant)} of those that were chosen", "name it by its id")
        found.append(next(iter(meant), name))
    return found


def make_plan(
    folder: Path, table: Table, asked: Asked, *, routes: Routes | None = None, now_ns: int | None = None,
    preview: bool = False,
) -> Plan:  # fmt: skip
    """Return whom a job would tell.

    Raises NotAllowed where that may not be told in this fleet; a preview says so (``Plan.off``).
    """
    off = ""
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        try:
            Allowances(database).need(asked.order)
        except NotAllowed as error:
            if not preview:
                raise
            off = f"{error.detail}; {error.hint}"
        through = ways_through(orders, Agents(database), now_ns=now_ns or time.time_ns())
        told_ns = last_told(database)
        schedules = last_schedules(Jobs(database)) if asked.order.action == "sleep" else {}
    rows = chosen_rows(table, asked)
    there = [
        replace(
            one, away=is_away(row), sleeps=sleeps(row.terminal, schedules, asked.order),
            already=already(row, asked.order, schedules, told_ns.get(row.terminal, 0), table.clock_ns),
        )
        for row, one in zip(rows, candidates(folder, rows, routes or Routes(), through), strict=True)
    ]  # fmt: skip
    made = plan(
        asked.order, there, asked.settings, include=_in_full(asked.include, rows),
        not_ours=_in_full(asked.not_ours, rows), sites=sites_now(table, schedules, asked.order),
    )  # fmt: skip
    return replace(made, off=off)


def candidates(
    folder: Path, rows: Iterable[Row], routes: Routes, through: Mapping[str, Through]
) -> list[Candidate]:
    """Return rows as a plan takes them, with what is known of our own way, and of agents there.

    What protects a kit protects the dish that is asked for it, whoever that says it is by now.
    """
    with Register(folder) as register:
        dishes = register.dishes()
        tied = tied_kits(register.kits(), dishes)
    by_terminal: dict[str, list[DishEntry]] = {}
    for dish in dishes:
        by_terminal.setdefault(dish.terminal, []).append(dish)
    found = []
    for row in rows:
        same = by_terminal.get(row.terminal, [])
        subject = guarded(row.subject, tied.get(row.terminal, []))
        way = way_of(routes, same, subject.note) if same else None
        found.append(
            Candidate(
                terminal=row.terminal, kit=subject.kit, site=row.site,
                life_critical=row.life_critical or subject.life_critical, people=subject.people or 0,
                way=way, through=through.get(row.terminal), noted=is_noted(subject.note),
            )
        )  # fmt: skip
    return found


def site_sizes(table: Table) -> Mapping[str, int]:
    """Return how many terminals each site has; kits that were never heard of are none."""
    return Counter(row.site for row in table.rows if row.site and counts(row))
