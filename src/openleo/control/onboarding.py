"""Adding terminals by the thousand: one decision for a whole file, or nothing of it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h3.api.basic_int as h3
from sqlalchemy import Column, ColumnElement, Table, func, insert, select

from openleo.base.errors import BadInput, did_you_mean
from openleo.control.acts import Done
from openleo.control.areas import Exists, NotFound, check_name
from openleo.control.decided import check_country
from openleo.control.facts import Fact
from openleo.control.inventory import MOST_TERMINALS, chunks
from openleo.control.ledger import Decision
from openleo.control.life import State
from openleo.control.onboarding_file import BadRows, NewTerminal, Problem, Usual, read_terminals
from openleo.control.plane import Tx
from openleo.control.schema import accounts, areas, batches, custody, lines, plans, terminals
from openleo.control.strays import strays
from openleo.ground.cells import cell_of

OPERATIONS_RESOLUTION = 7  # where a terminal was last known to be, for operations: cells of about 5 km2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of terminals: its name, its SHA-256, its rows, and the plan that was named for all of them."""

    name: str
    sha256: str
    rows: Sequence[NewTerminal]
    plan: str = ""

    @classmethod
    def of(cls, data: bytes, name: str, *, plan: str = "", country: str = "") -> "Source":
        """Read a file's bytes; raises BadFile and BadRows.

        ``plan`` and ``country`` are for rows that name none and are on no service line yet.
        """
        usual = Usual(
            plan=check_name("a plan", plan) if plan else "",
            country=check_country(country) if country else "",
        )
        rows = read_terminals(data, name, usual)
        return cls(name=name, sha256=hashlib.sha256(data).hexdigest(), rows=rows, plan=plan)


def cells_at(latitude_deg: float, longitude_deg: float) -> dict[str, int]:
    """Return the columns of a terminal that say where it stands."""
    return {
        "cell": int(h3.latlng_to_cell(latitude_deg, longitude_deg, OPERATIONS_RESOLUTION)),
        "service_cell": int(cell_of(latitude_deg, longitude_deg)),
    }


def onboard(
    tx: Tx,
    source: Source,
    *,
    account: str = "",
    area: str = "",
    holder: str = "",
    batch: str = "",
    reason: str = "",
) -> Done:
    """Add the terminals of a file, as stock; ``account``, ``area`` and ``holder`` are for rows without one.

    All or nothing: raises BadRows with every row that cannot be, NotFound and BadInput for what was named for
    all of them and is not there or closed, Exists for a batch that is there, Forbidden for an area where the
    actor may not.
    """
    assert 0 < len(source.rows) <= MOST_TERMINALS
    batch = check_name("a batch", batch) if batch else _next_batch(tx)
    if tx.conn.execute(select(batches.c.id).where(batches.c.id == batch)).first():
        raise Exists(f"there is a batch {batch} already", "give this one another name with --batch")
    given = [_Placed(row, row.account or account, row.area or area) for row in source.rows]
    for name in sorted({new.area for new in given} - {""}):
        if _is_there(tx, areas, name):
            tx.require("terminal.onboard", name)
    if any(not new.area for new in given):
        tx.require("terminal.onboard", None)
    _check_options(tx, account=account, area=area, plan=source.plan)
    _check(tx, source, given)
    slot = 0 if tx.network.timeless else tx.effective_slot(None, "batch", batch)
    found = [
        *(_line(new, slot) for new in given if new.row.has_own_line),
        *(_terminal(new, batch, new.row.holder or holder, slot) for new in given),
    ]
    ids = [new.row.id for new in given]
    everywhere, owners = {new.area for new in given}, {new.account for new in given}
    entry = tx.record(
        Decision(
            kind="terminal.onboarded", action="onboard", reason=reason, facts=found, terminals=ids,
            area=(everywhere.pop() or None) if len(everywhere) == 1 else None,
            account=(owners.pop() or None) if len(owners) == 1 else None, counts={"terminals": len(ids)},
            more={"batch": batch, "file": source.name, "sha256": source.sha256},
        )
    )  # fmt: skip
    _write_records(tx, source, given, batch=batch, account=account, holder=holder)
    return Done(ids=tuple(ids), entry=entry, slot=slot, remarks=strays(tx, ids))


@dataclass(frozen=True, slots=True)
class _Placed:
    row: NewTerminal
    account: str
    area: str


def _line(new: _Placed, slot: int) -> Fact:
    """Return the service line that a row brings, which is called as its terminal is."""
    row = new.row
    changes = {
        "account_id": new.account, "plan_id": row.plan, "country": row.country or None,
        "latitude_deg": row.latitude_deg, "longitude_deg": row.longitude_deg, "status": "active",
        "version": 1,
    }  # fmt: skip
    return Fact(noun="line", id=row.id, changes=changes, slot=slot, new=True)


def _terminal(new: _Placed, batch: str, holder: str, slot: int) -> Fact:
    row = new.row
    where: dict[str, int | None] = {"cell": None, "service_cell": None}
    if row.latitude_deg is not None and row.longitude_deg is not None:
        where |= cells_at(row.latitude_deg, row.longitude_deg)
    changes = {
        "serial": row.serial, "kind": row.kind, "account_id": new.account or None,
        "line_id": row.id if row.has_own_line else row.line or None, "area_id": new.area or None,
        "batch": batch, "state": State.STOCKED.value, "holder": holder, "life_critical": row.life_critical,
        "name": row.name, **where, "version": 1,
    }  # fmt: skip
    return Fact(noun="terminal", id=row.id, changes=changes, slot=slot, new=True)


def _write_records(
    tx: Tx, source: Source, given: Sequence[_Placed], *, batch: str, account: str, holder: str
) -> None:
    of = f"{source.name} sha256:{source.sha256}"
    row = {
        "id": batch,
        "account_id": account or None,
        "made_by": tx.actor.id,
        "made_at": tx.now,
        "source": of,
    }
    tx.conn.execute(insert(batches), [row])
    links = [
        {
            "terminal_id": new.row.id, "n": 0, "event": "stocked", "holder": new.row.holder or holder,
            "by": tx.actor.id, "at": tx.now, "note": f"line {new.row.line_no} of {source.name}",
        }
        for new in given
    ]  # fmt: skip
    tx.conn.execute(insert(custody), links)


def _check_options(tx: Tx, **named: str) -> None:
    """Raise NotFound or BadInput for what was named for all rows and is not there, or is closed."""
    for what, name in named.items():
        if not name:
            continue
        if not _is_there(tx, _TABLES[what], name):
            raise NotFound(
                f"there is no {what} {name!r}, which was named for all rows", _hint(tx, what, name)
            )
        if _known(tx, _TABLES[what].c.id, [name], _ENDED[what]):
            raise BadInput(
                f"{what} {name} is closed, and was named for all rows", f"name another {what}, one in use"
            )


def _check(tx: Tx, source: Source, given: Sequence[_Placed]) -> None:
    """Raise BadRows with every row that names what is not there, or what is there already."""
    known: Mapping[str, set[str]] = {
        "account": _known(tx, accounts.c.id, (n.account for n in given)),
        "area": _known(tx, areas.c.id, (n.area for n in given)),
        "plan": _known(tx, plans.c.id, (n.row.plan for n in given)),
    }
    ended = {what: _known(tx, _TABLES[what].c.id, known[what], _ENDED[what]) for what in known}
    owners = _line_owners(tx, given)
    closed = _known(tx, lines.c.id, owners, lines.c.status == "closed")
    ids = _known(tx, terminals.c.id, (n.row.id for n in given))
    serials = _known(tx, terminals.c.serial, (n.row.serial for n in given))
    problems: list[Problem] = []
    for new in given:
        row = new.row
        wrong: list[tuple[str, str, str]] = []
        if row.id in ids:
            wrong.append(("id", row.id, "there is such a terminal already: `openleo terminal show` it"))
        elif row.serial in serials:
            wrong.append(("serial", row.serial, "another terminal has it already"))
        for column, value in (("account", new.account), ("area", new.area), ("plan", row.plan)):
            if value and value not in known[column]:
                wrong.append((column, value, f"there is no such {column}: {_hint(tx, column, value)}"))
            elif value in ended[column]:
                wrong.append((column, value, f"that {column} is closed: name one that is in use"))
        wrong += _wrong_line(new, owners)
        if row.line in closed:
            wrong.append(
                ("line", row.line, "that service line is closed: name another, or a plan for a new one")
            )
        problems += [Problem(line=row.line_no, column=c, value=v, what=what) for c, v, what in wrong]
    if problems:
        raise BadRows(source.name, len(given), problems)


def _wrong_line(new: _Placed, owners: Mapping[str, str]) -> list[tuple[str, str, str]]:
    row = new.row
    if row.line and row.line not in owners:
        return [("line", row.line, "there is no such service line: see `openleo account show`")]
    if row.line and owners[row.line] != new.account:
        return [("line", row.line, f"it is account {owners[row.line]}'s, not {new.account or 'nobody'}'s")]
    if row.has_own_line and not new.account:
        return [("plan", row.plan, "a new service line needs an account: give one with --account")]
    if row.has_own_line and row.id in owners:
        return [("id", row.id, "there is a service line of that name: name it in the column line")]
    return []


def _line_owners(tx: Tx, given: Sequence[_Placed]) -> dict[str, str]:
    names = sorted({n.row.line for n in given} | {n.row.id for n in given if n.row.has_own_line})
    query = select(lines.c.id, lines.c.account_id)
    return {
        name: owner
        for part in chunks(names)
        for name, owner in tx.conn.execute(query.where(lines.c.id.in_(part)))
    }


def _known(tx: Tx, column: Column[Any], names: Iterable[str], *conditions: ColumnElement[bool]) -> set[str]:
    """Return those of the names that stand in a column, in rows of which the conditions hold."""
    wanted = sorted(set(names) - {""})
    return {
        found
        for part in chunks(wanted)
        for found in tx.conn.execute(select(column).where(column.in_(part), *conditions)).scalars()
    }


_TABLES: Mapping[str, Table] = {"account": accounts, "area": areas, "plan": plans}
_ENDED: Mapping[str, ColumnElement[bool]] = {
    "account": accounts.c.status == "closed", "area": ~areas.c.active, "plan": ~plans.c.active,
}  # fmt: skip


def _hint(tx: Tx, column: str, value: str) -> str:
    table = _TABLES[column]
    return did_you_mean(value, tx.conn.execute(select(table.c.id).limit(1000)).scalars())


def _is_there(tx: Tx, table: Table, name: str) -> bool:
    """Tell whether a table has a row of that name."""
    return tx.conn.execute(select(table.c.id).where(table.c.id == name)).first() is not None


def _next_batch(tx: Tx) -> str:
    count = tx.conn.execute(select(func.count()).select_from(batches)).scalar_one()
    return f"b-{count + 1}"
