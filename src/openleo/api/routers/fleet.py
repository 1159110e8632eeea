"""The real fleet: how it stands, its table, versions, data use and saved filters."""

import time
from collections import defaultdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from openleo.api.calls import Changes
from openleo.api.fleet_shapes import (
    FilterIn,
    FilterName,
    FilterOut,
    Filters,
    FleetOut,
    FleetTerminals,
    OneFleetTerminal,
    State,
    UsageOut,
    VersionsOut,
)
from openleo.api.fleet_shown import ACTS, Fleet, Seeing, Sees, someone_acts
from openleo.api.routers.network_cells import Cursor, Limit, page_link
from openleo.api.routes import On, changes, reads
from openleo.api.watching import NoSuchThing
from openleo.base.errors import BadInput, did_you_mean
from openleo.control.plane import Tx
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.desk import Desk
from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.acting.plain import plain_step
from openleo.fleet.database import FleetDatabase
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.filters import SavedFilters
from openleo.fleet.table.plain import plain_group, plain_row, plain_sample
from openleo.fleet.table.rows import SORTS, Row, Table, sorted_rows
from openleo.fleet.table.usage import BY, SAYS, grouped
from openleo.fleet.table.veiled import CLOSED
from openleo.fleet.table.versions import roll_out
from openleo.fleet.table.where import MOST_LETTERS, read_where
from openleo.fleet.why.causes import ADVICE, Why
from openleo.fleet.why.course import State as Standing
from openleo.fleet.why.times import iso
from openleo.fleet.why.words import plain_diagnosis, plain_incident

router = APIRouter(prefix="/v1/fleet", tags=["fleet"])
Days = Annotated[
    float,
    Query(ge=0, le=366, allow_inf_nan=False, description="the period of data use, in days; 0: leave it out"),
]
Where = Annotated[
    str | None, Query(max_length=MOST_LETTERS, description="such as: dark and version=2026.11.*")
]
After = Annotated[str | None, Query(max_length=64, description="from `next`, where sort is terminal")]
_SORTS = tuple(SORTS)
Name = Annotated[FilterName, Path(description="the filter's name")]
_INCIDENTS, _SAMPLES = 200, 500
_HOUR_NS = 3_600 * 10**9


@router.get("", response_model=FleetOut, **reads("terminal.read", On.NETWORK))
async def show(call: Sees) -> Response:
    """Say how the fleet stands: terminals by state and cause, incidents, what dishes may be told."""

    def made() -> dict[str, Any]:
        table = call.table()
        incidents = [
            plain_incident(n, i, table.now_ns) for n, i in enumerate(table.incidents[:_INCIDENTS], 1)
        ]
        with FleetDatabase(call.shown.folder) as database:
            acting, jobs_open = _acting(database, call), Jobs(database).open_count()
        return {
            "now": iso(table.now_ns), "stale": table.stale, "remark": table.remark,
            "terminals": len(table.rows), "counts": table.counts, "causes": _causes(table),
            "incidents": incidents, "acting": acting, "jobs_open": jobs_open,
        }  # fmt: skip

    return await call.show(made)


def _acting(database: FleetDatabase, call: Seeing) -> dict[str, Any]:
    return {
        "actions": [
            {
                "action": one.action, "allowed": one.allowed, "by": one.by, "reason": one.reason,
                "at": iso(one.at_ns),
            }
            for one in Allowances(database).all()
        ],
        "may": call.may_act, "why_not": call.why_not,
    }  # fmt: skip


def _causes(table: Table) -> list[dict[str, Any]]:
    """Count those that are not well by cause, the most first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        if row.state not in (Standing.ONLINE, Standing.NEVER):
            groups[row.cause or Why.UNKNOWN.value].append(row)
    found = [
        {
            "cause": cause, "meaning": ADVICE[Why(cause)].meaning, "do": ADVICE[Why(cause)].do,
            "call": ADVICE[Why(cause)].call, "terminals": len(rows),
            "life_critical": sum(row.life_critical for row in rows),
            "people": sum(row.subject.people or 0 for row in rows),
        }
        for cause, rows in groups.items()
    ]  # fmt: skip
    return sorted(found, key=lambda c: (-c["terminals"], c["cause"]))


def _chosen(call: Seeing, table: Table, where: str | None, saved: str | None, text: str | None) -> list[Row]:
    """Return the rows that are asked for; raises BadInput, NoSuchFilter, and Closed."""
    closed = () if call.sees_people else CLOSED
    tests = [read_where(where, closed=closed)] if where else []
    if saved is not None:
        with FleetDatabase(call.shown.folder) as database:
            tests.append(read_where(SavedFilters(database).need(saved).where, closed=closed))
    rows = [row for row in table.rows if all(test(row, table.now_ns) for test in tests)]
    wanted = (text or "").casefold()
    return [row for row in rows if wanted in _names(row)] if wanted else rows


def _names(row: Row) -> str:
    kit = row.subject
    return " ".join((row.terminal, kit.kit, kit.name, kit.site, row.account, row.holder, row.line)).casefold()


def _after(request: Request, last: Row) -> str:
    """Return the address of the page after a terminal."""
    url = request.url.include_query_params(after=last.terminal).remove_query_params("cursor")
    return f"{url.path}?{url.query}"


@router.get("/terminals", response_model=FleetTerminals, **reads("terminal.read", On.NETWORK))
async def list_terminals(
    call: Sees, request: Request, *, where: Where = None,
    saved: Annotated[FilterName | None, Query(alias="filter", description="a saved filter")] = None,
    q: Annotated[str | None, Query(max_length=128, description="a part of a name")] = None,
    state: Annotated[State | None, Query()] = None, cause: Annotated[Why | None, Query()] = None,
    days: Days = 0, sort: Literal[_SORTS] = "urgency",  # type: ignore[valid-type]
    descending: bool = False, limit: Limit = 100, cursor: Cursor = 0, after: After = None,
) -> Response:  # fmt: skip
    """List terminals with health, cause, software, data use and custody.

    By sort=terminal pages hold while terminals go dark and come back: each that fits all along is in one.
    """
    if after is not None and sort != "terminal":
        raise BadInput("after names the terminal that a page ends with", "it goes with sort=terminal")

    def made() -> dict[str, Any]:
        table = call.table(days)
        rows = sorted_rows(_chosen(call, table, where, saved, q), sort)
        rows = [r for r in rows if state in (None, r.state.value) and cause in (None, r.cause)]
        if descending:
            rows.reverse()
        total = len(rows)
        if after is not None:
            rows = [r for r in rows if (r.terminal < after if descending else r.terminal > after)]
        page = rows[cursor : cursor + limit]
        following = None
        if len(rows) > cursor + limit:
            by_name = sort == "terminal"
            following = _after(request, page[-1]) if by_name else page_link(request, cursor + limit)
        return {
            "now": iso(table.now_ns), "total": total, "period_days": days, "usage": SAYS,
            "items": [plain_row(row) for row in page], "next": following,
        }  # fmt: skip

    return await call.show(made, slow=days > 0)


@router.get("/terminals/{terminal}", response_model=OneFleetTerminal, **reads("terminal.read", On.NETWORK))
async def show_terminal(
    call: Sees, terminal: Annotated[str, Path(min_length=1, max_length=64, description="the terminal's id")]
) -> Response:
    """Show a terminal: why it is not well, what it told of late, what jobs did with it."""

    def made() -> dict[str, Any]:
        table = call.table()
        row = next((r for r in table.rows if r.terminal == terminal), None)
        if row is None:
            known = [r.terminal for r in table.rows]
            raise NoSuchThing(f"the fleet has no terminal {terminal!r}", did_you_mean(terminal, known))
        last_ns = table.now_ns if row.last is None else row.last.time_ns
        with TelemetryStore(call.shown.folder) as store:
            samples = store.samples(terminal, last_ns - _HOUR_NS, max(last_ns, table.clock_ns) + 1)
        with Desk.of(call.shown.folder, now_ns=time.time_ns()) as desk:
            steps = [plain_step(step) for step in desk.steps_of(terminal)]
        found = table.why.get(terminal)
        return {
            "now": iso(table.now_ns), "terminal": plain_row(row),
            "why": None if found is None else plain_diagnosis(row.subject, found, table.now_ns),
            "samples": [plain_sample(sample) for sample in samples[-_SAMPLES:]], "steps": steps,
        }  # fmt: skip

    return await call.show(made)


@router.get("/usage", response_model=UsageOut, **reads("terminal.read", On.NETWORK))
async def usage(
    call: Sees, by: Literal[BY] = "account",  # type: ignore[valid-type]
    days: Annotated[float, Query(gt=0, le=366, allow_inf_nan=False)] = 30, where: Where = None,
) -> Response:  # fmt: skip
    """Estimate how much data was used, by account, service line or site."""

    def made() -> dict[str, Any]:
        table = call.table(days)
        rows = _chosen(call, table, where, None, None)
        return {
            "now": iso(table.now_ns), "by": by, "period_days": days, "usage": SAYS,
            "items": [plain_group(group) for group in grouped(rows, by)],
        }  # fmt: skip

    return await call.show(made, slow=True)


@router.get("/versions", response_model=VersionsOut, **reads("terminal.read", On.NETWORK))
async def versions(call: Sees, where: Where = None) -> Response:
    """Say how far software was rolled out."""

    def made() -> dict[str, Any]:
        table = call.table()
        found = roll_out(_chosen(call, table, where, None, None))
        told = max(1, found.terminals - found.unknown)
        return {
            "now": iso(table.now_ns), "terminals": found.terminals, "unknown": found.unknown,
            "update_waits": found.update_waits, "oldest": found.oldest, "newest": found.newest,
            "items": [
                {
                    "version": v.version, "terminals": v.terminals, "share": round(v.terminals / told, 4),
                    "online": v.online, "not_well": v.not_well, "update_waits": v.update_waits,
                    "newest_seen": iso(v.newest_ns),
                }
                for v in found.versions
            ],
        }  # fmt: skip

    return await call.show(made)


@router.get("/filters", response_model=Filters, **reads("terminal.read", On.NETWORK))
async def filters(call: Sees) -> Response:
    """List saved filters."""

    def made() -> dict[str, Any]:
        with FleetDatabase(call.shown.folder) as database:
            found = SavedFilters(database).all()
        return {"items": [_plain_filter(one) for one in found]}

    return await call.show(made)


def _plain_filter(one: Any) -> dict[str, Any]:
    return {"name": one.name, "where": one.where, "by": one.by, "at": iso(one.at_ns)}


@router.put(
    "/filters/{name}", response_model=FilterOut, dependencies=[Depends(someone_acts)],
    **changes("fleet.act", On.NETWORK),
)  # fmt: skip
async def put_filter(call: Changes, shown: Fleet, name: Name, body: FilterIn) -> Response:
    """Save a filter, in place of one of that name."""

    def verb(tx: Tx) -> FilterOut:
        tx.require(ACTS)
        with FleetDatabase(shown.folder) as database:
            saved = SavedFilters(database).put(name, body.where, by=tx.actor.id, now_ns=time.time_ns())
        return FilterOut(**_plain_filter(saved))

    return await call.act(verb)


@router.post(
    "/filters/{name}/removal", response_model=FilterOut, dependencies=[Depends(someone_acts)],
    **changes("fleet.act", On.NETWORK),
)  # fmt: skip
async def remove_filter(call: Changes, shown: Fleet, name: Name) -> Response:
    """Remove a filter; return the one that was removed."""

    def verb(tx: Tx) -> FilterOut:
        tx.require(ACTS)
        with FleetDatabase(shown.folder) as database:
            found = SavedFilters(database).need(name)
            SavedFilters(database).remove(name)
        return FilterOut(**_plain_filter(found))

    return await call.act(verb)
