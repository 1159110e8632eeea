"""Files that are whole or not there, and stay after a power cut; folders that one program alone may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openleo.base.errors import Refused


class AlreadyRuns(Refused):
    """Another program does this, with these data, already."""

    code = "already-runs"


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 600 in the place of what is there; durable on return.  Raises OSError.

    Its folder is made for its owner alone where it is not there.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(part, path)
    if os.name == "posix":  # elsewhere a folder cannot be flushed
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, which a program that is killed lets go of; raises AlreadyRuns and OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRuns(
                    f"{what} runs already with the data in {path.parent}",
                    "stop that one first, or name another folder with --data",
                ) from None
        yield
