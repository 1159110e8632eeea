"""The gateways that a serving satellite could use: how it stands over each, and which had antennas free."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from openleo.engine import State
    from openleo.results.run import Run


def gateways_of(
    run: "Run", before: "State", slot: int, satellite: int, used: str | None
) -> list[dict[str, Any]]:
    """Return the gateways that a satellite (row) could use in a slot, the scheduler's first choice first.

    ``before`` is the state before the slot; ``used`` the gateway where its traffic comes down.  Each has its
    antennas and how many follow a satellite in the slot, the satellite's elevation there at mid-slot and the
    least it must have.  Empty where the traffic goes over lasers to another satellite.
    """
    from openleo.engine.geometry import geometries
    from openleo.engine.sight import all_positions_m
    from openleo.engine.step import decide
    from openleo.engine.terminals import Terminals

    net = run.network
    geometry = geometries(net, [net.timeline.at(slot)], np.array([slot]))[0]
    own = np.flatnonzero(geometry.sky.number == satellite)
    if not len(own) or not geometry.needs_antenna[own[0]]:
        return []
    held = decide(net, before, geometry, Terminals(net, slot).advance(slot)).board.gateway
    middle_m = all_positions_m(net, slot)[1, satellite]
    found = []
    for g in geometry.gateways[own[0]].tolist():
        if g < 0:
            continue
        sight = middle_m - net.gateway_points.point_m[g]
        sine = float(sight @ net.gateway_points.up[g] / np.linalg.norm(sight))
        name = run.gateways["name"][g]
        found.append(
            {
                "gateway": name,
                "used": name == used,
                "elevation_deg": round(math.degrees(math.asin(sine)), 2),
                "min_elevation_deg": round(math.degrees(net.gateway_min_elevation_rad[g]), 2),
                "antennas": int(geometry.antennas[g]),
                "antennas_in_use": int((held == g).sum()),
            }
        )
    return found


def why_gateway(gateways: list[dict[str, Any]]) -> str:
    """Say why the used one of `gateways_of` was: the first choice, or what stood before it."""
    place = next((n for n, g in enumerate(gateways) if g["used"]), -1)
    if place < 0:
        return ""
    if len(gateways) == 1:
        return "the only one that this satellite reaches"
    if place == 0:
        return f"the shortest way of the {len(gateways)} that this satellite reaches"
    before = [_antennas(g) for g in gateways[:place]]
    return f"shorter ways were not free, or kept for satellites that reach no other: {'; '.join(before)}"


def _antennas(gateway: dict[str, Any]) -> str:
    return f"{gateway['gateway']} has {gateway['antennas_in_use']} of {gateway['antennas']} antennas in use"
