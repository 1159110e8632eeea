"""The control database on disk: SQLite in a folder, sealed where a key is given, and the guard beside it.

| file | trusted | may be lost | may be rolled back |
| --- | --- | --- | --- |
| control.db (and -wal) | yes | no: keep backups | no: the guard refuses it |
| guard | yes | no: it can be made again only by saying so | no |
| guard.at: where the guard lies, if elsewhere | no | no: the guard is then missing | yes |
| keyslot.json | no: useless without the passphrase | no: the store cannot be opened without it | yes |
| guard.lock | no | yes | yes |

Write-ahead log and synchronous FULL: what is committed survives a power cut (docs/reliability.md).
"""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from openleo.base.errors import BadInput, Refused
from openleo.control import ledger
from openleo.control.log import (
    ED25519,
    Checkpoint,
    Guard,
    GuardHeld,
    LogRolledBack,
    SignerKey,
    StorageFailed,
    VerifierKey,
    consistency_proof,
    sign_checkpoint,
)
from openleo.control.log.guard import read_guard
from openleo.control.network import Network, NetworkKind
from openleo.control.schema import meta

DATABASE, GUARD = "control.db", "guard"
GUARD_AT = "guard.at"  # holds the path of a guard that lies elsewhere
SCHEMA = "0001"  # the newest migration; a test holds it equal to alembic's head
_BUSY_MS = 10_000
_PATIENCE_S = 5.0  # so long a writer waits for another process to finish
_PLAIN = b"SQLite format 3\0"


class StoreBroken(RuntimeError):
    """Storage failed under us: what was promised cannot be known any more, so the process must end."""


class StoreFull(Refused):
    """The disk is full."""

    code = "store-full"


@dataclass(frozen=True, slots=True)
class Driver:
    """A DB-API module and how to connect with it; tests bring one that loses power."""

    module: ModuleType | Any
    connect: Callable[[Path], Any]


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


class Store:
    """An open control database; `reading` and `writing` give connections."""

    def __init__(self, folder: Path, driver: Driver, *, guard: Path | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._writer = _engine(folder / DATABASE, driver, begin="BEGIN IMMEDIATE", connections=1)
        self._reader = _engine(folder / DATABASE, driver, begin="BEGIN", connections=8)
        self._guard_path = guard or guard_path(folder)
        self._guard: Guard | None = None
        self.network: Network
        self._signer: SignerKey

    @classmethod
    def create(
        cls,
        folder: Path,
        network: Network,
        *,
        driver: Driver | None = None,
        guard: Path | None = None,
        skey: str | None = None,
    ) -> "Store":
        """Make an empty store in a folder that holds none; raises Refused where it does."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder / DATABASE).exists():
            raise Refused(f"{folder} holds a control database already", "name another folder with --data")
        if guard is not None:
            (folder / GUARD_AT).write_text(f"{guard.resolve()}\n")
        store = cls(folder, driver or plain_driver(), guard=guard)
        signer = SignerKey.parse(skey) if skey else new_signer(network.origin)
        from openleo.control.migrations import upgrade

        upgrade(store._writer)
        with store._writer.begin() as conn:
            values = {"name": network.name, "kind": network.kind.value, "skey": signer.text()}
            conn.execute(meta.insert(), [{"name": k, "value": v} for k, v in values.items()])
        store._begin()
        return store

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        key: bytes | None = None,
        driver: Driver | None = None,
        guard: Path | None = None,
        accept: Collection[str] = (),
    ) -> "Store":
        """Open the store of a folder: to write where no other process does, else to read.

        Raises BadInput where there is none, where the key is missing or wrong, or it is of another version;
        GuardRefused where it contradicts what the guard remembers (``accept`` names codes to overrule).
        """
        path = folder / DATABASE
        if not path.is_file():
            raise BadInput(
                f"there is no control database in {folder}",
                "make one with `openleo control init`, or name its folder with --data",
            )
        store = cls(folder, driver or _driver_for(path, key), guard=guard)
        try:
            store._check_version(sealed=key is not None)
            store._begin(accept=accept)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def upgrade(cls, folder: Path, *, key: bytes | None = None) -> None:
        """Bring the store of a folder to this openleo's version; keep a backup from before."""
        from openleo.control.migrations import upgrade

        store = cls(folder, _driver_for(folder / DATABASE, key))
        try:
            upgrade(store._writer)
        finally:
            store.close()

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of the database, also while in use, to a new file; sealed stays sealed."""
        self._raw(self._reader, "VACUUM INTO ?", str(path))

    def settle(self) -> None:
        """Bring the write-ahead log into the database and empty it, so that nothing erased stays in it."""
        with self._lock:
            self._raw(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")

    def _raw(self, engine: Engine, statement: str, *values: str) -> None:
        """Run a statement that no transaction may hold."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute(statement, values)
        except engine.dialect.loaded_dbapi.Error as error:
            raise StoreBroken(f"storage failed: {error}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection and let the guard go."""
        if self._guard is not None:
            self._guard.release()
        self._writer.dispose()
        self._reader.dispose()

    @property
    def holds_guard(self) -> bool:
        """Whether this process may write; another may hold the guard instead."""
        return self._guard is not None

    @property
    def vkey(self) -> VerifierKey:
        """The key with which others verify this log."""
        return self._signer.verifier

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state."""
        with self._reader.begin() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose work is durable, and in a signed checkpoint, when the block ends.

        Raises StoreFull where the disk is full (nothing is written) and StoreBroken where storage failed.
        """
        with self._lock:
            if self._guard is None:
                self._claim(patience_s=_PATIENCE_S)
            try:
                with self._writer.begin() as conn:
                    before = ledger.size_of(conn)
                    yield conn
                    size = ledger.size_of(conn)
                    next_ = self._next(conn, size) if size > before else None
            except DBAPIError as error:
                raise _told(error) from error
            if next_ is not None:
                self._advance(*next_)

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint, which is the guard's."""
        held = self._guard.signed if self._guard is not None else read_guard(self._guard_path).signed
        assert held is not None, "a store has a checkpoint from its first moment"
        return held

    def _next(self, conn: Connection, size: int) -> tuple[Checkpoint, list[bytes]]:
        """Return the checkpoint of a size, and the proof that it extends the guard's."""
        assert self._guard is not None
        node = partial(ledger.node_at, conn)
        old = self._guard.checkpoint
        proof = consistency_proof(node, old.size, size) if old is not None else []
        return Checkpoint(origin=self.network.origin, size=size, root=ledger.root_at(conn, size)), proof

    def _advance(self, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
        """Sign a checkpoint, once what it covers is on the disk, and have the guard remember it."""
        assert self._guard is not None
        note = sign_checkpoint(checkpoint, self._signer)
        try:
            self._guard.advance(self._guard.signed, note, proof)
        except StorageFailed as error:
            raise StoreBroken(str(error)) from error

    def _begin(self, *, accept: Collection[str] = ()) -> None:
        """Read who we are, and hold the tree against the guard, unless a process that did holds it."""
        with self.reading() as conn:
            found = dict(conn.execute(select(meta.c.name, meta.c.value)).tuples().all())
        self._signer = SignerKey.parse(found["skey"])
        self.network = Network(
            name=found["name"], kind=NetworkKind(found["kind"]), origin=self._signer.verifier.name
        )
        with suppress(GuardHeld):
            self._claim(accept=accept)

    def _claim(self, *, accept: Collection[str] = (), patience_s: float = 0.0) -> None:
        """Take the guard and bring it up to the database, which may be ahead by a commit before a crash."""
        until = time.monotonic() + patience_s
        while self._guard is None:
            try:
                self._try_claim(accept)
            except GuardHeld:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.02)

    def _try_claim(self, accept: Collection[str]) -> None:
        with self.reading() as conn:
            size = ledger.size_of(conn)
            try:
                self._guard = Guard.claim(
                    self._guard_path, key=self.vkey, size=size, read=partial(ledger.node_at, conn),
                    instance=f"{os.getpid()}-{secrets.token_hex(4)}", accept=accept,
                )  # fmt: skip
            except LogRolledBack:
                with self.reading() as later:  # another process may have written between our two looks
                    if ledger.size_of(later) == size:
                        raise
                return
            known = self._guard.checkpoint
            if known is None or known.size < size:
                self._advance(*self._next(conn, size))

    def _check_version(self, *, sealed: bool) -> None:
        try:
            with self._reader.begin() as conn:
                found = None
                if inspect(conn).has_table("alembic_version"):
                    found = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        except DBAPIError as error:
            what = "the key does not fit it, or it is damaged" if sealed else "it is damaged"
            raise BadInput(
                f"{self.folder / DATABASE} cannot be read: {what}", "check the key, or restore a backup"
            ) from error
        if found != SCHEMA:
            raise BadInput(
                f"{self.folder / DATABASE} is of version {found}, and this openleo reads {SCHEMA}",
                "bring it up with `openleo control upgrade`, or use the openleo that wrote it",
            )


def guard_path(folder: Path) -> Path:
    """Return where the guard of a folder's store lies."""
    at = folder / GUARD_AT
    return Path(at.read_text().strip()) if at.is_file() else folder / GUARD


def new_signer(origin: str) -> SignerKey:
    """Return a new Ed25519 key for the log of that name."""
    return SignerKey(name=origin, algorithm=ED25519, secret=secrets.token_bytes(32))


def _engine(path: Path, driver: Driver, *, begin: str, connections: int) -> Engine:
    def connect() -> Any:
        connection = driver.connect(path)
        connection.isolation_level = None  # SQLAlchemy's own BEGIN, below, so that savepoints work
        for pragma in (
            f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
            "secure_delete = ON",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    engine = create_engine(
        "sqlite://", module=driver.module, creator=connect, poolclass=QueuePool, pool_size=connections,
        max_overflow=0,
    )  # fmt: skip
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql(begin))
    return engine


def _driver_for(path: Path, key: bytes | None) -> Driver:
    with path.open("rb") as file:
        is_plain = file.read(len(_PLAIN)) == _PLAIN
    if is_plain:
        return plain_driver()
    if key is None:
        raise BadInput(f"{path} is sealed (or damaged), and no key was given", "name its key with --key-file")
    return sealed_driver(key)


def _told(error: DBAPIError) -> Exception:
    """Return what a failure of storage means."""
    text = str(error.orig).lower()
    if "full" in text:
        return StoreFull("the disk is full: nothing was decided", "make room, then try again")
    if "i/o error" in text or "malformed" in text or "corrupt" in text:
        return StoreBroken(f"storage failed: {error.orig}")
    return error
