"""What is shown of an entry, once its embargo is over: some fields, each with its salt.

A package is a folder: the log itself (``checkpoint`` and ``tile/``), its public key in ``vkey``, and
``disclosed/<index>.json`` for each entry of which something is shown.  All of it can be checked by anyone
with the key: see `verify_folder`.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput, Refused
from openleo.control.log.encode import from_base64, to_base64
from openleo.control.log.entry import FIELDS_V1, Sealed, opens
from openleo.control.log.files import Fsync, make_folder, sync_folders, write_durably
from openleo.control.log.merkle import Read
from openleo.control.log.note import VerifierKey
from openleo.control.log.tiles import ReadEntries, scratch_file, write_tiles

DISCLOSED = "disclosed"
VKEY = "vkey"
MAX_DISCLOSED_BYTES = 4_000_000
_FORMAT = "openleo-disclosed/v1"
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class Embargoed(Refused):
    """The time to show this has not come, or never comes."""

    code = "embargoed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A field's value, None where it is absent, and the salt that proves it."""

    name: str
    value: str | None
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The fields that are shown of one entry; the embargo is always among them."""

    index: int
    openings: tuple[Opening, ...]

    @property
    def embargo(self) -> datetime | None:
        """From when the entry may be shown; None where that is never."""
        values = [o.value for o in self.openings if o.name == "embargo"]
        return None if not values or values[0] is None else parse_instant(values[0])

    def to_bytes(self) -> bytes:
        """Return the file's content; there is one spelling of it."""
        fields = {o.name: {"salt": to_base64(o.salt), "value": o.value} for o in self.openings}
        data = {"fields": fields, "format": _FORMAT, "index": self.index}
        return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def instant_text(when: datetime) -> str:
    """Return an aware time as an embargo is written: UTC, whole seconds, rounded up."""
    when = when.astimezone(UTC)
    whole = when.replace(microsecond=0)
    return (whole if whole == when else datetime.fromtimestamp(whole.timestamp() + 1, UTC)).strftime(_INSTANT)


def parse_instant(text: str) -> datetime:
    """Return the time that `instant_text` wrote; BadInput where it did not."""
    try:
        when = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        when = None
    if when is None or when.strftime(_INSTANT) != text:
        raise BadInput(f"{text[:80]!r} is no time", "write it like 2026-03-01T00:00:00Z")
    return when


def disclose(
    *, index: int, sealed: Sealed, fields: Mapping[str, str | None], names: Collection[str], now: datetime
) -> Disclosure:
    """Return the named fields of an entry, and its embargo, with their salts.

    Embargoed before the time in the entry's ``embargo``, and for ever where that is absent.  BadInput where
    what is stored of the entry is not what its leaf commits to.
    """
    embargo = fields.get("embargo")
    if embargo is None or now < parse_instant(embargo):
        raise Embargoed(
            f"entry {index} is not to be shown {'at all' if embargo is None else f'before {embargo}'}",
            "leave it out" if embargo is None else f"ask again at {embargo}",
        )
    unknown = set(names) - set(FIELDS_V1)
    if unknown:
        raise ValueError(f"a decision has no field {', '.join(sorted(unknown))}")
    shown = [name for name in FIELDS_V1 if name in names or name == "embargo"]
    openings = tuple(Opening(name=n, value=fields.get(n), salt=_salt(index, sealed, n)) for n in shown)
    for opening in openings:
        if not opens(sealed.leaf, opening.name, opening.salt, opening.value):
            raise BadInput(
                f"what is stored as {opening.name} of entry {index} is not what its leaf commits to",
                "the store was changed behind the log; restore it from a backup",
            )
    return Disclosure(index=index, openings=openings)


def _salt(index: int, sealed: Sealed, name: str) -> bytes:
    if name not in sealed.salts:
        raise BadInput(f"{name} of entry {index} has no salt any more", "it was erased: leave the field out")
    return sealed.salts[name]


def parse_disclosure(content: bytes) -> Disclosure:
    """Return what a file discloses, unverified; BadInput where it is not written exactly as here."""
    try:
        disclosure = _from_json(json.loads(content.decode("utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"it is no disclosure: {error}", "take it anew from its source") from error
    if disclosure.to_bytes() != content:
        raise BadInput("it does not have the one spelling of a disclosure", "take it anew from its source")
    return disclosure


def _from_json(data: Any) -> Disclosure:
    if data.keys() != {"fields", "format", "index"} or data["format"] != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}")
    index, fields = data["index"], data["fields"]
    if type(index) is not int or index < 0 or "embargo" not in fields:
        raise ValueError("it has no index or no embargo")
    if list(fields) != [name for name in FIELDS_V1 if name in fields]:
        raise ValueError("its fields are unknown or out of order")
    if any(one.keys() != {"salt", "value"} for one in fields.values()):
        raise ValueError("a field has other parts than salt and value")
    if not all(one["value"] is None or type(one["value"]) is str for one in fields.values()):
        raise ValueError("a value is no text")
    openings = (
        Opening(name=name, value=one["value"], salt=from_base64(one["salt"], f"the salt of {name}"))
        for name, one in fields.items()
    )
    return Disclosure(index=index, openings=tuple(openings))


def write_disclosures(folder: Path, disclosures: Iterable[Disclosure], fsync: Fsync = os.fsync) -> None:
    """Add disclosures to a package; one of the same entry is replaced."""
    make_folder(folder / DISCLOSED, fsync)
    with scratch_file(folder, fsync) as temporary:
        for one in disclosures:
            path = folder / DISCLOSED / f"{one.index}.json"
            write_durably(path, one.to_bytes(), temporary=temporary, fsync=fsync)
    sync_folders([folder / DISCLOSED], fsync)


def write_package(
    folder: Path,
    signed: bytes,
    *,
    key: VerifierKey,
    entries: ReadEntries,
    read: Read,
    disclosures: Iterable[Disclosure] = (),
    old_size: int = 0,
    fsync: Fsync = os.fsync,
) -> None:
    """Write a package, or bring one that holds the log of old_size entries up to the signed checkpoint."""
    write_disclosures(folder, disclosures, fsync)
    content = f"{key.text()}\n".encode()
    with scratch_file(folder, fsync) as temporary:
        write_durably(folder / VKEY, content, temporary=temporary, fsync=fsync)
    write_tiles(folder, signed, old_size=old_size, entries=entries, read=read, fsync=fsync)
