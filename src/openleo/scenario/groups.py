"""Terminals from a scenario's groups: where they stand, how they move, what powers them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import to_datetime64
from openleo.base.errors import BadInput, did_you_mean
from openleo.base.hashing import hash_u32, uniform
from openleo.ground.cells import cell_of
from openleo.ground.gazetteer import gazetteer
from openleo.ground.kinds import find_kind
from openleo.ground.land import Land
from openleo.ground.masks import HorizonMask
from openleo.ground.placement import place_by_population, place_on_cells
from openleo.ground.places import populated_places
from openleo.ground.roaming import roam_speed_m_s, roam_tracks
from openleo.ground.terminal_files import read_terminals
from openleo.ground.terminals import Terminals
from openleo.ground.track_files import read_tracks
from openleo.ground.tracks import TrackTable, share_tracks, track_from_waypoints, track_table
from openleo.scenario.areas import NO_CELLS, Cells, cells_in
from openleo.scenario.blocks import BackgroundBlock, TerminalsBlock
from openleo.scenario.model import Scenario
from openleo.scenario.obstructions import with_masks

Float = NDArray[np.float64]
_BACKUP, _CELLS = 0x67720001, 0x67720002  # any constants; they keep the streams of hashes apart


def seed_of(scenario: Scenario, name: str) -> int:
    """Return the seed of one group, so that groups do not depend on each other's order."""
    return int(hash_u32(scenario.seed, zlib.crc32(name.encode()), 0))


def group_name(group: TerminalsBlock | BackgroundBlock, number: int) -> str:
    """Return a group's name, or one made of its number from 1."""
    return group.name or f"terminals-{number}"


def shares(count: int, weights: Sequence[float]) -> list[int]:
    """Split ``count`` by weights (largest remainders), so that the parts sum to it."""
    exact = np.array(weights, np.float64) * (count / float(np.sum(weights)))
    whole = np.floor(exact).astype(np.int64)
    for index in np.argsort(whole - exact, kind="stable")[: count - int(whole.sum())]:
        whole[index] += 1
    return [int(n) for n in whole]


def placed_by_population(
    countries: Sequence[str], count: int, *, seed: int, land: Land, inside: Cells | None, outside: Cells
) -> tuple[Float, Float, NDArray[np.int16]]:
    """Return latitudes, longitudes (N,) in degrees and the index of each one's country in ``countries``.

    Countries share the count by the people who live there; nobody is scattered over a border.
    """
    wanted = NO_CELLS if inside is None else inside

    def keep(latitude_deg: Float, longitude_deg: Float) -> NDArray[np.bool_]:
        return np.isin(cell_of(latitude_deg, longitude_deg), wanted)

    within = None if inside is None else keep
    weights = [float(populated_places(code).residents.sum()) for code in countries]
    counts = shares(count, weights)
    latitude, longitude = [], []
    for code, part in zip(countries, counts, strict=True):
        own = int(hash_u32(seed, zlib.crc32(code.encode()), 1))
        lat, lon = place_by_population(code, part, seed=own, land=land, keep=within, outside_cells=outside)
        latitude.append(lat)
        longitude.append(lon)
    country = np.repeat(np.arange(len(counts)), counts).astype(np.int16)
    return np.concatenate(latitude), np.concatenate(longitude), country


def background_cells(
    scenario: Scenario, block: BackgroundBlock, number: int, areas: Mapping[str, Cells], land: Land
) -> tuple[Cells, NDArray[np.int64]]:
    """Return the cells (C,) of one block of other users, sorted, and how many terminals each has.

    With fewer ``cells`` than they would fall on, the fullest are kept and share all of them by what they had.
    """
    latitude, longitude, _ = placed_by_population(
        block.countries,
        block.terminals,
        seed=seed_of(scenario, f"background/{block.name or number}"),
        land=land,
        inside=None,
        outside=cells_in(block.outside, areas),
    )
    cells, count = np.unique(cell_of(latitude, longitude), return_counts=True)
    if block.cells is not None and block.cells < len(cells):
        fullest = np.sort(np.argsort(-count, kind="stable")[: block.cells])
        cells, count = cells[fullest], np.array(shares(block.terminals, count[fullest].tolist()), np.int64)
    return cells, count


def land_cells(group: TerminalsBlock, areas: Mapping[str, Cells], land: Land, seed: int) -> Cells:
    """Return the cells that a group is spread over: its countries' or areas', less those outside."""
    codes = group.countries or ((group.country,) if group.country else ())
    cells: Cells | None = None
    if codes:
        cells = np.unique(np.concatenate([np.asarray(land.cells_of(code), np.uint64) for code in codes]))
    if group.inside:
        inside = cells_in(group.inside, areas)
        cells = inside if cells is None else np.intersect1d(cells, inside)
    assert cells is not None
    cells = np.setdiff1d(cells, cells_in(group.outside, areas))
    if len(cells) == 0:
        raise BadInput(
            f"terminals {group.name!r}: no cell is left to place them on", "change inside or outside"
        )
    if group.cells and group.cells < len(cells):
        order = np.argsort(uniform(seed, np.arange(len(cells)), _CELLS), kind="stable")
        cells = np.sort(cells[order[: group.cells]])
    return cells


def biggest_cities(count: int, country: str | None) -> tuple[Float, Float, list[str]]:
    """Return latitudes, longitudes and countries of the places with the most people."""
    table = gazetteer()
    rows = np.arange(len(table.population)) if country is None else table.rows_of(country)
    rows = rows[np.argsort(-table.population[rows], kind="stable")][:count]
    if len(rows) < count:
        raise BadInput(f"{country} has {len(rows)} places of 500 people or more, not {count}", "lower count")
    return table.latitude_deg[rows], table.longitude_deg[rows], [c.decode() for c in table.country[rows]]


def with_backup(terminals: Terminals, group: TerminalsBlock, seed: int) -> Terminals:
    """Give the group's share of terminals its hours of battery."""
    if group.backup_hours <= 0.0:  # what a file says stays
        return terminals
    has = uniform(seed, np.arange(len(terminals)), _BACKUP) < group.backup_share
    return replace(terminals, backup_hours=np.where(has, group.backup_hours, 0.0).astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group compiled: ``track`` and ``mask`` rows of its terminals count within the group."""

    terminals: Terminals
    riders: TrackTable
    masks: tuple[HorizonMask, ...]


def build_group(
    scenario: Scenario, group: TerminalsBlock, name: str, areas: Mapping[str, Cells], land: Land
) -> Group:
    """Place one group, with its tracks, batteries and masks.

    Raises BadInput naming the group for countries, files, masks or tracks that do not serve.
    """
    seed = seed_of(scenario, name)
    try:
        if _place(group) in {"track", "roam"}:
            terminals, riders = _moving(scenario, group, name, areas, seed)
        elif _place(group) == "file":
            terminals, riders = _from_file(scenario, group, name)
        else:
            terminals, riders = _standing(scenario, group, name, areas, land), track_table([])
        terminals = with_backup(terminals, group, seed)
        terminals, masks = with_masks(scenario, group, terminals, seed)
    except BadInput as error:
        raise BadInput(f"terminals {name!r}: {error.detail}", error.hint) from None
    return Group(terminals=terminals, riders=riders, masks=tuple(masks))


def _place(group: TerminalsBlock) -> str:
    return "file" if group.file and group.place == "population" else group.place


def _standing(
    scenario: Scenario, group: TerminalsBlock, name: str, areas: Mapping[str, Cells], land: Land
) -> Terminals:
    """Return a group that stands still, with the country of its service addresses where one is stated."""
    count, seed = group.count or 0, seed_of(scenario, name)
    codes: Sequence[str] = group.countries or ((group.country,) if group.country else ())
    if group.place == "population":
        inside = cells_in(group.inside, areas) if group.inside else None
        outside = cells_in(group.outside, areas)
        latitude, longitude, country = placed_by_population(
            codes, count, seed=seed, land=land, inside=inside, outside=outside
        )
    elif group.place == "cities":
        latitude, longitude, of_city = biggest_cities(count, group.country)
        codes = sorted(set(of_city))
        country = np.array([codes.index(c) for c in of_city], np.int16)
    else:
        if group.place == "land":
            latitude, longitude = place_on_cells(land_cells(group, areas, land, seed), count, seed=seed)
        else:
            point = np.array(group.points, np.float64)
            latitude, longitude = point[np.arange(count or len(point)) % len(point)].T
        country = np.full(len(latitude), 0 if len(codes) == 1 else -1, np.int16)
    made = _made(scenario, group, name, latitude, longitude)
    return replace(made, country=country, country_names=tuple(codes))


def _made(
    scenario: Scenario, group: TerminalsBlock, name: str, latitude: Float, longitude: Float
) -> Terminals:
    return Terminals.of(
        latitude, longitude, seed=scenario.seed, group=name, kind=group.kind, account=group.account
    )


def _moving(
    scenario: Scenario, group: TerminalsBlock, name: str, areas: Mapping[str, Cells], seed: int
) -> tuple[Terminals, TrackTable]:
    """Return a group that moves: along the tracks it gives, or each about its own hash-chosen places."""
    start, count = to_datetime64(scenario.start), group.count or 0
    if group.place == "track":
        tracks = [
            track_from_waypoints(
                t.waypoints, speed_m_s=t.speed_kmh / 3.6, start=start, repeat=t.repeat, name=f"{name}-{n}"
            )
            for n, t in enumerate(group.tracks, start=1)
        ]
        if group.file:
            tracks.extend(read_tracks(scenario.path(group.file)))
    else:
        allowed = np.setdiff1d(cells_in(group.inside, areas), cells_in(group.outside, areas))
        if len(allowed) == 0:
            raise BadInput(
                "no cell is left to roam in", "make the areas of inside larger, or outside smaller"
            )
        kind = find_kind(group.kind)
        speed_m_s = group.speed_kmh / 3.6 if group.speed_kmh else roam_speed_m_s(kind)
        tracks = list(
            roam_tracks(
                allowed, count, seed=seed, speed_m_s=speed_m_s, start=start, steps=group.roam_steps, name=name
            )
        )
    riders = share_tracks(
        tracks, count, seed=seed, spread_m=group.spread_km * 1e3, stagger_s=group.stagger_hours * 3600.0
    )
    latitude, longitude, _ = riders.at(start)
    made = _made(scenario, group, name, latitude, longitude)
    made = replace(made, track=np.arange(count, dtype=np.int32))
    if group.country:
        made = replace(made, country=np.zeros(count, np.int16), country_names=(group.country,))
    return made, riders


def _from_file(scenario: Scenario, group: TerminalsBlock, name: str) -> tuple[Terminals, TrackTable]:
    """Read a group from its file; who has no account there belongs to the group's."""
    path = scenario.path(group.file)
    if not path.is_file():
        raise BadInput(f"there is no file {path}", "check the path; it starts from the scenario's folder")
    read = read_terminals(path, group=name, start=to_datetime64(scenario.start))
    accounts = tuple(account or group.account for account in read.terminals.account_names)
    known = [account.name for account in scenario.accounts]
    for account in accounts:
        if known and account not in known:
            raise BadInput(f"{path.name}: {account!r} is not an account here", did_you_mean(account, known))
    return replace(read.terminals, account_names=accounts), track_table(read.tracks)
