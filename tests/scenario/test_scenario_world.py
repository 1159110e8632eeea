"""A scenario compiles into arrays that agree with what the file says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openleo.base.clock import first_slot_from, to_datetime64
from openleo.base.errors import BadInput
from openleo.policy import DisablementCode
from openleo.scenario import load_scenario, scenario_from
from openleo.scenario.world import compile_world

START = datetime(2026, 3, 1, tzinfo=UTC)
KYIV = {"name": "kyiv", "circle": {"latitude_deg": 50.45, "longitude_deg": 30.52, "radius_km": 25.0}}


def made(folder=None, **more):
    document = {
        "name": "mine",
        "start": START,
        "end": START + timedelta(hours=1),
        "seed": 1,
        "constellation": {"use": "kuiper-630"},
        "gateways": {"include": ["Wola Krobowska", "Kaunas"]},
        "pops": {"include": ["Warsaw", "Frankfurt"], "home": {"UA": "Warsaw"}},
        "terminals": [{"name": "civil", "count": 60, "country": "UA"}],
        **more,
    }
    return scenario_from(document, origin="mine", folder=folder)


def world(folder=None, **more):
    return compile_world(made(folder, **more))


def refusal(**more) -> BadInput:
    with pytest.raises(BadInput) as caught:
        world(**more)
    return caught.value


def small(name):
    """The built-in with few terminals, so that it compiles in a moment."""
    scenario = load_scenario(name)
    changes = {f"terminals.{g.name}.count": max(2, g.count // 500) for g in scenario.terminals}
    changes |= {f"background.{b.name}.terminals": 200 for b in scenario.background}
    changes |= {f"terminals.{g.name}.cells": 50 for g in scenario.terminals if g.cells}
    return scenario.with_changes(changes=changes)


ASSUMPTIONS = [
    (name, assumption.id)
    for name in ("ukraine-2022", "planet", "kuiper-630")
    for assumption in load_scenario(name).assumptions
]


@pytest.mark.parametrize(("name", "assumption"), ASSUMPTIONS)
def test_each_assumption_of_a_built_in_can_be_switched_and_it_still_compiles(name, assumption):
    scenario = small(name)
    enabled = {a.id: a.enabled for a in scenario.assumptions}[assumption]
    way = {"without": [assumption]} if enabled else {"with_": [assumption]}
    off = scenario.with_changes(**way)
    assert off.in_force().model_dump() != scenario.in_force().model_dump()
    assert len(compile_world(off).terminals) > 0


def test_ukraine_2022_holds_what_its_summary_says():
    w = compile_world(load_scenario("ukraine-2022"))
    assert len(w.terminals) == 25_000
    assert int(w.background.count.sum()) == 100_000
    assert (w.terminals.track >= 0).sum() == len(w.tracks) == 660
    assert w.first_slot == first_slot_from(to_datetime64(datetime(2022, 10, 7, tzinfo=UTC)))
    assert w.slot_count == 5760
    codes, rules = w.rules_at(w.first_slot).decide(w.subjects())
    assert set(np.unique(codes)) == {DisablementCode.OKAY, DisablementCode.CELL_IS_DISABLED}
    assert {w.rules_timeline[0][1].rule_ids[r] for r in np.unique(rules)} >= {"switch/belt-kherson-off"}
    (lost,) = [fault for fault in w.faults if fault.kind == "gateway"]
    assert w.gateways.name[lost.gateways[0]] == "Wola Krobowska"
    crimea = np.isin(w.terminal_cell, w.areas["crimea"])
    assert not crimea.any()


def test_the_same_scenario_compiles_to_the_same_world_and_another_seed_to_another():
    one, same, other = world(), world(), compile_world(made().with_changes(seed=2))
    np.testing.assert_array_equal(one.terminals.latitude_deg, same.terminals.latitude_deg)
    assert not np.array_equal(one.terminals.latitude_deg, other.terminals.latitude_deg)


def test_a_group_does_not_depend_on_the_groups_before_it():
    civil = {"name": "civil", "count": 60, "country": "UA"}
    alone, second = world(), world(terminals=[{"name": "first", "count": 7, "country": "PL"}, civil])
    np.testing.assert_array_equal(alone.terminals.longitude_deg, second.terminals.longitude_deg[7:])


def test_terminals_by_population_stay_in_their_country_and_out_of_areas():
    w = world(areas=[KYIV], terminals=[{"count": 200, "country": "UA", "outside": ["kyiv"]}])
    here = {w.country_names[c] if c >= 0 else "sea" for c in w.terminal_country}
    assert here <= {"UA", "sea"}  # the cell of a port may be mostly water
    assert not np.isin(w.terminal_cell, w.areas["kyiv"]).any()


def test_terminals_inside_an_area_are_inside_it():
    w = world(areas=[KYIV], terminals=[{"count": 30, "country": "UA", "inside": ["kyiv"]}])
    assert np.isin(w.terminal_cell, w.areas["kyiv"]).all()


def test_terminals_on_land_use_no_more_cells_than_asked():
    w = world(terminals=[{"place": "land", "count": 300, "countries": ["PL", "UA"], "cells": 20}])
    assert len(np.unique(w.terminal_cell)) == 20


def test_terminals_in_cities_are_in_the_most_populous():
    w = world(terminals=[{"place": "cities", "count": 3, "country": "UA"}])
    assert [round(lat) for lat in w.terminals.latitude_deg] == [50, 50, 46]  # Kyiv, Kharkiv, Odesa


def test_points_repeat_up_to_the_count():
    w = world(terminals=[{"place": "points", "points": [[50, 30], [49, 24]], "count": 3}])
    assert w.terminals.latitude_deg.tolist() == [50, 49, 50]


def test_roaming_terminals_stay_in_their_area_all_day():
    block = {"place": "roam", "count": 5, "kind": "in-motion", "inside": ["kyiv"], "speed_kmh": 40.0}
    w = world(areas=[KYIV], terminals=[block])
    times = to_datetime64(START) + np.arange(0, 3600, 60) * np.timedelta64(1, "s")
    latitude, longitude, speed = w.tracks.at(times)
    from openleo.ground.cells import cell_of

    assert np.isin(cell_of(latitude, longitude), w.areas["kyiv"]).all()
    np.testing.assert_allclose(speed, 40 / 3.6, rtol=1e-6)


def test_terminals_on_a_track_share_it():
    way = {"waypoints": [[50.0, 30.0], [50.0, 31.0]], "speed_kmh": 60.0, "repeat": "back-and-forth"}
    fixed = {"place": "points", "points": [[50, 30]]}
    block = {"name": "cars", "place": "track", "count": 4, "kind": "in-motion", "tracks": [way]}
    w = world(terminals=[{**block, "name": "first"}, fixed, block])
    assert w.terminals.track.tolist() == [0, 1, 2, 3, -1, 4, 5, 6, 7]
    assert ((w.terminals.longitude_deg >= 30) & (w.terminals.longitude_deg <= 31)).all()


def test_terminals_from_a_file_belong_to_the_groups_account_unless_they_say(tmp_path):
    (tmp_path / "mine.csv").write_text("id,latitude,longitude,account\na,50,30,\nb,49,24,aid\n")
    w = world(tmp_path, terminals=[{"name": "f", "file": "mine.csv", "account": "own"}])
    assert [w.account_names[a] for a in w.terminals.account] == ["own", "aid"]


def test_a_share_of_a_group_has_batteries_and_trees_in_the_view():
    block = {"count": 2000, "country": "UA", "backup_hours": 4, "backup_share": 0.25, "obstructed_share": 0.1}
    w = world(terminals=[block, {"name": "b", "count": 9, "country": "UA", "mask": "tree-line"}])
    assert 0.2 < (w.terminals.backup_hours[:2000] == 4).mean() < 0.3
    assert 0.07 < (w.terminals.mask[:2000] >= 0).mean() < 0.13
    assert (w.terminals.mask[2000:] >= 0).all()
    assert w.terminals.mask.max() == len(w.masks) - 1
    assert all("tree-line" in w.masks.name[m] for m in w.terminals.mask[2000:])


def test_home_pops_are_the_countrys_or_the_nearest():
    point = {"place": "points", "points": [[50.1, 8.6], [52.2, 21.0]]}
    w = world(
        terminals=[{"name": "ua", "count": 3, "country": "UA"}, point],
        background=[{"countries": ["LU"], "terminals": 5}],
    )
    assert [w.pops.name[p] for p in w.terminal_home_pop[3:]] == ["Frankfurt", "Warsaw"]
    assert {w.pops.name[p] for p in w.terminal_home_pop[:3]} == {"Warsaw"}
    assert {w.pops.name[p] for p in w.background.home_pop} == {"Frankfurt"}


def test_other_users_share_the_fullest_cells_where_cells_are_limited():
    block = {"countries": ["PL", "UA"], "terminals": 500}
    free = world(background=[block]).background
    held = world(background=[{**block, "cells": 20}]).background
    assert (len(held), int(held.count.sum()), int(free.count.sum())) == (20, 500, 500)
    assert np.isin(held.cells, free.cells[free.count >= np.sort(free.count)[-20]]).all()


def test_own_gateways_and_antennas_join_the_table():
    extra = {"name": "Mine", "country": "UA", "latitude_deg": 49.0, "longitude_deg": 31.0, "antennas": 3}
    w = world(gateways={"include": ["Kaunas"], "antennas": 4, "extra": [extra]})
    assert (w.gateways.name, w.gateways.antennas.tolist()) == (("Kaunas", "Mine"), [4, 3])


@pytest.mark.parametrize(
    ("more", "said", "hinted"),
    [
        ({"gateways": {"include": ["Wola Krobovska"]}}, "gateways.include", "Wola Krobowska"),
        ({"gateways": {"include": ["Conrad"]}}, "gateways.include", "'Conrad, MT'"),
        ({"gateways": {"include": ["Xyzzy"]}}, "gateways.include", "openleo sites gateways"),
        ({"gateways": {"countries": ["UK"]}}, "'UK'", "GB"),
        (
            {"gateways": {"countries": ["UA"]}},
            "gateways.countries: there is no gateway in country 'UA'",
            "known",
        ),
        (
            {"faults": [{"kind": "gateway", "target": "Muallim"}]},
            "Muallim exists, but gateways.include leaves it out",
            'add "Muallim"',
        ),
        (
            {"gateways": {}, "faults": [{"kind": "gateway", "target": "Foggia"}]},
            "Foggia exists (planned), but the scenario leaves it out",
            "gateways.include",
        ),
        ({"pops": {"include": ["Warsaw"], "home": {"UA": "Frankfurt"}}}, "pops.include leaves it out", "add"),
        ({"gateways": {"include": ["Kaunas", "Kaunas"]}}, "twice", "once"),
        ({"gateways": {"include": ["Kaunas"], "exclude": ["Kaunas"]}}, "no gateway", "gateways"),
        ({"pops": {"home": {"UA": "Warszawa"}}}, "pops.home.UA", "Warsaw"),
        ({"pops": {"include": ["Frankfort"]}}, "pops.include", "Frankfurt"),
        ({"constellation": {"use": "kuiper"}}, "constellation.use", "kuiper-630"),
        ({"countries": {"served": ["ZZ"]}}, "ZZ", "known"),
        ({"terminals": [{"count": 1, "country": "ZZ"}]}, "terminals[0].country: no land", "known"),
        ({"areas": [{"name": "a", "country": "ZZ"}]}, "areas[0].country", "known"),
        ({"areas": [{"name": "a", "cells": ["xyz"]}]}, "'a'", "H3"),
        ({"areas": [{"name": "a", "outline": [[30, 50], [30.01, 50], [30, 50.01]]}]}, "no cell", "larger"),
        ({"end": START + timedelta(seconds=5)}, "no slot", "15 s"),
        ({"terminals": [{"name": "f", "file": "none.csv"}]}, "'f'", "path"),
        ({"terminals": [{"name": "f", "mask": "tree", "count": 1, "country": "UA"}]}, "'tree'", "tree-line"),
        ({"faults": [{"kind": "gateway", "target": "Kaunus"}]}, "faults[0].target", "Kaunas"),
        (
            {"faults": [{"kind": "satellite", "target": "51.9-630/p00/s0"}]},
            "faults[0].target",
            "51.9-630/p00",
        ),
        ({"faults": [{"kind": "plane", "target": "51.9-630"}]}, "faults[0].target", "/p00"),
        ({"faults": [{"kind": "plane", "target": "51.9-630/p34"}]}, "no plane 34", "0 to 33"),
        ({"faults": [{"kind": "shell", "target": "51.9-63"}]}, "faults[0].target", "51.9-630"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(more, said, hinted):
    error = refusal(**more)
    assert said in error.detail
    assert hinted in error.hint


def test_a_country_that_no_land_is_known_for_is_told_with_its_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "m"\nstart = 2026-03-01T00:00:00Z\nend = 2026-03-01T01:00:00Z\n'
        'constellation.use = "kuiper-630"\n[[terminals]]\ncount = 1\ncountry = "UA"\n'
        '[countries]\nserved = ["UA", "ZZ"]\n'
    )
    with pytest.raises(
        BadInput, match=r"mine.toml: line 9: countries.served\[1\]: no land is known for 'ZZ'"
    ):
        compile_world(load_scenario(path).with_changes(seed=3))


def test_real_elements_of_another_date_give_a_warning(test_data):
    old = str(test_data / "orbits" / "kuiper_2026-08-22.tle")
    w = world(constellation={"use": old})
    assert "more than 3 days" in w.warnings[0][0]


def test_made_elements_give_no_warning():
    assert world().warnings == ()
