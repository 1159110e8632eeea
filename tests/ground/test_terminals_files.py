"""Terminals from CSV and GeoJSON files."""

import json
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.terminal_files import read_terminals

START = np.datetime64("2022-10-07T00:00:00", "ns")
CSV = (
    "id,latitude,longitude,kind,account,country,backup_hours\n"
    'mill,48.5,37.9,mini,"Grain, Ltd",ua,4.5\n'
    "school,48.6,38.0,,health,,\n"
)


@pytest.fixture
def written(tmp_path):
    def write(content, name="fleet.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def point(longitude, latitude):
    return {"type": "Point", "coordinates": [longitude, latitude]}


def line(*places):
    return {"type": "LineString", "coordinates": [list(place) for place in places]}


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def test_a_csv_file_gives_terminals(written):
    read = read_terminals(written(CSV))
    assert [read.terminals.describe(row) for row in range(2)] == [
        {"id": "mill", "latitude_deg": 48.5, "longitude_deg": 37.9, "kind": "mini", "account": "Grain, Ltd",
         "group": "fleet", "country": "UA", "moving": False, "backup_hours": 4.5},
        {"id": "school", "latitude_deg": 48.6, "longitude_deg": 38.0, "kind": "standard", "account": "health",
         "group": "fleet", "country": "", "moving": False, "backup_hours": 0.0},
    ]  # fmt: skip
    assert (read.tracks, read.problems, read.ignored_columns) == ((), (), ())


@pytest.mark.parametrize(
    "content",
    [
        "# our sites\n\nID;Lat;Lon;Note\n\nmill;48.5;37.9;by the river\n",
        "\ufeffid\tlatitude_deg\tlng\tnote\nmill\t48.5\t37.9\t\n",
        'Note,Terminal ID,"LAT",Longitude\r\n"two\r\nlines",mill,48.5,37.9\r\n',
        "id,lat,lon,Note\nmill,48.5,37.9\n".encode("utf-16"),
    ],
    ids=["semicolons and comments", "tabs and a byte order mark", "quoted, Windows", "UTF-16"],
)
def test_what_spreadsheets_write_is_read(written, content):
    read = read_terminals(written(content))
    assert read.terminals.ids[0] == "mill"
    assert (read.terminals.latitude_deg[0], read.terminals.longitude_deg[0]) == (48.5, 37.9)
    assert read.ignored_columns in (("Note",), ("note",))


def test_geojson_gives_fixed_and_moving_terminals(written):
    text = collection(
        feature(point(37.9, 48.5), id="mill", kind="mini", country="UA", backup_hours=3, colour="red"),
        {"type": "Feature", "id": 77, "geometry": point(38.0, 48.6), "properties": None},
        feature(line((30, 50), (30.1, 50)), id="van", speed_kmh=36, repeat="back-and-forth"),
        feature(
            line((31, 51), (31, 51.1)), id="bus", times=["2022-10-07T06:00:00Z", "2022-10-07T07:00:00+00:00"]
        ),
    )
    read = read_terminals(written(text, "fleet.geojson"), start=START, group="fleet 1")
    assert list(read.terminals.ids) == ["mill", "77", "van", "bus"]
    assert read.terminals.track.tolist() == [-1, -1, 0, 1]
    assert read.terminals.group_names == ("fleet 1",)
    van, bus = read.tracks
    assert float(van.at(START + np.timedelta64(60, "s"))[2]) == pytest.approx(10.0)
    assert (bus.start, bus.duration_s) == (np.datetime64("2022-10-07T06:00:00", "ns"), 3600.0)
    assert (read.terminals.latitude_deg[3], read.terminals.longitude_deg[3]) == (51.0, 31.0)


@pytest.mark.parametrize(
    ("row", "said", "hint"),
    [
        ("a,148.5,37.9,,,,", "line 4, latitude '148.5'", "swapped: is it latitude 37.9, longitude 148.5"),
        ("a,91,95,,,,", "line 4, latitude '91'", "decimal degrees"),
        ("a,48.5,400,,,,", "line 4, longitude '400'", "decimal degrees"),
        ("a,abc,37.9,,,,", "line 4, latitude 'abc': it is not a number", "plain number"),
        ('a,"48,5",37.9,,,,', "line 4, latitude '48,5'", "decimals with a point"),
        ("a,nan,37.9,,,,", "line 4, latitude 'nan'", ""),
        ("a,,37.9,,,,", "line 4, latitude '': there is no value", "give latitude"),
        ("a,48.5", "line 4, longitude '': there is no value", "give longitude"),
        ("a,48.5,37.9,minny,,,", "line 4, kind 'minny'", "did you mean mini"),
        ("a,48.5,37.9,,,Ukraine,", "line 4, country 'UKRAINE'", "two letters"),
        ("a,48.5,37.9,,,,-1", "line 4, backup_hours '-1'", ""),
        (",48.5,37.9,,,,", "line 4, id ''", "its own id"),
        ("mill,48.5,37.9,,,,", "line 4, id 'mill': line 2 has the same id", "its own id"),
        ("a,48,5,37,9,,,,,", "line 4: it has 10 values, the header 7", "point"),
    ],
)
def test_a_wrong_row_is_named_with_line_column_value_and_what_to_do(written, row, said, hint):
    path = written(CSV + row + "\n")
    with pytest.raises(BadInput) as caught:
        read_terminals(path)
    assert "fleet.csv: 1 problem, 2 good rows: " + said in caught.value.detail
    assert hint in caught.value.hint
    kept = read_terminals(path, keep_good=True)
    assert list(kept.terminals.ids) == ["mill", "school"]
    assert said in str(kept.problems[0])


def test_many_wrong_rows_are_counted_and_the_first_shown(written):
    with pytest.raises(BadInput, match=r"30 problems, 2 good rows: line 4.*line 5.*line 6.*and 27 more"):
        read_terminals(written(CSV + "x,?,1,,,,\n" * 30))
    with pytest.raises(BadInput, match="2 problems, 0 good rows"):
        read_terminals(written("id,lat,lon\na,1\nb,2\n"), keep_good=True)


@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        ("", "is empty", "header"),
        (" \n\n", "is empty", "header"),
        ("id,lat,lon\n", "no rows", "at least one"),
        ("# only a comment\n", "no rows|no column", ""),
        ("id,lat\na,1\n", "no column 'longitude'", "id, latitude, longitude"),
        ("id,lat,lat,lon\na,1,1,1\n", "two columns mean 'latitude'", "keep one"),
        ("id,lat,lon,acount\na,1,1,x\n", "no column is called 'acount'", "account"),
        (CSV.encode() + "млин,48,37,,,,".encode("cp1251"), "line 4: byte 0xec is not UTF-8", "UTF-8"),
        (b"PK\x03\x04\0\0\0", "NUL", "text"),
        ('id,lat,lon\n"a,1,1\n', "line 2: ", "quotation"),
    ],
)
def test_what_spoils_a_whole_file_is_said(written, content, said, hint):
    with pytest.raises(BadInput, match=said) as caught:
        read_terminals(written(content))
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (feature(point(37.9, 148.5), id="a"), "latitude '148.5'"),
        (feature(point(37.9, "x"), id="a"), "latitude 'x'"),
        (feature(point(True, 1), id="a"), "a Point needs"),
        (feature(None, id="a"), "neither a Point nor a LineString"),
        (feature({"type": "Polygon", "coordinates": []}, id="a"), "'Polygon'"),
        (feature(point(1, 1)), "id ''"),
        (feature(point(1, 1), id="a", account={"x": 1}), "account"),
        (feature(line((1, 1)), id="a", speed_kmh=10), "at least two"),
        (feature(line((1, 1), (2, 2)), id="a"), "times or a speed"),
        (feature(line((1, 1), (2, 2)), id="a", speed_kmh="fast"), "speed_kmh 'fast'"),
        (feature(line((1, 1), (2, 2)), id="a", speed_kmh=10, repeat="always"), "repeat 'always'"),
        (feature(line((1, 1), (1, 1)), id="a", speed_kmh=10), "fewer than two"),
        (feature(line((1, 1), (2, 2)), id="a", times=["2022-10-07T06:00:00Z"]), "at least two"),
        (feature(line((1, 1), (2, 2)), id="a", times=["2022-10-07T06:00:00Z"] * 2), "not after"),
        (feature(line((1, 1), (2, 2)), id="a", times=["2022-10-07T06:00:00Z"] * 3), "3 times for 2"),
        (feature(line((1, 1), (2, 2)), id="a", times=["2022-10-07T06:00:00Z", "later"]), "times? 'later'"),
        (feature(line((1, 1), (60, 2)), id="a", times=["2022-10-07T06:00Z", "2022-10-07T06:01Z"]), "faster"),
        ("nonsense", "neither a Point"),
    ],
)  # fmt: skip
def test_a_wrong_feature_is_named(written, bad, said):
    path = written(collection(feature(point(1, 1), id="good"), bad), "x.geojson")
    with pytest.raises(BadInput, match=rf"x\.geojson: 1 problem, 1 good rows: feature 2.*{said}"):
        read_terminals(path, start=START)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "line 1 is not JSON"),
        ("[1, 2]", "not a GeoJSON FeatureCollection"),
        ('{"type": "Topology"}', "'Topology'"),
        (collection(), "no terminals"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_geojson_is_said(written, content, said):
    with pytest.raises(BadInput, match=said):
        read_terminals(written(content, "x.json"))


def test_a_moving_terminal_with_a_speed_needs_a_start(written):
    text = collection(feature(line((1, 1), (2, 2)), id="a", speed_kmh=10))
    with pytest.raises(BadInput, match="not known when the movement starts"):
        read_terminals(written(text, "x.geojson"))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=True), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["type", "features", "geometry", "coordinates", "properties", "id", "times", "kind"]
            ),
            st.one_of(inner, st.sampled_from(["FeatureCollection", "Feature", "Point", "LineString"])),
            max_size=5,
        ),
    ),
    max_leaves=12,
)
anything = st.one_of(
    st.binary(max_size=100),
    st.binary(max_size=60).map(lambda tail: b"id,lat,lon\na,1,2\n" + tail),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.lists(st.builds(lambda shape, kind: feature(shape, id="a", kind=kind), json_values, json_values))
    .map(lambda features: collection(*features).encode()),
    st.lists(json_values, max_size=3).map(lambda places: collection(
        feature({"type": "LineString", "coordinates": places}, id="a", speed_kmh=5, times=places)).encode()),
)  # fmt: skip


@given(content=anything, keep_good=st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_make_the_reader_fail_but_with_bad_input(written, content, keep_good):
    try:
        read = read_terminals(written(content, "fuzz"), start=START, keep_good=keep_good)
    except BadInput:
        return
    assert len(read.terminals) >= 1
    assert keep_good or not read.problems


def test_25_000_rows_are_read_within_seconds(written):
    path = written("id,lat,lon,kind\n" + "".join(f"t{n},48.{n % 1000},37.5,mini\n" for n in range(25_000)))
    started = time.process_time()
    assert len(read_terminals(path).terminals) == 25_000
    assert time.process_time() - started < 3.0
