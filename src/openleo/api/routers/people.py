"""People, their keys, tokens and passwords, the roles they hold, and who may do what."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import Row

from openleo.api.calls import Changes, Reads
from openleo.api.pages import Page, Paged
from openleo.api.pairs import PairIn, pair_of
from openleo.api.routes import Gate, On, changes, gate, reads
from openleo.api.shapes import (
    Instant,
    Name,
    Note,
    PersonId,
    PlainId,
    PublicKey,
    Reason,
    Sent,
    Signature,
    one_of,
)
from openleo.base.digits import whole
from openleo.control import authorize, grants, people
from openleo.control.passwords import hash_password
from openleo.control.plane import Tx
from openleo.control.roles import ACTIONS, ROLES

router = APIRouter(prefix="/v1", tags=["people"])
Action = Annotated[str, one_of(ACTIONS)]
Role = Annotated[str, one_of(ROLES)]


class PersonIn(Sent):
    """A new person; ``human`` is who is behind the name, where it is not theirs."""

    id: Name
    human: Name | None = None
    public_key: PublicKey | None = None
    reason: Note = ""


class PersonOut(BaseModel):
    """A person."""

    id: str
    version: int
    human: str
    public_key: str | None
    active: bool


class Why(Sent):
    """Why."""

    reason: Reason


class MaybeWhy(Sent):
    """Why, where there is something to say."""

    reason: Note = ""


class KeyIn(Sent):
    """A public key: signed by the old one after `key\\n`, or by two people."""

    public_key: PublicKey
    old_signature: Signature | None = None
    pair: PairIn | None = None


class Recorded(BaseModel):
    """Where the log has it."""

    index: int


class TokenIn(Sent):
    """A new token; two people make one for somebody who can decide."""

    label: Annotated[str, Field(max_length=200)] = ""
    expires_at: Instant | None = None
    pair: PairIn | None = None


class NewToken(BaseModel):
    """A token, which is shown this once."""

    id: str
    person: str
    token: str
    expires_at: datetime | None


class TokenOut(BaseModel):
    """A token, without what opens it."""

    id: str
    person_id: str
    label: str
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class PasswordIn(Sent):
    """A new password."""

    password: Annotated[SecretStr, Field(min_length=12, max_length=1_024)]
    pair: PairIn | None = None


class Nothing(BaseModel):
    """It is done."""

    done: bool = True


class ToSign(BaseModel):
    """What two people sign; null where one alone may do it."""

    to_sign: str | None


class GrantIn(Sent):
    """A role for a person, over an area and all below it, or over the whole network."""

    person: Name
    role: Role
    area: Name | None = None
    reason: Note = ""
    pair: PairIn | None = None


class GrantOut(BaseModel):
    """A role that a person holds."""

    id: str
    version: int
    person: str
    role: str
    area: str | None
    granted_by: str | None
    approved_by: str | None
    active: bool


class Able(BaseModel):
    """Somebody who may, and why."""

    person: str
    reason: str


class AnswerOut(BaseModel):
    """Whether somebody may, and why."""

    allowed: bool
    reason: str
    grant_id: str | None


def person_out(row: Row[Any]) -> PersonOut:
    """Return a person as shown."""
    return PersonOut(
        id=row.id, version=row.version, human=row.human, public_key=row.public_key, active=row.active
    )


def grant_out(row: Row[Any]) -> GrantOut:
    """Return a grant as shown."""
    return GrantOut(
        id=row.id, version=row.version, person=row.person_id, role=row.role, area=row.area_id,
        granted_by=row.granted_by, approved_by=row.approved_by, active=row.active,
    )  # fmt: skip


def _oneself_or(tx: Tx, person: str, action: str) -> None:
    """Let people read and change what is theirs; others by right, before it is told who is there."""
    if person != tx.actor.id:
        tx.require(action)


@router.get("/people", response_model=Page[PersonOut], **reads("person.read", On.NETWORK))
async def list_(call: Reads, window: Paged) -> Response:
    """List people."""
    return await call.read(lambda tx: window.page(people.list_people(tx), person_out, key=lambda row: row.id))


@router.post("/people", status_code=201, response_model=PersonOut, **changes("person.write", On.NETWORK))
async def add(call: Changes, body: PersonIn) -> Response:
    """Add a person, who may do nothing yet."""
    return await call.act(
        lambda tx: person_out(
            people.add_person(
                tx, body.id, human=body.human, public_key=body.public_key, reason=body.reason
            )
        ),
        status=201,
    )  # fmt: skip


@router.get("/people/{person}", response_model=PersonOut, **reads("person.read", On.NETWORK))
async def show(call: Reads, person: PersonId) -> Response:
    """Show a person; oneself always."""

    def found(tx: Tx) -> PersonOut:
        _oneself_or(tx, person, "person.read")
        return person_out(people.find_person(tx.conn, person))

    return await call.read(found)


@router.post("/people/{person}/deactivation", response_model=PersonOut, **changes("person.write", On.NETWORK))
async def deactivate(call: Changes, person: PersonId, body: Why) -> Response:
    """End what a person may do, for good."""

    def done(tx: Tx) -> PersonOut:
        tx.require("person.write")
        call.need_match("person", people.find_person(tx.conn, person))
        return person_out(people.deactivate(tx, person, reason=body.reason))

    return await call.act(done)


@router.get("/people/{person}/key/to-sign", response_model=ToSign, **reads("person.write", On.NETWORK))
async def key_text(
    call: Reads, person: PersonId, public_key: Annotated[str, Query(min_length=44, max_length=44)]
) -> Response:
    """Return what is signed to replace a key; for oneself always."""

    def found(tx: Tx) -> ToSign:
        _oneself_or(tx, person, "person.write")
        return ToSign(to_sign=people.key_text(tx, person, public_key))

    return await call.read(found)


@router.put("/people/{person}/key", response_model=Recorded, **changes("person.write", On.NETWORK))
async def set_key(call: Changes, person: PersonId, body: KeyIn) -> Response:
    """Register or replace a public key; one's own always."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> Recorded:
        _oneself_or(tx, person, "person.write")
        index = people.set_key(tx, person, body.public_key, old_signature=body.old_signature, pair=pair)
        return Recorded(index=index)

    return await call.act(done)


@router.get("/people/{person}/tokens", response_model=Page[TokenOut], **reads("person.read", On.NETWORK))
async def tokens(call: Reads, person: PersonId, window: Paged) -> Response:
    """List a person's tokens; one's own always."""

    def found(tx: Tx) -> Page[TokenOut]:
        rows = sorted(people.list_tokens(tx, person), key=lambda row: _numbered(row.id))
        return window.page(
            rows, lambda row: TokenOut.model_validate(dict(row._mapping)), key=lambda row: _numbered(row.id)
        )

    return await call.read(found)


@router.get("/people/{person}/tokens/to-sign", response_model=ToSign, **reads("person.write", On.NETWORK))
async def token_text(call: Reads, person: PersonId, what: Literal["token", "password"] = "token") -> Response:
    """Return what two people sign to make a token or set a password for somebody who can decide."""

    def found(tx: Tx) -> ToSign:
        tx.require("person.write")
        people.find_person(tx.conn, person)
        needed = person != tx.actor.id and people.decides(tx.conn, person)
        return ToSign(to_sign=people.token_text(tx, person, what=what) if needed else None)

    return await call.read(found)


@router.post(
    "/people/{person}/tokens", status_code=201, response_model=NewToken,
    **changes("person.write", On.NETWORK),
)  # fmt: skip
async def make_token(call: Changes, person: PersonId, body: TokenIn) -> Response:
    """Make a token, shown this once; one's own always."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> NewToken:
        _oneself_or(tx, person, "person.write")
        made = people.make_token(tx, person, label=body.label, expires_at=body.expires_at, pair=pair)
        return NewToken(id=made.id, person=made.person, token=made.token, expires_at=made.expires_at)

    return await call.act(done, status=201)


@router.post("/tokens/{token}/revocation", response_model=Nothing, **changes("person.write", On.NETWORK))
async def revoke_token(call: Changes, token: PlainId, body: MaybeWhy) -> Response:
    """Revoke a token at once; one's own always."""

    def done(tx: Tx) -> Nothing:
        people.revoke_token(tx, token, reason=body.reason)
        return Nothing()

    return await call.act(done)


@router.put("/people/{person}/password", response_model=Nothing, **changes("person.write", On.NETWORK))
async def set_password(call: Changes, person: PersonId, body: PasswordIn) -> Response:
    """Set a password; every session of the person ends.  One's own always."""
    pair = await pair_of(call.services, body.pair)
    hashed = await call.services.slowly(lambda: hash_password(body.password.get_secret_value()))

    def done(tx: Tx) -> Nothing:
        _oneself_or(tx, person, "person.write")
        people.set_password(tx, person, hashed, pair=pair)
        return Nothing()

    return await call.act(done)


@router.get("/people/{person}/grants", response_model=Page[GrantOut], **reads("person.read", On.NETWORK))
async def grants_of(call: Reads, person: PersonId, window: Paged) -> Response:
    """List the roles that a person holds; one's own always."""

    def found(tx: Tx) -> Page[GrantOut]:
        rows = sorted(grants.grants_of(tx, person), key=lambda row: _numbered(row.id))
        return window.page(rows, grant_out, key=lambda row: _numbered(row.id))

    return await call.read(found)


@router.get("/grants/to-sign", response_model=ToSign, **reads("grant.write", On.AREA))
async def grant_text(
    call: Reads,
    person: Annotated[str, Query(max_length=64)],
    role: Role,
    area: Annotated[str | None, Query(max_length=64)] = None,
    reason: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """Return what both people sign to give a role."""

    def found(tx: Tx) -> ToSign:
        tx.require("grant.write", area)
        return ToSign(to_sign=grants.grant_text(tx, person, role, area, reason=reason))

    return await call.read(found)


@router.post("/grants", status_code=201, response_model=GrantOut, **changes("grant.write", On.AREA))
async def give(call: Changes, body: GrantIn) -> Response:
    """Give a person a role; one that decides is given by two people."""
    pair = await pair_of(call.services, body.pair)

    def done(tx: Tx) -> GrantOut:
        tx.require("grant.write", body.area)
        return grant_out(grants.grant(tx, body.person, body.role, body.area, reason=body.reason, pair=pair))

    return await call.act(done, status=201)


@router.post("/grants/{grant}/revocation", response_model=GrantOut, **changes("grant.write", On.GRANT))
async def take(call: Changes, grant: PlainId, body: MaybeWhy) -> Response:
    """Take a role back."""

    def done(tx: Tx) -> GrantOut:
        held = grants.find_grant(tx, grant)
        tx.require("grant.write", held.area_id)
        call.need_match("grant", held)
        return grant_out(grants.revoke(tx, grant, reason=body.reason))

    return await call.act(done)


@router.get("/who-can", response_model=Page[Able], **reads("person.read", On.AREA, other="request.read"))
async def who_can(
    call: Reads, window: Paged, action: Action, area: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """List who may do something in an area, and why; for readers of people or requests there."""

    def found(tx: Tx) -> Page[Able]:
        if not authorize.authorize(tx.conn, tx.actor.id, "request.read", area).allowed:
            tx.require("person.read", area)
        able = [Able(person=name, reason=why) for name, why in grants.who_can(tx, action, area)]
        return window.page(able, lambda one: one, key=lambda one: one.person)

    return await call.read(found)


@router.get("/may", response_model=AnswerOut, **gate(Gate.KNOWN, On.SELF))
async def may(
    call: Reads,
    action: Action,
    area: Annotated[str | None, Query(max_length=64)] = None,
    person: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Say whether you may do something, and why; of others with person.read."""

    def found(tx: Tx) -> AnswerOut:
        answer = grants.may(tx, person or tx.actor.id, action, area)
        return AnswerOut(allowed=answer.allowed, reason=answer.reason, grant_id=answer.grant_id)

    return await call.read(found)


def _numbered(name: str) -> str:
    """Return a name such as t-amina-12 or g-3 so that its text sorts as its number does."""
    stem, _, number = name.rpartition("-")
    found = whole(number)
    return name if found is None else f"{stem}-{found:09d}"
