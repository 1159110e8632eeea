"""Files that are whole or not there, and stay after a power cut; folders that one program alone may use."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

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


_TRIES: Final = 4  # whoever asks whether it is held has it for a moment
_TRY_S: Final = 0.05


def is_held(path: Path) -> bool | None:
    """Tell whether somebody holds a lock file of `only_one`; None where that cannot be told."""
    if os.name != "posix":
        return None
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, which a program that is killed lets go of; raises AlreadyRuns and OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        if os.name == "posix":
            import fcntl

            for tried in range(1, _TRIES + 1):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if tried == _TRIES:
                        raise AlreadyRuns(
                            f"{what} runs already with the data in {path.parent}",
                            "stop that one first, or name another folder with --data",
                        ) from None
                    time.sleep(_TRY_S)
        yield
