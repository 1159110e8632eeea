"""Which fields of a served dish carry state, which are constant, which are never sent, and why.

The table in docs/terminal-api.md is written from this (`docs/write_terminal_api.py`), and a test holds it
against what is served: every field has a row, ``state`` takes different values, ``constant`` one, ``absent``
none.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from openleo.dish.firmware import NEWEST, firmware
from openleo.dish.protocol import PACKAGE, message_class

Carried = Literal["state", "constant", "absent"]

ROOTS: Final = (
    "DishGetStatusResponse",
    "DishGetHistoryResponse",
    "GetDeviceInfoResponse",
    "GetLocationResponse",
    "DishGetObstructionMapResponse",
    "DishGetConfigResponse",
    "DishGetDiagnosticsResponse",
    "DishInhibitGpsResponse",
    "GetTimeResponse",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One field, by ``Message.field``, and what it carries."""

    field: str
    number: int
    carried: Carried
    why: str


_NO_ROUTER: Final = "the router is no part of the model"
_NO_BATTERY: Final = "no modelled kind has that part"
_NO_MEASURE: Final = "the model has no such measure"
_AS_SET: Final = "set by who serves the dish"

# Message -> field -> (carried, why).  A message's fields that are not named fall under "*".
_TABLE: Final[dict[str, dict[str, tuple[Carried, str]]]] = {
    "DishGetStatusResponse": {
        "device_info": ("state", "see DeviceInfo"),
        "device_state": ("state", "see DeviceState"),
        "seconds_to_first_nonempty_slot": ("state", "0 in service, -1 (not known) in an outage"),
        "pop_ping_drop_rate": ("state", "the last second's loss"),
        "obstruction_stats": ("state", "see DishObstructionStats"),
        "alerts": ("state", "see DishAlerts"),
        "downlink_throughput_bps": ("state", "the last second's rate in use"),
        "uplink_throughput_bps": ("state", "the last second's rate in use"),
        "pop_ping_latency_ms": ("state", "the last second's"),
        "stow_requested": ("state", "dish_stow"),
        "boresight_azimuth_deg": ("state", "where the terminal points"),
        "boresight_elevation_deg": ("state", "where the terminal points"),
        "outage": ("state", "the present cause; absent while connected"),
        "gps_stats": ("state", "see DishGpsStats"),
        "eth_speed_mbps": ("constant", "1000: " + _NO_ROUTER),
        "mobility_class": ("state", "the terminal's plan"),
        "is_snr_above_noise_floor": ("state", "false in NO_SATS, OBSTRUCTED, NO_DOWNLINK and BOOTING"),
        "ready_states": ("state", "see DishReadyStates"),
        "class_of_service": ("state", "the terminal's plan"),
        "software_update_state": ("state", "REBOOT_REQUIRED while an update waits"),
        "is_snr_persistently_low": ("state", "after 60 s of NO_DOWNLINK (assumed)"),
        "has_actuators": ("state", "the terminal's kind"),
        "disablement_code": ("state", "policy"),
        "has_signed_cals": ("constant", "true, as on real dishes"),
        "software_update_stats": ("state", "see SoftwareUpdateStats"),
        "alignment_stats": ("state", "see AlignmentStats"),
        "initialization_duration_seconds": ("state", "see InitializationDurationSeconds"),
        "is_cell_disabled": ("state", "policy: CELL_IS_DISABLED"),
        "swupdate_reboot_ready": ("state", "an update waits"),
        "seconds_until_swupdate_reboot_possible": ("state", "0 while an update waits, else -1"),
        "reboot_reason": ("state", "why it last started"),
        "high_power_test_mode": ("absent", "factory use"),
        "connected_routers": ("state", _AS_SET),
        "plc_stats": ("absent", _NO_BATTERY),
        "is_moving_fast_persisted": ("state", "policy: MOVING_TOO_FAST_FOR_POLICY"),
        "upsu_stats": ("state", "see DishUpsuStats"),
        "dl_bandwidth_restricted_reason": ("state", "OVERAGE_LIMIT when the data are used up"),
        "ul_bandwidth_restricted_reason": ("state", "OVERAGE_LIMIT when the data are used up"),
        "aps_stats": ("absent", _NO_BATTERY),
        "ned2dish_quaternion": ("state", "see Quaternion"),
        "downstream_routers": ("absent", _NO_ROUTER),
        "account_shard": ("constant", "ACCOUNT_SHARD_DEFAULT: accounts have no shards here"),
        "mac_flag": ("absent", "its meaning is not known"),
        "nat_flag": ("absent", _NO_ROUTER),
        "battery_stats": ("absent", _NO_BATTERY),
        "user_debug_mode_enabled": ("absent", "factory use"),
        "treat_as_metered": ("absent", "plans have no such mark"),
        "config": ("state", "see DishConfig"),
    },
    "DeviceInfo": {
        "id": ("state", "the terminal's own"),
        "hardware_version": ("state", "the terminal's kind"),
        "software_version": ("state", "the firmware it runs"),
        "country_code": ("state", "where it stands"),
        "utc_offset_s": ("state", "whole hours by its longitude (approximate, as on real dishes)"),
        "software_partitions_equal": ("state", "false while an update waits"),
        "bootcount": ("state", "starts"),
        "generation_number": ("state", "the start's Unix second (what real dishes mean by it is assumed)"),
        "build_id": ("state", "made from the version"),
        "boot": ("state", "see BootInfo"),
        "*": ("absent", "factory use"),
    },
    "BootInfo": {
        "last_reason": ("state", "POWER_CYCLE, COMMAND or SOFTWARE_UPDATE"),
        "last_count": ("state", "starts"),
        "*": ("absent", "starts are not counted by reason"),
    },
    "DeviceState": {"uptime_s": ("state", "seconds since the start")},
    "DishObstructionStats": {
        "fraction_obstructed": ("state", "obstructed cells of those seen"),
        "valid_s": ("state", "seconds since the start in which the sky could be judged"),
        "currently_obstructed": ("state", "the cause is OBSTRUCTED"),
        "avg_prolonged_obstruction_duration_s": ("state", "of obstructions of 2 s and more (assumed)"),
        "avg_prolonged_obstruction_interval_s": ("state", "NaN until there were two"),
        "avg_prolonged_obstruction_valid": ("state", "there were two"),
        "time_obstructed": ("state", "obstructed seconds of valid_s"),
        "patches_valid": ("state", "cells seen"),
    },
    "DishAlerts": {
        "is_power_save_idle": ("state", "it sleeps, or the caller's alerts"),
        "obstruction_map_reset": ("state", "the map was cleared since the start, or the caller's alerts"),
        "thermal_shutdown": ("state", "its cause, or the caller's alerts"),
        "install_pending": ("state", "an update waits, or the caller's alerts"),
        "*": ("state", "the caller's alerts"),
    },
    "DishOutage": {
        "cause": ("state", "see the table of causes"),
        "start_timestamp_ns": ("state", "GPS nanoseconds"),
        "duration_ns": ("state", "until now for the present one"),
        "did_switch": ("state", "the satellite or beam changed during it"),
    },
    "DishGpsStats": {
        "gps_valid": ("state", "as told, and not inhibited"),
        "gps_sats": ("state", "as told, 0 when inhibited"),
        "no_sats_after_ttff": ("state", "no GPS where it is not inhibited"),
        "inhibit_gps": ("state", "dish_inhibit_gps; a start undoes it"),
        "pnt_filter_convergence_state": ("state", "follows gps_valid"),
    },
    "DishReadyStates": {
        "cady": ("absent", "false, as on real dishes"),
        "*": ("state", "false while it boots"),
    },
    "SoftwareUpdateStats": {
        "software_update_state": ("state", "REBOOT_REQUIRED while an update waits"),
        "software_update_progress": ("state", "1 while an update waits"),
        "update_requires_reboot": ("state", "an update waits"),
        "reboot_scheduled_utc_time": ("absent", "restarts are not scheduled"),
    },
    "AlignmentStats": {
        "has_actuators": ("state", "the terminal's kind"),
        "actuator_state": ("state", "ROTATE in ACTUATOR_ACTIVITY"),
        "tilt_angle_deg": ("state", "from the boresight"),
        "boresight_azimuth_deg": ("state", "where the terminal points"),
        "boresight_elevation_deg": ("state", "where the terminal points"),
        "attitude_estimation_state": ("state", "FILTER_UNCONVERGED while it boots"),
        "attitude_uncertainty_deg": ("constant", "1: " + _NO_MEASURE),
        "desired_boresight_azimuth_deg": ("state", "the same as the boresight: terminals are well aligned"),
        "desired_boresight_elevation_deg": ("state", "the same as the boresight"),
    },
    "InitializationDurationSeconds": {
        "first_pop_ping": ("state", "from the start to the first second in service"),
        "stable_connection": ("state", "the same"),
        "*": ("absent", _NO_MEASURE),
    },
    "DishUpsuStats": {
        "uptime": ("state", "seconds since the start"),
        "dish_power": ("state", "the last second's"),
        "router_power": ("absent", _NO_ROUTER),
        "*": ("absent", "factory use"),
    },
    "Quaternion": {
        "*": ("state", "north-east-down to the dish, x along the boresight, from azimuth and elevation")
    },
    "DishConfig": {
        "location_request_mode": ("state", "LOCAL where location is enabled"),
        "power_save_start_minutes": ("state", "dish_power_save"),
        "power_save_duration_minutes": ("state", "dish_power_save"),
        "power_save_mode": ("state", "dish_power_save"),
        "swupdate_reboot_hour": ("constant", "3: cannot be set from the local network"),
        "snow_melt_mode": ("absent", "AUTO: cannot be set from the local network"),
        "level_dish_mode": ("absent", "TILT_LIKE_NORMAL: cannot be set from the local network"),
        "swupdate_three_day_deferral_enabled": ("absent", "cannot be set from the local network"),
        "asset_class": ("absent", "its meaning is not known"),
        "*": ("constant", "true, as in real replies"),
    },
    "DishGetHistoryResponse": {
        "current": ("state", "samples since the start"),
        "pop_ping_drop_rate": ("state", "900 s; 1 in an outage"),
        "pop_ping_latency_ms": ("state", "900 s; 0 in an outage"),
        "downlink_throughput_bps": ("state", "900 s"),
        "uplink_throughput_bps": ("state", "900 s"),
        "outages": ("state", "those that reach into the last 900 s, the present one last"),
        "power_in": ("state", "900 s"),
        "event_log": ("state", "see EventLog"),
    },
    "EventLog": {
        "events": ("state", "the outages of a day (assumed)"),
        "start_timestamp_ns": ("state", "Unix nanoseconds: the start, or a day ago"),
        "current_timestamp_ns": ("state", "Unix nanoseconds"),
    },
    "UXEvent": {
        "severity": ("state", "ADVISORY below 5 s, CAUTION below 60 s, then WARNING (assumed)"),
        "reason": ("state", "the outage's cause"),
        "start_timestamp_ns": ("state", "Unix nanoseconds"),
        "duration_ns": ("state", "of the outage"),
        "*": ("absent", _NO_ROUTER),
    },
    "GetDeviceInfoResponse": {"device_info": ("state", "see DeviceInfo")},
    "GetLocationResponse": {
        "lla": ("state", "see LLAPosition"),
        "source": ("state", "GPS, or STARLINK without it"),
        "sigma_m": ("constant", "3: " + _NO_MEASURE),
        "horizontal_speed_mps": ("state", "of terminals in motion"),
        "vertical_speed_mps": ("absent", "terminals keep their height"),
    },
    "LLAPosition": {"*": ("state", "where the terminal stands")},
    "DishGetObstructionMapResponse": {
        "snr": ("state", "-1 until a satellite crossed the cell, then the horizon mask: 0 hidden, 1 clear"),
        "map_reference_frame": ("constant", "FRAME_EARTH"),
        "*": ("constant", "the map's shape"),
    },
    "DishGetConfigResponse": {"dish_config": ("state", "see DishConfig")},
    "DishGetDiagnosticsResponse": {
        "alerts": ("state", "see DishGetDiagnosticsResponse.Alerts"),
        "hardware_self_test": ("constant", "PASSED: hardware does not fail here"),
        "hardware_self_test_codes": ("absent", "hardware does not fail here"),
        "location": ("state", "absent unless location is enabled"),
        "*": ("state", "as in the status"),
    },
    "DishGetDiagnosticsResponse.Alerts": {"*": ("state", "as in the status")},
    "DishGetDiagnosticsResponse.Location": {
        "enabled": ("constant", "true where it is sent"),
        "uncertainty_meters_valid": ("constant", "true"),
        "uncertainty_meters": ("constant", "3: " + _NO_MEASURE),
        "gps_time_s": ("state", "GPS seconds"),
        "*": ("state", "where the terminal stands"),
    },
    "DishGetDiagnosticsResponse.AlignmentStats": {"*": ("state", "as in the status")},
    "DishInhibitGpsResponse": {"inhibit_gps": ("state", "what was asked")},
    "GetTimeResponse": {"unix_nano": ("state", "the dish's clock")},
}


def rows() -> list[Row]:
    """Return a row for every field of every served reply of the newest firmware; KeyError for one without."""
    of = firmware(NEWEST)
    found: list[Row] = []
    waiting, done = [f"{PACKAGE}.{name}" for name in ROOTS], set()
    while waiting:
        full = waiting.pop(0)
        if full in done:
            continue
        done.add(full)
        short = full.removeprefix(PACKAGE + ".")
        table = _TABLE[short]
        for field in _fields(full):
            if not of.has(f"{full}.{field.name}"):
                continue
            carried, why = table[field.name] if field.name in table else table["*"]
            found.append(Row(f"{short}.{field.name}", field.number, carried, why))
            if carried != "absent" and field.message_type is not None:
                waiting.append(field.message_type.full_name)
    return found


def _fields(full_name: str) -> list[Any]:
    return sorted(message_class(full_name).DESCRIPTOR.fields, key=lambda field: field.number)
