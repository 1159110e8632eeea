"""What terminals were told by their holders while the network runs: one process writes it, one reads it.

The terminals' process appends each command before it answers; the engine takes in, once a slot's rules are
frozen, what is there by then, and it acts in that slot.  A line is one command as JSON; one without an end is
not there yet.  Some commands are the dish's alone (to forget its position, its sky): the engine passes them
over.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

from openleo.base.errors import BadInput
from openleo.dish.inputs import Act
from openleo.results.store import write_whole
from openleo.scenario.commands import DAY_MINUTES, Command, Verb, commands_text

_VERBS = {"stow": Verb.STOW, "unstow": Verb.UNSTOW, "reboot": Verb.REBOOT}


@dataclass(frozen=True, slots=True)
class Told:
    """What a terminal was told, at which Unix second of the network; values as `dish.inputs.Command` has."""

    terminal: str
    act: Act
    at_s: int
    values: dict[str, int] = field(default_factory=dict)


class Spool:
    """The writing end: one process has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, len(_whole(path.read_bytes())))  # a line cut short was never answered

    def add(self, told: Told) -> None:
        """Write a command down; it is on the disk when this returns."""
        os.write(self._file, json.dumps(asdict(told), separators=(",", ":")).encode() + b"\n")
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read_spool(path: Path) -> list[Told]:
    """Return all that was told so far, in order."""
    return list(_lines(_whole(path.read_bytes()))) if path.is_file() else []


class Commanded:
    """The commands that a run knows; `look` brings it up to date.  ``taken`` lines came from the spool."""

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
        self._read += len(fresh)
        self.taken += fresh.count(b"\n")
        commands = tuple(c for told in _lines(fresh) if (c := _command(told, slot)) is not None)
        self.commands += commands
        return bool(commands)

    def write(self, path: Path) -> None:
        """Write all of them as a scenario reads them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, commands_text(self.commands).encode())


def _whole(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _lines(content: bytes) -> Iterator[Told]:
    for line in content.splitlines():
        told = Told(**json.loads(line))
        assert told.act in get_args(Act)
        yield told


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


def _command(told: Told, slot: int) -> Command | None:
    """Return what the engine makes of it; None for what is the dish's alone."""
    if told.act == "power_save":
        if not told.values["enable"]:
            return Command(slot, told.terminal, Verb.WAKE)
        start, duration = told.values["start_min"], told.values["duration_min"]
        assert 0 <= start < DAY_MINUTES
        return Command(slot, told.terminal, Verb.SLEEP, start, duration)
    verb = _VERBS.get(told.act)
    return None if verb is None else Command(slot, told.terminal, verb)
