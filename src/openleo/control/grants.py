"""Giving people roles, taking them back, and saying who may do what, with the reason.

Nobody gives what they lack: every action of the role, over the whole of its scope.  A role that decides is
given by two people (`roles.needs_two`), and both sign it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from openleo.base.errors import did_you_mean
from openleo.control import authorize
from openleo.control.areas import Exists, NotFound, find_area
from openleo.control.authorize import Answer, Forbidden
from openleo.control.facts import Fact
from openleo.control.ledger import Decision
from openleo.control.owners import need_owners_left
from openleo.control.pairs import Pair, need_pair, text_to_sign
from openleo.control.people import NotActive, find_person
from openleo.control.plane import Tx
from openleo.control.roles import find_role, needs_two
from openleo.control.schema import grants


def grant_text(tx: Tx, person: str, role: str, area_id: str | None, *, reason: str = "") -> str:
    """Return what both people sign to give a role that decides.

    The key is in it: whoever added the person may have kept a copy of the key that came with that, so the
    second human signs for the one that the person showed them.
    """
    whom = find_person(tx.conn, person)
    lines = {
        "grant": _next_id(tx), "person": f"{person}, the human {whom.human}",
        "key": whom.public_key or "none", "role": role, "area": area_id or "the whole network",
    }  # fmt: skip
    return text_to_sign(tx, "grant", lines, reason=reason)


def grant(
    tx: Tx, person: str, role: str, area_id: str | None = None, *, reason: str = "", pair: Pair | None = None
) -> Row[Any]:
    """Give a person a role over an area and all below it, or over the whole network; return the grant."""
    actions = find_role(role)
    if area_id is not None:
        find_area(tx.conn, area_id)
    tx.require("grant.write", area_id)
    _need_all(tx, tx.actor.id, role, area_id)
    whom = find_person(tx.conn, person)
    if not whom.active:
        raise NotActive(f"{person} was deactivated", "add the human under another name: `openleo person add`")
    _need_new(tx, person, role, area_id)
    text, signatures, second = "", {}, None
    if needs_two(role):
        text = grant_text(tx, person, role, area_id, reason=reason)
        rights = [("grant.write", area_id), *((action, area_id) for action in actions)]
        signatures = need_pair(tx, text, pair, what=f"making {person} {role}", rights=rights)
        assert pair is not None
        second = pair.second.id
    columns = {
        "person_id": person, "role": role, "area_id": area_id, "granted_by": tx.actor.id,
        "approved_by": second, "active": True, "version": 1,
    }  # fmt: skip
    made = _next_id(tx)
    tx.record(
        Decision(
            kind="grant.made", action=role, area=area_id, reason=reason, signed=text, signatures=signatures,
            facts=[Fact(noun="grant", id=made, changes=columns, new=True)],
            also_by=[second] if second else [], more={"person": person},
        )
    )  # fmt: skip
    return find_grant(tx, made)


def revoke(tx: Tx, grant_id: str, *, reason: str = "") -> Row[Any]:
    """Take a role back; one person may, unless too few owners would be left."""
    found = find_grant(tx, grant_id)
    tx.require("grant.write", found.area_id)
    if not found.active:
        raise NotActive(
            f"grant {grant_id} was taken back already", f"see `openleo person show {found.person_id}`"
        )
    need_owners_left(tx.conn, without_grant=grant_id)
    fact = Fact(noun="grant", id=grant_id, changes={"active": False, "version": found.version + 1})
    tx.record(
        Decision(
            kind="grant.revoked", action=found.role, area=found.area_id, reason=reason, facts=[fact],
            more={"person": found.person_id},
        )
    )  # fmt: skip
    return find_grant(tx, grant_id)


def find_grant(tx: Tx, grant_id: str) -> Row[Any]:
    """Return a grant's row; raises NotFound."""
    row = tx.conn.execute(select(grants).where(grants.c.id == grant_id)).one_or_none()
    if row is None:
        known = tx.conn.execute(select(grants.c.id).where(grants.c.active)).scalars().all()
        raise NotFound(f"there is no grant {grant_id!r}", did_you_mean(grant_id, known))
    return row


def grants_of(tx: Tx, person: str) -> Sequence[Row[Any]]:
    """Return the roles that a person holds; one's own may always be read."""
    if person != tx.actor.id:
        tx.require("person.read")
    find_person(tx.conn, person)
    query = select(grants).where(grants.c.person_id == person, grants.c.active).order_by(grants.c.id)
    return tx.conn.execute(query).all()


def who_can(tx: Tx, action: str, area_id: str | None = None) -> list[tuple[str, str]]:
    """Return (person, reason) of everyone who may do an action on an area.

    For those who may read people there, or requests: they must be able to find whom to ask.
    """
    if area_id is not None:
        find_area(tx.conn, area_id)
    if not authorize.authorize(tx.conn, tx.actor.id, "request.read", area_id).allowed:
        tx.require("person.read", area_id)
    return authorize.who_can(tx.conn, action, area_id)


def may(tx: Tx, person: str, action: str, area_id: str | None = None) -> Answer:
    """Say whether a person may do something, and why; about oneself anyone may ask."""
    if person != tx.actor.id:
        tx.require("person.read", area_id)
    if area_id is not None:
        find_area(tx.conn, area_id)
    return authorize.authorize(tx.conn, person, action, area_id)


def _need_all(tx: Tx, giver: str, role: str, area_id: str | None) -> None:
    for action in find_role(role):
        answer = authorize.authorize(tx.conn, giver, action, area_id)
        if not answer.allowed:
            raise Forbidden(
                f"nobody gives what they lack: {role} may {action}, and {answer.reason}",
                f"ask someone listed by {authorize.whom_to_ask(action, area_id)}",
            )


def _need_new(tx: Tx, person: str, role: str, area_id: str | None) -> None:
    where = grants.c.area_id.is_(None) if area_id is None else grants.c.area_id == area_id
    same = select(grants.c.id).where(
        grants.c.person_id == person, grants.c.role == role, where, grants.c.active
    )
    found = tx.conn.execute(same).scalar()
    if found is not None:
        raise Exists(
            f"{person} is {role} there already (grant {found})", f"see `openleo person show {person}`"
        )


def _next_id(tx: Tx) -> str:
    return f"g-{tx.conn.execute(select(func.count()).select_from(grants)).scalar_one() + 1}"
