"""Reading dishes, real ones and what is none: every call ends in a message or a named error, in time."""

import asyncio
import contextlib
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import hostile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dish_fleet import Fleet, dish_fleet, dish_name
from openleo.base.errors import BadInput
from openleo.dish.connecting import split_address
from openleo.dish.errors import HINTS, from_status
from openleo.dish.inputs import LocationPolicy
from openleo.dish.protocol import messages
from openleo.dish.reading import Dish, DishError, Reading, outage_name
from openleo.dish.web_calls import frame
from openleo.snapshot.causes import Cause

Ask = Callable[[Dish], Awaitable[Any]]


def ask(address: str, what: Ask, **how: Any) -> Any:
    """Ask one dish once."""

    async def go() -> Any:
        async with Dish(address, **how) as dish:
            return await what(dish)

    return asyncio.run(go())


def status_of(address: str, **how: Any) -> Any:
    return ask(address, lambda dish: dish.status(), **how)


def error_of(address: str, **how: Any) -> DishError:
    with pytest.raises(DishError) as error:
        status_of(address, **how)
    return error.value


@pytest.fixture(params=[False, True], ids=["grpc", "web"])
def web(request: pytest.FixtureRequest) -> bool:
    """Both ways to a dish."""
    return bool(request.param)


def where(fleet: Fleet, web: bool, row: int = 0) -> str:
    return fleet.web_address(row) if web else fleet.address(row)


def test_everything_there_is_to_ask_is_answered_both_ways(web: bool) -> None:
    with dish_fleet(latitude_deg=50.0, location_policy=LocationPolicy.ENABLED) as fleet:

        async def all_of(dish: Dish) -> None:
            assert (await dish.status()).device_info.id == dish_name(0)
            assert (await dish.history()).current == 120
            assert (await dish.device_info()).bootcount == 1
            assert (await dish.location()).lla.lat == 50.0
            assert (await dish.config()).location_request_mode == 1
            assert len((await dish.obstruction_map()).snr) == 123 * 123
            assert (await dish.diagnostics()).location.latitude == 50.0

        ask(where(fleet, web), all_of, web=web)


def test_everything_there_is_to_tell_is_done_both_ways(web: bool) -> None:
    with dish_fleet() as fleet:

        async def all_of(dish: Dish) -> None:
            await dish.stow()
            await dish.unstow()
            await dish.power_save(60, 30)
            await dish.inhibit_gps(True)
            await dish.inhibit_gps(False)
            await dish.clear_obstruction_map()
            with pytest.raises(DishError, match="Invalid power save") as error:
                await dish.power_save(0, 0, enable=False)
            assert error.value.kind == "refused"
            await dish.reboot()

        ask(where(fleet, web), all_of, web=web)
        acts = [command.act for command in fleet.commands]
        assert acts == [
            "stow", "unstow", "power_save", "inhibit_gps", "inhibit_gps", "clear_obstruction_map", "reboot",
        ]  # fmt: skip


def test_a_reading_has_all_and_says_what_was_not_told(fleet: Fleet, web: bool) -> None:
    reading: Reading = ask(where(fleet, web), lambda dish: dish.read(), web=web)
    assert outage_name(reading.status) == ""
    assert reading.device_info.id == dish_name(0)
    assert reading.history.current >= 120
    assert (reading.location, reading.not_told) == (None, {"location": "denied"})
    assert (reading.unknown, reading.unknown_values) == ((), ())


def test_what_nobody_knows_is_reported_and_kept(web: bool) -> None:
    with dish_fleet() as fleet:
        fleet.dishes.odd_values[0] = {"disablement_code": 77, "mobility_class": 9}
        fleet.dishes.odd_fields[0] = bytes([0xF2, 0xFF, 0x07, 2, 7, 7])  # field 16382
        reading = ask(where(fleet, web), lambda dish: dish.read(), web=web)
        assert reading.unknown == ("DishGetStatusResponse.16382",)
        assert reading.unknown_values == (
            "DishGetStatusResponse.disablement_code=77",
            "DishGetStatusResponse.mobility_class=9",
        )
        assert reading.status.SerializeToString().endswith(bytes([0xF2, 0xFF, 0x07, 2, 7, 7]))


@pytest.mark.parametrize(
    ("case", "kind"),
    [("location", "denied"), ("wifi", "unsupported")],
)
def test_a_dish_s_no_has_its_kind(fleet: Fleet, web: bool, case: str, kind: str) -> None:
    async def go(dish: Dish) -> None:
        asked = dish.location() if case == "location" else dish._ask("wifi_get_clients", "wifi_get_clients")
        with pytest.raises(DishError) as error:
            await asked
        assert error.value.kind == kind
        assert fleet.address().partition(":")[0] in error.value.detail

    ask(where(fleet, web), go, web=web)


# The ways to a dish.


def test_it_falls_back_to_grpc_web_and_stays_there(fleet: Fleet) -> None:
    async def go(dish: Dish) -> None:
        assert (await dish.status()).device_info.id == dish_name(0)
        assert dish.over_web
        assert (await dish.history()).current > 0

    closed = f"127.0.0.1:{hostile.free_port()}"
    ask(closed, go, web_port=fleet.web_port())
    error = error_of(closed, web=False)
    assert error.kind == "unreachable"


def test_a_silent_grpc_port_leaves_time_for_grpc_web(fleet: Fleet) -> None:
    """A stateless firewall drops what it does not know: then 9201 must still be tried, in time."""
    with hostile.tcp(hostile.silence) as (silent, _):
        begun = time.monotonic()
        status = status_of(silent, web_port=fleet.web_port(), timeout_s=2.0)
        assert status.device_info.id == dish_name(0)
        assert time.monotonic() - begun < 2.0 + 0.5 + 1.0


def test_it_finds_back_to_a_dish_that_was_off(web: bool) -> None:
    with dish_fleet() as fleet:

        async def go(dish: Dish) -> None:
            await dish.status()
            fleet.advance(cause=Cause.POWER_OFF)
            with pytest.raises(DishError) as error:
                await dish.status()
            assert error.value.kind == "unreachable"
            fleet.advance()
            assert (await dish.status()).device_info.bootcount == 2

        ask(where(fleet, web), go, web=web)


def test_it_connects_from_the_source_it_is_given(fleet: Fleet, web: bool) -> None:
    """Every real dish has one address: a site with several tells them apart by where it asks from."""
    host, port = where(fleet, web).split(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, far = await asyncio.open_connection(host, int(port))

        async def pump(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            while data := await one.read(1 << 16):
                other.write(data)
            other.close()

        try:
            await asyncio.gather(pump(reader, far), pump(back, writer))
        finally:
            far.transport.abort()

    for source, seen in (("127.0.0.77", "127.0.0.77"), ("lo", "127.0.0.1"), (None, "127.0.0.1")):
        with hostile.tcp(pass_on) as (address, came):
            assert status_of(address, web=web, source=source).device_info.id == dish_name(0)
            assert set(came) == {seen}


@pytest.mark.parametrize("source", ["192.0.2.1", "no-such-dev"])
def test_a_source_that_this_machine_lacks_is_named(fleet: Fleet, web: bool, source: str) -> None:
    error = error_of(where(fleet, web), web=web, source=source)
    assert error.kind == "unreachable"
    assert source in error.detail
    assert "ip address" in error.hint


def test_calls_may_overlap(fleet: Fleet, web: bool) -> None:
    async def go(dish: Dish) -> None:
        got = await asyncio.gather(*(dish.status() for _ in range(30)), *(dish.history() for _ in range(10)))
        assert len(got) == 40

    ask(where(fleet, web), go, web=web)


@pytest.mark.parametrize("source", [None, "127.0.0.9"])
def test_calls_that_overlap_over_a_failure_all_end_in_dish_errors(source: str | None) -> None:
    """One that gives up must not tear another's call away as if the program had cancelled it."""

    async def go(dish: Dish) -> None:
        async def later(pause_s: float) -> str:
            await asyncio.sleep(pause_s)
            with pytest.raises(DishError) as error:
                await dish.status()
            return error.value.kind

        kinds = await asyncio.gather(*(later(0.1 * n) for n in range(12)))
        assert set(kinds) <= {"slow", "unreachable", "garbage"}

    for serve in (hostile.silence, hostile.hangs_up):
        with hostile.tcp(serve) as (address, _):
            ask(address, go, web=False, timeout_s=0.5, source=source)


def test_a_call_that_is_cancelled_is_cancelled() -> None:
    async def go(dish: Dish) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await dish.status()

    with hostile.tcp(hostile.silence) as (address, _):
        ask(address, go, web=False)
        ask(address, go, web=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.168.100.1", ("192.168.100.1", 9200)),
        ("192.168.100.1:5000", ("192.168.100.1", 5000)),
        (" dish.example:1 ", ("dish.example", 1)),
        ("[fe80::1]:77", ("fe80::1", 77)),
        ("[::1]", ("::1", 9200)),
        ("::1", ("::1", 9200)),
    ],
)
def test_addresses_are_read(text: str, found: tuple[str, int]) -> None:
    assert split_address(text) == found


@pytest.mark.parametrize("text", ["", ":9200", "dish:0", "dish:99999", "dish:x", "http://dish", "a b", "u@d"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write it as|" + "has no port|not the address"):
        Dish(text)


# What is no dish.

_WEB_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\n"


@pytest.mark.parametrize(
    ("serve", "kinds"),
    [
        (hostile.silence, {"slow"}),
        (hostile.noise, {"garbage"}),
        (hostile.hangs_up, {"garbage", "unreachable"}),
        (hostile.web_page, {"garbage"}),
        (hostile.ssh, {"garbage"}),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_what_does_not_speak_the_protocol_is_named_in_time(
    web: bool, serve: hostile.Serve, kinds: set[str]
) -> None:
    with hostile.tcp(serve) as (address, _):
        begun = time.monotonic()
        error = error_of(address, web=web, timeout_s=1.0)
        assert error.kind in kinds, error.detail
        assert address in error.detail
        assert error.hint == HINTS[error.kind]
        assert time.monotonic() - begun < 1.0 + 0.5 + 1.5  # the machine may be busy


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_WEB_OK + b"Content-Length: 0\r\n\r\n", "garbage"),  # how a dish answers a page of another origin
        (_WEB_OK + b"Content-Length: 12345678901\r\n\r\n", "too-big"),
        (_WEB_OK + b"Content-Length: 1000000\r\n\r\n", "too-big"),
        (_WEB_OK + b"Content-Length: -5\r\n\r\n", "garbage"),
        (_WEB_OK + b"Content-Length: 50\r\n\r\nshort", "garbage"),
        (_WEB_OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "garbage"),
        (_WEB_OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", "too-big"),
        (_WEB_OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", "too-big"),
        (_WEB_OK + b"\r\n" + frame(0, b"\xff\xff\xff"), "garbage"),
        (_WEB_OK + b"\r\n" + b"\x00\xff\xff\xff\xff" + b"x", "garbage"),
        (_WEB_OK + b"\r\n" + frame(1, b"compressed"), "garbage"),
        (_WEB_OK + b"\r\n" + frame(0, b"") + frame(0, b""), "garbage"),
        (
            _WEB_OK + b"\r\n" + frame(0, b"") + frame(128, b"grpc-status:0\r\n"),
            "garbage",
        ),  # an empty Response
        (_WEB_OK + b"\r\n" + frame(128, b"grpc-status:7\r\ngrpc-message:no%20\r\n"), "denied"),
        (_WEB_OK + b"grpc-status: 12\r\n\r\n", "unsupported"),
        (_WEB_OK + b"\r\n" + frame(128, b"grpc-status:99999999999\r\n"), "refused"),
        (b"HTTP/1.1 abc\r\n\r\n", "garbage"),
        (b"HTTP/1.1\r\n\r\n", "garbage"),
        (b"\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "garbage"),
    ],
)
def test_broken_grpc_web_replies_are_named(answer: bytes, kind: str) -> None:
    with hostile.tcp(hostile.says(answer)) as (address, _):
        error = error_of(address, web=True, timeout_s=2.0)
        assert error.kind == kind, error.detail


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        (hostile.endless(b"HTTP/1.1 200 OK\r\n", b"x" * 1000), "garbage"),
        (hostile.endless(_WEB_OK + b"\r\n", b"\0" * 5000), "too-big"),
        (
            hostile.endless(
                _WEB_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"
            ),
            "too-big",
        ),
        (hostile.drips(_WEB_OK + b"X: "), "slow"),
        (hostile.drips(_WEB_OK + b"Content-Length: 5000\r\n\r\n"), "slow"),
    ],
    ids=["head", "body", "chunks", "slow head", "slow body"],
)
def test_endless_replies_end_in_bounded_time_and_memory(serve: hostile.Serve, kind: str) -> None:
    with hostile.tcp(serve) as (address, _):
        tracemalloc.start()
        try:
            error = error_of(address, web=True, timeout_s=1.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert error.kind == kind, error.detail
        assert peak < 8_000_000


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"", "garbage"),
        (b"\xff\xff\xff", "garbage"),
        (bytes(range(256)) * 4, "garbage"),
        (b"\0" * 300_000, "too-big"),
        (b"\0" * 50_000_000, "too-big"),
    ],
    ids=["empty", "broken", "bytes", "300 kB", "50 MB"],
)
def test_broken_grpc_replies_are_named(reply: bytes, kind: str) -> None:
    with hostile.grpc_dish(lambda request, context: reply) as address:
        error = error_of(address, web=False)
        assert error.kind == kind, error.detail


_WEIGHED = """
import asyncio, sys
from openleo.dish.reading import Dish, DishError

async def ask():
    async with Dish(sys.argv[1], web=sys.argv[2] == "web") as dish:
        for _ in range(3):
            try:
                await dish.status()
            except DishError as error:
                print(error.kind)
asyncio.run(ask())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_a_reply_of_50_megabytes_is_not_held(web: bool) -> None:
    huge = b"\0" * 50_000_000
    made = (
        hostile.tcp(hostile.endless(_WEB_OK + b"\r\n", huge[:1_000_000]))
        if web
        else hostile.grpc_dish(lambda request, context: huge)
    )
    with made as served:
        address = served[0] if isinstance(served, tuple) else served
        command = [sys.executable, "-c", _WEIGHED, address, "web" if web else "grpc"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    *kinds, peak_kb = done.stdout.split()
    assert kinds == ["too-big"] * 3
    assert int(peak_kb) < 64_000


def test_a_router_at_the_dish_s_address_is_told_from_a_dish() -> None:
    m = messages()
    router = m.Response(wifi_get_status=m.WifiGetStatusResponse()).SerializeToString()
    with hostile.grpc_dish(lambda request, context: router) as address:
        error = error_of(address)
        assert error.kind == "unsupported"
        assert "wifi_get_status" in error.detail


def test_a_slow_dish_is_slow_and_not_asked_again_the_other_way(fleet: Fleet) -> None:
    """What it got it may have done: a request that acts must not be sent twice."""

    def late(request: bytes, context: Any) -> bytes:
        time.sleep(1.5)
        return b""

    with hostile.grpc_dish(late) as address:
        before = len(fleet.commands)

        async def go(dish: Dish) -> None:
            with pytest.raises(DishError) as error:
                await dish.stow()
            assert error.value.kind == "slow"

        ask(address, go, timeout_s=1.0, web_port=fleet.web_port())
        assert len(fleet.commands) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda b: b"\xa2\x7d" + b)))
def test_any_reply_is_a_message_or_a_dish_error(data: bytes) -> None:
    """0xa2 0x7d opens member 2004, the status: what follows is parsed as one."""
    body = frame(0, data) + frame(128, b"grpc-status:0\r\n")
    answer = _WEB_OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with hostile.tcp(hostile.says(answer)) as (address, _), contextlib.suppress(DishError):
        outage_name(status_of(address, web=True, timeout_s=5.0))


@pytest.mark.parametrize("code", range(1, 17))
def test_every_grpc_status_has_a_kind(code: int) -> None:
    assert from_status(code, "why", "here").kind in HINTS
