"""The dishes that one process serves, as state: arrays over all of them, one row each; a `Terminal` is a row.

`Dishes.advance` takes what each second brings (`Seconds`) and keeps what a dish remembers: its starts, rings
of 900 s, outages, sky, settings.  What the dish itself does is put on top of it: after a start it boots, and
while stowed or asleep it is dark whatever the network has for it.  Pure: no clock, no sockets.

Assumed, since nobody has measured it: a restart on command leaves the dish silent for 20 s and without
network for 70 s more; the obstruction map outlives a start and its statistics do not.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.dish.causes import CONNECTED, OUTAGES, shown_causes
from openleo.dish.firmware import Firmware, firmware
from openleo.dish.inputs import Act, Command, Identity, LocationPolicy, Seconds
from openleo.dish.sky_map import SkyMaps
from openleo.ground.masks import MASK_BINS
from openleo.policy.codes import DisablementCode

RING: Final = 900  # seconds of history
LOG_S: Final = 86_400  # of the event log: longer than the rings; a day is assumed
_LOG_ENTRIES: Final = 900
SILENT_S: Final = 20
BOOT_S: Final = 90
PROLONGED_S: Final = 2  # an obstruction of at least this counts as prolonged (assumed)
RINGS: Final = ("drop", "latency_ms", "downlink_bps", "uplink_bps", "power_w")


class Outage(NamedTuple):
    """One outage that ended: DishOutage.Cause, Unix seconds, whether the satellite changed during it."""

    cause: int
    start_s: int
    duration_s: int
    switched: bool


@dataclass(slots=True)
class BootFlags:
    """Why the dish last started: numbers of BootReason and RebootReason."""

    boot: int = 2  # POWER_CYCLE
    reboot: int = 0  # REBOOT_REASON_NONE


class Dishes:
    """U dishes.  Arrays are (U,) unless said otherwise; callers may set those under "set from outside"."""

    def __init__(
        self,
        identities: Sequence[Identity],
        *,
        start_s: int,
        horizon_rad: NDArray[np.float32] | None = None,
        on_command: Callable[[Command], None] | None = None,
        boot_s: int = BOOT_S,
        silent_s: int = SILENT_S,
    ) -> None:
        """Bring dishes into being at the Unix second ``start_s``, each at its first start and up.

        ``horizon_rad`` (U, 72) are horizon masks (`openleo.ground.masks`), a free horizon if None.
        Raises BadInput where two dishes have the same id.
        """
        count = len(identities)
        self.identities = tuple(identities)
        self.row_of = {one.id: row for row, one in enumerate(self.identities)}
        if len(self.row_of) != count:
            twice = next(i.id for row, i in enumerate(identities) if self.row_of[i.id] != row)
            raise BadInput(f"two dishes have the id {twice!r}", "give every dish an id of its own")
        self.firmwares: list[Firmware] = [firmware(one.software) for one in identities]
        self.on_command = on_command
        self.boot_s, self.silent_s = boot_s, min(silent_s, boot_s)
        self.now_s = start_s  # the second that comes next
        self.tick = 0  # changes whenever something may be shown otherwise
        self._shown = shown_causes()

        # Set from outside.
        self.unplugged = np.zeros(count, np.bool_)  # the cable to those who ask is cut
        self.location_policy = np.array([one.location_policy for one in identities], np.uint8)
        self.latitude_deg = np.array([one.latitude_deg for one in identities])
        self.longitude_deg = np.array([one.longitude_deg for one in identities])
        self.altitude_m = np.array([one.altitude_m for one in identities])
        self.speed_m_s = np.zeros(count, np.float32)
        self.boresight_azimuth_deg = np.array([i.boresight_azimuth_deg for i in identities], np.float32)
        self.boresight_elevation_deg = np.array([i.boresight_elevation_deg for i in identities], np.float32)
        self.gps_valid = np.ones(count, np.bool_)
        self.gps_satellites = np.full(count, 12, np.uint8)
        self.alerts = np.zeros(count, np.uint32)  # bit n - 1 is field n of DishAlerts
        self.staged: dict[int, str] = {}  # software that the next start brings
        self.odd_values: dict[int, dict[str, int]] = {}  # path in the status -> a number nobody knows
        self.odd_fields: dict[int, bytes] = {}  # fields nobody knows: bytes put behind the status

        # Starts and rings.
        self.boot_count = np.ones(count, np.int32)
        self.booted_s = np.full(count, start_s, np.int64)
        self.boot_until_s = np.full(count, start_s, np.int64)
        self.silent_until_s = np.full(count, start_s, np.int64)
        self.powered = np.ones(count, np.bool_)
        self.boots: list[BootFlags] = [BootFlags() for _ in identities]
        self.counter = np.zeros(count, np.int64)
        self.rings = {name: np.zeros((count, RING), np.float32) for name in RINGS}

        # Settings.
        self.stowed = np.zeros(count, np.bool_)
        self.inhibit_gps = np.zeros(count, np.bool_)
        self.sleep_start_min = np.zeros(count, np.int16)
        self.sleep_duration_min = np.zeros(count, np.int16)
        self.sleeps = np.zeros(count, np.bool_)

        # The last second.
        self.reachable = np.ones(count, np.bool_)
        self.outage = np.full(count, CONNECTED, np.uint8)
        self.outage_start_s = np.zeros(count, np.int64)
        self.outage_switched = np.zeros(count, np.bool_)
        self.code = np.full(count, DisablementCode.OKAY, np.uint8)
        self.first_ping_s = np.full(count, -1, np.int64)  # when it was first in service since its start
        self.ended: dict[int, deque[Outage]] = {}

        # The sky.
        free = np.zeros((count, MASK_BINS), np.float32)
        self.sky = SkyMaps(free if horizon_rad is None else horizon_rad)
        self.map_reset = np.zeros(count, np.bool_)
        self.valid_s = np.zeros(count, np.int64)
        self.obstructed_s = np.zeros(count, np.int64)
        self.prolonged = np.zeros((count, 4), np.int64)  # count, their seconds, first start, last start

    def __len__(self) -> int:
        return len(self.identities)

    def terminal(self, row: int) -> "Terminal":
        """Return one dish."""
        return Terminal(self, row)

    def touch(self) -> None:
        """Say that something was set from outside, so that replies are made anew."""
        self.tick += 1

    # The course of time.

    def advance(self, seconds: Seconds) -> None:
        """Live through some seconds; raises ValueError for past ones, or of other dishes."""
        if seconds.cause.shape[1] != len(self):
            raise ValueError(f"seconds of {seconds.cause.shape[1]} dishes, but there are {len(self)}")
        if seconds.start_s < self.now_s:
            raise ValueError(f"the second {seconds.start_s} is past: next is {self.now_s}")
        self.now_s = seconds.start_s  # seconds left out were not lived: no samples
        for at in range(len(seconds.cause)):
            self._second(seconds, at)
            self.now_s += 1
        self.tick += 1

    def _second(self, seconds: Seconds, at: int) -> None:
        cause = seconds.cause[at]
        powered = self._shown.reachable[cause]
        for row in np.flatnonzero(powered & ~self.powered).tolist():
            self._start(row, BootFlags(), boots_s=0)  # the caller's cause says how long it boots
        self.powered = powered
        alive = powered & (self.now_s >= self.silent_until_s)
        outage = np.where(self._asleep(), OUTAGES["SLEEPING"], self._shown.outage[cause])
        outage[self.stowed] = OUTAGES["STOWED"]
        booting = (self.now_s < self.boot_until_s) | (self._shown.outage[cause] == OUTAGES["BOOTING"])
        outage[booting] = OUTAGES["BOOTING"]
        outage[~alive] = CONNECTED  # nobody is there to have one
        self._note(outage, alive, seconds.switched[at] if seconds.switched is not None else None)
        self.code = self._shown.code[cause]
        self.reachable = alive & ~self.unplugged
        rows = np.flatnonzero(alive)
        self._sample(rows, outage[rows] != CONNECTED, seconds, at)
        if seconds.satellite_azimuth_rad is not None and seconds.satellite_elevation_rad is not None:
            looks = rows[~self.stowed[rows] & (outage[rows] != OUTAGES["SLEEPING"]) & ~booting[rows]]
            azimuth, elevation = seconds.satellite_azimuth_rad[at], seconds.satellite_elevation_rad[at]
            self.sky.cross(looks, azimuth[looks], elevation[looks])
        served = alive & (outage == CONNECTED)
        self.first_ping_s[served & (self.first_ping_s < 0)] = self.now_s
        seen = (outage == CONNECTED) | (outage == OUTAGES["OBSTRUCTED"])
        self.valid_s += alive & seen
        self.obstructed_s += alive & (outage == OUTAGES["OBSTRUCTED"])

    def _sample(self, rows: NDArray[np.intp], lost: NDArray[np.bool_], seconds: Seconds, at: int) -> None:
        index = self.counter[rows] % RING
        for name, ring in self.rings.items():
            values = getattr(seconds, name)[at, rows]
            if name == "drop":
                values = np.where(lost, np.float32(1.0), values)
            elif name != "power_w":
                values = np.where(lost, np.float32(0.0), values)
            ring[rows, index] = values
        self.counter[rows] += 1

    def _note(
        self, outage: NDArray[np.uint8], alive: NDArray[np.bool_], switched: NDArray[np.bool_] | None
    ) -> None:
        """Begin and end outages."""
        for row in np.flatnonzero(outage != self.outage).tolist():
            if self.outage[row] != CONNECTED and alive[row]:
                self._end(row)
            self.outage_start_s[row] = self.now_s
            self.outage_switched[row] = False
        if switched is not None:
            self.outage_switched |= switched & (outage != CONNECTED)
        self.outage = outage

    def _end(self, row: int) -> None:
        cause, start = int(self.outage[row]), int(self.outage_start_s[row])
        one = Outage(cause, start, self.now_s - start, bool(self.outage_switched[row]))
        self.ended.setdefault(row, deque(maxlen=_LOG_ENTRIES)).append(one)
        if cause == OUTAGES["OBSTRUCTED"] and one.duration_s >= PROLONGED_S:
            count, total, first, _ = self.prolonged[row].tolist()
            self.prolonged[row] = (count + 1, total + one.duration_s, first if count else start, start)

    def _asleep(self) -> NDArray[np.bool_]:
        minute = self.now_s % 86_400 // 60
        since = (minute - self.sleep_start_min) % 1440
        asleep: NDArray[np.bool_] = self.sleeps & (since < self.sleep_duration_min)
        return asleep

    def _start(self, row: int, why: BootFlags, *, boots_s: int) -> None:
        """Start one dish anew: what it kept in memory is gone."""
        self.boot_count[row] += 1
        self.booted_s[row] = self.now_s
        self.boot_until_s[row] = self.now_s + boots_s
        self.silent_until_s[row] = self.now_s + (self.silent_s if boots_s else 0)
        self.counter[row] = 0
        self.first_ping_s[row] = -1
        for ring in self.rings.values():
            ring[row] = 0.0
        self.ended.pop(row, None)
        self.outage[row] = CONNECTED
        self.inhibit_gps[row] = self.map_reset[row] = False
        self.valid_s[row] = self.obstructed_s[row] = 0
        self.prolonged[row] = 0
        if (staged := self.staged.pop(row, None)) is not None:
            self.firmwares[row] = firmware(staged)
            why = BootFlags(boot=4, reboot=3)  # SOFTWARE_UPDATE, REBOOT_REASON_SWUPDATE_NOW
        self.boots[row] = why
        self.tick += 1

    # What people on its own network tell a dish.

    def command(self, row: int, act: Act, values: Mapping[str, int] | None = None) -> None:
        """Do what a dish was told, and tell the owner of this state; the values are checked before."""
        values = values or {}
        if act in ("stow", "unstow"):
            self.stowed[row] = act == "stow"
        elif act == "reboot":
            self._start(row, BootFlags(boot=3, reboot=1), boots_s=self.boot_s)  # COMMAND, MANUAL
            self.reachable[row] &= self.silent_s == 0
        elif act == "power_save":
            self.sleep_start_min[row] = values["start_min"]
            self.sleep_duration_min[row] = values["duration_min"]
            self.sleeps[row] = bool(values["enable"])
        elif act == "inhibit_gps":
            self.inhibit_gps[row] = bool(values["inhibit"])
        else:
            self.sky.clear(row)
            self.map_reset[row] = True
            self.valid_s[row] = self.obstructed_s[row] = 0
            self.prolonged[row] = 0
        self.tick += 1
        if self.on_command is not None:
            one = Command(row=row, dish=self.identities[row].id, act=act, values=values, at_s=self.now_s)
            self.on_command(one)

    def set_software(self, row: int, version: str) -> None:
        """Let a dish run another firmware from now on; raises BadInput for what is no version."""
        self.firmwares[row] = firmware(version)
        self.tick += 1

    def stage_update(self, row: int, version: str) -> None:
        """Let an update wait for the next start of a dish; raises BadInput for what is no version."""
        firmware(version)
        self.staged[row] = version
        self.tick += 1


@dataclass(frozen=True, slots=True)
class Terminal:
    """One dish: a row of `Dishes`."""

    dishes: Dishes
    row: int

    @property
    def identity(self) -> Identity:
        """Return what it is."""
        return self.dishes.identities[self.row]

    @property
    def firmware(self) -> Firmware:
        """Return what it runs now."""
        return self.dishes.firmwares[self.row]

    @property
    def reachable(self) -> bool:
        """Tell whether it answers."""
        return bool(self.dishes.reachable[self.row])

    @property
    def connected(self) -> bool:
        """Tell whether it is in service."""
        return self.reachable and self.dishes.outage[self.row] == CONNECTED

    @property
    def location_policy(self) -> LocationPolicy:
        """Tell whether it says where it is."""
        return LocationPolicy(int(self.dishes.location_policy[self.row]))

    @property
    def uptime_s(self) -> int:
        """Return the seconds since its start."""
        return max(self.dishes.now_s - int(self.dishes.booted_s[self.row]), 0)

    def ring(self, name: str) -> NDArray[np.float32]:
        """Return a ring (900,), sample c at c % 900; see RINGS."""
        ring: NDArray[np.float32] = self.dishes.rings[name][self.row]
        return ring

    def last(self, name: str) -> float:
        """Return the newest sample of a ring, 0 before the first."""
        counter = int(self.dishes.counter[self.row])
        return float(self.ring(name)[(counter - 1) % RING]) if counter else 0.0

    def outages(self, window_s: int) -> list[Outage]:
        """Return the outages that reach into the last ``window_s``, the present one last."""
        dishes, row = self.dishes, self.row
        since = dishes.now_s - window_s
        found = [one for one in dishes.ended.get(row, ()) if one.start_s + one.duration_s > since]
        if dishes.outage[row] != CONNECTED:
            start = int(dishes.outage_start_s[row])
            switched = bool(dishes.outage_switched[row])
            found.append(Outage(int(dishes.outage[row]), start, dishes.now_s - start, switched))
        return found
