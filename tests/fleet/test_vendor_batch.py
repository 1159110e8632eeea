"""Reading the vendor's telemetry: columns by name, and what is new in a reply named."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.fleet.batches import plain
from openleo.fleet.sample import Sample
from openleo.fleet.vendor_batch import NotTelemetry, read_batch

COLUMNS = [
    "DeviceType", "UtcTimestampNs", "DeviceId", "DownlinkThroughput", "UplinkThroughput", "PingDropRateAvg",
    "PingLatencyMsAvg", "ObstructionPercentTime", "Uptime", "SignalQuality", "H3CellId",
    "SecondsUntilSwupdateRebootPossible", "RunningSoftwareVersion", "ActiveAlerts", "CountryCode",
]  # fmt: skip
TIME_NS = 1_795_000_000_000_000_000
ROW = [
    "u", TIME_NS, "ut01000000-00000000-00270e41", 12.5, 1.25, 0.02, 41, 0.0102, 86_400, 0.96,
    599_686_042_433_355_775, -1, "2026.06.12.mr81164", [54, 82], "UA",
]  # fmt: skip
ENUMS = {
    "DeviceType": {"u": "UserTerminal", "r": "Router", "d": "UserTerminalDataUsage", "i": "IpAllocs"},
    "AlertsByDeviceType": {"u": {"54": "mast_not_vertical", "99": "too_many_gulls"}},
}


def reply(*rows: Any, columns: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Return a reply in the form that public collectors rely on."""
    names = columns or {"u": COLUMNS, "r": ["DeviceType", "DeviceId"], "i": []}
    data = {"values": list(rows), "columnNamesByDeviceType": names}
    return json.loads(json.dumps({"data": data, "metadata": {"enums": ENUMS}}))


def test_a_row_becomes_a_sample() -> None:
    batch = read_batch(reply(ROW))
    assert batch.samples == [
        Sample(
            terminal="ut01000000-00000000-00270e41", time_ns=TIME_NS, source="enterprise", downlink_mbps=12.5,
            uplink_mbps=1.25, ping_drop=0.02, ping_latency_ms=41.0, obstructed=0.0102, uptime_s=86_400,
            signal_quality=0.96, cell=599_686_042_433_355_775, reboot_in_s=-1,
            software="2026.06.12.mr81164", alerts=(54, 82), country="UA",
        )
    ]  # fmt: skip
    assert batch.new == {}


def test_columns_are_read_by_name_whatever_their_order() -> None:
    order = [0, *range(len(COLUMNS) - 1, 0, -1)]
    turned = reply([ROW[n] for n in order], columns={"u": [COLUMNS[n] for n in order]})
    assert read_batch(turned).samples == read_batch(reply(ROW)).samples


def test_columns_types_and_alerts_that_are_new_are_named_and_the_rest_is_read() -> None:
    row = [*ROW, 7]
    row[13] = [54, 99, 100]
    told = reply(row, ["z", 1], columns={"u": [*COLUMNS, "GullsPerHour"], "z": ["DeviceType", "Flaps"]})
    told["metadata"]["enums"]["DeviceType"]["z"] = "Seagull"
    batch = read_batch(told)
    assert len(batch.samples) == 1
    assert "GullsPerHour" in batch.new["columns"]
    assert "z (Seagull)" in batch.new["types"]
    assert batch.new["alerts"].endswith("99 (too_many_gulls), 100 (no name told)")
    assert batch.rows == {"u": 1, "z": 1}


def test_columns_that_are_not_told_any_more_are_named() -> None:
    batch = read_batch(reply(ROW[:14], columns={"u": COLUMNS[:14]}))
    assert batch.samples[0].country is None
    assert "CountryCode" in batch.new["missing"]


def test_routers_addresses_and_usage_are_counted_and_are_no_samples() -> None:
    batch = read_batch(reply(["r", "Router-1"], ROW, ["i"]))
    assert (batch.rows, len(batch.samples)) == ({"r": 1, "u": 1, "i": 1}, 1)


@pytest.mark.parametrize(
    ("column", "value", "name", "told"),
    [
        ("ObstructionPercentTime", 1.02, "obstructed", 0.0102),
        ("ObstructionPercentTime", 101, "obstructed", None),
        ("PingDropRateAvg", 1.5, "ping_drop", None),
        ("PingLatencyMsAvg", None, "ping_latency_ms", None),
        ("DownlinkThroughput", "fast", "downlink_mbps", None),
        ("Uptime", "86400", "uptime_s", 86_400),
        ("UtcTimestampNs", str(TIME_NS), "time_ns", TIME_NS),
        ("H3CellId", "8526d52ffffffff", "cell", 0x8526D52FFFFFFFF),
        ("H3CellId", 0, "cell", None),
        ("ActiveAlerts", None, "alerts", ()),
        ("ActiveAlerts", [54, "82", -1, 2**40, "x"], "alerts", (54, 82)),
        ("CountryCode", "Ukraine", "country", None),
    ],
)
def test_a_value_that_cannot_be_is_left_out_and_its_row_is_kept(
    column: str, value: Any, name: str, told: Any
) -> None:
    row = list(ROW)
    row[COLUMNS.index(column)] = value
    [sample] = read_batch(reply(row)).samples
    assert getattr(sample, name) == (pytest.approx(told) if isinstance(told, float) else told)


@pytest.mark.parametrize("code", ["²", "٣", "9" * 5_000, "", "-1"])
def test_a_code_that_is_no_number_is_left_out_and_the_batch_is_read(code: str) -> None:
    told = reply(ROW)
    told["metadata"]["enums"]["AlertsByDeviceType"]["u"][code] = "odd"
    assert read_batch(told).samples == read_batch(reply(ROW)).samples


@pytest.mark.parametrize(
    "row", [[], "u", ["q"], [7], ["u"], ["u", "soon", "ut-1"], ["u", TIME_NS, "no id!"], None]
)
def test_a_row_that_cannot_be_read_is_counted_and_the_others_are_read(row: Any) -> None:
    batch = read_batch(reply(row, ROW))
    assert (len(batch.samples), batch.bad_rows) == (1, 1)
    assert "1 rows" in batch.new["rows"]


@pytest.mark.parametrize(
    "told", [None, [], {}, {"data": []}, {"data": {"values": 1, "columnNamesByDeviceType": {}}},
             {"data": {"values": [], "columnNamesByDeviceType": {"u": ["DeviceType"]}}}],
)  # fmt: skip
def test_what_is_no_telemetry_is_told(told: Any) -> None:
    with pytest.raises(NotTelemetry):
        read_batch(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(values=st.lists(JSON, min_size=14, max_size=14), extra=JSON)
def test_no_values_make_samples_out_of_bounds(values: list[Any], extra: Any) -> None:
    told = reply(ROW)
    told["data"]["values"] = [["u", TIME_NS, "ut-1", *values[2:]], extra]
    told["metadata"] = extra
    for sample in read_batch(told).samples:
        msgspec.json.decode(msgspec.json.encode(plain(sample)), type=Sample)
