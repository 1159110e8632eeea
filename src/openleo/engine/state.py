"""What a slot inherits from the one before: small, explicit, saved with every chunk of results."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """After a slot: C cells, S satellites of the constellation.

    ``satellite`` int32 (C,): the one that gives each cell's first unit, -1 none.  ``unserved_since`` int32
    (C,): the slot since which a cell that asks has had no beam, -1 while it has or does not ask.
    ``gateway`` int16 (S,): whose antenna follows each satellite, -1 none.
    """

    satellite: NDArray[np.int32]
    unserved_since: NDArray[np.int32]
    gateway: NDArray[np.int16]

    @classmethod
    def fresh(cls, cells: int, satellites: int) -> "State":
        """Return the state before anything was served."""
        return cls(
            satellite=np.full(cells, -1, np.int32),
            unserved_since=np.full(cells, NEVER, np.int32),
            gateway=np.full(satellites, -1, np.int16),
        )

    def to_bytes(self) -> bytes:
        """Return the state as bytes; the same state gives the same bytes."""
        out = io.BytesIO()
        for array in (self.satellite, self.unserved_since, self.gateway):
            np.save(out, array, allow_pickle=False)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "State":
        """Read what `to_bytes` wrote; ValueError if it is something else."""
        source = io.BytesIO(content)
        satellite, unserved_since = _read(source, np.int32), _read(source, np.int32)
        gateway = _read(source, np.int16)
        if source.read(1) or len(satellite) != len(unserved_since):
            raise ValueError("these bytes are no saved state: its arrays do not fit together")
        return cls(satellite=satellite, unserved_since=unserved_since, gateway=gateway)


def _read(source: io.BytesIO, dtype: type[np.generic]) -> NDArray[Any]:
    try:
        array = np.lib.format.read_array(source, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise ValueError(f"these bytes are no saved state: {error}") from error
    if array.ndim != 1 or array.dtype != dtype:
        raise ValueError(f"these bytes are no saved state: {array.dtype} {array.shape} where {dtype} belongs")
    return np.asarray(array)
