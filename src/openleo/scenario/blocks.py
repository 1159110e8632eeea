"""The tables of a scenario file.  docs/scenarios.md explains every key.

Units are the edge's: degrees, kilometres, km/h, milliseconds, Gbit/s and Mbit/s, each in the key's name.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from openleo.scenario.fields import (
    Block,
    Count,
    Country,
    Elevation,
    Flag,
    Item,
    Latitude,
    Longitude,
    MaybeText,
    NotNegative,
    Number,
    Positive,
    Share,
    Spell,
    Text,
)

Preference = Literal[
    "observed", "highest-elevation", "longest-visibility", "least-loaded", "lowest-latency", "stay"
]
FaultKind = Literal["satellite", "plane", "shell", "isl", "gateway", "pop", "fibre", "core", "power"]
Place = Literal["population", "land", "cities", "points", "track", "roam", "file"]
SwitchCode = Literal["BLOCKED_AREA", "CELL_IS_DISABLED", "ROAM_RESTRICTED", "UNDER_AVIATION_FLYOVER_LIMITS"]
PREFERENCES: tuple[str, ...] = get_args(Preference)
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)
Point = tuple[Latitude, Longitude]


class ConstellationBlock(Block):
    """Which satellites fly."""

    use: Text
    isl: Literal["none", "grid"] = "none"
    max_isl_km: Positive = 5016.0
    dut1_s: Annotated[Number, Field(ge=-0.9, le=0.9)] = 0.0


class NetworkBlock(Block):
    """How the network is modelled; notes on the defaults are in docs/scenarios.md."""

    preference: Preference = "observed"
    min_elevation_deg: Elevation = 25.0
    gso_exclusion_deg: Elevation = 18.0
    beams: Annotated[Count, Field(ge=1, le=256)] = 16
    dwells: Annotated[Count, Field(ge=1, le=64)] = 8
    channels: Annotated[Count, Field(ge=1, le=64)] = 8
    nco: Flag = True
    beam_half_width_deg: Annotated[Positive, Field(le=10)] = 1.25
    feeder_gbps: Positive = 20.0
    candidates: Annotated[Count, Field(ge=1, le=64)] = 16
    access_ms: NotNegative = 24.0
    active_share: Share = 0.02
    plan_mbps: Positive = 300.0


class GatewayChoice(Item):
    """One gateway of the table, by name."""

    name: Text


class OwnGateway(Item):
    """A gateway that the table lacks."""

    name: Text
    country: Country
    latitude_deg: Latitude
    longitude_deg: Longitude
    antennas: Annotated[Count, Field(ge=1, le=256)] = 8
    min_elevation_deg: Elevation = 25.0
    source: MaybeText = "assumed"


class GatewaysBlock(Block):
    """Which gateways are there."""

    table: Text = "builtin"
    include: Literal["live"] | tuple[Text | GatewayChoice, ...] = "live"
    countries: tuple[Country, ...] = ()
    exclude: tuple[Text, ...] = ()
    antennas: Annotated[Count, Field(ge=1, le=256)] | None = None
    extra: tuple[OwnGateway, ...] = ()


class PopsBlock(Block):
    """Which points of presence are there, and where a country's traffic meets the Internet."""

    table: Text = "builtin"
    include: tuple[Text, ...] = ()
    home: dict[Country, Text] = Field(default_factory=dict)


class TrackBlock(Block):
    """A way along points, by latitude and longitude, at a steady speed."""

    waypoints: Annotated[tuple[Point, ...], Field(min_length=2)]
    speed_kmh: Positive
    repeat: Literal["loop", "back-and-forth", "once"] = "loop"


class TerminalsBlock(Item):
    """A group of terminals."""

    name: MaybeText = ""
    place: Place = "population"
    count: Annotated[Count, Field(ge=1)] | None = None
    kind: Text = "standard"
    account: Text = "default"
    plan: MaybeText = ""
    address: Point | None = None
    country: Country | None = None
    countries: tuple[Country, ...] = ()
    inside: tuple[Text, ...] = ()
    outside: tuple[Text, ...] = ()
    cells: Annotated[Count, Field(ge=1)] | None = None
    points: tuple[Point, ...] = ()
    file: MaybeText = ""
    tracks: tuple[TrackBlock, ...] = ()
    speed_kmh: Positive | None = None
    roam_steps: Annotated[Count, Field(ge=1, le=500)] = 12
    spread_km: NotNegative = 0.0
    stagger_hours: NotNegative = 0.0
    backup_hours: NotNegative = 0.0
    backup_share: Share = 1.0
    obstructed_share: Share | None = None
    mask: MaybeText = ""


class BackgroundBlock(Item):
    """Other users' demand: counted per cell, without individual terminals."""

    name: MaybeText = ""
    countries: Annotated[tuple[Country, ...], Field(min_length=1)]
    terminals: Annotated[Count, Field(ge=1)]
    cells: Annotated[Count, Field(ge=1)] | None = None
    outside: tuple[Text, ...] = ()


class CircleBlock(Block):
    """A disc on the ground."""

    latitude_deg: Latitude
    longitude_deg: Longitude
    radius_km: Annotated[Positive, Field(le=5000)]


class AreaBlock(Item):
    """A named set of cells, by exactly one of outline, circle, cells, country or union."""

    name: Text
    parent: MaybeText = ""
    why: MaybeText = ""
    source: MaybeText = ""
    outline: tuple[tuple[Longitude, Latitude], ...] = ()
    circle: CircleBlock | None = None
    cells: tuple[Text, ...] = ()
    country: Country | None = None
    union: tuple[Text, ...] = ()


class LandBlock(Block):
    """Which cells are land, and whose."""

    table: Text = "builtin"
    disputed: dict[Text, Country] = Field(default_factory=dict)


class CountriesBlock(Block):
    """Which countries are served."""

    served: tuple[Country, ...] = ()
    blocked: tuple[Country, ...] = ()
    sea: Flag = True
    why: MaybeText = ""
    source: MaybeText = ""


class DecisionsBlock(Block):
    """What a control database decided about service, in a file that ``openleo run --control`` made."""

    file: MaybeText = ""


class CommandsBlock(Block):
    """What holders tell their terminals, in a CSV file: at, terminal, command."""

    file: MaybeText = ""


class SwitchBlock(Spell):
    """An area that is off, or on within one that is off."""

    name: MaybeText = ""
    area: Text
    state: Literal["off", "on"] = "off"
    code: SwitchCode = "CELL_IS_DISABLED"
    except_accounts: tuple[Text, ...] = ()
    why: MaybeText = ""
    source: MaybeText = ""


class AccountBlock(Spell):
    """An account, or a spell in which it is disabled; a name may come again for another spell."""

    name: Text
    status: Literal["active", "disabled", "none"] = "active"
    why: MaybeText = ""
    source: MaybeText = ""


class PlanBlock(Item):
    """What the service lines of a plan may do; what is not given is not limited."""

    name: Text
    max_speed_kmh: Positive | None = None
    ocean: Flag = True
    roaming: Literal["anywhere", "home"] | tuple[Country, ...] = "anywhere"
    flyover_kmh: Positive | None = None
    flyover_countries: tuple[Country, ...] = ()
    max_distance_km: Positive | None = None
    why: MaybeText = ""
    source: MaybeText = ""


class ListBlock(Spell):
    """Who alone is served somewhere, or who is not."""

    name: Text
    effect: Literal["allow", "block"]
    terminals: tuple[Text, ...] = ()
    groups: tuple[Text, ...] = ()
    accounts: tuple[Text, ...] = ()
    countries: tuple[Country, ...] = ()
    why: MaybeText = ""
    source: MaybeText = ""


class LimitBlock(Spell):
    """A speed above which terminals are not served."""

    name: MaybeText = ""
    speed_kmh: Positive
    countries: tuple[Country, ...] = ()
    area: MaybeText = ""
    kinds: tuple[Text, ...] = ()
    except_accounts: tuple[Text, ...] = ()
    code: Literal["MOVING_TOO_FAST_FOR_POLICY", "UNDER_AVIATION_FLYOVER_LIMITS"] = (
        "MOVING_TOO_FAST_FOR_POLICY"
    )
    why: MaybeText = ""
    source: MaybeText = ""


class WithdrawalBlock(Spell):
    """Something the provider takes back, which no decision of the service can undo."""

    name: MaybeText = ""
    by: Literal["area", "country", "account", "speed"]
    target: Text | Positive
    except_accounts: tuple[Text, ...] = ()
    why: MaybeText = ""
    source: MaybeText = ""


class FaultBlock(Spell):
    """Something that fails for a while."""

    name: MaybeText = ""
    kind: FaultKind
    target: Text | tuple[Text, ...] = ()
    area: MaybeText = ""
    share: Share = 1.0
    why: MaybeText = ""
    source: MaybeText = ""


class AssumptionBlock(Block):
    """Something we do not know and took to be so; it can be switched off."""

    id: Text
    text: Text
    source: Text
    confidence: Literal["high", "medium", "low"]
    enabled: Flag = True
    off: dict[str, object] = Field(default_factory=dict)
