"""Areas by name, where the network is looked at: those of the control plane, and of the scenario."""

import numpy as np
from numpy.typing import NDArray

from openleo.api.viewing import Viewing
from openleo.api.watching import NoSuchThing, Watching
from openleo.control.areas import NotFound, cells_of_area, find_area, list_areas
from openleo.control.authorize import authorize
from openleo.control.plane import Tx

Rows = dict[str, set[int]]


def scenario_areas(watching: Watching) -> Rows:
    """Return the scenario's areas as rows of cell_index."""
    if "areas" not in watching.kept:
        areas = watching.archive.network.world.areas
        watching.kept["areas"] = {name: rows_of(watching, cells) for name, cells in areas.items()}
    found: Rows = watching.kept["areas"]
    return found


def rows_of(watching: Watching, cells: NDArray[np.uint64]) -> set[int]:
    """Return the rows of cell_index of those cells (N,) that the run knows."""
    if "cell_numbers" not in watching.kept:
        numbers = [int(h3, 16) for h3 in watching.archive.statics["cell_index"]["h3"].to_list()]
        watching.kept["cell_numbers"] = np.array(numbers, np.uint64)
    known: NDArray[np.uint64] = watching.kept["cell_numbers"]
    return set(np.flatnonzero(np.isin(known, cells)).tolist())


async def area_rows(call: Viewing, name: str) -> set[int]:
    """Return an area as rows of cell_index: the control plane's, if the caller sees it, else the scenario's.

    Raises NoSuchThing where there is neither.
    """
    at = call.watching
    if call.services is not None and call.actor is not None:

        def found(tx: Tx) -> NDArray[np.uint64] | None:
            if not authorize(tx.conn, tx.actor.id, "area.read", name).allowed:
                return None
            try:
                return cells_of_area(find_area(tx.conn, name))
            except NotFound:
                return None

        cells = await call.services.read(call.actor, found)
        if cells is not None:
            return rows_of(at, cells)
    areas = await at.aside(lambda: scenario_areas(at))
    if name not in areas:
        raise NoSuchThing(
            f"there is no area {name!r} here", f"the scenario has {', '.join(list(areas)[:8]) or 'none'}"
        )
    return areas[name]


async def all_area_rows(call: Viewing) -> Rows:
    """Return every area that the caller may see: the control plane's where there is one, else the scenario's.

    Never both: who groups by area must know of which kind each is.
    """
    at = call.watching
    if call.services is None or call.actor is None:
        return await at.aside(lambda: scenario_areas(at))
    decided = await call.services.read(
        call.actor, lambda tx: {row.id: cells_of_area(row) for row in list_areas(tx)}
    )
    return await at.aside(lambda: {name: rows_of(at, cells) for name, cells in decided.items()})


async def areas_found(call: Viewing, text: str, most: int) -> list[tuple[str, str]] | None:
    """Return (id, title) of the control plane's areas that hold ``text``; None where there is none."""
    if call.services is None or call.actor is None:
        return None
    rows = await call.services.read(call.actor, lambda tx: [(row.id, row.title) for row in list_areas(tx)])
    wanted = text.lower()
    return [(id, title) for id, title in rows if wanted in f"{id} {title}".lower()][:most]
