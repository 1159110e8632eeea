"""Satellites, gateways and points of presence in a slot."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import format_utc, slot_start
from openleo.live.history import History
from openleo.live.looking.scene import Scene
from openleo.live.views import view_at
from openleo.snapshot.causes import Cause
from openleo.snapshot.stream import View


def gateways(scene: Scene) -> list[dict[str, Any]]:
    """Return every gateway, with what it carries."""
    view = view_at(scene.archive, scene.slot)
    table = scene.archive.statics["gateways"]
    first = scene.cells["gateway"].to_numpy()
    served = first >= 0
    cells = np.bincount(first[served], minlength=len(table))
    asking = np.where(scene.cells["cause"].to_numpy() == Cause.ONLINE, _own_asking(scene), 0)
    terminals = np.bincount(first[served], weights=asking[served], minlength=len(table)).astype(np.int64)
    of = view["satellites"]["gateway"]
    names = scene.archive.statics["satellites"]["name"]
    found = []
    for row, info in enumerate(table.iter_rows(named=True)):
        found.append(
            {
                "row": row,
                **{name: info[name] for name in ("name", "country")},
                **_place(info),
                "antennas": info["antennas"],
                "in_use": int(view["gateways"]["antennas"][row]),
                "satellites": names.gather(np.flatnonzero(of == row)).to_list(),
                "cells": int(cells[row]),
                "terminals": int(terminals[row]),
                "faults": [name for name, faulty in _faults(scene, "gateways") if row in faulty],
            }
        )
    return found


def pops(scene: Scene) -> list[dict[str, Any]]:
    """Return every point of presence, with those whose home it is."""
    table = scene.archive.statics["pops"]
    home = scene.info["home_pop"].to_numpy()
    asks = scene.cells["asking"].to_numpy() > 0
    served = asks & (scene.cells["cause"].to_numpy() == Cause.ONLINE)
    of = home[scene.cell_of]
    online = scene.seconds > 0
    return [
        {
            "row": row,
            **{name: info[name] for name in ("code", "name", "country")},
            **_place(info),
            "cells": int((asks & (home == row)).sum()),
            "cells_served": int((served & (home == row)).sum()),
            "terminals": int((of == row).sum()),
            "online": int((online & (of == row)).sum()),
            "faults": [name for name, faulty in _faults(scene, "pops") if row in faulty],
        }
        for row, info in enumerate(table.iter_rows(named=True))
    ]


def _own_asking(scene: Scene) -> NDArray[np.int64]:
    asking = scene.cells["asking"].to_numpy().astype(np.int64)
    return np.asarray(np.maximum(asking - scene.info["background"].to_numpy(), 0))


def _place(info: dict[str, Any]) -> dict[str, float]:
    return {name: round(info[name], 5) for name in ("latitude_deg", "longitude_deg")}


def _faults(scene: Scene, of: str) -> Iterator[tuple[str, set[int]]]:
    """Yield the faults that hold, and which rows they befall."""
    for fault in scene.archive.network.world.faults:
        if fault.holds_in(scene.slot):
            yield fault.name, set(getattr(fault, of).tolist())


def satellite_rows(scene: Scene, view: View, *, text: str, serving: bool | None) -> NDArray[np.int64]:
    """Return the rows of satellites whose name, number or shell holds ``text``, in order."""
    table = scene.archive.statics["satellites"]
    chosen = np.ones(len(table), np.bool_)
    if text:
        wanted = text.lower()
        chosen &= (
            table["name"].str.to_lowercase().str.contains(wanted, literal=True)
            | (table["catalogue_number"].cast(str) == wanted)
            | (table["shell"].str.to_lowercase() == wanted)
        ).to_numpy()
    if serving is not None:
        chosen &= (view["satellites"]["cells"] > 0) == serving
    return np.flatnonzero(chosen)


def satellite(scene: Scene, view: View, row: int) -> dict[str, Any]:
    """Return a satellite as lists show it."""
    info = scene.archive.statics["satellites"].row(row, named=True)
    return {
        "row": row,
        **info,
        "serving_cells": int(view["satellites"]["cells"][row]),
        "gateway": scene.name("gateways", int(view["satellites"]["gateway"][row])),
    }


def cells_of_satellite(scene: Scene, row: int) -> list[dict[str, Any]]:
    """Return the cells that a satellite gives units to, most units first."""
    beams = scene.moment.beams
    mine = beams.filter(beams["satellite"] == row)
    h3 = scene.archive.statics["cell_index"]["h3"]
    found = [
        {"row": int(scene.archive.rank[cell]), "h3": h3[cell], "units": int(colours).bit_count()}
        for cell, colours in mine.select("cell", "colours").iter_rows()
    ]
    return sorted(found, key=lambda one: (-int(one["units"]), int(one["row"])))


def faults_of_satellite(scene: Scene, row: int) -> list[str]:
    """Return the faults that hold and befall a satellite."""
    return [name for name, faulty in _faults(scene, "satellites") if row in faulty]


def gateway_history(run: History, row: int, wanted: NDArray[np.int64]) -> dict[str, list[Any]]:
    """Return what a gateway (row) carried in the ``wanted`` slots (T,), by columns.

    Cells are those whose first beam goes over it, as ``gateways`` counts them. Antennas and rates are told
    from beams, which the tables hold for cells with terminals of the scenario alone.
    """
    here = (pl.col("gateway") == row) & pl.col("slot").is_in(wanted.tolist())
    by_slot = (
        run.table("beams")
        .filter(here)
        .group_by("slot")
        .agg(
            antennas=pl.col("satellite").n_unique(),
            rate_kbps=pl.col("rate_kbps").clip(lower_bound=0).cast(pl.Int64).sum(),
        )
        .collect()
    )
    cells = run.table("cells").filter(here).group_by("slot").agg(cells=pl.len().cast(pl.Int64)).collect()
    by_slot = by_slot.join(cells, on="slot", how="full", coalesce=True)
    slots = pl.DataFrame({"slot": wanted.astype(np.int32)})
    found = slots.join(by_slot, on="slot", how="left", maintain_order="left").fill_null(0)
    return {
        "slot": found["slot"].to_list(),
        "start": [format_utc(slot_start(slot)) for slot in wanted.tolist()],
        "antennas": found["antennas"].to_list(),
        "cells": found["cells"].to_list(),
        "rate_mbps": [round(kbps / 1000, 1) for kbps in found["rate_kbps"].to_list()],
    }
