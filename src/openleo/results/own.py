"""What is a terminal's own in an explanation: its power, and the sky that its surroundings leave it."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from openleo.results.run import Run


def own_state(
    run: "Run", terminal: int, slot: int, row: dict[str, Any], seconds: int | None
) -> dict[str, Any]:
    """Return the terminal's own state: power, booting, the sky that its obstacles leave.

    ``seconds`` are the clear ones, as bits; None where obstacles do not matter.
    """
    from openleo.scenario.faults import BOOT_SLOTS

    power, fault = "on", None
    for f in run.world.faults:
        at = np.flatnonzero(f.terminals == terminal)
        if f.kind == "power" and len(at):
            lost = int(f.terminal_from_slot[at[0]])
            if lost <= slot < f.until_slot:
                power, fault = "off", f.name
            elif f.until_slot <= slot < f.until_slot + BOOT_SLOTS and power == "on":
                power, fault = "booting", f.name
    blocked = [s for s in range(15) if not seconds >> s & 1] if seconds is not None else []
    return {
        "power": power,
        "fault": fault,
        "backup_hours": round(row["backup_hours"], 2),
        "horizon_mask": row["mask"] >= 0,
        "horizon_deg": _horizon_deg(run, row["mask"]),
        "blocked_seconds": blocked,
    }


def _horizon_deg(run: "Run", mask: int) -> list[float] | None:
    """Return a horizon mask's (row) elevations at azimuths 0, 5, ... 355 deg; None for -1, a clear sky."""
    if mask < 0:
        return None
    return [round(float(height), 1) for height in np.degrees(run.world.masks.elevation_rad[mask])]
