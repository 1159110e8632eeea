"""The fleet for Prometheus: what is newest of each terminal, by the names of the known dish exporters.

A name ``starlink_dish_*`` is used where danopstech/starlink_exporter and clarkzjw/starlink_exporter agree on
it, or the one that has it is the only one: their dashboards then work, with a label ``device_id`` more.  What
neither has is called ``openleo_terminal_*``.  No position is told.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from openleo.fleet.dayfile import NS
from openleo.fleet.sample import Sample

STALE_NS: Final = (
    5 * 60 * NS
)  # a terminal that was silent for so long is down, and nothing else is said of it
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_Value = Callable[[Sample], float | int | None]

# In bit/s though their names say bytes: that is what both exporters give, and their dashboards read.
_GAUGES: Final[tuple[tuple[str, str, _Value], ...]] = (
    ("starlink_dish_uptime_seconds", "since the dish started", lambda s: s.uptime_s),
    ("starlink_dish_boot_count", "starts of the dish", lambda s: s.boot),
    ("starlink_dish_pop_ping_drop_ratio", "share of pings lost", lambda s: s.ping_drop),
    ("starlink_dish_pop_ping_latency_seconds", "round trip to the point of presence",
     lambda s: None if s.ping_latency_ms is None else s.ping_latency_ms / 1e3),
    ("starlink_dish_downlink_throughput_bytes", "bit/s down (the name is the exporters')",
     lambda s: None if s.downlink_mbps is None else s.downlink_mbps * 1e6),
    ("starlink_dish_uplink_throughput_bytes", "bit/s up (the name is the exporters')",
     lambda s: None if s.uplink_mbps is None else s.uplink_mbps * 1e6),
    ("starlink_dish_fraction_obstruction_ratio", "share of time obstructed", lambda s: s.obstructed),
    ("starlink_dish_currently_obstructed", "1 while it is obstructed",
     lambda s: None if s.outage is None else s.outage == "OBSTRUCTED"),
    ("starlink_dish_gps_valid", "1 where it knows its place", lambda s: s.gps_valid),
    ("starlink_dish_gps_sats", "positioning satellites in use", lambda s: s.gps_satellites),
    ("starlink_dish_power_watt_current", "W", lambda s: s.power_w),
    ("openleo_terminal_signal_quality", "0 to 1", lambda s: s.signal_quality),
    ("openleo_terminal_stowed", "1 while it is folded", lambda s: s.stowed),
    ("openleo_terminal_reboot_possible_seconds", "until an update may restart it, -1 none waits",
     lambda s: s.reboot_in_s),
)  # fmt: skip
_ALERTS: Final = {
    "alert_slow_eth_speeds": (50, 51), "alert_power_supply_thermal_throttle": (52,),
    "alert_motors_stuck": (53,), "alert_mast_not_near_vertical": (54,), "alert_unexpected_location": (56,),
    "alert_moving_while_not_mobile": (59,), "alert_moving_too_fast_for_policy": (60,),
    "alert_thermal_shutdown": (80,), "alert_thermal_throttle": (81,), "alert_install_pending": (82,),
}  # fmt: skip


def fleet_metrics(latest: Mapping[str, Sample], now_ns: int) -> str:
    """Return what is newest of a fleet in Prometheus's text format."""
    ordered = [latest[name] for name in sorted(latest)]
    fresh = [one for one in ordered if now_ns - one.time_ns < STALE_NS and one.reachable]
    up = {one.terminal for one in fresh}
    lines: list[str] = []
    lines += _family("starlink_dish_up", "1 where it answered of late", (
        (f'device_id="{one.terminal}"', int(one.terminal in up)) for one in ordered
    ))  # fmt: skip
    lines += _family("openleo_terminal_last_seen_timestamp_seconds", "Unix time of its newest sample", (
        (f'device_id="{one.terminal}"', one.time_ns / NS) for one in ordered
    ))  # fmt: skip
    lines += _family("starlink_dish_info", "what it is and runs", ((_about(one), 1) for one in fresh))
    for name, help_, value in _GAUGES:
        told = ((f'device_id="{one.terminal}"', value(one)) for one in fresh)
        lines += _family(name, help_, ((labels, v) for labels, v in told if v is not None))
    for name, codes in _ALERTS.items():
        told = ((f'device_id="{one.terminal}"', int(any(c in codes for c in one.alerts))) for one in fresh)
        lines += _family(f"starlink_dish_{name}", "1 while the alert is active", told)
    lines += _family("starlink_dish_disablement_code", "1 with why service is refused, or OKAY", (
        (f'device_id="{one.terminal}",disablement_code="{_label(one.disablement)}"', 1)
        for one in fresh if one.disablement is not None
    ))  # fmt: skip
    lines += _family("openleo_terminal_outage", "1 with the cause of an outage that goes on", (
        (f'device_id="{one.terminal}",cause="{_label(one.outage)}"', 1) for one in fresh if one.outage
    ))  # fmt: skip
    return "\n".join(lines) + "\n"


def _family(name: str, help_: str, rows: "Iterator[tuple[str, float | int | None]]") -> list[str]:
    lines = [f"{name}{{{labels}}} {float(value or 0):.10g}" for labels, value in rows]
    return [f"# HELP {name} {help_}", f"# TYPE {name} gauge", *lines] if lines else []


def _about(one: Sample) -> str:
    software, country = _label(one.software), _label(one.country)
    return f'device_id="{one.terminal}",software_version="{software}",country_code="{country}"'


def _label(text: str | None) -> str:
    return (text or "").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
