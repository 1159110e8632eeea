"""The best possible schedules of small worlds, from OR-tools."""

import warnings

import numpy as np
from schedule_worlds import Footprints, World

from openleo.network.board import Board

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its SWIG types, from Python 3.12
    from ortools.graph.python import max_flow
    from ortools.sat.python import cp_model


def most_cells_by_flow(world: World) -> int:
    """Return how many cells the satellites' beam time can serve; antennas and colours do not count."""
    d, capacity = world.demand, world.limits.beams * world.limits.dwells
    cells, satellites = len(d.terminals), len(world.sky.number)
    source, sink = cells + satellites, cells + satellites + 1
    flow = max_flow.SimpleMaxFlow()
    for c in range(cells):
        flow.add_arc_with_capacity(source, c, 1)
        for s in d.candidates[c][d.candidates[c] >= 0]:
            flow.add_arc_with_capacity(c, cells + int(s), 1)
    for s in range(satellites):
        flow.add_arc_with_capacity(cells + s, sink, capacity)
    assert flow.solve(source, sink) == flow.OPTIMAL
    return flow.optimal_flow()


class Model:
    """Which satellites have antennas, and each cell's satellite and colour, as yes-or-no variables."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = cp_model.CpModel()
        d, limits = world.demand, world.limits
        # Without Nco nothing tells one dwell or channel from another.
        self.colours = range(limits.dwells * limits.channels if limits.nco else 1)
        self.beams = limits.beams if limits.nco else limits.beams * limits.dwells
        self.candidates = [d.candidates[c][d.candidates[c] >= 0].tolist() for c in range(len(d.terminals))]
        self.up = [self.model.new_bool_var("") for _ in world.sky.number]
        self.follows = {}
        self.lit = {}
        self._antennas()
        self._beams()
        if limits.nco:
            self._nco()
        self.model.maximize(sum(self.lit.values()))

    def _antennas(self) -> None:
        d = self.world.demand
        for s, up in enumerate(self.up):
            if d.needs_antenna[s]:
                mine = [int(g) for g in d.gateways[s] if g >= 0]
                self.follows |= {(s, g): self.model.new_bool_var("") for g in mine}
                self.model.add(sum(self.follows[s, g] for g in mine) == up)
        for g, antennas in enumerate(d.antennas):
            self.model.add(sum(v for (_, of), v in self.follows.items() if of == g) <= int(antennas))

    def _beams(self) -> None:
        for c, candidates in enumerate(self.candidates):
            for s in candidates:
                for k in self.colours:
                    self.lit[c, s, k] = self.model.new_bool_var("")
                    self.model.add_implication(self.lit[c, s, k], self.up[s])
            self.model.add_at_most_one(self.lit[c, s, k] for s in candidates for k in self.colours)
        for s in range(len(self.up)):
            for dwell in {k // self.world.limits.channels for k in self.colours}:
                of = range(dwell * self.world.limits.channels, (dwell + 1) * self.world.limits.channels)
                beams = [v for (_, t, k), v in self.lit.items() if t == s and k in of]
                self.model.add(sum(beams) <= self.beams)

    def _nco(self) -> None:
        footprints = Footprints(self.world)
        always: dict[int, set[int]] = {c: set() for c in range(len(self.candidates))}
        for c, mine in enumerate(self.candidates):
            for n in range(c):
                theirs = self.candidates[n]
                meets = footprints.meet(c, mine, n, theirs, 1.01)
                if meets.size and meets.all():
                    always[c].add(n)
                    always[n].add(c)
                elif meets.any():
                    self._bar(c, n, meets)
        self._cliques(always)

    def _bar(self, c: int, n: int, meets: np.ndarray) -> None:
        for i, s in enumerate(self.candidates[c]):
            barred = [t for j, t in enumerate(self.candidates[n]) if meets[i, j]]
            for k in self.colours if barred else ():
                self.model.add_at_most_one([self.lit[c, s, k], *(self.lit[n, t, k] for t in barred)])

    def _cliques(self, always: dict[int, set[int]]) -> None:
        """Bar a colour from all but one of cells so near that their footprints always meet."""
        left = {(a, b) for a, others in always.items() for b in others if a < b}
        while left:
            clique = list(min(left))
            for c in sorted(always, key=lambda c: -len(always[c])):
                if all(c in always[member] for member in clique):
                    clique.append(c)
            left -= {(a, b) for a in clique for b in clique}
            for k in self.colours:
                self.model.add_at_most_one(self.lit[c, s, k] for c in clique for s in self.candidates[c])

    def hint(self, board: Board) -> None:
        """Start from a schedule of ours, so that the answer is no worse than it."""
        for s, up in enumerate(self.up):
            self.model.add_hint(up, bool(board.gateway[s] >= 0 or not self.world.demand.needs_antenna[s]))
        for (s, g), follows in self.follows.items():
            self.model.add_hint(follows, bool(board.gateway[s] == g))
        for (c, s, k), lit in self.lit.items():
            self.model.add_hint(lit, bool(board.first[c] == s and int(board.used[c]) >> k & 1))

    def most_cells(self, seconds: float) -> tuple[int, bool]:
        """Return the most cells found served in that time, and whether that is known to be the most.

        Time is counted in the solver's own steps, about a second each, so that a busy machine finds the same.
        """
        solver = cp_model.CpSolver()
        solver.parameters.max_deterministic_time = seconds
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        status = solver.solve(self.model)
        assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE), solver.status_name(status)
        return round(solver.objective_value), status == cp_model.OPTIMAL
