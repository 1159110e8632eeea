"""How the control database is reached: plain or sealed, its settings, and what its failures mean."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from openleo.base.errors import BadInput, Refused
from openleo.control.log.files import Fsync

_BUSY_MS = 10_000
_PLAIN = b"SQLite format 3\0"


class StoreBroken(RuntimeError):
    """Storage failed under us: what was promised cannot be known any more, so the process must end."""


class StoreFull(Refused):
    """The disk is full."""

    code = "store-full"


class StoreReadOnly(Refused):
    """The disk takes no writes."""

    code = "store-read-only"


class StoreLocked(Refused):
    """Another program holds the database for longer than we wait."""

    code = "store-locked"


@dataclass(frozen=True, slots=True)
class Driver:
    """A DB-API module and how to connect with it; tests bring one that loses power, or that does not sync."""

    module: ModuleType | Any
    connect: Callable[[Path], Any]
    synchronous: str = "FULL"
    fsync: Fsync = os.fsync  # for the guard's file


def plain_driver() -> Driver:
    """Return the driver of the standard library."""
    return Driver(sqlite3, lambda path: sqlite3.connect(path, check_same_thread=False))


def sealed_driver(key: bytes) -> Driver:
    """Return a driver that seals every page under a key of 32 bytes; raises BadInput where it is missing."""
    assert len(key) == 32
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        raise BadInput(
            "this store is sealed, and sqlcipher3 is not installed", "pip install 'openleo[sealed]'"
        ) from None

    def connect(path: Path) -> Any:
        connection = dbapi2.connect(str(path), check_same_thread=False)
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        return connection

    return Driver(dbapi2, connect)


def make_engine(path: Path, driver: Driver, *, begin: str, connections: int) -> Engine:
    """Return an engine on a database, whose transactions begin with the statement ``begin``."""

    def connect() -> Any:
        connection = driver.connect(path)
        try:
            connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, so that savepoints work
            for pragma in (
                f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", f"synchronous = {driver.synchronous}",
                "foreign_keys = ON", "secure_delete = ON",
            ):  # fmt: skip
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except BaseException:  # one that is not closed holds the file until its garbage is collected
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://", module=driver.module, creator=connect, poolclass=QueuePool, pool_size=connections,
        max_overflow=0,
    )  # fmt: skip
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql(begin))
    return engine


def driver_for(path: Path, key: bytes | None) -> Driver:
    """Return the driver that fits a database's first bytes; raises BadInput where its key is missing."""
    with path.open("rb") as file:
        is_plain = file.read(len(_PLAIN)) == _PLAIN
    if is_plain:
        return plain_driver()
    if key is None:
        raise BadInput(f"{path} is sealed (or damaged), and no key was given", "name its key with --key-file")
    return sealed_driver(key)


_MEANINGS: dict[str, Callable[[str], Exception]] = {
    "is full": lambda _: StoreFull("the disk is full: nothing was decided", "make room, then try again"),
    "readonly": lambda _: StoreReadOnly(
        "the disk takes no writes: nothing was decided", "mount it for writing, then try again"
    ),
    "is locked": lambda _: StoreLocked(
        "another program holds the database: nothing was decided", "end that one, then try again"
    ),
    "i/o error": lambda text: StoreBroken(f"storage failed: {text}"),
    "malformed": lambda text: StoreBroken(f"the database is damaged: {text}"),
}


def told_of(error: DBAPIError) -> Exception:
    """Return what a failure of storage means; the error itself where it is none of storage."""
    text = str(error.orig).lower()
    if isinstance(error, IntegrityError):
        return error
    return next((meaning(text) for word, meaning in _MEANINGS.items() if word in text), error)
