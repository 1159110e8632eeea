"""People: adding and deactivating them, their keys, their tokens, and logging in.

A person's key is what signs decisions, so whoever could replace it alone could be two people.  A key is
replaced by its holder, who signs with the old one, or by two people.  The same holds for a token or password
that someone makes for another who can decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.base.instants import instant_text
from openleo.control.areas import Exists, NotFound, check_name
from openleo.control.credential import new_token, token_hash
from openleo.control.facts import Fact
from openleo.control.keys import is_public_key, is_signed
from openleo.control.ledger import Decision
from openleo.control.owners import need_owners_left
from openleo.control.pairs import Pair, need_pair, text_to_sign
from openleo.control.passwords import is_password
from openleo.control.plane import SYSTEM, NotKnown, Plane, Tx
from openleo.control.roles import ROLES, needs_two
from openleo.control.schema import grants, people, tokens
from openleo.control.schema import passwords as password_rows

SESSION_LIFE = timedelta(hours=12)
SESSION = "session"
_TWO = tuple(role for role in ROLES if needs_two(role))


class NotActive(Refused):
    """The person was deactivated."""

    code = "not-active"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeToken:
    """A token, which is shown once, and the id by which it is revoked."""

    id: str
    person: str
    token: str
    expires_at: datetime | None


def find_person(conn: Connection, name: str) -> Row[Any]:
    """Return a person's row; raises NotFound with the nearest names."""
    row = conn.execute(select(people).where(people.c.id == name)).one_or_none()
    if row is None:
        known = conn.execute(select(people.c.id)).scalars().all()
        raise NotFound(f"there is no person {name!r}", did_you_mean(name, known))
    return row


def list_people(tx: Tx) -> Sequence[Row[Any]]:
    """Return everyone, by name."""
    tx.require("person.read")
    return tx.conn.execute(select(people).order_by(people.c.id)).all()


def add_person(
    tx: Tx, name: str, *, human: str | None = None, public_key: str | None = None, reason: str = ""
) -> Row[Any]:
    """Add a person, who may do nothing yet; ``human`` is who is behind the name, where it is not theirs."""
    tx.require("person.write")
    check_name("a person", name)
    check_name("a human", human or name)
    if name == SYSTEM.id or tx.conn.execute(select(people.c.id).where(people.c.id == name)).first():
        raise Exists(f"there is a person {name} already", f"see `openleo person show {name}`")
    if public_key is not None:
        _check_key(public_key)
    columns = {"human": human or name, "public_key": public_key, "active": True, "version": 1}
    _record(tx, "person.added", [Fact(noun="person", id=name, changes=columns, new=True)], reason=reason)
    return find_person(tx.conn, name)


def deactivate(tx: Tx, name: str, *, reason: str) -> Row[Any]:
    """End what a person may do, for good: their tokens, their password, their roles.  Their record stays."""
    tx.require("person.write")
    person = _active(tx.conn, name)
    if not reason.strip():
        raise BadInput("it is not said why", f"openleo person deactivate {name} --reason '...'")
    need_owners_left(tx.conn, without_person=name)
    found = [Fact(noun="person", id=name, changes={"active": False, "version": person.version + 1})]
    held = tx.conn.execute(select(grants).where(grants.c.person_id == name, grants.c.active))
    found += [Fact(noun="grant", id=g.id, changes={"active": False, "version": g.version + 1}) for g in held]
    live = (tokens.c.person_id == name) & tokens.c.revoked_at.is_(None)
    tx.conn.execute(update(tokens).where(live).values(revoked_at=tx.now))
    tx.conn.execute(password_rows.delete().where(password_rows.c.person_id == name))
    _record(tx, "person.deactivated", found, reason=reason)
    return find_person(tx.conn, name)


def key_text(tx: Tx, name: str, public_key: str) -> str:
    """Return what is signed to replace a key: by the old key after ``key``, or by two people."""
    person = find_person(tx.conn, name)
    lines = {"person": f"{name} at version {person.version}", "key": public_key}
    return text_to_sign(tx, "key", lines)


def set_key(
    tx: Tx, name: str, public_key: str, *, old_signature: str | None = None, pair: Pair | None = None
) -> int:
    """Register or replace a person's public key; return the log's entry."""
    person = _active(tx.conn, name)
    _check_key(public_key)
    text = key_text(tx, name, public_key)
    if name != tx.actor.id:
        tx.require("person.write")
    signatures: dict[str, str] = {}
    signed_by_old = (
        name == tx.actor.id
        and old_signature is not None
        and is_signed(person.public_key, f"key\n{text}".encode(), old_signature)
    )
    if signed_by_old:
        signatures = {f"key {name}": old_signature or ""}
    elif person.public_key is not None or decides(tx.conn, name):
        what = f"replacing the key of {name} without the old one"
        signatures = need_pair(tx, text, pair, what=what, rights=[("person.write", None)])
    changes = {"public_key": public_key, "version": person.version + 1}
    return _record(
        tx,
        "person.key-set",
        [Fact(noun="person", id=name, changes=changes)],
        text=text,
        signatures=signatures,
    )


def token_text(tx: Tx, name: str, *, what: str = "token") -> str:
    """Return what two people sign to make a token, or set a password, for someone who can decide."""
    n = tx.conn.execute(select(func.count()).select_from(tokens)).scalar_one()
    return text_to_sign(tx, what, {"person": name, "after": f"{n} tokens, at {_log_size(tx)} entries"})


def make_token(
    tx: Tx, name: str, *, label: str = "", expires_at: datetime | None = None, pair: Pair | None = None
) -> MadeToken:
    """Make a token for oneself or, with person.write, for another; it is shown once."""
    person = _active(tx.conn, name)
    if expires_at is not None and expires_at <= tx.now:
        raise BadInput(f"{instant_text(expires_at)} has passed", "name a later time, or none")
    text, signatures = _for_another(tx, person, "token", pair)
    made = _insert_token(tx, name, label, expires_at)
    expires = None if expires_at is None else instant_text(expires_at)
    more = {"person": name, "token": made.id, "label": label, "expires_at": expires}
    _record(tx, "person.token-made", [], text=text, signatures=signatures, more=more)
    return made


def list_tokens(tx: Tx, name: str) -> Sequence[Row[Any]]:
    """Return a person's tokens, newest first, without what opens them."""
    if name != tx.actor.id:
        tx.require("person.read")
    find_person(tx.conn, name)
    shown = [c for c in tokens.c if c.name != "hash"]
    query = select(*shown).where(tokens.c.person_id == name).order_by(tokens.c.made_at.desc(), tokens.c.id)
    return tx.conn.execute(query).all()


def revoke_token(tx: Tx, token_id: str, *, reason: str = "") -> None:
    """Revoke a token at once: one's own, or with person.write another's."""
    row = tx.conn.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    if row is None or row.person_id != tx.actor.id:
        tx.require("person.write")
    if row is None:
        raise NotFound(f"there is no token {token_id!r}", "see `openleo person token NAME --list`")
    if row.revoked_at is not None:
        raise NotActive(
            f"token {token_id} was revoked at {instant_text(row.revoked_at)}", "nothing is left to do"
        )
    tx.conn.execute(update(tokens).where(tokens.c.id == token_id).values(revoked_at=tx.now))
    _record(tx, "person.token-revoked", [], reason=reason, more={"person": row.person_id, "token": token_id})


def set_password(tx: Tx, name: str, hashed: str, *, pair: Pair | None = None) -> None:
    """Set the password whose hash `passwords.hash_password` gave; every session of the person ends."""
    person = _active(tx.conn, name)
    text, signatures = _for_another(tx, person, "password", pair)
    tx.conn.execute(password_rows.delete().where(password_rows.c.person_id == name))
    tx.conn.execute(insert(password_rows).values(person_id=name, hash=hashed, set_at=tx.now))
    sessions = (tokens.c.person_id == name) & (tokens.c.label == SESSION) & tokens.c.revoked_at.is_(None)
    tx.conn.execute(update(tokens).where(sessions).values(revoked_at=tx.now))
    _record(tx, "person.password-set", [], text=text, signatures=signatures, more={"person": name})


def login(plane: Plane, name: str, password: str) -> MadeToken:
    """Return a token for 12 hours; raises NotKnown, with one wording and after one time whatever is wrong."""
    hashed = plane.read(SYSTEM, lambda tx: _password_of(tx.conn, name))
    if not is_password(password, hashed):
        raise NotKnown(
            "nobody is known by this name and password", "check both; an owner can set a new password"
        )

    def open_session(tx: Tx) -> MadeToken:
        _active(tx.conn, name)
        return _insert_token(tx, name, SESSION, tx.now + SESSION_LIFE)

    return plane.act(SYSTEM, open_session)


def decides(conn: Connection, name: str) -> bool:
    """Tell whether a person holds, anywhere, a role that two people give."""
    held = select(grants.c.id).where(grants.c.person_id == name, grants.c.active, grants.c.role.in_(_TWO))
    return conn.execute(held.limit(1)).first() is not None


def _for_another(tx: Tx, person: Row[Any], what: str, pair: Pair | None) -> tuple[str, dict[str, str]]:
    """Return what was signed to act on a person's way in, nothing where it is one's own."""
    if person.id == tx.actor.id:
        return "", {}
    tx.require("person.write")
    if not decides(tx.conn, person.id):
        return "", {}
    text = token_text(tx, person.id, what=what)
    act = f"making a {what} for {person.id}, who can decide,"
    return text, need_pair(tx, text, pair, what=act, rights=[("person.write", None)])


def _insert_token(tx: Tx, name: str, label: str, expires_at: datetime | None) -> MadeToken:
    n = tx.conn.execute(select(func.count()).where(tokens.c.person_id == name)).scalar_one()
    made = MadeToken(id=f"t-{name}-{n + 1}", person=name, token=new_token(), expires_at=expires_at)
    tx.conn.execute(
        insert(tokens).values(
            id=made.id, person_id=name, hash=token_hash(made.token), label=label, made_at=tx.now,
            expires_at=expires_at,
        )
    )  # fmt: skip
    return made


def _password_of(conn: Connection, name: str) -> str | None:
    query = (
        select(password_rows.c.hash)
        .join(people, people.c.id == password_rows.c.person_id)
        .where(people.c.id == name, people.c.active)
    )
    found: str | None = conn.execute(query).scalar()
    return found


def _active(conn: Connection, name: str) -> Row[Any]:
    person = find_person(conn, name)
    if not person.active:
        raise NotActive(f"{name} was deactivated", "add the human under another name: `openleo person add`")
    return person


def _check_key(public_key: str) -> None:
    if not is_public_key(public_key):
        raise BadInput(f"{public_key[:60]!r} is no Ed25519 public key", "give 32 bytes in base64")


def _log_size(tx: Tx) -> int:
    from openleo.control.ledger import size_of

    return size_of(tx.conn)


def _record(
    tx: Tx,
    kind: str,
    found: Sequence[Fact],
    *,
    reason: str = "",
    text: str = "",
    signatures: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> int:
    also = sorted({k.partition(" ")[2] for k in signatures or {}} - {tx.actor.id})
    return tx.record(
        Decision(
            kind=kind, action=kind.partition(".")[2], reason=reason, facts=found, also_by=also, signed=text,
            signatures=signatures or {}, more=more or {},
        )
    )  # fmt: skip
