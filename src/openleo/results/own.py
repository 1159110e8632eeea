"""A terminal's own state in a slot: power, what its holder told it, the sky that obstacles leave."""

from typing import TYPE_CHECKING, Any

import numpy as np

from openleo.base.clock import format_utc, slot_start

if TYPE_CHECKING:
    from openleo.results.run import Run
    from openleo.scenario.world import World


def own_state(
    run: "Run", terminal: int, slot: int, row: dict[str, Any], seconds: int | None
) -> dict[str, Any]:
    """Return the state of a terminal (row of the run, and its columns) in a slot.

    ``seconds`` are the clear ones, as bits; None where obstacles do not matter.
    """
    power, fault = _power(run.world, terminal, slot)
    blocked = [s for s in range(15) if not seconds >> s & 1] if seconds is not None else []
    return {
        "power": power,
        "fault": fault,
        "backup_hours": round(row["backup_hours"], 2),
        "told": _told(run.world, terminal, slot),
        "horizon_mask": row["mask"] >= 0,
        "horizon_deg": _horizon_deg(run, row["mask"]),
        "blocked_seconds": blocked,
    }


def _horizon_deg(run: "Run", mask: int) -> list[float] | None:
    """Return a horizon mask's (row) elevations at azimuths 0, 5, ... 355 deg; None for -1, a clear sky."""
    if mask < 0:
        return None
    return [round(float(height), 1) for height in np.degrees(run.world.masks.elevation_rad[mask])]


def _power(world: "World", terminal: int, slot: int) -> tuple[str, str | None]:
    """Return on, off or booting, and the fault behind it."""
    from openleo.scenario.faults import BOOT_SLOTS

    power, fault = "on", None
    for f in world.faults:
        at = np.flatnonzero(f.terminals == terminal)
        if f.kind == "power" and len(at):
            lost = int(f.terminal_from_slot[at[0]])
            if lost <= slot < f.until_slot:
                power, fault = "off", f.name
            elif f.until_slot <= slot < f.until_slot + BOOT_SLOTS and power == "on":
                power, fault = "booting", f.name
    return power, fault


def _told(world: "World", terminal: int, slot: int) -> list[dict[str, Any]]:
    """Return the commands that hold: the last stow, restart and schedule, where they still matter."""
    from openleo.scenario.commands import Verb
    from openleo.scenario.faults import BOOT_SLOTS

    commands = world.commands
    last: dict[str, int] = {}
    kinds = {Verb.STOW: "stow", Verb.UNSTOW: "stow", Verb.REBOOT: "reboot"}
    for n in np.flatnonzero((commands.terminal == terminal) & (commands.slot <= slot)).tolist():
        last[kinds.get(Verb(int(commands.verb[n])), "sleep")] = n
    found = []
    for n in last.values():
        verb = Verb(int(commands.verb[n]))
        over = verb == Verb.REBOOT and slot - commands.slot[n] >= BOOT_SLOTS
        if verb in (Verb.UNSTOW, Verb.WAKE) or over:
            continue
        told = {"command": verb.name.lower(), "at": format_utc(slot_start(int(commands.slot[n])))}
        if verb == Verb.SLEEP:
            told["from"] = _clock(int(commands.start_minutes[n]))
            told["until"] = _clock(int(commands.start_minutes[n]) + int(commands.duration_minutes[n]))
        found.append(told)
    return found


def _clock(minutes: int) -> str:
    """Return minutes after midnight as a time of day."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
