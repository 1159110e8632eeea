"""The view of a slot, as frames hold it: from the slot's segment, or from the tables of its run."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.live.history import Archive, History
from openleo.live.segment import Segment
from openleo.results.moment import moment_of
from openleo.snapshot.stream import BY_NAME, SUMMARY, View, view_of


def view_at(archive: Archive, slot: int) -> View:
    """Return a slot's view.  Raises BadInput for a slot that is not there."""
    segment = archive.segment(slot)
    return view_of_segment(archive, segment) if segment is not None else view_of_run(archive, slot)


def view_of_segment(archive: Archive, segment: Segment) -> View:
    """Return the view of a slot that has a segment."""
    s = segment.snapshot
    served = segment.after.satellite[segment.after.satellite >= 0]
    cells = np.bincount(served, minlength=len(segment.after.gateway))
    gateway = np.where(cells > 0, segment.after.gateway, -1)
    movers = dict(segment.movers)
    return view_of(
        {
            "summary": {"values": [s.summary[name] for name in SUMMARY]},
            "causes": _causes(s.causes),
            "cells": {c.name: s.cells[c.name] for c in BY_NAME["cells"].columns},
            "measures": {c.name: s.cells[c.name] for c in BY_NAME["measures"].columns},
            "dark": {
                "terminal": s.dark, "cause": s.dark_cause, "rule": s.dark_rule, "fault": s.dark_fault,
                "seconds": s.dark_seconds,
            },
            "satellites": {"cells": cells, "gateway": gateway},
            "gateways": {"antennas": _antennas(archive, gateway)},
            "movers": movers | {"cell": archive.rank[movers["cell"]]},
        }
    )  # fmt: skip


def view_of_run(archive: Archive, slot: int) -> View:
    """Return the view of a slot that only the run folder has.

    A satellite counts as serving by the cells with terminals of the scenario alone: the tables know no other.
    """
    run = archive.history(slot, slot + 1)
    moment = moment_of(run, slot)
    here = pl.col("slot") == slot
    summary = run.table_at("slots", slot).filter(here).collect().row(0, named=True)
    causes = run.table_at("slot_causes", slot).filter(here).select("cause", "terminals").collect()
    by_cell = moment.cells.sort("cell")
    first = by_cell["satellite"].to_numpy()
    cells = np.bincount(first[first >= 0], minlength=len(run.satellites))
    gateway = np.full(len(run.satellites), -1, np.int16)
    gateway[moment.beams["satellite"].to_numpy()] = moment.beams["gateway"].to_numpy()
    moves = moment.moves.sort("terminal")
    return view_of(
        {
            "summary": {"values": [summary[name] for name in SUMMARY]},
            "causes": _causes(dict(causes.rows())),
            "cells": _columns(by_cell, "cells"),
            "measures": _columns(by_cell, "measures"),
            "dark": _columns(moment.overrides, "dark"),
            "satellites": {"cells": cells, "gateway": gateway},
            "gateways": {"antennas": _antennas(archive, gateway)},
            "movers": {
                name: archive.rank[moves["cell"].to_numpy()] if name == "cell" else moves[name].to_numpy()
                for name in (c.name for c in BY_NAME["movers"].columns)
            },
        }
    )


def _columns(frame: pl.DataFrame, part: str) -> dict[str, NDArray[Any]]:
    return {c.name: frame[c.name].to_numpy() for c in BY_NAME[part].columns}


def _causes(causes: dict[int, int]) -> dict[str, list[int]]:
    rows = sorted((cause, count) for cause, count in causes.items() if count)
    return {"cause": [cause for cause, _ in rows], "terminals": [count for _, count in rows]}


def _antennas(archive: Archive, gateway: NDArray[np.int16]) -> NDArray[np.int64]:
    return np.bincount(gateway[gateway >= 0], minlength=len(archive.statics["gateways"]))


__all__ = ["History", "view_at", "view_of_run", "view_of_segment"]
