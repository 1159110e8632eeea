"""Accounts: customers.  One that is disabled or closed is not served, but for what lives depend on.

Life-critical terminals are spared unless two people name each (`control.critical`); the answer lists them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select

from openleo.control.areas import need_version
from openleo.control.critical import Cut, critical_of, cut_text, need_cut
from openleo.control.decided import Note, change, find, make
from openleo.control.plane import Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import lines, terminals
from openleo.control.switching import AlreadySo

ENDS = {"disabled": "disable", "closed": "close"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of an account: its row, from which slot on, whom it spares, and the log's entry."""

    account: Row[Any]
    effective_slot: int
    spared: Sequence[str]
    log_index: int


def add_account(tx: Tx, name: str, *, title: str = "", effective: datetime | None = None) -> Row[Any]:
    """Add a customer, active."""
    tx.require("account.write")
    columns = {"title": title, "status": "active", "reason": "", "cut_terminals": []}
    make(tx, "account", name, columns, Note(kind="account.added", effective=effective, account=name))
    return find(tx.conn, "account", name)


def find_account(tx: Tx, name: str) -> Row[Any]:
    """Return an account that the actor may read; raises NotFound."""
    tx.require("account.read")
    return find(tx.conn, "account", name)


def critical_in(tx: Tx, name: str) -> list[str]:
    """Return the life-critical terminals of an account, its lines' among them."""
    of_it = select(lines.c.id).where(lines.c.account_id == name)
    return critical_of(tx.conn, or_(terminals.c.account_id == name, terminals.c.line_id.in_(of_it)))


def end_text(tx: Tx, name: str, status: str, *, reason: str, include: Sequence[str]) -> str:
    """Return what both people sign where an end (``disabled``, ``closed``) is to cut what lives depend on."""
    return cut_text(tx, _what(find(tx.conn, "account", name), status), include, reason=reason)


def end(
    tx: Tx, name: str, status: str, *, reason: str, effective: datetime | None = None, cut: Cut | None = None,
    version: int | None = None,
) -> Changed:  # fmt: skip
    """Disable an account (it did not pay) or close it; what it has that is life-critical is spared."""
    assert status in ENDS
    tx.require("account.status")
    account = find(tx.conn, "account", name)
    need_version("account", account, version)
    if not reason.strip():
        command = f"openleo account {ENDS[status]} {name} --reason '...'"
        raise NeedsReason(f"it is not said why account {name} is to be {status}", command)
    cut = cut or Cut()
    include = sorted(cut.include)
    if account.status == status and list(account.cut_terminals) == include:
        raise AlreadySo(f"account {name} is {status} already", f"see `openleo account show {name}`")
    critical = critical_in(tx, name)
    text, signatures = need_cut(tx, _what(account, status), cut, reason=reason, critical=critical)
    note = Note(
        kind=f"account.{status}", reason=reason, effective=effective, account=name, cut=include, text=text,
        signatures=signatures,
    )  # fmt: skip
    changes = {"status": status, "reason": reason, "cut_terminals": include}
    slot, index = change(tx, "account", account, changes, note)
    spared = [t for t in critical if t not in include]
    return Changed(
        account=find(tx.conn, "account", name), effective_slot=slot, spared=spared, log_index=index
    )


def enable(
    tx: Tx, name: str, *, reason: str = "", effective: datetime | None = None, version: int | None = None
) -> Changed:
    """Serve an account again."""
    tx.require("account.status")
    account = find(tx.conn, "account", name)
    need_version("account", account, version)
    if account.status == "active":
        raise AlreadySo(f"account {name} is active already", f"see `openleo account show {name}`")
    note = Note(kind="account.enabled", reason=reason, effective=effective, account=name)
    changes = {"status": "active", "reason": "", "cut_terminals": []}
    slot, index = change(tx, "account", account, changes, note)
    return Changed(account=find(tx.conn, "account", name), effective_slot=slot, spared=(), log_index=index)


def _what(account: Row[Any], status: str) -> str:
    return f"account {account.id} at version {account.version} {status}"
