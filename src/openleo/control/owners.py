"""A network keeps two owners who are different humans: with fewer, nothing could ever be switched again."""

from sqlalchemy import Connection, func, select

from openleo.base.errors import Refused
from openleo.control.schema import grants, people

LEAST_OWNERS = 2


class LastOwners(Refused):
    """Too few humans would stay owners."""

    code = "last-owners"


def need_owners_left(
    conn: Connection, *, without_person: str | None = None, without_grant: str | None = None
) -> None:
    """Raise LastOwners where, without a person or a grant, fewer than two humans own the whole network."""
    mine = (grants.c.role == "owner") & grants.c.area_id.is_(None) & grants.c.active & people.c.active
    query = select(func.count(people.c.human.distinct())).join_from(
        grants, people, people.c.id == grants.c.person_id
    )
    before = conn.execute(query.where(mine)).scalar_one()
    after = conn.execute(
        query.where(mine, grants.c.person_id != (without_person or ""), grants.c.id != (without_grant or ""))
    ).scalar_one()
    if after < LEAST_OWNERS and after < before:
        raise LastOwners(
            f"{before} humans own this network, and {after} would be left of the {LEAST_OWNERS} it needs",
            "make another an owner first: `openleo person grant NAME owner`",
        )
