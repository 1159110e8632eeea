"""What dishes are told from outside: who they are, what each second brings; and what they tell: commands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S
from openleo.dish.firmware import NEWEST
from openleo.snapshot.causes import Cause

_OURS = re.compile(r"ut-([0-9a-f]{8})-([0-9a-f]{8})")


class LocationPolicy(IntEnum):
    """Whether a dish tells where it is to those on its own network."""

    ENABLED = 0
    NOT_ENABLED = 1  # the owner has not allowed it: how dishes come
    BY_POLICY = 2  # the plan does not include it (since 2026-05)


def dish_id(name: str) -> str:
    """Return a terminal's name in the form of a dish's id: ``ut01000000-`` and our sixteen digits.

    Names that are not made by us stay as they are.
    """
    match = _OURS.fullmatch(name)
    return f"ut01000000-{match[1]}-{match[2]}" if match else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What one dish is and where it stands; its ``id`` must be its own, since every tool keys on it.

    The boresight is where it points; ``ahead_deg`` and so on are degrees because the interface's are.
    """

    id: str
    hardware: str = "rev4_prod1"
    software: str = NEWEST
    country: str = ""
    latitude_deg: float = 0.0
    longitude_deg: float = 0.0
    altitude_m: float = 0.0
    boresight_azimuth_deg: float = 0.0
    boresight_elevation_deg: float = 90.0
    has_actuators: bool = False
    mobility: Literal["STATIONARY", "NOMADIC", "MOBILE"] = "STATIONARY"
    service: Literal["CONSUMER", "BUSINESS", "BUSINESS_PLUS", "COMMERCIAL_AVIATION"] = "CONSUMER"
    location_policy: LocationPolicy = LocationPolicy.NOT_ENABLED
    routers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """What T seconds in a row bring U dishes; arrays are (T, U).  A slot is T = 15.

    ``start_s`` is the Unix second of the first.  ``cause`` is `openleo.snapshot.causes.Cause`; POWER_OFF
    means that the dish does not answer, and the first second after it is a start.  Rates are those in use.
    ``switched`` says that the satellite or beam changed in that second.  ``satellite_azimuth_rad`` and
    ``satellite_elevation_rad`` are where the satellite stands that the dish looks for, NaN for none; the
    obstruction map fills from them.  In seconds that are lost, latency and rates are taken as 0, drop as 1.
    """

    start_s: int
    cause: NDArray[np.uint8]
    latency_ms: NDArray[np.float32]
    drop: NDArray[np.float32]
    downlink_bps: NDArray[np.float32]
    uplink_bps: NDArray[np.float32]
    power_w: NDArray[np.float32]
    switched: NDArray[np.bool_] | None = None
    satellite_azimuth_rad: NDArray[np.float32] | None = None
    satellite_elevation_rad: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = self.cause.shape
        for name in ("latency_ms", "drop", "downlink_bps", "uplink_bps", "power_w", "switched",
                     "satellite_azimuth_rad", "satellite_elevation_rad"):  # fmt: skip
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} is {array.shape}, but cause is {shape} (seconds, dishes)")
        if (self.satellite_azimuth_rad is None) != (self.satellite_elevation_rad is None):
            raise ValueError("a satellite's direction needs azimuth and elevation")

    @classmethod
    def alike(
        cls,
        start_s: int,
        *,
        dishes: int,
        seconds: int = 1,
        cause: int = Cause.ONLINE,
        latency_ms: float = 30.0,
        drop: float = 0.0,
        downlink_bps: float = 0.0,
        uplink_bps: float = 0.0,
        power_w: float = 60.0,
    ) -> Self:
        """Return seconds in which all dishes fare alike."""
        shape = (seconds, dishes)

        def full(value: float) -> NDArray[np.float32]:
            return np.full(shape, value, np.float32)

        return cls(
            start_s=start_s,
            cause=np.full(shape, cause, np.uint8),
            latency_ms=full(latency_ms),
            drop=full(drop),
            downlink_bps=full(downlink_bps),
            uplink_bps=full(uplink_bps),
            power_w=full(power_w),
        )

    @classmethod
    def slot(
        cls,
        start_s: int,
        *,
        online: NDArray[np.uint16],
        cause: NDArray[np.uint8],
        latency_ms: NDArray[np.float32],
        downlink_bps: NDArray[np.float32],
        uplink_bps: NDArray[np.float32],
        power_w: NDArray[np.float32],
        drop: NDArray[np.float32] | None = None,
        switched: NDArray[np.bool_] | None = None,
        satellite_enu: NDArray[np.float32] | None = None,
    ) -> Self:
        """Return the 15 seconds of a slot from what the model says of it; arrays are (U,).

        Bit s of ``online`` is set where second s was online; in the others ``cause`` holds.  ``switched`` is
        a change of satellite or beam at the slot's start.  ``satellite_enu`` (2, U, 3) points to the
        satellite at the slot's start and end, east-north-up in any length, NaN for none; between them its
        direction is interpolated.
        """
        shape = (SLOT_S, len(cause))
        lit = (online[None, :] >> np.arange(SLOT_S, dtype=np.uint16)[:, None] & 1).astype(np.bool_)
        azimuth = elevation = None
        if satellite_enu is not None:
            azimuth, elevation = _between(satellite_enu)

        def each(array: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.broadcast_to(array.astype(np.float32), shape)

        changes = np.zeros(shape, np.bool_)
        if switched is not None:
            changes[0] = switched
        return cls(
            start_s=start_s,
            cause=np.where(lit, np.uint8(Cause.ONLINE), cause[None, :]),
            latency_ms=each(latency_ms),
            drop=each(drop if drop is not None else np.zeros(shape[1], np.float32)),
            downlink_bps=each(downlink_bps),
            uplink_bps=each(uplink_bps),
            power_w=each(power_w),
            switched=changes,
            satellite_azimuth_rad=azimuth,
            satellite_elevation_rad=elevation,
        )


def _between(enu: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return azimuth and elevation (15, U) between directions (2, U, 3) at a slot's start and end."""
    unit = enu / np.linalg.norm(enu, axis=-1, keepdims=True)
    share = (np.arange(SLOT_S, dtype=np.float32) / SLOT_S)[:, None, None]
    east, north, up = np.moveaxis(unit[0] * (1 - share) + unit[1] * share, -1, 0)
    azimuth = np.arctan2(east, north) % (2 * np.pi)
    return azimuth.astype(np.float32), np.arctan2(up, np.hypot(east, north)).astype(np.float32)


Act = Literal["stow", "unstow", "power_save", "reboot", "inhibit_gps", "clear_obstruction_map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody on a dish's own network told it, and it did.

    ``values`` of power_save: start_min, duration_min, enable; of inhibit_gps: inhibit.
    """

    row: int
    dish: str
    act: Act
    values: Mapping[str, int] = field(default_factory=dict)
    at_s: int  # Unix second of the dish's clock


POWER_SAVE_MINUTES: Final = 1440
