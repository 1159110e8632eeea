"""Reading a file of new terminals (CSV): every wrong row is told, with its line and what to do.  Pure.

Columns, in any order, by the names in the first line; only ``id`` and ``kind`` are needed:

    id, serial, kind, account, area, holder, line,
    plan, country, latitude_deg, longitude_deg      a service line of its own, instead of ``line``
    life_critical (yes or no), name                 who depends on it: needed where life_critical is yes

The same file can place the terminals of a scenario, so what only that reads (``backup_hours``) may be in it,
and ``latitude`` and ``longitude`` are read too.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

from openleo.base.errors import BadInput, OpenleoError, did_you_mean
from openleo.control.areas import check_name
from openleo.control.inventory import MOST_TERMINALS, SHOWN
from openleo.ground.countries import country_hint
from openleo.ground.kinds import find_kind

MOST_BYTES = 64 * 1024 * 1024
MOST_TEXT = 200  # characters in a name, a holder
MOST_SERIAL = 64
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


class BadFile(BadInput):
    """A file that cannot be read as a list of terminals."""

    code = "bad-file"


class BadRows(BadInput):
    """Rows that are wrong: nothing of the file was taken.  ``problems`` are all of them."""

    code = "bad-rows"

    def __init__(self, source: str, rows: int, problems: Sequence["Problem"]) -> None:
        wrong = len({problem.line for problem in problems})
        lines = [str(problem) for problem in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"and {len(problems) - SHOWN:,} more")
        be = "is" if wrong == 1 else "are"
        detail = f"{wrong:,} of {rows:,} rows of {source} {be} wrong, so nothing was taken:"
        super().__init__("\n  ".join([detail, *lines]), "mend these lines and give the whole file again")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong in a row, and what to write instead."""

    line: int
    column: str
    value: str
    what: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 40 else self.value[:37] + "..."
        return f"line {self.line}, {self.column} {shown!r}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTerminal:
    """One row: a terminal that is to be added.  Empty text: not given."""

    line_no: int
    id: str
    kind: str
    serial: str = ""
    account: str = ""
    area: str = ""
    holder: str = ""
    line: str = ""
    plan: str = ""
    country: str = ""
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    life_critical: bool = False
    name: str = ""

    @property
    def has_own_line(self) -> bool:
        """Whether it brings the address of a service line of its own."""
        return bool(self.plan or self.country) or self.latitude_deg is not None


COLUMNS = tuple(f.name for f in fields(NewTerminal) if f.name != "line_no")
_ALSO = {"latitude": "latitude_deg", "longitude": "longitude_deg"}  # as a scenario's file may call them
_ASIDE = frozenset({"backup_hours"})  # a scenario reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What holds for rows that do not say it: the plan of a new service line, and its address's country."""

    plan: str = ""
    country: str = ""

    def fill(self, cells: dict[str, str]) -> None:
        """Give a row, unless it is on a service line that is there, what it leaves out."""
        if cells.get("line"):
            return
        cells["plan"] = cells.get("plan") or self.plan
        if cells["plan"]:
            cells["country"] = cells.get("country") or self.country


_SAYS_ALL = Usual()


@dataclass(slots=True)
class _Row:
    """A row while it is checked: its cells, and what is wrong with them."""

    line: int
    cells: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, column: str, what: str) -> None:
        self.problems.append(
            Problem(line=self.line, column=column, value=self.cells.get(column, ""), what=what)
        )

    def get(self, column: str) -> str:
        return self.cells.get(column, "")


def read_terminals(data: bytes, source: str, usual: Usual = _SAYS_ALL) -> list[NewTerminal]:
    """Return the rows of a file; raises BadFile where it is no such file and BadRows where rows are wrong."""
    text = _text(data, source)
    header, rows = _rows(text, source)
    _check_header(header, source)
    found, problems = [], []
    count = 0
    for number, cells in rows:
        count += 1
        if count > MOST_TERMINALS:
            raise BadFile(
                f"{source} has more than {MOST_TERMINALS:,} rows", "cut it into files, one batch each"
            )
        if len(cells) != len(header):
            problems.append(_ragged(number, cells, len(header), is_last=not text.endswith(("\n", "\r"))))
            continue
        row = _Row(number, dict(zip(header, (c.strip() for c in cells), strict=True)))
        usual.fill(row.cells)
        new = _checked(row)
        problems += row.problems
        if new is not None:
            found.append(new)
    if count == 0:
        raise BadFile(f"{source} has a header and no rows", "write a line for each terminal")
    problems += _repeated(found)
    if problems:
        raise BadRows(source, count, sorted(problems, key=lambda p: p.line))
    return found


def _text(data: bytes, source: str) -> str:
    if not data.strip():
        raise BadFile(f"{source} is empty", f"its first line names the columns: {','.join(COLUMNS)}")
    if len(data) > MOST_BYTES:
        raise BadFile(f"{source} has {len(data):,} bytes, more than {MOST_BYTES:,}", "cut it into files")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:1000]:
        raise BadFile(f"{source} is not UTF-8 text", "save it as 'CSV UTF-8', not as a workbook or UTF-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFile(f"{source} is not UTF-8 text: see line {line}", "save it as 'CSV UTF-8'") from error


def _rows(text: str, source: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the header and, with the line each begins on, the other rows that are not blank."""
    first = text.lstrip().splitlines()[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadFile(
                    f"{source} cannot be read from line {line} on: {error}",
                    'a quote (") that is opened must be closed; was the whole file copied?',
                ) from error
            if any(cell.strip() for cell in cells):
                yield line, cells

    every = rows()
    _, header = next(every)
    names = [name.strip().lower() for name in header]
    return [_ALSO.get(name, name) for name in names], every


def _check_header(header: Sequence[str], source: str) -> None:
    for name in header:
        if name not in COLUMNS and name not in _ASIDE:
            raise BadFile(f"{source} has a column {name!r} that means nothing", did_you_mean(name, COLUMNS))
        if header.count(name) > 1:
            raise BadFile(f"{source} has two columns {name!r}", "leave one of them out")
    missing = [name for name in ("id", "kind") if name not in header]
    if missing:
        raise BadFile(
            f"{source} has no column {missing[0]!r}; its first line names the columns",
            f"these can be there: {', '.join(COLUMNS)}",
        )


def _ragged(number: int, cells: Sequence[str], wanted: int, *, is_last: bool) -> Problem:
    what = f"it has {len(cells)} columns, and the header has {wanted}"
    if is_last and len(cells) < wanted:
        what += "; was the whole file copied?"
    return Problem(line=number, column="row", value=cells[0], what=what)


def _checked(row: _Row) -> NewTerminal | None:
    """Return the terminal of a row; None where that cannot be, with why in its problems."""
    before = len(row.problems)
    _named(row, "id", "a terminal")
    for column in ("account", "area", "line", "plan"):
        if row.get(column):
            _named(row, column, f"the {column}")
    try:
        row.cells["kind"] = find_kind(row.get("kind")).name
    except BadInput as error:
        row.wrong("kind", error.hint)
    for column, most in (("serial", MOST_SERIAL), ("holder", MOST_TEXT), ("name", MOST_TEXT)):
        if len(row.get(column)) > most:
            row.wrong(column, f"it has {len(row.get(column))} characters, and {most} is the most")
    critical = _YES.get(row.get("life_critical").lower())
    if critical is None:
        row.wrong("life_critical", "write yes or no")
    elif critical and not row.get("name"):
        row.wrong("name", "say who depends on it: it is life-critical")
    latitude, longitude = _degrees(row, "latitude_deg", 90.0), _degrees(row, "longitude_deg", 180.0)
    _check_address(row)
    if len(row.problems) > before:
        return None
    plain = {column: row.get(column) for column in _TEXT if row.get(column)}
    plain.setdefault("serial", row.get("id"))
    return NewTerminal(
        line_no=row.line, latitude_deg=latitude, longitude_deg=longitude, life_critical=bool(critical),
        **plain,
    )  # fmt: skip


_TEXT = tuple(c for c in COLUMNS if c not in {"latitude_deg", "longitude_deg", "life_critical"})


def _named(row: _Row, column: str, what: str) -> None:
    try:
        check_name(what, row.get(column))
    except OpenleoError as error:
        row.wrong(column, error.hint)


def _degrees(row: _Row, column: str, most: float) -> float | None:
    text = row.get(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        hint = f"write {text.replace(',', '.')}" if "," in text else "write degrees, such as 48.52"
        row.wrong(column, hint)
        return None
    if not (math.isfinite(value) and abs(value) <= most):
        row.wrong(column, f"it must be between -{most:g} and {most:g}")
        return None
    return value


def _check_address(row: _Row) -> None:
    own = [c for c in ("plan", "country", "latitude_deg", "longitude_deg") if row.get(c)]
    if own and row.get("line"):
        row.wrong("line", f"either a line that is there or a {own[0]} for a new one, not both")
    if own and not row.get("plan"):
        row.wrong("plan", "a new service line needs a plan: name one here, or --plan for all rows")
    if bool(row.get("latitude_deg")) != bool(row.get("longitude_deg")):
        row.wrong("longitude_deg", "latitude_deg and longitude_deg come together")
    country = row.get("country")
    if country and not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        row.wrong("country", country_hint(country))


def _repeated(found: Sequence[NewTerminal]) -> list[Problem]:
    """Return what stands in two rows and may stand in one only."""
    problems: list[Problem] = []
    ids: dict[str, int] = {}
    serials: dict[str, int] = {}
    for new in found:
        for column, value, seen in (("id", new.id, ids), ("serial", new.serial, serials)):
            if value in seen:
                what = f"line {seen[value]} has it too"
                problems.append(Problem(line=new.line_no, column=column, value=value, what=what))
                break  # a repeated id often repeats its serial as well
            seen[value] = new.line_no
    return problems
