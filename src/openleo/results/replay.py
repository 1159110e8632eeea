"""The engine's state before a slot, from the one saved with its chunk."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from openleo.engine import Network, State
from openleo.engine.geometry import Geometry, geometries
from openleo.engine.step import decide, next_state
from openleo.engine.terminals import Terminals

_BATCH_SLOTS = 8


def state_before(net: Network, state: State, from_slot: int, slot: int) -> State:
    """Return the state before ``slot``, given the one before ``from_slot``.

    Only what the next slot waits for is computed: no causes, rates or delays.
    """
    terminals = Terminals(net, from_slot)

    def batch(first: int) -> list[Geometry]:
        slots = np.arange(first, min(first + _BATCH_SLOTS, slot))
        return geometries(net, [net.timeline.at(int(s)) for s in slots], slots)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        for made in threads.map(batch, range(from_slot, slot, _BATCH_SLOTS)):
            for geometry in made:
                result = decide(net, state, geometry, terminals.advance(geometry.slot))
                state = next_state(net, state, geometry, result)
    return state
