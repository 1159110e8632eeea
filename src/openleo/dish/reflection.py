"""What a dish says of its own interface: gRPC server reflection, v1alpha as real dishes serve it, and v1.

Clients ask by symbol (answered with the file names of the dish's firmware) or by file name; old clients know
only ``spacex/api/device/...``, new ones ``spacex_api/device/...``, so a name is answered in the layout in
which it was asked.  The files are those of the firmware: fields that it does not have are not in them.
"""

from functools import cache
from typing import Any, Final

from openleo.dish.firmware import Firmware, Layout
from openleo.dish.protocol import SERVICE, message_class

VERSIONS: Final = ("v1alpha", "v1")
NOT_FOUND: Final = 5
UNIMPLEMENTED: Final = 12
INVALID_ARGUMENT: Final = 3


def service_name(version: str) -> str:
    """Return the reflection service of a version."""
    return f"grpc.reflection.{version}.ServerReflection"


LISTED: Final = (SERVICE, *(service_name(version) for version in VERSIONS))


def answer(version: str, request: bytes, of: Firmware) -> bytes:
    """Return the ServerReflectionResponse to one ServerReflectionRequest, as a dish of this firmware."""
    asked = message_class(f"grpc.reflection.{version}.ServerReflectionRequest").FromString(request)
    reply = message_class(f"grpc.reflection.{version}.ServerReflectionResponse")(
        valid_host=asked.host, original_request=asked
    )
    kind = asked.WhichOneof("message_request")
    if kind == "list_services":
        for name in sorted(LISTED):
            reply.list_services_response.service.add(name=name)
    elif kind == "file_by_filename":
        _put(reply, _by_name(of, asked.file_by_filename), asked.file_by_filename)
    elif kind == "file_containing_symbol":
        symbol = asked.file_containing_symbol.removeprefix(".")
        _put(reply, _by_symbol(of, symbol), asked.file_containing_symbol)
    elif kind == "all_extension_numbers_of_type":
        name = asked.all_extension_numbers_of_type
        if name in _messages(of.place):
            reply.all_extension_numbers_response.base_type_name = name  # proto3: there are none
        else:
            _error(reply, NOT_FOUND, name)
    elif kind == "file_containing_extension":
        _error(reply, NOT_FOUND, asked.file_containing_extension.containing_type)
    else:
        _error(reply, INVALID_ARGUMENT, "no question")
    data: bytes = reply.SerializeToString()
    return data


def _put(reply: Any, files: tuple[bytes, ...], name: str) -> None:
    if files:
        reply.file_descriptor_response.file_descriptor_proto.extend(files)
    else:
        _error(reply, NOT_FOUND, name)


def _error(reply: Any, code: int, name: str) -> None:
    reply.error_response.error_code = code
    reply.error_response.error_message = f"not found: {name}" if code == NOT_FOUND else name


def _by_name(of: Firmware, name: str) -> tuple[bytes, ...]:
    layout: Layout = "spacex/api" if name.startswith("spacex/api/") else "spacex_api"
    return _with_imports(of.place, layout, name)


def _by_symbol(of: Firmware, symbol: str) -> tuple[bytes, ...]:
    name = _symbols(of.place, of.layout).get(symbol)
    return _with_imports(of.place, of.layout, name) if name else ()


@cache
def _files(place: int, layout: Layout) -> dict[str, Any]:
    return Firmware("", (0, 0, 0), place).descriptors(layout)


@cache
def _with_imports(place: int, layout: Layout, name: str) -> tuple[bytes, ...]:
    """Return a file and what it imports, at any depth, serialised; the file asked for comes first."""
    files = _files(place, layout)
    found: dict[str, bytes] = {}
    waiting = [name] if name in files else []
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found[one] = files[one].SerializeToString()
            waiting.extend(files[one].dependency)
    return tuple(found.values())


@cache
def _symbols(place: int, layout: Layout) -> dict[str, str]:
    """Return the file of each service, method, message, field, enum and value by its full name."""
    found: dict[str, str] = {}
    for file in _files(place, layout).values():
        names: set[str] = set()
        for message in file.message_type:
            _collect(message, file.package, names)
        for enum in file.enum_type:
            _collect_enum(enum, file.package, names)
        for service in file.service:
            full = f"{file.package}.{service.name}"
            names |= {full, *(f"{full}.{method.name}" for method in service.method)}
        found |= dict.fromkeys(names, file.name)
    return found


def _collect(message: Any, scope: str, names: set[str]) -> None:
    full = f"{scope}.{message.name}"
    names |= {full, *(f"{full}.{field.name}" for field in message.field)}
    for nested in message.nested_type:
        _collect(nested, full, names)
    for enum in message.enum_type:
        _collect_enum(enum, full, names)


def _collect_enum(enum: Any, scope: str, names: set[str]) -> None:
    names |= {f"{scope}.{enum.name}", *(f"{scope}.{value.name}" for value in enum.value)}


@cache
def _messages(place: int) -> frozenset[str]:
    return frozenset(name for name in _symbols(place, "spacex_api") if name.rpartition(".")[2][:1].isupper())
