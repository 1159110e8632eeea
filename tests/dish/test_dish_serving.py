"""A served dish, asked as any gRPC client asks: errors word by word, controls, reflection, ports."""

import asyncio
import socket
from typing import Any

import grpc
import pytest

from dish_fleet import START_S, Fleet, dish_fleet, dish_name
from openleo.base.errors import BadInput
from openleo.dish.inputs import Identity, LocationPolicy
from openleo.dish.protocol import HANDLE, STREAM, message_class, messages, pool
from openleo.dish.reading import alerts_of, outage_name
from openleo.dish.serving import loopback_address, serve
from openleo.dish.terminal import Dishes
from openleo.snapshot.causes import Cause

OLD, NEW = "2024.12.04.mr46620", "2026.06.12.mr81164"


def ask(address: str, case: str, **fields: Any) -> Any:
    """Send one request and return the reply; grpc.RpcError where it is refused."""
    request = messages().Request(id=77)
    member = getattr(request, case)
    member.SetInParent()
    for name, value in fields.items():
        setattr(member, name, value)
    return send(address, request.SerializeToString())


def send(address: str, data: bytes) -> Any:
    with grpc.insecure_channel(address) as channel:
        return messages().Response.FromString(channel.unary_unary(HANDLE)(data, timeout=10))


def refusal(address: str, case: str, **fields: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        ask(address, case, **fields)
    return error.value.code().name, error.value.details()


def reflect(address: str, version: str, **question: str) -> Any:
    """Ask for reflection and return the answer."""
    asked = message_class(f"grpc.reflection.{version}.ServerReflectionRequest")(**question)
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        (data,) = list(call(iter([asked.SerializeToString()]), timeout=10))
    return message_class(f"grpc.reflection.{version}.ServerReflectionResponse").FromString(data)


def files_in(answer: Any) -> dict[str, Any]:
    make = pool_file()
    found = [make.FromString(d) for d in answer.file_descriptor_response.file_descriptor_proto]
    return {file.name: file for file in found}


def pool_file() -> Any:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    return FileDescriptorProto


@pytest.mark.parametrize(
    ("case", "code", "said"),
    [
        ("wifi_get_clients", "UNIMPLEMENTED", "Unimplemented: *device.Request_WifiGetClients"),
        ("get_ping", "UNIMPLEMENTED", "Unimplemented: *device.Request_GetPing"),
        ("get_log", "UNIMPLEMENTED", "Unimplemented: *device.Request_GetLog"),
        ("get_network_interfaces", "UNIMPLEMENTED", "Unimplemented: *device.Request_GetNetworkInterfaces"),
        ("speed_test", "UNIMPLEMENTED", "Unimplemented: *device.Request_SpeedTest"),
        ("get_next_id", "UNIMPLEMENTED", "Unimplemented: *device.Request_GetNextId"),
        ("update", "UNIMPLEMENTED", "Unimplemented: *device.Request_Update"),
        ("set_sku", "UNIMPLEMENTED", "Unimplemented: *device.Request_SetSku"),
        ("ping_host", "UNIMPLEMENTED", "Unimplemented: *device.Request_PingHost"),
        ("transceiver_get_status", "UNIMPLEMENTED", "Unimplemented"),
        ("transceiver_get_telemetry", "UNIMPLEMENTED", "Unimplemented"),
        ("get_location", "PERMISSION_DENIED", "GetLocation requests are not enabled on this device"),
        ("dish_get_context", "PERMISSION_DENIED", "Permission denied"),
        ("dish_set_config", "PERMISSION_DENIED", "Permission denied"),
        ("set_test_mode", "PERMISSION_DENIED", "Permission denied"),
        ("dish_get_emc", "PERMISSION_DENIED", ""),
        ("dish_set_emc", "PERMISSION_DENIED", ""),
        ("authenticate", "PERMISSION_DENIED", "Invalid challenge"),
        ("software_update", "FAILED_PRECONDITION", "Software update stream not open"),
    ],
)
def test_it_refuses_in_the_words_of_a_real_dish(fleet: Fleet, case: str, code: str, said: str) -> None:
    assert refusal(fleet.address(), case) == (code, said)


@pytest.mark.parametrize(
    "data", [b"", b"\x08\x01", bytes([0xFA, 0xFF, 0x07, 0])], ids=["nothing", "id", "new"]
)
def test_a_request_it_does_not_know_is_unimplemented_nil(fleet: Fleet, data: bytes) -> None:
    with pytest.raises(grpc.RpcError) as error:
        send(fleet.address(), data)
    assert (error.value.code().name, error.value.details()) == ("UNIMPLEMENTED", "Unimplemented: <nil>")


def test_a_request_that_came_with_a_later_firmware_is_not_known() -> None:
    with dish_fleet(2, firmwares=(OLD, NEW)) as fleet:
        assert refusal(fleet.address(0), "dish_inhibit_rf") == ("UNIMPLEMENTED", "Unimplemented: <nil>")
        said = "Unimplemented: *device.Request_DishInhibitRf"
        assert refusal(fleet.address(1), "dish_inhibit_rf") == ("UNIMPLEMENTED", said)


def test_broken_bytes_do_not_harm_it(fleet: Fleet) -> None:
    with pytest.raises(grpc.RpcError) as error:
        send(fleet.address(), b"\xff\xff\xff")
    assert error.value.code().name == "INTERNAL"
    assert ask(fleet.address(), "get_status").HasField("dish_get_status")


@pytest.mark.parametrize(
    ("case", "member"),
    [
        ("get_status", "dish_get_status"),
        ("get_history", "dish_get_history"),
        ("get_device_info", "get_device_info"),
        ("get_diagnostics", "dish_get_diagnostics"),
        ("dish_get_config", "dish_get_config"),
        ("dish_get_obstruction_map", "dish_get_obstruction_map"),
        ("dish_clear_obstruction_map", "dish_clear_obstruction_map"),
        ("dish_stow", "dish_stow"),
        ("dish_inhibit_gps", "dish_inhibit_gps"),
        ("time", "time"),
        ("reboot", "reboot"),
    ],
)
def test_what_works_is_answered_by_its_own_member(case: str, member: str) -> None:
    with dish_fleet() as fleet:
        reply = ask(fleet.address(), case)
        assert (reply.WhichOneof("response"), reply.id, reply.api_version) == (member, 77, 42)


def test_sizes_are_those_of_a_real_dish(fleet: Fleet) -> None:
    """Measured on real ones: status 370 to 520 bytes, history 18.1 kB, map 60.5 kB."""
    sizes = [
        ask(fleet.address(), case).ByteSize()
        for case in ("get_status", "get_history", "dish_get_obstruction_map")
    ]
    assert 300 <= sizes[0] <= 520
    assert 18_000 <= sizes[1] <= 18_300
    assert 60_400 <= sizes[2] <= 60_600


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (LocationPolicy.NOT_ENABLED, "GetLocation requests are not enabled on this device"),
        (LocationPolicy.BY_POLICY, "Failed to get location: Disabled due to policy"),
    ],
)
def test_where_it_is_it_tells_only_if_it_may(policy: LocationPolicy, said: str) -> None:
    with dish_fleet(latitude_deg=50.45, longitude_deg=30.52, altitude_m=180.0) as fleet:
        fleet.set(location_policy=policy)
        assert refusal(fleet.address(), "get_location") == ("PERMISSION_DENIED", said)
        assert not ask(fleet.address(), "get_diagnostics").dish_get_diagnostics.HasField("location")
        fleet.set(location_policy=LocationPolicy.ENABLED)
        lla = ask(fleet.address(), "get_location").get_location.lla
        assert (lla.lat, lla.lon, lla.alt) == (50.45, 30.52, 180.0)
        assert ask(fleet.address(), "get_diagnostics").dish_get_diagnostics.location.latitude == 50.45


def test_controls_act_and_tell_their_owner() -> None:
    with dish_fleet(2) as fleet:
        here = fleet.address(1)
        ask(here, "dish_stow")
        ask(here, "dish_inhibit_gps", inhibit_gps=True)
        schedule = {"power_save_start_minutes": 60, "power_save_duration_minutes": 30}
        reply = ask(here, "dish_power_save", **schedule, enable_power_save=True)
        assert reply.WhichOneof("response") is None
        assert reply.HasField("status")  # bare and empty, as a real dish answers
        ask(here, "dish_clear_obstruction_map")
        fleet.advance()
        status = ask(here, "get_status").dish_get_status
        assert outage_name(status) == "STOWED"
        assert status.gps_stats.inhibit_gps
        assert (status.config.power_save_mode, status.config.power_save_start_minutes) == (True, 60)
        assert alerts_of(status) == ["obstruction_map_reset"]
        ask(here, "dish_stow", unstow=True)
        fleet.advance()
        assert outage_name(ask(here, "get_status").dish_get_status) == ""
        told = [(c.dish, c.act, dict(c.values)) for c in fleet.commands]
        assert told == [
            (dish_name(1), "stow", {}),
            (dish_name(1), "inhibit_gps", {"inhibit": 1}),
            (dish_name(1), "power_save", {"start_min": 60, "duration_min": 30, "enable": 1}),
            (dish_name(1), "clear_obstruction_map", {}),
            (dish_name(1), "unstow", {}),
        ]


@pytest.mark.parametrize(
    ("start", "duration", "enable"), [(0, 0, True), (0, 0, False), (0, 1441, True), (1440, 60, True)]
)
def test_a_schedule_that_cannot_be_is_refused(fleet: Fleet, start: int, duration: int, enable: bool) -> None:
    values = {"power_save_start_minutes": start, "power_save_duration_minutes": duration}
    code, _ = refusal(fleet.address(), "dish_power_save", **values, enable_power_save=enable)
    assert code == "INVALID_ARGUMENT"


def test_a_dish_without_power_refuses_connections_and_comes_back_at_its_port() -> None:
    with dish_fleet(2) as fleet:
        where, web = fleet.address(0), fleet.web_address(0)
        fleet.advance(15, cause=Cause.POWER_OFF)
        for address in (where, web):
            host, port = address.split(":")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, int(port)), timeout=5)
        fleet.advance(15)
        assert (fleet.address(0), fleet.web_address(0)) == (where, web)
        assert ask(where, "get_status").dish_get_status.device_info.bootcount == 2


def test_an_unplugged_dish_goes_on_by_itself() -> None:
    with dish_fleet() as fleet:
        fleet.set(unplugged=True)
        with pytest.raises(grpc.RpcError) as error:
            ask(fleet.address(), "get_status")
        assert error.value.code().name == "UNAVAILABLE"
        fleet.advance(10)
        fleet.set(unplugged=False)
        fleet.advance()
        status = ask(fleet.address(), "get_status").dish_get_status
        assert (status.device_info.bootcount, status.device_state.uptime_s) == (1, 131)


def test_a_stream_answers_each_request_in_order(fleet: Fleet) -> None:
    m = messages()
    asked = [
        m.ToDevice(request=m.Request(id=1, get_device_info=m.GetDeviceInfoRequest())),
        m.ToDevice(health_check=m.HealthCheck()),
        m.ToDevice(request=m.Request(id=2, get_status=m.GetStatusRequest())),
    ]
    with grpc.insecure_channel(fleet.address()) as channel:
        call = channel.stream_stream(STREAM)
        got = [
            m.FromDevice.FromString(d) for d in call(iter([a.SerializeToString() for a in asked]), timeout=10)
        ]
    assert [reply.WhichOneof("message") for reply in got] == ["response", "health_check", "response"]
    assert [got[0].response.id, got[2].response.id] == [1, 2]


def test_replies_of_a_second_are_alike_and_the_next_second_s_are_new(fleet: Fleet) -> None:
    fleet.advance(latency_ms=41.0)
    first = ask(fleet.address(), "get_status").dish_get_status
    assert ask(fleet.address(), "get_status").dish_get_status.pop_ping_latency_ms == first.pop_ping_latency_ms
    fleet.advance(latency_ms=42.0)
    assert ask(fleet.address(), "get_status").dish_get_status.pop_ping_latency_ms == 42.0


# Reflection.


@pytest.mark.parametrize("version", ["v1alpha", "v1"])
def test_it_lists_its_services(fleet: Fleet, version: str) -> None:
    answer = reflect(fleet.address(), version, list_services="*")
    assert {service.name for service in answer.list_services_response.service} == {
        "SpaceX.API.Device.Device",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("version", ["v1alpha", "v1"])
@pytest.mark.parametrize(("row", "folder"), [(0, "spacex/api"), (1, "spacex_api")])
def test_it_answers_by_symbol_in_its_own_layout_and_by_name_in_both(
    old_and_new: Fleet, version: str, row: int, folder: str
) -> None:
    where = old_and_new.address(row)
    for symbol in ("Device", "Device.Handle", "Request", "DishOutage.Cause", "DishGetStatusResponse.outage"):
        answer = reflect(where, version, file_containing_symbol=f"SpaceX.API.Device.{symbol}")
        first, *imports = files_in(answer)
        assert first.startswith(f"{folder}/device/")
        assert all(name.startswith((f"{folder}/", "google/")) for name in imports)
    for layout in ("spacex/api", "spacex_api"):
        files = files_in(reflect(where, version, file_by_filename=f"{layout}/device/device.proto"))
        assert next(iter(files)) == f"{layout}/device/device.proto"
        wanted = {name for file in files.values() for name in file.dependency}
        assert wanted <= set(files)  # whole: a client may build it at once


def test_what_it_describes_is_what_its_firmware_has(old_and_new: Fleet) -> None:
    for row, came, went in ((0, False, True), (1, True, False)):
        answer = reflect(
            old_and_new.address(row), "v1alpha", file_containing_symbol="SpaceX.API.Device.DishAlerts"
        )
        dish = next(file for name, file in files_in(answer).items() if name.endswith("/dish.proto"))
        alerts = next(message for message in dish.message_type if message.name == "DishAlerts")
        names = {field.name for field in alerts.field}
        assert ("no_ethernet_link" in names, "moving_too_fast_for_policy" in names) == (came, went)


def test_it_describes_its_own_reflection_and_says_what_it_lacks(fleet: Fleet) -> None:
    own = reflect(
        fleet.address(), "v1alpha", file_containing_symbol="grpc.reflection.v1alpha.ServerReflection"
    )
    assert list(files_in(own)) == ["grpc/reflection/v1alpha/reflection.proto"]
    for question in (
        {"file_containing_symbol": "SpaceX.API.Nothing"},
        {"file_by_filename": "spacex/api/nothing.proto"},
    ):
        assert reflect(fleet.address(), "v1", **question).error_response.error_code == 5


# Addresses.


def test_each_dish_has_a_loopback_address_of_its_own() -> None:
    assert [loopback_address(row) for row in (0, 1, 254, 255, 5000)] == [
        "127.64.0.1", "127.64.0.2", "127.64.0.255", "127.64.1.0", "127.64.19.137",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no address"):
        loopback_address(1 << 22)


def test_an_address_that_is_taken_says_so_and_leaves_nothing_open() -> None:
    async def serve_on_taken() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            dishes = Dishes([Identity(id="ut1")], start_s=START_S)
            with pytest.raises(BadInput, match=f"127.0.0.1:{port}"):
                async with serve(dishes, hosts=["127.0.0.1"], port=port, web_port=None):
                    pass
            with pytest.raises(BadInput, match=f"127.0.0.1:{port}"):
                async with serve(dishes, hosts=["127.0.0.1"], port=0, web_port=port):
                    pass

    asyncio.run(serve_on_taken())


def test_many_dishes_are_told_apart(fleet_of_40: Fleet) -> None:
    ids = {
        ask(fleet_of_40.address(row), "get_device_info").get_device_info.device_info.id for row in range(40)
    }
    assert len(ids) == 40


def test_the_pool_is_not_protobuf_s_own() -> None:
    from google.protobuf import descriptor_pool

    assert pool() is not descriptor_pool.Default()
