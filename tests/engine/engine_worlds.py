"""Small worlds for the engine's tests, and what an outsider would compute about them.

Positions here come from the ``sgp4`` package and the geostationary arc is sampled, so that nothing is checked
against itself.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import h3
import numpy as np
from sgp4.api import WGS72, Satrec
from sgp4.propagation import gstime

from openleo.base.clock import slot_start
from openleo.engine import Network, State, first_state, prepare, run_slots
from openleo.scenario import Scenario, scenario_from
from openleo.scenario.world import compile_world
from openleo.snapshot.snapshot import Snapshot

START = datetime(2022, 10, 7, tzinfo=UTC)
WGS84_A_M, WGS84_F = 6_378_137.0, 1.0 / 298.257223563
GSO_M = 42_164_000.0
ALL_SECONDS = (1 << 15) - 1


def made(slots: int = 4, *, start: datetime = START, without: Iterable[str] = (), **more) -> Scenario:
    """A scenario of a few slots: 80 terminals in Ukraine over gateways in Poland and Lithuania, or else."""
    document = {
        "name": "mine",
        "start": start,
        "end": start + timedelta(seconds=15 * slots),
        "seed": 7,
        "constellation": {"use": "starlink-2022-10"},
        "gateways": {"include": ["Wola Krobowska", "Kaunas"]},
        "pops": {"include": ["Warsaw", "Frankfurt"], "home": {"UA": "Warsaw"}},
        "terminals": [{"name": "civil", "count": 80, "country": "UA"}],
        **more,
    }
    return scenario_from({k: v for k, v in document.items() if k not in without}, origin="test")


def net_of(scenario: Scenario) -> Network:
    return prepare(compile_world(scenario))


def network(slots: int = 4, **more) -> Network:
    return net_of(made(slots, **more))


def ran(net: Network, *, workers: int = 1, executor=None) -> list[Snapshot]:
    """Every Snapshot of the run."""
    first, last = net.world.slots
    steps = run_slots(net, first_state(net), first, last, workers=workers, executor=executor)
    return [snapshot for _, snapshot in steps]


def instant(slot: int) -> datetime:
    """A slot's start, as a scenario writes times."""
    return datetime.fromisoformat(str(slot_start(slot).astype("datetime64[us]"))).replace(tzinfo=UTC)


def first_slots(count: int, start: datetime = START) -> list[datetime]:
    """The starts of the first slots of a run that starts at ``start``."""
    lead = timedelta(seconds=(12 - start.second) % 15)
    return [start + lead + timedelta(seconds=15 * n) for n in range(count)]


def flat(snapshot: Snapshot) -> dict[str, object]:
    """Every number of a Snapshot under one name each."""
    out: dict[str, object] = {}
    for field in fields(snapshot):
        value = getattr(snapshot, field.name)
        if isinstance(value, dict):
            out |= {f"{field.name}.{key}": item for key, item in value.items()}
        else:
            out[field.name] = value
    return out


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """The names of what differs between two Snapshots: values, types or lengths."""
    a, b = flat(one), flat(other)
    assert a.keys() == b.keys()
    return [
        name
        for name in a
        if np.asarray(a[name]).dtype != np.asarray(b[name]).dtype or not np.array_equal(a[name], b[name])
    ]


def same_state(one: State, other: State) -> bool:
    return all(
        getattr(one, name).dtype == getattr(other, name).dtype
        and np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("satellite", "unserved_since", "gateway")
    )


# --- who is dark, terminal by terminal


@dataclass(frozen=True)
class Fate:
    """What a Snapshot says of each terminal (U,): why its dark seconds are dark, and which are online."""

    cause: np.ndarray
    seconds: np.ndarray
    rule: np.ndarray
    fault: np.ndarray


def cells_over_time(net: Network, snapshots: list[Snapshot]) -> np.ndarray:
    """The cell row of every terminal in every slot (T, U), from the moves alone."""
    cell = net.terminal_cell.copy()
    out = []
    for snapshot in snapshots:
        cell[snapshot.moved] = snapshot.moved_cell
        out.append(cell.copy())
    return np.array(out)


def fate(net: Network, snapshot: Snapshot, cell: np.ndarray) -> Fate:
    """Read a Snapshot as its contract says: as the cell fares, unless an override says otherwise."""
    place = np.searchsorted(net.tracked, cell)
    assert (net.tracked[place] == cell).all()
    cause = snapshot.cells["cause"][place].copy()
    fault = snapshot.cells["fault"][place].copy()
    seconds = np.where(cause == 0, ALL_SECONDS, 0)
    rule = np.full(len(cell), -1)
    assert len(np.unique(snapshot.dark)) == len(snapshot.dark), "one override a terminal"
    cause[snapshot.dark] = snapshot.dark_cause
    seconds[snapshot.dark] = snapshot.dark_seconds
    rule[snapshot.dark] = snapshot.dark_rule
    fault[snapshot.dark] = snapshot.dark_fault
    return Fate(cause, seconds, rule, fault)


def fates(net: Network, snapshots: list[Snapshot]) -> list[Fate]:
    """What each Snapshot of a whole run says of each terminal."""
    cells = cells_over_time(net, snapshots)
    return [fate(net, s, cells[t]) for t, s in enumerate(snapshots)]


# --- the sky, from outside


def geodetic_itrs_m(latitude_deg, longitude_deg) -> np.ndarray:
    """Points on the WGS84 ellipsoid (N, 3), metres."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    e2 = WGS84_F * (2.0 - WGS84_F)
    n = WGS84_A_M / np.sqrt(1.0 - e2 * np.sin(lat) ** 2)
    return np.stack(
        [n * np.cos(lat) * np.cos(lon), n * np.cos(lat) * np.sin(lon), n * (1.0 - e2) * np.sin(lat)], axis=-1
    )


def zenith(latitude_deg, longitude_deg) -> np.ndarray:
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def cell_degrees(net: Network, rows) -> tuple[np.ndarray, np.ndarray]:
    """Centres of cells from the h3 package."""
    centres = [h3.cell_to_latlng(h3.int_to_str(int(net.cells[row]))) for row in rows]
    return np.array([c[0] for c in centres]), np.array([c[1] for c in centres])


def satellites_itrs_m(net: Network, rows, times) -> np.ndarray:
    """Positions (T, N, 3) of rows of the constellation by the sgp4 package, turned by its sidereal time."""
    sets = net.world.constellation.sets
    out = np.empty((len(times), len(rows), 3))
    for n, row in enumerate(rows):
        satellite = Satrec()
        epoch_day = (sets.epoch[row] - np.datetime64("1949-12-31")) / np.timedelta64(1, "D")
        satellite.sgp4init(
            WGS72, "i", 0, epoch_day, sets.bstar[row], 0.0, 0.0, sets.eccentricity[row],
            sets.argument_of_perigee_rad[row], sets.inclination_rad[row], sets.mean_anomaly_rad[row],
            sets.mean_motion_rad_min[row], sets.raan_rad[row],
        )  # fmt: skip
        for t, time in enumerate(times):
            error, place_km, _ = satellite.sgp4_tsince((time - sets.epoch[row]) / np.timedelta64(60, "s"))
            assert error == 0
            out[t, n] = place_km
    for t, time in enumerate(times):
        angle = gstime(2_440_587.5 + (time - np.datetime64("1970-01-01", "ns")) / np.timedelta64(1, "D"))
        c, s = math.cos(angle), math.sin(angle)
        out[t] = out[t] @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return out * 1e3


def three_times(slot: int) -> np.ndarray:
    """A slot's start, middle and end."""
    start, end = slot_start(slot), slot_start(slot + 1)
    return np.array([start, start + (end - start) // 2, end])


def elevation_deg(latitude_deg, longitude_deg, satellite_m) -> np.ndarray:
    """Elevation of satellites (..., N, 3) over the horizon of N points."""
    sight = satellite_m - geodetic_itrs_m(latitude_deg, longitude_deg)
    sine = np.sum(sight * zenith(latitude_deg, longitude_deg), axis=-1) / np.linalg.norm(sight, axis=-1)
    return np.degrees(np.arcsin(sine))


def gso_separation_deg(latitude_deg: float, longitude_deg: float, satellite_m: np.ndarray) -> np.ndarray:
    """Least angle between satellites (..., 3) and the arc above the horizon of one point; 180 if none is."""
    point, up = geodetic_itrs_m(latitude_deg, longitude_deg), zenith(latitude_deg, longitude_deg)
    along = np.radians(np.arange(longitude_deg - 90.0, longitude_deg + 90.0, 0.02))
    arc = GSO_M * np.stack([np.cos(along), np.sin(along), np.zeros_like(along)], axis=-1) - point
    arc = arc[arc @ up >= 0.0]
    if len(arc) == 0:
        return np.full(satellite_m.shape[:-1], 180.0)
    sight = satellite_m - point
    sight = sight / np.linalg.norm(sight, axis=-1, keepdims=True)
    cosine = (sight @ (arc / np.linalg.norm(arc, axis=1, keepdims=True)).T).max(axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
