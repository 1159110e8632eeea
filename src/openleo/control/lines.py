"""Service lines: an account's plan at an address; a terminal is on one.

A line that is paused, closed or out of data spares nobody, so one with a life-critical terminal on it needs
two people who name that terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from openleo.base.errors import BadInput, did_you_mean
from openleo.control.areas import need_version
from openleo.control.critical import Cut, critical_of, cut_text, need_all_named, need_cut
from openleo.control.decided import Note, change, check_country, find, make
from openleo.control.plane import Tx
from openleo.control.schema import terminals
from openleo.control.switching import AlreadySo

STATUSES = ("active", "paused", "overage", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line that is to be; the address is for plans that count the distance from it."""

    id: str
    account: str
    plan: str | None = None
    country: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


def add_line(tx: Tx, new: NewLine, *, effective: datetime | None = None) -> Row[Any]:
    """Add a service line to an account, active."""
    tx.require("account.write")
    find(tx.conn, "account", new.account)
    columns = {"account_id": new.account, "status": "active", **_place(tx, new)}
    note = Note(kind="line.added", effective=effective, account=new.account)
    make(tx, "line", new.id, columns, note)
    return find(tx.conn, "line", new.id)


def move_line(
    tx: Tx, new: NewLine, *, reason: str = "", effective: datetime | None = None, version: int | None = None
) -> Row[Any]:
    """Give a line another plan, country or address; it stays with its account."""
    tx.require("account.write")
    row = find(tx.conn, "line", new.id)
    need_version("service line", row, version)
    if row.account_id != new.account:
        raise BadInput(f"line {new.id} is of account {row.account_id}", "a line never changes its account")
    changes = {k: v for k, v in _place(tx, new).items() if row._mapping[k] != v}
    if not changes:
        raise AlreadySo(f"service line {new.id} is so already", "see `openleo account lines`")
    note = Note(kind="line.changed", reason=reason, effective=effective, account=row.account_id)
    change(tx, "line", row, changes, note)
    return find(tx.conn, "line", new.id)


def line_text(tx: Tx, name: str, status: str, *, reason: str, include: Sequence[str]) -> str:
    """Return what both people sign where a line's new status cuts what lives depend on."""
    return cut_text(tx, _what(find(tx.conn, "line", name), status), include, reason=reason)


def set_line(
    tx: Tx, name: str, status: str, *, reason: str = "", effective: datetime | None = None,
    cut: Cut | None = None, version: int | None = None,
) -> Row[Any]:  # fmt: skip
    """Pause a line, resume it (``active``), close it, or say that its data is used up (``overage``)."""
    tx.require("account.write")
    row = find(tx.conn, "line", name)
    need_version("service line", row, version)
    if status not in STATUSES:
        raise BadInput(f"a service line cannot be {status!r}", did_you_mean(status, STATUSES))
    if row.status == status:
        raise AlreadySo(f"service line {name} is {status} already", "see `openleo account lines`")
    cut = cut or Cut()
    critical = [] if status == "active" else critical_of(tx.conn, terminals.c.line_id == name)
    need_all_named(cut, critical, f"service line {name}, {status},")
    text, signatures = need_cut(tx, _what(row, status), cut, reason=reason, critical=critical)
    note = Note(
        kind=f"line.{status}", reason=reason, effective=effective, account=row.account_id, cut=cut.include,
        text=text, signatures=signatures,
    )  # fmt: skip
    change(tx, "line", row, {"status": status}, note)
    return find(tx.conn, "line", name)


def _place(tx: Tx, new: NewLine) -> dict[str, Any]:
    if new.plan is not None:
        find(tx.conn, "plan", new.plan)
    latitude, longitude = new.latitude_deg, new.longitude_deg
    if (latitude is None) != (longitude is None):
        raise BadInput("an address is a latitude and a longitude", "give both, such as 50.45,30.52")
    if latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise BadInput(f"{latitude:g},{longitude:g} is not on Earth", "write latitude,longitude in degrees")
    return {
        "plan_id": new.plan, "country": None if new.country is None else check_country(new.country),
        "latitude_deg": latitude, "longitude_deg": longitude,
    }  # fmt: skip


def _what(row: Row[Any], status: str) -> str:
    return f"service line {row.id} at version {row.version} {status}"
