"""Changing what terminals are: whose, on which service line, in which area, and whether lives depend on them.

What a terminal's account or line is, and whether it is life-critical, acts on service: it takes
`terminal.activate`.  Its area says whose people may act on it: that takes `terminal.onboard`, in the old area
and in the new one.  A life-critical terminal that is to be one no longer, or gets another account or line,
could be cut by what spared it until then: that takes two people, who sign each terminal's name.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from openleo.base.errors import BadInput
from openleo.base.instants import instant_text
from openleo.control.acts import Done, NoActiveAccount
from openleo.control.areas import NeedsTwo, find_area
from openleo.control.decided import find
from openleo.control.facts import Fact
from openleo.control.inventory import Selection, choose, slot_for, told
from openleo.control.ledger import Decision
from openleo.control.life import CUT_OFF, State
from openleo.control.onboarding_file import MOST_TEXT
from openleo.control.pairs import Pair, need_pair, text_to_sign
from openleo.control.plane import Tx
from openleo.control.switching import AlreadySo

NONE = "none"
_MOVES = frozenset({"account_id", "line_id"})
_ACTS = _GUARDED = _MOVES | {"life_critical"}  # acts on service; of what is life-critical, guarded by two
Rows = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is to be otherwise; None: as it is.  ``line`` and ``area`` may be "none"."""

    life_critical: bool | None = None
    name: str | None = None  # who depends on it
    account: str | None = None
    line: str | None = None
    area: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return it as the table holds it; raises BadInput where nothing is to change."""
        plain = {
            "life_critical": self.life_critical, "name": self.name, "account_id": self.account,
            "line_id": self.line, "area_id": self.area,
        }  # fmt: skip
        found = {column: value for column, value in plain.items() if value is not None}
        if not found:
            raise BadInput("nothing is to change", "see `openleo terminal change --help`")
        if len(self.name or "") > MOST_TEXT:
            raise BadInput(f"a name has at most {MOST_TEXT} characters", "shorten it")
        return {k: None if v == NONE and k in {"line_id", "area_id"} else v for k, v in found.items()}


def amend_text(
    tx: Tx, which: Selection, wanted: Amendment, *, reason: str, effective: datetime | None = None
) -> str:
    """Return what two people sign."""
    columns = wanted.columns()
    rows = [row for row in _chosen(tx, which, columns) if _differing(row, columns)]
    return _text(tx, rows, columns, reason, effective)


def amend(
    tx: Tx,
    which: Selection,
    wanted: Amendment,
    *,
    reason: str,
    effective: datetime | None = None,
    pair: Pair | None = None,
) -> Done:
    """Change terminals by one decision; raises what forbids it for any of them."""
    columns = wanted.columns()
    rows = _chosen(tx, which, columns)
    changes = {row.id: found for row in rows if (found := _differing(row, columns))}
    rows = [row for row in rows if row.id in changes]
    if not rows:
        raise AlreadySo("they are so already", "see `openleo terminal show`")
    _check(tx, rows, columns)
    critical = [row for row in rows if row.life_critical and _GUARDED & changes[row.id].keys()]
    text, signatures = "", {}
    if critical:
        text = _text(tx, rows, columns, reason, effective)
        signatures = _need_two(tx, text, critical, pair)
    acts = any(_ACTS & found.keys() for found in changes.values())
    slot = slot_for(tx, list(changes), effective) if acts else None
    areas, owners = {row.area_id for row in rows}, {row.account_id for row in rows}
    entry = tx.record(
        Decision(
            kind="terminal.changed", action="change", reason=reason, terminals=list(changes),
            facts=[_fact(row, changes[row.id], slot) for row in rows],
            area=areas.pop() if len(areas) == 1 else None,
            account=owners.pop() if len(owners) == 1 else None, counts={"terminals": len(rows)},
            effective_slot=slot, signed=text, signatures=signatures,
            also_by=[pair.second.id] if pair is not None and signatures else [],
        )
    )  # fmt: skip
    return Done(ids=tuple(changes), entry=entry, slot=slot)


def _fact(row: Row[Any], changes: Mapping[str, Any], slot: int | None) -> Fact:
    return Fact(noun="terminal", id=row.id, changes={**changes, "version": row.version + 1}, slot=slot)


def _chosen(tx: Tx, which: Selection, columns: Mapping[str, Any]) -> Rows:
    """Return those meant, which the actor may change so."""
    actions = ["terminal.activate"] if _ACTS & columns.keys() else []
    if "area_id" in columns or not actions:
        actions.append("terminal.onboard")
    for action in actions:
        rows = choose(tx, which, action)
    if "area_id" in columns:
        tx.require("terminal.onboard", columns["area_id"])
    return rows


def _differing(row: Row[Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if row._mapping[name] != value}


def _check(tx: Tx, rows: Rows, columns: Mapping[str, Any]) -> None:
    """Raise BadInput and NotFound for what cannot be."""
    if (area := columns.get("area_id")) is not None:
        find_area(tx.conn, area)
    if (account := columns.get("account_id")) is not None:
        _need_open("account", find(tx.conn, "account", account))
    if (line := columns.get("line_id")) is not None:
        _need_open("service line", find(tx.conn, "line", line))
    for row in rows:
        then = {**row._mapping, **columns}
        if then["life_critical"] and not then["name"]:
            raise BadInput(f"it is not said who depends on {row.id}", "say it with --name")
        if then["life_critical"] and not row.life_critical and row.state in CUT_OFF:
            raise BadInput(f"{row.id} is {row.state}, so nothing can depend on it", "leave it out")
    if _MOVES & columns.keys():
        _check_lines(tx, rows, columns)


def _need_open(what: str, row: Row[Any]) -> None:
    if row.status == "closed":
        raise BadInput(f"{what} {row.id} is closed", "name one that is in use")


def _check_lines(tx: Tx, rows: Rows, columns: Mapping[str, Any]) -> None:
    """Raise BadInput where a terminal would be on another account's line, or NoActiveAccount where dark."""
    owners: dict[str, str] = {}
    for row in rows:
        then = {**row._mapping, **columns}
        line, account = then["line_id"], then["account_id"]
        if line is None:
            continue
        if line not in owners:
            owners[line] = find(tx.conn, "line", line).account_id
        if owners[line] != account:
            whose = account or "nobody"
            raise BadInput(
                f"service line {line} is account {owners[line]}'s, and {row.id} would be {whose}'s",
                "name both, --account and a --line of its own; or --line none",
            )
    active = [row.id for row in rows if row.state == State.ACTIVE]
    if active and "account_id" in columns:
        account = find(tx.conn, "account", columns["account_id"])
        if account.status != "active":
            raise NoActiveAccount(
                f"account {account.id} is {account.status}, and {told(active)} would be dark",
                f"enable it first: `openleo account enable {account.id}`",
            )


def _need_two(tx: Tx, text: str, critical: Rows, pair: Pair | None) -> dict[str, str]:
    """Return the signatures of two people over what may cut these life-critical terminals."""
    if pair is None:
        raise NeedsTwo(
            f"lives depend on {told(f'{row.id} ({row.name})' for row in critical)}; nothing was changed",
            "do it with a second person: --second FILE; or leave them out",
        )
    areas = sorted({row.area_id for row in critical}, key=lambda area: area or "")
    rights = [("decide.approve", area) for area in areas]
    return need_pair(tx, text, pair, what="to change life-critical terminals", rights=rights)


def _text(tx: Tx, rows: Rows, columns: Mapping[str, Any], reason: str, effective: datetime | None) -> str:
    every = "".join(f"{row.id} at version {row.version}\n" for row in rows)
    lines = {
        "verb": "change",
        "to": ", ".join(f"{name} {value}" for name, value in sorted(columns.items())),
        "terminals": f"{len(rows)}, {hashlib.sha256(every.encode()).hexdigest()}",
        "life-critical": ", ".join(row.id for row in rows if row.life_critical) or "none",
        "effective": "as soon as it can" if effective is None else instant_text(effective),
    }
    return text_to_sign(tx, "terminals", lines, reason=reason)
