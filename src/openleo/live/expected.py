"""What a run, or a live network that keeps one, expected at a place and time, beside real terminals."""

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from openleo.base.clock import slot_at
from openleo.fleet.why import Expectation
from openleo.ground.cells import cell_of
from openleo.snapshot.causes import Cause

if TYPE_CHECKING:
    from openleo.results.run import Run

AROUND: Final = 10  # slots before and after the instant: five minutes together


class RunExpected:
    """A run folder asked by place and time; it knows the cells with terminals of its scenario."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        names = zip(run.cell_index["h3"].to_list(), range(len(run.cell_index)), strict=True)
        self._rows = dict(names)

    def at(self, latitude_deg: float, longitude_deg: float, time_ns: int) -> Expectation | None:
        """Return the cause that held most of the five minutes around, and the share of it online.

        None where the run has no such cell or time, or kept no rows by cell (detail "cells").
        """
        run = self._run
        slot = slot_at(np.datetime64(time_ns, "ns"))
        row = self._rows.get(f"{int(cell_of(latitude_deg, longitude_deg)):x}")
        if row is None or not run.first_slot <= slot < run.until_slot or run.manifest["detail"] != "full":
            return None
        span = pl.col("slot").is_between(slot - AROUND, slot + AROUND)
        causes = run.table("cells").filter((pl.col("cell") == row) & span).select("cause").collect()["cause"]
        told = [int(c) for c in causes.to_list() if c != Cause.IDLE]
        if not told:
            return None
        online = told.count(Cause.ONLINE) / len(told)
        dark = [c for c in told if c != Cause.ONLINE]
        cause = Cause.ONLINE if online > 0.5 or not dark else Cause(max(set(dark), key=dark.count))
        return Expectation(cause=cause.name, online=online, of=f"run {run.name}")
