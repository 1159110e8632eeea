"""Firmwares: which fields, enum values and file names a dish of a given version has.

``proto/firmwares.json`` says, for everything that 76 dated firmwares do not all share, the first and the last
that has it; the descriptors hold the superset.  A firmware before the first dated one counts as that one, and
one after the last as the last.  Fields that were gone by the end of 2021 are only ever read.
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from google.protobuf import descriptor_pb2, descriptor_pool

from openleo.base.errors import BadInput
from openleo.dish.protocol import descriptor_set, pool

Layout = Literal["spacex/api", "spacex_api"]
_NEW_NAMES_FROM: Final = (2025, 5, 13)  # the day from which descriptor files are called spacex_api/...
# Public descriptors and replies name these; between them the number of the one before holds.
_API_VERSIONS: Final = (((2024, 10, 1), 28), ((2025, 4, 1), 31), ((2025, 6, 1), 37), ((2026, 6, 1), 42))
_VERSION = re.compile(r"(20\d\d)\.(\d\d)\.(\d\d)(?:\.[a-z0-9.]+)?")
NEWEST: Final = "2026.06.12.mr81164"


@cache
def _facts() -> dict[str, Any]:
    text = (files("openleo.dish") / "proto" / "firmwares.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def known_firmwares() -> tuple[str, ...]:
    """Return the dated firmwares of which descriptors were seen, oldest first."""
    return tuple(_facts()["firmwares"])


@dataclass(frozen=True, slots=True)
class Firmware:
    """One version of a dish's software, such as ``2026.06.12.mr81164``; make it with `firmware`."""

    version: str
    date: tuple[int, int, int]
    place: int  # index of the newest known firmware that is not newer

    @property
    def layout(self) -> Layout:
        """Return the folder of the descriptor files' names."""
        return "spacex_api" if self.date >= _NEW_NAMES_FROM else "spacex/api"

    @property
    def api_version(self) -> int:
        """Return ``Response.api_version``."""
        return [n for day, n in _API_VERSIONS if day <= max(self.date, _API_VERSIONS[0][0])][-1]

    def has(self, name: str) -> bool:
        """Tell whether it has a field ``Package.Message.field`` or a value ``Package.Enum:NAME=number``."""
        facts = _facts()
        first, last = facts["since"].get(name), facts["until"].get(name)
        if last is not None and last not in facts["firmwares"]:
            return False  # gone before the first dated firmware
        places = {version: place for place, version in enumerate(facts["firmwares"])}
        return (first is None or places[first] <= self.place) and (last is None or self.place <= places[last])

    def values(self, enum: str) -> dict[str, int]:
        """Return the values of an enum by name, as numbered in this firmware."""
        return _values(self, enum)

    def descriptors(self, layout: Layout) -> dict[str, Any]:
        """Return the FileDescriptorProtos of this firmware by their names in ``layout``."""
        return _descriptors(self.place, layout)

    def strip(self, message: Any) -> None:
        """Clear, at every depth, the fields that this firmware does not have."""
        dropped = _dropped(self.place)
        for name in dropped.get(message.DESCRIPTOR.full_name, ()):
            message.ClearField(name)
        for field, value in message.ListFields():
            if field.message_type is None or field.message_type.GetOptions().map_entry:
                continue
            for part in value if field.is_repeated else (value,):
                self.strip(part)


@cache
def firmware(version: str) -> Firmware:
    """Return the firmware called ``version``; raises BadInput for what is no version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise BadInput(f"{version!r} is not a version of a dish's software", f"write it as {NEWEST}")
    date = (int(match[1]), int(match[2]), int(match[3]))
    known = known_firmwares()
    if version in known:
        return Firmware(version, date, known.index(version))
    dates = [tuple(int(part) for part in one.split(".")[:3]) for one in known]
    return Firmware(version, date, max(bisect_right(dates, date) - 1, 0))


def position_source_name(number: int, version: str) -> str:
    """Return the name of a PositionSource as the firmware ``version`` numbered it, ``SOURCE_n`` if unknown.

    It is the one enum whose numbers changed their meaning (in 2025-07).  A version that is no date, such as
    the build ids that dishes told in 2024, counts as one of before.
    """
    of = firmware(version if _VERSION.fullmatch(version) else known_firmwares()[0])
    named = {n: name for name, n in of.values("SpaceX.API.Device.PositionSource").items()}
    return named.get(number, f"SOURCE_{number}")


@cache
def _values(of: Firmware, enum: str) -> dict[str, int]:
    facts = _facts()
    ours = pool().FindEnumTypeByName(enum).values_by_name
    found = {f"{name}={value.number}" for name, value in ours.items()}
    for side in ("since", "until"):
        found |= {key.partition(":")[2] for key in facts[side] if key.startswith(enum + ":")}
    pairs = (key.rsplit("=", 1) for key in found if of.has(f"{enum}:{key}"))
    return dict(sorted(((name, int(number)) for name, number in pairs), key=lambda pair: pair[1]))


@cache
def _dropped(place: int) -> dict[str, tuple[str, ...]]:
    """Return, by message, the fields that the firmware at ``place`` does not have."""
    of = Firmware("", (0, 0, 0), place)
    dropped: dict[str, list[str]] = {}
    for key in {**_facts()["since"], **_facts()["until"]}:
        if ":" not in key and not of.has(key):
            message, _, name = key.rpartition(".")
            dropped.setdefault(message, []).append(name)
    return {message: tuple(sorted(names)) for message, names in dropped.items()}


@cache
def _descriptors(place: int, layout: Layout) -> dict[str, Any]:
    version = known_firmwares()[place]
    of = firmware(version)
    made: dict[str, Any] = {}
    for file in descriptor_set().file:
        copy = descriptor_pb2.FileDescriptorProto()
        copy.CopyFrom(file)
        copy.name = _named(file.name, layout)
        del copy.dependency[:]
        copy.dependency.extend(_named(name, layout) for name in file.dependency)
        for message in copy.message_type:
            _trim(of, f"{file.package}.{message.name}", message)
        for enum in copy.enum_type:
            _renumber(of, f"{file.package}.{enum.name}", enum)
        made[copy.name] = copy
    _check(made)
    return made


def _named(name: str, layout: Layout) -> str:
    return layout + name.removeprefix("spacex_api") if name.startswith("spacex_api/") else name


def _trim(of: Firmware, full_name: str, message: Any) -> None:
    kept = [field for field in message.field if of.has(f"{full_name}.{field.name}")]
    if len(kept) != len(message.field):
        kept = [descriptor_pb2.FieldDescriptorProto.FromString(f.SerializeToString()) for f in kept]
        del message.field[:]
        message.field.extend(kept)
        _drop_empty_oneofs(message)
    for nested in message.nested_type:
        _trim(of, f"{full_name}.{nested.name}", nested)
    for enum in message.enum_type:
        _renumber(of, f"{full_name}.{enum.name}", enum)


def _drop_empty_oneofs(message: Any) -> None:
    """Drop the unions that lost all their cases: descriptors may not hold one."""
    used = sorted({f.oneof_index for f in message.field if f.HasField("oneof_index")})
    names = [message.oneof_decl[index].name for index in used]
    for field in message.field:
        if field.HasField("oneof_index"):
            field.oneof_index = used.index(field.oneof_index)
    del message.oneof_decl[:]
    for name in names:
        message.oneof_decl.add(name=name)


def _renumber(of: Firmware, full_name: str, enum: Any) -> None:
    if not full_name.startswith("SpaceX."):
        return
    values = of.values(full_name)
    if not values:
        return  # an enum that came later: kept whole, nothing refers to it
    del enum.value[:]
    for name, number in values.items():
        enum.value.add(name=name, number=number)


def _check(made: dict[str, Any]) -> None:
    """Fail here rather than in a client if the trimmed files do not make one whole."""
    whole = descriptor_pool.DescriptorPool()
    for file in made.values():
        whole.Add(file)
    for name in made:
        whole.FindFileByName(name)
