"""Who was dark in a run, why, for how long: counted from the tables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from openleo.base.clock import SLOT_S
from openleo.snapshot.causes import MEANING, Cause

if TYPE_CHECKING:
    from openleo.results.run import Run

_SLOTS_AN_HOUR = 3600 // SLOT_S
_KEYS = ("cause", "rule", "fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """Terminals dark for one cause, behind which is one rule or fault, or neither (-1).

    ``terminals`` how many were, at some time; ``throughout`` how many of them in every slot of the run, -1
    where that is not known; ``hours`` terminal-hours; dark in slots [from_slot, until_slot), not always.
    """

    cause: Cause
    rule: int
    fault: int
    terminals: int
    throughout: int
    hours: float
    from_slot: int
    until_slot: int

    @property
    def meaning(self) -> str:
        """The cause in words."""
        return MEANING[self.cause]


def dark_of(run: "Run") -> list[Dark]:
    """Return who was dark, the most terminal-hours first."""
    if run.manifest["detail"] == "full":
        frame = pl.concat([_own(run), _by_cell(run)]).group_by(_KEYS, maintain_order=True).agg(
            pl.col("terminals", "throughout", "hours").sum(),
            pl.col("from_slot").min(),
            pl.col("until_slot").max(),
        )  # fmt: skip
    else:
        frame = _by_slot(run)
    rows = frame.sort(["hours", *_KEYS], descending=[True, False, False, False]).iter_rows(named=True)
    return [Dark(**{**row, "cause": Cause(row["cause"])}) for row in rows]


def lost_seconds() -> pl.Expr:
    """Return the seconds not online of a row of overrides."""
    slots = (pl.col("until_slot") - pl.col("from_slot")).cast(pl.Int64)
    return slots * (SLOT_S - pl.col("seconds").bitwise_count_ones().cast(pl.Int64))


def _own(run: "Run") -> pl.DataFrame:
    """Return what befell single terminals: policy, power, obstacles."""
    slots = run.until_slot - run.first_slot
    by_terminal = run.overrides.group_by(*_KEYS, "terminal").agg(
        lost_seconds().sum().alias("lost_s"), pl.col("from_slot").min(), pl.col("until_slot").max()
    )
    return by_terminal.group_by(_KEYS).agg(
        pl.len().cast(pl.Int64).alias("terminals"),
        (pl.col("lost_s") == slots * SLOT_S).sum().cast(pl.Int64).alias("throughout"),
        (pl.col("lost_s").sum() / 3600).alias("hours"),
        pl.col("from_slot").min(),
        pl.col("until_slot").max(),
    )


def cell_rows(run: "Run") -> pl.LazyFrame:
    """Return the rows of dark cells, with ``own``: the scenario's terminals that ask there."""
    background = run.cell_index.lazy().select(
        pl.int_range(pl.len(), dtype=pl.Int32).alias("cell"), "background"
    )
    rows = run.table("cells").filter(~pl.col("cause").is_in([Cause.ONLINE.value, Cause.IDLE.value]))
    rows = rows.join(background, on="cell", how="left", maintain_order="left")
    return rows.with_columns(own=pl.col("asking") - pl.col("background")).filter(pl.col("own") > 0)


def _by_cell(run: "Run") -> pl.DataFrame:
    """Return what befell whole cells: sky, gateways, contention."""
    by_cell = cell_rows(run).group_by("cause", "fault", "cell").agg(
        pl.col("own").max().alias("terminals"),
        pl.col("own").sum().alias("slots"),
        (pl.len() == run.until_slot - run.first_slot).alias("always"),
        pl.col("slot").min().alias("from_slot"),
        (pl.col("slot").max() + 1).alias("until_slot"),
    )  # fmt: skip
    found = by_cell.group_by("cause", "fault").agg(
        pl.col("terminals").sum().cast(pl.Int64),
        (pl.col("terminals") * pl.col("always")).sum().cast(pl.Int64).alias("throughout"),
        (pl.col("slots").sum() / _SLOTS_AN_HOUR).alias("hours"),
        pl.col("from_slot").min(),
        pl.col("until_slot").max(),
    )
    return found.with_columns(rule=pl.lit(-1, pl.Int16)).select(
        *_KEYS, "terminals", "throughout", "hours", "from_slot", "until_slot"
    ).collect()  # fmt: skip


def _by_slot(run: "Run") -> pl.DataFrame:
    """Return what a run without cell rows still knows: the most terminals at once for each cause."""
    return run.slot_causes.group_by("cause").agg(
        pl.lit(-1, pl.Int16).first().alias("rule"),
        pl.lit(-1, pl.Int16).first().alias("fault"),
        pl.col("terminals").max().cast(pl.Int64),
        pl.lit(-1, pl.Int64).first().alias("throughout"),
        (pl.col("terminals").sum() / _SLOTS_AN_HOUR).alias("hours"),
        pl.col("slot").min().alias("from_slot"),
        (pl.col("slot").max() + 1).alias("until_slot"),
    )


def example_of(run: "Run", cause: int, slot: int) -> int | None:
    """Return the row of a terminal that is dark for ``cause`` in ``slot``, or None where none is found."""
    if run.manifest["detail"] != "full":
        return None
    here = run.overrides.filter((pl.col("from_slot") <= slot) & (pl.col("until_slot") > slot))
    own = here.filter((pl.col("cause") == cause) & (pl.col("seconds") == 0))
    if len(own):
        return int(own["terminal"][0])
    cells = (
        run.table_at("cells", slot).filter((pl.col("slot") == slot) & (pl.col("cause") == cause)).collect()
    )
    fixed = run.terminals.with_row_index("terminal").filter(
        pl.col("cell").is_in(cells["cell"].to_list())
        & ~pl.col("moving")
        & ~pl.col("terminal").is_in(here["terminal"].to_list())
    )
    return int(fixed["terminal"][0]) if len(fixed) else None
