"""What the control database has decided so far, as a run takes it: each decision from when it is known.

The control plane answers each decision with the slot in which it takes effect, before that slot's rules
freeze; so what is read once they are frozen is all that acts in it.  What names an earlier slot all the same
(it was made while the network did not run, or by hand) acts from the slot in which it is first seen: by what
a slot was decided never changes afterwards.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

from openleo.control import ledger
from openleo.control.network import Network
from openleo.control.replay import decisions_of
from openleo.control.store import Store
from openleo.results.store import write_whole
from openleo.scenario.decisions import Change, Decisions

Open = Callable[[], AbstractContextManager[Connection]]


class Decided:
    """The decisions that a run knows; `look` brings it up to date."""

    def __init__(self, store: Store, known: Decisions | None = None) -> None:
        self._store, self._network = store, store.network
        self.decisions = known or Decisions(
            denies=self._network.denies, origin=self._network.origin, changes=()
        )
        self.entry = max((c.entry for c in self.decisions.changes), default=-1)
        self._size = 0

    def look(self, slot: int | None) -> bool:
        """Take in what was decided by now; return whether that changes anything.

        ``slot`` is the one whose rules are frozen: nothing new acts before it.  None before the first slot.
        """
        with self._store.fenced() as conn:
            size = ledger.size_of(conn)
            if size == self._size:
                return False
            found = decisions_of(conn, self._network)
        self._size = size
        fresh = [c for c in found.changes if c.entry > self.entry]
        self.entry = max((c.entry for c in fresh), default=self.entry)
        if not fresh:
            return False
        if slot is not None:
            fresh = [_not_before(change, slot) for change in fresh]
        self.decisions = Decisions(
            denies=found.denies, origin=found.origin, changes=(*self.decisions.changes, *fresh)
        )
        return True


def _not_before(change: Change, slot: int) -> Change:
    return change if change.slot is not None and change.slot >= slot else change._replace(slot=slot)


def write_decisions(decisions: Decisions, path: Path) -> None:
    """Write decisions as a scenario reads them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(decisions.plain(), separators=(",", ":")).encode())


def no_decisions(network: Network) -> Decisions:
    """Return the decisions of a network in which nothing was decided."""
    return Decisions(denies=network.denies, origin=network.origin, changes=())
