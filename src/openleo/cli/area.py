"""`openleo area`: define service areas, see how they stand, and switch them."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import Desk, Where, control_options, show, table
from openleo.cli._deciding import (
    ask_first,
    at,
    at_slot,
    claim_lines,
    preview_lines,
    reason_option,
    request_json,
    tell,
    yes_option,
)
from openleo.cli._definition import Definition, definition_options
from openleo.cli._group import Group
from openleo.cli._instants import Instant
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.plane import Tx
    from openleo.control.request import Request

_HISTORY = 20  # entries that `area show` prints


@click.group("area", cls=Group)
def command() -> None:
    """Define service areas, see how they stand, and switch them."""


@command.command("define")
@click.argument("name")
@definition_options
@click.option(
    "--kind", type=click.Choice(["simulated", "advisory", "enforced"]), help="Default: the network's."
)
@reason_option("Why, for the log.", required=False)
@control_options
def define(where: Where, name: str, definition: Definition, kind: str | None, reason: str) -> None:
    """Make an area; it is as its parent is until it is switched."""
    from openleo.control.areas import NewArea, define_area
    from openleo.control.network import NetworkKind

    def verb(tx: "Tx") -> Any:
        cells = definition.cells_in(tx)
        if cells is None:
            raise BadInput(
                f"nothing says which cells {name} has",
                "name a shape: --geojson, --cells, --country, --circle, or --inside",
            )
        new = NewArea(
            id=name, cells=cells, kind=None if kind is None else NetworkKind(kind),
            parent_id=definition.parent or definition.inside, title=definition.title or "",
            country=definition.country_code, except_accounts=definition.except_account,
            valid_from=definition.valid_from, valid_until=definition.valid_until,
        )  # fmt: skip
        return define_area(tx, new, reason=reason)

    with where.desk() as desk:
        row = desk.act(verb)
    said = definition.remarks(row)
    value = {"id": row.id, "cells": row.cell_count, "version": row.version, "parent": row.parent_id}
    show(
        where,
        {**value, "remarks": said},
        [
            f"{row.id}: {counted(row.cell_count, 'cell')}, version {row.version}",
            *said,
            f"it is not switched; ask for it with `openleo request new {row.id} on --reason '...'`",
        ],
    )


@command.command("list")
@control_options
def list_(where: Where) -> None:
    """List the areas as a tree, with the switch that acts now."""
    from openleo.control.areas import list_areas
    from openleo.control.reading import standings, tree_of

    with where.desk() as desk:
        rows = desk.read(list_areas)
        stands = desk.read(lambda tx: standings(tx, rows))
    value = [
        {
            "id": row.id, "parent": row.parent_id, "title": row.title, "kind": row.kind,
            "cells": row.cell_count, "version": row.version, "standing": stands[row.id],
        }
        for row in rows
    ]  # fmt: skip
    lines = [
        ("  " * depth + row.id, row.kind, stands[row.id].text, row.version, f"{row.cell_count:,}")
        for depth, row in tree_of(rows)
    ]
    show(where, value, table(("area", "kind", "now", "version", "cells"), lines, none="there are no areas"))


@command.command("show")
@click.argument("name")
@control_options
def show_(where: Where, name: str) -> None:
    """Show an area: its definition, how it stands, what was decided, and what others claim."""
    with where.desk() as desk:
        value = desk.read(lambda tx: _shown(tx, name))
    show(where, value, _shown_lines(value))


def _shown(tx: "Tx", name: str) -> dict[str, Any]:
    """Return all that the actor may see of an area."""
    from openleo.control.areas import find_area
    from openleo.control.authorize import scope
    from openleo.control.claims import list_claims
    from openleo.control.reading import list_entries, may, open_requests, standings

    tx.require("area.read", name)
    row = find_area(tx.conn, name)
    may_read_log = scope(tx.conn, tx.actor.id, "log.read") != []
    return {
        "id": row.id, "title": row.title, "kind": row.kind, "parent": row.parent_id, "country": row.country,
        "cells": row.cell_count, "version": row.version, "except_accounts": row.except_accounts,
        "cut_terminals": row.cut_terminals if may(tx, "request.read", name) else None,
        "valid_from": at_slot(row.valid_from_slot) or None,
        "valid_until": at_slot(row.valid_until_slot) or None,
        "emergency": row.emergency, "standing": standings(tx, [row])[name],
        "decisions": list_entries(tx, area_id=name) if may_read_log else None,
        "open_requests": [request_json(request) for request in open_requests(tx, name)],
        "claims": list_claims(tx, area_id=name),
    }  # fmt: skip


def _shown_lines(value: dict[str, Any]) -> list[str]:
    stands = value["standing"]
    title = f" ({value['title']})" if value["title"] else ""
    lines = [
        f"{value['id']}{title}: {value['kind']}, {counted(value['cells'], 'cell')}, "
        f"version {value['version']}",
        f"now: {stands.text}",
    ]
    if stands.next is not None:
        lines.append(f"then: {stands.next} from {at_slot(stands.next_slot)}")
    if stands.vendor is not None:
        lines.append(f"vendor: {_vendor_line(stands.vendor, stands.wanted)}")
    for label, key in (
        ("parent", "parent"), ("country", "country"), ("from", "valid_from"), ("until", "valid_until"),
        ("emergency", "emergency"),
    ):  # fmt: skip
        if value[key]:
            lines.append(f"{label}: {value[key]}")
    for label, key in (("except accounts", "except_accounts"), ("cuts life-critical", "cut_terminals")):
        if value[key]:
            lines.append(f"{label}: {', '.join(value[key])}")
    lines += _history_lines(value["decisions"])
    if value["open_requests"]:
        rows = [
            (one["id"], one["switch"], one["state"], one["asked_by"], one["reason"])
            for one in value["open_requests"]
        ]
        lines += ["", "Open requests:", *table(("", "switch", "state", "asked by", "reason"), rows, none="")]
    return lines + claim_lines(value["claims"])


def _vendor_line(step: str, wanted: str) -> str:
    """Return how far a vendor has come: the steps that are done, and the ones that are not."""
    from openleo.control.switching import VENDOR_STEPS

    done = VENDOR_STEPS.index(step)
    steps = [name if n <= done else f"({name})" for n, name in enumerate(VENDOR_STEPS)]
    return f"{wanted}: {' -> '.join(steps)}"


def _history_lines(entries: Any) -> list[str]:
    if entries is None:
        return []
    rows = [(one.index, at(one.decided_at), one.kind, one.by) for one in entries[:_HISTORY]]
    lines = [
        "",
        "Decisions, and the steps to them:",
        *table(("entry", "decided", "what", "by"), rows, none="  none"),
    ]
    if len(entries) > _HISTORY:
        lines.append(f"and {len(entries) - _HISTORY} earlier: `openleo log list --area NAME` has all")
    return lines


@command.command("off")
@click.argument("name")
@click.option("--emergency", is_flag=True, help="At once, by you alone, for an hour.")
@click.option("--effective", type=Instant(), help="When (default: the next slot that can be).")
@click.option("--include", multiple=True, metavar="TERMINAL", help="A life-critical one to cut too.")
@reason_option("Why.")
@yes_option
@control_options
def off(
    where: Where,
    *,
    name: str,
    emergency: bool,
    effective: datetime | None,
    include: tuple[str, ...],
    reason: str,
    yes: bool,
) -> None:
    """Ask for an area to be off and propose it; or, in an emergency, switch it off for an hour."""
    with where.desk() as desk:
        if not emergency:
            _ask_and_propose(
                where, desk, name, "off", effective=effective, include=include, reason=reason, yes=yes
            )
            return
        if include:
            raise BadInput(
                "an emergency spares every life-critical terminal",
                "leave --include out, or ask for it",
            )
        _preview_first(where, desk, name, "off", at_=effective, yes=yes)
        _emergency(where, desk, name, effective, reason)


@command.command("on")
@click.argument("name")
@click.option("--effective", type=Instant(), help="When (default: the next slot that can be).")
@reason_option("Why.")
@yes_option
@control_options
def on(where: Where, name: str, effective: datetime | None, reason: str, yes: bool) -> None:
    """Ask for an area to be on, and propose it."""
    with where.desk() as desk:
        _ask_and_propose(where, desk, name, "on", effective=effective, reason=reason, yes=yes)


def _preview_first(
    where: Where,
    desk: Desk,
    name: str,
    switch: str,
    *,
    include: Sequence[str] = (),
    at_: datetime | None,
    yes: bool,
) -> None:
    """Show what a switch would change to those who may know, and ask."""
    from openleo.control.reading import may
    from openleo.control.whatif import affected_by

    if desk.read(lambda tx: may(tx, "request.read", name)):
        found = desk.read(lambda tx: affected_by(tx, name, switch, include=include, effective=at_))
        tell(where, preview_lines(found))
    ask_first(where, yes, f"switch {name} {switch}?")


def _ask_and_propose(
    where: Where,
    desk: Desk,
    name: str,
    switch: str,
    *,
    effective: datetime | None,
    include: Sequence[str] = (),
    reason: str,
    yes: bool,
) -> None:
    from openleo.control.reading import approvers
    from openleo.control.switching import ask, propose, to_sign

    def verb(tx: "Tx") -> "tuple[Request, list[str]]":
        request = ask(tx, name, switch, reason=reason, effective=effective)
        signature = desk.credential.sign("propose", to_sign(tx, request.id, include=include))
        proposed = propose(tx, request.id, signature=signature, include=include)
        return proposed, approvers(tx, proposed)

    _preview_first(where, desk, name, switch, include=include, at_=effective, yes=yes)
    request, able = desk.act(verb)
    who = ", ".join(able) or "nobody: give someone else the role approver"
    show(
        where,
        {"request": request_json(request), "can_approve": able},
        [
            f"{request.id}: area {name} {switch} is proposed, and nothing has changed yet",
            f"a second person must approve it within a day: {who}",
            f"`openleo decide approve {request.id}`",
        ],
    )


def _emergency(where: Where, desk: Desk, name: str, effective: datetime | None, reason: str) -> None:
    from openleo.control.reading import approvers
    from openleo.control.switching import emergency_off, emergency_text

    def verb(tx: "Tx") -> "tuple[Request, int, list[str]]":
        _, text = emergency_text(tx, name, reason=reason)
        request, index = emergency_off(
            tx, name, reason=reason, signature=desk.credential.sign("emergency", text), effective=effective
        )
        return request, index, approvers(tx, request)

    request, index, able = desk.act(verb)
    who = ", ".join(able) or "nobody can: give someone else the role approver"
    show(
        where,
        {"request": request_json(request), "entry": index, "can_confirm": able},
        [
            f"{request.id}: area {name} is off from {at_slot(request.effective_slot)}; log entry {index}",
            f"it is on again at {at(request.deadline)} unless a second person confirms: {who}",
            f"`openleo decide confirm {request.id}`",
        ],
    )


@command.command("change")
@click.argument("name")
@definition_options
@click.option("--version", type=int, help="Only if the area is still at this version.")
@reason_option("Why.")
@control_options
def change(where: Where, name: str, definition: Definition, version: int | None, reason: str) -> None:
    """Change the definition of an area that nobody is served or cut off by yet."""
    from openleo.control.areas import redefine_area

    def verb(tx: "Tx") -> Any:
        changes = definition.changes(tx)
        if not changes:
            raise BadInput("nothing is to change", f"see `openleo area change --help` and `area show {name}`")
        return redefine_area(tx, name, changes, version=version, reason=reason)

    with where.desk() as desk:
        row = desk.act(verb)
    said = definition.remarks(row)
    show(
        where,
        {"id": row.id, "cells": row.cell_count, "version": row.version, "remarks": said},
        [f"{row.id}: {counted(row.cell_count, 'cell')}, version {row.version}", *said],
    )


@command.command("observe")
@click.argument("name")
@click.argument("step", type=click.Choice(["sent", "acknowledged", "observed"]))
@click.option("--note", required=True, metavar="TEXT", help="How that is known.")
@click.option("--at", "at_", type=Instant(), help="When it was observed (default: the next slot).")
@control_options
def observe(where: Where, name: str, step: str, note: str, at_: datetime | None) -> None:
    """Say what the vendor of an advisory area did; it counts as switched once it is observed."""
    from openleo.control.reading import standings
    from openleo.control.switching import observe as observe_step

    with where.desk() as desk:
        row = desk.act(lambda tx: observe_step(tx, name, step, note=note, at=at_))
        stands = desk.read(lambda tx: standings(tx, [row])[name])
    lines = [f"{name}: {_vendor_line(step, row.wanted)}", f"now: {stands.text}"]
    if stands.next is not None:
        lines.append(f"then: {stands.next} from {at_slot(stands.next_slot)}")
    show(where, {"id": name, "vendor": row.vendor, "wanted": row.wanted, "standing": stands}, lines)


@command.command("cells")
@click.argument("name")
@click.option("--geojson", is_flag=True, help="As GeoJSON, with outlines (default: CSV).")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
@control_options
def cells(where: Where, name: str, geojson: bool, out: Path | None) -> None:
    """Print an area's cells, as CSV or GeoJSON."""
    from openleo.control.areas import cells_of_area, find_area
    from openleo.control.shapes import cells_as_geojson

    def verb(tx: "Tx") -> Any:
        tx.require("area.read", name)
        return find_area(tx.conn, name)

    with where.desk() as desk:
        row = desk.read(verb)
    if geojson or where.as_json:
        feature = cells_as_geojson(
            cells_of_area(row), {"name": name, "title": row.title, "version": row.version}
        )
        text = json.dumps(feature, separators=(",", ":"), ensure_ascii=False) + "\n"
    else:
        text = _csv(row)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}", "name another file") from error
    click.echo(f"{out}: {counted(row.cell_count, 'cell')}")


def _csv(row: Any) -> str:
    from openleo.control.areas import cells_of_area
    from openleo.ground.cells import cell_centre_deg, cell_name

    found = cells_of_area(row)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("cell", "latitude_deg", "longitude_deg"))
    centres = cell_centre_deg(found).tolist()
    writer.writerows(
        (cell_name(cell), f"{latitude:.5f}", f"{longitude:.5f}")
        for cell, (latitude, longitude) in zip(found.tolist(), centres, strict=True)
    )
    return out.getvalue()
