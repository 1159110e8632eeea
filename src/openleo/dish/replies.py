"""The replies of a dish, made from its state: messages of the interface with a real dish's conventions.

Outages start in GPS nanoseconds, the event log is in Unix nanoseconds; `outage` is absent while connected;
an interval of obstructions that were none is NaN.  Which fields carry state and which are constant, and why,
is told field by field in `openleo.dish.served_fields`.
"""

import math
import uuid
from typing import Any, Final

import numpy as np

from openleo.base.clock import GPS_EPOCH, gps_minus_utc_s
from openleo.dish.causes import CONNECTED, EVENT_REASONS, OUTAGES
from openleo.dish.inputs import LocationPolicy
from openleo.dish.protocol import messages
from openleo.dish.sky_map import MAX_THETA_DEG, MIN_ELEVATION_DEG, SIZE
from openleo.dish.terminal import LOG_S, RING, Outage, Terminal
from openleo.policy.codes import DisablementCode

_NS: Final = 1_000_000_000
_GPS_EPOCH_S: Final = int(GPS_EPOCH.astype("datetime64[s]").astype(np.int64))
_SNR_LOST: Final = (OUTAGES["NO_SATS"], OUTAGES["OBSTRUCTED"], OUTAGES["NO_DOWNLINK"], OUTAGES["BOOTING"])
_FADE_S: Final = 60  # a lost downlink is called persistent after this (assumed)
_POSITION_SIGMA_M: Final = 3.0
_FIRST_SEEN: Final = "2024.10.13.mr44429"
_ALERTS: Final = ("is_power_save_idle", "obstruction_map_reset", "thermal_shutdown", "install_pending")


def gps_ns(unix_s: int) -> int:
    """Return GPS nanoseconds of a Unix second."""
    utc = np.datetime64(unix_s, "s")
    return (unix_s - _GPS_EPOCH_S + gps_minus_utc_s(utc)) * _NS


def status(one: Terminal) -> Any:
    """Return DishGetStatusResponse."""
    d, row, m = one.dishes, one.row, messages()
    outage = int(d.outage[row])
    code, staged = int(d.code[row]), row in d.staged
    up = outage != OUTAGES["BOOTING"]
    s = m.DishGetStatusResponse(
        device_info=device_info(one),
        device_state=m.DeviceState(uptime_s=one.uptime_s),
        seconds_to_first_nonempty_slot=0.0 if outage == CONNECTED else -1.0,
        pop_ping_drop_rate=one.last("drop"),
        obstruction_stats=_obstructions(one),
        alerts=_alerts(one),
        downlink_throughput_bps=one.last("downlink_bps"),
        uplink_throughput_bps=one.last("uplink_bps"),
        pop_ping_latency_ms=one.last("latency_ms"),
        stow_requested=bool(d.stowed[row]),
        boresight_azimuth_deg=_west_is_negative(float(d.boresight_azimuth_deg[row])),
        boresight_elevation_deg=float(d.boresight_elevation_deg[row]),
        gps_stats=_gps(one),
        eth_speed_mbps=1000,
        mobility_class=one.identity.mobility,
        is_snr_above_noise_floor=outage not in _SNR_LOST,
        ready_states=m.DishReadyStates(scp=up, l1l2=up, xphy=up, aap=up, rf=up),
        class_of_service=one.identity.service,
        software_update_state=6 if staged else 1,  # REBOOT_REQUIRED, IDLE
        is_snr_persistently_low=outage == OUTAGES["NO_DOWNLINK"]
        and d.now_s - int(d.outage_start_s[row]) >= _FADE_S,
        has_actuators=_actuators(one),
        disablement_code=code,
        has_signed_cals=True,
        software_update_stats=m.SoftwareUpdateStats(
            software_update_state=6 if staged else 1,
            software_update_progress=1.0 if staged else 0.0,
            update_requires_reboot=staged,
        ),
        alignment_stats=_alignment(one),
        initialization_duration_seconds=_initialization(one),
        is_cell_disabled=code == DisablementCode.CELL_IS_DISABLED,
        swupdate_reboot_ready=staged,
        seconds_until_swupdate_reboot_possible=0 if staged else -1,
        reboot_reason=d.boots[row].reboot,
        connected_routers=one.identity.routers,
        is_moving_fast_persisted=code == DisablementCode.MOVING_TOO_FAST_FOR_POLICY,
        upsu_stats=m.DishUpsuStats(uptime=one.uptime_s, dish_power=one.last("power_w")),
        dl_bandwidth_restricted_reason=_limit(code),
        ul_bandwidth_restricted_reason=_limit(code),
        ned2dish_quaternion=_attitude(one),
        account_shard=1,  # ACCOUNT_SHARD_DEFAULT
        config=config(one),
    )
    if outage != CONNECTED:
        present = one.outages(1)[-1]
        s.outage.CopyFrom(_outage(one, present))
    _finish(one, s)
    return s


def _finish(one: Terminal, message: Any) -> None:
    """Leave out what the firmware does not have, and put in what nobody knows."""
    one.firmware.strip(message)
    for path, number in one.dishes.odd_values.get(one.row, {}).items():
        part, (*inner, last) = message, path.split(".")
        for name in inner:
            part = getattr(part, name)
        setattr(part, last, number)
    if (extra := one.dishes.odd_fields.get(one.row)) is not None:
        message.MergeFromString(extra)


def device_info(one: Terminal) -> Any:
    """Return DeviceInfo."""
    d, row, m = one.dishes, one.row, messages()
    version = one.firmware.version
    starts = int(d.boot_count[row])
    return m.DeviceInfo(
        id=one.identity.id,
        hardware_version=one.identity.hardware,
        software_version=version,
        country_code=one.identity.country,
        utc_offset_s=round(float(d.longitude_deg[row]) / 15.0) * 3600,
        software_partitions_equal=row not in d.staged,
        bootcount=starts,
        generation_number=int(d.booted_s[row]),
        build_id=f"{uuid.uuid5(uuid.NAMESPACE_OID, version)}.uterm_manifest.release",
        boot=m.BootInfo(last_reason=d.boots[row].boot, last_count=starts),
    )


def history(one: Terminal) -> Any:
    """Return DishGetHistoryResponse."""
    d = one.dishes
    h = messages().DishGetHistoryResponse(
        current=int(d.counter[one.row]),
        pop_ping_drop_rate=one.ring("drop").tolist(),
        pop_ping_latency_ms=one.ring("latency_ms").tolist(),
        downlink_throughput_bps=one.ring("downlink_bps").tolist(),
        uplink_throughput_bps=one.ring("uplink_bps").tolist(),
        power_in=one.ring("power_w").tolist(),
        outages=[_outage(one, outage) for outage in one.outages(RING)],
    )
    h.event_log.start_timestamp_ns = max(int(d.booted_s[one.row]), d.now_s - LOG_S) * _NS
    h.event_log.current_timestamp_ns = d.now_s * _NS
    for outage in one.outages(LOG_S):
        h.event_log.events.add(
            severity=3 if outage.duration_s < 5 else 2 if outage.duration_s < 60 else 1,
            reason=EVENT_REASONS.get(outage.cause, 1),
            start_timestamp_ns=outage.start_s * _NS,
            duration_ns=outage.duration_s * _NS,
        )
    one.firmware.strip(h)
    return h


def _outage(one: Terminal, outage: Outage) -> Any:
    values = one.firmware.values("SpaceX.API.Device.DishOutage.Cause").values()
    return messages().DishOutage(
        cause=outage.cause if outage.cause in values else OUTAGES["UNKNOWN"],
        start_timestamp_ns=gps_ns(outage.start_s),
        duration_ns=outage.duration_s * _NS,
        did_switch=outage.switched,
    )


def _obstructions(one: Terminal) -> Any:
    d, row = one.dishes, one.row
    count, total, first, last = d.prolonged[row].tolist()
    seen, valid = int(d.sky.cells_seen[row]), int(d.valid_s[row])
    return messages().DishObstructionStats(
        fraction_obstructed=int(d.sky.cells_obstructed[row]) / seen if seen else 0.0,
        valid_s=valid,
        currently_obstructed=d.outage[row] == OUTAGES["OBSTRUCTED"],
        avg_prolonged_obstruction_duration_s=total / count if count else 0.0,
        avg_prolonged_obstruction_interval_s=(last - first) / (count - 1) if count > 1 else math.nan,
        avg_prolonged_obstruction_valid=count > 1,
        time_obstructed=int(d.obstructed_s[row]) / valid if valid else 0.0,
        patches_valid=seen,
    )


def _alerts(one: Terminal) -> Any:
    d, row = one.dishes, one.row
    a = messages().DishAlerts()
    bits = int(d.alerts[row])
    for field in a.DESCRIPTOR.fields:
        if bits >> (field.number - 1) & 1:
            setattr(a, field.name, True)
    own = (
        d.outage[row] == OUTAGES["SLEEPING"],
        d.map_reset[row],
        d.outage[row] == OUTAGES["THERMAL_SHUTDOWN"],
        row in d.staged,
    )
    for name, raised in zip(_ALERTS, own, strict=True):
        if raised:
            setattr(a, name, True)
    return a


def _gps(one: Terminal) -> Any:
    d, row = one.dishes, one.row
    valid = bool(d.gps_valid[row] and not d.inhibit_gps[row])
    return messages().DishGpsStats(
        gps_valid=valid,
        gps_sats=int(d.gps_satellites[row]) if valid else 0,
        no_sats_after_ttff=not d.gps_valid[row],
        inhibit_gps=bool(d.inhibit_gps[row]),
        pnt_filter_convergence_state=2 if valid else 1,  # FILTER_CONVERGED, FILTER_UNCONVERGED
    )


def _actuators(one: Terminal) -> int:
    return 1 if one.identity.has_actuators else 2  # HAS_ACTUATORS_YES, _NO


def _alignment(one: Terminal) -> Any:
    d, row = one.dishes, one.row
    azimuth = _west_is_negative(float(d.boresight_azimuth_deg[row]))
    elevation = float(d.boresight_elevation_deg[row])
    moves = d.outage[row] == OUTAGES["ACTUATOR_ACTIVITY"]
    return messages().AlignmentStats(
        has_actuators=_actuators(one),
        actuator_state=2 if moves else 0,  # ROTATE, IDLE
        tilt_angle_deg=90.0 - elevation,
        boresight_azimuth_deg=azimuth,
        boresight_elevation_deg=elevation,
        attitude_estimation_state=1 if d.outage[row] == OUTAGES["BOOTING"] else 2,
        attitude_uncertainty_deg=1.0,
        desired_boresight_azimuth_deg=azimuth,
        desired_boresight_elevation_deg=elevation,
    )


def _initialization(one: Terminal) -> Any:
    d, row = one.dishes, one.row
    first = int(d.first_ping_s[row])
    took = max(first - int(d.booted_s[row]), 0) if first >= 0 else 0
    return messages().InitializationDurationSeconds(first_pop_ping=took, stable_connection=took)


def _limit(code: int) -> int:
    return 5 if code == DisablementCode.DATA_OVERAGE_SANDBOX_POLICY else 1  # OVERAGE_LIMIT, NO_LIMIT


def _attitude(one: Terminal) -> Any:
    """Return the turn from north-east-down to a dish whose x axis is the boresight: yaw, then pitch."""
    yaw = math.radians(float(one.dishes.boresight_azimuth_deg[one.row])) / 2
    pitch = math.radians(float(one.dishes.boresight_elevation_deg[one.row])) / 2
    return messages().Quaternion(
        q_scalar=math.cos(yaw) * math.cos(pitch),
        q_x=-math.sin(yaw) * math.sin(pitch),
        q_y=math.cos(yaw) * math.sin(pitch),
        q_z=math.sin(yaw) * math.cos(pitch),
    )


def _west_is_negative(azimuth_deg: float) -> float:
    return (azimuth_deg + 180.0) % 360.0 - 180.0


def config(one: Terminal) -> Any:
    """Return DishConfig."""
    d, row, m = one.dishes, one.row, messages()
    enabled = one.location_policy is LocationPolicy.ENABLED
    made = m.DishConfig(
        location_request_mode=1 if enabled else 0,  # LOCAL, NONE
        power_save_start_minutes=int(d.sleep_start_min[row]),
        power_save_duration_minutes=int(d.sleep_duration_min[row]),
        power_save_mode=bool(d.sleeps[row]),
        swupdate_reboot_hour=3,
    )
    for field in made.DESCRIPTOR.fields:
        if field.name.startswith("apply_"):
            setattr(made, field.name, True)
    one.firmware.strip(made)
    return made


def location(one: Terminal) -> Any:
    """Return GetLocationResponse; whether it may be told is asked before."""
    d, row, m = one.dishes, one.row, messages()
    named = one.firmware.values("SpaceX.API.Device.PositionSource")
    source = "GPS" if d.gps_valid[row] and not d.inhibit_gps[row] else "STARLINK"
    made = m.GetLocationResponse(
        lla=m.LLAPosition(
            lat=float(d.latitude_deg[row]), lon=float(d.longitude_deg[row]), alt=float(d.altitude_m[row])
        ),
        source=named[source],
        sigma_m=_POSITION_SIGMA_M,
        horizontal_speed_mps=float(d.speed_m_s[row]),
    )
    one.firmware.strip(made)
    return made


def obstruction_map(one: Terminal) -> Any:
    """Return DishGetObstructionMapResponse."""
    return messages().DishGetObstructionMapResponse(
        num_rows=SIZE,
        num_cols=SIZE,
        snr=one.dishes.sky.values(one.row).tolist(),
        min_elevation_deg=MIN_ELEVATION_DEG,
        max_theta_deg=MAX_THETA_DEG,
        map_reference_frame=1,  # FRAME_EARTH
    )


def diagnostics(one: Terminal) -> Any:
    """Return DishGetDiagnosticsResponse."""
    d, row, m = one.dishes, one.row, messages()
    info, s = device_info(one), status(one)
    made = m.DishGetDiagnosticsResponse(
        id=info.id,
        hardware_version=info.hardware_version,
        software_version=info.software_version,
        utc_offset_s=info.utc_offset_s,
        disablement_code=s.disablement_code,
        hardware_self_test=1,  # PASSED
        stowed=s.stow_requested,
        overage_rate_limited=s.disablement_code == DisablementCode.DATA_OVERAGE_SANDBOX_POLICY,
        alignment_stats=m.DishGetDiagnosticsResponse.AlignmentStats(
            boresight_azimuth_deg=s.boresight_azimuth_deg,
            boresight_elevation_deg=s.boresight_elevation_deg,
            desired_boresight_azimuth_deg=s.alignment_stats.desired_boresight_azimuth_deg,
            desired_boresight_elevation_deg=s.alignment_stats.desired_boresight_elevation_deg,
        ),
        alerts=m.DishGetDiagnosticsResponse.Alerts(
            dish_is_heating=s.alerts.is_heating,
            dish_thermal_throttle=s.alerts.thermal_throttle,
            dish_thermal_shutdown=s.alerts.thermal_shutdown,
            power_supply_thermal_throttle=s.alerts.power_supply_thermal_throttle,
            motors_stuck=s.alerts.motors_stuck,
            mast_not_near_vertical=s.alerts.mast_not_near_vertical,
            slow_ethernet_speeds=s.alerts.slow_ethernet_speeds,
            software_install_pending=s.alerts.install_pending,
            obstructed=s.obstruction_stats.currently_obstructed,
        ),
    )
    if one.location_policy is LocationPolicy.ENABLED:
        made.location.enabled = True
        made.location.latitude, made.location.longitude = (
            float(d.latitude_deg[row]),
            float(d.longitude_deg[row]),
        )
        made.location.altitude_meters = float(d.altitude_m[row])
        made.location.uncertainty_meters_valid = True
        made.location.uncertainty_meters = _POSITION_SIGMA_M
        made.location.gps_time_s = gps_ns(d.now_s) / _NS
    one.firmware.strip(made)
    return made
