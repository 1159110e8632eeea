"""Telemetry as data frames: the schema from the registry of tables, samples in it, and their minutes."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import h3.api.basic_int as h3
import polars as pl

from openleo.fleet.dayfile import FIELDS
from openleo.snapshot.tables import Table
from openleo.snapshot.telemetry import MINUTES, TELEMETRY

MINUTE_NS: Final = 60 * 10**9
POSITION_RESOLUTION: Final = 7  # where a terminal was, for operations: cells of about 5 km2
Held = Iterable[tuple[str, int, int]]

_TYPES: Final[dict[str, pl.DataType]] = {
    "text": pl.String(), "int64": pl.Int64(), "int32": pl.Int32(), "int16": pl.Int16(), "uint64": pl.UInt64(),
    "float32": pl.Float32(), "float64": pl.Float64(), "bool": pl.Boolean(), "codes": pl.List(pl.UInt16()),
}  # fmt: skip
_SQL: Final = {
    "text": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT", "uint64": "UBIGINT",
    "float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOLEAN", "codes": "USMALLINT[]",
}  # fmt: skip
_BOOLS: Final = tuple(c.name for c in TELEMETRY.columns if c.dtype == "bool")
_MEANS: Final = (
    "downlink_mbps", "uplink_mbps", "ping_drop", "ping_latency_ms", "obstructed", "signal_quality", "power_w",
)  # fmt: skip
_LASTS: Final = ("uptime_s", "boot", "cell", "country", "software", "disablement")


@cache
def schema_of(table: Table) -> pl.Schema:
    """Return a table's schema."""
    return pl.Schema({c.name: _TYPES[c.dtype] for c in table.columns})


def empty_sql(table: Table) -> str:
    """Return a query that gives a table without rows."""
    return "SELECT " + ", ".join(f"NULL::{_SQL[c.dtype]} AS {c.name}" for c in table.columns) + " WHERE false"


def frame_of(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Return rows of a day's file, (n, device, fields...), as the table of telemetry, in their order."""
    schema = schema_of(TELEMETRY)
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * (len(FIELDS) + 2)
    found: dict[str, pl.Series] = {}
    for name, dtype in schema.items():
        values = columns[1] if name == "device" else columns[2 + FIELDS.index(name)]
        if name == "alerts":
            series = pl.Series(name, values, dtype=pl.String).str.extract_all(r"\d+").cast(dtype)
        elif name in _BOOLS:
            series = pl.Series(name, values, dtype=pl.Int8).cast(pl.Boolean)
        else:
            series = pl.Series(name, values, dtype=dtype, strict=False)
        found[name] = series
    return pl.DataFrame(found)


def once(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the samples, each once, by terminal and time; of two that are the same, the first stays."""
    counts = pl.col("boot").is_not_null() & pl.col("counter").is_not_null()
    keyed = frame.with_columns(
        pl.when(counts).then(pl.col("boot")).otherwise(-1).alias("_boot"),
        pl.when(counts).then(pl.col("counter")).otherwise(pl.col("time_ns")).alias("_count"),
        pl.when(counts).then(pl.lit("")).otherwise(pl.col("source")).alias("_source"),
    )
    single = keyed.unique(["terminal", "_boot", "_count", "_source"], keep="first", maintain_order=True)
    return single.drop("_boot", "_count", "_source").sort(
        "terminal", "time_ns", "source", maintain_order=True
    )


def believed(frame: pl.DataFrame, held: Held) -> pl.DataFrame:
    """Return the samples but those that quarantined devices sent."""
    for device, since, until in held:
        of_it = (pl.col("device") == device) & (pl.col("time_ns") >= since) & (pl.col("time_ns") < until)
        frame = frame.filter(~of_it)
    return frame


def coarse(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the samples with positions that tell the cell of about 5 km2, and no more."""
    places = frame.select("latitude_deg", "longitude_deg").drop_nulls().unique()
    if places.is_empty():
        return frame
    centres = [
        h3.cell_to_latlng(h3.latlng_to_cell(lat, lon, POSITION_RESOLUTION)) for lat, lon in places.rows()
    ]
    known = places.with_columns(
        pl.Series("_lat", [c[0] for c in centres], dtype=pl.Float64),
        pl.Series("_lon", [c[1] for c in centres], dtype=pl.Float64),
    )
    joined = frame.join(known, on=["latitude_deg", "longitude_deg"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("_lat").alias("latitude_deg"), pl.col("_lon").alias("longitude_deg")
    ).select(frame.columns)


def minutes_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the samples minute by minute, in the minute in which each ended.

    Where a terminal has several sources, the dish's samples count, and what they do not tell comes from the
    vendor's; a minute is as long as the samples of the best source say.  A rate's seconds are those of the
    samples that told it: of one that got no answer nobody knows what passed.
    """
    if frame.is_empty():
        return pl.DataFrame(schema=schema_of(MINUTES))
    rank = pl.col("source").replace_strict({"dish": 0, "enterprise": 1, "model": 2}, default=9)
    group = ["terminal", "minute"]
    told = (
        frame.with_columns((pl.col("time_ns") // MINUTE_NS * MINUTE_NS).alias("minute"), rank.alias("rank"))
        .sort("terminal", "time_ns", maintain_order=True)
        .with_columns((pl.col("rank") == pl.col("rank").min().over(group)).alias("best"))
    )
    best = pl.col("best")
    up = pl.col("reachable") & (pl.col("outage").fill_null("") == "")
    found = told.group_by(group, maintain_order=True).agg(
        pl.col("source").filter(best).len().alias("samples"),
        pl.col("period_s").filter(best).cast(pl.Int64).sum().clip(upper_bound=60).alias("seconds"),
        *(
            pl.coalesce(_told_s(name, best), _told_s(name, pl.lit(True)), 0).alias(seconds)
            for name, seconds in _RATES.items()
        ),
        pl.col("reachable").filter(best).mean(),
        *(pl.coalesce(_mean(name, best), _mean(name, pl.lit(True))).alias(name) for name in _MEANS),
        *(pl.col(f"{name}").max().alias(most) for name, most in _MOSTS.items()),
        up.filter(best).mean().alias("in_service"),
        *(pl.col(name).drop_nulls().last() for name in _LASTS),
        pl.col("outage").filter(pl.col("outage") != "").last(),
        pl.col("alerts").explode(empty_as_null=True).drop_nulls().unique().sort(),
    )
    return found.rename({"minute": "time_ns"}).select(
        pl.col(name).cast(dtype) for name, dtype in schema_of(MINUTES).items()
    )


_MOSTS: Final = {
    "downlink_mbps": "downlink_max_mbps", "uplink_mbps": "uplink_max_mbps",
    "ping_latency_ms": "ping_latency_max_ms",
}  # fmt: skip


_RATES: Final = {"downlink_mbps": "downlink_s", "uplink_mbps": "uplink_s"}


def _told_s(name: str, which: pl.Expr) -> pl.Expr:
    """Return how long the samples that `_mean` is of were, in seconds, null where nothing is told."""
    told = which & pl.col(name).is_not_null()
    total = pl.col("period_s").cast(pl.Int64).filter(told).sum().clip(upper_bound=60)
    return pl.when(total > 0).then(total)


def _mean(name: str, which: pl.Expr) -> pl.Expr:
    """Return the mean over time of what is told, null where nothing is."""
    told = which & pl.col(name).is_not_null()
    weight = pl.col("period_s").cast(pl.Float64)
    total = weight.filter(told).sum()
    return pl.when(total > 0).then((pl.col(name) * weight).filter(told).sum() / total)
