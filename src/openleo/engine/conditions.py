"""What is up in a slot: the faults' effect, constant between the slots at which a fault begins or ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.scenario.faults import Fault
from openleo.scenario.world import World


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """S satellites, G gateways, P PoPs: what is up; and the faults that hold, by row.

    ``satellite_up`` (S,), ``laser_up`` (S,), ``gateway_up`` (G,), ``pop_up`` (P,), ``fibre_up`` (G, P) bool;
    ``cut_links`` (N, 2) pairs of satellites; ``core_fault`` the row of the core's fault, -1 while it is up.
    """

    satellite_up: NDArray[np.bool_]
    laser_up: NDArray[np.bool_]
    gateway_up: NDArray[np.bool_]
    pop_up: NDArray[np.bool_]
    fibre_up: NDArray[np.bool_]
    cut_links: NDArray[np.int32]
    core_fault: int
    holding: tuple[int, ...]

    @property
    def faulty(self) -> bool:
        """Whether anything that carries traffic is down."""
        return not (
            self.satellite_up.all()
            and self.laser_up.all()
            and self.gateway_up.all()
            and self.pop_up.all()
            and self.fibre_up.all()
            and len(self.cut_links) == 0
        )


def conditions_from(world: World, holding: tuple[int, ...]) -> Conditions:
    """Return what is up while the faults in these rows of ``world.faults`` hold; none: all is."""
    satellites, gateways, pops = len(world.constellation), len(world.gateways), len(world.pops)
    now = Conditions(
        satellite_up=np.ones(satellites, np.bool_),
        laser_up=np.ones(satellites, np.bool_),
        gateway_up=np.ones(gateways, np.bool_),
        pop_up=np.ones(pops, np.bool_),
        fibre_up=np.ones((gateways, pops), np.bool_),
        cut_links=_pairs([world.faults[f] for f in holding]),
        core_fault=next((f for f in holding if world.faults[f].kind == "core"), -1),
        holding=holding,
    )
    for row in holding:
        fault = world.faults[row]
        if fault.kind == "isl":
            now.laser_up[fault.satellites] = False
        else:
            now.satellite_up[fault.satellites] = False
        now.gateway_up[fault.gateways] = False
        now.pop_up[fault.pops] = False
        now.fibre_up[fault.fibres[:, 0], fault.fibres[:, 1]] = False
    return now


def _pairs(faults: list[Fault]) -> NDArray[np.int32]:
    return np.concatenate([np.zeros((0, 2), np.int32), *(f.isl_pairs for f in faults)])


class Timeline:
    """The conditions of every slot, made once for each stretch between changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: dict[tuple[int, ...], Conditions] = {}

    def at(self, slot: int) -> Conditions:
        """Return the conditions of ``slot``."""
        holding = tuple(i for i, f in enumerate(self._world.faults) if f.kind != "power" and f.holds_in(slot))
        return self.under(holding)

    def without_faults(self) -> Conditions:
        """Return the conditions if nothing had failed."""
        return self.under(())

    def under(self, holding: tuple[int, ...]) -> Conditions:
        """Return the conditions while these faults hold."""
        if holding not in self._made:
            self._made[holding] = conditions_from(self._world, holding)
        return self._made[holding]
