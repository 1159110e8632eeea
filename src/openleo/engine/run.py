"""Runs the slots: geometry ahead by workers, steps in order."""

import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np

from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.engine.state import State
from openleo.engine.step import decide, finish, next_state
from openleo.engine.terminals import Terminals
from openleo.snapshot.snapshot import Snapshot

_BATCH_SLOTS = 8
_HAND_OVER_S = 0.0005  # deciding waits for the interpreter no longer: ten times less than usual, 4 % of a day


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
    threads (kernels hold no lock) or by the ``executor`` given; deciding goes from slot to slot; finishing a
    slot is again the threads' work.  The result depends on none of that.
    """
    terminals = Terminals(net, first_slot)
    before = sys.getswitchinterval()
    finishing: deque[tuple[State, Future[Snapshot]]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as threads:
        try:
            sys.setswitchinterval(_HAND_OVER_S)
            for geometry in _ahead(net, executor or threads, first_slot, last_slot, workers):
                standing = terminals.advance(geometry.slot)
                result = decide(net, state, geometry, standing)
                after = next_state(net, state, geometry, result)
                finishing.append((after, threads.submit(finish, net, state, geometry, standing, result)))
                state = after
                while len(finishing) > 2 * workers or (finishing and finishing[0][1].done()):
                    yield _finished(finishing)
            while finishing:
                yield _finished(finishing)
        finally:
            sys.setswitchinterval(before)
            threads.shutdown(wait=False, cancel_futures=True)


def _finished(finishing: deque[tuple[State, Future[Snapshot]]]) -> tuple[State, Snapshot]:
    after, future = finishing.popleft()
    return after, future.result()


def _ahead(
    net: Network, executor: Executor, first_slot: int, last_slot: int, workers: int
) -> Iterator[Geometry]:
    """Yield the geometry of each slot in order, computed some batches ahead."""
    begins = iter(range(first_slot, last_slot + 1, _BATCH_SLOTS))
    ahead: deque[Future[list[Geometry]]] = deque()
    while True:
        while len(ahead) < workers + 1 and (begin := next(begins, None)) is not None:
            ahead.append(executor.submit(_batch, net, begin, min(begin + _BATCH_SLOTS - 1, last_slot)))
        if not ahead:
            return
        yield from ahead.popleft().result()


def replay(net: Network, state: State, from_slot: int, slot: int) -> tuple[State, State, Snapshot]:
    """Run from a saved ``state`` before ``from_slot`` up to ``slot``; return the states before and after it,
    and its Snapshot."""
    before = state
    for after, snapshot in run_slots(net, state, from_slot, slot, workers=1):
        if snapshot.slot == slot:
            return before, after, snapshot
        before = after
    raise ValueError(f"slot {slot} is before {from_slot}")
