"""+Grid lasers and planes: symmetric, connected, short; and planes found whatever their nodes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from openleo.orbits.builtin import load_constellation
from openleo.orbits.constellation import Constellation
from openleo.orbits.planes import (
    circular_mean_rad,
    cluster_nodes,
    grid_neighbours,
    shortest_phase_shift_rad,
)
from openleo.orbits.propagation import Propagator

AT = np.datetime64("2022-10-07T00:00:00", "ns")
OPPOSITE = {0: 1, 1: 0, 2: 3, 3: 2}


def assert_symmetric(neighbours: np.ndarray) -> None:
    for side, other in OPPOSITE.items():
        has = np.flatnonzero(neighbours[:, side] >= 0)
        assert (neighbours[neighbours[has, side], other] == has).all()


def longest_km(c: Constellation, neighbours: np.ndarray) -> dict[str, float]:
    times = AT + np.arange(0, 5700, 190) * np.timedelta64(1, "s")
    positions = Propagator(c.sets).teme_m(times)
    longest: dict[str, float] = {}
    for side in (0, 3):
        has = np.flatnonzero(neighbours[:, side] >= 0)
        length = np.linalg.norm(positions[:, has] - positions[:, neighbours[has, side]], axis=-1).max(axis=0)
        for i, shell in enumerate(c.shells):
            mine = length[c.shell[has] == i]
            if len(mine):
                longest[shell.name] = max(longest.get(shell.name, 0.0), float(mine.max()) / 1e3)
    return longest


@pytest.mark.parametrize("name", ["starlink-gen1", "starlink-2022-10", "starlink-2026", "kuiper-630"])
def test_lasers_are_symmetric_distinct_and_only_on_satellites_that_have_them(name: str) -> None:
    c = load_constellation(name, at=AT)
    neighbours = grid_neighbours(c)
    assert neighbours.shape == (len(c), 4)
    assert neighbours.dtype == np.int32
    assert_symmetric(neighbours)
    assert (neighbours[~c.has_laser] == -1).all()
    for row in neighbours:
        linked = row[row >= 0]
        assert len(set(linked)) == len(linked)
    linked = np.flatnonzero(neighbours[:, 0] >= 0)
    assert (c.plane[neighbours[linked, 0]] == c.plane[linked]).all()


@pytest.mark.parametrize("name", ["starlink-gen1", "kuiper-630"])
def test_walker_shells_are_connected_and_every_satellite_has_four(name: str) -> None:
    c = load_constellation(name, at=AT)
    neighbours = grid_neighbours(c)
    wide = [i for i, s in enumerate(c.shells) if (s.planes or 0) > 10]
    for i in wide:
        members = np.flatnonzero(c.shell == i)
        assert (neighbours[members] >= 0).all(), "the seam is joined too"
        links = [(int(a), int(b)) for a in members for b in neighbours[a]]
        rows, columns = np.array(links).T
        graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(c), len(c)))
        _, label = connected_components(graph, directed=False)
        assert len(set(label[members])) == 1


@pytest.mark.parametrize("name", ["starlink-gen1", "kuiper-630"])
def test_links_of_filed_shells_are_below_5000_km(name: str) -> None:
    c = load_constellation(name, at=AT)
    assert max(longest_km(c, grid_neighbours(c)).values()) < 5000.0


def test_kuiper_links_are_no_longer_than_hypatias(test_data: Path) -> None:
    c = load_constellation("kuiper-630", at=AT)
    theirs = np.loadtxt(test_data / "reference/hypatia_kuiper_630/isls.txt", dtype=int)
    positions = Propagator(c.sets).teme_m(AT + np.arange(0, 5700, 190) * np.timedelta64(1, "s"))
    hypatia = np.linalg.norm(positions[:, theirs[:, 0]] - positions[:, theirs[:, 1]], axis=-1).max() / 1e3
    assert max(longest_km(c, grid_neighbours(c)).values()) <= hypatia + 1.0


@pytest.mark.parametrize("step_deg", [5.0, 30.0, 120.0])
@pytest.mark.parametrize("inclination_deg", [43.0, 53.0, 97.6])
def test_the_shortest_shift_is_the_one_a_search_finds(step_deg: float, inclination_deg: float) -> None:
    step, inclination = np.radians([step_deg, inclination_deg])
    u = np.linspace(0.0, 2 * np.pi, 181)[:-1]

    def orbit(node: float, phase: np.ndarray) -> np.ndarray:
        c, s = np.cos(phase), np.sin(phase)
        x = c * np.cos(node) - s * np.cos(inclination) * np.sin(node)
        y = c * np.sin(node) + s * np.cos(inclination) * np.cos(node)
        return np.stack([x, y, s * np.sin(inclination)])

    leads = np.radians(np.arange(-180.0, 180.0, 0.5))
    mean = [(orbit(0.0, u) * orbit(step, u + lead)).sum(axis=0).mean() for lead in leads]
    lead, cosine = shortest_phase_shift_rad(step, inclination)
    assert abs((lead - leads[int(np.argmax(mean))] + np.pi) % (2 * np.pi) - np.pi) < np.radians(0.3)
    assert cosine == pytest.approx(max(mean), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    planes=st.integers(1, 60),
    each=st.integers(1, 25),
    start_deg=st.floats(0.0, 360.0),
    seed=st.integers(0, 2**31),
)
def test_planes_are_found_from_shuffled_nodes_wherever_the_circle_is_cut(
    planes: int, each: int, start_deg: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(planes), each))
    nodes = np.radians(start_deg + truth * 360.0 / planes + rng.uniform(-0.2, 0.2, len(truth))) % (2 * np.pi)
    labels = cluster_nodes(nodes, np.full(len(truth), 550e3))
    assert sorted(Counter(labels).values()) == [each] * planes
    assert len({(t, label) for t, label in zip(truth, labels, strict=True)}) == planes
    means = [circular_mean_rad(nodes[labels == i]) for i in range(planes)]
    assert (np.diff(means) > 0).all()


def test_planes_of_two_heights_that_drifted_into_each_other_are_parted() -> None:
    nodes = np.radians([10.0, 10.3, 10.6, 10.9, 11.2, 11.5, 11.8])
    heights = np.array([462e3, 462e3, 471e3, 462e3, 471e3, 471e3, 471e3])
    labels = cluster_nodes(nodes, heights)
    assert len(set(labels[heights < 465e3])) == 1
    assert not set(labels[heights < 465e3]) & set(labels[heights > 465e3])


def test_real_sets_have_symmetric_lasers_within_sight(test_data: Path) -> None:
    c = load_constellation(test_data / "orbits/starlink_2022-12-01.tle", at=AT)
    neighbours = grid_neighbours(c)
    assert_symmetric(neighbours)
    degree = (neighbours >= 0).sum(axis=1)[c.has_laser & c.in_service]
    assert degree.mean() > 3.0
