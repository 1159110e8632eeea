"""Destroying a store: the key slot first, then everything else in its folder.

Without its slot a sealed store cannot be read by anyone, whatever the disk keeps of it.  What was not sealed
is overwritten, and that is no promise on flash disks, on file systems that copy on write, or in snapshots:
the disk may keep old copies that nothing here can reach.  No key and no sound database is needed.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from openleo.base.errors import BadInput, Refused
from openleo.control.backup import FOLDER as BACKUPS
from openleo.control.guard_at import DATABASE, GUARD_AT, guard_path, of_path
from openleo.control.log.guard import read_guard
from openleo.control.sealing import KEYSLOT

_PIECE = 1 << 20


class NotConfirmed(Refused):
    """What was typed is not the network's name."""

    code = "not-confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was destroyed, whether it was sealed, and what could not be removed (path, why)."""

    files: int
    bytes: int
    sealed: bool
    left: tuple[tuple[str, str], ...]


def names_of(folder: Path) -> tuple[str, ...]:
    """Return what may be typed to confirm: the network's name and its log's, as far as they can be read."""
    found: list[str] = []
    with suppress(Exception):  # the database may be sealed or damaged: then the guard has to do
        import sqlite3

        with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)) as conn:
            found += [row[0] for row in conn.execute("SELECT value FROM meta WHERE name = 'name'")]
    with suppress(Refused, ValueError):
        signed = read_guard(guard_path(folder)).signed or b""
        origin = signed.decode().partition("\n")[0]
        found += [origin.rpartition("/")[2], origin]
    return tuple(dict.fromkeys(name for name in found if name)) or (folder.resolve().parent.name,)


def purge(folder: Path, typed: str) -> Purged:
    """Destroy all of a control folder; raises BadInput where there is none, NotConfirmed for another name."""
    if not any((folder / name).exists() for name in (DATABASE, KEYSLOT, GUARD_AT)):
        raise BadInput(f"there is no control database in {folder}", "name its folder with --data")
    names = names_of(folder)
    if typed not in names:
        raise NotConfirmed(
            f"{typed!r} is not the name of the network in {folder}",
            f"its name is {names[0]}: nothing was done",
        )
    sealed = (folder / KEYSLOT).is_file()
    guard = guard_path(folder)
    beside = (guard, guard.with_name(guard.name + ".lock"), of_path(guard))
    outside = [p for p in beside if p.parent != folder]
    done = size = 0
    left: list[tuple[str, str]] = []
    for path in (*_files(folder), *(p for p in outside if p.is_file())):
        try:
            size += _destroy(path)
            done += 1
        except OSError as error:
            left.append((str(path), error.strerror or str(error)))
    if not left:
        shutil.rmtree(folder, ignore_errors=True)
    return Purged(files=done, bytes=size, sealed=sealed, left=tuple(left))


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file: key slots first, then the backups that hold copies of them, then the rest."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    yield from sorted(found, key=lambda p: (not p.name.startswith(KEYSLOT), BACKUPS not in p.parts, p))


def _destroy(path: Path) -> int:
    """Overwrite a file with noise, flush it, and remove it; of a link, the link alone."""
    if path.is_symlink():
        path.unlink()
        return 0
    with path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        left = size
        while left > 0:
            left -= file.write(secrets.token_bytes(min(left, _PIECE)))
        os.fsync(file.fileno())
        file.truncate(0)
        os.fsync(file.fileno())
    path.unlink()
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return size
