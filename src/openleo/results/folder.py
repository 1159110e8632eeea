"""The files of a run folder: which there are, which count, and whether they are whole.

scenario.json      the scenario, canonical: what the run's hash is made of
inputs/            every file that the scenario names, so that the folder stands alone
manifest.json      versions, hashes, warnings; ``complete`` once every slot is there
chunks.jsonl       one line for each finished chunk with size and hash of its files; no other chunk counts
NAME.parquet       tables of what does not change
NAME/SLOT.parquet  tables of slots, a file for each chunk, named by its first slot
state/SLOT.bin     what slot SLOT inherits from the one before
host.json          wall time, host, workers, command line: the one file that differs from run to run
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput
from openleo.results.program import command
from openleo.results.store import TEMPORARY, append_line, sha256_of, sha256_of_file, write_whole
from openleo.snapshot.tables import SCHEMA_VERSION, TABLES

MANIFEST, CHUNKS, SCENARIO, HOST, INPUTS = (
    "manifest.json",
    "chunks.jsonl",
    "scenario.json",
    "host.json",
    "inputs",
)


_RUNS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkEntry:
    """One line of chunks.jsonl: slots [first_slot, until_slot), and size and hash of each file by name."""

    first_slot: int
    until_slot: int
    files: dict[str, dict[str, Any]]

    def line(self) -> bytes:
        """Return the line without its end."""
        data = {"first_slot": self.first_slot, "until_slot": self.until_slot, "files": self.files}
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def entry_of_file(content: bytes) -> dict[str, Any]:
    """Return what a manifest notes of a file."""
    return {"bytes": len(content), "sha256": sha256_of(content)}


def state_name(slot: int) -> str:
    """Return the name of the file with the state before ``slot``."""
    return f"state/{slot}.bin"


def chunk_name(table: str, first_slot: int) -> str:
    """Return the name of the file of one table and chunk."""
    return f"{table}/{first_slot}.parquet"


def _runs_in(folder: Path) -> list[str]:
    """Return some of the run folders in a folder, the newest first."""
    found = sorted(folder.glob(f"*/{MANIFEST}"), key=lambda path: -path.stat().st_mtime)
    return [str(path.parent) for path in found[:_RUNS_SHOWN]]


class RunFolder:
    """A run folder on disk, for those who read it and those who go on with it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_run(self) -> bool:
        """Whether there is a run here, or the beginning of one."""
        return (self.path / MANIFEST).is_file()

    def manifest(self) -> dict[str, Any]:
        """Read the manifest.  Raises BadInput where there is none, or one that cannot be read."""
        path = self.path / MANIFEST
        try:
            data = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise self._no_run() from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{path} is not JSON: {error}", "the folder is damaged: take it from a copy, or run it again"
            ) from None
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}", "check its permissions") from None
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema != SCHEMA_VERSION:
            raise BadInput(
                f"{path} has schema {schema!r}, and this openleo reads {SCHEMA_VERSION}",
                f"use the openleo that made it ({data.get('openleo', 'unknown') if schema else 'unknown'}),"
                " or run the scenario again",
            )
        return dict(data)

    def _no_run(self) -> BadInput:
        inside = _runs_in(self.path)
        if inside:
            hint = f"did you mean {' or '.join(inside)}?"
        else:
            near = list(dict.fromkeys([*_runs_in(self.path.parent), *_runs_in(Path("runs"))]))[:_RUNS_SHOWN]
            hint = f"runs there are: {', '.join(near)}" if near else "make one with `openleo run SCENARIO`"
        if self.path.is_dir():
            return BadInput(f"{self.path} is no run folder: it has no {MANIFEST}", hint)
        if self.path.exists():
            return BadInput(f"{self.path} is a file, not a run folder", hint)
        return BadInput(f"there is no run folder {self.path}", hint)

    def entries(self) -> list[ChunkEntry]:
        """Return the finished chunks in order.  A last line without its end counts as not written."""
        path = self.path / CHUNKS
        if not path.is_file():
            return []
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        found: list[ChunkEntry] = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = ChunkEntry(**json.loads(line))
                if found and entry.first_slot != found[-1].until_slot:
                    raise ValueError(f"slot {entry.first_slot} follows {found[-1].until_slot - 1}")
                found.append(entry)
            except (ValueError, TypeError) as error:
                raise BadInput(
                    f"{path}, line {number}, is not the line of a chunk: {error}",
                    f"cut the file before line {number}, then go on with {self.resume_command}",
                ) from None
        return found

    @property
    def resume_command(self) -> str:
        """What a person types to finish this run."""
        return command("run", self.path, "--resume")

    def wrong_file(self, entry: ChunkEntry, *, thorough: bool = False) -> str:
        """Say what is wrong with a chunk's files, or return nothing.  ``thorough`` reads them all."""
        for name, noted in entry.files.items():
            path = self.path / name
            if not path.is_file():
                return f"{path} is missing"
            if path.stat().st_size != noted["bytes"]:
                return f"{path} has {path.stat().st_size:,} bytes, and {CHUNKS} says {noted['bytes']:,}"
            if thorough and sha256_of_file(path) != noted["sha256"]:
                return f"{path} does not have the hash that {CHUNKS} says"
        return ""

    def check(self, *, thorough: bool = False) -> list[ChunkEntry]:
        """Return the finished chunks.  Raises BadInput for a file of theirs that is missing or damaged."""
        entries = self.entries()
        for entry in entries:
            wrong = self.wrong_file(entry, thorough=thorough)
            if wrong:
                raise BadInput(
                    wrong, f"`{self.resume_command}` computes it again from slot {entry.first_slot} on"
                )
        return entries

    def finish(self, entry: ChunkEntry) -> None:
        """Note a chunk as finished; its files must be on disk."""
        append_line(self.path / CHUNKS, entry.line())

    def keep(self, entries: list[ChunkEntry], also: frozenset[str] = frozenset()) -> None:
        """Cut everything after these chunks: lines and files of other chunks go, and half-written files.

        Files named in ``also`` stay.
        """
        write_whole(self.path / CHUNKS, b"".join(entry.line() + b"\n" for entry in entries))
        known = {name for entry in entries for name in entry.files} | also
        folders = [table.name for table in TABLES.values() if table.chunked]
        found = [path for name in folders for path in self.path.glob(f"{name}/*.parquet")]
        found += self.path.glob("state/*.bin")
        found = [path for path in found if path.relative_to(self.path).as_posix() not in known]
        for name in (".", INPUTS, "state", *folders):
            found += self.path.glob(f"{name}/*{TEMPORARY}")
        for path in found:
            path.unlink(missing_ok=True)
