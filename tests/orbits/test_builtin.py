"""Constellations by name: what is built in, and how near it is to what flew."""

from pathlib import Path

import numpy as np
import pytest

from openleo.base.errors import BadInput
from openleo.orbits.builtin import builtin_names, load_constellation
from openleo.orbits.elements import read_elements
from openleo.orbits.plane_table import fill_slots
from openleo.orbits.propagation import Propagator
from openleo.orbits.secular import altitude_m, raan_at_rad

OCTOBER = np.datetime64("2022-10-07T00:00:00", "ns")
Y2K = np.datetime64("2000-01-01T00:00:00", "ns")


@pytest.mark.parametrize(
    ("name", "satellites", "shells"),
    [
        ("starlink-gen1", 4408, 5),
        ("starlink-2022-10", 2631, 4),
        ("starlink-2026", 10131, 10),
        ("kuiper-630", 1156, 1),
    ],
)
def test_each_built_in_has_the_satellites_its_page_says(name: str, satellites: int, shells: int) -> None:
    c = load_constellation(name, at=OCTOBER)
    assert (len(c), len(c.shells)) == (satellites, shells)
    assert c.in_service.all()
    assert (c.sets.epoch == OCTOBER).all()
    assert len(set(c.sets.name)) == satellites
    heights = altitude_m(c.sets)
    low = np.array([s.in_service_low_m for s in c.shells])[c.shell]
    high = np.array([s.in_service_high_m for s in c.shells])[c.shell]
    assert ((heights >= low) & (heights <= high)).all()
    assert np.isfinite(Propagator(c.sets).itrs_m(np.array([OCTOBER + np.timedelta64(1, "D")]))).all()


def test_every_built_in_is_tested_above() -> None:
    assert set(builtin_names()) == {"starlink-gen1", "starlink-2022-10", "starlink-2026", "kuiper-630"}


def test_the_same_name_and_time_give_the_same_bytes() -> None:
    a, b = (load_constellation("starlink-2022-10", at=OCTOBER) for _ in range(2))
    assert a.sets.mean_anomaly_rad.tobytes() == b.sets.mean_anomaly_rad.tobytes()


def test_october_2022_has_72_planes_of_the_first_shell_five_degrees_apart() -> None:
    c = load_constellation("starlink-2022-10", at=OCTOBER)
    first = next(i for i, s in enumerate(c.shells) if s.name == "53.1-547")
    nodes = np.degrees(c.sets.raan_rad[(c.shell == first) & (c.plane_slot == 0)])
    steps = np.bincount(np.round((nodes - nodes[0]) / 5.0).astype(int) % 72, minlength=72)
    assert (steps > 0).all()


def test_october_2022_lasers_are_on_all_shells_but_the_first() -> None:
    c = load_constellation("starlink-2022-10", at=OCTOBER)
    first = next(i for i, s in enumerate(c.shells) if s.name == "53.1-547")
    assert c.has_laser[c.shell == first].mean() < 0.01
    assert c.has_laser[c.shell != first].mean() > 0.98


def test_a_plane_expanded_for_another_day_is_the_one_sgp4_carries_there() -> None:
    early = load_constellation("starlink-2022-10", at=OCTOBER)
    late_at = OCTOBER + np.timedelta64(20, "D")
    late = load_constellation("starlink-2022-10", at=late_at)
    apart = Propagator(early.sets).teme_m(np.array([late_at])) - Propagator(late.sets).teme_m(
        np.array([late_at])
    )
    assert np.linalg.norm(apart, axis=-1).max() < 100.0


def test_2026_has_direct_to_cell_satellites_apart_without_the_dish_payload() -> None:
    c = load_constellation("starlink-2026", at=np.datetime64("2026-08-22", "ns"))
    assert int((~c.has_ku).sum()) == 637
    assert altitude_m(c.sets)[~c.has_ku].max() < 370e3
    assert altitude_m(c.sets)[c.has_ku].min() > 440e3


@pytest.mark.parametrize(
    ("satellites", "slots", "expected"),
    [
        (4, 4, [0, 0.25, 0.5, 0.75]),
        (2, 4, [0, 0.5]),
        (3, 4, [0, 0.25, 0.5]),
        (5, 4, [0, 0.125, 0.25, 0.5, 0.75]),
        (6, 4, [0, 0.125, 0.25, 0.5, 0.625, 0.75]),
        (1, 1, [0]),
        (0, 4, []),
    ],
)
def test_satellites_stand_on_slots_and_spares_between(
    satellites: int, slots: int, expected: list[float]
) -> None:
    assert fill_slots(satellites, slots).tolist() == expected


def test_kuiper_has_alternate_planes_half_a_slot_ahead() -> None:
    c = load_constellation("kuiper-630", at=Y2K)
    first = np.degrees(c.sets.mean_anomaly_rad[c.plane_slot == 0])
    assert first[:4] == pytest.approx([0.0, 360 / 68, 0.0, 360 / 68])
    assert np.degrees(c.sets.raan_rad[34]) == pytest.approx(360 / 34)


def test_kuiper_is_where_hypatia_has_it(test_data: Path) -> None:
    """Within what the four decimals of a TLE's angles and its eccentricity of 1e-7 allow: 20 m."""
    theirs = read_elements(test_data / "reference/hypatia_kuiper_630/tles.txt").sets
    ours = load_constellation("kuiper-630", at=Y2K).sets
    times = Y2K + np.arange(4) * np.timedelta64(1800, "s")
    apart = Propagator(ours).itrs_m(times) - Propagator(theirs).itrs_m(times)
    assert np.linalg.norm(apart, axis=-1).max() < 20.0


@pytest.mark.parametrize(
    ("day", "file"),
    [("2022-09-14T14:00", "starlink_2022-09-14"), ("2022-12-01T23:21", "starlink_2022-12-01")],
)
def test_nodes_of_october_carried_to_the_real_sets_are_within_a_tenth_of_a_degree(
    test_data: Path, day: str, file: str
) -> None:
    at = np.datetime64(day, "ns")
    model = load_constellation("starlink-2022-10", at=at)
    real = load_constellation(test_data / f"orbits/{file}.tle", at=at)
    first = next(i for i, s in enumerate(model.shells) if s.name == "53.1-547")
    theirs = raan_at_rad(real.sets, at)[real.shell == [s.name for s in real.shells].index("53.1-547")]
    counts = np.bincount(model.plane[model.shell == first])
    apart = []
    for plane in np.flatnonzero(counts >= 15):
        mine = model.sets.raan_rad[(model.shell == first) & (model.plane == plane)][0]
        near = theirs[np.abs((theirs - mine + np.pi) % (2 * np.pi) - np.pi) < np.radians(1.0)]
        apart.append(abs((np.median(near) - mine + np.pi) % (2 * np.pi) - np.pi))
    assert len(apart) == 72
    assert np.degrees(max(apart)) < 0.1


def test_an_unknown_name_is_answered_with_the_nearest_and_how_to_bring_a_file() -> None:
    with pytest.raises(BadInput) as caught:
        load_constellation("starlink-2022", at=OCTOBER)
    assert "starlink-2022-10" in caught.value.hint
    assert "file" in caught.value.hint


def test_a_folder_is_refused_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="folder"):
        load_constellation(tmp_path, at=OCTOBER)


def test_tables_are_small() -> None:
    from importlib import resources

    for table in (resources.files("openleo.orbits") / "data").iterdir():
        assert len(table.read_bytes()) < 200_000, table.name


def test_every_built_in_has_its_place_in_the_docs() -> None:
    page = Path(__file__).parents[2] / "docs" / "constellations.md"
    text = page.read_text(encoding="utf-8")
    for name in builtin_names():
        satellites = len(load_constellation(name, at=OCTOBER))
        assert f"| `{name}` |" in text
        assert f"| {satellites:,} |" in text
