"""One request to switch an area, from being asked to its end.  Pure: callers bring the time and store.

    asked -> proposed -> granted                a second human approves the very bytes the first one signed
      |         `-> proposed (anew)             where the area changed in between, or nobody approved in a day
      `-> refused | withdrawn | expired
    emergency -> confirmed | reverted           off by one, for an hour

Two people are two *humans*: neither the one who proposed nor the one who asked can approve.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from openleo.base.errors import Refused
from openleo.base.instants import instant_text
from openleo.control.canonical import canonical
from openleo.control.network import EMERGENCY_LIFE, PROPOSAL_LIFE, REQUEST_LIFE


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    PROPOSED = "proposed"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    EMERGENCY = "emergency"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"


OPEN = frozenset({State.ASKED, State.PROPOSED, State.EMERGENCY})


class SelfApproval(Refused):
    """The second person is the first."""

    code = "self-approval"


class Closed(Refused):
    """The request is not in a state for this."""

    code = "request-closed"


class RequestExpired(Refused):
    """Too late."""

    code = "request-expired"


class AreaChanged(Refused):
    """The area is not what the proposal was about."""

    code = "area-changed"


class NotYours(Refused):
    """Only who asked may withdraw."""

    code = "not-yours"


class NeedsReason(Refused):
    """An act that others must be able to understand came without a reason."""

    code = "needs-reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who did something: the account and the human behind it."""

    id: str
    human: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it stands; verbs return what it becomes.  ``include`` names life-critical terminals."""

    id: str
    area_id: str
    area_version: int  # the version that its latest author was looking at
    switch: str  # on, off, or as-is
    asked_by: Party
    asked_at: datetime
    reason: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    evidence: Sequence[str] = ()
    state: State = State.ASKED
    emergency: bool = False
    proposed_by: Party | None = None
    proposed_at: datetime | None = None
    proposal: str | None = None
    approved_by: Party | None = None
    closed_at: datetime | None = None
    answer: str = ""
    include: Sequence[str] = ()
    effective_slot: int | None = None
    signatures: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    def propose(
        self,
        proposal: str,
        *,
        by: Party,
        at: datetime,
        area_version: int,
        include: Sequence[str],
        signature: str,
    ) -> "Request":
        """Take responsibility for granting it: the first of two people."""
        self.need_open(at, State.ASKED, State.PROPOSED)
        return self.next(
            state=State.PROPOSED, proposal=proposal, proposed_by=by, proposed_at=at,
            area_version=area_version, include=tuple(include), signatures={f"propose {by.id}": signature},
        )  # fmt: skip

    def approve(
        self, *, by: Party, at: datetime, area_version: int, include: Sequence[str], slot: int, signature: str
    ) -> "Request":
        """Grant it, as the second of two people; ``include`` must name what the first one named."""
        self.need_open(at, State.PROPOSED)
        assert self.proposed_at is not None
        if at >= self.proposed_at + PROPOSAL_LIFE:
            raise RequestExpired(
                f"the proposal to grant {self.id} lapsed at {instant_text(self.proposed_at + PROPOSAL_LIFE)}",
                f"propose it again with `openleo decide propose {self.id}`",
            )
        self._need_another(by)
        if area_version != self.area_version:
            raise AreaChanged(
                f"area {self.area_id} is at version {area_version}; {self.id} was proposed at version "
                f"{self.area_version}",
                f"read what changed with `openleo area show {self.area_id}`, then "
                f"`openleo decide propose {self.id}` again",
            )
        self._need_same(include)
        return self.next(
            state=State.GRANTED, approved_by=by, closed_at=at, effective_slot=slot,
            signatures={**self.signatures, f"approve {by.id}": signature},
        )  # fmt: skip

    def refuse(self, *, by: Party, at: datetime, reason: str) -> "Request":
        """Say no, and why."""
        self.need_open(at, State.ASKED, State.PROPOSED)
        _need_reason(reason, f"openleo decide refuse {self.id}")
        return self.next(state=State.REFUSED, closed_at=at, answer=reason, approved_by=None)

    def withdraw(self, *, by: Party, at: datetime, reason: str) -> "Request":
        """Take it back: only who asked can."""
        self.need_open(at, State.ASKED, State.PROPOSED)
        if by.human != self.asked_by.human:
            raise NotYours(
                f"{self.id} was asked by {self.asked_by.id}; {by.id} cannot withdraw it",
                f"refuse it, if you may, with `openleo decide refuse {self.id}`",
            )
        return self.next(state=State.WITHDRAWN, closed_at=at, answer=reason)

    def confirm(
        self, *, by: Party, at: datetime, include: Sequence[str], proposal: str, signature: str
    ) -> "Request":
        """Let an emergency off stand, as the second person, within the hour."""
        self._need_state(State.EMERGENCY)
        if at >= self.deadline:
            raise RequestExpired(
                f"{self.id} was to be confirmed by {instant_text(self.deadline)}: the area is on again",
                f"ask for it with `openleo request new {self.area_id} off`",
            )
        self._need_another(by)
        self._need_same(include)
        return self.next(
            state=State.CONFIRMED, approved_by=by, closed_at=at, proposal=proposal,
            signatures={**self.signatures, f"confirm {by.id}": signature},
        )  # fmt: skip

    def lapse(self, *, at: datetime) -> "Request":
        """Return what becomes of it by time alone: itself, expired, or reverted."""
        if self.state not in OPEN or at < self.deadline:
            return self
        ends = State.REVERTED if self.state is State.EMERGENCY else State.EXPIRED
        return self.next(state=ends, closed_at=self.deadline)

    @property
    def deadline(self) -> datetime:
        """When it ends by itself."""
        return self.asked_at + (EMERGENCY_LIFE if self.emergency else REQUEST_LIFE)

    def next(self, **changes: Any) -> "Request":
        """Return it with changes, one version on."""
        return replace(self, version=self.version + 1, **changes)

    def need_open(self, at: datetime, *states: State) -> None:
        """Raise Closed or RequestExpired unless it is in one of these states and its time has not passed."""
        self._need_state(*states)
        if at >= self.deadline:
            raise RequestExpired(
                f"{self.id} expired at {instant_text(self.deadline)}",
                f"ask again with `openleo request new {self.area_id} {self.switch}`",
            )

    def _need_state(self, *states: State) -> None:
        if self.state in states:
            return
        if self.state is State.ASKED:
            raise Closed(
                f"nobody has proposed to grant {self.id} yet",
                f"`openleo decide propose {self.id}` comes first",
            )
        raise Closed(
            f"{self.id} is {self.state}"
            + (f" since {instant_text(self.closed_at)}" if self.closed_at else ""),
            f"see `openleo request show {self.id}`",
        )

    def _need_another(self, by: Party) -> None:
        for role, party in (("proposed", self.proposed_by), ("asked", self.asked_by)):
            if party is not None and by.human == party.human:
                same = "" if by.id == party.id else f" ({by.id} is the same human as {party.id})"
                raise SelfApproval(
                    f"{self.id} was {role} by {party.id}, who cannot also approve it{same}",
                    f"ask someone listed by `openleo who-can decide.approve {self.area_id}`",
                )

    def _need_same(self, include: Sequence[str]) -> None:
        if sorted(include) != sorted(self.include):
            raise AreaChanged(
                f"the proposal of {self.id} cuts these life-critical terminals: {_named(self.include)}; "
                f"the approval names: {_named(include)}",
                "each one that is to be cut is named by both people with --include",
            )


def proposal_text(
    network: str, request: Request, *, area_version: int, include: Sequence[str], effective: str
) -> str:
    """Return the bytes that both people sign: all that a grant will do."""
    lines = (
        "openleo/proposal/v1",
        f"network: {network}",
        f"request: {request.id}",
        f"area: {request.area_id} at version {area_version}",
        f"switch: {request.switch}",
        f"changes: {hashlib.sha256(canonical(dict(request.changes))).hexdigest()}",
        f"emergency: {'yes' if request.emergency else 'no'}",
        f"effective: {effective}",
        f"including life-critical: {_named(include)}",
        f"reason: {hashlib.sha256(request.reason.encode()).hexdigest()}",
    )
    return "\n".join(lines) + "\n"


def _named(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _need_reason(reason: str, command: str) -> None:
    if not reason.strip():
        raise NeedsReason("a refusal says why", f"{command} --reason '...'")
