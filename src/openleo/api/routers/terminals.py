"""Terminals: listing, onboarding, and what is done to them, one at a time or many at once."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Row

from openleo.api.calls import Changes, Changing, Matches, Reads
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.problems import WrongType
from openleo.api.routers.people import ToSign
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import (
    Instant,
    Latitude,
    Longitude,
    Name,
    Note,
    Reason,
    Sent,
    TerminalId,
    slot_instant,
)
from openleo.control import custody, revocation
from openleo.control.acts import Done, to_sign
from openleo.control.inventory import Selection, count_by_state, find_terminal, list_terminals
from openleo.control.life import VERBS, State
from openleo.control.onboarding import Source, onboard
from openleo.control.pairs import Pair
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1", tags=["terminals"])
Holder = Annotated[str, Field(min_length=1, max_length=200)]
OneName = Annotated[str | None, Query(max_length=64)]


class TerminalOut(BaseModel):
    """A terminal, without its position."""

    id: str
    version: int
    serial: str
    kind: str
    account_id: str | None
    line_id: str | None
    area_id: str | None
    batch: str | None
    state: State
    holder: str
    life_critical: bool
    name: str
    public_key: str | None
    quarantined_since: datetime | None
    where: str | None = Field(None, description="in_area, or suspect where its position is doubted")


class Counts(BaseModel):
    """How many terminals are in each state."""

    states: dict[str, int]


class Link(BaseModel):
    """A link of the chain of custody."""

    n: int
    event: str
    holder: str
    by: str
    at: datetime
    note: str


class NewRow(Sent):
    """A new terminal, as a row of a file holds it."""

    id: Name
    kind: Annotated[str, Field(max_length=64)]
    serial: Annotated[str, Field(max_length=64)] | None = None
    account: Name | None = None
    area: Name | None = None
    holder: Annotated[str, Field(max_length=200)] | None = None
    line: Name | None = None
    plan: Name | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    life_critical: bool = False
    name: Annotated[str, Field(max_length=200)] | None = None


class Rows(Sent):
    """New terminals."""

    terminals: Annotated[list[NewRow], Field(min_length=1, max_length=100_000)]


class DoneOut(BaseModel):
    """What was done to how many terminals."""

    ids: list[str] = Field(description="which, up to 1,000 of them")
    count: int
    index: int = Field(description="the entry in the log")
    effective: datetime | None
    batch: str | None = None
    remarks: list[str] = Field(default_factory=list, description="such as which stand outside their area")


class Which(Sent):
    """Which terminals: those named, or all to which everything given here applies."""

    ids: Annotated[list[Name], Field(max_length=2_000)] = Field(default_factory=list)
    batch: Name | None = None
    account: Name | None = None
    area: Name | None = None
    state: State | None = None
    life_critical: bool | None = None

    def selection(self) -> Selection:
        """Return it as the domain names it."""
        return Selection(**self.model_dump())


class Passing(Sent):
    """Who gets it: needed but where it arrives with whom it was sent to, or is lost."""

    holder: Holder | None = None
    note: Note = ""


class Serving(Sent):
    """Why, and from when."""

    reason: Note = ""
    effective: Instant | None = None
    holder: Holder | None = Field(None, description="restore: who has it now")


class Cutting(Sent):
    """Why, from when, and the two people where lives depend on it."""

    reason: Reason
    effective: Instant | None = None
    pair: PairIn | None = None


class Capturing(Cutting):
    """The same, and since when it is in wrong hands."""

    since: Instant


Body = Passing | Serving | Cutting | Capturing
Doer = Callable[[Tx, Selection, Any, Pair | None], Done]


def _when(body: Any) -> dict[str, Any]:
    return {"reason": body.reason, "effective": body.effective}


def _holder(body: Any) -> str:
    return body.holder or ""


# How each verb of `control.life` is said over HTTP: its body, and what does it.
DOERS: Mapping[str, tuple[type[Body], Doer]] = {
    "ship": (Passing, lambda tx, w, b, p: custody.ship(tx, w, to=_holder(b), note=b.note)),
    "receive": (Passing, lambda tx, w, b, p: custody.receive(tx, w, holder=b.holder, note=b.note)),
    "hand": (Passing, lambda tx, w, b, p: custody.hand(tx, w, to=_holder(b), note=b.note)),
    "lose": (Passing, lambda tx, w, b, p: custody.lose(tx, w, note=b.note)),
    "find": (Passing, lambda tx, w, b, p: custody.find(tx, w, holder=_holder(b), note=b.note)),
    "activate": (Serving, lambda tx, w, b, p: custody.activate(tx, w, **_when(b))),
    "resume": (Serving, lambda tx, w, b, p: custody.resume(tx, w, **_when(b))),
    "release": (Serving, lambda tx, w, b, p: custody.release(tx, w, **_when(b))),
    "restore": (Serving, lambda tx, w, b, p: revocation.restore(tx, w, **_when(b), holder=b.holder)),
    "suspend": (Cutting, lambda tx, w, b, p: custody.suspend(tx, w, **_when(b), pair=p)),
    "hold": (Cutting, lambda tx, w, b, p: custody.hold(tx, w, reason=b.reason, pair=p)),
    "revoke": (Cutting, lambda tx, w, b, p: revocation.revoke(tx, w, **_when(b), pair=p)),
    "capture": (
        Capturing, lambda tx, w, b, p: revocation.capture(tx, w, **_when(b), since=b.since, pair=p)
    ),
}  # fmt: skip
Cut = Literal["suspend", "hold", "revoke", "capture"]


def terminal_out(row: Row[Any]) -> TerminalOut:
    """Return a terminal as shown."""
    return TerminalOut.model_validate(dict(row._mapping))


def done_out(done: Done, *, batch: str | None = None) -> DoneOut:
    """Return what was done as shown."""
    return DoneOut(
        ids=list(done.ids[:1_000]), count=len(done.ids), index=done.entry, effective=slot_instant(done.slot),
        batch=batch, remarks=list(done.remarks),
    )  # fmt: skip


@router.get("/terminals", response_model=Page[TerminalOut], **reads("terminal.read", On.LISTED))
async def list_(
    call: Reads,
    *,
    window: Paged,
    batch: OneName = None,
    account: OneName = None,
    area: OneName = None,
    state: State | None = None,
    life_critical: bool | None = None,
    suspect: bool = False,
) -> Response:
    """List the terminals that you may see, without their positions."""
    which = Selection(batch=batch, account=account, area=area, state=state, life_critical=life_critical)

    def found(tx: Tx) -> Page[TerminalOut]:
        rows = list_terminals(tx, which, suspect=suspect, limit=window.limit + 1, after=window.after or "")
        return window.page(rows, terminal_out, key=lambda row: row.id)

    return await call.read(found)


@router.get("/terminal-counts", response_model=Counts, **reads("terminal.read", On.LISTED))
async def counts(
    call: Reads, batch: OneName = None, account: OneName = None, area: OneName = None
) -> Response:
    """Count the terminals that you may see, by state."""
    which = Selection(batch=batch, account=account, area=area)
    return await call.read(lambda tx: Counts(states=count_by_state(tx, which)))


@router.get("/terminals/{terminal}", response_model=TerminalOut, **reads("terminal.read", On.TERMINAL))
async def show(call: Reads, terminal: TerminalId) -> Response:
    """Show a terminal."""
    return await call.read(lambda tx: terminal_out(find_terminal(tx, terminal)))


@router.get("/terminals/{terminal}/custody", response_model=Page[Link], **reads("terminal.read", On.TERMINAL))
async def chain(call: Reads, terminal: TerminalId, window: Paged) -> Response:
    """List who had a terminal, oldest first."""

    def found(tx: Tx) -> Page[Link]:
        return window.page(
            custody.chain(tx, terminal), lambda row: Link.model_validate(dict(row._mapping)),
            key=lambda row: f"{row.n:09d}",
        )  # fmt: skip

    return await call.read(found)


_ONBOARD = changes("terminal.onboard", On.AREA)
_ONBOARD["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Rows"}},
        "text/csv": {"schema": {"type": "string", "description": "columns as the CLI reads them"}},
    },
}  # fmt: skip


@router.post("/terminals", status_code=201, response_model=DoneOut, **_ONBOARD)
async def add(
    *,
    request: Request,
    call: Changes,
    account: OneName = None,
    area: OneName = None,
    holder: Annotated[str, Query(max_length=200)] = "",
    batch: OneName = None,
    reason: Annotated[str, Query(max_length=4_000)] = "",
    file: Annotated[str, Query(max_length=200, description="the name of the file, for the record")] = "body",
) -> Response:
    """Onboard terminals from a CSV file or JSON, up to 16 MiB: all of them or none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    source = await call.services.slowly(lambda: _source(kind, body, file))

    def done(tx: Tx) -> DoneOut:
        found = onboard(
            tx, source, account=account or "", area=area or "", holder=holder, batch=batch or "",
            reason=reason,
        )  # fmt: skip
        return done_out(found, batch=find_terminal(tx, found.ids[0], "terminal.onboard").batch)

    return await call.act(done, status=201)


def _source(kind: str, body: bytes, name: str) -> Source:
    """Return the rows of a file; those in JSON pass the same checks as those in CSV."""
    if kind == "text/csv":
        return Source.of(body, name)
    if kind != "application/json":
        raise WrongType(
            f"the body is of type {kind or 'unknown'}, and this page reads text/csv and application/json",
            "send one of these, with its Content-Type",
        )
    try:
        rows = Rows.model_validate_json(body).terminals
    except ValidationError as error:
        raise RequestValidationError(
            [
                {**e, "loc": ("body", *e["loc"])}
                for e in error.errors(include_url=False, include_context=False)
            ]
        ) from None
    out = io.StringIO()
    writer = csv.DictWriter(out, list(NewRow.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {k: "" if v is None else v for k, v in row.model_dump().items()}
        writer.writerow({**cells, "life_critical": "yes" if row.life_critical else "no"})
    return Source.of(out.getvalue().encode(), name)


def _add_verb(name: str, body_type: type[Body], do: Doer) -> None:
    """Add the two pages of a verb: for one terminal, with If-Match, and for many."""
    verb = VERBS[name]
    said = f"{name.capitalize()}"

    async def one(call: Changing, terminal: str, body: Any) -> Response:
        pair = await pair_of(call.services, getattr(body, "pair", None))

        def done(tx: Tx) -> DoneOut:
            call.need_match("terminal", find_terminal(tx, terminal, verb.action))
            return done_out(do(tx, Selection(ids=(terminal,)), body, pair))

        return await call.act(done)

    async def many(call: Changing, which: Which, body: Any) -> Response:
        pair = await pair_of(call.services, getattr(body, "pair", None))
        return await call.act(lambda tx: done_out(do(tx, which.selection(), body, pair)))

    one.__annotations__ |= {"call": Matches, "terminal": TerminalId, "body": body_type}
    many.__annotations__ |= {"call": Changes, "which": Which, "body": body_type}
    one.__doc__, many.__doc__ = f"{said} a terminal.", f"{said} many terminals: all of them or none."
    router.add_api_route(
        f"/terminals/{{terminal}}/{name}", one, methods=["POST"], name=f"{name}-one", response_model=DoneOut,
        **changes(verb.action, On.TERMINAL, matched=True),
    )  # fmt: skip
    router.add_api_route(
        f"/terminal-acts/{name}", many, methods=["POST"], name=f"{name}-many", response_model=DoneOut,
        **changes(verb.action, On.TERMINAL),
    )  # fmt: skip


for _name, (_body, _do) in DOERS.items():
    _add_verb(_name, _body, _do)


def _add_text(name: Cut) -> None:
    verb = VERBS[name]

    async def text(call: Reads, which: Which, reason: str, since: datetime | None = None) -> Response:
        return await call.read(
            lambda tx: ToSign(to_sign=to_sign(tx, name, which.selection(), reason=reason, since=since))
        )

    text.__annotations__ |= {
        "reason": Annotated[str, Query(min_length=1, max_length=4_000)],
        "since": Annotated[Instant | None, Query()],
    }
    text.__doc__ = (
        f"Return what two people sign to {name} terminals that lives depend on; it changes nothing."
    )
    router.add_api_route(
        f"/terminal-acts/{name}/to-sign", text, methods=["POST"], name=f"{name}-text", response_model=ToSign,
        **reads(verb.action, On.TERMINAL),
    )  # fmt: skip


CUTS: Sequence[Cut] = ("suspend", "hold", "revoke", "capture")
for _cut in CUTS:
    _add_text(_cut)
