"""A book in memory for collectors, and a wait for something to come about."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from openleo.fleet.collect import Pages
from openleo.fleet.register import DishEntry, Remark
from openleo.fleet.sample import Sample


class MemoryBook:
    """Keeps what a collector writes; ``fails`` is raised instead, while it is set."""

    def __init__(self, *addresses: str) -> None:
        self.entries = [DishEntry(address=address) for address in addresses]
        self.samples: list[Sample] = []
        self.remarks: dict[tuple[str, str], Remark] = {}
        self.known: dict[str, dict[str, Any]] = {}
        self.fails: Exception | None = None

    def dishes(self) -> Sequence[DishEntry]:
        return list(self.entries)

    def progress(self, dish: DishEntry) -> dict[str, Any]:
        return self.known.get(dish.key, {})

    def write(self, pages: Pages) -> None:
        if self.fails is not None:
            raise self.fails
        self.samples += pages.samples
        self.known |= {key: done for key, (_, done) in pages.progress.items()}
        for cleared in pages.cleared:
            self.remarks.pop(cleared, None)
        self.remarks |= pages.remarks


async def until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until something holds; fails where it does not within a time that is generous."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about")
