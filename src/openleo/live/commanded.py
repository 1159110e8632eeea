"""What terminals were told by their holders while the network runs: one process writes it, one reads it.

The terminals' process appends each command before it answers; the engine takes in, once a slot's rules are
frozen, what is there by then, and it acts in that slot.  A line is one command as JSON; one without an end is
not there yet.
"""

import json
import os
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput
from openleo.results.store import write_whole
from openleo.scenario.commands import DAY_MINUTES, Command, Verb, commands_text


class Spool:
    """The writing end: one process has it open."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, len(_whole(path.read_bytes())))  # a line cut short was never answered

    def add(self, terminal: str, verb: Verb, *, start_minutes: int = 0, duration_minutes: int = 0) -> None:
        """Write a command down; it is on the disk when this returns."""
        line: dict[str, str | int] = {"terminal": terminal, "command": verb.name.lower()}
        if verb == Verb.SLEEP:
            line |= {"start_minutes": start_minutes, "duration_minutes": duration_minutes}
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


class Commanded:
    """The commands that a run knows; `look` brings it up to date.  ``taken`` came from the spool."""

    def __init__(self, spool: Path, known: tuple[Command, ...] = (), taken: int = 0) -> None:
        self._spool = spool
        self.commands, self.taken = known, taken
        self._read = _end_of(spool, taken)

    def look(self, slot: int) -> bool:
        """Take in what was told by now, to act from ``slot`` on; return whether there was anything."""
        try:
            with self._spool.open("rb") as file:
                file.seek(self._read)
                fresh = _whole(file.read())
        except FileNotFoundError:
            return False
        if not fresh:
            return False
        lines = fresh.splitlines()
        self._read += len(fresh)
        self.taken += len(lines)
        self.commands += tuple(_command(line, slot) for line in lines)
        return True

    def write(self, path: Path) -> None:
        """Write all of them as a scenario reads them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, commands_text(self.commands).encode())


def _whole(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _end_of(spool: Path, lines: int) -> int:
    """Return where the line after so many begins."""
    if not lines:
        return 0
    found = spool.read_bytes().splitlines(keepends=True) if spool.is_file() else []
    if len(found) < lines:
        raise BadInput(
            f"{spool} has {len(found)} lines; the run has taken {lines} from it",
            "put it back, or serve anew with --anew",
        )
    return sum(map(len, found[:lines]))


def _command(line: bytes, slot: int) -> Command:
    told: dict[str, Any] = json.loads(line)
    verb = Verb[told["command"].upper()]
    start, duration = int(told.get("start_minutes", 0)), int(told.get("duration_minutes", 0))
    assert 0 <= start < DAY_MINUTES
    return Command(slot, str(told["terminal"]), verb, start, duration)
