"""Plans, and the service lines that have them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.ground.frames import great_circle_m
from openleo.policy.codes import DisablementCode
from openleo.policy.rule import SEA, By, LineStatus, Rule
from openleo.policy.subjects import Subjects

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a service line may do.  A limit that is None is none.

    ``roaming``: countries where it is served beside that of the service address; None for anywhere, () for
    nowhere else.  ``flyover_m_s``: the speed above which it is not served over the land of
    ``flyover_countries``.  ``sandboxes``: whether using up its data ends service.
    """

    name: str
    max_speed_m_s: float | None = None
    ocean: bool = True
    roaming: tuple[str, ...] | None = None
    flyover_m_s: float | None = None
    flyover_countries: tuple[str, ...] = ()
    max_distance_m: float | None = None
    sandboxes: bool = False
    min_version: int | None = None
    why: str = ""
    source: str = ""


def plan_rules(plan: Plan) -> tuple[Rule, ...]:
    """Return the rules of a plan, called ``plan/NAME/speed`` and so on."""
    code = DisablementCode
    rules = []

    def add(what: str, by: By, code: DisablementCode, **conditions: object) -> None:
        rules.append(
            Rule(
                id=f"plan/{plan.name}/{what}", by=by, code=code, plans=(plan.name,), why=plan.why,
                source=plan.source, **conditions,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    if plan.sandboxes:
        add("data", By.TERMINAL, code.DATA_OVERAGE_SANDBOX_POLICY, over_data=True)
    if plan.min_version is not None:
        add("version", By.TERMINAL, code.UNSUPPORTED_VERSION, below_version=plan.min_version)
    if not plan.ocean:
        add("ocean", By.COUNTRY, code.IN_OCEAN, countries=(SEA,))
    if plan.roaming is not None:
        listed = {"countries": plan.roaming, "elsewhere": True} if plan.roaming else {}
        add("roaming", By.PLAN, code.ROAM_RESTRICTED, away=True, **listed)
    if plan.max_distance_m is not None:
        add("distance", By.PLAN, code.TOO_FAR_FROM_SERVICE_ADDRESS, beyond_m=plan.max_distance_m)
    if plan.max_speed_m_s is not None:
        add("speed", By.SPEED, code.MOVING_TOO_FAST_FOR_POLICY, over_m_s=plan.max_speed_m_s)
    if plan.flyover_m_s is not None and plan.flyover_countries:
        add(
            "flyover", By.SPEED, code.UNDER_AVIATION_FLYOVER_LIMITS, over_m_s=plan.flyover_m_s,
            countries=plan.flyover_countries,
        )  # fmt: skip
    return tuple(rules)


def line_rules() -> tuple[Rule, ...]:
    """Return the two rules about service lines: a terminal without one, and one whose line is disabled."""
    return (
        Rule(
            id="line/none", by=By.LINE, code=DisablementCode.NO_ACTIVE_ACCOUNT, line=LineStatus.NONE,
            why="a terminal is served on a service line",
        ),
        Rule(id="line/disabled", by=By.LINE, code=DisablementCode.ACCOUNT_DISABLED, line=LineStatus.DISABLED),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A service line: whose it is, on which plan, for which address; ``country`` is '' for none stated."""

    account: str
    plan: str = ""
    latitude_deg: float = float("nan")
    longitude_deg: float = float("nan")
    country: str = ""
    status: LineStatus = LineStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """The service lines of U terminals, a row each; account, plan and country index a caller's names.

    Addresses are geodetic degrees (NaN: none stated); ``country`` -1 is none.
    """

    account: NDArray[np.uint16]
    plan: NDArray[np.uint16]
    latitude_deg: Float
    longitude_deg: Float
    country: NDArray[np.int16]
    status: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.account)

    @classmethod
    def of(
        cls,
        lines: Iterable[Line | None],
        *,
        account_names: Sequence[str],
        country_names: Sequence[str],
        plan_names: Sequence[str],
    ) -> "Lines":
        """Return lines as columns, None for a terminal that has none.

        Raises KeyError for a name that is not among the names.
        """
        account, country, plan = (
            {name: n for n, name in enumerate(names)} for names in (account_names, country_names, plan_names)
        )
        no_line = Line(account=account_names[0], plan=plan_names[0], status=LineStatus.NONE)
        rows = [no_line if line is None else line for line in lines]
        return cls(
            account=np.array([account[row.account] for row in rows], np.uint16),
            plan=np.array([plan[row.plan] for row in rows], np.uint16),
            latitude_deg=np.array([row.latitude_deg for row in rows], np.float64),
            longitude_deg=np.array([row.longitude_deg for row in rows], np.float64),
            country=np.array([country[row.country] if row.country else -1 for row in rows], np.int16),
            status=np.array([row.status for row in rows], np.uint8),
        )

    def take(self, rows: NDArray[np.integer]) -> "Lines":
        """Return the lines of these rows."""
        return Lines(
            account=self.account[rows], plan=self.plan[rows], latitude_deg=self.latitude_deg[rows],
            longitude_deg=self.longitude_deg[rows], country=self.country[rows], status=self.status[rows],
        )  # fmt: skip

    def distance_m(self, latitude_deg: Float, longitude_deg: Float) -> NDArray[np.float32]:
        """Return the great-circle distance (U,) of each terminal's place from its service address."""
        ends = self.latitude_deg, self.longitude_deg, latitude_deg, longitude_deg
        return great_circle_m(*(np.radians(angle) for angle in ends)).astype(np.float32)

    def subjects(
        self,
        *,
        cell: NDArray[np.uint64],
        country: NDArray[np.int16],
        speed_m_s: NDArray[np.float32],
        place_deg: tuple[Float, Float] | None = None,
        kind: NDArray[np.uint8] | None = None,
        terminal: NDArray[np.uint32] | None = None,
        version: NDArray[np.uint32] | None = None,
        over_data: NDArray[np.bool_] | None = None,
    ) -> Subjects:
        """Return the terminals of these lines (U,) as rules see them.

        ``place_deg`` are latitudes and longitudes; without it there is no distance from the service address.
        """
        return Subjects(
            cell=cell, country=country, account=self.account, speed_m_s=speed_m_s, kind=kind, plan=self.plan,
            home=self.country, line=self.status, terminal=terminal, version=version, over_data=over_data,
            distance_m=None if place_deg is None else self.distance_m(*place_deg),
        )  # fmt: skip
