"""What is sent and answered, where several pages share it.  Units stand in the names; instants are UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

from openleo.base.clock import slot_start

_EARLIEST, _LATEST = datetime(1980, 1, 7, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NAME = r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"


class Sent(BaseModel):
    """A body that is sent: nothing in it that is not known."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def _in_range(instant: datetime) -> datetime:
    if not _EARLIEST <= instant <= _LATEST:
        raise ValueError(f"an instant lies between {_EARLIEST.date()} and {_LATEST.date()}")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_range)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=NAME)]
Reason = Annotated[str, Field(min_length=1, max_length=4_000)]
Note = Annotated[str, Field(max_length=4_000)]
Title = Annotated[str, Field(max_length=400)]
Country = Annotated[str, Field(min_length=2, max_length=2, pattern=r"^[A-Z]{2}$")]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Signature = Annotated[str, Field(min_length=88, max_length=88, description="Ed25519 over `to_sign`, base64")]
PublicKey = Annotated[str, Field(min_length=44, max_length=44, description="Ed25519, base64")]
Names = Annotated[list[Name], Field(max_length=1_000)]


def one_of(names: Iterable[str]) -> Any:
    """Return what holds a text to some names, and lists them in the description of the API."""
    known = list(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"it is not one of {', '.join(known)}")
        return name

    return GetPydanticSchema(
        lambda _, handler: core_schema.no_info_after_validator_function(
            check, core_schema.str_schema(), serialization=None
        ),
        lambda schema, handler: {"type": "string", "enum": known},
    )


def named(what: str) -> Any:
    """Return a path's part that is a name."""
    return Path(min_length=1, max_length=64, pattern=NAME, description=f"the {what}'s id")


AreaId = Annotated[str, named("area")]
RequestId = Annotated[str, named("request")]
PersonId = Annotated[str, named("person")]
TerminalId = Annotated[str, named("terminal")]
AccountId = Annotated[str, named("account")]
PlainId = Annotated[str, named("thing")]


def slot_instant(slot: int | None) -> datetime | None:
    """Return when a slot begins."""
    if slot is None:
        return None
    found: datetime = slot_start(slot).astype("datetime64[us]").astype(datetime)
    return found.replace(tzinfo=UTC)
