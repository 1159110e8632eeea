"""From arrays to Parquet and back, by the registry of tables."""

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.snapshot.tables import SCHEMA_VERSION, Table

ZSTD_LEVEL = 3  # higher levels cost three times the time for 5 % of the size
ROW_GROUP = 1 << 16  # rows whose least and greatest values are stored, so that one cell's rows are found fast

_TYPES: dict[str, Any] = {
    "text": pl.String,
    "time": pl.Datetime("ns"),
    "bool": pl.Boolean,
    "int8": pl.Int8,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "uint8": pl.UInt8,
    "uint16": pl.UInt16,
    "uint64": pl.UInt64,
    "float32": pl.Float32,
    "float64": pl.Float64,
}


@cache
def schema_of(table: Table) -> pl.Schema:
    """Return the polars schema of a table; times are UTC without a zone."""
    return pl.Schema({column.name: _TYPES[column.dtype] for column in table.columns})


def frame_of(table: Table, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return columns (arrays or lists, all of one length) as the table's frame, in its order and types."""
    wanted = [column.name for column in table.columns]
    assert sorted(columns) == sorted(wanted), f"{table.name}: {sorted(columns)} is not {sorted(wanted)}"
    return pl.DataFrame([_series(table, name, columns[name]) for name in wanted])


def _series(table: Table, name: str, values: Any) -> pl.Series:
    column = table.column(name)
    if column.dtype == "text":
        return pl.Series(name, [str(value) for value in values], pl.String)
    array = np.ascontiguousarray(values, dtype=column.numpy)
    return pl.Series(name, array).cast(_TYPES[column.dtype])


def parquet_of(table: Table, frame: pl.DataFrame) -> bytes:
    """Return a frame as a Parquet file: the same frame gives the same bytes."""
    assert frame.schema == schema_of(table), f"{table.name}: {frame.schema}"
    out = io.BytesIO()
    frame.write_parquet(
        out,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        statistics=True,
        row_group_size=ROW_GROUP,
        metadata={"openleo.schema": str(SCHEMA_VERSION), "openleo.table": table.name},
    )
    return out.getvalue()


def sorted_columns(table: Table, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns in the table's sort order; rows that are equal in it keep their order."""
    order: NDArray[np.intp] | None = None
    for name in reversed(table.sort):
        key = columns[name] if order is None else columns[name][order]
        if (key[1:] >= key[:-1]).all():  # rows come slot by slot, so this one is often free
            continue
        step = np.argsort(_narrow(key), kind="stable")
        order = step if order is None else order[step]
    return {name: values if order is None else values[order] for name, values in columns.items()}


def _narrow(key: NDArray[Any]) -> NDArray[Any]:
    """Return keys in 16 bits where they fit: numpy's stable sort is then a radix sort, ten times faster."""
    low = key.min()
    return (key - low).astype(np.uint16) if int(key.max()) - int(low) < 1 << 16 else key
