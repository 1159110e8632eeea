"""What a dish remembers and shows, second by second."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dish_fleet import START_S, dish_name
from openleo.base.errors import BadInput
from openleo.dish import replies
from openleo.dish.causes import CONNECTED, DARK, OUTAGES, SHOWN, shown_causes
from openleo.dish.inputs import Command, Identity, LocationPolicy, Seconds, dish_id
from openleo.dish.protocol import messages
from openleo.dish.reading import alerts_of, disablement_name, outage_name, unix_ns_of_gps_ns
from openleo.dish.sky_map import SIZE
from openleo.dish.terminal import Dishes, Terminal
from openleo.ground.masks import single_building
from openleo.snapshot.causes import Cause

# DESIGN's table "Causes", typed again: ours, the outage shown, the disablement code shown.
SHOWS = [
    (Cause.ONLINE, "", "OKAY"),
    (Cause.NO_SATS, "NO_SATS", "OKAY"),
    (Cause.OBSTRUCTED, "OBSTRUCTED", "OKAY"),
    (Cause.NO_BEAM, "NO_SCHEDULE", "OKAY"),
    (Cause.NO_CHANNEL, "NO_SCHEDULE", "OKAY"),
    (Cause.NO_ANTENNA, "NO_SCHEDULE", "OKAY"),
    (Cause.NO_GATEWAY, "NO_PINGS", "OKAY"),
    (Cause.POP_DOWN, "NO_PINGS", "OKAY"),
    (Cause.CORE_DOWN, "NO_PINGS", "OKAY"),
    (Cause.BOOTING, "BOOTING", "OKAY"),
    *((cause, "NO_SCHEDULE", cause.name) for cause in Cause if 100 <= cause < Cause.IDLE),
]


def one(**identity: Any) -> Terminal:
    """Return one dish that has just come into being."""
    return Dishes([Identity(id=dish_name(0), **identity)], start_s=START_S).terminal(0)


def live(terminal: Terminal, seconds: int = 1, **how: Any) -> None:
    """Let time pass for it."""
    dishes = terminal.dishes
    dishes.advance(Seconds.alike(dishes.now_s, dishes=len(dishes), seconds=seconds, **how))


@pytest.mark.parametrize(("cause", "outage", "code"), SHOWS, ids=lambda x: getattr(x, "name", None))
def test_each_cause_shows_as_the_table_says(cause: Cause, outage: str, code: str) -> None:
    terminal = one()
    live(terminal, cause=cause)
    status = replies.status(terminal)
    assert (outage_name(status), disablement_name(status)) == (outage, code)
    assert status.HasField("outage") == bool(outage)
    assert status.is_cell_disabled == (code == "CELL_IS_DISABLED")


def test_every_cause_there_is_has_its_row() -> None:
    table = shown_causes()  # KeyError for a cause without one
    shown = {cause.name for cause in Cause if cause is not Cause.ONLINE and cause < 100}
    assert shown <= SHOWN.keys() | set(DARK)
    assert table.outage[Cause.ONLINE] == CONNECTED
    assert not table.reachable[Cause.POWER_OFF]
    assert {messages().DishOutage.Cause.Name(n) for n in OUTAGES.values()} == set(OUTAGES)


def test_the_rings_hold_900_seconds_and_the_counter_goes_on() -> None:
    terminal = one()
    for second in range(1000):
        live(terminal, latency_ms=float(second), downlink_bps=second * 10.0, power_w=second + 0.5)
    history = replies.history(terminal)
    assert history.current == 1000
    newest = (history.current - 1) % 900
    assert history.pop_ping_latency_ms[newest] == 999
    assert history.pop_ping_latency_ms[(newest + 1) % 900] == 100  # the oldest that is kept
    assert history.downlink_throughput_bps[newest] == 9990
    assert history.power_in[newest] == 999.5
    rings = (history.pop_ping_drop_rate, history.pop_ping_latency_ms, history.power_in)
    assert {len(ring) for ring in rings} == {900}
    assert sorted(history.pop_ping_latency_ms) == list(range(100, 1000))


def test_seconds_in_an_outage_are_lost_whatever_rates_are_told() -> None:
    terminal = one()
    live(terminal, 5, downlink_bps=1e6)
    live(terminal, 3, cause=Cause.NO_SATS, downlink_bps=1e6, latency_ms=30.0)
    history = replies.history(terminal)
    assert list(history.pop_ping_drop_rate[:8]) == [0, 0, 0, 0, 0, 1, 1, 1]
    assert list(history.pop_ping_latency_ms[4:8]) == [30, 0, 0, 0]
    assert list(history.downlink_throughput_bps[4:8]) == [1e6, 0, 0, 0]
    assert replies.status(terminal).pop_ping_drop_rate == 1.0


def test_an_outage_starts_in_gps_time_and_the_event_log_in_unix_time() -> None:
    """They are 10 years apart; tools that took the one for the other showed outages of 2016."""
    terminal = one()
    live(terminal, 10)
    live(terminal, 7, cause=Cause.NO_SATS)
    live(terminal, 3)
    history = replies.history(terminal)
    (outage,) = history.outages
    assert outage.start_timestamp_ns == (START_S + 10 - 315964800 + 18) * 10**9
    assert unix_ns_of_gps_ns(outage.start_timestamp_ns) == (START_S + 10) * 10**9
    assert outage.duration_ns == 7 * 10**9
    (event,) = history.event_log.events
    assert event.start_timestamp_ns == (START_S + 10) * 10**9
    assert event.duration_ns == 7 * 10**9
    assert messages().EventReason.Name(event.reason) == "EVENT_REASON_OUTAGE_NO_SATS"
    assert history.event_log.current_timestamp_ns == (START_S + 20) * 10**9


def test_the_present_outage_is_in_the_status_and_grows() -> None:
    terminal = one()
    live(terminal, 10)
    live(terminal, 2, cause=Cause.OBSTRUCTED)
    assert replies.status(terminal).outage.duration_ns == 2 * 10**9
    live(terminal, 5, cause=Cause.OBSTRUCTED)
    assert replies.status(terminal).outage.duration_ns == 7 * 10**9
    assert [o.duration_ns for o in replies.history(terminal).outages] == [7 * 10**9]
    live(terminal)
    assert not replies.status(terminal).HasField("outage")


def test_a_change_of_cause_ends_one_outage_and_begins_another() -> None:
    terminal = one()
    live(terminal, 4, cause=Cause.NO_SATS)
    live(terminal, 6, cause=Cause.NO_BEAM)
    live(terminal)
    names = [messages().DishOutage.Cause.Name(o.cause) for o in replies.history(terminal).outages]
    assert names == ["NO_SATS", "NO_SCHEDULE"]


def test_outages_leave_the_history_after_900_seconds_but_not_the_log() -> None:
    terminal = one()
    live(terminal, 5, cause=Cause.NO_SATS)
    live(terminal, 899)
    assert len(replies.history(terminal).outages) == 1
    live(terminal, 1)
    history = replies.history(terminal)
    assert (len(history.outages), len(history.event_log.events)) == (0, 1)


def test_an_outage_says_whether_the_satellite_changed_in_it() -> None:
    terminal = one()
    seconds = Seconds.alike(START_S, dishes=1, seconds=4, cause=Cause.NO_SATS)
    switched = np.array([[False], [True], [False], [False]])
    terminal.dishes.advance(
        Seconds(**{name: getattr(seconds, name) for name in seconds.__slots__} | {"switched": switched})
    )
    live(terminal)
    live(terminal, 2, cause=Cause.NO_SATS)
    live(terminal)
    assert [o.did_switch for o in replies.history(terminal).outages] == [True, False]


def test_a_power_cut_silences_it_and_the_next_start_counts_anew() -> None:
    terminal = one()
    live(terminal, 30)
    live(terminal, 10, cause=Cause.NO_SATS)
    live(terminal, 60, cause=Cause.POWER_OFF)
    assert not terminal.reachable
    live(terminal, 15, cause=Cause.BOOTING)
    assert terminal.reachable
    status, history = replies.status(terminal), replies.history(terminal)
    assert status.device_info.bootcount == 2
    assert status.device_state.uptime_s == 15
    assert outage_name(status) == "BOOTING"
    assert history.current == 15
    assert set(history.pop_ping_drop_rate[15:]) == {0.0}
    assert [o.cause for o in history.outages] == [OUTAGES["BOOTING"]]
    live(terminal, 5)
    assert replies.status(terminal).initialization_duration_seconds.first_pop_ping == 15


def test_a_restart_on_command_is_silent_then_boots_then_serves() -> None:
    told: list[Command] = []
    dishes = Dishes([Identity(id="ut1")], start_s=START_S, on_command=told.append)
    terminal = dishes.terminal(0)
    live(terminal, 100)
    dishes.command(0, "inhibit_gps", {"inhibit": 1})
    dishes.command(0, "reboot")
    assert not terminal.reachable
    live(terminal, 20)
    assert not terminal.reachable
    live(terminal, 1)
    status = replies.status(terminal)
    assert (outage_name(status), status.device_info.bootcount) == ("BOOTING", 2)
    assert messages().RebootReason.Name(status.reboot_reason) == "REBOOT_REASON_MANUAL"
    assert messages().BootReason.Name(status.device_info.boot.last_reason) == "COMMAND"
    assert not status.gps_stats.inhibit_gps  # a start undoes it
    live(terminal, 70)
    assert terminal.connected
    assert replies.history(terminal).current == 71
    assert [(c.act, c.dish, c.at_s) for c in told] == [
        ("inhibit_gps", "ut1", START_S + 100),
        ("reboot", "ut1", START_S + 100),
    ]


def test_a_stowed_dish_is_dark_whatever_the_network_has_for_it() -> None:
    terminal = one()
    terminal.dishes.command(0, "stow")
    live(terminal)
    status = replies.status(terminal)
    assert (outage_name(status), status.stow_requested) == ("STOWED", True)
    terminal.dishes.command(0, "unstow")
    live(terminal)
    assert terminal.connected


def test_the_sleep_schedule_runs_in_utc_and_over_midnight() -> None:
    """START_S is 13:33:20 UTC."""
    terminal = one()
    sleep = {"start_min": 23 * 60, "duration_min": 120, "enable": 1}
    terminal.dishes.command(0, "power_save", sleep)
    seen = []
    for hour, minute in ((22, 59), (23, 0), (0, 30), (0, 59), (1, 0)):
        day = START_S - START_S % 86400 + (86400 if hour < 12 else 0)
        at = Seconds.alike(day + hour * 3600 + minute * 60, dishes=1)
        terminal.dishes.advance(at)
        status = replies.status(terminal)
        seen.append(outage_name(status))
        assert status.alerts.is_power_save_idle == (outage_name(status) == "SLEEPING")
    assert seen == ["", "SLEEPING", "SLEEPING", "SLEEPING", ""]
    assert replies.config(terminal).power_save_duration_minutes == 120
    terminal.dishes.command(0, "power_save", sleep | {"enable": 0})
    terminal.dishes.advance(Seconds.alike(terminal.dishes.now_s + 22 * 3600 + 1800, dishes=1))
    assert terminal.connected


def test_an_update_waits_for_the_next_start() -> None:
    terminal = one(software="2026.05.26.mr80668")
    terminal.dishes.stage_update(0, "2026.06.12.mr81164")
    status = replies.status(terminal)
    assert (status.swupdate_reboot_ready, status.seconds_until_swupdate_reboot_possible) == (True, 0)
    assert alerts_of(status) == ["install_pending"]
    terminal.dishes.command(0, "reboot")
    live(terminal, 100)
    status = replies.status(terminal)
    assert status.device_info.software_version == "2026.06.12.mr81164"
    assert messages().BootReason.Name(status.device_info.boot.last_reason) == "SOFTWARE_UPDATE"
    assert status.seconds_until_swupdate_reboot_possible == -1
    with pytest.raises(BadInput, match="not a version"):
        terminal.dishes.stage_update(0, "newest")


def test_obstructions_are_nan_until_there_were_two() -> None:
    terminal = one()
    live(terminal, 10)
    stats = replies.status(terminal).obstruction_stats
    assert math.isnan(stats.avg_prolonged_obstruction_interval_s)
    for seconds in (4, 1, 6):  # the second is too short to count
        live(terminal, seconds, cause=Cause.OBSTRUCTED)
        live(terminal, 100 - seconds)
    stats = replies.status(terminal).obstruction_stats
    assert stats.avg_prolonged_obstruction_duration_s == 5
    assert stats.avg_prolonged_obstruction_interval_s == 200
    assert stats.time_obstructed == pytest.approx(11 / 310)
    assert stats.valid_s == 310


def test_the_obstruction_map_fills_as_satellites_cross_and_shows_the_building() -> None:
    building = single_building(azimuth_rad=math.pi / 2, distance_m=10.0, width_m=20.0, height_m=12.0)
    dishes = Dishes([Identity(id="ut1")], start_s=START_S, horizon_rad=building.elevation_rad[None, :])
    terminal = dishes.terminal(0)
    assert set(replies.obstruction_map(terminal).snr) == {-1.0}
    # One satellite crosses from east to west through the zenith, in 170 s.
    angle = np.radians(np.linspace(5.0, 175.0, 171, dtype=np.float32))[:, None]
    east = angle < np.pi / 2
    alike = Seconds.alike(START_S, dishes=1, seconds=171)
    fields = {name: getattr(alike, name) for name in alike.__slots__}
    fields["satellite_azimuth_rad"] = np.where(east, np.pi / 2, 3 * np.pi / 2).astype(np.float32)
    fields["satellite_elevation_rad"] = np.where(east, angle, np.pi - angle).astype(np.float32)
    dishes.advance(Seconds(**fields))
    reply = replies.obstruction_map(terminal)
    grid = np.array(reply.snr).reshape(reply.num_rows, reply.num_cols)
    middle = SIZE // 2
    assert (grid[np.arange(SIZE) != middle] == -1).all()  # only the row from west to east
    assert (grid[middle, :middle] == 1).sum() > 55  # west is clear
    wall = math.degrees(math.atan2(12, 10))  # 50 degrees high
    hidden = np.flatnonzero(grid[middle] == 0)
    assert (hidden > middle).all()
    top = 90 - (hidden.min() - middle) / 61 * 80
    assert top == pytest.approx(wall, abs=3)
    stats = replies.status(terminal).obstruction_stats
    assert stats.patches_valid == (grid >= 0).sum()
    assert stats.fraction_obstructed == pytest.approx(((grid >= 0) & (grid < 0.5)).sum() / (grid >= 0).sum())
    dishes.command(0, "clear_obstruction_map")
    assert set(replies.obstruction_map(terminal).snr) == {-1.0}
    assert alerts_of(replies.status(terminal)) == ["obstruction_map_reset"]


def test_an_old_firmware_shows_neither_fields_nor_causes_that_came_later() -> None:
    old = one(software="2024.12.04.mr46620", location_policy=LocationPolicy.ENABLED)
    new = one(location_policy=LocationPolicy.ENABLED)
    for terminal in (old, new):
        live(terminal, 5, cause=Cause.NO_SATS)
    names = [{f.name for f, _ in replies.status(t).ListFields()} for t in (old, new)]
    assert names[1] - names[0] == {
        "upsu_stats", "dl_bandwidth_restricted_reason", "ul_bandwidth_restricted_reason",
        "ned2dish_quaternion", "account_shard",
    }  # fmt: skip
    assert not replies.history(old).HasField("event_log")
    assert replies.history(new).HasField("event_log")
    old.dishes.outage[0] = OUTAGES["SKY_SEARCH"]  # since 2025-08
    assert outage_name(replies.status(old)) == "UNKNOWN"


def test_inhibited_gps_is_not_used() -> None:
    terminal = one(location_policy=LocationPolicy.ENABLED)
    source = messages().PositionSource
    assert source.Name(replies.location(terminal).source) == "GPS"
    terminal.dishes.command(0, "inhibit_gps", {"inhibit": 1})
    gps = replies.status(terminal).gps_stats
    assert (gps.inhibit_gps, gps.gps_valid, gps.gps_sats) == (True, False, 0)
    assert source.Name(replies.location(terminal).source) == "STARLINK"


def test_a_slot_is_told_by_its_mask_of_online_seconds_and_fills_the_map_along_an_arc() -> None:
    dishes = Dishes([Identity(id="a"), Identity(id="b")], start_s=START_S)
    north_to_east = np.array([[[0, 1, 2], [np.nan] * 3], [[2, 0, 1], [np.nan] * 3]], np.float32)
    ones = np.ones(2, np.float32)
    dishes.advance(
        Seconds.slot(
            START_S,
            online=np.array([0b111_1111_1111_0001, 0], np.uint16),  # a: second 0, then 4 to 14
            cause=np.array([Cause.NO_BEAM, Cause.NO_SATS], np.uint8),
            latency_ms=ones * 30,
            downlink_bps=ones * 1e6,
            uplink_bps=ones,
            power_w=ones * 50,
            switched=np.array([False, True]),
            satellite_enu=north_to_east,
        )
    )
    a, b = replies.history(dishes.terminal(0)), replies.history(dishes.terminal(1))
    assert list(a.pop_ping_drop_rate[:15]) == [0, 1, 1, 1] + [0] * 11
    assert [(o.cause, o.duration_ns, o.did_switch) for o in a.outages] == [(4, 3 * 10**9, False)]
    assert [(o.cause, o.duration_ns, o.did_switch) for o in b.outages] == [(5, 15 * 10**9, True)]
    grid = np.array(replies.obstruction_map(dishes.terminal(0)).snr).reshape(SIZE, SIZE)
    rows, columns = np.nonzero(grid >= 0)
    assert len(rows) == 15
    assert (rows <= SIZE // 2).all()  # never south
    assert (columns >= SIZE // 2).all()  # nor west
    assert replies.status(dishes.terminal(1)).obstruction_stats.patches_valid == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda d: d.advance(Seconds.alike(START_S, dishes=3)), "3 dishes, but there are 2"),
        (lambda d: d.advance(Seconds.alike(START_S - 1, dishes=2)), "is past"),
    ],
)
def test_seconds_that_do_not_fit_are_refused(wrong: Callable[[Dishes], None], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wrong(Dishes([Identity(id="a"), Identity(id="b")], start_s=START_S))


def test_two_dishes_may_not_have_one_id() -> None:
    with pytest.raises(BadInput, match="'ut1'"):
        Dishes([Identity(id="ut1"), Identity(id="ut1")], start_s=START_S)


def test_our_names_become_ids_of_the_dish_s_form() -> None:
    assert dish_id("ut-1c9f03aa-5be017d2") == "ut01000000-1c9f03aa-5be017d2"
    assert dish_id("hospital roof") == "hospital roof"
