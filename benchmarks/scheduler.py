"""Milliseconds to schedule a slot, on one thread, in two shipped scenarios; and how near to the best it is.

The first figure is the whole schedule: satellites, antennas, first units and further units.  Beside it, with
half of the beams, satellites alone are assigned by ours and by OR-tools' min-cost flow: as many cells as
possible first, then the highest utility.  Antennas and colours are left out there, as a flow knows neither.
"""

import json
import math
import statistics
import time
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.engine import first_state, prepare
from openleo.engine.geometry import Geometry, geometries
from openleo.engine.network import Network
from openleo.engine.schedule import fill_up
from openleo.engine.step import decide, next_state
from openleo.engine.terminals import Terminals
from openleo.network.assignment import greedy, relieve
from openleo.network.board import Demand, Limits, new_board
from openleo.scenario.load import load_scenario
from openleo.scenario.world import compile_world

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its SWIG types, from Python 3.12
    from ortools.graph.python import min_cost_flow

GOALS_MS = {"ukraine-2022": 3.5, "planet": 110.0}
SLOTS = {"ukraine-2022": 24, "planet": 4}
GOAL_SHARE = 0.99
UTILITY_STEPS = 1000  # utilities are rounded to thousandths for the flow, which counts in whole numbers


@dataclass(frozen=True, slots=True)
class Answer:
    """Cells served, the sum of their utilities, and the CPU time it took."""

    served: int
    utility: float
    ms: float


def schedules(net: Network, slots: int) -> tuple[list[float], list[tuple[Demand, Geometry]]]:
    """Schedule some slots one after another; return the CPU ms of each but the first, and their demands."""
    begin = net.world.first_slot
    state, terminals = first_state(net), Terminals(net, begin)
    spent, demands = [], []
    for slot in range(begin, begin + slots + 1):
        geometry = geometries(net, [net.timeline.at(slot)], np.array([slot]))[0]
        standing = terminals.advance(slot)
        start = time.process_time()
        result = decide(net, state, geometry, standing)
        fill_up(net, geometry, result)
        spent.append((time.process_time() - start) * 1e3)
        demands.append((result.demand, geometry))
        state = next_state(net, state, geometry, result)
    return spent[1:], demands[1:]


def ours(demand: Demand, satellites: int, limits: Limits) -> Answer:
    start = time.process_time()
    board = new_board(len(demand.terminals), satellites, limits, demand.antennas)
    if greedy(demand, limits, board, 0.0, 0.0):
        relieve(demand, limits, board)
    ms = (time.process_time() - start) * 1e3
    taken = (demand.candidates == board.first[:, None]) & (board.first[:, None] >= 0)
    return Answer(int(taken.sum()), float(demand.utility[taken].sum()), ms)


def best(demand: Demand, satellites: int, limits: Limits) -> Answer:
    """The most cells that can be served, and of the ways to serve so many the one they like best."""
    asks = np.flatnonzero(demand.terminals > 0)
    cell, choice = np.nonzero(demand.candidates[asks] >= 0)
    satellite = demand.candidates[asks][cell, choice].astype(np.int64)
    utility = demand.utility[asks][cell, choice].astype(np.float64)
    start = time.process_time()
    flow = min_cost_flow.SimpleMinCostFlow()
    cells = len(asks)
    cost = -np.rint(utility * UTILITY_STEPS).astype(np.int64)
    asked = flow.add_arcs_with_capacity_and_unit_cost(cell, cells + satellite, ones(cell), cost)
    sink = cells + satellites
    every = np.arange(satellites)
    room = np.full(satellites, limits.beams * limits.dwells, np.int64)
    flow.add_arcs_with_capacity_and_unit_cost(cells + every, np.full(satellites, sink), room, 0 * room)
    flow.set_nodes_supplies(np.arange(cells), ones(asks))
    flow.set_nodes_supplies(np.array([sink]), np.array([-cells]))
    status = flow.solve_max_flow_with_min_cost()
    ms = (time.process_time() - start) * 1e3
    assert status == flow.OPTIMAL, status
    used = flow.flows(asked) > 0
    return Answer(int(used.sum()), float(utility[used].sum()), ms)


def ones(like: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ones(len(like), np.int64)


def measure(name: str) -> list[dict[str, object]]:
    """Print what is measured in a scenario, and return it."""
    net = prepare(compile_world(load_scenario(name)))
    spent, demands = schedules(net, SLOTS[name])
    ms = statistics.median(spent)
    print(f"{name}: {net.cell_count} cells; {min(spent):.2f} to {max(spent):.2f} ms in {len(spent)} slots")
    demand, geometry = demands[-1]
    limits = net.limits._replace(beams=net.limits.beams // 2, antennas_bind=False)
    satellites = len(geometry.sky.number)
    got, most = ours(demand, satellites, limits), best(demand, satellites, limits)
    print(f"with half the beams, of {int((demand.candidates[:, 0] >= 0).sum())} cells with a candidate:")
    for way, answer in (("openleo", got), ("OR-tools", most)):
        mean = answer.utility / max(answer.served, 1)
        print(f"  {way:9s}{answer.served:8d} served, mean utility {mean:7.3f}, {answer.ms:9.1f} ms of CPU")
    share = got.served / most.served
    goal = GOALS_MS[name]
    return [
        {
            "name": f"schedule, {name}, one core", "value": round(ms, 2), "unit": "ms/slot",
            "goal": f"< {goal:g}", "met": ms < goal,
        },
        {
            "name": f"OR-tools' time over ours, {name}", "value": round(most.ms / got.ms, 1),
            "unit": "ratio", "goal": None, "met": None,
        },
        {
            "name": f"cells served of the most possible, {name}", "value": math.floor(share * 1e5) / 1e5,
            "unit": "share", "goal": f">= {GOAL_SHARE:g}", "met": share >= GOAL_SHARE,
        },
    ]  # fmt: skip


def main() -> None:
    results = [record for name in GOALS_MS for record in measure(name)]
    for record in results:
        print(json.dumps(record))


if __name__ == "__main__":
    main()
