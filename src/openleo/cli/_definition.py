"""The options that define an area: its shape, where it hangs, when it holds, and whom it excepts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import numpy as np

from openleo.base.errors import BadInput
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from sqlalchemy import Row

    from openleo.control.plane import Tx
    from openleo.ground.packed_cells import Cells

FILE = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What was said of an area on the command line; what was not said is None or empty."""

    geojson: Path | None
    cells: Path | None
    country: tuple[str, ...]
    circle: str | None
    inside: str | None
    touching: bool
    ring: int
    parent: str | None
    title: str | None
    except_account: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None

    def cells_in(self, tx: "Tx") -> "Cells | None":
        """Return the cells of the shape, cut to those of ``--inside``; None where no shape was named."""
        named = [bool(one) for one in (self.geojson, self.cells, self.country, self.circle)]
        if sum(named) > 1:
            raise BadInput(
                "more than one shape is named", "use one of --geojson, --cells, --country and --circle"
            )
        if self.ring and not any(named):
            raise BadInput("--ring widens a shape, and none is named", "name its shape too")
        shape = self._shape()
        if self.inside is None:
            return shape
        from openleo.control.areas import cells_of_area, find_area

        tx.require("area.read", self.inside)
        around = cells_of_area(find_area(tx.conn, self.inside))
        if shape is None:
            return around
        both: Cells = np.intersect1d(shape, around, assume_unique=True)
        if len(both) == 0:
            raise BadInput(
                f"none of the {len(shape):,} cells lies in {self.inside}",
                f"see what it holds with `openleo area cells {self.inside}`",
            )
        return both

    def changes(self, tx: "Tx") -> dict[str, Any]:
        """Return what is to change in an area's definition."""
        cells = self.cells_in(tx)
        out: dict[str, Any] = {} if cells is None else {"cells": cells}
        if self.country:
            out["country"] = self.country_code
        if (parent := self.parent or self.inside) is not None:
            out["parent_id"] = parent
        if self.title is not None:
            out["title"] = self.title
        if self.except_account:
            out["except_accounts"] = [name for name in self.except_account if name != "none"]
        if self.valid_from is not None:
            out["valid_from"] = self.valid_from
        if self.valid_until is not None:
            out["valid_until"] = self.valid_until
        return out

    def remarks(self, row: "Row[Any]") -> list[str]:
        """Return what is to be said of the area that came of it, where it named a shape."""
        if not any((self.geojson, self.cells, self.country, self.circle)):
            return []
        from openleo.control.areas import cells_of_area
        from openleo.control.shapes import shape_remarks

        countries = () if self.inside else self.country
        return shape_remarks(cells_of_area(row), countries=countries, ring=self.ring)

    @property
    def country_code(self) -> str | None:
        """The country, where there is one alone."""
        return self.country[0].strip().upper() if len(self.country) == 1 else None

    def _shape(self) -> "Cells | None":
        from openleo.control.shapes import cells_from_file, cells_from_geojson, cells_of_countries
        from openleo.ground.cells import cells_around

        if self.country:
            return cells_of_countries(self.country, ring=self.ring)
        if self.geojson is not None:
            found = cells_from_geojson(self.geojson, rule="touching" if self.touching else "centre")
        elif self.cells is not None:
            found = cells_from_file(self.cells)
        elif self.circle is not None:
            found = _circle(self.circle)
        else:
            return None
        return cells_around(found, self.ring) if self.ring else found


def _circle(text: str) -> "Cells":
    from openleo.ground.cells import cells_in_circle

    try:
        latitude, longitude, radius_km = (float(part) for part in text.split(","))
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
            raise ValueError
    except ValueError:
        raise BadInput(
            f"{text!r} is no circle", "write latitude, longitude and kilometres: --circle 46.6,32.6,40"
        ) from None
    return cells_in_circle(latitude, longitude, radius_km * 1e3)


_OPTIONS = (
    click.option("--geojson", type=FILE, metavar="FILE", help="Outlines in a GeoJSON file."),
    click.option("--cells", type=FILE, metavar="FILE", help="H3 cells of resolution 5, one a line."),
    click.option("--country", multiple=True, metavar="CC", help="A country's cells; may come again."),
    click.option("--circle", metavar="LAT,LON,KM", help="The cells in a circle."),
    click.option(
        "--inside", metavar="AREA",
        help="Only cells of this area (alone: all of them); it is the parent unless --parent says otherwise.",
    ),
    click.option("--touching", is_flag=True, help="With --geojson: every cell that an outline touches."),
    click.option(
        "--ring", type=click.IntRange(0, 5), default=0, metavar="N",
        help="Also the cells within N (1 to 5) of the shape; of a country, those at sea.",
    ),
    click.option("--parent", metavar="AREA", help="The area that this one is part of."),
    click.option("--title", metavar="TEXT", help="What people call it."),
    click.option(
        "--except-account", multiple=True, metavar="ACCOUNT",
        help="An account that is served there even when it is off; may come again ('none': no account).",
    ),
    click.option("--from", "valid_from", type=Instant(), help="From when it holds."),
    click.option("--until", "valid_until", type=Instant(), help="Until when it holds."),
)  # fmt: skip


def definition_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that define an area; the command gets ``definition``."""
    from functools import update_wrapper

    names = tuple(Definition.__dataclass_fields__)

    def wrapped(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in names}
        return function(definition=Definition(**mine), **given)

    update_wrapper(wrapped, function)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return cast(Callable[..., Any], wrapped)
