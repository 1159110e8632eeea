"""What the documentation says of each served field, against what is served."""

import math
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dish_fleet import START_S
from openleo.dish import replies
from openleo.dish.handling import Handler
from openleo.dish.inputs import Identity, LocationPolicy, Seconds
from openleo.dish.protocol import messages
from openleo.dish.served_fields import rows
from openleo.dish.terminal import Dishes
from openleo.ground.masks import MASK_BINS
from openleo.snapshot.causes import Cause

ROOT = Path(__file__).resolve().parents[2]
ALERTS = (1 << 23) - 1


def varied() -> Dishes:
    """Return dishes as unlike as can be, after lives as unlike as can be."""
    kinds = [
        Identity(id="a", hardware="rev4_prod1", software="2026.06.12.mr81164", country="UA",
                 latitude_deg=50.0, longitude_deg=30.0, altitude_m=100.0,
                 location_policy=LocationPolicy.ENABLED),
        Identity(id="b", hardware="hp1_proto1", software="2026.06.02.cr80873", country="PL",
                 latitude_deg=-3.0, longitude_deg=-60.0, altitude_m=5.0,
                 boresight_azimuth_deg=200.0, boresight_elevation_deg=60.0,
                 has_actuators=True, mobility="MOBILE", service="BUSINESS", routers=("Router-1",),
                 location_policy=LocationPolicy.ENABLED),
        *(Identity(id=f"c{n}") for n in range(20)),
    ]  # fmt: skip
    horizon = np.zeros((len(kinds), MASK_BINS), np.float32)
    horizon[1] = 0.6
    return Dishes(kinds, start_s=START_S, horizon_rad=horizon)


def lived() -> Iterator[Dishes]:
    """Yield the dishes at moments of their lives."""
    dishes = varied()
    count = len(dishes)
    causes = [c for c in Cause if c not in (Cause.IDLE, Cause.POWER_OFF)]
    yield dishes
    dishes.alerts[1] = ALERTS
    dishes.gps_valid[1] = False
    dishes.gps_satellites[2] = 7
    dishes.speed_m_s[1] = 5.0
    dishes.staged[3] = "2026.06.12.mr81164"
    for act, values in (
        ("stow", {}),
        ("power_save", {"start_min": 800, "duration_min": 100, "enable": 1}),
        ("inhibit_gps", {"inhibit": 1}),
        ("clear_obstruction_map", {}),
    ):
        dishes.command(4, act, values)  # type: ignore[arg-type]
    dishes.command(5, "reboot")
    for step in range(8):
        how = {"latency_ms": 30.0 + step, "power_w": 50.0 + step, "drop": 0.1 * (step % 2)}
        rates = {"downlink_bps": step * 1e5, "uplink_bps": step * 1e4}
        alike = Seconds.alike(dishes.now_s, dishes=count, seconds=20, **how, **rates)
        fields: dict[str, Any] = {name: getattr(alike, name) for name in alike.__slots__}
        cause = np.zeros((20, count), np.uint8)
        cause[:, 6:] = [causes[(column + step) % len(causes)] for column in range(6, count)]
        cause[:3, 1] = Cause.OBSTRUCTED
        cause[:, 7] = Cause.POWER_OFF if step == 3 else cause[:, 7]
        fields["cause"] = cause
        fields["switched"] = cause > 0 if step % 2 else cause > 200
        fields["satellite_azimuth_rad"] = np.full((20, count), 0.5 * step, np.float32)
        fields["satellite_elevation_rad"] = np.linspace(0.2, 1.5, 20 * count, dtype=np.float32).reshape(
            20, -1
        )
        dishes.advance(Seconds(**fields))
        yield dishes
    alike = Seconds.alike(dishes.now_s, dishes=count, seconds=100, cause=Cause.NO_SATS)
    dishes.advance(alike)
    yield dishes
    from openleo.dish.causes import OUTAGES

    for name in ("NO_DOWNLINK", "ACTUATOR_ACTIVITY", "THERMAL_SHUTDOWN"):  # the model has none of these yet
        dishes.outage[:] = OUTAGES[name]
        yield dishes


def all_replies(dishes: Dishes) -> Iterator[Any]:
    """Yield every reply of every dish."""
    m = messages()
    for row in range(len(dishes)):
        one = dishes.terminal(row)
        yield from (replies.status(one), replies.history(one), replies.diagnostics(one))
        yield from (replies.location(one), replies.obstruction_map(one))
        yield m.GetDeviceInfoResponse(device_info=replies.device_info(one))
        yield m.DishGetConfigResponse(dish_config=replies.config(one))
        if one.reachable:
            handler = Handler(one)
            asked = (
                m.Request(time=m.GetTimeRequest()),
                m.Request(dish_inhibit_gps=m.DishInhibitGpsRequest(inhibit_gps=row == 0)),
            )
            for request in asked:
                reply = m.Response.FromString(handler.handle(request.SerializeToString()))
                yield getattr(reply, reply.WhichOneof("response"))


def collect(message: Any, found: dict[str, set[str]]) -> None:
    """Note the value of every field of a message, set or not."""
    name = message.DESCRIPTOR.full_name.removeprefix("SpaceX.API.Device.")
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        key = f"{name}.{field.name}"
        if field.is_repeated:
            found.setdefault(key, set()).add(str(hash(str(list(value)))) if len(value) else "")
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                for part in value:
                    collect(part, found)
        elif field.message_type is not None:
            present = message.HasField(field.name)
            found.setdefault(key, set()).add(str(value) if present else "")
            if present:
                collect(value, found)
        else:
            text = "nan" if isinstance(value, float) and math.isnan(value) else str(value)
            found.setdefault(key, set()).add("" if value == field.default_value else text)


def test_the_table_tells_the_truth_of_every_served_field() -> None:
    found: dict[str, set[str]] = {}
    for dishes in lived():
        for reply in all_replies(dishes):
            collect(reply, found)
    wrong = []
    for row in rows():
        values = found.get(row.field, {""})
        true = {"state": len(values) > 1, "constant": len(values - {""}) == 1, "absent": values == {""}}
        if not true[row.carried]:
            wrong.append(f"{row.field} is said to be {row.carried}, but had {sorted(values)[:4]}")
    assert wrong == []


def test_the_page_has_the_table() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "write_terminal_api.py"))
    written = script["PAGE"].read_text(encoding="utf-8")
    assert written == script["page"](written), "run docs/write_terminal_api.py"
