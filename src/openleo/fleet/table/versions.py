"""How far software was rolled out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from openleo.fleet.table.rows import Row, version_key
from openleo.fleet.why.course import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Terminals that run one software; ``newest_ns`` is when any of them last told."""

    version: str
    terminals: int
    online: int
    not_well: int
    update_waits: int
    newest_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollOut:
    """The software of a fleet, that of most terminals first."""

    versions: tuple[Version, ...]
    terminals: int
    unknown: int
    update_waits: int
    oldest: str | None
    newest: str | None


def roll_out(rows: Iterable[Row]) -> RollOut:
    """Return how far software was rolled out."""
    by_version: dict[str, list[Row]] = defaultdict(list)
    every = list(rows)
    for row in every:
        if row.version:
            by_version[row.version].append(row)
    versions = [
        Version(
            version=name, terminals=len(group), online=sum(r.state is State.ONLINE for r in group),
            not_well=sum(r.state is not State.ONLINE for r in group),
            update_waits=sum(r.update_waits is True for r in group),
            newest_ns=max(r.last.time_ns for r in group if r.last is not None),
        )
        for name, group in by_version.items()
    ]  # fmt: skip
    ordered = sorted(by_version, key=version_key)
    return RollOut(
        versions=tuple(sorted(versions, key=lambda v: (-v.terminals, v.version))),
        terminals=len(every),
        unknown=sum(not row.version for row in every),
        update_waits=sum(row.update_waits is True for row in every),
        oldest=ordered[0] if ordered else None,
        newest=ordered[-1] if ordered else None,
    )
