"""May this person do that there?  Default no; each answer carries its reason.

A grant is (person, role, area); it covers the area and all below it, or the whole network where it names
none.  One recursive statement climbs the tree of areas, and the same grants filter lists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, literal, select

from openleo.base.errors import Refused
from openleo.control.roles import ACTIONS, roles_with
from openleo.control.schema import areas, grants, people


class Forbidden(Refused):
    """A person lacks the right."""

    code = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether someone may do something, and why."""

    allowed: bool
    reason: str
    grant_id: str | None = None


def _climb() -> Select[Any]:
    up = (
        select(areas.c.id, areas.c.parent_id, literal(0).label("depth"))
        .where(areas.c.id == bindparam("area_id"))
        .cte(recursive=True)
    )
    up = up.union_all(
        select(areas.c.id, areas.c.parent_id, (up.c.depth + 1).label("depth")).where(
            areas.c.id == up.c.parent_id
        )
    )
    return select(up.c.id).order_by(up.c.depth)


_CLIMB = _climb()  # built once: every act on an area asks it


def ancestors(conn: Connection, area_id: str | None) -> list[str]:
    """Return an area and those above it, nearest first; empty for None."""
    return [] if area_id is None else list(conn.execute(_CLIMB, {"area_id": area_id}).scalars())


def descendants(conn: Connection, area_ids: Iterable[str]) -> list[str]:
    """Return areas and all those below them."""
    down = select(areas.c.id).where(areas.c.id.in_(list(area_ids))).cte(recursive=True)
    down = down.union(select(areas.c.id).where(areas.c.parent_id == down.c.id))
    return sorted(row.id for row in conn.execute(select(down.c.id)))


def authorize(conn: Connection, person_id: str, action: str, area_id: str | None) -> Answer:
    """Say whether a person may do ``action`` on an area (None: on the whole network), and why."""
    assert action in ACTIONS, action
    active = conn.execute(select(people.c.active).where(people.c.id == person_id)).scalar()
    if not active:
        why = f"{person_id} is not active" if active is not None else f"there is no person {person_id}"
        return Answer(allowed=False, reason=why)
    held = conn.execute(
        select(grants.c.id, grants.c.role, grants.c.area_id)
        .where(grants.c.person_id == person_id, grants.c.active, grants.c.role.in_(roles_with(action)))
        .order_by(grants.c.id)
    ).all()
    above = ancestors(conn, area_id) if any(grant.area_id for grant in held) else []
    for grant in held:
        if grant.area_id is None or grant.area_id in above:
            where = "the whole network" if grant.area_id is None else f"area {grant.area_id}"
            via = "" if grant.area_id in (None, area_id) else f", which holds {area_id}"
            reason = f"{person_id} is {grant.role} of {where}{via} (grant {grant.id})"
            return Answer(allowed=True, reason=reason, grant_id=grant.id)
    there = "on the whole network" if area_id is None else f"in area {area_id}"
    elsewhere = ", ".join(f"{g.role} of {g.area_id}" for g in held)
    also = f"; there is {elsewhere}" if held else f"; it takes {' or '.join(roles_with(action))}"
    return Answer(allowed=False, reason=f"{person_id} holds no role with {action} {there}{also}")


def require(conn: Connection, person_id: str, action: str, area_id: str | None) -> Answer:
    """Return the answer where it is yes; raises Forbidden with the reason where it is no."""
    answer = authorize(conn, person_id, action, area_id)
    if not answer.allowed:
        raise Forbidden(answer.reason, f"ask someone listed by {whom_to_ask(action, area_id)}")
    return answer


def whom_to_ask(action: str, area_id: str | None) -> str:
    """Return the command that lists who may, for a hint."""
    return f"`openleo who-can {action}{'' if area_id is None else ' ' + area_id}`"


def scope(conn: Connection, person_id: str, action: str) -> list[str] | None:
    """Return the areas on which a person may do ``action``: None for the whole network."""
    held = conn.execute(
        select(grants.c.area_id)
        .join(people, people.c.id == grants.c.person_id)
        .where(
            grants.c.person_id == person_id, grants.c.active, people.c.active,
            grants.c.role.in_(roles_with(action)),
        )
    ).scalars().all()  # fmt: skip
    return None if None in held else descendants(conn, held)


def who_can(conn: Connection, action: str, area_id: str | None) -> list[tuple[str, str]]:
    """Return (person, reason) of everyone who may do ``action`` on an area."""
    roles_with(action)
    everyone = conn.execute(select(people.c.id).where(people.c.active).order_by(people.c.id)).scalars().all()
    answers = ((person, authorize(conn, person, action, area_id)) for person in everyone)
    return [(person, answer.reason) for person, answer in answers if answer.allowed]
