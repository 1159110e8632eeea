import math

import h3
import numpy as np
import pytest
from schedule_worlds import points_of

from openleo.network.colouring import neighbours, widest_footprint_m

HALF_WIDTH_RAD = math.radians(1.25)
REACH_M = 2.02 * widest_footprint_m(550e3, math.radians(25.0), HALF_WIDTH_RAD)


def patch(latitude_deg, rings, seed=1, share=1.0):
    rng = np.random.default_rng(seed)
    disk = sorted(h3.grid_disk(h3.latlng_to_cell(latitude_deg, 30.0, 5), rings))
    cells = [c for c in disk if rng.random() < share]
    return points_of(np.array([h3.cell_to_latlng(c) for c in cells]).reshape(-1, 2), rng)


@pytest.mark.parametrize("latitude_deg", [-80.0, 0.0, 48.0])
def test_neighbours_are_the_cells_within_reach_nearest_first(latitude_deg):
    points = patch(latitude_deg, 8, share=0.6)
    near = neighbours(points, REACH_M, 64)
    metres = np.linalg.norm(points.point_m[:, None] - points.point_m[None], axis=2)
    for c in range(len(points.key)):
        listed = slice(near.start[c], near.start[c + 1])
        within = np.flatnonzero((metres[c] < REACH_M) & (np.arange(len(metres)) != c))
        assert sorted(near.cell[listed]) == within.tolist()
        assert near.metres[listed] == pytest.approx(metres[c, near.cell[listed]], rel=1e-6)
        assert (np.diff(near.metres[listed]) >= 0.0).all()


@pytest.mark.parametrize("colours", [1, 4, 32, 64])
@pytest.mark.parametrize("latitude_deg", [0.0, 48.0, 70.0])
def test_cells_within_reach_never_share_a_fixed_colour(latitude_deg, colours):
    near = neighbours(patch(latitude_deg, 12), REACH_M, colours)
    assert near.colour.max() < colours
    for c in range(len(near.colour)):
        around = near.colour[near.cell[near.start[c] : near.start[c + 1]]]
        if near.colour[c] >= 0:
            assert near.colour[c] not in around
        else:
            assert set(around[around >= 0]) == set(range(colours))  # they had run out


def test_sixty_four_colours_leave_few_cells_without():
    near = neighbours(patch(48.0, 16), REACH_M, 64)
    assert np.mean(near.colour < 0) < 0.1


def test_no_cells_have_no_neighbours():
    near = neighbours(points_of(np.empty((0, 2)), np.random.default_rng(0)), REACH_M, 64)
    assert len(near.cell) == len(near.colour) == 0
    assert near.start.tolist() == [0]


def test_no_footprint_is_wider_than_the_bound():
    rng = np.random.default_rng(2)
    bound = widest_footprint_m(570e3, math.radians(25.0), HALF_WIDTH_RAD)
    widest = 0.0
    for latitude in np.radians(np.linspace(-90.0, 90.0, 37)):
        points = points_of(np.array([[math.degrees(latitude), 10.0]]), rng)
        direction = rng.normal(size=(20_000, 3))
        at = points.point_m[0] + 0.5e6 * rng.random((20_000, 1)) * points.up[0] + 1e6 * direction
        at *= (6_378_137.0 + 570e3 + 8e3) / np.linalg.norm(at, axis=1, keepdims=True)  # orbits are not round
        sight = at - points.point_m[0]
        range_m = np.linalg.norm(sight, axis=1)
        sine = sight @ points.up[0] / range_m
        seen = sine >= math.sin(math.radians(25.0))
        widest = max(widest, (range_m[seen] * math.tan(HALF_WIDTH_RAD) / sine[seen]).max())
    assert 0.97 * bound < widest <= bound
