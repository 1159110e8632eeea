"""Reading the vendor's telemetry (v2): columns by name, whatever their order; what is new is named.  Pure.

The reply's own lists say which column is which and what codes mean; see docs/collecting.md for the form.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from openleo.base.digits import whole
from openleo.fleet.kits import DISH_ID
from openleo.fleet.sample import ALERTS, ENTERPRISE, Sample
from openleo.fleet.site_clock import is_plausible

SOURCE: Final = "enterprise"
TERMINAL, KNOWN_TYPES = "u", {"u": "terminals", "r": "routers", "i": "addresses", "d": "data usage"}
_TYPE: Final = "DeviceType"
# Columns that are read over; others than these and ENTERPRISE's are named as new.
_OURS: Final = {column: name for name, column in ENTERPRISE.items()}
_MOST_NAMED: Final = 20
_MOST_ALERTS: Final = 64
_MOST_CODE: Final = 65_535
_MOST_AMOUNT: Final = 1e9  # as in Sample


class NotTelemetry(ValueError):
    """A reply that is not in the form of the vendor's telemetry."""


@dataclass(slots=True)
class Batch:
    """What a reply holds: Samples, rows by device type, and by kind what in it is new or wrong."""

    samples: list[Sample] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    new: dict[str, str] = field(default_factory=dict)
    bad_rows: int = 0

    @property
    def size(self) -> int:
        """How many rows it had."""
        return sum(self.rows.values()) + self.bad_rows


def read_batch(reply: Any) -> Batch:
    """Return what a reply of the stream holds; raises NotTelemetry."""
    try:
        values, names = reply["data"]["values"], reply["data"]["columnNamesByDeviceType"]
    except (KeyError, TypeError, IndexError) as error:
        raise NotTelemetry("it has no data.values with data.columnNamesByDeviceType") from error
    if not isinstance(values, list) or not isinstance(names, dict):
        raise NotTelemetry("its values are no list, or its columns no object")
    batch = Batch()
    enums = _dict(_dict(reply.get("metadata")).get("enums"))
    codes = _codes(enums)
    columns = {kind: _columns(kind, told, batch) for kind, told in names.items() if isinstance(told, list)}
    unknown_codes: dict[int, str] = {}
    for row in values:
        kind = row[0] if isinstance(row, list) and row and isinstance(row[0], str) else None
        if kind is None or kind not in columns:
            batch.bad_rows += 1
            continue
        batch.rows[kind] += 1
        if kind != TERMINAL:
            continue
        sample = _sample(row, columns[kind])
        if sample is None:
            batch.bad_rows += 1
            batch.rows[kind] -= 1
            continue
        batch.samples.append(sample)
        unknown_codes |= {c: codes.get(c, "no name told") for c in sample.alerts if c not in ALERTS}
    _name_types(batch, _dict(enums.get(_TYPE)))
    if unknown_codes:
        told = [f"{code} ({name})" for code, name in sorted(unknown_codes.items())[:_MOST_NAMED]]
        batch.new["alerts"] = f"alert codes that are new here: {', '.join(told)}"
    if batch.bad_rows:
        batch.new["rows"] = f"{batch.bad_rows:,} rows could not be read"
    return batch


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _codes(enums: Mapping[str, Any]) -> dict[int, str]:
    told = _dict(_dict(enums.get("AlertsByDeviceType")).get(TERMINAL))
    numbered = ((whole(str(code)), name) for code, name in told.items())
    return {code: str(name)[:80] for code, name in numbered if code is not None}


def _columns(kind: str, told: Sequence[Any], batch: Batch) -> dict[str, int]:
    """Return where each field of a Sample stands in rows of a type."""
    found: dict[str, int] = {}
    new = []
    for place, column in enumerate(told):
        name = _OURS.get(column) if isinstance(column, str) else None
        if name is not None:
            found.setdefault(name, place)
        elif column != _TYPE:
            new.append(_shown(column))
    if kind == TERMINAL:
        missing = [column for column, name in _OURS.items() if name not in found]
        if new:
            batch.new["columns"] = f"columns that are new here: {', '.join(new[:_MOST_NAMED])}"
        if missing:
            batch.new["missing"] = f"columns that it does not tell: {', '.join(missing)}"
        if "terminal" not in found or "time_ns" not in found:
            raise NotTelemetry("its columns name no terminal or no time")
    return found


def _name_types(batch: Batch, told: Mapping[str, Any]) -> None:
    kinds = [kind for kind in batch.rows if kind not in KNOWN_TYPES]
    new = [f"{_shown(kind)} ({_shown(told.get(kind, 'no name'))})" for kind in kinds]
    if new:
        batch.new["types"] = f"device types that are new here: {', '.join(new[:_MOST_NAMED])}"


def _shown(value: Any) -> str:
    return re.sub(r"[^\w .:-]", "?", str(value))[:40]


def _sample(row: Sequence[Any], columns: Mapping[str, int]) -> Sample | None:
    """Return the Sample of a row; None where it names no terminal or time.  Odd values are left out."""

    def get(name: str) -> Any:
        place = columns.get(name)
        return row[place] if place is not None and place < len(row) else None

    terminal, time_ns = get("terminal"), _whole(get("time_ns"))
    if not isinstance(terminal, str) or not DISH_ID.fullmatch(terminal):
        return None
    if time_ns is None or not is_plausible(time_ns):
        return None
    obstructed = _number(get("obstructed"))
    if obstructed is not None and 1 < obstructed <= 100:
        obstructed /= 100  # documented as a percentage, seen as a fraction
    alerts = get("alerts")
    told = alerts[:_MOST_ALERTS] if isinstance(alerts, list) else []
    codes = {code for alert in told if (code := _whole(alert)) is not None and code <= _MOST_CODE}
    return Sample(
        terminal=terminal, time_ns=time_ns, source=SOURCE,
        downlink_mbps=_number(get("downlink_mbps")), uplink_mbps=_number(get("uplink_mbps")),
        ping_drop=_number(get("ping_drop"), most=1), ping_latency_ms=_number(get("ping_latency_ms")),
        obstructed=obstructed if obstructed is None or obstructed <= 1 else None,
        uptime_s=_whole(get("uptime_s")), signal_quality=_number(get("signal_quality"), most=1),
        cell=_cell(get("cell")), country=_country(get("country")), software=_word(get("software")),
        reboot_in_s=_whole(get("reboot_in_s"), least=-1), alerts=tuple(sorted(codes)),
    )  # fmt: skip


def _number(value: Any, *, most: float = _MOST_AMOUNT) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def _whole(value: Any, *, least: int = 0) -> int | None:
    """Return a whole number, also where it is told as text or 12.0; None where it is none of ours."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value < 2**63 else None


def _cell(value: Any) -> int | None:
    """Return an H3 cell: whole in the stream, hexadecimal in the query; 0 is none."""
    if isinstance(value, str) and re.fullmatch(r"8[0-9a-f]{14}", value.lower(), re.ASCII):
        return int(value, 16)
    return _whole(value) or None


def _word(value: Any) -> str | None:
    return value[:64] if isinstance(value, str) and value.isprintable() and value else None


def _country(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Z]{2}", value, re.ASCII) else None
