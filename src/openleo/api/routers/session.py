"""Logging in, and who one is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr

from openleo.api.calls import Reads, address, services
from openleo.api.routers.people import GrantOut, grant_out
from openleo.api.routes import Gate, On, gate
from openleo.api.shapes import Name, Sent
from openleo.control.grants import grants_of
from openleo.control.network import NetworkKind
from openleo.control.people import login as log_in
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1", tags=["session"])


class Login(Sent):
    """A name and a password."""

    name: Name
    password: Annotated[SecretStr, Field(min_length=1, max_length=1_024)]


class Session(BaseModel):
    """A token for some hours."""

    id: str
    person: str
    token: str
    expires_at: datetime | None


class Me(BaseModel):
    """Who one is, in which network, and what one may do."""

    id: str
    human: str
    network: str
    kind: NetworkKind
    origin: str
    grants: list[GrantOut]


@router.post("/login", status_code=201, response_model=Session, **gate(Gate.ANYONE, On.NOTHING))
async def login(request: Request, body: Login) -> Session:
    """Get a token for 12 hours by name and password; it takes no Idempotency-Key."""
    at = services(request)
    at.limits.take("login-all", "everyone")
    at.limits.take("login-address", address(request))
    at.limits.take("login", body.name)
    made = await at.slowly(lambda: log_in(at.plane, body.name, body.password.get_secret_value()))
    return Session(id=made.id, person=made.person, token=made.token, expires_at=made.expires_at)


@router.get("/me", response_model=Me, **gate(Gate.KNOWN, On.SELF))
async def me(call: Reads) -> Response:
    """Say who you are and what you may do."""

    def found(tx: Tx) -> Me:
        return Me(
            id=tx.actor.id, human=tx.actor.human, network=tx.network.name, kind=tx.network.kind,
            origin=tx.network.origin, grants=[grant_out(row) for row in grants_of(tx, tx.actor.id)],
        )  # fmt: skip

    return await call.read(found)
