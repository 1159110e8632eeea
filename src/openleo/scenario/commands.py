"""What holders tell their terminals over time: to stow, to unstow, to restart, to sleep by a schedule.

A CSV file that the scenario names (``commands.file``), with the columns at, terminal, command, and for
``sleep`` start_minutes (after midnight UTC) and duration_minutes.  A command acts from the first slot that
starts at or after its instant.  The live network writes the same file, so a run folder holds all that it was
made from.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.rows import Row, RowProblem, WrongCell, read_table, refuse
from openleo.ground.terminal_ids import TerminalIds
from openleo.scenario.rules import effective_slot

DAY_MINUTES = 1440
_COLUMNS = {
    "at": ("time", "instant"), "terminal": ("id", "terminal_id"), "command": ("do",),
    "start_minutes": (), "duration_minutes": (),
}  # fmt: skip


class Verb(IntEnum):
    """What a terminal is told."""

    STOW = 1
    UNSTOW = 2
    REBOOT = 3
    SLEEP = 4  # each day from start_minutes on, for duration_minutes
    WAKE = 5  # no schedule any more


class Command(NamedTuple):
    """One command: from which slot on, to which terminal; the minutes are 0 but for SLEEP."""

    slot: int
    terminal: str
    verb: Verb
    start_minutes: int = 0
    duration_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Commands:
    """The commands (N,) of a scenario in the order in which they act; those of one slot as they were given.

    ``slot`` int64, ``terminal`` int32 rows, ``verb`` uint8, ``start_minutes`` and ``duration_minutes`` int16.
    """

    slot: NDArray[np.int64]
    terminal: NDArray[np.int32]
    verb: NDArray[np.uint8]
    start_minutes: NDArray[np.int16]
    duration_minutes: NDArray[np.int16]

    @classmethod
    def of(cls, commands: Iterable[Command], ids: TerminalIds) -> "Commands":
        """Return commands by the terminals' rows; raises BadInput for a terminal that is not there."""
        rows: dict[str, int] = {}
        found = sorted(commands, key=lambda command: command.slot)
        for command in found:
            if command.terminal not in rows:
                rows[command.terminal] = ids.row_of(command.terminal)
        return cls(
            slot=np.array([c.slot for c in found], np.int64),
            terminal=np.array([rows[c.terminal] for c in found], np.int32),
            verb=np.array([c.verb for c in found], np.uint8),
            start_minutes=np.array([c.start_minutes for c in found], np.int16),
            duration_minutes=np.array([c.duration_minutes for c in found], np.int16),
        )

    def __len__(self) -> int:
        return len(self.slot)


def read_commands(path: Path) -> tuple[Command, ...]:
    """Read a file of commands in its own order; raises BadInput that names the rows to mend."""
    table = read_table(path, columns=_COLUMNS, required=("at", "terminal", "command"))
    found, problems = [], list(table.problems)
    for row in table.rows:
        try:
            found.append(_command(row))
        except WrongCell as wrong:
            problems.append(wrong.at(row.line))
    if problems:
        raise refuse(path, sorted(problems, key=_line), len(found))
    return tuple(found)


def commands_of(path: Path | None, ids: TerminalIds) -> Commands:
    """Return the commands of a scenario's file, none without one; raises BadInput that names the key."""
    if path is None:
        return Commands.of((), ids)
    try:
        return Commands.of(read_commands(path), ids)
    except BadInput as error:
        raise BadInput(f"commands.file: {error.detail}", error.hint) from None


def commands_text(commands: Iterable[Command]) -> str:
    """Return commands as a scenario's file holds them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c in commands:
        minutes = (c.start_minutes, c.duration_minutes) if c.verb == Verb.SLEEP else ("", "")
        writer.writerow((format_utc(slot_start(c.slot)), c.terminal, c.verb.name.lower(), *minutes))
    return out.getvalue()


def _line(problem: RowProblem) -> int:
    return problem.line


def _command(row: Row) -> Command:
    slot = effective_slot(_instant(row.text("at")))
    assert slot is not None
    terminal = row.text("terminal")
    if not terminal:
        raise WrongCell("terminal", "", "there is no value", "name the terminal that is told")
    verb = _verb(row.text("command"))
    if verb != Verb.SLEEP:
        return Command(slot, terminal, verb)
    start = _minutes(row, "start_minutes", 0, DAY_MINUTES - 1)
    return Command(slot, terminal, verb, start, _minutes(row, "duration_minutes", 1, DAY_MINUTES))


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongCell("at", text, "it is no instant", "write it as 2022-10-07T12:00:00Z") from None
    if found.tzinfo is None:
        raise WrongCell("at", text, "it has no time zone", "end it with Z for UTC")
    return found.astimezone(UTC)


def _verb(text: str) -> Verb:
    name = text.upper()
    if name not in Verb.__members__:
        names = [verb.name.lower() for verb in Verb]
        raise WrongCell("command", text, "there is no such command", did_you_mean(text, names))
    return Verb[name]


def _minutes(row: Row, column: str, low: int, high: int) -> int:
    value = row.number(column, low=low, high=high)
    if value != int(value):
        raise WrongCell(column, row.text(column), "it is not a whole number", "give whole minutes")
    return int(value)
