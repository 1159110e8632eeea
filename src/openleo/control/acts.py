"""Doing something to terminals: one decision for all that are meant, or none of it.

What may end the service of a life-critical terminal takes two people who are different humans: both sign the
same text, which names every such terminal.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from openleo.base.errors import Refused
from openleo.base.instants import instant_text
from openleo.control.areas import NeedsTwo
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
from openleo.control.ledger import Decision
from openleo.control.life import VERBS, State, Verb, after, why_not
from openleo.control.pairs import Pair, need_pair, text_to_sign
from openleo.control.plane import Tx
from openleo.control.request import NeedsReason
from openleo.control.schema import accounts, custody

Rows = Sequence[Row[Any]]


class NoActiveAccount(Refused):
    """A terminal without an active account cannot be activated."""

    code = "no-active-account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done: to which terminals, by which entry of the log, and from which slot on it acts.

    ``remarks`` are what whoever did it should know, such as terminals that stand outside their area.
    """

    ids: tuple[str, ...]
    entry: int
    slot: int | None
    remarks: tuple[str, ...] = ()


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
    pair: Pair | None = None
    since: datetime | None = None


def to_sign(
    tx: Tx,
    verb: str,
    which: Selection,
    *,
    reason: str,
    since: datetime | None = None,
    effective: datetime | None = None,
) -> str | None:
    """Return the text that two people sign (see `control.pairs`), None where one alone may do it."""
    rows = choose(tx, which, VERBS[verb].action)
    critical = _life_critical(rows) if VERBS[verb].cuts else []
    act = Act(verb=VERBS[verb], reason=reason, since=since, effective=effective)
    return _text(tx, act, rows) if critical else None


def carry_out(tx: Tx, which: Selection, act: Act) -> Done:
    """Do it to all that are meant, by one entry of the log; raises what forbids it for any of them."""
    return apply(tx, choose(tx, which, act.verb.action), act, batch=which.batch)


def apply(tx: Tx, rows: Rows, act: Act, *, batch: str | None = None) -> Done:
    """Do it to these terminals, which the actor may act on."""
    _need_state(rows, act.verb)
    if act.verb.to is State.ACTIVE:
        need_active_accounts(tx, rows)
    text, signatures = _need_two(tx, act, rows)
    ids = [row.id for row in rows]
    found, slot = _facts(tx, act, rows, ids)
    areas, owners = {row.area_id for row in rows}, {row.account_id for row in rows}
    entry = tx.record(
        Decision(
            kind=f"terminal.{act.verb.done}", action=act.verb.name, reason=act.reason, facts=found,
            area=areas.pop() if len(areas) == 1 else None,
            account=owners.pop() if len(owners) == 1 else None, terminals=ids,
            counts={"terminals": len(ids)}, effective_slot=slot, signed=text,
            also_by=[] if act.pair is None else [act.pair.second.id], signatures=signatures,
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


def _need_two(tx: Tx, act: Act, rows: Rows) -> tuple[str, dict[str, str]]:
    """Return (text, signatures) of the two people that this takes, nothing where one alone may do it."""
    critical = [row for row in rows if row.life_critical] if act.verb.cuts else []
    if act.pair is None and not critical:
        return "", {}
    if act.pair is None:
        who = told(f"{row.id} ({row.name})" if row.name else row.id for row in critical)
        raise NeedsTwo(
            f"{len(critical):,} of {len(rows):,} terminals are life-critical: {who}; nothing was changed",
            "do it with a second person: --second FILE; or leave them out: --not-life-critical",
        )
    text = _text(tx, act, rows)
    areas = sorted({row.area_id for row in critical or rows}, key=lambda area: area or "")
    what = f"to {act.verb.name} life-critical terminals"
    return text, need_pair(tx, text, act.pair, what=what, rights=[("decide.approve", a) for a in areas])


def _text(tx: Tx, act: Act, rows: Rows) -> str:
    """Return all that an act will do, in words that two people can sign; versions make it good for once."""
    every = "".join(f"{row.id} at version {row.version}\n" for row in rows)
    lines = {
        "verb": act.verb.name,
        "terminals": f"{len(rows)}, {hashlib.sha256(every.encode()).hexdigest()}",
        "life-critical": ", ".join(_life_critical(rows)) or "none",
        "since": "-" if act.since is None else instant_text(act.since),
        "effective": "as soon as it can" if act.effective is None else instant_text(act.effective),
    }
    return text_to_sign(tx, "terminals", lines, reason=act.reason)


def write_custody(tx: Tx, rows: Rows, event: str, *, holder: str | None, note: str) -> None:
    """Add a link to the chain of custody of each terminal; no holder: whoever has it."""
    counted = select(custody.c.terminal_id, func.max(custody.c.n)).group_by(custody.c.terminal_id)
    last: dict[str, int] = {}
    for part in chunks([row.id for row in rows]):
        for name, n in tx.conn.execute(counted.where(custody.c.terminal_id.in_(part))):
            last[name] = n
    links = [
        {
            "terminal_id": row.id, "n": last.get(row.id, -1) + 1, "event": event,
            "holder": row.holder if holder is None else holder, "by": tx.actor.id, "at": tx.now, "note": note,
        }
        for row in rows
    ]  # fmt: skip
    tx.conn.execute(insert(custody), links)
