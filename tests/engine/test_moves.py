"""Movers' cells: H3 is asked near sides alone, and what is said without it is what it says."""

import h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.engine.moves import next_event, next_event_reference, sides_of
from openleo.ground.cells import cell_of

PENTAGONS = [h3.cell_to_latlng(cell) for cell in sorted(h3.get_pentagons(5))]
PLACES = [(0.0, 0.0), (50.0, 30.0), (-79.5, 179.99), (79.9, -180.0), (89.0, 40.0), *PENTAGONS]


@settings(deadline=None)  # the first example compiles
@given(st.sampled_from(PLACES), st.integers(0, 2**32 - 1))
def test_a_point_that_is_surely_inside_is_in_the_cell(place, seed):
    random = np.random.default_rng(seed)
    cell = cell_of(*place)
    centre, sides = sides_of(int(cell))
    spread = 0.06 * random.normal(size=(2, 2_000))
    latitude = np.clip(centre[0] + spread[0], -90.0, 90.0)
    longitude = centre[1] + spread[1] / max(np.cos(np.radians(centre[0])), 0.05)
    way = np.stack([latitude, (longitude + 180.0) % 360.0 - 180.0, np.zeros(2_000)])[:, None, :]
    event = np.zeros(2_000, np.int64)
    where = np.tile(centre, (2_000, 1)), np.tile(sides, (2_000, 1, 1))
    next_event(way, np.zeros(2_000, np.int64), np.zeros(2_000), *where, event)
    stays = event == 1
    assert (cell_of(way[0, 0, stays], way[1, 0, stays]) == cell).all()
    assert stays.sum() > 100 or abs(centre[0]) >= 80.0


@pytest.mark.parametrize("seed", range(20))
def test_the_first_event_is_never_later_than_it_happens(seed):
    random = np.random.default_rng(seed)
    start = np.array([[48.0, 30.0]]).T + random.normal(size=(2, 8)) * 3.0
    latitude, longitude = start[:, None, :] + np.cumsum(random.normal(size=(2, 60, 8)) * 0.02, axis=1)
    way = np.stack(
        [latitude, longitude, random.choice([10.0, 10.2, 20.0], size=(60, 8), p=[0.5, 0.48, 0.02])]
    )
    cell = cell_of(way[0, 0], way[1, 0])
    lies = [sides_of(int(c)) for c in cell]
    centre, sides = np.array([c for c, _ in lies]), np.array([s for _, s in lies])
    after, speed = random.integers(0, 10, 8), np.full(8, 10.0)
    event = np.zeros(8, np.int64)
    next_event(way, after, speed, centre, sides, event)
    truth = next_event_reference(way, after, speed, cell)
    assert (after <= event).all()
    assert (event <= truth).all()
