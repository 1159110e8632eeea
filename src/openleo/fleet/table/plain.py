"""The fleet's rows as JSON has them."""

from typing import Any, Final

from openleo.fleet.sample import ALERTS, Sample
from openleo.fleet.table.rows import Row
from openleo.fleet.table.usage import Group
from openleo.fleet.why.times import iso

_GB: Final = 1e9


def plain_row(row: Row) -> dict[str, Any]:
    """Return a row as FleetTerminal."""
    last, kit, use = row.last, row.subject, row.use
    return {
        "terminal": row.terminal, "kit": kit.kit, "name": kit.name, "site": row.site, "account": row.account,
        "line": row.line, "holder": row.holder, "custody": row.custody, "life_critical": row.life_critical,
        "people": kit.people, "state": row.state.value, "cause": row.cause,
        "confidence": None if row.confidence is None else round(row.confidence, 4),
        "since": iso(row.since_ns), "last_seen": iso(row.seen_ns),
        "source": None if last is None else last.source, "version": row.version,
        "update_waits": row.update_waits, "cell": None if row.cell is None else f"{row.cell:x}",
        "latency_ms": None if last is None else last.ping_latency_ms,
        "ping_drop": None if last is None else last.ping_drop,
        "downlink_mbps": None if last is None else last.downlink_mbps,
        "uplink_mbps": None if last is None else last.uplink_mbps,
        "alerts": [
            {"code": code, "name": ALERTS.get(code, f"alert_{code}")}
            for code in (last.alerts if last is not None else ())
        ],
        "down_gb": None if use is None else round(use.down_bytes / _GB, 3),
        "up_gb": None if use is None else round(use.up_bytes / _GB, 3),
        "told_share": 0.0 if use is None else round(use.told_share, 4), "by_us": row.by_us,
    }  # fmt: skip


def plain_group(group: Group) -> dict[str, Any]:
    """Return a group's use as Used."""
    use = group.use
    return {
        "name": group.name, "terminals": group.terminals, "down_gb": round(use.down_bytes / _GB, 3),
        "up_gb": round(use.up_bytes / _GB, 3), "told_share": round(use.told_share, 4),
    }  # fmt: skip


def plain_sample(sample: Sample) -> dict[str, Any]:
    """Return a sample as SampleOut: without its position."""
    return {
        "time": iso(sample.time_ns), "period_s": sample.period_s, "source": sample.source,
        "reachable": sample.reachable, "outage": sample.outage, "downlink_mbps": sample.downlink_mbps,
        "uplink_mbps": sample.uplink_mbps, "ping_drop": sample.ping_drop,
        "ping_latency_ms": sample.ping_latency_ms, "obstructed": sample.obstructed,
        "power_w": sample.power_w, "stowed": sample.stowed,
    }  # fmt: skip
