"""The guard: a tiny file that remembers the last signed checkpoint, best on another disk than the database.

It keeps a restored backup, a fork or a second copy from signing what contradicts an earlier checkpoint: a
start that does not fit it is refused, and every new checkpoint is swapped in against the one before it, on
the disk, before anyone is shown it.  One process at a time holds it, by a lock of the operating system on the
file beside it that ends in ``.lock``; a process that forks shares it with its children.
"""

import contextlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from openleo.base.errors import BadInput, Refused
from openleo.control.log.checkpoint import Checkpoint, open_checkpoint
from openleo.control.log.files import Fsync, StorageFailed, read_regular, sync_folders, write_durably
from openleo.control.log.merkle import Read, root_at, verify_consistency
from openleo.control.log.note import MAX_NOTE_BYTES, VerifierKey

_FIRST = "openleo-guard/v1"
_MAX_BYTES = MAX_NOTE_BYTES + 1000


class GuardRefused(Refused):
    """The guard says no; ``code`` says why, and is what `claim` can be told to accept."""

    code = "guard-refused"


class GuardHeld(GuardRefused):
    """Another process holds the guard; this cannot be accepted, only ended."""

    code = "guard-held"


class GuardInUse(GuardRefused):
    """The guard is that of another store, which is there; this cannot be accepted, only ended."""

    code = "guard-in-use"


class GuardMissing(GuardRefused):
    """There is no guard, and the database is not empty."""

    code = "guard-missing"


class GuardCorrupt(GuardRefused):
    """The guard cannot be read, or what it holds is not signed by the log's key."""

    code = "guard-corrupt"


class LogRolledBack(GuardRefused):
    """The database holds fewer entries than were signed for."""

    code = "log-rolled-back"


class LogForked(GuardRefused):
    """The database's entries, or a new checkpoint, contradict a signed checkpoint."""

    code = "log-forked"


class GuardMoved(GuardRefused):
    """The guard does not hold what its holder thinks: another instance wrote it."""

    code = "guard-moved"


ACCEPTABLE = frozenset({GuardMissing.code, GuardCorrupt.code, LogRolledBack.code, LogForked.code})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the guard's file holds: who wrote it, and the last signed checkpoint, None before the first."""

    instance: str
    signed: bytes | None

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return f"{_FIRST}\ninstance {self.instance}\n\n".encode() + (self.signed or b"")


def read_guard(path: Path) -> Remembered:
    """Return what a guard's file holds, its signature unchecked; GuardMissing or GuardCorrupt."""
    if not os.path.lexists(path):
        raise GuardMissing(f"there is no guard at {path}", _accept(GuardMissing, "bring its file back"))
    try:
        content = read_regular(path, _MAX_BYTES, str(path))
        above, _, signed = content.partition(b"\n\n")
        first, _, instance = above.decode("utf-8").partition("\ninstance ")
    except (BadInput, UnicodeDecodeError) as error:
        raise _corrupt(path, str(error)) from error
    held = Remembered(instance=instance, signed=signed or None)
    if first != _FIRST or held.to_bytes() != content or not _is_instance(instance):
        raise _corrupt(path, "it is not written as a guard is")
    return held


class Guard:
    """The guard, held by this process until `release`; make one with `claim`."""

    def __init__(self, path: Path, key: VerifierKey, held: Remembered, lock: IO[bytes], fsync: Fsync) -> None:
        self._path = path
        self._key = key
        self._held = held
        self._lock = lock
        self._fsync = fsync
        self._failed = False

    @classmethod
    def claim(
        cls,
        path: Path,
        *,
        key: VerifierKey,
        instance: str,
        size: int,
        read: Read,
        accept: Collection[str] = (),
        fsync: Fsync = os.fsync,
    ) -> "Guard":
        """Take the guard for a database of size entries, whose perfect subtrees' hashes read gives.

        GuardRefused where the database does not extend the checkpoint that is remembered, where the guard is
        missing or corrupt and the database not empty, and where another process holds it.  ``accept`` names
        codes in ACCEPTABLE that a person has decided to overrule: the guard's file is then kept under another
        name and the memory starts anew.  StorageFailed where the disk refuses.
        """
        unknown = set(accept) - ACCEPTABLE
        if unknown or not _is_instance(instance):
            raise ValueError(f"{', '.join(unknown)} cannot be accepted" if unknown else "no instance's name")
        lock = _take_lock(path, instance)
        try:
            held = _checked(path, key, size, read, accept)
            held = replace(held, instance=instance)
            guard = cls(path, key, held, lock, fsync)
            guard._write(held)
        except BaseException:
            lock.close()
            raise
        return guard

    @property
    def signed(self) -> bytes | None:
        """The last signed checkpoint, None before the first."""
        return self._held.signed

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The same, read."""
        return None if self.signed is None else open_checkpoint(self.signed, [self._key])

    def advance(self, old: bytes | None, new: bytes, proof: Sequence[bytes] = ()) -> None:
        """Remember new in place of old; after this, and only then, may new be shown to anyone.

        ``proof`` is the consistency proof from old to new.  GuardMoved where the guard does not hold old or
        is another instance's; LogRolledBack or LogForked where new does not extend it; BadInput where new is
        not signed by the log's key.  After StorageFailed nothing is accepted any more.
        """
        if self._failed or self._lock.closed:
            raise StorageFailed(f"the guard {self._path} has failed or was released: start again")
        found = read_guard(self._path)
        if found != self._held or found.signed != old:
            raise GuardMoved(
                f"the guard {self._path} is held by {found.instance} and has moved on from what "
                f"{self._held.instance} knows",
                "two instances share one guard: stop both, find out which database is right, start that one",
            )
        after = open_checkpoint(new, [self._key])
        if old is not None:
            _check_extends(open_checkpoint(old, [self._key]), after, proof)
        self._write(replace(self._held, signed=new))

    def release(self) -> None:
        """Give the guard back."""
        self._lock.close()

    def _write(self, held: Remembered) -> None:
        try:
            temporary = self._path.with_name(self._path.name + ".part")
            write_durably(self._path, held.to_bytes(), temporary=temporary, fsync=self._fsync)
            sync_folders([self._path.parent], self._fsync)
        except StorageFailed:
            self._failed = True
            raise
        self._held = held


def _checked(path: Path, key: VerifierKey, size: int, read: Read, accept: Collection[str]) -> Remembered:
    """Return what to go on from; set aside what a person has accepted to overrule."""
    try:
        return examine(path, key=key, size=size, read=read)
    except GuardMissing as refused:
        if size > 0 and refused.code not in accept:
            raise
    except GuardRefused as refused:
        if refused.code not in accept:
            raise
        set_aside(path)
    return Remembered(instance="-", signed=None)


def examine(path: Path, *, key: VerifierKey, size: int, read: Read) -> Remembered:
    """Return what a guard's file holds where a database fits it; raises GuardRefused, and changes nothing."""
    held = read_guard(path)
    if held.signed is not None:
        _check_database(path, _open(path, held.signed, key), size, read)
    return held


def _open(path: Path, signed: bytes, key: VerifierKey) -> Checkpoint:
    try:
        return open_checkpoint(signed, [key])
    except BadInput as error:
        raise _corrupt(path, error.detail) from error


def _check_database(path: Path, checkpoint: Checkpoint, size: int, read: Read) -> None:
    if size < checkpoint.size:
        raise LogRolledBack(
            f"the database has {size} entries, and {checkpoint.size} were signed for by {path}",
            _accept(LogRolledBack, "an old backup was restored: restore the newest one"),
        )
    if root_at(read, checkpoint.size) != checkpoint.root:
        raise LogForked(
            f"the database's first {checkpoint.size} entries are not those that were signed for by {path}",
            _accept(LogForked, "this is another copy of the database, or it was changed: find the right one"),
        )


def _check_extends(before: Checkpoint, after: Checkpoint, proof: Sequence[bytes]) -> None:
    if after.size < before.size or after.origin != before.origin:
        raise LogRolledBack(
            f"the new checkpoint has {after.size} entries, and {before.size} are signed for",
            "stop: this database is not the one that the guard is of",
        )
    if not verify_consistency(
        old=before.size, new=after.size, old_root=before.root, new_root=after.root, proof=proof
    ):
        raise LogForked(
            f"the new checkpoint of {after.size} entries does not extend the signed one of {before.size}",
            "stop: this database is not the one that the guard is of",
        )


def set_aside(path: Path) -> None:
    """Keep an overruled guard's file: it is evidence."""
    names = (path.with_name(f"{path.name}.overruled-{n}") for n in range(1, 1_000_000))
    try:
        path.rename(next(name for name in names if not name.exists()))
    except OSError as error:
        raise StorageFailed(f"{path} could not be set aside: {error.strerror or error}") from error


def _take_lock(path: Path, instance: str) -> IO[bytes]:
    """Lock the file beside the guard, and leave the holder's name in it."""
    import fcntl  # not on Windows, where a log can be verified but not served

    lock_path = path.with_name(path.name + ".lock")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent} for the guard", "make it, or mount its disk")
    lock = lock_path.open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read(200).decode("utf-8", "replace").strip()
        lock.close()
        raise GuardHeld(
            f"{path} is held by another running instance, {holder or 'unnamed'}",
            "stop that one first; one database is served by one instance",
        ) from error
    with contextlib.suppress(OSError):  # the name is for people; the lock holds without it
        lock.truncate(0)
        os.write(lock.fileno(), instance.encode() + b"\n")
    return lock


def _is_instance(name: str) -> bool:
    return 0 < len(name) <= 100 and name.isprintable() and " " not in name


def _corrupt(path: Path, why: str) -> GuardCorrupt:
    return GuardCorrupt(f"the guard {path} is corrupt: {why}", _accept(GuardCorrupt, "bring its file back"))


def _accept(refusal: type[GuardRefused], first: str) -> str:
    return f"{first}; or, knowing why it is so, `openleo control accept {refusal.code} --reason '...'`"
