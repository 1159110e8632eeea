"""Kits: which terminal stands where, whose it is and who has it, as the fleet's owner keeps it in a table."""

import re
from dataclasses import dataclass, fields, replace
from typing import Final

from openleo.base.errors import BadInput

MOST_TEXT: Final = 200  # characters of a site, a holder, a note
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_VENDOR_ID = re.compile(r"(?:ut)?([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})")
DISH_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # what a dish may call itself
_ADDRESS: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}(:\d+)?", re.ASCII)
_ROUNDED = re.compile(r"[+-]?\d+(?:[.,]\d+)?e\+\d+", re.IGNORECASE)  # 3.80501E+11
_SPOILT = re.compile(r"\d+(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """One kit.  ``id`` is its kit number, else its terminal's id, else its serial number; "" is not told.

    ``people`` is how many depend on it, where that is known.  ``learned``: its terminal was told by its
    dish, not by people, and follows that dish.
    """

    id: str
    kit: str = ""
    terminal: str = ""
    serial: str = ""
    site: str = ""
    account: str = ""
    holder: str = ""
    note: str = ""
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    life_critical: bool = False
    people: int | None = None
    phone: str = ""
    learned: bool = False

    @property
    def called(self) -> str:
        """Whom to call, and where: ``Olena Lys, +380 50 111``."""
        if not self.phone or self.holder.endswith(self.phone):  # older registers hold both in one
            return self.holder
        return f"{self.holder}, {self.phone}" if self.holder else self.phone

    def names(self) -> tuple[str, ...]:
        """Return what it may be called by."""
        return tuple(name for name in (self.id, self.kit, self.terminal, self.serial, self.site) if name)

    def taking(self, other: "Kit", columns: frozenset[str]) -> "Kit":
        """Return this kit with those of its columns that ``other`` tells."""
        return replace(self, **{name: getattr(other, name) for name in columns})

    def differences(self, other: "Kit") -> list[str]:
        """Return what ``other`` says that this one does not, for reading."""
        found = []
        for column in fields(self):
            before, after = getattr(self, column.name), getattr(other, column.name)
            if before != after and column.name != "learned":
                found.append(f"{column.name} {_shown(before)} -> {_shown(after)}")
        return found


def _shown(value: object) -> str:
    if value in ("", None):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def terminal_id(text: str) -> str:
    """Return a terminal's id as dishes tell it; raises BadInput.

    The vendor's ids are three groups of eight hexadecimal digits after ``ut``, which people leave out.
    """
    plain = "".join(text.split())
    if _ADDRESS.fullmatch(plain):
        raise BadInput(
            f"{plain} is an address, not a terminal", "put it into a column that is called address"
        )
    match = _VENDOR_ID.fullmatch(plain.lower())
    return f"ut{match[1]}" if match else checked_id(plain, "a terminal's id")


def checked_id(text: str, what: str) -> str:
    """Return an id, checked; raises BadInput."""
    if _SPOILT.fullmatch(text):
        raise _spoilt(text)
    if not _ID.fullmatch(text):
        raise BadInput(
            f"{text[:40]!r} cannot be {what}",
            "letters, digits and . _ : - are fine, up to 64 of them, beginning with a letter or digit",
        )
    return text


def unspoilt(text: str) -> str:
    """Return a telephone or account number; raises BadInput where a spreadsheet has rounded it."""
    if _ROUNDED.fullmatch(text):
        raise _spoilt(text)
    return text


def _spoilt(text: str) -> BadInput:
    return BadInput(
        f"{text!r} is what a spreadsheet made of a long number: the number itself is lost",
        "make the column text in the spreadsheet, enter it again, and save anew",
    )
