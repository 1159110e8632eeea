"""Names of terminals, kept as numbers until someone reads one.

A made terminal is called ``ut-1c9f03aa-5be017d2``: eight hexadecimal digits for its group and seed, eight for
its place in the group.  So a name stays the same whatever other groups a scenario has, a million names cost
8 MB, and a name is found again without a table.  Names from a file are kept as they were given.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput, did_you_mean
from openleo.base.hashing import hash_many, hash_u32

_MADE = re.compile(r"ut-([0-9a-f]{8})-([0-9a-f]{8})")
_GROUP_STREAM, _NUMBER_STREAM = 0x75740001, 0x75740002  # any constants; they keep the hashes apart


@dataclass(frozen=True, slots=True, eq=False)
class TerminalIds(Sequence[str]):
    """Names of terminals (U,): ``code`` u64 (U,) is the made name's number, or an index into ``given``."""

    code: NDArray[np.uint64]
    is_given: NDArray[np.bool_]
    given: tuple[str, ...] = ()

    @classmethod
    def made(cls, seed: int, group: str, count: int) -> "TerminalIds":
        """Return ``count`` names for a group; no two are equal (the hash permutes 32-bit numbers)."""
        if not 0 <= count < 2**32:
            raise ValueError(f"a group has 0 to 2**32 - 1 terminals, not {count}")
        key = np.uint64(hash_u32(seed, zlib.crc32(group.encode()), _GROUP_STREAM))
        number = hash_many(int(key), np.arange(count, dtype=np.uint32), _NUMBER_STREAM).astype(np.uint64)
        return cls((key << np.uint64(32)) | number, np.zeros(count, dtype=np.bool_))

    @classmethod
    def of(cls, names: Sequence[str]) -> "TerminalIds":
        """Return names as given; raises BadInput where one comes twice."""
        ids = cls(np.arange(len(names), dtype=np.uint64), np.ones(len(names), dtype=np.bool_), tuple(names))
        ids.check_unique()
        return ids

    def __len__(self) -> int:
        return len(self.code)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self._name(i) for i in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"terminal {index} of {len(self)}")
        return self._name(index)

    def __iter__(self) -> Iterator[str]:
        return (self._name(i) for i in range(len(self)))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and len(self._rows(name)) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TerminalIds) and len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((len(self), self[:3]))

    def row_of(self, name: str) -> int:
        """Return the row of the terminal called ``name``; raises BadInput with the nearest names."""
        rows = self._rows(name)
        if not len(rows):
            near = self.given or self[:8]
            raise BadInput(
                f"no terminal is called {name!r} (there are {len(self)})", did_you_mean(name, near)
            )
        return int(rows[0])

    def take(self, rows: NDArray[np.integer]) -> "TerminalIds":
        """Return the names of these rows."""
        return TerminalIds(self.code[rows], self.is_given[rows], self.given)

    def check_unique(self) -> None:
        """Raise BadInput where a name comes twice."""
        given_rows = np.flatnonzero(self.is_given).tolist()
        seen: set[str] = set()
        for row in given_rows:
            name = self._name(row)
            if name in seen or (_MADE.fullmatch(name) and len(self._rows(name)) > 1):
                raise BadInput(f"two terminals are called {name!r}", "give every terminal its own id")
            seen.add(name)
        made = self.code[~self.is_given]
        ordered = np.sort(made)
        twice = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(twice):
            name = _made_name(int(ordered[twice[0]]))
            raise BadInput(
                f"two groups of terminals both have {name!r}",
                "give every group of terminals ([[terminals]] name) its own name",
            )

    def _name(self, row: int) -> str:
        code = int(self.code[row])
        return self.given[code] if self.is_given[row] else _made_name(code)

    def _rows(self, name: str) -> NDArray[np.intp]:
        hit = np.zeros(len(self), dtype=np.bool_)
        if (match := _MADE.fullmatch(name)) is not None:
            hit |= ~self.is_given & (self.code == np.uint64(int(match[1] + match[2], 16)))
        if name in self.given:
            hit |= self.is_given & (self.code == np.uint64(self.given.index(name)))
        return np.flatnonzero(hit)


def _made_name(code: int) -> str:
    return f"ut-{code >> 32:08x}-{code & 0xFFFFFFFF:08x}"


def join_ids(parts: Sequence[TerminalIds]) -> TerminalIds:
    """Return the names of several groups one after the other; raises BadInput where one comes twice."""
    codes, offset = [], 0
    for part in parts:
        codes.append(part.code + part.is_given * np.uint64(offset))
        offset += len(part.given)
    joined = TerminalIds(
        np.concatenate([np.zeros(0, np.uint64), *codes]),
        np.concatenate([np.zeros(0, np.bool_), *(part.is_given for part in parts)]),
        tuple(name for part in parts for name in part.given),
    )
    joined.check_unique()
    return joined
