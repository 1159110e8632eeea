"""What the commands about areas, requests and decisions share: how they ask, and how they print."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput
from openleo.cli._control import Where, table
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.claims import Claim
    from openleo.control.plane import Tx
    from openleo.control.reading import Remark
    from openleo.control.request import Request
    from openleo.control.whatif import Preview


F = TypeVar("F", bound=Callable[..., Any])


def at_slot(slot: int | None) -> str:
    """Return when a slot begins, as people write it."""
    return "" if slot is None else format_utc(slot_start(slot))


def at(instant: datetime | None) -> str:
    """Return an instant to the second."""
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tell(where: Where, lines: Sequence[str]) -> None:
    """Print what is to be read before a question; beside JSON it goes to standard error."""
    for line in lines:
        click.echo(line, err=where.as_json)


def ask_first(where: Where, yes: bool, question: str) -> None:
    """Ask before something is decided; BadInput where there is nobody to ask and no ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            "nobody is here to ask: standard input is no terminal", "read what it changes, then add --yes"
        )
    click.confirm(question, abort=True, err=where.as_json)


def yes_option(function: F) -> F:
    """Add ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask; scripts need it.")(function)


def reason_option(text: str, *, required: bool = True) -> Callable[[F], F]:
    """Return the option ``--reason``."""
    if required:  # an explicit default, even None, would do for a missing one
        return click.option("--reason", required=True, metavar="TEXT", help=text)
    return click.option("--reason", default="", metavar="TEXT", help=text)


def try_preview(tx: "Tx", request: "Request", include: Sequence[str] | None = None) -> "Preview | None":
    """Return what a request changes, None to those who may not know or once it is closed."""
    from openleo.control.reading import may
    from openleo.control.request import OPEN
    from openleo.control.whatif import affected

    if request.state not in OPEN or not may(tx, "request.read", request.area_id):
        return None
    return affected(tx, request, include=include)


def preview_lines(preview: "Preview | None") -> list[str]:
    """Return what a switch would change, as people read it."""
    if preview is None:
        return []
    lines = [
        f"What it changes, from {at_slot(preview.slot)}:",
        f"  {counted(preview.cells_changed, 'cell')} of {preview.cells:,} in {preview.area_id}"
        + _definition(preview),
    ]
    lines += [
        f"  area {one.id} ({one.relation}, {one.switch}): {counted(one.changed, 'cell')} "
        f"change{'s' if one.changed == 1 else ''}, {one.shared:,} shared"
        for one in preview.areas
    ]
    lines.append(
        f"  {counted(preview.terminals_changed, 'terminal')}: {preview.cut:,} cut, "
        f"{preview.restored:,} served again"
    )
    lines += [f"    {count:,} of account {name or '(none)'}" for name, count in preview.by_account.items()]
    lines += [f"    {count:,} {change}" for change, count in preview.codes.items()]
    lines.append(
        f"  outside the area {counted(preview.neighbours_changed, 'terminal')} change, and "
        f"{preview.neighbours_spared:,} within one cell of its border do not"
    )
    lines += [
        f"  account {name} is excepted: {counted(count, 'terminal')}"
        for name, count in preview.excepted.items()
    ]
    if preview.strays:
        do = "stands outside it and does" if preview.strays == 1 else "stand outside it and do"
        lines.append(
            f"  {counted(preview.strays, 'terminal')} of {preview.area_id}'s people {do} not change "
            f"(for example {preview.stray})"
        )
    return [*lines, *_life_critical(preview)]


def _definition(preview: "Preview") -> str:
    if not preview.cells_added and not preview.cells_removed:
        return ""
    return f" ({preview.cells_added:,} join it, {preview.cells_removed:,} leave it)"


def _life_critical(preview: "Preview") -> list[str]:
    if not preview.life_critical:
        return ["  no life-critical terminal is there"]
    lines = ["  life-critical terminals there:"]
    for one in preview.life_critical:
        fate = "spared" if one.spared else f"{one.before} -> {one.after}"
        if not one.spared and one.before == "OKAY":
            fate = f"CUT ({one.after})"
        named = f", {one.name}" if one.name else ""
        lines.append(f"    {one.id}{named} ({one.account or 'no account'}): {fate}")
    return lines


def request_lines(request: "Request", remarks: Sequence["Remark"] = ()) -> list[str]:
    """Return a request as people read it."""
    what = request.switch if request.switch != "as-is" else "another definition"
    lines = [
        f"{request.id}: area {request.area_id}, {what}{' (emergency)' if request.emergency else ''}",
        f"state: {request.state}" + (f" since {at(request.closed_at)}" if request.closed_at else ""),
        f"asked by {request.asked_by.id} at {at(request.asked_at)}: {request.reason}",
    ]
    lines += [f"evidence: {text}" for text in request.evidence]
    if request.changes:
        lines.append(f"changes: {', '.join(sorted(request.changes))}")
    if request.proposed_by is not None:
        lines.append(f"proposed by {request.proposed_by.id} at {at(request.proposed_at)}")
    if request.approved_by is not None:
        lines.append(f"approved by {request.approved_by.id}")
    if request.answer:
        lines.append(f"answer: {request.answer}")
    if request.include:
        lines.append(f"cuts these life-critical terminals too: {', '.join(request.include)}")
    if request.effective_slot is not None:
        lines.append(f"effective: {at_slot(request.effective_slot)}")
    if request.closed_at is None:
        lines.append(f"ends by itself at {at(request.deadline)}")
    if remarks:
        lines += ["", "said of it:", *(f"  {one.by} at {at(one.at)}: {one.text}" for one in remarks)]
    return lines


def request_json(request: "Request") -> dict[str, Any]:
    """Return a request as JSON holds it."""
    parties = {"asked_by", "proposed_by", "approved_by"}
    out: dict[str, Any] = {}
    for name in request.__dataclass_fields__:
        value = getattr(request, name)
        out[name] = (None if value is None else value.id) if name in parties else value
    return {**out, "deadline": request.deadline, "effective": at_slot(request.effective_slot) or None}


def claim_lines(claims: Sequence["Claim"]) -> list[str]:
    """Return claims under their own heading, which says that they are no decisions."""
    from openleo.control.claims import HEADING

    if not claims:
        return []
    rows = [(one.id, one.said_on, one.status.label, one.said_by, one.text, one.source) for one in claims]
    return ["", f"{HEADING}:", *table(("", "said on", "status", "by", "text", "source"), rows, none="")]
