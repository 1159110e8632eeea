"""Where a collector keeps things: telemetry in the store, how far dishes were read in the register."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h3.api.basic_int as h3

from openleo.base.errors import BadInput
from openleo.control.driver import StoreBroken
from openleo.fleet.collect import Pages
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

CELL_RESOLUTION = 5  # of Sample.cell


class FleetBook:
    """The register and the store of a fleet's folder, as a collector's book."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.register = Register(folder)
        self._store: TelemetryStore | None = None
        try:
            self._open_store()
        except BaseException:
            self.register.close()
            raise

    def __enter__(self) -> "FleetBook":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both."""
        if self._store is not None:
            self._store.close()
        self.register.close()

    def _open_store(self) -> TelemetryStore:
        if self._store is None:
            self._store = TelemetryStore(self.folder)
        return self._store

    def dishes(self) -> Sequence[DishEntry]:
        """Return the dishes of the register."""
        try:
            return self.register.dishes()
        except sqlite3.Error as error:
            raise BadInput(f"the register cannot be read: {error}", "look at the disk of the data") from error

    def progress(self, dish: DishEntry) -> dict[str, Any]:
        """Return how far a dish was read."""
        return self.register.progress(dish)

    def write(self, pages: Pages) -> None:
        """Keep the samples, then how far they reach: a crash in between has some read, and kept, again."""
        try:
            if pages.samples:
                self._open_store().add([_in_cell(sample) for sample in pages.samples])
            if pages.progress:
                self.register.save_progress(list(pages.progress.values()))
            if pages.remarks or pages.cleared:
                self.register.put_remarks(pages.remarks.values(), cleared=pages.cleared)
            if pages.examples:
                self.register.put_examples(pages.examples)
        except StoreBroken as error:
            # Nobody knows what of it was kept; it is all given again, to a store that is opened anew.
            store, self._store = self._store, None
            if store is not None:
                store.close()
            raise BadInput(f"the disk failed: {error}", "look at the disk of the data") from error
        except sqlite3.Error as error:
            raise BadInput(f"the disk failed: {error}", "look at the disk of the data") from error


def _in_cell(sample: Sample) -> Sample:
    """Return a sample with the cell of its position, where it tells one."""
    if sample.cell is not None or sample.latitude_deg is None or sample.longitude_deg is None:
        return sample
    cell = h3.latlng_to_cell(sample.latitude_deg, sample.longitude_deg, CELL_RESOLUTION)
    return replace(sample, cell=cell)
