"""Derive the tables of planes in src/openleo/orbits/data from real element sets, and Walker phasing as flown.

    python experiments/derive_constellations.py [FOLDER with the element sets] [--write]

Reads starlink_2022-09-14.tle, starlink_2022-12-01.tle and starlink_2026-08-22.tle (CelesTrak data; see
docs/constellations.md).  Prints every figure that page quotes about the tables; `--write` writes the tables.
"""

import argparse
import csv
import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from openleo.base.constants import TAU
from openleo.orbits.constellation import Constellation, constellation_from_sets
from openleo.orbits.elements import read_elements
from openleo.orbits.planes import circular_mean_rad, plane_members
from openleo.orbits.secular import (
    altitude_m,
    latitude_argument_at_rad,
    mean_motion_rad_min,
    raan_at_rad,
    secular_rates,
)

DATA = Path(__file__).parents[1] / "src" / "openleo" / "orbits" / "data"
OCTOBER = np.datetime64("2022-10-07T00:00:00", "ns")
LEVEL_GAP_M = 300.0
GRID_FIT = 0.8
SAME_PLANE_RAD = np.radians(1.5)
HEADER = (
    "shell,raan_deg,phase_deg,slots,satellites,inclination_deg,altitude_km,low_km,high_km,ku,laser,generation"
)


class Plane(NamedTuple):
    """One plane: angles at the derivation's epoch."""

    shell: str
    raan_rad: float
    phase_rad: float
    slots: int
    satellites: float
    inclination_rad: float
    altitude_m: float
    low_m: float
    high_m: float
    ku: bool
    laser: bool
    generation: int


def planes_of(c: Constellation, at: np.datetime64) -> list[Plane]:
    """Return the planes in service, carried to ``at``; satellites without Ku payload or lasers stay apart.

    ``phase_rad`` is that of the grid of ``slots`` that the layer's satellites keep, below TAU / slots.
    """
    raan, phase, height = raan_at_rad(c.sets, at), latitude_argument_at_rad(c.sets, at), altitude_m(c.sets)
    rows: list[tuple[Plane, np.ndarray]] = []
    for (s, _), members in plane_members(c.shell, c.plane).items():
        for kind in np.unique(np.stack([c.has_ku[members], c.has_laser[members]]), axis=1).T:
            m = members[(c.has_ku[members] == kind[0]) & (c.has_laser[members] == kind[1])]
            generations, counts = np.unique(c.generation[m], return_counts=True)
            plane = Plane(
                shell=c.shells[s].name,
                raan_rad=circular_mean_rad(raan[m]),
                phase_rad=0.0,
                slots=len(m),
                satellites=len(m),
                inclination_rad=float(np.median(c.sets.inclination_rad[m])),
                altitude_m=float(np.median(height[m])),
                low_m=c.shells[s].in_service_low_m,
                high_m=c.shells[s].in_service_high_m,
                ku=bool(kind[0]),
                laser=bool(kind[1]),
                generation=int(generations[counts.argmax()]),
            )
            rows.append((plane, phase[m]))
    out = []
    for group in layers_of([p for p, _ in rows]):
        layer = [rows[i] for i in group]
        slots, _ = best_grid([phases for _, phases in layer])
        level = float(np.median([p.altitude_m for p, _ in layer]))
        for plane, phases in layer:
            n = slots or len(phases)
            p = plane._replace(slots=n, phase_rad=circular_mean_rad(phases, n))
            out.append(p._replace(altitude_m=level) if slots else p)
    return out


def layers_of(planes: list[Plane]) -> list[list[int]]:
    """Group planes of a shell that fly at one height, within `LEVEL_GAP_M` of the next."""
    groups = []
    for name in sorted({p.shell for p in planes}):
        index = [i for i, p in enumerate(planes) if p.shell == name]
        index.sort(key=lambda i: planes[i].altitude_m)
        heights = np.array([planes[i].altitude_m for i in index])
        for part in np.split(np.array(index), np.flatnonzero(np.diff(heights) > LEVEL_GAP_M) + 1):
            groups.append([int(i) for i in part])
    return groups


def best_grid(phases: list[np.ndarray]) -> tuple[int, float]:
    """Return how many even slots a layer's planes keep to, 0 when none, and how well (1 is exactly).

    The fit is the median over planes of 8 satellites and more of |mean exp(i k phase)|; of fits that are
    about as good the smallest k counts, since a grid of 18 is also one of 36.
    """
    full = [p for p in phases if len(p) >= 8]
    if len(full) < 2:
        return 0, 0.0
    candidates = np.arange(8, 61)
    fits = np.array([np.median([abs(np.exp(1j * k * p).mean()) for p in full]) for k in candidates])
    good = np.flatnonzero(fits >= fits.max() - 0.04)
    best = int(candidates[good[0]])
    return (best, float(fits[good[0]])) if fits.max() >= GRID_FIT else (0, float(fits.max()))


def carry(plane: Plane, days: float) -> Plane:
    """Return the plane ``days`` later, by SGP4's secular rates."""
    motion = mean_motion_rad_min(np.array(plane.altitude_m), np.array(plane.inclination_rad))
    rates = secular_rates(motion, np.array(plane.inclination_rad), np.array(0.0))
    seconds = days * 86_400.0
    return plane._replace(
        raan_rad=float((plane.raan_rad + rates.raan * seconds) % TAU),
        phase_rad=float((plane.phase_rad + (rates.perigee + rates.anomaly) * seconds) % TAU),
    )


def apart_rad(a: float, b: float) -> float:
    """Return a - b on the circle, in [-pi, pi)."""
    return float((a - b + np.pi) % TAU - np.pi)


def circle_step(angle_rad: float, slots: int) -> float:
    """Return the angle nearest to zero that is the same on a grid of ``slots``."""
    return float((angle_rad + np.pi / slots) % (TAU / slots) - np.pi / slots)


def family(plane: Plane) -> str:
    """Return the filed shell a plane belongs to, told by inclination and lasers: 53.0 and 53.2 differ so."""
    inclination = np.degrees(plane.inclination_rad)
    if 52.0 < inclination < 54.0:
        return "53.0" if plane.altitude_m > 543_500.0 else "53.2"
    return f"{inclination:.0f}"


def same_class(a: Plane, b: Plane) -> bool:
    return abs(a.inclination_rad - b.inclination_rad) < np.radians(0.5)


def merge_small(planes: list[Plane]) -> list[Plane]:
    """Add strays (fewer than 3, within 1.5 deg of a plane of their shell) to that plane's count."""
    big = [p for p in planes if p.satellites >= 3]
    alone = []
    for stray in (p for p in planes if p.satellites < 3):
        near = [
            (abs(apart_rad(stray.raan_rad, p.raan_rad)), i)
            for i, p in enumerate(big)
            if (p.shell, p.ku, p.laser) == (stray.shell, stray.ku, stray.laser)
        ]
        if near and min(near)[0] < SAME_PLANE_RAD:
            i = min(near)[1]
            big[i] = big[i]._replace(satellites=big[i].satellites + stray.satellites)
        else:
            alone.append(stray)
    return sorted(big + alone, key=lambda p: (p.shell, p.raan_rad))


def interpolate(first: list[Plane], second: list[Plane], share: float) -> tuple[list[Plane], np.ndarray]:
    """Interpolate planes carried to one epoch; returns them and second's node minus first's (N,), rad.

    Nodes, slots and counts go linearly.  A plane that only one of the two has counts from,
    or to, zero; those that round to no satellite are dropped.
    """
    out, differences, used = [], [], set()
    for p in first:
        near = [
            (abs(apart_rad(q.raan_rad, p.raan_rad)), j)
            for j, q in enumerate(second)
            if family(q) == family(p) and q.laser == p.laser and j not in used
        ]
        if near and min(near)[0] < SAME_PLANE_RAD:
            j = min(near)[1]
            used.add(j)
            step = apart_rad(second[j].raan_rad, p.raan_rad)
            differences.append(step)
            count = p.satellites + share * (second[j].satellites - p.satellites)
            phase = p.phase_rad
            if second[j].slots == p.slots:
                phase += share * circle_step(second[j].phase_rad - p.phase_rad, p.slots)
            node = (p.raan_rad + share * step) % TAU
            out.append(p._replace(raan_rad=node, phase_rad=phase, satellites=count))
        else:
            out.append(p._replace(satellites=(1.0 - share) * p.satellites))
    shells = {p.shell: p for p in first}.values()
    for j, q in enumerate(second):
        if j not in used:
            # By the first set's bands: a stray between two shells may serve in the other, or not at all.
            holds = [p for p in shells if p.low_m <= q.altitude_m <= p.high_m and same_class(p, q)]
            if not holds:
                continue
            like = holds[0]
            same = {"shell": like.shell, "low_m": like.low_m, "high_m": like.high_m}
            out.append(q._replace(satellites=share * q.satellites, **same))
    return out, np.array(differences)


def rounded(planes: list[Plane]) -> list[Plane]:
    """Round counts so that every shell keeps its total: largest remainders get one more."""
    out = []
    for name in sorted({family(p) for p in planes}):
        group = [p for p in planes if family(p) == name]
        exact = np.array([p.satellites for p in group])
        whole = np.floor(exact)
        more = round(exact.sum()) - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:more]] += 1
        out += [p._replace(satellites=int(n)) for p, n in zip(group, whole, strict=True) if n > 0]
    return sorted(out, key=lambda p: (p.shell, p.raan_rad))


def write_table(path: Path, planes: list[Plane], *, epoch: np.datetime64, source: str) -> None:
    lines = [
        f"# epoch: {np.datetime_as_string(epoch, unit='s')}Z",
        f"# source: {source}",
        "# derived by experiments/derive_constellations.py; one row a plane, phase_deg is its first slot's",
        HEADER,
    ]
    for p in planes:
        lines.append(
            f"{p.shell},{np.degrees(p.raan_rad):.3f},{np.degrees(p.phase_rad % (TAU / p.slots)):.3f},"
            f"{p.slots},{p.satellites},"
            f"{np.degrees(p.inclination_rad):.3f},{p.altitude_m / 1e3:.2f},{p.low_m / 1e3:.1f},"
            f"{p.high_m / 1e3:.1f},{p.ku:d},{p.laser:d},{p.generation}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {path.name}: {len(planes)} planes, {path.stat().st_size / 1e3:.1f} kB")


def totals(planes: list[Plane]) -> str:
    names = sorted({p.shell for p in planes})
    return ", ".join(
        f"{n}: {sum(p.satellites for p in planes if p.shell == n):.0f} in"
        f" {sum(1 for p in planes if p.shell == n)}"
        for n in names
    )


def degrees_line(values: np.ndarray) -> str:
    size = np.degrees(np.abs(values))
    return f"median {np.median(size):.3f}, 95 % {np.percentile(size, 95):.3f}, worst {size.max():.3f} deg"


def open_set(folder: Path, name: str) -> Constellation:
    result = read_elements(folder / f"{name}.tle")
    return constellation_from_sets(result.sets, name=name, source=name)


def october(folder: Path) -> list[Plane]:
    """Derive starlink-2022-10 and print how well nodes and counts interpolate."""
    ends = [open_set(folder, "starlink_2022-09-14"), open_set(folder, "starlink_2022-12-01")]
    days = [(OCTOBER - c.epoch) / np.timedelta64(1, "D") for c in ends]
    share = days[0] / (days[0] - days[1])
    own = [merge_small(planes_of(c, c.epoch)) for c in ends]
    print(
        f"September to October {days[0]:.2f} days, October to December {-days[1]:.2f} days, share {share:.3f}"
    )
    for c, planes in zip(ends, own, strict=True):
        print(f"{c.name}: {c.in_service.sum()} of {len(c)} in service; {totals(planes)}")
    carried = [[carry(p, d) for p in planes] for planes, d in zip(own, days, strict=True)]
    planes, differences = interpolate(*carried, share)
    print(
        f"planes in both sets {len(differences)}; nodes carried over {days[0] - days[1]:.1f} days differ by"
    )
    print(f"  {degrees_line(differences)} (mean {np.degrees(differences.mean()):+.3f})")
    planes = rounded(planes)
    print(f"October: {totals(planes)}; {sum(p.satellites for p in planes)} in all")
    for c, real, d in zip(ends, own, days, strict=True):
        nodes, counts = [], []
        for p in (carry(p, -d) for p in planes):
            near = [(abs(apart_rad(p.raan_rad, q.raan_rad)), q) for q in real if family(q) == family(p)]
            size, q = min(near, key=lambda x: x[0])
            if size < SAME_PLANE_RAD:
                nodes.append(size)
                counts.append(p.satellites - q.satellites)
        print(f"October's table carried to {c.name}: {len(nodes)} of {len(planes)} planes found; nodes")
        print(
            f"  {degrees_line(np.array(nodes))}; satellites a plane off by {np.abs(counts).mean():.2f} mean,"
        )
        print(f"  {np.mean(np.abs(counts) <= 1):.0%} within 1; the rest were being filled")
    print_phases(*carried, ends)
    both = np.intersect1d(*[c.sets.catalogue_number[c.in_service] for c in ends])
    print(f"in service in both sets: {len(both)} satellites")
    return planes


def print_phases(first: list[Plane], second: list[Plane], ends: list[Constellation]) -> None:
    """Print how far the slots of September's planes, carried to October, are from December's carried back."""
    for name in ("53.0", "53.2"):
        steps = []
        for p in (p for p in first if family(p) == name and p.satellites >= 9):
            near = [q for q in second if family(q) == name and abs(apart_rad(q.raan_rad, p.raan_rad)) < 0.01]
            if near and near[0].slots == p.slots:
                steps.append((near[0].phase_rad - p.phase_rad, p.slots))
        slots = steps[0][1]
        turned = np.array([s for s, _ in steps])
        common = circular_mean_rad(turned, slots)
        left = (turned - common + np.pi / slots) % (TAU / slots) - np.pi / slots
        print(f"slots of {len(steps)} planes of {name}, {ends[0].epoch} to {ends[1].epoch}: common shift")
        print(
            f"  {np.degrees(circle_step(common, slots)):+.2f} deg on a grid of {360 / slots:.1f};"
            f" around it {degrees_line(left)}"
        )


def print_grid(c: Constellation) -> None:
    """Print the grid of slots each layer keeps to and the Walker phasing between its planes, as flown."""
    phase, height = latitude_argument_at_rad(c.sets, c.epoch), altitude_m(c.sets)
    raan = raan_at_rad(c.sets, c.epoch)
    planes = list(plane_members(c.shell, c.plane).items())
    for s, shell in enumerate(c.shells):
        group = [m for (a, _), m in planes if a == s]
        for layer in np.unique([round(float(np.median(height[m])) / 1e3) for m in group]):
            inside = [m for m in group if abs(np.median(height[m]) / 1e3 - layer) <= 0.5]
            slots, fit = best_grid([phase[m] for m in inside])
            if not slots:
                continue
            full = sorted((m for m in inside if len(m) >= 8), key=lambda m: circular_mean_rad(raan[m]))
            nodes = np.array([circular_mean_rad(raan[m]) for m in full])
            leads = np.diff([circular_mean_rad(phase[m], slots) for m in full]) % (TAU / slots)
            step = np.median(np.diff(nodes))
            leads = leads[np.abs(np.diff(nodes) - step) < 0.1 * step]
            text = "none" if not len(leads) else f"{np.degrees(circular_mean_rad(leads, slots)):.2f}"
            print(
                f"{c.name} {shell.name} at {layer} km: {len(full)} planes of 8 and more on {slots} slots, fit"
                f" {fit:.2f}; node step {np.degrees(step):.2f} deg, lead of the next plane {text} deg"
                f" ({len(leads)} pairs)"
            )


def print_numbers(c: Constellation) -> None:
    """Print catalogue numbers and launches by ranges of Starlink's own numbers."""
    own = np.array(
        [int(n.split("-")[1].split()[0]) if n.startswith("STARLINK-") else -1 for n in c.sets.name]
    )
    for low, high in ((0, 1000), (1000, 3000), (3000, 11000), (11000, 12000), (30000, 99999)):
        chosen = np.flatnonzero((own >= low) & (own < high))
        if len(chosen):
            catalogue = c.sets.catalogue_number[chosen]
            launches = sorted(c.sets.designator[i][:8] for i in chosen)
            print(
                f"{c.name} STARLINK-{low} to {high - 1}: {len(chosen)} satellites, catalogue"
                f" {catalogue.min()}-{catalogue.max()}, launches {launches[0]} to {launches[-1]}"
            )


def print_serving(folder: Path) -> None:
    """Print how many satellites that really served Louvain in July 2024 we hold to be in service."""
    result = read_elements(folder / "elements.tle.gz")
    c = constellation_from_sets(result.sets, name="2024-07", source="SatInView")
    serves = dict(zip(c.sets.name, c.shell, strict=True))
    with gzip.open(folder / "serving_satellite.csv.gz", "rt", encoding="utf-8") as rows:
        seen = {row["Connected_Satellite"] for row in csv.DictReader(rows)}
    known = [int(serves[n]) for n in sorted(seen) if n in serves]
    counts = ", ".join(
        f"{s.name}: {known.count(i)} of {int((c.shell == i).sum())}" for i, s in enumerate(c.shells)
    )
    inside = sum(k >= 0 for k in known)
    print(f"Louvain 2024-07: {inside} of {len(known)} serving satellites in a band; {counts}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data/orbits"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    planes = october(arguments.folder)
    today = open_set(arguments.folder, "starlink_2026-08-22")
    midnight = np.datetime64(today.epoch, "D").astype("datetime64[ns]")
    table = merge_small(planes_of(today, midnight))
    print(f"2026: {today.in_service.sum()} of {len(today)} in service; {totals(table)}")
    height = altitude_m(today.sets)[today.in_service]
    print(f"2026: {np.mean((height > 450e3) & (height < 490e3)):.0%} of those in service at 450-490 km")
    for c in (open_set(arguments.folder, "starlink_2022-09-14"), today):
        print_grid(c)
    print_numbers(open_set(arguments.folder, "starlink_2022-09-14"))
    print_numbers(today)
    print_serving(arguments.folder.parent / "performance" / "satinview_ucl_2024-07-17")
    if arguments.write:
        DATA.mkdir(exist_ok=True)
        source = (
            "derived from CelesTrak element sets of 2022-09-14 and 2022-12-01, interpolated plane by plane"
        )
        write_table(DATA / "starlink-2022-10.csv", planes, epoch=OCTOBER, source=source)
        source = "derived from CelesTrak element sets of 2026-08-22, plane by plane"
        write_table(DATA / "starlink-2026.csv", table, epoch=midnight, source=source)


if __name__ == "__main__":
    main()
