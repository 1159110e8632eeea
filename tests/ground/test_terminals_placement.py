"""Where assumed terminals stand."""

import time

import h3.api.basic_int as h3_int
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.cells import cell_of
from openleo.ground.land import NO_COUNTRY, SEA, land_table
from openleo.ground.placement import place_by_population, place_on_cells
from openleo.ground.places import populated_places


def shares_of_cells(latitude, longitude):
    _, count = np.unique(cell_of(latitude, longitude), return_counts=True)
    return np.sort(count)[::-1]


def test_no_cell_gets_an_absurd_share_of_a_country():
    """With places of 15,000 people and more and no scatter one cell held 2,577 of 25,000 (10 %)."""
    shares = shares_of_cells(*place_by_population("UA", 25_000, seed=20221007))
    assert shares[0] < 400
    assert 1_500 < len(shares) < 2_400
    assert shares[:25].sum() > 25_000 * 0.1  # and yet cities hold more than fields


def test_a_city_gets_the_share_of_its_people():
    latitude, longitude = place_by_population("UA", 25_000, seed=3)
    near_kyiv = np.hypot((latitude - 50.4547) * 111.2, (longitude - 30.5238) * 70.8) < 40.0
    assert 0.05 < near_kyiv.mean() < 0.12  # 2.95 of 36 million, four fifths of terminals by people


def test_a_position_depends_on_seed_and_number_only():
    few, many = place_by_population("PL", 10, seed=5), place_by_population("PL", 500, seed=5)
    np.testing.assert_array_equal(few[0], many[0][:10])
    np.testing.assert_array_equal(few[1], many[1][:10])
    assert not np.array_equal(few[0], place_by_population("PL", 10, seed=6)[0])


def test_nothing_stands_in_excluded_cells_or_where_keep_says_no():
    free = cell_of(*place_by_population("UA", 2_000, seed=1))
    excluded = np.unique(free)[::2]
    latitude, longitude = place_by_population(
        "UA", 2_000, seed=1, outside_cells=excluded, keep=lambda lat, lon: lon < 34.0
    )
    assert not np.isin(cell_of(latitude, longitude), excluded).any()
    assert longitude.max() < 34.0
    assert len(latitude) == 2_000


def test_a_country_wholly_excluded_is_an_error():
    with pytest.raises(BadInput, match="outside the area") as caught:
        place_by_population("MT", 5, seed=1, keep=lambda lat, lon: np.zeros(len(lat), bool))
    assert "`outside`" in caught.value.hint


def test_where_almost_nothing_is_allowed_terminals_stand_at_their_places():
    places = populated_places("MT")

    def only_at_places(latitude, longitude):
        return np.isin(latitude, places.latitude_deg) & np.isin(longitude, places.longitude_deg)

    latitude, _ = place_by_population("MT", 50, seed=1, keep=only_at_places)
    assert np.isin(latitude, places.latitude_deg).all()


@pytest.mark.parametrize("country", ["UA", "MT", "NO", "FJ", "KI"])
def test_terminals_stand_in_their_country_or_at_its_ports(country):
    """A port's cell may be mostly water and so count as sea; nobody stands in a neighbour's cell."""
    land = land_table()
    found = land.country_of(cell_of(*place_by_population(country, 1_000, seed=1)))
    own = found == land.countries.index(country)
    assert (own | (found == SEA)).all()
    assert own.mean() > (0.9 if country == "UA" else 0.2)


def test_another_land_table_moves_terminals():
    without = land_table().with_override("crimea", NO_COUNTRY)
    crimea = land_table().disputed_cells("crimea")
    before = np.isin(cell_of(*place_by_population("UA", 3_000, seed=1)), crimea)
    after = np.isin(cell_of(*place_by_population("UA", 3_000, seed=1, land=without)), crimea)
    assert before.sum() > 100
    assert not after.any()


def test_a_country_with_one_place_and_none_at_all():
    assert len(place_by_population("VA", 3, seed=1)[0]) == 3
    assert len(place_by_population("UA", 0, seed=1)[0]) == 0
    with pytest.raises(BadInput, match="'XX'"):
        place_by_population("XX", 3, seed=1)


def test_25_000_terminals_are_placed_within_a_second():
    populated_places("UA")  # the table of places is read once a process
    started = time.process_time()
    place_by_population("UA", 25_000, seed=9)
    assert time.process_time() - started < 1.0  # measured 0.012 s


CELLS = np.sort(np.array(list(h3_int.grid_disk(h3_int.latlng_to_cell(50.0, 30.0, 5), 12)), dtype=np.uint64))
ODD_CELLS = np.array(
    [
        *h3_int.get_pentagons(5),
        h3_int.latlng_to_cell(89.99, 0.0, 5),
        h3_int.latlng_to_cell(-89.99, 0.0, 5),
        h3_int.latlng_to_cell(65.0, 179.99, 5),
    ],
    dtype=np.uint64,
)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 2_000))
@settings(max_examples=25, deadline=None)
def test_terminals_on_cells_are_inside_them_and_even(seed, count):
    latitude, longitude = place_on_cells(CELLS, count, seed=seed)
    found, number = np.unique(cell_of(latitude, longitude), return_counts=True)
    assert np.isin(found, CELLS).all()
    assert number.max() <= -(-count // len(CELLS))


def test_pentagons_the_poles_and_the_antimeridian_hold_their_terminals():
    latitude, longitude = place_on_cells(ODD_CELLS, 1_500, seed=4)
    expected = np.repeat(ODD_CELLS, 100)
    assert (cell_of(latitude, longitude) == expected).mean() > 0.999
    assert np.isin(cell_of(latitude, longitude), ODD_CELLS).all()


def test_cells_share_terminals_by_weight():
    weights = np.zeros(len(CELLS))
    weights[[3, 7]] = 1.0, 3.0
    found, number = np.unique(
        cell_of(*place_on_cells(CELLS, 400, seed=1, weights=weights)), return_counts=True
    )
    assert found.tolist() == CELLS[[3, 7]].tolist()
    np.testing.assert_allclose(number, [100, 300], atol=1)


@pytest.mark.parametrize("weights", [[-1.0, 2.0], [0.0, 0.0], [1.0], [np.nan, 1.0]])
def test_weights_that_mean_nothing_are_an_error(weights):
    with pytest.raises(ValueError, match="weights"):
        place_on_cells(CELLS[:2], 5, seed=1, weights=np.array(weights))


def test_a_million_terminals_are_placed_on_cells_within_seconds():
    started = time.process_time()
    latitude, _ = place_on_cells(CELLS, 1_000_000, seed=1)
    assert time.process_time() - started < 3.0  # measured 0.3 s
    assert len(latitude) == 1_000_000
