"""How much data terminals moved: an estimate, from the rates that telemetry tells."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openleo.fleet.store import TelemetryStore
    from openleo.fleet.table.rows import Row

SAYS: Final = (
    "an estimate: mean rates times the seconds over which they were told; what passed while nothing was told"
    " is not in it, and it is not the vendor's meter"
)
BY: Final = ("account", "line", "site")
# Minutes of an older form do not tell how long rates were told: estimated by the share of samples that were
# answered.  A terminal that answered none has its rates from the vendor, for the whole minute.
_OLDER: Final = "(seconds * CASE WHEN reachable > 0 THEN reachable ELSE 1 END)::INTEGER"
_QUERY: Final = f"""
    SELECT terminal,
    sum(downlink_mbps * coalesce(downlink_s, {_OLDER})) * 125000 AS down,
    sum(uplink_mbps * coalesce(uplink_s, {_OLDER})) * 125000 AS up,
    sum(coalesce(
        greatest(downlink_s, uplink_s),
        CASE WHEN downlink_mbps IS NULL AND uplink_mbps IS NULL THEN 0 ELSE {_OLDER} END
    ))::BIGINT AS told
    FROM minutes GROUP BY terminal
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Bytes down and up over a period, and how many seconds of it were told."""

    down_bytes: float = 0.0
    up_bytes: float = 0.0
    told_s: int = 0
    period_s: float = 1.0

    @property
    def told_share(self) -> float:
        """The share of the period over which rates were told."""
        return min(1.0, self.told_s / self.period_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The use of terminals that share something."""

    name: str
    terminals: int
    use: Use


def use_of(path: Path, store: "TelemetryStore", days: float, until_ns: int) -> dict[str, Use]:
    """Return the use of each terminal that told rates, over the ``days`` before an instant."""
    from openleo.fleet.history import History

    until = datetime.fromtimestamp(until_ns / 1e9, UTC)
    since = until - timedelta(days=days)
    with History(path, store=store) as history:
        rows = history.sql(_QUERY, since, until, samples=False).rows()
    period_s = days * 86_400
    return {
        terminal: Use(down_bytes=down or 0.0, up_bytes=up or 0.0, told_s=int(told), period_s=period_s)
        for terminal, down, up, told in rows
        if told
    }


def grouped(rows: "Iterable[Row]", by: str) -> list[Group]:
    """Return the use by account, line or site, the most first; terminals without one are under ""."""
    members: Mapping[str, list[Row]] = defaultdict(list)
    for row in rows:
        members[{"account": row.account, "line": row.line, "site": row.site}[by]].append(row)
    found = []
    for name, group in members.items():
        uses = [row.use for row in group if row.use is not None]
        period_s = uses[0].period_s if uses else 1.0
        total = Use(
            down_bytes=sum(u.down_bytes for u in uses), up_bytes=sum(u.up_bytes for u in uses),
            told_s=sum(u.told_s for u in uses), period_s=period_s * len(group),
        )  # fmt: skip
        found.append(Group(name=name, terminals=len(group), use=total))
    return sorted(found, key=lambda g: (-(g.use.down_bytes + g.use.up_bytes), g.name))
