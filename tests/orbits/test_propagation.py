"""Positions against Vallado's published cases and the sgp4 package."""

from pathlib import Path

import numpy as np
import pytest
import sgp4
from hypothesis import given, settings
from hypothesis import strategies as st
from sgp4.api import Satrec

from openleo.orbits.elements import ElementSets, from_records, read_elements
from openleo.orbits.propagation import Propagator, teme_reference_m
from openleo.orbits.tle import checksum, parse_lines, parse_tle_text
from openleo.orbits.walker import walker_delta

ONE_MM = 1e-3
MINUTE = np.timedelta64(60_000_000_000, "ns")
REAL_FILES = [
    "orbits/kuiper_2026-08-22.tle",
    "orbits/oneweb_2022-09-14.tle",
    "orbits/starlink_2022-09-14.tle",
    "orbits/starlink_2022-12-01.tle",
    "orbits/starlink_2026-08-22.tle",
    "performance/satinview_ucl_2024-07-17/elements.tle.gz",
]
# Moderate drag, a satellite lost within the hour, and strong drag with the simplified equations: 06251, 28872
# and 29238 of "Revisiting Spacetrack Report #3" (2006), appendix D.
SAMPLE = """\
1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985
2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774
1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534
2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708
1 29238U 06022G   06177.28732010  .00766286  10823-4  13334-2 0   101
2 29238  51.5595 213.7903 0202579  95.2503 267.9010 15.73823839  1061
"""


def package_teme_m(sets: ElementSets, times: np.ndarray) -> np.ndarray:
    """Positions (T, S, 3) by the sgp4 package, NaN where it reports an error."""
    out = np.full((len(times), len(sets), 3), np.nan)
    for s in range(len(sets)):
        satellite = Satrec()
        epoch_1949 = sets.epoch_jd_day[s] - 2433281.5 + sets.epoch_jd_fraction[s]
        elements = (
            sets.bstar[s], 0.0, 0.0, sets.eccentricity[s], sets.argument_of_perigee_rad[s],
            sets.inclination_rad[s], sets.mean_anomaly_rad[s], sets.mean_motion_rad_min[s], sets.raan_rad[s],
        )  # fmt: skip
        satellite.sgp4init(sgp4.api.WGS72, "i", 0, epoch_1949, *elements)
        ns = times.astype("datetime64[ns]").astype(np.int64)
        day = ns // 86_400_000_000_000
        fraction = (ns - day * 86_400_000_000_000) / 86_400e9
        error, r, _ = satellite.sgp4_array(day + 2440587.5, fraction)
        good = error == 0
        out[good, s] = r[good] * 1000.0
    return out


def assert_agrees_with_the_package(sets: ElementSets, *, step_min: int = 60) -> None:
    start = np.sort(sets.epoch)[len(sets) // 2]
    times = start + np.arange(0, 1441, step_min) * MINUTE
    ours = Propagator(sets).teme_m(times)
    theirs = package_teme_m(sets, times)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.nanmax(np.abs(ours - theirs)) < ONE_MM


def test_a_day_of_sample_sets_agrees_with_the_sgp4_package_to_a_millimetre() -> None:
    assert_agrees_with_the_package(from_records(parse_lines(SAMPLE)[0]), step_min=7)


@pytest.mark.parametrize("name", REAL_FILES)
def test_a_day_of_every_real_set_agrees_with_the_sgp4_package_to_a_millimetre(
    test_data: Path, name: str
) -> None:
    assert_agrees_with_the_package(read_elements(test_data / name).sets)


@settings(max_examples=60, deadline=None)
@given(
    altitudes_km=st.tuples(st.floats(160.0, 2500.0), st.floats(160.0, 9000.0)),
    angles=st.tuples(st.floats(0.0, np.pi), *[st.floats(0.0, 2.0 * np.pi)] * 3),
    bstar=st.floats(-1e-3, 1e-3),
    days=st.floats(-20.0, 20.0),
)
def test_any_near_earth_orbit_agrees_with_the_reference(
    altitudes_km: tuple[float, float], angles: tuple[float, ...], bstar: float, days: float
) -> None:
    low, high = sorted(altitudes_km)
    axis = 1.0 + (low + high) / 2.0 / 6378.135
    count = 3  # the same orbit thrice: a block is more than one satellite
    sets = ElementSets(
        name=("a", "b", "c"),
        catalogue_number=np.arange(count, dtype=np.int32),
        epoch=np.full(count, np.datetime64("2024-03-01T12:34:56.789012345", "ns")),
        inclination_rad=np.full(count, angles[0]),
        raan_rad=np.full(count, angles[1]),
        eccentricity=np.full(count, (high - low) / 2.0 / 6378.135 / axis),
        argument_of_perigee_rad=np.full(count, angles[2]),
        mean_anomaly_rad=np.full(count, angles[3]),
        mean_motion_rad_min=np.full(count, 0.0743669161331734 / axis**1.5),
        bstar=np.full(count, bstar),
    )
    times = sets.epoch[0] + np.array([0, int(days * 86_400e9)]).astype("timedelta64[ns]")
    ours = Propagator(sets).teme_m(times)
    reference = teme_reference_m(sets, times)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(reference))
    assert np.abs(ours - reference)[~np.isnan(ours)].max(initial=0.0) < ONE_MM


def test_a_position_does_not_depend_on_what_is_computed_with_it() -> None:
    sets = walker_delta(
        total=100,
        planes=10,
        phasing=3,
        inclination_rad=0.9,
        altitude_m=550e3,
        epoch=np.datetime64("2024-03-01"),
    )
    times = sets.epoch[0] + np.arange(50) * 15 * (MINUTE / 60)
    whole = Propagator(sets).itrs_m(times)
    some = [3, 97, 41]
    np.testing.assert_array_equal(Propagator(sets).take(some).itrs_m(times), whole[:, some])
    np.testing.assert_array_equal(Propagator(sets).itrs_m(times[17:20]), whole[17:20])


def test_near_earth_deep_space_and_impossible_sets_can_be_mixed() -> None:
    sets, _ = verification_cases()
    period_min = 2.0 * np.pi / sets.mean_motion_rad_min
    mixed = sets.take([int(np.argmax(period_min > 700.0)), int(np.argmax(period_min < 100.0))])
    broken = mixed.take([1])
    broken.eccentricity[:] = 1.2
    both = ElementSets.join([mixed, broken])
    times = np.sort(mixed.epoch)[:1] + np.arange(0, 100, 10) * MINUTE
    positions = Propagator(both).itrs_m(times)
    assert positions.shape == (10, 3, 3)
    assert np.isfinite(positions[:, :2]).all()
    assert np.isnan(positions[:, 2]).all()
    assert Propagator(both.take([])).itrs_m(times).shape == (10, 0, 3)


def test_a_time_that_is_none_is_refused_and_no_times_give_no_rows() -> None:
    propagator = Propagator(from_records(parse_lines(SAMPLE)[0]))
    with pytest.raises(ValueError, match="NaT"):
        propagator.itrs_m(np.array(["NaT"], "datetime64[ns]"))
    assert propagator.itrs_m(np.array([], "datetime64[ns]")).shape == (0, 3, 3)


def test_a_decayed_satellite_is_nan_from_then_on() -> None:
    # 28350, "Revisiting Spacetrack Report #3": decays during the second day.
    sets, published = verification_cases()
    index = list(sets.catalogue_number).index(28350)
    one = sets.take([index])
    last_minute = int(published[index][-1, 0])
    positions = Propagator(one).itrs_m(one.epoch[0] + np.array([0, last_minute, last_minute + 1440]) * MINUTE)
    assert np.isfinite(positions[0]).all()
    assert np.isnan(positions[2]).all()


def test_hypatias_own_element_sets_propagate(test_data: Path) -> None:
    text = (test_data / "reference" / "hypatia_kuiper_630" / "tles.txt").read_text().split("\n", 1)[1]
    result = parse_tle_text(text, first_line=2)
    assert (len(result.sets), result.problems, result.duplicates) == (1156, (), 0)
    assert_agrees_with_the_package(result.sets, step_min=240)


def verification_cases() -> tuple[ElementSets, list[np.ndarray]]:
    """Vallado's 33 verification sets, and for each its rows of minutes, x, y, z (km)."""
    folder = Path(sgp4.__file__).parent
    lines = [line[:68] for line in (folder / "SGP4-VER.TLE").read_text().splitlines() if line[:1] in "12"]
    # Three of them end in a wrong checksum on purpose; here it is the propagation that is looked at.
    records, problems = parse_lines("\n".join(line + str(checksum(line)) for line in lines))
    assert problems == []
    published: list[list[list[float]]] = []
    for line in (folder / "tcppver.out").read_text().splitlines():
        if line.endswith("xx"):
            published.append([])
        else:
            published[-1].append([float(f) for f in line.split()[:4]])
    return from_records(records), [np.array(rows) for rows in published]


def test_vallados_published_positions_come_out_to_a_millimetre() -> None:
    sets, published = verification_cases()
    checked = near = 0
    for index, rows in enumerate(published):
        one = sets.take([index])
        times = one.epoch[0] + np.round(rows[:, 0] * 60e9).astype("timedelta64[ns]")
        got = Propagator(one).teme_m(times)[:, 0] / 1000.0
        decayed = np.isnan(got[:, 0])
        assert np.max(np.abs(got - rows[:, 1:])[~decayed], initial=0.0) < 1e-6, one.name
        # The published list of a decaying satellite ends with the instant at which it is found decayed.
        assert not decayed[:-1].any(), one.name
        checked += len(rows)
        near += len(rows) * int(one.mean_motion_rad_min[0] > 2 * np.pi / 225.0)
    assert (len(sets), len(published)) == (33, 33)
    assert checked > 600
    assert near > 150
