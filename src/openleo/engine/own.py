"""The terminals' own state over time: mains and batteries, starting up, what their holders told them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import slot_start
from openleo.scenario.commands import DAY_MINUTES, Verb
from openleo.scenario.faults import BOOT_SLOTS
from openleo.scenario.world import World
from openleo.snapshot.causes import Cause


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What commands have led to before a slot ends: ``stowed`` (U,), ``restarted`` int64 (U,) the slot of the
    last restart, far back where there is none, and who sleeps when: minutes (U,), duration 0 without a
    schedule.
    """

    stowed: NDArray[np.bool_]
    restarted: NDArray[np.int64]
    sleep_start: NDArray[np.int16]
    sleep_duration: NDArray[np.int16]

    def asleep(self, slot: int) -> NDArray[np.bool_]:
        """Return who sleeps (U,) at the start of a slot."""
        now = minute_of(slot)
        into = (now - self.sleep_start.astype(np.float64)) % DAY_MINUTES
        return np.asarray(into < self.sleep_duration)


def minute_of(slot: int) -> float:
    """Return the minutes after midnight UTC at which a slot starts."""
    start = slot_start(slot)
    return float((start - start.astype("datetime64[D]")) / np.timedelta64(1, "s")) / 60.0


def told_by(world: World, slot: int) -> Told:
    """Return what all commands up to and with ``slot`` have led to."""
    count, commands = len(world.terminals), world.commands
    upto = slice(0, int(np.searchsorted(commands.slot, slot, side="right")))
    who, verb = commands.terminal[upto], commands.verb[upto]
    stowed = np.zeros(count, np.bool_)
    restarted = np.full(count, -(2**40), np.int64)
    start, duration = np.zeros(count, np.int16), np.zeros(count, np.int16)
    stows = np.isin(verb, (Verb.STOW, Verb.UNSTOW))
    stowed[who[stows]] = verb[stows] == Verb.STOW  # of several to one terminal the last holds
    reboots = verb == Verb.REBOOT
    restarted[who[reboots]] = commands.slot[upto][reboots]
    schedules = np.isin(verb, (Verb.SLEEP, Verb.WAKE))
    start[who[schedules]] = commands.start_minutes[upto][schedules]
    duration[who[schedules]] = commands.duration_minutes[upto][schedules]
    return Told(stowed, restarted, start, duration)


class OwnState:
    """Each terminal's own cause uint8 and fault int16 (U,): 0 and -1 where it may ask."""

    def __init__(self, world: World, slot: int) -> None:
        self._world = world
        count = len(world.terminals)
        self.cause = np.zeros(count, np.uint8)
        self.fault = np.full(count, -1, np.int16)
        self._power = [(row, f) for row, f in enumerate(world.faults) if f.kind == "power"]
        self._changes = self._change_slots()
        self._told = told_by(world, slot)
        self._asleep = self._told.asleep(slot)
        self._refresh(slot)

    def advance(self, slot: int) -> bool:
        """Bring it to a slot, the one after the last; return whether anything changed."""
        changed = slot in self._changes
        if changed and len(self._world.commands):
            self._told = told_by(self._world, slot)
        if self._asleep.any() or self._told.sleep_duration.any():
            asleep = self._told.asleep(slot)
            changed |= bool((asleep != self._asleep).any())
            self._asleep = asleep
        if changed:
            self._refresh(slot)
        return changed

    def _change_slots(self) -> set[int]:
        changes: set[int] = set()
        for _, fault in self._power:
            begins = fault.terminal_from_slot[fault.terminal_from_slot < fault.until_slot]
            changes.update(np.unique(begins).tolist())
            changes.update((fault.until_slot, fault.until_slot + BOOT_SLOTS))
        commands = self._world.commands
        changes.update(np.unique(commands.slot).tolist())
        restarts = np.unique(commands.slot[commands.verb == Verb.REBOOT])
        changes.update((restarts + BOOT_SLOTS).tolist())
        return changes

    def _refresh(self, slot: int) -> None:
        """A terminal without power neither starts nor sleeps; one that starts is not stowed yet."""
        told = self._told
        self.cause[:] = 0
        self.fault[:] = -1
        self.cause[self._asleep] = Cause.SLEEPING
        self.cause[told.stowed] = Cause.STOWED
        self.cause[slot - told.restarted < BOOT_SLOTS] = Cause.BOOTING
        booting = [(r, f) for r, f in self._power if f.until_slot <= slot < f.until_slot + BOOT_SLOTS]
        for row, fault in booting:
            lost = fault.terminals[fault.terminal_from_slot < fault.until_slot]
            self.cause[lost], self.fault[lost] = Cause.BOOTING, row
        for row, fault in self._power:
            if fault.from_slot <= slot < fault.until_slot:
                off = fault.terminals[fault.terminal_from_slot <= slot]
                self.cause[off], self.fault[off] = Cause.POWER_OFF, row
