"""Hypatia's own figures come out: every RTT and next hop of its Kuiper-630 folder, and the paper's ranges.

The figures were computed with Hypatia's satgenpy and, at 100 ms, with an independent reference; the paper is
Kassing et al., "Exploring the 'Internet from space' with Hypatia", IMC 2020.
"""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from openleo.base.constants import LIGHT_M_S
from openleo.ground.frames import great_circle_m
from openleo.network import routing
from openleo.scenario import hypatia

SAME_PATH_MS = 0.002  # PyEphem hands angles and ranges on in single precision
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def kuiper(test_data: Path) -> hypatia.HypatiaFolder:
    return hypatia.read_folder(test_data / "reference" / "hypatia_kuiper_630")


def sweep_ms(folder: hypatia.HypatiaFolder, *, step_ns: int) -> np.ndarray:
    """RTTs (T, N, N) of every pair over 200 s, ms."""
    steps = range(0, 200 * SECOND_NS, step_ns)
    out = np.empty((len(steps), len(folder.stations), len(folder.stations)), np.float32)
    for i, t_ns in enumerate(steps):
        out[i] = 2e3 * hypatia.tables(folder, t_ns).delay_s
    return out


@pytest.fixture(scope="module")
def two_hundred_seconds_ms(kuiper: hypatia.HypatiaFolder) -> np.ndarray:
    return sweep_ms(kuiper, step_ns=SECOND_NS // 10)


def test_every_rtt_and_every_path_is_hypatias(kuiper: hypatia.HypatiaFolder) -> None:
    with (kuiper.path / "rtt_kuiper_630.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    for row in rows:
        at = np.array([round(float(row["t_s"]) * 1e9)])
        found = next(hypatia.paths(kuiper, kuiper.station(row["src"]), kuiper.station(row["dst"]), at))
        assert "-".join(map(str, found.nodes)) == row["path"].replace("unreachable", "")
        if row["rtt_ms"]:
            assert found.rtt_s * 1e3 == pytest.approx(float(row["rtt_ms"]), abs=SAME_PATH_MS)
            assert found.hops == int(row["hops"])
        else:
            assert found.rtt_s == np.inf


def test_every_next_hop_at_the_start_is_hypatias(kuiper: hypatia.HypatiaFolder) -> None:
    """125,500 next hops: satellite to city and city to city; only ties within a millimetre may differ."""
    tables = hypatia.tables(kuiper, 0)
    with gzip.open(kuiper.path / "fstate_0.txt.gz", "rt", encoding="utf-8") as file:
        theirs = np.loadtxt(file, delimiter=",", dtype=np.int64)
    satellites = kuiper.satellites
    node, target, hop = theirs[:, 0], theirs[:, 1] - satellites, theirs[:, 2]
    of_satellite = node < satellites
    ours = np.where(
        of_satellite,
        tables.next_hop[target, np.where(of_satellite, node, 0)],
        tables.first[np.where(of_satellite, 0, node - satellites), target],
    )
    ours = np.where(of_satellite & (ours == routing.EXIT), target + satellites, ours)
    ours = np.where(ours == routing.UNREACHED, -1, ours)
    assert len(theirs) == 125_500
    assert np.flatnonzero(ours != hop).tolist() == []


@pytest.mark.parametrize(
    ("source", "target", "range_ms"),
    [
        ("Manila", "Dalian", (25.23, 48.16)),
        ("Istanbul", "Nairobi", (46.91, 69.54)),
        ("Rio-de-Janeiro", "Sankt-Peterburg-(Saint-Petersburg)", (95.74, 136.62)),
        ("New-York-Newark", "London", (42.96, 46.84)),
        ("London", "Singapore", (82.56, 87.86)),
        ("London", "Johannesburg", (111.97, 116.06)),
        ("Paris", "Moskva-(Moscow)", (21.72, 24.63)),
        ("Chicago", "Zhengzhou", (92.20, 96.79)),
    ],
)
def test_ranges_over_200_s_at_100_ms(
    kuiper: hypatia.HypatiaFolder,
    two_hundred_seconds_ms: np.ndarray,
    source: str,
    target: str,
    range_ms: tuple[float, float],
) -> None:
    rtt_ms = two_hundred_seconds_ms[:, kuiper.station(source), kuiper.station(target)]
    assert rtt_ms.min() == pytest.approx(range_ms[0], abs=0.01)
    assert rtt_ms[np.isfinite(rtt_ms)].max() == pytest.approx(range_ms[1], abs=0.01)


def test_st_petersburg_is_cut_off_from_155_s_to_165_s(
    kuiper: hypatia.HypatiaFolder, two_hundred_seconds_ms: np.ndarray
) -> None:
    city = kuiper.station("Sankt-Peterburg-(Saint-Petersburg)")
    dark = ~np.isfinite(two_hundred_seconds_ms[:, kuiper.station("Rio-de-Janeiro"), city])
    steps = np.flatnonzero(dark)
    assert (steps[0], steps[-1]) == (1554, 1650)
    assert dark[1554:1651].all()


def test_variation_and_stretch_over_all_pairs(
    kuiper: hypatia.HypatiaFolder, two_hundred_seconds_ms: np.ndarray
) -> None:
    latitude = np.radians([s.latitude_deg for s in kuiper.stations])
    longitude = np.radians([s.longitude_deg for s in kuiper.stations])
    a, b = np.triu_indices(len(latitude), 1)
    distance_m = great_circle_m(latitude[a], longitude[a], latitude[b], longitude[b])
    low_ms, high_ms = (f(two_hundred_seconds_ms, axis=0)[a, b] for f in (np.min, np.max))
    kept = (distance_m >= 500e3) & np.isfinite(high_ms)
    low_ms, high_ms, distance_m = low_ms[kept], high_ms[kept], distance_m[kept]
    stretch = high_ms / (2e3 * distance_m / LIGHT_M_S)
    assert kept.sum() == 4778
    assert np.median(high_ms - low_ms) == pytest.approx(4.85, abs=0.01)
    assert np.median(high_ms / low_ms) == pytest.approx(1.069, abs=0.001)
    assert np.percentile(high_ms / low_ms, 90) == pytest.approx(1.227, abs=0.001)
    assert np.median(high_ms) == pytest.approx(73.2, abs=0.05)
    assert np.median(stretch) == pytest.approx(1.305, abs=0.003)  # sphere here, ellipsoid there
    assert np.mean(stretch < 2.0) == pytest.approx(0.953, abs=0.002)
    assert stretch.min() >= 0.994  # nothing beats light in a straight line over the ground
