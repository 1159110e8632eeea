"""Going on against the guard: a person says that they know why it does not fit, and that is recorded."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from openleo.base.errors import BadInput, Refused
from openleo.control import ledger
from openleo.control.guard_at import guard_path, need_free, point_to
from openleo.control.ledger import Decision
from openleo.control.log import GuardHeld, GuardInUse, GuardMissing, GuardRefused
from openleo.control.log.guard import examine, read_guard, set_aside
from openleo.control.plane import Actor, Plane, Tx, utc_now
from openleo.control.store import Rehearsal, Store


def accept_guard(
    folder: Path,
    code: str,
    *,
    reason: str,
    who: Callable[[Plane], Actor],
    key: bytes | None = None,
    guard: Path | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Open a store that its guard refuses, as a decision of a person with store.manage; return its entry.

    ``code`` is what the guard says now, and nothing else is overruled.  The old guard is set aside; the store
    goes on with a new one, or with the one that ``guard`` names.  Raises Refused; nothing is changed then.
    """
    old = guard_path(folder)
    if not reason.strip():
        raise BadInput(
            "what a guard refuses needs a reason to go on", f"openleo control accept {code} --reason '...'"
        )
    need_free(guard or old, folder)
    actor = _need_refusal(folder, code, who=who, key=key, guard=guard, clock=clock)
    before = remembered(old)
    store = Store.open(folder, key=key, guard=guard, accept={code, GuardMissing.code} if guard else {code})
    with Plane(store, clock=clock) as plane:
        if not store.holds_guard:
            raise held_elsewhere(store.guard_path)
        if guard is not None:
            point_to(folder, guard)
            _end(old, folder, guard)
        more = {"accepted": [code], "guard_remembered": before, "guard": str(store.guard_path)}
        return plane.act(actor, lambda tx: _record(tx, reason, more))


def _end(old: Path, folder: Path, guard: Path) -> None:
    """Set an old guard aside, unless it is that of another store, of which this one is a copy."""
    if old.exists() and old.resolve() != guard.resolve():
        with suppress(GuardInUse):
            need_free(old, folder)
            set_aside(old)


def _record(tx: Tx, reason: str, more: Mapping[str, object]) -> int:
    tx.require("store.manage")
    return tx.record(Decision(kind="guard.accepted", action="accepted", reason=reason, facts=[], more=more))


def _need_refusal(
    folder: Path,
    code: str,
    *,
    who: Callable[[Plane], Actor],
    key: bytes | None,
    guard: Path | None,
    clock: Callable[[], datetime],
) -> Actor:
    """Return who may overrule the guard, once it is sure that it says what they accept."""
    store = Store.open(folder, key=key, claims=False)
    with Plane(store, clock=clock) as plane:
        actor = who(plane)
        plane.read(actor, lambda tx: tx.require("store.manage"))
        if store.rehearsal:
            raise Rehearsal(
                f"the store in {folder} was restored for a rehearsal, and has no guard",
                "restore the backup without --rehearse, into another folder",
            )
        found = refusal_of(store, store.guard_path)
        if found is None:
            raise Refused(f"{store.guard_path} fits the store in {folder}", "there is nothing to accept")
        if found.code != code:
            raise found
        new = None if guard is None else refusal_of(store, guard)
        if new is not None and new.code not in (code, GuardMissing.code):
            raise new
    return actor


def refusal_of(store: Store, guard: Path) -> GuardRefused | None:
    """Return why a guard would not let a store start, None where it would; changes nothing."""
    with store.reading() as conn:
        try:
            examine(guard, key=store.vkey, size=ledger.size_of(conn), read=partial(ledger.node_at, conn))
        except GuardRefused as refused:
            return refused
    return None


def remembered(guard: Path) -> str | None:
    """Return the checkpoint that a guard holds, as text, for the record of its overruling."""
    with suppress(Refused):
        signed = read_guard(guard).signed
        return None if signed is None else signed.decode("utf-8", "replace")
    return None


def held_elsewhere(guard: Path) -> GuardHeld:
    """Return the refusal of what would take a guard that a running process holds."""
    return GuardHeld(f"{guard} is held by another running process", "stop that one first, then try again")
