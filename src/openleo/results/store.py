"""Writing files whole or not at all, and saying what to do when a disk is full.

A file is written under a temporary name, flushed to the disk, and renamed; so after a crash or a power cut
it is there whole or not there.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput, Refused

TEMPORARY = ".part"  # ends the name of a file that is being written; such files mean nothing
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sha256_of(content: bytes) -> str:
    """Return the hash of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the hash of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(data: Any) -> bytes:
    """Return JSON for files that people read too: sorted keys, indented, one line end at the end."""
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent; OSError leaves what was there before."""
    part = path.with_name(path.name + TEMPORARY)
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add one line to a file and flush it to the disk; a reader ignores a last line without its end."""
    with path.open("ab") as file:
        size = file.tell()
        try:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, size)
            raise


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can do that for folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def told_plainly(folder: Path, resume: str) -> Iterator[None]:
    """Turn an OSError inside into an error that says what is whole and how to go on with ``resume``.

    ``resume`` is empty where nothing of the run is on disk yet.
    """
    again = f"go on with `{resume}`" if resume else "give the same command again"
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            whole = "every chunk that was finished is whole there" if resume else "nothing was written"
            raise Refused(f"the disk of {folder} is full; {whole}", f"make room, then {again}") from error
        check = f"check that {folder} can be written to, then {again}"
        raise BadInput(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            check if resume else "give --out a folder in a place where you may write",
        ) from error


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder against a second writer, until done or dead.  Raises Refused where it is held."""
    if os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another openleo is writing to {folder}", "wait until it is done, or give another --out"
            ) from None
        yield
    finally:
        os.close(handle)
