"""The messages of the terminals' local interface, in a descriptor pool of their own.

The descriptors are compiled from ``proto/`` (our text, `docs/write_descriptors.py`): the superset of every
firmware seen, removed fields included, so that one set of classes reads them all.  They stand in a private
pool because a second definition of the same names in protobuf's default pool, such as another package for
dishes brings, is a TypeError.  Importing this module needs protobuf and nothing else.

    m = messages()
    m.Request(get_status=m.GetStatusRequest())
    m.DishOutage.Cause.Name(5)  # NO_SATS
    m.UtDisablementCode.Name(8)  # CELL_IS_DISABLED

Types are Any: the classes are made at run time.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

PACKAGE: Final = "SpaceX.API.Device"
SERVICE: Final = "SpaceX.API.Device.Device"
HANDLE: Final = "/SpaceX.API.Device.Device/Handle"
STREAM: Final = "/SpaceX.API.Device.Device/Stream"
GRPC_PORT: Final = 9200
WEB_PORT: Final = 9201


@cache
def descriptor_set() -> Any:
    """Return the FileDescriptorSet that ships, imports first; do not change it."""
    # Not by importlib.resources: with what that loads, it takes a MB of the small machines of remote sites.
    data = (Path(__file__).parent / "proto" / "descriptors.bin").read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data)


@cache
def pool() -> Any:
    """Return the private DescriptorPool that holds the interface."""
    made = descriptor_pool.DescriptorPool()
    for file in descriptor_set().file:
        made.Add(file)
    return made


@cache
def message_class(full_name: str) -> Any:
    """Return the class of a message by its full name, such as ``SpaceX.API.Device.Request``."""
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(full_name))


@cache
def messages() -> SimpleNamespace:
    """Return every message class and enum by its short name, without the packages."""
    names: dict[str, Any] = {}
    for file in descriptor_set().file:
        if file.package.startswith(("grpc.", "google.")):
            continue
        for message in file.message_type:
            names.setdefault(message.name, message_class(f"{file.package}.{message.name}"))
        for enum in file.enum_type:
            descriptor = pool().FindEnumTypeByName(f"{file.package}.{enum.name}")
            names.setdefault(enum.name, EnumTypeWrapper(descriptor))
    return SimpleNamespace(**names)


def unknown_fields_of(message: Any) -> tuple[str, ...]:
    """Return ``Message.fieldnumber`` for each field, at any depth, that no firmware we know has."""
    found = {
        f"{part.DESCRIPTOR.name}.{field.field_number}"
        for part in _parts(message)
        for field in unknown_fields.UnknownFieldSet(part)
    }
    return tuple(sorted(found))


def unknown_values_of(message: Any) -> tuple[str, ...]:
    """Return ``Message.field=number`` for each enum value, at any depth, that no firmware we know has."""
    found = set()
    for part in _parts(message):
        for field, value in part.ListFields():
            if field.enum_type is not None:
                numbers = value if field.is_repeated else (value,)
                known = field.enum_type.values_by_number
                found |= {f"{part.DESCRIPTOR.name}.{field.name}={n}" for n in numbers if n not in known}
    return tuple(sorted(found))


def _parts(message: Any) -> Iterator[Any]:
    """Yield a message and every message in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for part in value.values():
                    yield from _parts(part)
        elif field.is_repeated:
            for part in value:
                yield from _parts(part)
        else:
            yield from _parts(value)
