"""The dishes of a live network: brought to the network's second, and to the state that they would be in.

A dish's memory is in this process alone.  Started again, it is made anew: how often and when each dish
started follows from the scenario's blackouts and from what it was told; its rings from the slots of the last
15 minutes; when its outage began, and what it has seen of its sky, from a note that is written now and then.
Events of more than 15 minutes ago are lost with a process that is killed.
"""

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S, slot_at
from openleo.base.hashing import uniform
from openleo.dish.inputs import Command, LocationPolicy, Seconds
from openleo.dish.terminal import RING, Dishes
from openleo.live.commanded import Spool, Told, read_spool
from openleo.live.felt import Felt, start_s_of
from openleo.results.store import write_whole
from openleo.scenario.world import World

NOTE = "dishes.npz"
_DAY_S: Final = 86_400
_LONGEST_UP_DAYS: Final = 30.0  # before the network began: assumed
_MOST_STARTS: Final = 60  # until then: assumed
_STREAM: Final = 0x64690002  # any constant; it keeps the hashes apart
_NOTED: Final = (
    "outage",
    "outage_start_s",
    "valid_s",
    "obstructed_s",
    "prolonged",
    "inhibit_gps",
    "map_reset",
)


@dataclass(slots=True)
class LiveDishes:
    """The dishes, and what brings them on; ``now_s`` is the second that comes next."""

    felt: Felt
    dishes: Dishes
    _seconds: tuple[int, Seconds] | None = None

    def advance_to(self, now_s: int) -> None:
        """Live through the seconds up to ``now_s``, as far as the engine has decided them."""
        while self.dishes.now_s < now_s:
            slot = slot_at(np.datetime64(self.dishes.now_s, "s"))
            found = self._of(slot)
            if found is None:
                return
            first = self.dishes.now_s - found.start_s
            last = min(now_s - found.start_s, SLOT_S)
            self.dishes.advance(_part(found, first, last))

    def _of(self, slot: int) -> Seconds | None:
        """Return what a slot brings; None where the engine has not decided it yet."""
        if self._seconds is None or self._seconds[0] != slot:
            scene = self.felt.scene(slot)
            if scene is None:
                return None
            dishes = self.dishes
            dishes.latitude_deg, dishes.longitude_deg, dishes.speed_m_s = self.felt.places(scene)
            self._seconds = (slot, self.felt.seconds(scene))
        return self._seconds[1]

    def note(self, path: Path) -> None:
        """Write down what could not be worked out again."""
        out = io.BytesIO()
        values: dict[str, Any] = {name: getattr(self.dishes, name) for name in _NOTED}
        values |= {"rows": self.felt.rows, "now_s": self.dishes.now_s, "seen": self.dishes.sky.seen}
        np.savez_compressed(out, **values)
        write_whole(path, out.getvalue())


def _part(seconds: Seconds, first: int, last: int) -> Seconds:
    cut: dict[str, Any] = {}
    for each in fields(Seconds):
        array = getattr(seconds, each.name)
        cut[each.name] = array if array is None or each.name == "start_s" else array[first:last]
    return Seconds(**cut | {"start_s": seconds.start_s + first})


def live_dishes(
    felt: Felt, spool: Spool, *, now_s: int, software: str, location: LocationPolicy, note: Path
) -> LiveDishes:
    """Return the dishes as they are at ``now_s``, having lived through the quarter of an hour before."""
    begin_s = start_s_of(felt.archive.first_slot)
    start_s = max(begin_s, now_s - RING)
    told = [one for one in read_spool(spool.path) if one.terminal in felt.row_of]
    dishes = Dishes(
        felt.identities(software=software, location=location), start_s=start_s, horizon_rad=felt.horizons_rad
    )
    _let_start(dishes, felt, told, begin_s)
    live = LiveDishes(felt, dishes)
    for one in (t for t in told if t.at_s < start_s and t.act != "reboot"):
        _tell(dishes, felt, one)
    for one in (t for t in told if start_s <= t.at_s < now_s):
        live.advance_to(one.at_s)
        _tell(dishes, felt, one)
    live.advance_to(now_s)
    _remember(dishes, felt, note, start_s)
    dishes.on_command = lambda command: _write_down(spool, felt, command)
    return live


def _write_down(spool: Spool, felt: Felt, command: Command) -> None:
    spool.add(Told(felt.names[command.row], command.act, command.at_s, dict(command.values)))


def _tell(dishes: Dishes, felt: Felt, one: Told) -> None:
    dishes.command(felt.row_of[one.terminal], one.act, one.values)


def _let_start(dishes: Dishes, felt: Felt, told: Sequence[Told], begin_s: int) -> None:
    """Set how often and when the dishes started before their first second."""
    start_s, world = dishes.now_s, felt.archive.network.world
    share = uniform(_STREAM, felt.row_names, 0)
    dishes.booted_s[:] = begin_s - (share * _LONGEST_UP_DAYS * _DAY_S).astype(np.int64) - _DAY_S // 24
    dishes.boot_count[:] = 1 + (uniform(_STREAM, felt.row_names, 1) * _MOST_STARTS).astype(np.int32)
    starts = [(one.at_s, felt.row_of[one.terminal]) for one in told if one.act == "reboot"]
    starts += _after_cuts(world, felt)
    for at_s, row in sorted(starts):
        if at_s < start_s:
            dishes.booted_s[row] = at_s
            dishes.boot_count[row] += 1
    dishes.counter[:] = start_s - dishes.booted_s
    dishes.boot_until_s[:] = dishes.silent_until_s[:] = start_s
    dishes.first_ping_s[:] = dishes.booted_s + dishes.boot_s


def _after_cuts(world: World, felt: Felt) -> list[tuple[int, int]]:
    """Return (Unix second, row) of each start after a blackout."""
    found = []
    place = {row: n for n, row in enumerate(felt.rows.tolist())}
    for fault in world.faults:
        if fault.kind != "power":
            continue
        lost = fault.terminals[fault.terminal_from_slot < fault.until_slot].tolist()
        end_s = start_s_of(fault.until_slot)
        found += [(end_s, place[row]) for row in lost if row in place]
    return found


def _remember(dishes: Dishes, felt: Felt, note: Path, start_s: int) -> None:
    """Take from the note what began before the seconds that were lived through."""
    with suppress(OSError, ValueError, KeyError):
        with np.load(note) as noted:
            if not np.array_equal(noted["rows"], felt.rows) or int(noted["now_s"]) > dishes.now_s:
                return
            kept: dict[str, NDArray[Any]] = {name: noted[name] for name in (*_NOTED, "seen")}
        since = (dishes.outage_start_s == start_s) & (dishes.outage == kept["outage"])
        dishes.outage_start_s[since] = kept["outage_start_s"][since]
        same = dishes.booted_s < start_s  # those that started since have forgotten
        for name in ("valid_s", "obstructed_s"):
            getattr(dishes, name)[same] = np.maximum(getattr(dishes, name), kept[name])[same]
        for name in ("prolonged", "inhibit_gps", "map_reset"):
            getattr(dishes, name)[same] = kept[name][same]
        dishes.sky.seen |= kept["seen"] * ~dishes.map_reset[:, None]
        dishes.sky.recount()


def addresses_json(felt: Felt, dishes: Dishes, addresses: Sequence[str]) -> bytes:
    """Return where each terminal is served, as JSON."""
    rows = [
        {"terminal": name, "dish": one.id, "address": address}
        for name, one, address in zip(felt.names, dishes.identities, addresses, strict=True)
    ]
    return json.dumps({"terminals": rows}, indent=1).encode() + b"\n"
