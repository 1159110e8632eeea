"""Orbit mean-elements messages in JSON, CSV and XML."""

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.orbits.elements import parse_elements, read_elements, sniff
from openleo.orbits.tle import parse_tle_text

# One set in CelesTrak's keywords; the elements are those of 06251 in test_tle.py.
DELTA: dict[str, Any] = {
    "OBJECT_NAME": "DELTA 1 DEB",
    "OBJECT_ID": "1962-025E",
    "EPOCH": "2006-06-25T19:46:43.980096",
    "MEAN_MOTION": 15.56387291,
    "ECCENTRICITY": 0.0030035,
    "INCLINATION": 58.0579,
    "RA_OF_ASC_NODE": 54.0425,
    "ARG_OF_PERICENTER": 139.1568,
    "MEAN_ANOMALY": 221.1854,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 6251,
    "ELEMENT_SET_NO": 398,
    "REV_AT_EPOCH": 677,
    "BSTAR": 0.00012808,
    "MEAN_MOTION_DOT": 0.00008885,
    "MEAN_MOTION_DDOT": 0,
}
OTHER = DELTA | {"OBJECT_NAME": "NEW", "OBJECT_ID": "2026-001A", "NORAD_CAT_ID": 799_500_123}
TLE = """\
DELTA 1 DEB
1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985
2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774
"""
SPACE_TRACK = {
    "CCSDS_OMM_VERS": "3.0", "CREATION_DATE": "2006-06-26T01:00:00", "ORIGINATOR": "18 SPCS",
    "CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC",
    "MEAN_ELEMENT_THEORY": "SGP4", "SEMIMAJOR_AXIS": "6770.1", "DECAY_DATE": None,
}  # fmt: skip


def as_json(*sets: dict[str, Any]) -> str:
    return json.dumps(list(sets))


def as_csv(*sets: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(sets[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(sets)
    return out.getvalue()


def as_xml(*sets: dict[str, Any]) -> str:
    meta = ("OBJECT_NAME", "OBJECT_ID")
    drag = ("EPHEMERIS_TYPE", "NORAD_CAT_ID", "BSTAR")
    parts = []
    for fields in sets:
        leaves = {k: f"<{k}>{v}</{k}>" for k, v in fields.items()}
        head = "".join(v for k, v in leaves.items() if k in meta)
        mean = "".join(v for k, v in leaves.items() if k not in meta + drag)
        tail = "".join(v for k, v in leaves.items() if k in drag)
        parts.append(
            '<omm id="CCSDS_OMM_VERS" version="3.0"><header></header><body><segment>\n'
            f"<metadata>{head}<CENTER_NAME>EARTH</CENTER_NAME><REF_FRAME>TEME</REF_FRAME></metadata>\n"
            f"<data><meanElements>{mean}</meanElements><tleParameters>{tail}</tleParameters></data>\n"
            "</segment></body></omm>\n"
        )
    return '<?xml version="1.0" encoding="UTF-8"?>\n<ndm>' + "".join(parts) + "</ndm>\n"


WRITERS = {"json": as_json, "csv": as_csv, "xml": as_xml}


@pytest.mark.parametrize("kind", WRITERS)
def test_each_kind_is_recognised_and_holds_the_same_numbers_as_the_tle(kind: str) -> None:
    result = parse_elements(WRITERS[kind](DELTA, OTHER))
    tle = parse_tle_text(TLE).sets
    assert result.kind == kind
    assert result.problems == ()
    assert result.sets.name == ("DELTA 1 DEB", "NEW")
    assert result.sets.designator == ("1962-025E", "2026-001A")
    assert list(result.sets.catalogue_number) == [6251, 799_500_123]
    for field in ("epoch", "inclination_rad", "raan_rad", "eccentricity", "argument_of_perigee_rad",
                  "mean_anomaly_rad", "mean_motion_rad_min", "bstar"):  # fmt: skip
        assert getattr(result.sets, field)[0] == getattr(tle, field)[0], field


def test_space_tracks_numbers_in_quotes_and_extra_keywords_are_read() -> None:
    quoted = {k: str(v) for k, v in DELTA.items()} | SPACE_TRACK
    assert parse_elements(as_json(quoted)).sets.mean_motion_rad_min[0] == pytest.approx(0.0679111, abs=1e-6)
    assert len(parse_elements(as_csv(quoted)).sets) == 1


def test_one_json_object_alone_is_read() -> None:
    assert len(parse_elements(json.dumps(DELTA)).sets) == 1


@pytest.mark.parametrize(
    ("epoch", "instant"),
    [
        ("2006-06-25T19:46:43.980096Z", "2006-06-25T19:46:43.980096"),
        ("2006-176T19:46:43.98", "2006-06-25T19:46:43.980"),
        ("2006-06-25 19:46:43", "2006-06-25T19:46:43"),
        ("2024-02-29T00:00:00", "2024-02-29T00:00:00"),
    ],
)
def test_calendar_and_day_of_year_epochs_are_read(epoch: str, instant: str) -> None:
    assert parse_elements(as_json(DELTA | {"EPOCH": epoch})).sets.epoch[0] == np.datetime64(instant, "ns")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MEAN_MOTION": "fast"}, "MEAN_MOTION 'fast' is not a number"),
        ({"BSTAR": "nan"}, "BSTAR 'nan' is not a number"),
        ({"ECCENTRICITY": "1e999"}, "ECCENTRICITY '1e999' is not a number"),
        ({"ECCENTRICITY": 1.2}, "eccentricity 1.2 is not within 0 and 1"),
        ({"INCLINATION": ""}, "no INCLINATION"),
        ({"NORAD_CAT_ID": "1234567890"}, "not a number of one to nine digits"),
        ({"EPOCH": "yesterday"}, "is not a time such as"),
        ({"EPOCH": "2023-02-29T00:00:00"}, "EPOCH '2023-02-29T00:00:00'"),
        ({"EPOCH": "2023-366T00:00:00"}, "not a time of the space age"),
        ({"EPOCH": "2023-02-21T24:00:00"}, "not a time of the space age"),
        ({"EPHEMERIS_TYPE": 4}, "SGP4-XP"),
        ({"MEAN_MOTION": 17.5}, "below the surface"),
        ({"REF_FRAME": "EME2000"}, "REF_FRAME is EME2000, expected TEME"),
        ({"MEAN_ELEMENT_THEORY": "DSST"}, "MEAN_ELEMENT_THEORY is DSST"),
        ({"DECAY_DATE": "2020-04-04"}, "decayed on 2020-04-04"),
    ],
)
def test_a_bad_record_is_named_with_its_place_and_the_good_one_stays(
    kind: str, change: dict[str, Any], reason: str
) -> None:
    if kind == "xml" and "REF_FRAME" in change:
        change = {"REF_FRAME": "EME2000", "CENTER_NAME": "EARTH"}
    filled = dict.fromkeys(change, "") | OTHER
    result = parse_elements(WRITERS[kind](DELTA | change, filled))
    assert result.sets.name == ("NEW",)
    assert len(result.problems) == 1
    assert reason in result.problems[0].reason
    assert result.problems[0].line == {"json": 1, "csv": 2, "xml": 2}[kind]
    assert result.problems[0].text == "DELTA 1 DEB"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (as_json(DELTA, OTHER)[:-40], "breaks off or is not JSON: line 1"),
        (as_xml(DELTA, OTHER)[:-40], "breaks off or is not XML: line"),
        ("[" * 100_000, "JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON of element sets"),
        ('["a", 3, null]', "not an object with OMM keywords"),
        ("[]", "holds no element sets"),
        ("<html><body>Too many requests</body></html>", "holds no element sets"),
        ("OBJECT_NAME,NORAD_CAT_ID\nX,1\n", "has no column EPOCH, MEAN_MOTION"),
    ],
)
def test_half_a_file_or_another_file_is_bad_input_with_a_way_on(text: str, detail: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_elements(text)
    assert detail in caught.value.detail
    assert caught.value.hint


def test_half_a_csv_keeps_its_whole_rows_and_names_the_cut_one() -> None:
    result = parse_elements(as_csv(OTHER, DELTA)[:-60])
    assert result.sets.name == ("NEW",)
    assert result.problems[0].line == 3
    assert "columns, the header has" in result.problems[0].reason


BOMB = """<?xml version="1.0"?>
<!DOCTYPE ndm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<ndm><segment><OBJECT_NAME>&b;</OBJECT_NAME></segment></ndm>
"""


@pytest.mark.parametrize("text", [BOMB, BOMB.replace('version="1.0"', 'version="1.0" encoding="UTF-7"')])
def test_a_document_type_and_its_entities_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"has a DOCTYPE \(line 2\)"):
        parse_elements(text)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\x7fELF\x02\x01\x01" + bytes(300), "is a binary file"),
        (b"\x1f\x8b\x08\x00\x00", "is a broken gzip file"),
        (TLE.encode("utf-16"), "is UTF-16 text"),
        (b"just some words\nand more\n", "no element lines follow this line"),
    ],
)
def test_files_that_are_no_element_sets_are_bad_input_with_a_way_on(
    tmp_path: Path, data: bytes, detail: str
) -> None:
    path = tmp_path / "sets"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        read_elements(path)
    assert detail in caught.value.detail
    assert str(path) in caught.value.detail
    assert caught.value.hint


def test_a_missing_file_or_a_folder_is_bad_input(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.tle"):
        with pytest.raises(BadInput, match="cannot be read"):
            read_elements(path)


@pytest.mark.parametrize("kind", ["tle", *WRITERS])
def test_files_of_each_kind_are_read_with_and_without_a_byte_order_mark(tmp_path: Path, kind: str) -> None:
    text = TLE if kind == "tle" else WRITERS[kind](DELTA)
    path = tmp_path / "sets.txt"
    for prefix in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(prefix + text.encode())
        result = read_elements(path)
        assert (result.kind, result.path, result.sets.name) == (kind, path, ("DELTA 1 DEB",))


SAMPLES = {kind: writer(DELTA, OTHER) for kind, writer in WRITERS.items()}


@given(kind=st.sampled_from(sorted(SAMPLES)), place=st.floats(0, 1), byte=st.integers(0, 255))
def test_one_corrupted_byte_gives_sets_or_a_reason(kind: str, place: float, byte: int) -> None:
    text = SAMPLES[kind]
    at = int(place * (len(text) - 1))
    with contextlib.suppress(BadInput):
        result = parse_elements(text[:at] + chr(byte) + text[at + 1 :])
        assert len(result.sets) + len(result.problems) + result.duplicates >= 1
        assert all(p.reason for p in result.problems)


_LEAF = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12)


@given(st.fixed_dictionaries({k: _LEAF | st.just(v) | st.lists(_LEAF, max_size=2) for k, v in DELTA.items()}))
def test_any_values_under_omm_keywords_give_a_set_or_a_reason(fields: dict[str, Any]) -> None:
    result = parse_elements(json.dumps([fields, OTHER]))
    assert len(result.sets) + len(result.problems) + result.duplicates == 2


def test_the_kind_is_seen_from_the_first_line() -> None:
    assert {kind: sniff(text) for kind, text in SAMPLES.items()} == {k: k for k in SAMPLES}
    assert sniff(TLE) == "tle"
