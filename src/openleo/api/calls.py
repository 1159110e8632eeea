"""A request as handlers see it: who calls, and how to read or change something, off the event loop.

Reads run on a few threads, as many as the store has connections.  Changes are queued for the one writer and
awaited; the answer goes out when what was decided is durable.
"""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from fastapi.requests import HTTPConnection
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Row

from openleo.api.idempotency import Asked, digest_of, do_once
from openleo.api.limits import Limits
from openleo.api.metrics import Metrics
from openleo.api.problems import Moved, WrongType
from openleo.control.once import Done
from openleo.control.plane import SYSTEM, Actor, NotKnown, Plane, Tx

T = TypeVar("T")
READERS = 6  # the store reads with eight connections; the slow ones and the metrics take the others
SLOW = 1
CSV_PATHS = frozenset({"/v1/terminals"})  # where a file of terminals may be brought


@dataclass(slots=True, kw_only=True)
class Services:
    """What the app holds: one for each `create_app`."""

    plane: Plane
    limits: Limits
    metrics: Metrics
    on_broken: Callable[[], None]
    readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="openleo-api-reader")
    )

    slow: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(SLOW, thread_name_prefix="openleo-api-slow")
    )

    async def slowly(self, work: Callable[[], T]) -> T:
        """Run something that takes long (a password's hash) where it keeps nobody else waiting."""
        return await asyncio.wrap_future(self.slow.submit(work))

    async def aside(self, work: Callable[[], T]) -> T:
        """Run something that blocks on a thread."""
        return await asyncio.wrap_future(self.readers.submit(work))

    async def read(self, actor: Actor, verb: Callable[[Tx], T]) -> T:
        """Run a verb that changes nothing."""
        return await self.aside(lambda: self.plane.read(actor, verb))

    async def act(self, actor: Actor, verb: Callable[[Tx], T]) -> T:
        """Run a verb in a transaction; it is durable on return.  Raises Busy, StoreBroken."""
        began = time.perf_counter()
        result = await asyncio.wrap_future(self.plane.submit(actor, verb))
        self.metrics.commits_s.observe(time.perf_counter() - began)
        return result


def services(request: Request) -> Services:
    """Return what the app holds."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


def address(request: Request) -> str:
    """Return where a request comes from."""
    return "unknown" if request.client is None else request.client.host


bearer = HTTPBearer(auto_error=False, description="a token, as `openleo person token` makes it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, and with which token."""

    actor: Actor
    token: str = field(repr=False)


async def known(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return who calls; raises NotKnown."""
    if given is None:
        raise NotKnown("this page is for people who are known", "send the header Authorization: Bearer TOKEN")
    at = services(request)
    return Caller(
        actor=await at.aside(lambda: at.plane.authenticate(given.credentials)), token=given.credentials
    )


Known = Annotated[Caller, Depends(known)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key", min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+$",
        description="a fresh random text for each change; the same one to retry it",
    ),
]  # fmt: skip
_ETAG = r'^(\*|"[0-9]{1,9}")$'
Match = Annotated[str, Header(alias="If-Match", pattern=_ETAG, description="the ETag of what was read, or *")]
MaybeMatch = Annotated[
    str | None, Header(alias="If-Match", pattern=_ETAG, description="the ETag of what was read, or *")
]


@dataclass(frozen=True, slots=True)
class Reading:
    """A call that changes nothing."""

    services: Services
    actor: Actor

    async def read(self, verb: Callable[[Tx], object]) -> Response:
        """Answer with what a verb reads."""
        return shown(await self.services.read(self.actor, lambda tx: written(verb(tx))), 200)


@dataclass(frozen=True, slots=True)
class Changing:
    """A call that changes something, once for its key."""

    services: Services
    actor: Actor
    asked: Asked
    if_match: str | None

    async def act(self, verb: Callable[[Tx], object], *, status: int = 200) -> Response:
        """Answer with what a verb did; durable when it is sent."""

        def work(tx: Tx) -> Done:
            return do_once(tx, self.asked, lambda tx: written(verb(tx)), status=status)

        return told(await self.services.act(self.actor, work))

    def need_match(self, what: str, row: Row[Any] | Any) -> int:
        """Return the version of what is to be changed; raises Moved where If-Match names another."""
        if self.if_match in (None, "*", f'"{row.version}"'):
            return int(row.version)
        raise Moved(
            f"{what} {row.id} is at version {row.version}, and If-Match names {self.if_match}",
            "read it again, then change it",
            version=row.version,
        )


async def reading(request: Request, caller: Known) -> Reading:
    """Admit a call that reads; raises TooMany."""
    at = services(request)
    at.limits.take("read", caller.actor.id)
    return Reading(at, caller.actor)


async def changing(request: Request, caller: Known, key: Key, if_match: MaybeMatch = None) -> Changing:
    """Admit a call that changes something; raises TooMany."""
    return await _changing(request, caller, key, if_match)


async def matching(request: Request, caller: Known, key: Key, if_match: Match) -> Changing:
    """Admit a call that changes what its caller has read."""
    return await _changing(request, caller, key, if_match)


async def _changing(request: Request, caller: Caller, key: str, if_match: str | None) -> Changing:
    at = services(request)
    at.limits.take("change", caller.actor.id)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    digest = digest_of(request.method, target, await request.body())
    return Changing(at, caller.actor, Asked(key=key, digest=digest, token=caller.token), if_match)


async def public(request: Request) -> Services:
    """Admit anyone, so many times a second."""
    at = services(request)
    at.limits.take("public", address(request))
    return at


Reads = Annotated[Reading, Depends(reading)]
Changes = Annotated[Changing, Depends(changing)]
Matches = Annotated[Changing, Depends(matching)]
Public = Annotated[Services, Depends(public)]
NOBODY = SYSTEM  # reads what anyone may: no verb that it runs asks who


_adapters: dict[type, TypeAdapter[Any]] = {}


def written(value: object) -> str:
    """Return a model or dataclass as JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    kind = type(value)
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind].dump_json(value).decode()


async def json_only(request: HTTPConnection) -> None:
    """Raise WrongType for a body that is no JSON, but where files are brought."""
    if not isinstance(request, Request) or not await request.body() or request.url.path in CSV_PATHS:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongType(
            f"the body is of type {kind or 'unknown'}, and this page reads application/json",
            "send JSON, with the header Content-Type: application/json",
        )


def told(done: Done) -> Response:
    """Return the answer to a change, and say where it is the one of an earlier time."""
    answer = shown(done.body, done.status)
    if done.again:
        answer.headers["Idempotent-Replay"] = "true"
    return answer


def shown(body: str, status: int) -> Response:
    """Return a JSON answer, with the version of what it shows as its ETag."""
    answer = Response(body, status_code=status, media_type="application/json")
    found = json.loads(body)
    version = found.get("version") if isinstance(found, dict) else None
    if isinstance(version, int):
        answer.headers["ETag"] = f'"{version}"'
    return answer
