"""Planes of a constellation, the order along them, and the four laser neighbours of each satellite."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import EARTH_MEAN_RADIUS_M, TAU, WGS84_A_M
from openleo.orbits.secular import altitude_m, latitude_argument_at_rad, raan_at_rad

if TYPE_CHECKING:
    from openleo.orbits.constellation import Constellation

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

PLANE_GAP_RAD = np.radians(
    0.75
)  # nodes of one plane have no gap this wide (measured: docs/constellations.md)
PLANE_WIDTH_RAD = np.radians(1.2)  # nodes of one plane span less, unless no gap parts them
INNER_GAP_RAD = np.radians(0.2)
LAYER_GAP_M = 1_500.0  # planes this much apart in height drift past each other: not neighbours
GRAZING_HEIGHT_M = (
    80_000.0  # a laser passes no lower (assumed; the limit behind Hypatia's 5,016 km at 550 km)
)
AHEAD, BEHIND, LEFT, RIGHT = range(4)


def cluster_nodes(raan_rad: F64, altitudes_m: F64) -> Ints:
    """Group satellites of one shell into planes by right ascension of the node; returns labels (S,).

    Labels count up with the node's right ascension from 0.  Wide groups, where planes of several heights have
    drifted into each other, are parted by height and then at their widest gaps.
    """
    if len(raan_rad) == 0:
        return np.zeros(0, dtype=np.int64)
    groups: list[Ints] = []
    for group in _cut_circle(raan_rad, np.arange(len(raan_rad)), PLANE_GAP_RAD):
        if _width(raan_rad[group]) <= PLANE_WIDTH_RAD:
            groups.append(group)
            continue
        for layer in _cut_line(altitudes_m, group, LAYER_GAP_M):
            for part in _cut_circle(raan_rad, layer, PLANE_GAP_RAD):
                groups.extend(_halve(raan_rad, part))
    groups.sort(key=lambda g: (circular_mean_rad(raan_rad[g]), int(g[0])))
    labels = np.empty(len(raan_rad), dtype=np.int64)
    for label, group in enumerate(groups):
        labels[group] = label
    return labels


def circular_mean_rad(angles_rad: F64, turns: float = 1.0) -> float:
    """Return the mean of angles (N,) on a circle of 2 pi / ``turns``, in [0, 2 pi / turns)."""
    mean = np.angle(np.exp(1j * turns * np.asarray(angles_rad)).mean()) / turns
    return float(mean % (TAU / turns))


def _cut_circle(angles_rad: F64, members: Ints, gap_rad: float) -> list[Ints]:
    """Part ``members`` at every gap of ``gap_rad`` or more around the circle; each part in angle order."""
    order = members[np.argsort(angles_rad[members], kind="stable")]
    sorted_rad = angles_rad[order]
    gaps = np.diff(np.append(sorted_rad, sorted_rad[0] + TAU))
    cuts = np.flatnonzero(gaps >= gap_rad)
    if len(cuts) == 0:
        return [order]
    first = cuts[-1] + 1
    return np.split(np.roll(order, -first), np.sort((cuts[:-1] + 1 - first) % len(order)))


def _cut_line(values: F64, members: Ints, gap: float) -> list[Ints]:
    """Part ``members`` where their sorted values leave ``gap`` or more."""
    order = members[np.argsort(values[members], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(values[order]) >= gap) + 1)


def _unwrapped(angles_rad: F64) -> F64:
    """Return angles in order of a part of the circle, without the step at 2 pi."""
    return np.asarray(angles_rad[0] + np.cumsum(np.append(0.0, np.diff(angles_rad) % TAU)))


def _width(angles_rad: F64) -> float:
    return float(np.ptp(_unwrapped(angles_rad)))


def _halve(angles_rad: F64, group: Ints) -> list[Ints]:
    """Part a group wider than a plane at its widest inner gap, again and again."""
    angles = _unwrapped(angles_rad[group])
    if len(group) < 2 or np.ptp(angles) <= PLANE_WIDTH_RAD:
        return [group]
    gaps = np.diff(angles)
    cut = int(np.argmax(gaps)) + 1
    if gaps[cut - 1] < INNER_GAP_RAD:
        return [group]
    return _halve(angles_rad, group[:cut]) + _halve(angles_rad, group[cut:])


def order_in_planes(shell: NDArray[np.int16], plane: NDArray[np.int16], phase_rad: F64) -> NDArray[np.int16]:
    """Return each satellite's place along its plane (S,), from 0 at the node up; -1 outside planes."""
    slots = np.full(len(shell), -1, dtype=np.int16)
    for members in plane_members(shell, plane).values():
        slots[members[np.argsort(phase_rad[members], kind="stable")]] = np.arange(len(members))
    return slots


def plane_members(shell: NDArray[np.int16], plane: NDArray[np.int16]) -> dict[tuple[int, int], Ints]:
    """Return the satellites of each (shell, plane), in order of satellite index."""
    chosen = np.flatnonzero((shell >= 0) & (plane >= 0))
    if len(chosen) == 0:
        return {}
    key = shell[chosen].astype(np.int64) * 65536 + plane[chosen]
    chosen = chosen[np.argsort(key, kind="stable")]
    key = np.sort(key)
    parts = np.split(chosen, np.flatnonzero(np.diff(key)) + 1)
    return {(int(shell[p[0]]), int(plane[p[0]])): p for p in parts}


def grid_neighbours(constellation: "Constellation", at: np.datetime64 | None = None) -> NDArray[np.int32]:
    """Return the +Grid lasers: satellite index ahead, behind, left plane, right plane, or -1; int32 (S, 4).

    Symmetric: the one ahead has me behind, the one to the right (the next plane east) has me left.  Only
    satellites in service with lasers take part.  Between neighbouring planes of one height, evenly spaced
    planes of equal size are joined with the phase shift that makes the mean link over an orbit shortest;
    others by mutually nearest phase.  A link that the Earth would break somewhere along the orbit is not
    made: a Walker star so has its seam, and polar shells of few planes have no links between them.  Phases
    are taken at ``at``, by default the constellation's epoch.  Which links are short enough for a laser is
    the caller's test (``max_isl_km``).
    """
    when = constellation.epoch if at is None else at
    sets = constellation.sets
    phase = latitude_argument_at_rad(sets, when)
    raan = raan_at_rad(sets, when)
    radius = altitude_m(sets) + WGS84_A_M
    out = np.full((len(sets), 4), -1, dtype=np.int32)
    usable = constellation.has_laser & (constellation.shell >= 0)
    members = plane_members(np.where(usable, constellation.shell, -1).astype(np.int16), constellation.plane)
    ordered = {key: m[np.argsort(phase[m], kind="stable")] for key, m in members.items()}
    for plane in ordered.values():
        _join_along(plane, phase, radius, out)
    for ring in _rings(ordered, raan, radius):
        pairs = len(ring) if len(ring) > 2 else len(ring) - 1
        for i in range(pairs):
            _join_across(
                ring[i], ring[(i + 1) % len(ring)], _View(phase, raan, radius, sets.inclination_rad), out
            )
    return out


class _View:
    """What `_join_across` looks at: phases, nodes, radii and inclinations of all satellites."""

    __slots__ = ("inclination_rad", "phase_rad", "raan_rad", "radius_m")

    def __init__(self, phase_rad: F64, raan_rad: F64, radius_m: F64, inclination_rad: F64) -> None:
        self.phase_rad = phase_rad
        self.raan_rad = raan_rad
        self.radius_m = radius_m
        self.inclination_rad = inclination_rad


def _longest_chord_m(radius_m: float) -> float:
    """Return the longest link between two satellites at ``radius_m`` that clears the atmosphere."""
    low = EARTH_MEAN_RADIUS_M + GRAZING_HEIGHT_M
    return float(2.0 * np.sqrt(max(radius_m**2 - low**2, 0.0)))


def _join_along(plane: Ints, phase_rad: F64, radius_m: F64, out: NDArray[np.int32]) -> None:
    """Join each satellite of a plane, in order of phase, to the next one where it can be seen."""
    if len(plane) < 2:
        return
    following = np.roll(plane, -1)
    gap = (phase_rad[following] - phase_rad[plane]) % TAU
    clear = 2.0 * radius_m[plane] * np.sin(gap / 2.0) <= _longest_chord_m(float(radius_m[plane].mean()))
    clear &= gap < np.pi
    out[plane[clear], AHEAD] = following[clear]
    out[following[clear], BEHIND] = plane[clear]


def _rings(ordered: dict[tuple[int, int], Ints], raan_rad: F64, radius_m: F64) -> list[list[Ints]]:
    """Return, for each shell and height layer, its planes in order of their nodes."""
    rings: list[list[Ints]] = []
    for shell in sorted({key[0] for key in ordered}):
        planes = [m for key, m in ordered.items() if key[0] == shell]
        heights = np.array([np.median(radius_m[m]) for m in planes])
        for layer in _cut_line(heights, np.arange(len(planes)), LAYER_GAP_M):
            rings.append(sorted((planes[i] for i in layer), key=lambda m: circular_mean_rad(raan_rad[m])))
    return rings


def shortest_phase_shift_rad(raan_step_rad: float, inclination_rad: float) -> tuple[float, float]:
    """Return the phase lead of the eastern plane that makes links shortest, and cos of the mean angle then.

    For circular orbits u -> cos u P + sin u Q the mean of r1 . r2 over an orbit is (A cos d + B sin d) / 2
    with A = P1.P2 + Q1.Q2 and B = P1.Q2 - Q1.P2, so the best lead d is atan2(B, A).
    """
    c = np.cos(inclination_rad)
    a = np.cos(raan_step_rad) * (1.0 + c * c) + np.sin(inclination_rad) ** 2
    b = -2.0 * np.sin(raan_step_rad) * c
    return float(np.arctan2(b, a)), float(np.hypot(a, b) / 2.0)


def _join_across(west: Ints, east: Ints, view: _View, out: NDArray[np.int32]) -> None:
    """Join two neighbouring planes, where their satellites can see each other."""
    step = circular_mean_rad(view.raan_rad[east]) - circular_mean_rad(view.raan_rad[west])
    inclination = float(view.inclination_rad[west].mean())
    radius = float(view.radius_m[west].mean())
    lead, _ = shortest_phase_shift_rad(step, inclination)
    wanted = (view.phase_rad[west] + lead) % TAU
    partner = _shifted(wanted, view.phase_rad[east]) if len(west) == len(east) else None
    if partner is None:
        partner = _mutually_nearest(wanted, view.phase_rad[east])
    actual = view.phase_rad[east[partner]] - view.phase_rad[west]
    clear = radius * widest_link_of_radius(step, inclination, actual) <= _longest_chord_m(radius)
    found = (partner >= 0) & clear
    out[west[found], RIGHT] = east[partner[found]]
    out[east[partner[found]], LEFT] = west[found]


def widest_link_of_radius(raan_step_rad: float, inclination_rad: float, lead_rad: F64) -> F64:
    """Return the longest a link gets over an orbit, in orbit radii, for each lead of the eastern one (N,).

    r1(u) . r2(u + d) is a constant plus a term in 2u + d; the link is longest where that term is lowest.
    """
    c, s = np.cos(inclination_rad), np.sin(inclination_rad)
    pp, qq = np.cos(raan_step_rad), c * c * np.cos(raan_step_rad) + s * s
    pq, qp = -np.sin(raan_step_rad) * c, np.sin(raan_step_rad) * c
    constant = 0.5 * (np.cos(lead_rad) * (pp + qq) + np.sin(lead_rad) * (pq - qp))
    swing = 0.5 * np.hypot(pp - qq, pq + qp)
    return np.asarray(np.sqrt(np.maximum(2.0 - 2.0 * (constant - swing), 0.0)))


def _shifted(wanted_rad: F64, east_rad: F64) -> Ints | None:
    """Return the partner of each western satellite for evenly spaced planes of equal size, else None."""
    count = len(wanted_rad)
    spacing = TAU / count
    for phases in (wanted_rad, east_rad):
        gaps = np.diff(np.append(phases, phases[0] + TAU)) % TAU
        if count > 1 and np.abs(gaps - spacing).max() > 0.05 * spacing:
            return None
    # A lead that falls midway between two satellites goes to the one behind, everywhere alike.
    shift = int(np.ceil(((wanted_rad[0] - east_rad[0]) % TAU) / spacing - 0.5 - 1e-3))
    return np.asarray((np.arange(count) + shift) % count)


def _mutually_nearest(wanted_rad: F64, east_rad: F64) -> Ints:
    """Return, for each western satellite, the eastern one where both are each other's nearest, or -1."""
    apart = np.abs((wanted_rad[:, None] - east_rad[None, :] + np.pi) % TAU - np.pi)
    forward = apart.argmin(axis=1)
    backward = apart.argmin(axis=0)
    return np.where(backward[forward] == np.arange(len(wanted_rad)), forward, -1)
