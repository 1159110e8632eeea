"""Checking every tile and every entry of a log's folder, and telling which file is the wrong one.

From below, each tile's hashes can be computed from the entries; from above, each is what the tile over it
says, up to the signed root.  Where a file and what is computed from the files below it differ, the one that
leads to the signed root is right and the other is named.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.log.checkpoint import Checkpoint
from openleo.control.log.merkle import HASH_BYTES, fold, leaf_hash, root_at
from openleo.control.log.tile_paths import (
    CHECKPOINT,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileName,
    levels,
    unpack_entries,
    width_at,
)
from openleo.control.log.tiles import hash_in, read_tile

MAX_FAILURES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that is not what it should be, and why."""

    file: str
    reason: str


class EnoughFailures(Exception):
    """There are MAX_FAILURES already."""


@dataclass(slots=True)
class Findings:
    """What was checked, by kind, and what was found to be wrong."""

    checked: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def count(self, kind: str, number: int = 1) -> None:
        """Note that so many things of a kind were checked."""
        self.checked[kind] = self.checked.get(kind, 0) + number

    def fail(self, file: str, reason: str) -> None:
        """Note a failure once; EnoughFailures where there are too many to go on."""
        found = Failure(file=file, reason=reason)
        if found in self.failures:
            return
        if len(self.failures) >= MAX_FAILURES:
            raise EnoughFailures
        self.failures.append(found)

    def fail_all(self, failures: Iterable[Failure]) -> None:
        """Note several failures."""
        for one in failures:
            self.fail(one.file, one.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """A tile by its file and by what lies below it (None: cannot be told), and whom to blame for either."""

    name: TileName
    stored: bytes | None
    computed: bytes | None
    blame_stored: tuple[Failure, ...] = ()
    blame_computed: tuple[Failure, ...] = ()

    def folded(self) -> "_Tile":
        """Return the same of the tile's root, for a full tile."""
        stored = None if self.stored is None else fold(self.stored)
        same = self.stored == self.computed
        computed = stored if same or self.computed is None else fold(self.computed)
        return _Tile(
            name=self.name,
            stored=stored,
            computed=None if self.computed is None else computed,
            blame_stored=self.blame_stored,
            blame_computed=self.blame_computed,
        )

    def options(self) -> list[bytes]:
        """Return what it may be, without repeats."""
        return list(dict.fromkeys(x for x in (self.stored, self.computed) if x is not None))

    def blame(self, right: bytes) -> tuple[Failure, ...]:
        """Return who is to blame, where right is what it must be."""
        stored = self.blame_stored if self.stored not in (None, right) else ()
        computed = self.blame_computed if self.computed not in (None, right) else ()
        return stored + computed


def audit_tree(folder: Path, checkpoint: Checkpoint, findings: Findings) -> None:
    """Check every entry bundle and tile of the log against the checkpoint's root."""
    edges: list[_Tile] = []
    tiles = _leaf_tiles(folder, checkpoint.size, findings)
    for level in range(1, levels(checkpoint.size) + 1):
        full: list[_Tile] = []
        for tile in tiles:
            if tile.name.width == TILE_WIDTH:
                full.append(tile.folded())
            else:
                edges.append(tile)
        tiles = _upper_tiles(folder, level, full, findings)
    assert not list(tiles)  # the topmost tile is a partial one
    _check_root(edges, checkpoint, findings)


def _leaf_tiles(folder: Path, size: int, findings: Findings) -> Iterator[_Tile]:
    for index in range(-(-size // TILE_WIDTH)):
        name = TileName(level=0, index=index, width=width_at(size, 0, index))
        bundle = TileName(level=None, index=index, width=name.width)
        stored = _read(folder, name, findings)
        computed = _leaf_hashes(folder, bundle, findings)
        blame_stored: tuple[Failure, ...] = ()
        blame_computed: tuple[Failure, ...] = ()
        if stored is not None and computed is not None and stored != computed:
            entry = index * TILE_WIDTH + _first_difference(stored, computed)
            blame_stored = _blame(name, f"its hash of entry {entry} is wrong")
            blame_computed = _blame(bundle, f"entry {entry} does not hash to its leaf")
        yield _Tile(
            name=name,
            stored=stored,
            computed=computed,
            blame_stored=blame_stored or _blame(name, "its hashes are wrong"),
            blame_computed=blame_computed or _blame(bundle, "its entries are wrong"),
        )


def _upper_tiles(folder: Path, level: int, below: Sequence[_Tile], findings: Findings) -> Iterator[_Tile]:
    for index in range(-(-len(below) // TILE_WIDTH)):
        children = below[index * TILE_WIDTH : (index + 1) * TILE_WIDTH]
        name = TileName(level=level, index=index, width=len(children))
        stored = _read(folder, name, findings)
        hashes: list[bytes | None] = []
        pending: list[Failure] = []
        for i, child in enumerate(children):
            want = None if stored is None else stored[HASH_BYTES * i : HASH_BYTES * (i + 1)]
            hashes.append(_settle(child, want, pending, findings))
        known = [x for x in hashes if x is not None]
        computed = b"".join(known) if len(known) == len(hashes) else None
        blame_stored = _blame(name, "its hashes are wrong")
        if stored is not None and computed is not None and stored != computed:
            first = children[_first_difference(stored, computed)].name.path
            blame_stored = _blame(name, f"its hash of {first} is wrong")
        yield _Tile(
            name=name,
            stored=stored,
            computed=computed,
            blame_stored=blame_stored,
            blame_computed=tuple(pending),
        )


def _settle(child: _Tile, want: bytes | None, pending: list[Failure], findings: Findings) -> bytes | None:
    """Return a full tile's root: what the tile above wants, where the tile or what is below it says so too.

    Otherwise whoever is below is pending: to be named if the tile above proves right.
    """
    options = child.options()
    if not options:
        return want  # that its files are missing was told already
    if want in options:
        findings.fail_all(child.blame(want))
        return want
    if len(options) > 1:
        findings.fail_all(child.blame_stored + child.blame_computed)
    elif want is not None:
        pending.extend(child.blame_stored if child.stored is not None else ())
        pending.extend(child.blame_computed if child.computed is not None else ())
    return options[0]


def _check_root(edges: Sequence[_Tile], checkpoint: Checkpoint, findings: Findings) -> None:
    """Find the reading of the partial tiles that gives the signed root; name the files that differ."""
    by_level = {edge.name.level: i for i, edge in enumerate(edges)}
    choices = [edge.options() for edge in edges]
    for chosen in itertools.product(*choices):

        def read(level: int, index: int, chosen: tuple[bytes, ...] = chosen) -> bytes:
            return hash_in(chosen[by_level[level // TILE_HEIGHT]], level, index)

        if root_at(read, checkpoint.size) == checkpoint.root:
            for edge, right in zip(edges, chosen, strict=True):
                findings.fail_all(edge.blame(right))
            findings.count("root")
            return
    for edge, options in zip(edges, choices, strict=True):
        if len(options) > 1:
            findings.fail_all(edge.blame_stored + edge.blame_computed)
    names = ", ".join(edge.name.path for edge in edges) or "no tiles"
    findings.fail(CHECKPOINT, f"{names} do not give the root it holds")


def _read(folder: Path, name: TileName, findings: Findings) -> bytes | None:
    try:
        tile = read_tile(folder, name)
    except BadInput as error:
        findings.fail(name.path, _reason(error, name))
        return None
    findings.count("tiles")
    return tile


def _leaf_hashes(folder: Path, bundle: TileName, findings: Findings) -> bytes | None:
    try:
        entries = unpack_entries(read_tile(folder, bundle), bundle.width, bundle.path)
    except BadInput as error:
        findings.fail(bundle.path, _reason(error, bundle))
        return None
    findings.count("bundles")
    findings.count("entries", len(entries))
    return b"".join([leaf_hash(entry) for entry in entries])


def _reason(error: BadInput, name: TileName) -> str:
    return error.detail.removeprefix(name.path).strip()


def _blame(name: TileName, reason: str) -> tuple[Failure, ...]:
    return (Failure(file=name.path, reason=reason),)


def _first_difference(one: bytes, other: bytes) -> int:
    """Return at which hash two tiles of one length first differ."""
    return (
        next(i for i in range(0, len(one), HASH_BYTES) if one[i : i + 32] != other[i : i + 32]) // HASH_BYTES
    )
