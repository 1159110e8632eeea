"""One terminal, slot by slot: put together from its cell, the cell's beams, and what is its own."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.results.choice import ALL_SECONDS, beam_shares, bits_set, rows_of_share
from openleo.results.rates import busy_kbps
from openleo.snapshot.causes import Cause

if TYPE_CHECKING:
    from openleo.results.run import Run


def timeline_of(run: "Run", terminal: int) -> pl.DataFrame:
    """Return a row for each slot of a terminal (row ``terminal``), in order.

    ``slot``; ``start`` (UTC); ``cell``; ``online_s`` seconds online; ``cause`` the name of why the rest were
    not, or ONLINE; ``rule`` and ``fault`` behind it, null where none; ``satellite`` and ``gateway`` by name,
    null while dark; ``rtt_us`` to the home PoP; ``rate_kbps`` modelled download while it is busy, null while
    dark; ``seconds`` the mask of online seconds; ``handover`` whether the satellite is another than in the
    slot before.  A run of detail "cells" has none: BadInput.
    """
    base = run.slots.select("slot", "start")
    where = _cells_of(run, terminal, base)
    cells = _rows_of(run.table("cells"), where)
    frame = where.join(cells, on=["cell", "slot"], how="left", maintain_order="left")
    beams = _own_beams(run, terminal, where)
    frame = frame.join(beams, on="slot", how="left", maintain_order="left")
    frame = frame.with_columns(start=base["start"])
    return _finished(run, frame, _own(run, terminal, len(frame)))


def _cells_of(run: "Run", terminal: int, base: pl.DataFrame) -> pl.DataFrame:
    """Return the terminal's cell in each slot."""
    row = run.terminals.row(terminal, named=True)
    if not row["moving"]:
        return base.select("slot", cell=pl.lit(row["cell"], pl.Int32))
    moves = (
        run.table("moves")
        .filter(pl.col("terminal") == terminal)
        .select("slot", "cell")
        .unique("slot", keep="last", maintain_order=True)
        .sort("slot")
        .collect()
    )
    found = base.select("slot").join_asof(moves, on="slot")
    return found.with_columns(pl.col("cell").fill_null(row["cell"]))


def _rows_of(table: pl.LazyFrame, where: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a table for these (cell, slot)."""
    cells = where["cell"].unique().to_list()
    rows = table.filter(pl.col("cell").is_in(cells)).collect()
    return rows.join(where, on=["cell", "slot"], how="semi", maintain_order="left")


def _own_beams(run: "Run", terminal: int, where: pl.DataFrame) -> pl.DataFrame:
    """Return the row of the satellite that the terminal uses in each slot, and the first satellite's way."""
    rows = _rows_of(run.table("beams"), where).sort("slot", maintain_order=True)
    way = pl.col("user_us") + pl.col("feeder_us") + pl.col("fibre_us")
    rows = rows.with_columns(way_us=way, first_way_us=way.first().over("slot"))
    share = int(beam_shares(run.manifest["seed"], np.array([terminal]))[0])
    mine = rows_of_share(share, rows["slot"].to_numpy(), bits_set(rows["colours"].to_numpy()))
    return rows[mine].select(
        "slot",
        own_satellite="satellite",
        own_gateway="gateway",
        further_us=2 * (pl.col("way_us") - pl.col("first_way_us")),
    )


def _own(run: "Run", terminal: int, slots: int) -> dict[str, NDArray[np.int64]]:
    """Return what overrides say in each slot (T,): cause, rule, fault, seconds; seconds -1 where nothing."""
    found = {name: np.full(slots, -1, np.int64) for name in ("cause", "rule", "fault", "seconds")}
    rows = run.table("overrides").filter(pl.col("terminal") == terminal).collect()
    for row in rows.iter_rows(named=True):
        span = slice(row["from_slot"] - run.first_slot, row["until_slot"] - run.first_slot)
        for name, values in found.items():
            values[span] = row[name]
    return found


def _finished(run: "Run", frame: pl.DataFrame, own: dict[str, NDArray[np.int64]]) -> pl.DataFrame:
    cell_cause = frame["cause"].to_numpy()
    has_own = own["seconds"] >= 0
    seconds = np.where(has_own, own["seconds"], np.where(cell_cause == Cause.ONLINE, ALL_SECONDS, 0))
    cause = np.where(has_own, own["cause"], cell_cause).astype(np.uint8)
    fault = np.where(has_own, own["fault"], frame["fault"].fill_null(-1).to_numpy())
    served = seconds > 0
    names = dict(zip(run.causes["cause"].to_list(), run.causes["name"].to_list(), strict=True))
    satellite = _named(frame["own_satellite"], served, run.satellites["name"])
    rtt = frame["rtt_us"] + frame["further_us"]
    rate = pl.Series(busy_kbps(run, frame["asking"].fill_null(0), frame["rate_kbps"].fill_null(-1)))
    changed = (frame["own_satellite"] != frame["own_satellite"].shift(1)).fill_null(False)
    both = pl.Series(served) & pl.Series(served).shift(1, fill_value=False)
    return pl.DataFrame(
        {
            "slot": frame["slot"],
            "start": frame["start"],
            "cell": frame["cell"],
            "online_s": bits_set(seconds.astype(np.uint64)).astype(np.uint8),
            "cause": [names[c] for c in cause.tolist()],
            "rule": _named(pl.Series(np.where(has_own, own["rule"], -1)), None, run.rules["id"]),
            "fault": _named(pl.Series(fault), None, run.faults["name"]),
            "satellite": satellite,
            "gateway": _named(frame["own_gateway"], served, run.gateways["name"]),
            "rtt_us": _where(served, rtt),
            "rate_kbps": _where(served & (rate >= 0).to_numpy(), rate),
            "seconds": seconds.astype(np.uint16),
            "handover": changed & both,
        }
    )


def _where(served: NDArray[np.bool_], values: pl.Series) -> pl.Series:
    """Return values, null where a terminal is not served."""
    return pl.select(pl.when(pl.Series(served)).then(values)).to_series().cast(pl.Int32)


def _named(numbers: pl.Series, where: NDArray[np.bool_] | None, names: pl.Series) -> pl.Series:
    """Return the name of each number; null where it is null, negative, or not ``where``."""
    known = numbers.fill_null(-1) >= 0
    if where is not None:
        known = known & pl.Series(where)
    index = pl.select(pl.when(known).then(numbers.fill_null(-1))).to_series().cast(pl.UInt32)
    return names.gather(index) if len(names) else pl.Series([None] * len(numbers), dtype=pl.String)
