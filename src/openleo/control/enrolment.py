"""How a terminal gets its key: a one-time claim code, a key made on the device, an operator who accepts it.

The secret key never leaves the device.  A code is good once and for a day; its second half is kept as an
argon2 hash.  Whatever is wrong with a code, the answer is in the same words; whoever calls `enrol` for
strangers limits how often they may try.
"""

import secrets
from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Row, insert, select, update

from openleo.base.errors import BadInput, Refused
from openleo.control.areas import NotFound
from openleo.control.facts import Fact
from openleo.control.inventory import Selection, choose, chunks, find_terminal, list_terminals
from openleo.control.keys import is_signed
from openleo.control.ledger import Decision
from openleo.control.life import CUT_OFF, State
from openleo.control.plane import Tx
from openleo.control.schema import claim_codes, terminals

CODE_LIFE = timedelta(hours=24)
MOST_CODES = 5_000  # at a time
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's 32: no i, l, o, u
_FIRST, _SECOND = 8, 16  # letters of 5 bits: 40 to find it, 80 that nobody can guess

# 80 random bits need no slow hash against guessing; this one makes a stolen store useless all the same.
_HASHER = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


class WrongCode(Refused):
    """A claim code that is wrong, used, replaced or too old: it is not said which."""

    code = "wrong-code"


class NotCutOff(Refused):
    """A terminal that was revoked or captured gets no code and no key."""

    code = "cut-off"


class KeyInUse(Refused):
    """Another terminal has this key."""

    code = "key-in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCode:
    """A code, which is printed once and kept nowhere, and until when it is good."""

    terminal: str
    code: str
    expires_at: datetime


def make_claim_codes(tx: Tx, which: Selection) -> list[ClaimCode]:
    """Return a new code for each terminal; older ones are good no more."""
    rows = choose(tx, which, "terminal.onboard")
    if len(rows) > MOST_CODES:
        raise BadInput(f"{len(rows):,} codes are more than {MOST_CODES:,}", "make them batch by batch")
    _need_living(rows)
    ids = [row.id for row in rows]
    for part in chunks(ids):
        tx.conn.execute(
            update(claim_codes)
            .where(claim_codes.c.terminal_id.in_(part), claim_codes.c.expires_at > tx.now)
            .values(expires_at=tx.now)
        )
    made = [_new_code(tx, row.id) for row in rows]
    tx.conn.execute(insert(claim_codes), [row for _, row in made])
    areas = {row.area_id for row in rows}
    tx.record(
        Decision(
            kind="terminal.codes-made", action="claim-codes", reason="", facts=(), terminals=ids,
            area=areas.pop() if len(areas) == 1 else None, counts={"terminals": len(ids)},
        )
    )  # fmt: skip
    return [code for code, _ in made]


def _new_code(tx: Tx, terminal: str) -> tuple[ClaimCode, dict[str, Any]]:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_FIRST + _SECOND))
    until = tx.now + CODE_LIFE
    row = {
        "id": letters[:_FIRST], "terminal_id": terminal, "hash": _HASHER.hash(letters[_FIRST:]),
        "made_by": tx.actor.id, "expires_at": until,
    }  # fmt: skip
    shown = "-".join(letters[n : n + 4] for n in range(0, len(letters), 4))
    return ClaimCode(terminal=terminal, code=shown, expires_at=until), row


def read_code(code: str) -> str:
    """Return the letters of a code as people type it: any case, spaces, and look-alikes."""
    plain = "".join(c for c in code.lower() if not (c.isspace() or c == "-"))
    return plain.translate(str.maketrans("oil", "011"))


def to_prove(code: str, public_key: str) -> bytes:
    """Return the bytes that a device signs with its new key when it enrols."""
    return f"openleo/enrol/v1\n{read_code(code)}\n{public_key}\n".encode()


def enrol(tx: Tx, code: str, *, public_key: str, proof: str) -> str:
    """Offer a key under a claim code, with a signature that proves it; return the terminal's name.

    Raises WrongCode.  The key counts once an operator has accepted it.
    """
    letters = read_code(code)
    query = (
        select(claim_codes, terminals.c.state)
        .join(terminals, terminals.c.id == claim_codes.c.terminal_id)
        .where(claim_codes.c.id == letters[:_FIRST])
    )
    row = tx.conn.execute(query).one_or_none()
    fits = _fits(_NOBODY if row is None else row.hash, letters[_FIRST:])
    good = (
        fits
        and row is not None
        and row.used_at is None
        and tx.now < row.expires_at
        and State(row.state) not in CUT_OFF
    )
    if not good or row is None:
        raise WrongCode(
            "this claim code is not good (any more)",
            "check it, or have a new one made: `openleo terminal claim-codes`",
        )
    _check_key(public_key)
    if not is_signed(public_key, to_prove(code, public_key), proof):
        raise BadInput(
            "the proof is not this key's signature over the code and the key",
            "sign the bytes that `openleo.control.enrolment.to_prove` gives",
        )
    tx.conn.execute(
        update(claim_codes).where(claim_codes.c.id == row.id).values(used_at=tx.now, offered_key=public_key)
    )
    return str(row.terminal_id)


_NOBODY = _HASHER.hash(secrets.token_hex())  # a code that is not there takes as long as one that is wrong


def _fits(hash_: str, letters: str) -> bool:
    try:
        return _HASHER.verify(hash_, letters)
    except (VerificationError, InvalidHashError):
        return False


def _check_key(public_key: str) -> None:
    try:
        found = b64decode(public_key, validate=True)
    except (ValueError, Error):
        found = b""
    if len(found) != 32:
        raise BadInput("this is no public key", "an Ed25519 public key is 32 bytes, in base64")


def offered_keys(tx: Tx, which: Selection | None = None) -> list[Row[Any]]:
    """Return (terminal, key, when) of the keys that wait to be accepted, which the actor may see."""
    may = {row.id for row in list_terminals(tx, which or Selection(), limit=100_000)}
    query = (
        select(claim_codes.c.terminal_id, claim_codes.c.offered_key, claim_codes.c.used_at)
        .where(claim_codes.c.offered_key.is_not(None))
        .order_by(claim_codes.c.used_at)
    )
    found: list[Row[Any]] = list(tx.conn.execute(query))
    return [row for row in found if row.terminal_id in may]


def accept_key(tx: Tx, terminal: str, *, key: str | None = None) -> int:
    """Take the key that a device offered as the terminal's; ``key`` is what the operator saw on the device.

    Returns the log's entry.  Raises NotFound where none was offered, KeyInUse, NotCutOff, and BadInput where
    it is another than ``key``.
    """
    row = find_terminal(tx, terminal, "terminal.onboard")
    _need_living([row])
    offered = tx.conn.execute(
        select(claim_codes.c.offered_key)
        .where(claim_codes.c.terminal_id == terminal, claim_codes.c.offered_key.is_not(None))
        .order_by(claim_codes.c.used_at.desc())
        .limit(1)
    ).scalar()
    if offered is None:
        raise NotFound(
            f"no key of {terminal} waits to be accepted",
            f"make a code with `openleo terminal claim-codes {terminal}`, and have the device enrol with it",
        )
    if key is not None and key != offered:
        raise BadInput(
            f"{terminal} offered the key {offered}, not {key}",
            "do not accept it: someone else may have used the code",
        )
    other = tx.conn.execute(select(terminals.c.id).where(terminals.c.public_key == offered)).scalar()
    if other is not None and other != terminal:
        raise KeyInUse(f"the key that {terminal} offers is {other}'s", "make a new key on the device")
    tx.conn.execute(update(claim_codes).where(claim_codes.c.terminal_id == terminal).values(offered_key=None))
    changes = {"public_key": offered, "version": row.version + 1}
    return tx.record(
        Decision(
            kind="terminal.key-accepted", action="accept-key", area=row.area_id, account=row.account_id,
            reason="", terminals=[terminal], facts=[Fact(noun="terminal", id=terminal, changes=changes)],
        )
    )  # fmt: skip


def _need_living(rows: Sequence[Row[Any]]) -> None:
    cut = [row for row in rows if State(row.state) in CUT_OFF]
    if cut:
        raise NotCutOff(f"{cut[0].id} is {cut[0].state}", "`openleo terminal restore` comes first")
