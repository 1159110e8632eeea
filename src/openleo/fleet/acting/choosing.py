"""From rows of the fleet's table to a job's plan."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openleo.base.errors import BadInput, did_you_mean
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.path import Routes, way_of
from openleo.fleet.acting.plan import Candidate, Plan, Settings, Through, plan
from openleo.fleet.acting.through import Orders, ways_through
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.table.rows import Row, Table
from openleo.fleet.table.where import read_where
from openleo.fleet.tied import guarded, tied_kits


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
        for name in asked.terminals or ():
            if name not in there:
                raise BadInput(f"the fleet has no terminal {name!r}", did_you_mean(name, there))
        found = [there[name] for name in dict.fromkeys(asked.terminals or ())]
    if not found:
        raise BadInput(f"no terminal is so: {asked.words}", "see them with: openleo fleet table")
    return found


def make_plan(
    folder: Path, table: Table, asked: Asked, *, routes: Routes | None = None, now_ns: int | None = None
) -> Plan:
    """Return whom a job would tell.  Raises NotAllowed where that may not be told in this fleet."""
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        Allowances(database).need(asked.order)
        through = ways_through(orders, Agents(database), now_ns=now_ns or time.time_ns())
    rows = chosen_rows(table, asked)
    there = candidates(folder, rows, routes or Routes(), through)
    return plan(
        asked.order, there, asked.settings, include=asked.include,
        not_ours=asked.not_ours,
    )  # fmt: skip


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
                terminal=row.terminal, site=row.site,
                life_critical=row.life_critical or subject.life_critical, people=subject.people or 0,
                way=way, through=through.get(row.terminal),
            )
        )  # fmt: skip
    return found


def site_sizes(table: Table) -> Mapping[str, int]:
    """Return how many terminals each site has."""
    return Counter(row.site for row in table.rows if row.site)
