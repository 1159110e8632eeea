"""Telemetry: what was seen of one terminal over a few seconds, by whoever saw it.

Samples of real and of modelled terminals are alike.  The names in ``ENTERPRISE`` are those of the vendor's
telemetry stream, so that what reads one reads the other.  This module imports little: agents of remote sites
use it.
"""

from dataclasses import dataclass
from typing import Final

PERIOD_S: Final = 15  # what a sample of a live terminal stands for


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One terminal over the ``period_s`` seconds that ended at ``time_ns`` (Unix, UTC).

    What the source does not tell is None; rates are means over the period, the rest holds at its end.
    ``boot`` and ``counter`` are the dish's own: its count of starts, and of seconds since the last one, so
    (terminal, boot, counter) names a moment whatever the clocks say.  ``alerts`` are codes of the vendor's
    telemetry.  ``outage`` is a cause as the terminal's API names it, "" for a terminal in service.
    """

    terminal: str
    time_ns: int
    period_s: int = PERIOD_S
    source: str  # dish, enterprise, model
    boot: int | None = None
    counter: int | None = None
    reachable: bool = True  # False: it was asked and did not answer
    downlink_mbps: float | None = None
    uplink_mbps: float | None = None
    ping_drop: float | None = None  # 0 to 1, to the point of presence
    ping_latency_ms: float | None = None
    obstructed: float | None = None  # 0 to 1, share of time, a moving average
    uptime_s: int | None = None
    signal_quality: float | None = None  # 0 to 1
    cell: int | None = None  # H3, resolution 5
    country: str | None = None  # ISO 3166 alpha-2
    software: str | None = None
    reboot_in_s: int | None = None  # until an update may restart it; -1 none waits
    alerts: tuple[int, ...] = ()
    outage: str | None = None
    outage_since_ns: int | None = None  # Unix
    disablement: str | None = None  # OKAY, or why service is refused
    power_w: float | None = None
    gps_valid: bool | None = None
    gps_satellites: int | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    stowed: bool | None = None


# Field of a Sample -> column of the vendor's telemetry stream (v2), where it has one.
ENTERPRISE: Final = {
    "terminal": "DeviceId",
    "time_ns": "UtcTimestampNs",
    "downlink_mbps": "DownlinkThroughput",
    "uplink_mbps": "UplinkThroughput",
    "ping_drop": "PingDropRateAvg",
    "ping_latency_ms": "PingLatencyMsAvg",
    "obstructed": "ObstructionPercentTime",
    "uptime_s": "Uptime",
    "signal_quality": "SignalQuality",
    "cell": "H3CellId",
    "reboot_in_s": "SecondsUntilSwupdateRebootPossible",
    "software": "RunningSoftwareVersion",
    "alerts": "ActiveAlerts",
    "country": "CountryCode",
}

# Codes of ``alerts``, as the vendor's telemetry names them.
ALERTS: Final = {
    50: "ethernet_slow_10mbps",
    51: "ethernet_slow_100mbps",
    52: "power_supply_thermal_throttling",
    53: "actuator_motor_stuck",
    54: "mast_not_vertical",
    55: "disabled_no_active_service_line",
    56: "disabled_too_far_from_service_address",
    57: "disabled_no_service_in_ocean",
    58: "disabled_invalid_country",
    59: "moving_while_not_mobile",
    60: "disabled_moving_too_fast",
    61: "power_disconnect_detected",
    62: "pop_change",
    63: "unable_to_align",
    66: "high_time_obstruction",
    80: "thermal_shutdown",
    81: "thermal_throttling",
    82: "software_update_reboot_pending",
    83: "disabled_blocked_country",
    84: "disabled_data_usage_exceeded_quota",
    89: "disabled_cell_is_disabled",
}
