"""The log for outsiders: a folder of commitments that anyone may have, and what is shown of its entries.

`publish` writes commitments alone: no names, no reasons, no places.  `disclose` writes a package: the same
folder, and chosen fields of chosen entries with their salts.  Nothing is shown before an entry's embargo
ends, which is a number of days after the decision (`set_embargo_days`) unless somebody decided otherwise
(`embargo`); requests are never shown.  Each disclosure and each changed embargo is an entry itself.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.base.instants import instant_text
from openleo.control import authorize, ledger
from openleo.control.areas import NotFound, find_area
from openleo.control.ledger import EMBARGO_DAYS, Decision
from openleo.control.log import (
    FIELDS_V1,
    Checkpoint,
    Disclosure,
    Embargoed,
    Sealed,
    StorageFailed,
    VerifierKey,
    make_proof,
    open_checkpoint,
    write_package,
)
from openleo.control.log import disclose as open_fields
from openleo.control.log.checkpoint import parse_checkpoint
from openleo.control.log.disclosure import parse_instant
from openleo.control.log.files import read_regular
from openleo.control.log.note import MAX_NOTE_BYTES, parse_note
from openleo.control.log.tile_paths import CHECKPOINT
from openleo.control.plane import SYSTEM, Actor, Plane, Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import entries, entry_fields, meta

LONGEST_EMBARGO_DAYS = 36_525.0  # a century
NEVER_SHOWN = frozenset({"body", "request"})  # what was asked, and by whom, is for those who need to know
_ALIASES = {"time": "decided_at"}


class NeedToKnow(Refused):
    """This is not for outsiders."""

    code = "need-to-know"


class OtherLog(Refused):
    """The folder holds another log, or more of it than the database does."""

    code = "other-log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a folder holds now."""

    folder: Path
    size: int
    added: int
    vkey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What a package shows: these fields of these entries; ``entry`` is the log's record of that.

    ``withheld`` are entries of the area that are not shown: under embargo, or requests.
    """

    published: Published
    entry: int
    shown: Sequence[int]
    fields: Sequence[str]
    withheld: Sequence[int]


def publish(plane: Plane, folder: Path, *, actor: Actor = SYSTEM) -> Published:
    """Write the public log to a folder, or bring one up to date; raises OtherLog, and BadInput for a disk."""
    if actor != SYSTEM:
        plane.read(actor, lambda tx: tx.require("log.disclose"))
    return _write(plane, folder, ())


def disclose(
    plane: Plane,
    actor: Actor,
    folder: Path,
    *,
    fields: Collection[str],
    to: str,
    reason: str,
    indices: Sequence[int] = (),
    area_id: str | None = None,
) -> Disclosed:
    """Write a package for somebody: fields of the named entries, or of all of an area that may be shown.

    Raises Embargoed, NeedToKnow or Forbidden for a named entry that may not be.  That it was disclosed, and
    to whom, is in the log before the package is written.
    """
    _folder_size(plane, folder)
    names = field_names(fields)
    found, withheld, entry = plane.act(
        actor, lambda tx: open_entries(tx, indices, area_id, names, to=to, reason=reason)
    )
    return Disclosed(
        published=_write(plane, folder, found), entry=entry, shown=[one.index for one in found],
        fields=names, withheld=withheld,
    )  # fmt: skip


def embargo(tx: Tx, index: int, until: datetime, *, reason: str) -> int:
    """Show nothing of an entry before an instant, earlier or later than it was; return what recorded that."""
    row = _entry(tx.conn, index)
    tx.require("log.disclose", row.area_id)
    _need_reason(reason, f"openleo log embargo {index}")
    recorded = tx.record(
        Decision(
            kind="log.embargoed", action="embargo", area=row.area_id, reason=reason, facts=(),
            more={
                "refers_to": [index], "until": instant_text(until),
                "before": None if row.embargo_until is None else instant_text(row.embargo_until),
            },
        )
    )  # fmt: skip
    tx.conn.execute(update(entries).where(entries.c.index == index).values(embargo_until=until))
    return recorded


def set_embargo_days(tx: Tx, days: float, *, reason: str) -> int:
    """Set for how long nothing is shown of the entries to come; return the entry that says so."""
    tx.require("log.disclose")
    _need_reason(reason, "openleo log embargo --days N")
    if not 0.0 <= days <= LONGEST_EMBARGO_DAYS:
        raise BadInput(f"an embargo of {days:g} days", f"use 0 to {LONGEST_EMBARGO_DAYS:g}")
    before = ledger.embargo_days(tx.conn)
    recorded = tx.record(
        Decision(
            kind="log.embargo-set", action="embargo", reason=reason, facts=(),
            more={"days": days, "before": before},
        )
    )  # fmt: skip
    changed = tx.conn.execute(update(meta).where(meta.c.name == EMBARGO_DAYS).values(value=str(days)))
    if changed.rowcount == 0:
        tx.conn.execute(insert(meta).values(name=EMBARGO_DAYS, value=str(days)))
    return recorded


def proof_of(plane: Plane, index: int) -> bytes:
    """Return a file that proves an entry to be in the log; its leaf, which tells nothing, is inside."""
    signed = plane.store.checkpoint()
    with plane.store.reading() as conn:
        leaf = bytes(_entry(conn, index).leaf)
        made = make_proof(
            partial(ledger.node_at, conn), index=index, size=_size_of(signed), checkpoint=signed
        )
    return type(made)(index=index, path=made.path, checkpoint=signed, extra=leaf).to_bytes()


def field_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return fields of an entry by the names that people use, in order; raises BadInput or NeedToKnow."""
    shown = [name for name in FIELDS_V1 if name not in NEVER_SHOWN]
    wanted = {_ALIASES.get(name, name) for name in fields}
    for name in sorted(wanted):
        if name in NEVER_SHOWN:
            raise NeedToKnow(
                f"the field {name!r} holds what was requested, and is not for outsiders",
                f"choose from {', '.join(shown)}",
            )
        if name not in shown:
            raise BadInput(f"an entry has no field {name!r}", did_you_mean(name, [*shown, *_ALIASES]))
    if not wanted:
        raise BadInput("no field is to be shown", f"choose from {', '.join(shown)}")
    return tuple(name for name in shown if name in wanted)


def open_entries(
    tx: Tx, indices: Sequence[int], area_id: str | None, names: Sequence[str], *, to: str, reason: str
) -> tuple[list[Disclosure], list[int], int]:
    """Open the fields and record that; return the disclosures, what is left out, and the record's index."""
    if not to.strip():
        raise BadInput("it is not said to whom this is disclosed", "name them with --to")
    _need_reason(reason, "openleo log disclose")
    if bool(indices) == (area_id is not None):
        raise BadInput("name either entries or an area", "--entries 3,5 or --area kherson")
    rows = [_entry(tx.conn, index) for index in sorted(set(indices))]
    withheld: list[int] = []
    if area_id is not None:
        rows, withheld = _of_area(tx, area_id)
    for row in rows:
        tx.require("log.disclose", row.area_id)
        _need_shown(row, tx.now)
    found = [_disclosure(tx.conn, row, names, tx.now) for row in rows]
    if not found:
        raise BadInput(f"nothing of area {area_id} may be shown yet", "see `openleo log list`")
    recorded = tx.record(
        Decision(
            kind="log.disclosed", action="disclose", area=area_id, reason=reason, facts=(),
            counts={"entries": len(found)},
            more={"refers_to": [one.index for one in found], "fields": list(names), "to": to},
        )
    )  # fmt: skip
    return found, withheld, recorded


# What a request came to may be shown once its embargo is over; who else asked for what may not.
DECIDED_ON_REQUESTS = frozenset({"request.refused"})


def _of_area(tx: Tx, area_id: str) -> tuple[list[Row[Any]], list[int]]:
    """Return the entries of an area and those below it that may be shown, and the places of the others."""
    find_area(tx.conn, area_id)
    below = authorize.descendants(tx.conn, [area_id])
    rows = tx.conn.execute(
        select(entries).where(entries.c.area_id.in_(below)).order_by(entries.c.index)
    ).all()
    shown, withheld = [], []
    for row in rows:
        try:
            _need_shown(row, tx.now)
            shown.append(row)
        except Refused:
            withheld.append(row._mapping["index"])
    return shown, withheld


def _need_shown(row: Row[Any], now: datetime) -> None:
    if row.kind.startswith("request.") and row.kind not in DECIDED_ON_REQUESTS:
        raise NeedToKnow(
            f"entry {row.index} is a step of a request, and requests are not for outsiders",
            "disclose the decision instead: area.switched, request.refused, area.emergency-off",
        )
    if row.embargo_until is None or now < row.embargo_until:
        until = "ever" if row.embargo_until is None else f"before {instant_text(row.embargo_until)}"
        raise Embargoed(
            f"nothing of entry {row.index} is to be shown {until}",
            f"wait, or decide otherwise: `openleo log embargo {row.index} --until TIME --reason '...'`",
        )


def _disclosure(conn: Connection, row: Row[Any], names: Sequence[str], now: datetime) -> Disclosure:
    index: int = row._mapping["index"]
    found = conn.execute(select(entry_fields).where(entry_fields.c.index == index)).all()
    values = {one.name: one.value for one in found}
    sealed = Sealed(
        leaf=bytes(row.leaf), salts={one.name: bytes(one.salt) for one in found if one.salt is not None}
    )
    committed = values.get("embargo")
    if committed is not None:  # an earlier time was decided since: that entry is the reason
        now = max(now, parse_instant(committed))
    return open_fields(index=index, sealed=sealed, fields=values, names=names, now=now)


def _write(plane: Plane, folder: Path, disclosures: Sequence[Disclosure]) -> Published:
    old = _folder_size(plane, folder)
    signed = plane.store.checkpoint()
    size = _size_of(signed)
    try:
        with plane.store.reading() as conn:
            write_package(
                folder, signed, key=plane.store.vkey, entries=partial(_leaves, conn),
                read=partial(ledger.node_at, conn), disclosures=disclosures, old_size=old,
            )  # fmt: skip
    except StorageFailed as error:
        raise BadInput(
            f"the log cannot be published: {error}", "name a folder that can be written"
        ) from error
    return Published(folder=folder, size=size, added=size - old, vkey=plane.store.vkey.text())


def _folder_size(plane: Plane, folder: Path) -> int:
    """Return how many of our entries a folder holds; raises OtherLog where it holds anything else."""
    held = held_checkpoint(folder, plane.store.vkey)
    if held is None:
        return 0
    with plane.store.reading() as conn:
        size = ledger.size_of(conn)
        if held.size > size:
            raise OtherLog(
                f"{folder} holds this log up to entry {held.size - 1}, and the database up to {size - 1}",
                "the database was rolled back: restore a newer backup; or name another folder",
            )
        if held.size and ledger.root_at(conn, held.size) != held.root:
            raise OtherLog(
                f"{folder} holds a log of this name that up to entry {held.size - 1} is not the database's",
                "name another folder, and find out which of the two was forged",
            )
    return held.size


def held_checkpoint(folder: Path, key: VerifierKey) -> Checkpoint | None:
    """Return the checkpoint of a folder, or None; raises OtherLog where it is not this key's."""
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        return open_checkpoint(read_regular(path, MAX_NOTE_BYTES, str(path)), [key])
    except BadInput as error:
        raise OtherLog(f"{path} is not of this log: {error.detail}", "name another folder") from error


def _size_of(signed: bytes) -> int:
    return parse_checkpoint(parse_note(signed).text).size


def _leaves(conn: Connection, start: int, stop: int) -> list[bytes]:
    found = conn.execute(
        select(entries.c.leaf)
        .where(entries.c.index >= start, entries.c.index < stop)
        .order_by(entries.c.index)
    )
    return [bytes(row.leaf) for row in found]


def _entry(conn: Connection, index: int) -> Row[Any]:
    row = conn.execute(select(entries).where(entries.c.index == index)).one_or_none()
    if row is None:
        raise NotFound(f"the log has no entry {index}", "see `openleo log list`")
    return row


def _need_reason(reason: str, command: str) -> None:
    if not reason.strip():
        raise NeedsReason("what is shown to outsiders, and when, needs a reason", f"{command} --reason '...'")
