"""Reading kits from the files that spreadsheets make."""

import pytest

from openleo.base.errors import BadInput
from openleo.fleet.kit_file import read_kits
from openleo.fleet.kits import Kit

UT = "ut01000000-00000000-00270e41"


def kits_of(text: str | bytes, **how: str) -> list[Kit]:
    data = text.encode() if isinstance(text, str) else text
    read = read_kits(data, "kits.csv", **how)
    assert read.bad == ()
    return list(read.kits.values())


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Kit", "kit"), ("KIT No.", "kit"), ("kit_number", "kit"), ("Kit Serial Number", "kit"),
        ("UT ID", "terminal"), ("Terminal ID", "terminal"), ("userTerminalId", "terminal"),
        ("Starlink Identifier", "terminal"), ("Serial Number", "serial"), ("S/N", "serial"),
        ("DISH SERIAL", "serial"),
    ],
)  # fmt: skip
def test_headings_that_name_a_kit_are_understood_in_many_spellings(heading: str, column: str) -> None:
    [kit] = kits_of(f"{heading}\nX12345\n")
    assert getattr(kit, column) == "X12345"


@pytest.mark.parametrize(
    ("heading", "column"),
    [("Site name", "site"), ("Location", "site"), ("Account number", "account"), ("Held by", "holder"),
     ("Responsible", "holder"), ("Comments", "note")],
)  # fmt: skip
def test_other_headings_are_understood_too(heading: str, column: str) -> None:
    [kit] = kits_of(f"kit,{heading}\nKIT1, Lviv  depot \n")
    assert getattr(kit, column) == "Lviv depot"


@pytest.mark.parametrize(
    "data",
    [
        "kit,site\nKIT1,Школа 5\n".encode("utf-8-sig"),
        "kit;site\r\nKIT1;Школа 5\r\n".encode(),
        "sep=;\nkit;site\nKIT1;Школа 5\n".encode(),
        "kit\tsite\nKIT1\tШкола 5\n".encode("utf-16"),
        "\n\nkit,site\n,\nKIT1,Школа 5\n,,,\n".encode(),
        'kit,site,,\n"=""KIT1""",Школа 5,,\n'.encode(),
        "kit,site\n'kit1 ,\u00a0Школа 5\u00a0\n".encode(),
    ],
    ids=[
        "bom",
        "semicolons",
        "sep line",
        "utf-16 tabs",
        "blank rows",
        "formula cells",
        "apostrophe and nbsp",
    ],
)
def test_what_spreadsheets_do_to_a_file_does_not_matter(data: bytes) -> None:
    [kit] = kits_of(data)
    assert (kit.id, kit.site) == ("KIT1", "Школа 5")


def test_a_file_of_another_encoding_is_read_when_it_is_named_and_told_when_not() -> None:
    data = "kit,site\nKIT1,Школа\n".encode("cp1251")
    with pytest.raises(BadInput, match="see line 2") as refused:
        read_kits(data, "kits.csv")
    assert "--encoding" in refused.value.hint
    assert kits_of(data, encoding="cp1251")[0].site == "Школа"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("01000000-00000000-00270E41", UT),
        (UT.upper(), UT),
        ("UT 01000000-00000000-00270e41", UT),
        ("x-1", "x-1"),
    ],
)
def test_a_terminals_id_is_told_as_dishes_tell_it(written: str, told: str) -> None:
    assert kits_of(f"terminal\n{written}\n")[0].terminal == told


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        ("48.5167,32.2667,", (48.5167, 32.2667)),
        ('"48,5167","32,2667",', (48.5167, 32.2667)),
        (',,"48.5167, 32.2667"', (48.5167, 32.2667)),
        (",,-33.9 151.2", (-33.9, 151.2)),
        (",,", (None, None)),
    ],
)
def test_positions_are_read_in_two_columns_or_one(cells: str, place: tuple[float, float]) -> None:
    [kit] = kits_of(f"kit,lat,lon,coordinates\nKIT1,{cells}\n")
    assert (kit.latitude_deg, kit.longitude_deg) == place


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",,,", None),
        ("1.00E+15,,,", "spreadsheet"),
        ("K!T,,,", "cannot be a kit number"),
        ("KIT2,95,32,", "not within 90"),
        ("KIT2,48,,", "without the other"),
        ("KIT2,north,32,", "no number"),
        ("KIT2,,,maybe", "neither yes nor no"),
        ("KIT1,,,", "stands in line 2 too"),
    ],
)
def test_a_wrong_row_is_named_with_its_line_and_reason_and_the_others_are_kept(
    row: str, reason: str | None
) -> None:
    read = read_kits(f"kit,lat,lon,critical\nKIT1,,,yes\n{row}\nKIT3,,,\n".encode(), "kits.csv")
    assert [kit.id for kit in read.kits.values()] == ["KIT1", "KIT3"]
    if reason is None:  # a blank row is nothing
        assert read.bad == ()
    else:
        [bad] = read.bad
        assert bad.line == 3
        assert reason in bad.reason


def test_a_row_after_a_cell_of_several_lines_is_named_by_its_own_line() -> None:
    read = read_kits(b'kit,note\nKIT1,"two\nlines"\nK!T,\n', "kits.csv")
    assert [bad.line for bad in read.bad] == [4]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "workbook"),
        (b"site,holder\nA,B\n", "no column of kits"),
        (b"kit,Kit No\nA,B\n", "two columns for kit"),
        (b"kit,site\n", "headings and no rows"),
        (b'kit,site\n"KIT1,A\nKIT2,B\n', "cannot be read from line 2"),
    ],
)
def test_what_is_no_list_of_kits_is_refused_with_what_to_do(data: bytes, what: str) -> None:
    with pytest.raises(BadInput, match=what) as refused:
        read_kits(data, "kits.csv")
    assert refused.value.hint


def test_headings_that_mean_nothing_are_told() -> None:
    assert read_kits(b"kit,Colour\nKIT1,red\n", "kits.csv").unknown == ("Colour",)


@pytest.mark.parametrize("row", ["A,3.80501E+11,,", 'A,"3,8E+11",,', "A,,1.23457E+15,", "A,,,250²"])
def test_numbers_that_a_spreadsheet_has_spoilt_are_refused(row: str) -> None:
    read = read_kits(f"kit,phone,account,people\n{row}\nB,+380 50 111,12e5,250\n".encode(), "kits.csv")
    assert [bad.line for bad in read.bad] == [2]
    assert [kit.id for kit in read.kits.values()] == ["B"]


@pytest.mark.parametrize(
    "written",
    ["Hauptstr.5", '"Kyiv,vul.Shevchenka"', "10.0.0.1:", "[::1", "1.2.3.4:9200:7", ":::", "[::1]9200"],
)
def test_what_is_no_address_is_no_dish_to_ask(written: str) -> None:
    read = read_kits(f"kit,address\nA,{written}\n".encode(), "kits.csv")
    assert (read.addresses, [row.line for row in read.unread]) == ({}, [2])


@pytest.mark.parametrize(
    "written",
    ["10.0.0.1", "10.0.0.1:9300", "dish.example", "dish-7:9200", "ut_1.lan", "fe80::1", "[::1]:9200"],
)
def test_addresses_and_names_are_dishes_to_ask(written: str) -> None:
    assert read_kits(f"kit,address\nA,{written}\n".encode(), "kits.csv").addresses == {2: written}


def test_an_address_that_stands_twice_is_told_also_where_one_names_the_port() -> None:
    read = read_kits(b"kit,address\nA,10.0.0.1\nB,10.0.0.1:9200\n", "kits.csv")
    assert [(row.line, "line 2 too" in row.reason) for row in read.unread] == [(3, True)]
