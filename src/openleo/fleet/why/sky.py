"""What a dish has seen of its sky: how much is hidden and towards where, in words and as a picture."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from openleo.dish.reading import Dish, DishError
from openleo.fleet.why.signs_direct import hidden_words

_HIDDEN: Final = 0.5  # a cell of the map below this is hidden
_RIM_DEG: Final = 80.0  # from the zenith, where a dish does not say
_EARTH: Final = 1  # FRAME_EARTH: rows run from north to south, columns from west to east
_HEIGHT: Final = 21  # lines of the picture; a character is about twice as high as wide
_SHOWN: Final = 0.3  # of what a character stands for, hidden: it is drawn as hidden
_LEAST: Final = 0.005  # a smaller share is not worth a word of where


@dataclass(frozen=True, kw_only=False)
class Sky:
    """A dish's obstruction map.

    ``snr`` has ``rows`` * ``columns`` values: 0 hidden to 1 clear, -1 not known.  Its centre is the zenith,
    its rim ``rim_deg`` from it.  ``earth``: its top is north, its right east; else they are the dish's own.
    """

    rows: int
    columns: int
    snr: Sequence[float] = field(default=(), repr=False)
    rim_deg: float = _RIM_DEG
    earth: bool = True

    @cached_property
    def known(self) -> list[tuple[float, float, bool]]:
        """Of each cell that is known: how far east and north of the centre, in radii, and whether hidden."""
        across, down = (self.columns - 1) / 2, (self.rows - 1) / 2
        return [
            ((index % self.columns - across) / across, (down - index // self.columns) / down, value < _HIDDEN)
            for index, value in enumerate(self.snr)
            if value >= 0.0  # -1 is not known; NaN is nothing
        ]

    @property
    def hidden_share(self) -> float | None:
        """The share of the known sky that is hidden; None where nothing is known."""
        return sum(h for _, _, h in self.known) / len(self.known) if self.known else None

    @property
    def towards(self) -> str:
        """Towards where most of it lies, and how low it reaches; "" where nothing is, or none can say."""
        hidden = [(x, y) for x, y, is_hidden in self.known if is_hidden]
        if not hidden or not self.earth:
            return ""
        east, north = sum(x for x, _ in hidden), sum(y for _, y in hidden)
        lowest = min(90.0 - math.hypot(x, y) * self.rim_deg for x, y in hidden)
        return f"to the {_compass(math.degrees(math.atan2(east, north)))}, down to {lowest:.0f} degrees"

    @property
    def words(self) -> str:
        """How much is hidden, and where."""
        part = self.hidden_share
        return "nothing is known of its sky yet" if part is None else hidden_words(part, self.towards)

    def picture(self) -> Iterator[str]:
        """Yield the lines of a picture as one looks at a map: ``#`` hidden, ``.`` clear, blank not known."""
        width = 2 * _HEIGHT - 1
        seen: dict[tuple[int, int], list[bool]] = {}
        for x, y, hidden in self.known:
            place = (round((1 - y) / 2 * (_HEIGHT - 1)), round((x + 1) / 2 * (width - 1)))
            seen.setdefault(place, []).append(hidden)
        top, left, right, bottom = "NWES" if self.earth else "    "
        yield " " * (width // 2 + 2) + top
        for line in range(_HEIGHT):
            cells = (seen.get((line, at), []) for at in range(width))
            drawn = "".join(_drawn(cell) for cell in cells)
            middle = line == _HEIGHT // 2
            yield f"{left if middle else ' '} {drawn} {right if middle else ''}".rstrip()
        yield " " * (width // 2 + 2) + bottom

    def legend(self) -> str:
        """Return what the picture's signs mean."""
        how = "" if self.earth else "; the dish does not say where north is: its own left and right"
        low = 90 - self.rim_deg
        return f"# hidden, . clear, blank not seen yet; middle overhead, rim {low:.0f} degrees up{how}"


def _drawn(cell: Sequence[bool]) -> str:
    if not cell:
        return " "
    return "#" if sum(cell) >= _SHOWN * len(cell) else "."


def sky_of(reply: Any) -> Sky:
    """Return the Sky of a DishGetObstructionMapResponse; of one that is not whole, a Sky without cells."""
    rows, columns = int(reply.num_rows), int(reply.num_cols)
    if rows < 3 or columns < 3 or len(reply.snr) != rows * columns:
        return Sky(0, 0)
    rim, frame = reply.max_theta_deg or _RIM_DEG, int(reply.map_reference_frame)
    return Sky(rows, columns, reply.snr, rim, frame == _EARTH)


async def read_sky(address: str, source: str | None, *, timeout_s: float = 10.0) -> Sky:
    """Ask a dish for its map; raises DishError."""
    async with Dish(address, source=source, timeout_s=timeout_s) as dish:
        return sky_of(await dish.obstruction_map())


async def sky_words(address: str, source: str | None) -> str:
    """Return how much of its sky a dish says is hidden, and where; "" where its map cannot be read now."""
    try:
        sky = await read_sky(address, source, timeout_s=2.0)
    except DishError:
        return ""
    return sky.words if (sky.hidden_share or 0.0) >= _LEAST else ""


def _compass(azimuth_deg: float) -> str:
    names = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    return names[round(azimuth_deg % 360 / 45) % 8]
