"""Taking telemetry out as files: CSV or Parquet, under our names or the vendor's, whole or not at all."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import duckdb

from openleo.base.errors import BadInput
from openleo.fleet.history import History
from openleo.snapshot.telemetry import MINUTES, TELEMETRY

Table = Literal["telemetry", "minutes", "enterprise"]
Form = Literal["csv", "parquet"]
PLACES: Final = ("latitude_deg", "longitude_deg")
_OPTIONS: Final = {"csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet, COMPRESSION zstd"}


def export(
    history: History,
    path: Path,
    since: datetime,
    until: datetime,
    *,
    table: Table = "telemetry",
    form: Form = "csv",
    terminals: Collection[str] = (),
    positions: bool = False,
) -> int:
    """Write what is in [since, until) to a file that is not there yet; return how many rows that is.

    Positions are left out unless they are asked for: an export is easily passed on.
    """
    if path.exists():
        raise BadInput(f"{path} is there already", "name another file: an export overwrites nothing")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}", "make it, or name another file")
    making = path.resolve().with_name(f".{path.name}.part")
    try:
        with history.connect(since, until, writes=making) as conn:
            query = f"SELECT {_columns(table, positions)} FROM {table}"
            names = list(terminals)
            key = '"DeviceId"' if table == "enterprise" else "terminal"
            if names:
                query += f" WHERE {key} IN ({', '.join(_quoted(name) for name in names)})"
            time = '"UtcTimestampNs"' if table == "enterprise" else "time_ns"
            query += f" ORDER BY {key}, {time}"
            copied = conn.execute(f"COPY ({query}) TO {_quoted(str(making))} ({_OPTIONS[form]})").fetchone()
        making.rename(path)
    except duckdb.Error as error:
        raise BadInput(f"{path} cannot be written: {error}", "make room, or name another file") from error
    finally:
        making.unlink(missing_ok=True)
    return 0 if copied is None else int(copied[0])


def _columns(table: Table, positions: bool) -> str:
    if table == "enterprise":
        return "*"
    registered = TELEMETRY if table == "telemetry" else MINUTES
    left_out = () if positions else PLACES
    return ", ".join(c.name for c in registered.columns if c.name not in left_out)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
