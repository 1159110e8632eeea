"""The tables of a run that do not change from slot to slot."""

from typing import Any

import numpy as np

from openleo.engine.network import Network
from openleo.engine.terminals import rule_texts
from openleo.ground.cells import cell_centre_deg, cell_name
from openleo.ground.kinds import KINDS
from openleo.snapshot.causes import MEANING


def static_tables(net: Network) -> dict[str, dict[str, Any]]:
    """Return the columns of every table that is not chunked, by table name."""
    return {
        "terminals": _terminals(net),
        "cell_index": _cell_index(net),
        "satellites": _satellites(net),
        "gateways": _gateways(net),
        "pops": _pops(net),
        "rules": _columns(rule_texts(net.world.rules_timeline), ("id", "code", "text")),
        "faults": _faults(net),
        "causes": {
            "cause": np.array([int(c) for c in MEANING], np.uint8),
            "name": [c.name for c in MEANING],
            "meaning": list(MEANING.values()),
        },
    }


def _columns(
    rows: list[tuple[str, ...]] | list[tuple[str, str, str]], names: tuple[str, ...]
) -> dict[str, Any]:
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _terminals(net: Network) -> dict[str, Any]:
    t = net.world.terminals
    kinds = np.array([k.name for k in sorted(KINDS.values(), key=lambda k: k.code)], object)
    return {
        "id": [t.ids[i] for i in range(len(t))],
        "latitude_deg": t.latitude_deg,
        "longitude_deg": t.longitude_deg,
        "cell": net.terminal_cell,
        "kind": kinds[t.kind],
        "account": np.array(t.account_names, object)[t.account],
        "group": np.array(t.group_names, object)[t.group],
        "moving": t.track >= 0,
        "mask": t.mask,
        "backup_hours": t.backup_hours,
    }


def _cell_index(net: Network) -> dict[str, Any]:
    centre = cell_centre_deg(net.cells).reshape(-1, 2)
    country = net.world.country_of(net.cells)
    names = np.array([*net.world.country_names, ""], object)
    return {
        "h3": [cell_name(int(c)) for c in net.cells],
        "latitude_deg": centre[:, 0],
        "longitude_deg": centre[:, 1],
        "country": names[country],  # -1, the sea, is the last name: empty
        "home_pop": net.points.pop,
        "background": net.background,
        "tracked": net.is_tracked,
    }


def _satellites(net: Network) -> dict[str, Any]:
    c = net.world.constellation
    shells = np.array([*(s.name for s in c.shells), ""], object)
    return {
        "name": list(c.sets.name),
        "catalogue_number": c.sets.catalogue_number,
        "shell": shells[c.shell],
        "plane": c.plane,
        "plane_slot": c.plane_slot,
        "in_service": (c.shell >= 0) & c.has_ku,
        "laser": c.has_laser,
        "generation": c.generation,
    }


def _gateways(net: Network) -> dict[str, Any]:
    g = net.world.gateways
    return {
        "name": list(g.name),
        "country": list(g.country),
        "latitude_deg": g.latitude_deg,
        "longitude_deg": g.longitude_deg,
        "antennas": g.antennas,
        "source": list(g.source),
    }


def _pops(net: Network) -> dict[str, Any]:
    p = net.world.pops
    return {
        "code": list(p.code),
        "name": list(p.name),
        "country": list(p.country),
        "latitude_deg": p.latitude_deg,
        "longitude_deg": p.longitude_deg,
    }


def _faults(net: Network) -> dict[str, Any]:
    faults = net.world.faults
    texts = {
        name: [str(getattr(f, name)) for f in faults]
        for name in ("name", "kind", "target", "why", "source", "assumption")
    }
    return {
        **texts,
        "from_slot": np.array([f.from_slot for f in faults], np.int32),
        "until_slot": np.array([f.until_slot for f in faults], np.int32),
    }
