"""A scenario compiled: every name resolved to an index, every time to a slot, every place to a cell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import first_slot_from, to_datetime64
from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.cells import cell_of
from openleo.ground.countries import country_hint
from openleo.ground.land import Land, land_table
from openleo.ground.masks import HorizonMask, MaskTable
from openleo.ground.sites import Gateways, Pops
from openleo.ground.terminals import Terminals, join_terminals
from openleo.ground.tracks import TrackTable, join_track_tables
from openleo.orbits.builtin import builtin_names, load_constellation
from openleo.orbits.constellation import Constellation, stale_elements_warning
from openleo.policy import Lines, LineStatus, Rules, Subjects
from openleo.scenario.areas import Cells, area_cells
from openleo.scenario.blocks import NetworkBlock
from openleo.scenario.commands import Commands, commands_of
from openleo.scenario.faults import Fault, Things, idle_faults, resolve_faults
from openleo.scenario.fields import utc_text
from openleo.scenario.groups import background_cells, build_group, group_name
from openleo.scenario.lines import service_country, service_lines
from openleo.scenario.model import Scenario
from openleo.scenario.problems import problem
from openleo.scenario.remarks import Placed, check_points, remarks
from openleo.scenario.rules import rules_timeline
from openleo.scenario.sites import gateways_of, home_pops, pops_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Background:
    """Other users' demand, per cell (C,): assumed terminals that have no row of their own.

    ``cells`` uint64 sorted and unique; ``count`` int32 terminals; ``home_pop`` int16 index into the PoPs.
    """

    cells: Cells
    count: NDArray[np.int32]
    home_pop: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.cells)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """What the engine runs: S satellites, G gateways, P PoPs, U terminals, M riders on tracks.

    ``scenario`` is the one in force: disabled assumptions are applied.  ``slots`` are the first and last slot
    (those that start in [start, end)).  ``terminal_cell`` uint64 (U,) and ``terminal_country`` int16 (U,;
    index into ``country_names``, -1 at sea) are those at the first slot's start; a terminal whose ``track``
    is not -1 moves by ``tracks``.  ``terminal_home_pop`` int16 (U,) indexes ``pops``.
    ``lines`` are the terminals' service lines: account, plan (an index into the rules' plan names), address.
    ``terminals.mask`` indexes ``masks``.  ``areas`` maps names to sorted cells.  ``rules_timeline`` holds
    (effective slot, rules) in ascending order, the first at the first slot; their ``account_names`` continue
    ``terminals``'.  ``faults`` and ``commands`` act in their slots.  ``warnings`` are (detail, hint), for
    people and manifest.
    """

    scenario: Scenario
    slots: tuple[int, int]
    network: NetworkBlock
    constellation: Constellation
    gateways: Gateways
    pops: Pops
    terminals: Terminals
    terminal_cell: Cells
    terminal_country: NDArray[np.int16]
    terminal_home_pop: NDArray[np.int16]
    lines: Lines
    tracks: TrackTable
    masks: MaskTable
    background: Background
    areas: Mapping[str, Cells]
    land: Land
    country_names: tuple[str, ...]
    rules_timeline: tuple[tuple[int, Rules], ...]
    faults: tuple[Fault, ...]
    commands: Commands
    warnings: tuple[tuple[str, str], ...]

    @property
    def first_slot(self) -> int:
        """The run's first slot."""
        return self.slots[0]

    @property
    def slot_count(self) -> int:
        """How many slots the run has."""
        return self.slots[1] - self.slots[0] + 1

    @property
    def account_names(self) -> tuple[str, ...]:
        """The accounts that ``terminals.account`` and the rules refer to."""
        return self.rules_timeline[0][1].account_names

    def subjects(
        self,
        rows: NDArray[np.integer] | None = None,
        *,
        cells: Cells | None = None,
        country: NDArray[np.int16] | None = None,
        speed_m_s: NDArray[np.float32] | None = None,
        place_deg: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    ) -> Subjects:
        """Return the terminals of these rows (default: all) as rules see them.

        Where they are (``cells``, their ``country``, ``place_deg`` as latitudes and longitudes) and how fast
        is given for these rows; without cells, they stand where they were placed first.  With cells and
        without places, the distance from the service address is not known.
        """
        who = np.arange(len(self.terminals)) if rows is None else rows
        here = self.terminal_cell[who] if cells is None else cells
        if country is None:
            country = self.terminal_country[who] if cells is None else self.country_of(here)
        if place_deg is None and cells is None:
            place_deg = self.terminals.latitude_deg[who], self.terminals.longitude_deg[who]
        return self.lines.take(who).subjects(
            cell=here,
            country=country,
            speed_m_s=np.zeros(len(who), np.float32) if speed_m_s is None else speed_m_s,
            place_deg=place_deg,
            kind=self.terminals.kind[who],
            terminal=who.astype(np.uint32),
        )

    def visitors(self, cell: int) -> Subjects:
        """Return one terminal of each account that stands in a cell: at home, on no plan and on no list."""
        count = len(self.account_names)
        cells = np.full(count, cell, np.uint64)
        country = self.country_of(cells).astype(np.int16)
        return Subjects(
            cell=cells,
            country=country,
            account=np.arange(count, dtype=np.uint16),
            speed_m_s=np.zeros(count, np.float32),
            kind=np.zeros(count, np.uint8),
            plan=np.zeros(count, np.uint16),
            home=country,
            distance_m=np.zeros(count, np.float32),
            terminal=np.full(count, len(self.terminals), np.uint32),
            line=np.full(count, LineStatus.ACTIVE, np.uint8),
        )

    def country_of(self, cells: Cells) -> NDArray[np.int16]:
        """Return the country of each cell (N,) as an index into ``country_names``, -1 at sea."""
        return self.land.country_of(cells)

    def rules_at(self, slot: int) -> Rules:
        """Return the rules in force in a slot."""
        return max((entry for entry in self.rules_timeline if entry[0] <= slot), key=lambda e: e[0])[1]


def compile_world(scenario: Scenario) -> World:
    """Resolve a scenario into arrays.

    Raises BadInput that names the key for whatever cannot be resolved: sites, areas, countries, files,
    satellites, and a run too short to hold the start of a slot.
    """
    scenario = scenario.in_force()
    slots = slots_of(scenario)
    constellation, warnings = _constellation(scenario)
    land = _land(scenario)
    _check_countries(scenario, land)
    areas = area_cells(scenario.areas, land)
    check_points(scenario, land)
    gateways, pops = gateways_of(scenario), pops_of(scenario)
    terminals, tracks, masks = _terminals(scenario, areas, land)
    cells = cell_of(terminals.latitude_deg, terminals.longitude_deg)
    country = land.country_of(cells).astype(np.int16)
    things = Things(
        constellation=constellation, gateways=gateways, pops=pops, terminals=terminals, terminal_cell=cells,
        areas=areas, slots=slots,
    )  # fmt: skip
    faults = resolve_faults(scenario, things)
    placed = Placed(cells=cells, riders=tracks, slots=slots)
    told = remarks(scenario, areas=areas, land=land, placed=placed, constellation=constellation)
    accounts = tuple(dict.fromkeys([*terminals.account_names, *(a.name for a in scenario.accounts)]))
    return World(
        scenario=scenario,
        slots=slots,
        network=scenario.network,
        constellation=constellation,
        gateways=gateways,
        pops=pops,
        terminals=terminals,
        terminal_cell=cells,
        terminal_country=country,
        terminal_home_pop=home_pops(
            scenario, pops, cells, land.countries, service_country(terminals, country, land.countries)
        ),
        lines=service_lines(scenario, terminals, country, land),
        tracks=tracks,
        masks=masks,
        background=_background(scenario, areas, land, pops),
        areas=areas,
        land=land,
        country_names=land.countries,
        rules_timeline=rules_timeline(
            scenario,
            areas=areas,
            accounts=accounts,
            countries=land.countries,
            too_small=land.too_small,
            terminals=terminals,
            slots=slots,
        ),
        faults=faults,
        commands=commands_of(_file(scenario, scenario.commands.file), terminals.ids),
        warnings=(*warnings, *idle_faults(scenario, faults), *told),
    )


def decided_anew(world: World, file: Path, slot: int) -> World:
    """Return the world with the decisions of another file, which differ from ``slot`` on at the earliest.

    What held before stays as it is, by identity: only the rules from ``slot`` on are made.
    """
    scenario = world.scenario.with_changes(changes={"decisions.file": str(file.resolve())})
    fresh = rules_timeline(
        scenario,
        areas=world.areas,
        accounts=world.account_names,
        countries=world.land.countries,
        too_small=world.land.too_small,
        terminals=world.terminals,
        slots=(slot, world.slots[1]),
    )
    past = tuple(entry for entry in world.rules_timeline if entry[0] < slot)
    lines = service_lines(scenario, world.terminals, world.terminal_country, world.land)
    return replace(world, scenario=scenario, lines=lines, rules_timeline=(*past, *fresh))


def commanded_anew(world: World, file: Path) -> World:
    """Return the world with the commands of another file, which goes on where its own ends."""
    scenario = world.scenario.with_changes(changes={"commands.file": str(file.resolve())})
    return replace(world, scenario=scenario, commands=commands_of(file, world.terminals.ids))


def _file(scenario: Scenario, name: str) -> Path | None:
    return scenario.path(name) if name else None


def slots_of(scenario: Scenario) -> tuple[int, int]:
    """Return the first and last slot that start in [start, end); raises BadInput where there is none."""
    first = first_slot_from(to_datetime64(scenario.start))
    stop = first_slot_from(to_datetime64(scenario.end))
    if stop <= first:
        raise BadInput(
            f"no slot starts between {utc_text(scenario.start)} and {utc_text(scenario.end)}",
            "make the run at least 15 s long (slots start at :12, :27, :42 and :57)",
        )
    return first, stop - 1


def _constellation(scenario: Scenario) -> tuple[Constellation, tuple[tuple[str, str], ...]]:
    """Return the satellites, and warnings: elements that are old at the start or the end, or missing."""
    use = scenario.constellation.use
    begin, end = to_datetime64(scenario.start), to_datetime64(scenario.end)
    if use not in builtin_names() and not scenario.path(use).is_file():
        raise BadInput(
            f"constellation.use: {use!r} is neither built in nor a file ({scenario.path(use)})",
            did_you_mean(use, builtin_names()) + ", or give the path of a file of element sets",
        )
    source = use if use in builtin_names() else str(scenario.path(use))
    constellation = load_constellation(source, at=begin)
    if use in builtin_names():  # its elements are made for the start
        return constellation, constellation.warnings
    stale = stale_elements_warning(constellation, begin) or stale_elements_warning(constellation, end)
    return constellation, (*(() if stale is None else (stale,)), *constellation.warnings)


def _land(scenario: Scenario) -> Land:
    """Return the land table, with the scenario's choice of country for disputed areas."""
    block = scenario.land
    land = land_table(None if block.table == "builtin" else scenario.path(block.table))
    for name, country in block.disputed.items():
        land = land.with_override(name, country)
    return land


def _check_countries(scenario: Scenario, land: Land) -> None:
    """Raise BadInput for every country of the scenario that the land table does not know."""
    known = {*land.countries, *land.too_small}
    wrong = [
        problem(path, f": no land is known for {code!r}", country_hint(code, land.countries))
        for path, code in scenario.country_codes()
        if code not in known
    ]
    if wrong:
        raise scenario.bad_input(wrong)


def _terminals(
    scenario: Scenario, areas: dict[str, Cells], land: Land
) -> tuple[Terminals, TrackTable, MaskTable]:
    """Build every group, and number riders and masks over all of them."""
    parts: list[Terminals] = []
    tables: list[TrackTable] = []
    masks: list[HorizonMask] = []
    riders = 0
    for n, block in enumerate(scenario.terminals, start=1):
        group = build_group(scenario, block, group_name(block, n), areas, land)
        t = group.terminals
        track = np.where(t.track >= 0, t.track + riders, -1).astype(np.int32)
        mask = np.where(t.mask >= 0, t.mask + len(masks), -1).astype(np.int32)
        parts.append(replace(t, track=track, mask=mask))
        tables.append(group.riders)
        masks += group.masks
        riders += len(group.riders)
    return join_terminals(parts), join_track_tables(tables), MaskTable.of(masks)


def _background(scenario: Scenario, areas: dict[str, Cells], land: Land, pops: Pops) -> Background:
    blocks = [
        background_cells(scenario, block, n, areas, land)
        for n, block in enumerate(scenario.background, start=1)
    ]
    distinct, inverse = np.unique(
        np.concatenate([np.zeros(0, np.uint64), *(cells for cells, _ in blocks)]), return_inverse=True
    )
    count = np.zeros(len(distinct), np.int64)
    np.add.at(count, inverse, np.concatenate([np.zeros(0, np.int64), *(n for _, n in blocks)]))
    country = land.country_of(distinct).astype(np.int16)
    home = home_pops(scenario, pops, distinct, land.countries, country)
    return Background(cells=distinct, count=count.astype(np.int32), home_pop=home)
