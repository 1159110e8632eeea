"""Telemetry: what was seen of one terminal over a few seconds, by whoever saw it.

Samples of real and of modelled terminals are alike.  The names in ``ENTERPRISE`` are those of the vendor's
telemetry stream, so that what reads one reads the other.  This module imports little: agents of remote sites
use it.  The bounds are what a batch is held to when it is read; Python code that makes samples is trusted.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta

PERIOD_S: Final = 15  # what a sample of a live terminal stands for
MOST_INT: Final = 2**63 - 1  # of a database's column

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+\Z")]
Word = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[a-z0-9-]+\Z")]
Text = Annotated[str, Meta(max_length=128)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
Count = Annotated[int, Meta(ge=0, le=MOST_INT)]
Seconds = Annotated[int, Meta(ge=-1, le=MOST_INT)]
Period = Annotated[int, Meta(ge=1, le=3_600)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=1e9)]
Code = Annotated[int, Meta(ge=0, le=65_535)]
Codes = Annotated[tuple[Code, ...], Meta(max_length=64)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One terminal over the ``period_s`` seconds that ended at ``time_ns`` (Unix, UTC).

    What the source does not tell is None; rates are means over the period, the rest holds at its end.
    ``boot`` and ``counter`` are the dish's own: its count of starts, and of seconds since the last one, so
    (terminal, boot, counter) names a moment whatever the clocks say.  ``alerts`` are codes of the vendor's
    telemetry.  ``outage`` is a cause as the terminal's API names it, "" for a terminal in service.
    """

    terminal: Name
    time_ns: Count
    period_s: Period = PERIOD_S
    source: Word  # dish, enterprise, model
    boot: Count | None = None
    counter: Count | None = None
    reachable: bool = True  # False: it was asked and did not answer
    downlink_mbps: Amount | None = None
    uplink_mbps: Amount | None = None
    ping_drop: Share | None = None  # 0 to 1, to the point of presence
    ping_latency_ms: Amount | None = None
    obstructed: Share | None = None  # 0 to 1, share of time, a moving average
    uptime_s: Count | None = None
    signal_quality: Share | None = None  # 0 to 1
    cell: Count | None = None  # H3, resolution 5
    country: Country | None = None  # ISO 3166 alpha-2
    software: Text | None = None
    reboot_in_s: Seconds | None = None  # until an update may restart it; -1 none waits
    alerts: Codes = ()
    outage: Text | None = None
    outage_since_ns: Count | None = None  # Unix
    disablement: Text | None = None  # OKAY, or why service is refused
    power_w: Amount | None = None
    gps_valid: bool | None = None
    gps_satellites: Count | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
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
