"""How terminals feel a slot of the live network: each second's cause, latency, rates and power, for dishes.

All of it is the engine's, to the second.  What the engine does not model is assumed: how much of its rate a
terminal uses (the busy share of terminals uses all of it, the others what an idle real dish was seen to use),
the uplink's part of it, and that a dish draws its kind's average power while it may serve, its idle power
while it is stowed or asleep.
"""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S, slot_start
from openleo.base.errors import BadInput
from openleo.base.hashing import uniform
from openleo.dish.inputs import Identity, LocationPolicy, Seconds, dish_id
from openleo.engine.summary import busy_rates
from openleo.ground.frames import geodetic_to_itrs_m, local_frame
from openleo.ground.kinds import boresight_tilt_rad, kind_of_code
from openleo.live.ephemeris import propagator_of
from openleo.live.history import Archive
from openleo.live.looking.scene import Scene, scene_of
from openleo.snapshot.causes import Cause

Rows = NDArray[np.int64]

# bit/s that a real dish showed while nobody used it: a public reply of get_status, 2024-05.
IDLE_DOWNLINK_BPS: Final = 74_000.0
IDLE_UPLINK_BPS: Final = 54_000.0
UPLINK_PART: Final = 0.1  # of the download's rate: assumed
_USE_STREAM: Final = 0x64690001  # any constant; it keeps the hashes apart

# What each kind of terminal says it is; names of public replies of such dishes.
_HARDWARE: Final = {
    "round-gen1": "rev1_pre_production", "standard": "rev3_proto2", "high-performance": "hp1_proto1",
    "flat-high-performance": "hp1_proto1", "standard-4": "rev4_prod1", "mini": "mini1_prod2",
    "in-motion": "hp1_proto1", "drone": "mini1_prod2",
}  # fmt: skip
_ACTUATED: Final = ("round-gen1", "standard", "high-performance")


class Felt:
    """What the terminals ``rows`` (U,) of a network that is served feel, slot by slot.

    ``names`` are their ids in the scenario, ``row_of`` their places here, ``row_names`` numbers for hashes.
    """

    def __init__(self, archive: Archive, rows: Rows) -> None:
        self.archive, self.rows = archive, rows
        self._world = archive.network.world
        self._propagator = propagator_of(self._world)
        terminals = self._world.terminals
        kinds = [kind_of_code(int(code)) for code in terminals.kind[rows]]
        self._idle_w = np.array([kind.power_idle_w for kind in kinds], np.float32)
        self._average_w = np.array([kind.power_average_w for kind in kinds], np.float32)
        code = terminals.ids.code[rows]
        self.row_names = ((code ^ (code >> np.uint64(32))) & np.uint64(0x7FFFFFFF)).astype(np.int64)
        self.names = [terminals.ids[row] for row in rows.tolist()]
        self.row_of = {name: n for n, name in enumerate(self.names)}
        self._before: tuple[int, Rows] = (-1, np.full(len(rows), -1, np.int64))

    def identities(self, *, software: str, location: LocationPolicy) -> list[Identity]:
        """Return who the terminals are."""
        terminals, world = self._world.terminals, self._world
        found = []
        for row in self.rows.tolist():
            kind = kind_of_code(int(terminals.kind[row]))
            country = int(world.terminal_country[row])
            latitude = float(terminals.latitude_deg[row])
            tilt_deg = float(np.degrees(boresight_tilt_rad(kind, np.radians(latitude))))
            found.append(
                Identity(
                    id=dish_id(terminals.ids[row]), hardware=_HARDWARE[kind.name], software=software,
                    country=world.country_names[country] if country >= 0 else "",
                    latitude_deg=latitude, longitude_deg=float(terminals.longitude_deg[row]),
                    boresight_azimuth_deg=0.0 if tilt_deg >= 0 else 180.0,
                    boresight_elevation_deg=90.0 - abs(tilt_deg),
                    has_actuators=kind.name in _ACTUATED,
                    mobility="MOBILE" if kind.in_motion and terminals.track[row] >= 0 else "STATIONARY",
                    location_policy=location,
                )
            )  # fmt: skip
        return found

    @cached_property
    def horizons_rad(self) -> NDArray[np.float32]:
        """The horizon masks (U, 72) of the terminals, 0 where nothing stands about."""
        masks = self._world.masks.elevation_rad
        free = np.zeros((1, masks.shape[1]), np.float32)
        return np.concatenate([masks, free])[self._world.terminals.mask[self.rows]]

    def places(self, scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
        """Return latitude and longitude in degrees and speed in m/s (U,) in a slot."""
        latitude, longitude = scene.places
        speed = np.zeros(len(latitude), np.float32)
        moves = scene.moment.moves
        speed[moves["terminal"].to_numpy()] = moves["speed_m_s"].to_numpy()
        return latitude[self.rows], longitude[self.rows], speed[self.rows]

    def scene(self, slot: int) -> Scene | None:
        """Return a slot laid out; None where it is not decided yet, or between its segment and its chunk."""
        self.archive.refresh()
        if slot > self.archive.newest():
            return None
        try:
            return scene_of(self.archive, slot)
        except BadInput:
            return None

    def seconds(self, scene: Scene) -> Seconds:
        """Return what the 15 s of a slot bring the terminals."""
        slot, rows = scene.slot, self.rows
        cause = scene.cause[rows].astype(np.uint8)
        ways = scene.ways(rows)
        satellite = np.array([-1 if way is None else way[0] for way in ways], np.int64)
        downlink, uplink = self._rates(scene)
        rests = np.isin(cause, (Cause.STOWED, Cause.SLEEPING))
        return Seconds.slot(
            start_s_of(slot),
            online=scene.seconds[rows].astype(np.uint16),
            cause=cause,
            latency_ms=np.array([0.0 if way is None else way[2] / 1e3 for way in ways], np.float32),
            downlink_bps=downlink,
            uplink_bps=uplink,
            power_w=np.where(rests, self._idle_w, self._average_w),
            switched=self._switches(slot, satellite),
            satellite_enu=self._looks(scene, satellite),
        )

    def _rates(self, scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rates in use, in bit/s: the model's busy share of terminals uses what it may have."""
        net = self.archive.network
        cells = scene.cells
        columns = {
            "asking": cells["asking"].to_numpy(), "rate_kbps": np.maximum(cells["rate_kbps"].to_numpy(), 0),
        }  # fmt: skip
        share_bps = busy_rates(net, columns)[scene.cell_of[self.rows]].astype(np.float32) * 1e3
        seed = int(scene.run.manifest["seed"]) ^ _USE_STREAM
        busy = uniform(seed, self.row_names, scene.slot) < self._world.network.active_share
        down = np.where(busy, share_bps, np.float32(IDLE_DOWNLINK_BPS))
        up = np.where(busy, share_bps * UPLINK_PART, IDLE_UPLINK_BPS)
        return down.astype(np.float32), up.astype(np.float32)

    def _switches(self, slot: int, satellite: Rows) -> NDArray[np.bool_]:
        """Return which satellites (U,) are others than in the slot before."""
        before, last = self._before
        self._before = (slot, satellite)
        if before != slot - 1:
            return np.zeros(len(satellite), np.bool_)
        return np.asarray((last >= 0) & (satellite >= 0) & (last != satellite))

    def _looks(self, scene: Scene, satellite: Rows) -> NDArray[np.float32]:
        """Return where the satellite stands that each terminal looks for at the slot's ends, NaN for none.

        One that obstacles hide for the whole slot is looked for all the same.  Metres, (2, U, 3).
        """
        hidden = (satellite < 0) & (scene.cause[self.rows] == Cause.OBSTRUCTED)
        of_cell = scene.cells["satellite"].to_numpy().astype(np.int64)[scene.cell_of[self.rows]]
        looked = np.where(hidden, of_cell, satellite)
        out = np.full((2, len(looked), 3), np.nan, np.float32)
        at = np.flatnonzero(looked >= 0)
        if len(at):
            times = slot_start(scene.slot) + np.array([0, SLOT_S]) * np.timedelta64(1, "s")
            latitude, longitude = (np.radians(place)[at] for place in self.places(scene)[:2])
            there = self._propagator.itrs_m(times)[:, looked[at]]
            offset = there - geodetic_to_itrs_m(latitude, longitude)
            axes = local_frame(latitude, longitude)
            out[:, at] = np.stack([(offset * axis).sum(axis=-1) for axis in axes], axis=-1)
        return out


def start_s_of(slot: int) -> int:
    """Return the Unix second at which a slot starts."""
    return int(slot_start(slot).astype("datetime64[s]").astype(np.int64))
