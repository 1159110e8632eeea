"""Tables of planes, and their expansion to element sets at the time asked for.

A row is one plane: its node, its grid of even slots, and how many satellites it has.  Satellites fill the
slots evenly, spares lie midway between slots: which slot is empty is not told (docs/constellations.md).
"""

import csv
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

from openleo.base.constants import TAU
from openleo.orbits.constellation import Constellation
from openleo.orbits.elements import ElementSets
from openleo.orbits.secular import as_ns, mean_motion_rad_min, secular_rates
from openleo.orbits.shells import Shell

FAR_FROM_EPOCH_DAYS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneTable:
    """N planes as shipped: angles at ``epoch``; one entry a plane in every array."""

    epoch: np.datetime64
    source: str
    shell: tuple[str, ...]
    raan_rad: NDArray[np.float64]
    phase_rad: NDArray[np.float64]
    slots: NDArray[np.int64]
    satellites: NDArray[np.int64]
    inclination_rad: NDArray[np.float64]
    altitude_m: NDArray[np.float64]
    low_m: NDArray[np.float64]
    high_m: NDArray[np.float64]
    has_ku: NDArray[np.bool_]
    has_laser: NDArray[np.bool_]
    generation: NDArray[np.int8]


def read_plane_table(path: Traversable) -> PlaneTable:
    """Read a table of planes: ``# epoch:`` and ``# source:`` lines, a header, one row a plane."""
    lines = path.read_text(encoding="utf-8").splitlines()
    facts = dict(line[1:].split(":", 1) for line in lines if line.startswith("#") and ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    column = {key: np.array([float(r[key]) for r in rows]) for key in rows[0] if key != "shell"}
    return PlaneTable(
        epoch=np.datetime64(facts["epoch"].rstrip("Z"), "ns"),
        source=facts["source"],
        shell=tuple(r["shell"] for r in rows),
        raan_rad=np.radians(column["raan_deg"]),
        phase_rad=np.radians(column["phase_deg"]),
        slots=column["slots"].astype(np.int64),
        satellites=column["satellites"].astype(np.int64),
        inclination_rad=np.radians(column["inclination_deg"]),
        altitude_m=column["altitude_km"] * 1000.0,
        low_m=column["low_km"] * 1000.0,
        high_m=column["high_km"] * 1000.0,
        has_ku=column["ku"] > 0,
        has_laser=column["laser"] > 0,
        generation=column["generation"].astype(np.int8),
    )


def expand_planes(table: PlaneTable, *, name: str, at: np.datetime64) -> Constellation:
    """Return the constellation of a table at ``at``: nodes and slots carried, slots filled evenly."""
    motion = mean_motion_rad_min(table.altitude_m, table.inclination_rad)
    rates = secular_rates(motion, table.inclination_rad, np.zeros(len(motion)))
    elapsed_s = float((as_ns(at) - table.epoch) / np.timedelta64(1, "s"))
    raan = (table.raan_rad + rates.raan * elapsed_s) % TAU
    phase = (table.phase_rad + (rates.perigee + rates.anomaly) * elapsed_s) % TAU
    row = np.repeat(np.arange(len(motion)), table.satellites)
    slot = np.concatenate([np.arange(n) for n in table.satellites])
    turn = np.concatenate([fill_slots(n, k) for n, k in zip(table.satellites, table.slots, strict=True)])
    shells, shell_of_row, plane_of_row = _shells_of(table)
    labels = [f"{table.shell[r]}/p{plane_of_row[r]:02d}/s{s:02d}" for r, s in zip(row, slot, strict=True)]
    return Constellation(
        name=name,
        sets=_circular_sets(
            labels,
            at=at,
            inclination_rad=table.inclination_rad[row],
            raan_rad=raan[row],
            phase_rad=(phase[row] + TAU * turn) % TAU,
            motion=motion[row],
        ),
        shells=shells,
        shell=shell_of_row[row].astype(np.int16),
        plane=plane_of_row[row].astype(np.int16),
        plane_slot=slot.astype(np.int16),
        has_laser=table.has_laser[row],
        has_ku=table.has_ku[row],
        generation=table.generation[row],
        source=table.source,
        epoch=as_ns(at),
        notes=_table_notes(elapsed_s),
    )


def fill_slots(satellites: int, slots: int) -> NDArray[np.float64]:
    """Return where ``satellites`` of a plane are, as parts of a turn in [0, 1), ascending.

    Up to ``slots`` of them stand on slots, as evenly as slots allow; the others midway between two.
    """
    on = np.arange(min(satellites, slots)) * slots // max(min(satellites, slots), 1)
    spare_count = max(satellites - slots, 0)
    spares = np.arange(spare_count) * slots / max(spare_count, 1)
    return np.sort(np.concatenate([on, np.floor(spares) + 0.5])) / slots


def _table_notes(elapsed_s: float) -> tuple[str, ...]:
    notes = ["nodes and slots are as flown; which slots are empty, and where spares are, is not"]
    if abs(elapsed_s) > FAR_FROM_EPOCH_DAYS * 86_400:
        notes.append(f"the table of planes is {abs(elapsed_s) / 86_400:.0f} days from the time asked for")
    return tuple(notes)


def _shells_of(table: PlaneTable) -> tuple[tuple[Shell, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return the shells of a table, and the shell and the plane within it of each row (N,)."""
    names = list(dict.fromkeys(table.shell))
    shell_of_row = np.array([names.index(n) for n in table.shell])
    plane_of_row = np.empty(len(shell_of_row), dtype=np.int64)
    shells = []
    for index, name in enumerate(names):
        rows = np.flatnonzero(shell_of_row == index)
        plane_of_row[rows] = np.arange(len(rows))
        shells.append(
            Shell(
                name=name,
                altitude_m=float(np.median(table.altitude_m[rows])),
                inclination_rad=float(np.median(table.inclination_rad[rows])),
                in_service_low_m=float(table.low_m[rows].min()),
                in_service_high_m=float(table.high_m[rows].max()),
                planes=len(rows),
            )
        )
    return tuple(shells), shell_of_row, plane_of_row


def _circular_sets(
    names: list[str],
    *,
    at: np.datetime64,
    inclination_rad: NDArray[np.float64],
    raan_rad: NDArray[np.float64],
    phase_rad: NDArray[np.float64],
    motion: NDArray[np.float64],
) -> ElementSets:
    """Return element sets (S,) of circular orbits without drag, with epoch ``at``, numbered from 1."""
    count = len(names)
    return ElementSets(
        name=tuple(names),
        catalogue_number=np.arange(1, count + 1, dtype=np.int32),
        epoch=np.full(count, as_ns(at)),
        inclination_rad=inclination_rad,
        raan_rad=raan_rad,
        eccentricity=np.zeros(count),
        argument_of_perigee_rad=np.zeros(count),
        mean_anomaly_rad=phase_rad,
        mean_motion_rad_min=motion,
        bstar=np.zeros(count),
    )
