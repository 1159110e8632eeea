"""Questions to the history of telemetry: one terminal's timeline, and aggregates over many.

    history = History(fleet_folder(data))
    history.timeline("ut-1", since, until)                     # minute by minute
    history.areas(since, until, resolution=3)                  # by H3 cell
    history.by_tag("site", since, until, every=timedelta(hours=1))

Answers are polars frames; instants are aware datetimes.  Hours that are not closed yet are read from the hot
store.  What quarantined devices sent is in no answer.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import h3.api.basic_int as h3
import polars as pl

from openleo.base.errors import BadInput
from openleo.fleet.archive import MINUTE, RAW, Archive, note_of, parts
from openleo.fleet.dayfile import DAY_NS, HOUR_NS
from openleo.fleet.frames import believed, empty_sql, frame_of, minutes_of, once, schema_of
from openleo.fleet.keeping import hour_frames, minutes_note, same_samples
from openleo.fleet.sample import ENTERPRISE
from openleo.fleet.store import TelemetryStore
from openleo.snapshot.telemetry import MINUTES, TELEMETRY

_FOREVER_NS: Final = 2**63 - 1
_AGGREGATES: Final = """
    count(DISTINCT m.terminal) AS terminals, sum(m.seconds)::BIGINT AS seconds,
    avg(m.in_service) AS in_service, avg(m.reachable) AS reachable,
    avg(m.downlink_mbps) AS downlink_mbps, avg(m.uplink_mbps) AS uplink_mbps, avg(m.ping_drop) AS ping_drop,
    quantile_cont(m.ping_latency_ms, 0.5) AS ping_latency_p50_ms,
    quantile_cont(m.ping_latency_ms, 0.95) AS ping_latency_p95_ms,
    avg(m.obstructed) AS obstructed, avg(m.power_w) AS power_w
"""
_MEMORY: Final = "1GB"  # beyond, DuckDB goes to files
Files = dict[str, list[Path]]


class History:
    """The telemetry of a fleet's folder; ``store`` is its open store, else it opens one of its own."""

    def __init__(self, path: Path, *, store: TelemetryStore | None = None) -> None:
        self._own = store is None
        self._store = store or TelemetryStore(path)
        self._archive = Archive(path)

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        if self._own:
            self._store.close()

    # One terminal ---------------------------------------------------------------------------------------

    def timeline(
        self,
        terminal: str,
        since: datetime,
        until: datetime,
        *,
        step: Literal["sample", "minute"] = "minute",
    ) -> pl.DataFrame:
        """Return what is known of a terminal in [since, until): the table of minutes, or of samples.

        Each has a column ``time``; samples are there source by source.
        """
        start, end = _span(since, until)
        samples = self._samples(terminal, start, end, RAW if step == "sample" else None)
        if step == "sample":
            return _timed(samples)
        made = self._whole_hours(MINUTE, start, end)
        files = [file for path in made.values() for file in parts(path)]
        kept = _of_terminal(files, terminal, MINUTES)
        open_ = samples.filter(~(pl.col("time_ns") // HOUR_NS).is_in(list(made)))
        found = pl.concat([kept, minutes_of(open_)]).sort("time_ns")
        return _timed(found.filter((pl.col("time_ns") >= start) & (pl.col("time_ns") < end)))

    def _samples(self, terminal: str, start: int, end: int, table: str | None) -> pl.DataFrame:
        """Return a terminal's samples: those of the hot store, and of the history (all, or of open hours)."""
        where = "WHERE terminal = ? AND time_ns >= ? AND time_ns < ? ORDER BY n"
        hot = [
            frame_of(self._store.rows(day, where, (terminal, start, end)))
            for day in self._store.days(start, end)
        ]
        hours = self._archive.hours(RAW, start, end)
        if table is None:
            whole = self._whole_hours(MINUTE, start, end)
            hours = {hour: path for hour, path in hours.items() if hour not in whole}
        files = [file for path in hours.values() for file in parts(path)]
        kept = _of_terminal(files, terminal, TELEMETRY)
        kept = kept.filter((pl.col("time_ns") >= start) & (pl.col("time_ns") < end))
        return believed(once(pl.concat([kept, *hot])), self._store.quarantined())

    # Many -----------------------------------------------------------------------------------------------

    def areas(
        self,
        since: datetime,
        until: datetime,
        *,
        resolution: int = 5,
        cells: Collection[int] | None = None,
        every: timedelta | None = None,
    ) -> pl.DataFrame:
        """Return aggregates by H3 cell of a resolution (0 to 5), of all cells or those within ``cells``.

        ``cells`` may be of any resolution up to 5.  Terminals whose cell nobody told are left out.
        """
        if not 0 <= resolution <= 5:
            raise BadInput(f"there are no cells of resolution {resolution} here", "take one from 0 to 5")
        with self.connect(since, until, samples=False) as conn:
            known = [r[0] for r in conn.sql("SELECT DISTINCT cell FROM minutes WHERE cell > 0").fetchall()]
            groups = {
                cell: f"{h3.cell_to_parent(cell, resolution):x}"
                for cell in known
                if h3.is_valid_cell(cell) and h3.get_resolution(cell) >= resolution and _within(cell, cells)
            }
            return _aggregated(conn, "cell", groups, "cell", every)

    def by_tag(
        self,
        name: str,
        since: datetime,
        until: datetime,
        *,
        tags: Mapping[str, str],
        every: timedelta | None = None,
    ) -> pl.DataFrame:
        """Return aggregates by a tag (account, site, gateway); ``tags`` is its value for each terminal.

        `openleo.fleet.tags.Tags.of` has those of the fleet.  Terminals without the tag are left out.
        """
        with self.connect(since, until, samples=False) as conn:
            return _aggregated(conn, "terminal", dict(tags), name, every)

    def by_software(
        self, since: datetime, until: datetime, *, every: timedelta | None = None
    ) -> pl.DataFrame:
        """Return aggregates by the software that terminals run."""
        with self.connect(since, until, samples=False) as conn:
            known = conn.sql("SELECT DISTINCT software FROM minutes WHERE software IS NOT NULL").fetchall()
            return _aggregated(conn, "software", {r[0]: r[0] for r in known}, "software", every)

    def sql(self, query: str, since: datetime, until: datetime, *, samples: bool = True) -> pl.DataFrame:
        """Return what a query gives; its views are those of `connect`."""
        with self.connect(since, until, samples=samples) as conn:
            try:
                return pl.DataFrame(conn.sql(query))
            except duckdb.Error as error:
                raise BadInput(
                    f"the query cannot be run: {error}",
                    "its views are telemetry, minutes and enterprise; docs/telemetry.md tells their columns",
                ) from error

    @contextmanager
    def connect(
        self, since: datetime, until: datetime, *, writes: Path | None = None, samples: bool = True
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a DuckDB connection with views of what is in [since, until).

        ``telemetry``: samples; ``minutes``; ``enterprise``: samples under the vendor's names.  It reads the
        history's files alone, and may write ``writes``.  Without ``samples`` it is quicker, and only
        ``minutes`` are there.
        """
        start, end = _span(since, until)
        with tempfile.TemporaryDirectory(prefix="openleo-history-") as folder:
            files = self._files(start, end, Path(folder), samples=samples)
            with duckdb.connect() as conn:
                conn.execute("SET TimeZone = 'UTC'")
                held = self._store.quarantined()
                _view(conn, "telemetry", files[RAW], TELEMETRY, _where(start, end, held))
                _view(conn, "minutes", files[MINUTE], MINUTES, _where(start, end, ()))
                names = ", ".join(f'{ours} AS "{theirs}"' for ours, theirs in ENTERPRISE.items())
                conn.execute(f"CREATE VIEW enterprise AS SELECT {names} FROM telemetry")
                conn.execute(f"SET memory_limit = '{_MEMORY}'")
                conn.execute(f"SET temp_directory = '{_quoted(Path(folder) / 'spilled')}'")
                folders = ", ".join(f"'{_quoted(one)}/'" for one in (self._archive.path, Path(folder)))
                conn.execute(f"SET allowed_directories = [{folders}]")
                if writes is not None:
                    conn.execute(f"SET allowed_paths = ['{_quoted(writes)}']")
                conn.execute("SET enable_external_access = false")
                yield conn

    def _files(self, start: int, end: int, folder: Path, *, samples: bool) -> Files:
        """Return the files of both tables; hours that are not whole in the history are written for now."""
        raw, made = self._whole_hours(RAW, start, end), self._whole_hours(MINUTE, start, end)
        files: Files = {
            RAW: [file for path in raw.values() for file in parts(path)] if samples else [],
            MINUTE: [file for path in made.values() for file in parts(path)],
        }
        held = self._store.quarantined()
        for hour, day in self._open_hours(start, end).items():
            with self._store.day(day) as file:
                for n, frame in enumerate(hour_frames(file, hour, self._archive.hour(RAW, hour))):
                    if samples:
                        path = folder / f"raw-{hour}-{n}.parquet"
                        frame.write_parquet(path, compression="lz4")
                        files[RAW].append(path)
                    path = folder / f"minutes-{hour}-{n}.parquet"
                    minutes_of(believed(frame, held)).write_parquet(path, compression="lz4")
                    files[MINUTE].append(path)
        for hour, path in raw.items():  # a keeper was killed between the two
            if hour not in made:
                for n, part in enumerate(parts(path)):
                    minute = folder / f"late-{hour}-{n}.parquet"
                    minutes_of(believed(pl.read_parquet(part), held)).write_parquet(minute)
                    files[MINUTE].append(minute)
        return files

    def _whole_hours(self, table: str, start: int, end: int) -> dict[int, Path]:
        """Return the hours of which the history holds all that has come, and minutes made of all that."""
        open_ = self._open_hours(start, end)
        whole = {h: path for h, path in self._archive.hours(table, start, end).items() if h not in open_}
        if table == RAW:
            return whole
        raw, held = self._archive.hours(RAW, start, end), self._store.quarantined()
        return {
            hour: path
            for hour, path in whole.items()
            if hour not in raw or same_samples(note_of(path), minutes_note(hour, raw[hour], held))
        }

    def _open_hours(self, start: int, end: int) -> dict[int, str]:
        """Return the hours of which the hot store holds more than the history, and their days."""
        found: dict[int, str] = {}
        for day in self._store.days(start, end):
            with suppress(FileNotFoundError), self._store.day(day) as file:
                for hour, (arrived, kept) in file.hours().items():
                    if arrived > kept and hour * HOUR_NS < end and (hour + 1) * HOUR_NS > start:
                        found[hour] = day
        return found


def _aggregated(
    conn: duckdb.DuckDBPyConnection,
    column: str,
    groups: Mapping[Any, str],
    name: str,
    every: timedelta | None,
) -> pl.DataFrame:
    """Return aggregates of the minutes, by the group that a column's value is in, and by time."""
    kind = "UBIGINT" if column == "cell" else "VARCHAR"
    conn.execute(f"CREATE TEMP TABLE groups (key {kind} PRIMARY KEY, name VARCHAR)")
    if groups:
        conn.executemany("INSERT INTO groups VALUES (?, ?)", [list(pair) for pair in groups.items()])
    quoted = '"' + name.replace('"', '""') + '"'
    time, by = "", "g.name"
    if every is not None:
        step = int(every.total_seconds() * 1e9)
        if step < 60 * 10**9:
            raise BadInput(f"{every} is less than a minute", "the shortest step is a minute")
        time, by = f"make_timestamp_ns(m.time_ns // {step} * {step}) AS time,", "2, g.name"
    return pl.DataFrame(
        conn.sql(
            f"SELECT g.name AS {quoted}, {time} {_AGGREGATES} FROM minutes m"
            f" JOIN groups g ON g.key = m.{column}"
            f" GROUP BY {'ALL' if every is not None else 'g.name'} ORDER BY {by}"
        )
    )


def _within(cell: int, cells: Collection[int] | None) -> bool:
    if cells is None:
        return True
    return any(h3.cell_to_parent(cell, r) in cells for r in range(h3.get_resolution(cell) + 1))


def _view(conn: duckdb.DuckDBPyConnection, name: str, files: list[Path], table: Any, where: str) -> None:
    source = empty_sql(table)
    if files:
        listed = ", ".join(f"'{_quoted(file)}'" for file in files)
        read = f"SELECT * FROM read_parquet([{listed}], union_by_name = true) WHERE {where}"
        source += f" UNION ALL BY NAME {read}"  # files of before may lack a column that came since
    conn.execute(f"CREATE VIEW {name} AS {source}")


def _where(start: int, end: int, held: Collection[tuple[str, int, int]]) -> str:
    clauses = [f"time_ns >= {start} AND time_ns < {end}"]
    for device, since, until in held:
        quoted = device.replace("'", "''")
        clauses.append(f"NOT (device = '{quoted}' AND time_ns >= {since} AND time_ns < {until})")
    return " AND ".join(clauses)


def _quoted(path: Path) -> str:
    return str(path.resolve()).replace("'", "''")


def _of_terminal(files: list[Path], terminal: str, table: Any) -> pl.DataFrame:
    """Return a terminal's rows of files; their order by terminal lets most of each be passed over."""
    found = [pl.DataFrame(schema=schema_of(table))]
    for file in files:
        with suppress(FileNotFoundError):  # replaced by a newer generation just now
            found.append(pl.scan_parquet(file).filter(pl.col("terminal") == terminal).collect())
    return pl.concat(found, how="diagonal")  # files of before may lack a column that came since


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    time = pl.from_epoch("time_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("time")
    return frame.select(time, pl.all())


def _span(since: datetime, until: datetime) -> tuple[int, int]:
    start, end = unix_ns(since), unix_ns(until)
    if end <= start:
        raise BadInput(f"{until} is not after {since}", "give a time that is longer than nothing")
    if end - start > 400 * DAY_NS:
        raise BadInput("more than 400 days are asked for at once", "ask for less: no more is kept")
    return max(start, 0), min(end, _FOREVER_NS)


def unix_ns(at: datetime) -> int:
    """Return an aware instant in Unix nanoseconds; a naive one is a ValueError."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
