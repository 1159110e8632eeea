"""What diagnosing is told: the terminal's telemetry, its kit, what is around it, what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from openleo.fleet.sample import Sample

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the register knows of a terminal; its position in degrees is where it should be."""

    terminal: str
    kit: str = ""
    site: str = ""
    name: str = ""
    account: str = ""
    holder: str = ""
    note: str = ""
    life_critical: bool = False
    people: int | None = None  # who depend on it
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    mobile: bool = False  # its plan lets it move
    gateway: str = ""  # where its traffic is known to land


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision that is known: ``kind`` is area-off, account-off, terminal-off or one of -on."""

    kind: str
    at_ns: int
    terminals: frozenset[str] = frozenset()
    account: str = ""
    cells: frozenset[int] = frozenset()
    says: str = ""  # what it is called, for the evidence

    def concerns(self, kit: Subject, cell: int | None) -> bool:
        """Tell whether it is about a terminal, by its id, account or cell."""
        named = kit.terminal in self.terminals or (self.account != "" and self.account == kit.account)
        return named or (cell is not None and cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a model expected: the cause's name (ONLINE for none) and the share of time online."""

    cause: str
    online: float
    of: str  # which run or network, for the evidence


class Expected(Protocol):
    """A model that can be asked what it expected at a place and time; None where it does not know."""

    def at(self, latitude_deg: float, longitude_deg: float, time_ns: int) -> Expectation | None:
        """Return what was expected at a place in degrees at a Unix time in nanoseconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DishFacts:
    """What one direct reading of a dish tells beyond telemetry; None where its software does not say."""

    self_test_failed: tuple[str, ...] | None = None
    snr_persistently_low: bool | None = None
    heating: bool | None = None
    limited: str | None = None  # NO_LIMIT, OVERAGE_LIMIT, ...
    ethernet_link: bool | None = None
    water: bool | None = None
    gps_inhibited: bool | None = None
    map_obstructed: float | None = None  # share of the mapped sky
    alerts: tuple[str, ...] | None = None  # those that are raised, in the dish's own words
    map_towards: str = ""  # where most of what hides it is: "north-west, below 40 degrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of ``known`` other terminals, how many are ``dark`` now, and how many of them ``with_it`` in time."""

    known: int = 0
    dark: int = 0
    with_it: int = 0

    @property
    def part(self) -> float:
        """The share that went dark together with it."""
        return self.with_it / self.known if self.known else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What other terminals show.  ``near`` is within 60 km outside its cell, ``wide`` beyond that."""

    site: Share = field(default_factory=Share)
    cell: Share = field(default_factory=Share)
    near: Share = field(default_factory=Share)
    wide: Share = field(default_factory=Share)
    account: Share = field(default_factory=Share)  # the same account, away from here
    gateway: Share | None = None
    near_gps: Share = field(default_factory=Share)  # of those near that tell, how many have lost GPS
    kin: float | None = None  # of those that went dark with it beyond its site, the share of its account
    together: int = 0  # of the cell and near it, how many went dark about when it did, itself included
    spread_s: float | None = None  # between the onsets of the middle half of these, where it is one event


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a job of ours told a terminal, when, who made the job, and why."""

    terminal: str
    job: str
    action: str  # stow, unstow, sleep, reboot, ...; "no more sleep" where it ends one
    told_ns: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTold:
    """A job of ours, in words."""

    at_ns: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything known of one terminal at ``now_ns`` (Unix): samples of some hours, oldest first."""

    kit: Subject
    now_ns: int
    samples: Sequence[Sample]
    around: Around = field(default_factory=Around)
    decisions: Sequence[Decision] | None = None  # None: it is not known what was decided
    expected: Expectation | None = None
    rain_mm_h: float | None = None
    facts: DishFacts | None = None
    deed: Deed | None = None  # what a job of ours told it last
    alone: bool = False  # one reading of a dish: its neighbours were not looked at
