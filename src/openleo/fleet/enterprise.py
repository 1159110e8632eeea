"""Telemetry in the shapes of the vendor's account API (v2), so that collectors of that read this.

Shapes are those that public collectors rely on: columns by name for each type of device, codes of alerts
explained beside them; and, for what is newest, one object a terminal.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from openleo.fleet.dayfile import NS
from openleo.fleet.sample import ALERTS, ENTERPRISE, Sample

RETENTION_NS: Final = 8 * 3_600 * NS  # so far back the stream reaches
COLUMNS: Final = (
    "DeviceType", "UtcTimestampNs", "DeviceId", "DownlinkThroughput", "UplinkThroughput", "PingDropRateAvg",
    "PingLatencyMsAvg", "ObstructionPercentTime", "Uptime", "SignalQuality", "H3CellId",
    "SecondsUntilSwupdateRebootPossible", "RunningSoftwareVersion", "ActiveAlerts", "CountryCode",
)  # fmt: skip
_OURS: Final = {theirs: ours for ours, theirs in ENTERPRISE.items()}
_TYPES: Final = {"u": "UserTerminal", "r": "Router", "d": "UserTerminalDataUsage", "i": "IpAllocs"}
_METADATA: Final = {
    "enums": {
        "DeviceType": _TYPES,
        "AlertsByDeviceType": {"u": {str(code): name for code, name in ALERTS.items()}, "r": {}, "i": {}},
    }
}

# What the object of a terminal calls an alert: by its code, or by why service is refused.
_ALERTS: Final = {
    50: "EthernetSlowLink10", 51: "EthernetSlowLink100", 52: "PsuOtpThrottling", 53: "ActuatorMotorStuck",
    54: "MastNotVertical", 55: "DisabledNoActiveServiceLine", 56: "DisabledTooFarFromServiceAddress",
    57: "DisabledNoServiceInOcean", 58: "DisabledBlockedCountry", 60: "DisabledMovingTooFast",
    62: "PopChange", 63: "UnableToAlign", 66: "HighTimeObstruction", 82: "SoftwareUpdateRebootPending",
    83: "DisabledBlockedCountry", 84: "DisabledDataUsageExceededQuota", 89: "DisabledCellIsDisabled",
}  # fmt: skip
_REFUSALS: Final = {
    "ROAM_RESTRICTED": "DisabledRoamRestricted", "UNKNOWN_LOCATION": "DisabledUnknownLocation",
    "ACCOUNT_DISABLED": "DisabledAccountDisabled", "UNSUPPORTED_VERSION": "DisabledUnsupportedSoftware",
    "DATA_OVERAGE_SANDBOX_POLICY": "DataOverageRateLimited",
}  # fmt: skip


def stream_answer(samples: Iterable[Sample]) -> dict[str, Any]:
    """Return the answer of the stream: rows of user terminals that answered, as they came."""
    return {
        "data": {
            "values": [_values(one) for one in samples if one.reachable],
            "columnNamesByDeviceType": {"u": list(COLUMNS), "r": [], "i": []},
        },
        "metadata": _METADATA,
    }


def _values(sample: Sample) -> list[Any]:
    row: list[Any] = ["u"]
    for name in COLUMNS[1:]:
        value = getattr(sample, _OURS[name])
        if name == "PingLatencyMsAvg" and value is not None:
            value = round(value)
        row.append(list(value) if name == "ActiveAlerts" else value)
    return row


def query_answer(
    latest: Mapping[str, Sample],
    wanted: Collection[str] | None,
    *,
    terminals: bool = True,
    routers: bool = True,
) -> dict[str, Any]:
    """Return the answer of the query: what is newest of each terminal, or of those that are wanted."""
    found = {
        name: _object(sample)
        for name, sample in latest.items()
        if sample.reachable and (wanted is None or name in wanted)
    }
    return {
        "content": {"userTerminals": found if terminals else None, "routers": {} if routers else None},
        "errors": [],
        "warnings": [],
        "information": [],
        "isValid": True,
    }


def _object(one: Sample) -> dict[str, Any]:
    active = {_ALERTS[code] for code in one.alerts if code in _ALERTS}
    if one.disablement in _REFUSALS:
        active.add(_REFUSALS[one.disablement])
    at = datetime.fromtimestamp(one.time_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "userTerminalId": one.terminal,
        "timestamp": f"{at}.{one.time_ns % NS // 10**6:03}Z",
        "uptimeSeconds": one.uptime_s,
        "softwareVersion": one.software,
        "downlinkThroughputMbps": one.downlink_mbps,
        "uplinkThroughputMbps": one.uplink_mbps,
        "popPingDropRateAvg": one.ping_drop,
        "popPingLatencyMsAvg": None if one.ping_latency_ms is None else round(one.ping_latency_ms),
        "obstructionPercentTime": one.obstructed,
        "signalQuality": one.signal_quality,
        "countryCode": one.country,
        "inTerritorialWaters": None,
        "h3CellId": None if one.cell is None else f"{one.cell:x}",
        "secondsUntilSoftwareUpdateRebootPossible": one.reboot_in_s,
        **{f"alert{name}": name in active for name in sorted({*_ALERTS.values(), *_REFUSALS.values()})},
        "ipAllocations": None,
    }
