"""Dishes that do what a file says: for those who build tools, and need a dish in a certain state.

    [[dishes]]
    name = "school"
    state = "ONLINE"
    latency_ms = 38.0
    [[dishes.then]]
    after_s = -600          # ten minutes before they are served; they have a past
    state = "OBSTRUCTED"

A state is one of our causes (openleo.snapshot.causes).  The sky is made up: a satellite in some direction
each slot, so that obstruction maps fill.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from openleo.base.clock import SLOT_S
from openleo.base.errors import BadInput, did_you_mean
from openleo.base.hashing import uniform
from openleo.dish.firmware import NEWEST, firmware
from openleo.dish.inputs import Identity, LocationPolicy, Seconds
from openleo.dish.protocol import messages
from openleo.dish.terminal import Dishes
from openleo.ground.masks import MASK_BINS
from openleo.scenario.fields import (
    Block,
    Country,
    Elevation,
    Flag,
    Latitude,
    Longitude,
    NotNegative,
    Share,
    Text,
)
from openleo.scenario.problems import Problem, bad_input, problem, problems_of
from openleo.snapshot.causes import Cause

MOST: Final = 10_000
_DAY_S: Final = 86_400
_LOWEST_RAD: Final = float(np.radians(25.0))
_STREAM: Final = 0x73740001  # any constant; it keeps the hashes apart
_STATES: Final = tuple(cause.name for cause in Cause if cause is not Cause.IDLE)


class State(Block):
    """What a dish meets; what is left out stays as it was."""

    state: Text | None = None
    latency_ms: NotNegative | None = None
    drop: Share | None = None
    downlink_mbps: NotNegative | None = None
    uplink_mbps: NotNegative | None = None
    power_w: NotNegative | None = None
    gps_valid: Flag | None = None
    gps_satellites: Annotated[int, Field(strict=True, ge=0, le=60)] | None = None
    alerts: tuple[Text, ...] | None = None
    unplugged: Flag | None = None
    unknown_outage: Annotated[int, Field(strict=True, ge=15, le=1000)] | None = None


class Then(State):
    """A state from a moment on: seconds after they are served, before that where it is negative."""

    after_s: Annotated[int, Field(strict=True, ge=-_DAY_S, le=365 * _DAY_S)]


class DishBlock(State):
    """One dish, or ``count`` alike."""

    name: Text | None = None
    id: Annotated[str, Field(strict=True, pattern=r"^ut[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$")] | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=MOST)] = 1
    hardware: Text = "rev4_prod1"
    firmware: Text = NEWEST
    country: Country | None = None
    latitude_deg: Latitude = 0.0
    longitude_deg: Longitude = 0.0
    location: Literal["not-enabled", "enabled", "by-policy"] = "not-enabled"
    horizon_deg: Elevation = 0.0
    update: Text | None = None
    then: tuple[Then, ...] = ()


class StageFile(Block):
    """A file of dishes."""

    lived_s: Annotated[int, Field(strict=True, ge=0, le=_DAY_S)] = 900
    dishes: Annotated[tuple[DishBlock, ...], Field(min_length=1)]


_FIRST: Final = {
    "state": "ONLINE", "latency_ms": 35.0, "drop": 0.0, "downlink_mbps": 0.074, "uplink_mbps": 0.054,
    "power_w": 62.0, "gps_valid": True, "gps_satellites": 14, "alerts": (), "unplugged": False,
    "unknown_outage": None,
}  # fmt: skip
_NUMBERS: Final = ("latency_ms", "drop", "downlink_mbps", "uplink_mbps", "power_w")


class Stage:
    """The dishes of a file, and what each second brings them from ``now_s`` on (Unix)."""

    def __init__(self, blocks: Sequence[DishBlock], *, lived_s: int, now_s: int) -> None:
        self.blocks = [block for block in blocks for _ in range(block.count)]
        self.now_s = now_s
        count = len(self.blocks)
        horizons = np.radians([[block.horizon_deg] * MASK_BINS for block in self.blocks]).astype(np.float32)
        self.dishes = Dishes(_identities(self.blocks), start_s=now_s - lived_s, horizon_rad=horizons)
        self._values = {name: np.full(count, _FIRST[name], np.float32) for name in _NUMBERS}
        self._cause = np.zeros(count, np.uint8)
        for row, block in enumerate(self.blocks):
            self._set(row, block)
            if block.update is not None:
                self.dishes.stage_update(row, block.update)
        changes = (
            (now_s + then.after_s, row, then) for row, block in enumerate(self.blocks) for then in block.then
        )
        self._changes = sorted(changes, key=lambda change: change[0])
        self.advance_to(now_s)

    @property
    def names(self) -> list[str]:
        """What each is called: its name in the file, else its id."""
        return [b.name or i.id for b, i in zip(self.blocks, self.dishes.identities, strict=True)]

    def advance_to(self, now_s: int) -> None:
        """Live through the seconds up to ``now_s``."""
        while self.dishes.now_s < now_s:
            start_s = self.dishes.now_s
            while self._changes and self._changes[0][0] <= start_s:
                _, row, then = self._changes.pop(0)
                self._set(row, then)
            end_s = min([now_s, start_s - start_s % SLOT_S + SLOT_S, *(c[0] for c in self._changes[:1])])
            self.dishes.advance(self._seconds(start_s, end_s - start_s))

    def _set(self, row: int, state: State) -> None:
        for name in _NUMBERS:
            if (value := getattr(state, name)) is not None:
                self._values[name][row] = value
        d = self.dishes
        if state.state is not None:
            self._cause[row] = Cause[state.state]
        if state.gps_valid is not None:
            d.gps_valid[row] = state.gps_valid
        if state.gps_satellites is not None:
            d.gps_satellites[row] = state.gps_satellites
        if state.unplugged is not None:
            d.unplugged[row] = state.unplugged
        if state.alerts is not None:
            fields = messages().DishAlerts.DESCRIPTOR.fields_by_name
            d.alerts[row] = sum(1 << (fields[name].number - 1) for name in state.alerts)
        if state.unknown_outage is not None:
            d.odd_values[row] = {"outage.cause": state.unknown_outage}
        d.touch()

    def _seconds(self, start_s: int, count: int) -> Seconds:
        shape = (count, len(self.blocks))
        number = {name: np.broadcast_to(values, shape) for name, values in self._values.items()}
        azimuth, elevation = _sky(start_s // SLOT_S, shape)
        return Seconds(
            start_s=start_s, cause=np.broadcast_to(self._cause, shape), latency_ms=number["latency_ms"],
            drop=number["drop"], downlink_bps=number["downlink_mbps"] * np.float32(1e6),
            uplink_bps=number["uplink_mbps"] * np.float32(1e6), power_w=number["power_w"],
            satellite_azimuth_rad=azimuth, satellite_elevation_rad=elevation,
        )  # fmt: skip


def _sky(slot: int, shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a direction for each dish in a slot, evenly over the sky above 25 degrees."""
    rows = np.arange(shape[1], dtype=np.int64)
    azimuth = 2 * np.pi * uniform(_STREAM, rows, slot)
    low = np.sin(_LOWEST_RAD)
    elevation = np.arcsin(low + (1 - low) * uniform(_STREAM + 1, rows, slot))
    return (
        np.broadcast_to(azimuth.astype(np.float32), shape),
        np.broadcast_to(elevation.astype(np.float32), shape),
    )


def _identities(blocks: Sequence[DishBlock]) -> list[Identity]:
    found = []
    for row, block in enumerate(blocks):
        found.append(
            Identity(
                id=_id(block, row, blocks), hardware=block.hardware, software=block.firmware,
                country=block.country or "", latitude_deg=block.latitude_deg,
                longitude_deg=block.longitude_deg,
                location_policy=LocationPolicy[block.location.upper().replace("-", "_")],
            )
        )  # fmt: skip
    return found


def _id(block: DishBlock, row: int, blocks: Sequence[DishBlock]) -> str:
    """Return the id given, of several alike numbered on from it; else one made of the row."""
    if block.id is None:
        return f"ut01000000-00000000-{row + 1:08x}"
    head, _, last = block.id.rpartition("-")
    return f"{head}-{int(last, 16) + sum(other is block for other in blocks[:row]):08x}"


def read_stage(path: Path, *, now_s: int) -> Stage:
    """Return the dishes of a file; raises BadInput that names the keys to mend."""
    try:
        text = path.read_text(encoding="utf-8")
        document: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "name a file of dishes") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path} is no TOML: {error}", "mend it there") from None
    try:
        found = StageFile.model_validate(document)
    except ValidationError as error:
        raise bad_input(problems_of(error, document, StageFile), origin=str(path), text=text) from None
    problems = _problems(found)
    if problems:
        raise bad_input(problems, origin=str(path), text=text)
    return Stage(found.dishes, lived_s=found.lived_s, now_s=now_s)


def _problems(file: StageFile) -> list[Problem]:
    """Return what types cannot tell: names of states and alerts, versions, and times before the past."""
    found = []
    alerts = messages().DishAlerts.DESCRIPTOR.fields_by_name
    many = sum(block.count for block in file.dishes)
    if many > MOST:
        found.append(problem(("dishes",), f"are {many} dishes", f"{MOST} are the most"))
    for n, block in enumerate(file.dishes):
        at = ("dishes", n)
        for key in ("firmware", "update"):
            if (version := getattr(block, key)) is not None:
                try:
                    firmware(version)
                except BadInput as error:
                    found.append(problem((*at, key), "is no version of a dish", error.hint, version))
        places = [(at, block), *(((*at, "then", m), then) for m, then in enumerate(block.then))]
        for where, state in places:
            if state.state is not None and state.state not in _STATES:
                fix = did_you_mean(state.state, _STATES)
                found.append(problem((*where, "state"), "is no state", fix, state.state))
            for name in state.alerts or ():
                if name not in alerts:
                    fix = did_you_mean(name, alerts)
                    found.append(problem((*where, "alerts"), "names an alert that there is not", fix, name))
        for m, then in enumerate(block.then):
            if then.after_s < -file.lived_s:
                what = f"is before the {file.lived_s} s that the dishes have lived"
                found.append(problem((*at, "then", m, "after_s"), what, "make lived_s larger", then.after_s))
    return found
