"""What an outsider does with a folder and the log's public key, and nothing else: check everything in it."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.log.audit import MAX_FAILURES, EnoughFailures, Failure, Findings, audit_tree
from openleo.control.log.checkpoint import Checkpoint, open_checkpoint
from openleo.control.log.disclosure import DISCLOSED, MAX_DISCLOSED_BYTES, VKEY, Disclosure, parse_disclosure
from openleo.control.log.entry import opens
from openleo.control.log.files import read_regular
from openleo.control.log.merkle import consistency_proof, verify_consistency
from openleo.control.log.note import MAX_NOTE_BYTES, VerifierKey, parse_note
from openleo.control.log.tile_paths import CHECKPOINT, TileName, parse_tile_path, width_at
from openleo.control.log.tiles import TEMPORARY, TileReader, read_tile

_DISCLOSED_NAME = re.compile(DISCLOSED + r"/(0|[1-9][0-9]{0,17})\.json", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `verify_folder` found: all is well where ``failures`` is empty.

    ``checked`` counts signatures, tiles, bundles, entries, disclosed files and fields, and older checkpoints;
    ``unchecked`` names the files that nothing here vouches for.
    """

    checkpoint: Checkpoint | None
    checked: Mapping[str, int]
    failures: tuple[Failure, ...]
    unchecked: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def verify_folder(path: Path, vkey: str, older: Iterable[Path] = (), now: datetime | None = None) -> Report:
    """Check a log's folder, or a package, against the log's public key as text.

    ``older`` are files of checkpoints that one kept: the log must extend each.  With ``now``, a field shown
    before the end of its embargo is a failure too.  BadInput only for a bad key or a folder that is none;
    whatever is wrong inside the folder is in the report.
    """
    key = VerifierKey.parse(vkey.strip())
    if not path.is_dir():
        raise BadInput(f"there is no folder {path}", "name the folder that holds the file `checkpoint`")
    findings = Findings()
    checkpoint = _checkpoint(path / CHECKPOINT, CHECKPOINT, key, findings)
    if checkpoint is not None:
        try:
            _verify_all(_Folder(path=path, key=key, checkpoint=checkpoint), older, now, findings)
        except EnoughFailures:
            stopped = Failure(file=".", reason=f"stopped after {MAX_FAILURES} failures; there are more")
            findings.failures.append(stopped)
    return Report(
        checkpoint=checkpoint,
        checked=findings.checked,
        failures=tuple(findings.failures),
        unchecked=tuple(findings.unchecked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    path: Path
    key: VerifierKey
    checkpoint: Checkpoint


def _verify_all(folder: _Folder, older: Iterable[Path], now: datetime | None, findings: Findings) -> None:
    audit_tree(folder.path, folder.checkpoint, findings)
    disclosed: list[tuple[int, str]] = []
    for name in _files(folder.path):
        if match := _DISCLOSED_NAME.fullmatch(name):
            disclosed.append((int(match[1]), name))
        elif name == VKEY:
            _check_vkey(folder, findings)
        elif name.startswith("tile/"):
            _check_old_tile(folder, name, findings)
        elif name.startswith(f"{DISCLOSED}/"):
            findings.fail(name, "no entry's disclosure has this name")
        elif name != CHECKPOINT:
            findings.unchecked.append(name)
    reader: TileReader | BadInput
    try:
        reader = TileReader(folder.path, folder.checkpoint)
    except BadInput as error:
        reader = error
    for index, name in sorted(disclosed):
        _check_disclosure(folder, index, name, reader, now, findings)
    for path in older:
        _check_older(folder, path, reader, findings)


def _files(folder: Path) -> Iterator[str]:
    """Yield the files below a folder by their relative names, in order; those being written are left out."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != TEMPORARY or Path(where) != folder)
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        for name in sorted(files + links):
            relative = (Path(where) / name).relative_to(folder).as_posix()
            yield relative.encode("utf-8", "backslashreplace").decode()


def _checkpoint(path: Path, name: str, key: VerifierKey, findings: Findings) -> Checkpoint | None:
    try:
        data = read_regular(path, MAX_NOTE_BYTES, name)
        checkpoint = open_checkpoint(data, [key])
    except BadInput as error:
        findings.fail(name, error.detail)
        return None
    findings.count("signatures")
    others = len(parse_note(data).signatures) - 1
    if others:
        findings.count("signatures by others, not checked", others)
    return checkpoint


def _check_vkey(folder: _Folder, findings: Findings) -> None:
    expected = f"{folder.key.text()}\n".encode()
    try:
        if read_regular(folder.path / VKEY, len(expected), VKEY) != expected:
            findings.fail(VKEY, f"it is not the key {folder.key.text()}")
    except BadInput as error:
        findings.fail(VKEY, error.detail)


def _check_old_tile(folder: _Folder, name: str, findings: Findings) -> None:
    """Check a file below ``tile/`` that the checkpoint does not need: an older, narrower tile, or a stray."""
    try:
        tile = parse_tile_path(name)
    except BadInput:
        findings.fail(name, "no tile has this name")
        return
    width = width_at(folder.checkpoint.size, tile.level or 0, tile.index)
    if tile.width == width:
        return
    if tile.width > width:
        findings.unchecked.append(name)  # of a log that has grown beyond this checkpoint
        return
    current = tile.widened(width)
    if any(failure.file == current.path for failure in findings.failures):
        findings.unchecked.append(name)
        return
    try:
        if read_tile(folder.path, tile) != _start_of(folder.path, current, tile):
            findings.fail(name, f"it is not how {current.path} begins")
    except BadInput as error:
        findings.fail(name, error.detail)
    findings.count("older tiles")


def _start_of(folder: Path, current: TileName, narrow: TileName) -> bytes:
    content = read_tile(folder, current)
    if narrow.level is not None:
        return content[: 32 * narrow.width]
    at = 0
    for _ in range(narrow.width):
        at += 2 + int.from_bytes(content[at : at + 2], "big")
    return content[:at]


def _check_disclosure(
    folder: _Folder,
    index: int,
    name: str,
    reader: TileReader | BadInput,
    now: datetime | None,
    findings: Findings,
) -> None:
    try:
        disclosure = parse_disclosure(read_regular(folder.path / name, MAX_DISCLOSED_BYTES, name))
        embargo = disclosure.embargo
    except BadInput as error:
        findings.fail(name, error.detail)
        return
    if disclosure.index != index or index >= folder.checkpoint.size:
        size = folder.checkpoint.size
        findings.fail(name, f"it is of entry {disclosure.index}, in a log of size {size}")
        return
    try:
        if isinstance(reader, BadInput):
            raise reader
        leaf = reader.entry(index)
    except BadInput:
        findings.unchecked.append(name)  # its entry is in a file that is named as wrong
        return
    _check_fields(name, leaf, disclosure, findings)
    if embargo is None or (now is not None and now < embargo):
        findings.fail(name, f"it is under embargo {'for ever' if embargo is None else f'until {embargo}'}")


def _check_fields(name: str, leaf: bytes, disclosure: Disclosure, findings: Findings) -> None:
    for opening in disclosure.openings:
        if not opens(leaf, opening.name, opening.salt, opening.value):
            findings.fail(name, f"{opening.name} is not what entry {disclosure.index} commits to")
        findings.count("disclosed fields")
    findings.count("disclosed entries")


def _check_older(folder: _Folder, path: Path, reader: TileReader | BadInput, findings: Findings) -> None:
    name = str(path)
    old = _checkpoint(path, name, folder.key, findings)
    if old is None:
        return
    new = folder.checkpoint
    if old.size > new.size:
        findings.fail(CHECKPOINT, f"it has {new.size} entries, and {name} {old.size}: some were taken back")
        return
    try:
        if isinstance(reader, BadInput):
            raise reader
        proof = consistency_proof(reader.read, old.size, new.size)
    except BadInput as error:
        findings.fail(name, f"the log cannot be compared with it: {error.detail}")
        return
    findings.count("older checkpoints")
    if not verify_consistency(old=old.size, new=new.size, old_root=old.root, new_root=new.root, proof=proof):
        findings.fail(
            CHECKPOINT, f"it does not extend {name}: what it had up to entry {old.size - 1} was changed"
        )
