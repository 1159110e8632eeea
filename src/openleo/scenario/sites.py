"""The gateways and PoPs that a scenario has, and the PoP where each terminal's traffic comes out."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.ground.cells import cell_centre_deg
from openleo.ground.frames import great_circle_m
from openleo.ground.sites import Gateways, Pops, load_gateways, load_pops
from openleo.scenario.model import Scenario


def gateways_of(scenario: Scenario) -> Gateways:
    """Return the gateways of a scenario, in the order of its list or else of the table.

    Raises BadInput for a name that the table lacks (with the nearest), a country without gateways, or none.
    """
    block = scenario.gateways
    table = load_gateways(_file(scenario, block.table))
    if block.include == "live":
        rows = table.live_at(scenario.start.date())
        if block.countries:
            try:
                rows = np.intersect1d(rows, table.in_countries(block.countries))
            except BadInput as error:
                raise BadInput(f"gateways.countries: {error.detail}", error.hint) from None
    else:
        names = [g if isinstance(g, str) else g.name for g in block.include]
        rows = np.array([_row(table, name, "gateways.include") for name in names], np.int64)
        if len(set(rows.tolist())) < len(rows):
            raise BadInput(
                "gateways.include names a gateway twice", "name each once; antennas sets how many it has"
            )
    gone = [_row(table, name, "gateways.exclude") for name in block.exclude]
    chosen = table.take(rows[~np.isin(rows, gone)])
    if block.antennas is not None:
        chosen = replace(chosen, antennas=np.full(len(chosen), block.antennas, np.int16))
    if block.extra:
        chosen = _joined(chosen, _own(scenario))
    if len(chosen) == 0:
        raise BadInput(
            f"scenario {scenario.name} has no gateway: nothing could reach the Internet",
            "name some in gateways.include, or add gateways.extra",
        )
    return chosen


def pops_of(scenario: Scenario) -> Pops:
    """Return the PoPs of a scenario.  Raises BadInput for a name that the table lacks."""
    table = load_pops(_file(scenario, scenario.pops.table))
    if not scenario.pops.include:
        return table
    return table.take(np.array([_row(table, name, "pops.include") for name in scenario.pops.include]))


def gateway_row(scenario: Scenario, gateways: Gateways, name: str) -> int:
    """Return the row of a gateway of the scenario; BadInput says so where only the table has it."""
    try:
        return gateways.index_of(name)
    except BadInput as error:
        table = load_gateways(_file(scenario, scenario.gateways.table))
        raise _left_out(error, table, name, "gateways", scenario.gateways.include == "live") from None


def pop_row(scenario: Scenario, pops: Pops, name: str) -> int:
    """Return the row of a PoP of the scenario; BadInput says so where only the table has it."""
    try:
        return pops.index_of(name)
    except BadInput as error:
        raise _left_out(error, load_pops(_file(scenario, scenario.pops.table)), name, "pops", False) from None


def _left_out(error: BadInput, table: Gateways | Pops, name: str, key: str, only_live: bool) -> BadInput:
    """Return an error that tells a name no table has from one that the scenario leaves out."""
    try:
        row = table.index_of(name)
    except BadInput:
        return error
    found = table.name[row]
    if only_live and isinstance(table, Gateways):
        return BadInput(
            f"{found} exists ({table.status[row]}), but the scenario leaves it out",
            "name it in gateways.include, and look at gateways.countries and exclude",
        )
    return BadInput(f"{found} exists, but {key}.include leaves it out", f'add "{found}" to {key}.include')


def home_pops(
    scenario: Scenario,
    pops: Pops,
    cells: NDArray[np.uint64],
    countries: Sequence[str],
    country: NDArray[np.int16],
) -> NDArray[np.int16]:
    """Return the home PoP (N,) of users in ``cells`` (N,): their country's, else the nearest to the cell.

    ``country`` (N,) indexes ``countries``, -1 where unknown.  Raises BadInput for a home that is no PoP here.
    """
    home = {}
    for code, name in scenario.pops.home.items():
        try:
            home[code] = pop_row(scenario, pops, name)
        except BadInput as error:
            raise BadInput(f"pops.home.{code}: {error.detail}", error.hint) from None
    distinct, inverse = np.unique(cells, return_inverse=True)
    centre = np.radians(cell_centre_deg(distinct))
    distance = np.full((len(distinct), len(pops)), math.inf)
    for p in range(len(pops)):
        at = math.radians(float(pops.latitude_deg[p])), math.radians(float(pops.longitude_deg[p]))
        distance[:, p] = great_circle_m(*at, centre[:, 0], centre[:, 1])
    nearest = distance.argmin(axis=1).astype(np.int16)[inverse]
    by_country = np.array([home.get(code, -1) for code in (*countries, "")], np.int16)[country]
    return np.where(by_country >= 0, by_country, nearest).astype(np.int16)


def _file(scenario: Scenario, table: str) -> Path | None:
    return None if table == "builtin" else scenario.path(table)


def _row(table: Gateways | Pops, name: str, key: str) -> int:
    try:
        return table.index_of(name)
    except BadInput as error:
        raise BadInput(f"{key}: {error.detail}", error.hint) from None


def _own(scenario: Scenario) -> Gateways:
    extra = scenario.gateways.extra
    return Gateways(
        name=tuple(g.name for g in extra),
        country=tuple(g.country for g in extra),
        latitude_deg=np.array([g.latitude_deg for g in extra], np.float64),
        longitude_deg=np.array([g.longitude_deg for g in extra], np.float64),
        antennas=np.array([g.antennas for g in extra], np.int16),
        min_elevation_rad=np.radians([g.min_elevation_deg for g in extra]),
        status=("live",) * len(extra),
        live_from=(None,) * len(extra),
        source=tuple(g.source for g in extra),
        confidence=("",) * len(extra),
        note=("from the scenario",) * len(extra),
    )


def _joined(first: Gateways, second: Gateways) -> Gateways:
    for name in second.name:
        if name in first.name:
            raise BadInput(
                f"gateways.extra: {name!r} is in the table too", "give your own gateway another name"
            )
    columns: dict[str, Any] = {}
    for field in fields(Gateways):
        a, b = getattr(first, field.name), getattr(second, field.name)
        columns[field.name] = np.concatenate([a, b]) if isinstance(a, np.ndarray) else a + b
    return Gateways(**columns)
