"""Lists: who alone is served in a country (allow), and who is not (block), by account or terminal.

A list spares nobody, so where it would cut a life-critical terminal two people name that terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select

from openleo.base.errors import BadInput
from openleo.control.areas import need_version
from openleo.control.critical import Cut, critical_of, cut_text, need_all_named, need_cut
from openleo.control.decided import Note, change, check_country, find, make
from openleo.control.plane import Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import lines, lists, terminals
from openleo.control.switching import AlreadySo


@dataclass(frozen=True, slots=True, kw_only=True)
class NewList:
    """A list as it is to be: ``allow`` leaves out who is not on it in the country, ``block`` who is on it."""

    id: str
    kind: str
    country: str | None = None
    accounts: Sequence[str] = ()
    terminals: Sequence[str] = ()


def list_text(tx: Tx, new: NewList, *, reason: str, include: Sequence[str]) -> str:
    """Return what both people sign where a list cuts what lives depend on."""
    return cut_text(tx, _what(tx, _checked(new)), include, reason=reason)


def set_list(
    tx: Tx, new: NewList, *, reason: str, effective: datetime | None = None, cut: Cut | None = None,
    version: int | None = None,
) -> Row[Any]:  # fmt: skip
    """Make a list, or give one another content."""
    tx.require("account.status")
    if not reason.strip():
        raise NeedsReason("a list says why", f"openleo account {new.kind}-list {new.id} --reason '...'")
    new = _checked(new)
    columns = _columns(tx, new, reason)
    row = tx.conn.execute(select(lists).where(lists.c.id == new.id)).one_or_none()
    cut = cut or Cut()
    critical = _critical(tx, new)
    need_all_named(cut, critical, f"{new.kind}-list {new.id}")
    text, signatures = need_cut(tx, _what(tx, new), cut, reason=reason, critical=critical)
    note = Note(
        kind=f"list.{new.kind}ed" if new.kind == "block" else "list.allowed", reason=reason,
        effective=effective, cut=cut.include, text=text, signatures=signatures,
    )  # fmt: skip
    if row is None:
        make(tx, "list", new.id, columns, note)
    else:
        need_version("list", row, version)
        if row.kind != new.kind:
            raise BadInput(f"{new.id} is a list of those to {row.kind}", "lift it, and make another")
        change(tx, "list", row, columns, note)
    return find(tx.conn, "list", new.id)


def lift_list(
    tx: Tx, name: str, *, reason: str = "", effective: datetime | None = None, version: int | None = None
) -> Row[Any]:
    """Take a list back."""
    tx.require("account.status")
    row = find(tx.conn, "list", name)
    need_version("list", row, version)
    if not row.active:
        raise AlreadySo(f"list {name} was lifted already", "see `openleo account lists`")
    change(tx, "list", row, {"active": False}, Note(kind="list.lifted", reason=reason, effective=effective))
    return find(tx.conn, "list", name)


def _checked(new: NewList) -> NewList:
    return new if new.country is None else replace(new, country=check_country(new.country))


def _columns(tx: Tx, new: NewList, reason: str) -> dict[str, Any]:
    if new.kind not in ("allow", "block"):
        raise BadInput(f"a list cannot {new.kind!r}", "it is one of those to allow, or to block")
    if new.kind == "allow" and new.country is None:
        raise BadInput("an allow-list is of a country", "name it: --country UA")
    if new.kind == "block" and not (new.accounts or new.terminals):
        raise BadInput("a block-list names whom", "--account NAME or --terminal NAME, as often as needed")
    for account in new.accounts:
        find(tx.conn, "account", account)
    for terminal in new.terminals:
        find(tx.conn, "terminal", terminal)
    return {
        "kind": new.kind, "country": new.country,
        "accounts": sorted(new.accounts), "terminals": sorted(new.terminals), "reason": reason,
        "active": True,
    }  # fmt: skip


def _critical(tx: Tx, new: NewList) -> list[str]:
    """Return the life-critical terminals that a list may cut.

    Where a terminal will be cannot be known; an allow-list is taken to cut those whose line's country it is,
    and those that have none.
    """
    on_it = or_(terminals.c.id.in_(list(new.terminals)), terminals.c.account_id.in_(list(new.accounts)))
    if new.kind == "block":
        return critical_of(tx.conn, on_it)
    elsewhere = select(lines.c.id).where(lines.c.country.is_not(None), lines.c.country != new.country)
    off_it = ~func.coalesce(on_it, False)
    return critical_of(tx.conn, off_it & func.coalesce(terminals.c.line_id.not_in(elsewhere), True))


def _what(tx: Tx, new: NewList) -> str:
    version = tx.conn.execute(select(lists.c.version).where(lists.c.id == new.id)).scalar() or 0
    return (
        f"{new.kind}-list {new.id} after version {version}, country {new.country or 'any'}, "
        f"accounts {', '.join(sorted(new.accounts)) or 'none'}, "
        f"terminals {', '.join(sorted(new.terminals)) or 'none'}"
    )
