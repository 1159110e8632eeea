"""Reading a list of kits as people keep it in a spreadsheet: CSV, whatever its marks and headings.  Pure.

Each wrong row is told with its line and reason, and the others are read all the same.
"""

import csv
import difflib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from openleo.base.errors import BadInput, OpenleoError
from openleo.dish.connecting import is_address, split_address
from openleo.fleet.kits import MOST_TEXT, Kit, checked_id, terminal_id, unspoilt

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_ROWS: Final = 200_000
EVERY_DISH: Final = "192.168.100.1"

# Column -> headings that mean it, in small letters and digits alone.
HEADINGS: Final = {
    "site": "site sitename sites location locationname place facility standort",
    "kit": "kit kitid kitnumber kitno kitnr kitserial kitserialnumber starlinkkit",
    "terminal": "terminal terminalid userterminal userterminalid ut utid device deviceid dish dishid"
    " starlinkid starlinkidentifier id",
    "serial": "serial serialnumber serialno serialnr sn dishserial dishserialnumber starlinkserialnumber",
    "account": "account accountid accountnumber accountno accountnr acc customer",
    "holder": "holder heldby holdername owner responsible responsibleperson personresponsible personincharge"
    " incharge keeper keptby custodian contact contactperson contactname assignedto",
    "phone": "phone phonenumber phoneno tel telephone mobile mobilephone contactphone contactnumber"
    " holderphone",
    "address": "address dishaddress ip ipaddress ipv4 diship host hostname reachableat dishreachableat",
    "note": "note notes comment comments remark remarks description",
    "latitude_deg": "lat latitude latitudedeg sitelatitude",
    "longitude_deg": "lon lng long longitude longitudedeg sitelongitude",
    "place": "coordinates coords latlon latlong gps gpscoordinates position",
    "life_critical": "lifecritical critical vital lifesaving",
    "people": "people persons beneficiaries population dependents",
}
# What cannot be said where a file lacks a column.
LACKING: Final = {
    "holder": "nobody can be called: who has each kit is not known",
    "site": "kits are told by number alone: where they are is not known",
    "account": "an account that ends cannot be told from other causes",
    "latitude_deg": "neighbours are found only where a dish tells where it is",
    "life_critical": "nobody comes first: which kits lives depend on is not known",
}
_MEANS: Final = {heading: column for column, all_ in HEADINGS.items() for heading in all_.split()}
_YES: Final = frozenset({"yes", "y", "true", "1", "x", "ja", "oui", "si", "sí", "так", "да"})
_NO: Final = frozenset({"no", "n", "false", "0", "nein", "non", "ні", "нет", "-"})
_SAVE_AS: Final = "save it as 'CSV UTF-8'"
_HOST = re.compile(r"(?:[\w-]{1,63}\.)*(?!\d+\.?$)[\w-]{1,63}\.?")  # a postal address ends in a number
_FORMULA = re.compile(r'="(.*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that was not read, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitFile:
    """What a file holds: kits by line, the columns it tells, its wrong rows, and headings nobody knows."""

    kits: dict[int, Kit]
    columns: frozenset[str]
    bad: tuple[BadRow, ...]
    unknown: tuple[str, ...]
    lacking: tuple[str, ...] = ()  # what cannot be said for lack of columns
    silent_critical: frozenset[int] = field(default=frozenset())  # lines that leave life_critical blank
    addresses: dict[int, str] = field(default_factory=dict)  # at which dishes are asked, by line
    unread: tuple[BadRow, ...] = ()  # what stands in the column of addresses and is none


def read_kits(data: bytes, source: str, *, encoding: str | None = None) -> KitFile:
    """Read a file; raises BadInput where it is no list of kits at all."""
    text = _decoded(data, source, encoding)
    header_line, header, rows = _rows(text, source)
    columns, unknown = _columns(header, source)
    kits: dict[int, Kit] = {}
    seen: dict[str, int] = {}
    bad: list[BadRow] = []
    silent = set()
    addresses: dict[int, str] = {}
    places: dict[tuple[str, int], int] = {}
    unread: list[BadRow] = []
    for line, cells in rows:
        if line - header_line > MOST_ROWS:
            raise BadInput(f"{source} has more than {MOST_ROWS:,} rows", "cut it into files")
        try:
            row = _cells(cells, columns)
            _none_beyond(cells, len(header))
            kit = _kit(row)
            _once(kit, line, seen)
        except OpenleoError as error:
            bad.append(BadRow(line=line, reason=f"{error.detail}; {error.hint}"))
            continue
        kits[line] = kit
        try:
            address = _address(row.get("address", ""), places)
            if address:
                addresses[line] = address
                places[place_of(address)] = line
        except BadInput as error:  # a column of that name may hold where people live
            unread.append(BadRow(line=line, reason=f"{error.detail}; {error.hint}"))
        if not row.get("life_critical"):
            silent.add(line)
    told = frozenset(columns.values()) - {"place", "address"}
    if "place" in columns.values():
        told |= {"latitude_deg", "longitude_deg"}
    if not kits and not bad:
        raise BadInput(f"{source} has headings and no rows", "write a line for each kit")
    return KitFile(
        kits=kits, columns=told, bad=tuple(bad), unknown=tuple(unknown),
        lacking=tuple(f"no column {_called(c)}: {says}" for c, says in LACKING.items()
                      if not {c, *(["phone"] if c == "holder" else [])} & told),
        silent_critical=frozenset(silent), addresses=addresses, unread=tuple(unread),
    )  # fmt: skip


def _decoded(data: bytes, source: str, encoding: str | None) -> str:
    if len(data) > MOST_BYTES:
        raise BadInput(f"{source} has {len(data):,} bytes, more than {MOST_BYTES:,}", "cut it into files")
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise BadInput(f"{source} is a workbook, not a CSV file", "save the sheet as 'CSV UTF-8'")
    if encoding is None:
        # Spreadsheets' "Unicode text" is UTF-16 with a byte-order mark.
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise BadInput(f"no encoding is called {encoding!r}", "such as utf-8, cp1251, cp1252") from error
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise BadInput(
            f"{source} is not {encoding.removesuffix('-sig')} text: see line {line}"
            if _mostly_text(data)
            else f"{source} is no CSV file: it is no text",
            "save it as 'CSV UTF-8', or say what it is: --encoding cp1252 (western), cp1251 (cyrillic)",
        ) from error
    if "\0" in text:
        raise BadInput(f"{source} is no CSV file: it is no text (it has null characters)", _SAVE_AS)
    if not text.strip():
        raise BadInput(
            f"{source} is empty", "its first line names columns, such as site,kit,terminal,account"
        )
    return text


def _mostly_text(data: bytes) -> bool:
    """Tell text in some encoding from a picture or a program, by its control characters."""
    head = data[:4_096]
    return sum(b < 32 and b not in b"\t\n\r\f" for b in head) * 100 <= len(head)


def _rows(text: str, source: str) -> tuple[int, list[str], Iterator[tuple[int, list[str]]]]:
    """Return the line of the headings, the headings, and the other rows that are not blank."""
    lines = text.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.strip(" ;,\t\r\n\ufeff"))
    mark = None
    said = re.fullmatch(r"\s*sep=(.)\s*", lines[first], re.IGNORECASE)  # spreadsheets write this line
    if said:
        mark, first = said[1], first + 1
    head = lines[first] if first < len(lines) else ""
    mark = mark or max(";,\t|", key=head.count)
    reader = csv.reader(io.StringIO("".join(lines[first:]), newline=""), delimiter=mark, strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        while True:
            line = first + reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadInput(f"{source} cannot be read from line {line} on: {error}",
                               'a quote (") that is opened must be closed') from error  # fmt: skip
            if any(_clean(cell) for cell in cells):
                yield line, cells

    every = rows()
    line, header = next(every, (first + 1, []))
    return line, header, every


def _clean(cell: str) -> str:
    """Return a cell without what spreadsheets put around it: odd blanks, ="...", a leading apostrophe."""
    plain = cell.replace("\u00a0", " ").replace("\u200b", "").replace("\ufeff", "").strip()
    formula = _FORMULA.fullmatch(plain)
    return (formula[1] if formula else plain.removeprefix("'")).strip()


def _columns(header: Sequence[str], source: str) -> tuple[dict[int, str], list[str]]:
    """Return which column of ours each of the file's is, and the headings that mean nothing to us."""
    found: dict[int, str] = {}
    unknown = []
    for place, heading in enumerate(header):
        plain = "".join(c for c in _clean(heading).casefold() if c.isalnum())
        column = _MEANS.get(plain)
        if column is None:
            if plain:
                unknown.append(_clean(heading))
        elif column in found.values():
            twice = next(header[p] for p, c in found.items() if c == column)
            raise BadInput(
                f"{source} has two columns for {column}: {_clean(twice)!r} and {_clean(heading)!r}",
                "leave one of them out, or rename it",
            )
        else:
            found[place] = column
    if not {"kit", "terminal", "serial"} & set(found.values()):
        shown = ", ".join(repr(_clean(h)) for h in header[:10]) or "nothing"
        raise BadInput(
            f"{source} has no column of kits, terminals or serial numbers; its headings are {shown}",
            "its first line names columns, such as site,kit,terminal,account,holder",
        )
    return found, unknown


def _cells(cells: Sequence[str], columns: dict[int, str]) -> dict[str, str]:
    """Return the cells by column; what a short row lacks is blank, as spreadsheets leave blank cells out."""
    return {column: _clean(cells[n]) if n < len(cells) else "" for n, column in columns.items()}


def nearest(heading: str) -> str:
    """Return how a heading that means nothing might be written: ``'holder'``; "" where none is near."""
    plain = "".join(c for c in heading.casefold() if c.isalnum())
    near = difflib.get_close_matches(plain, _MEANS, n=1, cutoff=0.72)
    if not near:
        near = [h for h in sorted(_MEANS, key=len, reverse=True) if len(h) > 3 and h in plain][:1]
    return _called(_MEANS[near[0]]) if near else ""


def _called(column: str) -> str:
    return {"latitude_deg": "latitude", "longitude_deg": "longitude", "place": "coordinates"}.get(
        column, column.replace("_", "-")
    )


def _none_beyond(cells: Sequence[str], columns: int) -> None:
    """Raise BadInput where a row has more cells than there are headings: they would be of other columns."""
    if any(_clean(cell) for cell in cells[columns:]):
        raise BadInput(
            f"it has {len(cells)} cells, and there are {columns} headings",
            'a cell that holds the mark between cells stands in quotes ("")',
        )


def _kit(row: dict[str, str]) -> Kit:
    """Return the kit of a row; raises BadInput."""
    got = row.get
    kit = checked_id("".join(got("kit", "").upper().split()), "a kit number") if got("kit") else ""
    terminal = terminal_id(row["terminal"]) if got("terminal") else ""
    serial = checked_id("".join(row["serial"].split()), "a serial number") if got("serial") else ""
    if not (kit or terminal or serial):
        raise BadInput("it names no kit, terminal or serial number", "fill one of them in")
    texts: dict[str, Any] = {}
    for column in ("site", "account", "holder", "phone", "note"):
        texts[column] = value = " ".join(got(column, "").split())
        if len(value) > MOST_TEXT:
            raise BadInput(f"{column} has {len(value)} characters", f"{MOST_TEXT} is the most")
    for column in ("account", "phone"):
        unspoilt(texts[column])
    latitude, longitude = _place(row)
    return Kit(
        id=kit or terminal or serial, kit=kit, terminal=terminal, serial=serial, latitude_deg=latitude,
        longitude_deg=longitude, life_critical=_yes(got("life_critical", "")),
        people=_people(got("people", "")), **texts,
    )  # fmt: skip


def place_of(address: str) -> tuple[str, int]:
    """Return what names a dish, however its address is written: host, and port also where none is told."""
    host, port = split_address(address)
    return host.casefold(), port


def _address(text: str, others: Mapping[tuple[str, int], int]) -> str:
    """Return the address at which a dish is asked, "" for none; raises BadInput."""
    if not text:
        return ""
    host, port = split_address(text)
    whole = text in (host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}")
    named = ("." in host or ":" in text) and _HOST.fullmatch(host) is not None
    known = whole and (is_address(host) or named)
    if not known:
        raise BadInput(f"{text!r} is no dish's address", "write it as 192.168.100.1 or host:port")
    if host == EVERY_DISH:
        raise BadInput(
            f"every dish has {host}",
            f"say which way leads to it: openleo fleet add {host} --source ... --kit ...",
        )
    same = others.get((host.casefold(), port))
    if same is not None:
        raise BadInput(f"{text} stands in line {same} too", "each dish has an address of its own, or a port")
    return text


def _place(row: dict[str, str]) -> tuple[float | None, float | None]:
    """Return latitude and longitude, degrees: from two columns or one, with decimal points or commas."""
    texts = [row.get("latitude_deg", ""), row.get("longitude_deg", "")]
    if not any(texts) and row.get("place"):
        texts = re.split(r"[;\s]+|,\s+|,(?=-?\d+\.)", row["place"].strip("() "))
        if len(texts) != 2:
            raise BadInput(f"{row['place']!r} is no position", "write it as 48.5167, 32.2667")
    if not any(texts):
        return None, None
    if not all(texts):
        raise BadInput("it has a latitude or longitude without the other", "give both, or none")
    found = []
    for text, what, most in zip(texts, ("latitude", "longitude"), (90.0, 180.0), strict=True):
        try:
            value = float(text.replace(",", ".").rstrip("°"))
        except ValueError:
            raise BadInput(f"{what} {text!r} is no number", "write degrees, such as 48.5167") from None
        if not (math.isfinite(value) and abs(value) <= most):
            raise BadInput(f"{what} {text} is not within {most:g} degrees", "are they swapped?")
        found.append(value)
    return found[0], found[1]


def _yes(text: str) -> bool:
    plain = text.casefold()
    if plain in _YES:
        return True
    if not plain or plain in _NO:
        return False
    raise BadInput(f"life_critical {text!r} is neither yes nor no", "write yes or no")


def _people(text: str) -> int | None:
    plain = re.sub(r"[\s.,](?=\d{3}\b)", "", text)
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 9:
        raise BadInput(f"people {text!r} is no number", "write how many depend on it, such as 250")
    return int(plain)


def _once(kit: Kit, line: int, seen: dict[str, int]) -> None:
    """Raise BadInput where an earlier row has the same kit, terminal or serial number."""
    keys = [f"{what} {value}" for what in ("kit", "terminal", "serial") if (value := getattr(kit, what))]
    for key in keys:
        if key in seen:
            raise BadInput(f"{key} stands in line {seen[key]} too", "leave one of the two rows out")
    seen.update(dict.fromkeys(keys, line))
