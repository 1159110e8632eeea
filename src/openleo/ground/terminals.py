"""User terminals as a struct of arrays: a million of them are a dozen columns, not a million objects."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput
from openleo.ground.kinds import KINDS, TerminalKind, find_kind, kind_of_code
from openleo.ground.placement import place_by_population, place_on_cells
from openleo.ground.terminal_ids import TerminalIds, join_ids

__all__ = [
    "KINDS",
    "TerminalIds",
    "TerminalKind",
    "Terminals",
    "join_terminals",
    "place_by_population",
    "place_on_cells",
]

_MOST_NAMES = 65_535  # accounts and groups are numbered in 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminals:
    """Terminals, one row each (U,).

    Latitudes and longitudes are geodetic degrees (WGS84); of a moving terminal they are where it starts.
    ``kind`` holds codes of `TerminalKind`; ``account``, ``group`` and ``country`` are indices into the tuple
    of names beside them.  ``country`` is that of the service address (its home), -1 where none is stated, and
    need not be where the terminal is.  ``mask`` is a row of a `MaskTable` and ``track`` a row of a
    `TrackTable`, -1 for none.  ``backup_hours`` is how long it runs on its own power after the grid fails.
    """

    ids: TerminalIds
    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    kind: NDArray[np.uint8]
    account: NDArray[np.uint16]
    group: NDArray[np.uint16]
    country: NDArray[np.int16]
    mask: NDArray[np.int32]
    track: NDArray[np.int32]
    backup_hours: NDArray[np.float32]
    account_names: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()
    country_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            if len(getattr(self, name)) != len(self.ids):
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, ids {len(self.ids)}")
        if not (np.abs(self.latitude_deg) <= 90.0).all() or not np.isfinite(self.longitude_deg).all():
            raise ValueError("latitudes must be within 90 degrees and longitudes finite")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        latitude_deg: ArrayLike,
        longitude_deg: ArrayLike,
        *,
        seed: int,
        group: str = "terminals",
        kind: str = "standard",
        account: str = "",
        country: str = "",
        mask: ArrayLike = -1,
        track: ArrayLike = -1,
        backup_hours: ArrayLike = 0.0,
        ids: Sequence[str] | None = None,
    ) -> "Terminals":
        """Return one group of terminals at these places (U,); unless given, ids come from seed and group.

        Longitudes come back in [-180, 180).  Raises BadInput for an unknown kind or an id given twice.
        """
        latitude = np.atleast_1d(np.asarray(latitude_deg, dtype=np.float64))
        longitude = np.atleast_1d(np.asarray(longitude_deg, dtype=np.float64))
        count = len(latitude)

        def column(values: ArrayLike, dtype: type[Any]) -> NDArray[Any]:
            return np.broadcast_to(np.asarray(values, dtype=dtype), count).copy()

        return cls(
            ids=TerminalIds.made(seed, group, count) if ids is None else TerminalIds.of(ids),
            latitude_deg=latitude.copy(),
            # What is within range stays as it was written, to the last digit.
            longitude_deg=np.where(
                (longitude >= -180.0) & (longitude < 180.0), longitude, (longitude + 180.0) % 360.0 - 180.0
            ),
            kind=column(find_kind(kind).code, np.uint8),
            account=column(0, np.uint16),
            group=column(0, np.uint16),
            country=column(0 if country else -1, np.int16),
            mask=column(mask, np.int32),
            track=column(track, np.int32),
            backup_hours=column(backup_hours, np.float32),
            account_names=(account,),
            group_names=(group,),
            country_names=(country,) if country else (),
        )

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "Terminals":
        """Return the terminals of these rows (indices, or a boolean for each); the tables of names stay."""
        index = np.arange(len(self))[rows]
        columns = {name: getattr(self, name)[index] for name in _COLUMNS}
        return Terminals(
            ids=self.ids.take(index),
            account_names=self.account_names,
            group_names=self.group_names,
            country_names=self.country_names,
            **columns,
        )

    def kind_of(self, row: int) -> TerminalKind:
        """Return the kind of one terminal."""
        return kind_of_code(int(self.kind[row]))

    def describe(self, row: int) -> dict[str, object]:
        """Return one terminal as names and numbers for people, with the unit in each key."""
        country = int(self.country[row])
        return {
            "id": self.ids[row],
            "latitude_deg": float(self.latitude_deg[row]),
            "longitude_deg": float(self.longitude_deg[row]),
            "kind": self.kind_of(row).name,
            "account": self.account_names[int(self.account[row])],
            "group": self.group_names[int(self.group[row])],
            "country": self.country_names[country] if country >= 0 else "",
            "moving": bool(self.track[row] >= 0),
            "backup_hours": float(self.backup_hours[row]),
        }


_COLUMNS = tuple(f.name for f in fields(Terminals) if f.name != "ids" and not f.name.endswith("_names"))
_NAMED = {"account": "account_names", "group": "group_names", "country": "country_names"}


def join_terminals(parts: Sequence[Terminals]) -> Terminals:
    """Return several groups as one, in order; equal account, group and country names become one.

    ``mask`` and ``track`` rows are kept as they are: number them over all groups first.  Raises BadInput
    where two terminals have one id, or there are more than 65,535 accounts or groups.
    """
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _COLUMNS
        if name not in _NAMED and parts
    }
    if not parts:
        return Terminals.of([], [], seed=0)
    for name, table in _NAMED.items():
        names = tuple(dict.fromkeys(text for part in parts for text in getattr(part, table)))
        if len(names) > _MOST_NAMES:
            raise BadInput(f"there are {len(names)} different {name} names", f"use at most {_MOST_NAMES}")
        number = {text: place for place, text in enumerate(names)}
        columns[table] = names
        columns[name] = np.concatenate([_renumbered(part, name, table, number) for part in parts])
    return Terminals(ids=join_ids([part.ids for part in parts]), **columns)


def _renumbered(part: Terminals, name: str, table: str, number: dict[str, int]) -> NDArray[Any]:
    old: NDArray[Any] = getattr(part, name)
    new = np.array([number[text] for text in getattr(part, table)] or [0], dtype=old.dtype)
    return np.where(old.astype(np.int64) < 0, old, new[np.maximum(old.astype(np.int64), 0)])
