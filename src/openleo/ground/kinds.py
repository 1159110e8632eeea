"""Kinds of user terminal: how wide they see, how they lean, how fast they may move, what they draw.

Each row is typed from the sources it names.  A value no source gives is marked "assumed" there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput, did_you_mean

_MPH_M_S = 0.44704  # exact: 1 mile = 1,609.344 m

# Where the numbers come from; each kind joins the ones it used.
_FOV_FORUM = "field of view 100 deg: r/Starlink mt0r40 (2021-04), used by the trackers of that time"
_FOV_110 = "field of view 110 deg: assumed, from memory of the maker's specification pages of 2023-2025"
_FOV_140 = "sweep 140 deg: maker's durability guide of the Performance kit (manuals.plus 33395cc2)"
_TILT = (
    "tilt: 23 deg read from a round dish at mid latitude (starlink_exporter issue 38, 2021-07), rounded to 20"
)
_MOVING = "in motion: maker's support article 50e933eb names Flat High Performance, Standard and Mini"
_ROAM = "100 mph: maker's Roam plan, support article 3717b249"
_POWER = "power: maker's specification pages as quoted by nexustelemetry.com and lists.bufferbloat.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalKind:
    """One kind of user terminal.

    ``field_of_view_rad`` is the full angle of the cone about the boresight.  ``tilt_rad`` is the largest lean
    of the boresight from the zenith toward the nearer pole (0 where it is mounted flat); see `boresight_enu`.
    ``max_speed_m_s`` is the fastest the maker serves it in motion, 0 where it must stand still.
    ``code`` is stable: results hold it.
    """

    name: str
    code: int
    field_of_view_rad: float
    tilt_rad: float
    in_motion: bool
    max_speed_m_s: float
    power_idle_w: float
    power_average_w: float
    source: str


def _kind(
    name: str,
    code: int,
    *,
    view_deg: float,
    tilt_deg: float,
    mph: float,
    watts: tuple[float, float],
    source: str,
) -> TerminalKind:
    idle_w, average_w = watts
    return TerminalKind(
        name=name,
        code=code,
        field_of_view_rad=math.radians(view_deg),
        tilt_rad=math.radians(tilt_deg),
        in_motion=mph > 0.0,
        max_speed_m_s=mph * _MPH_M_S,
        power_idle_w=idle_w,
        power_average_w=average_w,
        source=source,
    )


_ALL = (
    _kind("round-gen1", 0, view_deg=100, tilt_deg=20, mph=0, watts=(45, 82),
          source=f"{_FOV_FORUM}; {_TILT}; power 65-100 W: nexustelemetry.com; idle assumed"),
    _kind("standard", 1, view_deg=110, tilt_deg=20, mph=0, watts=(20, 62),
          source=f"{_FOV_110} (100 deg before 2023); {_TILT}; {_POWER} (50-75 W)"),
    _kind("high-performance", 2, view_deg=140, tilt_deg=20, mph=0, watts=(45, 130),
          source=f"{_FOV_140}, same array assumed; {_TILT}; {_POWER} (110-150 W)"),
    _kind("flat-high-performance", 3, view_deg=140, tilt_deg=0, mph=350, watts=(45, 130),
          source=f"{_FOV_140}, same array assumed; {_MOVING}; 350 mph and flat mount assumed; {_POWER}"),
    _kind("standard-4", 4, view_deg=110, tilt_deg=20, mph=100, watts=(20, 87),
          source=f"{_FOV_110}; {_TILT}, set by hand; {_MOVING}; {_ROAM}; {_POWER} (75-100 W)"),
    _kind("mini", 5, view_deg=110, tilt_deg=20, mph=100, watts=(15, 30),
          source=f"{_FOV_110}; {_TILT}, set by hand; {_MOVING}; {_ROAM}; {_POWER} (20-40 W)"),
    _kind("in-motion", 6, view_deg=140, tilt_deg=0, mph=350, watts=(45, 130),
          source=f"flat-high-performance on a vehicle or vessel; {_FOV_140}; {_MOVING}; 350 mph assumed"),
    _kind("drone", 7, view_deg=110, tilt_deg=0, mph=100, watts=(15, 30),
          source=f"assumed: the mini antenna, level, on an uncrewed vehicle or vessel; {_FOV_110}; {_ROAM}"),
)  # fmt: skip

KINDS: Mapping[str, TerminalKind] = MappingProxyType({kind.name: kind for kind in _ALL})
DEFAULT_KIND = KINDS["standard"]


def find_kind(name: str) -> TerminalKind:
    """Return the kind called ``name``; raises BadInput with the nearest names."""
    kind = KINDS.get(name.strip().lower())
    if kind is None:
        raise BadInput(f"no kind of terminal is called {name!r}", did_you_mean(name, KINDS))
    return kind


def kind_of_code(code: int) -> TerminalKind:
    """Return the kind with this stable ``code``; raises ValueError."""
    if not 0 <= code < len(_ALL):
        raise ValueError(f"no kind of terminal has code {code}; codes are 0 to {len(_ALL) - 1}")
    return _ALL[code]


def field_of_view_by_code() -> NDArray[np.float64]:
    """Return the full cone angle of each kind, indexed by code (K,), radians."""
    return np.array([kind.field_of_view_rad for kind in _ALL])


def boresight_tilt_rad(kind: TerminalKind, latitude_rad: ArrayLike) -> NDArray[np.float64]:
    """Return the signed lean of the boresight from the zenith, positive north, shape of ``latitude_rad``.

    The lean is toward the nearer pole, away from the geostationary arc, and never more than the latitude: a
    dish near the equator looks straight up.  (The lean is measured, the rule near the equator assumed.)
    """
    latitude = np.asarray(latitude_rad, dtype=np.float64)
    return np.sign(latitude) * np.minimum(kind.tilt_rad, np.abs(latitude))


def boresight_enu(kind: TerminalKind, latitude_rad: ArrayLike) -> NDArray[np.float64]:
    """Return the boresight as unit vectors (..., 3) in the local east, north, up frame."""
    tilt = boresight_tilt_rad(kind, latitude_rad)
    return np.stack([np.zeros_like(tilt), np.sin(tilt), np.cos(tilt)], axis=-1)
