"""What a scenario may be and yet looks like a mistake: swapped coordinates, empty areas, crowded cells.

Each remark is a warning (detail, hint).  Only points that contradict the country beside them are refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from openleo.base.clock import SLOT_S, slot_start
from openleo.base.errors import BadInput
from openleo.ground.cells import cell_centre_deg, cell_name, cell_of, cells_in_circle, cells_in_polygon
from openleo.ground.land import Land
from openleo.ground.tracks import TrackTable
from openleo.orbits.constellation import Constellation
from openleo.scenario.areas import NO_CELLS, Cells
from openleo.scenario.blocks import AreaBlock, TerminalsBlock
from openleo.scenario.model import Scenario

Remark = tuple[str, str]
CROWDED = 10_000  # terminals in one cell: assumed; the fullest of the built-in scenarios has 288
SAMPLES = 400  # instants at which moving terminals are looked up
NOT_STARLINK = {"ONEWEB": "OneWeb", "KUIPER": "Kuiper", "LEO": "Kuiper", "QIANFAN": "Qianfan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The cells (U,) of a world's terminals at the start, and the riders that move."""

    cells: Cells
    riders: TrackTable
    slots: tuple[int, int]

    def visited(self) -> Cells:
        """Return the sorted cells in which a terminal stands, or a moving one is at one of 400 instants."""
        parts = [self.cells]
        if len(self.riders):
            first, last = self.slots
            some = np.unique(np.linspace(first, last, SAMPLES).astype(np.int64))
            times = slot_start(first) + (some - first) * np.timedelta64(SLOT_S * 10**9, "ns")
            latitude, longitude, _ = self.riders.at(times)
            parts.append(cell_of(latitude.ravel(), longitude.ravel()))
        return np.unique(np.concatenate(parts))


def remarks(
    scenario: Scenario,
    *,
    areas: Mapping[str, Cells],
    land: Land,
    placed: Placed,
    constellation: Constellation,
) -> tuple[Remark, ...]:
    """Return what looks like a mistake in a scenario that has been compiled as far as these."""
    visited = placed.visited()
    swapped = list(_swapped_areas(scenario.areas, areas, land, visited))
    return (
        *(remark for _, remark in swapped),
        *_empty_areas(scenario, areas, visited, known={name for name, _ in swapped}),
        *_points_at_sea(scenario, land),
        *_crowded(placed.cells),
        *_other_maker(scenario, constellation),
    )


def check_points(scenario: Scenario, land: Land) -> None:
    """Raise BadInput where points lie outside the country beside them and, swapped, all inside it."""
    for n, group in enumerate(scenario.terminals):
        codes = group.countries or ((group.country,) if group.country else ())
        if not codes:
            continue
        for key, points in _points_of(group, n):
            here, swapped = _countries(points, land), _countries([p[::-1] for p in points], land)
            if not set(here) & set(codes) and swapped and set(swapped) <= set(codes):
                raise BadInput(
                    f"{key}: no point is in {' or '.join(codes)}, and with latitude and longitude exchanged"
                    f" all are: {list(points[0])} looks swapped",
                    f"write [latitude, longitude], such as {list(points[0][::-1])}",
                )


def _points_of(group: TerminalsBlock, n: int) -> Iterator[tuple[str, Sequence[tuple[float, float]]]]:
    if group.points:
        yield f"terminals[{n}].points", group.points
    for m, track in enumerate(group.tracks):
        yield f"terminals[{n}].tracks[{m}].waypoints", track.waypoints


def _countries(points: Sequence[tuple[float, ...]], land: Land) -> list[str]:
    """Return the country of each point, '' at sea; nothing where one is not on Earth."""
    if any(abs(latitude) > 90 for latitude, _ in points):
        return []
    latitude, longitude = np.array(points, np.float64).T
    rows = land.country_of(cell_of(latitude, longitude))
    return ["" if row < 0 else land.countries[row] for row in rows.tolist()]


def _points_at_sea(scenario: Scenario, land: Land) -> Iterator[Remark]:
    for n, group in enumerate(scenario.terminals):
        for key, points in _points_of(group, n):
            here, swapped = _countries(points, land), _countries([p[::-1] for p in points], land)
            if not any(here) and swapped and all(swapped):
                yield (
                    f"{key}: every point is at sea, and with latitude and longitude exchanged all are on"
                    f" land: {list(points[0])} looks swapped",
                    f"points are [latitude, longitude]; write {list(points[0][::-1])} if it is",
                )


def _swapped_areas(
    blocks: Iterable[AreaBlock], areas: Mapping[str, Cells], land: Land, visited: Cells
) -> Iterator[tuple[str, Remark]]:
    """Yield (area, remark) for areas without a terminal, which would hold some with coordinates exchanged."""
    for block in blocks:
        if _holds(areas[block.name], visited):
            continue
        other = _exchanged(block)
        there = _holds(other, visited)
        on_land = (land.country_of(other) >= 0).any() and not (land.country_of(areas[block.name]) >= 0).any()
        if not (there or on_land):
            continue
        hint = "corners of an outline are [longitude, latitude]: exchange them if so"
        if block.circle is not None:
            hint = "exchange latitude_deg and longitude_deg of its circle if so"
        why = "no terminal is in it" if there else "it holds no land"
        would = "some would be" if there else "it would"
        yield (
            block.name,
            (
                f"area {block.name!r} looks swapped: {why}, and with latitude and longitude exchanged"
                f" {would}",
                hint,
            ),
        )


def _exchanged(block: AreaBlock) -> Cells:
    """Return the cells of an area with its coordinates exchanged; none where that is no shape on Earth."""
    try:
        if block.outline and all(abs(longitude) <= 90 for longitude, _ in block.outline):
            return cells_in_polygon([[(latitude, longitude) for longitude, latitude in block.outline]])
        if block.circle is not None and abs(block.circle.longitude_deg) <= 90:
            circle = block.circle
            return cells_in_circle(circle.longitude_deg, circle.latitude_deg, circle.radius_km * 1e3)
    except BadInput:
        pass
    return NO_CELLS


def _holds(cells: Cells, visited: Cells) -> bool:
    return bool(np.isin(visited, cells).any())


def _empty_areas(
    scenario: Scenario, areas: Mapping[str, Cells], visited: Cells, known: set[str]
) -> Iterator[Remark]:
    """Yield a remark for what acts on an area without terminals, unless groups are kept out of it by name."""
    kept_out = {name for group in scenario.terminals for name in group.outside}
    acting = [(f"switch {s.name or s.area}", s.area) for s in scenario.switches]
    acting += [(f"limit {x.name or n}", x.area) for n, x in enumerate(scenario.limits, start=1)]
    acting += [
        (f"withdrawal {w.name or w.target}", str(w.target)) for w in scenario.withdrawals if w.by == "area"
    ]
    acting += [(f"fault {f.name or f'{f.kind}-{n}'}", f.area) for n, f in enumerate(scenario.faults, start=1)]
    for what, area in acting:
        if not area or area in kept_out or area in known or _holds(areas[area], visited):
            continue
        latitude, longitude = cell_centre_deg(areas[area]).mean(axis=0)
        yield (
            f"{what} does nothing: no terminal is in area {area!r}",
            f"the area's {len(areas[area]):,} cells are around {latitude:.1f},{longitude:.1f}"
            " (latitude,longitude); check its shape, or place terminals there",
        )


def _crowded(cells: Cells) -> Iterator[Remark]:
    """Yield a remark for the fullest cell where it has more terminals than a cell's beams could serve."""
    distinct, count = np.unique(cells, return_counts=True)
    over = np.flatnonzero(count > CROWDED)
    if len(over) == 0:
        return
    worst = int(over[count[over].argmax()])
    latitude, longitude = cell_centre_deg(distinct[worst : worst + 1])[0]
    more = f", and {len(over) - 1:,} more cells have over {CROWDED:,}" if len(over) > 1 else ""
    yield (
        f"cell {cell_name(int(distinct[worst]))} at {latitude:.2f},{longitude:.2f} has {count[worst]:,}"
        f" terminals{more}: the few beams that reach a cell are shared by all of them",
        "spread them over more cells, or lower count",
    )


def _other_maker(scenario: Scenario, constellation: Constellation) -> Iterator[Remark]:
    """Yield a remark where another maker's satellites fly over Starlink's gateways."""
    makers = [name.upper().replace("_", "-").split("-")[0].strip() for name in constellation.sets.name]
    found = {maker: makers.count(maker) for maker in NOT_STARLINK if maker in makers}
    if not found or scenario.gateways.table != "builtin":
        return
    maker = max(found, key=found.__getitem__)
    if found[maker] * 2 > len(makers):
        yield (
            f"the satellites are {NOT_STARLINK[maker]}'s, and the gateways, points of presence and the"
            " defaults of [network] are Starlink's",
            "give gateways.table, pops.table and [network] of that system; what comes out is a what-if",
        )
