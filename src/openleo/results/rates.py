"""The rate that a terminal has while it is busy: its share of its cell's, as the slot's summary counts it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from openleo.results.run import Run


def busy_kbps(run: "Run", asking: ArrayLike, rate_kbps: ArrayLike) -> NDArray[np.int32]:
    """Return the download in kbit/s of a busy terminal in each of some cells (K,); -1 where a cell has none.

    ``asking`` (K,) terminals share ``rate_kbps`` (K,): the busy share of them, at least one, evenly, up to
    the plan's rate.  Tests hold it equal to `openleo.engine.summary.busy_rates`.
    """
    config = run.scenario().network
    busy = np.maximum(np.ceil(np.asarray(asking) * config.active_share), 1.0)
    rate = np.asarray(rate_kbps)
    shared = np.minimum(rate / busy, config.plan_mbps * 1e3).astype(np.int32)
    return np.where(rate >= 0, shared, np.int32(-1))
