"""What the fleet's databases share: how they are opened, and what their failures mean."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from openleo.base.errors import Refused
from openleo.control.driver import Driver, StoreBroken, StoreFull, StoreLocked, StoreReadOnly

BUSY_MS = 10_000

_REFUSALS: tuple[tuple[str, type[Refused], str, str], ...] = (
    ("is full", StoreFull, "the disk is full", "make room, then send it again"),
    ("readonly", StoreReadOnly, "the disk takes no writes", "mount it for writing, then send it again"),
    ("is locked", StoreLocked, "another program holds the telemetry", "end that one, then send it again"),
)


def connect(driver: Driver, path: Path, schema: Iterable[str] = (), *, synchronous: str | None = None) -> Any:
    """Return a connection, in autocommit; with its write-ahead log, and as careful as its driver.

    ``schema`` are statements of the kind CREATE TABLE IF NOT EXISTS.  What fails here leaves nothing open.
    """
    connection = driver.connect(path)
    try:
        connection.isolation_level = None
        kept = synchronous or driver.synchronous
        for pragma in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", f"synchronous = {kept}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for statement in schema:
            connection.execute(statement).fetchall()
    except BaseException:
        with suppress(driver.module.Error):
            connection.close()
        raise
    return connection


@contextmanager
def telling(driver: Driver) -> Iterator[None]:
    """Raise what a failure of storage means.

    StoreFull, StoreReadOnly and StoreLocked: nothing was written.  StoreBroken: nobody can know what is on
    the disk, so nothing is tried again; the process must end, and a restart finds what was acknowledged.
    """
    try:
        yield
    except driver.module.Error as error:
        text = str(error)
        for word, kind, detail, hint in _REFUSALS:
            if word in text.lower():
                raise kind(f"{detail}: no sample was kept", hint) from error
        raise StoreBroken(f"storage failed: {text}") from error


@contextmanager
def writing(driver: Driver, connection: Any) -> Iterator[None]:
    """Run the block in a transaction, which is durable at its end, or has left nothing."""
    with telling(driver):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(driver.module.Error):  # after some (a full disk is one) SQLite has undone it itself
                connection.execute("ROLLBACK")
            raise
