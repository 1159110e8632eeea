"""A disk that loses power, fills up or fails, under the real SQLite and the real control plane.

Files lie in a folder as ever, which is what a running system sees.  `Disk` also keeps what would still be
there after a power cut: all that was flushed, and of what was written since each piece or not, by chance.
SQLite comes to it by a VFS of apsw, and SQLAlchemy to apsw by the few words of the DB-API that it needs.
"""

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from openleo.control.driver import Driver

SECTOR_BYTES = 512
NO_SPACE = "database or disk is full"
BROKEN = "disk I/O error"


class Disk:
    """The files of one folder; ``fault(op, name)`` is asked before each step and may raise.

    An op is read, write, truncate or sync; a name is that of a file: control.db, control.db-wal, guard.
    """

    number = 0

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.fault: Callable[[str, str], None] = lambda op, name: None
        self.steps_left: int | None = None
        self.dead = False
        self.closing = False
        self._flushed: dict[str, bytearray] = {}
        self._since: dict[str, list[tuple[int, bytes | None]]] = {}
        self._guard = self._guard_now()
        Disk.number += 1
        self.vfs = _Vfs(self, f"bad-disk-{Disk.number}")

    def driver(self, synchronous: str = "FULL") -> Driver:
        """Return what opens a store on this disk."""

        def connect(path: Path) -> "_Connection":
            with _as_dbapi():
                connection = _Connection(apsw.Connection(str(path), vfs=self.vfs.name))
            connection.execute("PRAGMA wal_autocheckpoint = 40")  # so that a short life has some of them
            return connection

        return Driver(_Dbapi, connect, synchronous=synchronous, fsync=self.fsync)

    # Steps ----------------------------------------------------------------------------------------------

    def step(self, op: str, name: str) -> None:
        """Come to a step: the power may be cut here."""
        if self.closing:
            return
        if not self.dead and self.steps_left is not None and op != "read":
            self.steps_left -= 1
            self.dead = self.steps_left <= 0
        if self.dead:
            raise apsw.IOError(BROKEN)
        self.fault(op, name)

    def wrote(self, name: str, offset: int, data: bytes | None) -> None:
        """Note what was written, or (data None) that a file was cut at an offset."""
        self._since[name].append((offset, data))

    def opened(self, name: str) -> None:
        """Note a file that SQLite opened."""
        if name not in self._flushed:
            path = self.folder / name
            self._flushed[name] = bytearray(path.read_bytes() if path.exists() else b"")
            self._since[name] = []

    def removed(self, name: str) -> None:
        """Note a file that SQLite removed."""
        self._flushed.pop(name, None)
        self._since.pop(name, None)

    def flushed(self, name: str) -> None:
        """Note that a file was flushed."""
        for offset, data in self._since[name]:
            _put(self._flushed[name], offset, data)
        self._since[name].clear()

    def fsync(self, handle: int) -> None:
        """Flush the guard's file, or the folder that it was renamed in."""
        try:
            self.step("sync", "guard")
        except apsw.Error as error:
            raise OSError(5, str(error)) from error
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            self._guard = self._guard_now()

    def _guard_now(self) -> bytes | None:
        path = self.folder / "guard"
        return path.read_bytes() if path.exists() else None

    # Power ----------------------------------------------------------------------------------------------

    @contextmanager
    def going_down(self) -> Iterator[None]:
        """Let a store be closed whose disk is gone: nothing that happens here reaches it."""
        self.closing = True
        try:
            yield
        finally:
            self.closing = False

    def power_on(self) -> None:
        """Put into the folder what the power cut left, and start anew."""
        for name, content in self._flushed.items():
            for offset, data in self._since[name]:
                if self.random.random() < 0.5:
                    continue
                torn = data is not None and self.random.random() < 0.1
                kept = SECTOR_BYTES * self.random.randrange(len(data) // SECTOR_BYTES + 1) if torn else None
                _put(content, offset, data if kept is None else data[:kept])
            (self.folder / name).write_bytes(content)
        for path in self.folder.glob("*-shm"):
            path.unlink()
        if self._guard != self._guard_now() and self._guard is not None and self.random.random() < 0.5:
            (self.folder / "guard").write_bytes(self._guard)
        self._guard = self._guard_now()
        self._flushed.clear()
        self._since.clear()
        self.dead, self.steps_left = False, None


def _put(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk, name: str) -> None:
        self.disk, self.name = disk, name
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if not name:  # what SQLite keeps aside for a savepoint, which no restart reads
            return apsw.VFSFile("", name, flags)
        return _File(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        if not self.disk.closing:
            super().xDelete(filename, syncdir)
            self.disk.removed(Path(filename).name)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, filename: Any, flags: list[int]) -> None:
        self.disk = disk
        path = filename.filename() if isinstance(filename, apsw.URIFilename) else filename
        self.name = Path(path).name
        disk.opened(self.name)
        super().__init__("", filename, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self.disk.step("read", self.name)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.step("write", self.name)
        if not self.disk.closing:
            super().xWrite(data, offset)
            self.disk.wrote(self.name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self.disk.step("truncate", self.name)
        if not self.disk.closing:
            super().xTruncate(size)
            self.disk.wrote(self.name, size, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.step("sync", self.name)
        if not self.disk.closing:
            self.disk.flushed(self.name)


# The DB-API over apsw, as far as SQLAlchemy asks ------------------------------------------------------------


class _Dbapi:
    """Stands for the module `sqlite3`."""

    paramstyle, apilevel, threadsafety = "qmark", "2.0", 1
    sqlite_version = apsw.sqlite_lib_version()
    sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))
    Binary = bytes

    class Error(Exception):
        pass

    class DatabaseError(Error):
        pass

    class InterfaceError(Error):
        pass

    class OperationalError(DatabaseError):
        pass

    class IntegrityError(DatabaseError):
        pass

    class InternalError(DatabaseError):
        pass

    class DataError(DatabaseError):
        pass

    class NotSupportedError(DatabaseError):
        pass

    class ProgrammingError(DatabaseError):
        pass


@contextmanager
def _as_dbapi() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise _Dbapi.IntegrityError(str(error)) from error
    except apsw.Error as error:
        raise _Dbapi.OperationalError(str(error)) from error


class _Cursor:
    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: Iterator[Any] = iter(())
        self.description: Any = None
        self.rowcount = -1

    def execute(self, statement: str, values: Any = ()) -> "_Cursor":
        with _as_dbapi():
            before = self._connection.total_changes()
            cursor = self._connection.cursor()
            cursor.exec_trace = self._describe  # afterwards a statement without rows has no description
            cursor.execute(statement, tuple(values))
            self._rows = iter(cursor.fetchall())
            self.rowcount = self._connection.total_changes() - before
        return self

    def _describe(self, cursor: apsw.Cursor, *_: Any) -> bool:
        self.description = [(c[0], *[None] * 6) for c in cursor.get_description()] or None
        return True

    def executemany(self, statement: str, rows: Any) -> "_Cursor":
        with _as_dbapi():
            before = self._connection.total_changes()
            self._connection.cursor().executemany(statement, [tuple(row) for row in rows])
            self.rowcount = self._connection.total_changes() - before
        return self

    @property
    def lastrowid(self) -> int:
        return self._connection.last_insert_rowid()

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return [row for _, row in zip(range(size), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


class _Connection:
    isolation_level: str | None = None

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection)

    def execute(self, statement: str, values: Any = ()) -> _Cursor:
        return self.cursor().execute(statement, values)

    def create_function(self, *_: Any, **__: Any) -> None:
        """Do without: SQLAlchemy brings `regexp`, which openleo does not use."""

    def commit(self) -> None:
        if self._connection.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(apsw.Error):
            self._connection.close(True)
