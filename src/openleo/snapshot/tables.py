"""The one registry of tables: names, types, units and meanings of every column.

The Parquet schema, its documentation (docs/results.md) and, later, the stream's layout are made from it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: numpy type ("text" for strings, "time" for UTC instants), unit, meaning."""

    name: str
    dtype: str
    unit: str
    meaning: str

    @property
    def numpy(self) -> DTypeLike:
        """The numpy type that holds it."""
        return {"text": np.dtype(object), "time": np.dtype("datetime64[ns]")}.get(self.dtype) or np.dtype(
            self.dtype
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: where it lies in a run folder, what a row is, its columns and sort order."""

    name: str
    row: str
    columns: tuple[Column, ...]
    sort: tuple[str, ...]
    chunked: bool  # one file per chunk of slots under NAME/, else NAME.parquet
    detail: tuple[str, ...] = ("full", "cells")

    def column(self, name: str) -> Column:
        """Return a column by name; KeyError if the table lacks it."""
        return next(c for c in self.columns if c.name == name)


def columns_of(text: str) -> tuple[Column, ...]:
    """Return the columns that lines of ``name | type | unit | meaning`` tell."""
    rows = [[part.strip() for part in line.split("|")] for line in text.strip().splitlines()]
    return tuple(Column(name=n, dtype=d, unit=u, meaning=m) for n, d, u, m in rows)


SLOTS = Table(
    name="slots",
    row="one slot of the whole network",
    chunked=True,
    sort=("slot",),
    columns=columns_of("""
        slot | int32 | | number of the slot: 15 s periods since the GPS epoch
        start | time | UTC | when the slot starts
        terminals | int32 | | terminals of the scenario
        online | int32 | | of them online for at least one second of the slot
        enabled | int32 | | of them allowed, powered and started: those that ask for service
        cells | int32 | | cells with terminals that ask, background included
        cells_served | int32 | | of them with a beam
        satellites | int32 | | satellites that serve at least one cell
        antennas | int32 | | gateway antennas in use
        units | int32 | | beam units in use: one is a beam on a channel for one dwell
        handovers | int32 | | terminals online in cells whose first satellite changed
        rtt_p10_us | int32 | us | round trip to the home PoP: 10th percentile of online terminals, or -1
        rtt_p50_us | int32 | us | median
        rtt_p90_us | int32 | us | 90th percentile
        rate_p20_kbps | int32 | kbit/s | modelled download of a busy terminal: 20th percentile, -1 if none
        rate_p50_kbps | int32 | kbit/s | median
        rate_p80_kbps | int32 | kbit/s | 80th percentile
    """),
)

SLOT_CAUSES = Table(
    name="slot_causes",
    row="terminals dark for one cause in one slot; causes without terminals have no row",
    chunked=True,
    sort=("slot", "cause"),
    columns=columns_of("""
        slot | int32 | | number of the slot
        cause | uint8 | | why, as in the causes table
        terminals | int32 | | how many
    """),
)

CELLS = Table(
    name="cells",
    row="one cell with terminals of the scenario in one slot",
    chunked=True,
    detail=("full",),
    sort=("cell", "slot"),
    columns=columns_of("""
        cell | int32 | | row of the cell in cell_index
        slot | int32 | | number of the slot
        cause | uint8 | | 0 served; else why none of its terminals that ask is; 255 nobody asks
        reason | uint8 | | 1 horizon, 2 elevation, 3 out of service, 4 GSO arc, 5 field of view; 0 none
        fault | int16 | | row in faults of the fault behind the cause, -1 none
        asking | int32 | | terminals that ask for service, background included
        seen | uint8 | | satellites in service above the minimum elevation for the whole slot (255: or more)
        outside_gso | uint8 | | of them outside the exclusion about the GSO arc
        in_view | uint8 | | of them in the field of view of the cell's kinds of terminal
        with_route | uint8 | | of them with a way to the home PoP: the candidates
        satellite | int16 | | row in satellites of the one that gives the first unit, -1 none
        gateway | int16 | | row in gateways where that satellite comes down, -1 none
        satellites | uint8 | | how many satellites serve the cell
        units | uint8 | | beam units of the cell
        handover | bool | | the first satellite differs from the slot before
        rtt_us | int32 | us | round trip to the home PoP over the first satellite, -1 none
        rate_kbps | int32 | kbit/s | capacity of the cell's units together, after the feeder's cap
    """),
)

BEAMS = Table(
    name="beams",
    row="one satellite's units for one cell with terminals of the scenario in one slot",
    chunked=True,
    detail=("full",),
    sort=("cell", "slot"),
    columns=columns_of("""
        cell | int32 | | row of the cell in cell_index
        slot | int32 | | number of the slot
        satellite | int16 | | row in satellites
        gateway | int16 | | row in gateways where it comes down
        colours | uint64 | | bit dwell * channels + channel is set for each unit
        user_us | int32 | us | one-way delay cell to satellite at mid-slot
        feeder_us | int32 | us | one-way delay satellite to gateway, inter-satellite hops included
        fibre_us | int32 | us | one-way delay gateway to home PoP
        rate_kbps | int32 | kbit/s | capacity of these units, after the feeder's cap
    """),
)

OVERRIDES = Table(
    name="overrides",
    row="one terminal over slots in which it fares otherwise than its cell, within a chunk",
    chunked=True,
    detail=("full",),
    sort=("terminal", "from_slot"),
    columns=columns_of("""
        terminal | int32 | | row in terminals
        from_slot | int32 | | first slot
        until_slot | int32 | | slot after the last
        cause | uint8 | | why it is dark in the seconds that are not online
        rule | int16 | | row in rules of the rule that decided, -1 none
        fault | int16 | | row in faults of the fault behind it, -1 none
        seconds | uint16 | | bit s is set when second s of each of these slots was online
    """),
)

MOVES = Table(
    name="moves",
    row="a moving terminal enters a cell; at the start of a chunk, where each is",
    chunked=True,
    sort=("terminal", "slot"),
    detail=("full",),
    columns=columns_of("""
        terminal | int32 | | row in terminals
        slot | int32 | | the slot at whose start it is in the cell
        cell | int32 | | row of the cell in cell_index
        latitude_deg | float32 | deg | where it is at that slot's start
        longitude_deg | float32 | deg | where it is at that slot's start
        speed_m_s | float32 | m/s | speed over the ground
    """),
)

CELL_CHUNKS = Table(
    name="cell_chunks",
    row="one cell with terminals of the scenario over one chunk of slots",
    chunked=True,
    sort=("cell",),
    columns=columns_of("""
        cell | int32 | | row of the cell in cell_index
        from_slot | int32 | | first slot of the chunk
        slots | int32 | | slots in the chunk
        asked | int32 | | of them with terminals that ask
        served | int32 | | of them with a beam
        cause | uint8 | | the commonest cause of the unserved ones, 0 if none
        handovers | int32 | | changes of the first satellite
        terminal_slots | int64 | | terminals that ask, summed over the slots
        served_terminal_slots | int64 | | those in slots with a beam
        rtt_mean_us | int32 | us | mean round trip over the served slots, -1 if none
        rate_mean_kbps | int32 | kbit/s | mean capacity over the served slots, -1 if none
        units | int64 | | beam units, summed over the slots
    """),
)

TERMINALS = Table(
    name="terminals",
    row="one terminal",
    chunked=False,
    sort=(),
    columns=columns_of("""
        id | text | | stable name
        latitude_deg | float64 | deg | geodetic; of a moving one, where it starts
        longitude_deg | float64 | deg | geodetic
        cell | int32 | | row in cell_index at the first slot
        kind | text | | kind of terminal
        account | text | | account that it belongs to
        group | text | | block of the scenario that it comes from
        moving | bool | | it follows a track
        mask | int32 | | number of its horizon mask, -1 a clear sky
        backup_hours | float32 | h | how long it runs without mains
    """),
)

CELL_INDEX = Table(
    name="cell_index",
    row="one cell that the run knows",
    chunked=False,
    sort=(),
    columns=columns_of("""
        h3 | text | | H3 index, resolution 5
        latitude_deg | float64 | deg | centre
        longitude_deg | float64 | deg | centre
        country | text | | ISO 3166 alpha-2 code, empty at sea
        home_pop | int16 | | row in pops
        background | int32 | | assumed terminals of other users
        tracked | bool | | terminals of the scenario are or come there
    """),
)

SATELLITES = Table(
    name="satellites",
    row="one satellite",
    chunked=False,
    sort=(),
    columns=columns_of("""
        name | text | | name in the element sets
        catalogue_number | int32 | | NORAD catalogue number, or one made up for a built-in constellation
        shell | text | | shell, empty where it is in no shell's in-service band
        plane | int16 | | plane in the shell, -1 not known
        plane_slot | int16 | | place along the plane, -1 not known
        in_service | bool | | it may serve: in its band and with a Ku payload
        laser | bool | | it has inter-satellite links
        generation | int8 | | 0 unknown, 1 v0.9 or v1.0, 15 v1.5, 20 v2 mini
    """),
)

GATEWAYS = Table(
    name="gateways",
    row="one gateway",
    chunked=False,
    sort=(),
    columns=columns_of("""
        name | text | | place
        country | text | | ISO 3166 alpha-2 code
        latitude_deg | float64 | deg | geodetic
        longitude_deg | float64 | deg | geodetic
        antennas | int16 | | satellites that it can follow at once
        source | text | | where this is known from
    """),
)

POPS = Table(
    name="pops",
    row="one point of presence",
    chunked=False,
    sort=(),
    columns=columns_of("""
        code | text | | operator's code
        name | text | | city
        country | text | | ISO 3166 alpha-2 code
        latitude_deg | float64 | deg | geodetic
        longitude_deg | float64 | deg | geodetic
    """),
)

RULES = Table(
    name="rules",
    row="one rule that decided who may be served",
    chunked=False,
    sort=(),
    columns=columns_of("""
        id | text | | name in the scenario or control database
        code | text | | disablement code that it gives
        text | text | | what it does, since when, and why
    """),
)

FAULTS = Table(
    name="faults",
    row="one fault of the scenario",
    chunked=False,
    sort=(),
    columns=columns_of("""
        name | text | | name in the scenario
        kind | text | | satellite, plane, shell, isl, gateway, pop, fibre, core, power
        target | text | | what failed
        from_slot | int32 | | first slot
        until_slot | int32 | | slot after the last
        why | text | | reason given
        source | text | | source given
        assumption | text | | id of the assumption that it belongs to, if any
    """),
)

CAUSES = Table(
    name="causes",
    row="one cause",
    chunked=False,
    sort=(),
    columns=columns_of("""
        cause | uint8 | | number in the other tables
        name | text | | name
        meaning | text | | in words
    """),
)

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        SLOTS, SLOT_CAUSES, CELLS, BEAMS, OVERRIDES, MOVES, CELL_CHUNKS, TERMINALS, CELL_INDEX, SATELLITES,
        GATEWAYS, POPS, RULES, FAULTS, CAUSES,
    )
}  # fmt: skip
