"""Figures over all terminals of a slot."""

import numpy as np
from numpy.typing import NDArray

from openleo.engine.network import Network
from openleo.snapshot.snapshot import Columns


def weighted_percentiles(
    values: NDArray[np.int32], weights: NDArray[np.int32], percents: tuple[int, ...]
) -> list[int]:
    """Return percentiles of values (N,) that count ``weights`` (N,) times each; -1 where there are none."""
    counts = np.flatnonzero(weights)
    if len(counts) == 0:
        return [-1] * len(percents)
    values, weights = values[counts], weights[counts]
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], dtype=np.int64)
    at = np.searchsorted(reached, np.array(percents) / 100.0 * reached[-1], side="left")
    return [int(v) for v in values[order][np.minimum(at, len(order) - 1)]]


def busy_rates(net: Network, cells: Columns) -> NDArray[np.int32]:
    """Return the download in kbit/s of a busy terminal in each of the tracked cells (K,).

    The busy share of a cell's terminals, at least one, divides its capacity evenly up to the plan's rate.
    """
    config = net.world.network
    busy = np.maximum(np.ceil(cells["asking"] * config.active_share), 1.0)
    return np.asarray(np.minimum(cells["rate_kbps"] / busy, config.plan_mbps * 1e3), np.int32)
