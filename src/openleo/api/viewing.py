"""Who may look at the network: anybody where there is no control plane, else those with network.read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials

from openleo.api.calls import Services, address, bearer, known
from openleo.api.limits import Limits
from openleo.api.watching import Watching
from openleo.control.authorize import Forbidden, scope
from openleo.control.plane import Actor, Tx


@dataclass(frozen=True, slots=True)
class Viewing:
    """A call that looks at the network; ``services`` and ``actor`` where there is a control plane."""

    watching: Watching
    services: Services | None = None
    actor: Actor | None = None

    async def show(self, work: Callable[[], Any], *, headers: dict[str, str] | None = None) -> Response:
        """Answer with what ``work``, on a thread, returns."""

        def made() -> bytes:
            return json_of(work())

        content = await self.watching.aside(made)
        return Response(content, media_type="application/json", headers=headers)

    async def explain(self, work: Callable[[], Any]) -> Response:
        """Answer with what ``work``, which may take seconds, returns."""

        def made() -> bytes:
            return json_of(work())

        return Response(await self.watching.slowly(made), media_type="application/json")


def json_of(value: Any) -> bytes:
    """Return JSON; a number that is none is null."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    ).encode()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def need_network(tx: Tx) -> None:
    """Raise Forbidden where the actor may not see the network: of a simulated one, some part is enough."""
    if tx.network.kind == "simulated" and scope(tx.conn, tx.actor.id, "network.read"):
        return
    tx.require("network.read")


class OtherHost(Forbidden):
    """The server is called by a name that is not its own."""


def need_host(watching: Watching, connection: HTTPConnection) -> None:
    """Raise OtherHost where the network is called by another name than its own."""
    if watching.hosts is not None and connection.url.hostname not in watching.hosts:
        raise OtherHost(
            f"this network is not called {str(connection.url.hostname)[:100]}",
            f"call it {' or '.join(sorted(watching.hosts))}",
        )


async def viewing(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Viewing:
    """Admit a call that looks at the network."""
    watching: Watching = request.app.state.watching
    services: Services | None = getattr(request.app.state, "services", None)
    if services is None:
        need_host(watching, request)
        limits: Limits = request.app.state.limits
        limits.take("public", address(request))
        return Viewing(watching)
    caller = await known(request, given)
    services.limits.take("read", caller.actor.id)
    await services.read(caller.actor, need_network)
    return Viewing(watching, services, caller.actor)


Views = Annotated[Viewing, Depends(viewing)]
