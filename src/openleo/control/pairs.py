"""Acts that two people do at once: both sign the same bytes, and the second is another human than the first.

Switching an area has its own two steps, which may lie a day apart (`control.switching`).  Here both are at
the table: the second authenticates with a credential of their own in the same call.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from openleo.control.areas import NeedsTwo
from openleo.control.authorize import require, whom_to_ask
from openleo.control.credential import Credential
from openleo.control.keys import need_signature
from openleo.control.plane import Actor, Tx
from openleo.control.request import SelfApproval
from openleo.control.schema import people

FIRST, SECOND = "propose", "approve"
Rights = Sequence[tuple[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The second person of an act, and what each of the two signed."""

    second: Actor
    first_signature: str
    second_signature: str


def sign_together(text: str, first: Credential, second: Credential, actor: Actor) -> Pair:
    """Return what two credentials make of a text; ``actor`` is whom the second one authenticates."""
    return Pair(
        second=actor, first_signature=first.sign(FIRST, text), second_signature=second.sign(SECOND, text)
    )


def text_to_sign(tx: Tx, kind: str, lines: Mapping[str, object], *, reason: str = "") -> str:
    """Return the bytes that both sign: what is to be done, in which network, and the hash of the reason."""
    out = [f"openleo/{kind}/v1", f"network: {tx.network.origin}"]
    out += [f"{name}: {value}" for name, value in lines.items()]
    out.append(f"reason: {hashlib.sha256(reason.encode()).hexdigest()}")
    return "\n".join(out) + "\n"


def need_pair(tx: Tx, text: str, pair: Pair | None, *, what: str, rights: Rights) -> dict[str, str]:
    """Return both signatures of an act that takes two people.

    ``rights`` are the (action, area) that the second must hold; the first's were checked by the caller.
    Raises NeedsTwo, SelfApproval, Forbidden or BadSignature.
    """
    if pair is None:
        action, area = rights[0]
        raise NeedsTwo(
            f"{what} takes two people",
            f"bring a second one's credential with --second: {whom_to_ask(action, area)}",
        )
    second = pair.second
    row = tx.conn.execute(select(people).where(people.c.id == second.id)).one_or_none()
    human = second.human if row is None else row.human
    if human == tx.actor.human:
        same = "" if second.id == tx.actor.id else f" ({second.id} is the same human as {tx.actor.id})"
        raise SelfApproval(
            f"{what} takes two people, and {tx.actor.id} cannot be both{same}",
            "bring the credential of another human with --second",
        )
    for action, area in rights:
        require(tx.conn, second.id, action, area)
    return {
        f"{FIRST} {tx.actor.id}": _signed(tx, tx.actor.id, FIRST, text, pair.first_signature),
        f"{SECOND} {second.id}": _signed(tx, second.id, SECOND, text, pair.second_signature),
    }


def _signed(tx: Tx, person: str, verb: str, text: str, signature: str) -> str:
    key = tx.conn.execute(select(people.c.public_key).where(people.c.id == person)).scalar()
    need_signature(person, key, f"{verb}\n{text}".encode(), signature)
    return signature
