"""Find the shells of a real constellation, and who serves in them, from element sets alone.

A satellite that serves holds its height within a few hundred metres, so shells stand out as sharp layers;
those still climbing, parked to let their plane drift, or falling lie between (docs/constellations.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

CLASS_GAP_RAD = np.radians(0.5)  # inclinations of one class have no wider gap
LAYER_SHARE = 0.01  # a layer holds this share of its inclination class at least
LAYER_MIN = 12
MERGE_GAP_M = 8_000.0  # layers of one inclination this near are one shell
SAME_INCLINATION_RAD = np.radians(0.1)
MARGIN_M = 3_000.0  # the in-service band reaches this far beyond the layer
FLOOR_M = 430_000.0  # below, satellites are taken to be climbing, parked or falling (assumed)
# Filed shells are at 1,200 km (OneWeb, FCC 17-77) and 590, 610 and 630 km (Kuiper, FCC 20-102).
OPERATOR_FLOOR_M = {"ONEWEB": 1_150_000.0, "KUIPER": 575_000.0}
TRAIN_RESULTANT = 0.6  # mean resultant of phases above which a plane is a launch train, not a spread plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A shell: name, height above the equatorial radius, inclination, and the band in which it serves.

    ``planes`` is how many there are, None where not known.
    """

    name: str
    altitude_m: float
    inclination_rad: float
    in_service_low_m: float
    in_service_high_m: float
    planes: int | None = None


def shell_name(inclination_rad: float, height_m: float) -> str:
    """Return ``53.2-540``: degrees and kilometres."""
    return f"{np.degrees(inclination_rad):.1f}-{height_m / 1000.0:.0f}"


@dataclass(frozen=True, slots=True)
class _Layer:
    low_m: float
    high_m: float
    inclination_rad: float
    members: NDArray[np.int64]


def find_shells(
    inclination_rad: F64, height_m: F64, raan_rad: F64, phase_rad: F64, *, floor_m: F64
) -> tuple[tuple[Shell, ...], NDArray[np.int16]]:
    """Return the shells, and for each satellite the index of its shell or -1 where it does not serve (S,).

    ``height_m`` is the semi-major axis less the equatorial radius, ``phase_rad`` the argument of latitude.
    ``floor_m`` (S,) is the height below which each satellite is known, or taken, not to serve.
    """
    shell_of = np.full(len(height_m), -1, dtype=np.int16)
    shells: list[Shell] = []
    for members in _inclination_classes(inclination_rad):
        layers = _merge(_layers(members, inclination_rad, height_m))
        for low, high in _bands(layers):
            inside = members[(height_m[members] >= low) & (height_m[members] <= high)]
            inside = inside[height_m[inside] >= floor_m[inside]]
            if len(inside) < LAYER_MIN or _is_train(raan_rad[inside], phase_rad[inside]):
                continue
            inclination = float(np.median(inclination_rad[inside]))
            height = float(np.median(height_m[inside]))
            shell_of[inside] = len(shells)
            shells.append(
                Shell(
                    name=shell_name(inclination, height),
                    altitude_m=height,
                    inclination_rad=inclination,
                    in_service_low_m=low,
                    in_service_high_m=high,
                )
            )
    return tuple(shells), shell_of


def _inclination_classes(inclination_rad: F64) -> list[NDArray[np.int64]]:
    order = np.argsort(inclination_rad, kind="stable")
    cuts = np.flatnonzero(np.diff(inclination_rad[order]) > CLASS_GAP_RAD) + 1
    return [np.sort(part) for part in np.split(order, cuts)]


def _layers(members: NDArray[np.int64], inclination_rad: F64, height_m: F64) -> list[_Layer]:
    """Return the sharp layers among ``members``: runs of kilometres whose neighbourhood is well filled."""
    if len(members) == 0:
        return []
    km = np.floor(height_m[members] / 1000.0).astype(np.int64)
    lowest = int(km.min()) - 1
    counts = np.bincount(km - lowest, minlength=int(km.max()) - lowest + 2)
    near = np.convolve(counts, np.ones(3, dtype=np.int64), mode="same")
    dense = (near >= max(LAYER_MIN, LAYER_SHARE * len(members))) & (counts > 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], dense.astype(np.int8), [0]])))
    layers = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        inside = members[(km >= start + lowest) & (km < stop + lowest)]
        layers.append(
            _Layer(
                float(height_m[inside].min()),
                float(height_m[inside].max()),
                float(np.median(inclination_rad[inside])),
                inside,
            )
        )
    return layers


def _merge(layers: list[_Layer]) -> list[_Layer]:
    """Join neighbouring layers that are one shell flown at several heights."""
    merged: list[_Layer] = []
    for layer in layers:
        last = merged[-1] if merged else None
        if (
            last is not None
            and layer.low_m - last.high_m <= MERGE_GAP_M
            and abs(layer.inclination_rad - last.inclination_rad) <= SAME_INCLINATION_RAD
        ):
            both = np.concatenate([last.members, layer.members])
            merged[-1] = _Layer(last.low_m, layer.high_m, last.inclination_rad, both)
        else:
            merged.append(layer)
    return merged


def _bands(layers: list[_Layer]) -> list[tuple[float, float]]:
    """Return the in-service band of each layer: a margin on both sides, at most half-way to the next."""
    bands = []
    for i, layer in enumerate(layers):
        low, high = layer.low_m - MARGIN_M, layer.high_m + MARGIN_M
        if i > 0:
            low = max(low, 0.5 * (layers[i - 1].high_m + layer.low_m))
        if i + 1 < len(layers):
            high = min(high, 0.5 * (layer.high_m + layers[i + 1].low_m))
        bands.append((low, high))
    return bands


def _is_train(raan_rad: F64, phase_rad: F64) -> bool:
    """Whether the satellites fly in trains, as after launch, rather than spread along their planes."""
    order = np.argsort(raan_rad, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(raan_rad[order]) > np.radians(1.0)) + 1)
    groups = [g for g in groups if len(g) >= 4]
    if not groups:
        return False
    sizes = np.array([len(g) for g in groups])
    resultants = np.array([abs(np.exp(1j * phase_rad[g]).mean()) for g in groups])
    return bool((sizes * resultants).sum() / sizes.sum() > TRAIN_RESULTANT)
