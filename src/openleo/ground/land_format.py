"""How a land table is kept: the bytes of the file, and the array that a cell's number indexes.

Every cell has a slot: its base cell and its five digits in base 7, so that slots run in the order of the
H3 index and a table is one flat array.  (Slots that no cell has, under the twelve pentagons, stay sea.)

The file: the eight bytes ``OLEOLAND``; version and header length, little-endian uint16 and uint32; a JSON
header; then zlib-compressed runs.  A class is a (country, disputed area) pair; runs of one class are kept as
their classes (one byte each), the low bytes of their lengths, and the high bytes: lengths below 65,536, a
longer run being several.
"""

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.ground.cells import CELL_RESOLUTION, Cells, are_cells

MAGIC = b"OLEOLAND"
VERSION = 1
BASE_CELLS = 122
SLOTS_PER_BASE_CELL = 7**CELL_RESOLUTION
SLOTS = BASE_CELLS * SLOTS_PER_BASE_CELL
_UNUSED_DIGITS = np.uint64((1 << 3 * (15 - CELL_RESOLUTION)) - 1)
_CELL_BITS = np.uint64(1 << 59 | CELL_RESOLUTION << 52)
_MAX_RUN = 0xFFFF
_MAX_BYTES = 64 * SLOTS

Slots = NDArray[np.int64]


def slots_of_cells(cells: Cells) -> Slots:
    """Return the slot of each cell; ValueError if one is not a cell of our resolution."""
    if not are_cells(cells).all():
        wrong = int(np.atleast_1d(cells)[~np.atleast_1d(are_cells(cells))][0])
        raise ValueError(f"{wrong:#x} is not an H3 cell of resolution {CELL_RESOLUTION}")
    numbers = cells.astype(np.int64)
    slots = (numbers >> 45) & 0x7F
    for digit in range(1, CELL_RESOLUTION + 1):
        slots = slots * 7 + ((numbers >> (45 - 3 * digit)) & 7)
    return np.asarray(slots, np.int64)


def cells_of_slots(slots: Slots) -> Cells:
    """Return the cell of each slot."""
    rest = slots.astype(np.uint64)
    cells = np.full(rest.shape, _CELL_BITS | _UNUSED_DIGITS, np.uint64)
    for digit in range(CELL_RESOLUTION, 0, -1):
        rest, remainder = np.divmod(rest, np.uint64(7))
        cells |= remainder << np.uint64(45 - 3 * digit)
    return np.asarray(cells | rest << np.uint64(45), np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A land table in memory: ``country`` and ``area`` hold an index or -1 for each slot (int16)."""

    countries: tuple[str, ...]
    country: NDArray[np.int16]
    area: NDArray[np.int16]
    areas: tuple[dict[str, Any], ...] = ()
    too_small: dict[str, str] = field(default_factory=dict)
    source: str
    date: str

    @classmethod
    def all_sea(cls, *, source: str, date: str) -> "Table":
        """Return a table without land."""
        country, area = np.full(SLOTS, -1, np.int16), np.full(SLOTS, -1, np.int16)
        return cls(countries=(), country=country, area=area, source=source, date=date)

    def replaced(self, codes: list[str], country: NDArray[np.int16]) -> "Table":
        """Return this table with other countries; ``country`` indexes ``codes``, which come out sorted.

        A code without a cell is dropped.
        """
        used = np.bincount(country[country >= 0], minlength=len(codes)) > 0
        kept = sorted(code for code, has_cells in zip(codes, used, strict=True) if has_cells)
        new_index = np.array([kept.index(c) if c in kept else -1 for c in codes] + [-1], np.int16)
        return Table(
            countries=tuple(kept),
            country=new_index[country],  # -1, the sea, takes the last entry
            area=self.area,
            areas=self.areas,
            too_small={code: holder for code, holder in self.too_small.items() if code not in kept},
            source=self.source,
            date=self.date,
        )


def encode(table: Table) -> bytes:
    """Return the bytes of a land table's file."""
    pair = (table.country.astype(np.int32) + 1) * (len(table.areas) + 1) + table.area + 1
    classes, per_slot = np.unique(pair, return_inverse=True)
    if len(classes) > 0xFFFF:
        raise ValueError(f"{len(classes)} classes of cells do not fit the format")
    starts = np.flatnonzero(np.diff(per_slot, prepend=-1))
    lengths = np.diff(starts, append=SLOTS)
    pieces = -(-lengths // _MAX_RUN)
    run_class = np.repeat(per_slot[starts], pieces).astype("<u2")
    run_length = np.full(run_class.size, _MAX_RUN, "<u2")
    run_length[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * _MAX_RUN
    header = {
        "resolution": CELL_RESOLUTION,
        "source": table.source,
        "date": table.date,
        "countries": table.countries,
        "areas": table.areas,
        "too_small": table.too_small,
        "classes": [
            [int(c) // (len(table.areas) + 1) - 1, int(c) % (len(table.areas) + 1) - 1] for c in classes
        ],
        "runs": int(run_class.size),
    }
    planes = [plane for array in (run_class, run_length) for plane in array.view(np.uint8).reshape(-1, 2).T]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    packed = zlib.compress(text + b"".join(p.tobytes() for p in planes), 9)
    return MAGIC + struct.pack("<HI", VERSION, len(text)) + packed


def decode(content: bytes, path: str) -> Table:
    """Return the table in the bytes of a file; BadInput naming ``path`` if they are not one."""
    try:
        version, header_bytes = struct.unpack_from("<HI", content, len(MAGIC))
        if version != VERSION:
            raise BadInput(
                f"{path} is a land table of version {version}; this openleo reads version {VERSION}",
                "build it anew with experiments/build_land_table.py, or use a newer openleo",
            )
        unpacker = zlib.decompressobj()
        body = unpacker.decompress(content[len(MAGIC) + 6 :], _MAX_BYTES)
        header = json.loads(body[:header_bytes])
        planes = np.frombuffer(body, np.uint8, 4 * header["runs"], header_bytes).reshape(4, -1)
        run_class = planes[0].astype(np.intp) | planes[1].astype(np.intp) << 8
        run_length = planes[2].astype(np.intp) | planes[3].astype(np.intp) << 8
        classes = np.array(header["classes"], np.int16).reshape(-1, 2)
        if header["resolution"] != CELL_RESOLUTION or run_length.sum() != SLOTS or not unpacker.eof:
            raise ValueError("runs do not add up")
        return Table(
            countries=tuple(header["countries"]),
            country=np.repeat(classes[run_class, 0], run_length),
            area=np.repeat(classes[run_class, 1], run_length),
            areas=tuple(header["areas"]),
            too_small=dict(header["too_small"]),
            source=header["source"],
            date=header["date"],
        )
    except (struct.error, zlib.error, ValueError, KeyError, IndexError, TypeError) as error:
        raise BadInput(
            f"{path} begins as a land table but cannot be read to its end ({error})",
            "fetch or build the file again: it was cut short or changed",
        ) from None
