"""Terminals as rules see them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subjects:
    """Terminals as rules see them, U long.

    ``cell`` uint64 (0: position unknown); ``country`` int16 index into the rules' country names (-1: sea);
    ``account`` uint16 index into the rules' account names; ``speed_m_s`` float32 over the ground.

    The rest is needed only where a rule asks for it (a decision without it raises ValueError): ``kind`` uint8
    code of the terminal's kind; ``plan`` uint16 index into the rules' plan names; ``home`` int16 country of
    the service address (-1: none, so that every country is away); ``distance_m`` float32 from the service
    address (NaN: not known, never too far); ``terminal`` uint32 number that lists go by; ``line`` uint8
    `LineStatus`; ``version`` uint32 of the software (0: unknown, never too old); ``over_data`` bool.
    """

    cell: NDArray[np.uint64]
    country: NDArray[np.int16]
    account: NDArray[np.uint16]
    speed_m_s: NDArray[np.float32]
    kind: NDArray[np.uint8] | None = None
    plan: NDArray[np.uint16] | None = None
    home: NDArray[np.int16] | None = None
    distance_m: NDArray[np.float32] | None = None
    terminal: NDArray[np.uint32] | None = None
    line: NDArray[np.uint8] | None = None
    version: NDArray[np.uint32] | None = None
    over_data: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.cell)
