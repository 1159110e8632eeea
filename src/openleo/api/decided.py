"""Rows of decided tables as routes read and match them."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Row, select

from openleo.api.calls import Changing
from openleo.api.problems import IfMatchMissing
from openleo.control.decided import find
from openleo.control.plane import Tx
from openleo.control.schema import DECIDED

Include = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Query(max_length=100, description="life-critical terminals that are to be cut too"),
]
Why = Annotated[str, Query(max_length=4_000)]


def matched_row(call: Changing, tx: Tx, noun: str, name: str, *, or_new: bool = False) -> int | None:
    """Return the version that is to be changed, None where it is to be made."""
    if or_new and not _is_there(tx, noun, name):
        return None
    row = find(tx.conn, noun, name)
    if call.if_match is None:
        raise IfMatchMissing(
            f"{noun} {name} is there already, and the header If-Match is missing",
            "read it first, and send the ETag of what you read",
        )
    return call.need_match(noun, row)


def _is_there(tx: Tx, noun: str, name: str) -> bool:
    table = DECIDED[noun]
    return tx.conn.execute(select(table.c.id).where(table.c.id == name)).first() is not None


def read_row(tx: Tx, noun: str, name: str) -> Row[Any]:
    """Return a row of a noun that those see who see accounts."""
    tx.require("account.read")
    return find(tx.conn, noun, name)
