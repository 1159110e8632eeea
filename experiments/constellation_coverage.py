"""How many satellites Kyiv sees: our tables of planes against the real element sets they come from.

    python experiments/constellation_coverage.py [FOLDER with the element sets]

Counts satellites in service, with the payload for dishes, 25 deg and more above the horizon at Kyiv, every
60 s over 24 h around each set's median epoch.  "All satellites" adds those outside every in-service band,
"even" is the table with every plane's satellites spread evenly rather than on its slots.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from openleo.base.constants import WGS84_A_M, WGS84_E2
from openleo.orbits.builtin import load_constellation
from openleo.orbits.constellation import Constellation
from openleo.orbits.plane_table import expand_planes, read_plane_table
from openleo.orbits.propagation import Propagator

TABLES = Path(__file__).parents[1] / "src" / "openleo" / "orbits" / "data"
KYIV_DEG = (50.4501, 30.5234)
LOWEST_RAD = np.radians(25.0)


def visible_counts(c: Constellation, middle: np.datetime64, *, everyone: bool = False) -> np.ndarray:
    """Return the number of satellites at 25 deg and more above Kyiv, at T = 1,441 instants."""
    lat, lon = np.radians(KYIV_DEG)
    up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    normal = WGS84_A_M / np.sqrt(1.0 - WGS84_E2 * np.sin(lat) ** 2)
    site = normal * up * np.array([1.0, 1.0, 1.0 - WGS84_E2])
    chosen = np.ones(len(c), dtype=bool) if everyone else c.in_service & c.has_ku
    propagator = Propagator(c.sets.take(chosen))
    times = middle + np.arange(-720, 721) * np.timedelta64(60, "s")
    counts = []
    for part in np.array_split(times, 24):
        line = propagator.itrs_m(part) - site
        counts.append((line @ up >= np.sin(LOWEST_RAD) * np.linalg.norm(line, axis=-1)).sum(axis=1))
    return np.concatenate(counts)


def line_of(label: str, counts: np.ndarray) -> str:
    low, p5, p50, p95, high = np.percentile(counts, [0, 5, 50, 95, 100]).astype(int)
    return f"| {label} | {counts.mean():.2f} | {low} | {p5} | {p50} | {p95} | {high} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/orbits"))
    folder = parser.parse_args().folder
    print("| constellation | mean | least | 5 % | median | 95 % | most |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, table in (
        ("starlink_2022-09-14", "starlink-2022-10"),
        ("starlink_2022-12-01", "starlink-2022-10"),
        ("starlink_2026-08-22", "starlink-2026"),
    ):
        real = load_constellation(folder / f"{name}.tle", at=np.datetime64("2022-10-07"))
        print(line_of(f"{name}, real, in service", visible_counts(real, real.epoch)))
        print(line_of(f"{name}, real, all satellites", visible_counts(real, real.epoch, everyone=True)))
        model = load_constellation(table, at=real.epoch)
        print(line_of(f"{table} at that time", visible_counts(model, real.epoch)))
        planes = read_plane_table(TABLES / f"{table}.csv")
        even = expand_planes(replace(planes, slots=planes.satellites), name=table, at=real.epoch)
        print(line_of(f"{table} at that time, even", visible_counts(even, real.epoch)))
    october = np.datetime64("2022-10-07T12:00:00", "ns")
    for table in ("starlink-2022-10", "starlink-gen1"):
        model = load_constellation(table, at=october)
        print(line_of(f"{table} on 2022-10-07", visible_counts(model, october)))


if __name__ == "__main__":
    main()
