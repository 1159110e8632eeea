"""Terminals of the network: who is dark and why, one of them over time, and outages."""

from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from openleo.api.columns import TimelineColumns
from openleo.api.evidence import Evidence
from openleo.api.routers.network import From, Slot, Until, span
from openleo.api.routers.network_cells import (
    Cursor,
    Limit,
    MaybeCause,
    OneCell,
    one_cell,
    page_link,
)
from openleo.api.routes import On, reads
from openleo.api.shown_areas import all_area_rows, area_rows
from openleo.api.viewing import Views
from openleo.api.watching import NoSuchThing, Watching
from openleo.base.errors import BadInput
from openleo.live.looking.outages import BY, outages
from openleo.live.looking.scene import Scene
from openleo.live.looking.words import mbps, ms, state_of
from openleo.results.evidence import explain_terminal
from openleo.results.timeline import timeline_of
from openleo.snapshot.causes import MEANING, Cause

router = APIRouter(prefix="/v1/network", tags=["network-terminals"])
Id = Annotated[str, Path(min_length=1, max_length=128, description="the terminal's id")]
Name = Annotated[str | None, Query(max_length=128)]
State = Literal["online", "outage", "policy", "own"]
MOST_SLOTS = 5_760
_ALL = 15


class TerminalOut(BaseModel):
    """A terminal in a slot; positions are null where they are not told."""

    row: int
    id: str
    kind: str
    account: str
    group: str
    cell: int
    h3: str
    latitude_deg: float | None
    longitude_deg: float | None
    moving: bool
    cause: str = Field(description="why it is dark in the seconds that are not online; ONLINE")
    online_s: int
    rule: str | None
    fault: str | None
    satellite: str | None
    gateway: str | None
    rtt_ms: float | None


class OneTerminal(TerminalOut):
    """A terminal in a slot, with its cell."""

    meaning: str
    rule_text: str | None
    place: str
    cell_detail: OneCell


class Terminals(BaseModel):
    """Some terminals, and where there are more."""

    slot: int
    total: int
    items: list[TerminalOut]
    next: str | None


class TimelineOut(BaseModel):
    """A terminal slot by slot, by columns."""

    terminal: str
    first: int = Field(alias="from")
    until: int
    columns: TimelineColumns


class OutageOut(BaseModel):
    """Terminals that were dark for one cause."""

    key: str
    cause: str
    meaning: str
    group: str
    rule: str | None
    rule_text: str | None
    fault: str | None
    from_slot: int
    until_slot: int
    start: str
    end: str
    open: bool
    terminals: int = Field(description="how many it befell over the span")
    peak: int = Field(description="how many were dark for a whole slot at once, at the most")
    peak_slot: int = Field(description="the first slot in which so many were")
    last: int = Field(description="how many were so in the last slot of the span")
    hours: float
    cells: list[int]
    example: str | None = Field(description="one that was dark in peak_slot")


class OutagesOut(BaseModel):
    """Outages, the most terminal-hours first."""

    first: int = Field(alias="from")
    until: int
    by: str
    items: list[OutageOut]


def terminal_row(watching: Watching, name: str) -> int:
    """Return a terminal's row; raises NoSuchThing."""
    if "terminal_rows" not in watching.kept:
        ids = watching.archive.statics["terminals"]["id"].to_list()
        watching.kept["terminal_rows"] = {one: row for row, one in enumerate(ids)}
    row = watching.kept["terminal_rows"].get(name)
    if row is None:
        raise NoSuchThing(f"the network has no terminal {name!r}", "list them with /v1/network/terminals")
    return int(row)


@router.get("/terminals", response_model=Terminals, **reads("network.read", On.NETWORK))
async def list_(
    call: Views, request: Request, *, slot: Slot = None, cause: MaybeCause = None, area: Name = None,
    account: Name = None, group: Name = None, q: Name = None,
    state: Annotated[State | None, Query(description="dark is for the whole slot")] = None,
    fault: Annotated[str | None, Query(max_length=400, description="the fault behind it")] = None,
    dark: Annotated[bool | None, Query(description="whether it is dark for the whole slot")] = None,
    partly: Annotated[bool | None, Query(description="whether it is online but lacks a second")] = None,
    cell: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="a cell's row in frames")] = None,
    limit: Limit = 100, cursor: Cursor = 0,
) -> Response:  # fmt: skip
    """List terminals, and how they fare in a slot."""
    at, number = call.watching, call.watching.slot(slot)
    inside = None if area is None else await area_rows(call, area)

    def made() -> dict[str, Any]:
        scene = at.scene(number)
        chosen = _chosen(scene, account=account, group=group, text=q)
        chosen &= _faring(scene, cause=cause, state=state, fault=fault, dark=dark, partly=partly)
        if cell is not None:
            chosen &= scene.cell_of == cell
        if inside is not None:
            chosen &= np.isin(at.archive.tracked[scene.cell_of], list(inside))
        every = np.flatnonzero(chosen)
        rows = every[every >= cursor][: limit + 1].tolist()
        return {
            "slot": number,
            "total": len(every),
            "items": scene.terminals(rows[:limit], positions=at.positions),
            "next": page_link(request, rows[limit]) if len(rows) > limit else None,
        }

    return await call.show(made)


def _chosen(scene: Scene, *, account: str | None, group: str | None, text: str | None) -> np.ndarray:
    table = scene.archive.statics["terminals"]
    chosen = np.ones(len(table), np.bool_)
    for column, wanted in (("account", account), ("group", group)):
        if wanted is not None:
            chosen &= (table[column] == wanted).to_numpy()
    if text:
        chosen &= table["id"].str.to_lowercase().str.contains(text.lower(), literal=True).to_numpy()
    return chosen


def _faring(
    scene: Scene, *, cause: str | None, state: str | None, fault: str | None, dark: bool | None,
    partly: bool | None,
) -> np.ndarray:  # fmt: skip
    """Choose by how they fare, by the rule of every count: dark is who is so for the whole slot."""
    online = scene.seconds > 0
    causes = np.where(online, int(Cause.ONLINE), scene.cause)
    chosen = np.ones(len(online), np.bool_)
    if cause is not None:
        chosen &= causes == Cause[cause]
    if state is not None:
        named = [int(one) for one in np.unique(causes) if state_of(int(one)) == state]
        chosen &= np.isin(causes, named)
    if fault is not None:
        rows = np.flatnonzero((scene.archive.statics["faults"]["name"] == fault).to_numpy())
        chosen &= ~online & np.isin(scene.fault, rows)
    if dark is not None:
        chosen &= ~online == dark
    if partly is not None:
        chosen &= (online & (np.bitwise_count(scene.seconds.astype(np.uint64)) < _ALL)) == partly
    return chosen


@router.get("/terminals/{terminal}", response_model=OneTerminal, **reads("network.read", On.NETWORK))
async def show(call: Views, terminal: Id, slot: Slot = None) -> Response:
    """Show a terminal in a slot, with its cell and that one's beams."""
    at, number = call.watching, call.watching.slot(slot)

    def made() -> dict[str, Any]:
        row, scene = terminal_row(at, terminal), at.scene(number)
        found = scene.terminals([row], positions=at.positions)[0]
        cell = one_cell(at, scene, found["cell"])
        return {
            **found,
            "meaning": MEANING[Cause[found["cause"]]],
            "rule_text": scene.name("rules", int(scene.rule[row]), "text"),
            "place": cell["place"],
            "cell_detail": cell,
        }

    return await call.show(made)


@router.get("/terminals/{terminal}/timeline", response_model=TimelineOut, **reads("network.read", On.NETWORK))
async def timeline(call: Views, terminal: Id, first: From = None, until: Until = None) -> Response:
    """Tell how a terminal fared slot by slot."""
    begin, end = span(call.watching, first, until)
    if end - begin > MOST_SLOTS:
        raise BadInput(
            f"{end - begin} slots are more than {MOST_SLOTS}", "ask for a day at most, with from and until"
        )

    def made() -> dict[str, Any]:
        row = terminal_row(call.watching, terminal)
        names = (
            "slot", "start", "online_s", "cause", "rule", "fault", "satellite", "gateway", "seconds",
            "handover",
        )  # fmt: skip
        columns: dict[str, list[Any]] = {name: [] for name in TimelineColumns.model_fields}
        if begin < end:
            frame = timeline_of(call.watching.history(begin, end), row)
            frame = frame.filter((pl.col("slot") >= begin) & (pl.col("slot") < end))
            frame = frame.with_columns(start=frame["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
            columns = frame.select(names).to_dict(as_series=False)
            columns["rtt_ms"] = [ms(us) for us in frame["rtt_us"].to_list()]
            columns["rate_mbps"] = [mbps(kbps) for kbps in frame["rate_kbps"].to_list()]
        return {"terminal": terminal, "from": begin, "until": end, "columns": columns}

    return await call.show(made)


@router.get("/terminals/{terminal}/explain", response_model=Evidence, **reads("network.read", On.NETWORK))
async def explain(call: Views, terminal: Id, slot: Slot = None) -> Response:
    """Say why a terminal was online or dark in a slot: what policy says, its own state, each satellite."""
    at, number = call.watching, call.watching.slot(slot)
    row = terminal_row(at, terminal)

    def made() -> dict[str, Any]:
        found = explain_terminal(at.history(number, number + 1), row, number)
        if not at.positions:
            for name in ("latitude_deg", "longitude_deg"):
                found["terminal"][name] = None
        return found

    return await call.explain(made)


@router.get("/outages", response_model=OutagesOut, **reads("network.read", On.NETWORK))
async def list_outages(
    call: Views, first: From = None, until: Until = None,
    by: Annotated[Literal[BY], Query(description="what they are grouped by")] = "cause",  # type: ignore[valid-type]
) -> Response:  # fmt: skip
    """Group who was dark over some slots by what they share; the most terminal-hours first."""
    begin, end = span(call.watching, first, until)
    if end - begin > MOST_SLOTS:
        raise BadInput(
            f"{end - begin} slots are more than {MOST_SLOTS}", "ask for a day at most, with from and until"
        )

    areas = await all_area_rows(call) if by == "area" else {}

    def made() -> dict[str, Any]:
        at = call.watching
        items = (
            outages(at.history(begin, end), begin, end, by, areas=areas, rank=at.archive.rank)
            if begin < end
            else []
        )
        return {"from": begin, "until": end, "by": by, "items": items[:500]}

    return await call.show(made)
