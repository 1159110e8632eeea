"""What the engine says about one slot."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The network in one slot.

    ``cells`` has a value per tracked cell (in the order of the run's tracked cells), ``beams`` a row per
    (tracked cell, satellite); both hold the columns of their tables but for ``slot``.  ``summary`` has the
    columns of ``slots``; ``causes`` counts dark terminals by cause.  ``dark`` (D,) are the rows of terminals
    that fare otherwise than their cell, with ``dark_cause``, ``dark_rule``, ``dark_fault`` and
    ``dark_seconds`` (a 15-bit mask of online seconds).  ``moved`` are rows of terminals that entered a
    cell, with ``moved_cell``, and position and speed (3, N).
    """

    slot: int
    summary: dict[str, int]
    causes: dict[int, int]
    cells: Columns
    beams: Columns
    dark: NDArray[np.int32]
    dark_cause: NDArray[np.uint8]
    dark_rule: NDArray[np.int16]
    dark_fault: NDArray[np.int16]
    dark_seconds: NDArray[np.uint16]
    moved: NDArray[np.int32]
    moved_cell: NDArray[np.int32]
    moved_where: NDArray[np.float32]
