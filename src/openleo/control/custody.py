"""The chain of custody: who has a terminal, since when, and who says so; and its way into service and out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from openleo.base.errors import BadInput
from openleo.control.acts import Act, Done, carry_out, need_reason
from openleo.control.inventory import Selection, find_terminal
from openleo.control.life import VERBS
from openleo.control.pairs import Pair
from openleo.control.plane import SYSTEM, Tx
from openleo.control.schema import custody
from openleo.control.strays import strays

MOST_HOLDER = 200  # characters


def ship(tx: Tx, which: Selection, *, to: str, note: str = "") -> Done:
    """Send terminals to someone, who has them from now on."""
    return _pass(tx, which, "ship", to, note)


def receive(tx: Tx, which: Selection, *, holder: str | None = None, note: str = "") -> Done:
    """Say that shipped terminals have arrived, with whom they were sent to or another."""
    return _pass(tx, which, "receive", holder, note)


def hand(tx: Tx, which: Selection, *, to: str, note: str = "") -> Done:
    """Hand terminals to someone in person; stocked ones are received with that."""
    return _pass(tx, which, "hand", to, note)


def lose(tx: Tx, which: Selection, *, note: str) -> Done:
    """Say that terminals are lost: nobody's service changes, and the chain of custody says it."""
    need_reason(note, "hand")
    return _pass(tx, which, "lose", None, note)


def find(tx: Tx, which: Selection, *, holder: str, note: str = "") -> Done:
    """Say that lost terminals were found, and who has them."""
    return _pass(tx, which, "find", holder, note)


def _pass(tx: Tx, which: Selection, verb: str, holder: str | None, note: str) -> Done:
    if holder is not None:
        holder = check_holder(holder)
    act = Act(verb=VERBS[verb], reason=note, custody=VERBS[verb].done, holder=holder)
    return carry_out(tx, which, act)


def check_holder(holder: str) -> str:
    """Return the name of a holder; raises BadInput."""
    if not (0 < len(holder.strip()) <= MOST_HOLDER):
        raise BadInput(
            f"a holder has 1 to {MOST_HOLDER} characters, and this has {len(holder.strip())}",
            "name a person or an office, such as 'Kherson depot'",
        )
    return holder.strip()


def chain(tx: Tx, terminal: str) -> list[Row[Any]]:
    """Return the links of a terminal's chain of custody, oldest first."""
    find_terminal(tx, terminal)
    query = select(custody).where(custody.c.terminal_id == terminal).order_by(custody.c.n)
    return list(tx.conn.execute(query))


def activate(tx: Tx, which: Selection, *, reason: str = "", effective: datetime | None = None) -> Done:
    """Let received terminals be served, each of which has an active account."""
    done = carry_out(tx, which, Act(verb=VERBS["activate"], reason=reason, effective=effective))
    return replace(done, remarks=strays(tx, done.ids))


def suspend(
    tx: Tx,
    which: Selection,
    *,
    reason: str,
    effective: datetime | None = None,
    pair: Pair | None = None,
) -> Done:
    """Stop serving terminals for a time; life-critical ones take two people."""
    need_reason(reason, "suspend")
    act = Act(verb=VERBS["suspend"], reason=reason, effective=effective, pair=pair)
    return carry_out(tx, which, act)


def resume(tx: Tx, which: Selection, *, reason: str = "", effective: datetime | None = None) -> Done:
    """Serve suspended terminals again."""
    return carry_out(tx, which, Act(verb=VERBS["resume"], reason=reason, effective=effective))


def hold(tx: Tx, which: Selection, *, reason: str, pair: Pair | None = None) -> Done:
    """Stop serving terminals that seem to be where they may not: a person's decision, which can be appealed.

    A position alone never holds; `control.positions.hold_by_policy` holds where the network's own evidence
    agrees.
    """
    assert tx.actor != SYSTEM, "a policy holds by hold_by_policy"
    need_reason(reason, "hold")
    return carry_out(tx, which, Act(verb=VERBS["hold"], reason=reason, at_once=True, pair=pair))


def release(tx: Tx, which: Selection, *, reason: str, effective: datetime | None = None) -> Done:
    """End a hold."""
    need_reason(reason, "release")
    return carry_out(tx, which, Act(verb=VERBS["release"], reason=reason, effective=effective))
