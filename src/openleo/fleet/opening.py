"""The file DATA/fleet/fleet.db: opening it, so that what was written is there after a power cut."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openleo.base.errors import BadInput

NAME = "fleet.db"
WORN = "is the disk full, or worn out?"
_BUSY_S = 10.0


def open_database(folder: Path, script: str, *, name: str = NAME) -> sqlite3.Connection:
    """Open a database of a folder, which is made where it is not there, with the tables of ``script``.

    Statements commit one by one unless a transaction is begun.  The folder is its owner's alone, since it
    tells where terminals are.  Raises BadInput where it cannot be opened or written.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise _cannot(path, error) from error
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(script)
        os.chmod(path, 0o600)
    except (OSError, sqlite3.Error) as error:
        db.close()
        raise _cannot(path, error) from error
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def transaction(
    db: sqlite3.Connection, what: str, hint: str, *, told: type[sqlite3.Error] = sqlite3.Error
) -> Iterator[sqlite3.Connection]:
    """Make what is done within durable as one, or not at all.

    Raises BadInput that ``what`` cannot be written, with ``hint``, for errors of the kind ``told``.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    except told as error:
        raise BadInput(f"{what} cannot be written: {error}", hint) from error


def _cannot(path: Path, error: Exception) -> BadInput:
    why = getattr(error, "strerror", None) or str(error)
    hint = "is its disk full, or whose is its folder?  Name another folder with --data"
    if "not a database" in why or "malformed" in why:
        hint = "the file is damaged: set it aside and import the kits again, or restore a copy of it"
    return BadInput(f"{path} cannot be used: {why}", hint)
