"""How dishes stand before they are told: out of service already, or as an order would make them."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import SECOND_NS, SiteNow
from openleo.fleet.database import FleetDatabase
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.rows import Row, Table
from openleo.fleet.why.course import SILENT_AFTER_S, State, is_dark
from openleo.fleet.why.times import when

_AGAIN_NS: Final = 5 * SECOND_NS
_SITES_AGAIN_NS: Final = 60 * SECOND_NS  # where terminals stand seldom changes


def is_away(row: Row) -> bool:
    """Tell whether a terminal is out of service by what telemetry says.

    One that nobody hears is; but where it is we who ask it and did not, that says nothing of it.
    """
    if row.last is None:
        return False
    return is_dark(row.last) or (row.state is State.SILENT and not row.by_us)


def counts(row: Row) -> bool:
    """Tell whether a terminal counts as a part of its site: a kit that was never heard of serves nobody."""
    return row.state is not State.NEVER or row.by_us


def sites_now(table: Table, schedules: "Mapping[str, Told]", order: Order) -> dict[str, SiteNow]:
    """Return how many terminals each site has, and how many of them are away, or will be each night."""
    size: defaultdict[str, int] = defaultdict(int)
    away: defaultdict[str, int] = defaultdict(int)
    for row in table.rows:
        if row.site and counts(row):
            size[row.site] += 1
            away[row.site] += is_away(row) or sleeps(row.terminal, schedules, order)
    return {site: SiteNow(size=n, away=away[site]) for site, n in size.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """What a job told a terminal, and when."""

    order: Order
    job: str
    at_ns: int


def last_schedules(jobs: Jobs) -> dict[str, Told]:
    """Return by terminal the daily sleep that a job last set and that was seen to be well."""
    found: dict[str, Told] = {}
    for job in reversed(jobs.all()):
        if job.order.action != "sleep":
            continue
        for step in jobs.steps(job.id):
            at_ns, old = step.told_ns or 0, found.get(step.terminal)
            if step.state == "well" and (old is None or old.at_ns <= at_ns):
                found[step.terminal] = Told(job.order, job.id, at_ns)
            elif step.told_ns is not None and step.state not in ("unreachable", "refused", "left"):
                found.pop(step.terminal, None)  # nobody knows how that went
    return found


def sleeps(terminal: str, schedules: Mapping[str, Told], order: Order) -> bool:
    """Tell whether a terminal sleeps each day already, which counts where others are to sleep too."""
    told = schedules.get(terminal)
    return order.action == "sleep" and told is not None and told.order.enable


def already(row: Row, order: Order, schedules: Mapping[str, Told], told_ns: int, clock_ns: int) -> str:
    """Say of a terminal that it is as an order would make it; "" where it is not, or nobody knows.

    ``told_ns`` is when a job last told it something: what it said before that no longer holds.
    """
    if order.action == "sleep" and order.cuts:
        set_ = schedules.get(row.terminal)
        if set_ is None or set_.order != order:
            return ""
        return (
            f"already set: job {set_.job} told it so at {when(set_.at_ns)}; where somebody has changed it"
            " since, end the sleep first: sleep --off"
        )
    last = row.last
    if order.action not in ("stow", "unstow") or last is None or not last.reachable:
        return ""
    if last.time_ns <= told_ns or clock_ns - last.time_ns > SILENT_AFTER_S * SECOND_NS:
        return ""
    if _stowed(last) is not (order.action == "stow"):
        return ""
    return (
        f"already {'stowed' if order.action == 'stow' else 'not stowed'}: it said so at {when(last.time_ns)}"
    )


def _stowed(sample: Sample) -> bool | None:
    if sample.outage == "STOWED":
        return True
    return sample.stowed


class Darkness:
    """Which terminals of each site are out of service now, for who does a job.

    It is looked up each 5 s at most, and of a large fleet so seldom that it takes a fifth of a processor.
    """

    def __init__(self, folder: Path, store: TelemetryStore, wall_ns: Callable[[], int]) -> None:
        self._folder, self._store, self._wall_ns = folder, store, wall_ns
        self._at_ns: int | None = None
        self._rests_until_s = 0.0
        self._found: dict[str, set[str]] = {}
        self._sites: tuple[dict[str, str], frozenset[str]] = ({}, frozenset())
        self._sites_at_ns: int | None = None

    def __call__(self) -> Mapping[str, set[str]]:
        """Return them by site."""
        now_ns, began_s = self._wall_ns(), time.monotonic()
        if _is_old(self._at_ns, now_ns, _AGAIN_NS) and began_s >= self._rests_until_s:
            self._at_ns, self._found = now_ns, self._look(now_ns)
            ended_s = time.monotonic()
            self._rests_until_s = ended_s + 4 * (ended_s - began_s)
        return self._found

    def _look(self, now_ns: int) -> dict[str, set[str]]:
        from openleo.fleet.looking import sites_and_polled

        if _is_old(self._sites_at_ns, now_ns, _SITES_AGAIN_NS):
            self._sites_at_ns, self._sites = now_ns, sites_and_polled(self._folder)
        sites, polled = self._sites
        latest = self._store.latest()
        newest_ns = max((sample.time_ns for sample in latest.values()), default=0)
        found: dict[str, set[str]] = {}
        for terminal, sample in latest.items():
            old = newest_ns - sample.time_ns > SILENT_AFTER_S * SECOND_NS and terminal not in polled
            if sites.get(terminal) and (old or is_dark(sample)):
                found.setdefault(sites[terminal], set()).add(terminal)
        return found


def _is_old(at_ns: int | None, now_ns: int, after_ns: int) -> bool:
    return at_ns is None or not 0 <= now_ns - at_ns < after_ns


def last_told(database: FleetDatabase) -> dict[str, int]:
    """Return by terminal when a job last told it anything."""
    Jobs(database)
    rows = database.rows(
        "SELECT terminal, max(told_ns) FROM job_steps WHERE told_ns IS NOT NULL GROUP BY terminal"
    )
    return {row[0]: int(row[1]) for row in rows}
