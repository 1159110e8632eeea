"""Figures over all terminals of a slot."""

import numpy as np
from numpy.typing import NDArray

from openleo.engine.network import Network
from openleo.network.kernels import helper, kernel
from openleo.snapshot.snapshot import Columns

_BUCKETS = 2048


@helper
def _span(values: np.ndarray, weights: np.ndarray) -> tuple[int, int, int]:
    """Return the least and the greatest value that has a weight, and the sum of weights."""
    least, greatest, total = 2**62, -(2**62), 0
    for i in range(values.shape[0]):
        if weights[i] > 0:
            least = min(least, values[i])
            greatest = max(greatest, values[i])
            total += weights[i]
    return least, greatest, total


@kernel
def _percentiles(
    values: np.ndarray, weights: np.ndarray, shares: np.ndarray, counts: np.ndarray, out: np.ndarray
) -> None:
    """Fill out (P,): for each share the least value up to which so much of all weight lies.

    Values are counted in buckets, then those of the bucket that it is in, until buckets are single values.
    """
    least, greatest, total = _span(values, weights)
    for p in range(shares.shape[0]):
        low, high, below = least, greatest, 0
        shift = 62 if total > 0 else 0
        while shift > 0:
            shift = 0
            while (high - low) >> shift >= counts.shape[0]:
                shift += 1
            counts[:] = 0
            for i in range(values.shape[0]):
                if low <= values[i] <= high:
                    counts[(values[i] - low) >> shift] += weights[i]
            bucket = 0
            while below + counts[bucket] < shares[p] * total and low + ((bucket + 1) << shift) <= high:
                below += counts[bucket]
                bucket += 1
            low += bucket << shift
            high = min(high, low + (1 << shift) - 1)
        out[p] = low if total > 0 else -1


def weighted_percentiles(
    values: NDArray[np.int32], weights: NDArray[np.int32], percents: tuple[int, ...]
) -> list[int]:
    """Return percentiles of values (N,) that count ``weights`` (N,) times each; -1 where there are none."""
    out = np.empty(len(percents), np.int64)
    _percentiles(values, weights, np.array(percents) / 100.0, np.empty(_BUCKETS, np.int64), out)
    return [int(value) for value in out]


def weighted_percentiles_reference(
    values: NDArray[np.int32], weights: NDArray[np.int32], percents: tuple[int, ...]
) -> list[int]:
    """The same by sorting, for tests."""
    counts = np.flatnonzero(weights)
    if len(counts) == 0:
        return [-1] * len(percents)
    values, weights = values[counts], weights[counts]
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], dtype=np.int64)
    at = np.searchsorted(reached, np.array(percents) / 100.0 * reached[-1], side="left")
    return [int(v) for v in values[order][np.minimum(at, len(order) - 1)]]


@kernel
def _busy_rates(
    asking: np.ndarray, rate_kbps: np.ndarray, active_share: float, plan_kbps: float, out: np.ndarray
) -> None:
    for k in range(asking.shape[0]):
        busy = max(np.ceil(asking[k] * active_share), 1.0)
        out[k] = np.int32(min(rate_kbps[k] / busy, plan_kbps))


def busy_rates(net: Network, cells: Columns) -> NDArray[np.int32]:
    """Return the download in kbit/s of a busy terminal in each of the tracked cells (K,).

    The busy share of a cell's terminals, at least one, divides its capacity evenly up to the plan's rate.
    """
    config = net.world.network
    out = np.empty(len(cells["asking"]), np.int32)
    plan_kbps = float(config.plan_mbps * 1e3)
    _busy_rates(cells["asking"], cells["rate_kbps"], float(config.active_share), plan_kbps, out)
    return out


def busy_rates_reference(
    asking: NDArray[np.int32], rate_kbps: NDArray[np.int32], active_share: float, plan_kbps: float
) -> NDArray[np.int32]:
    """The same by numpy, for tests."""
    busy = np.maximum(np.ceil(asking * active_share), 1.0)
    return np.asarray(np.minimum(rate_kbps / busy, plan_kbps), np.int32)
