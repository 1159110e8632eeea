"""Text encodings with one spelling each: what could be written two ways is refused."""

import base64
import binascii
import re

from openleo.base.errors import BadInput

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def to_base64(data: bytes) -> str:
    """Return RFC 4648, section 4, base64."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, what: str) -> bytes:
    """Return the bytes that are written as exactly this base64; BadInput names what otherwise."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        data = None
    if data is None or to_base64(data) != text:
        raise BadInput(f"{what} is not base64: {text[:80]!r}", "take the file anew from its source")
    return data


def from_decimal(text: str, what: str) -> int:
    """Return a number below 2^63 written without sign or leading zeroes; BadInput names what otherwise."""
    if not _DECIMAL.fullmatch(text) or int(text) >= 2**63:
        raise BadInput(f"{what} is not a plain number: {text[:80]!r}", "take the file anew from its source")
    return int(text)
