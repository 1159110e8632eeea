"""Areas from the outlines and lists that people bring; an error names the file and the place in it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.control.shapes import cells_as_geojson, cells_from_file, cells_from_geojson
from openleo.ground.cells import cell_name, cells_in_circle, cells_in_polygon

BOX = [[32.0, 46.0], [33.0, 46.0], [33.0, 46.6], [32.0, 46.6], [32.0, 46.0]]
EAST = [[[lon + 2.0, lat] for lon, lat in BOX]]
POLYGON = {"type": "Polygon", "coordinates": [BOX]}
BOTH = {"type": "MultiPolygon", "coordinates": [[BOX], EAST]}
CIRCLE = cells_in_circle(46.6, 32.6, 30e3)


def written(folder: Path, document: Any) -> Path:
    path = folder / "shape.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


@pytest.mark.parametrize(
    "document",
    [
        BOTH,
        {"type": "Feature", "properties": {}, "geometry": BOTH},
        {"type": "GeometryCollection", "geometries": [POLYGON, {"type": "Polygon", "coordinates": EAST}]},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": None, "geometry": POLYGON},
                {"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": EAST}},
            ],
        },
    ],
    ids=lambda document: document["type"],
)
def test_all_polygons_of_a_file_count(tmp_path: Path, document: Any) -> None:
    expected = np.union1d(cells_in_polygon([BOX]), cells_in_polygon(EAST))
    assert np.array_equal(cells_from_geojson(written(tmp_path, document)), expected)


def test_an_outline_smaller_than_a_cell_takes_what_it_touches(tmp_path: Path) -> None:
    small = {"type": "Polygon", "coordinates": [[[32.6, 46.6], [32.61, 46.6], [32.6, 46.61]]]}
    with pytest.raises(BadInput, match="no cell whose centre") as refused:
        cells_from_geojson(written(tmp_path, small))
    assert "--touching" in refused.value.hint
    assert len(cells_from_geojson(written(tmp_path, small), rule="touching")) >= 1


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "shape.geojson, line 1 is not JSON"),
        ([], "shape.geojson: it is nothing with a type, not an outline"),
        ({"type": "Point", "coordinates": [1, 2]}, "shape.geojson: it is of type 'Point'"),
        ({"type": "Polygon"}, "shape.geojson: it has no list of coordinates"),
        ({"type": "FeatureCollection", "features": []}, "shape.geojson holds no polygon"),
        (
            {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POLYGON},
                                                       {"type": "Feature", "geometry": None}]},
            "shape.geojson, feature 2: it is nothing with a type",
        ),
        (
            {"type": "MultiPolygon", "coordinates": [[BOX], [[[32.0, 99.0], [33.0, 46.0], [33.0, 47.0]]]]},
            "shape.geojson, polygon 2: ring 1, corner 1 is",
        ),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "shape.geojson: ring 1, corner 1 is"),
        ({"type": "Polygon", "coordinates": [[[32.0, 46.0], [33.0, 46.0]]]}, "ring 1 has 2 different"),
        ({"type": "Polygon", "coordinates": [7]}, "ring 1 is no list"),
    ],
)  # fmt: skip
def test_a_wrong_outline_is_named_with_its_place(tmp_path: Path, document: Any, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        cells_from_geojson(written(tmp_path, document))
    assert says in refused.value.detail


@pytest.mark.parametrize("form", ["lines", "csv", "json"])
def test_cells_are_listed_by_name(tmp_path: Path, form: str) -> None:
    names = [cell_name(cell) for cell in CIRCLE.tolist()]
    text = {
        "lines": "# of the city\n" + "\n".join(names) + "\n\n",
        "csv": "cell,latitude_deg\n" + "\n".join(f"{name},46" for name in names),
        "json": json.dumps(names),
    }[form]
    path = tmp_path / "cells"
    path.write_text(text)
    assert np.array_equal(cells_from_file(path), CIRCLE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cell\n851e6387fffffff\nkherson\n", "cells.csv, line 3 is not an H3 cell: 'kherson'"),
        ('["851e6387fffffff", "x"]', "cells.csv, entry 2 is not an H3 cell: 'x'"),
        ("871e63862ffffff\n", "cells.csv, line 1, '871e63862ffffff', is a cell of resolution 7"),
        ("# nothing\n", "cells.csv lists no cells"),
        ("[1,", "cells.csv, line 1 is not JSON"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "cells.csv"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        cells_from_file(path)
    assert says in refused.value.detail


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="geojson cannot be read: No such file"):
        cells_from_geojson(tmp_path / "missing.geojson")
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(BadInput, match="image is not UTF-8 text"):
        cells_from_file(tmp_path / "image")


def test_cells_come_back_from_their_outlines(tmp_path: Path) -> None:
    feature = cells_as_geojson(CIRCLE, {"name": "kherson"})
    assert np.array_equal(cells_from_geojson(written(tmp_path, feature)), CIRCLE)
    assert feature["properties"]["cells"] == [cell_name(cell) for cell in CIRCLE.tolist()]
