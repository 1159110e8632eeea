"""The cells of a scenario's areas."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.ground.cells import cells_from_names, cells_in_circle, cells_in_polygon
from openleo.ground.land import Land
from openleo.scenario.blocks import AreaBlock

Cells = NDArray[np.uint64]
NO_CELLS: Cells = np.zeros(0, np.uint64)


def area_cells(areas: Iterable[AreaBlock], land: Land) -> dict[str, Cells]:
    """Return the sorted cells of each area, by name: those whose centre is inside its shape.

    Raises BadInput that names the area when its shape is not one, or holds no cell.
    """
    found: dict[str, Cells] = {}
    for area in areas:
        try:
            cells = _cells_of(area, found, land)
        except BadInput as error:
            raise BadInput(f"area {area.name!r}: {error.detail}", error.hint) from None
        if len(cells) == 0:
            raise BadInput(
                f"area {area.name!r} holds no cell: none has its centre inside",
                "make it larger than a cell (some 16 km across), or name its cells",
            )
        cells.flags.writeable = False
        found[area.name] = cells
    return found


def _cells_of(area: AreaBlock, above: Mapping[str, Cells], land: Land) -> Cells:
    if area.outline:
        return cells_in_polygon([area.outline])
    if area.circle is not None:
        circle = area.circle
        return cells_in_circle(circle.latitude_deg, circle.longitude_deg, circle.radius_km * 1e3)
    if area.cells:
        return cells_from_names(area.cells)
    if area.country is not None:
        return np.array(land.cells_of(area.country), np.uint64)
    return cells_in(area.union, above)


def cells_in(names: Iterable[str], areas: Mapping[str, Cells]) -> Cells:
    """Return the sorted cells of several areas together (none named: none)."""
    parts = [areas[name] for name in names]
    return np.unique(np.concatenate(parts)) if parts else NO_CELLS.copy()
