"""Reading tables people bring: CSV rows with line numbers, and errors that say which cell to mend."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openleo.base.errors import BadInput, did_you_mean

MOST_BYTES = 512 * 2**20
_SHOWN = 3  # problems named in one message
_VALUE_SHOWN = 40  # characters of a wrong value


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """What is wrong with one row: ``line`` counts from 1 (GeoJSON: the feature), ``column`` may be ""."""

    line: int
    column: str
    value: str
    reason: str
    hint: str
    unit: str = "line"

    def __str__(self) -> str:
        value = self.value if len(self.value) <= _VALUE_SHOWN else self.value[:_VALUE_SHOWN] + "..."
        where = f"{self.unit} {self.line}" + (f", {self.column} {value!r}" if self.column else "")
        return f"{where}: {self.reason}"


class WrongCell(Exception):
    """A value of a row is wrong; the reader turns it into a `RowProblem`."""

    def __init__(self, column: str, value: str, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.hint = column, value, reason, hint

    def at(self, line: int, unit: str = "line") -> RowProblem:
        """Return this as the problem of a row."""
        return RowProblem(
            line=line, column=self.column, value=self.value, reason=self.reason, hint=self.hint, unit=unit
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its first line and its values by column; a missing value is ""."""

    line: int
    values: dict[str, str]

    def text(self, column: str) -> str:
        """Return the value without blanks around it, "" where there is none."""
        return self.values.get(column, "")

    def number(self, column: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a number within [low, high]; raises WrongCell."""
        return to_number(self.text(column), column, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file, the columns that were not understood, and rows that could not be read."""

    rows: tuple[Row, ...]
    ignored_columns: tuple[str, ...]
    problems: tuple[RowProblem, ...]


def to_number(text: str, column: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite number within [low, high]; raises WrongCell with what to do."""
    if not text:
        raise WrongCell(column, text, "there is no value", f"give {column}")
    try:
        value = float(text)
    except ValueError:
        hint = "write decimals with a point" if "," in text else "write a plain number such as 50.45"
        raise WrongCell(column, text, "it is not a number", hint) from None
    if not low <= value <= high:  # also false for nan
        raise WrongCell(column, text, f"it must be between {low:g} and {high:g}", f"mend {column}")
    return value


def to_position(latitude: str, longitude: str) -> tuple[float, float]:
    """Return latitude and longitude in degrees, longitude within [-180, 180); raises WrongCell."""
    lat, lon = to_number(latitude, "latitude"), to_number(longitude, "longitude")
    if 90.0 < abs(lat) <= 180.0 and abs(lon) <= 90.0:
        hint = f"latitude and longitude look swapped: is it latitude {lon:g}, longitude {lat:g}?"
        raise WrongCell("latitude", latitude, "a latitude is between -90 and 90", hint)
    if not abs(lat) <= 90.0:
        raise WrongCell("latitude", latitude, "a latitude is between -90 and 90", "give decimal degrees")
    if not abs(lon) <= 360.0:
        raise WrongCell("longitude", longitude, "a longitude is between -180 and 180", "give decimal degrees")
    return lat, lon if -180.0 <= lon < 180.0 else (lon + 180.0) % 360.0 - 180.0


def refuse(path: Path, problems: Sequence[RowProblem], good: int) -> BadInput:
    """Return the error for a file with problems: how many, the first ones, and how to mend the first."""
    shown = "; ".join(str(problem) for problem in problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}, {good} good rows"
    return BadInput(f"{path.name}: {count}: {shown}{more}", problems[0].hint)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file; raises BadInput where there is none, it is empty or above 512 MiB."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}", "check the path") from error
    if size > MOST_BYTES:
        raise BadInput(f"{path.name} has {size / 2**20:.0f} MiB, more than {MOST_BYTES // 2**20}", "split it")
    if not data.strip():
        raise BadInput(f"{path.name} is empty", "bring a file with a header line and at least one row")
    return data


def decode(data: bytes, name: str) -> str:
    """Return text from UTF-8 (or UTF-16 with its mark); raises BadInput that names the line."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8",
            "save the file as UTF-8 (in Excel: 'CSV UTF-8'), or run `iconv -f cp1251 -t utf-8`",
        ) from error
    if "\0" in text:
        raise BadInput(f"{name} holds NUL bytes: it is not a text file", "bring CSV, GeoJSON or GPX text")
    return text


def read_table(path: Path, *, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> Table:
    """Read a CSV file with a header line: comma, semicolon or tab; lines that start with # are left out.

    ``columns`` maps each known column to its other spellings.  Case and blanks in the header do not matter.
    Raises BadInput for what spoils the whole file; a row with too many values becomes a problem.
    """
    text = decode(read_bytes(path), path.name)
    header_line = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
    delimiter = max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    ignored: tuple[str, ...] = ()
    rows: list[Row] = []
    problems: list[RowProblem] = []
    line = 1
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            if not header:
                header, ignored = _understood(path, cells, columns, required)
            elif len(cells) > len(header):
                problems.append(_too_many(first, cells, len(header)))
            else:
                rows.append(Row(line=first, values=dict(zip(header, map(str.strip, cells), strict=False))))
    except csv.Error as error:
        raise BadInput(
            f"{path.name}, line {reader.line_num}: {error}", "check its quotation marks"
        ) from error
    if not rows and not problems:
        raise BadInput(f"{path.name} has a header but no rows", "add at least one row")
    return Table(rows=tuple(rows), ignored_columns=ignored, problems=tuple(problems))


def _too_many(line: int, cells: list[str], known: int) -> RowProblem:
    return RowProblem(
        line=line,
        column="",
        value="",
        reason=f"it has {len(cells)} values, the header {known}",
        hint="put values that hold the delimiter in double quotes, and write decimals with a point",
    )


def _understood(
    path: Path, cells: list[str], columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the header in our names, and the columns that are not ours; raises BadInput."""
    ours = {spelling: name for name, others in columns.items() for spelling in (name, *others)}
    header, ignored = [], []
    for cell in cells:
        spelling = "_".join(cell.strip().lower().split())
        name = ours.get(spelling, spelling)
        if name in header and name:
            raise BadInput(f"{path.name}: two columns mean {name!r}", "keep one of them")
        if spelling not in ours and spelling:
            hint = did_you_mean(spelling, columns)
            if hint.startswith("did you mean"):
                raise BadInput(f"{path.name}: no column is called {cell.strip()!r}", hint)
            ignored.append(cell.strip())
        header.append(name)
    missing = [name for name in required if name not in header]
    if missing:
        raise BadInput(
            f"{path.name} has no column {missing[0]!r} (it has: {', '.join(c.strip() for c in cells)[:200]})",
            f"the first line must name the columns: {', '.join(required)}",
        )
    return header, tuple(ignored)
