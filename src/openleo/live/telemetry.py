"""A live network's terminals as telemetry: a Sample each for every slot, alike to those of real dishes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S
from openleo.dish.causes import CONNECTED, OUTAGES, shown_causes
from openleo.dish.inputs import Seconds, dish_id
from openleo.fleet.dish_alerts import CODE_OF_DISABLEMENT
from openleo.fleet.sample import Sample
from openleo.live.felt import Felt
from openleo.live.looking.scene import Scene
from openleo.policy.codes import DisablementCode
from openleo.snapshot.causes import Cause

SOURCE: Final = "model"
NS: Final = 1_000_000_000
_NAMES: Final = {number: name for name, number in OUTAGES.items()}


class Telemetry:
    """Makes the Samples of one slot after another; it remembers when each outage began."""

    def __init__(self, felt: Felt, *, software: str) -> None:
        self._felt, self._software = felt, software
        self._ids = [dish_id(name) for name in felt.names]
        self._shown = shown_causes()
        self._before = np.full(len(felt.rows), CONNECTED, np.uint8)
        self._since_s = np.full(len(felt.rows), -1, np.int64)  # -1: before the first slot that was seen
        self._slot = -1

    def samples(self, scene: Scene, seconds: Seconds) -> list[Sample]:
        """Return what a slot's seconds were to each terminal, at the slot's end."""
        cause = seconds.cause[-1]
        outage = self._shown.outage[cause]
        self._note(scene.slot, seconds)
        cells = scene.info["h3"].to_list()
        where = scene.cell_of[self._felt.rows].tolist()
        countries = scene.info["country"].to_list()
        latitude, longitude, _ = self._felt.places(scene)
        up: NDArray[np.bool_] = np.equal(seconds.cause, Cause.ONLINE)
        means = {"power_w": seconds.power_w.mean(axis=0).tolist()}
        means["drop"] = np.where(up, seconds.drop, 1.0).mean(axis=0).tolist()
        for name in ("latency_ms", "downlink_bps", "uplink_bps"):
            means[name] = _mean_while(up, getattr(seconds, name)).tolist()
        any_up: list[bool] = np.any(up, axis=0).tolist()
        code = self._shown.code[cause].tolist()
        end_ns = (seconds.start_s + SLOT_S) * NS
        found = []
        for n, (terminal, reachable) in enumerate(
            zip(self._ids, self._shown.reachable[cause].tolist(), strict=True)
        ):
            if not reachable:
                found.append(Sample(terminal=terminal, time_ns=end_ns, source=SOURCE, reachable=False))
                continue
            since_s = int(self._since_s[n])
            dark = outage[n] != CONNECTED
            refused = DisablementCode(code[n]).name
            alert = CODE_OF_DISABLEMENT.get(refused)
            found.append(
                Sample(
                    terminal=terminal, time_ns=end_ns, source=SOURCE,
                    downlink_mbps=means["downlink_bps"][n] / 1e6, uplink_mbps=means["uplink_bps"][n] / 1e6,
                    ping_drop=means["drop"][n], ping_latency_ms=means["latency_ms"][n] if any_up[n] else None,
                    cell=int(cells[where[n]], 16), country=countries[where[n]] or None,
                    software=self._software, reboot_in_s=-1, alerts=() if alert is None else (alert,),
                    outage=_NAMES[int(outage[n])] if dark else "",
                    outage_since_ns=since_s * NS if dark and since_s >= 0 else None,
                    disablement=refused, power_w=means["power_w"][n],
                    latitude_deg=float(latitude[n]), longitude_deg=float(longitude[n]),
                    stowed=int(outage[n]) == OUTAGES["STOWED"],
                )
            )  # fmt: skip
        return found

    def _note(self, slot: int, seconds: Seconds) -> None:
        """Note in which second each outage began."""
        if slot != self._slot + 1:
            self._since_s[:] = -1
        for at, cause in enumerate(seconds.cause):
            outage = self._shown.outage[cause]
            begun = (outage != self._before) & ((at > 0) | (slot == self._slot + 1))
            self._since_s[begun] = seconds.start_s + at
            self._before = outage
        self._slot = slot


def _mean_while(up: NDArray[np.bool_], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean (U,) of values (T, U) over the seconds that were online, 0 where there were none."""
    count = up.sum(axis=0)
    total = np.where(up, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(count, 1))
