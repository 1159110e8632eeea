"""What is read off real element sets: shells, who serves, planes, equipment, ages."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openleo.orbits.constellation import (
    constellation_from_sets,
    element_ages_days,
    median_epoch,
    stale_elements_warning,
)
from openleo.orbits.elements import ElementSets, read_elements
from openleo.orbits.secular import altitude_m, latitude_argument_at_rad, raan_at_rad
from openleo.orbits.walker import walker_delta

EPOCH = np.datetime64("2022-10-07T00:00:00", "ns")


def walker(
    height_km: float, inclination_deg: float, planes: int, each: int, name: str, first: int = 1000
) -> ElementSets:
    sets = walker_delta(
        total=planes * each,
        planes=planes,
        phasing=0.5,
        inclination_rad=np.radians(inclination_deg),
        altitude_m=height_km * 1000.0,
        epoch=EPOCH,
    )
    return replace(sets, name=tuple(f"{name}-{first + i}" for i in range(len(sets))))


def made_up() -> ElementSets:
    """Two shells of one inclination, seven satellites climbing between and below, one piece of debris."""
    low = walker(540, 53.2, 6, 10, "STARLINK", 3000)
    high = walker(548, 53.06, 8, 9, "STARLINK", 1000)
    climbing = [walker(h, 53.2, 1, 1, "STARLINK", 4000 + h) for h in (350, 380, 420, 470, 500, 515, 528)]
    debris = replace(walker(540, 53.2, 1, 1, "X"), name=("FALCON 9 DEB",))
    return ElementSets.join([low, high, *climbing, debris])


def test_shells_8_km_apart_are_told_apart_and_climbing_satellites_do_not_serve() -> None:
    c = constellation_from_sets(made_up(), name="made-up", source="test")
    assert [s.name for s in c.shells] == ["53.2-540", "53.1-548"]
    assert [int((c.shell == i).sum()) for i in (0, 1)] == [60, 72]
    assert [s.planes for s in c.shells] == [6, 8]
    assert int((c.shell < 0).sum()) == 7
    assert len(c) == 139, "the debris is dropped"
    assert any("debris" in note for note in c.notes)


def test_planes_are_those_the_constellation_was_built_with_in_order_of_flight() -> None:
    c = constellation_from_sets(made_up(), name="made-up", source="test")
    phase = latitude_argument_at_rad(c.sets, c.epoch)
    for plane in range(6):
        members = np.flatnonzero((c.shell == 0) & (c.plane == plane))
        assert members.tolist() == list(range(plane * 10, plane * 10 + 10))
        along = members[np.argsort(c.plane_slot[members])]
        assert (np.diff(phase[along]) > 0).all()


def test_lasers_and_generations_follow_the_satellite_number() -> None:
    c = constellation_from_sets(made_up(), name="made-up", source="test")
    assert c.has_laser[c.shell == 0].all()
    assert not c.has_laser[c.shell == 1].any()
    assert set(c.generation[c.shell == 0]) == {15}
    assert set(c.generation[c.shell == 1]) == {1}


def test_direct_to_cell_satellites_serve_below_the_floor_but_not_dishes() -> None:
    dtc = walker(360, 53.2, 4, 10, "STARLINK", 11000)
    dtc = replace(dtc, name=tuple(f"{n} [DTC]" for n in dtc.name))
    other = walker(360, 53.2, 4, 1, "STARLINK", 31000)
    c = constellation_from_sets(ElementSets.join([dtc, other]), name="dtc", source="test")
    assert (c.shell[:40] == 0).all()
    assert not c.has_ku[:40].any()
    assert (c.shell[40:] == -1).all()


def test_a_launch_train_is_not_a_shell() -> None:
    train = walker(450, 53.2, 1, 200, "STARLINK", 5000).take(np.arange(40))
    c = constellation_from_sets(
        ElementSets.join([train, walker(540, 53.2, 6, 10, "STARLINK", 3000)]), name="t", source="test"
    )
    assert (c.shell[:40] == -1).all()
    assert (c.shell[40:] == 0).all()


def test_the_in_service_band_holds_every_satellite_of_its_shell() -> None:
    c = constellation_from_sets(made_up(), name="made-up", source="test")
    heights = altitude_m(c.sets)
    for i, shell in enumerate(c.shells):
        mine = heights[c.shell == i]
        assert (mine >= shell.in_service_low_m).all()
        assert (mine <= shell.in_service_high_m).all()


def test_old_elements_are_told_with_the_worst_and_what_to_do() -> None:
    sets = made_up()
    epoch = sets.epoch.copy()
    epoch[5] -= np.timedelta64(41, "D")
    c = constellation_from_sets(replace(sets, epoch=epoch), name="made-up", source="test")
    assert element_ages_days(c, EPOCH)[5] == pytest.approx(41.0)
    warning = stale_elements_warning(c, EPOCH)
    assert warning is not None
    detail, hint = warning
    assert detail == (
        "1 of 132 element sets are more than 3 days from 2022-10-07T00:00:00Z (worst: STARLINK-3005, 41 days)"
    )
    assert "--at-epoch" in hint
    assert stale_elements_warning(c, EPOCH, max_age_days=60.0) is None


def test_elements_from_after_the_scenario_count_as_far_away_too() -> None:
    c = constellation_from_sets(made_up(), name="made-up", source="test")
    assert stale_elements_warning(c, EPOCH - np.timedelta64(10, "D")) is not None


def test_the_median_epoch_is_exact_to_the_microsecond() -> None:
    assert median_epoch(made_up()) == EPOCH


def test_nodes_and_phases_carried_forward_are_where_sgp4_puts_them() -> None:
    from openleo.orbits.propagation import Propagator

    sets = walker(540, 53.2, 6, 10, "STARLINK", 3000)
    at = EPOCH + np.timedelta64(30, "D")
    position = Propagator(sets).teme_m(np.array([at]))[0]
    raan, phase = raan_at_rad(sets, at), latitude_argument_at_rad(sets, at)
    c, s, i = np.cos(phase), np.sin(phase), sets.inclination_rad
    expected = np.stack(
        [
            c * np.cos(raan) - s * np.cos(i) * np.sin(raan),
            c * np.sin(raan) + s * np.cos(i) * np.cos(raan),
            s * np.sin(i),
        ],
        axis=-1,
    )
    unit = position / np.linalg.norm(position, axis=1, keepdims=True)
    assert np.degrees(np.linalg.norm(unit - expected, axis=1)).max() < 0.15  # short-period terms: 10 to 15 km


@pytest.mark.parametrize(
    ("file", "in_service", "shells"),
    [
        ("orbits/starlink_2022-09-14.tle", 2498, {"53.2-540", "53.1-547", "70.0-570", "97.7-560"}),
        ("orbits/starlink_2022-12-01.tle", 2963, {"53.2-540", "53.1-547", "70.0-570", "97.7-560"}),
        ("orbits/starlink_2026-08-22.tle", 10131, {"43.0-485", "53.2-463", "70.0-570", "97.3-462"}),
        ("orbits/oneweb_2022-09-14.tle", 369, {"87.9-1207"}),
        ("orbits/kuiper_2026-08-22.tle", 309, {"51.9-630"}),
        ("performance/satinview_ucl_2024-07-17/elements.tle.gz", 5910, {"53.2-540", "53.1-547", "43.0-561"}),
    ],
)
def test_real_files_yield_the_shells_seen_in_them(
    test_data: Path, file: str, in_service: int, shells: set[str]
) -> None:
    c = constellation_from_sets(read_elements(test_data / file).sets, name="real", source=file)
    assert int(c.in_service.sum()) == in_service
    assert shells <= {s.name for s in c.shells}


def test_serving_satellites_seen_from_louvain_are_nearly_all_in_service(test_data: Path) -> None:
    """288 of the 292 satellites that SatInView matched as serving in July 2024 lie in a band found here."""
    import csv
    import gzip

    folder = test_data / "performance/satinview_ucl_2024-07-17"
    c = constellation_from_sets(read_elements(folder / "elements.tle.gz").sets, name="real", source="file")
    serves = dict(zip(c.sets.name, c.in_service, strict=True))
    with gzip.open(folder / "serving_satellite.csv.gz", "rt", encoding="utf-8") as rows:
        seen = {row["Connected_Satellite"] for row in csv.DictReader(rows)}
    known = [serves[name] for name in seen if name in serves]
    assert (sum(known), len(known)) == (288, 292)
