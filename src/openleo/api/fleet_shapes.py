"""What the routes of the fleet answer and take.  Instants are UTC; a value that nobody knows is null."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from openleo.api.shapes import Reason, Sent
from openleo.fleet.acting.orders import ACTIONS
from openleo.fleet.table.filters import MOST_LETTERS, NAME
from openleo.fleet.table.rows import STATES

State = Literal[STATES]  # type: ignore[valid-type]
Action = Literal[ACTIONS]  # type: ignore[valid-type]
Terminal = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
Where = Annotated[str, Field(max_length=MOST_LETTERS)]
FilterName = Annotated[str, Field(min_length=1, max_length=64, pattern=NAME)]


class CauseCount(BaseModel):
    """Terminals that are not well for one cause."""

    cause: str
    meaning: str
    do: str
    call: str
    terminals: int
    life_critical: int
    people: int = Field(description="known to depend on them")


class FleetIncident(BaseModel):
    """Terminals that one cause darkened together, the most urgent incident first."""

    rank: int
    cause: str
    confidence: float
    likeliest: str = Field(description="the cause, or its first guess where the evidence is not enough")
    since: datetime | None
    seconds: float | None
    terminals: list[str]
    presumed: int = Field(description="how many of them were not looked at one by one")
    sites: list[str]
    life_critical: list[str]
    people: int
    sites_cut_off: list[str] = Field(description="sites of it without any terminal online")
    evidence: list[str]
    next: str
    call: str


class AllowedAction(BaseModel):
    """Something that dishes may be told, and who said so."""

    action: Action
    allowed: bool = Field(description="what harms nobody is allowed from the first")
    by: str
    reason: str
    at: datetime | None


class Acting(BaseModel):
    """What dishes may be told here, and whether the caller may say so."""

    actions: list[AllowedAction]
    may: bool = Field(description="whether you may start and stop jobs here")
    why_not: str


class FleetOut(BaseModel):
    """How the whole fleet stands; ``now`` is the instant that it is told of."""

    now: datetime
    stale: list[str] = Field(description="what is to be said of old telemetry, for people")
    remark: str
    terminals: int
    counts: dict[str, int] = Field(description=f"terminals by state: {', '.join(STATES)}")
    causes: list[CauseCount]
    incidents: list[FleetIncident] = Field(description="the most urgent first, at most 200")
    acting: Acting
    jobs_open: int = Field(description="jobs that run, wait or are stopped with something left to do")


class AlertOut(BaseModel):
    """An alert of a terminal."""

    code: int
    name: str


class FleetTerminal(BaseModel):
    """One terminal of the fleet.  No exact position is told here."""

    terminal: str
    kit: str
    name: str
    site: str
    account: str
    line: str = Field(description="its service line, where a control plane knows it")
    holder: str
    custody: str = Field(description="its state in the control plane: stocked, active, lost, ...")
    life_critical: bool
    people: int | None
    state: State
    cause: str | None = Field(description="why it is not well; null where it is, or was not looked at")
    confidence: float | None
    since: datetime | None = Field(description="since when it is not well")
    last_seen: datetime | None
    source: str | None = Field(description="who told its newest word: dish, enterprise, model")
    version: str | None
    update_waits: bool | None = Field(description="an update waits for a restart")
    cell: str | None = Field(description="H3, resolution 5")
    latency_ms: float | None
    ping_drop: float | None = Field(description="0 to 1")
    downlink_mbps: float | None
    uplink_mbps: float | None
    alerts: list[AlertOut]
    down_gb: float | None = Field(description="an estimate, over `period_days`; null where nothing told it")
    up_gb: float | None
    told_share: float = Field(description="the share of the period over which rates were told, 0 to 1")
    by_us: bool = Field(description="a dish that is polled from here, so that it can be told something")


class FleetTerminals(BaseModel):
    """A page of terminals."""

    now: datetime
    total: int
    period_days: float
    usage: str = Field(description="what the figures of data use are, for people")
    items: list[FleetTerminal]
    next: str | None


class Used(BaseModel):
    """Data use of those who share something: an estimate."""

    name: str = Field(description="the account, service line or site; empty for those without")
    terminals: int
    down_gb: float
    up_gb: float
    told_share: float


class UsageOut(BaseModel):
    """Data use over a period."""

    now: datetime
    by: str
    period_days: float
    usage: str
    items: list[Used]


class SampleOut(BaseModel):
    """What was seen of a terminal at one moment."""

    time: datetime
    period_s: int
    source: str
    reachable: bool
    outage: str | None
    downlink_mbps: float | None
    uplink_mbps: float | None
    ping_drop: float | None
    ping_latency_ms: float | None
    obstructed: float | None
    power_w: float | None
    stowed: bool | None


class StepOut(BaseModel):
    """What a job did with one terminal."""

    job: str
    terminal: str
    site: str
    life_critical: bool
    canary: bool
    state: str = Field(
        description="waiting, sending, acknowledged, well, worse, refused, unreachable, unknown, left"
    )
    at: datetime | None = Field(description="when it was told; null while it is not known that it was")
    answer: str = Field(description="what it, or its agent, answered")
    agent: str = Field(description="the agent that tells it; empty where it is told from here")
    note: str = Field(description="what is awaited of that agent, and since when it was not heard")
    before: str = Field(description="how it stood before it was told")
    after: str = Field(description="how it stood when it was last looked at since")


class OneFleetTerminal(BaseModel):
    """One terminal, why it is not well, and what it told of late."""

    now: datetime
    terminal: FleetTerminal
    why: dict[str, Any] | None = Field(
        description="as `openleo fleet why --json` prints it; null where it is well, or was not looked at"
    )
    samples: list[SampleOut] = Field(description="of the last hour, oldest first, at most 500")
    steps: list[StepOut] = Field(description="what jobs did with it, the latest first")


class VersionOut(BaseModel):
    """Terminals that run one software."""

    version: str
    terminals: int
    share: float
    online: int
    not_well: int
    update_waits: int
    newest_seen: datetime | None


class VersionsOut(BaseModel):
    """How far software was rolled out, the version of most terminals first."""

    now: datetime
    terminals: int
    unknown: int = Field(description="terminals whose version nobody told")
    update_waits: int
    oldest: str | None
    newest: str | None
    items: list[VersionOut]


class FilterOut(BaseModel):
    """A saved filter."""

    name: str
    where: str
    by: str
    at: datetime


class Filters(BaseModel):
    """Saved filters, by name."""

    items: list[FilterOut]


class FilterIn(Sent):
    """A filter, as `openleo fleet table --where` takes it."""

    where: Where


class CanaryIn(Sent):
    """Those that are told first, and watched before the others."""

    count: Annotated[int, Field(ge=0, le=1_000)] = 1
    percent: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, description="instead of `count`"
    )
    watch_minutes: Annotated[float, Field(ge=0, le=1_440)] = 10


class PaceIn(Sent):
    """How fast the others follow."""

    per_minute: Annotated[float, Field(gt=0, le=600)] = 6
    site_percent: Annotated[float, Field(gt=0, le=100)] = 50


class SleepIn(Sent):
    """A daily sleep, minutes after 00:00 UTC; ``enabled`` false ends it."""

    start_minute: Annotated[int, Field(ge=0, le=1_439)]
    minutes: Annotated[int, Field(ge=1, le=1_440)]
    enabled: bool = True


class JobIn(Sent):
    """Something to tell many dishes.  Name whom by ``where``, ``filter`` or ``terminals``, one of them."""

    action: Action
    where: Where | None = None
    filter: FilterName | None = None
    terminals: Annotated[list[Terminal], Field(max_length=10_000)] | None = None
    include: Annotated[list[Terminal], Field(max_length=1_000)] = Field(
        default=[], description="life-critical terminals that are to be told too, each by its id"
    )
    not_our_path: Annotated[list[Terminal], Field(max_length=1_000)] = Field(
        default=[], description="terminals of which you know that our own way out does not go over them"
    )
    canary: CanaryIn = CanaryIn()
    pace: PaceIn = PaceIn()
    sleep: SleepIn | None = Field(default=None, description="with the action sleep")
    inhibit: bool = Field(default=True, description="with inhibit-gps: false lets it use GPS again")
    reason: Reason


class LeftOut(BaseModel):
    """A terminal that was chosen and is not told, and why."""

    terminal: str
    site: str
    why: str = Field(description="life-critical, our-path, perhaps-our-path, no-dish, already, site-share")
    says: str


class PreviewOut(BaseModel):
    """What a job would do; nothing was done."""

    action: str
    order: str = Field(description="the action in words")
    terminals: int
    canary: list[str]
    chosen: list[str] = Field(description="in the order in which they are told")
    sites: dict[str, int]
    people: int
    life_critical: list[str] = Field(description="those of them on which lives depend")
    our_path: list[str] = Field(description="those that our own way out goes over, or may; told last")
    away: list[str] = Field(description="those that are out of service already")
    kits: dict[str, str] = Field(description="by terminal, told or not: its kit")
    off: str = Field(description="why this fleet's dishes may not be told it now; empty where they may")
    left_out: list[LeftOut]
    through: dict[str, str] = Field(
        description="by terminal: through which agent it is told, and when that undoes it"
    )
    minutes_least: float = Field(description="it takes at least so long")


class CanaryOut(BaseModel):
    """Those that are told first."""

    count: int
    percent: float | None
    watch_minutes: float


class PaceOut(BaseModel):
    """How fast the others follow."""

    per_minute: float
    site_percent: float


class JobOut(BaseModel):
    """A job."""

    id: str
    action: str
    order: str = Field(description="the action in words")
    state: str = Field(description="running, stopped, done")
    waits: bool = Field(description="it runs, and nobody works at it just now")
    says: str = Field(description="why it stopped or waits, or what it does now")
    notes: list[str] = Field(
        description="agents that are not heard; what agents undo by themselves, and when"
    )
    where: str
    reason: str
    by: str
    made_at: datetime
    ended_at: datetime | None
    entry: int | None = Field(description="its entry in the decision log, where there is one")
    counts: dict[str, int] = Field(description="terminals by what became of them")
    canary: CanaryOut
    pace: PaceOut


class JobsOut(BaseModel):
    """Jobs, the latest first, at most 200."""

    items: list[JobOut]


class EventOut(BaseModel):
    """Something that was done with a job."""

    at: datetime
    what: str = Field(description="made, stopped, resumed, done")
    by: str
    says: str


class OneJob(JobOut):
    """A job with each terminal of it, and its own history."""

    steps: list[StepOut]
    left_out: list[LeftOut]
    events: list[EventOut]


class StopIn(Sent):
    """Why a job is stopped, or goes on."""

    reason: Reason
