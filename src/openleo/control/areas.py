"""Service areas: making them, reading them, and changing those that nobody is served or cut off by yet.

What changes who is served (a switch, or the definition of an area that has been switched) goes through a
request and two people: see `control.switching`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from openleo.base.clock import first_slot_from, to_datetime64
from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.control import authorize
from openleo.control.facts import Fact
from openleo.control.ledger import Decision
from openleo.control.network import NetworkKind
from openleo.control.plane import Tx
from openleo.control.schema import accounts, areas
from openleo.ground.cells import are_cells
from openleo.ground.packed_cells import Cells, pack_cells, unpack_cells

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
DEFINITION = (
    "parent_id",
    "title",
    "cells",
    "country",
    "except_accounts",
    "valid_from_slot",
    "valid_until_slot",
)


class Exists(Refused):
    """There is one of that name already."""

    code = "exists"


class Stale(Refused):
    """What is to be changed is not what its author was looking at."""

    code = "stale"


class NeedsTwo(Refused):
    """One person cannot do this alone."""

    code = "needs-two-people"


class NotFound(BadInput):
    """There is none of that name."""

    code = "not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArea:
    """What an area is made of; ``cells`` sorted unique H3 cells of resolution 5 (uint64)."""

    id: str
    cells: Cells
    kind: NetworkKind | None = None  # default: the network's
    parent_id: str | None = None
    title: str = ""
    country: str | None = None
    except_accounts: Sequence[str] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def check_name(what: str, name: str) -> str:
    """Return a name that may be an id; raises BadInput."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be the name of {what}",
            "use 1 to 64 of a-z, 0-9, '.', '_' and '-', such as kherson-north",
        )
    return name


def define_area(tx: Tx, new: NewArea, *, reason: str = "") -> Row[Any]:
    """Make an area whose switch is its parent's (none above: nothing), and return its row."""
    tx.require("area.define", new.parent_id)
    check_name("an area", new.id)
    if tx.conn.execute(select(areas.c.id).where(areas.c.id == new.id)).first():
        raise Exists(f"there is an area {new.id} already", f"see `openleo area show {new.id}`")
    if new.parent_id is not None:
        find_area(tx.conn, new.parent_id)
    _check_cells(new.cells)
    _check_accounts(tx.conn, new.except_accounts)
    columns = {
        "parent_id": new.parent_id, "kind": (new.kind or tx.network.kind).value, "title": new.title,
        "switch": "inherit", "cells": pack_cells(new.cells), "cell_count": len(new.cells),
        "country": new.country, "except_accounts": sorted(new.except_accounts), "cut_terminals": [],
        "valid_from_slot": slot_of(new.valid_from), "valid_until_slot": slot_of(new.valid_until),
        "version": 1,
    }  # fmt: skip
    slot = tx.effective_slot(None, "area", new.id)
    fact = Fact(noun="area", id=new.id, changes=columns, slot=_from_the_first(tx, slot), new=True)
    tx.record(
        Decision(
            kind="area.defined", action="define", area=new.id, reason=reason, facts=[fact],
            counts={"cells": len(new.cells)},
        )
    )  # fmt: skip
    return find_area(tx.conn, new.id)


def redefine_area(
    tx: Tx, area_id: str, changes: Mapping[str, Any], *, version: int | None, reason: str
) -> Row[Any]:
    """Change the definition of an area that neither it nor anything above it was ever switched."""
    tx.require("area.define", area_id)
    area = find_area(tx.conn, area_id)
    need_version("area", area, version)
    checked = checked_changes(tx, area_id, changes)
    above = authorize.ancestors(tx.conn, area_id)
    switched = [a.id for a in (find_area(tx.conn, a) for a in above) if a.switch != "inherit"]
    if switched:
        raise NeedsTwo(
            f"area {switched[0]} has been switched, so changing {area_id} changes who is served",
            f"ask for it: `openleo request new {area_id} as-is` with the same options",
        )
    slot = tx.effective_slot(None, "area", area_id)
    fact = Fact(noun="area", id=area_id, changes={**checked, "version": area.version + 1}, slot=slot)
    tx.record(Decision(kind="area.redefined", action="define", area=area_id, reason=reason, facts=[fact]))
    return find_area(tx.conn, area_id)


def checked_changes(tx: Tx, area_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a definition as columns; raises BadInput for what cannot be."""
    unknown = changes.keys() - {*DEFINITION, "valid_from", "valid_until"}
    if unknown:
        name = sorted(unknown)[0]
        raise BadInput(f"an area has no {name!r} to change", did_you_mean(name, DEFINITION))
    out = dict(changes)
    for key in ("valid_from", "valid_until"):
        if key in out:
            out[f"{key}_slot"] = slot_of(out.pop(key))
    if isinstance(out.get("cells"), np.ndarray):
        _check_cells(out["cells"])
        out["cells"], out["cell_count"] = pack_cells(out["cells"]), len(out["cells"])
    if out.get("except_accounts"):
        _check_accounts(tx.conn, out["except_accounts"])
        out["except_accounts"] = sorted(out["except_accounts"])
    if out.get("parent_id") is not None:
        tx.require("area.define", out["parent_id"])
        if area_id in authorize.ancestors(tx.conn, out["parent_id"]):
            raise BadInput(f"{out['parent_id']} lies in {area_id}", "an area cannot be inside itself")
    return out


def find_area(conn: Connection, area_id: str) -> Row[Any]:
    """Return an area's row; raises NotFound with the nearest names."""
    row = conn.execute(select(areas).where(areas.c.id == area_id)).one_or_none()
    if row is None:
        known = conn.execute(select(areas.c.id)).scalars().all()
        raise NotFound(f"there is no area {area_id!r}", did_you_mean(area_id, known))
    return row


def cells_of_area(row: Row[Any]) -> Cells:
    """Return an area's cells, sorted."""
    return unpack_cells(row.cells)


def list_areas(tx: Tx) -> list[Row[Any]]:
    """Return the areas that the actor may see, by name."""
    within = authorize.scope(tx.conn, tx.actor.id, "area.read")
    query = select(areas).order_by(areas.c.id)
    if within is not None:
        query = query.where(areas.c.id.in_(within))
    return list(tx.conn.execute(query))


def need_version(what: str, row: Row[Any], version: int | None) -> None:
    """Raise Stale where a change was made against another version than the present one."""
    if version is not None and version != row.version:
        raise Stale(
            f"{what} {row.id} is at version {row.version}, and the change was made against {version}",
            "read it again, then change it",
        )


def slot_of(instant: datetime | None) -> int | None:
    """Return the first slot that starts at or after an instant."""
    return None if instant is None else first_slot_from(to_datetime64(instant))


def _from_the_first(tx: Tx, slot: int) -> int | None:
    """A new area acts from now on; in a simulated network, whose time is not ours, from the first slot."""
    return 0 if tx.network.timeless else slot


def _check_cells(cells: Cells) -> None:
    if len(cells) == 0:
        raise BadInput("an area needs at least one cell", "give a shape, cells, or a country")
    if np.any(cells[1:] <= cells[:-1]) or not np.all(are_cells(cells)):
        raise BadInput(
            "the cells of an area are not sorted H3 cells of resolution 5", "see `openleo area --help`"
        )


def _check_accounts(conn: Connection, names: Sequence[str]) -> None:
    known = conn.execute(select(accounts.c.id)).scalars().all()
    for name in names:
        if name not in known:
            raise NotFound(f"there is no account {name!r}", did_you_mean(name, known))
