"""Outages over some slots: who was dark, grouped by what they share, from when to when."""

from typing import Any

import numpy as np
import polars as pl

from openleo.base.clock import SLOT_S, format_utc, slot_start
from openleo.live.history import History
from openleo.live.looking.words import group_of
from openleo.results.dark import cell_rows, lost_seconds
from openleo.snapshot.causes import MEANING, Cause

BY = ("cause", "area", "country", "gateway", "satellite", "fault", "rule", "account", "group")
_CELLS = 200
_KEYS = ("cause", "rule", "fault")


def outages(
    run: History, first: int, until: int, by: str, *, areas: dict[str, set[int]], rank: np.ndarray
) -> list[dict[str, Any]]:
    """Return outages in slots [first, until), the most terminal-hours first.

    Each is of one cause, rule and fault, and of one ``by`` of these: the area or country of the cells, the
    account or group of the terminals; the gateway or satellite is the last one that had served the cell.
    ``areas`` are rows of cell_index by name, ``rank`` the rows of frames by those.
    """
    rows = pl.concat([_own(run, first, until), _of_cells(run, first, until)])
    rows = _keyed(run, rows, by, areas)
    peaks = _peaks(run, (first, until), by, areas)
    grouped = rows.group_by("key", *_KEYS).agg(
        pl.col("from_slot").min(),
        pl.col("until_slot").max(),
        pl.col("seconds").sum(),
        pl.col("terminals").filter(pl.col("terminal") < 0).sum().alias("by_cell"),
        pl.col("terminal").filter(pl.col("terminal") >= 0).n_unique().alias("single"),
        pl.col("cell").unique().alias("cells"),
    )
    grouped = grouped.sort(["seconds", "key", *_KEYS], descending=[True, False, False, False, False])
    grouped = grouped.join(peaks, on=["key", *_KEYS], how="left", nulls_equal=True, maintain_order="left")
    return [_told(run, row, until, rank) for row in grouped.iter_rows(named=True)]


def _peaks(run: History, span: tuple[int, int], by: str, areas: dict[str, set[int]]) -> pl.DataFrame:
    """Return for each group the first slot in which most were dark, how many, how many last, and one.

    Who is dark for the whole slot counts before who lacks some of its seconds: most groups have such a slot.
    """
    first, until = span
    rows = _keyed(run, pl.concat([_own(run, first, until), _of_slots(run, first, until)]), by, areas)
    lost = pl.col("seconds") / (pl.col("until_slot") - pl.col("from_slot")) / pl.col("terminals")
    rows = rows.with_columns(whole=pl.col("terminals") * (lost >= SLOT_S).cast(pl.Int64))
    keys = ["key", *_KEYS]
    steps = pl.concat([
        rows.select(*keys, slot="from_slot", whole="whole", part="terminals"),
        rows.select(*keys, slot="until_slot", whole=-pl.col("whole"), part=-pl.col("terminals")),
    ]).group_by(*keys, "slot").agg(pl.col("whole", "part").sum()).sort(*keys, "slot")  # fmt: skip
    steps = steps.with_columns(pl.col("whole", "part").cum_sum().over(keys))
    best = steps.sort(*keys, "whole", "part", "slot", descending=[*[False] * 4, True, True, False])
    best = best.group_by(keys, maintain_order=True).agg(
        peak_slot=pl.col("slot").first(), peak=pl.col("whole").first()
    )
    last = (
        steps.filter(pl.col("slot") < until).group_by(keys).agg(last=pl.col("whole").sort_by("slot").last())
    )
    there = rows.join(best, on=keys, nulls_equal=True).filter(
        (pl.col("from_slot") <= pl.col("peak_slot")) & (pl.col("peak_slot") < pl.col("until_slot"))
    )
    one = there.sort(*keys, "whole", "terminal", descending=[*[False] * 4, True, True])
    one = one.group_by(keys, maintain_order=True).agg(
        dark=pl.col("terminal").first(), dark_cells=pl.col("cell").filter(pl.col("terminal") < 0)
    )
    found = best.join(last, on=keys, nulls_equal=True, how="left")
    return found.join(one, on=keys, nulls_equal=True, how="left")


def _of_slots(run: History, first: int, until: int) -> pl.DataFrame:
    """Return what befell whole cells, a row for each cell and slot."""
    rows = cell_rows(run).filter((pl.col("slot") >= first) & (pl.col("slot") < until)).collect()
    own = pl.col("own").cast(pl.Int64)
    return rows.select(
        "cell", "cause", "fault", from_slot="slot", until_slot=pl.col("slot") + 1, terminals=own,
        seconds=own * SLOT_S, rule=pl.lit(-1, pl.Int16), terminal=pl.lit(-1, pl.Int32),
    ).select(_COLUMNS)  # fmt: skip


def _own(run: History, first: int, until: int) -> pl.DataFrame:
    """Return what befell single terminals, an interval each."""
    rows = run.table("overrides").filter((pl.col("from_slot") < until) & (pl.col("until_slot") > first))
    frame = rows.collect().with_columns(
        pl.col("from_slot").clip(first, until), pl.col("until_slot").clip(first, until)
    )
    cell = run.terminals["cell"].to_numpy()[frame["terminal"].to_numpy()]
    return frame.select(
        "terminal", "from_slot", "until_slot", "cause", "rule", "fault",
        cell=pl.Series(cell, dtype=pl.Int32), terminals=pl.lit(1, pl.Int64), seconds=lost_seconds(),
    ).select(_COLUMNS)  # fmt: skip


_COLUMNS = (
    "terminal", "cell", "cause", "rule", "fault", "from_slot", "until_slot", "terminals", "seconds",
)  # fmt: skip


def _of_cells(run: History, first: int, until: int) -> pl.DataFrame:
    """Return what befell whole cells: one row for each cell, cause and fault."""
    rows = cell_rows(run).filter((pl.col("slot") >= first) & (pl.col("slot") < until))
    by_cell = rows.group_by("cell", "cause", "fault").agg(
        pl.col("slot").min().alias("from_slot"),
        (pl.col("slot").max() + 1).alias("until_slot"),
        pl.col("own").max().cast(pl.Int64).alias("terminals"),
        (pl.col("own").sum() * SLOT_S).cast(pl.Int64).alias("seconds"),
    )
    return (
        by_cell.with_columns(rule=pl.lit(-1, pl.Int16), terminal=pl.lit(-1, pl.Int32))
        .select(_COLUMNS)
        .collect()
    )


def _keyed(run: History, rows: pl.DataFrame, by: str, areas: dict[str, set[int]]) -> pl.DataFrame:
    """Return the rows with ``key``: what they are grouped by, in words; a row in two areas comes twice."""
    if by == "area":
        pairs = [(cell, name) for name, cells in areas.items() for cell in cells]
        table = pl.DataFrame(pairs, schema={"cell": pl.Int32, "key": pl.String}, orient="row")
        return rows.join(table, on="cell", how="left").with_columns(pl.col("key").fill_null(""))
    if by == "country":
        return rows.with_columns(key=run.cell_index["country"].gather(rows["cell"]))
    if by in {"account", "group"}:
        cell_of = run.terminals.select("cell", by).group_by("cell").agg(pl.col(by).first())
        own = rows.filter(pl.col("terminal") >= 0)
        own = own.with_columns(key=run.terminals[by].gather(own["terminal"]))
        rest = rows.filter(pl.col("terminal") < 0).join(
            cell_of.with_columns(pl.col("cell").cast(pl.Int32)).rename({by: "key"}), on="cell", how="left"
        )
        return pl.concat([own, rest.select(own.columns)]).with_columns(pl.col("key").fill_null(""))
    if by in {"gateway", "satellite"}:
        last = _last_served(run, by)
        return rows.join(last, on="cell", how="left").with_columns(pl.col("key").fill_null(""))
    names = {"fault": run.faults["name"], "rule": run.rules["id"]}.get(by)
    if names is None:
        return rows.with_columns(key=pl.col("cause").replace_strict(_NAMES, return_dtype=pl.String))
    known = names.to_list()
    return rows.with_columns(
        key=pl.Series([known[n] if n >= 0 else "" for n in rows[by].to_list()], dtype=pl.String)
    )


def _last_served(run: History, by: str) -> pl.DataFrame:
    """Return for each cell (cell, key) the gateway or satellite that served it last."""
    names = (run.gateways if by == "gateway" else run.satellites)["name"]
    rows = run.table("cells").filter(pl.col(by) >= 0).group_by("cell").agg(
        pl.col(by).sort_by("slot").last()
    ).collect()  # fmt: skip
    return rows.select("cell", key=names.gather(rows[by].cast(pl.UInt32)))


_NAMES = {int(cause): cause.name for cause in Cause}


def _told(run: History, row: dict[str, Any], until: int, rank: np.ndarray) -> dict[str, Any]:
    cause = row["cause"]
    rule = None if row["rule"] < 0 else run.rules.row(row["rule"], named=True)
    example = row["dark"] if row["dark"] >= 0 else _somebody_in(run, row["dark_cells"])
    return {
        "key": row["key"],
        "cause": Cause(cause).name,
        "meaning": MEANING[Cause(cause)],
        "group": group_of(cause),
        "rule": None if rule is None else rule["id"],
        "rule_text": None if rule is None else rule["text"],
        "fault": None if row["fault"] < 0 else run.faults["name"][row["fault"]],
        "from_slot": row["from_slot"],
        "until_slot": row["until_slot"],
        "start": format_utc(slot_start(row["from_slot"])),
        "end": format_utc(slot_start(row["until_slot"])),
        "open": row["until_slot"] >= until,
        "terminals": row["single"] + row["by_cell"],
        "peak": row["peak"],
        "peak_slot": row["peak_slot"],
        "last": row["last"],
        "hours": round(row["seconds"] / 3600, 2),
        "cells": sorted(int(rank[cell]) for cell in row["cells"])[:_CELLS],
        "example": None if example is None else run.terminals["id"][example],
    }


def _somebody_in(run: History, cells: list[int]) -> int | None:
    """Return a terminal that stands in one of these cells."""
    rows = (run.terminals["cell"].is_in(cells) & ~run.terminals["moving"]).arg_true()
    return int(rows[0]) if len(rows) else None
