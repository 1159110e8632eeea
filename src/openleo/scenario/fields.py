"""The field types of a scenario: what a number, a time or a name may be.

TOML has types of its own, so a text where a number belongs is a mistake to report, never to convert.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from openleo.ground.countries import OTHER_CODES, iso_code


def _instant(value: Any) -> datetime:
    if isinstance(value, str):  # canonical JSON and command-line changes bring text
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("is not a time; write it as 2022-10-07T17:30:00Z, without quotes") from error
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError(f"is a date without a time; write {value.isoformat()}T00:00:00Z")
    if not isinstance(value, datetime):
        raise ValueError("is not a time; write it as 2022-10-07T17:30:00Z, without quotes")
    if value.tzinfo is None:
        raise ValueError(f"has no time zone; write {value.isoformat()}Z if it is UTC")
    return value.astimezone(UTC)


def utc_text(value: datetime) -> str:
    """Write an instant as 2022-10-07T17:30:00Z."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


Instant = Annotated[
    datetime, BeforeValidator(_instant), PlainSerializer(utc_text, return_type=str, when_used="json")
]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=4000)]
MaybeText = Annotated[str, Field(strict=True, max_length=4000)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Elevation = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=90)]
Latitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-90, le=90)]
Longitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-180, le=180)]
Count = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Flag = Annotated[bool, Field(strict=True)]


def _country(value: str) -> str:
    formed = len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()
    if formed and value not in OTHER_CODES:
        return value
    meant = iso_code(value)
    fix = f'write "{meant}"' if meant else 'write two capital letters, such as "UA"'
    raise ValueError(f"is not a country code; {fix} (ISO 3166-1 alpha-2)")


Country = Annotated[str, Field(strict=True), AfterValidator(_country)]


class Block(BaseModel):
    """A table of the file: unknown keys are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Item(Block):
    """A table that an assumption may carry: with the assumption off, the item is left out."""

    assumption: MaybeText = ""


class Spell(Item):
    """Something that holds from one instant until another; without them, for the whole run."""

    from_: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None
