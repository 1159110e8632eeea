"""What a control plane beside the fleet decided about service, for telling why terminals are dark."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openleo.fleet.why import Decision

_OFF = {
    "account": ("status", ("disabled", "closed")),
    "terminal": ("state", ("suspended", "held", "revoked", "captured")),
}
_FACTS = 'SELECT "index", noun, subject, slot, changes FROM facts WHERE noun IN (?, ?, ?) ORDER BY "index", n'


_CUSTODY = "SELECT id, state, holder, line_id, account_id, life_critical FROM terminals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """What a control plane knows of a terminal: its state there, who has it, its service line."""

    state: str
    holder: str
    line: str
    account: str
    life_critical: bool


def read_custody(control: Path) -> dict[str, Custody]:
    """Return what a control plane knows of terminals; nothing where there is none, or it cannot be read."""
    path = control / "control.db"
    if not path.is_file() or (control / "keyslot.json").is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as link:
            rows = link.execute(_CUSTODY).fetchall()
    except sqlite3.Error:
        return {}  # `read_decisions` says what is wrong with it
    return {
        row[0]: Custody(
            state=row[1], holder=row[2], line=row[3] or "", account=row[4] or "", life_critical=bool(row[5])
        )
        for row in rows
    }


def read_decisions(control: Path) -> "tuple[Sequence[Decision] | None, Sequence[Decision], str]":
    """Return the decisions that hold, all there were, and what to say where they cannot be read.

    The first is None where nothing is known of decisions: there is no control plane, or it is sealed.
    Reading neither waits for nor keeps anybody who writes.
    """
    path = control / "control.db"
    if not path.is_file():
        return None, (), ""
    if (control / "keyslot.json").is_file():
        return None, (), f"the control plane in {control} is sealed: its decisions are not used here"
    try:
        link = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = link.execute(_FACTS, ("area", "account", "terminal")).fetchall()
        finally:
            link.close()
    except sqlite3.Error as error:
        return None, (), f"the decisions in {path} cannot be read: {error}"
    holding, all_of_them = _decisions(rows)
    return holding, all_of_them, ""


def _decisions(
    rows: Iterable[tuple[int, str, str, int | None, str]],
) -> "tuple[list[Decision], list[Decision]]":
    import json

    state: dict[tuple[str, str], dict[str, Any]] = {}
    holding: dict[tuple[str, str], Decision] = {}
    told: list[Decision] = []
    for entry, noun, subject, slot, text in rows:
        key = (noun, subject)
        state.setdefault(key, {}).update(json.loads(text))
        decided = _decision(entry, noun, subject, slot, state[key], json.loads(text))
        if decided is None:
            continue
        told.append(decided)
        if decided.kind.endswith("-off"):
            holding[key] = decided
        else:
            holding.pop(key, None)
    return list(holding.values()), told


def _decision(
    entry: int, noun: str, subject: str, slot: int | None, now: dict[str, Any], changed: dict[str, Any]
) -> "Decision | None":
    from openleo.fleet.why import Decision
    from openleo.ground.packed_cells import unpack_cells

    if noun == "area":
        if "switch" not in changed:
            return None
        word, off = str(changed["switch"]), changed["switch"] == "off"
    else:
        name, ends = _OFF[noun]
        if name not in changed:
            return None
        word, off = str(changed[name]), changed[name] in ends
    cells = (
        frozenset(int(c) for c in unpack_cells(now["cells"]))
        if noun == "area" and now.get("cells")
        else frozenset()
    )
    return Decision(
        kind=f"{noun}-{'off' if off else 'on'}",
        at_ns=_begins(slot),
        terminals=frozenset({subject}) if noun == "terminal" else frozenset(),
        account=subject if noun == "account" else "",
        cells=cells,
        says=f"{noun} {subject}: {word} (entry {entry} of the decision log)",
    )


def _begins(slot: int | None) -> int:
    """Return when a slot begins, Unix ns; 0 for what holds from the first."""
    from openleo.base.clock import slot_start

    return 0 if slot is None else int(slot_start(slot).astype("int64"))
