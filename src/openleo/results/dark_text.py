"""Who was dark at an instant, in words: counts by cause, then where they are."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S, format_utc, slot_at
from openleo.snapshot.causes import MEANING, Cause

if TYPE_CHECKING:
    from openleo.results.run import Run

_TOWN_PEOPLE = 10_000  # places with fewer say little to those who do not live there
_COS_AROUND = float(np.cos(25.0 / 6371.0))  # within 25 km the largest town is named, beyond it the nearest
_PLACES = 8  # listed for each cause; the csv has every terminal
_IDS = 3


def dark_lines(run: "Run", instant: np.datetime64, dark: pl.DataFrame) -> Iterator[str]:
    """Yield what `Run.dark` found at an instant: totals by cause, then each cause's terminals by town."""
    total = len(run.terminals)
    yield run.manifest["banner"]
    at = f"{format_utc(instant)} (slot {slot_at(instant)})"
    if not len(dark):
        yield f"{at}: all {total:,} terminals are online"
        return
    yield f"{at}: {len(dark):,} of {total:,} terminals are dark"
    keys = ["cause", "rule", "fault"]
    groups = dark.group_by(keys, maintain_order=True).agg(
        pl.len().alias("terminals"), (pl.col("online_seconds") > 0).sum().alias("partly")
    )
    groups = groups.sort(["terminals", *keys], descending=[True, False, False, False])
    yield ""
    width = max(groups["cause"].str.len_chars().to_list())
    for row in groups.iter_rows(named=True):
        partly = f" ({row['partly']:,} of them online in other seconds of the slot)" if row["partly"] else ""
        yield f"  {row['terminals']:>7,}  {row['cause']:<{width}}  {_behind(row)}{partly}"
    towns = _towns(run, dark)
    for row in groups.iter_rows(named=True):
        yield ""
        yield f"{row['cause']}, {_behind(row)}"
        same = pl.lit(True)
        for key in keys:
            same &= pl.col(key).eq_missing(pl.lit(row[key], pl.String))
        yield from _place_lines(towns.filter(same))
    yield ""
    yield f"why one of them: --terminal ID; every one: --format csv (online seconds are of {SLOT_S})"


def _behind(row: dict[str, str | None]) -> str:
    if row["rule"] is not None:
        return f"rule {row['rule']}"
    return f"fault {row['fault']}" if row["fault"] is not None else MEANING[Cause[str(row["cause"])]]


def _place_lines(dark: pl.DataFrame) -> Iterator[str]:
    places = dark.group_by("town", maintain_order=True).agg(
        pl.len().alias("terminals"), pl.col("cell").n_unique().alias("cells"),
        pl.col("cell").first().alias("h3"), pl.col("id").head(_IDS).alias("ids"),
    )  # fmt: skip
    places = places.sort(["terminals", "town"], descending=[True, False])
    for row in places.head(_PLACES).iter_rows(named=True):
        cells = f"cell {row['h3']}" if row["cells"] == 1 else f"{row['cells']:,} cells"
        ids = ", ".join(row["ids"]) + (", ..." if row["terminals"] > _IDS else "")
        yield f"  {row['terminals']:>7,}  {row['town']}, {cells}: {ids}"
    if len(places) > _PLACES:
        rest = places[_PLACES:]
        yield f"  {rest['terminals'].sum():>7,}  near {len(rest):,} other towns"


def _towns(run: "Run", dark: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with ``town``: "near Izyum, UA", a town near the terminal's cell."""
    from openleo.ground.gazetteer import gazetteer

    table = gazetteer()
    rows = np.flatnonzero(table.population >= _TOWN_PEOPLE)
    points = _unit(table.latitude_deg[rows], table.longitude_deg[rows])
    cells = dark.select(h3=pl.col("cell").unique(maintain_order=True)).join(
        run.cell_index, on="h3", how="left", maintain_order="left"
    )
    towns = []
    for point in _unit(cells["latitude_deg"].to_numpy(), cells["longitude_deg"].to_numpy()):
        nearness = points @ point
        around = rows[nearness >= _COS_AROUND]
        largest = around[np.argmax(table.population[around])] if len(around) else rows[nearness.argmax()]
        row = int(largest)
        towns.append(f"near {table.name(row)}, {table.country[row].decode()}")
    return dark.join(pl.DataFrame({"cell": cells["h3"], "town": towns}), on="cell", how="left",
                     maintain_order="left")  # fmt: skip


def _unit(latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)],
        axis=-1,
    )
