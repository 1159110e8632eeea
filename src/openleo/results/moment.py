"""One slot of a run: how every cell and terminal fared.

Read from the tables; of a run without rows by slot and cell (detail "cells"), computed again by the engine
from the state saved with the chunk.
"""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import slot_start
from openleo.base.errors import OpenleoWarning
from openleo.results.choice import ALL_SECONDS, beam_shares, bits_set, rows_of_share
from openleo.results.frames import frame_of, sorted_columns
from openleo.snapshot.causes import Cause
from openleo.snapshot.snapshot import Snapshot
from openleo.snapshot.tables import BEAMS, CELLS, MOVES, OVERRIDES

if TYPE_CHECKING:
    from openleo.results.run import Run

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """The rows of one slot: ``cells``, ``beams`` and ``overrides`` as their tables have them (of overrides
    those that hold in the slot); ``moves``, one row for each moving terminal, the last up to the slot."""

    slot: int
    cells: pl.DataFrame
    beams: pl.DataFrame
    overrides: pl.DataFrame
    moves: pl.DataFrame

    def cell_of(self, run: "Run") -> Numbers:
        """Return the cell (U,) of each terminal, as rows of cell_index."""
        cell = run.terminals["cell"].to_numpy().astype(np.int64)
        cell[self.moves["terminal"].to_numpy()] = self.moves["cell"].to_numpy()
        return cell


def moment_of(run: "Run", slot: int) -> Moment:
    """Return a slot of a run."""
    if run.manifest["detail"] != "full":
        return _replayed(run, run.replay(slot)[2])
    here = pl.col("slot") == slot
    moves = run.table_at("moves", slot).filter(pl.col("slot") <= slot).sort("slot", maintain_order=True)
    return Moment(
        slot=slot,
        cells=run.table_at("cells", slot).filter(here).collect(),
        beams=run.table_at("beams", slot).filter(here).collect(),
        overrides=run.table_at("overrides", slot)
        .filter((pl.col("from_slot") <= slot) & (pl.col("until_slot") > slot))
        .collect(),
        moves=moves.unique("terminal", keep="last", maintain_order=True).collect(),
    )


def _replayed(run: "Run", snapshot: Snapshot) -> Moment:
    from openleo.results.execute import positions_of

    slot, tracked = snapshot.slot, run.network.tracked
    written = run.slot_causes.filter(pl.col("slot") == slot).select("cause", "terminals")
    if dict(written.rows()) != {cause: n for cause, n in snapshot.causes.items() if n}:
        warnings.warn(
            f"slot {slot} computed again has other causes than the run: another openleo or machine made it",
            OpenleoWarning,
            stacklevel=2,
        )
    who, cell, where = positions_of(run.network)(slot)
    names = ("latitude_deg", "longitude_deg", "speed_m_s")
    beams = {c.name: snapshot.beams[c.name] for c in BEAMS.columns if c.name != "slot"}
    own = ("cause", "rule", "fault", "seconds")
    overrides = {"terminal": snapshot.dark} | {name: getattr(snapshot, f"dark_{name}") for name in own}
    return Moment(
        slot=slot,
        cells=frame_of(CELLS, sorted_columns(CELLS, snapshot.cells | _at(slot, len(tracked), cell=tracked))),
        beams=frame_of(BEAMS, sorted_columns(BEAMS, beams | _at(slot, len(beams["cell"])))),
        overrides=frame_of(
            OVERRIDES,
            sorted_columns(
                OVERRIDES,
                overrides
                | {
                    "from_slot": np.full(len(snapshot.dark), slot, np.int32),
                    "until_slot": np.full(len(snapshot.dark), slot + 1, np.int32),
                },
            ),
        ),
        moves=frame_of(
            MOVES,
            sorted_columns(
                MOVES,
                dict(zip(names, where, strict=True)) | _at(slot, len(who), terminal=who, cell=cell),
            ),
        ),
    )


def _at(slot: int, rows: int, **columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return columns | {"slot": np.full(rows, slot, np.int32)}


def dark_at(run: "Run", instant: np.datetime64) -> pl.DataFrame:
    """Return the terminals that are dark at an instant, to the second; see `Run.dark`."""
    from openleo.base.clock import slot_at

    slot = slot_at(instant)
    second = int((instant - slot_start(slot)) / np.timedelta64(1, "s"))
    moment = moment_of(run, slot)
    cell = moment.cell_of(run)
    by_cell = _by_row(moment.cells, "cell", len(run.cell_index))
    cause, fault = by_cell["cause"][cell], by_cell["fault"][cell]
    rule = np.full(len(cell), -1, np.int64)
    seconds = np.where(cause == Cause.ONLINE, ALL_SECONDS, 0)
    who = moment.overrides["terminal"].to_numpy()
    for name, values in (("cause", cause), ("rule", rule), ("fault", fault), ("seconds", seconds)):
        values[who] = moment.overrides[name].to_numpy()
    dark = np.flatnonzero(~(seconds >> second & 1).astype(np.bool_))
    return _listed(run, moment, dark, cell[dark]).with_columns(
        cause=_names(run.causes["name"], run.causes["cause"], cause[dark]),
        rule=named(run.rules["id"], rule[dark]),
        fault=named(run.faults["name"], fault[dark]),
        online_seconds=pl.Series(bits_set(seconds[dark]), dtype=pl.UInt8),
    ).select(DARK_COLUMNS)  # fmt: skip


DARK_COLUMNS = (
    "id", "cause", "rule", "fault", "online_seconds",
    "cell", "latitude_deg", "longitude_deg", "account", "group",
)  # fmt: skip


def _by_row(frame: pl.DataFrame, key: str, count: int) -> dict[str, Numbers]:
    """Return cause and fault of every cell; a cell without a row has none of the scenario's terminals."""
    out = {"cause": np.full(count, int(Cause.IDLE), np.int64), "fault": np.full(count, -1, np.int64)}
    for name, values in out.items():
        values[frame[key].to_numpy()] = frame[name].to_numpy()
    return out


def _listed(run: "Run", moment: Moment, rows: Numbers, cell: Numbers) -> pl.DataFrame:
    """Return id, cell, place, account and group, of a moving one where it last entered a cell."""
    latitude = run.terminals["latitude_deg"].to_numpy().copy()
    longitude = run.terminals["longitude_deg"].to_numpy().copy()
    movers = moment.moves["terminal"].to_numpy()
    latitude[movers] = moment.moves["latitude_deg"].to_numpy()
    longitude[movers] = moment.moves["longitude_deg"].to_numpy()
    return run.terminals[rows].select(
        "id",
        "account",
        "group",
        cell=run.cell_index["h3"].gather(cell),
        latitude_deg=pl.Series(latitude[rows]).round(5),
        longitude_deg=pl.Series(longitude[rows]).round(5),
    )


def _names(names: pl.Series, keys: pl.Series, values: Numbers) -> pl.Series:
    return pl.Series(values, dtype=pl.UInt8).replace_strict(
        keys.to_list(), names.to_list(), return_dtype=pl.String
    )


def named(names: pl.Series, rows: Numbers) -> pl.Series:
    """Return the name of each row number, null where it is -1."""
    found = names.to_list()
    return pl.Series([found[row] if row >= 0 else None for row in rows.tolist()], dtype=pl.String)


def line_of(run: "Run", moment: Moment, terminal: int) -> dict[str, Any]:
    """Return one terminal in the slot: a timeline's row without ``start`` and ``handover``."""
    cell = int(moment.cell_of(run)[terminal])
    row = moment.cells.row(by_predicate=pl.col("cell") == cell, named=True)
    mine = moment.overrides.filter(pl.col("terminal") == terminal)
    own = mine.row(0, named=True) if len(mine) else None
    seconds = own["seconds"] if own else ALL_SECONDS if row["cause"] == Cause.ONLINE else 0
    fault = (own or row)["fault"]
    line: dict[str, Any] = {
        "slot": moment.slot,
        "cell": cell,
        "online_s": int(seconds).bit_count(),
        "cause": Cause((own or row)["cause"]).name,
        "rule": run.rules["id"][own["rule"]] if own and own["rule"] >= 0 else None,
        "fault": run.faults["name"][fault] if fault >= 0 else None,
        "satellite": None,
        "gateway": None,
        "rtt_us": None,
        "seconds": int(seconds),
    }
    if seconds:
        line |= _way(run, moment.beams.filter(pl.col("cell") == cell), terminal, row["rtt_us"])
    return line


def _way(run: "Run", beams: pl.DataFrame, terminal: int, rtt_us: int) -> dict[str, Any]:
    """Return the satellite that a terminal uses among its cell's, its gateway and the round trip."""
    share = int(beam_shares(run.manifest["seed"], np.array([terminal]))[0])
    units = bits_set(beams["colours"].to_numpy())
    row = beams.row(int(rows_of_share(share, np.zeros(len(beams)), units)[0]), named=True)
    first = beams.row(0, named=True)
    further_us = sum(row[leg] - first[leg] for leg in ("user_us", "feeder_us", "fibre_us"))
    return {
        "satellite": run.satellites["name"][row["satellite"]],
        "gateway": run.gateways["name"][row["gateway"]],
        "rtt_us": rtt_us + 2 * further_us,
    }
