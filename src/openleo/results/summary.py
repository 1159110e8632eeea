"""A run in plain words: who was online, who was dark and why, what each fault did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S
from openleo.results.dark import Dark, cell_rows, dark_of, example_of, lost_seconds
from openleo.snapshot.causes import Cause

if TYPE_CHECKING:
    from openleo.results.run import Run

_BEFORE_SLOTS = 240  # a fault is compared with the hour before it


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEffect:
    """What one fault did in its slots [from_slot, until_slot) of the run.

    Shares of terminals online: the mean over its slots, and the mean of up to an hour before (or after, where
    it holds from the start; -1 where it holds throughout).  ``dark`` are the terminal-hours that name it, by
    cause; ``most`` the most terminals dark throughout a slot because of it and ``most_slot`` the first such
    slot, -1 where the run does not hold that.
    """

    name: str
    kind: str
    target: str
    from_slot: int
    until_slot: int
    online: float
    most: int
    most_slot: int
    otherwise: float
    is_before: bool
    dark: tuple[tuple[Cause, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What `openleo run` says at its end.  Shares are of 1; times are microseconds, rates kbit/s."""

    online: float
    worst_slot: int
    worst_online: float
    worst_cause: Cause | None
    worst_terminals: int
    cells: int
    satellites: int
    satellites_most: int
    gateways: int
    antennas: int
    antennas_most: int
    rtt_us: tuple[float, float, float]
    rate_kbps: tuple[float, float, float]
    handovers_an_hour: float
    dark: tuple[Dark, ...]
    faults: tuple[FaultEffect, ...]
    example: tuple[str, int] | None  # a terminal and a slot worth explaining


def summary_of(run: "Run") -> Summary:
    """Return the summary of a run with at least one finished chunk."""
    slots = run.slots
    online_slots, terminals = int(slots["online"].sum()), int(slots["terminals"].sum())
    lost_s = 0
    if run.manifest["detail"] == "full":  # slots that were online in part
        partly = run.overrides.filter(pl.col("seconds") > 0)
        lost_s = int(partly.select(lost_seconds().sum()).item() or 0)
    row = _worst_row(slots)
    worst_slot = int(slots["slot"][row])
    cause, count = _worst_cause(run, worst_slot)
    dark = dark_of(run)
    hours = online_slots * SLOT_S / 3600
    return Summary(
        online=(online_slots - lost_s / SLOT_S) / terminals if terminals else 0.0,
        worst_slot=worst_slot,
        worst_online=_share(slots[row : row + 1]),
        worst_cause=cause,
        worst_terminals=count,
        cells=int(run.cell_index["tracked"].sum()),
        satellites=int(run.satellites["in_service"].sum()),
        satellites_most=int(slots.select(pl.col("satellites").max()).item()),
        gateways=len(run.gateways),
        antennas=int(run.gateways["antennas"].sum()),
        antennas_most=int(slots.select(pl.col("antennas").max()).item()),
        rtt_us=_medians(slots, "rtt_p10_us", "rtt_p50_us", "rtt_p90_us"),
        rate_kbps=_medians(slots, "rate_p20_kbps", "rate_p50_kbps", "rate_p80_kbps"),
        handovers_an_hour=int(slots["handovers"].sum()) / hours if hours else 0.0,
        dark=tuple(dark),
        faults=tuple(_effects(run)),
        example=_example(run, dark, worst_slot, cause),
    )


def _share(slots: pl.DataFrame) -> float:
    total = int(slots["terminals"].sum())
    return int(slots["online"].sum()) / total if total else 0.0


def _worst_row(slots: pl.DataFrame) -> int:
    share = slots["online"] / slots["terminals"].clip(lower_bound=1)
    return int(share.arg_min() or 0)


def _medians(slots: pl.DataFrame, *names: str) -> tuple[float, float, float]:
    """Return the medians over the slots that have a value, -1 where none has."""
    values = [slots.filter(pl.col(name) >= 0).select(pl.col(name).median()).item() for name in names]
    low, middle, high = (-1.0 if value is None else float(value) for value in values)
    return low, middle, high


def _worst_cause(run: "Run", slot: int) -> tuple[Cause | None, int]:
    """Return the cause that stands out most in a slot from what is usual, and how many terminals it has."""
    here = run.slot_causes.filter(pl.col("slot") == slot)
    if not len(here):
        return None, 0
    half = (run.until_slot - run.first_slot) / 2
    usual = run.slot_causes.group_by("cause").agg(
        pl.when(pl.len() > half).then(pl.col("terminals").median()).otherwise(0).first().alias("usual")
    )
    rows = here.join(usual, on="cause", how="left").sort("cause")
    most = rows.select((pl.col("terminals") - pl.col("usual")).arg_max()).item()
    return Cause(rows["cause"][most]), int(rows["terminals"][most])


def _effects(run: "Run") -> list[FaultEffect]:
    full = run.manifest["detail"] == "full"
    own = cells = pl.DataFrame(schema={"fault": pl.Int16, "cause": pl.UInt8, "hours": pl.Float64})
    if full and len(run.faults):
        named = run.overrides.filter(pl.col("fault") >= 0)
        own = named.group_by("fault", "cause").agg((lost_seconds().sum() / 3600).alias("hours"))
        rows = cell_rows(run).filter(pl.col("fault") >= 0).group_by("fault", "cause")
        cells = rows.agg((pl.col("own").sum() * SLOT_S / 3600).alias("hours")).collect()
    hours = pl.concat([own, cells]).sort(["hours", "cause"], descending=[True, False])
    found = []
    blamed = _blamed(run) if full else None
    for row, fault in enumerate(run.faults.iter_rows(named=True)):
        begin, until = max(fault["from_slot"], run.first_slot), min(fault["until_slot"], run.until_slot)
        if begin >= until:
            continue
        during = _between(run, begin, until)
        before = _between(run, begin - _BEFORE_SLOTS, begin)
        other = before if len(before) else _between(run, until, until + _BEFORE_SLOTS)
        mine = hours.filter(pl.col("fault") == row)
        found.append(
            FaultEffect(
                name=fault["name"],
                kind=fault["kind"],
                target=fault["target"],
                from_slot=begin,
                until_slot=until,
                online=_share(during),
                most=-1 if blamed is None else int(blamed[row].max()),
                most_slot=-1 if blamed is None else run.first_slot + int(blamed[row].argmax()),
                otherwise=_share(other) if len(other) else -1.0,
                is_before=bool(len(before)),
                dark=tuple((Cause(c), float(h)) for c, h in zip(mine["cause"], mine["hours"], strict=True)),
            )
        )
    return found


def _blamed(run: "Run") -> NDArray[np.int64]:
    """Return how many terminals each fault kept dark throughout each slot (F, T)."""
    slots = run.until_slot - run.first_slot
    change = np.zeros((len(run.faults), slots + 1), np.int64)
    own = run.overrides.filter((pl.col("fault") >= 0) & (pl.col("seconds") == 0))
    np.add.at(change, (own["fault"].to_numpy(), own["from_slot"].to_numpy() - run.first_slot), 1)
    np.add.at(change, (own["fault"].to_numpy(), own["until_slot"].to_numpy() - run.first_slot), -1)
    count = change.cumsum(axis=1)[:, :slots]
    cells = cell_rows(run).filter(pl.col("fault") >= 0).group_by("fault", "slot").agg(pl.col("own").sum())
    rows = cells.collect()
    np.add.at(
        count, (rows["fault"].to_numpy(), rows["slot"].to_numpy() - run.first_slot), rows["own"].to_numpy()
    )
    return count


def _between(run: "Run", first: int, until: int) -> pl.DataFrame:
    return run.slots.filter((pl.col("slot") >= first) & (pl.col("slot") < until))


def _example(run: "Run", dark: list[Dark], slot: int, cause: Cause | None) -> tuple[str, int] | None:
    """Return a terminal that was dark and when: for the worst slot's cause, else for the commonest."""
    if run.manifest["detail"] != "full" or not len(run.terminals):
        return None
    tries = [(cause, slot)] if cause is not None else []
    tries += [(group.cause, group.from_slot) for group in dark]
    for why, when in tries:
        row = example_of(run, why, when)
        if row is not None:
            return str(run.terminals["id"][row]), when
    return str(run.terminals["id"][0]), slot
