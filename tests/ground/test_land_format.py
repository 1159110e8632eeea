"""The land table's slots: one for every cell, in the order of the H3 index."""

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.ground.cells import cell_of
from openleo.ground.land_format import SLOTS, Table, cells_of_slots, decode, encode, slots_of_cells


def slot_reference(cell: int) -> int:
    """The base cell's number and the five digits, read one by one with H3's own functions, in base 7."""
    slot = h3.get_base_cell_number(cell)
    for resolution in range(1, 6):
        slot = 7 * slot + h3.get_index_digit(cell, resolution)
    return slot


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_slots_agree_with_reading_digits_one_by_one(latitude, longitude):
    cell = cell_of(latitude, longitude)
    assert slots_of_cells(cell) == slot_reference(int(cell))
    assert cells_of_slots(slots_of_cells(cell)) == cell


def test_every_cell_has_a_slot_of_its_own_in_order():
    cells = np.array(
        sorted(c for base in h3.get_res0_cells() for c in h3.cell_to_children(base, 2)), np.uint64
    )
    children = np.array([h3.cell_to_center_child(int(c), 5) for c in cells], np.uint64)
    slots = slots_of_cells(children)
    assert (np.diff(slots) > 0).all()
    assert slots.min() >= 0
    assert slots.max() < SLOTS
    np.testing.assert_array_equal(cells_of_slots(slots), children)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 300))
def test_any_table_comes_back_from_its_bytes(seed, countries):
    rng = np.random.default_rng(seed)
    table = Table.all_sea(source="a test", date="2022-10-07")
    for _ in range(20):  # some runs longer than a length of two bytes can say
        start, length = int(rng.integers(SLOTS)), int(rng.choice([1, 40, 65_535, 65_536, 200_000]))
        table.country[start : start + length] = rng.integers(-1, countries)
        table.area[start : start + length // 2] = rng.integers(-1, 2)
    table = Table(
        countries=tuple(f"c{i}" for i in range(countries)),
        country=table.country,
        area=table.area,
        areas=({"name": "a"}, {"name": "b"}),
        too_small={"VA": "IT"},
        source="a test",
        date="2022-10-07",
    )
    again = decode(encode(table), "bytes")
    np.testing.assert_array_equal(again.country, table.country)
    np.testing.assert_array_equal(again.area, table.area)
    assert (again.countries, again.areas, again.too_small) == (table.countries, table.areas, table.too_small)


def test_a_number_that_is_no_cell_has_no_slot():
    with pytest.raises(ValueError, match="0x1 is not"):
        slots_of_cells(np.array([1], np.uint64))
