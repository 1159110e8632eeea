"""The service lines of a scenario's terminals: whose, on which plan, for which address."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from openleo.ground.cells import cell_of
from openleo.ground.land import Land
from openleo.ground.terminals import Terminals
from openleo.policy import Lines
from openleo.scenario.decisions import Decisions, addresses
from openleo.scenario.groups import group_name
from openleo.scenario.model import Scenario
from openleo.scenario.rules import plan_names


def service_lines(scenario: Scenario, terminals: Terminals, here: NDArray[np.int16], land: Land) -> Lines:
    """Return the lines (U,) of terminals that stand in countries ``here`` (-1: at sea) at the start.

    A line's address is its group's, else the place where the terminal was placed first; its country is that
    of the group's address, else the one stated for the terminal, else the one where it stands.  Where a file
    of decisions knows the terminal's line, that one's address counts.
    """
    count = len(terminals)
    lines = Lines(
        account=terminals.account,
        plan=np.zeros(count, np.uint16),
        latitude_deg=terminals.latitude_deg,
        longitude_deg=terminals.longitude_deg,
        country=service_country(terminals, here, land.countries),
        status=np.zeros(count, np.uint8),
    )
    if scenario.decisions.file:
        return _decided(lines, Decisions.read(scenario.path(scenario.decisions.file)), terminals, land)
    plans = {name: n for n, name in enumerate(plan_names(scenario))}
    if len(plans) == 1:
        return lines
    groups = {group_name(group, n): group for n, group in enumerate(scenario.terminals, start=1)}
    blocks = [groups[name] for name in terminals.group_names]
    lines = replace(
        lines,
        plan=np.array([plans[block.plan] for block in blocks], np.uint16)[terminals.group],
        latitude_deg=lines.latitude_deg.copy(),
        longitude_deg=lines.longitude_deg.copy(),
    )
    for n, block in enumerate(blocks):
        if block.address is not None:
            mine = terminals.group == n
            lines.latitude_deg[mine], lines.longitude_deg[mine] = block.address
            lines.country[mine] = land.country_of(cell_of(*block.address))
    return lines


def _decided(lines: Lines, decisions: Decisions, terminals: Terminals, land: Land) -> Lines:
    """Return the lines with the addresses that were decided, the latest of each."""
    latitude, longitude = lines.latitude_deg.copy(), lines.longitude_deg.copy()
    country = lines.country.copy()
    number = {name: n for n, name in enumerate(terminals.ids)}
    countries = {code: n for n, code in enumerate(land.countries)}
    for name, address in addresses(decisions):
        if name in number:
            n = number[name]
            country[n] = countries.get(str(address.get("country")), country[n])
            if address.get("latitude_deg") is not None:
                latitude[n], longitude[n] = address["latitude_deg"], address["longitude_deg"]
    return replace(lines, latitude_deg=latitude, longitude_deg=longitude, country=country)


def service_country(
    terminals: Terminals, here: NDArray[np.int16], countries: tuple[str, ...]
) -> NDArray[np.int16]:
    """Return the country (U,) of each terminal's service address where one is stated, else where it is.

    Its home PoP serves it.
    """
    number = {code: n for n, code in enumerate(countries)}
    named = np.array([*(number.get(code, -1) for code in terminals.country_names), -1], np.int16)
    home = named[terminals.country]
    return np.where(home >= 0, home, here).astype(np.int16)
