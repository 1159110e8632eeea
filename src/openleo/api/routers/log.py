"""The decision log.  What anyone may have (commitments alone), and what readers of the log may read."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from openleo.api.calls import Changes, Public, Reads, Services
from openleo.api.pages import Page, Paged
from openleo.api.routers.people import Recorded
from openleo.api.routes import On, changes, opens, reads
from openleo.api.shapes import Instant, Name, Reason, Sent
from openleo.base.errors import BadInput
from openleo.control import publish, reading
from openleo.control.areas import NotFound
from openleo.control.log.checkpoint import parse_checkpoint
from openleo.control.log.note import parse_note
from openleo.control.log.tile_paths import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileName,
    pack_entries,
    parse_tile_path,
    width_at,
)
from openleo.control.plane import Tx
from openleo.control.schema import entries, nodes

router = APIRouter(prefix="/v1/log", tags=["log"])
Index = Annotated[int, Path(ge=0, le=2**53, description="an entry's place in the log")]
_FOREVER = "public, max-age=31536000, immutable"


class EntryOut(BaseModel):
    """An entry, for those who may read the log there."""

    index: int
    kind: str
    area_id: str | None
    account_id: str | None
    by: str | None
    decided_at: datetime
    embargo_until: datetime | None


class EntryWhole(EntryOut):
    """An entry with its fields, but for those that are absent or were erased."""

    fields: dict[str, Any]


class EmbargoIn(Sent):
    """Until when nothing is shown of an entry."""

    until: Instant
    reason: Reason


class EmbargoDays(Sent):
    """For how long nothing is shown of the entries to come."""

    days: Annotated[float, Field(ge=0, le=36_525, allow_inf_nan=False)]
    reason: Reason


class DisclosureIn(Sent):
    """Which fields of which entries are shown to whom: of those named, or all of an area."""

    fields: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=30)]
    to: Annotated[str, Field(min_length=1, max_length=400)]
    reason: Reason
    entries: Annotated[list[Annotated[int, Field(ge=0, le=2**53)]], Field(max_length=1_000)] = Field(
        default_factory=list
    )
    area: Name | None = None


class DisclosureOut(BaseModel):
    """The files that make, with the log's checkpoint, tiles and key, a package that anyone can check."""

    index: int = Field(description="the entry that records this")
    fields: list[str]
    files: dict[str, str] = Field(description="by path in the package")
    withheld: list[int]


@router.get("/checkpoint", response_class=PlainTextResponse, **opens())
async def checkpoint(at: Public) -> Response:
    """The newest signed checkpoint."""
    text = await at.aside(at.plane.store.checkpoint)
    return PlainTextResponse(text, headers={"Cache-Control": "no-cache"})


@router.get("/key", response_class=PlainTextResponse, **opens())
async def key(at: Public) -> Response:
    """The key that verifies the log, as verifiers write it."""
    return PlainTextResponse(f"{at.plane.store.vkey.text()}\n")


_TILE = opens()
_TILE["responses"][200] = {"content": {"application/octet-stream": {}}, "description": "the tile"}


@router.get("/tile/{path:path}", response_class=Response, **_TILE)
async def tile(at: Public, path: Annotated[str, Path(max_length=100)]) -> Response:
    """A tile of hashes, or of entries: LEVEL/INDEX or entries/INDEX, with .p/WIDTH (c2sp.org/tlog-tiles)."""
    try:
        name = parse_tile_path(f"tile/{path}")
    except BadInput as error:
        raise NotFound(error.detail, error.hint) from error
    content = await at.aside(lambda: _tile(at, name))
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": _FOREVER})


@router.get("/proof/{index}", response_class=PlainTextResponse, **opens())
async def proof(at: Public, index: Index) -> Response:
    """A file that proves an entry to be in the log (c2sp.org/tlog-proof)."""
    return PlainTextResponse(await at.aside(lambda: publish.proof_of(at.plane, index)))


@router.get("/entries", response_model=Page[EntryOut], **reads("log.read", On.LISTED))
async def list_(
    call: Reads,
    window: Paged,
    area: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[str, Query(max_length=32, description="those that begin so")] = "",
) -> Response:
    """List the entries that you may read, newest first."""

    def found(tx: Tx) -> Page[EntryOut]:
        before = None if window.after is None else _number(window.after)
        rows = reading.list_entries(tx, area_id=area, kind=kind, limit=window.limit + 1, before=before)
        return window.page(rows, _entry, key=lambda one: f"{one.index:016d}", descending=True)

    return await call.read(found)


@router.get("/entries/{index}", response_model=EntryWhole, **reads("log.read", On.ENTRY))
async def show(call: Reads, index: Index) -> Response:
    """Show an entry whole."""

    def found(tx: Tx) -> EntryWhole:
        entry, fields = reading.read_entry(tx, index)
        return EntryWhole(**_entry(entry).model_dump(), fields=fields)

    return await call.read(found)


@router.put("/entries/{index}/embargo", response_model=Recorded, **changes("log.disclose", On.ENTRY))
async def embargo(call: Changes, index: Index, body: EmbargoIn) -> Response:
    """Show nothing of an entry before an instant, earlier or later than it was."""
    return await call.act(
        lambda tx: Recorded(index=publish.embargo(tx, index, body.until, reason=body.reason))
    )


@router.put("/embargo-days", response_model=Recorded, **changes("log.disclose", On.NETWORK))
async def embargo_days(call: Changes, body: EmbargoDays) -> Response:
    """Set for how long nothing is shown of the entries to come."""
    return await call.act(
        lambda tx: Recorded(index=publish.set_embargo_days(tx, body.days, reason=body.reason))
    )


@router.post(
    "/disclosures", status_code=201, response_model=DisclosureOut, **changes("log.disclose", On.ENTRY)
)
async def disclose(call: Changes, body: DisclosureIn) -> Response:
    """Show fields of entries to somebody outside; that it was shown, and to whom, is in the log."""

    def done(tx: Tx) -> DisclosureOut:
        if body.area is not None:
            tx.require("log.disclose", body.area)
        names = publish.field_names(body.fields)
        found, withheld, index = publish.open_entries(
            tx, body.entries, body.area, names, to=body.to, reason=body.reason
        )
        files = {f"disclosed/{one.index}.json": one.to_bytes().decode() for one in found}
        return DisclosureOut(index=index, fields=list(names), files=files, withheld=withheld)

    return await call.act(done, status=201)


def _entry(one: reading.Entry) -> EntryOut:
    return EntryOut(
        index=one.index, kind=one.kind, area_id=one.area_id, account_id=one.account_id, by=one.by,
        decided_at=one.decided_at, embargo_until=one.embargo_until,
    )  # fmt: skip


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 16:
        raise BadInput("the cursor is not one of ours", "follow `next`, or leave it out")
    return int(cursor)


def _tile(at: Services, name: TileName) -> bytes:
    """Return a tile of the log that the newest checkpoint covers; raises NotFound beyond it."""
    size = parse_checkpoint(parse_note(at.plane.store.checkpoint()).text).size
    if name.width > width_at(size, name.level or 0, name.index):
        raise NotFound(f"{name.path} is not in a log of {size} entries", "read /v1/log/checkpoint anew")
    first = name.index * TILE_WIDTH
    with at.plane.store.reading() as conn:
        read = _leaves if name.level is None else partial(_hashes, level=name.level * TILE_HEIGHT)
        found = read(conn, first, first + name.width)
    return pack_entries(found) if name.level is None else b"".join(found)


def _leaves(conn: Connection, start: int, stop: int) -> list[bytes]:
    where = (entries.c.index >= start) & (entries.c.index < stop)
    rows: Sequence[Any] = conn.execute(select(entries.c.leaf).where(where).order_by(entries.c.index)).all()
    return [bytes(row.leaf) for row in rows]


def _hashes(conn: Connection, start: int, stop: int, *, level: int) -> list[bytes]:
    where = (nodes.c.level == level) & (nodes.c.index >= start) & (nodes.c.index < stop)
    rows: Sequence[Any] = conn.execute(select(nodes.c.hash).where(where).order_by(nodes.c.index)).all()
    return [bytes(row.hash) for row in rows]
