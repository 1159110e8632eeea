"""The life of a terminal: its states, and which verb leads from which to which.  Pure.

    stocked -> shipped -> received -> active <-> suspended
                                      active <-> held
    any but revoked and captured -> revoked, any but captured -> captured; restored to where it was before

Only an active terminal may be served.  One that was restored is never active at once: it is activated anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from openleo.policy import DisablementCode


class State(StrEnum):
    """Where a terminal stands."""

    STOCKED = "stocked"
    SHIPPED = "shipped"
    RECEIVED = "received"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    HELD = "held"
    REVOKED = "revoked"
    CAPTURED = "captured"


CUT_OFF = frozenset({State.REVOKED, State.CAPTURED})
_LIVING = frozenset(State) - CUT_OFF

# What the terminal's own API shows in each state; OKAY where area, account and plan alone decide.
CODES: Mapping[State, DisablementCode] = {
    State.STOCKED: DisablementCode.NO_ACTIVE_ACCOUNT,
    State.SHIPPED: DisablementCode.NO_ACTIVE_ACCOUNT,
    State.RECEIVED: DisablementCode.NO_ACTIVE_ACCOUNT,
    State.ACTIVE: DisablementCode.OKAY,
    State.SUSPENDED: DisablementCode.NO_ACTIVE_ACCOUNT,
    State.HELD: DisablementCode.ACCOUNT_DISABLED,
    State.REVOKED: DisablementCode.ACCOUNT_DISABLED,
    State.CAPTURED: DisablementCode.ACCOUNT_DISABLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What can be done to a terminal.

    ``to`` is the state that it leads to, None where that stays or depends on the past.  ``cuts`` says that it
    may end somebody's service: for a life-critical terminal that takes two people.
    """

    name: str
    done: str
    action: str
    come_from: frozenset[State]
    to: State | None
    cuts: bool = False
    custody: bool = False


def _verb(
    name: str,
    done: str,
    action: str,
    come_from: frozenset[State] | set[State],
    to: State | None,
    kind: Literal["", "cuts", "custody"] = "",
) -> tuple[str, Verb]:
    verb = Verb(
        name=name, done=done, action=f"terminal.{action}", come_from=frozenset(come_from), to=to,
        cuts=kind == "cuts", custody=kind == "custody",
    )  # fmt: skip
    return name, verb


VERBS: Mapping[str, Verb] = dict(
    (
        _verb("ship", "shipped", "ship", {State.STOCKED, State.RECEIVED}, State.SHIPPED, "custody"),
        _verb("receive", "received", "ship", {State.SHIPPED}, State.RECEIVED, "custody"),
        _verb("hand", "handed", "ship", _LIVING - {State.SHIPPED}, None, "custody"),
        _verb("lose", "lost", "ship", frozenset(State), None, "custody"),
        _verb("find", "found", "ship", frozenset(State), None, "custody"),
        _verb("activate", "activated", "activate", {State.RECEIVED}, State.ACTIVE),
        _verb("suspend", "suspended", "activate", {State.ACTIVE}, State.SUSPENDED, "cuts"),
        _verb("resume", "resumed", "activate", {State.SUSPENDED}, State.ACTIVE),
        _verb("hold", "held", "revoke", {State.ACTIVE}, State.HELD, "cuts"),
        _verb("release", "released", "revoke", {State.HELD}, State.ACTIVE),
        _verb("revoke", "revoked", "revoke", _LIVING, State.REVOKED, "cuts"),
        _verb("capture", "captured", "revoke", _LIVING | {State.REVOKED}, State.CAPTURED, "cuts"),
        _verb("restore", "restored", "revoke", CUT_OFF, None),
    )
)

# What comes first, where a state does not allow a verb.
_FIRST: Mapping[tuple[str, State], str] = {
    ("activate", State.STOCKED): "ship and receive it first, or hand it over: `openleo terminal hand`",
    ("activate", State.SHIPPED): "it must be received first: `openleo terminal receive`",
    ("activate", State.SUSPENDED): "`openleo terminal resume` ends a suspension",
    ("activate", State.HELD): "`openleo terminal release` ends a hold",
    ("resume", State.HELD): "`openleo terminal release` ends a hold",
    ("release", State.SUSPENDED): "`openleo terminal resume` ends a suspension",
    ("hand", State.SHIPPED): "it must be received first: `openleo terminal receive`",
    ("receive", State.STOCKED): "it must be shipped first: `openleo terminal ship`",
    ("ship", State.ACTIVE): "an active terminal changes hands with `openleo terminal hand`",
}


def why_not(state: State, verb: Verb) -> str | None:
    """Return why a verb cannot be done in a state and what to do instead; None where it can."""
    if state in verb.come_from:
        return None
    if state in CUT_OFF:
        return "`openleo terminal restore` comes first"
    wanted = " or ".join(sorted(verb.come_from))
    return _FIRST.get((verb.name, state), f"only what is {wanted} can be {verb.done}")


def after(state: State, verb: Verb) -> State:
    """Return the state that a verb leads to; only for verbs whose effect needs no history."""
    assert verb.name != "restore"
    assert state in verb.come_from, (state, verb.name)
    if verb.name == "hand" and state is State.STOCKED:
        return State.RECEIVED  # handed over the counter: shipped and received in one
    return verb.to or state


def restored(before: State) -> State:
    """Return where a restored terminal stands: never active, whatever it was before it was cut off."""
    return before if before in {State.STOCKED, State.SHIPPED} else State.RECEIVED
