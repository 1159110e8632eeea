"""Orbit mean-elements messages: JSON, CSV and XML as CelesTrak and Space-Track write them.

Keywords and units: CCSDS 502.0-B-3, section 4, and https://celestrak.org/NORAD/documentation/gp-data-formats.php.
XML goes through expat alone: a document type, and with it every entity, is refused.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from openleo.base.errors import BadInput
from openleo.orbits.elements import Problem, Record

NEEDED = (
    "EPOCH",
    "MEAN_MOTION",
    "ECCENTRICITY",
    "INCLINATION",
    "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER",
    "MEAN_ANOMALY",
    "NORAD_CAT_ID",
    "BSTAR",
)
_FIXED = {
    "CENTER_NAME": {"EARTH"},
    "REF_FRAME": {"TEME"},
    "TIME_SYSTEM": {"UTC"},
    "MEAN_ELEMENT_THEORY": {"SGP4", "SGP", "SGP4/SDP4"},
}
_SGP4_XP = "4"
_SHOWN = 80
_AGAIN = "download it again: it may have been cut off"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = re.compile(
    r"(\d{4})-(?:(\d\d)-(\d\d)|(\d{3}))[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|\+00:00)?", re.ASCII
)

Fields = Mapping[str, Any]


class _BadRecordError(ValueError):
    """Why one record is of no use."""


def parse_json(text: str, path: Path | None = None) -> tuple[list[Record], list[Problem]]:
    """Return the sets of an OMM JSON text (a list, or one object).  Raises BadInput when it is no JSON."""
    where = _name(path)
    try:
        loaded = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{where} breaks off or is not JSON: line {error.lineno}, {error.msg}", _AGAIN
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is not JSON of element sets: {error}", _AGAIN) from error
    found = loaded if isinstance(loaded, list) else [loaded]
    records: list[Record] = []
    problems: list[Problem] = []
    for number, fields in enumerate(found, 1):
        if isinstance(fields, dict):
            _take({str(k).upper(): v for k, v in fields.items()}, number, records, problems)
        else:
            problems.append(
                Problem(line=number, reason="not an object with OMM keywords", text=repr(fields)[:_SHOWN])
            )
    return records, problems


def parse_csv(text: str, path: Path | None = None) -> tuple[list[Record], list[Problem]]:
    """Return the sets of an OMM CSV text with keywords on top.  Raises BadInput when columns are missing."""
    where = _name(path)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    records: list[Record] = []
    problems: list[Problem] = []
    header: list[str] = []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return records, problems
        except csv.Error as error:
            problems.append(Problem(line=reader.line_num, reason=f"broken CSV: {error}", text=""))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = [c.strip().upper() for c in row]
            missing = [c for c in NEEDED if c not in header]
            if missing:
                hint = "bring OMM CSV with CCSDS keywords in its first line"
                raise BadInput(f"{where} has no column {', '.join(missing)}", hint)
        elif len(row) != len(header):
            reason = f"{len(row)} columns, the header has {len(header)}"
            problems.append(Problem(line=reader.line_num, reason=reason, text=",".join(row)[:_SHOWN]))
        else:
            _take(dict(zip(header, row, strict=True)), reader.line_num, records, problems)


def parse_xml(text: str, path: Path | None = None) -> tuple[list[Record], list[Problem]]:
    """Return the sets of an OMM or NDM XML text.  Raises BadInput when it is broken or has a DOCTYPE."""
    where = _name(path)
    collector = _XmlCollector(where)
    try:
        collector.parse(text)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise BadInput(f"{where} breaks off or is not XML: line {error.lineno}, {reason}", _AGAIN) from error
    return collector.records, collector.problems


class _XmlCollector:
    """Gathers the text of the leaves of each segment of an OMM."""

    def __init__(self, where: str) -> None:
        self.records: list[Record] = []
        self.problems: list[Problem] = []
        self._where = where
        self._fields: dict[str, str] | None = None
        self._line = 0
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def parse(self, text: str) -> None:
        # The text is decoded already, so whatever encoding its declaration names is not the one to use.
        body = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", lambda m: "\n" * m[0].count("\n"), text, count=1)
        self._parser.Parse(body.lstrip("\ufeff").encode(), True)

    def _refuse_doctype(self, *_: object) -> None:
        detail = (
            f"{self._where} has a DOCTYPE (line {self._parser.CurrentLineNumber}); element sets need none"
        )
        raise BadInput(detail, "remove the <!DOCTYPE ...> and its entities, if you trust the file")

    def _start(self, tag: str, _attributes: object) -> None:
        self._text = []
        if tag.rpartition(":")[2].lower() == "segment":
            self._fields, self._line = {}, self._parser.CurrentLineNumber

    def _characters(self, data: str) -> None:
        self._text.append(data)

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if self._fields is None:
            return
        if name.lower() == "segment":
            _take(self._fields, self._line, self.records, self.problems)
            self._fields = None
            return
        value = "".join(self._text).strip()
        if value:
            self._fields[name.upper()] = value
        self._text = []


def _name(path: Path | None) -> str:
    return str(path) if path is not None else "the text"


def _take(fields: Fields, line: int, records: list[Record], problems: list[Problem]) -> None:
    """Append the record in ``fields``, or the problem with it."""
    try:
        records.append(_read(fields, line))
    except _BadRecordError as error:
        label = fields.get("OBJECT_NAME") or fields.get("NORAD_CAT_ID") or ""
        problems.append(Problem(line=line, reason=str(error), text=str(label)[:_SHOWN]))


def _read(fields: Fields, line: int) -> Record:
    missing = [k for k in NEEDED if _text(fields, k) == ""]
    if missing:
        raise _BadRecordError(f"no {', '.join(missing)}")
    for key, allowed in _FIXED.items():
        value = _text(fields, key).upper()
        if value and value not in allowed:
            raise _BadRecordError(f"{key} is {value[:_SHOWN]}, expected {min(allowed)}")
    if _text(fields, "EPHEMERIS_TYPE") == _SGP4_XP:
        raise _BadRecordError("EPHEMERIS_TYPE 4 is SGP4-XP, which SGP4 cannot propagate")
    if decayed := _text(fields, "DECAY_DATE"):
        raise _BadRecordError(f"decayed on {decayed[:10]}")
    number = _catalogue_number(_text(fields, "NORAD_CAT_ID"))
    designator = _text(fields, "OBJECT_ID")
    return Record(
        line=line,
        name=_text(fields, "OBJECT_NAME") or str(number),
        designator=designator if re.fullmatch(r"\d{4}-\d{3}[A-Z]{1,3}", designator, re.ASCII) else "",
        catalogue_number=number,
        epoch=_epoch(_text(fields, "EPOCH")),
        inclination_deg=_number(fields, "INCLINATION"),
        raan_deg=_number(fields, "RA_OF_ASC_NODE"),
        eccentricity=_number(fields, "ECCENTRICITY"),
        argument_of_perigee_deg=_number(fields, "ARG_OF_PERICENTER"),
        mean_anomaly_deg=_number(fields, "MEAN_ANOMALY"),
        mean_motion_rev_day=_number(fields, "MEAN_MOTION"),
        bstar=_number(fields, "BSTAR"),
    )


def _text(fields: Fields, key: str) -> str:
    """Return a field as text; an absent or null one is empty."""
    value = fields.get(key)
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    raise _BadRecordError(f"{key} is neither a number nor text")


def _number(fields: Fields, key: str) -> float:
    text = _text(fields, key)
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise _BadRecordError(f"{key} {text[:_SHOWN]!r} is not a number")
    return value


def _catalogue_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise _BadRecordError(f"NORAD_CAT_ID {text[:_SHOWN]!r} is not a number of one to nine digits")
    return int(text)


def _epoch(text: str) -> np.datetime64:
    """Return a CCSDS time (calendar or day-of-year) as UTC ``datetime64[ns]``."""
    match = _EPOCH.fullmatch(text)
    if not match:
        raise _BadRecordError(f"EPOCH {text[:_SHOWN]!r} is not a time such as 2022-10-07T17:30:00.123456")
    year, month, day, day_of_year, hour, minute, second = (int(g) if g else 0 for g in match.groups()[:7])
    try:
        start = (
            date(year, month, day)
            if not day_of_year
            else date.fromordinal(date(year, 1, 1).toordinal() + day_of_year - 1)
        )
    except ValueError as error:
        raise _BadRecordError(f"EPOCH {text!r}: {error}") from error
    if start.year != year or not 1957 <= year < 2100 or hour > 23 or minute > 59 or second > 59:
        raise _BadRecordError(f"EPOCH {text!r} is not a time of the space age")
    nanoseconds = int((match[8] or "0").ljust(9, "0"))
    within = ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanoseconds
    return np.datetime64(start, "ns") + np.timedelta64(within, "ns")
