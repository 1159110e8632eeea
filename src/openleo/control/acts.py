"""Doing something to terminals: one decision for all that are meant, or none of it.

What ends service of a life-critical terminal takes two people who are different humans: both sign the same
bytes, which name every such terminal.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from openleo.base.errors import Refused
from openleo.control.areas import NeedsTwo
from openleo.control.authorize import Forbidden, require
from openleo.control.facts import Fact
from openleo.control.inventory import (
    Selection,
    WrongState,
    choose,
    chunks,
    last_slots,
    quiet_slot,
    slot_for,
    told,
)
from openleo.control.keys import need_signature
from openleo.control.ledger import Decision
from openleo.control.life import VERBS, State, Verb, after, why_not
from openleo.control.plane import Actor, Tx
from openleo.control.request import NeedsReason, SelfApproval
from openleo.control.schema import accounts, custody, people

Rows = Sequence[Row[Any]]


class NoActiveAccount(Refused):
    """A terminal without an active account cannot be activated."""

    code = "no-active-account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """The second of two people, and their signature over the bytes that `text_to_sign` gives."""

    actor: Actor
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The signatures under an act: the actor's own, and the second person's."""

    signature: str
    second: Second


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done: to which terminals, by which entry of the log, and from which slot on it acts."""

    ids: tuple[str, ...]
    entry: int
    slot: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be done: a verb, to whom, why, and what else it changes in each row."""

    verb: Verb
    reason: str
    effective: datetime | None = None
    at_once: bool = False  # before anything that was decided for later, and instead of it
    changes: Callable[[Row[Any]], Mapping[str, Any]] = lambda row: {}
    custody: str | None = None  # the event in the chain of custody, where this is one
    holder: str | None = None  # None: whoever has it already
    signed: Signed | None = None
    since: datetime | None = None


def text_to_sign(
    tx: Tx, verb: str, which: Selection, *, reason: str, since: datetime | None = None
) -> str | None:
    """Return the bytes that two people sign, None where one alone may do it."""
    rows = choose(tx, which, VERBS[verb].action)
    critical = _life_critical(rows) if VERBS[verb].cuts else []
    return _text(tx, Act(verb=VERBS[verb], reason=reason, since=since), rows) if critical else None


def carry_out(tx: Tx, which: Selection, act: Act) -> Done:
    """Do it to all that are meant, by one entry of the log; raises what forbids it for any of them."""
    return apply(tx, choose(tx, which, act.verb.action), act, batch=which.batch)


def apply(tx: Tx, rows: Rows, act: Act, *, batch: str | None = None) -> Done:
    """Do it to these terminals, which the actor may act on."""
    _need_state(rows, act.verb)
    if act.verb.to is State.ACTIVE:
        need_active_accounts(tx, rows)
    text = _need_two(tx, act, rows)
    ids = [row.id for row in rows]
    found, slot = _facts(tx, act, rows, ids)
    areas, owners = {row.area_id for row in rows}, {row.account_id for row in rows}
    signed = act.signed
    entry = tx.record(
        Decision(
            kind=f"terminal.{act.verb.done}", action=act.verb.name, reason=act.reason, facts=found,
            area=areas.pop() if len(areas) == 1 else None,
            account=owners.pop() if len(owners) == 1 else None, terminals=ids,
            counts={"terminals": len(ids)}, effective_slot=slot, signed=text if signed else "",
            also_by=[signed.second.actor.id] if signed else (), signatures=_signatures(tx, act),
            more={"batch": batch} if batch else {},
        )
    )  # fmt: skip
    if act.custody is not None:
        write_custody(tx, rows, act.custody, holder=act.holder, note=act.reason)
    return Done(ids=tuple(ids), entry=entry, slot=slot)


def _facts(tx: Tx, act: Act, rows: Rows, ids: Sequence[str]) -> tuple[list[Fact], int | None]:
    """Return the facts of an act and the slot from which it acts."""
    changes = {row.id: _changes(act, row) for row in rows}
    if not any("state" in found for found in changes.values()):
        return [Fact(noun="terminal", id=id, changes=found) for id, found in changes.items()], None
    if act.verb.custody:
        slot = quiet_slot(tx, ids)
    elif not act.at_once:
        slot = slot_for(tx, ids, act.effective)
    else:
        slot = tx.network.effective_slot(act.effective, now=tx.now, after=None)
    found = [Fact(noun="terminal", id=id, changes=changes[id], slot=slot) for id in ids]
    if act.at_once:  # what was decided for later would undo it then, so it is said again for that time
        later = {id: at for id, at in last_slots(tx, ids).items() if at > slot}
        found += [Fact(noun="terminal", id=id, changes=changes[id], slot=later[id]) for id in later]
    return found, slot


def _changes(act: Act, row: Row[Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {"version": row.version + 1, **act.changes(row)}
    if act.verb.name != "restore":
        state = after(State(row.state), act.verb)
        if state != row.state:
            changes["state"] = state.value
    if act.holder is not None:
        changes["holder"] = act.holder
    return changes


def _need_state(rows: Rows, verb: Verb) -> None:
    """Raise WrongState with those in whose state this cannot be done."""
    wrong = [(row, why) for row in rows if (why := why_not(State(row.state), verb)) is not None]
    if wrong:
        first, hint = wrong[0]
        which = told(f"{row.id} is {row.state}" for row, _ in wrong)
        among = f"{len(wrong):,} of {len(rows):,} terminals" if len(rows) > 1 else first.id
        raise WrongState(f"{among} cannot be {verb.done}: {which}; nothing was changed", hint)


def need_active_accounts(tx: Tx, rows: Rows) -> None:
    """Raise NoActiveAccount with the terminals whose account is missing or not active."""
    owners = sorted({row.account_id for row in rows if row.account_id is not None})
    query = select(accounts.c.id).where(accounts.c.status == "active")
    active = {
        name
        for part in chunks(owners)
        for name in tx.conn.execute(query.where(accounts.c.id.in_(part))).scalars()
    }
    without = [row for row in rows if row.account_id not in active]
    if without:
        which = told(
            f"{row.id} (account {row.account_id} is not active)"
            if row.account_id
            else f"{row.id} (no account)"
            for row in without
        )
        raise NoActiveAccount(
            f"{len(without):,} of {len(rows):,} have no active account: {which}; nothing was changed",
            "see `openleo account list`, or name others with --state or --account",
        )


def need_reason(reason: str, verb: str) -> None:
    """Raise NeedsReason where an act that others must be able to understand has none."""
    if not reason.strip():
        raise NeedsReason("this says why", f"openleo terminal {verb} ... --reason '...'")


def _life_critical(rows: Rows) -> list[str]:
    return [row.id for row in rows if row.life_critical]


def _need_two(tx: Tx, act: Act, rows: Rows) -> str:
    """Raise unless one alone may do this, or two who may have signed it; return what they signed."""
    critical = [row for row in rows if row.life_critical] if act.verb.cuts else []
    if act.signed is None and not critical:
        return ""
    if act.signed is None:
        who = told(f"{row.id} ({row.name})" if row.name else row.id for row in critical)
        raise NeedsTwo(
            f"{len(critical):,} of {len(rows):,} terminals are life-critical: {who}; nothing was changed",
            "do it with a second person: --second FILE; or leave them out: --not-life-critical",
        )
    text = _text(tx, act, rows)
    second = act.signed.second
    if second.actor.human == tx.actor.human:
        raise SelfApproval(
            f"{second.actor.id} and {tx.actor.id} are one human: {tx.actor.human}",
            "a life-critical terminal is cut off by two different people",
        )
    for area in {row.area_id for row in critical or rows}:
        _need_right(tx, second.actor, act.verb.action, area)
    _need_signed(tx, tx.actor, act.verb.name, text, act.signed.signature)
    _need_signed(tx, second.actor, "approve", text, second.signature)
    return text


def _need_right(tx: Tx, second: Actor, action: str, area: str | None) -> None:
    """The second person is one who might do it alone to others, or who approves what others propose."""
    try:
        require(tx.conn, second.id, "decide.approve", area)
    except Forbidden:
        require(tx.conn, second.id, action, area)


def _need_signed(tx: Tx, who: Actor, verb: str, text: str, signature: str) -> None:
    key = tx.conn.execute(select(people.c.public_key).where(people.c.id == who.id)).scalar()
    need_signature(who.id, key, f"{verb}\n{text}".encode(), signature)


def _signatures(tx: Tx, act: Act) -> dict[str, str]:
    if act.signed is None:
        return {}
    second = act.signed.second
    return {
        f"{act.verb.name} {tx.actor.id}": act.signed.signature, f"approve {second.actor.id}": second.signature
    }  # fmt: skip


def _text(tx: Tx, act: Act, rows: Rows) -> str:
    """Return all that an act will do, in words that two people can sign; versions make it good for once."""
    every = "".join(f"{row.id} at version {row.version}\n" for row in rows)
    lines = (
        "openleo/terminals/v1",
        f"network: {tx.network.origin}",
        f"verb: {act.verb.name}",
        f"terminals: {len(rows)}, {hashlib.sha256(every.encode()).hexdigest()}",
        f"life-critical: {', '.join(_life_critical(rows)) or 'none'}",
        f"since: {'-' if act.since is None else act.since.isoformat()}",
        f"reason: {hashlib.sha256(act.reason.encode()).hexdigest()}",
    )
    return "\n".join(lines) + "\n"


def write_custody(tx: Tx, rows: Rows, event: str, *, holder: str | None, note: str) -> None:
    """Add a link to the chain of custody of each terminal; no holder: whoever has it."""
    counted = select(custody.c.terminal_id, func.max(custody.c.n)).group_by(custody.c.terminal_id)
    last: dict[str, int] = {}
    for part in chunks([row.id for row in rows]):
        last.update(tx.conn.execute(counted.where(custody.c.terminal_id.in_(part))).tuples().all())
    links = [
        {
            "terminal_id": row.id, "n": last.get(row.id, -1) + 1, "event": event,
            "holder": row.holder if holder is None else holder, "by": tx.actor.id, "at": tx.now, "note": note,
        }
        for row in rows
    ]  # fmt: skip
    tx.conn.execute(insert(custody), links)
