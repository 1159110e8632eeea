"""Batches as a vendor sent them, on disk before anything else is done with them.

The vendor counts a batch as had once it was sent, so whoever loses it has lost it: it is written, byte by
byte and durably, before the next is asked for, and removed when its Samples are kept.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from openleo.base.errors import BadInput
from openleo.fleet.durable import write_private

_SUFFIX: Final = ".json"
_SET_ASIDE: Final = ".unread"
MOST_ASIDE: Final = 50  # batches that could not be read, kept for people to look at


class Spool:
    """The batches of one account that are not kept yet."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, a spool; raises BadInput."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for torn in folder.glob(".*.part"):
                torn.unlink()
        except OSError as error:
            raise BadInput(f"{folder} cannot be used: {error.strerror}", "whose is it?") from error

    def waiting(self) -> Iterator[Path]:
        """Yield the batches that were written and not yet kept, oldest first."""
        yield from sorted(self.folder.glob(f"*{_SUFFIX}"))

    def put(self, data: bytes) -> Path:
        """Write a batch; durable on return.  Raises OSError."""
        path = self.folder / f"{time.time_ns():020d}{_SUFFIX}"
        write_private(path, data)
        return path

    def done(self, path: Path) -> None:
        """Remove a batch whose Samples are kept."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> Path:
        """Keep a batch that cannot be read, for people, the last MOST_ASIDE of them."""
        aside = path.with_suffix(_SET_ASIDE)
        os.replace(path, aside)
        for old in sorted(self.folder.glob(f"*{_SET_ASIDE}"))[:-MOST_ASIDE]:
            old.unlink(missing_ok=True)
        return aside
