"""Runs the slots: geometry ahead by workers, steps in order."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np

from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.engine.state import State
from openleo.engine.step import step
from openleo.engine.terminals import Terminals
from openleo.snapshot.snapshot import Snapshot

_BATCH_SLOTS = 8


def first_state(net: Network) -> State:
    """Return the state before the run's first slot."""
    return State.fresh(net.cell_count, len(net.world.constellation))


def _batch(net: Network, first: int, last: int) -> list[Geometry]:
    slots = np.arange(first, last + 1)
    return geometries(net, [net.timeline.at(int(slot)) for slot in slots], slots)


def run_slots(
    net: Network,
    state: State,
    first_slot: int,
    last_slot: int,
    *,
    workers: int = 2,
    executor: Executor | None = None,
) -> Iterator[tuple[State, Snapshot]]:
    """Yield the state after and the Snapshot of each slot from ``first_slot`` to ``last_slot``.

    ``state`` is the one before ``first_slot``.  Geometry is computed ahead in batches of slots by ``workers``
    threads (its kernels hold no lock), or by the ``executor`` given; the result does not depend on either.
    """
    own = ThreadPoolExecutor(max_workers=workers) if executor is None else None
    pool = executor if own is None else own
    assert pool is not None
    terminals = Terminals(net, first_slot)
    begins = iter(range(first_slot, last_slot + 1, _BATCH_SLOTS))
    ahead: deque[Future[list[Geometry]]] = deque()
    try:
        while True:
            while len(ahead) < workers + 1 and (begin := next(begins, None)) is not None:
                ahead.append(pool.submit(_batch, net, begin, min(begin + _BATCH_SLOTS - 1, last_slot)))
            if not ahead:
                return
            for geometry in ahead.popleft().result():
                terminals.advance(geometry.slot)
                state, snapshot = step(net, state, geometry, terminals)
                yield state, snapshot
    finally:
        for future in ahead:
            future.cancel()
        if own is not None:
            own.shutdown(wait=True, cancel_futures=True)


def replay(net: Network, state: State, from_slot: int, slot: int) -> tuple[State, State, Snapshot]:
    """Run from a saved ``state`` before ``from_slot`` up to ``slot``; return the states before and after it,
    and its Snapshot."""
    before = state
    for after, snapshot in run_slots(net, state, from_slot, slot, workers=1):
        if snapshot.slot == slot:
            return before, after, snapshot
        before = after
    raise ValueError(f"slot {slot} is before {from_slot}")
