"""Sets of cells as text: sorted H3 indices, their differences, compressed, base64."""

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput

Cells = NDArray[np.uint64]
MOST_CELLS = 2_016_842  # all of resolution 5


def pack_cells(cells: Cells) -> str:
    """Return sorted unique cells as text."""
    steps = np.diff(cells, prepend=np.uint64(0)).astype("<u8")
    return base64.b64encode(zlib.compress(steps.tobytes(), 6)).decode()


def unpack_cells(text: str) -> Cells:
    """Return the cells that `pack_cells` wrote; raises BadInput where the text is not that."""
    try:
        unpacker = zlib.decompressobj()
        steps = unpacker.decompress(base64.b64decode(text, validate=True), MOST_CELLS * 8)
        cells: Cells = np.cumsum(np.frombuffer(steps, "<u8"), dtype=np.uint64)
    except (ValueError, zlib.error) as error:
        raise BadInput(f"a set of cells is damaged: {error}", "restore the store from a backup") from error
    return cells
