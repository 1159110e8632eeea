"""Where terminals say they are: kept exactly, read with a reason that is written down, and doubted.

Operations see a cell of about 5 km2, which `locate` writes, and beside it the cell that areas hold.  Whoever
reads an exact position leaves a row in `reads`.
"""

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Row, insert, select, update

from openleo.control.acts import Act, Done, apply
from openleo.control.areas import NotFound
from openleo.control.facts import Fact
from openleo.control.incidents import drawn_to
from openleo.control.inventory import LISTED, find_terminal
from openleo.control.ledger import Decision
from openleo.control.life import CUT_OFF, VERBS, State
from openleo.control.moved import (
    Evidence,
    Minute,
    Network,
    Place,
    Track,
    network_says,
    place_of,
    reported_place,
)
from openleo.control.onboarding import cells_at
from openleo.control.plane import SYSTEM, Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import areas, positions, reads, terminals
from openleo.ground.cells import cell_of
from openleo.ground.packed_cells import Cells, unpack_cells

SUSPECT, IN_AREA = "suspect", "in_area"
_cells = lru_cache(maxsize=64)(unpack_cells)
_ANYWHERE: Cells = np.empty(0, np.uint64)


def note_position(
    tx: Tx,
    terminal: Row[Any],
    at: datetime,
    place_deg: tuple[float, float],
    evidence: Evidence | None,
) -> Track:
    """Keep where a terminal says it is, and what the network says to that; return what is thought of it.

    Nothing is decided: a terminal that is thought to have moved is shown as suspect, and a person decides.
    """
    old = tx.conn.execute(select(positions).where(positions.c.terminal_id == terminal.id)).one_or_none()
    if old is not None and at < old.at:
        return _track(old)
    latitude_deg, longitude_deg = place_deg
    area = _area(tx, terminal.area_id)
    place = place_of(int(cell_of(latitude_deg, longitude_deg)), area) if len(area) else Place.IN
    says = network_says(latitude_deg, longitude_deg, area, evidence)
    track = (_track(old) if old is not None else Track()).step(place, says, at=at)
    before = None if old is None else old.evidence.get("incident")
    incident = before
    if says is Network.CONTRADICTS:
        drawn = reported_place(latitude_deg, longitude_deg)
        incident = drawn_to(tx, terminal, drawn, at, before=before)
    row = {
        "at": at, "latitude_deg": latitude_deg, "longitude_deg": longitude_deg, "since": track.since,
        "state": SUSPECT if track.suspect else IN_AREA,
        "evidence": {
            "network": None if evidence is None else asdict(evidence), "says": says.value,
            "incident": incident, "to_be_held": track.to_be_held,
            "minutes": [[m.minute, m.place.value, m.network.value] for m in track.minutes],
        },
    }  # fmt: skip
    if old is None:
        tx.conn.execute(insert(positions).values(terminal_id=terminal.id, **row))
    else:
        tx.conn.execute(update(positions).where(positions.c.terminal_id == terminal.id).values(**row))
    return track


def _track(row: Row[Any]) -> Track:
    minutes = tuple(
        Minute(minute=minute, place=Place(place), network=Network(says))
        for minute, place, says in row.evidence["minutes"]
    )
    return Track(minutes=minutes, suspect=row.state == SUSPECT, since=row.since)


def _area(tx: Tx, area: str | None) -> Cells:
    if area is None:
        return _ANYWHERE
    return _cells(tx.conn.execute(select(areas.c.cells).where(areas.c.id == area)).scalar_one())


def read_position(tx: Tx, terminal: str, *, why: str) -> Row[Any]:
    """Return a terminal's last exact position; who read it, when and why is written in the same transaction.

    Raises Forbidden, NeedsReason without a reason, NotFound where none is known.
    """
    find_terminal(tx, terminal, "terminal.position")
    if not why.strip():
        raise NeedsReason(
            "whoever reads an exact position says why", f"openleo terminal position {terminal} --why '...'"
        )
    row = tx.conn.execute(select(positions).where(positions.c.terminal_id == terminal)).one_or_none()
    if row is None:
        raise NotFound(f"no position of {terminal} is known", "it tells one when it checks in")
    tx.conn.execute(
        insert(reads).values(person_id=tx.actor.id, terminal_id=terminal, at=tx.now, why=why.strip())
    )
    return row


def list_reads(tx: Tx, *, terminal: str | None = None) -> list[Row[Any]]:
    """Return who read which exact position, when and why, newest first; needs log.read."""
    query = select(reads).order_by(reads.c.n.desc())
    if terminal is not None:
        found = find_terminal(tx, terminal, "log.read")
        return list(tx.conn.execute(query.where(reads.c.terminal_id == found.id)))
    tx.require("log.read", None)
    return list(tx.conn.execute(query))


def _where_known(tx: Tx) -> list[tuple[Row[Any], dict[str, int]]]:
    """Return the terminals whose cells are not those in which they credibly said they are, and which are."""
    query = (
        select(
            terminals.c.id, terminals.c.cell, terminals.c.service_cell, terminals.c.version,
            positions.c.latitude_deg, positions.c.longitude_deg, positions.c.evidence,
        )
        .join(positions, positions.c.terminal_id == terminals.c.id)
        .where(positions.c.state == IN_AREA, terminals.c.state.not_in([s.value for s in CUT_OFF]))
        .order_by(terminals.c.id)
    )  # fmt: skip
    found: list[tuple[Row[Any], dict[str, int]]] = []
    rows: list[Row[Any]] = list(tx.conn.execute(query))
    for row in rows:
        cells = cells_at(row.latitude_deg, row.longitude_deg)
        moved = any(row._mapping[name] != cell for name, cell in cells.items())
        if moved and row.evidence["says"] != Network.CONTRADICTS:
            found.append((row, cells))
    return found


def locate(tx: Tx) -> int:
    """Write the cells in which terminals credibly said they are, all in one entry; return how many moved.

    Time does this, as a sweep: whoever calls it, the record says that openleo did.
    """
    moved = _where_known(tx)
    if moved:
        facts = [
            Fact(noun="terminal", id=row.id, changes={**cells, "version": row.version + 1})
            for row, cells in moved
        ]
        system = Tx(conn=tx.conn, network=tx.network, actor=SYSTEM, now=tx.now, salts=tx.salts)
        ids = [row.id for row, _ in moved]
        system.record(
            Decision(
                kind="terminal.located", action="locate", reason="", facts=facts, terminals=ids,
                counts={"terminals": len(ids)},
            )
        )  # fmt: skip
    return len(moved)


def to_be_held(tx: Tx) -> list[Row[Any]]:
    """Return the active terminals that are thought to have moved, where the network's evidence agrees."""
    query = (
        select(*LISTED, positions.c.evidence)
        .join_from(terminals, positions, positions.c.terminal_id == terminals.c.id)
        .where(positions.c.state == SUSPECT, terminals.c.state == State.ACTIVE.value)
        .order_by(terminals.c.id)
    )
    found: list[Row[Any]] = list(tx.conn.execute(query))
    return [row for row in found if row.evidence["to_be_held"]]


def hold_by_policy(tx: Tx) -> Done | None:
    """Hold what `to_be_held` gives, but nothing life-critical; for a network whose people set that policy.

    Nothing calls this by itself; each hold is a decision in the log that `release` ends.
    """
    assert tx.actor == SYSTEM
    rows = [row for row in to_be_held(tx) if not row.life_critical]
    if not rows:
        return None
    why = "policy: out of its area in 3 of 5 minutes, and the network's own evidence agrees"
    return apply(tx, rows, Act(verb=VERBS["hold"], reason=why, at_once=True))


def doubt(tx: Tx, terminal: str) -> str | None:
    """Return what the network says to where a terminal says it is; None where it said nothing yet."""
    find_terminal(tx, terminal)
    query = select(positions.c.evidence).where(positions.c.terminal_id == terminal)
    found = tx.conn.execute(query).scalar()
    return None if found is None else str(found["says"])
