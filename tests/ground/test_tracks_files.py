"""Tracks from CSV and GPX files."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.track_files import read_track, read_tracks

GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">
  <trk><name>Convoy &amp; escort</name>
    <trkseg>
      <trkpt lat="50.0" lon="30.0"><ele>100</ele><time>2022-10-07T08:00:00Z</time></trkpt>
      <trkpt lat="50.01" lon="30.0"><time>2022-10-07T08:01:00.5Z</time></trkpt>
    </trkseg>
    <trkseg><trkpt lat="50.02" lon="30.0"><time>2022-10-07T08:03:00Z</time></trkpt></trkseg>
  </trk>
  <trk><trkseg>
    <trkpt lat="51" lon="31"><time>2022-10-07T10:00:00+03:00</time></trkpt>
    <trkpt lat="51" lon="31.01"><time>2022-10-07T10:01:00+03:00</time></trkpt>
  </trkseg></trk>
</gpx>
"""
CSV = "time,lat,lon\n2022-10-07T08:00:00Z,50.0,30.0\n2022-10-07 08:01:00,50.01,30.0\n"


@pytest.fixture
def written(tmp_path):
    def write(content, name="track.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_gpx_file_gives_its_tracks_with_segments_joined(written):
    convoy, second = read_tracks(written(GPX, "x.gpx"))
    assert convoy.name == "Convoy & escort"
    assert convoy.elapsed_s.tolist() == [0.0, 60.5, 180.0]
    assert convoy.latitude_deg.tolist() == [50.0, 50.01, 50.02]
    assert second.name == "track 2"
    assert second.start == np.datetime64("2022-10-07T07:00:00", "ns")
    assert not second.loops


def test_a_csv_file_gives_a_track_and_a_speed(written):
    track = read_track(written(CSV))
    assert track.name == "track"
    _, _, speed = track.at(track.start + np.timedelta64(30, "s"))
    assert float(speed) == pytest.approx(1111.95 / 60, rel=1e-4)


def test_a_csv_file_with_a_column_track_gives_several(written):
    rows = "track;time;latitude;longitude\n" + "".join(
        f"{name};2022-10-07T08:0{minute}:00Z;50.{minute};30\n" for minute in range(3) for name in ("a", "b")
    )
    path = written(rows)
    assert [track.name for track in read_tracks(path)] == ["a", "b"]
    with pytest.raises(BadInput, match="2 tracks"):
        read_track(path)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.csv", "is empty"),
        ("time,lat,lon\n", "a.csv", "no rows"),
        ("time,lat\n2022-10-07T08:00:00Z,50\n", "a.csv", "no column 'longitude'"),
        (CSV + "2022-10-07T08:00:30Z,50,30\n", "a.csv", "line 4, time .*not after that of line 3"),
        (CSV + "tomorrow,50,30\n", "a.csv", "line 4, time 'tomorrow': it is not a time"),
        (CSV + ",50,30\n", "a.csv", "line 4, time '': there is no time"),
        (CSV + "0001-01-01T00:00:00+14:00,50,30\n", "a.csv", "line 4, time"),
        (CSV + "1066-10-14T08:00:00Z,50,30\n", "a.csv", "between 1980 and 2200"),
        (CSV + "2022-10-07T08:02:00Z,130,50\n", "a.csv", "line 4, latitude '130'"),
        (CSV + "2022-10-07T08:02:00Z,50,x\n", "a.csv", "line 4, longitude 'x': it is not a number"),
        (CSV + "2022-10-07T08:01:01Z,10,30\n", "a.csv", "m/s from line 3 to 4"),
        ("time,lat,lon\n2022-10-07T08:00:00Z,50.0,30.0\n", "a.csv", "one point"),
        ("<gpx><trk></gpx>", "a.gpx", "line 1: mismatched tag"),
        ("<html></html>", "a.gpx", "root <html>"),
        ("<gpx></gpx>", "a.gpx", "no track points"),
        ("<gpx><trk><trkseg><trkpt lat='1'/></trkseg></trk></gpx>", "a.gpx", "line 1, time ''"),
        (GPX.replace("<time>2022-10-07T08:03:00Z</time>", ""), "a.gpx", "line 8, time '': there is no time"),
        ('<!DOCTYPE gpx [<!ENTITY a "b">]><gpx>&a;</gpx>', "a.gpx", "line 1: it has a DOCTYPE"),
        ('<?xml version="1.0" encoding="cp-nothing"?><gpx/>', "a.gpx", "encoding"),
        ("<gpx>" + "<a>" * 100, "a.gpx", "deep"),
        ("\x89PNG\0\0", "a.csv", "NUL"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_the_line(written, content, name, said):
    with pytest.raises(BadInput, match=said) as caught:
        read_tracks(written(content, name))
    assert name in caught.value.detail
    assert caught.value.hint


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*none\.gpx"):
        read_tracks(tmp_path / "none.gpx")


GPX_PARTS = (
    *("<gpx>", "</gpx>", "<trk>", "</trk>", "<trkseg>", "</trkseg>", "<trkpt lat='1' lon='2'>", "</trkpt>"),
    *("<time>", "</time>", "2022-10-07T08:00:00Z", "<!DOCTYPE a>", "<name>", "&", "é", "\0", "<?xml?>"),
)


@given(
    content=st.one_of(
        st.binary(max_size=200), st.lists(st.sampled_from(GPX_PARTS)).map(lambda p: "".join(p).encode())
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", ["fuzz.gpx", "fuzz.csv"])
def test_no_bytes_make_the_reader_fail_but_with_bad_input(written, name, content):
    prefix = b"time,lat,lon\n" if name.endswith("csv") else b""
    try:
        tracks = read_tracks(written(prefix + content, name))
    except BadInput:
        return
    assert all(len(track) >= 2 for track in tracks)
