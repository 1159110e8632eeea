"""Ending a terminal's service for good: revoked, or captured, whose samples are quarantined since a time."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from openleo.base.errors import BadInput
from openleo.base.instants import instant_text, read_instant
from openleo.control.acts import Act, Done, carry_out, need_reason, write_custody
from openleo.control.custody import check_holder
from openleo.control.inventory import Selection, choose
from openleo.control.life import CUT_OFF, VERBS, State, restored
from openleo.control.pairs import Pair
from openleo.control.plane import Tx
from openleo.control.schema import entries, facts


def revoke(
    tx: Tx,
    which: Selection,
    *,
    reason: str,
    effective: datetime | None = None,
    pair: Pair | None = None,
) -> Done:
    """Refuse terminals from the next slot on, and their next word; life-critical ones take two people."""
    need_reason(reason, "revoke")
    act = Act(verb=VERBS["revoke"], reason=reason, effective=effective, at_once=True, pair=pair)
    return carry_out(tx, which, act)


def capture(
    tx: Tx,
    which: Selection,
    *,
    since: datetime,
    reason: str,
    effective: datetime | None = None,
    pair: Pair | None = None,
) -> Done:
    """Say that terminals are in wrong hands: refused, and quarantined ``since`` a time."""
    need_reason(reason, "captured")
    if since > tx.now:
        raise BadInput(
            f"{instant_text(since)} is still to come; it is {instant_text(tx.now)}",
            "--since says when they fell into wrong hands",
        )
    act = Act(
        verb=VERBS["capture"], reason=reason, effective=effective, at_once=True, pair=pair, since=since,
        custody="captured", changes=lambda row: {"quarantined_since": since},
    )  # fmt: skip
    return carry_out(tx, which, act)


def restore(
    tx: Tx, which: Selection, *, reason: str, holder: str | None = None, effective: datetime | None = None
) -> Done:
    """Undo a revocation or capture: it is to be activated anew, and a captured one to enrol a new key.

    What was quarantined stays so.
    """
    need_reason(reason, "restore")
    held_by = None if holder is None else check_holder(holder)
    before = {row.id: row for row in choose(tx, which, VERBS["restore"].action)}
    act = Act(
        verb=VERBS["restore"], reason=reason, effective=effective, holder=held_by,
        changes=lambda row: _back(tx, row),
    )  # fmt: skip
    done = carry_out(tx, which, act)
    found = [row for row in before.values() if row.state == State.CAPTURED]
    if found:
        write_custody(tx, found, "found", holder=held_by, note=reason)
    return done


def _back(tx: Tx, row: Row[Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": restored(_before_cut_off(tx, row.id)).value}
    if row.state == State.CAPTURED:  # whoever had it may have its key
        changes |= {"quarantined_since": None, "public_key": None}
    return changes


def _before_cut_off(tx: Tx, terminal: str) -> State:
    """Return the last state that a terminal had before it was revoked or captured."""
    query = (
        select(facts.c.changes)
        .where(facts.c.noun == "terminal", facts.c.subject == terminal)
        .order_by(facts.c.index.desc(), facts.c.n.desc())
    )
    for changes in tx.conn.execute(query).scalars():
        if "state" in changes and changes["state"] not in CUT_OFF:
            return State(changes["state"])
    raise AssertionError(f"{terminal} was never in another state")


def quarantined(tx: Tx, terminal: str, at: datetime) -> bool:
    """Tell whether what a terminal said at an instant came, or may have come, from wrong hands."""
    query = (
        select(facts.c.changes, entries.c.decided_at)
        .join(entries, entries.c.index == facts.c.index)
        .where(facts.c.noun == "terminal", facts.c.subject == terminal)
        .order_by(facts.c.index, facts.c.n)
    )
    since: datetime | None = None
    for changes, decided_at in tx.conn.execute(query):
        if "quarantined_since" not in changes:
            continue
        told = changes["quarantined_since"]
        if told is not None:
            since = read_instant(told)
        elif since is not None and since <= at < decided_at:
            return True
        else:
            since = None
    return since is not None and at >= since
