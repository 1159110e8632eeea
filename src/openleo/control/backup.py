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
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput, Refused
from openleo.base.instants import instant_text
from openleo.control.ledger import Decision
from openleo.control.log import ACCEPTABLE, GuardMissing, GuardRefused, open_checkpoint
from openleo.control.log.files import sync_folders
from openleo.control.log.guard import read_guard
from openleo.control.plane import Actor, Plane, Tx, utc_now
from openleo.control.sealing import KEYSLOT
from openleo.control.store import DATABASE, Store, guard_path

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
    clock: Callable[[], datetime] = utc_now,
) -> Backup:
    """Put a backup's store in a folder that holds none, as a decision of a person with store.manage.

    ``who`` says who that is, from the restored store; ``key`` gives the key of a sealed one from the folder
    of its slot.  The guard refuses what is older than it knows unless ``accept`` names its code.
    Raises BadInput, GuardRefused, Forbidden; nothing is changed then.
    """
    if (folder / DATABASE).exists():
        raise Refused(
            f"{folder} holds a control database", "restore to another folder: nothing is overwritten"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _scratch(folder) as scratch:
        manifest = _unpack(path, scratch)
        if (folder / KEYSLOT).is_file():  # it may have a newer passphrase
            (scratch / KEYSLOT).unlink(missing_ok=True)
        opened = key(scratch if (scratch / KEYSLOT).is_file() else folder)
        actor = _try_it(scratch, opened, who, clock)
        _set_aside(folder)
        placed = [name for name in (KEYSLOT, DATABASE) if (scratch / name).is_file()]
        for name in placed:
            os.replace(scratch / name, folder / name)
        sync_folders([folder])
    before = _remembered(guard or guard_path(folder))
    try:
        store = Store.open(folder, key=opened, guard=guard, accept=accept)
    except BaseException as failed:
        for name in (*placed, DATABASE + "-wal", DATABASE + "-shm"):
            (folder / name).unlink(missing_ok=True)
        if isinstance(failed, GuardRefused) and failed.code in ACCEPTABLE:
            hint = f"restore a newer backup, or, knowing why it is so, add --accept {failed.code}"
            raise type(failed)(failed.detail, hint) from failed
        raise
    with Plane(store, clock=clock) as plane:
        plane.act(actor, lambda tx: _note(tx, manifest, before, accept))
    return Backup(
        path=path, network=manifest["network"], origin=manifest["origin"], entries=manifest["entries"],
        sealed=bool(manifest["sealed"]),
    )  # fmt: skip


def _set_aside(folder: Path) -> None:
    """Keep a lost database's write-ahead log from being read into the restored one."""
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            (folder / (DATABASE + end)).rename(folder / (DATABASE + end + ".lost"))


def _try_it(
    scratch: Path, key: bytes | None, who: Callable[[Plane], Actor], clock: Callable[[], datetime]
) -> Actor:
    """Open a restored store aside, with no guard's memory, and return who restores it."""
    store = Store.open(scratch, key=key, accept=[GuardMissing.code])
    with Plane(store, clock=clock) as plane:
        actor = who(plane)
        plane.read(actor, lambda tx: tx.require("store.manage"))
        store.settle()
    for file in scratch.iterdir():
        if file.name.startswith(DATABASE + "-"):
            file.unlink()
    return actor


def _note(tx: Tx, manifest: dict[str, Any], before: str | None, accept: Collection[str]) -> None:
    more = {
        "made_at": manifest["made_at"], "entries": manifest["entries"], "accepted": sorted(accept),
        "guard_remembered": before,
    }  # fmt: skip
    why = "a backup was restored" + (f", accepting {', '.join(sorted(accept))}" if accept else "")
    tx.record(Decision(kind="store.restored", action="restored", reason=why, facts=[], more=more))


def _remembered(path: Path) -> str | None:
    with suppress(Refused):
        signed = read_guard(path).signed
        return None if signed is None else signed.decode("utf-8", "replace")
    return None


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
    if not (scratch / DATABASE).is_file():
        raise BadInput(f"{path} holds no database", "take another backup")
    return manifest


def _member(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
