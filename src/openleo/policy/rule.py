"""One rule: a reason not to serve, and the order of precedence among rules.

A decision is the first rule that matches, in this order; ties go to the rule's id:

1. the provider's withdrawals, which no decision of ours can undo: account, country, area, speed;
2. accounts, service lines and block-lists: NO_ACTIVE_ACCOUNT, then ACCOUNT_DISABLED;
3. the terminal itself: DATA_OVERAGE_SANDBOX_POLICY, then UNSUPPORTED_VERSION;
4. an unknown position: without one, no rule about places can be applied;
5. countries: BLOCKED_COUNTRY, then IN_OCEAN, whoever says so;
6. allow-lists: NO_ACTIVE_ACCOUNT;
7. areas: BLOCKED_AREA, then CELL_IS_DISABLED, then other codes;
8. plans: ROAM_RESTRICTED, then TOO_FAR_FROM_SERVICE_ADDRESS;
9. speed: MOVING_TOO_FAST_FOR_POLICY, then UNDER_AVIATION_FLYOVER_LIMITS.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from openleo.policy.codes import EXPLANATIONS, DisablementCode

SEA = "sea"  # stands for "no country" in a rule's countries
Numbers = NDArray[np.uint32]
Cells = NDArray[np.uint64]


class By(StrEnum):
    """What a rule looks at."""

    ACCOUNT = "account"
    LINE = "line"
    BLOCK = "block-list"
    TERMINAL = "terminal"
    LOCATION = "location"
    COUNTRY = "country"
    ALLOW = "allow-list"
    AREA = "area"
    PLAN = "plan"
    SPEED = "speed"


class LineStatus(IntEnum):
    """How a terminal's service line stands."""

    ACTIVE = 0
    DISABLED = 1
    NONE = 2


_OWN_ORDER = {
    By.ACCOUNT: 1, By.LINE: 1, By.BLOCK: 1, By.TERMINAL: 2, By.LOCATION: 3, By.COUNTRY: 4, By.ALLOW: 5,
    By.AREA: 6, By.PLAN: 7, By.SPEED: 8,
}  # fmt: skip
_WITHDRAWN_ORDER = {By.ACCOUNT: 0, By.COUNTRY: 1, By.AREA: 2, By.SPEED: 3}
_CODE_ORDER = (
    DisablementCode.NO_ACTIVE_ACCOUNT,
    DisablementCode.ACCOUNT_DISABLED,
    DisablementCode.BLOCKED_COUNTRY,
    DisablementCode.IN_OCEAN,
    DisablementCode.BLOCKED_AREA,
    DisablementCode.CELL_IS_DISABLED,
    DisablementCode.ROAM_RESTRICTED,
)
_NEEDED = {
    By.ACCOUNT: ("accounts",), By.LINE: ("line",), By.BLOCK: ("accounts", "terminals"),
    By.TERMINAL: ("over_data", "below_version"), By.COUNTRY: ("countries",),
    By.ALLOW: ("terminals",), By.AREA: ("cells",), By.PLAN: ("away", "beyond_m"),
    By.SPEED: ("over_m_s",),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One reason not to serve.  Every condition that is given must hold; one that is None is not asked.

    ``cells``: sorted H3 cells (uint64); with ``outside`` the rule holds everywhere but in them.
    ``countries``: ISO alpha-2 names, or ``sea``; with ``elsewhere`` it holds everywhere but there.
    ``accounts``: names; those in ``except_accounts`` are spared.  ``terminals``: sorted numbers of terminals
    (uint32); with ``unlisted`` it holds for all but these.  ``plans``: names.  ``kinds``: codes of terminal
    kinds.  ``line``: how the service line stands.  ``over_m_s``: holds above this speed.  ``beyond_m``:
    farther than this from the service address.  ``away``: in a country other than the service address's.
    ``over_data``: its data are used up.  ``below_version``: its software is known and older.

    No condition about a place holds for a terminal whose position is unknown.  The rest is for people.
    """

    id: str
    by: By
    code: DisablementCode
    withdrawn: bool = False  # by the provider, not by a decision of the service's own
    cells: Cells | None = None
    outside: bool = False
    countries: tuple[str, ...] | None = None
    elsewhere: bool = False
    accounts: tuple[str, ...] | None = None
    except_accounts: tuple[str, ...] = ()
    terminals: Numbers | None = None
    unlisted: bool = False
    plans: tuple[str, ...] | None = None
    kinds: tuple[int, ...] | None = None
    line: LineStatus | None = None
    over_m_s: float | None = None
    beyond_m: float | None = None
    away: bool = False
    over_data: bool = False
    below_version: int | None = None
    area: str = ""
    why: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    @property
    def precedence(self) -> tuple[int, int, int, str]:
        """Sort key of the order of precedence (module docstring)."""
        level = 0 if self.withdrawn else _OWN_ORDER[self.by]
        within = _WITHDRAWN_ORDER.get(self.by, 9) if self.withdrawn else 0
        code = _CODE_ORDER.index(self.code) if self.code in _CODE_ORDER else len(_CODE_ORDER) + self.code
        return level, within, code, self.id

    @property
    def asks_where(self) -> bool:
        """Whether it holds only for a terminal whose position is known."""
        return self.cells is not None or self.countries is not None or self.away or self.beyond_m is not None

    def check(self) -> None:
        """Raise ValueError for a rule that lacks what it looks at, or has sets not sorted and unique."""
        needed = [getattr(self, key) for key in _NEEDED.get(self.by, ())]
        if needed and not any(isinstance(value, np.ndarray) or _is_given(value) for value in needed):
            raise ValueError(f"rule {self.id} looks at {self.by} and does not say which")
        for what, values in (("cells", self.cells), ("terminals", self.terminals)):
            if values is not None and np.any(values[1:] <= values[:-1]):
                raise ValueError(f"the {what} of rule {self.id} are not sorted and unique")
        if self.cells is not None and len(self.cells) and self.cells[0] == 0:
            raise ValueError(f"rule {self.id} has a cell 0, which stands for an unknown position")

    def describe(self) -> str:
        """Say in one or two sentences what the rule does, since when, and why."""
        text = f"{self.id}: {self.code.name}: a terminal that {self._condition()} {EXPLANATIONS[self.code]}"
        if self.except_accounts:
            text += f", except accounts {', '.join(self.except_accounts)}"
        if self.since or self.until:
            text += f" (from {self.since or 'before the start'} until {self.until or 'further notice'})"
        for label, value in (("why", self.why), ("source", self.source)):
            text += f"; {label}: {value}" if value else ""
        return text + ("; withdrawn by the provider" if self.withdrawn else "")

    def _condition(self) -> str:
        parts = []
        if self.cells is not None and self.outside and not self.area:
            parts.append(f"is in none of the {len(self.cells):,} cells that a switched area holds")
        elif self.cells is not None:
            where = "not in" if self.outside else "in"
            parts.append(f"is {where} area {self.area or 'unnamed'} ({len(self.cells)} cells)")
        if self.countries is not None:
            parts.append(
                f"is {'not ' if self.elsewhere else ''}in {', '.join(self.countries) or 'any country'}"
            )
        if self.accounts is not None:
            parts.append(f"belongs to {', '.join(self.accounts)}")
        if self.terminals is not None:
            count = len(self.terminals)
            listed = "the one listed" if count == 1 else f"among the {count:,} listed"
            parts.append(f"is {'not ' if self.unlisted else ''}{listed}")
        if self.plans is not None:
            parts.append(f"has plan {' or '.join(self.plans)}")
        if self.line is not None:
            parts.append(_LINE_WORDS[self.line])
        if self.away:
            parts.append("is outside the country of its service address")
        if self.beyond_m is not None:
            parts.append(f"is more than {self.beyond_m / 1e3:g} km from its service address")
        if self.over_m_s is not None:
            parts.append(f"moves faster than {self.over_m_s * 3.6:g} km/h")
        if self.over_data:
            parts.append("is over its plan's data")
        if self.below_version is not None:
            parts.append(f"runs software older than version {self.below_version}")
        if self.by is By.LOCATION:
            parts.append("has no known position")
        return " and ".join(parts) or "exists"


_LINE_WORDS = {
    LineStatus.ACTIVE: "has an active service line",
    LineStatus.DISABLED: "has a service line that is disabled",
    LineStatus.NONE: "has no service line",
}


def _is_given(value: object) -> bool:
    return value is not None and value is not False
