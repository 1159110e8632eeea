"""The control database on disk: SQLite in a folder, sealed where a key is given, and the guard beside it.

| file | trusted | may be lost | may be rolled back |
| --- | --- | --- | --- |
| control.db (and -wal) | yes | no: keep backups | no: the guard refuses it |
| guard | yes | no: it can be made again only by saying so | no |
| guard.at: where the guard lies, if elsewhere | no | no: the guard is then missing | yes |
| guard.of, beside such a guard: whose it is | no | yes: a mistake is then not seen | yes |
| rehearsal: this store is only read; its checkpoint | no | no: the guard is then missing | yes |
| keyslot.json | no: useless without the passphrase | no: the store cannot be opened without it | yes |
| guard.lock | no | yes | yes |

Write-ahead log and synchronous FULL: what is committed survives a power cut (docs/reliability.md).
"""

import os
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import DBAPIError

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control import ledger
from openleo.control.driver import (
    Driver,
    StoreBroken,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    driver_for,
    make_engine,
    plain_driver,
    sealed_driver,
    told_of,
)
from openleo.control.guard_at import DATABASE, GUARD, GUARD_AT, guard_path, need_free, point_to
from openleo.control.log import (
    ED25519,
    Checkpoint,
    Guard,
    GuardHeld,
    GuardInUse,
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

__all__ = [
    "DATABASE",
    "GUARD",
    "GUARD_AT",
    "Driver",
    "Rehearsal",
    "Store",
    "StoreBroken",
    "StoreFull",
    "StoreLocked",
    "StoreReadOnly",
    "guard_path",
    "new_signer",
    "plain_driver",
    "sealed_driver",
    "told_of",
]

REHEARSAL = "rehearsal"  # holds the checkpoint of the backup; while it is there, nothing is decided
SCHEMA = "0001"  # the newest migration; a test holds it equal to alembic's head
_PATIENCE_S = 5.0  # so long a writer waits for another process to finish


class Rehearsal(Refused):
    """A store that was restored for a rehearsal may be read and checked, and decides nothing."""

    code = "rehearsal"


class Store:
    """An open control database; `reading` and `writing` give connections."""

    def __init__(self, folder: Path, driver: Driver, *, guard: Path | None = None) -> None:
        self.folder = folder
        self._fsync = driver.fsync
        self._lock = threading.Lock()
        self._failed: StoreBroken | None = None
        self._writer = make_engine(folder / DATABASE, driver, begin="BEGIN IMMEDIATE", connections=1)
        self._reader = make_engine(folder / DATABASE, driver, begin="BEGIN", connections=8)
        self.guard_path = guard or guard_path(folder)
        self.rehearsal = (folder / REHEARSAL).is_file()
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
            _need_new(guard, folder)
            point_to(folder, guard)
        store = cls(folder, driver or plain_driver(), guard=guard)
        signer = SignerKey.parse(skey) if skey else new_signer(network.origin)
        from openleo.control.migrations import upgrade

        upgrade(store._writer)
        with store._writer.begin() as conn:
            denies = "yes" if network.default_deny else "no"
            values = {"name": network.name, "kind": network.kind.value, "skey": signer.text()}
            values["default_deny"] = denies
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
        claims: bool = True,
    ) -> "Store":
        """Open the store of a folder: to write where no other process does, else to read.

        One that claims nothing is to be read, and asks no guard.  Raises BadInput where there is none, where
        the key is missing or wrong, or it is of another version; GuardRefused where it contradicts what the
        guard remembers (``accept`` names codes to overrule).
        """
        path = folder / DATABASE
        if not path.is_file():
            raise BadInput(
                f"there is no control database in {folder}",
                "make one with `openleo control init`, or name its folder with --data",
            )
        store = cls(folder, driver or driver_for(path, key), guard=guard)
        try:
            store._check_version(sealed=key is not None)
            store._begin(accept=accept, claims=claims)
        except StoreBroken as error:
            store.close()
            raise BadInput(
                f"{path} cannot be opened: {error}",
                "look at its disk; if the file is damaged, restore a backup",
            ) from error
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def upgrade(cls, folder: Path, *, key: bytes | None = None) -> None:
        """Bring the store of a folder to this openleo's version; keep a backup from before."""
        from openleo.control.migrations import upgrade

        store = cls(folder, driver_for(folder / DATABASE, key))
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

    def claim(self) -> bool:
        """Take the guard unless another process holds it; tell whether it is ours."""
        with self._lock:
            self.need_whole()
            if self._guard is None and not self.rehearsal:
                with suppress(GuardHeld):
                    self._try_claim(())
        return self.holds_guard

    @property
    def vkey(self) -> VerifierKey:
        """The key with which others verify this log."""
        return self._signer.verifier

    @property
    def broken(self) -> bool:
        """Whether storage failed: nothing is written any more, for nobody knows what is on the disk."""
        return self._failed is not None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state; raises StoreBroken where storage failed."""
        with self._telling(), self._reader.begin() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose work is durable, and in a signed checkpoint, when the block ends.

        Raises StoreFull, StoreReadOnly and StoreLocked where nothing was written, and StoreBroken where
        storage failed: from then on always, for what failed once is never tried again.
        """
        with self._lock:
            self.need_whole()
            if self.rehearsal:
                raise Rehearsal(
                    f"the store in {self.folder} was restored for a rehearsal: nothing is decided in it",
                    "decide in the network's own store; should that be lost, restore the backup without "
                    "--rehearse",
                )
            if self._guard is None:
                self._claim(patience_s=_PATIENCE_S)
            with self._telling(), self._writer.begin() as conn:
                before = ledger.size_of(conn)
                yield conn
                size = ledger.size_of(conn)
                next_ = self._next(conn, size) if size > before else None
            if next_ is not None:
                self._advance(*next_)

    @contextmanager
    def fenced(self) -> Iterator[Connection]:
        """Give a connection that sees all that transactions begun before now decide: it waits for them.

        For those who only read, and must know that nothing decided in time is still to come.
        """
        with self._lock, self._telling(), self._writer.begin() as conn:
            yield conn

    def need_whole(self) -> None:
        """Raise StoreBroken where storage failed before."""
        if self._failed is not None:
            raise StoreBroken("storage failed before: nothing more is written") from self._failed

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say what a failure of storage means, and remember one that is the end."""
        try:
            yield
        except DBAPIError as error:
            told = told_of(error)
            if isinstance(told, StoreBroken):
                self._failed = told
            if told is error:
                raise
            raise told from error

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint, which is the guard's; of a rehearsal the backup's."""
        if self.rehearsal:
            return (self.folder / REHEARSAL).read_bytes()
        held = self._guard.signed if self._guard is not None else read_guard(self.guard_path).signed
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
        """Sign a checkpoint, once what it covers is on the disk, and have the guard remember it.

        Whatever goes wrong here is the end: the disk holds a decision that no checkpoint covers.
        """
        assert self._guard is not None
        note = sign_checkpoint(checkpoint, self._signer)
        try:
            self._guard.advance(self._guard.signed, note, proof)
        except (StorageFailed, OpenleoError) as error:
            self._failed = StoreBroken(f"storage failed: {error}")
            raise self._failed from error

    def _begin(self, *, accept: Collection[str] = (), claims: bool = True) -> None:
        """Read who we are, and hold the tree against the guard, unless a process that did holds it."""
        with self.reading() as conn:
            found = {row.name: row.value for row in conn.execute(select(meta.c.name, meta.c.value))}
        if "skey" not in found:
            raise BadInput(
                f"the making of {self.folder / DATABASE} was cut off, before anything was decided in it",
                "remove the folder, and run `openleo control init` again",
            )
        self._signer = SignerKey.parse(found["skey"])
        self.network = Network(
            name=found["name"],
            kind=NetworkKind(found["kind"]),
            origin=self._signer.verifier.name,
            default_deny=found["default_deny"] == "yes",
        )
        if claims and not self.rehearsal:
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
                    self.guard_path, key=self.vkey, size=size, read=partial(ledger.node_at, conn),
                    instance=f"{os.getpid()}-{secrets.token_hex(4)}", accept=accept, fsync=self._fsync,
                )  # fmt: skip
            except StorageFailed as error:
                raise StoreBroken(f"storage failed: {error}") from error
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


def _need_new(guard: Path, folder: Path) -> None:
    """Raise GuardInUse where there is a guard already: a new store has a new one."""
    need_free(guard, folder)
    if os.path.lexists(guard):
        raise GuardInUse(f"there is a guard {guard} already", "name a file that is not there yet")


def new_signer(origin: str) -> SignerKey:
    """Return a new Ed25519 key for the log of that name."""
    return SignerKey(name=origin, algorithm=ED25519, secret=secrets.token_bytes(32))
