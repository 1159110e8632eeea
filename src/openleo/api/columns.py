"""The columns of tables that are answered by column: what the page is typed by.  Units stand in the names."""

from pydantic import BaseModel


class CellsColumns(BaseModel):
    """Cells with terminals of the scenario, as frames number them; ``place`` is the nearest town."""

    h3: list[str]
    latitude_deg: list[float]
    longitude_deg: list[float]
    country: list[str]
    home_pop: list[int]
    background: list[int]
    terminals: list[int]
    place: list[str]


class TerminalsColumns(BaseModel):
    """Terminals; ``cell`` as in frames, positions null where they are not told."""

    id: list[str]
    latitude_deg: list[float | None]
    longitude_deg: list[float | None]
    cell: list[int]
    kind: list[str]
    account: list[str]
    group: list[str]
    moving: list[bool]
    mask: list[int]
    backup_hours: list[float]


class SatellitesColumns(BaseModel):
    """Satellites."""

    name: list[str]
    catalogue_number: list[int]
    shell: list[str]
    plane: list[int]
    plane_slot: list[int]
    in_service: list[bool]
    laser: list[bool]
    generation: list[int]


class GatewaysColumns(BaseModel):
    """Gateways."""

    name: list[str]
    country: list[str]
    latitude_deg: list[float]
    longitude_deg: list[float]
    antennas: list[int]
    source: list[str]


class PopsColumns(BaseModel):
    """Points of presence."""

    code: list[str]
    name: list[str]
    country: list[str]
    latitude_deg: list[float]
    longitude_deg: list[float]


class CausesColumns(BaseModel):
    """Every cause there is."""

    cause: list[int]
    name: list[str]
    meaning: list[str]
    group: list[str]


class RulesColumns(BaseModel):
    """Rules that decided who may be served; they grow."""

    id: list[str]
    code: list[str]
    text: list[str]


class FaultsColumns(BaseModel):
    """Faults of the scenario, each in the slots [from_slot, until_slot)."""

    name: list[str]
    kind: list[str]
    target: list[str]
    from_slot: list[int]
    until_slot: list[int]
    why: list[str]
    source: list[str]
    assumption: list[str]


class AreasColumns(BaseModel):
    """Areas of the scenario, with the rows of their cells."""

    name: list[str]
    cells: list[list[int]]


Columns = (
    CellsColumns
    | TerminalsColumns
    | SatellitesColumns
    | GatewaysColumns
    | PopsColumns
    | CausesColumns
    | RulesColumns
    | FaultsColumns
    | AreasColumns
)
OF_TABLE: dict[str, type[BaseModel]] = {
    "cells": CellsColumns, "terminals": TerminalsColumns, "satellites": SatellitesColumns,
    "gateways": GatewaysColumns, "pops": PopsColumns, "causes": CausesColumns, "rules": RulesColumns,
    "faults": FaultsColumns, "areas": AreasColumns,
}  # fmt: skip


class TimelineColumns(BaseModel):
    """A terminal slot by slot.

    ``rtt_ms``, ``rate_mbps`` (its modelled download while it is busy), ``satellite`` and ``gateway`` are null
    while it is dark.  ``seconds``: bit s is set where second s of the slot was online.
    """

    slot: list[int]
    start: list[str]
    online_s: list[int]
    cause: list[str]
    rule: list[str | None]
    fault: list[str | None]
    satellite: list[str | None]
    gateway: list[str | None]
    rtt_ms: list[float | None]
    rate_mbps: list[float | None]
    seconds: list[int]
    handover: list[bool]


class GatewayColumns(BaseModel):
    """A gateway slot by slot, from the cells with terminals of the scenario.

    ``antennas`` follow satellites that serve some of ``cells``; ``rate_mbps`` is their beams' capacity.
    """

    slot: list[int]
    start: list[str]
    antennas: list[int]
    cells: list[int]
    rate_mbps: list[float]
