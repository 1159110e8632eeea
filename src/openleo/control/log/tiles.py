"""A log as a folder of files (c2sp.org/tlog-tiles): writing what is new, and reading what can be trusted.

``checkpoint`` is written last and replaced; every other file is written once.  Partial tiles go when their
full tile is published.  ``.tmp`` is there while files are written: it means nothing and may be removed.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.log.checkpoint import Checkpoint, parse_checkpoint
from openleo.control.log.files import Fsync, make_folder, read_regular, sync_folders, write_durably
from openleo.control.log.merkle import HASH_BYTES, Read, fold, leaf_hash, root_at
from openleo.control.log.note import parse_note
from openleo.control.log.tile_paths import (
    CHECKPOINT,
    MAX_BUNDLE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileName,
    levels,
    pack_entries,
    tiles_between,
    unpack_entries,
    width_at,
)

TEMPORARY = ".tmp"
_CACHED = 1024

ReadEntries = Callable[[int, int], list[bytes]]
"""Gives the exact bytes of the entries from start up to stop."""


@contextmanager
def scratch_file(folder: Path, fsync: Fsync = os.fsync) -> Iterator[Path]:
    """Give the path under which a folder's files are written before they have their names."""
    make_folder(folder / TEMPORARY, fsync)
    try:
        yield folder / TEMPORARY / "file"
    finally:
        shutil.rmtree(folder / TEMPORARY, ignore_errors=True)


def write_tiles(
    folder: Path,
    signed: bytes,
    *,
    old_size: int,
    entries: ReadEntries,
    read: Read,
    fsync: Fsync = os.fsync,
) -> None:
    """Publish the log whose checkpoint is signed; the folder holds already the one of old_size leaves.

    ``read`` gives the hashes of perfect subtrees of levels 0, 8, 16, ...; ``old_size`` 0 writes everything.
    Every file is flushed before ``checkpoint`` names it; StorageFailed where the disk refuses.
    """
    size = parse_checkpoint(parse_note(signed).text).size
    if not 0 <= old_size <= size:
        raise ValueError(f"a log of {old_size} entries cannot become one of {size}")
    touched: dict[Path, None] = {}
    full: list[TileName] = []
    with scratch_file(folder, fsync) as temporary:
        for name, content in _new_files(old_size, size, entries, read):
            path = folder / name.path
            if path.parent not in touched:
                make_folder(path.parent, fsync)
                touched[path.parent] = None
            write_durably(path, content, temporary=temporary, fsync=fsync)
            if name.width == TILE_WIDTH:
                full.append(name)
        sync_folders(touched, fsync)
        write_durably(folder / CHECKPOINT, signed, temporary=temporary, fsync=fsync)
        sync_folders([folder], fsync)
    for name in full:
        partial = (folder / name.widened(1).path).parent
        shutil.rmtree(partial, ignore_errors=True)


def _new_files(old: int, new: int, entries: ReadEntries, read: Read) -> Iterator[tuple[TileName, bytes]]:
    for name in tiles_between(old, new, None):
        start = name.index * TILE_WIDTH
        yield name, pack_entries(entries(start, start + name.width))
    for level in range(levels(new)):
        for name in tiles_between(old, new, level):
            start = name.index * TILE_WIDTH
            hashes = [read(TILE_HEIGHT * level, start + i) for i in range(name.width)]
            yield name, b"".join(hashes)


def read_tile(folder: Path, name: TileName) -> bytes:
    """Return a tile's hashes or a bundle as the file has it, unverified; BadInput names the file.

    A partial tile that is gone is cut from its full tile, as c2sp.org/tlog-tiles, "Partial Tiles", allows.
    """
    asked = name
    if name.width < TILE_WIDTH and not (folder / name.path).exists():
        full = name.widened()
        if (folder / full.path).exists():
            name = full
    is_bundle = name.level is None
    limit = MAX_BUNDLE_BYTES if is_bundle else HASH_BYTES * name.width
    content = read_regular(folder / name.path, limit, name.path)
    if is_bundle:
        if name is not asked:
            return pack_entries(unpack_entries(content, TILE_WIDTH, name.path)[: asked.width])
        return content
    if len(content) != limit:
        raise BadInput(
            f"{name.path} has {len(content)} bytes, not {limit}",
            "it was cut or half written; take it anew from its source",
        )
    return content[: HASH_BYTES * asked.width]


def hash_in(tile: bytes, level: int, index: int) -> bytes:
    """Return the hash of the perfect subtree (level, index) from the tile that holds it."""
    rest = level % TILE_HEIGHT
    first = (index << rest) % TILE_WIDTH
    return fold(tile[HASH_BYTES * first : HASH_BYTES * (first + (1 << rest))])


class TileReader:
    """Reads a folder of tiles under a root that is already trusted: what does not lead to it is refused."""

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        self.folder = folder
        self.checkpoint = checkpoint
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._last_bundle: tuple[int, list[bytes]] = (-1, [])
        self._edges = self._read_edges()

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.checkpoint.size

    def _read_edges(self) -> dict[tuple[int, int], bytes]:
        """Read the tiles that no tile holds the root of, and check them together against the root."""
        edges = {}
        for level in range(levels(self.size)):
            index = (self.size >> TILE_HEIGHT * level) // TILE_WIDTH
            width = width_at(self.size, level, index)
            if width:
                edges[level, index] = read_tile(self.folder, TileName(level=level, index=index, width=width))
        root = root_at(lambda level, index: hash_in(edges[_tile_of(level, index)], level, index), self.size)
        if root != self.checkpoint.root:
            names = ", ".join(
                TileName(level=level, index=index, width=len(tile) // HASH_BYTES).path
                for (level, index), tile in edges.items()
            )
            raise BadInput(
                f"{names or 'the empty tree'} do not give the root of the checkpoint of {self.size} entries",
                "one of them was changed; take them anew from their source",
            )
        return edges

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of the perfect subtree (level, index); ValueError beyond the log's size."""
        if not 0 <= index << level <= self.size - (1 << level):
            raise ValueError(f"the subtree ({level}, {index}) is not in a log of {self.size}")
        return hash_in(self._tile(*_tile_of(level, index)), level, index)

    def _tile(self, level: int, index: int) -> bytes:
        edge = self._edges.get((level, index))
        if edge is not None:
            return edge
        tile = self._tiles.get((level, index))
        if tile is None:
            name = TileName(level=level, index=index)
            tile = read_tile(self.folder, name)
            above = self._tile(level + 1, index // TILE_WIDTH)
            if fold(tile) != hash_in(above, TILE_HEIGHT * (level + 1), index):
                raise BadInput(
                    f"{name.path} does not hash to what the tile above it holds",
                    "it was changed; take it anew from its source",
                )
            if len(self._tiles) >= _CACHED:
                del self._tiles[next(iter(self._tiles))]
            self._tiles[level, index] = tile
        return tile

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the entries from start up to stop, each checked against its leaf's hash."""
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"entries {start} up to {stop} are not in a log of {self.size}")
        for index in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            first = index * TILE_WIDTH
            bundle = self._bundle(index)
            yield from bundle[max(start - first, 0) : stop - first]

    def _bundle(self, index: int) -> list[bytes]:
        if self._last_bundle[0] == index:
            return self._last_bundle[1]
        name = TileName(level=None, index=index, width=width_at(self.size, 0, index))
        tile = self._tile(0, index)
        entries = unpack_entries(read_tile(self.folder, name), name.width, name.path)
        for i, entry in enumerate(entries):
            if leaf_hash(entry) != tile[HASH_BYTES * i : HASH_BYTES * (i + 1)]:
                raise BadInput(
                    f"{name.path}: entry {index * TILE_WIDTH + i} does not hash to its leaf",
                    "it was changed; take it anew from its source",
                )
        self._last_bundle = (index, entries)
        return entries

    def entry(self, index: int) -> bytes:
        """Return one entry."""
        return next(self.entries(index, index + 1))


def _tile_of(level: int, index: int) -> tuple[int, int]:
    """Return the tile (level, index) that holds a perfect subtree."""
    return level // TILE_HEIGHT, (index << level % TILE_HEIGHT) // TILE_WIDTH
