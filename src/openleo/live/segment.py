"""One slot of the live network in a file that readers map into memory: the Snapshot, and the states about it.

A segment is written under another name and renamed, so whoever finds it finds it whole.  It is not synced: a
power cut may take the newest ones, and the engine then computes those slots again from the saved state.
"""

import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.base.digits import whole
from openleo.engine.state import State
from openleo.results.store import TEMPORARY
from openleo.snapshot.snapshot import Columns, Snapshot

MAGIC = b"OLSG1\n"
SUFFIX = ".seg"
_LENGTH = 10  # digits of the header's length
_ALIGN = 64
_DARK = (
    "dark",
    "dark_cause",
    "dark_rule",
    "dark_fault",
    "dark_seconds",
    "moved",
    "moved_cell",
    "moved_where",
)
_STATE = ("satellite", "unserved_since", "gateway")
MOVER_COLUMNS = ("terminal", "cell", "latitude_deg", "longitude_deg", "speed_m_s")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """A slot as the engine made it.

    ``before`` and ``after`` are the states about it, ``movers`` (columns of the stream's part, cells as rows
    of cell_index) where moving terminals are.  ``entry`` is the last entry of the decision log that the rules
    know, -1 none.
    """

    snapshot: Snapshot
    before: State
    after: State
    movers: Columns
    entry: int

    @property
    def rules_version(self) -> int:
        """A number that grows whenever the table of rules does."""
        return self.entry + 1

    @property
    def slot(self) -> int:
        """The slot."""
        return self.snapshot.slot


def segment_path(folder: Path, slot: int) -> Path:
    """Return where a slot's segment lies."""
    return folder / f"{slot}{SUFFIX}"


def slots_in(folder: Path) -> list[int]:
    """Return the slots of a folder's segments, in order."""
    found = (name.removesuffix(SUFFIX) for name in os.listdir(folder) if name.endswith(SUFFIX))
    return sorted(slot for name in found if (slot := whole(name)) is not None)


def write_segment(folder: Path, segment: Segment) -> int:
    """Write a segment; return its bytes."""
    s = segment.snapshot
    arrays: dict[str, NDArray[Any]] = {name: getattr(s, name) for name in _DARK}
    for prefix, columns in (("cells", s.cells), ("beams", s.beams), ("movers", segment.movers)):
        arrays |= {f"{prefix}.{name}": values for name, values in columns.items()}
    for prefix, state in (("before", segment.before), ("after", segment.after)):
        arrays |= {f"{prefix}.{name}": getattr(state, name) for name in _STATE}
    table, offset, content = [], 0, []
    for name, values in arrays.items():
        raw = np.ascontiguousarray(values)
        table.append([name, raw.dtype.str, list(raw.shape), offset])
        content.append((offset, raw))
        offset += raw.nbytes + -raw.nbytes % _ALIGN
    about = {
        "slot": s.slot, "summary": s.summary, "causes": list(s.causes.items()), "arrays": table,
        "entry": segment.entry,
    }  # fmt: skip
    head = json.dumps(about, separators=(",", ":"), default=int).encode()
    start = _start(len(head))
    path = segment_path(folder, s.slot)
    part = path.with_name(path.name + TEMPORARY)
    with part.open("wb") as file:
        file.write(MAGIC + f"{len(head):0{_LENGTH}d}".encode() + head)
        for at, raw in content:
            file.seek(start + at)
            file.write(raw.data.cast("B") if raw.nbytes else b"")
        file.truncate(start + offset)
    part.replace(path)
    return start + offset


def _start(head: int) -> int:
    used = len(MAGIC) + _LENGTH + head
    return used + -used % _ALIGN


def read_segment(folder: Path, slot: int) -> Segment:
    """Map a segment; its arrays are views of the file, which may be removed meanwhile.

    Raises FileNotFoundError where there is none, ValueError where it is no segment.
    """
    with segment_path(folder, slot).open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if content[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{segment_path(folder, slot)} is no segment")
    size = int(content[len(MAGIC) : len(MAGIC) + _LENGTH])
    about = json.loads(content[len(MAGIC) + _LENGTH : len(MAGIC) + _LENGTH + size])
    start, arrays = _start(size), {}
    for name, dtype, shape, offset in about["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(content, dtype, count, start + offset).reshape(shape)
    return Segment(
        snapshot=Snapshot(
            slot=about["slot"], summary=about["summary"], causes={int(c): int(n) for c, n in about["causes"]},
            cells=_under(arrays, "cells"), beams=_under(arrays, "beams"),
            **{name: arrays[name] for name in _DARK},
        ),
        before=State(**_under(arrays, "before")),
        after=State(**_under(arrays, "after")),
        movers=_under(arrays, "movers"),
        entry=about["entry"],
    )  # fmt: skip


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Columns:
    start = f"{prefix}."
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}
