"""Cells: points, outlines, circles and neighbours, at the antimeridian and the poles too."""

import h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.cells import (
    CELL_RESOLUTION,
    are_cells,
    cell_areas_m2,
    cell_centre_deg,
    cell_centres_itrs_m,
    cell_name,
    cell_of,
    cell_outline_deg,
    cells_around,
    cells_from_names,
    cells_in_circle,
    cells_in_polygon,
    pairs_within_m,
)

KYIV = 50.4501, 30.5234


def test_a_cell_is_the_one_that_h3_names():
    cells = cell_of([KYIV[0], -36.85], [KYIV[1], 174.76])
    assert [cell_name(c) for c in cells] == [
        h3.latlng_to_cell(*KYIV, CELL_RESOLUTION),
        h3.latlng_to_cell(-36.85, 174.76, CELL_RESOLUTION),
    ]
    assert cells.dtype == np.uint64


def test_shapes_are_kept_and_scalars_work():
    assert cell_of(np.zeros((2, 3)), 10.0).shape == (2, 3)
    assert cell_of(1.0, 2.0).shape == ()
    assert cell_centre_deg(cell_of(np.zeros((2, 3)), 10.0)).shape == (2, 3, 2)
    assert cell_centres_itrs_m(np.array([], np.uint64)).shape == (0, 3)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_centre_of_a_cell_is_in_that_cell(latitude, longitude):
    cell = cell_of(latitude, longitude)
    centre = cell_centre_deg(cell)
    assert cell_of(*centre) == cell
    assert are_cells(cell)


def test_centres_lie_on_the_ellipsoid():
    assert np.linalg.norm(cell_centres_itrs_m(cell_of([0.0, 89.9], [0.0, 0.0])), axis=1) == pytest.approx(
        [6_378_137, 6_356_752], abs=10
    )


def test_points_that_are_not_on_earth_are_refused():
    for latitude, longitude in [(91, 0), (np.nan, 0), (0, np.inf)]:
        with pytest.raises(ValueError, match="latitudes"):
            cell_of(latitude, longitude)


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north]]


def test_an_outline_holds_the_cells_with_centres_inside():
    cells = cells_in_polygon([box(30, 50, 32, 51)])
    centres = cell_centre_deg(cells)
    assert ((centres > [50, 30]) & (centres < [51, 32])).all()
    assert len(cells) * cell_areas_m2(cells).mean() == pytest.approx(141.9e3 * 111.2e3, rel=0.03)
    assert (np.diff(cells.astype(np.int64)) > 0).all()


def test_neighbouring_outlines_share_no_cell_and_leave_none_out():
    whole, west, east = (
        cells_in_polygon([box(*b)]) for b in [(30, 50, 34, 51), (30, 50, 32, 51), (32, 50, 34, 51)]
    )
    np.testing.assert_array_equal(np.union1d(west, east), whole)
    assert np.intersect1d(west, east).size == 0


@pytest.mark.parametrize(
    "ring",
    [
        box(179, -18, -179, -16),
        box(179, -18, 181, -16),
        box(-181, -18, -179, -16),
        [*box(179, -18, -179, -16), [179, -18]],
    ],
)
def test_an_outline_may_cross_the_antimeridian_however_it_is_written(ring):
    cells = cells_in_polygon([ring])
    east, west = (
        cells_in_polygon([box(179, -18, 179.9999999, -16)]),
        cells_in_polygon([box(-180, -18, -179, -16)]),
    )
    np.testing.assert_array_equal(cells, np.union1d(east, west))
    assert len(east) > 50
    assert len(west) > 50


def test_holes_are_left_out_and_either_direction_of_a_ring_will_do():
    outer, hole = box(30, 50, 34, 52), box(31, 50.5, 33, 51.5)
    cells = cells_in_polygon([outer[::-1], hole])
    np.testing.assert_array_equal(cells, np.setdiff1d(cells_in_polygon([outer]), cells_in_polygon([hole])))


def test_touching_takes_the_cells_on_the_edge_too():
    inside, touched = (cells_in_polygon([box(30, 50, 31, 51)], rule=r) for r in ("centre", "touching"))
    assert np.isin(inside, touched).all()
    assert len(touched) > len(inside)
    assert len(cells_in_polygon([box(30, 50, 30.001, 50.001)])) == 0
    assert len(cells_in_polygon([box(30, 50, 30.001, 50.001)], rule="touching")) == 1


@pytest.mark.parametrize(
    ("rings", "says"),
    [
        ([], "without any ring"),
        ([[[0, 0], [1, 1]]], "2 different corners"),
        ([[[0, 0], [1, 1], [50, 100]]], "corner 3"),
        ([[[0, 0], [1, 1], [float("nan"), 1]]], "corner 3"),
        ([[[0, 80], [120, 80], [-120, 80]]], "pole"),
    ],
)
def test_an_outline_that_cannot_be_one_is_refused(rings, says):
    with pytest.raises(BadInput, match=says):
        cells_in_polygon(rings)


@pytest.mark.parametrize(("latitude", "longitude"), [KYIV, (0.0, 180.0), (90.0, 0.0), (58.16, 11.25)])
@pytest.mark.parametrize("radius_m", [0.0, 30e3, 200e3])
def test_a_circle_holds_just_the_cells_near_enough(latitude, longitude, radius_m):
    cells = cells_in_circle(latitude, longitude, radius_m)
    assert cell_of(latitude, longitude) in cells
    far_more = cells_in_circle(latitude, longitude, radius_m + 100e3)
    here = np.array([latitude, longitude])
    distances = np.array(
        [h3.great_circle_distance(tuple(here), tuple(c), unit="m") for c in cell_centre_deg(far_more)]
    )
    expected = np.union1d(far_more[distances <= radius_m], cell_of(latitude, longitude))
    np.testing.assert_array_equal(cells, expected)


def test_no_cell_of_a_circle_is_missed_where_cells_are_smallest():
    """The smallest cells are next to the twelve pentagons; there a ring of cells is narrowest."""
    for pentagon in h3.get_pentagons(CELL_RESOLUTION):
        centre = h3.cell_to_latlng(pentagon)
        ring = h3.grid_ring(pentagon, 20)
        nearest = min(h3.great_circle_distance(centre, h3.cell_to_latlng(c), unit="m") for c in ring)
        assert nearest > 20 * 9_000


def test_a_circle_of_no_sense_is_refused():
    for radius in (-1.0, 6e6, float("nan")):
        with pytest.raises(BadInput, match="radius"):
            cells_in_circle(0, 0, radius)


def test_cells_around_are_six_more_at_each_cell():
    kyiv = cell_of(*KYIV)
    assert len(cells_around([kyiv])) == 7
    assert len(cells_around([kyiv], rings=2)) == 19
    assert len(cells_around([])) == 0


def test_names_of_coarser_cells_stand_for_their_children():
    parent = h3.latlng_to_cell(*KYIV, 4)
    assert len(cells_from_names([parent])) == 7
    own = cell_of(*KYIV)
    np.testing.assert_array_equal(cells_from_names([cell_name(own), int(own)]), [own])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["851e6387fffffff", "kyiv"], "entry 2"),
        ([h3.latlng_to_cell(*KYIV, 7)], "resolution 7"),
        ([-1], "entry 1"),
        ([2**70], "entry 1"),
    ],
)
def test_what_is_no_cell_is_refused_by_its_place(names, says):
    with pytest.raises(BadInput, match=says):
        cells_from_names(names)


def test_an_outline_of_a_cell_goes_round_its_centre():
    cell = int(cell_of(*KYIV))
    outline = np.array(cell_outline_deg(cell))
    assert len(outline) == 6
    np.testing.assert_allclose(outline.mean(axis=0), cell_centre_deg(cell)[::-1], atol=1e-3)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 60), st.floats(1e4, 4e6))
def test_near_pairs_agree_with_comparing_all(seed, count, distance_m):
    points = np.random.default_rng(seed).normal(size=(count, 3)) * 2e6
    first, second = pairs_within_m(points, distance_m)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    expected = np.argwhere(np.triu(apart <= distance_m, k=1))
    np.testing.assert_array_equal(np.stack([first, second], axis=1), expected)
