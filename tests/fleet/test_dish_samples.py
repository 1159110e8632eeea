"""Samples from what a dish tells: its status, and its history cut into quarter minutes."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hostile_dish import PlayedDish
from hypothesis import given
from hypothesis import strategies as st

from openleo.dish.reading import messages
from openleo.fleet.dish_alerts import CODE_OF_ALERT, CODE_OF_DISABLEMENT, alert_codes, without_code
from openleo.fleet.dish_samples import Odd, Stretch, boot_of, id_of, position_of, ring_samples, status_sample
from openleo.fleet.sample import ALERTS, Sample

NOW_NS = 1_795_000_000 * 10**9
NS = 10**9


def stretch(after: int = 0, **more: Any) -> Stretch:
    return Stretch(**({"terminal": "ut-1", "boot": 7, "after": after, "newest_ns": NOW_NS} | more))


def sample_of(dish: PlayedDish) -> Sample:
    return status_sample(dish.status, terminal="ut-1", time_ns=NOW_NS)


@given(current=st.integers(0, 4_000), after=st.integers(0, 4_000))
def test_a_history_is_cut_at_multiples_of_15_that_are_whole_and_new(current: int, after: int) -> None:
    history = messages().DishGetHistoryResponse(current=current, pop_ping_drop_rate=[0.0] * 900)
    ends = [sample.counter for sample in ring_samples(history, stretch(after))]
    oldest = max(after, current - 900)
    assert ends == [end for end in range(15, current + 1, 15) if end - 15 >= oldest]


@given(reads=st.lists(st.integers(1, 1_200), min_size=1, max_size=12))
def test_reading_in_pieces_tells_each_quarter_minute_once_unless_it_was_too_late(reads: list[int]) -> None:
    current, after, ends = 0, 0, []
    for seconds in reads:
        current += seconds
        history = messages().DishGetHistoryResponse(current=current, pop_ping_drop_rate=[0.0] * 900)
        got = [sample.counter for sample in ring_samples(history, stretch(after))]
        ends += got
        after = current - current % 15 if got else after
    assert ends == sorted(set(ends))
    if max(reads) < 880:
        assert ends == list(range(15, current + 1, 15))


def test_a_quarter_minute_has_the_means_of_its_seconds_and_ends_when_its_last_did() -> None:
    dish = PlayedDish().lived(900)  # the ring has gone round
    dish.lived(5, pop_ping_drop_rate=1.0, pop_ping_latency_ms=0.0, downlink_throughput_bps=0.0)
    dish.lived(13, power_in=90.0)
    *_, last = ring_samples(dish.history(), stretch())
    assert last.counter == 915
    assert last.time_ns == NOW_NS - 3 * NS
    assert last.ping_drop == pytest.approx(5 / 15)
    assert last.ping_latency_ms == pytest.approx(30.0)  # of the seconds in which something came back
    assert last.downlink_mbps == pytest.approx(8 * 10 / 15)
    assert last.power_w == pytest.approx((5 * 60 + 10 * 90) / 15)
    assert (last.terminal, last.boot, last.period_s, last.source) == ("ut-1", 7, 15, "dish")


def test_a_quarter_minute_that_ends_in_an_outage_names_its_cause_and_start() -> None:
    dish = PlayedDish().lived(60)
    dish.outages = [("OBSTRUCTED", NOW_NS / NS - 40.0, 12.0), ("NO_SATS", NOW_NS / NS - 20.0, 10.0)]
    told = {s.counter: (s.outage, s.outage_since_ns) for s in ring_samples(dish.history(), stretch())}
    # The quarters end 45, 30, 15 and 0 s ago; the outages lasted from 40 to 28 and from 20 to 10 s ago.
    assert told[15] == ("", None)
    assert told[30] == ("OBSTRUCTED", pytest.approx(NOW_NS - 40 * NS, abs=1_000_000))
    assert told[45] == ("NO_SATS", pytest.approx(NOW_NS - 20 * NS, abs=1_000_000))
    assert told[60] == ("", None)


def test_outages_are_told_by_our_clock_where_the_dishs_is_another() -> None:
    dish = PlayedDish().lived(30)
    dish.outages = [("NO_PINGS", NOW_NS / NS + 3_600 - 20.0, 10.0)]  # its clock is an hour ahead
    ahead = stretch(dish_ahead_ns=3_600 * NS)
    assert [s.outage for s in ring_samples(dish.history(), ahead)] == ["NO_PINGS", ""]


def test_values_that_cannot_be_are_left_out() -> None:
    dish = PlayedDish().lived(
        15,
        pop_ping_latency_ms=math.nan,
        downlink_throughput_bps=-1.0,
        power_in=math.inf,
        pop_ping_drop_rate=7.0,
    )
    [sample] = ring_samples(dish.history(), stretch())
    assert (sample.ping_latency_ms, sample.downlink_mbps, sample.power_w) == (None, None, None)
    assert sample.ping_drop == 1.0


def test_rings_of_another_length_than_the_first_tell_nothing() -> None:
    history = PlayedDish().lived(30).history()
    del history.power_in[100:]
    assert [s.power_w for s in ring_samples(history, stretch())] == [None, None]


@pytest.mark.parametrize(("length", "current"), [(0, 10), (43_201, 10), (900, 2**60)])
def test_a_history_that_cannot_be_is_named(length: int, current: int) -> None:
    history = messages().DishGetHistoryResponse(current=current, pop_ping_drop_rate=[0.0] * length)
    with pytest.raises(Odd):
        ring_samples(history, stretch())


def test_without_a_count_to_rely_on_time_alone_tells_samples_apart() -> None:
    [sample] = ring_samples(PlayedDish().lived(15).history(), stretch(keyed=False))
    assert (sample.boot, sample.counter) == (None, None)


def test_a_status_in_service_has_no_outage_and_one_in_the_dark_its_cause_and_start() -> None:
    dish = PlayedDish().lived(100)
    online = sample_of(dish)
    dish.goes_dark("NO_SCHEDULE", at_s=NOW_NS / NS - 30)
    dark = sample_of(dish)
    assert (online.outage, online.outage_since_ns, online.disablement) == ("", None, "OKAY")
    assert (dark.outage, dark.outage_since_ns) == ("NO_SCHEDULE", NOW_NS - 30 * NS)
    assert (online.period_s, online.uptime_s, online.boot) == (1, 100, 7)
    assert (online.country, online.gps_satellites, online.stowed) == ("UA", 12, False)


def test_a_cause_that_is_new_is_told_by_its_number() -> None:
    dish = PlayedDish()
    dish.status.outage.cause = 77
    assert sample_of(dish).outage == "CAUSE_77"


def test_what_older_firmware_does_not_tell_is_none_and_not_zero() -> None:
    status = messages().DishGetStatusResponse()
    status.device_info.id = "ut-1"
    told = status_sample(status, terminal="ut-1", time_ns=NOW_NS)
    assert (told.disablement, told.reboot_in_s, told.gps_valid, told.obstructed) == (None, None, None, None)
    assert (told.country, told.software, boot_of(status)) == (None, None, None)
    status.seconds_until_swupdate_reboot_possible = -1
    assert status_sample(status, terminal="ut-1", time_ns=NOW_NS).reboot_in_s == -1
    status.ClearField("seconds_until_swupdate_reboot_possible")
    status.swupdate_reboot_ready = True
    assert status_sample(status, terminal="ut-1", time_ns=NOW_NS).reboot_in_s == 0


def test_alerts_have_the_vendors_codes_and_those_without_are_told_by_name() -> None:
    dish = PlayedDish()
    dish.status.alerts.mast_not_near_vertical = True
    dish.status.alerts.install_pending = True
    dish.status.alerts.dish_water_detected = True
    dish.status.disablement_code = 8
    told = sample_of(dish)
    assert [ALERTS[code] for code in told.alerts] == [
        "mast_not_vertical", "software_update_reboot_pending", "disabled_cell_is_disabled",
    ]  # fmt: skip
    assert told.disablement == "CELL_IS_DISABLED"
    assert without_code(["dish_water_detected", "is_heating", "motors_stuck"]) == ["dish_water_detected"]


def test_every_alert_and_disablement_that_has_a_code_is_in_the_interface_and_in_the_vendors_list() -> None:
    fields = messages().DishAlerts.DESCRIPTOR.fields_by_name
    assert set(CODE_OF_ALERT) <= set(fields)
    assert set(CODE_OF_DISABLEMENT) <= set(messages().UtDisablementCode.keys())
    assert set(CODE_OF_ALERT.values()) | set(CODE_OF_DISABLEMENT.values()) <= set(ALERTS)
    assert alert_codes(["thermal_shutdown", "nobody_knows"], "BLOCKED_AREA") == (80,)


@pytest.mark.parametrize("text", ["", "ut 1", "ut\n", "x" * 65, "ut01/../../etc"])
def test_an_id_that_cannot_be_one_is_named(text: str) -> None:
    status = messages().DishGetStatusResponse()
    status.device_info.id = text
    with pytest.raises(Odd):
        id_of(status)


@pytest.mark.parametrize(
    ("latitude", "longitude", "fine"),
    [(48.5, 32.2, True), (0.0, 0.0, False), (91.0, 0.0, False), (math.nan, 1.0, False), (1.0, -181.0, False)],
)
def test_a_position_is_one_or_none(latitude: float, longitude: float, fine: bool) -> None:
    reply = messages().GetLocationResponse()
    reply.lla.lat, reply.lla.lon = latitude, longitude
    assert (position_of(reply) is not None) == fine


def test_a_reply_that_was_recorded_in_2024_is_read() -> None:
    path = Path(os.environ.get("OPENLEO_TEST_DATA", "../shared/data")) / "dish/sample_get_status_2024-05.json"
    if not path.is_file():
        if os.environ.get("OPENLEO_REQUIRE_ALL") == "1":
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is not here")
    told = json.loads(path.read_text())["dishGetStatus"]
    status = messages().DishGetStatusResponse()
    json_format.ParseDict(without_none(told), status, ignore_unknown_fields=True)
    sample = status_sample(status, terminal=id_of(status), time_ns=NOW_NS)
    assert (sample.outage, sample.boot, sample.uptime_s, sample.country) == ("", 24, 6_328, "US")
    assert sample.obstructed == pytest.approx(0.0748, abs=1e-4)
    assert sample.downlink_mbps == pytest.approx(0.0742, abs=1e-4)
    assert sample.ping_latency_ms == pytest.approx(26.8, abs=0.01)


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_none(one) for key, one in value.items() if one is not None}
    return value
