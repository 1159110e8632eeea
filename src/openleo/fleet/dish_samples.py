"""Turning what a dish tells into Samples: a moment from its status, quarter minutes from its history.  Pure.

A status tells of one second, so its Sample stands for one.  The history has a value a second for the last
15 minutes; it is cut at multiples of 15 of the dish's own count of seconds, so that whoever reads a stretch,
and however often, makes the same Samples with the same (terminal, boot, counter).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from openleo.dish.reading import alerts_of, disablement_name, outage_name, unix_ns_of_gps_ns
from openleo.fleet.dish_alerts import alert_codes
from openleo.fleet.kits import DISH_ID
from openleo.fleet.sample import PERIOD_S, Sample
from openleo.fleet.site_clock import NS, is_plausible

SOURCE: Final = "dish"
MOST_RING: Final = 43_200  # seconds: the 12 h of firmwares before 2021-08
_MOST_TEXT: Final = 64
_MOST_AMOUNT: Final = 1e9


class Odd(Exception):
    """A dish told what cannot be: its text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a dish says it is, degrees."""

    latitude_deg: float
    longitude_deg: float


def id_of(status: Any) -> str:
    """Return the terminal's id, checked; raises Odd."""
    text = str(status.device_info.id)
    if not text:
        raise Odd("it tells no id")
    if not DISH_ID.fullmatch(text):
        raise Odd(f"its id {text[:40]!r} is not one")
    return text


def boot_of(status: Any) -> int | None:
    """Return how often it started; None where the firmware does not tell."""
    count = int(status.device_info.bootcount)
    return count if count > 0 else None


def position_of(location: Any) -> Position | None:
    """Return the position of a reply; None where it is none."""
    latitude, longitude = float(location.lla.lat), float(location.lla.lon)
    fine = math.isfinite(latitude) and math.isfinite(longitude)
    if not fine or abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return Position(latitude_deg=latitude, longitude_deg=longitude)


def status_sample(status: Any, *, terminal: str, time_ns: int, position: Position | None = None) -> Sample:
    """Return the Sample of one second that a status tells of."""
    disablement: str | None = disablement_name(status)
    if disablement == "UNKNOWN_STATE":
        disablement = None  # zero is absent: older firmware
    outage = outage_name(status)
    since = _outage_start(status.outage) if outage else None
    gps = status.gps_stats if status.HasField("gps_stats") else None
    obstruction = status.obstruction_stats if status.HasField("obstruction_stats") else None
    return Sample(
        terminal=terminal, time_ns=time_ns, period_s=1, source=SOURCE, boot=boot_of(status),
        downlink_mbps=_rate(status.downlink_throughput_bps), uplink_mbps=_rate(status.uplink_throughput_bps),
        ping_drop=_share(status.pop_ping_drop_rate), ping_latency_ms=_latency(status.pop_ping_latency_ms),
        obstructed=None if obstruction is None else _share(obstruction.time_obstructed),
        uptime_s=min(int(status.device_state.uptime_s), 2**53),
        country=_country(status.device_info.country_code),
        software=_text(status.device_info.software_version) or None,
        reboot_in_s=_reboot_in(status), alerts=alert_codes(alerts_of(status), disablement),
        outage=outage, outage_since_ns=since, disablement=disablement, power_w=_power(status),
        gps_valid=None if gps is None else bool(gps.gps_valid),
        gps_satellites=None if gps is None else int(gps.gps_sats),
        latitude_deg=position.latitude_deg if position else None,
        longitude_deg=position.longitude_deg if position else None,
        stowed=bool(status.stow_requested) or outage == "STOWED",
    )  # fmt: skip


def _reboot_in(status: Any) -> int | None:
    """Return seconds until an update may restart it, -1 where none waits; None where it does not tell.

    Zero is absent on the wire, so it counts only where an update is said to be ready.
    """
    seconds = int(status.seconds_until_swupdate_reboot_possible)
    if seconds == 0 and not status.swupdate_reboot_ready:
        return None
    return max(seconds, -1)


def _power(status: Any) -> float | None:
    for name in ("upsu_stats", "aps_stats"):
        if status.HasField(name):
            return _amount(float(getattr(status, name).dish_power)) or None
    return None


def _outage_start(outage: Any) -> int | None:
    if not outage.start_timestamp_ns:
        return None
    start = unix_ns_of_gps_ns(int(outage.start_timestamp_ns))
    return start if is_plausible(start) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which part of a dish's history is wanted, and whose it is.

    Seconds with ``after`` < count are wanted.  ``newest_ns`` is when its newest second ended, by our clock
    as corrected; ``dish_ahead_ns`` is the dish's clock less that.  ``keyed`` is False where the dish's counts
    cannot be relied on, so that time alone tells Samples apart.
    """

    terminal: str
    boot: int | None
    after: int
    newest_ns: int
    dish_ahead_ns: int = 0
    keyed: bool = True


def ring_length(history: Any) -> int:
    """Return how many seconds its rings hold; raises Odd."""
    length = len(history.pop_ping_drop_rate)
    if length == 0 or length > MOST_RING:
        raise Odd(f"its history has {length} seconds")
    if int(history.current) >= 2**53:
        raise Odd(f"its history counts {int(history.current)} seconds")
    return length


def ring_samples(history: Any, wanted: Stretch) -> list[Sample]:
    """Return a Sample for each whole quarter minute of the stretch, oldest first; raises Odd.

    Of what a history does not tell, such as alerts, they say nothing.
    """
    length = ring_length(history)
    current = int(history.current)
    oldest = max(wanted.after, current - length, 0)
    first = -(-oldest // PERIOD_S) * PERIOD_S
    outages = _outages(history, wanted.dish_ahead_ns)
    rings = {
        name: ring
        for name in ("pop_ping_latency_ms", "downlink_throughput_bps", "uplink_throughput_bps", "power_in")
        if len(ring := getattr(history, name)) == length
    }
    found = []
    for start in range(first, current - PERIOD_S + 1, PERIOD_S):
        end = start + PERIOD_S
        at = [counter % length for counter in range(start, end)]
        drops = [history.pop_ping_drop_rate[i] for i in at]
        time_ns = wanted.newest_ns - (current - end) * NS
        outage, since = _outage_at(outages, time_ns)
        found.append(
            Sample(
                terminal=wanted.terminal, time_ns=time_ns, source=SOURCE, ping_drop=_share(_of(drops)),
                boot=wanted.boot if wanted.keyed else None, counter=end if wanted.keyed else None,
                ping_latency_ms=_heard(rings.get("pop_ping_latency_ms"), drops, at),
                downlink_mbps=_rate(_mean(rings.get("downlink_throughput_bps"), at)),
                uplink_mbps=_rate(_mean(rings.get("uplink_throughput_bps"), at)),
                power_w=_amount(_mean(rings.get("power_in"), at)) or None,
                outage=outage, outage_since_ns=since,
            )
        )  # fmt: skip
    return found


def dish_time_ns(history: Any) -> int | None:
    """Return the dish's own clock, Unix ns, where its firmware tells it and it can be right."""
    told = int(history.event_log.current_timestamp_ns)
    return told if is_plausible(told) else None


def _outages(history: Any, dish_ahead_ns: int) -> list[tuple[int, int, str]]:
    """Return (start, end, cause) of the outages of a history, by our clock."""
    found = []
    for outage in history.outages[:MOST_RING]:
        start = _outage_start(outage)
        if start is not None:
            start -= dish_ahead_ns
            found.append((start, start + int(outage.duration_ns), cause_name(outage)))
    return found


def cause_name(outage: Any) -> str:
    """Return the cause of a DishOutage by its name."""
    known = outage.DESCRIPTOR.fields_by_name["cause"].enum_type.values_by_number.get(outage.cause)
    return known.name if known else f"CAUSE_{outage.cause}"


def _outage_at(outages: Sequence[tuple[int, int, str]], time_ns: int) -> tuple[str, int | None]:
    for start, end, cause in outages:
        if start <= time_ns < end:
            return cause, start
    return "", None


def _mean(ring: Sequence[float] | None, at: Sequence[int]) -> float | None:
    return None if ring is None else _of([ring[i] for i in at])


def _of(values: Sequence[float]) -> float | None:
    real = [value for value in values if math.isfinite(value)]
    return sum(real) / len(real) if real else None


def _heard(ring: Sequence[float] | None, drops: Sequence[float], at: Sequence[int]) -> float | None:
    """Return the mean latency of the seconds in which something came back."""
    if ring is None:
        return None
    return _latency(_of([ring[i] for i, drop in zip(at, drops, strict=True) if drop < 1 and ring[i] > 0]))


def _rate(bps: float | None) -> float | None:
    return _amount(None if bps is None else bps / 1e6)


def _latency(ms: float | None) -> float | None:
    return _amount(ms) or None


def _share(value: float | None) -> float | None:
    return min(max(float(value), 0.0), 1.0) if value is not None and math.isfinite(value) else None


def _amount(value: float | None) -> float | None:
    """Return what may be an amount, as Samples bound it."""
    return value if value is not None and math.isfinite(value) and 0 <= value <= _MOST_AMOUNT else None


def _country(text: str) -> str | None:
    return text if len(text) == 2 and text.isascii() and text.isalpha() and text.isupper() else None


def _text(text: str) -> str:
    return printable(text, _MOST_TEXT)


def printable(text: str, most: int) -> str:
    """Return what a stranger said so that a screen can show it: no escapes, at most so many letters."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])
