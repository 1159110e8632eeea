"""Terminals that stand outside the area whose people act on them: told to whoever onboards or activates them.

A terminal's area says whose people may act on it.  Whether it is served is decided by the areas that hold the
cell in which it stands, and these need not be the same: a dish on the shore, or one that was sent elsewhere.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from openleo.control.areas import cells_of_area, find_area
from openleo.control.inventory import chunks
from openleo.control.plane import Tx
from openleo.control.schema import terminals


def strays(tx: Tx, ids: Sequence[str]) -> tuple[str, ...]:
    """Return, for each area of these terminals outside which some are known to stand, words that say so."""
    columns = terminals.c
    query = select(columns.id, columns.area_id, columns.service_cell).where(columns.area_id.is_not(None))
    by_area: dict[str, list[tuple[str, int | None]]] = {}
    for part in chunks(ids):
        for name, area, cell in tx.conn.execute(query.where(columns.id.in_(part))):
            by_area.setdefault(area, []).append((name, cell))
    return tuple(said for area in sorted(by_area) if (said := _said(tx, area, by_area[area])))


def _said(tx: Tx, area: str, placed: Sequence[tuple[str, int | None]]) -> str:
    known = sorted((name, cell) for name, cell in placed if cell is not None)
    cells = np.array([cell for _, cell in known], np.uint64)
    outside = np.flatnonzero(~np.isin(cells, cells_of_area(find_area(tx.conn, area))))
    if not len(outside):
        return ""
    first = known[int(outside[0])][0]
    if len(placed) == 1:
        return f"{first} stands outside area {area}: {_meaning(tx, 'it is', 'it')}"
    stand = "stands" if len(outside) == 1 else "stand"
    example = f" (for example {first})" if len(outside) > 1 else f" ({first})"
    them = ("it is", "it") if len(outside) == 1 else ("they are", "them")
    return f"{len(outside):,} of {len(placed):,} {stand} outside area {area}{example}: {_meaning(tx, *them)}"


def _meaning(tx: Tx, are: str, them: str) -> str:
    if tx.network.denies:
        return f"{are} served only where an area that is on holds {them}"
    return f"what is decided of the cells of that area does not reach {them}"
