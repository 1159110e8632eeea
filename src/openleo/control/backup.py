"""Backing a store up while it is in use, and restoring it.

A backup is one tar of ``manifest.json``, ``control.db``, ``checkpoint`` and, of a sealed store,
``keyslot.json`` (useless without its passphrase).  The manifest holds the SHA-256 of each, and how many
entries the checkpoint signs for; the database may hold some more.  What was sealed stays sealed.

| file | trusted | may be lost | may be rolled back |
| --- | --- | --- | --- |
| a backup | no: it is checked | yes, where there is a newer one | the guard refuses it then |
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput, Refused
from openleo.base.instants import instant_text
from openleo.control import ledger
from openleo.control.guard_at import DATABASE, GUARD_AT, guard_path, need_free, of_path, point_to
from openleo.control.ledger import Decision
from openleo.control.log import GuardMissing, GuardRefused, open_checkpoint
from openleo.control.log.files import sync_folders
from openleo.control.overruling import held_elsewhere, refusal_of, remembered
from openleo.control.plane import Actor, Plane, Tx, utc_now
from openleo.control.sealing import KEYSLOT
from openleo.control.store import REHEARSAL, Store

MANIFEST, CHECKPOINT = "manifest.json", "checkpoint"
FOLDER = "backups"  # inside the control folder; `openleo purge` destroys these too
_FORMAT = "openleo-backup/v1"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    path: Path
    network: str
    origin: str
    entries: int
    sealed: bool
    made_at: datetime | None = None


def back_up(store: Store, path: Path, *, at: datetime, keyslot: bool = True) -> Backup:
    """Write a backup to a file that is not there yet; raises BadInput."""
    if path.exists():
        raise BadInput(f"{path} is there already", "name another file: a backup is never overwritten")
    slot = store.folder / KEYSLOT
    with _scratch(path.parent) as scratch:
        signed = store.checkpoint()
        (scratch / CHECKPOINT).write_bytes(signed)
        store.copy_to(scratch / DATABASE)
        if keyslot and slot.is_file():
            shutil.copyfile(slot, scratch / KEYSLOT)
        entries = open_checkpoint(signed, [store.vkey]).size
        manifest = {
            "format": _FORMAT, "network": store.network.name, "origin": store.network.origin,
            "entries": entries, "sealed": slot.is_file(), "made_at": instant_text(at),
            "sha256": {file.name: _sha256(file) for file in sorted(scratch.iterdir())},
        }  # fmt: skip
        _write_tar(scratch, manifest, path)
    return Backup(
        path=path, network=store.network.name, origin=store.network.origin, entries=entries,
        sealed=slot.is_file(), made_at=at,
    )  # fmt: skip


def restore(
    path: Path,
    folder: Path,
    *,
    who: Callable[[Plane], Actor],
    key: Callable[[Path], bytes | None] = lambda folder: None,
    accept: Collection[str] = (),
    guard: Path | None = None,
    rehearse: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Backup:
    """Put a backup's store in a folder that holds none, as a decision of a person with store.manage.

    ``who`` says who that is, from the restored store; ``key`` gives the key of a sealed one from the folder
    of its slot.  The guard refuses what is older than it knows unless ``accept`` names its code, and one of
    another store that is there is never touched.  A rehearsal asks no guard: what it restores can be read
    and checked, and decides nothing.  Raises BadInput, GuardRefused, Forbidden; nothing is changed then.
    """
    _need_room(folder, rehearse=rehearse, plain=guard is None and not accept)
    at = guard or guard_path(folder)
    if not rehearse:
        need_free(at, folder)
    with _made(folder), _scratch(folder) as scratch:
        manifest = _unpack(path, scratch)
        if (folder / KEYSLOT).is_file():  # it may have a newer passphrase
            (scratch / KEYSLOT).unlink(missing_ok=True)
        opened = key(scratch if (scratch / KEYSLOT).is_file() else folder)
        actor = _try_it(scratch, opened, who, clock, guard=None if rehearse else at, accept=accept)
        if rehearse:
            (scratch / CHECKPOINT).rename(scratch / REHEARSAL)
            _place(scratch, folder, (REHEARSAL, KEYSLOT, DATABASE))
        else:
            before = remembered(at)
            store = _start(scratch, folder, key=opened, guard=guard, accept=accept)
            with Plane(store, clock=clock) as plane:
                plane.act(actor, lambda tx: _note(tx, manifest, before, accept))
    return Backup(
        path=path, network=manifest["network"], origin=manifest["origin"], entries=manifest["entries"],
        sealed=bool(manifest["sealed"]),
    )  # fmt: skip


def _need_room(folder: Path, *, rehearse: bool, plain: bool) -> None:
    if (folder / DATABASE).exists():
        raise Refused(
            f"{folder} holds a control database", "restore to another folder: nothing is overwritten"
        )
    if rehearse and not plain:
        raise BadInput("a rehearsal asks no guard", "leave out --guard and --accept")
    if rehearse and folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty", "rehearse in a folder of its own: --data DIR")


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; where what is done in it fails, those made go again."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield
    except BaseException:
        for one in missing:
            with suppress(OSError):  # it is not empty: then it is not only ours
                one.rmdir()
        raise


def _place(scratch: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if (scratch / name).is_file():
            os.replace(scratch / name, folder / name)
    sync_folders([folder])


def _start(
    scratch: Path, folder: Path, *, key: bytes | None, guard: Path | None, accept: Collection[str]
) -> Store:
    """Put a store that was tried in its folder and take its guard; where that fails, all is as it was."""
    at = guard or guard_path(folder)
    placed = [name for name in (KEYSLOT, DATABASE) if (scratch / name).is_file()]
    kept = _contents((folder / GUARD_AT, of_path(at), at.with_name(at.name + ".lock")))
    _set_aside(folder)
    store = None
    try:
        if guard is not None:
            point_to(folder, guard)
        _place(scratch, folder, placed)
        store = Store.open(folder, key=key, guard=guard, accept=accept)
        if not store.holds_guard:
            raise held_elsewhere(at)
    except BaseException:
        if store is not None:
            store.close()
        for name in (*placed, DATABASE + "-wal", DATABASE + "-shm"):
            (folder / name).unlink(missing_ok=True)
        _put_back(kept)
        raise
    return store


def _contents(paths: Sequence[Path]) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def _put_back(kept: dict[Path, bytes | None]) -> None:
    for path, content in kept.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            path.write_bytes(content)


def _set_aside(folder: Path) -> None:
    """Keep a lost database's write-ahead log from being read into the restored one."""
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            (folder / (DATABASE + end)).rename(folder / (DATABASE + end + ".lost"))


def _try_it(
    scratch: Path,
    key: bytes | None,
    who: Callable[[Plane], Actor],
    clock: Callable[[], datetime],
    *,
    guard: Path | None,
    accept: Collection[str],
) -> Actor:
    """Open a restored store aside, hold it against its checkpoint and the guard; return who restores it."""
    store = Store.open(scratch, key=key, claims=False)
    with Plane(store, clock=clock) as plane:
        actor = who(plane)
        plane.read(actor, lambda tx: tx.require("store.manage"))
        plane.read(actor, lambda tx: _need_own(tx, (scratch / CHECKPOINT).read_bytes(), store))
        refused = None if guard is None else refusal_of(store, guard)
        if refused is not None and refused.code not in accept:
            raise _told(refused)
        store.settle()
    for file in scratch.iterdir():
        if file.name.startswith(DATABASE + "-"):
            file.unlink()
    return actor


def _need_own(tx: Tx, signed: bytes, store: Store) -> None:
    """Raise BadInput where a backup's checkpoint is not one of its database."""
    checkpoint = open_checkpoint(signed, [store.vkey])
    size = ledger.size_of(tx.conn)
    if checkpoint.size > size or ledger.root_at(tx.conn, checkpoint.size) != checkpoint.root:
        raise BadInput("the backup's checkpoint is not of its database", "take another backup")


def _told(refused: GuardRefused) -> GuardRefused:
    """Return a guard's refusal in the words of who restores."""
    if isinstance(refused, GuardMissing):
        return GuardMissing(
            f"{refused.detail}: this makes a second copy that can sign; if the first still runs, their logs "
            "will fork",
            "for a rehearsal use --rehearse; where the guard lies elsewhere, name it with --guard; if the "
            f"first is gone for good, add --accept {refused.code}",
        )
    return type(refused)(
        refused.detail,
        "restore a newer backup; for a rehearsal use --rehearse with a --data of its own; or, knowing why it "
        f"is so, add --accept {refused.code}",
    )


def _note(tx: Tx, manifest: dict[str, Any], before: str | None, accept: Collection[str]) -> None:
    more = {
        "made_at": manifest["made_at"], "entries": manifest["entries"], "accepted": sorted(accept),
        "guard_remembered": before,
    }  # fmt: skip
    why = "a backup was restored" + (f", accepting {', '.join(sorted(accept))}" if accept else "")
    tx.record(Decision(kind="store.restored", action="restored", reason=why, facts=[], more=more))


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """Give a folder for one's own eyes, on the disk of what will be made."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".openleo-", dir=beside))
    except OSError as error:
        raise BadInput(
            f"nothing can be written in {beside}: {error.strerror}", "name another folder"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_tar(scratch: Path, manifest: dict[str, Any], path: Path) -> None:
    content = json.dumps(manifest, indent=2).encode() + b"\n"
    part = scratch / "part"
    with part.open("xb") as file:
        os.chmod(part, 0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            head = tarfile.TarInfo(MANIFEST)
            head.size = len(content)
            tar.addfile(head, io.BytesIO(content))
            for name in manifest["sha256"]:
                tar.add(scratch / name, arcname=name, filter=_plain_member)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folders([path.parent])


def _plain_member(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _unpack(path: Path, scratch: Path) -> dict[str, Any]:
    """Unpack the files that a backup's manifest names, and no others; raises BadInput where one differs."""
    try:
        with tarfile.open(path, "r:") as tar:
            manifest: dict[str, Any] = json.loads(_member(tar, MANIFEST).read())
            if manifest["format"] != _FORMAT:
                raise BadInput(f"{path} is a backup of format {manifest['format']}", "use a newer openleo")
            for name, sha256 in manifest["sha256"].items():
                if name not in (DATABASE, CHECKPOINT, KEYSLOT):
                    raise BadInput(f"{path} holds a file {name!r} that no backup has", "take another backup")
                with (scratch / name).open("xb") as out:
                    shutil.copyfileobj(_member(tar, name), out, _PIECE)
                if _sha256(scratch / name) != sha256:
                    raise BadInput(f"{name} in {path} is not what its manifest says", "take another backup")
    except FileNotFoundError:
        raise BadInput(
            f"there is no backup {path}", "name a file that `openleo control backup` made"
        ) from None
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is no backup: {error}", "name a file that `openleo control backup` made"
        ) from error
    for name, what in ((DATABASE, "database"), (CHECKPOINT, "checkpoint")):
        if not (scratch / name).is_file():
            raise BadInput(f"{path} holds no {what}", "take another backup")
    return manifest


def _member(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
