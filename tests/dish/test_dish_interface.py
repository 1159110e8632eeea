"""The interface: our .proto text against the facts, by firmware, in a pool of its own."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from openleo.dish.firmware import NEWEST, firmware, known_firmwares, position_source_name
from openleo.dish.protocol import messages, pool, unknown_fields_of, unknown_values_of
from openleo.dish.reading import alerts_of, disablement_name, outage_name

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "SpaceX.API.Device."

# What clients read most, typed again: message, field, number, type, repeated, first and last firmware.
ANCHORS = [
    ("Request", "get_status", 1004, "GetStatusRequest", False, None, None),
    ("Request", "dish_inhibit_rf", 2026, "DishInhibitRfRequest", False, "2025.09.27.mr64561.1", None),
    ("Response", "dish_get_status", 2004, "DishGetStatusResponse", False, None, None),
    ("Response", "dish_get_diagnostics", 6001, "DishGetDiagnosticsResponse", False, None, None),
    ("DishGetStatusResponse", "outage", 1014, "DishOutage", False, None, None),
    ("DishGetStatusResponse", "snr", 1001, "float", False, "2021", "2021.10"),
    (
        "DishGetStatusResponse",
        "phy_rx_beam_snr_avg",
        1046,
        "float",
        False,
        "2025.04.08.cr53207",
        "2025.04.08.mr53207.1",
    ),
    ("DishGetHistoryResponse", "current", 1, "uint64", False, None, None),
    ("DishGetHistoryResponse", "pop_ping_drop_rate", 1001, "float", True, None, None),
    ("DishGetHistoryResponse", "event_log", 1011, "EventLog", False, "2025.06.10.mr57444.1", None),
    ("DishAlerts", "no_ethernet_link", 23, "bool", False, "2025.08.04.mr61059.1", None),
    ("DishAlerts", "moving_while_not_mobile", 12, "bool", False, None, "2025.06.10.cr57444.1"),
    ("DishOutage", "start_timestamp_ns", 2, "int64", False, None, None),
    ("GetLocationResponse", "source", 3, "PositionSource", False, None, None),
]
TYPES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes",
         13: "uint32"}  # fmt: skip


def type_of(field: Any) -> str:
    """Return a field's type as the facts name it."""
    if field.message_type is not None:
        return field.message_type.full_name
    return field.enum_type.full_name if field.enum_type is not None else TYPES[field.type]


def test_the_compiled_descriptors_are_those_of_the_text() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "write_descriptors.py"))
    compiled: bytes = script["compiled"]()
    assert script["TARGET"].read_bytes() == compiled, "run docs/write_descriptors.py"


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda a: f"{a[0]}.{a[1]}")
def test_the_fields_that_clients_read_are_where_they_look(anchor: tuple[Any, ...]) -> None:
    message, name, number, kind, repeated, first, last = anchor
    field = pool().FindMessageTypeByName(DEVICE + message).fields_by_name[name]
    found = (field.number, type_of(field).removeprefix(DEVICE), field.is_repeated)
    assert found == (number, kind, repeated)
    full = f"{DEVICE}{message}.{name}"
    held = [version for version in known_firmwares() if firmware(version).has(full)]
    if last == "2021.10":
        assert held == []
    else:
        assert (held[0], held[-1]) == (first or known_firmwares()[0], last or NEWEST)


def test_every_field_has_the_number_type_and_firmwares_of_the_facts(test_data: Path) -> None:
    facts = json.loads((test_data / "dish" / "fields.json").read_text())
    assert known_firmwares() == tuple(facts["firmwares"])
    assert len(facts["messages"]) == 169
    wrong: list[str] = []
    for message, fields in facts["messages"].items():
        ours = pool().FindMessageTypeByName(message).fields_by_name
        for name, fact in fields.items():
            full = f"{message}.{name}"
            field = ours.get(name)
            found = field and (field.number, type_of(field), field.is_repeated)
            if found != (fact["number"], fact["type"], fact["repeated"]):
                wrong.append(f"{full}: {found}, not {fact}")
            if not message.endswith("Entry"):
                held = [version for version in known_firmwares() if firmware(version).has(full)]
                if (held[0], held[-1]) != (fact["first"], fact["last"]):
                    wrong.append(f"{full}: {held[0]} to {held[-1]}, not {fact}")
        gone = {n for n in ours if not any(firmware(v).has(f"{message}.{n}") for v in known_firmwares())}
        if ours.keys() - fields.keys() != gone:
            wrong.append(f"{message}: {ours.keys() - fields.keys()} are in no fact")
    assert wrong == []


def test_every_enum_value_has_the_number_and_firmwares_of_the_facts(test_data: Path) -> None:
    facts = json.loads((test_data / "dish" / "fields.json").read_text())
    assert len(facts["enums"]) == 58
    wrong = []
    for enum, values in facts["enums"].items():
        pool().FindEnumTypeByName(enum)
        for place, version in enumerate(known_firmwares()):
            ours = firmware(version).values(enum)
            theirs = {}
            for value, (first, last) in values.items():
                if known_firmwares().index(first) <= place <= known_firmwares().index(last):
                    name, _, number = value.rpartition("=")
                    theirs[name] = int(number)
            if ours != theirs:
                wrong.append(f"{enum} in {version}: {ours}, not {theirs}")
    assert wrong == []


@pytest.mark.parametrize(
    ("version", "number", "name"),
    [
        ("2025.07.06.mr59126", 6, "GNC_GPS"),  # the last of the old numbering
        ("2025.07.09.cr59287.26544", 6, "GNC_FUSED"),
        ("2025.10.02.mr64889", 8, "GNC_NO_ACCEL"),
        ("2025.10.12.mr65517", 8, "GNC_GPS"),
        (NEWEST, 10, "GNC_STATIC"),
        (NEWEST, 99, "SOURCE_99"),
        ("2027.01.01.mr1", 6, "GNC_FUSED"),  # later than any known: like the newest
        ("2023.01.01", 6, "GNC_GPS"),  # before the first: like it
        ("1c915887-39aa-4c32-9148-bf7869f41752.uterm_manifest.release", 6, "GNC_GPS"),  # as told in 2024
        ("", 4, "GPS"),
    ],
)
def test_a_position_source_is_named_as_the_firmware_numbered_it(version: str, number: int, name: str) -> None:
    assert position_source_name(number, version) == name


def test_files_are_renamed_from_2025_05_13_on() -> None:
    layouts = {version: firmware(version).layout for version in known_firmwares()}
    assert layouts["2025.05.08.mr55289"] == "spacex/api"
    assert layouts["2025.05.15.cr55718"] == "spacex_api"
    assert set(firmware("2025.05.08.mr55289").descriptors("spacex/api")) >= {"spacex/api/device/device.proto"}


def test_every_firmware_makes_whole_descriptors_in_both_layouts() -> None:
    for version in known_firmwares():
        files = firmware(version).descriptors("spacex_api")
        assert files.keys() == {
            name.replace("spacex/api/", "spacex_api/") for name in firmware(version).descriptors("spacex/api")
        }


def test_the_messages_live_beside_another_definition_of_the_same_names() -> None:
    """A second package with these names in protobuf's default pool would be a TypeError."""
    code = """
from google.protobuf import descriptor_pb2, descriptor_pool
from openleo.dish.protocol import messages
messages().Request()
other = descriptor_pb2.FileDescriptorProto(name="spacex/api/device/device.proto", package="SpaceX.API.Device")
other.message_type.add(name="Request").field.add(name="other", number=1, type=9, label=1)
descriptor_pool.Default().Add(other)
assert "other" in descriptor_pool.Default().FindMessageTypeByName("SpaceX.API.Device.Request").fields_by_name
assert "other" not in messages().Request.DESCRIPTOR.fields_by_name
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_reading_a_dish_loads_nothing_heavy() -> None:
    """An agent with 64 MB of memory reads dishes: importing and asking must stay below that."""
    code = """
import asyncio, sys
from openleo.dish.reading import Dish, DishError
async def ask():
    async with Dish("127.0.0.1:1") as dish:
        try:
            await dish.status()
        except DishError as error:
            assert error.kind == "unreachable", error
asyncio.run(ask())
heavy = {"numpy", "numba", "polars", "pydantic", "h3", "sqlalchemy", "fastapi", "duckdb"} & set(sys.modules)
assert not heavy, heavy
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 60_000  # kB


def test_a_real_reply_of_2024_is_read(test_data: Path) -> None:
    sample = json.loads((test_data / "dish" / "sample_get_status_2024-05.json").read_text())
    reply = json_format.ParseDict(sample, messages().Response(), descriptor_pool=pool())
    status = messages().Response.FromString(reply.SerializeToString()).dish_get_status
    assert outage_name(status) == ""
    assert disablement_name(status) == "OKAY"
    assert alerts_of(status) == ["roaming", "is_heating"]
    assert status.obstruction_stats.patches_valid == 4156
    assert unknown_fields_of(status) == ()


def test_what_nobody_knows_is_kept_and_named() -> None:
    m = messages()
    status = m.DishGetStatusResponse(device_info=m.DeviceInfo(id="ut1"))
    status.outage.cause = 99
    inner = m.DishAlerts.FromString(bytes([0xF8, 0x01, 1]))  # field 31
    status.alerts.MergeFrom(inner)
    data = status.SerializeToString() + bytes([0xF2, 0xFF, 0x07, 2, 7, 7])  # field 16382, two bytes
    read = m.DishGetStatusResponse.FromString(data)
    assert unknown_fields_of(read) == ("DishAlerts.31", "DishGetStatusResponse.16382")
    assert unknown_values_of(read) == ("DishOutage.cause=99",)
    assert m.DishGetStatusResponse.FromString(read.SerializeToString()) == read
    assert unknown_fields_of(m.DishGetStatusResponse.FromString(read.SerializeToString())) == (
        "DishAlerts.31",
        "DishGetStatusResponse.16382",
    )
