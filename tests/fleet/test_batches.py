"""Batches: what is signed is what is read, and nothing else is."""

import gzip
import json
import subprocess
import sys
from typing import Any

import pytest
from fleet_world import CELL, Device, sample, without
from hypothesis import given
from hypothesis import strategies as st

from openleo.base.errors import OpenleoError
from openleo.fleet.batches import (
    MOST_BYTES,
    MOST_PLAIN_BYTES,
    MOST_SAMPLES,
    BadBatch,
    BatchTooLarge,
    NotSigned,
    read_batch,
    sign_batch,
)
from openleo.fleet.sample import Sample

DEVICE = Device()
FULL = Sample(
    terminal="ut01000000-00000000-00abcdef", time_ns=1_772_366_400 * 10**9, source="dish", boot=7, counter=99,
    reachable=True, downlink_mbps=101.25, uplink_mbps=12.5, ping_drop=0.01, ping_latency_ms=33.4,
    obstructed=0.002, uptime_s=12_345, signal_quality=0.93, cell=CELL, country="UA", software="2026.11.0",
    reboot_in_s=-1, alerts=(50, 66), outage="OBSTRUCTED", outage_since_ns=1_772_366_390 * 10**9,
    disablement="OKAY", power_w=61.5, gps_valid=False, gps_satellites=0, latitude_deg=-46.6,
    longitude_deg=179.99, stowed=True, period_s=1,
)  # fmt: skip


def test_an_agent_of_a_remote_site_need_not_carry_the_server() -> None:
    code = "import sys, openleo.fleet.batches; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ("numpy", "polars", "duckdb", "sqlalchemy", "fastapi", "pydantic", "h3")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("pack", [True, False])
def test_every_field_of_a_sample_comes_through(pack: bool) -> None:
    headers, body = DEVICE.batch([FULL, sample()], pack=pack)
    batch = read_batch(headers, body, DEVICE.public_key)
    assert list(batch.samples) == [FULL, sample()]
    assert (batch.head.device, batch.head.boot) == ("ag-1", "b1")


def test_a_batch_of_fifteen_samples_is_small_on_the_link() -> None:
    _, body = DEVICE.batch([sample(at_s=n, ping_latency_ms=30.0 + n) for n in range(15)])
    assert len(body) < 600


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("openleo-device", "ag-2"),
        ("openleo-boot", "b2"),
        ("openleo-seq", "1-2"),
        ("openleo-signature", "A" * 86 + "=="),
        ("openleo-signature", "no base64"),
        ("openleo-signature", ""),
    ],
)
def test_a_header_that_was_changed_on_the_way_is_not_believed(header: str, value: str) -> None:
    headers, body = sign_batch(DEVICE.key, "ag-1", "b1", 0, [sample(), sample(at_s=1)])
    with pytest.raises(NotSigned):
        read_batch({**headers, header: value}, body, DEVICE.public_key)


def test_a_body_that_was_changed_on_the_way_is_not_believed() -> None:
    headers, body = DEVICE.batch([sample()])
    with pytest.raises(NotSigned):
        read_batch(headers, body[:-1] + bytes([body[-1] ^ 1]), DEVICE.public_key)


def test_another_devices_key_does_not_fit() -> None:
    headers, body = DEVICE.batch([sample()])
    with pytest.raises(NotSigned):
        read_batch(headers, body, Device().public_key)


@pytest.mark.parametrize("missing", ["openleo-device", "openleo-boot", "openleo-seq", "openleo-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers, body = DEVICE.batch([sample()])
    with pytest.raises(OpenleoError, match=missing):
        read_batch(without(headers, missing), body, DEVICE.public_key)


def signed(text: bytes, count: int = 1, **headers: str) -> tuple[dict[str, str], bytes]:
    """Return bytes of our own as a device would sign them."""
    from base64 import b64encode

    from openleo.fleet.batches import Head

    head = Head(device="ag-1", boot="b1", first=0, last=count - 1, signature="")
    signature = b64encode(DEVICE.key.sign(head.to_sign(text))).decode()
    seq = f"0-{count - 1}"
    told = {
        "openleo-device": "ag-1",
        "openleo-boot": "b1",
        "openleo-seq": seq,
        "openleo-signature": signature,
    }
    return {**told, **{name.replace("_", "-"): value for name, value in headers.items()}}, text


GOOD: dict[str, Any] = {"terminal": "ut-1", "time_ns": 1_772_366_400 * 10**9, "source": "dish"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"terminal": ""}, {"terminal": "a/b"}, {"terminal": "ut-1\n"}, {"terminal": "u" * 65},
        {"terminal": 3},
        {"time_ns": -1}, {"time_ns": 2**63}, {"time_ns": 1.5}, {"period_s": 0}, {"period_s": 3_601},
        {"source": "Dish"}, {"boot": -1}, {"counter": 2**63}, {"reachable": 1}, {"downlink_mbps": -0.1},
        {"ping_drop": 1.01}, {"obstructed": -0.01}, {"signal_quality": 2}, {"cell": -1}, {"country": "ua"},
        {"country": "UA\n"}, {"software": "x" * 129}, {"reboot_in_s": -2}, {"alerts": [-1]},
        {"alerts": [1] * 65}, {"latitude_deg": 90.1}, {"longitude_deg": -180.1}, {"gps_satellites": -1},
        {"power_w": "61"},
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused_and_named(wrong: dict[str, Any]) -> None:
    headers, body = signed(json.dumps([{**GOOD, **wrong}]).encode())
    with pytest.raises(BadBatch, match=next(iter(wrong))):
        read_batch(headers, body, DEVICE.public_key)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[", b"null", b"[1]", b"\xff", b"[" * 5_000, b'[{"terminal": "ut-1"}]']
)
def test_a_body_that_is_no_list_of_samples_is_refused(text: bytes) -> None:
    headers, body = signed(text)
    with pytest.raises(BadBatch):
        read_batch(headers, body, DEVICE.public_key)


def test_what_a_later_agent_tells_beyond_this_is_passed_over() -> None:
    headers, body = signed(json.dumps([{**GOOD, "snow_depth_mm": 3}]).encode())
    assert read_batch(headers, body, DEVICE.public_key).samples[0].terminal == "ut-1"


def test_as_many_samples_as_numbers() -> None:
    headers, body = signed(json.dumps([GOOD, GOOD]).encode(), count=3)
    with pytest.raises(BadBatch, match="3 samples, and the body holds 2"):
        read_batch(headers, body, DEVICE.public_key)


def test_the_most_samples_fit_and_one_more_does_not() -> None:
    many = [sample(at_s=n, ping_latency_ms=30 + n % 13) for n in range(MOST_SAMPLES + 1)]
    headers, body = DEVICE.batch(many[:-1])
    assert len(body) < MOST_BYTES
    assert len(read_batch(headers, body, DEVICE.public_key).samples) == MOST_SAMPLES
    with pytest.raises(BatchTooLarge):
        DEVICE.batch(many)
    with pytest.raises(BatchTooLarge):
        DEVICE.batch(many[:-1], pack=False)
    headers, body = signed(
        gzip.compress(json.dumps([GOOD] * 901).encode()), count=901, content_encoding="gzip"
    )
    with pytest.raises(BatchTooLarge):
        read_batch(headers, body, DEVICE.public_key)


def test_a_body_that_unpacks_to_very_much_is_refused_before_it_does() -> None:
    headers, body = signed(gzip.compress(b" " * (64 * MOST_PLAIN_BYTES)), content_encoding="gzip")
    assert len(body) < MOST_BYTES * 2
    with pytest.raises(BatchTooLarge):
        read_batch(headers, body[:MOST_BYTES] if len(body) > MOST_BYTES else body, DEVICE.public_key)


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_packed_body_that_is_cut_off_is_refused(cut: int) -> None:
    text = gzip.compress(json.dumps([GOOD]).encode())
    headers, body = signed(text[:-cut], content_encoding="gzip")
    with pytest.raises(BadBatch):
        read_batch(headers, body, DEVICE.public_key)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "openleo-device",
                "openleo-boot",
                "openleo-seq",
                "openleo-signature",
                "openleo-lane",
                "content-encoding",
            ]
        ),
        st.text(max_size=40) | st.sampled_from(["ag-1", "0-0", "gzip", "backfill", "5-3"]),
    ),
    st.binary(max_size=200),
)
def test_whatever_comes_is_a_batch_or_a_documented_error(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(OpenleoError):
        read_batch(headers, body, DEVICE.public_key)


@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_device_signs_is_a_batch_or_a_documented_error(text: bytes, packed: bool) -> None:
    headers, body = signed(text, **({"content_encoding": "gzip"} if packed else {}))
    with pytest.raises(BadBatch):
        read_batch(headers, body, DEVICE.public_key)
