"""SGP4 for near-Earth orbits (period under 225 min), position only, over many satellites and times at once.

Theory: Hoots and Roehrich, "Spacetrack Report No. 3" (1980), with the corrections of Vallado, Crawford,
Hujsak and Kelso, "Revisiting Spacetrack Report #3" (AIAA 2006-6753), improved mode, WGS72; the symbols are
theirs.

Two kernels compute the same thing.  `fill_positions` is written for the vector units: satellites in blocks of
`LANES`, no branches, its own sines, and a Kepler solver for small eccentricities.  It sees for itself where
that was not enough and hands those satellites to `one_position`, which is the plain one.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from openleo.base.compile import njit
from openleo.orbits.wgs72 import DEEP_SPACE_MIN, EARTH_RADIUS_KM, J2, J3, J4, XKE, brouwer_motion

__all__ = [
    "DEEP_SPACE_MIN", "EARTH_RADIUS_KM", "J2", "J3", "J4", "LANES", "ROWS", "XKE", "brouwer_motion",
    "fill_positions", "near_earth_rows", "to_blocks",
]  # fmt: skip

_F = TypeVar("_F", bound=Callable[..., Any])

LANES = 32  # satellites in a block: a few vectors, so that the lanes hide each other's latency
_WORKERS = 4  # rows of the scratch block: x, y, z, last Kepler correction

# Rows of a block of constants.
(
    _DAY, _MINUTE, _MO, _MDOT, _ARGPO, _ARGPDOT, _NODEO, _NODEDOT, _NODECF, _CC1, _BCC4, _BCC5, _T2, _T3,
    _T4, _T5, _D2, _D3, _D4, _OMGCOF, _XMCOF, _ETA, _DELMO, _SINMAO, _AO, _ECCO, _NO, _AYCOF, _XLCOF,
    _COSIO, _SINIO,
) = range(31)  # fmt: skip
ROWS = 31

_TWO_OVER_PI = 2.0 / math.pi
# pi/2 in three parts, the first two with 33 bits, so that k times them is exact for k < 2^20 (Cody and Waite,
# "Software Manual for the Elementary Functions", 1980).
_PIO2_A = 1.5707963267341256
_PIO2_B = 6.077100506303966e-11
_PIO2_C = 2.0222662487959506e-21
_KEPLER_FIRST = 0.1  # beyond this `_turn` is not exact enough
_KEPLER_DOUBT = 1e-6  # a last correction below this leaves an error below 1e-13 rad
_MIN_ECCENTRICITY = 1e-6


def near_earth_rows(
    *,
    epoch_day: NDArray[np.float64],
    epoch_minute: NDArray[np.float64],
    elements: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the constants (ROWS, S) that SGP4 needs for each near-Earth set.

    ``epoch_day`` (S,) counts days from any origin and ``epoch_minute`` (S,) the minutes of that day.
    ``elements`` (S, 7) holds inclination, right ascension of the ascending node, eccentricity, argument of
    perigee, mean anomaly (rad), Kozai mean motion (rad/min) and BSTAR.  An impossible set yields NaN.
    """
    inclo, nodeo, ecco, argpo, mo, kozai, bstar = np.ascontiguousarray(elements.T)
    rows = np.zeros((ROWS, len(inclo)))
    with np.errstate(all="ignore"):
        no, ao = brouwer_motion(kozai, ecco, inclo)
        rows[_DAY], rows[_MINUTE] = epoch_day, epoch_minute
        rows[_MO], rows[_ARGPO], rows[_NODEO] = mo, argpo, nodeo
        rows[_ECCO], rows[_NO], rows[_AO] = ecco, no, ao
        rows[_COSIO], rows[_SINIO] = np.cos(inclo), np.sin(inclo)
        _gravity_rates(rows)
        _drag(rows, bstar)
    impossible = ~((ecco >= 0.0) & (ecco < 1.0) & (kozai > 0.0)) | ~np.isfinite(elements).all(axis=1)
    rows[_AO, impossible] = np.nan
    return rows


def _gravity_rates(rows: NDArray[np.float64]) -> None:
    """Fill the secular rates of J2, J2 squared and J4, and the long-period terms of J3."""
    no, ao, cosi, sini = rows[_NO], rows[_AO], rows[_COSIO], rows[_SINIO]
    beta2 = 1.0 - rows[_ECCO] ** 2
    cos2, cos4 = cosi**2, cosi**4
    inv_p2 = 1.0 / (ao * beta2) ** 2
    k1 = 1.5 * J2 * inv_p2 * no
    k2 = 0.5 * k1 * J2 * inv_p2
    k3 = -0.46875 * J4 * inv_p2**2 * no
    beta = np.sqrt(beta2)
    rows[_MDOT] = (
        no + 0.5 * k1 * beta * (3.0 * cos2 - 1.0) + 0.0625 * k2 * beta * (13.0 - 78.0 * cos2 + 137.0 * cos4)
    )
    rows[_ARGPDOT] = (
        -0.5 * k1 * (1.0 - 5.0 * cos2)
        + 0.0625 * k2 * (7.0 - 114.0 * cos2 + 395.0 * cos4)
        + k3 * (3.0 - 36.0 * cos2 + 49.0 * cos4)
    )
    rows[_NODEDOT] = (-k1 + 0.5 * k2 * (4.0 - 19.0 * cos2) + 2.0 * k3 * (3.0 - 7.0 * cos2)) * cosi
    one_plus = np.where(np.abs(cosi + 1.0) > 1.5e-12, 1.0 + cosi, 1.5e-12)  # retrograde equatorial
    rows[_XLCOF] = -0.25 * (J3 / J2) * sini * (3.0 + 5.0 * cosi) / one_plus
    rows[_AYCOF] = -0.5 * (J3 / J2) * sini


def _drag(rows: NDArray[np.float64], bstar: NDArray[np.float64]) -> None:
    """Fill the drag terms; below 220 km of perigee only the linear ones (Spacetrack Report No. 3)."""
    no, ao, ecco, cosi = rows[_NO], rows[_AO], rows[_ECCO], rows[_COSIO]
    mo, argpo = rows[_MO], rows[_ARGPO]
    beta2, con41, x1mth2 = 1.0 - ecco**2, 3.0 * cosi**2 - 1.0, 1.0 - cosi**2
    perigee_km = (ao * (1.0 - ecco) - 1.0) * EARTH_RADIUS_KM
    s_km = np.where(perigee_km < 98.0, 20.0, np.where(perigee_km < 156.0, perigee_km - 78.0, 78.0))
    s = s_km / EARTH_RADIUS_KM + 1.0
    tsi = 1.0 / (ao - s)
    rows[_ETA] = eta = ao * ecco * tsi
    eta2, eeta = eta**2, ecco * eta
    psi2 = np.abs(1.0 - eta2)
    coef = ((120.0 - s_km) / EARTH_RADIUS_KM) ** 4 * tsi**4
    coef1 = coef / psi2**3.5
    cc2 = coef1 * no * (
        ao * (1.0 + 1.5 * eta2 + eeta * (4.0 + eta2))
        + 0.375 * J2 * tsi / psi2 * con41 * (8.0 + 3.0 * eta2 * (8.0 + eta2))
    )  # fmt: skip
    cc1 = bstar * cc2
    oblate = -3.0 * con41 * (1.0 - 2.0 * eeta + eta2 * (1.5 - 0.5 * eeta)) + 0.75 * x1mth2 * (
        2.0 * eta2 - eeta * (1.0 + eta2)
    ) * np.cos(2.0 * argpo)
    round_part = eta * (2.0 + 0.5 * eta2) + ecco * (0.5 + 2.0 * eta2)
    cc4 = 2.0 * no * coef1 * ao * beta2 * (round_part - J2 * tsi / (ao * psi2) * oblate)
    cc5 = 2.0 * coef1 * ao * beta2 * (1.0 + 2.75 * (eta2 + eeta) + eeta * eta2)
    rows[_CC1], rows[_BCC4], rows[_T2] = cc1, bstar * cc4, 1.5 * cc1
    k1 = 1.5 * J2 / (ao * beta2) ** 2 * no
    rows[_NODECF] = -3.5 * beta2 * k1 * cosi * cc1
    rows[_DELMO], rows[_SINMAO] = (1.0 + eta * np.cos(mo)) ** 3, np.sin(mo)

    full = (ao * (1.0 - ecco) >= 220.0 / EARTH_RADIUS_KM + 1.0).astype(np.float64)
    round_orbit = ecco <= 1e-4
    cc3 = np.where(round_orbit, 0.0, -2.0 * coef * tsi * (J3 / J2) * no * rows[_SINIO] / ecco)
    rows[_OMGCOF] = full * bstar * cc3 * np.cos(argpo)
    rows[_XMCOF] = full * np.where(round_orbit, 0.0, -(2.0 / 3.0) * coef * bstar / eeta)
    rows[_BCC5] = full * bstar * cc5
    d2 = 4.0 * ao * tsi * cc1**2
    step = d2 * tsi * cc1 / 3.0
    d3 = (17.0 * ao + s) * step
    d4 = 0.5 * step * ao * tsi * (221.0 * ao + 31.0 * s) * cc1
    rows[_D2], rows[_D3], rows[_D4] = full * d2, full * d3, full * d4
    rows[_T3] = full * (d2 + 2.0 * cc1**2)
    rows[_T4] = full * 0.25 * (3.0 * d3 + cc1 * (12.0 * d2 + 10.0 * cc1**2))
    rows[_T5] = full * 0.2 * (
        3.0 * d4 + 12.0 * cc1 * d3 + 6.0 * d2**2 + 15.0 * cc1**2 * (2.0 * d2 + cc1**2)
    )  # fmt: skip


def to_blocks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return constants (ROWS, S) as one flat array of blocks (B, ROWS, LANES), padded with the last set."""
    count = rows.shape[1]
    blocks = -(-count // LANES)
    padded = rows[:, np.minimum(np.arange(blocks * LANES), count - 1)]
    return np.ascontiguousarray(padded.reshape(ROWS, blocks, LANES).transpose(1, 0, 2)).reshape(-1)


def _inlined(function: _F) -> _F:
    """Compile as `njit` does, always into the caller: a loop with a call in it does not vectorise."""
    return cast(_F, numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=True)(function))


@_inlined
def _sincos(x: float) -> tuple[float, float]:
    """Return sine and cosine to 1e-16 for |x| < 1e6: Taylor series about multiples of pi/2, no branches."""
    k = np.floor(x * _TWO_OVER_PI + 0.5)
    r = ((x - k * _PIO2_A) - k * _PIO2_B) - k * _PIO2_C
    z = r * r
    s = r + r * z * (
        -1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0 + z * (
            -1.0 / 39916800.0 + z * (1.0 / 6227020800.0 + z * (-1.0 / 1307674368000.0))))))
    )  # fmt: skip
    c = 1.0 + z * (
        -0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0 + z * (
            -1.0 / 3628800.0 + z * (1.0 / 479001600.0 + z * (
                -1.0 / 87178291200.0 + z * (1.0 / 20922789888000.0)))))))
    )  # fmt: skip
    quarter = k - 4.0 * np.floor(0.25 * k)
    odd = abs(quarter - 2.0) == 1.0
    sine = c if odd else s
    cosine = s if odd else c
    sine = -sine if quarter >= 2.0 else sine
    cosine = -cosine if abs(quarter - 1.5) < 1.0 else cosine
    return sine, cosine


@_inlined
def _turn(s: float, c: float, d: float) -> tuple[float, float]:
    """Return sine and cosine of an angle after a turn by a small ``d``; to 1e-16 for |d| < 0.1."""
    z = d * d
    sd = d * (1.0 + z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0)))))
    cd = 1.0 + z * (-0.5 + z * (1.0 / 24.0 + z * (-1.0 / 720.0 + z * (1.0 / 40320.0))))
    return s * cd + c * sd, c * cd - s * sd


@_inlined
def _secular(block: np.ndarray, j: int, t: float) -> tuple[float, float, float, float, float]:
    """Return eccentricity, semi-major axis, argument of perigee, node and mean argument of latitude.

    With the secular effects of gravity and drag ``t`` minutes after the epoch.
    """
    t2 = t * t
    xmdf = block[_MO * LANES + j] + block[_MDOT * LANES + j] * t
    _, cos_m = _sincos(xmdf)
    bulge = 1.0 + block[_ETA * LANES + j] * cos_m
    temp = block[_OMGCOF * LANES + j] * t + block[_XMCOF * LANES + j] * (
        bulge * bulge * bulge - block[_DELMO * LANES + j]
    )
    mm = xmdf + temp
    argp = block[_ARGPO * LANES + j] + block[_ARGPDOT * LANES + j] * t - temp
    node = block[_NODEO * LANES + j] + block[_NODEDOT * LANES + j] * t + block[_NODECF * LANES + j] * t2
    shrink = 1.0 - t * (
        block[_CC1 * LANES + j]
        + t * (block[_D2 * LANES + j] + t * (block[_D3 * LANES + j] + t * block[_D4 * LANES + j]))
    )
    sin_mm, _ = _sincos(mm)
    e = (
        block[_ECCO * LANES + j]
        - block[_BCC4 * LANES + j] * t
        - block[_BCC5 * LANES + j] * (sin_mm - block[_SINMAO * LANES + j])
    )
    ahead = t2 * (
        block[_T2 * LANES + j]
        + t * (block[_T3 * LANES + j] + t * (block[_T4 * LANES + j] + t * block[_T5 * LANES + j]))
    )
    a = block[_AO * LANES + j] * shrink * shrink
    a = a if (e < 1.0) and (e >= -0.001) else math.nan
    e = e if e > _MIN_ECCENTRICITY else _MIN_ECCENTRICITY
    return e, a, argp, node, mm + block[_NO * LANES + j] * ahead + argp


@_inlined
def _long_period(block: np.ndarray, j: int, e: float, a: float, argp: float) -> tuple[float, float, float]:
    """Return e cos(omega), e sin(omega) and the shift in argument of latitude: long-period terms of J3."""
    sin_w, cos_w = _sincos(argp)
    inv_p = 1.0 / (a * (1.0 - e * e))
    axn = e * cos_w
    return axn, e * sin_w + inv_p * block[_AYCOF * LANES + j], inv_p * block[_XLCOF * LANES + j] * axn


@_inlined
def _kepler_near(axn: float, ayn: float, u: float) -> tuple[float, float, float]:
    """Return sine and cosine of E + omega, and a doubt: below `_KEPLER_DOUBT` they are exact to 1e-13.

    Three Newton steps from u.  Each is small, so turn by it instead of computing sines again.
    """
    s, c = _sincos(u)
    first = (axn * s - ayn * c) / (1.0 - c * axn - s * ayn)
    off = first
    s, c = _turn(s, c, first)
    step = (axn * s - ayn * c - off) / (1.0 - c * axn - s * ayn)
    off += step
    s, c = _turn(s, c, step)
    step = (axn * s - ayn * c - off) / (1.0 - c * axn - s * ayn)
    s, c = _turn(s, c, step)
    return s, c, abs(step) if abs(first) < _KEPLER_FIRST else 1.0


@njit
def _kepler_any(axn: float, ayn: float, u: float) -> tuple[float, float]:
    """Return sine and cosine of E + omega for any eccentricity: Vallado's limited Newton iteration."""
    u = u % (2.0 * math.pi)
    big_e = u
    for _ in range(10):
        s, c = math.sin(big_e), math.cos(big_e)
        step = (u - ayn * c + axn * s - big_e) / (1.0 - c * axn - s * ayn)
        big_e += min(max(step, -0.95), 0.95)
        if abs(step) < 1e-12:
            break
    return math.sin(big_e), math.cos(big_e)


@_inlined
def _position(
    block: np.ndarray, j: int, a: float, node: float, e: tuple[float, float], anomaly: tuple[float, float]
) -> tuple[float, float, float]:
    """Return TEME x, y, z in Earth radii, with the short-period terms of J2; NaN below the surface.

    ``e`` is `_long_period`'s vector, ``anomaly`` the sine and cosine of E + omega.
    """
    axn, ayn = e
    s, c = anomaly
    ecos, esin = axn * c + ayn * s, axn * s - ayn * c
    el2 = axn * axn + ayn * ayn
    betal = math.sqrt(1.0 - el2)
    part = esin / (1.0 + betal)
    inv_1me = 1.0 / (1.0 - ecos)
    sin_u = inv_1me * (s - ayn - axn * part)
    cos_u = inv_1me * (c - axn + ayn * part)
    sin2u = 2.0 * sin_u * cos_u
    cos2u = 1.0 - 2.0 * sin_u * sin_u
    inv_pl = 1.0 / (a * (1.0 - el2))
    k1 = 0.5 * J2 * inv_pl
    k2 = k1 * inv_pl
    cosi, sini = block[_COSIO * LANES + j], block[_SINIO * LANES + j]
    cos2i = cosi * cosi
    r = a * (1.0 - ecos) * (1.0 - 1.5 * k2 * betal * (3.0 * cos2i - 1.0))
    r += 0.5 * k1 * (1.0 - cos2i) * cos2u
    r = r if r >= 1.0 else math.nan  # below one Earth radius: decayed
    # The corrections of angles are under 0.01 rad wherever r >= 1, so turn by them.
    su, cu = _turn(sin_u, cos_u, -0.25 * k2 * (7.0 * cos2i - 1.0) * sin2u)
    sin_n, cos_n = _sincos(node)
    sn, cn = _turn(sin_n, cos_n, 1.5 * k2 * cosi * sin2u)
    si, ci = _turn(sini, cosi, 1.5 * k2 * cosi * sini * cos2u)
    return r * (cn * cu - sn * ci * su), r * (sn * cu + cn * ci * su), r * si * su


@_inlined
def _minutes_since_epoch(block: np.ndarray, j: int, day: float, minute: float) -> float:
    since: float = (day - block[_DAY * LANES + j]) * 1440.0 + (minute - block[_MINUTE * LANES + j])
    return since


@njit
def _fill_block(block: np.ndarray, day: float, minute: float, work: np.ndarray) -> None:
    """Fill ``work`` (4 x LANES, flat) with TEME x, y, z in Earth radii and the doubt of Kepler."""
    for j in range(LANES):
        e, a, argp, node, lat = _secular(block, j, _minutes_since_epoch(block, j, day, minute))
        axn, ayn, shift = _long_period(block, j, e, a, argp)
        s, c, doubt = _kepler_near(axn, ayn, lat + shift)
        x, y, z = _position(block, j, a, node, (axn, ayn), (s, c))
        work[j] = x
        work[LANES + j] = y
        work[2 * LANES + j] = z
        work[3 * LANES + j] = doubt


@njit
def _one_position(block: np.ndarray, j: int, day: float, minute: float) -> tuple[float, float, float]:
    """Return TEME x, y, z in Earth radii of satellite ``j`` of a block, whatever its eccentricity."""
    e, a, argp, node, lat = _secular(block, j, _minutes_since_epoch(block, j, day, minute))
    axn, ayn, shift = _long_period(block, j, e, a, argp)
    return _position(block, j, a, node, (axn, ayn), _kepler_any(axn, ayn, lat + shift))


@njit
def fill_positions(
    blocks: np.ndarray, instants: np.ndarray, turns: np.ndarray, columns: np.ndarray, out: np.ndarray
) -> None:
    """Fill ``out[t, columns[s]]`` with positions in metres, turned about the z axis.

    ``blocks`` is what `to_blocks` made of S sets; ``instants`` (T, 2) holds day and minute of day; ``turns``
    (T, 2) the cosine and sine of the sidereal angle (1 and 0 leave TEME); ``columns`` (S,) says where each
    satellite goes in ``out`` (T, ?, 3).  NaN where a satellite has decayed or its elements broke down.
    """
    count = columns.shape[0]
    metres = EARTH_RADIUS_KM * 1000.0
    work = np.empty(_WORKERS * LANES)
    for k in range(instants.shape[0]):
        day, minute = instants[k, 0], instants[k, 1]
        cos_g, sin_g = turns[k, 0] * metres, turns[k, 1] * metres
        for b in range((count + LANES - 1) // LANES):
            block = blocks[b * LANES * ROWS : (b + 1) * LANES * ROWS]
            _fill_block(block, day, minute, work)
            for j in range(min(LANES, count - b * LANES)):
                x, y, z = work[j], work[LANES + j], work[2 * LANES + j]
                if not work[3 * LANES + j] < _KEPLER_DOUBT:
                    x, y, z = _one_position(block, j, day, minute)
                s = columns[b * LANES + j]
                out[k, s, 0] = cos_g * x + sin_g * y
                out[k, s, 1] = cos_g * y - sin_g * x
                out[k, s, 2] = metres * z
