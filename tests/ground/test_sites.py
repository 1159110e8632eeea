"""Sites: the built-in gateways and points of presence, and a user's own."""

import csv
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.ground.frames import great_circle_m
from openleo.ground.sites import Gateways, load_gateways, load_pops

KYIV_RAD = np.radians([50.4501, 30.5234])


@pytest.fixture(scope="module")
def gateways() -> Gateways:
    return load_gateways()


def test_the_nearest_live_gateways_to_kyiv_are_the_ones_known(gateways):
    live = gateways.take(gateways.live_at())
    distance_m = great_circle_m(*KYIV_RAD, np.radians(live.latitude_deg), np.radians(live.longitude_deg))
    nearest = [live.name[i] for i in np.argsort(distance_m)[:5]]
    assert nearest[:3] == ["Kaunas", "Wola Krobowska", "Muallim"]
    assert set(nearest[3:]) == {"Aerzen", "Usingen"}


def test_a_site_drawn_live_but_said_not_to_stand_is_not_live(gateways):
    foggia = gateways.index_of("Foggia")
    assert gateways.status[foggia] == "planned"
    assert foggia not in gateways.live_at()
    assert "not to stand" in gateways.note[foggia]


def test_most_live_sites_have_eight_antennas(gateways):
    live = gateways.take(gateways.live_at())
    assert 140 <= len(live) <= 151
    assert np.median(live.antennas) == 8
    assert gateways.antennas[gateways.index_of("Elfordstown")] == 4
    assert np.degrees(gateways.min_elevation_rad[gateways.index_of("nome, ak")]) == pytest.approx(5)


def test_every_row_of_ours_is_ascii_sourced_and_valid(gateways):
    pops = load_pops()
    for table in (gateways, pops):
        assert all(name.isascii() for name in table.name)
        assert all(len(code) == 2 for code in table.country)
        assert all(source for source in table.source)
        assert set(table.confidence) <= {"high", "medium", "low"}
        assert len(set(table.name)) == len(table)
    assert set(gateways.status) <= {"live", "built", "planned", "unknown"}
    assert "TT&C" not in " ".join(gateways.name)


@pytest.mark.parametrize(
    ("name", "code", "country"),
    [
        ("Warsaw", "wrswpol1", "PL"),
        ("Frankfurt", "frntdeu1", "DE"),
        ("London", "lndngbr1", "GB"),
        ("Sofia", "sfiabgr1", "BG"),
        ("Seattle", "sttlwax1", "US"),
    ],
)
def test_points_of_presence_go_by_name_and_by_code(name, code, country):
    pops = load_pops()
    assert pops.index_of(name) == pops.index_of(code) == pops.index_of(name.upper())
    assert pops.country[pops.index_of(name)] == country


def test_ships_stages_and_plans_are_no_points_of_presence():
    pops = load_pops()
    assert not [code for code in pops.code if "ship" in code or "rdmd" in code]
    assert "Karachi" not in pops.name
    assert pops.known_by[pops.index_of("Frankfurt")] == date(2023, 10, 10)
    assert pops.known_by[pops.index_of("Warsaw")] is None


def test_unknown_names_are_answered_with_near_ones(gateways):
    with pytest.raises(BadInput, match="no gateway is called 'Kaunass'") as error:
        gateways.index_of("Kaunass")
    assert "Kaunas" in error.value.hint
    with pytest.raises(BadInput) as error:
        load_pops().index_of("Warszaw")
    assert "Warsaw" in error.value.hint
    with pytest.raises(BadInput, match="country 'XX'"):
        gateways.in_countries(["PL", "XX"])


def test_taking_keeps_rows_together(gateways):
    chosen = gateways.take([gateways.index_of("Kaunas"), gateways.index_of("Muallim")])
    assert chosen.name == ("Kaunas", "Muallim")
    assert chosen.country == ("LT", "TR")
    assert chosen.itrs_m.shape == (2, 3)
    assert chosen.latitude_deg[0] == pytest.approx(54.88)
    assert gateways.take(np.array(gateways.country) == "PL").name == ("Wola Krobowska",)
    assert [gateways.name[i] for i in gateways.in_countries(["lt", "tr"])] == ["Kaunas", "Muallim"]
    assert len(gateways.take([])) == 0


def test_a_known_start_keeps_a_gateway_out_of_earlier_days(tmp_path):
    file = tmp_path / "g.csv"
    file.write_text("name,latitude_deg,longitude_deg,live_from\nA,1,2,2022-10-08\nB,3,4,\n")
    table = load_gateways(file)
    assert table.live_at(date(2022, 10, 7)).tolist() == [1]
    assert table.live_at(date(2022, 10, 8)).tolist() == [0, 1]


def test_a_file_of_ones_own_needs_little(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(
        "\ufeff# our sites\nName, latitude_deg ,longitude_deg,country\n\nLviv,49.84,24.03,ua\n",
        encoding="utf-8",
    )
    gateways, pops = load_gateways(file), load_pops(file)
    assert (gateways.name, gateways.country, gateways.source) == (("Lviv",), ("UA",), ("assumed",))
    assert gateways.antennas.tolist() == [8]
    assert np.degrees(gateways.min_elevation_rad) == pytest.approx([25])
    assert gateways.status == ("live",)
    assert pops.code == ("Lviv",)


HEADER = "name,latitude_deg,longitude_deg,country,antennas,status,live_from,min_elevation_deg\n"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("name,lat\nA,1\n", "line 1: column latitude_deg is missing", "needed"),
        ("name,latitude_deg,longitude_deg,antenas\nA,1,2,3\n", "unknown column 'antenas'", "antennas"),
        (HEADER + "A,1,2,UA\nB,91,2,UA\n", "line 3, column latitude_deg: '91'", "-90 to 90"),
        (HEADER + "A,1,\n", "line 2, column longitude_deg: ''", "-180 to 180"),
        (HEADER + 'A,"1,5",2\n', "column latitude_deg: '1,5'", "point"),
        (HEADER + "A,nan,2\n", "column latitude_deg: 'nan'", "number"),
        (HEADER + "A,1,2,Ukraine\n", "column country: 'Ukraine'", "two letters"),
        (HEADER + "A,1,2,UA,0\n", "column antennas: '0'", "1 to 1000"),
        (HEADER + "A,1,2,UA,2.5\n", "column antennas: '2.5'", "whole"),
        (HEADER + "A,1,2,UA,8,alive\n", "column status: 'alive'", "live, built"),
        (HEADER + "A,1,2,UA,8,live,7.10.2022\n", "column live_from: '7.10.2022'", "2022-10-07"),
        (HEADER + "A,1,2,UA,8,live,,95\n", "column min_elevation_deg: '95'", "0 to 90"),
        (HEADER + ",1,2\n", "line 2, column name", "name"),
        (HEADER + "A,1,2\na,3,4\n", "line 3, column name: 'a' is on line 2 already", "own"),
        (HEADER + "Conrad, MT,1,2,US,8,live,,25\n", "line 2 has 9 columns; its header has 8", "quotes"),
        (HEADER, "has 0 sites", "header"),
        ("", "has 0 sites", "header"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line_and_the_fix(tmp_path, text, says, hint):
    file = tmp_path / "g.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=r"g\.csv") as error:
        load_gateways(file)
    assert says in error.value.detail
    assert hint in error.value.hint


def test_a_file_that_is_not_there_or_not_text_is_said_so(tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        load_gateways(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"name\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_pops(tmp_path / "binary.csv")


def test_our_table_holds_facts_and_no_copied_remark(test_data: Path):
    """The source's remarks must not be in ours; its positions must agree to our rounding."""
    with (test_data / "gateways" / "starlink_gateways_pops_2023-10-10.csv").open() as file:
        rows = list(csv.DictReader(file))
    gateways = load_gateways()
    ours = " ".join(gateways.note)
    assert not [row["notes"] for row in rows if len(row["notes"]) > 3 and row["notes"] in ours]
    kaunas = next(row for row in rows if row["name"].startswith("Kaunas"))
    here = gateways.index_of("Kaunas")
    assert gateways.latitude_deg[here] == round(float(kaunas["lat"]), 2)
    assert gateways.longitude_deg[here] == round(float(kaunas["lon"]), 2)


def test_our_tables_are_sorted_by_country_and_name(gateways):
    keys = list(zip(gateways.country, gateways.name, strict=True))
    assert all(a < b for a, b in pairwise(keys))
