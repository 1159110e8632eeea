"""What looks like a mistake in a scenario is told, and what contradicts itself is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from openleo.base.errors import BadInput
from openleo.scenario import builtin_names, load_scenario, scenario_from
from openleo.scenario.remarks import CROWDED
from openleo.scenario.world import compile_world

START = datetime(2026, 3, 1, tzinfo=UTC)
CIVIL = {"name": "civil", "count": 60, "country": "UA"}
WEST_PACIFIC = [[170, 10], [171, 10], [171, 11]]


def made(folder=None, **more):
    document = {
        "name": "mine",
        "start": START,
        "end": START + timedelta(hours=1),
        "constellation": {"use": "kuiper-630"},
        "gateways": {"include": ["Wola Krobowska"]},
        "terminals": [CIVIL],
        **more,
    }
    return scenario_from(document, origin="mine", folder=folder)


def warnings(folder=None, **more) -> list[str]:
    return [detail for detail, _ in compile_world(made(folder, **more)).warnings]


def switched(**shape):
    return {"areas": [{"name": "a", **shape}], "switches": [{"area": "a"}]}


def circle(latitude_deg, longitude_deg):
    return {"circle": {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg, "radius_km": 60}}


IN_KYIV = {"place": "points", "points": [[50.45, 30.52]]}


@pytest.mark.parametrize("name", builtin_names())
def test_the_built_in_scenarios_have_nothing_that_looks_like_a_mistake(name):
    assert compile_world(load_scenario(name)).warnings == ()


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("an outline as [lat, lon]", switched(outline=[[50, 30], [51, 30], [51, 31], [50, 31]]), "swapped"),
        ("a circle exchanged", switched(**circle(30.5, 50.5)), "area 'a' looks swapped"),
        ("a switch where nobody is", switched(outline=WEST_PACIFIC), "no terminal is in area 'a'"),
        (
            "a blackout where nobody is",
            {"areas": [{"name": "a", "outline": WEST_PACIFIC}], "faults": [{"kind": "power", "area": "a"}]},
            "fault power-1 does nothing: no terminal is in area 'a'",
        ),
        (
            "points at sea",
            {"terminals": [{"place": "points", "points": [[-22.9, 50.0], [-22.8, 50.5]]}]},
            "",
        ),
        (
            "points at sea that would be on land",
            {"terminals": [{"place": "points", "points": [[18.0, -33.0], [19.0, -33.5]]}]},
            "terminals[0].points: every point is at sea",
        ),
        ("a city in one cell", {"terminals": [{**IN_KYIV, "count": CROWDED + 1}]}, "has 10,001 terminals"),
        ("a busy cell", {"terminals": [{**IN_KYIV, "count": CROWDED}]}, ""),
        ("an area that is right", {"terminals": [IN_KYIV], **switched(**circle(50.5, 30.5))}, ""),
    ],
)
def test_what_looks_like_a_mistake_is_told(name, more, said):
    told = warnings(**{"terminals": [IN_KYIV], **more})
    assert len(told) == bool(said), name
    assert said in "".join(told)


def test_an_area_that_groups_are_kept_out_of_may_be_empty():
    assert warnings(terminals=[{**CIVIL, "outside": ["a"]}], **switched(**circle(46.6, 32.6))) == []


def test_an_area_that_only_moving_terminals_cross_is_not_empty():
    way = {"waypoints": [[50.0, 30.0], [50.0, 32.0]], "speed_kmh": 200.0, "repeat": "once"}
    cars = {"place": "track", "count": 2, "kind": "in-motion", "tracks": [way]}
    far = {"circle": {"latitude_deg": 50.0, "longitude_deg": 31.5, "radius_km": 30}}
    assert warnings(terminals=[cars], **switched(**far)) == []


@pytest.mark.parametrize(
    "group",
    [
        {"place": "points", "points": [[30.52, 50.45], [32.6, 46.6]], "country": "UA"},
        {
            "place": "track",
            "count": 1,
            "kind": "in-motion",
            "country": "UA",
            "tracks": [{"waypoints": [[30.5, 50.4], [31.5, 50.4]], "speed_kmh": 50.0}],
        },
    ],
)
def test_points_that_are_in_their_country_only_when_exchanged_are_refused(group):
    with pytest.raises(BadInput, match="looks swapped") as caught:
        compile_world(made(terminals=[group]))
    assert "[latitude, longitude], such as [50.4" in caught.value.hint


OMM = (
    "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,"
    "MEAN_ANOMALY,EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,"
    "MEAN_MOTION_DOT,MEAN_MOTION_DDOT\n"
)


def write_fleet(path, *, maker="STARLINK", wrong=(), nameless=()):
    motion = 14.8 if maker == "KUIPER" else 15.06  # above the height at which each maker's serve
    rows = [
        f"{'' if i in nameless else f'{maker}-{4000 + i}'},2022-001A,2026-03-01T00:00:00.000000,{motion},"
        f"0.0001,{953.2 if i in wrong else 53.2},{90 * (i // 12)},0.0,{30 * (i % 12)},0,U,{50000 + i},"
        "999,1,0.0001,0,0"
        for i in range(48)
    ]
    path.write_text(OMM + "\n".join(rows) + "\n")


def test_a_damaged_file_of_elements_is_used_and_what_was_left_out_is_told(tmp_path):
    write_fleet(tmp_path / "fleet.csv", wrong=range(5), nameless=(7, 8))
    out, nameless = warnings(tmp_path, constellation={"use": "fleet.csv"})
    assert out.startswith("fleet.csv: ")  # without its folder: manifests do not tell where a file lay
    assert "5 records were left out, 43 are used: line 2: inclination 953.2" in out
    assert out.endswith("; and 2 more")
    assert "2 of 43 satellites have no name (catalogue numbers 50007, 50008)" in nameless


def test_a_whole_file_of_elements_gives_no_warning(tmp_path):
    write_fleet(tmp_path / "fleet.csv")
    assert warnings(tmp_path, constellation={"use": "fleet.csv"}) == []


def test_another_makers_satellites_over_starlinks_gateways_are_told(tmp_path):
    write_fleet(tmp_path / "fleet.csv", maker="KUIPER")
    (told,) = warnings(tmp_path, constellation={"use": "fleet.csv"})
    assert "the satellites are Kuiper's" in told


def test_a_built_in_far_from_its_date_is_told():
    (told,) = warnings(constellation={"use": "starlink-2022-10"})
    assert "starlink-2022-10 is the fleet of 2022-10-07, 1241 days from 2026-03-01" in told
