"""Reading files that nobody vouches for, and writing files that outlive a power cut.

A file is written under another name, flushed to the disk, renamed, and its folder flushed.  After a flush
that failed nothing is known about what is on the disk, and asking again may say that all is well: so that is
the end of the process, `StorageFailed`, and is never tried again.
"""

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from openleo.base.errors import BadInput

Fsync = Callable[[int], None]


class StorageFailed(RuntimeError):
    """The disk refused to keep something: stop, and start again from what is on it.  Never retry."""


def read_regular(path: Path, limit_bytes: int, name: str) -> bytes:
    """Return the content of a file of at most limit_bytes; BadInput names it where it is none or too long.

    Links and devices are refused: a folder from elsewhere must not make its reader open other files.
    """
    hint = "take it anew from its source"
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{name} is no regular file", hint)
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise BadInput(f"{name} is missing", hint) from None
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror or error}", hint) from error
    if len(content) > limit_bytes:
        raise BadInput(f"{name} has {found.st_size} bytes, more than {limit_bytes}", hint)
    return content


def write_durably(path: Path, content: bytes, *, temporary: Path, fsync: Fsync = os.fsync) -> None:
    """Write a file so that it is whole or absent, but for the flush of its folder: see `sync_folders`."""
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StorageFailed(f"{path} could not be written: {error.strerror or error}") from error


def sync_folders(folders: Iterable[Path], fsync: Fsync = os.fsync) -> None:
    """Flush folders, so that the names made in them stay."""
    for folder in folders:
        try:
            handle = os.open(folder, os.O_RDONLY)
            try:
                fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageFailed(f"{folder} could not be flushed: {error.strerror or error}") from error


def make_folder(folder: Path, fsync: Fsync = os.fsync) -> None:
    """Make a folder and those above it, each flushed into the one above it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        try:
            made.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"{made} could not be made: {error.strerror or error}") from error
        sync_folders([made.parent], fsync)
