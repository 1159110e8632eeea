"""Every answer that is not what was asked for: problem+json (RFC 9457), with a code that stays.

The status of each error of the control plane stands in one table; a test walks the errors' classes and fails
where one is missing.
"""

import http
import json
import logging
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control.areas import Stale
from openleo.control.store import StoreBroken

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("openleo.api")

STATUS: Mapping[str, int] = {
    "malformed": 400, "idempotency-key-missing": 400,
    "unauthenticated": 401,
    "forbidden": 403, "self-approval": 403, "not-yours": 403, "bad-signature": 403, "embargoed": 403,
    "need-to-know": 403, "not-signed": 403, "wrong-code": 403, "revoked": 403,
    "not-found": 404, "no-such-page": 404, "unknown-log": 404,
    "method-not-allowed": 405,
    "cut-off": 409, "wrong-state": 409, "no-active-account": 409, "not-active": 409, "last-owners": 409,
    "key-in-use": 409, "not-erasable": 409, "other-log": 409, "not-confirmed": 409, "stale-size": 409,
    "split-view": 409, "clock-off": 409, "refused": 409, "exists": 409, "needs-two-people": 409,
    "request-closed": 409, "request-expired": 409, "area-changed": 409, "already-so": 409,
    "not-allowed": 409, "job-ended": 409,
    "keeper-runs": 409, "already-runs": 409, "wrong-secret": 409, "code-refused": 409,
    "emergency-open": 409, "emergency-repeated": 409, "too-early": 409, "rehearsal": 409,
    "stale": 412,
    "too-large": 413,
    "unsupported-media-type": 415,
    "bad-file": 422, "bad-rows": 422, "wrong-key": 422, "bad-input": 422, "needs-reason": 422,
    "invalid": 422, "not-enrolled": 422, "idempotency-key-reused": 422, "bad-batch": 422,
    "if-match-missing": 428,
    "too-many-requests": 429,
    "error": 500, "internal": 500,
    "store-locked": 503, "store-read-only": 503, "busy": 503, "not-ready": 503, "store-broken": 503,
    "guard-refused": 503, "guard-held": 503, "guard-missing": 503, "guard-corrupt": 503,
    "guard-in-use": 503, "web": 503,
    "day-ended": 503, "broker-away": 503, "guard-moved": 503, "log-rolled-back": 503, "log-forked": 503,
    "store-full": 507,
}  # fmt: skip

TITLES: Mapping[int, str] = {
    400: "The request cannot be read, or lacks its Idempotency-Key",
    401: "Nobody is known by this token",
    403: "Not allowed, and why",
    404: "There is none of that name",
    405: "This page has no such method",
    409: "A rule of the domain says no",
    412: "It has changed since it was read",
    413: "The body is too large",
    415: "The body is not of a type that is read here",
    422: "What was sent is wrong, and where",
    428: "If-Match is missing",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not now: try again",
    507: "The disk is full",
}
RETRY_S = 2
_TELLS = ("did you mean", "known:", "there are none")

SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail", "hint", "instance"],
    "properties": {
        "type": {"type": "string", "description": "/problems/CODE; the code stays"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, with both values"},
        "hint": {"type": "string", "description": "what to do next"},
        "instance": {"type": "string", "description": "the page, and the id of this request"},
        "version": {"type": "integer", "description": "412: the version that is there now"},
        "errors": {
            "type": "array",
            "description": "422: each part that is wrong",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class Moved(Stale):
    """If-Match names another version than the one there is now."""

    def __init__(self, detail: str, hint: str, *, version: int) -> None:
        super().__init__(detail, hint)
        self.version = version


class TooLarge(BadInput):
    """The body is larger than this page takes."""

    code = "too-large"


class WrongType(BadInput):
    """The body is of a type that is not read here."""

    code = "unsupported-media-type"


class IfMatchMissing(Refused):
    """What is to be changed is there, and it is not said which version of it was read."""

    code = "if-match-missing"


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the problems that a route can answer."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": TITLES[s], "content": {MEDIA_TYPE: {"schema": schema}}} for s in statuses}


def problem(
    path: str,
    request_id: str,
    code: str,
    detail: str,
    hint: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return one answer."""
    found = STATUS[code] if status is None else status
    body = {
        "type": f"/problems/{code}", "title": code.replace("-", " "), "status": found, "detail": detail,
        "hint": hint, "instance": f"{path}#{request_id}", **more,
    }  # fmt: skip
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(text, status_code=found, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have the app answer every error so."""
    app.add_exception_handler(OpenleoError, _domain)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreBroken, _broken)


def of_error(path: str, request_id: str, error: OpenleoError) -> Response:
    """Return the answer to an error of the domain."""
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    hint = error.hint
    if error.code == "not-found" and hint.startswith(_TELLS):
        hint = "list what you may see, and take its id from there"  # the nearest names may be others' secrets
    status = STATUS.get(error.code, 500)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = str(RETRY_S)
    wait_s = getattr(error, "wait_s", None)
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    if isinstance(error, Moved):
        headers["ETag"], more["version"] = f'"{error.version}"', error.version
    return problem(path, request_id, error.code, error.detail, hint, status=status, headers=headers, **more)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, OpenleoError)
    return of_error(*_where(request), error)


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer a request that does not fit its route's description; what was sent is never repeated."""
    assert isinstance(error, RequestValidationError)
    headers = {str(e["loc"][1]).lower() for e in error.errors() if e["loc"][0] == "header"}
    missing = {str(e["loc"][-1]).lower() for e in error.errors() if e["type"] == "missing"}
    if "idempotency-key" in headers:
        hint = "send a fresh random one, 16 to 64 of A-Z, a-z, 0-9, '-' and '_', and the same one to retry"
        return problem(
            *_where(request),
            "idempotency-key-missing",
            "the header Idempotency-Key is missing or wrong",
            hint,
        )
    if "if-match" in headers & missing:
        return problem(
            *_where(request), "if-match-missing", "the header If-Match is missing",
            "read it first, and send the ETag of what you read",
        )  # fmt: skip
    errors = [
        {"pointer": "#" if e["type"] == "json_invalid" else pointer(e["loc"]), "detail": str(e["msg"])}
        for e in error.errors()
    ]
    told = "; ".join(f"{e['pointer']}: {e['detail']}" for e in errors[:3])
    return problem(
        *_where(request), "invalid", told, "see /openapi.json for what this page takes", errors=errors[:50]
    )


def pointer(loc: Sequence[int | str]) -> str:
    """Return where in a request something is: a JSON pointer in the body, else its part and name."""
    where, *rest = loc
    if where == "body":
        return "#" + "".join(f"/{_escaped(part)}" for part in rest)
    return f"{where}:{'/'.join(map(str, rest))}"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "no-such-page", 405: "method-not-allowed"}.get(error.status_code, "malformed")
    detail = str(error.detail) or http.HTTPStatus(error.status_code).phrase
    return problem(
        *_where(request), code, detail, "see /openapi.json for the pages there are",
        status=error.status_code, headers=error.headers,
    )  # fmt: skip


async def _broken(request: Request, error: Exception) -> Response:
    _log.critical("the store failed: %s", error)
    request.app.state.services.on_broken()
    return problem(
        *_where(request), "store-broken", "storage failed under the server; it writes nothing any more",
        "restart it: `openleo log fsck` says what is on the disk", headers={"Retry-After": str(RETRY_S)},
    )  # fmt: skip


def of_fault(path: str, request_id: str, error: Exception) -> Response:
    """Return the answer to a fault of ours, and log it."""
    _log.error("request %s failed", request_id, exc_info=error)
    return problem(
        path, request_id, "internal", "the server failed at this; nothing was changed",
        f"tell who runs it the id {request_id}",
    )  # fmt: skip


def _where(request: Request) -> tuple[str, str]:
    return request.url.path, request.scope.get("state", {}).get("request_id") or secrets.token_hex(8)


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def all_errors() -> Iterable[type[OpenleoError]]:
    """Return every class of error that is loaded."""
    waiting: list[type[OpenleoError]] = [OpenleoError]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(found.__subclasses__())
