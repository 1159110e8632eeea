"""Where moving terminals are."""

import math
import time

import h3.api.basic_int as h3_int
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openleo.base.errors import BadInput
from openleo.ground.cells import cell_of
from openleo.ground.frames import great_circle_m
from openleo.ground.kinds import KINDS
from openleo.ground.roaming import roam_speed_m_s, roam_tracks
from openleo.ground.tracks import (
    Track,
    join_track_tables,
    position_reference,
    share_tracks,
    track_from_waypoints,
    track_table,
)

START = np.datetime64("2022-10-07T00:00:00", "ns")
WAYPOINTS = [(50.0, 30.0), (50.2, 30.5), (49.9, 31.0)]
ten_microdegrees = 1e-5  # 1 m


def after(seconds):
    return START + (np.asarray(seconds) * 1e9).astype("timedelta64[ns]")


def metres_between(a, b):
    return great_circle_m(*(np.radians(x) for x in (a[0], a[1], b[0], b[1])))


places = st.tuples(st.floats(-89.0, 89.0), st.floats(-180.0, 180.0))


@given(
    waypoints=st.lists(places, min_size=2, max_size=6),
    speed=st.floats(0.1, 900.0),
    repeat=st.sampled_from(["loop", "back-and-forth", "once"]),
    when=st.floats(0.0, 1.0),
)
@settings(max_examples=150, deadline=None)
def test_a_terminal_moves_at_the_stated_speed_along_its_track(waypoints, speed, repeat, when):
    try:
        track = track_from_waypoints(waypoints, speed_m_s=speed, start=START, repeat=repeat)
    except BadInput:
        assume(False)
    now = when * track.duration_s * 0.999
    step = track.duration_s * 5e-4
    found = track.at(after([now, now + step]))
    # The way covered may bend at a waypoint, so the straight line is at most the speed times the time.
    moved = metres_between((found[0][0], found[1][0]), (found[0][1], found[1][1]))
    assert moved <= speed * step * (1 + 1e-6) + 0.1
    legs = np.searchsorted(track.elapsed_s, [now, now + step], side="right")
    if legs[0] == legs[1]:
        assert moved == pytest.approx(speed * step, rel=1e-5, abs=0.1)
    assert found[2][0] == pytest.approx(speed, rel=1e-6)


@given(
    waypoints=st.lists(places, min_size=2, max_size=6),
    speed=st.floats(0.1, 900.0),
    repeat=st.sampled_from(["loop", "back-and-forth", "once"]),
    seconds=st.floats(-1e5, 1e6),
    number=st.integers(0, 4),
)
@settings(max_examples=150, deadline=None)
def test_the_kernel_agrees_with_the_slow_reference(waypoints, speed, repeat, seconds, number):
    try:
        track = track_from_waypoints(waypoints, speed_m_s=speed, start=START, repeat=repeat)
    except BadInput:
        assume(False)
    table = share_tracks([track], 5, seed=1, stagger_s=600.0)
    fast = [float(column[number]) for column in table.at(after(seconds))]
    slow = position_reference(track, after(seconds), delay_s=float(table.delay_s[number]))
    # A float holds a loop's time to about 1e-10 of it; at 900 m/s that is far less than this metre.
    assert metres_between(fast, slow) < 1.0 + 1e-6 * speed
    if abs(fast[2] - slow[2]) > 1e-6 * speed:
        assert min(abs((seconds - table.delay_s[number]) % track.duration_s), abs(seconds)) < 1e-3


def test_a_loop_comes_round_and_a_return_trip_comes_back():
    loop = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START)
    there_and_back = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START, repeat="back-and-forth")
    for track in (loop, there_and_back):
        latitude, longitude, speed = track.at(after([0.0, track.duration_s, 7.5 * track.duration_s]))
        assert latitude[0] == pytest.approx(50.0)
        assert latitude[1] == pytest.approx(50.0)
        assert longitude[1] == pytest.approx(30.0)
        assert speed.tolist() == pytest.approx([20.0] * 3)
    half = there_and_back.at(after(there_and_back.duration_s / 2))
    assert (float(half[0]), float(half[1])) == pytest.approx((49.9, 31.0))


def test_before_the_start_and_after_the_end_a_terminal_stands():
    track = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START, repeat="once")
    latitude, longitude, speed = track.at(after([-3600.0, track.duration_s + 1.0, 1e9]))
    assert latitude.tolist() == pytest.approx([50.0, 49.9, 49.9])
    assert longitude.tolist() == pytest.approx([30.0, 31.0, 31.0])
    assert speed.tolist() == [0.0, 0.0, 0.0]


def test_a_track_over_the_antimeridian_and_the_pole_takes_the_short_way():
    pacific = track_from_waypoints([(0.0, 179.5), (0.0, -179.5)], speed_m_s=100.0, start=START, repeat="once")
    assert pacific.duration_s == pytest.approx(1112.0, abs=1.0)  # 111.2 km, not the other 39,919
    assert abs(float(pacific.at(after(556.0))[1])) == pytest.approx(180.0, abs=0.01)
    polar = track_from_waypoints([(89.0, 0.0), (89.0, 180.0)], speed_m_s=100.0, start=START, repeat="once")
    assert float(polar.at(after(polar.duration_s / 2))[0]) == pytest.approx(90.0)


def test_many_terminals_share_a_track_at_different_points_and_beside_it():
    track = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START)
    table = share_tracks([track], 400, seed=7, spread_m=2_000.0)
    on_path = share_tracks([track], 400, seed=7)
    where = table.at(after(100.0))
    assert len(np.unique(where[0])) == 400
    off_path_m = metres_between(where, on_path.at(after(100.0)))
    assert off_path_m.max() <= 2_000.0 * 1.001
    assert off_path_m.mean() == pytest.approx(2_000.0 * 2 / 3, rel=0.1)  # even over a disc
    later = table.at(after(101.0))
    assert metres_between(where, later).max() < 20.5  # none jumps, at corners either


def test_riders_of_a_single_trip_leave_one_after_the_other():
    track = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START, repeat="once")
    table = share_tracks([track, track], 50, seed=7, stagger_s=3_600.0)
    speed = table.at(after(1_800.0))[2]
    assert 10 < (speed == 0.0).sum() < 40
    assert table.path.tolist() == [0, 1] * 25


def test_riders_are_the_same_for_any_number_of_them_and_any_other_table():
    track = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START)
    few, many = share_tracks([track], 3, seed=2, spread_m=50), share_tracks([track], 30, seed=2, spread_m=50)
    other = track_table([track_from_waypoints([(0, 0), (1, 1)], speed_m_s=5, start=START, name="other")])
    joined = join_track_tables([other, few])
    assert joined.name == ("other", "track")
    for a, b, c in zip(few.at(after(9.0)), many.at(after(9.0)), joined.at(after(9.0)), strict=True):
        np.testing.assert_array_equal(a, b[:3])
        np.testing.assert_array_equal(a, c[1:])


def test_no_tracks_at_all():
    assert len(join_track_tables([])) == 0
    assert track_table([]).at(after([0.0, 1.0]))[0].shape == (2, 0)


@pytest.mark.parametrize(
    ("waypoints", "speed", "said"),
    [
        ([(50.0, 30.0)], 10.0, "fewer than two"),
        ([], 10.0, "fewer than two"),
        ([(50.0, 30.0), (50.0, 30.0)], 10.0, "fewer than two"),
        ([(50.0, 30.0), (91.0, 30.0)], 10.0, "waypoint 2"),
        ([(50.0, 30.0), (math.nan, 30.0)], 10.0, "waypoint 2"),
        ([(0.0, 0.0), (0.0, 180.0)], 10.0, "opposite"),
        (WAYPOINTS, 0.0, "0 km/h"),
        (WAYPOINTS, 2_000.0, "7200 km/h"),
        (WAYPOINTS, math.nan, "nan"),
    ],
)
def test_waypoints_that_make_no_track_are_explained(waypoints, speed, said):
    with pytest.raises(BadInput, match=said) as caught:
        track_from_waypoints(waypoints, speed_m_s=speed, start=START)
    assert caught.value.hint


def test_times_that_do_not_increase_are_a_programming_error():
    with pytest.raises(ValueError, match="increase"):
        Track(
            name="x",
            start=START,
            elapsed_s=np.array([0.0, 0.0]),
            latitude_deg=np.zeros(2),
            longitude_deg=np.zeros(2),
            loops=False,
        )


AREA = np.array(list(h3_int.grid_disk(h3_int.latlng_to_cell(48.0, 37.5, 5), 4)), dtype=np.uint64)
THIN = np.array(h3_int.grid_path_cells(int(AREA[0]), int(AREA[-1])), dtype=np.uint64)


@pytest.mark.parametrize("area", [AREA, THIN, AREA[:1]], ids=["disc", "a line of cells", "one cell"])
def test_patrols_never_leave_their_area(area):
    tracks = roam_tracks(area, 40, seed=3, speed_m_s=14.0, start=START)
    times = after(np.arange(0.0, 86_400.0, 60.0))
    latitude, longitude, speed = share_tracks(tracks, 40, seed=3).at(times)
    assert np.isin(cell_of(latitude.ravel(), longitude.ravel()), area).all()
    assert speed == pytest.approx(14.0)


def test_a_patrol_depends_on_seed_number_and_area_only():
    few = roam_tracks(AREA, 2, seed=3, speed_m_s=14.0, start=START)
    many = roam_tracks(AREA[::-1], 9, seed=3, speed_m_s=14.0, start=START)
    np.testing.assert_array_equal(few[1].latitude_deg, many[1].latitude_deg)
    assert not np.array_equal(few[0].latitude_deg, few[1].latitude_deg)
    other = roam_tracks(AREA, 1, seed=4, speed_m_s=14.0, start=START)
    assert not np.array_equal(few[0].latitude_deg[:2], other[0].latitude_deg[:2])


def test_a_patrol_needs_an_area():
    with pytest.raises(ValueError, match="at least one cell"):
        roam_tracks(AREA[:0], 1, seed=1, speed_m_s=10.0, start=START)


def test_roaming_speeds_stay_below_what_a_kind_is_served_at():
    for kind in KINDS.values():
        assert roam_speed_m_s(kind) > 0
        assert not kind.in_motion or roam_speed_m_s(kind) <= kind.max_speed_m_s


def test_ten_thousand_moving_terminals_cost_little_a_slot():
    track = track_from_waypoints(WAYPOINTS, speed_m_s=20.0, start=START)
    table = share_tracks([track], 10_000, seed=1)
    table.at(after(0.0))  # compiled
    started = time.process_time()
    table.at(after(np.arange(20) * 15.0))
    assert time.process_time() - started < 1.0  # measured 0.023 s: 1.1 ms a slot
