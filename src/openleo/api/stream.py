"""The stream: one binary frame for each slot that begins, encoded once and sent to all.

Nobody is waited for.  Each viewer has at most one frame under way; when that is out, it gets the deltas
since, where they are still held, or else a snapshot of the newest slot.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from openleo.api.calls import Services
from openleo.api.watching import Watching
from openleo.base.digits import whole
from openleo.base.errors import OpenleoError
from openleo.control.authorize import Forbidden
from openleo.control.plane import NotKnown
from openleo.live.history import start_ms
from openleo.live.views import view_at
from openleo.snapshot.stream import Stamp, View, delta_parts, encode, snapshot_parts

PROTOCOL = "openleo.stream.v1"
BEARER = "bearer."
SHORTEST_S = 0.25  # between frames
MOST_DELTAS = 8  # so many are held for those who are a little behind
KNOWN_S = 30.0  # so often it is looked whether a viewer may still see this
_log = logging.getLogger("openleo.api")
router = APIRouter()


@dataclass(slots=True, kw_only=True)
class Delta:
    """A frame that leads from one slot to another."""

    base: int
    slot: int
    content: bytes


@dataclass(slots=True, kw_only=True)
class Stream:
    """What is sent to everybody who watches."""

    watching: Watching
    deltas: deque[Delta] = field(default_factory=lambda: deque(maxlen=MOST_DELTAS))
    slot: int = -1
    viewers: int = 0
    sent_bytes: int = 0
    _view: View | None = None
    _snapshot: bytes | None = None
    _fresh: asyncio.Event = field(default_factory=asyncio.Event)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def tell(self) -> None:
        """Say that a slot has begun."""
        self._wake.set()

    async def keep_making(self) -> None:
        """Make each frame as its slot begins, as long as anybody watches."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = time.monotonic()
            try:
                if self.viewers:
                    await self.advance()
            except Exception as error:
                _log.warning("a frame could not be made: %s", error)
            await asyncio.sleep(max(0.0, SHORTEST_S - (time.monotonic() - began)))

    async def advance(self) -> None:
        """Bring the stream to the slot that is now."""
        async with self._making:
            slot, old, base = self.watching.shown, self._view, self.slot
            if slot < 0 or slot == base:
                return
            view = await self.watching.aside(lambda: view_at(self.watching.archive, slot))
            if old is not None and base < slot:
                content = await self.watching.aside(lambda: self.frame(slot, delta_parts(old, view), base))
                self.deltas.append(Delta(base=base, slot=slot, content=content))
            else:
                self.deltas.clear()
            self._view, self._snapshot, self.slot = view, None, slot
        fresh, self._fresh = self._fresh, asyncio.Event()
        fresh.set()

    async def wait(self, slot: int) -> None:
        """Wait until there is a slot other than ``slot``."""
        while self.slot == slot:
            await self._fresh.wait()

    async def next_for(self, slot: int) -> Delta:
        """Return the frame that a viewer who has ``slot`` needs next: a delta, or the newest snapshot."""
        for delta in self.deltas:
            if delta.base == slot:
                return delta
        async with self._making:
            if self._snapshot is None:
                view, newest = self._view, self.slot
                assert view is not None
                self._snapshot = await self.watching.aside(lambda: self.frame(newest, snapshot_parts(view)))
            return Delta(base=self.slot, slot=self.slot, content=self._snapshot)

    async def from_slot(self, slot: int) -> Delta | None:
        """Return a delta from a slot that a viewer still has, or None where its segment is gone."""
        async with self._making:
            view, newest = self._view, self.slot
            if view is None or slot >= newest:
                return None

            def made() -> bytes | None:
                segment = self.watching.archive.segment(slot)
                if segment is None:
                    return None
                return self.frame(newest, delta_parts(view_at(self.watching.archive, slot), view), slot)

            content = await self.watching.aside(made)
        return None if content is None else Delta(base=slot, slot=newest, content=content)

    def frame(self, slot: int, parts: dict[str, Any], base: int | None = None) -> bytes:
        """Encode a frame of the stream."""
        clock = self.watching.clock
        now_ms = start_ms(slot) if clock is None else clock.now_ns() / 1e6
        stamp = Stamp(
            slot, start_ms(slot), now_ms, 0.0 if clock is None else clock.speed, rules_version(self.watching)
        )
        return encode(parts, stamp, base=base, leave_out=left_out(self.watching))


def rules_version(watching: Watching) -> int:
    """Return a number that grows whenever the table of rules does."""
    segment = watching.archive.segment(watching.shown)
    return 0 if segment is None else segment.rules_version


def left_out(watching: Watching) -> frozenset[str]:
    """Return the parts that are not told: where moving terminals are, but in simulated networks."""
    return frozenset() if watching.positions else frozenset({"movers"})


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Send the network as it runs."""
    app = socket.app
    wanted = socket.headers.get("sec-websocket-protocol", "")
    offered = [one.strip() for one in wanted.split(",") if one.strip()]
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    token = _token(socket, offered)
    services: Services | None = getattr(app.state, "services", None)
    refused = await _refused(services, token, app.state.watching)
    if not _same_site(socket, app.state.watching):
        refused = 4403, "pages of other sites may not watch this"
    if refused:
        await socket.close(*refused)
        return
    text = socket.query_params.get("from", "")
    first = whole(text) if text else -1
    if first is None or len(text) > 10:
        await socket.close(4400, "from is the number of a slot")
        return
    made: Stream = app.state.stream
    made.viewers += 1
    try:
        await made.advance()
        sending = asyncio.create_task(_sending(socket, made, first, services, token))
        try:
            await _listen(socket)
        finally:
            sending.cancel()
    finally:
        made.viewers -= 1


async def _sending(
    socket: WebSocket, made: Stream, held: int, services: Services | None, token: str | None
) -> None:
    """Send until the viewer leaves; a fault of ours cuts the line, and the viewer comes back."""
    try:
        await _send(socket, made, held, services, token)
    except (WebSocketDisconnect, RuntimeError, OSError):
        return
    except Exception as error:
        _log.error("a stream failed", exc_info=error)
        await socket.close(1011, "a fault of ours: come back")


async def _send(
    socket: WebSocket, made: Stream, held: int, services: Services | None, token: str | None
) -> None:
    """Send what a viewer needs, frame by frame, until it leaves or may not see this any more."""
    checked = time.monotonic()
    first = await made.from_slot(held) if held >= 0 else None
    if first is not None:
        await socket.send_bytes(first.content)
        held = first.slot
    elif held != made.slot:
        held = -1
    while True:
        await made.wait(held)
        if time.monotonic() - checked > KNOWN_S:
            refused = await _refused(services, token, made.watching)
            if refused:
                await socket.close(*refused)
                return
            checked = time.monotonic()
        delta = await made.next_for(held)
        await socket.send_bytes(delta.content)
        made.sent_bytes += len(delta.content)
        held = delta.slot


async def _listen(socket: WebSocket) -> None:
    """Take what a viewer sends, which means nothing, until it leaves."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


def _same_site(socket: WebSocket, watching: Watching) -> bool:
    """Tell whether the page that asks is our own: browsers let any page open a WebSocket to anywhere."""
    if watching.hosts is not None and socket.url.hostname not in watching.hosts:
        return False
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host", "")


def _token(socket: WebSocket, offered: list[str]) -> str | None:
    scheme, _, value = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    return next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), None)


async def _refused(
    services: Services | None, token: str | None, watching: Watching
) -> tuple[int, str] | None:
    """Return with which code and why a viewer is turned away, or None."""
    if services is None:
        return None
    from openleo.api.viewing import need_network

    if token is None:
        return 4401, "send a token"
    try:
        actor = await services.aside(lambda: services.plane.authenticate(token))
        await services.read(actor, need_network)
    except NotKnown:
        return 4401, "nobody is known by this token"
    except Forbidden:
        return 4403, "it takes network.read"
    except OpenleoError:
        return 1013, "ask again later"
    return None
