"""The fleet's own database, DATA/fleet/fleet.db: agents, who reads telemetry, tags; small, and durable.

Other parts of the fleet keep their tables in it too: each says its tables when it opens it.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from openleo.control.driver import Driver, plain_driver
from openleo.fleet.storage import connect, telling, writing

DATABASE: Final = "fleet.db"


class FleetDatabase:
    """The open database; ``path`` is the fleet's folder.  Threads, and processes, may share it."""

    def __init__(
        self, path: Path, tables: Sequence[str] = (), *, driver: Driver | None = None, name: str = DATABASE
    ) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path / name
        self.driver = driver or plain_driver()
        self._lock = threading.RLock()
        self._changes = 0
        with telling(self.driver):
            self._conn = connect(self.driver, self.path, tables)
        self.path.chmod(0o600)

    def __enter__(self) -> "FleetDatabase":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        with self._lock, suppress(self.driver.module.Error):
            self._conn.close()

    def make(self, tables: Sequence[str]) -> None:
        """Run statements of the kind CREATE TABLE IF NOT EXISTS."""
        with self._lock, telling(self.driver):
            for statement in tables:
                self._conn.execute(statement).fetchall()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        with self._lock, telling(self.driver):
            return list(self._conn.execute(query, tuple(values)).fetchall())

    @contextmanager
    def changing(self) -> Iterator[Any]:
        """Give a connection whose work is durable when the block ends, or is not done at all."""
        with self._lock:
            self._changes += 1
            with writing(self.driver, self._conn):
                yield self._conn

    def version(self) -> tuple[int, int]:
        """Return what is another once anybody, here or in another process, has changed something."""
        with self._lock:
            return self._changes, int(self.rows("PRAGMA data_version")[0][0])
