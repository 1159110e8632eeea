"""Laying out text for a terminal."""

import re
from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Return a line for each row, columns two spaces apart; those numbered in ``right`` end aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


_PLURALS = {"entry": "entries", "dish": "dishes"}


def counted(number: int, noun: str) -> str:
    """Return ``1 satellite``, ``4,408 satellites``, ``2 entries``, ``3 dishes``."""
    return f"1 {noun}" if number == 1 else f"{number:,} {_PLURALS.get(noun, f'{noun}s')}"


def natural(text: str) -> list[tuple[int, str]]:
    """Return what to sort by so that kit 9 comes before kit 10."""
    parts = re.findall(r"\d+|\D+", text.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
