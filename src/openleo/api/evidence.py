"""The shape of an explanation, as `openleo explain --format json` prints it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FaultBehind(BaseModel):
    """A fault that explains something."""

    name: str
    kind: str
    target: str
    why: str


class FaultHere(FaultBehind):
    """A fault that holds and bears on what is explained."""

    until: str


class Verdict(BaseModel):
    """Online, or one cause."""

    online: bool
    online_s: int
    cause: str
    meaning: str
    fault: FaultBehind | None


class Funnel(BaseModel):
    """How many satellites each test left."""

    above_horizon: int
    in_service_above_min_elevation: int
    outside_gso_exclusion: int
    in_field_of_view: int
    with_a_way_to_the_pop: int


class CellSeen(BaseModel):
    """The cell; where the network has no terminals only what stands in front."""

    h3: str
    latitude_deg: float
    longitude_deg: float
    country: str
    cause: str
    meaning: str
    asking: int
    home_pop: str | None = None
    reason: str | None = None
    of_them_background: int | None = None
    funnel: Funnel | None = None
    satellites: int | None = None
    units: int | None = None
    rate_mbps: float | None = None


class Candidate(BaseModel):
    """A satellite above the horizon, at the slot's begin, middle and end, and the test that it failed."""

    satellite: str
    elevation_deg: list[float]
    azimuth_deg: list[float]
    gso_separation_deg: float
    gateways: list[str]
    verdict: str
    utility: float | None
    was_serving: bool
    units: int


class Contention(BaseModel):
    """What, relaxed, would have served the cell."""

    relaxed: str
    fault: str | None
    text: str


class PolicyHere(BaseModel):
    """What the rules say to some accounts."""

    accounts: list[str]
    code: str
    rule: str | None
    text: str


class UnitHere(BaseModel):
    """A beam unit."""

    dwell: int
    channel: int


class OtherHere(BaseModel):
    """Another satellite of the cell."""

    satellite: str
    units: int


class GatewayHere(BaseModel):
    """A gateway that the satellite could use."""

    gateway: str
    used: bool
    elevation_deg: float
    min_elevation_deg: float
    antennas: int
    antennas_in_use: int


class Serving(BaseModel):
    """The way of the traffic, with the delay of each leg."""

    satellite: str
    catalogue_number: int
    shell: str
    units: list[UnitHere]
    dwells_in_slot: int
    others: list[OtherHere]
    gateway: str
    gateways: list[GatewayHere]
    why_gateway: str
    user_ms: float
    feeder_ms: float
    fibre_ms: float
    access_ms: float
    rtt_ms: float
    rate_mbps: float


class AssumptionHere(BaseModel):
    """An assumption that this rests on."""

    id: str
    text: str
    source: str
    confidence: str
    switch_off: str


class TerminalSeen(BaseModel):
    """The terminal; its position is null where it is not told."""

    id: str
    kind: str
    account: str
    group: str
    latitude_deg: float | None
    longitude_deg: float | None
    moving: bool
    speed_kmh: float | None = None
    since: str | None = None


class PolicySaid(BaseModel):
    """What policy says to the terminal."""

    allowed: bool
    code: str
    rule: str | None
    text: str


class ToldToTerminal(BaseModel):
    """A command that holds: since when, and of a sleep schedule its hours, UTC."""

    model_config = ConfigDict(populate_by_name=True)

    command: Literal["stow", "reboot", "sleep"]
    at: str
    from_: str | None = Field(default=None, alias="from")
    until: str | None = None


class OwnState(BaseModel):
    """The terminal's own state.

    ``horizon_deg``: how high its surroundings reach at azimuths 0, 5, ... 355 degrees; null for a clear sky.
    ``blocked_seconds`` of the slot, where they hide the satellite.
    """

    power: Literal["on", "off", "booting"]
    fault: str | None
    backup_hours: float
    told: list[ToldToTerminal]
    horizon_mask: bool
    horizon_deg: list[float] | None
    blocked_seconds: list[int]


class RunHere(BaseModel):
    """The run."""

    name: str
    folder: str
    scenario_sha256: str


class Evidence(BaseModel):
    """The evidence about a cell, or about a terminal: that has ``terminal``, ``policy`` and ``own`` too."""

    simulated: bool
    banner: str
    run: RunHere
    slot: int
    start: str
    verdict: Verdict
    cell: CellSeen
    candidates: list[Candidate]
    contention: Contention | None
    policy_here: list[PolicyHere]
    serving: Serving | None
    faults: list[FaultHere]
    assumptions: list[AssumptionHere]
    terminal: TerminalSeen | None = None
    policy: PolicySaid | None = None
    own: OwnState | None = None
