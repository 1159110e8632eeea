"""What every request passes first: a size for its body, an id, headers, and its count.  Plain ASGI.

A body is read whole before anything looks at it, so that one that is too large costs no more than its limit.
"""

import secrets
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openleo.api.metrics import Metrics
from openleo.api.problems import TooLarge, of_error, of_fault
from openleo.base.digits import whole

BODY_BYTES = 64 * 1024
_UNANSWERED = 0
BULK_BYTES = 16 * 1024 * 1024
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """The outermost part of the app."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, bulk: frozenset[str]) -> None:
        self._app, self._metrics, self._bulk = app, metrics, bulk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), _UNANSWERED

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id)
            await send(message)

        try:
            await self._admit(scope, receive, answer)
        except Exception as error:
            if status != _UNANSWERED:
                raise  # half an answer is out: all that is left is to cut the line
            fault = of_fault(scope["path"], request_id, error)
            await fault(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if route != "none" else "any"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.latency_s.labels(method, route).observe(time.perf_counter() - began)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = BULK_BYTES if scope["path"] in self._bulk else BODY_BYTES
        body = await read_body(scope, receive, limit)
        if body is None:
            error = TooLarge(
                f"the body of {scope['path']} has more than {limit} bytes", "send it in several requests"
            )
            answer = of_error(scope["path"], scope["state"]["request_id"], error)
            await answer(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replay, send)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Return a request's body, or None where it is over the limit."""
    stated = whole(Request(scope).headers.get("content-length", "0"))
    if stated is None or stated > limit:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _add_headers(message: Message, request_id: str) -> None:
    there = {name.lower() for name, _ in message["headers"]}
    added = {**HEADERS, "X-Request-Id": request_id, "Cache-Control": "no-store"}
    fresh = [(k.lower().encode(), v.encode()) for k, v in added.items() if k.lower().encode() not in there]
    message["headers"] = [*message["headers"], *fresh]
