"""The stream's layout: one registry of parts and columns, and frames of it in and out.

A view is a whole network in one slot, as the page needs it: for each part its columns as arrays.  A snapshot
frame holds a view; a delta frame holds what to change in the view of its base to have that of its slot.
docs/api-live.md and the page's TypeScript (web/src/lib/layout.ts) are written from the registry by
docs/write_stream.py.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.snapshot.tables import CELLS, OVERRIDES, SLOTS, Column

VERSION = 1
MAGIC = b"OLEO"
HEADER = struct.Struct("<4sHBBiiddfIIHH")
BLOCK = struct.Struct("<HBBII")
TYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32")
SUMMARY: tuple[str, ...] = tuple(c.name for c in SLOTS.columns if c.name not in {"slot", "start"})

Part = dict[str, NDArray[Any]]
View = dict[str, Part]


class Kind(IntEnum):
    """What a frame holds."""

    SNAPSHOT = 0
    DELTA = 1


class How(IntEnum):
    """How a delta tells a part: whole; whole or some rows by number; entries by terminal."""

    WHOLE = 0
    ROWS = 1
    ENTRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLayout:
    """One part: its number, what a row is, its columns, how deltas tell it.

    Column k has block number ``256 * number + k``.  Before the columns come, in deltas only, ``row`` (of
    ROWS) or ``gone`` (of ENTRIES that may end), as column 0.
    """

    name: str
    number: int
    row: str
    how: How
    columns: tuple[Column, ...]

    @property
    def extra(self) -> str:
        """The name of column 0, which deltas alone have."""
        return {How.WHOLE: "", How.ROWS: "row", How.ENTRIES: "gone"}[self.how]

    def block(self, column: str) -> int:
        """Return the number of a column's block."""
        if column == self.extra:
            return 256 * self.number
        return 256 * self.number + 1 + [c.name for c in self.columns].index(column)


def _col(name: str, dtype: str, unit: str, meaning: str) -> Column:
    return Column(name=name, dtype=dtype, unit=unit, meaning=meaning)


def _of(table: Any, *names: str) -> tuple[Column, ...]:
    return tuple(table.column(name) for name in names)


PARTS: tuple[PartLayout, ...] = (
    PartLayout(
        name="summary", number=1, row=f"one number each, in this order: {', '.join(SUMMARY)}",
        how=How.WHOLE,
        columns=(_col("values", "int32", "", "as in the table slots; -1 none"),),
    ),
    PartLayout(
        name="causes", number=2, row="one cause with terminals that are dark for the whole slot",
        how=How.WHOLE,
        columns=(
            _col("cause", "uint8", "", "why, as in the causes table"),
            _col("terminals", "int32", "", "how many"),
        ),
    ),
    PartLayout(
        name="cells", number=3, row="one cell with terminals of the scenario", how=How.ROWS,
        columns=_of(CELLS, "cause", "reason", "fault", "asking", "satellite", "gateway", "units"),
    ),
    PartLayout(
        name="measures", number=4, row="one cell with terminals of the scenario", how=How.ROWS,
        columns=_of(CELLS, "rtt_us", "rate_kbps"),
    ),
    PartLayout(
        name="dark", number=5, row="one terminal that fares otherwise than its cell", how=How.ENTRIES,
        columns=_of(OVERRIDES, "terminal", "cause", "rule", "fault", "seconds"),
    ),
    PartLayout(
        name="satellites", number=6, row="one satellite", how=How.ROWS,
        columns=(
            _col("cells", "uint16", "", "cells whose first unit it gives"),
            _col("gateway", "int16", "", "row in gateways whose antenna follows it, -1 none"),
        ),
    ),
    PartLayout(
        name="gateways", number=7, row="one gateway", how=How.WHOLE,
        columns=(_col("antennas", "uint16", "", "antennas that follow a satellite"),),
    ),
    PartLayout(
        name="movers", number=8, row="one moving terminal (simulated networks alone)", how=How.ENTRIES,
        columns=(
            _col("terminal", "int32", "", "row in terminals"),
            _col("cell", "int32", "", "row among the cells of frames"),
            _col("latitude_deg", "float32", "deg", "where it last entered a cell"),
            _col("longitude_deg", "float32", "deg", "where it last entered a cell"),
            _col("speed_m_s", "float32", "m/s", "speed over the ground"),
        ),
    ),
)  # fmt: skip
BY_NAME: dict[str, PartLayout] = {part.name: part for part in PARTS}
_COLUMNS = {
    256 * p.number + k: (p, name)
    for p in PARTS
    for k, name in enumerate([p.extra, *(c.name for c in p.columns)])
}


class Stamp(NamedTuple):
    """What a frame's header says beside its kind: times in ms since 1970, ``speed`` 0 without a clock."""

    slot: int
    start_ms: float
    sent_ms: float
    speed: float = 0.0
    rules_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame as read: its parts hold the columns that were in it."""

    kind: Kind
    base: int
    stamp: Stamp
    parts: Mapping[str, Part]


def view_of(parts: Mapping[str, Mapping[str, Any]]) -> View:
    """Return a view with every column in its type and entries in order of their terminal."""
    found: View = {}
    for part in PARTS:
        given = parts[part.name]
        columns = {c.name: np.asarray(given[c.name]).astype(c.numpy, copy=False) for c in part.columns}
        if part.how is How.ENTRIES:
            order = np.argsort(columns["terminal"], kind="stable")
            columns = {name: values[order] for name, values in columns.items()}
        found[part.name] = columns
    return found


def snapshot_parts(view: View) -> dict[str, Part]:
    """Return what a snapshot frame of a view holds."""
    return dict(view)


def delta_parts(old: View, new: View) -> dict[str, Part]:
    """Return what a delta frame holds that leads from one view to another."""
    found: dict[str, Part] = {}
    for part in PARTS:
        before, after = old[part.name], new[part.name]
        if part.how is How.WHOLE:
            changed = after
        elif part.how is How.ROWS:
            changed = _changed_rows(before, after)
        else:
            changed = _changed_entries(before, after)
        if changed:
            found[part.name] = changed
    return found


def _changed_rows(before: Part, after: Part) -> Part:
    """Return the rows that differ, or all where that is no longer; nothing where none does."""
    names = list(after)
    if len(before[names[0]]) != len(after[names[0]]):
        return after
    differs = np.zeros(len(after[names[0]]), np.bool_)
    for name in names:
        differs |= before[name] != after[name]
    rows = np.flatnonzero(differs).astype(np.uint32)
    if len(rows) == 0:
        return {}
    width = sum(values.dtype.itemsize for values in after.values())
    if len(rows) * (width + 4) >= len(differs) * width:
        return after
    return {"row": rows} | {name: values[rows] for name, values in after.items()}


def _changed_entries(before: Part, after: Part) -> Part:
    old, new = before["terminal"], after["terminal"]
    gone = np.setdiff1d(old, new, assume_unique=True).astype(np.int32)
    at = np.minimum(np.searchsorted(old, new), max(len(old) - 1, 0))
    same = old[at] == new if len(old) else np.zeros(len(new), np.bool_)
    for name, values in after.items():
        if len(old):
            same &= before[name][at] == values
    fresh = ~same
    if not fresh.any() and len(gone) == 0:
        return {}
    return {"gone": gone} | {name: values[fresh] for name, values in after.items()}


def apply_delta(view: View, frame: Frame) -> View:
    """Return the view that a delta frame makes of the view of its base."""
    found: View = {}
    for part in PARTS:
        before, change = view[part.name], frame.parts.get(part.name)
        if change is None:
            found[part.name] = before
        elif part.how is How.ROWS and "row" in change:
            columns = {name: values.copy() for name, values in before.items()}
            for name, values in columns.items():
                values[change["row"]] = change[name]
            found[part.name] = columns
        elif part.how is How.ENTRIES and "gone" in change:
            found[part.name] = _with_entries(before, change)
        else:
            found[part.name] = {c.name: change[c.name] for c in part.columns}
    return found


def _with_entries(before: Part, change: Part) -> Part:
    dropped = np.concatenate([change["gone"], change["terminal"]])
    stays = ~np.isin(before["terminal"], dropped)
    columns = {name: np.concatenate([values[stays], change[name]]) for name, values in before.items()}
    order = np.argsort(columns["terminal"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def encode(
    parts: Mapping[str, Part],
    stamp: Stamp,
    *,
    base: int | None = None,
    leave_out: frozenset[str] = frozenset(),
) -> bytes:
    """Return a frame: a snapshot, or with ``base`` a delta from that slot."""
    blocks: list[tuple[int, NDArray[Any]]] = []
    for name, columns in parts.items():
        if name not in leave_out:
            part = BY_NAME[name]
            blocks += [(part.block(column), values) for column, values in columns.items()]
    offset = HEADER.size + BLOCK.size * len(blocks)
    table, content = bytearray(), []
    for number, values in blocks:
        raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        table += BLOCK.pack(number, TYPES.index(values.dtype.name), 0, offset, len(values))
        padding = -len(raw) % 4
        content += [raw, bytes(padding)]
        offset += len(raw) + padding
    header = HEADER.pack(
        MAGIC, VERSION, Kind.SNAPSHOT if base is None else Kind.DELTA, 0, stamp.slot,
        stamp.slot if base is None else base, stamp.start_ms, stamp.sent_ms, stamp.speed,
        stamp.rules_version, offset, len(blocks), 0,
    )  # fmt: skip
    return b"".join([header, bytes(table), *content])


def decode(content: bytes) -> Frame:
    """Read a frame; ValueError where it is none."""
    if len(content) < HEADER.size or content[:4] != MAGIC:
        raise ValueError("these bytes are no frame")
    _, version, kind, _, slot, base, start, sent, speed, rules, size, count, _ = HEADER.unpack_from(content)
    if version != VERSION or size != len(content):
        raise ValueError(f"a frame of version {version} with {len(content)} of {size} bytes")
    parts: dict[str, Part] = {}
    for n in range(count):
        number, kind_of, _, offset, values = BLOCK.unpack_from(content, HEADER.size + n * BLOCK.size)
        if number not in _COLUMNS:
            continue
        part, column = _COLUMNS[number]
        dtype = np.dtype(TYPES[kind_of]).newbyteorder("<")
        parts.setdefault(part.name, {})[column] = np.frombuffer(content, dtype, values, offset)
    return Frame(kind=Kind(kind), base=base, stamp=Stamp(slot, start, sent, speed, rules), parts=parts)
