"""Doing a thing once, however often it is asked: idempotency keys, kept in the transaction of what they did.

The same key with the same request gets the answer of the first time; with another request it is refused.
What was refused left no trace, so it is tried anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from openleo.base.errors import Refused
from openleo.control.plane import Tx
from openleo.control.schema import idempotency

_FOUND = select(idempotency).where(
    idempotency.c.key == bindparam("used"), idempotency.c.person_id == bindparam("by")
)
_USE = insert(idempotency)


class KeyReused(Refused):
    """One key came with two different requests."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer of a request: a status for HTTP, a body, and whether it is one of an earlier time."""

    status: int
    body: str
    again: bool


def once(tx: Tx, key: str, digest: str, verb: Callable[[Tx], tuple[int, str]]) -> Done:
    """Run ``verb`` unless this actor's ``key`` was used before; ``digest`` is of the whole request.

    Raises KeyReused where the key was used for something else.
    """
    found = tx.conn.execute(_FOUND, {"used": key, "by": tx.actor.id}).one_or_none()
    if found is not None:
        if found.digest != digest:
            raise KeyReused(
                f"the idempotency key {key!r} was used for another request",
                "take a new key for each thing that is to be done",
            )
        return Done(status=found.status, body=found.body, again=True)
    status, body = verb(tx)
    row = {
        "key": key, "person_id": tx.actor.id, "digest": digest, "status": status, "body": body, "at": tx.now
    }  # fmt: skip
    tx.conn.execute(_USE, row)
    return Done(status=status, body=body, again=False)
