"""Reading whole numbers out of texts that anybody may have written."""

from typing import Final

_MOST: Final = 18  # digits: what fits 64 bits, and far fewer than Python refuses to read


def whole(text: str) -> int | None:
    """Return the number that a text of the digits 0 to 9 is, None for any other text.

    `str.isdigit` alone is also true of texts such as "²", of which `int` raises.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST else None
