"""Slots of single terminals that fare otherwise than their cell, merged into intervals as they come."""

import numpy as np
from numpy.typing import NDArray

from openleo.snapshot.snapshot import Columns, Snapshot

_NONE = -1


class Intervals:
    """Merges consecutive slots of a terminal with equal cause, rule, fault and seconds.

    U terminals.  Costs two passes over the dark rows of a slot and 20 bytes a terminal, however long they are
    dark.  Call `add` with every slot in turn, then `close` once for each chunk.
    """

    def __init__(self, terminals: int) -> None:
        self._from = np.full(terminals, _NONE, np.int32)
        self._seen = np.full(terminals, _NONE, np.int32)
        self._cause = np.zeros(terminals, np.uint8)
        self._rule = np.zeros(terminals, np.int16)
        self._fault = np.zeros(terminals, np.int16)
        self._seconds = np.zeros(terminals, np.uint16)
        self._open = np.zeros(0, np.int32)  # rows with an open interval
        self._done: list[Columns] = []

    def add(self, snapshot: Snapshot) -> None:
        """Take in the dark rows (D,) of one slot; a terminal comes at most once."""
        who, slot = snapshot.dark, snapshot.slot
        goes_on = (
            (self._from[who] != _NONE)
            & (self._cause[who] == snapshot.dark_cause)
            & (self._rule[who] == snapshot.dark_rule)
            & (self._fault[who] == snapshot.dark_fault)
            & (self._seconds[who] == snapshot.dark_seconds)
        )
        self._seen[who[goes_on]] = slot
        self._end(self._open[self._seen[self._open] != slot], slot)
        new = ~goes_on
        rows = who[new]
        self._from[rows], self._seen[rows] = slot, slot
        self._cause[rows], self._rule[rows] = snapshot.dark_cause[new], snapshot.dark_rule[new]
        self._fault[rows], self._seconds[rows] = snapshot.dark_fault[new], snapshot.dark_seconds[new]
        self._open = who

    def close(self, until_slot: int) -> Columns:
        """End all that is open before ``until_slot`` and return every interval since the last close."""
        self._end(self._open, until_slot)
        self._open = np.zeros(0, np.int32)
        done, self._done = self._done, []
        return {name: np.concatenate([part[name] for part in done]) for name in done[0]}

    def _end(self, rows: NDArray[np.int32], until_slot: int) -> None:
        self._done.append(
            {
                "terminal": rows.astype(np.int32),
                "from_slot": self._from[rows],
                "until_slot": np.full(len(rows), until_slot, np.int32),
                "cause": self._cause[rows],
                "rule": self._rule[rows],
                "fault": self._fault[rows],
                "seconds": self._seconds[rows],
            }
        )
        self._from[rows] = _NONE
