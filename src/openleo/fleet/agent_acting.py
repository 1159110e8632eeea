"""An agent carries out orders of its server, one at a time, and undoes by itself what is not confirmed.

It asks for them; nobody can call it.  A site allows each kind of order, or none is carried out.  Undoing
needs no server, no permission and no clock that is right: it waits for nothing but the dish.
"""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import openleo
from openleo.base.errors import BadInput, OpenleoError
from openleo.dish.reading import Dish, DishError
from openleo.fleet.acting.eyes import look
from openleo.fleet.acting.judging import Seen as Eyed
from openleo.fleet.acting.orders import Order, tell
from openleo.fleet.agent_home import Settings
from openleo.fleet.agent_orders import Kept, OrderBook
from openleo.fleet.agent_request import CARRIED, PATH, TIME, permission, result_path, signed_headers
from openleo.fleet.collect import Seen
from openleo.fleet.dish_samples import printable
from openleo.fleet.pace import backoff_s
from openleo.fleet.web import Answer, WebError

POLL_S: Final = 15.0
LEAST_REVERT_S: Final = 60
_FIRST_S, _MOST_S, _BARRED_S = 5.0, 60.0, 3_600.0
_DISH_S: Final = 6.0
_WATCH_S: Final = 1.0
_AGAIN_S: Final = 10.0  # between tries to undo
_CLOCK_OFF: Final = 409
_SOON_S: Final = 2.0
_SMALL_REPLY: Final = 64 * 1024
_POST_S: Final = 20.0


class NotHere(OpenleoError):
    """An order that is not carried out here; ``detail`` is what the server is told."""


class OrderTaker:
    """Asks for orders, carries them out, and undoes them; ``seen`` says which dishes are watched."""

    def __init__(
        self, book: OrderBook, settings: Settings, key: Ed25519PrivateKey, seen: Callable[[], Sequence[Seen]],
        *, takes: bool = True, poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self.book, self.device = book, settings.device
        self.server = settings.to_server(timeout_s=_POST_S)
        self.takes = takes  # False: nothing new is carried out; what was is undone all the same
        self.trouble = ""
        self.refused_s: float | None = None  # when the server last refused this agent, monotonic, if it does
        self.unreachable = False
        self._key, self._seen, self._poll_s = key, seen, poll_s
        self._ahead_ns = 0  # the server's clock less ours
        self._failures = 0
        self._since: dict[str, float] = {}  # when this process first knew of what it must undo, monotonic
        self._tried: dict[str, float] = {}
        self._undone: set[str] = set()
        with contextlib.suppress(BadInput):  # a full disk keeps nobody from undoing what is to be undone
            book.recover()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``.  What is not undone by then is when it starts again."""
        await asyncio.gather(self._keep(stop, self.turn), self._keep(stop, self.undo_due))

    async def _keep(self, stop: asyncio.Event, turn: Callable[[], Any]) -> None:
        while not stop.is_set():
            try:
                pause_s = await turn()
            except (OpenleoError, OSError) as error:  # such as a full disk: what is not written is not done
                self.trouble = f"orders: {getattr(error, 'detail', error)}"
                pause_s = _AGAIN_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    # Asking.

    async def turn(self) -> float:
        """Report what is done, ask for the next order, and carry it out; return the pause, seconds."""
        can = self.book.allowed() if self.takes else frozenset()
        waiting = self.book.unreported()
        if not can and not waiting and not self.book.armed():
            return self._poll_s
        if not any(one.terminal for one in self._seen()) and not waiting:
            return min(_SOON_S, self._poll_s)  # no dish has answered yet
        try:
            for kept in waiting:
                await self._report(kept)
            answer = await self._ask("GET", PATH, self._says(can))
            if answer is None:
                return self._poll_s
            if not answer.is_ok:
                return self._failed(answer)
            found = answer.json()
            self._ahead_ns = int(found["time_ns"]) - time.time_ns()
            for name in found["confirmed"]:
                await asyncio.to_thread(self.book.confirm, str(name))
            self._failures, self.trouble = 0, ""
            self.refused_s, self.unreachable = None, False
            if found["order"] is not None:
                await self._carry_out(found["order"], can)
                for kept in self.book.unreported():
                    await self._report(kept)
        except WebError as error:
            pause_s = self._failed(error.detail)
            self.unreachable = True
            return pause_s
        except (KeyError, TypeError, ValueError):
            return self._failed(f"{self.server.url} answers with what is no order")
        return self._poll_s

    def _says(self, can: frozenset[str]) -> bytes:
        told = {
            "can": sorted(can), "reverts": True, "version": openleo.__version__,
            "sees": sorted({one.terminal for one in self._seen() if one.terminal})[:64],
        }  # fmt: skip
        return json.dumps(told).encode("ascii")

    async def _ask(self, method: str, path: str, told: bytes) -> Answer | None:
        """Send a signed request; None where the server said that our clock is off, and what it is."""

        def send() -> Answer:
            headers = signed_headers(
                self._key, self.device, method, path, told, now_ns=time.time_ns() + self._ahead_ns
            )
            return self.server.ask(method, path, told if method == "POST" else None, headers, _SMALL_REPLY)

        answer = await asyncio.to_thread(send)
        if answer.status == _CLOCK_OFF and answer.headers.get(TIME, "").isdecimal():
            self._ahead_ns = int(answer.headers[TIME]) - time.time_ns()
            answer = await asyncio.to_thread(send)
        return None if answer.status == _CLOCK_OFF else answer

    async def _report(self, kept: Kept) -> None:
        body = {"state": kept.state, "answer": kept.answer, "before": kept.before, "told_ns": kept.told_ns}
        answer = await self._ask("POST", result_path(kept.id), json.dumps(body).encode())
        if answer is not None and (answer.is_ok or answer.status in (404, 422)):  # it wants no more of it
            await asyncio.to_thread(self.book.was_reported, kept)

    def _failed(self, why: Answer | str) -> float:
        self._failures += 1
        said = why if isinstance(why, str) else why.said()
        self.trouble = f"orders: {said}"
        barred = isinstance(why, Answer) and why.status in (401, 403, 404, 405)
        refused = isinstance(why, Answer) and why.status in (401, 403)
        self.refused_s, self.unreachable = time.monotonic() if refused else None, False
        first_s, most_s = (60.0, _BARRED_S) if barred else (_FIRST_S, _MOST_S)
        pause_s = backoff_s(self._failures, first_s=first_s, most_s=most_s, roll=random.random())
        return pause_s if isinstance(why, str) else why.wait_s(pause_s)

    # Carrying out.

    async def _carry_out(self, found: dict[str, Any], can: frozenset[str]) -> None:
        """Carry one order out, once; whatever keeps it from that is its result."""
        name, began = str(found["id"]), time.monotonic()
        if self.book.find(name) is not None:
            self.book.report_again(name)  # the server has not heard; the dish is not told again
            return
        revert_s = None if found["revert_after_s"] is None else int(found["revert_after_s"])
        kept = Kept(
            id=name, terminal=str(found["terminal"]), address="", source="", order=found["order"], undo=None,
            revert_after_s=revert_s, told_ns=time.time_ns(),
        )  # fmt: skip
        try:
            order = self._checked(found, kept, can)
            entry = next((one.entry for one in self._seen() if one.terminal == kept.terminal), None)
            if entry is None:
                raise NotHere(f"no dish {kept.terminal} is watched here", "")
            async with Dish(entry.address, source=entry.source or None, timeout_s=_DISH_S) as dish:
                before, _ = await look(dish, time.time_ns(), with_sleep=order.action == "sleep")
                if not before.answers:
                    self.book.refuse(kept, "unreachable", before.trouble or "it does not answer")
                    return
                if before.terminal != kept.terminal:
                    raise NotHere(f"another terminal answers there: {before.terminal}", "")
                if time.monotonic() - began >= float(found["expires_in_s"]):
                    raise NotHere("it expired before the dish could be told", "")
                undo = _undo(order, before)
                begun = Kept(
                    id=name, terminal=kept.terminal, address=entry.address, source=entry.source,
                    order=order.plain(), undo=None if undo is None else undo.plain(), revert_after_s=revert_s,
                    told_ns=time.time_ns(), before=before.plain(),
                )  # fmt: skip
                if await asyncio.to_thread(self.book.begin, begun):  # before anything is sent
                    await self._tell(begun, order, dish)
        except (NotHere, BadInput) as error:
            self.book.refuse(kept, "refused", printable(error.detail, 200))

    def _checked(self, found: dict[str, Any], kept: Kept, can: frozenset[str]) -> Order:
        """Return what is ordered; raises NotHere where it is not for us, too late, or not allowed."""
        order = Order(**found["order"])
        if found["device"] != self.device:
            raise NotHere(f"it is an order for {found['device']}, and this is {self.device}", "")
        if float(found["expires_in_s"]) <= 0:
            raise NotHere("it has expired", "")
        if order.action not in CARRIED or permission(order.action) not in can:
            raise NotHere(f"this site does not allow {order.action}", "")
        if order.cuts and any(one.terminal == kept.terminal for one in self.book.armed()):
            raise NotHere("an earlier order to this dish is not settled", "")
        if _reverts(order) and not LEAST_REVERT_S <= (kept.revert_after_s or 0) <= 86_400:
            raise NotHere("it does not say when to undo it, from a minute to a day", "")
        return order

    async def _tell(self, kept: Kept, order: Order, dish: Dish) -> None:
        try:
            await tell(dish, order)
        except DishError as error:
            state = "unknown"  # a dish that starts anew may not find the time to answer
            if not error.delivered:
                state = "unreachable"
            elif error.kind in ("refused", "denied", "unsupported"):
                state = "refused"
            await asyncio.to_thread(self.book.end, kept.id, state, printable(error.detail, 200))
            return
        await asyncio.to_thread(self.book.end, kept.id, "done", "yes")
        if not order.cuts:
            await asyncio.to_thread(self.book.undone_by_order, kept)

    # Undoing.

    async def undo_due(self) -> float:
        """Undo what nobody confirmed in time; return the pause, seconds."""
        for kept in self.book.armed():
            if self._is_due(kept) and time.monotonic() - self._tried.get(kept.id, -_AGAIN_S) >= _AGAIN_S:
                self._tried[kept.id] = time.monotonic()
                try:
                    await self._undo(kept)
                except OpenleoError as error:  # one that cannot be written down keeps no other
                    self.trouble = f"orders: {error.detail}"
        return _WATCH_S

    def _is_due(self, kept: Kept) -> bool:
        """Tell whether it is time: by the clock, or by what this process counted, whichever is first.

        A clock that jumps ahead lets it be undone early; one that jumps back cannot keep it from that.
        """
        since_s = self._since.setdefault(kept.id, time.monotonic())
        after_s = kept.revert_after_s or 0
        by_clock = time.time_ns() - kept.told_ns >= after_s * 10**9
        return kept.revert == "reverting" or by_clock or time.monotonic() - since_s >= after_s

    async def _undo(self, kept: Kept) -> None:
        assert kept.undo is not None, "what is armed says what undoes it"
        if kept.id not in self._undone:
            with contextlib.suppress(BadInput):  # a full disk does not keep a dish folded
                if not await asyncio.to_thread(self.book.start_reverting, kept.id):
                    return
            try:
                async with Dish(kept.address, source=kept.source or None, timeout_s=_DISH_S) as dish:
                    await tell(dish, Order(**kept.undo))
            except DishError as error:
                self.trouble = f"{kept.terminal} cannot be undone yet: {printable(error.detail, 200)}"
                return
            self._undone.add(kept.id)
        await asyncio.to_thread(self.book.reverted, kept.id)


def _reverts(order: Order) -> bool:
    return order.action in ("stow", "sleep") and order.cuts


def _undo(order: Order, before: Eyed) -> Order | None:
    """Return what makes a dish as it was; None where nothing must be.  Raises NotHere where nobody can."""
    if not _reverts(order):
        return None
    if order.action == "stow":
        return None if before.stowed else Order(action="unstow")
    if not before.sleeps_told:
        raise NotHere("the dish does not tell its sleep, so nothing could make it as it was", "")
    if before.sleep is None:
        return Order(action="sleep", minutes=1, enable=False)
    return Order(action="sleep", start_min=before.sleep[0], minutes=before.sleep[1])
