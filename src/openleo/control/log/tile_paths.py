"""Where tiles lie: their paths, sizes and widths (c2sp.org/tlog-tiles)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openleo.base.errors import BadInput

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_ENTRY_BYTES = 65_535
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
CHECKPOINT = "checkpoint"

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileName:
    """A tile: its level (None for an entry bundle), index in the level, and width, 1 to 256."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's folder, such as ``tile/0/x001/234`` or ``tile/entries/000.p/12``."""
        level = "entries" if self.level is None else str(self.level)
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        index = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{index}{partial}"

    def widened(self, width: int = TILE_WIDTH) -> "TileName":
        """Return the tile at the same place of another width."""
        return TileName(level=self.level, index=self.index, width=width)


def parse_tile_path(path: str) -> TileName:
    """Return the tile that a path names; BadInput where no tile has exactly this path."""
    match = _PATH.fullmatch(path)
    if match:
        level, index, width = match["level"], match["index"], match["width"]
        name = TileName(
            level=None if level == "entries" else int(level),
            index=int(index.replace("x", "").replace("/", "")),
            width=int(width or TILE_WIDTH),
        )
        if name.path == path and (name.level or 0) < 64:
            return name
    raise BadInput(f"{path[:200]!r} is no tile's path", "a path reads tile/<level>/<index>, with .p/<width>")


def levels(size: int) -> int:
    """Return how many levels of tiles a tree of size leaves has."""
    count = 0
    while size:
        count, size = count + 1, size >> TILE_HEIGHT
    return count


def width_at(size: int, level: int, index: int) -> int:
    """Return how wide a tile is in a tree of size leaves: 0 where it is not there."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def tiles_between(old: int, new: int, level: int | None) -> Iterator[TileName]:
    """Yield the tiles of one level that a tree of new leaves has and one of old has not."""
    shift = TILE_HEIGHT * (level or 0)
    before, after = old >> shift, new >> shift
    if before == after:
        return
    for index in range(before // TILE_WIDTH, -(-after // TILE_WIDTH)):
        yield TileName(level=level, index=index, width=width_at(new, level or 0, index))


def pack_entries(entries: list[bytes]) -> bytes:
    """Return a bundle: each entry after its length in two bytes, big-endian."""
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry has {len(entry)} bytes, more than {MAX_ENTRY_BYTES}")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_entries(bundle: bytes, count: int, name: str) -> list[bytes]:
    """Return the count entries of a bundle; BadInput names it where it does not hold exactly these."""
    entries = []
    at = 0
    for _ in range(count):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        entries.append(bundle[start:at])
    if at != len(bundle):
        raise BadInput(
            f"{name} has {len(bundle)} bytes and does not hold {count} entries exactly",
            "it was cut or changed; take it anew from its source",
        )
    return entries
