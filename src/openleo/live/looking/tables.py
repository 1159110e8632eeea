"""The tables that stay, and the network over time."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.live.history import Archive
from openleo.live.looking.words import group_of
from openleo.results.run import Run
from openleo.snapshot.causes import MEANING, Cause


def counts(archive: Archive) -> dict[str, int]:
    """Return how many there are of each thing; cells are those with terminals of the scenario."""
    s = archive.statics
    return {
        "terminals": len(s["terminals"]),
        "cells": len(archive.tracked),
        "satellites": len(s["satellites"]),
        "gateways": len(s["gateways"]),
        "pops": len(s["pops"]),
    }


def bounds(archive: Archive) -> list[float] | None:
    """Return west, south, east, north of the cells; a box over the date line has its west greater."""
    cells = archive.statics["cell_index"][archive.tracked]
    if len(cells) == 0:
        return None
    latitude = cells["latitude_deg"].to_numpy()
    longitude = np.sort(cells["longitude_deg"].to_numpy())
    gaps = np.diff(longitude, append=longitude[0] + 360.0)
    widest = int(gaps.argmax())
    west, east = longitude[(widest + 1) % len(longitude)], longitude[widest]
    return [round(float(x), 4) for x in (west, latitude.min(), east, latitude.max())]


def meaning(cause: int) -> str:
    """Return a cause in words."""
    return MEANING[Cause(cause)]


def table(archive: Archive, name: str, *, positions: bool, places: list[str]) -> dict[str, list[Any]]:
    """Return the columns of a table that stays.

    Without ``positions``, terminals' exact ones are None.  ``places`` are the towns near the cells.
    """
    if name == "cells":
        return _cells(archive) | {"place": places}
    if name == "areas":
        return _areas(archive)
    if name == "rules":
        return archive.rules.to_dict(as_series=False)
    frame = archive.statics[name]
    if name == "causes":
        frame = frame.with_columns(group=pl.Series([group_of(c) for c in frame["cause"].to_list()]))
    if name == "terminals":
        frame = frame.with_columns(cell=pl.Series(archive.rank[frame["cell"].to_numpy()]))
        frame = frame.with_columns(
            pl.col("latitude_deg", "longitude_deg").round(5), pl.col("backup_hours").round(2)
        )
        if not positions:
            none = pl.lit(None, pl.Float64)
            frame = frame.with_columns(latitude_deg=none, longitude_deg=none)
    return frame.to_dict(as_series=False)


def _cells(archive: Archive) -> dict[str, list[Any]]:
    frame = archive.statics["cell_index"][archive.tracked]
    at = archive.rank[archive.statics["terminals"]["cell"].to_numpy()]
    terminals = np.bincount(at[at >= 0], minlength=len(frame))
    return (
        frame.select(
            "h3", pl.col("latitude_deg", "longitude_deg").round(5), "country", "home_pop", "background"
        )
        .with_columns(terminals=pl.Series(terminals))
        .to_dict(as_series=False)
    )


def _areas(archive: Archive) -> dict[str, list[Any]]:
    """Return the scenario's areas, with their cells as rows of frames."""
    index = archive.statics["cell_index"]["h3"].to_list()
    row = {int(h3, 16): rank for h3, rank in zip(index, archive.rank.tolist(), strict=True) if rank >= 0}
    areas = archive.network.world.areas
    return {
        "name": list(areas),
        "cells": [[row[c] for c in cells.tolist() if c in row] for cells in areas.values()],
    }


def slots(run: Run, first: int, until: int, step: int) -> dict[str, list[Any]]:
    """Return the columns of the table slots for every ``step``-th slot of [first, until)."""
    here = (pl.col("slot") >= first) & (pl.col("slot") < until) & ((pl.col("slot") - first) % step == 0)
    frame = run.table("slots").filter(here).sort("slot").collect()
    start = frame["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return frame.with_columns(start=start).to_dict(as_series=False)


def causes(run: Run, slot: int) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """Return the slot's summary, and (cause, terminals) with the most first."""
    here = pl.col("slot") == slot
    summary = run.table_at("slots", slot).filter(here).collect().row(0, named=True)
    rows = run.table_at("slot_causes", slot).filter(here).select("cause", "terminals").collect().rows()
    return summary, sorted(rows, key=lambda row: (-row[1], row[0]))


def causes_over_time(run: Run, wanted: NDArray[np.int64]) -> dict[int, list[int]]:
    """Return for each cause that there is the terminals dark in the ``wanted`` slots."""
    frame = run.table("slot_causes").filter(pl.col("slot").is_in(wanted.tolist())).collect()
    found: dict[int, NDArray[np.int64]] = {}
    for cause, slot, count in frame.select("cause", "slot", "terminals").iter_rows():
        values = found.setdefault(cause, np.zeros(len(wanted), np.int64))
        values[int(np.searchsorted(wanted, slot))] = count
    return {cause: values.tolist() for cause, values in sorted(found.items())}
