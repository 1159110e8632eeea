"""Which faults that hold in a slot touch a terminal or cell: its power, its sky, or its way."""

from typing import TYPE_CHECKING, Any

import numpy as np

from openleo.base.clock import format_utc, slot_start

if TYPE_CHECKING:
    from openleo.engine import Inspection
    from openleo.results.run import Run
    from openleo.scenario.faults import Fault


def faults_on(
    run: "Run", slot: int, *, terminals: list[int], pop: int, inspection: "Inspection | None"
) -> list[dict[str, Any]]:
    """Return the faults that hold in a slot and touch ``terminals`` (rows), the home ``pop`` (row) or what
    the ``inspection`` of the cell saw: satellites above its horizon, gateways that these could use."""
    seen = {look.satellite for look in inspection.looks} if inspection is not None else set()
    high = _high_enough(run, inspection)
    found = []
    for fault in run.world.faults:
        if fault.holds_in(slot) and _touches(run, fault, slot, set(terminals), pop, seen, high):
            found.append({name: getattr(fault, name) for name in ("name", "kind", "target", "why")})
            found[-1]["until"] = format_utc(slot_start(fault.until_slot))
    return found


def _high_enough(run: "Run", inspection: "Inspection | None") -> list[int]:
    """Return the satellites high enough for the cell, in service or not."""
    if inspection is None:
        return []
    least = run.world.network.min_elevation_deg
    return [x.satellite for x in inspection.looks if min(x.elevation_deg[0], x.elevation_deg[2]) >= least]


def _touches(
    run: "Run", fault: "Fault", slot: int, terminals: set[int], pop: int, seen: set[int], high: list[int]
) -> bool:
    match fault.kind:
        case "power":
            return not terminals.isdisjoint(fault.terminals.tolist())
        case "pop":
            return pop in fault.pops
        case "fibre":
            return pop in fault.fibres[:, 1]
        case "gateway":
            return _gateway_sees(run, slot, fault.gateways.tolist(), high)
        case "isl":
            return run.world.scenario.constellation.isl == "grid" and bool(seen)
        case "satellite" | "plane" | "shell":
            return not seen.isdisjoint(fault.satellites.tolist())
        case _:
            return True


def _gateway_sees(run: "Run", slot: int, gateways: list[int], satellites: list[int]) -> bool:
    """Whether one of the gateways has one of the satellites above its minimum elevation at mid-slot; over
    lasers any gateway may serve any cell."""
    from openleo.engine.sight import all_positions_m

    net = run.network
    if net.links is not None or not satellites:
        return bool(satellites)
    middle_m = all_positions_m(net, slot)[1, satellites]
    for g in gateways:
        sight = middle_m - net.gateway_points.point_m[g]
        sine = sight @ net.gateway_points.up[g] / np.linalg.norm(sight, axis=1)
        if (sine >= np.sin(net.gateway_min_elevation_rad[g])).any():
            return True
    return False
