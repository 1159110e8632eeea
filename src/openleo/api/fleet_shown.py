"""The real fleet that the API shows: its folder, who may look at it, and its table, made now and then."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials

from openleo.api.calls import Services, address, bearer, known
from openleo.api.limits import Limits
from openleo.api.viewing import OtherHost, json_of
from openleo.api.watching import NotReady
from openleo.control.authorize import Forbidden, authorize
from openleo.control.plane import Actor, Tx
from openleo.fleet.looking import looking
from openleo.fleet.store import TelemetryStore
from openleo.fleet.table.rows import Table, table_of
from openleo.fleet.table.usage import Use, use_of
from openleo.fleet.table.veiled import veiled

T = TypeVar("T")
READS: Final = "terminal.read"
ACTS: Final = "fleet.act"
_FRESH_S: Final = 5.0  # so long a table is good, and of a large fleet longer:
_REST: Final = 4.0  # it takes at most a fifth of a processor
_USE_FRESH_S: Final = 300.0
_USE_REST: Final = 20.0
_MOST_USES: Final = 8
NOBODY_ACTS: Final = (
    "nobody logs in here, so nobody can tell dishes anything by the page",
    "use `openleo fleet do` on this machine, or make people log in: `openleo control init`",
)


@dataclass(slots=True, kw_only=True)
class FleetShown:
    """A fleet's folder that is shown; ``control`` is the control plane beside it, where there is one.

    ``hosts`` are the names by which it may be called, where anybody may look.
    """

    folder: Path
    control: Path | None = None
    hosts: frozenset[str] | None = None
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(3, "openleo-fleet"))
    clock_s: Callable[[], float] = time.monotonic
    slow: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "openleo-fleet-use"))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _use_lock: threading.Lock = field(default_factory=threading.Lock)
    _table: tuple[float, Table] | None = None  # until when it is good
    _veiled: tuple[Table, Table] | None = None  # a table, and it as those see it who do not act
    _uses: dict[float, tuple[float, Mapping[str, Use]]] = field(default_factory=dict)

    def table(self) -> Table:
        """Return the fleet's table, at most some seconds old.  Blocks.  Raises NotReady."""
        with self._lock:  # who comes meanwhile waits for the one that is being made
            now = self.clock_s()
            if self._table is None or now > self._table[0]:
                if not self.folder.is_dir():
                    raise NotReady(
                        "no telemetry has come yet", "it comes once terminals tell something: ask again"
                    )
                with looking(self.folder, self.control) as fleet:
                    made = table_of(fleet, fleet.survey())
                took_s = self.clock_s() - now
                self._table = (now + took_s + max(_FRESH_S, _REST * took_s), made)
            return self._table[1]

    def veiled(self) -> Table:
        """Return the table as those see it who do not act: without phones and notes."""
        table = self.table()
        with self._lock:
            if self._veiled is None or self._veiled[0] is not table:
                self._veiled = (table, veiled(table))
            return self._veiled[1]

    def use(self, days: float) -> Mapping[str, Use]:
        """Return the use of data over some days, at most some minutes old.  Blocks."""
        with self._use_lock:  # of its own: it may take long, and the table must not wait for it
            now = self.clock_s()
            found = self._uses.get(days)
            if found is None or now > found[0]:
                with TelemetryStore(self.folder) as store:
                    use = use_of(self.folder, store, days, time.time_ns())
                took_s = self.clock_s() - now
                found = (now + took_s + max(_USE_FRESH_S, _USE_REST * took_s), use)
                self._uses[days] = found
                while len(self._uses) > _MOST_USES:
                    self._uses.pop(next(iter(self._uses)))
            return found[1]

    def changed(self) -> None:
        """Forget the table: somebody has done something."""
        with self._lock:
            self._table = None
            self._veiled = None


@dataclass(frozen=True, slots=True)
class Seeing:
    """A call that looks at the fleet; ``may_act`` tells whether its caller may tell dishes something."""

    shown: FleetShown
    actor: Actor | None
    may_act: bool
    why_not: str

    @property
    def sees_people(self) -> bool:
        """Whether phones and notes are shown: to who may act, and where nobody logs in."""
        return self.may_act or self.actor is None

    def table(self, days: float = 0) -> Table:
        """Return the table as the caller may see it, with the use of data over some days.  Blocks."""
        table = self.shown.table() if self.sees_people else self.shown.veiled()
        return table if days <= 0 else table.using(self.shown.use(days))

    async def show(self, work: Callable[[], Any], *, slow: bool = False) -> Response:
        """Answer with what ``work``, on a thread, returns; what is ``slow`` keeps nothing else waiting."""
        threads = self.shown.slow if slow else self.shown.threads
        content = await asyncio.wrap_future(threads.submit(lambda: json_of(work())))
        return Response(content, media_type="application/json")


def fleet_of(request: Request) -> FleetShown:
    """Return the fleet that the app shows."""
    found = request.app.state.fleet
    assert isinstance(found, FleetShown)
    return found


async def seeing(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Seeing:
    """Admit a call that looks at the fleet: anybody where nobody logs in, else those with terminal.read."""
    shown = fleet_of(request)
    services: Services | None = getattr(request.app.state, "services", None)
    if services is None:
        need_host(shown, request)
        limits: Limits = request.app.state.limits
        limits.take("public", address(request))
        return Seeing(shown, None, False, NOBODY_ACTS[0])
    caller = await known(request, given)
    services.limits.take("read", caller.actor.id)

    def asked(tx: Tx) -> tuple[bool, str]:
        tx.require(READS)
        answer = authorize(tx.conn, tx.actor.id, ACTS, None)
        return answer.allowed, "" if answer.allowed else answer.reason

    may, why_not = await services.read(caller.actor, asked)
    return Seeing(shown, caller.actor, may, why_not)


def need_host(shown: FleetShown, request: Request) -> None:
    """Raise OtherHost where the fleet is called by another name than its own."""
    if shown.hosts is not None and request.url.hostname not in shown.hosts:
        raise OtherHost(
            f"this fleet is not called {str(request.url.hostname)[:100]}",
            f"call it {' or '.join(sorted(shown.hosts))}",
        )


async def someone_acts(request: Request) -> None:
    """Raise Forbidden where nobody logs in."""
    if getattr(request.app.state, "services", None) is None:
        raise Forbidden(*NOBODY_ACTS)


Sees = Annotated[Seeing, Depends(seeing)]
Fleet = Annotated[FleetShown, Depends(fleet_of)]
