"""Horizon masks: how high the surroundings of a terminal reach, by azimuth.

A mask is 72 elevations, at azimuths 0, 5, ... 355 degrees from north over east; between them it is a straight
line.  A satellite below the line is hidden.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.base.errors import BadInput, did_you_mean
from openleo.base.hashing import hash_u32
from openleo.ground.rows import RowProblem, WrongCell, read_table, refuse

MASK_BINS = 72
_BIN_RAD = 2.0 * math.pi / MASK_BINS
_BIN_DEG = 360.0 / MASK_BINS
_COLUMNS = {
    "azimuth_deg": ("azimuth", "az", "az_deg"),
    "elevation_deg": ("elevation", "el", "el_deg", "min_elevation_deg", "horizon_deg"),
}
_NODES_RAD = np.arange(MASK_BINS) * _BIN_RAD


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonMask:
    """The elevation of the horizon at 72 azimuths, ``elevation_rad`` (72,) float32 within [0, pi/2]."""

    name: str
    elevation_rad: NDArray[np.float32]

    def __post_init__(self) -> None:
        height = self.elevation_rad
        if height.shape != (MASK_BINS,) or not ((height >= 0.0) & (height <= 1.5709)).all():
            raise ValueError(f"a horizon mask is {MASK_BINS} elevations between 0 and pi/2")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskTable:
    """The masks of a scenario: ``elevation_rad`` (M, 72) float32.  `Terminals.mask` is a row of it."""

    name: tuple[str, ...]
    elevation_rad: NDArray[np.float32]

    @classmethod
    def of(cls, masks: Sequence[HorizonMask]) -> "MaskTable":
        """Return masks as one table."""
        rows = [mask.elevation_rad for mask in masks]
        stacked = np.array(rows, dtype=np.float32).reshape(-1, MASK_BINS)
        return cls(name=tuple(mask.name for mask in masks), elevation_rad=stacked)

    def __len__(self) -> int:
        return len(self.name)


@njit
def blocked(mask: NDArray[np.float32], azimuth_rad: float, elevation_rad: float) -> bool:
    """Say whether a direction is below the horizon of one mask (72,).  Any azimuth will do."""
    place = azimuth_rad / _BIN_RAD
    whole = math.floor(place)
    share = place - whole
    low = int(whole) % MASK_BINS
    high = (low + 1) % MASK_BINS
    return bool(elevation_rad < mask[low] * (1.0 - share) + mask[high] * share)


@njit
def blocked_many(
    masks: NDArray[np.float32],
    rows: NDArray[np.int32],
    azimuth_rad: NDArray[np.float64],
    elevation_rad: NDArray[np.float64],
    out: NDArray[np.bool_],
) -> None:
    """Fill ``out`` (N,): is direction n hidden by row ``rows[n]`` of ``masks`` (M, 72)?  Row -1 is none."""
    for n in range(rows.shape[0]):
        out[n] = rows[n] >= 0 and blocked(masks[rows[n]], azimuth_rad[n], elevation_rad[n])


def blocked_reference(mask: NDArray[np.float32], azimuth_rad: float, elevation_rad: float) -> bool:
    """Say the same as `blocked`, slowly and obviously."""
    horizon = np.interp(azimuth_rad, _NODES_RAD, mask.astype(np.float64), period=2.0 * math.pi)
    return bool(elevation_rad < horizon)


def read_mask(path: Path) -> HorizonMask:
    """Read a mask from CSV with the columns azimuth_deg and elevation_deg, in any order and spacing.

    Between the file's azimuths the horizon is a straight line; what stands out within 2.5 degrees of one of
    the 72 azimuths counts there, so that a thin mast is not lost.  Raises BadInput that names the lines.
    """
    table = read_table(path, columns=_COLUMNS, required=("azimuth_deg", "elevation_deg"))
    problems: list[RowProblem] = list(table.problems)
    samples: dict[float, tuple[int, float]] = {}
    for row in table.rows:
        try:
            azimuth = row.number("azimuth_deg", low=-360.0, high=360.0) % 360.0
            elevation = row.number("elevation_deg", low=-90.0, high=90.0)
            if azimuth in samples:
                reason = f"line {samples[azimuth][0]} has the same azimuth"
                raise WrongCell("azimuth_deg", row.text("azimuth_deg"), reason, "keep one of them")
            samples[azimuth] = (row.line, max(elevation, 0.0))
        except WrongCell as wrong:
            problems.append(wrong.at(row.line))
    if problems:
        raise refuse(path, sorted(problems, key=lambda problem: problem.line), len(samples))
    azimuths = np.array(list(samples))
    return _resampled(path.stem, azimuths, np.array([elevation for _, elevation in samples.values()]))


def _resampled(
    name: str, azimuth_deg: NDArray[np.float64], elevation_deg: NDArray[np.float64]
) -> HorizonMask:
    nodes = np.arange(MASK_BINS) * _BIN_DEG
    height = np.interp(nodes, azimuth_deg, elevation_deg, period=360.0)
    np.maximum.at(height, np.rint(azimuth_deg / _BIN_DEG).astype(int) % MASK_BINS, elevation_deg)
    return HorizonMask(name=name, elevation_rad=np.radians(height).astype(np.float32))


def urban_canyon(
    *, street_azimuth_rad: float, height_m: float, width_m: float, name: str = "canyon"
) -> HorizonMask:
    """Return the mask in the middle of a long street between walls ``height_m`` above the dish."""
    across = np.abs(np.sin(_NODES_RAD - street_azimuth_rad))
    return _mask(name, np.arctan(2.0 * height_m / width_m * across))


def single_building(
    *, azimuth_rad: float, distance_m: float, width_m: float, height_m: float, name: str = "building"
) -> HorizonMask:
    """Return the mask of one wall square to ``azimuth_rad``, ``height_m`` above the dish, on open ground."""
    off = (_NODES_RAD - azimuth_rad + math.pi) % (2.0 * math.pi) - math.pi
    behind = np.abs(off) < math.atan2(0.5 * width_m, distance_m)
    return _mask(name, np.where(behind, np.arctan(height_m / distance_m * np.cos(off)), 0.0))


def tree_line(*, seed: int, number: int, elevation_rad: float, name: str = "trees") -> HorizonMask:
    """Return the mask of trees all round, between half of and one and a half times ``elevation_rad``.

    Each height is the mean of three neighbouring hashes, so trees rise and fall over 15 degrees.
    """
    key = hash_u32(seed, number, _TREES)
    raw = np.array([hash_u32(key, azimuth, _TREES) for azimuth in range(MASK_BINS)]) / 2.0**32
    smooth = (np.roll(raw, 1) + raw + np.roll(raw, -1)) / 3.0
    return _mask(name, elevation_rad * (0.5 + smooth))


_TREES, _CHOICE = 41, 42  # streams of random numbers


def made_mask(kind: str, *, seed: int, number: int) -> HorizonMask:
    """Return a mask of this kind (`MASK_KINDS`), with sizes a hash of (seed, number) picks; raises BadInput.

    The ranges are assumed, not measured.  Kinds: "urban-canyon" (walls 6-20 m above the dish, a street of
    15-35 m), "building" (one wall 8-25 m high, 20-60 m wide, 8-30 m away), "tree-line" (mean 10-30 degrees).
    """
    if kind not in MASK_KINDS:
        raise BadInput(f"no horizon mask is called {kind!r}", did_you_mean(kind, MASK_KINDS))
    key = hash_u32(seed, number, _CHOICE)

    def between(low: float, high: float, stream: int) -> float:
        return low + (high - low) * (hash_u32(key, stream, _CHOICE) / 2.0**32)

    return MASK_KINDS[kind](between, seed, number)


_Between = Callable[[float, float, int], float]


def _made_canyon(between: _Between, _: int, number: int) -> HorizonMask:
    return urban_canyon(
        street_azimuth_rad=between(0.0, math.pi, 0),
        height_m=between(6.0, 20.0, 1),
        width_m=between(15.0, 35.0, 2),
        name=f"urban-canyon {number}",
    )


def _made_building(between: _Between, _: int, number: int) -> HorizonMask:
    return single_building(
        azimuth_rad=between(0.0, 2.0 * math.pi, 0),
        distance_m=between(8.0, 30.0, 1),
        width_m=between(20.0, 60.0, 2),
        height_m=between(8.0, 25.0, 3),
        name=f"building {number}",
    )


def _made_trees(between: _Between, seed: int, number: int) -> HorizonMask:
    mean_rad = math.radians(between(10.0, 30.0, 0))
    return tree_line(seed=seed, number=number, elevation_rad=mean_rad, name=f"tree-line {number}")


MASK_KINDS: Mapping[str, Callable[[_Between, int, int], HorizonMask]] = {
    "urban-canyon": _made_canyon,
    "building": _made_building,
    "tree-line": _made_trees,
}


def _mask(name: str, elevation_rad: NDArray[np.float64]) -> HorizonMask:
    return HorizonMask(name=name, elevation_rad=elevation_rad.astype(np.float32))
