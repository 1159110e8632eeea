"""Score the `observed` preference inside the whole engine, on the hour that it was not fitted on.

One terminal at Louvain-la-Neuve among 60,000 assumed ones, on the element sets of the day of the record;
every preference in turn, over seeds, against the satellite that really served there.
    python experiments/score_observed.py            # rewrites a block of docs/observed-scheduler.md: minutes
    python experiments/score_observed.py --seeds 2  # prints it only
Data: $OPENLEO_TEST_DATA/performance/satinview_ucl_2024-07-17 (default ../shared/data).
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import fit_observed as fit
import numpy as np

from openleo.base.clock import SLOT_S, slot_start
from openleo.engine import Network, first_state, prepare, run_slots
from openleo.engine.geometry import geometries
from openleo.engine.masked import beam_shares, choose_beam
from openleo.network.preference import Preference, preference
from openleo.scenario import PREFERENCES, scenario_from
from openleo.scenario.world import compile_world

DOC = Path(__file__).resolve().parents[1] / "docs" / "observed-scheduler.md"
BEGIN, END = (
    "<!-- written by experiments/score_observed.py -->",
    "<!-- end of what experiments/score_observed.py writes -->",
)
SEEDS = range(20)
FEW_SEEDS = range(5)  # for what has no noise of its own, or is an aside
RIDGE = 5.0  # as fit_observed.py chose it
WARM_UP = 4  # slots run before those scored, so that somebody is served when they begin
HALF_SLOT = np.timedelta64(SLOT_S * 500_000_000, "ns")

# Demand around, assumed: 40 terminals on each of the 1,500 fullest cells of six countries, who get what users
# in Belgium got (median download of 156 Mbit/s in the operator's own figures of 2023-09).  Beams: the default
# of 16 is for v1 satellites.  Those that fill up here are v2 minis, which carry four times as much (SpaceX,
# 2023-02); the engine knows one number for all, so twice the default stands between.  Other defaults hold.
BACKGROUND = {"countries": ["BE", "DE", "FR", "GB", "LU", "NL"], "terminals": 60_000, "cells": 1_500}
NETWORK = {"beams": 32, "plan_mbps": 156.0}
GATEWAYS = ["DE", "ES", "FR", "GB", "IE", "IT", "LT", "PL", "PT"]
POPS = ["Frankfurt", "London", "Madrid", "Milan", "Warsaw"]


# The scenario


def instant(slot: int) -> datetime:
    return datetime.fromisoformat(str(slot_start(slot).astype("datetime64[us]"))).replace(tzinfo=UTC)


@lru_cache(maxsize=8)
def network(
    slots: range,
    seed: int,
    *,
    at_deg: tuple[float, float] = fit.LOUVAIN_DEG,
    isl: str = "grid",
    **changes: object,
) -> Network:
    """Return the network around one terminal, ready to run from `WARM_UP` slots before ``slots``."""
    document = {
        "name": "louvain-2024",
        "start": instant(slots[0] - WARM_UP),
        "end": instant(slots[-1] + 1),
        "seed": seed,
        "constellation": {"use": str((fit.DATA / "elements.tle.gz").resolve()), "isl": isl},
        "network": NETWORK | changes,
        "gateways": {"countries": GATEWAYS},
        "pops": {"include": POPS},
        "terminals": [{"name": "dish", "place": "points", "points": [at_deg], "kind": "standard"}],
        "background": [BACKGROUND],
    }
    return prepare(compile_world(scenario_from(document, origin="score_observed")))


def preferring(net: Network, name: str) -> Network:
    """Return the same network under another preference."""
    chosen = preference(name)
    return replace(net, preference=chosen, view=net.view._replace(preference=chosen))


@dataclass(frozen=True, slots=True)
class Served:
    """What T slots of one run gave the terminal: rows of the constellation, -1 none, (T,) each.

    ``terminal`` is the satellite of its own beam, ``cell`` that of its cell's first unit; ``satellites`` how
    many the cell has.  ``load`` (T, S) counts the cells on each satellite, over all cells.
    """

    terminal: np.ndarray
    cell: np.ndarray
    satellites: np.ndarray
    load: np.ndarray


def serve(net: Network, slots: range) -> Served:
    share = int(beam_shares(net.world.scenario.seed, np.zeros(1, np.int32))[0])
    rows, load = [], []
    for state, snapshot in run_slots(net, first_state(net), slots[0] - WARM_UP, slots[-1], workers=1):
        satellites, units = snapshot.beams["satellite"], np.bitwise_count(snapshot.beams["colours"])
        own = satellites[choose_beam(share, units)] if len(satellites) else -1
        rows.append((own, snapshot.cells["satellite"][0], len(satellites)))
        load.append(
            np.bincount(state.satellite[state.satellite >= 0], minlength=len(net.world.constellation))
        )
    terminal, cell, count = np.array(rows[WARM_UP:]).T
    return Served(terminal, cell, count, np.array(load[WARM_UP:], np.int32))


# What was measured, and where everything stood


class Sky:
    """The fleet as one place sees it in the middle of slots: elevation_rad and north, (T, S) each."""

    def __init__(self, fleet: fit.Fleet, at_deg: tuple[float, float], slots: range):
        site = fit.Site(*at_deg)
        looks = [site.look(fit.itrs_km(fleet, slot_start(slot) + HALF_SLOT))[0] for slot in slots]
        self.elevation_rad = np.array([np.arcsin(look[:, 2]).astype(np.float32) for look in looks])
        self.north = np.array([look[:, 1].astype(np.float32) for look in looks])

    def of(self, satellites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return elevation and north component of the satellites (T,) that served."""
        t = np.arange(len(satellites))
        return self.elevation_rad[t, satellites], self.north[t, satellites]


def figures(sky: Sky, satellites: np.ndarray, measured_rad: np.ndarray) -> np.ndarray:
    """Return KS distance, shares kept and poleward, and median elevation (deg) of the satellites (T,)."""
    elevation, north = sky.of(satellites)
    return np.array(
        [
            fit.ks_distance(elevation, measured_rad),
            (satellites[1:] == satellites[:-1]).mean(),
            (north > 0.0).mean(),
            math.degrees(float(np.median(elevation))),
        ]
    )


@dataclass(frozen=True, slots=True)
class Record:
    """The real serving satellites (T,) of two hours, as rows of the fleet."""

    fleet: fit.Fleet
    slots: range
    serving: np.ndarray

    @property
    def hours(self) -> tuple[range, range]:
        """The slots of the first hour, which the weights were fitted on, and of the rest."""
        return self.slots[: fit.HOUR], self.slots[fit.HOUR :]

    def part(self, slots: range) -> np.ndarray:
        return self.serving[slots[0] - self.slots[0] : slots[-1] + 1 - self.slots[0]]


def read_record() -> Record:
    fleet = fit.read_fleet()
    names, start = fit.read_serving()
    row = {name: n for n, name in enumerate(fleet.names)}
    return Record(fleet, range(start, start + len(names)), np.array([row[name] for name in names]))


def fleet_rows(net: Network, fleet: fit.Fleet) -> np.ndarray:
    """Return the fleet's row of each satellite of the network's constellation (S,), with -1 for -1."""
    row = {name: n for n, name in enumerate(fleet.names)}
    return np.array([*(row[name] for name in net.world.constellation.sets.name), -1])


# Held-out log-likelihood, over the engine's own candidates

FEATURES: dict[str, tuple[str, ...]] = {
    "observed": ("footprint", "poleward", "second_generation", "stay"),
    "highest-elevation": ("elevation",),
    "stay": ("elevation", "stay"),
    "lowest-latency": ("latency",),
    "least-loaded": ("load",),
    "longest-visibility": ("visibility",),
}


@dataclass(frozen=True, slots=True)
class Hour:
    """The engine's candidates over T slots.

    ``columns`` of features, rows bounded by ``first`` (T+1,), and the row ``chosen`` (T,) of the satellite
    that really served, -1 where it is no candidate.
    """

    columns: dict[str, np.ndarray]
    first: np.ndarray
    chosen: np.ndarray


def engine_pairs(net: Network, slots: range, serving: np.ndarray, load: np.ndarray) -> Hour:
    """Return the engine's candidates of the terminal's cell with their features.

    ``net`` must keep 64 candidates; ``serving`` (T,) and ``load`` (T, S) are by row of the constellation.
    Each stateless feature is the engine's utility under a preference that weighs it alone.
    """
    cell = net.terminal_cell[0]
    columns: dict[str, list[np.ndarray]] = {name: [] for name in Preference._fields if name != "noise"}
    counts, chosen = [], []
    for t, slot in enumerate(slots):
        numbers = None
        for name, column in columns.items():
            if name in {"load", "stay"}:
                continue
            alone = net.view._replace(preference=Preference(**{name: 1.0}))
            one = geometries(replace(net, view=alone), [net.timeline.at(slot)], np.array([slot]))[0]
            kept = one.candidates[cell] >= 0
            number = one.sky.number[one.candidates[cell][kept]]
            order = np.argsort(number)
            assert numbers is None or np.array_equal(numbers, number[order])
            numbers = number[order]
            column.append(one.utility[cell][kept][order].astype(np.float64))
        assert numbers is not None
        columns["load"].append(load[t, numbers] / (net.limits.beams * net.limits.dwells))
        columns["stay"].append((numbers == (serving[t - 1] if t else -1)) * 1.0)
        hit = np.flatnonzero(numbers == serving[t])
        chosen.append(sum(counts) + hit[0] if len(hit) else -1)
        counts.append(len(numbers))
    flat = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Hour(flat, np.r_[0, np.cumsum(counts)], np.array(chosen))


def choices(hour: Hour, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return matrix, bounds and chosen rows of the slots whose real choice is a candidate.

    The first slot, whose predecessor is not known, is left out.
    """
    known = np.flatnonzero(hour.chosen >= 0)
    known = known[known > 0]
    x = np.stack([hour.columns[name] for name in names], axis=1)
    rows = np.concatenate([np.arange(hour.first[t], hour.first[t + 1]) for t in known])
    bounds = np.r_[0, np.cumsum(hour.first[known + 1] - hour.first[known])]
    return x[rows], bounds, bounds[:-1] + hour.chosen[known] - hour.first[known]


def hour_pairs(record: Record, slots: range, load: np.ndarray | None = None) -> Hour:
    """Return the candidates of one hour; ``load`` (T, S) counts cells by row of the constellation."""
    net = network(slots, 0, candidates=64)
    row = {int(f): n for n, f in enumerate(fleet_rows(net, record.fleet)[:-1])}
    serving = np.array([row.get(int(s), -2) for s in record.part(slots)])
    load = np.zeros((len(slots), len(row)), np.int32) if load is None else load
    return engine_pairs(net, slots, serving, load)


def fitted(first: Hour) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of `observed` over the engine's candidates of the first hour, and their errors."""
    return fit.fit(*choices(first, FEATURES["observed"]), RIDGE)


def held_out(first: Hour, second: Hour) -> dict[str, float]:
    """Return the log-likelihood a slot of the second hour under each preference, and of an even choice.

    `observed` is as it is shipped; the others have weights of their own, fitted on the first hour.
    """
    scores = {}
    for name, names in FEATURES.items():
        weights = np.array([getattr(preference("observed"), n) for n in names])
        if name != "observed":
            weights, _ = fit.fit(*choices(first, names), 0.01)
        x, bounds, chosen = choices(second, names)
        scores[name] = float(fit.log_shares(x @ weights, bounds)[chosen].mean())
    scores["an even choice"] = -float(np.log(np.diff(bounds)).mean())
    return scores


# Field of view


def view_shares(record: Record, cones: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the share of real slots inside each field of view (full cone, tilt, degrees) all slot long.

    The first share is of those that keep to elevation, GSO exclusion and service altitude, the second of all.
    """
    site = fit.Site(*fit.LOUVAIN_DEG)
    sights = np.array(
        [
            [
                site.look(fit.itrs_km(record.fleet, slot_start(slot) + k * HALF_SLOT)[[s]])[0][0]
                for k in range(3)
            ]
            for slot, s in zip(record.slots, record.serving, strict=True)
        ]
    )
    gso = np.array([site.gso_separation_rad(sight) for sight in sights]).min(axis=1)
    usable = (sights[:, :, 2].min(axis=1) >= math.sin(fit.MIN_ELEVATION_RAD)) & (gso >= math.radians(18.0))
    usable &= record.fleet.serves[record.serving]
    shares = []
    for cone, tilt in cones:
        boresight = np.array([0.0, math.sin(math.radians(tilt)), math.cos(math.radians(tilt))])
        inside = ((sights @ boresight) >= math.cos(math.radians(cone / 2.0))).all(axis=1)
        shares.append((float(inside[usable].mean()), float(inside.mean())))
    return shares


# Elsewhere


def elsewhere(record: Record, at_deg: tuple[float, float], seeds: Sequence[int]) -> np.ndarray:
    """Return what a terminal gets in the first hour at another place, mean over seeds.

    Median elevation (deg), shares poleward, kept, highest and among the five highest of all that keep to
    elevation and GSO exclusion.
    """
    slots = record.hours[0]
    sky, site = Sky(record.fleet, at_deg, slots), fit.Site(*at_deg)
    pairs = fit.candidate_pairs(record.fleet, site, slots[0], len(slots), 18.0)
    slot = np.repeat(np.arange(len(slots)), np.diff(pairs.first))
    rows = []
    for seed in seeds:
        net = network(slots, seed, at_deg=at_deg)
        satellites = fleet_rows(net, record.fleet)[serve(net, slots).terminal]
        elevation, north = sky.of(satellites)
        higher = np.bincount(slot, pairs.elevation_rad > elevation[slot] + 1e-6, len(slots))
        poleward = (north * math.copysign(1.0, at_deg[0]) > 0.0).mean()
        kept = (satellites[1:] == satellites[:-1]).mean()
        median_deg = math.degrees(float(np.median(elevation)))
        rows.append([median_deg, poleward, kept, (higher == 0).mean(), (higher < 5).mean()])
    return np.mean(rows, axis=0)


# Report


def score(
    record: Record, hour: int, seeds: Sequence[int], name: str, **changes: object
) -> tuple[np.ndarray, np.ndarray, list[Served]]:
    """Return `figures` by terminal and by cell (seeds, 4) of a preference in an hour, and the runs."""
    slots = record.hours[hour]
    sky = Sky(record.fleet, fit.LOUVAIN_DEG, slots)
    measured_rad, _ = sky.of(record.part(slots))
    by_terminal, by_cell, runs = [], [], []
    for seed in seeds:
        net = preferring(network(slots, seed, **changes), name)
        rows, run = fleet_rows(net, record.fleet), serve(net, slots)
        by_terminal.append(figures(sky, rows[run.terminal], measured_rad))
        by_cell.append(figures(sky, rows[run.cell], measured_rad))
        runs.append(run)
    return np.array(by_terminal), np.array(by_cell), runs


def table_row(label: str, by_terminal: np.ndarray, by_cell: np.ndarray, likelihood: str = "") -> str:
    ks, kept, poleward, median_deg = by_terminal.mean(axis=0)
    spread = f"{ks:.3f} ± {by_terminal[:, 0].std():.3f} (worst {by_terminal[:, 0].max():.3f})"
    return (
        f"| {label} | {likelihood} | {spread} | {by_cell[:, 0].mean():.3f} | {kept:.3f} | {poleward:.3f}"
        f" | {median_deg:.1f} |"
    )


def measured_row(record: Record, hour: int) -> str:
    slots = record.hours[hour]
    sky = Sky(record.fleet, fit.LOUVAIN_DEG, slots)
    real = record.part(slots)
    _, kept, poleward, median_deg = figures(sky, real, sky.of(real)[0])
    return f"| measured | | | | {kept:.3f} | {poleward:.3f} | {median_deg:.1f} |"


HEADS = """\
| | log-likelihood a slot | KS of elevation | KS, cell's first | kept | poleward | median elevation |
| --- | --- | --- | --- | --- | --- | --- |"""


def report(record: Record, seeds: Sequence[int]) -> list[str]:
    """Return the lines of the block in the document."""
    names = sorted(PREFERENCES, key=lambda name: name != "observed")
    few = [seed for seed in FEW_SEEDS if seed in seeds]
    runs = {name: score(record, 1, seeds if name == "observed" else few, name) for name in names}
    loads = [
        np.mean([run.load for run in part[2]], axis=0)
        for part in (score(record, 0, few[:1], "least-loaded"), runs["least-loaded"])
    ]
    first, second = (hour_pairs(record, slots, load) for slots, load in zip(record.hours, loads, strict=True))
    weights, errors = fitted(first)
    likelihoods = held_out(first, second)
    known = [float((hour.chosen >= 0).mean()) for hour in (first, second)]
    size = np.median(np.diff(first.first))
    fit_text = zip(FEATURES["observed"], weights, errors, strict=True)
    lines = [
        f"The engine has {size:.0f} candidates a slot in the first hour (median). The real satellite is one",
        f"of them in {known[0]:.1%} of its slots, in {known[1]:.1%} of the second hour's. Weights over them:",
        ", ".join(f"{name} {w:.3f} ± {e:.3f}" for name, w, e in fit_text) + ".",
        "",
        f"Second hour, {len(seeds)} seeds ({len(few)} for the others, which have no noise); mean ± spread:",
        "",
        HEADS,
        measured_row(record, 1),
    ]
    for name in sorted(names, key=lambda n: runs[n][0][:, 0].mean()):
        lines.append(
            table_row(
                f"**{name}**" if name == "observed" else name, *runs[name][:2], f"{likelihoods[name]:.3f}"
            )
        )
    satellites = np.mean([run.satellites for run in runs["observed"][2]])
    lines += ["", f"An even choice among the candidates has {likelihoods['an even choice']:.3f}."]
    lines += [f"The terminal's cell has {satellites:.2f} satellites at a time.", ""]
    return lines


def asides(record: Record, seeds: Sequence[int]) -> list[str]:
    """Return the tables of other settings, other places and other fields of view."""
    few = [seed for seed in FEW_SEEDS if seed in seeds]
    lines = [
        f"`observed` otherwise, {len(seeds)} seeds:",
        "",
        HEADS,
        measured_row(record, 0).replace("measured", "first hour, measured"),
    ]
    for label, hour, changes in (
        ("first hour", 0, {}),
        ("second hour, default beams (16) and plan (300 Mbit/s)", 1, {"beams": 16, "plan_mbps": 300.0}),
        ("second hour, no lasers", 1, {"isl": "none"}),
    ):
        lines.append(table_row(label, *score(record, hour, seeds, "observed", **changes)[:2]))
    lines += [
        "",
        f"Elsewhere, first hour, {len(few)} seeds:",
        "",
        "| place | median elevation | poleward | kept | highest | five highest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label, at_deg in (("42 N, 2.5 E", (42.0, 2.5)), ("47.5 N, 5 E", (47.5, 5.0))):
        median_deg, *shares = elsewhere(record, at_deg, few)
        lines.append(f"| {label} | {median_deg:.1f} | " + " | ".join(f"{v:.3f}" for v in shares) + " |")
    cones = [(100.0, 20.0), (110.0, 0.0), (110.0, 10.0), (110.0, 20.0), (120.0, 20.0), (140.0, 20.0)]
    lines += [
        "",
        "| field of view, tilt | real slots inside, of usable ones | of all |",
        "| --- | --- | --- |",
    ]
    for (cone, tilt), (usable, every) in zip(cones, view_shares(record, cones), strict=True):
        lines.append(f"| {cone:.0f} deg, {tilt:.0f} deg | {usable:.3f} | {every:.3f} |")
    return lines


def rewrite(lines: list[str]) -> None:
    """Put the lines between the marks in the document."""
    text = DOC.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    DOC.write_text(head + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + tail, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, default=len(SEEDS), help="fewer print the tables and write nothing"
    )
    wanted = parser.parse_args().seeds
    began = time.process_time()
    record, seeds = read_record(), range(wanted)
    lines = report(record, seeds) + asides(record, seeds)
    print("\n".join(lines))
    if wanted == len(SEEDS):
        rewrite(lines)
    print(f"{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
