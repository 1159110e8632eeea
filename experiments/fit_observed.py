"""Fit the `observed` preference to what the real scheduler was seen to do.

A conditional logit: in each slot the scheduler takes the candidate with the greatest
    weights . features + Gumbel noise of scale 1.
Fitted on the first hour of two hours at Louvain-la-Neuve (2024-07-17), scored on the second.
    python experiments/fit_observed.py             # tables of docs/observed-scheduler.md, a minute
Data: $OPENLEO_TEST_DATA/performance/satinview_ucl_2024-07-17 (default ../shared/data).
"""

import csv
import gzip
import math
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sgp4.api import Satrec, SatrecArray

from openleo.base.clock import SLOT_S, slot_at, slot_start
from openleo.base.constants import EARTH_MEAN_RADIUS_M, GSO_RADIUS_M, WGS84_A_M, WGS84_E2

DATA = Path(os.environ.get("OPENLEO_TEST_DATA", "../shared/data")) / "performance/satinview_ucl_2024-07-17"
LOUVAIN_DEG = (50.669, 4.615)
MIN_ELEVATION_RAD = math.radians(25.0)
LOWEST_SERVICE_KM = 440.0  # semi-major axis less 6378.137 km; v2 minis served at 447 km that day
HOUR = 240  # slots
LOOK_AHEAD = 60  # slots of remaining visibility that are told apart
SEEDS = range(20)
OBSERVED = ("footprint", "poleward", "v2_mini", "stay")
RIDGES = (0.1, 1.0, 2.0, 5.0, 10.0, 20.0)

FEATURE_SETS = {
    "notes' model: quadratic elevation": ("up", "up2", "north_side", "receding", "v2_mini", "stay"),
    "elevation, poleward": ("up", "poleward", "v2_mini", "stay"),
    "quadratic elevation, poleward": ("up", "up2", "poleward", "v2_mini", "stay"),
    "boresight tilted 25 deg poleward": ("tilt25", "v2_mini", "stay"),
    "footprint, tilted boresight": ("footprint", "tilt25", "v2_mini", "stay"),
    "footprint, GSO separation": ("footprint", "sin_gso", "v2_mini", "stay"),
    "(range/height)^4, poleward": ("ratio4", "poleward", "v2_mini", "stay"),
    "footprint, poleward (chosen)": OBSERVED,
    "chosen + receding": (*OBSERVED, "receding"),
    "chosen + near the GSO arc": (*OBSERVED, "near_gso"),
    "chosen + up": (*OBSERVED, "up"),
    "chosen + poleward^2": (*OBSERVED, "poleward2"),
    "chosen + remaining visibility": (*OBSERVED, "remaining_min"),
    "chosen + v1.0": (*OBSERVED, "v1_0"),
    "chosen + polar shell": (*OBSERVED, "polar"),
}
# "Least loaded" sees no load in one dish's record, so for one dish it is an even choice.
OTHERS = {
    "highest elevation": ("elevation_rad",),
    "longest remaining visibility": ("remaining_min",),
    "least loaded": (),
    "lowest latency": ("minus_range_mm",),
    "stay-if-you-can": ("elevation_rad", "stay"),
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidate pairs in slot order: N pairs over T slots, `first` (T+1,) bounding each slot's rows."""

    first: np.ndarray
    satellite: np.ndarray
    elevation_rad: np.ndarray
    north: np.ndarray  # of the unit line of sight
    columns: dict[str, np.ndarray]

    def matrix(self, names: tuple[str, ...]) -> np.ndarray:
        return np.stack([self.columns[n] for n in names], axis=1) if names else np.zeros((self.first[-1], 0))


@dataclass(frozen=True, slots=True)
class Fleet:
    names: list[str]
    satellites: SatrecArray
    altitude_km: np.ndarray
    inclination_deg: np.ndarray
    number: np.ndarray  # in STARLINK-number: 30000 and more are v2 minis, below 3000 v1.0
    serves: np.ndarray


# Data


def read_serving() -> tuple[list[str], int]:
    """Return the name serving in each slot and the number of the first slot."""
    seen: dict[int, Counter] = {}
    with gzip.open(DATA / "serving_satellite.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            slot = slot_at(np.datetime64(row["Timestamp"][:19], "ns"))
            seen.setdefault(slot, Counter())[row["Connected_Satellite"]] += 1
    start = min(seen)
    assert sorted(seen) == list(range(start, start + len(seen)))
    return [seen[s].most_common(1)[0][0] for s in sorted(seen)], start


def read_fleet() -> Fleet:
    with gzip.open(DATA / "elements.tle.gz", "rt") as file:
        lines = file.read().splitlines()
    names = [line.strip() for line in lines[::3]]
    records = [Satrec.twoline2rv(a, b) for a, b in zip(lines[1::3], lines[2::3], strict=True)]
    altitude_km = np.array([r.a * r.radiusearthkm - WGS84_A_M / 1e3 for r in records])
    direct_to_cell = np.array(["DTC" in n for n in names])
    return Fleet(
        names,
        SatrecArray(records),
        altitude_km,
        np.degrees([r.inclo for r in records]),
        np.array([int(n.split("-")[1].split()[0]) for n in names]),
        (altitude_km >= LOWEST_SERVICE_KM) & ~direct_to_cell,
    )


# Geometry, in km


def gmst82_rad(julian_date: float) -> float:
    """Greenwich mean sidereal time (Aoki et al. 1982)."""
    t = (julian_date - 2451545.0) / 36525.0
    seconds = 67310.54841 + (876600.0 * 3600.0 + 8640184.812866) * t + 0.093104 * t * t - 6.2e-6 * t**3
    return math.radians(seconds / 240.0 % 360.0)


def itrs_km(fleet: Fleet, utc: np.datetime64) -> np.ndarray:
    day = (utc - np.datetime64("2000-01-01T12:00:00", "ns")) / np.timedelta64(1, "D")
    whole = math.floor(day)
    error, r, _ = fleet.satellites.sgp4(np.array([2451545.0 + whole]), np.array([day - whole]))
    r = np.where(error > 0, np.nan, r[:, 0])
    angle = gmst82_rad(2451545.0 + day)
    c, s = math.cos(angle), math.sin(angle)
    return r @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


class Site:
    """A place on the ellipsoid that sees positions as east, north, up."""

    def __init__(self, latitude_deg: float, longitude_deg: float):
        self.latitude_deg = latitude_deg
        lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
        n = WGS84_A_M / 1e3 / math.sqrt(1.0 - WGS84_E2 * math.sin(lat) ** 2)
        up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
        east = np.array([-math.sin(lon), math.cos(lon), 0.0])
        self.frame = np.stack([east, np.cross(up, east), up])
        self.xyz = n * up * np.array([1.0, 1.0, 1.0 - WGS84_E2])
        arc = np.radians(np.arange(0.0, 360.0, 0.5))
        gso, _ = self.look(GSO_RADIUS_M / 1e3 * np.stack([np.cos(arc), np.sin(arc), 0 * arc], axis=1))
        self.gso = gso[gso[:, 2] > 0.0]

    def look(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = (xyz - self.xyz) @ self.frame.T
        r = np.linalg.norm(d, axis=1)
        return d / r[:, None], r

    def gso_separation_rad(self, sight: np.ndarray) -> np.ndarray:
        if len(self.gso) == 0:
            return np.full(len(sight), math.pi / 2)
        return np.arccos(np.clip((sight @ self.gso.T).max(axis=1), -1.0, 1.0))


def candidate_pairs(fleet: Fleet, site: Site, start: int, slots: int, gso_deg: float) -> Pairs:
    """Candidates that keep to elevation and GSO limits at both ends and the middle of each slot."""
    half = np.timedelta64(SLOT_S * 500_000_000, "ns")
    a = itrs_km(fleet, slot_start(start))
    rows, counts, elevation = [], [0], []
    for t in range(slots + LOOK_AHEAD):
        begin = slot_start(start + t)
        b, c = itrs_km(fleet, begin + half), itrs_km(fleet, begin + 2 * half)
        looks = [site.look(x) for x in (a, b, c)]
        elevation.append(np.nan_to_num(looks[2][0][:, 2], nan=-1.0).astype(np.float32))
        a = c
        if t >= slots:
            continue
        low = np.min([s[:, 2] for s, _ in looks], axis=0)
        near = np.flatnonzero(fleet.serves & (low >= math.sin(MIN_ELEVATION_RAD)))
        gso = np.min([site.gso_separation_rad(s[near]) for s, _ in looks], axis=0)
        keep = gso >= math.radians(gso_deg)
        near, gso = near[keep], gso[keep]
        (sight, range_km), drift = looks[1], looks[2][1] - looks[0][1]
        height = np.linalg.norm(b[near], axis=1) - EARTH_MEAN_RADIUS_M / 1e3
        rows.append(
            np.column_stack([near, sight[near], range_km[near], height, drift[near], gso, 0 * gso + t])
        )
        counts.append(len(near))
    return _pairs(fleet, site, np.concatenate(rows), np.cumsum(counts), np.array(elevation))


def _pairs(fleet: Fleet, site: Site, rows: np.ndarray, first: np.ndarray, later: np.ndarray) -> Pairs:
    satellite, slot = rows[:, 0].astype(int), rows[:, 8].astype(int)
    _, _, north, up, range_km, height_km, drift_km, gso = rows[:, :8].T
    ahead = later[slot[:, None] + np.arange(LOOK_AHEAD), satellite[:, None]] >= math.sin(MIN_ELEVATION_RAD)
    remaining = np.where(ahead.all(axis=1), LOOK_AHEAD, np.argmin(ahead, axis=1))
    poleward = north * np.clip(site.latitude_deg / 10.0, -1.0, 1.0)
    ratio2, tilt = (range_km / height_km) ** 2, math.radians(25.0)
    columns = {
        "footprint": ratio2 / up,
        "ratio4": ratio2**2,
        "poleward": poleward,
        "poleward2": poleward**2,
        "north_side": (north > 0.0) * 1.0,
        "tilt25": up * math.cos(tilt) + poleward * math.sin(tilt),
        "v2_mini": (fleet.number[satellite] >= 30000) * 1.0,
        "v1_0": (fleet.number[satellite] < 3000) * 1.0,
        "polar": (fleet.inclination_deg[satellite] > 60.0) * 1.0,
        "up": up,
        "up2": up * up,
        "elevation_rad": np.arcsin(up),
        "sin_gso": np.sin(gso),
        "near_gso": np.clip((math.radians(40.0) - gso) / math.radians(22.0), 0.0, 1.0),
        "receding": drift_km / SLOT_S / 7.5,
        "remaining_min": remaining * SLOT_S / 60.0,
        "minus_range_mm": -range_km / 1e3,
        "stay": np.zeros(len(up)),
    }
    return Pairs(first, satellite, np.arcsin(up), north, columns)


# The logit


def fit(x: np.ndarray, first: np.ndarray, chosen: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and their standard errors; `ridge` acts on features scaled by their spread within slots.

    x (N, F), first (T+1,), chosen (T,) rows of x.
    """
    if x.shape[1] == 0:
        return np.zeros(0), np.zeros(0)
    slot = np.repeat(np.arange(len(first) - 1), np.diff(first))
    mean = np.add.reduceat(x, first[:-1]) / np.diff(first)[:, None]
    penalty = ridge * ((x - mean[slot]) ** 2).mean(axis=0)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logp = log_shares(x @ w, first)
        slope = np.exp(logp) @ x - x[chosen].sum(axis=0) + penalty * w
        return -logp[chosen].sum() + (penalty * w * w).sum() / 2.0, slope

    w = minimize(loss, np.zeros(x.shape[1]), jac=True, method="BFGS").x
    p = np.exp(log_shares(x @ w, first))[:, None]
    mean = np.add.reduceat(p * x, first[:-1])
    information = (p * x).T @ x - mean.T @ mean + np.diag(penalty)
    return w, np.sqrt(np.diag(np.linalg.inv(information)))


def log_shares(utility: np.ndarray, first: np.ndarray) -> np.ndarray:
    slot = np.repeat(np.arange(len(first) - 1), np.diff(first))
    top = np.maximum.reduceat(utility, first[:-1])[slot]
    return utility - top - np.log(np.add.reduceat(np.exp(utility - top), first[:-1]))[slot]


class Study:
    """The Louvain record with its candidates: T slots."""

    def __init__(self, pairs: Pairs, serving: np.ndarray):
        self.pairs, self.serving = pairs, serving
        slot = np.repeat(np.arange(len(serving)), np.diff(pairs.first))
        pairs.columns["stay"] = (pairs.satellite == np.r_[-1, serving[:-1]][slot]) * 1.0
        hits = np.flatnonzero(pairs.satellite == serving[slot])
        self.row = np.full(len(serving), -1)
        self.row[slot[hits]] = hits

    def part(self, names: tuple[str, ...], slots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features, bounds and chosen rows of those `slots` whose serving satellite is a candidate."""
        slots = slots[self.row[slots] >= 0]
        first, matrix = self.pairs.first, self.pairs.matrix(names)
        rows = np.concatenate([np.arange(first[t], first[t + 1]) for t in slots])
        bounds = np.r_[0, np.cumsum(first[slots + 1] - first[slots])]
        return matrix[rows], bounds, bounds[:-1] + self.row[slots] - first[slots]

    def fit(self, names: tuple[str, ...], slots: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
        return fit(*self.part(names, slots), ridge)

    def score(self, names: tuple[str, ...], w: np.ndarray, slots: np.ndarray) -> np.ndarray:
        x, bounds, chosen = self.part(names, slots)
        return log_shares(x @ w, bounds)[chosen]

    def cross_validate(self, names: tuple[str, ...], ridge: float, blocks: int = 8) -> np.ndarray:
        """Return the log-likelihood of each block of the first hour, fitted on the others less 2 slots."""
        hour, sums = np.arange(HOUR), []
        for block in np.array_split(hour, blocks):
            rest = hour[(hour < block[0] - 2) | (hour > block[-1] + 2)]
            sums.append(self.score(names, self.fit(names, rest, ridge)[0], block).sum())
        return np.array(sums)


# Simulated choices


def simulate(
    pairs: Pairs, names: tuple[str, ...], w: np.ndarray, slots: np.ndarray, seed: int | None
) -> np.ndarray:
    """Return the chosen rows (T,); the present satellite is the one simulated. Without a seed, no noise."""
    stay = w[names.index("stay")] if "stay" in names else 0.0
    plain = tuple(n for n in names if n != "stay")
    utility = pairs.matrix(plain) @ np.array([v for n, v in zip(names, w, strict=True) if n != "stay"])
    if seed is not None:
        utility = utility + np.random.default_rng(seed).gumbel(size=len(utility))
    rows, present = [], -1
    for t in slots:
        a, b = pairs.first[t], pairs.first[t + 1]
        if a < b:
            rows.append(a + int(np.argmax(utility[a:b] + stay * (pairs.satellite[a:b] == present))))
            present = pairs.satellite[rows[-1]]
    return np.array(rows)


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    both = np.sort(np.r_[a, b])
    share_a, share_b = (np.searchsorted(np.sort(v), both, side="right") / len(v) for v in (a, b))
    return float(np.abs(share_a - share_b).max())


def figures(pairs: Pairs, rows: np.ndarray) -> np.ndarray:
    """Return shares kept and poleward, median elevation (deg), shares highest and among the five highest."""
    slot = np.searchsorted(pairs.first, rows, side="right") - 1
    elevation, satellite = pairs.elevation_rad, pairs.satellite[rows]
    bounds = zip(pairs.first[slot], pairs.first[slot + 1], rows, strict=True)
    rank = np.array([(elevation[a:b] > elevation[r]).sum() for a, b, r in bounds])
    kept = (satellite[1:] == satellite[:-1]).mean()
    poleward = (pairs.columns["poleward"][rows] > 0).mean()
    median_deg = np.degrees(np.median(elevation[rows]))
    return np.array([kept, poleward, median_deg, (rank == 0).mean(), (rank < 5).mean()])


# Report


def load(fleet: Fleet, gso_deg: float) -> tuple[Study, np.ndarray]:
    """Return the study and the measured (elevation, north) of every slot's serving satellite (T,2)."""
    names, start = read_serving()
    site, index = Site(*LOUVAIN_DEG), {n: i for i, n in enumerate(fleet.names)}
    serving = np.array([index[n] for n in names])
    study = Study(candidate_pairs(fleet, site, start, len(serving), gso_deg), serving)
    half = np.timedelta64(SLOT_S * 500_000_000, "ns")
    sight = [
        site.look(itrs_km(fleet, slot_start(start + t) + half)[[s]])[0][0] for t, s in enumerate(serving)
    ]
    return study, np.array([(math.asin(u), n) for _, n, u in sight])


def choose_ridge(study: Study) -> float:
    """Return the strongest ridge within one standard error of the best (paired over blocks)."""
    scores = {ridge: study.cross_validate(OBSERVED, ridge) for ridge in RIDGES}
    best = max(scores.values(), key=np.sum)
    print("\nRidge by cross-validation of the first hour: log-likelihood per slot, difference to the best")
    chosen = RIDGES[0]
    for ridge, score in scores.items():
        gap, error = (best - score).sum(), (best - score).std(ddof=1) * math.sqrt(len(score))
        print(
            f"  {ridge:5.1f}  {score.sum() / np.sum(study.row[:HOUR] >= 0):7.4f}  {-gap:6.1f} +- {error:.1f}"
        )
        chosen = ridge if gap <= error else chosen
    print(f"  chosen {chosen}")
    return chosen


def table_row(label: str, values: np.ndarray) -> str:
    return f"  {label:36s}" + " ".join(f"{v:8.3f}" if abs(v) < 10 else f"{v:8.1f}" for v in values)


HEADS = "kept, poleward, median elevation deg, highest, five highest"


def compare_features(study: Study, ridge: float) -> None:
    print("\nFeature sets: cross-validated log-likelihood per slot of the first hour, nats over the chosen")
    base = study.cross_validate(OBSERVED, ridge)
    for label, names in FEATURE_SETS.items():
        score = study.cross_validate(names, ridge)
        gain, error = (score - base).sum(), (score - base).std(ddof=1) * math.sqrt(len(base))
        print(f"  {label:36s}{score.sum() / np.sum(study.row[:HOUR] >= 0):8.4f}  {gain:6.1f} +- {error:.1f}")


def compare_others(study: Study, measured: np.ndarray, ridge: float) -> None:
    first, second = np.arange(HOUR), np.arange(HOUR, len(study.serving))
    elevation = measured[second, 0]
    ranks = figures(study.pairs, study.row[second][study.row[second] >= 0])[3:]
    kept = (study.serving[second] == study.serving[second - 1]).mean()
    truth = [kept, (measured[second, 1] > 0).mean(), np.degrees(np.median(elevation)), *ranks]
    print(f"\nSecond hour, fitted on the first, {len(SEEDS)} seeds: log-likelihood, KS, worst KS, {HEADS}")
    print(table_row("measured", np.r_[[math.nan] * 3, truth]))
    between = ks_distance(measured[first, 0], elevation)
    print(table_row("measured, first hour against second", np.array([math.nan, between])))
    for label, names in {"observed": OBSERVED, **OTHERS}.items():
        w, _ = study.fit(names, first, ridge if names == OBSERVED else 0.01)
        runs = [simulate(study.pairs, names, w, second, seed) for seed in SEEDS]
        ks = [ks_distance(study.pairs.elevation_rad[r], elevation) for r in runs]
        means = np.mean([figures(study.pairs, r) for r in runs], axis=0)
        score = study.score(names, w, second).mean()
        print(table_row(label, np.r_[score, np.mean(ks), max(ks), means]))
    print("  the same without noise (least loaded left out: one dish shows no load)")
    for label, names in OTHERS.items():
        if names:
            w = np.array([1e3 if n == "stay" else 1.0 for n in names])
            rows = simulate(study.pairs, names, w, second, None)
            ks = ks_distance(study.pairs.elevation_rad[rows], elevation)
            print(table_row(label, np.r_[-math.inf, ks, ks, figures(study.pairs, rows)]))


def print_weights(study: Study, ridge: float) -> np.ndarray:
    print("\nWeights +- standard error: " + ", ".join(OBSERVED))
    slots = len(study.serving)
    parts = {"first hour": (0, HOUR), "second hour": (HOUR, slots), "both": (0, slots)}
    parts |= {f"half hour {i + 1}": (i * 120, min((i + 1) * 120, slots)) for i in range(4)}
    for label, (a, b) in parts.items():
        w, error = study.fit(OBSERVED, np.arange(a, b), ridge)
        print(f"  {label:18s}" + "  ".join(f"{v:6.3f} +- {e:.3f}" for v, e in zip(w, error, strict=True)))
    return study.fit(OBSERVED, np.arange(HOUR), ridge)[0]


def transfer(fleet: Fleet, start: int, w: np.ndarray) -> None:
    """Print what the weights predict at other latitudes, for all satellites and for a random 3 in 4."""
    print(f"\nElsewhere (one hour, 5 seeds), latitude and share of the fleet: candidates, {HEADS}")
    thin = np.random.default_rng(0).random(len(fleet.names)) < 0.75
    for latitude in (-35.0, 0.0, 25.0, 35.0, 42.0, 46.0, 48.0, 51.0, 55.0, 60.0):
        for label, serves in (("all", fleet.serves), ("3 in 4", fleet.serves & thin)):
            part = Fleet(
                fleet.names, fleet.satellites, fleet.altitude_km, fleet.inclination_deg, fleet.number, serves
            )
            pairs = candidate_pairs(part, Site(latitude, 5.0), start, HOUR, 18.0)
            slots = np.arange(HOUR)
            runs = [figures(pairs, simulate(pairs, OBSERVED, w, slots, s)) for s in range(5)]
            print(
                table_row(
                    f"{latitude:5.0f} {label}", np.r_[np.diff(pairs.first).mean(), np.mean(runs, axis=0)]
                )
            )


def main() -> None:
    began = time.process_time()
    fleet = read_fleet()
    for gso_deg in (17.0, 18.0):
        study, measured = load(fleet, gso_deg)
        median, known = np.median(np.diff(study.pairs.first)), np.mean(study.row >= 0)
        print(f"GSO {gso_deg:.0f} deg: {len(study.serving)} slots, median candidates {median:.0f}", end="")
        print(f", served by one of them {known:.3f}; first-hour weights at ridge 5", end=" ")
        print(np.round(study.fit(OBSERVED, np.arange(HOUR), 5.0)[0], 3))
    ridge = choose_ridge(study)
    compare_features(study, ridge)
    w = print_weights(study, ridge)
    compare_others(study, measured, ridge)
    transfer(fleet, read_serving()[1], w)
    print(f"\n{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
