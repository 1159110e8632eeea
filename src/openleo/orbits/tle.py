"""Two- and three-line element sets.

The columns are those of CelesTrak's "NORAD Two-Line Element Set Format" (https://celestrak.org/NORAD/documentation/)
and the Alpha-5 catalogue numbers those of https://www.space-track.org/documentation#tle-alpha5.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from openleo.orbits.elements import Problem, ReadResult, Record, assemble

LINE_LENGTH = 69
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # I and O are left out, so that they are not read as 1 and 0
_BLANK_COLUMNS = {"1": (2, 9, 18, 33, 44, 53, 62, 64), "2": (2, 8, 17, 26, 34, 43, 52)}
_NUMBER = re.compile(r" *[+-]?\d*\.\d+ *", re.ASCII)
_EXPONENT = re.compile(r"[ +-][ \d]{5}[ +-]\d", re.ASCII)
_DIGITS = re.compile(r"[ \d]+", re.ASCII)
_EPOCH = re.compile(r"(\d\d)([ \d]\d\d|  \d)(\.\d{8})", re.ASCII)
_SGP4_XP = "4"
_SHOWN = 80


class _BadLineError(ValueError):
    """Why one line is of no use; the message is the reason."""


@dataclass(slots=True)
class _Pending:
    """The lines of a set that is not complete yet, with their 1-based numbers."""

    name: str = ""
    name_line: int = 0
    line1: str = ""
    line1_number: int = 0


def parse_tle_text(text: str, *, first_line: int = 1, path: Path | None = None) -> ReadResult:
    """Read TLE or 3LE text; ``first_line`` is the number of its first line in the file it came from.

    As `read_elements`, without looking at the kind of file.  Raises BadInput when nothing is usable.
    """
    records, problems = parse_lines(text, first_line=first_line)
    return assemble(records, problems, path=path, kind="tle")


def parse_lines(text: str, *, first_line: int = 1) -> tuple[list[Record], list[Problem]]:
    """Return the sets of a TLE or 3LE text as written, and a problem for each line of no use."""
    records: list[Record] = []
    problems: list[Problem] = []
    pending = _Pending()
    for number, line in _lines(text, first_line):
        if line.startswith("1 "):
            problems.extend(_left_over(pending, keep_name=True))
            if pending.line1:  # its name went with it
                pending = _Pending()
            pending.line1, pending.line1_number = line, number
        elif line.startswith("2 "):
            try:
                records.append(_read_pair(pending, line))
            except _BadLineError as error:
                at, shown = (number, line) if error.args[1] == 2 else (pending.line1_number, pending.line1)
                problems.append(_problem(at, error.args[0], shown))
            pending = _Pending()
        else:
            problems.extend(_left_over(pending))
            name = line[2:] if line.startswith("0 ") else line
            pending = _Pending(name=name.strip(), name_line=number)
    problems.extend(_left_over(pending))
    return records, problems


def _lines(text: str, first_line: int) -> Iterator[tuple[int, str]]:
    """Yield (number, line) for each line that is not blank or a comment."""
    for number, raw in enumerate(text.split("\n"), first_line):
        line = raw.rstrip(" \t\r\f\x1a")
        if line.strip() and not line.startswith("#"):
            yield number, line


def _problem(number: int, reason: str, text: str) -> Problem:
    return Problem(line=number, reason=reason, text=text[:_SHOWN])


def _left_over(pending: _Pending, *, keep_name: bool = False) -> list[Problem]:
    """Say what was left without its partner."""
    if pending.line1:
        return [_problem(pending.line1_number, "line 1 without a line 2 after it", pending.line1)]
    if pending.name and not keep_name:
        return [_problem(pending.name_line, "no element lines follow this line", pending.name)]
    return []


def _read_pair(pending: _Pending, line2: str) -> Record:
    """Read one set.  Raises _BadLineError(reason, 1 or 2)."""
    line1 = pending.line1
    if not line1:
        raise _BadLineError("line 2 without a line 1 before it", 2)
    for which, line in ((1, line1), (2, line2)):
        _check_shape(line, which)
    number = alpha5(line1[2:7], 1)
    if alpha5(line2[2:7], 2) != number:
        detail = f"catalogue number {line2[2:7]!r} does not match {line1[2:7]!r} of line 1"
        raise _BadLineError(detail, 2)
    if line1[62] == _SGP4_XP:
        raise _BadLineError("ephemeris type 4 is SGP4-XP, which SGP4 cannot propagate", 1)
    return Record(
        line=pending.line1_number,
        name=pending.name or str(number),
        designator=_designator(line1[9:17]),
        catalogue_number=number,
        epoch=_epoch(line1[18:32]),
        inclination_deg=_number(line2[8:16], "inclination"),
        raan_deg=_number(line2[17:25], "right ascension of the ascending node"),
        eccentricity=_eccentricity(line2[26:33]),
        argument_of_perigee_deg=_number(line2[34:42], "argument of perigee"),
        mean_anomaly_deg=_number(line2[43:51], "mean anomaly"),
        mean_motion_rev_day=_number(line2[52:63], "mean motion"),
        bstar=_bstar(line1[53:61]),
    )


def _check_shape(line: str, which: int) -> None:
    if len(line) != LINE_LENGTH:
        raise _BadLineError(f"line {which} has {len(line)} characters, not {LINE_LENGTH}", which)
    if not line.isascii():
        raise _BadLineError(f"line {which} has a character that is not ASCII", which)
    computed = checksum(line)
    if line[68] != str(computed):
        raise _BadLineError(f"checksum mismatch: the line ends in {line[68]!r}, its sum is {computed}", which)
    for column in _BLANK_COLUMNS[str(which)]:
        if line[column - 1] != " ":
            raise _BadLineError(f"column {column} of line {which} is {line[column - 1]!r}, not blank", which)


def checksum(line: str) -> int:
    """Return the checksum of a TLE line: its digits, and one for each minus sign, modulo 10."""
    body = line[:68]
    return (sum(int(c) for c in body if "0" <= c <= "9") + body.count("-")) % 10


def alpha5(field: str, which: int = 1) -> int:
    """Return the catalogue number in a field of five columns (``E8493`` is 148493).  Raises ValueError."""
    digits = field.strip()
    lead = _ALPHA5.find(field[0]) + 10 if field[:1].isalpha() else 0
    rest = digits[1:] if lead else digits
    if lead == 9 or not (rest.isascii() and rest.isdigit()) or (lead and len(rest) != 4):
        raise _BadLineError(f"catalogue number {field!r} is not a number", which)
    return lead * 10_000 + int(rest)


def _designator(field: str) -> str:
    """Return ``19074A`` as ``2019-074A``, and an empty string for what is no designator."""
    match = re.fullmatch(r"(\d\d)(\d{3})([A-Z]{1,3}) *", field, re.ASCII)
    if not match:
        return ""
    year, launch, piece = match.groups()
    return f"{_century(int(year))}-{launch}{piece}"


def _century(year: int) -> int:
    """Return the full year of a two-digit one: 57 is 1957, 56 is 2056."""
    return year + (1900 if year >= 57 else 2000)


def _epoch(field: str) -> np.datetime64:
    match = _EPOCH.fullmatch(field)
    if not match:
        raise _BadLineError(f"epoch {field!r} is not a year and day", 1)
    year, day = _century(int(match[1])), int(match[2])
    in_year = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    if not 1 <= day <= in_year:
        raise _BadLineError(f"epoch {field!r}: day {day} is not a day of {year}", 1)
    start = np.datetime64(f"{year}-01-01T00:00:00", "ns") + np.timedelta64(day - 1, "D")
    return start + np.timedelta64(int(match[3][1:]) * 864_000, "ns")


def _number(field: str, label: str) -> float:
    if not _NUMBER.fullmatch(field):
        raise _BadLineError(f"{label} {field!r} is not a number", 2)
    return float(field)


def _eccentricity(field: str) -> float:
    if not _DIGITS.fullmatch(field) or not field.strip():
        raise _BadLineError(f"eccentricity {field!r} is not seven digits", 2)
    return int(field.replace(" ", "0")) / 1e7


def _bstar(field: str) -> float:
    if not _EXPONENT.fullmatch(field):
        raise _BadLineError(f"BSTAR {field!r} is not a number", 1)
    mantissa = field[1:6].replace(" ", "0")
    sign = "-" if field[0] == "-" else ""
    power = field[6:].replace(" ", "+")
    return float(f"{sign}0.{mantissa}e{power}")
