"""One step: from the state before and a slot's geometry to the state after and a Snapshot."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.engine.causes import Causes, causes_of
from openleo.engine.columns import beam_columns, cell_columns
from openleo.engine.geometry import Geometry
from openleo.engine.masked import ALL_SECONDS, online_seconds
from openleo.engine.network import Network
from openleo.engine.schedule import Schedule, demand_of, fill_up, schedule
from openleo.engine.state import NEVER, State
from openleo.engine.summary import busy_rates, weighted_percentiles
from openleo.engine.terminals import Standing
from openleo.network.board import MAX_SATELLITES_PER_CELL, Board
from openleo.network.settle import Beams, Ways, settle
from openleo.snapshot.causes import Cause
from openleo.snapshot.snapshot import Columns, Snapshot


def step(net: Network, state: State, geometry: Geometry, standing: Standing) -> tuple[State, Snapshot]:
    """Run one slot.  ``standing`` carries the rules and inputs in force."""
    result = decide(net, state, geometry, standing)
    return next_state(net, state, geometry, result), finish(net, state, geometry, standing, result)


def decide(net: Network, state: State, geometry: Geometry, standing: Standing) -> Schedule:
    """Schedule first units: the only part of a step that the next slot waits for."""
    return schedule(net, demand_of(net, state, geometry, standing.asking), geometry)


def finish(net: Network, state: State, geometry: Geometry, standing: Standing, result: Schedule) -> Snapshot:
    """Name causes, grant the rest of the beams, and say what came of it.  ``state`` is the one before."""
    causes = causes_of(net, state, geometry, result)
    fill_up(net, geometry, result)
    beams = _settled(net, geometry, result.board)
    cells = cell_columns(net, state, geometry, standing, result.board, causes, beams)
    seconds = _masked_seconds(net, geometry, standing, result.board, causes)
    others = _overrides(net, standing, seconds)
    moves, moved = net.moves, standing.moved
    return Snapshot(
        slot=geometry.slot,
        summary=_summary(net, geometry, standing, result.board, causes, cells, seconds),
        causes=_dark_by_cause(standing, causes, seconds),
        cells=cells,
        beams=beam_columns(net, geometry, result.board, beams) if net.world.scenario.detail == "full" else {},
        dark=others.terminal,
        dark_cause=others.cause,
        dark_rule=others.rule,
        dark_fault=others.fault,
        dark_seconds=others.seconds,
        moved=moves.terminal[moved],
        moved_cell=moves.row[moved],
        moved_where=moves.where[:, moved],
    )


def _settled(net: Network, geometry: Geometry, board: Board) -> Beams:
    shape = (net.cell_count, MAX_SATELLITES_PER_CELL)
    count = len(geometry.sky.number)
    out = Beams(
        gateway=np.full(shape, -1, np.int16),
        landing=np.full(shape, -1, np.int32),
        user_s=np.zeros(shape, np.float32),
        feeder_s=np.zeros(shape, np.float32),
        fibre_s=np.zeros(shape, np.float32),
        rate_bps=np.zeros(shape, np.float32),
    )
    exits = geometry.exits
    if exits is None:
        pops = net.fibre_s.shape[1]
        ways = Ways(
            geometry.feeder_s, net.fibre_s, board.gateway, np.zeros(count, np.bool_),
            np.zeros((pops, 0), np.int32), np.zeros((pops, 0)),
        )  # fmt: skip
    else:
        gateway = np.where(exits.by_laser, exits.gateway, board.gateway)
        ways = Ways(geometry.feeder_s, net.fibre_s, gateway, exits.by_laser, exits.next_hop, exits.dist_s)
    settle(net.points, geometry.sky, ways, board, net.limits.dwells, net.world.network.feeder_gbps * 1e9, out)
    return out


def next_state(net: Network, state: State, geometry: Geometry, result: Schedule) -> State:
    """Return what the next slot inherits."""
    number, board = geometry.sky.number, result.board
    satellite = np.full(net.cell_count, -1, np.int32)
    served = board.first >= 0
    satellite[served] = number[board.first[served]]
    waits = (result.demand.terminals > 0) & ~served
    since = np.where(state.unserved_since >= 0, state.unserved_since, geometry.slot)
    gateway = np.full(len(net.world.constellation), -1, np.int16)
    gateway[number] = board.gateway
    return State(
        satellite=satellite,
        unserved_since=np.where(waits, since, NEVER).astype(np.int32),
        gateway=gateway,
    )


def _masked_seconds(
    net: Network, geometry: Geometry, standing: Standing, board: Board, causes: Causes
) -> NDArray[np.uint16]:
    """Return the online seconds (V,) of terminals with a mask; every bit where the mask does not matter."""
    seconds = np.full(len(net.masked.terminal), ALL_SECONDS, np.uint16)
    if len(seconds):
        cell = standing.cell[net.masked.terminal]
        asks = (standing.cause[net.masked.terminal] == 0) & (causes.cause[cell] == Cause.ONLINE)
        online_seconds(net.masked, cell, asks, geometry.sky, board, seconds)
    return seconds


class _Overrides(NamedTuple):
    """Terminals (D,) that fare otherwise than their cell; the ``dark`` columns of a Snapshot."""

    terminal: NDArray[np.int32]
    cause: NDArray[np.uint8]
    rule: NDArray[np.int16]
    fault: NDArray[np.int16]
    seconds: NDArray[np.uint16]


def _overrides(net: Network, standing: Standing, seconds: NDArray[np.uint16]) -> _Overrides:
    """Return the terminals that fare otherwise than their cell: those that do not ask, and the obstructed."""
    blocked = np.flatnonzero(seconds != ALL_SECONDS)
    dark = standing.dark
    none = np.full(len(blocked), -1, np.int16)
    obstructed = np.full(len(blocked), Cause.OBSTRUCTED, np.uint8)
    return _Overrides(
        terminal=np.concatenate([dark, net.masked.terminal[blocked]]),
        cause=np.concatenate([standing.cause[dark], obstructed]),
        rule=np.concatenate([standing.rule[dark], none]),
        fault=np.concatenate([standing.fault[dark], none]),
        seconds=np.concatenate([np.zeros(len(dark), np.uint16), seconds[blocked]]),
    )


def _dark_by_cause(standing: Standing, causes: Causes, seconds: NDArray[np.uint16]) -> dict[int, int]:
    """Count the terminals that are dark for the whole slot, by cause."""
    counts = np.bincount(standing.cause[standing.dark], minlength=256)
    lost = standing.asking_own * (causes.cause != Cause.ONLINE)
    counts += np.bincount(causes.cause, weights=lost, minlength=256).astype(np.int64)
    counts[Cause.OBSTRUCTED] += int((seconds == 0).sum())
    return {int(cause): int(counts[cause]) for cause in np.flatnonzero(counts)}


def _summary(
    net: Network,
    geometry: Geometry,
    standing: Standing,
    board: Board,
    causes: Causes,
    cells: Columns,
    seconds: NDArray[np.uint16],
) -> dict[str, int]:
    asking = standing.asking_own[net.tracked]
    online = np.where(cells["cause"] == Cause.ONLINE, asking, 0)
    rtt = weighted_percentiles(cells["rtt_us"], online, (10, 50, 90))
    rate = weighted_percentiles(busy_rates(net, cells), online, (20, 50, 80))
    serves = board.dwell_load.any(axis=1)  # a satellite may hold an antenna and serve nobody in this slot
    landing = geometry.exits is not None and int((geometry.exits.gateway >= 0).sum())
    return {
        "terminals": len(net.world.terminals),
        "online": int(online.sum()) - int((seconds == 0).sum()),
        "enabled": int(asking.sum()),
        "cells": int((standing.asking > 0).sum()),
        "cells_served": int((board.first >= 0).sum()),
        "satellites": int(serves.sum()),
        "antennas": int(((board.gateway >= 0) & serves).sum()) + int(landing),
        "units": int(board.dwell_load.sum()),
        "handovers": int(asking[cells["handover"]].sum()),
        "rtt_p10_us": rtt[0],
        "rtt_p50_us": rtt[1],
        "rtt_p90_us": rtt[2],
        "rate_p20_kbps": rate[0],
        "rate_p50_kbps": rate[1],
        "rate_p80_kbps": rate[2],
    }
